//! What went wrong, as every answer tells it (RFC 9457): a slug with its status, a sentence, and each part of the
//! request that is at fault. Nothing of a table and nothing of our insides is ever part of it.

use crate::outward::outward;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use synthfleet_proto::error::{ErrorKind, WireError};
use synthfleet_proto::{Error, Place};

macro_rules! slugs {
    ($($(#[$doc:meta])* $name:ident = $status:literal $slug:literal $title:literal: $means:literal),* $(,)?) => {
        /// Sorts of problems. Their names and statuses never change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Slug { $(#[doc = $means] $name),* }

        impl Slug {
            /// Every sort.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name in `type`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $slug),* }
            }

            /// The status of the answer.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),* }
            }

            /// A few words for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }

            /// What it means and what to do.
            pub const fn means(self) -> &'static str {
                match self { $(Self::$name => $means),* }
            }
        }
    };
}

slugs! {
    InvalidRequest = 400 "invalid-request" "Invalid request": "The request cannot be read: an unknown query parameter, a header or a body of the wrong form. Correct it.",
    Unauthorized = 401 "unauthorized" "Token needed": "No token was sent, or one that is unknown, expired or revoked. Send Authorization: Bearer with a token.",
    Forbidden = 403 "forbidden" "Not allowed": "The caller is known and lacks the scope for this, or the request came from a foreign page. Use a token with the scope.",
    NotFound = 404 "not-found" "Not found": "There is no such thing, or it belongs to another tenant.",
    Method = 405 "method" "Method not allowed": "This address exists and does not take this method.",
    NotAcceptable = 406 "not-acceptable" "Not acceptable": "None of the wished media types can be given. Ask for another one in Accept.",
    Timeout = 408 "timeout" "Too slow": "The body of the request came too slowly. Send it again.",
    Conflict = 409 "conflict" "Conflict": "The thing is in a state that does not allow this. Look at it and decide again.",
    Gone = 410 "gone" "Gone": "It was there and was deleted.",
    Precondition = 412 "precondition" "Precondition failed": "It changed since it was read. Read it again.",
    TooLarge = 413 "too-large" "Too large": "The body is larger than allowed. Send tables as uploads.",
    UnsupportedMedia = 415 "unsupported-media" "Unsupported media type": "The body is of a type that is not read here. Send application/json.",
    Range = 416 "range" "Range not satisfiable": "The range lies outside of the object, or a part is missing before it.",
    InvalidJob = 422 "invalid-job" "Invalid job": "The job cannot be accepted; every fault is listed in errors, and nothing was stored.",
    IdempotencyMismatch = 422 "idempotency-mismatch" "Key belongs to another request": "The idempotency key was used with another body. Use a new key for a new request.",
    Input = 422 "input" "Faulty input": "The table or a file with it cannot be used; errors tell what is wrong where.",
    SourceRefused = 422 "source-refused" "Source refused": "The link may not be followed from here. Use an upload, or have its place allowed.",
    RateLimited = 429 "rate-limited" "Too many requests": "Wait for the seconds in Retry-After.",
    Internal = 500 "internal" "Internal error": "This is a fault of synthfleet. Report the request id.",
    Unavailable = 503 "unavailable" "Unavailable": "Something behind this service does not answer. Try again after the seconds in Retry-After.",
    InsufficientStorage = 507 "insufficient-storage" "No room": "There is no room left to store this. Free some.",
}

impl Slug {
    /// The sort of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|slug| slug.name() == name)
    }

    /// The sort of a bare status, for answers that a library made.
    fn of_status(status: u16) -> Self {
        let same = Self::ALL.iter().copied().find(|slug| slug.status() == status);
        same.unwrap_or(if status >= 500 { Self::Internal } else { Self::InvalidRequest })
    }
}

/// One problem.
#[derive(Debug, Clone)]
pub struct Problem {
    slug: Slug,
    detail: String,
    errors: Vec<Value>,
    retry_after: Option<u64>,
}

impl Problem {
    /// A problem with a sentence.
    pub fn new(slug: Slug, detail: impl Into<String>) -> Self {
        let retry_after = (slug == Slug::Unavailable).then_some(5);
        Self { slug, detail: detail.into(), errors: Vec::new(), retry_after }
    }

    /// Whatever a caller may not see or that is not there.
    pub fn not_found() -> Self {
        Self::new(Slug::NotFound, "there is nothing here")
    }

