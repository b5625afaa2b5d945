//! Gates: bounds against limits.

use super::pool::{Pool, Pooled};
use super::rule::{Exists, GATES, GateProfile, GateRule, Rule, Test, WEAK};
use std::collections::BTreeSet;
use synthfleet_proto::verdict::{Gate, GateState};

/// A benchmark was lost: never a pass.
const LOST: [&str; 3] = ["failed", "over_budget", "not_a_number"];
/// The statistic has no meaning for the table.
const MEANINGLESS: [&str; 4] = ["not_applicable", "no_columns", "constant", "all_missing"];
/// How far rounding may keep a share from its limit.
const HAIR: f64 = 1e-12;

/// All gates of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Gates {
    gates: Vec<(GateRule, Gate)>,
    profile: GateProfile,
}

impl Gates {
    /// Holds a row against the rule. `known`: scores that some row of the job carries; `trusted`: whether
    /// the job's holdout passes the privacy gates, without which they prove nothing.
    pub fn of(rule: &Rule, pool: &Pool, benchmarks: &[String], known: &BTreeSet<&str>, trusted: bool) -> Self {
        let exists = |gate: &&GateRule| match gate.exists {
            Exists::Always => true,
            Exists::WithScore => gate.scores.iter().any(|score| known.contains(score)),
            Exists::OnRequest => rule.limits.contains_key(gate.name),
        };
        let one = |gate: &GateRule| (*gate, hold(rule, gate, pool, benchmarks, trusted));
        Self { gates: GATES.iter().filter(exists).map(one).collect(), profile: rule.gate_profile }
    }

    /// Whether no gate keeps the row out of the ranking.
    pub fn passed(&self) -> bool {
        match self.profile {
            GateProfile::Balanced | GateProfile::Strict => self.all_passed(),
            GateProfile::Structure => self.gates.iter().all(|(_, gate)| gate.passed || gate.name != "structure"),
            GateProfile::Off => true,
        }
    }

    /// Whether every gate is passed, those that are only shown as well.
    pub fn all_passed(&self) -> bool {
        self.gates.iter().all(|(_, gate)| gate.passed)
    }

    /// Whether a privacy gate failed by its value.
    pub fn any_privacy_failure(&self) -> bool {
        self.gates.iter().any(|(rule, gate)| rule.privacy && gate.fails_by_value())
    }

    /// Largest used share of a balanced privacy limit; `None`: no such gate has a value.
    pub fn risk(&self) -> Option<f64> {
        let used = |(rule, gate): &(GateRule, Gate)| Some(((gate.value? - rule.fair) / (rule.balanced - rule.fair)).max(0.0));
        self.gates.iter().filter(|(rule, _)| rule.risk).filter_map(used).max_by(f64::total_cmp)
    }

    /// The gates as the verdict tells them.
    pub fn wire(&self) -> Vec<Gate> {
        self.gates.iter().map(|(_, gate)| gate.clone()).collect()
    }
}

fn hold(rule: &Rule, gate: &GateRule, pool: &Pool, benchmarks: &[String], trusted: bool) -> Gate {
    let limit = rule.limit(gate);
    let found: Vec<(&str, &Pooled)> = gate.scores.iter().filter_map(|score| Some((*score, pool.get(score)?.as_ref().ok()?))).collect();
    let mut held = match worst(gate.test, &found) {
        None => without_value(gate, limit, pool, benchmarks),
        Some((score, pooled)) => {
            let state = state(rule, gate, limit, &found);
            let (value, low, high) = (Some(pooled.value), Some(pooled.low), Some(pooled.high));
            Gate { value, low, high, state, ..blank(gate, score, limit) }
        }
    };
    if let Some((score, broken)) = gate.whole.and_then(|score| Some((score, pool.get(score)?.as_ref().ok()?)))
        && broken.value < 1.0 - HAIR
    {
        let (value, low, high) = (Some(broken.value), Some(broken.low), Some(broken.high));
        held = Gate { value, low, high, state: GateState::Fail, ..blank(gate, score, 1.0) };
    }
    let lost = gate.scores.iter().find_map(|score| pool.get(score)?.as_ref().err().filter(|one| LOST.contains(&one.code.as_str())));
    if let Some(lost) = lost {
        (held.state, held.why) = (GateState::Fail, Some(lost.code.clone()));
    }
    if gate.privacy && !trusted && held.value.is_some() && held.why.is_none() {
        held.state = GateState::NotAssessed;
        held.why = Some("split_not_exchangeable".to_owned());
    }
    held.passed = match held.state {
        GateState::Pass | GateState::NotApplicable => true,
        GateState::Fail => false,
        GateState::WeakEvidence | GateState::NotAssessed => rule.gate_profile != GateProfile::Strict,
    };
    held
}

