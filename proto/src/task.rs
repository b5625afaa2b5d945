//! Tasks: what kinds there are, how they are named, and `task.json`, the whole of what a task process is told.

use crate::metadata::ProblemType;
use crate::{Error, Result, id};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Reads a table, finds types and kinds, stages train and holdout.
    Profile,
    /// Fits a synthesizer and draws the scored sample.
    Synthesize,
    /// Scores a sample.
    Benchmark,
    /// Writes the delivered table.
    Generate,
}

impl TaskKind {
    /// Every kind, in the order of a job's life.
    pub const ALL: [Self; 4] = [Self::Profile, Self::Synthesize, Self::Benchmark, Self::Generate];

    /// The name used in files, selectors and events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Synthesize => "synthesize",
            Self::Benchmark => "benchmark",
            Self::Generate => "generate",
        }
    }
}

/// The id of a task inside its job, at most 64 characters. Clones share the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskId(Arc<str>);

/// What a task id says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskName<'a> {
    /// `profile`
    Profile,
    /// `syn-<candidate>-r<repeat>`
    Synthesize {
        /// Candidate.
        candidate: &'a str,
        /// Repeat, from 0.
        repeat: u32,
    },
    /// `ben-<candidate>-r<repeat>-<benchmark>`
    Benchmark {
        /// Candidate, or `ref_holdout`, `ref_flip10`, `ref_prepare`.
        candidate: &'a str,
        /// Repeat, from 0.
        repeat: u32,
        /// Benchmark.
        benchmark: &'a str,
    },
    /// `gen-<candidate>-r<repeat>-<7 digits>`
    Generate {
        /// Candidate.
        candidate: &'a str,
        /// Repeat, from 0.
        repeat: u32,
        /// Shard, from 0.
        shard: u32,
    },
}

/// The candidate name under which shared preparations of benchmarks run.
pub const PREPARE: &str = "ref_prepare";

/// The candidate name of the holdout reference row.
pub const HOLDOUT: &str = "ref_holdout";

/// The candidate name of the reference row of slightly changed train rows.
pub const FLIP10: &str = "ref_flip10";

impl TaskId {
    /// The profile task.
    pub fn profile() -> Self {
        Self("profile".into())
    }

    /// A synthesize task.
    pub fn synthesize(candidate: &str, repeat: u32) -> Self {
        Self(format!("syn-{candidate}-r{repeat}").into())
    }

    /// A benchmark task.
    pub fn benchmark(candidate: &str, repeat: u32, benchmark: &str) -> Self {
        Self(format!("ben-{candidate}-r{repeat}-{benchmark}").into())
    }

    /// A generate task.
    pub fn generate(candidate: &str, repeat: u32, shard: u32) -> Self {
        Self(format!("gen-{candidate}-r{repeat}-{shard:07}").into())
    }

    /// Reads an id as messages and keys carry it.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() <= 64 && parts(text).is_some() {
            return Ok(Self(text.into()));
        }
        let shown: String = text.chars().take(80).collect();
        Err(Error::invalid("task::id", format!("{shown:?} is not the id of a task")))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it says.
    pub fn name(&self) -> TaskName<'_> {
        parts(&self.0).unwrap_or(TaskName::Profile)
    }

    /// What the task does.
    pub fn kind(&self) -> TaskKind {
        match self.name() {
            TaskName::Profile => TaskKind::Profile,
            TaskName::Synthesize { .. } => TaskKind::Synthesize,
            TaskName::Benchmark { .. } => TaskKind::Benchmark,
            TaskName::Generate { .. } => TaskKind::Generate,
        }
    }
}

