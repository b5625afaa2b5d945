//! Errors as a person reads them: code, sentence, place, remedy; like errors grouped, ten at most.

use super::style::{Style, safe};
use synthfleet_proto::error::WireError;
use synthfleet_proto::{Error, Place};

const SHOWN_MAX: usize = 10;

/// The whole text of an error and of those found with it.
pub fn text(error: &Error, style: Style) -> String {
    let mut all = Vec::new();
    gather(error, style, &mut all);
    let hidden = all.len().saturating_sub(SHOWN_MAX);
    all.truncate(SHOWN_MAX);
    if hidden > 0 {
        all.push(format!("and {hidden} more (--json for all)\n"));
    }
    all.concat()
}

fn gather(error: &Error, style: Style, all: &mut Vec<String>) {
    all.push(one(&error.to_wire(), style));
    error.others().iter().for_each(|other| gather(other, style, all));
}

/// The object that `--json` prints instead of a result.
pub fn json(error: &Error) -> String {
    serde_json::json!({ "error": error.to_wire() }).to_string()
}

fn one(error: &WireError, style: Style) -> String {
    let head = style.error(&format!("error[{}]", error.code));
    let mut text = format!("{head}: {}\n", safe(&error.message));
    if let Some(place) = place(&error.place) {
        text.push_str(&format!("  --> {place}\n"));
    }
    for help in &error.help {
        text.push_str(&format!("  {} {}\n", style.strong("help:"), safe(help)));
    }
    text
}

fn place(place: &Place) -> Option<String> {
    let mut text = place.source.as_deref().map(safe).unwrap_or_default();
    for number in [place.line, place.position].into_iter().flatten() {
        text.push_str(&format!(":{number}"));
    }
    for (what, value) in [("column", &place.column), ("option", &place.pointer)] {
        if let Some(value) = value {
            let gap = if text.is_empty() { "" } else { "  " };
            text.push_str(&format!("{gap}{what} {}", safe(value)));
        }
    }
    if let Some(excerpt) = &place.excerpt {
        text.push_str(&format!("  |  {}", safe(excerpt)));
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style { colour: false, live: false };

    #[test]
    fn an_error_names_code_place_and_remedy() {
        let place = Place { source: Some("ragged.csv".into()), line: Some(2041), position: Some(38), ..Place::default() };
        let error = Error::data("csv::ragged", "row has 17 fields, header has 15").at(place).help("leave them out with --bad-rows skip");
        let expected =
            "error[csv::ragged]: row has 17 fields, header has 15\n  --> ragged.csv:2041:38\n  help: leave them out with --bad-rows skip\n";
        assert_eq!(text(&error, PLAIN), expected);
    }

    #[test]
    fn at_most_ten_errors_are_shown_and_the_rest_counted() {
        let error = Error::invalid("options::range", "0").and((1..13).map(|i| Error::invalid("options::range", i.to_string())));
        let shown = text(&error, PLAIN);
        assert_eq!(shown.matches("error[").count(), 10);
        assert!(shown.ends_with("and 3 more (--json for all)\n"));
    }
}
