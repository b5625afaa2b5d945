//! Spans: what was done for a job, from when to when, as collectors of traces read it.
//!
//! A job is the root; everything that is done for it lies below. Ids follow from job, task and attempt, so processes
//! that never met name the same span alike, links need no memory, and a span that is told twice is one.
//! Names, numbers and codes alone: no cell value, no message of an error.
//!
//! # Reference
//! OpenTelemetry specification 1.x, *Tracing API* and *Semantic conventions for messaging spans*.

use crate::envelope::Trace;
use crate::fact::SpecFact;
use crate::task::TaskId;

/// Links of one span; further ones are counted alone.
pub const LINKS_MAX: usize = 4_096;

/// What a span is to those around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// Work inside.
    Internal,
    /// An answer to a caller.
    Server,
    /// A message that is sent.
    Producer,
    /// A message that is worked on.
    Consumer,
}

/// The value of a field of a span.
#[derive(Debug, Clone, PartialEq)]
pub enum SpanValue {
    /// A name or a code.
    Text(String),
    /// A count.
    Count(i64),
    /// A duration in seconds.
    Seconds(f64),
}

impl From<&str> for SpanValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u16> for SpanValue {
    fn from(count: u16) -> Self {
        Self::Count(i64::from(count))
    }
}

impl From<f64> for SpanValue {
    fn from(seconds: f64) -> Self {
        Self::Seconds(seconds)
    }
}

/// One span that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The trace and the span in it.
    pub context: Trace,
    /// The span that it is part of: 16 hexadecimal digits; `None`: it is the root.
    pub parent: Option<String>,
    /// What is done: of few values.
    pub name: String,
    /// What it is to those around it.
    pub kind: SpanKind,
    /// Milliseconds since 1970.
    pub began_at: i64,
    /// Milliseconds since 1970.
    pub ended_at: i64,
    /// What it follows from.
    pub links: Vec<Trace>,
    /// Links that were too many.
    pub links_dropped: usize,
    /// Fields.
    pub fields: Vec<(&'static str, SpanValue)>,
    /// The code of the error that it ended with.
    pub error: Option<String>,
}

/// Where spans go that have ended. Never waits and never fails: what cannot be taken is counted and dropped.
pub trait Spans: Send + Sync {
    /// Takes a span.
    fn end(&self, span: Span);
}

/// The context of a job's own span, in the trace that its submission named or in one of its own; `None`: whoever
/// submitted it asked that nothing be recorded.
pub fn job(spec: &SpecFact) -> Option<Trace> {
    if spec.trace.as_ref().is_some_and(|given| !given.is_sampled()) {
        return None;
    }
    Some(spec.root().sampled_at(Trace::of_job(&spec.job).span()))
}

/// The context of an attempt at a task of a job; `job`: the context of the job's own span.
pub fn attempt(job: &Trace, spec: &SpecFact, task: &TaskId, attempt: u16) -> Trace {
    job.named(&[&spec.job, task.as_str(), &attempt.to_string()])
}

impl Span {
    /// The root of a job; `None`: it is not to be recorded.
    pub fn of_job(spec: &SpecFact, ended_at: i64) -> Option<Self> {
        let context = job(spec)?;
        let parent = spec.trace.as_ref().map(|given| given.span().to_owned());
        let root = Self { parent, ..Self::within(context, spec, "job", SpanKind::Internal, (spec.submitted_at, ended_at)) };
        Some(root.with("door", spec.door.as_str()))
    }

    /// A part of a job whose id follows from `path`; `None`: the job is not to be recorded. `times`: milliseconds since
    /// 1970.
    pub fn part(spec: &SpecFact, path: &[&str], name: &str, kind: SpanKind, times: (i64, i64)) -> Option<Self> {
        let job = job(spec)?;
        let path = [&[spec.job.as_str()], path].concat();
        Some(Self::below(&job, job.named(&path), spec, name, kind, times))
    }

    /// A part of a job with a context of its own, below `job`, the context of the job's span.
    pub fn below(job: &Trace, context: Trace, spec: &SpecFact, name: &str, kind: SpanKind, times: (i64, i64)) -> Self {
        Self { parent: Some(job.span().to_owned()), ..Self::within(context, spec, name, kind, times) }
    }

