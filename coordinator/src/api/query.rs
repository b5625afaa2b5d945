//! Query parameters: each route names its own; any other is refused with its nearest neighbour.

use super::problem::{Problem, Slug};
use std::collections::BTreeMap;
use synthfleet_proto::id;

/// Longest query string in bytes.
const BYTES_MAX: usize = 8 << 10;

/// The parameters of a request: each is known, and given once unless its route takes several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(BTreeMap<String, Vec<String>>);

impl Query {
    /// Reads a query string. Of `known` parameters those in `several` may be given more than once.
    pub fn read(raw: Option<&str>, known: &[&str], several: &[&str]) -> Result<Self, Problem> {
        let raw = raw.unwrap_or_default();
        if raw.len() > BYTES_MAX {
            return Err(Problem::new(Slug::InvalidRequest, format!("a query of {} bytes, allowed: {BYTES_MAX}", raw.len())));
        }
        let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decode(name), decode(value)) else {
                return Err(Problem::new(Slug::InvalidRequest, "the query is not UTF-8 with percent signs"));
            };
            if !known.contains(&name.as_str()) {
                return Err(Problem::new(Slug::InvalidRequest, unknown(&name, known)));
            }
            let values = fields.entry(name.clone()).or_default();
            if !values.is_empty() && !several.contains(&name.as_str()) {
                return Err(Problem::new(Slug::InvalidRequest, format!("the query parameter {name} is given twice")));
            }
            values.push(value);
        }
        Ok(Self(fields))
    }

    /// A parameter as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.all(name).first().map(String::as_str)
    }

    /// Every value of a parameter, in the order given.
    pub fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// A whole number, or what it is if absent.
    pub fn number(&self, name: &str, allowed: std::ops::RangeInclusive<u64>, absent: u64) -> Result<u64, Problem> {
        let Some(text) = self.text(name) else { return Ok(absent) };
        text.parse().ok().filter(|number| allowed.contains(number)).ok_or_else(|| {
            Problem::new(Slug::InvalidRequest, format!("{name} is not a whole number of {} to {}", allowed.start(), allowed.end()))
        })
    }
}

fn unknown(name: &str, known: &[&str]) -> String {
    let shown: String = name.chars().take(64).collect();
    match id::nearest(&shown, known.iter().copied()) {
        Some(near) => format!("no query parameter {shown:?}; did you mean {near:?}?"),
        None if known.is_empty() => format!("no query parameter {shown:?}; this address takes none"),
        None => format!("no query parameter {shown:?}; known: {}", known.join(", ")),
    }
}

/// Undoes the encoding of forms: `+` is a space, `%2B` a plus.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: u8| (byte as char).to_digit(16);
                (digit(rest.next()?)? << 4 | digit(rest.next()?)?) as u8
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_parameters_are_decoded() {
        let query = Query::read(Some("q=a+b%2Bc%C3%A9&limit=5"), &["q", "limit"], &[]).expect("legal");
        assert_eq!((query.text("q"), query.number("limit", 1..=200, 50).ok()), (Some("a b+cé"), Some(5)));
        assert_eq!(query.number("absent", 1..=2, 2).ok(), Some(2));
    }

    #[test]
    fn unknown_twice_and_undecodable_ones_are_refused() {
        for raw in ["limt=5", "q=1&q=2", "q=%zz", "q=%", "q=%ff", "x"] {
            assert_eq!(Query::read(Some(raw), &["q", "limit"], &[]).expect_err(raw).slug(), Slug::InvalidRequest);
        }
        let query = Query::read(Some("limit=0"), &["limit"], &[]).expect("known");
        assert!(query.number("limit", 1..=200, 50).is_err());
    }
    #[test]
    fn what_may_be_given_several_times_keeps_its_order() {
        let query = Query::read(Some("c=b&c=a&limit=5"), &["c", "limit"], &["c"]).expect("legal");
        assert_eq!((query.all("c"), query.all("absent").len()), (&["b".to_owned(), "a".to_owned()][..], 0));
        assert!(Query::read(Some("limit=5&limit=6"), &["c", "limit"], &["c"]).is_err());
    }
}
