//! Sentences that page and card share: what the numbers mean for somebody who wants to use the table.

use crate::bundle::Bundle;
use crate::number::{percent, score};
use synthfleet_proto::job::PRIVACY_GATES;
use synthfleet_proto::verdict::{Decision, Gate, GateState, Verdict};

/// Whether a use is advisable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Nothing speaks against it.
    Yes,
    /// With the care that is told.
    Care,
    /// Not advisable.
    No,
    /// Cannot be told.
    Unknown,
}

impl Fit {
    /// The word shown.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Care => "with care",
            Self::No => "no",
            Self::Unknown => "not assessed",
        }
    }
}

/// A use, whether it is advisable, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// What one would do with the table.
    pub what: &'static str,
    /// Whether it is advisable.
    pub fit: Fit,
    /// The rule with its numbers.
    pub rule: String,
}

/// One sentence that says how the job ended.
pub fn headline(bundle: &Bundle) -> String {
    let verdict = bundle.verdict();
    match (verdict.outcome, bundle.subject()) {
        (Decision::Winner, Some(row)) => {
            let holdout = verdict.references.get("holdout").and_then(|reference| reference.score);
            let beside = holdout.map(|holdout| format!(" [holdout {}]", score(holdout))).unwrap_or_default();
            match row.score {
                Some(value) => format!("{} wins with a score of {}{beside}", row.candidate, score(value)),
                None => format!("{} is chosen without a score: too little could be measured", row.candidate),
            }
        }
        _ => "No candidate may be released".to_owned(),
    }
}

/// Two sentences: what was made, and how far it can be trusted.
pub fn meaning(bundle: &Bundle) -> String {
    let (verdict, row) = (bundle.verdict(), bundle.subject_row());
    if verdict.outcome == Decision::NoRelease {
        let tried = verdict.ranking.iter().filter(|row| !row.baseline).count();
        return format!(
            "None of the {tried} candidates passed every gate, so no synthetic table is published. \
             The numbers below tell which gate refused whom and by how much."
        );
    }
    let holdout = bundle.reference("holdout");
    let near = match (row.value("accuracy"), row.value("accuracy.ceiling")) {
        (Some(value), Some(ceiling)) if ceiling > 0.0 => {
            let share = percent((value / ceiling).min(1.0));
            format!(
                "Counts of one, two and three columns agree with the real table to {share} of what a fresh real sample of the same size would"
            )
        }
        _ => "The synthetic table keeps the form of the real one".to_owned(),
    };
    let privacy = match (row.value("distances.dcr_share"), holdout.value("distances.dcr_share")) {
        (Some(share), _) => format!(
            "{} of its rows lie nearer to a row that was learnt than to one that was not (50 % means no trace of learning by heart)",
            percent(share)
        ),
        _ => "its privacy could not be assessed by comparison with rows that were held out".to_owned(),
    };
    format!("{near}. As for privacy, {privacy}.")
}

/// What intake says of a table with hardly any rows; `None` for all others.
pub fn tiny<'a>(bundle: &Bundle<'a>) -> Option<&'a str> {
    bundle.profile.notes.iter().find(|note| note.code == "tiny_table").map(|note| note.text.as_str())
}

/// What the table is fit for, with the rules.
pub fn uses(bundle: &Bundle) -> Vec<Use> {
    let row = bundle.subject_row();
    let gates = bundle.subject().map(|subject| subject.gates.as_slice()).unwrap_or_default();
    vec![
        by_threshold("testing software", row.value("diagnostic"), (0.99, 0.95), "validity (diagnostic)"),
        by_threshold(
            "single columns and their summaries",
            ratio(row.value("accuracy.univariate"), row.value("accuracy.univariate_ceiling")),
            (0.98, 0.94),
            "univariate accuracy over its ceiling",
        ),
        by_threshold(
            "relations of columns",
            ratio(row.value("accuracy.bivariate"), row.value("accuracy.bivariate_ceiling")),
            (0.97, 0.9),
            "bivariate accuracy over its ceiling",
        ),
        by_threshold(
            "training models for the target",
            row.value("ml_efficacy"),
            (0.95, 0.8),
            "utility of a model trained on it, relative to real rows (ml_efficacy)",
        ),
        sharing("sharing inside the organisation", gates, false),
        sharing("publishing", gates, true),
    ]
}

fn ratio(value: Option<f64>, ceiling: Option<f64>) -> Option<f64> {
    value.zip(ceiling).filter(|(_, ceiling)| *ceiling > 0.0).map(|(value, ceiling)| (value / ceiling).min(1.0))
}

fn by_threshold(what: &'static str, value: Option<f64>, (yes, care): (f64, f64), name: &str) -> Use {
    let fit = match value {
        None => Fit::Unknown,
        Some(value) if value >= yes => Fit::Yes,
        Some(value) if value >= care => Fit::Care,
        Some(_) => Fit::No,
    };
    let is = value.map_or_else(|| "undefined".to_owned(), score);
    Use { what, fit, rule: format!("{name} is {is}; yes from {yes}, with care from {care}") }
}