fn parts(text: &str) -> Option<TaskName<'_>> {
    let mut parts = text.split('-');
    let (head, rest) = (parts.next()?, parts.collect::<Vec<_>>());
    let name = |name| id::check_name("name", name, 24).is_ok().then_some(name);
    let repeat = |text: &str| {
        let digits = text.strip_prefix('r')?;
        let number: u32 = digits.parse().ok()?;
        (number.to_string() == digits).then_some(number)
    };
    match (head, rest.as_slice()) {
        ("profile", []) => Some(TaskName::Profile),
        ("syn", [candidate, r]) => Some(TaskName::Synthesize { candidate: name(candidate)?, repeat: repeat(r)? }),
        ("ben", [candidate, r, benchmark]) => {
            Some(TaskName::Benchmark { candidate: name(candidate)?, repeat: repeat(r)?, benchmark: name(benchmark)? })
        }
        ("gen", [candidate, r, shard]) if shard.len() == 7 && shard.bytes().all(|b| b.is_ascii_digit()) => {
            Some(TaskName::Generate { candidate: name(candidate)?, repeat: repeat(r)?, shard: shard.parse().ok()? })
        }
        _ => None,
    }
}

impl std::fmt::Display for TaskId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for TaskId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<TaskId> for String {
    fn from(id: TaskId) -> Self {
        id.as_str().to_owned()
    }
}

/// `task.json`: everything a task process is told. Paths are fixed: given files lie in `in/`, made ones in
/// `out/`, checkpoints in `ckpt/`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskFile {
    /// `synthfleet.child.v1`.
    pub schema: String,
    /// `profile`, `synthesize`, `generate`, `benchmark` or `describe`.
    pub op: String,
    /// Member, or empty for profile and generate of built-ins.
    pub name: String,
    /// Options of the member; for `profile` and `generate` the matching part of the plan.
    pub options: Value,
    /// The task's seed, a decimal string of 64 bits.
    #[serde(with = "decimal")]
    pub seed: u64,
    /// The seed that all candidates of the job share, a decimal string of 64 bits.
    #[serde(with = "decimal")]
    pub shared_seed: u64,
    /// Rows to make.
    #[serde(default)]
    pub rows: u64,
    /// Seconds the task may take; enforced outside.
    pub seconds: f64,
    /// Planned memory in bytes.
    pub memory_bytes: u64,
    /// Threads that may work at once.
    pub threads: u32,
    /// Column that utility is judged on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What the target asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<ProblemType>,
    /// Benchmarks: `holdout`, `flip10` or `prepare` instead of a sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The checkpoint to go on from, a path below `in/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
    /// Whether checkpoints are wanted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub checkpoint: bool,
}

impl TaskFile {
    /// The schema name of this version.
    pub const SCHEMA: &'static str = "synthfleet.child.v1";
}

/// Numbers of 64 bits as decimal strings: JSON readers of other languages lose bits beyond 53.
mod decimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_split_at_hyphens() {
        let id = TaskId::benchmark("seqtree_2", 3, "pair_trends");
        assert_eq!(id.as_str(), "ben-seqtree_2-r3-pair_trends");
        assert_eq!(id.name(), TaskName::Benchmark { candidate: "seqtree_2", repeat: 3, benchmark: "pair_trends" });
        assert_eq!(TaskId::generate("clbn", 0, 12).as_str(), "gen-clbn-r0-0000012");
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for wrong in ["", "syn", "syn-a", "syn-a-r01", "syn-A-r0", "ben-a-r0", "gen-a-r0-12", "syn-a-r0-x-y", "profile-r0", "syn-a-r-1"] {
            assert!(TaskId::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_longest_names_stay_within_64_characters() {
        let longest = "x".repeat(24);
        assert!(TaskId::parse(TaskId::benchmark(&longest, 19, &longest).as_str()).is_ok());
    }

    #[test]
    fn seeds_travel_as_decimal_strings() {
        let file = TaskFile {
            schema: TaskFile::SCHEMA.into(),
            op: "synthesize".into(),
            name: "seqtree".into(),
            options: Value::Null,
            seed: u64::MAX,
            shared_seed: 1,
            rows: 5,
            seconds: 10.0,
            memory_bytes: 1,
            threads: 1,
            target: None,
            problem: None,
            reference: None,
            resume: None,
            checkpoint: false,
        };
        let value = serde_json::to_value(&file).expect("plain data");
        assert_eq!(value["seed"], "18446744073709551615");
        assert_eq!(serde_json::from_value::<TaskFile>(value).expect("own form"), file);
    }
}
