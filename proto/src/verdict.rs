//! The verdict of a job (`synthfleet.verdict.v1`): who passed which gate, who scored what, who is
//! delivered and why. A pure function of outcomes; holds no time, host or attempt of a success.

use crate::about::CostClass;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The schema name of this version.
pub const SCHEMA: &str = "synthfleet.verdict.v1";

/// How a job was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// A candidate is released.
    Winner,
    /// No candidate may be released.
    NoRelease,
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// [`SCHEMA`].
    pub schema: String,
    /// The rule that judged.
    pub rule_version: String,
    /// How it was decided.
    pub outcome: Decision,
    /// The candidate that is released.
    pub winner: Option<String>,
    /// The repeat whose sample is delivered: the lowest that passes by itself.
    pub delivered_repeat: Option<u32>,
    /// Weights profile: `balanced`, `utility`, `strict-privacy`, `sdgym2020`.
    pub profile: String,
    /// Gate profile: `balanced`, `strict`, `structure` (of `sdgym2020` alone), `off`.
    pub gate: String,
    /// Limits that replaced those of the gate profile, by gate.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, f64>,
    /// Weight of each component, used or not.
    pub weights: BTreeMap<String, f64>,
    /// What entered the score, in order.
    pub components: Vec<Component>,
    /// Eligible candidates in order of rank, then the others by score, then the failed, by name.
    pub ranking: Vec<Ranked>,
    /// What an honest and a leaking sample got: `holdout`, `train_copy`, `independent`, `flip10`.
    pub references: BTreeMap<String, Reference>,
    /// The candidate nearest to a release, if none was released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
    /// What to try, if none was released.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub advice: Vec<String>,
    /// One paragraph for people.
    pub why: String,
    /// What a reader must know before using the table.
    pub warnings: Vec<Warning>,
    /// Eligible candidates that cannot be told from the best score, in order of rank; the first is picked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tied: Vec<String>,
    /// Mean score that the pick loses against the best of each replicate; absent in rules without replicates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regret: Option<f64>,
    /// Whether the pick survives resampling; absent in rules without replicates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<bool>,
    /// Whether the first of the ranking fails a gate that its profile only shows: for research, not for use.
    #[serde(default, skip_serializing_if = "is_false")]
    pub research_only: bool,
    /// Whether tasks were cut off by deadline or interruption.
    pub partial: bool,
}

fn is_false(value: &bool) -> bool {
    !*value
}

impl Verdict {
    /// The JSON Schema of `verdict.json`.
    pub fn schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }

    /// The row of a candidate.
    pub fn row(&self, candidate: &str) -> Option<&Ranked> {
        self.ranking.iter().find(|row| row.candidate == candidate)
    }

    /// The row of the winner.
    pub fn winning_row(&self) -> Option<&Ranked> {
        self.row(self.winner.as_deref()?)
    }
}

/// One component of the score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Component {
    /// Name, as weights name it.
    pub name: String,
    /// The score that it is.
    pub score: String,
    /// Its weight.
    pub weight: f64,
    /// Whether it entered.
    pub used: bool,
    /// Why it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A candidate's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ranked {
    /// Candidate.
    pub candidate: String,
    /// Synthesizer.
    pub synthesizer: String,
    /// Place among the eligible, from 1.
    pub rank: Option<u32>,
    /// Whether it may be released.
    pub eligible: bool,
    /// Whether it is a baseline: shown, never eligible.
    pub baseline: bool,
    /// Whether no other is better in score, risk step and cost at once.
    pub on_pareto: bool,
    /// The weighted geometric mean of its components, 0 to 1; in profile `sdgym2020` the measure itself.
    pub score: Option<f64>,
    /// Lower end of its 95 % interval.
    pub score_low: Option<f64>,
    /// Upper end of its 95 % interval.
    pub score_high: Option<f64>,
    /// Share of replicates that it wins; absent in rules without replicates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub win_share: Option<f64>,
    /// Largest share of a privacy limit that is used up; above 1: beyond the balanced limit.
    pub risk: Option<f64>,
    /// Declared cost.
    pub cost: CostClass,
    /// Components, by name; `None`: undefined.
    pub components: BTreeMap<String, Option<f64>>,
    /// Why a component that counts has no value: code, by name. It counts least.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub undefined: BTreeMap<String, String>,
    /// Every gate that exists for the job.
    pub gates: Vec<Gate>,
    /// The repeat that would be delivered.
    pub delivered_repeat: Option<u32>,
    /// Repeats that gave a sample.
    pub repeats_ok: u32,
    /// Repeats that were planned.
    pub repeats: u32,
    /// Why it has no sample, or what else failed in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
    /// One sentence for people.
    pub why: String,
}

