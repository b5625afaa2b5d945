//! `explain CODE`: the page of an error code; without a code, the list of codes.

use super::Surroundings;
use crate::{explain, say};
use serde_json::json;
use synthfleet_proto::Result;

/// Prints the page.
pub fn run(code: Option<&str>, surroundings: &Surroundings) -> Result<u8> {
    let Some(code) = code else {
        let pages = explain::pages()?;
        if surroundings.json {
            say!("{}", json!(pages.keys().collect::<Vec<_>>()));
        } else {
            pages.keys().for_each(|code| say!("{code}"));
        }
        return Ok(0);
    };
    let page = explain::page(code)?;
    if surroundings.json {
        say!("{}", json!({"code": code, "means": page.means, "remedy": page.remedy}));
    } else {
        say!("{code}\n\n{}\n\nWhat to do: {}", page.means, page.remedy);
    }
    Ok(0)
}
