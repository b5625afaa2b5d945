//! The facts `plan-0`, `plan-1`, `plan-2`: which tasks there are, as groups, each with what it needs.

mod shared;

use crate::about::{CostClass, Reason};
use crate::task::{TaskId, TaskKind, TaskName};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::groups as shared_groups;
use std::ops::Range;
use std::sync::Arc;

/// One plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanFact {
    /// Version.
    pub v: u16,
    /// 0: profile; 1: synthesize and benchmark; 2: generate.
    pub plan: u8,
    /// What it was made from.
    pub inputs: PlanInputs,
    /// Members it uses, with the version each must have.
    pub members: Vec<PlannedMember>,
    /// Tasks, as groups.
    #[serde(deserialize_with = "shared_groups")]
    pub groups: Vec<Group>,
    /// What was wished and is not done, with the reason.
    pub skipped: Vec<SkippedPart>,
}

/// What a plan was made from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanInputs {
    /// SHA-256 of the spec.
    pub spec_sha256: String,
    /// SHA-256 of the profile task's outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_sha256: Option<String>,
    /// SHA-256 of the selection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection_sha256: Option<String>,
}

/// A member and the version that the plan was made for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PlannedMember {
    /// What it does.
    pub kind: TaskKind,
    /// Name.
    pub name: String,
    /// `major.minor`.
    pub version: String,
    /// SHA-256 of what it says of itself: every replica judges and reports by the same words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about_sha256: String,
}

/// Tasks that differ in a number only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Name: the id of its task, or the id without the shard number if `count` is above 1.
    pub group: String,
    /// What they do.
    pub kind: TaskKind,
    /// Member; empty for profile and generate.
    pub name: String,
    /// Candidate, or a name of a reference row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<String>,
    /// Repeat, from 0.
    pub repeat: u32,
    /// How many tasks.
    pub count: u32,
    /// Tasks whose outcome must be `ok` before these can run.
    pub needs: Vec<TaskId>,
    /// Options of the member, or of the built-in operation. Groups with equal ones share them.
    pub options: Arc<Value>,
    /// Rows to make: of all tasks together.
    pub rows: u64,
    /// Seconds one task may take.
    pub task_seconds: f64,
    /// Planned memory of one task.
    pub memory_bytes: u64,
    /// Declared cost: what is dear begins first.
    pub cost: CostClass,
    /// Whether the member writes checkpoints.
    pub checkpoint: bool,
}

impl Group {
    /// The option of a group of generate tasks that tells the rows of each but the last.
    pub const SHARD_ROWS: &'static str = "shard_rows";

    /// The rows that one of its tasks makes, of all rows of the group.
    pub fn rows_of(&self, task: &TaskId) -> Range<u64> {
        let size = self.options.get(Self::SHARD_ROWS).and_then(Value::as_u64);
        match (task.name(), size) {
            (TaskName::Generate { shard, .. }, Some(size)) => {
                let place = |shard: u64| size.saturating_mul(shard).min(self.rows);
                place(u64::from(shard))..place(u64::from(shard) + 1)
            }
            _ => 0..self.rows,
        }
    }

    /// The ids of its tasks, in order.
    pub fn tasks(&self) -> Vec<TaskId> {
        let candidate = self.candidate.as_deref().unwrap_or_default();
        match self.kind {
            TaskKind::Profile => vec![TaskId::profile()],
            TaskKind::Synthesize => vec![TaskId::synthesize(candidate, self.repeat)],
            TaskKind::Benchmark => vec![TaskId::benchmark(candidate, self.repeat, &self.name)],
            TaskKind::Generate => (0..self.count).map(|shard| TaskId::generate(candidate, self.repeat, shard)).collect(),
        }
    }
}

impl PlanFact {
    /// The group of a task, if the plan has it.
    pub fn group_of(&self, task: &TaskId) -> Option<&Group> {
        self.groups.iter().find(|group| group.kind == task.kind() && group.tasks().contains(task))
    }

    /// The version of a member that the plan was made for.
    pub fn version_of(&self, kind: TaskKind, name: &str) -> Option<&str> {
        self.members.iter().find(|member| member.kind == kind && member.name == name).map(|member| member.version.as_str())
    }
}

/// Something that was wished and is not done: a whole candidate, or one benchmark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedPart {
    /// Candidate; `None`: a benchmark for all candidates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<String>,
    /// Benchmark; `None`: the candidate itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub benchmark: Option<String>,
    /// Why.
    pub reason: Reason,
}
