//! The fact `outcome`: the one effective end of a task.

use crate::about::Shape;
use crate::error::WireError;
use crate::metadata::ProblemType;
use crate::privacy::Privacy;
use crate::score::{Finding, Score};
use crate::task::TaskId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeStatus {
    /// It did what it should.
    Ok,
    /// It failed for good.
    Failed,
    /// It was not done, with a reason.
    Skipped,
    /// It was told to stop.
    Cancelled,
}

impl OutcomeStatus {
    /// The name used in facts and events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One object that a task made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// File name below `out/`: what later tasks ask for.
    pub role: String,
    /// Key of its bytes.
    pub key: String,
    /// Length.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Media type.
    pub content_type: String,
    /// Rows, if it is a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

/// What planning and people need to know of a profile, without a value of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileSummary {
    /// Table name.
    pub table: String,
    /// Shape that members accept or refuse.
    pub shape: Shape,
    /// Rows of the input.
    pub rows: u64,
    /// Columns of the input.
    pub columns: u32,
    /// Column that utility is judged on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What the target asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem_type: Option<ProblemType>,
    /// How it was read, in words for people: bytes, dialect, encoding.
    #[serde(default)]
    pub reading: Value,
    /// Columns by kind.
    #[serde(default)]
    pub kinds: std::collections::BTreeMap<String, u32>,
    /// Remarks.
    #[serde(default)]
    pub notes: Vec<Finding>,
}

/// The one effective end of a task. First come, first kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutcomeFact {
    /// Version.
    pub v: u16,
    /// The task.
    pub task: TaskId,
    /// How it ended.
    pub status: OutcomeStatus,
    /// The attempt that ended it; 0 if none ran.
    pub attempt: u16,
    /// That attempt's nonce; empty if none ran.
    pub nonce: String,
    /// The worker; empty if none ran.
    pub worker: String,
    /// `name major.minor` of the member that ran.
    pub member: String,
    /// Milliseconds since 1970.
    pub started_at: i64,
    /// Milliseconds since 1970.
    pub ended_at: i64,
    /// Seconds from hint to start.
    #[serde(default)]
    pub wait_seconds: f64,
    /// Seconds of all cores; of a pool attempt the elapsed seconds.
    #[serde(default)]
    pub cpu_seconds: f64,
    /// Seconds by phase, in the order of the phases: `fit`, `sample`, ...
    #[serde(default)]
    pub phase_seconds: Vec<(String, f64)>,
    /// Peak resident memory of the process that ran it.
    #[serde(default)]
    pub memory_peak_bytes: u64,
    /// What it made.
    #[serde(default)]
    pub outputs: Vec<Output>,
    /// Benchmarks: scores. Details are the output `scores.json`.
    #[serde(default)]
    pub scores: Vec<Score>,
    /// Profile: what planning needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileSummary>,
    /// Why it failed or was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<WireError>,
    /// What was being done when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Remarks, at most 64.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// Synthesize: what a differentially private fit guarantees, and its bill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy: Option<Box<Privacy>>,
    /// Taken from an earlier job.
    #[serde(default)]
    pub from_cache: bool,
    /// A limit of time or memory shaped the result.
    #[serde(default)]
    pub limited: bool,
}

impl OutcomeFact {
    /// The output with a role.
    pub fn output(&self, role: &str) -> Option<&Output> {
        self.outputs.iter().find(|output| output.role == role)
    }

    /// The same in no more memory than it takes: lists that were read piece by piece have room for more.
    #[must_use]
    pub fn shrunk(mut self) -> Self {
        self.outputs.shrink_to_fit();
        self.scores.shrink_to_fit();
        self.scores.iter_mut().for_each(|score| score.folds.shrink_to_fit());
        self.findings.shrink_to_fit();
        self.phase_seconds.shrink_to_fit();
        self
    }

    /// An outcome of a task that no attempt ran.
    pub fn not_run(task: TaskId, status: OutcomeStatus, error: WireError) -> Self {
        Self {
            v: super::VERSION,
            task,
            status,
            attempt: 0,
            nonce: String::new(),
            worker: String::new(),
            member: String::new(),
            started_at: 0,
            ended_at: 0,
            wait_seconds: 0.0,
            cpu_seconds: 0.0,
            phase_seconds: Vec::new(),
            memory_peak_bytes: 0,
            outputs: Vec::new(),
            scores: Vec::new(),
            profile: None,
            error: Some(error),
            phase: None,
            findings: Vec::new(),
            privacy: None,
            from_cache: false,
            limited: false,
        }
    }
}
