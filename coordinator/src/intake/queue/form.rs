//! The four forms of a submission: JSON, MessagePack, and CloudEvents 1.0 around either, structured or in headers.

use crate::intake::{read_json, read_msgpack};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use synthfleet_broker::{CONTENT_TYPE, Properties};
use synthfleet_proto::envelope::Trace;
use synthfleet_proto::fact::ReplyForm;
use synthfleet_proto::{Error, Result, id};

/// The type of a submission, as property and as CloudEvent.
pub const SUBMIT: &str = "synthfleet.job.submit.v1";
/// The type of our own envelope around a submission.
const ENVELOPE: &str = "synthfleet.submit.v1";
/// Prefixes of CloudEvents attributes among headers.
const PREFIXES: [&str; 2] = ["cloudEvents_", "cloudEvents:"];

/// What a message holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// The job.
    pub document: Value,
    /// The idempotency key that the body or the event gives.
    pub key: Option<String>,
    /// The trace that the body or the event names.
    pub trace: Option<Trace>,
}

/// How answers to a message are written.
pub fn reply_form(properties: &Properties) -> ReplyForm {
    match media_type(properties).as_deref() {
        Some("application/msgpack" | "application/vnd.msgpack" | "application/x-msgpack" | CONTENT_TYPE) => ReplyForm::Msgpack,
        _ => ReplyForm::Json,
    }
}

/// Reads a message of any form.
pub fn read(properties: &Properties, body: &[u8]) -> Result<Content> {
    if let Some(kind) = properties.kind.as_deref().filter(|kind| *kind != SUBMIT && *kind != ENVELOPE) {
        return Err(wrong_type(kind));
    }
    let event = attributes(properties);
    let content = match media_type(properties).as_deref() {
        Some("application/cloudevents+json") => return structured(read_json(body)?),
        Some(CONTENT_TYPE) => return enveloped(read_msgpack(body)?),
        Some("application/json") => read_json(body)?,
        Some("application/msgpack" | "application/vnd.msgpack" | "application/x-msgpack") => read_msgpack(body)?,
        None if body.first() == Some(&b'{') => read_json(body)?,
        Some(other) => {
            return Err(Error::invalid("submission::content_type", format!("cannot read {:?}", shown(other))).help("use application/json"));
        }
        None => {
            return Err(
                Error::invalid("submission::content_type", "neither a content type nor JSON").help("set content_type to application/json")
            );
        }
    };
    if event.is_empty() {
        return plain(content);
    }
    let key = event_key(&event)?;
    Ok(Content { key: Some(key), trace: trace(&event, "traceparent", "tracestate"), ..plain(content)? })
}

/// A job, with or without a key beside its fields.
fn plain(mut document: Value) -> Result<Content> {
    let key = match document.as_object_mut().and_then(|fields| fields.remove("idempotency_key")) {
        None | Some(Value::Null) => None,
        Some(Value::String(key)) => Some(key),
        Some(_) => return Err(Error::invalid("submission::key", "idempotency_key is text").at_pointer("/idempotency_key")),
    };
    Ok(Content { document, key, trace: None })
}

/// Our own envelope: the job and its key lie in the body.
fn enveloped(mut envelope: Value) -> Result<Content> {
    if envelope["v"] != 1 {
        return Err(Error::invalid("submission::version", "this version of the envelope is not read"));
    }
    if envelope["kind"] != "submit" {
        return Err(wrong_type(envelope["kind"].as_str().unwrap_or_default()));
    }
    let trace = envelope["trace"].as_object().and_then(|given| trace(given, "parent", "state"));
    let mut body = envelope["body"].take();
    let key = body["idempotency_key"].as_str().map(str::to_owned);
    Ok(Content { document: body["job"].take(), key, trace })
}

/// A CloudEvent whose attributes and data are one JSON object.
fn structured(mut event: Value) -> Result<Content> {
    let attributes = event.as_object().ok_or_else(|| broken("a CloudEvent is an object"))?;
    let (key, trace) = (event_key(attributes)?, trace(attributes, "traceparent", "tracestate"));
    let content = event["datacontenttype"].as_str().unwrap_or("application/json").to_owned();
    let data = match event["data_base64"].take() {
        Value::Null => event["data"].take(),
        Value::String(text) => {
            let bytes = STANDARD.decode(&text).map_err(|_| broken("data_base64 is not Base64"))?;
            if content.contains("msgpack") { read_msgpack(&bytes)? } else { read_json(&bytes)? }
        }
        _ => return Err(broken("data_base64 is text")),
    };
    Ok(Content { key: Some(key), trace, ..plain(data)? })
}

/// The trace that some fields name.
fn trace(fields: &Map<String, Value>, parent: &str, state: &str) -> Option<Trace> {
    Trace::read(fields.get(parent)?.as_str()?, fields.get(state).and_then(Value::as_str))
}

/// Source and id of an event are its key: equal ones are one event.
fn event_key(event: &Map<String, Value>) -> Result<String> {
    let text = |name: &str| event.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let needed = |name: &str| text(name).ok_or_else(|| broken(&format!("a CloudEvent has the attribute {name}")));
    if needed("specversion")? != "1.0" {
        return Err(Error::invalid("submission::version", "only CloudEvents 1.0 are read"));
    }
    let kind = needed("type")?;
    if kind != SUBMIT {
        return Err(wrong_type(kind));
    }
    let (source, number) = (needed("source")?, needed("id")?);
    Ok(format!("event:{}", id::sha256_hex(format!("{}:{source}{number}", source.len()).as_bytes())))
}

/// CloudEvents attributes among the headers.
fn attributes(properties: &Properties) -> Map<String, Value> {
    let attribute = |(name, value): (&String, &String)| {
        let name = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix))?;
        Some((name.to_owned(), Value::String(value.clone())))
    };
    properties.headers.iter().filter_map(attribute).collect()
}

fn media_type(properties: &Properties) -> Option<String> {
    let given = properties.content_type.as_deref()?.split(';').next()?.trim();
    (!given.is_empty()).then(|| given.to_ascii_lowercase())
}

fn wrong_type(kind: &str) -> Error {
    Error::invalid("submission::type", format!("the type {:?} is no submission", shown(kind)))
        .help(format!("leave it out, or set {SUBMIT}"))
}

fn broken(why: &str) -> Error {
    Error::invalid("submission::event", why)
}

fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}
