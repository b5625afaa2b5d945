//! The fact `spec`: a job as it was accepted, with presets and aliases resolved.

use crate::class::Class;
use crate::envelope::Trace;
use crate::job::JobSpec;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A job as it was accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpecFact {
    /// Version.
    pub v: u16,
    /// The job.
    pub job: String,
    /// Its tenant.
    pub tenant: String,
    /// SHA-256 of the idempotency key.
    pub key_sha256: String,
    /// SHA-256 of the request: a replay must be equal.
    pub request_sha256: String,
    /// Door: `http`, `amqp`, `sqs`, `cli`.
    pub door: String,
    /// Who asked.
    pub principal: String,
    /// Milliseconds since 1970; display only.
    pub submitted_at: i64,
    /// What goes first.
    pub class: Class,
    /// 1 to 100.
    pub weight: u32,
    /// What was asked, as it was asked.
    pub request: JobSpec,
    /// SHA-256 of the source's bytes, where they were at hand at submission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_sha256: Option<String>,
    /// SHA-256 of the given holdout's bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holdout_sha256: Option<String>,
    /// Candidates, baselines included.
    pub candidates: Vec<Candidate>,
    /// Benchmarks.
    pub benchmarks: Vec<ChosenBenchmark>,
    /// Reference rows that are computed besides the baselines: `holdout`, `flip10`.
    pub references: Vec<String>,
    /// Where its end is told, if the submission wished for answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Reply>,
    /// The trace that the submission belongs to, if it named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
}

impl SpecFact {
    /// The trace that everything of the job belongs to.
    pub fn root(&self) -> Trace {
        self.trace.clone().unwrap_or_else(|| Trace::of_job(&self.job))
    }
}

/// Where answers to a submission go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Queue.
    pub to: String,
    /// What the sender knows the submission by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// How answers are written.
    pub form: ReplyForm,
}

/// How answers to a submission are written: as the submission was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyForm {
    /// JSON.
    Json,
    /// MessagePack.
    Msgpack,
}

/// One candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Name in the job, `[a-z0-9_]{1,24}`.
    pub name: String,
    /// Synthesizer.
    pub synthesizer: String,
    /// Its options as given.
    pub options: Value,
    /// Fits with other seeds.
    pub repeats: u32,
    /// Never eligible.
    pub baseline: bool,
    /// Its samples hold real rows: nothing of it is published.
    pub real_rows: bool,
    /// Differentially private.
    pub private: bool,
}

/// One benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChosenBenchmark {
    /// Name.
    pub name: String,
    /// Its options as given.
    pub options: Value,
}