    /// When to try again, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds.max(1));
        self
    }

    /// An error with its code and its remedy, as a problem of some sort.
    pub(super) fn of_error(slug: Slug, error: &Error) -> Self {
        let told = outward(&error.to_wire());
        Self { errors: parts(&told), ..Self::new(slug, told.message) }
    }

    /// The sort.
    pub fn slug(&self) -> Slug {
        self.slug
    }

    /// What a library says with a bare status.
    pub(super) fn of_status(status: StatusCode) -> Self {
        let slug = Slug::of_status(status.as_u16());
        Self::new(slug, slug.title().to_lowercase())
    }

    /// The document. `instance`: the path that was asked for.
    pub fn document(&self, instance: Option<&str>, request_id: Option<&str>, trace_id: Option<&str>) -> Value {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Option<Value>| value.map(|value| fields.insert(name.to_owned(), value));
        put("type", Some(format!("/problems/{}", self.slug.name()).into()));
        put("title", Some(self.slug.title().into()));
        put("status", Some(self.slug.status().into()));
        put("detail", Some(self.detail.as_str().into()));
        put("instance", instance.map(Value::from));
        put("errors", (!self.errors.is_empty()).then(|| self.errors.clone().into()));
        put("request_id", request_id.map(Value::from));
        put("trace_id", trace_id.map(Value::from));
        Value::Object(fields)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let slug = slug_of(&error);
        match slug {
            Slug::Internal => {
                tracing::error!(code = error.code(), error = error.message(), "a request failed");
                return Self::new(slug, "this is a fault of synthfleet; report the request id");
            }
            Slug::Unavailable => {
                tracing::warn!(code = error.code(), error = error.message(), "a request met something that is away");
                let problem = Self::new(slug, "something behind this service does not answer");
                return Self { errors: vec![json!({ "code": error.code() })], ..problem };
            }
            _ => {}
        }
        Self::of_error(slug, &error)
    }
}

fn slug_of(error: &Error) -> Slug {
    match error.code() {
        "job::key_reused" | "upload::key_reused" => return Slug::IdempotencyMismatch,
        "source::refused" | "source::link" => return Slug::SourceRefused,
        "job::deleted" | "store::absent" => return Slug::Gone,
        "source::too_large" => return Slug::TooLarge,
        "upload::gap" => return Slug::Range,
        _ => {}
    }
    let area = error.code().split("::").next().unwrap_or_default();
    match error.kind() {
        ErrorKind::Invalid if ["document", "token", "tenant", "upload", "task", "key"].contains(&area) => Slug::InvalidRequest,
        ErrorKind::Invalid | ErrorKind::Unsupported => Slug::InvalidJob,
        ErrorKind::Data => Slug::Input,
        ErrorKind::Unavailable => Slug::Unavailable,
        ErrorKind::Conflict | ErrorKind::Stopped => Slug::Conflict,
        ErrorKind::NoSpace => Slug::InsufficientStorage,
        ErrorKind::Internal => Slug::Internal,
    }
}

/// Each fault with its place, those that hang on it after it.
fn parts(error: &WireError) -> Vec<Value> {
    let mut all = vec![part(error)];
    all.extend(error.others.iter().flat_map(parts));
    all
}

/// One fault.
fn part(error: &WireError) -> Value {
    let Place { pointer, line, position, column, .. } = &error.place;
    let mut fields = Map::new();
    let mut put = |name: &str, value: Option<Value>| value.map(|value| fields.insert(name.to_owned(), value));
    put("pointer", pointer.as_deref().map(Value::from));
    put("code", Some(error.code.as_str().into()));
    put("detail", Some(error.message.as_str().into()));
    put("line", line.map(Value::from));
    put("position", position.map(Value::from));
    put("column", column.as_deref().map(Value::from));
    put("help", (!error.help.is_empty()).then(|| error.help.clone().into()));
    Value::Object(fields)
}

/// An error of a job that ended, as a problem document inside of another one.
pub fn of_job(error: &WireError) -> Value {
    let (slug, told) = (slug_of(&Error::from(error.clone())), outward(error));
    Problem { errors: parts(&told), ..Problem::new(slug, told.message) }.document(None, None, None)
}

impl IntoResponse for Problem {
    /// The bare answer; the outermost layer writes the document, as it knows the request.
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.slug.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.slug == Slug::Unauthorized {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_have_the_statuses_of_the_table() {
        let known: Vec<_> = Slug::ALL.iter().map(|slug| (slug.name(), slug.status())).collect();
        assert!(known.contains(&("invalid-job", 422)) && known.contains(&("insufficient-storage", 507)));
        assert!(Slug::ALL.iter().all(|slug| Slug::of_name(slug.name()) == Some(*slug)));
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        let error =
            Error::invalid("job::range", "seed is x")
                .at_pointer("/seed")
                .and([Error::invalid("job::unknown_field", "no field \"a\"").at_pointer("/a").help("did you mean \"b\"?")]);
        let document = Problem::from(error).document(Some("/v1/jobs"), Some("r"), None);
        let expected = json!({
            "type": "/problems/invalid-job", "title": "Invalid job", "status": 422, "detail": "seed is x", "instance": "/v1/jobs",
            "request_id": "r", "errors": [
                {"pointer": "/seed", "code": "job::range", "detail": "seed is x"},
                {"pointer": "/a", "code": "job::unknown_field", "detail": "no field \"a\"", "help": ["did you mean \"b\"?"]},
            ],
        });
        assert_eq!(document, expected);
    }

    #[test]
    fn what_lies_inside_stays_inside() {
        for error in [Error::internal("store::panicked", "at 0xdead"), Error::unavailable("store::unavailable", "10.0.0.1 refused")] {
            let text = Problem::from(error).document(None, None, None).to_string();
            assert!(!text.contains("0xdead") && !text.contains("10.0.0.1"), "{text}");
        }
    }

    #[test]
    fn the_text_around_a_fault_is_left_out() {
        let place = Place { line: Some(7), excerpt: Some("SECRET".into()), ..Place::default() };
        let text = of_job(&Error::data("csv::ragged", "row has 3 fields, header has 2").at(place).to_wire()).to_string();
        assert!(text.contains("\"line\":7") && !text.contains("SECRET"), "{text}");
    }
}
