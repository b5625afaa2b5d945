//! Messages: one MessagePack map with string keys around a body. A message is a hint; the store decides.
//!
//! Size is checked before decoding, nesting while decoding, and declared lengths never allocate. Unknown
//! fields are ignored, so that additions inside a major version reach old readers.

mod body;
mod trace;

pub use body::{
    Body, ControlHint, ControlOp, EventHint, EventType, FinishedNotice, MemberNote, PROBE_TENANT, ProbeHint, ResultHint, ResultStatus,
    Submission, SubmittedReply, SubmittedStatus, TaskHint,
};
pub use trace::Trace;

use crate::id::base32;
use crate::outside::{Clock, Entropy};
use crate::{Error, Result};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

/// The major version that is written.
pub const CURRENT_VERSION: u16 = 1;
/// The oldest major version that is read.
pub const MIN_VERSION: u16 = 1;
/// Hard cap of one message in bytes.
pub const BYTES_MAX: usize = 64 << 10;
/// Deepest nesting that is decoded.
pub const DEPTH_MAX: usize = 32;

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// 128 random bits, 26 characters of base32.
    pub id: String,
    /// Sender's clock in milliseconds since 1970; display only.
    pub at: i64,
    /// Tenant.
    pub tenant: String,
    /// Job, if about one.
    pub job: Option<String>,
    /// Task, if about one.
    pub task: Option<String>,
    /// W3C trace context.
    pub trace: Option<Trace>,
    /// What it says.
    pub body: Body,
}

/// Why a message cannot be read: the reason it is buried with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Larger than [`BYTES_MAX`].
    Size,
    /// Of an unknown major version.
    Version,
    /// Not what it should be.
    Decode,
}

impl Refused {
    /// The reason as the dead list carries it.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Version => "version",
            Self::Decode => "decode",
        }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::data("message::refused", format!("cannot read the message: {}", refused.reason()))
    }
}

#[derive(Serialize)]
struct Wire<'a, B> {
    v: u16,
    kind: &'a str,
    id: &'a str,
    at: i64,
    tenant: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a Trace>,
    body: &'a B,
}

#[derive(Deserialize)]
struct Head {
    v: u16,
    kind: String,
    id: String,
    at: i64,
    tenant: String,
    #[serde(default)]
    job: Option<String>,
    #[serde(default)]
    task: Option<String>,
    #[serde(default)]
    trace: Option<Trace>,
    #[expect(dead_code, reason = "must be present, and is read in the second pass by its kind")]
    body: IgnoredAny,
}

#[derive(Deserialize)]
struct Tail<B> {
    body: B,
}

#[derive(Clone, Copy)]
enum Form {
    MessagePack,
    Json,
}

impl Envelope {
    /// A new message about a job and a task, or about neither.
    pub fn new(clock: &dyn Clock, entropy: &dyn Entropy, tenant: &str, about: (Option<&str>, Option<&str>), body: Body) -> Self {
        let (job, task) = (about.0.map(str::to_owned), about.1.map(str::to_owned));
        Self { id: base32(entropy.bits()), at: clock.now_ms() as i64, tenant: tenant.to_owned(), job, task, trace: None, body }
    }

    /// The same message as a part of a trace.
    #[must_use]
    pub fn within(self, trace: Trace) -> Self {
        Self { trace: Some(trace), ..self }
    }

    /// The bytes that travel.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let bytes = self.body.write(&mut Writer { envelope: self, form: Form::MessagePack })?;
        if bytes.len() <= BYTES_MAX {
            return Ok(bytes);
        }
        Err(Error::invalid("message::size", format!("message of {} bytes, allowed: {BYTES_MAX}", bytes.len())))
    }

    /// The JSON form, for submitters that speak JSON.
    pub fn encode_json(&self) -> Result<Vec<u8>> {
        self.body.write(&mut Writer { envelope: self, form: Form::Json })
    }

    /// Reads bytes that anyone may have sent.
    pub fn decode(bytes: &[u8]) -> std::result::Result<Self, Refused> {
        Self::read(bytes, Form::MessagePack)
    }

    /// Reads the JSON form.
    pub fn decode_json(bytes: &[u8]) -> std::result::Result<Self, Refused> {
        Self::read(bytes, Form::Json)
    }

    fn read(bytes: &[u8], form: Form) -> std::result::Result<Self, Refused> {
        if bytes.len() > BYTES_MAX {
            return Err(Refused::Size);
        }
        let head: Head = decode(bytes, form)?;
        if !(MIN_VERSION..=CURRENT_VERSION).contains(&head.v) {
            return Err(Refused::Version);
        }
        let body = Body::read(&head.kind, &Reader { bytes, form })?;
        let legal = head.id.len() == 26 && is_name(&head.tenant, 32) && body.is_finite();
        let legal = legal && head.task.as_deref().is_none_or(|task| is_name(task, 64));
        let legal = legal && head.job.as_deref().is_none_or(|job| job.starts_with("job_") && is_name(job, 30));
        if !legal {
            return Err(Refused::Decode);
        }
        // a context that cannot be read is none; the message is as good as before
        let trace = head.trace.filter(Trace::is_legal);
        Ok(Self { id: head.id, at: head.at, tenant: head.tenant, job: head.job, task: head.task, trace, body })
    }
}