impl Ranked {
    /// What failed, in words: failures of one cause are one line, which names the first and counts the others.
    pub fn failures_told(&self) -> Vec<String> {
        let is_like = |one: &Failure, other: &Failure| (&one.code, &one.reason) == (&other.code, &other.reason);
        let mut told = Vec::new();
        for (place, first) in self.failures.iter().enumerate() {
            if self.failures[..place].iter().any(|earlier| is_like(earlier, first)) {
                continue;
            }
            let more = self.failures[place + 1..].iter().filter(|later| is_like(first, later)).count();
            let repeat = first.repeat.map(|repeat| format!(", repeat {repeat}")).unwrap_or_default();
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            told.push(format!("{}{repeat}{more}: {} ({})", first.phase, first.reason, first.code));
        }
        told
    }

    /// Whether every gate was passed, assessed or not.
    pub fn gate_passed(&self) -> bool {
        self.gates.iter().all(|gate| gate.passed)
    }
}

/// What a reference row got.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reference {
    /// The baseline whose row it is, if it has no tasks of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<String>,
    /// Its score, over the components that are defined for it.
    pub score: Option<f64>,
    /// Lower end of its 95 % interval.
    pub score_low: Option<f64>,
    /// Upper end of its 95 % interval.
    pub score_high: Option<f64>,
    /// Largest share of a privacy limit that is used up.
    pub risk: Option<f64>,
    /// Components, by name; `None`: undefined.
    pub components: BTreeMap<String, Option<f64>>,
    /// Every gate that exists for the job.
    pub gates: Vec<Gate>,
    /// Whether every gate was passed.
    pub passed: bool,
}

/// How a gate was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GateState {
    /// Met.
    Pass,
    /// Not met, or its benchmark was lost.
    Fail,
    /// Met by its bound, but the interval reaches far beyond the limit.
    WeakEvidence,
    /// Could not be judged for want of rows, holdout or benchmark.
    NotAssessed,
    /// Has no meaning for the table.
    NotApplicable,
}

impl GateState {
    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::WeakEvidence => "weak_evidence",
            Self::NotAssessed => "not_assessed",
            Self::NotApplicable => "not_applicable",
        }
    }
}

/// One gate of one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gate {
    /// Name.
    pub name: String,
    /// The score that decided it.
    pub score: String,
    /// Its value, over repeats.
    pub value: Option<f64>,
    /// Lower bound at the level of the gate.
    pub low: Option<f64>,
    /// Upper bound at the level of the gate.
    pub high: Option<f64>,
    /// Limit.
    pub limit: f64,
    /// What an honest sample gets.
    pub fair: f64,
    /// Whether the row may be released as far as this gate is concerned.
    pub passed: bool,
    /// How it was met.
    pub state: GateState,
    /// Why it has no value, or was not judged by it: code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Gate {
    /// Whether it failed by what was measured, not for want of it.
    pub fn fails_by_value(&self) -> bool {
        self.state == GateState::Fail && self.value.is_some() && self.why.is_none()
    }
}

/// Something that failed, with all a person needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Repeat, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<u32>,
    /// `profile`, `plan`, `fit`, `sample`, `check` or `benchmark:<name>`.
    pub phase: String,
    /// Code.
    pub code: String,
    /// One sentence.
    pub reason: String,
}

/// Something that a reader must know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// Stable code, for example `privacy_not_assessed`.
    pub code: String,
    /// One sentence.
    pub text: String,
}