/// How sure the pick is, in one sentence; empty under rules without replicates.
pub fn certainty(verdict: &Verdict) -> String {
    let (Some(regret), Some(stable)) = (verdict.regret, verdict.stable) else { return String::new() };
    let tied = match verdict.tied.as_slice() {
        [] | [_] => "no other is tied with the first".to_owned(),
        [_, others @ ..] => format!("tied with the first: {}", others.join(", ")),
    };
    let stable = if stable { "stable under resampling" } else { "not stable under resampling" };
    format!("{stable}; {tied}; mean score lost by the pick in replicates {regret:.4}")
}

fn sharing(what: &'static str, gates: &[Gate], outside: bool) -> Use {
    let is_meant = |gate: &&Gate| PRIVACY_GATES.contains(&gate.name.as_str()) && gate.state != GateState::NotApplicable;
    let privacy: Vec<&Gate> = gates.iter().filter(is_meant).collect();
    let any = |state: GateState| privacy.iter().any(|gate| gate.state == state);
    let assessed = !privacy.is_empty() && !any(GateState::NotAssessed);
    let fit = match () {
        () if any(GateState::Fail) => Fit::No,
        () if !assessed => Fit::Unknown,
        () if outside || any(GateState::WeakEvidence) => Fit::Care,
        () => Fit::Yes,
    };
    let tally = Tally::of(&privacy);
    let mut rule = format!("{} of {} privacy gates passed", tally.passed, privacy.len());
    if tally.unknown > 0 {
        rule.push_str(&format!(", {} not assessed", tally.unknown));
    }
    if outside {
        rule.push_str("; without a formal guarantee (differential privacy) a person should decide");
    }
    Use { what, fit, rule }
}

/// How gates were met: one that could not be assessed is not held against a candidate, but was not passed either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Judged and passed, on weak evidence too.
    pub passed: usize,
    /// Not assessed.
    pub unknown: usize,
}

impl Tally {
    /// Counts gates.
    pub fn of(gates: &[&Gate]) -> Self {
        let unknown = gates.iter().filter(|gate| gate.state == GateState::NotAssessed).count();
        let passed = gates.iter().filter(|gate| gate.passed && gate.state != GateState::NotAssessed).count();
        Self { passed, unknown }
    }
}

/// How a gate was met, in words.
pub const fn state(state: GateState) -> &'static str {
    match state {
        GateState::Pass => "pass",
        GateState::Fail => "fail",
        GateState::WeakEvidence => "pass, weak evidence",
        GateState::NotAssessed => "not assessed",
        GateState::NotApplicable => "not applicable",
    }
}

/// What a gate asks.
pub fn gate_meaning(name: &str) -> &'static str {
    match name {
        "structure" => "columns and types are those of the real table",
        "validity" => "values lie among legal labels and ranges",
        "keys" => "keys are unique",
        "constraints" => "accepted rules hold",
        "pii_copy" => "identifying values are not copied",
        "identical" => "no more rows equal a learnt row than equal a held-out one",
        "dcr_share" => "rows lie no nearer to learnt rows than to held-out ones",
        "nndr" => "rows do not crowd around single learnt rows",
        "membership_nn" => "an attacker cannot tell by distance who was learnt",
        "membership_density" => "an attacker cannot tell by density who was learnt",
        "singling_out" | "linkability" | "inference" => "an attack succeeds no more often than on people who were not learnt",
        "disclosure" => "keys reveal no more of people who were learnt than of others",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishing_without_a_guarantee_is_never_a_plain_yes() {
        let gate = |state| Gate {
            name: "dcr_share".to_owned(),
            score: "distances".to_owned(),
            value: Some(0.5),
            low: None,
            high: None,
            limit: 0.52,
            fair: 0.5,
            passed: true,
            state,
            why: None,
        };
        assert_eq!(sharing("x", &[gate(GateState::Pass)], true).fit, Fit::Care);
        assert_eq!(sharing("x", &[gate(GateState::Pass)], false).fit, Fit::Yes);
        assert_eq!(sharing("x", &[gate(GateState::Fail)], false).fit, Fit::No);
        assert_eq!(sharing("x", &[gate(GateState::NotAssessed)], false).fit, Fit::Unknown);
        assert_eq!(sharing("x", &[], false).fit, Fit::Unknown);
        let told = sharing("x", &[gate(GateState::Pass), gate(GateState::NotAssessed), gate(GateState::NotApplicable)], false);
        assert_eq!(told.rule, "1 of 2 privacy gates passed, 1 not assessed");
    }

    #[test]
    fn a_use_tells_its_rule() {
        let found = by_threshold("x", Some(0.96), (0.98, 0.94), "accuracy");
        assert_eq!((found.fit, found.rule.as_str()), (Fit::Care, "accuracy is 0.960; yes from 0.98, with care from 0.94"));
    }
}
