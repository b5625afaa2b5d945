//! Records that do not fit: counted by sort, the first three of each kept with their place, told at once.

use std::collections::BTreeMap;
use synthfleet_proto::{Error, Place};

/// Characters around a fault that an excerpt shows.
const EXCERPT_CHARS: usize = 80;
/// Places that are kept of each sort.
const PLACES_MAX: usize = 3;
/// Sorts that are told; the rest is counted.
const GROUPS_MAX: usize = 10;

/// Why a record does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It has another number of fields than the header, namely so many.
    Ragged(usize),
    /// Text follows a closing quote.
    AfterQuote,
}

/// A record that was left out, as it stood in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Line it starts at, from 1.
    pub line: u64,
    /// Why.
    pub fault: Fault,
    /// Its text without the line end.
    pub text: String,
}

impl Fault {
    /// The code of the error that tells it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ragged(_) => "csv::ragged",
            Self::AfterQuote => "csv::after_quote",
        }
    }
}

/// What was found so far.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    groups: BTreeMap<Fault, (u64, Vec<Place>)>,
}

impl Faults {
    /// Adds a record; `place` is made only if it is one of the first of its sort.
    pub fn add(&mut self, fault: Fault, place: impl FnOnce() -> Place) {
        let (count, places) = self.groups.entry(fault).or_default();
        *count += 1;
        if places.len() < PLACES_MAX {
            places.push(place());
        }
    }

    /// How many records there are.
    pub fn count(&self) -> u64 {
        self.groups.values().map(|(count, _)| count).sum()
    }

    /// How many there are of each sort, in words, commonest first.
    pub fn counts(&self, width: usize) -> Vec<(String, u64)> {
        let mut counts: Vec<(String, u64)> = self.groups.iter().map(|(fault, (count, _))| (in_words(*fault, width), *count)).collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts
    }

    /// One error that tells all: the commonest sort first, further sorts and places beside it.
    pub fn into_error(self, width: usize, records: u64) -> Error {
        let total = self.count();
        let told =
            self.counts(width).into_iter().take(GROUPS_MAX).map(|(words, count)| format!("{count} {words}")).collect::<Vec<_>>().join(", ");
        let mut groups: Vec<(Fault, u64, Vec<Place>)> =
            self.groups.into_iter().map(|(fault, (count, places))| (fault, count, places)).collect();
        groups.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let after_quotes = groups.iter().any(|group| group.0 == Fault::AfterQuote);
        let mut errors = groups.into_iter().take(GROUPS_MAX).flat_map(|(fault, _, places)| {
            places.into_iter().map(move |place| Error::data(fault.code(), message(fault, width, &place)).at(place))
        });
        let Some(first) = errors.next() else {
            return Error::internal("csv::no_fault", "no bad record to tell of");
        };
        let mut first = first
            .help(format!("{total} of {records} records are like this: {told}"))
            .help("skip them: --bad-rows skip   keep them in a side file: --bad-rows save   fill short ones: --bad-rows pad");
        if after_quotes {
            first = first.help("or state the dialect, for example --quote none, or --escape '\\'");
        }
        first.and(errors)
    }
}

fn message(fault: Fault, width: usize, place: &Place) -> String {
    match fault {
        Fault::Ragged(fields) => format!("row has {fields} fields, header has {width}"),
        Fault::AfterQuote => {
            format!("text after a closing quote at {}:{}", place.line.unwrap_or_default(), place.position.unwrap_or_default())
        }
    }
}

fn in_words(fault: Fault, width: usize) -> String {
    match fault {
        Fault::Ragged(fields) if fields < width => format!("short ({fields} fields)"),
        Fault::Ragged(fields) => format!("long ({fields} fields)"),
        Fault::AfterQuote => "with text after a closing quote".to_owned(),
    }
}

/// The text around byte `at`, at most 80 characters, control characters escaped.
pub fn excerpt(text: &str, at: usize) -> String {
    let at = (0..=at.min(text.len())).rev().find(|&place| text.is_char_boundary(place)).unwrap_or(0);
    let before: Vec<char> = text[..at].chars().rev().take(EXCERPT_CHARS / 2).collect();
    let after = text[at..].chars().take(EXCERPT_CHARS - before.len());
    let cut_left = text[..at].chars().nth(EXCERPT_CHARS / 2).is_some();
    let cut_right = text[at..].chars().nth(EXCERPT_CHARS - before.len()).is_some();
    let mut out = String::new();
    out.push_str(if cut_left { "..." } else { "" });
    for one in before.iter().rev().copied().chain(after) {
        // direction marks could make the terminal show something else than what is there
        let hidden =
            one.is_control() || matches!(one, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if hidden {
            out.extend(one.escape_default());
        } else {
            out.push(one);
        }
    }
    out.push_str(if cut_right { "..." } else { "" });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_grouped_with_counts_and_first_places() {
        let mut faults = Faults::default();
        for line in 0..5 {
            faults.add(Fault::Ragged(3), || Place { line: Some(line), ..Place::default() });
        }
        faults.add(Fault::AfterQuote, || Place { line: Some(9), position: Some(4), ..Place::default() });
        let error = faults.into_error(4, 100);
        assert_eq!((error.code(), error.message()), ("csv::ragged", "row has 3 fields, header has 4"));
        assert!(error.helps()[0].contains("6 of 100 records are like this: 5 short (3 fields), 1 with text"), "{:?}", error.helps());
        let others: Vec<_> = error.others().iter().map(|other| (other.code(), other.place().line)).collect();
        assert_eq!(others, [("csv::ragged", Some(1)), ("csv::ragged", Some(2)), ("csv::after_quote", Some(9))]);
    }

    #[test]
    fn an_excerpt_shows_the_fault_and_escapes_controls() {
        let text = format!("{}\u{1b}[2J{}", "a".repeat(100), "b".repeat(100));
        let shown = excerpt(&text, 101);
        assert!(shown.starts_with("...aaa") && shown.contains("\\u{1b}[2J") && shown.ends_with("bbb..."), "{shown}");
    }
}
