//! `config show`: every setting in force and where it comes from.

use super::Surroundings;
use crate::say;
use serde_json::json;
use synthfleet_proto::Result;

/// Prints the settings.
pub fn show(origin: bool, surroundings: &Surroundings) -> Result<u8> {
    if surroundings.json {
        say!("{}", json!(surroundings.settings));
        return Ok(0);
    }
    for setting in &surroundings.settings {
        let from = if origin { format!("   # {}", setting.origin) } else { String::new() };
        say!("{} = {}{from}", setting.key, setting.value);
    }
    Ok(0)
}
