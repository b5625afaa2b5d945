//! What a message says, by kind.

use super::{Reader, Refused, Writer};
use crate::class::Class;
use crate::error::WireError;
use crate::job::JobSpec;
use crate::task::TaskKind;
use crate::{Result, error::ErrorKind};
use serde::{Deserialize, Serialize};

macro_rules! bodies {
    ($($variant:ident($type:ty) = $kind:literal: $doc:literal),* $(,)?) => {
        /// What a message says.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Body {
            $(#[doc = $doc] $variant($type)),*
        }

        impl Body {
            /// The kind as the wire names it.
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $kind),* }
            }

            pub(super) fn write(&self, writer: &mut Writer<'_>) -> Result<Vec<u8>> {
                match self { $(Self::$variant(body) => writer.write($kind, body)),* }
            }

            pub(super) fn read(kind: &str, reader: &Reader<'_>) -> std::result::Result<Self, Refused> {
                match kind {
                    $($kind => reader.body().map(Self::$variant),)*
                    _ => Err(Refused::Decode),
                }
            }
        }
    };
}

bodies! {
    Task(TaskHint) = "task": "Look at this task.",
    Result(ResultHint) = "result": "Look at this outcome.",
    Event(EventHint) = "event": "Progress and the like; droppable.",
    Probe(ProbeHint) = "probe": "Are you there?",
    Control(ControlHint) = "control": "To every process.",
    Submit(Box<Submission>) = "submit": "A job from outside.",
    Submitted(SubmittedReply) = "submitted": "The answer to it.",
    Finished(FinishedNotice) = "finished": "A job ended.",
}

impl Body {
    /// Whether every number is finite.
    pub(super) fn is_finite(&self) -> bool {
        match self {
            Self::Event(event) => [event.fraction, event.value, event.eta_seconds].iter().flatten().all(|number| number.is_finite()),
            _ => true,
        }
    }
}

/// Coordinator to pool: look at this task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskHint {
    /// Kind of task.
    pub kind: TaskKind,
    /// Member, at most 48 characters.
    pub name: String,
    /// Pool.
    pub pool: String,
    /// `interactive` or `batch`.
    pub class: Class,
    /// Which plan: 0, 1, 2.
    pub plan: u8,
    /// SHA-256 of the plan.
    pub plan_sha256: String,
    /// Expected attempt, a hint.
    pub attempt: u16,
    /// Times parked.
    pub hop: u32,
    /// The coordinator that wishes to hear first how it ended; `None`: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
}

/// How a task ended, as a worker tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultStatus {
    /// Outcome `ok`.
    Ok,
    /// Outcome `failed`.
    Failed,
    /// Outcome `skipped`.
    Skipped,
    /// Outcome `cancelled`.
    Cancelled,
    /// An attempt ended without an outcome.
    Ended,
    /// Answer to a probe.
    Probe,
    /// Of a later version: read the store.
    #[serde(other)]
    Unknown,
}

/// Worker to coordinator: look at this outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultHint {
    /// How it ended.
    pub status: ResultStatus,
    /// Which attempt.
    pub attempt: u16,
    /// SHA-256 of the outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome_sha256: Option<String>,
    /// Kind of the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_kind: Option<ErrorKind>,
    /// Of an answer to a probe: the pool that lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
}

/// What an event tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    /// How far a task is.
    #[default]
    Progress,
    /// A value of a training curve.
    Measure,
    /// A line for people.
    Log,
    /// A worker says what it takes.
    Announce,
    /// A worker lives.
    Beat,
    /// A task began to run.
    Started,
    /// Of a later version: ignore.
    #[serde(other)]
    Unknown,
}

/// Anyone to whoever listens; droppable.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EventHint {
    /// What it tells.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// Number within its sender.
    pub seq: u64,
    /// Share done, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fraction: Option<f64>,
    /// What is being done, at most 32 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Name of a measured value, at most 48 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Step of a measured value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// A measured value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// A line, at most 512 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Seconds still needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_seconds: Option<f64>,
    /// Which attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u16>,
    /// Worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Members that a worker takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<MemberNote>,
}

/// A member that a worker takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberNote {
    /// Kind of task.
    pub kind: String,
    /// Name.
    pub name: String,
    /// `major.minor`.
    pub version: String,
    /// SHA-256 of its about document.
    pub about_sha256: String,
}

/// The tenant of messages that are about nobody's job.
pub const PROBE_TENANT: &str = "fleet";

/// Coordinator to pool: are you there?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeHint {
    /// Pool.
    pub pool: String,
    /// Milliseconds since 1970 of the sender.
    pub sent_at: i64,
}

/// What every process is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlOp {
    /// Stop all tasks of a job that has the fact `cancel`.
    CancelJob,
    /// Stop a task that has the fact `x`.
    CancelTask,
    /// Take nothing more.
    DrainWorker,
    /// Take again.
    ResumeWorker,
    /// Log more or less.
    LogLevel,
    /// Look at the store now.
    Wake,
    /// Of a later version: ignore.
    #[serde(other)]
    Unknown,
}

/// To every process; the truth is in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlHint {
    /// What to do.
    pub op: ControlOp,
    /// Job, task, worker or level, at most 96 characters.
    pub target: String,
    /// For how long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}

/// A job from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    /// What is wished.
    pub job: JobSpec,
    /// Equal keys are one job; at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// What became of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubmittedStatus {
    /// A new job.
    Accepted,
    /// The job of an earlier, equal submission.
    Replayed,
    /// No job.
    Refused,
    /// Of a later version.
    #[serde(other)]
    Unknown,
}

/// The answer to a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmittedReply {
    /// What became of it.
    pub status: SubmittedStatus,
    /// The job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<WireError>,
}

/// A job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishedNotice {
    /// `done`, `failed` or `cancelled`.
    pub state: String,
    /// The winner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub winner: Option<String>,
    /// Key of the fact `final`.
    pub final_key: String,
    /// Its SHA-256.
    pub final_sha256: String,
}
