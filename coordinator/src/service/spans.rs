//! What a coordinator tells collectors of traces: the job, its submission, the messages that it sends, the judgement.

use super::care::Job;
use crate::job::{Fact, View};
use std::sync::Arc;
use synthfleet_proto::envelope::{Envelope, Trace};
use synthfleet_proto::fact::{FinalFact, SpecFact};
use synthfleet_proto::span::{self, Span, SpanKind, Spans};
use synthfleet_proto::{Error, Result};

/// A submission that is older was repeated: its span was told before.
const FRESH_MS: i64 = 60_000;

/// Where spans go; `None`: nobody collects them.
pub type Sink = Option<Arc<dyn Spans>>;

/// Tells what a new fact ended. `now`: milliseconds since 1970.
pub fn fact(sink: &Sink, view: &View, fact: &Fact, now: i64) {
    let (Some(spans), Some(spec)) = (sink, view.spec()) else { return };
    let span = match fact {
        Fact::Selection(_) => judged(view, &spec.fact, now),
        Fact::Final(last) => Span::of_job(&spec.fact, now).map(|span| ended(span, &last.fact)),
        _ => None,
    };
    span.into_iter().for_each(|span| spans.end(span));
}

/// The judgement follows from every task that ran for it.
fn judged(view: &View, spec: &SpecFact, now: i64) -> Option<Span> {
    let job = span::job(spec)?;
    let ran = || view.outcomes().map(|(_, outcome)| &outcome.fact).filter(|outcome| outcome.attempt > 0 && !outcome.from_cache);
    let began_at = ran().map(|outcome| outcome.ended_at).max().unwrap_or(now).min(now);
    let links = ran().map(|outcome| span::attempt(&job, spec, &outcome.task, outcome.attempt));
    Some(Span::part(spec, &["select"], "select", SpanKind::Internal, (began_at, now))?.linked(links))
}

fn ended(span: Span, last: &FinalFact) -> Span {
    let code = last.error.as_ref().map(|error| error.code.as_str());
    let is_failed = last.state == synthfleet_proto::job::JobState::Failed;
    let span = span.with("state", last.state.name()).failed(is_failed.then(|| code.unwrap_or("failed")));
    let told = [("outcome", last.outcome.as_deref()), ("winner", last.winner.as_deref()), ("code", code)];
    told.into_iter().fold(span, |span, (name, text)| text.into_iter().fold(span, |span, text| span.with(name, text)))
}

/// Tells that a job came through a door of the coordinator `id`, which need not be the one that looks after it.
pub fn accepted(spans: &dyn Spans, spec: &SpecFact, id: &str, now: i64) {
    if now - spec.submitted_at > FRESH_MS {
        return;
    }
    let span = Span::part(spec, &["accept", id], "accept", SpanKind::Server, (spec.submitted_at, now));
    span.into_iter().for_each(|span| spans.end(span.with("coordinator", id).with("door", spec.door.as_str())));
}

/// A message to a pool on its way.
pub struct Sending {
    /// The span that travels with the message.
    context: Trace,
    began_at: i64,
    attempt: u16,
}

impl Sending {
    /// A message that is about to go.
    pub fn of(envelope: &Envelope, attempt: u16) -> Option<Self> {
        Some(Self { context: envelope.trace.clone()?, began_at: envelope.at, attempt })
    }

    /// Tells what became of it.
    pub fn ended(self, sink: &Sink, job: &Job, (task, pool): (&str, &str), sent: &Result<()>, now: i64) {
        let (Some(spans), Some(spec)) = (sink, job.view.spec()) else { return };
        let Some(root) = span::job(&spec.fact) else { return };
        let times = (self.began_at, now);
        let span = Span::below(&root, self.context, &spec.fact, "publish", SpanKind::Producer, times);
        let span = span.with("task", task).with("attempt", self.attempt).with("pool", pool);
        spans.end(span.failed(sent.as_ref().err().map(Error::code)));
    }
}
