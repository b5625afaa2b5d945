//! What people and programs are told while a job runs: `--events jsonl` and, with the fleet, SSE.

use crate::error::WireError;
use crate::job::JobState;
use crate::score::Score;
use crate::task::TaskKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One event of one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The job.
    pub job: String,
    /// Milliseconds since 1970.
    pub at: i64,
    /// What happened.
    #[serde(flatten)]
    pub what: Happening,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "events are made one by one and sent at once")]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Happening {
    /// The job is in another state.
    State {
        /// The state.
        state: JobState,
        /// Of a done job: `winner` or `no_release`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<String>,
    },
    /// The plan is known.
    Planned {
        /// All tasks, with the reason of those that are not done.
        tasks: u32,
        /// Candidates without baselines.
        candidates: u32,
        /// Repeats of each.
        repeats: u32,
    },
    /// A task is in another state.
    Task(TaskEvent),
    /// How far a task is.
    Progress {
        /// The task.
        task: String,
        /// Share done, 0 to 1.
        fraction: f64,
        /// What is being done.
        phase: String,
        /// Seconds still needed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        eta_seconds: Option<f64>,
    },
    /// A training curve's next value.
    Measure {
        /// The task.
        task: String,
        /// What is measured.
        name: String,
        /// Step.
        step: u64,
        /// Value.
        value: f64,
    },
    /// A score is known.
    Score {
        /// Candidate.
        candidate: String,
        /// Repeat.
        repeat: u32,
        /// The score.
        score: Box<Score>,
    },
    /// The table was read.
    Profile {
        /// What planning and people need to know.
        summary: Box<crate::fact::ProfileSummary>,
    },
    /// A remark.
    Note {
        /// Stable code.
        code: String,
        /// One sentence.
        text: String,
    },
    /// The judgement.
    Verdict {
        /// `synthfleet.verdict.v1`.
        verdict: Value,
    },
    /// The output is complete.
    Published {
        /// Paths in the output folder.
        files: Vec<String>,
    },
}

/// Where a task stands, as users see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Waits for what it needs.
    Planned,
    /// Waits for a worker.
    Queued,
    /// Runs.
    Running,
    /// Done.
    Done,
    /// Failed for good.
    Failed,
    /// Not done, with a reason.
    Skipped,
    /// Told to stop.
    Cancelled,
}

/// A task is in another state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskEvent {
    /// The task.
    pub task: String,
    /// What it does.
    pub kind: TaskKind,
    /// Candidate or reference row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<String>,
    /// Repeat.
    pub repeat: u32,
    /// Benchmark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub benchmark: Option<String>,
    /// Where it stands.
    pub state: TaskState,
    /// Attempt.
    pub attempt: u16,
    /// Worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Seconds it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Its result was taken from an earlier job.
    #[serde(default)]
    pub from_cache: bool,
    /// Why it failed or was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<WireError>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_flat_object() {
        let what = Happening::Progress { task: "syn-seqtree-r0".into(), fraction: 0.5, phase: "fit".into(), eta_seconds: None };
        let event = Event { job: "job_x".into(), at: 7, what };
        let text = serde_json::to_string(&event).expect("plain data");
        assert_eq!(text, r#"{"job":"job_x","at":7,"type":"progress","task":"syn-seqtree-r0","fraction":0.5,"phase":"fit"}"#);
        assert_eq!(serde_json::from_str::<Event>(&text).expect("own form"), event);
    }
}
