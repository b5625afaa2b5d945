//! What a worker tells collectors of traces: each attempt is a span of its job that follows from the message which
//! asked for it, and from the attempt before it.

use crate::attempt::{Attempt, Word};
use crate::context::Context;
use synthfleet_proto::Result;
use synthfleet_proto::attempts::{Seen, Verb};
use synthfleet_proto::envelope::Trace;
use synthfleet_proto::fact::{End, EndCause, OutcomeStatus};
use synthfleet_proto::span::{self, Span, SpanKind};

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct How {
    name: &'static str,
    code: Option<String>,
    is_error: bool,
}

impl How {
    /// With an outcome.
    pub fn outcome(status: OutcomeStatus, code: Option<&str>) -> Self {
        Self { name: status.name(), code: code.map(str::to_owned), is_error: status == OutcomeStatus::Failed }
    }

    /// Without one: there will be another attempt.
    pub fn end(end: &End) -> Self {
        let is_error = !matches!(end.cause, EndCause::Released | EndCause::Superseded | EndCause::Cancelled);
        Self { name: end.cause.name(), code: end.error.as_ref().map(|error| error.code.clone()), is_error }
    }
}

/// Tells of an attempt that ended here. `seen`: the attempts before it; `began_at`: milliseconds since 1970.
pub fn attempt(context: &Context, attempt: &Attempt, seen: &[Seen], began_at: i64, ended: &Result<(Verb, Option<Word>)>) {
    let (Some(spans), Some(job)) = (&context.spans, span::job(&attempt.spec)) else { return };
    let of = |number: u16| span::attempt(&job, &attempt.spec, &attempt.task, number);
    let began = |number: u16, times| {
        let name = format!("{} {}", attempt.group.kind.name(), attempt.group.name);
        let span = Span::below(&job, of(number), &attempt.spec, name.trim_end(), SpanKind::Consumer, times);
        span.with("task", attempt.task.as_str()).with("attempt", number)
    };
    let last = seen.last();
    if let Some(silent) = last.filter(|last| last.end.is_none()) {
        // its process is gone and tells nothing; ages are the store's, so these times are near enough
        let ago = |age: std::time::Duration| began_at - i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        spans.end(began(silent.number, (ago(silent.age), ago(silent.silent))).with("outcome", "lost").failed(Some("lost")));
    }
    let links: Vec<Trace> = attempt.asked_by.iter().cloned().chain(last.map(|last| of(last.number))).collect();
    let span = began(attempt.number, (began_at, context.now())).linked(links);
    let span = span.with("worker", context.options.name.as_str()).with("pool", context.options.pool.as_str());
    let span = span.with("wait_seconds", attempt.wait_seconds);
    spans.end(match ended {
        Ok((_, Some(Word { how, .. }))) => {
            let span = span.with("outcome", how.name);
            let span = how.code.iter().fold(span, |span, code| span.with("code", code.as_str()));
            span.failed(how.is_error.then(|| how.code.as_deref().unwrap_or(how.name)))
        }
        Ok((_, None)) => span,
        Err(error) => span.with("outcome", "error").with("code", error.code()).failed(Some(error.code())),
    });
}
