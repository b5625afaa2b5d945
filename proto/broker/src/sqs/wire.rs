//! How bytes and properties become a body of text and at most ten attributes, and back.
//!
//! Our own bodies are base64; JSON stays as it is, so that others can read and write it. Properties are
//! attributes of the same names. What does not fit, in number or in characters, goes into one attribute
//! that holds a JSON object.

use super::service::{ATTRIBUTES_MAX, Letter};
use crate::Properties;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use std::collections::BTreeMap;

const ENCODING: &str = "x-synthfleet-encoding";
const REASON: &str = "x-synthfleet-reason";
const RETURNED: &str = "x-synthfleet-returned";
const REST: &str = "x-synthfleet-properties";

/// Longest reason of a burial in bytes.
const REASON_BYTES_MAX: usize = 200;
/// What stands for an empty body, which the service does not take.
const EMPTY: &str = "=";

/// What the broker itself notes on a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// Why it was buried.
    pub reason: Option<String>,
    /// It is a copy of a message that was taken before.
    pub returned: bool,
}

/// A message as the broker's users know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Opened {
    pub body: Bytes,
    pub properties: Properties,
    pub marks: Marks,
}

/// Writes a message.
pub(super) fn write(body: &[u8], properties: &Properties, marks: &Marks) -> Letter {
    let mut attributes = BTreeMap::new();
    let body = match text(body, properties) {
        Some(text) => text.to_owned(),
        None => {
            attributes.insert(ENCODING.to_owned(), "base64".to_owned());
            if body.is_empty() { EMPTY.to_owned() } else { STANDARD.encode(body) }
        }
    };
    let reason = marks.reason.as_deref().map(printable).filter(|reason| !reason.is_empty());
    attributes.extend(reason.map(|reason| (REASON.to_owned(), reason)));
    if marks.returned {
        attributes.insert(RETURNED.to_owned(), "1".to_owned());
    }
    let room = ATTRIBUTES_MAX - 1 - attributes.len();
    let (mut fitting, mut rest): (Vec<_>, Vec<_>) = pairs(properties).into_iter().partition(|(name, value)| is_attribute(name, value));
    rest.extend(fitting.split_off(room.min(fitting.len())));
    attributes.extend(fitting);
    if !rest.is_empty() {
        let rest: serde_json::Map<String, serde_json::Value> = rest.into_iter().map(|(name, value)| (name, value.into())).collect();
        attributes.insert(REST.to_owned(), serde_json::Value::Object(rest).to_string());
    }
    Letter { body, attributes }
}

/// Reads a message that anyone may have sent. What cannot be decoded stays as it is: the reader buries it.
pub(super) fn open(letter: &Letter) -> Opened {
    let mut attributes = letter.attributes.clone();
    let encoded = attributes.remove(ENCODING).is_some_and(|encoding| encoding == "base64");
    let decoded = match letter.body.as_str() {
        EMPTY if encoded => Some(Vec::new()),
        text if encoded => STANDARD.decode(text).ok(),
        _ => None,
    };
    let body = decoded.map_or_else(|| Bytes::copy_from_slice(letter.body.as_bytes()), Bytes::from);
    let marks = Marks { reason: attributes.remove(REASON), returned: attributes.remove(RETURNED).is_some() };
    if let Some(rest) = attributes.remove(REST)
        && let Ok(rest) = serde_json::from_str::<BTreeMap<String, String>>(&rest)
    {
        attributes.extend(rest);
    }
    Opened { body, properties: properties(attributes), marks }
}

/// A body that travels as it is: JSON of characters that the service takes.
fn text<'a>(body: &'a [u8], properties: &Properties) -> Option<&'a str> {
    let is_json = properties.content_type.as_deref().is_some_and(|form| form.contains("json"));
    let text = std::str::from_utf8(body).ok().filter(|_| is_json)?;
    (!text.is_empty() && text.chars().all(is_character)).then_some(text)
}

