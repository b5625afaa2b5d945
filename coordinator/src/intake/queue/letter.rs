//! From the bytes and properties of a message to a request. Pure, so that every golden message can be tried.

use super::form::{Content, read, reply_form};
use super::principals::Principals;
use crate::intake::KEY_BYTES_MAX;
use serde_json::Value;
use synthfleet_broker::{BODY_BYTES_MAX, Properties};
use synthfleet_proto::envelope::Trace;
use synthfleet_proto::fact::Reply;
use synthfleet_proto::{Error, id};

/// Queues of our own: an answer there would be a forged message of ours.
const OUR_QUEUES: &str = "sf.";

/// A submission that can be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// Tenant, as the broker vouches.
    pub tenant: String,
    /// Sender.
    pub principal: String,
    /// Equal keys are one job.
    pub key: String,
    /// The job.
    pub document: Value,
    /// Where answers go.
    pub reply: Option<Reply>,
    /// The trace it belongs to.
    pub trace: Option<Trace>,
}

/// A submission that is not accepted.
#[derive(Debug)]
pub struct Refused {
    /// One word: the reason in the dead list.
    pub reason: &'static str,
    /// What is wrong.
    pub error: Error,
    /// Where that is told.
    pub reply: Option<Reply>,
}

/// Opens a message.
pub fn open(properties: &Properties, body: &[u8], principals: &Principals) -> Result<Letter, Refused> {
    let reply = reply(properties)?;
    let refuse = |reason, error| Refused { reason, error, reply: reply.clone() };
    if body.len() > BODY_BYTES_MAX {
        let error = Error::invalid("submission::size", format!("{} bytes, allowed: {BODY_BYTES_MAX}", body.len()));
        return Err(refuse("size", error.help("send the table by upload or link, never in a message")));
    }
    let (tenant, principal) = principals.of(properties).map_err(|error| refuse("tenant", error))?;
    let Content { document, key, trace } = read(properties, body).map_err(|error| refuse(reason_of(&error), error))?;
    // the more a sender says of a key, the better it knows: body or event, then property, then the bytes themselves
    let key = key.or_else(|| properties.message_id.clone()).unwrap_or_else(|| format!("body:{}", id::sha256_hex(body)));
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        let error = Error::invalid("submission::key", format!("an idempotency key has 1 to {KEY_BYTES_MAX} bytes"));
        return Err(refuse("key", error));
    }
    // headers are written last on the way, and so are nearest to the truth
    let header = |name: &str| properties.headers.get(name).map(String::as_str);
    let trace = header("traceparent").and_then(|parent| Trace::read(parent, header("tracestate"))).or(trace);
    Ok(Letter { tenant, principal, key, document, reply, trace })
}

fn reason_of(error: &Error) -> &'static str {
    match error.code() {
        "submission::version" => "version",
        "submission::type" => "type",
        _ => "decode",
    }
}

/// Where answers go. A name that is ours is refused, without an answer to it.
fn reply(properties: &Properties) -> Result<Option<Reply>, Refused> {
    let Some(to) = properties.reply_to.clone().filter(|to| !to.is_empty()) else { return Ok(None) };
    if to.len() > 255 || to.starts_with(OUR_QUEUES) {
        let error =
            Error::invalid("submission::reply_to", "answers do not go to queues of the fleet itself").help("name a queue of your own");
        return Err(Refused { reason: "reply_to", error, reply: None });
    }
    let correlation_id = properties.correlation_id.clone().or_else(|| properties.message_id.clone());
    Ok(Some(Reply { to, correlation_id, form: reply_form(properties) }))
}