    fn within(context: Trace, spec: &SpecFact, name: &str, kind: SpanKind, (began_at, ended_at): (i64, i64)) -> Self {
        let fields = vec![("job", spec.job.as_str().into()), ("tenant", spec.tenant.as_str().into())];
        let (name, ended_at) = (name.to_owned(), ended_at.max(began_at));
        Self { context, parent: None, name, kind, began_at, ended_at, links: Vec::new(), links_dropped: 0, fields, error: None }
    }

    /// The same with a field.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<SpanValue>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// The same following from other spans.
    #[must_use]
    pub fn linked(mut self, links: impl IntoIterator<Item = Trace>) -> Self {
        for link in links {
            if self.links.len() < LINKS_MAX {
                self.links.push(link);
            } else {
                self.links_dropped += 1;
            }
        }
        self
    }

    /// The same ended with the code of an error, or well.
    #[must_use]
    pub fn failed(mut self, code: Option<&str>) -> Self {
        self.error = code.map(str::to_owned);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::JobSpec;
    use serde_json::json;

    fn spec(trace: Option<&str>) -> SpecFact {
        SpecFact {
            v: crate::fact::VERSION,
            job: "job_00000000000000000000000000".into(),
            tenant: "a".into(),
            key_sha256: String::new(),
            request_sha256: String::new(),
            door: "http".into(),
            principal: "me".into(),
            submitted_at: 1_000,
            class: crate::class::Class::Batch,
            weight: 50,
            request: JobSpec::read(&json!({ "source": "a.csv" })).expect("a legal job"),
            source_sha256: None,
            holdout_sha256: None,
            candidates: Vec::new(),
            benchmarks: Vec::new(),
            references: Vec::new(),
            reply: None,
            trace: trace.map(|parent| Trace::read(parent, None).expect("legal")),
        }
    }

    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_job_is_the_root_of_its_own_trace_or_a_part_of_the_one_that_was_named() {
        let own = Span::of_job(&spec(None), 5_000).expect("recorded");
        assert_eq!((own.parent, own.began_at, own.ended_at), (None, 1_000, 5_000));
        assert_eq!(own.context.id(), Trace::of_job("job_00000000000000000000000000").id());
        let given = Span::of_job(&spec(Some(GIVEN)), 5_000).expect("recorded");
        assert_eq!((given.context.id(), given.parent.as_deref()), ("0af7651916cd43dd8448eb211c80319c", Some("b7ad6b7169203331")));
        assert_eq!(given.context.span(), own.context.span());
    }

    #[test]
    fn whoever_asks_for_no_record_gets_none() {
        let spec = spec(Some(&format!("{}00", &GIVEN[..53])));
        assert_eq!((job(&spec), Span::of_job(&spec, 1)), (None, None));
        assert_eq!(Span::part(&spec, &["x"], "x", SpanKind::Internal, (0, 1)), None);
    }

    #[test]
    fn an_attempt_has_one_id_in_every_process_and_another_than_its_neighbours() {
        let spec = spec(None);
        let root = job(&spec).expect("recorded");
        let of = |task: &str, number| attempt(&root, &spec, &TaskId::parse(task).expect("legal"), number).parent;
        assert_eq!(of("syn-clbn-r0", 1), of("syn-clbn-r0", 1));
        let all = std::collections::BTreeSet::from([root.parent.clone(), of("syn-clbn-r0", 1), of("syn-clbn-r0", 2), of("syn-clbn-r1", 1)]);
        assert_eq!(all.len(), 4);
        assert!(all.iter().all(|parent| Trace::read(parent, None).is_some_and(|trace| trace.id() == root.id() && trace.is_sampled())));
    }

    #[test]
    fn links_beyond_the_bound_are_counted_and_clocks_that_run_back_give_no_negative_time() {
        let spec = spec(None);
        let span = Span::part(&spec, &["x"], "x", SpanKind::Internal, (9, 4)).expect("recorded");
        assert_eq!((span.began_at, span.ended_at), (9, 9));
        let many = span.linked((0..LINKS_MAX + 3).map(|_| Trace::default()));
        assert_eq!((many.links.len(), many.links_dropped), (LINKS_MAX, 3));
    }
}
