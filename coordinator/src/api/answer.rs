//! Answers: JSON and bytes with their entity tags.

use super::problem::{Problem, Slug};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use synthfleet_proto::id;

/// What a handler gives.
pub type Answer = Result<Response, Problem>;

/// A JSON document.
pub fn json(status: StatusCode, value: &Value) -> Response {
    with_type(status, "application/json", value.to_string().into_bytes())
}

/// Bytes of a media type.
pub fn with_type(status: StatusCode, media_type: &'static str, bytes: Vec<u8>) -> Response {
    let mut response = (status, Body::from(bytes)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// A JSON document with a tag of its bytes; 304 if the caller has it already.
pub fn tagged(asked: &HeaderMap, value: &Value) -> Response {
    let bytes = value.to_string().into_bytes();
    tagged_bytes(asked, "application/json", bytes)
}

/// Bytes with a tag of themselves; 304 if the caller has them already.
pub fn tagged_bytes(asked: &HeaderMap, media_type: &'static str, bytes: Vec<u8>) -> Response {
    let tag = tag(&bytes);
    let mut response =
        if has(asked, &tag) { StatusCode::NOT_MODIFIED.into_response() } else { with_type(StatusCode::OK, media_type, bytes) };
    put(&mut response, header::ETAG, &tag);
    response
}

/// The tag of some bytes.
pub fn tag(bytes: &[u8]) -> String {
    format!("\"{}\"", &id::sha256_hex(bytes)[..32])
}

/// Whether the caller has what a tag names.
pub fn has(asked: &HeaderMap, tag: &str) -> bool {
    let given = asked.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    names(given, tag)
}

/// Whether a list of tags, as the conditional headers hold it, names one.
pub fn names(given: &str, tag: &str) -> bool {
    given.split(',').map(str::trim).any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// Sets a header whose value we made; what cannot be a header is left out.
pub fn put(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The first of some media types that the caller takes.
pub fn accepted(asked: &HeaderMap, known: &[&'static str]) -> Result<&'static str, Problem> {
    let wished = asked.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    let mut ranges: Vec<(f32, &str)> = wished.split(',').filter_map(range).collect();
    // a stable sort: of equal wishes the first one counts
    ranges.sort_by(|one, other| other.0.total_cmp(&one.0));
    let fits = |range: &str, known: &str| {
        range == "*/*"
            || range.eq_ignore_ascii_case(known)
            || range.strip_suffix("/*").is_some_and(|sort| known.split('/').next() == Some(sort))
    };
    let found = ranges.iter().find_map(|(_, range)| known.iter().copied().find(|known| fits(range, known)));
    found.ok_or_else(|| Problem::new(Slug::NotAcceptable, format!("this is given as {}", known.join(" or "))))
}

fn range(text: &str) -> Option<(f32, &str)> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|weight| weight.parse().ok()).unwrap_or(1.0);
    (weight > 0.0).then_some((weight, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishing(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_known_tag_needs_no_body() {
        let first = tagged(&HeaderMap::new(), &serde_json::json!({"a": 1}));
        let tag = first.headers()[header::ETAG].clone();
        let again = tagged(&HeaderMap::from_iter([(header::IF_NONE_MATCH, tag)]), &serde_json::json!({"a": 1}));
        assert_eq!((first.status(), again.status()), (StatusCode::OK, StatusCode::NOT_MODIFIED));
        let other = tagged(&wishing(header::IF_NONE_MATCH, "\"x\", W/\"y\""), &serde_json::json!({"a": 1}));
        assert_eq!(other.status(), StatusCode::OK);
    }

    #[test]
    fn the_best_known_media_type_is_chosen() {
        let known = ["application/json", "text/csv"];
        let choice = |value| accepted(&wishing(header::ACCEPT, value), &known).ok();
        assert_eq!(choice("text/csv"), Some("text/csv"));
        assert_eq!(choice("text/csv;q=0.5, application/json;q=0.9"), Some("application/json"));
        assert_eq!(choice("text/*, */*;q=0.1"), Some("text/csv"));
        assert_eq!(choice("*/*"), Some("application/json"));
        assert_eq!(choice("image/png, text/csv;q=0"), None);
        assert_eq!(accepted(&HeaderMap::new(), &known).ok(), Some("application/json"));
    }
}
