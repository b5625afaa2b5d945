//! The page of each error code: what it means and what to do.

use synthfleet_proto::{Error, Result, id};

const PAGES: &str = include_str!("explain.toml");

/// What a code means.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Page {
    /// What happened.
    pub means: String,
    /// What to do.
    pub remedy: String,
}

/// The page of `code`; the error names the nearest code there is.
pub fn page(code: &str) -> Result<Page> {
    let pages = pages()?;
    pages.get(code).cloned().ok_or_else(|| {
        let error = Error::invalid("cli::unknown_code", format!("no error code {code:?}"));
        match id::nearest(code, pages.keys().map(String::as_str)) {
            Some(near) => error.help(format!("did you mean {near}?")),
            None => error.help("codes look like csv::ragged; they stand in brackets behind `error`"),
        }
    })
}

/// All pages by code.
pub fn pages() -> Result<std::collections::BTreeMap<String, Page>> {
    toml::from_str(PAGES).map_err(|e| Error::internal("cli::pages", e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_says_what_happened_and_what_to_do() {
        let pages = pages().expect("own file");
        assert!(pages.values().all(|page| !page.means.is_empty() && !page.remedy.is_empty()));
    }

    #[test]
    fn a_wrong_code_names_its_neighbour() {
        let error = page("task::stoped").expect_err("misspelt");
        assert_eq!(error.helps(), ["did you mean task::stopped?"]);
    }
}