fn blank(gate: &GateRule, score: &str, limit: f64) -> Gate {
    Gate {
        name: gate.name.to_owned(),
        score: score.to_owned(),
        value: None,
        low: None,
        high: None,
        limit,
        fair: gate.fair,
        passed: false,
        state: GateState::Fail,
        why: None,
    }
}

/// The statistic that is nearest to failing.
fn worst<'a>(test: Test, found: &[(&'a str, &'a Pooled)]) -> Option<(&'a str, &'a Pooled)> {
    let badness = |pooled: &Pooled| match test {
        Test::AtLeast => -pooled.value,
        Test::LowerAtMost => pooled.low,
        Test::UpperAtLeast => -pooled.high,
        Test::ValueAtMost => pooled.value,
    };
    // of equals the first
    found.iter().copied().rev().max_by(|a, b| badness(a.1).total_cmp(&badness(b.1)))
}

fn state(rule: &Rule, gate: &GateRule, limit: f64, found: &[(&str, &Pooled)]) -> GateState {
    let reach = limit * if rule.gate_profile == GateProfile::Strict { 2.5 } else { 2.0 };
    let passes = |pooled: &Pooled| match gate.test {
        Test::AtLeast => pooled.value >= limit - HAIR,
        Test::LowerAtMost => pooled.low <= limit,
        Test::UpperAtLeast => pooled.high >= limit,
        Test::ValueAtMost => pooled.value <= limit && pooled.high <= reach,
    };
    // too few attacks prove neither a risk nor that there is none
    let proves_nothing = |pooled: &Pooled| gate.test == Test::ValueAtMost && (pooled.value <= limit || pooled.low <= gate.fair);
    let weak = |pooled: &Pooled| match gate.test {
        Test::AtLeast => false,
        Test::ValueAtMost => !passes(pooled),
        Test::LowerAtMost => pooled.high > limit + WEAK,
        Test::UpperAtLeast => pooled.low < limit - WEAK,
    };
    if !found.iter().all(|(_, pooled)| passes(pooled) || proves_nothing(pooled)) {
        GateState::Fail
    } else if found.iter().any(|(_, pooled)| weak(pooled)) {
        GateState::WeakEvidence
    } else {
        GateState::Pass
    }
}

/// A gate whose statistics are all undefined.
fn without_value(gate: &GateRule, limit: f64, pool: &Pool, benchmarks: &[String]) -> Gate {
    let undefined = gate.scores.iter().find_map(|score| pool.get(score)?.as_ref().err());
    let code = match (undefined, pool.lost(gate.benchmark)) {
        (Some(undefined), _) => undefined.code.as_str(),
        (None, Some(failure)) if is_of_table(&failure.code) => &failure.code,
        (None, Some(_)) => "failed",
        (None, None) if benchmarks.iter().any(|name| name == gate.benchmark) => "failed",
        (None, None) => "not_chosen",
    };
    let state = match code {
        code if LOST.contains(&code) => GateState::Fail,
        code if MEANINGLESS.contains(&code) => GateState::NotApplicable,
        _ => GateState::NotAssessed,
    };
    Gate { state, why: Some(code.to_owned()), ..blank(gate, gate.scores[0], limit) }
}

/// Whether a benchmark was not done for a reason that lies in the table, not in the candidate.
fn is_of_table(code: &str) -> bool {
    matches!(code, "too_few_rows" | "no_holdout" | "no_target" | "not_applicable" | "no_columns" | "too_many_columns" | "too_many_levels")
}
