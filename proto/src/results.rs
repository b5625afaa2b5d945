//! Results of a job (`synthfleet.results.v1`): every number of every row, with what it took.

use crate::error::WireError;
use crate::metadata::ProblemType;
use crate::privacy::Privacy;
use crate::score::{Finding, Score};
use crate::verdict::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The schema name of this version.
pub const SCHEMA: &str = "synthfleet.results.v1";

/// All results of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Results {
    /// [`SCHEMA`].
    pub schema: String,
    /// The job.
    pub job: JobHead,
    /// The table.
    pub table: TableHead,
    /// The verdict.
    pub verdict: Verdict,
    /// Candidates in the order of the job, baselines after the others.
    pub candidates: Vec<CandidateResult>,
    /// Reference rows with tasks of their own.
    pub references: Vec<ReferenceResult>,
    /// Every task, in the order of ids.
    pub tasks: Vec<TaskResult>,
}

impl Results {
    /// The JSON Schema of `results.json`.
    pub fn schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }
}

/// The job, as results name it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobHead {
    /// Id.
    pub id: String,
    /// Seed, as a decimal string: it may need more digits than a JSON number keeps.
    pub seed: String,
    /// Preset, if one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// Remarks on what was asked for: a preset that leaves something out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Finding>,
    /// Version of the program.
    pub version: String,
    /// Seconds one task may take: what a time-out is charged.
    pub task_seconds: f64,
    /// Seconds from submission to verdict.
    pub seconds: f64,
}

/// The table, as results name it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TableHead {
    /// Name.
    pub name: String,
    /// Bytes of the source.
    pub bytes: u64,
    /// Rows of the source.
    pub rows: u64,
    /// Columns of the source.
    pub columns: u32,
    /// Rows that synthesizers saw.
    pub train_rows: u64,
    /// Rows that they did not see.
    pub holdout_rows: u64,
    /// Column that utility is judged on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What the target asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem_type: Option<ProblemType>,
}

/// One candidate.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CandidateResult {
    /// Name.
    pub name: String,
    /// Synthesizer.
    pub synthesizer: String,
    /// Its options as given.
    pub options: Value,
    /// Whether it is a baseline.
    pub baseline: bool,
    /// Whether its samples hold real rows.
    pub real_rows: bool,
    /// Its repeats in order; empty if it was never begun.
    pub repeats: Vec<RepeatResult>,
    /// Why it was never begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<WireError>,
}

/// One repeat of a candidate.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RepeatResult {
    /// Number, from 0.
    pub repeat: u32,
    /// Seed of its synthesize task, as a decimal string.
    pub seed: String,
    /// Rows of the scored sample.
    pub rows: Option<u64>,
    /// Scores of all benchmarks, in the order of the job's benchmarks.
    pub scores: Vec<Score>,
    /// Details by benchmark.
    pub details: BTreeMap<String, Value>,
    /// Remarks of synthesizer and benchmarks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// What it took.
    pub times: Times,
    /// Peak resident memory of the process.
    pub peak_rss_bytes: Option<u64>,
    /// Bytes of the model file.
    pub model_bytes: Option<u64>,
    /// Attempts at the synthesize task.
    pub attempts: u32,
    /// Taken from an earlier job.
    pub from_cache: bool,
    /// A limit of time or memory shaped it.
    pub limited: bool,
    /// Privacy loss that it guarantees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f64>,
    /// Failure probability of that guarantee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<f64>,
    /// How that guarantee was spent, and what it does not cover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy: Option<Privacy>,
    /// The first thing that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RepeatError>,
}

impl RepeatResult {
    /// A score's value, if it is defined.
    pub fn value(&self, score: &str) -> Option<f64> {
        self.scores.iter().find(|known| known.name == score)?.value
    }
}

/// Seconds that a repeat took.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Times {
    /// Fitting.
    pub fit_seconds: Option<f64>,
    /// Drawing the sample.
    pub sample_seconds: Option<f64>,
    /// Scoring, by benchmark.
    pub benchmark_seconds: BTreeMap<String, f64>,
}

/// What failed in a repeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RepeatError {
    /// `fit`, `sample`, `check` or `benchmark:<name>`.
    pub phase: String,
    /// Seconds spent until then.
    pub seconds: f64,
    /// Whether time ran out.
    pub timed_out: bool,
    /// The error.
    pub error: WireError,
}

/// A reference row with tasks of its own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReferenceResult {
    /// `holdout` or `flip10`.
    pub name: String,
    /// What it got.
    pub result: RepeatResult,
}

/// One task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskResult {
    /// Id.
    pub id: String,
    /// What it does.
    pub kind: String,
    /// How it ended.
    pub status: String,
    /// Who ended it.
    pub worker: String,
    /// Milliseconds since 1970.
    pub queued: Option<i64>,
    /// Milliseconds since 1970.
    pub started: Option<i64>,
    /// Milliseconds since 1970.
    pub ended: Option<i64>,
    /// Attempts at it.
    pub attempts: u32,
}
