//! What a verdict is made of: numbers, no names of columns, no times.

use synthfleet_proto::about::CostClass;
use synthfleet_proto::job::{Gate, Weights};
use synthfleet_proto::score::Score;
use synthfleet_proto::verdict::Failure;

/// Everything that is judged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Input {
    /// Seed of the job: replicates are drawn from it and the rule.
    pub seed: u64,
    /// Gate profile and own limits, as the job gives them.
    pub gate: Gate,
    /// Weights profile or own weights, as the job gives them.
    pub weights: Weights,
    /// Benchmarks that the job chose, by name.
    pub benchmarks: Vec<String>,
    /// Every candidate, baselines and failed ones included.
    pub candidates: Vec<Row>,
    /// Reference rows with tasks of their own: `holdout`, `flip10`.
    pub references: Vec<ReferenceRow>,
    /// Whether tasks were cut off by deadline or interruption.
    pub partial: bool,
}

/// One candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Name in the job.
    pub candidate: String,
    /// Synthesizer.
    pub synthesizer: String,
    /// Declared cost.
    pub cost: CostClass,
    /// Shown, never eligible.
    pub baseline: bool,
    /// Its samples hold real rows: never eligible.
    pub real_rows: bool,
    /// Repeats that were planned.
    pub planned: u32,
    /// Repeats that were begun.
    pub repeats: Vec<Repeat>,
    /// Why none was begun: phase `plan`.
    pub skipped: Option<Failure>,
}

/// One repeat.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Repeat {
    /// Number, from 0.
    pub number: u32,
    /// Whether there is a sample.
    pub sampled: bool,
    /// Scores of all its benchmarks.
    pub scores: Vec<Score>,
    /// What failed: `fit` or `sample` (then there is no sample), or `benchmark:<name>`.
    pub failures: Vec<Failure>,
}

/// A reference row with tasks of its own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReferenceRow {
    /// `holdout` or `flip10`.
    pub name: String,
    /// Scores of all its benchmarks.
    pub scores: Vec<Score>,
    /// What failed: `benchmark:<name>`.
    pub failures: Vec<Failure>,
}
