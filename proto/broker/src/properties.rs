//! What a message says about itself beside its body. Our own messages need none of it: their envelope
//! says everything. Messages from outside, and the replies to them, do.

use std::collections::BTreeMap;
use synthfleet_proto::envelope::Envelope;

/// Content type of our own messages.
pub const CONTENT_TYPE: &str = "application/vnd.synthfleet.v1+msgpack";

/// Properties of a message. Whatever comes from outside is a claim, except `user` and `tenant`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties {
    /// How the body is encoded.
    pub content_type: Option<String>,
    /// What the message is: AMQP `type`.
    pub kind: Option<String>,
    /// Its number, chosen by the sender.
    pub message_id: Option<String>,
    /// What it belongs to; echoed in replies.
    pub correlation_id: Option<String>,
    /// The queue that a reply is wished in.
    pub reply_to: Option<String>,
    /// The sender's user, where the broker checked it.
    pub user: Option<String>,
    /// The tenant whose own submit queue it came through, where there is one.
    pub tenant: Option<String>,
    /// Milliseconds since 1970 by the sender's clock; display only.
    pub at: Option<i64>,
    /// Headers with text values; numbers and truth values in their decimal or lower-case form.
    pub headers: BTreeMap<String, String>,
}

impl Properties {
    /// No property at all.
    pub const NONE: &'static Self = &Self {
        content_type: None,
        kind: None,
        message_id: None,
        correlation_id: None,
        reply_to: None,
        user: None,
        tenant: None,
        at: None,
        headers: BTreeMap::new(),
    };

    /// What an envelope says, in the words of a broker. Bytes that are no envelope say nothing.
    pub fn of_envelope(body: &[u8]) -> Self {
        let Ok(envelope) = Envelope::decode(body) else { return Self::default() };
        let mut headers = BTreeMap::from([("x-synthfleet-schema".to_owned(), "1".to_owned())]);
        if let Some(trace) = envelope.trace {
            headers.insert("traceparent".to_owned(), trace.parent);
            if !trace.state.is_empty() {
                headers.insert("tracestate".to_owned(), trace.state);
            }
        }
        Self {
            content_type: Some(CONTENT_TYPE.to_owned()),
            kind: Some(format!("synthfleet.{}.v1", envelope.body.kind())),
            message_id: Some(envelope.id),
            correlation_id: envelope.job,
            at: Some(envelope.at),
            headers,
            ..Self::default()
        }
    }
}
