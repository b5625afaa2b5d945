//! Answers: documents, and problems (RFC 9457) as our errors with every fault that the server lists.

use super::transport::{Trouble, piece};
use hyper::body::Incoming;
use hyper::header::RETRY_AFTER;
use hyper::{Response, StatusCode};
use serde_json::Value;
use std::time::Duration;
use synthfleet_proto::error::ErrorKind;
use synthfleet_proto::{Error, Place, Result};

/// Longest document that is read, in bytes.
const BYTES_MAX: usize = 256 << 20;
/// How long the next piece of an answer may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Whether a request shall be sent again, and after which pause.
pub fn wishes_pause(response: &Response<Incoming>, repeatable: bool) -> Option<Duration> {
    let status = response.status();
    // what was refused for its number was not begun
    let again = status == StatusCode::TOO_MANY_REQUESTS
        || (repeatable && [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT].contains(&status));
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    again.then(|| Duration::from_secs(seconds.unwrap_or(1)))
}

/// The document of an answer; `null` if it has none.
pub async fn json(response: Response<Incoming>, place: &str) -> Result<Value> {
    let bytes = read(response.into_body()).await.map_err(|trouble| trouble.into_error(place, 1))?;
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&bytes).map_err(|_| foreign(place, "it is no JSON"))
}

/// The problem of an answer that says that something went wrong.
pub async fn problem(response: Response<Incoming>, place: &str) -> Error {
    let status = response.status();
    let bytes = read(response.into_body()).await.unwrap_or_default();
    match serde_json::from_slice::<Value>(&bytes) {
        Ok(document) if document["type"].as_str().is_some_and(|sort| sort.starts_with("/problems/")) => error_of(&document),
        _ => foreign(place, &format!("status {} and no problem document", status.as_u16())),
    }
}

fn foreign(place: &str, what: &str) -> Error {
    Error::unavailable("client::foreign_answer", format!("the answer of {place} is not synthfleet's: {what}"))
        .help("check the address; a proxy in between may answer instead")
}

async fn read(mut body: Incoming) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    while let Some(next) = piece(&mut body, PATIENCE).await? {
        if bytes.len() + next.len() > BYTES_MAX {
            return Err(Trouble::cut(format!("the answer has more than {BYTES_MAX} bytes")));
        }
        bytes.extend_from_slice(&next);
    }
    Ok(bytes)
}

/// A problem document as an error. Where the server tells faults with codes, these are the errors.
pub fn error_of(document: &Value) -> Error {
    let slug = document["type"].as_str().unwrap_or_default().trim_start_matches("/problems/");
    let (kind, code, help) = meaning(slug);
    let detail = document["detail"].as_str().unwrap_or(slug);
    let mut faults = document["errors"].as_array().into_iter().flatten().filter_map(|fault| fault_of(fault, kind, detail));
    let error = match faults.next() {
        Some(first) => first.and(faults),
        None => Error::new(kind, code, detail),
    };
    let error = help.into_iter().fold(error, Error::help);
    match document["request_id"].as_str() {
        Some(request) if kind == ErrorKind::Internal => error.help(format!("the request's id is {request}")),
        _ => error,
    }
}

fn fault_of(fault: &Value, kind: ErrorKind, detail: &str) -> Option<Error> {
    let text = |name: &str| fault[name].as_str().map(str::to_owned);
    let number = |name: &str| fault[name].as_u64();
    let code = text("code").filter(|code| code.contains("::"))?;
    let place =
        Place { pointer: text("pointer"), line: number("line"), position: number("position"), column: text("column"), ..Place::default() };
    let error = Error::new(kind, &code, text("detail").unwrap_or_else(|| detail.to_owned())).at(place);
    Some(fault["help"].as_array().into_iter().flatten().filter_map(Value::as_str).fold(error, Error::help))
}

/// What a sort of problem asks of the caller.
fn meaning(slug: &str) -> (ErrorKind, &'static str, Option<&'static str>) {
    use ErrorKind::{Conflict, Data, Internal, Invalid, NoSpace, Unavailable};
    match slug {
        "unauthorized" => (
            Unavailable,
            "client::unauthorized",
            Some("give a token with client.token_file or SYNTHFLEET_CLIENT_TOKEN; `synthfleet token new` makes one"),
        ),
        "forbidden" => {
            (Unavailable, "client::forbidden", Some("use a token with this scope; `synthfleet token ls` shows what tokens may do"))
        }
        "not-found" => (Invalid, "client::not_found", Some("check the id; what belongs to another tenant is hidden too")),
        "gone" => (Invalid, "client::gone", Some("it was deleted; ask for it anew")),
        "conflict" | "precondition" => (Conflict, "client::conflict", Some("look at it again, then decide")),
        "input" | "too-large" => (Data, "client::refused", None),
        "source-refused" => (
            Data,
            "client::refused",
            Some("name a file of this machine, which is uploaded; or have the place allowed: sources.buckets, sources.https"),
        ),
        "idempotency-mismatch" => (Invalid, "client::refused", Some("give a new request a key of its own")),
        "rate-limited" => (Unavailable, "client::rate_limited", Some("wait a while, or ask for fewer at once")),
        "unavailable" | "timeout" => {
            (Unavailable, "client::unavailable", Some("try again; `synthfleet doctor` on the server's machine tells what is away"))
        }
        "insufficient-storage" => (NoSpace, "client::no_space", Some("free room in the server's store")),
        "internal" => (Internal, "client::server_fault", Some("look into the server's log, and report it")),
        _ => (Invalid, "client::refused", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_fault_of_a_problem_is_an_error_with_its_place_and_remedy() {
        let error = error_of(&json!({
            "type": "/problems/invalid-job", "detail": "seed is x", "errors": [
                {"pointer": "/seed", "code": "job::range", "detail": "seed is x"},
                {"pointer": "/a", "code": "job::unknown_field", "detail": "no field \"a\"", "help": ["did you mean \"b\"?"]},
            ],
        }));
        assert_eq!((error.kind(), error.code(), error.place().pointer.as_deref()), (ErrorKind::Invalid, "job::range", Some("/seed")));
        let other = &error.others()[0];
        assert_eq!((other.code(), other.helps()), ("job::unknown_field", &["did you mean \"b\"?".to_owned()][..]));
    }

    #[test]
    fn sorts_of_problems_have_their_exit_codes() {
        let exit = |slug: &str| error_of(&json!({"type": format!("/problems/{slug}"), "detail": "x"})).kind().exit_code();
        let told = ["unauthorized", "forbidden", "not-found", "conflict", "input", "rate-limited", "internal"].map(exit);
        assert_eq!(told, [5, 5, 2, 1, 3, 5, 1]);
    }

    #[test]
    fn what_is_behind_the_server_is_named_by_its_code() {
        let document = json!({"type": "/problems/unavailable", "detail": "something is away", "errors": [{"code": "store::denied"}]});
        let error = error_of(&document);
        assert_eq!((error.code(), error.message(), error.kind()), ("store::denied", "something is away", ErrorKind::Unavailable));
    }
}