/// Characters that the service takes.
fn is_character(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

fn printable(text: &str) -> String {
    let cut = &text[..text.floor_char_boundary(REASON_BYTES_MAX)];
    cut.chars().map(|c| if is_character(c) { c } else { ' ' }).collect()
}

fn is_attribute(name: &str, value: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let named = !name.is_empty() && name.len() <= 256 && name.bytes().all(plain) && !name.contains("..");
    let free = !lower.starts_with("aws.") && !lower.starts_with("amazon.") && !name.starts_with('.') && !name.ends_with('.');
    named && free && !value.is_empty() && value.chars().all(is_character)
}

/// Properties under their names; headers last.
fn pairs(properties: &Properties) -> Vec<(String, String)> {
    let named = [
        ("content-type", properties.content_type.clone()),
        ("type", properties.kind.clone()),
        ("message-id", properties.message_id.clone()),
        ("correlation-id", properties.correlation_id.clone()),
        ("reply-to", properties.reply_to.clone()),
        ("timestamp", properties.at.map(|at| at.to_string())),
    ];
    let named = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    named.chain(properties.headers.clone()).collect()
}

fn properties(mut attributes: BTreeMap<String, String>) -> Properties {
    let mut take = |name: &str| attributes.remove(name);
    let (content_type, kind, message_id) = (take("content-type"), take("type"), take("message-id"));
    let (correlation_id, reply_to) = (take("correlation-id"), take("reply-to"));
    let at = take("timestamp").and_then(|at| at.parse().ok());
    Properties { content_type, kind, message_id, correlation_id, reply_to, at, headers: attributes, ..Properties::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(body: &[u8], properties: Properties, marks: Marks) -> Letter {
        let letter = write(body, &properties, &marks);
        assert!(letter.attributes.len() <= ATTRIBUTES_MAX, "{:?}", letter.attributes);
        assert!(letter.attributes.iter().all(|(name, value)| is_attribute(name, value)), "{:?}", letter.attributes);
        assert!(!letter.body.is_empty());
        assert_eq!(open(&letter), Opened { body: Bytes::copy_from_slice(body), properties, marks });
        letter
    }

    fn headers(number: usize) -> BTreeMap<String, String> {
        (0..number).map(|i| (format!("cloudEvents_{i}"), i.to_string())).collect()
    }

    #[test]
    fn every_body_comes_back() {
        for body in [&b""[..], b"=", b"\x00\xff", b"{}", "\u{1}ä".as_bytes()] {
            back(body, Properties::default(), Marks::default());
            back(body, Properties { content_type: Some("application/json".into()), ..Properties::default() }, Marks::default());
        }
    }

    #[test]
    fn an_envelope_is_base64_and_json_is_not() {
        assert_eq!(back(b"\x81\xa1v\x01", Properties::default(), Marks::default()).body, "gaF2AQ==");
        let json = Properties { content_type: Some("application/cloudevents+json".into()), ..Properties::default() };
        assert_eq!(back(b"{\"a\":1}", json, Marks::default()).body, "{\"a\":1}");
    }

    #[test]
    fn what_is_too_much_or_not_writable_travels_all_the_same() {
        let marks = Marks { reason: Some("decode".into()), returned: true };
        for number in [0, 3, 9, 10, 40] {
            back(b"x", Properties { message_id: Some("m".into()), headers: headers(number), ..Properties::default() }, marks.clone());
        }
        let odd = [("cloudEvents:id", "1"), ("empty", ""), ("AWS.x", "1"), ("bell", "\u{7}"), ("", "nameless")];
        let odd = odd.map(|(name, value)| (name.to_owned(), value.to_owned()));
        back(b"x", Properties { reply_to: Some(String::new()), headers: odd.into(), ..Properties::default() }, marks);
    }

    #[test]
    fn a_message_of_others_is_read_as_it_is() {
        let attributes = [("content-type", "application/json"), ("message-id", "7"), ("traceparent", "00-1")];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let opened = open(&Letter { body: "{\"source\":\"a.csv\"}".into(), attributes });
        assert_eq!(opened.body.as_ref(), b"{\"source\":\"a.csv\"}");
        assert_eq!((opened.properties.message_id.as_deref(), opened.properties.headers.len()), (Some("7"), 1));
        let lie = Letter { body: "not base64!".into(), attributes: [(ENCODING.to_owned(), "base64".to_owned())].into() };
        assert_eq!(open(&lie).body.as_ref(), b"not base64!");
    }

    #[test]
    fn a_reason_is_cut_at_a_character() {
        let marks = Marks { reason: Some("ä\u{1}".repeat(100)), returned: false };
        let reason = open(&write(b"x", Properties::NONE, &marks)).marks.reason.expect("kept");
        assert!(reason.len() <= 200 && reason.starts_with("ä ä"), "{reason}");
    }
}
