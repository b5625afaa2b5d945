//! Answers to submissions: accepted, rejected, finished. Keys and hashes travel, never data.

use crate::api::{job_links, problem_of};
use crate::{Parts, metrics};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use synthfleet_broker::{Broker, Properties};
use synthfleet_metrics::Book;
use synthfleet_proto::envelope::Trace;
use synthfleet_proto::fact::{FinalFact, PublishedFact, PublishedFile, Reply, ReplyForm, SpecFact};
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::outside::Clock;
use synthfleet_proto::{Error, Result};
use synthfleet_store::read_fact;

use crate::intake::Submitted;

/// Bytes of an answer from which on files are left out but the manifest, which lists them.
const FILES_BYTES_MAX: usize = 48 << 10;

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    kind: &'static str,
    job: Option<String>,
    body: Value,
    trace: Option<Trace>,
}

impl Answer {
    /// The job is stored.
    pub fn accepted(submitted: &Submitted) -> Self {
        let body = json!({ "job": submitted.job, "links": job_links(&submitted.job), "replayed": submitted.replayed });
        Self { kind: "synthfleet.job.accepted.v1", job: Some(submitted.job.clone()), body, trace: None }
    }

    /// There is no job, and why.
    pub fn rejected(error: &Error) -> Self {
        Self { kind: "synthfleet.job.rejected.v1", job: None, body: json!({ "problem": problem_of(&error.to_wire()) }), trace: None }
    }

    /// The job ended.
    pub fn finished(job: &str, last: &FinalFact, published: Option<&PublishedFact>) -> Self {
        let file = |file: &PublishedFile| json!({ "path": file.path, "key": file.key, "bytes": file.bytes, "sha256": file.sha256 });
        let files: Vec<Value> = published.iter().flat_map(|published| &published.files).map(file).collect();
        let mut body = json!({
            "job": job, "state": last.state.name(), "outcome": last.outcome, "winner": last.winner, "files": files,
            "problem": last.error.as_ref().map(problem_of),
        });
        if body.to_string().len() > FILES_BYTES_MAX {
            body["files"] = files.into_iter().filter(|file| file["path"] == "manifest.json").collect();
        }
        Self { kind: "synthfleet.job.finished.v1", job: Some(job.to_owned()), body, trace: None }
    }

    /// The same, told as a part of a trace.
    #[must_use]
    pub fn within(self, trace: Trace) -> Self {
        Self { trace: Some(trace), ..self }
    }

    /// Sends it. `false`: it was not sent and may be tried again; a queue that is gone is not tried again.
    pub async fn send(&self, broker: &dyn Broker, book: Option<&Book>, clock: &dyn Clock, reply: &Reply) -> bool {
        let sent = match self.encode(reply.form) {
            Ok(body) => broker.reply(&reply.to, &body, &self.properties(clock, reply)).await,
            Err(error) => Err(error),
        };
        let (outcome, told) = match &sent {
            Ok(()) => ("sent", true),
            Err(error) if error.code() == "broker::unroutable" => ("no_queue", true),
            Err(error) => {
                tracing::warn!(kind = self.kind, code = error.code(), "an answer could not be sent");
                // what is too long now is too long later
                ("failed", error.kind() == synthfleet_proto::ErrorKind::Invalid)
            }
        };
        if let Some(book) = book {
            book.add(metrics::REPLIES, &[outcome], 1);
        }
        told
    }

    fn encode(&self, form: ReplyForm) -> Result<Vec<u8>> {
        match form {
            ReplyForm::Json => Ok(self.body.to_string().into_bytes()),
            ReplyForm::Msgpack => {
                rmp_serde::to_vec_named(&self.body).map_err(|error| Error::internal("message::encode", error.to_string()))
            }
        }
    }

    /// Properties of the answer; it is a CloudEvent too.
    fn properties(&self, clock: &dyn Clock, reply: &Reply) -> Properties {
        let about = self.job.as_deref().or(reply.correlation_id.as_deref()).unwrap_or("unknown");
        let attributes =
            [("specversion", "1.0"), ("type", self.kind), ("source", "/synthfleet"), ("id", &format!("{}.{about}", self.kind))]
                .map(|(name, value)| (format!("cloudEvents_{name}"), value.to_owned()));
        let mut headers = BTreeMap::from(attributes);
        headers.extend(self.job.iter().map(|job| ("x-synthfleet-job".to_owned(), job.clone())));
        if let Some(trace) = &self.trace {
            headers.insert("traceparent".to_owned(), trace.parent.clone());
            headers.extend((!trace.state.is_empty()).then(|| ("tracestate".to_owned(), trace.state.clone())));
        }
        let content_type = match reply.form {
            ReplyForm::Json => "application/json",
            ReplyForm::Msgpack => "application/msgpack",
        };
        Properties {
            content_type: Some(content_type.to_owned()),
            kind: Some(self.kind.to_owned()),
            message_id: Some(format!("{}.{about}", self.kind)),
            correlation_id: reply.correlation_id.clone(),
            at: Some(clock.now_ms() as i64),
            headers,
            ..Properties::default()
        }
    }
}

/// Tells the sender of a job by message that it ended, if it wished to hear. Called before the job's marker goes, so
/// that a process that dies in between leaves the telling to the next one: at least once.
pub async fn finished(parts: &Parts, keys: &JobKeys, spec: &SpecFact, last: &FinalFact) -> Result<()> {
    let Some(reply) = &spec.reply else { return Ok(()) };
    let published = read_fact::<PublishedFact>(parts.store.as_ref(), keys.published()?.key()).await?.map(|kept| kept.fact);
    let answer = Answer::finished(keys.job(), last, published.as_ref()).within(spec.root());
    if answer.send(parts.broker.as_ref(), None, parts.clock.as_ref(), reply).await {
        return Ok(());
    }
    Err(Error::unavailable("broker::unavailable", "the end of a job could not be told"))
}