fn is_name(text: &str, longest: usize) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    !text.is_empty() && text.len() <= longest && text.bytes().all(plain)
}

struct Writer<'a> {
    envelope: &'a Envelope,
    form: Form,
}

impl Writer<'_> {
    fn write<B: Serialize>(&self, kind: &str, body: &B) -> Result<Vec<u8>> {
        let e = self.envelope;
        let (job, task) = (e.job.as_deref(), e.task.as_deref());
        let wire = Wire { v: CURRENT_VERSION, kind, id: &e.id, at: e.at, tenant: &e.tenant, job, task, trace: e.trace.as_ref(), body };
        let broken = |text: String| Error::internal("message::encode", text);
        match self.form {
            Form::MessagePack => rmp_serde::to_vec_named(&wire).map_err(|e| broken(e.to_string())),
            Form::Json => serde_json::to_vec(&wire).map_err(|e| broken(e.to_string())),
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    form: Form,
}

impl Reader<'_> {
    fn body<B: DeserializeOwned>(&self) -> std::result::Result<B, Refused> {
        decode::<Tail<B>>(self.bytes, self.form).map(|tail| tail.body)
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8], form: Form) -> std::result::Result<T, Refused> {
    match form {
        Form::MessagePack => {
            let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
            deserializer.set_max_depth(DEPTH_MAX);
            T::deserialize(&mut deserializer).map_err(|_| Refused::Decode)
        }
        Form::Json => serde_json::from_slice(bytes).map_err(|_| Refused::Decode),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn hint() -> Envelope {
        Envelope {
            id: "0".repeat(26),
            at: 1_700_000_000_000,
            tenant: "local".into(),
            job: Some(format!("job_{}", "1".repeat(26))),
            task: Some("syn-seqtree-r0".into()),
            trace: None,
            body: Body::Task(TaskHint {
                kind: crate::task::TaskKind::Synthesize,
                name: "seqtree".into(),
                pool: "all".into(),
                class: crate::class::Class::Interactive,
                plan: 1,
                plan_sha256: "a".repeat(64),
                attempt: 1,
                hop: 0,
                reply: None,
            }),
        }
    }

    #[test]
    fn a_message_comes_back_as_it_was_in_both_forms() {
        let envelope = hint();
        assert_eq!(Envelope::decode(&envelope.encode().expect("small")), Ok(envelope.clone()));
        assert_eq!(Envelope::decode_json(&envelope.encode_json().expect("small")), Ok(envelope));
    }

    #[test]
    fn keys_are_written_by_name() {
        let bytes = hint().encode().expect("small");
        let map: serde_json::Value = rmp_serde::from_slice(&bytes).expect("a map with string keys");
        assert_eq!((&map["v"], &map["kind"], &map["body"]["hop"]), (&json!(1), &json!("task"), &json!(0)));
    }

    #[test]
    fn unknown_fields_are_ignored_and_unknown_versions_refused() {
        let mut map: serde_json::Value = rmp_serde::from_slice(&hint().encode().expect("small")).expect("map");
        map["later"] = json!([1, 2]);
        map["body"]["later"] = json!("x");
        assert!(Envelope::decode_json(map.to_string().as_bytes()).is_ok());
        map["v"] = json!(2);
        assert_eq!(Envelope::decode_json(map.to_string().as_bytes()), Err(Refused::Version));
    }

    #[test]
    fn a_trace_that_cannot_be_read_is_left_out() {
        let wrong = Trace { parent: "\u{1b}[31m".into(), state: String::new() };
        let bytes = hint().within(wrong).encode().expect("small");
        assert_eq!(Envelope::decode(&bytes), Ok(hint()));
    }

    #[test]
    fn size_is_checked_before_anything_else() {
        assert_eq!(Envelope::decode(&vec![0xc1; BYTES_MAX + 1]), Err(Refused::Size));
    }

    #[test]
    fn length_and_depth_bombs_are_refused() {
        assert_eq!(Envelope::decode(&[0xdf, 0xff, 0xff, 0xff, 0xff]), Err(Refused::Decode));
        assert_eq!(Envelope::decode(&vec![0x91; BYTES_MAX]), Err(Refused::Decode));
        assert_eq!(Envelope::decode_json("[".repeat(BYTES_MAX).as_bytes()), Err(Refused::Decode));
    }

    #[test]
    fn every_cut_of_a_message_is_refused() {
        let bytes = hint().encode().expect("small");
        for end in 0..bytes.len() {
            assert_eq!(Envelope::decode(&bytes[..end]), Err(Refused::Decode), "{end}");
        }
    }

    #[test]
    fn numbers_that_are_not_finite_are_refused() {
        let event = EventHint { kind: EventType::Progress, fraction: Some(f64::NAN), ..EventHint::default() };
        let bytes = Envelope { body: Body::Event(event), ..hint() }.encode().expect("small");
        assert_eq!(Envelope::decode(&bytes), Err(Refused::Decode));
    }
}
