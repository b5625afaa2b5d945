//! The verdict in sentences: why, warnings, advice. They repeat numbers of the verdict and add none.

use super::Judged;
use super::order::{is_unassessed, risk_step, tied, within_tie};
use super::rule::COMPONENT_MIN;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use synthfleet_proto::verdict::{Decision, Gate, GateState, Ranked, Verdict, Warning};

/// Fills the sentence of every row and the paragraph of the verdict.
pub(super) fn explain(verdict: &mut Verdict) {
    let tied = tied(&verdict.ranking);
    let rows: Vec<String> = (0..verdict.ranking.len()).map(|place| of_row(verdict, place, tied)).collect();
    verdict.ranking.iter_mut().zip(rows).for_each(|(row, why)| row.why = why);
    verdict.why = paragraph(verdict, tied);
}

fn of_row(verdict: &Verdict, place: usize, tied: usize) -> String {
    let row = &verdict.ranking[place];
    if row.gates.is_empty() {
        return match row.failures.first() {
            Some(failure) => format!("No sample: {} failed with {}, {}.", failure.phase, failure.code, failure.reason),
            None => "No sample.".to_owned(),
        };
    }
    if row.baseline {
        return "A baseline, shown for comparison and never released.".to_owned();
    }
    let failed: Vec<String> = row.gates.iter().filter(|gate| !gate.passed).map(of_gate).collect();
    if !row.eligible {
        return match failed.is_empty() {
            false => format!("Not released: {}.", failed.join("; ")),
            true if row.delivered_repeat.is_none() => "Not released: no repeat passes every gate by itself.".to_owned(),
            true => "Not released: its samples hold real rows.".to_owned(),
        };
    }
    let score = row.score.unwrap_or(0.0);
    match place {
        0 => format!("First of {} eligible: score {score:.3}.", verdict.ranking.iter().filter(|row| row.eligible).count()),
        place if place < tied => format!("Score {score:.3}, tied with the first; {}.", tie_rule(&verdict.ranking[0], row)),
        _ => {
            let first = verdict.ranking[0].score.unwrap_or(0.0);
            format!("Score {score:.3}, {:.3} below the first.", first - score)
        }
    }
}

fn of_gate(gate: &Gate) -> String {
    let Gate { name, limit, .. } = gate;
    match (gate.value, gate.state, gate.why.as_deref()) {
        (_, GateState::NotAssessed, why) => format!("{name} could not be assessed ({})", why.unwrap_or("unknown")),
        (Some(value), GateState::WeakEvidence, _) => {
            format!("{name} is {value:.3}, but the interval {} reaches too far beyond the limit {limit}", interval(gate))
        }
        (Some(value), _, _) => format!("{name} is {value:.3} {}, limit {limit}", interval(gate)),
        (None, _, why) => format!("{name} was lost ({})", why.unwrap_or("unknown")),
    }
}

fn interval(gate: &Gate) -> String {
    match (gate.low, gate.high) {
        (Some(low), Some(high)) if low != high => format!("[{low:.3}, {high:.3}]"),
        _ => String::new(),
    }
    .trim()
    .to_owned()
}

/// Which rule put one tied row before another.
fn tie_rule(first: &Ranked, other: &Ranked) -> &'static str {
    if risk_step(first) != risk_step(other) {
        "the first has the lower risk"
    } else if first.cost != other.cost {
        "the first costs less"
    } else if within_tie(&renamed(first, other), other) == Ordering::Equal {
        "the name decides"
    } else {
        "the first has the higher score"
    }
}

/// The row under the other's name: equal in order only if nothing but the name differs.
fn renamed(row: &Ranked, other: &Ranked) -> Ranked {
    Ranked { candidate: other.candidate.clone(), ..row.clone() }
}

fn paragraph(verdict: &Verdict, tied: usize) -> String {
    let mut sentences = Vec::new();
    match (verdict.outcome, verdict.ranking.first(), &verdict.nearest) {
        (Decision::Winner, Some(first), _) => {
            let eligible = verdict.ranking.iter().filter(|row| row.eligible).count();
            let others = verdict.ranking.iter().filter(|row| !row.baseline).count();
            sentences.push(format!(
                "{} wins: score {:.3}, first of {eligible} eligible of {others}.",
                first.candidate,
                first.score.unwrap_or(0.0)
            ));
            if let Some(second) = verdict.ranking.get(1).filter(|row| row.eligible) {
                sentences.push(if tied > 1 {
                    format!("{} is tied with it within .002; {}.", second.candidate, tie_rule(first, second))
                } else {
                    format!("{} follows at {:.3}; {}.", second.candidate, second.score.unwrap_or(0.0), decider(verdict, first, second))
                });
            }
        }
        (_, _, Some(nearest)) => sentences.push(format!("Nothing is released; {nearest} is nearest to it.")),
        _ => sentences.push("Nothing is released: no candidate has a sample.".to_owned()),
    }
    for row in verdict.ranking.iter().filter(|row| !row.baseline && !row.eligible && !row.gates.is_empty()) {
        if let Some(gate) = row.gates.iter().find(|gate| !gate.passed) {
            sentences.push(format!("{}: {}.", row.candidate, of_gate(gate)));
        }
    }
    let failed: Vec<&str> = verdict.ranking.iter().filter(|row| row.gates.is_empty()).map(|row| row.candidate.as_str()).collect();
    if !failed.is_empty() {
        sentences.push(format!("Without a sample: {}.", failed.join(", ")));
    }
    sentences.extend(verdict.warnings.iter().map(|warning| warning.text.clone()));
    sentences.join(" ")
}

/// The component that sets two rows apart most.
fn decider(verdict: &Verdict, first: &Ranked, second: &Ranked) -> String {
    let log = |row: &Ranked, name: &str| libm::log(row.components.get(name).copied().flatten().unwrap_or(COMPONENT_MIN).max(COMPONENT_MIN));
    let used = verdict.components.iter().filter(|component| component.used);
    let gains = used.map(|component| (component.weight * (log(first, &component.name) - log(second, &component.name)), &component.name));
    match gains.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((_, name)) => format!("{name} decides"),
        None => "no component decides".to_owned(),
    }
}

/// What a reader must know, each once, in order of codes.
pub(super) fn warnings(verdict: &Verdict, trusted: bool, judged: &[Judged<'_>]) -> Vec<Warning> {
    let mut found: BTreeMap<&str, String> = BTreeMap::new();
    let released = verdict.ranking.first().filter(|row| row.eligible);
    if !trusted {
        let text = "The job's own holdout fails a privacy gate: its rows are not exchangeable with train, so privacy is not assessed.";
        found.insert("split_not_exchangeable", text.to_owned());
    }
    if let Some(row) = released {
        if verdict.gate == "off" {
            found.insert("published_without_gate", "Published without a privacy gate.".to_owned());
        }
        if is_unassessed(row) {
            let names: Vec<String> = row.gates.iter().filter(|gate| gate.state == GateState::NotAssessed).map(with_why).collect();
            found.insert("privacy_not_assessed", format!("Not assessed: {}.", names.join(", ")));
        }
        let weak: Vec<&str> =
            row.gates.iter().filter(|gate| gate.state == GateState::WeakEvidence).map(|gate| gate.name.as_str()).collect();
        if !weak.is_empty() {
            found.insert("weak_evidence", format!("Passed on weak evidence, for want of rows: {}.", weak.join(", ")));
        }
        if row.repeats_ok < row.repeats {
            let text = format!("{} of {} repeats of {} failed.", row.repeats - row.repeats_ok, row.repeats, row.candidate);
            found.insert("repeats_failed", text);
        }
        if judged.iter().any(|one| one.row.candidate == row.candidate && one.limited) {
            found.insert("limited", format!("Some scores of {} were computed on fewer rows than there are.", row.candidate));
        }
    }
    if verdict.partial {
        found.insert("partial", "Tasks were cut off; the verdict is over what was finished.".to_owned());
    }
    found.into_iter().map(|(code, text)| Warning { code: code.to_owned(), text }).collect()
}

fn with_why(gate: &Gate) -> String {
    format!("{} ({})", gate.name, gate.why.as_deref().unwrap_or("unknown"))
}

/// What to try after a verdict without a release.
pub(super) fn advice(verdict: &Verdict) -> Vec<String> {
    let mut advice = Vec::new();
    let Some(row) = verdict.nearest.as_deref().and_then(|name| verdict.row(name)) else {
        return vec!["See the errors of the candidates: none has a sample.".to_owned()];
    };
    let failed = || row.gates.iter().filter(|gate| !gate.passed);
    if failed().any(|gate| matches!(gate.state, GateState::Fail) && gate.value.is_some()) {
        let text = match row.synthesizer.as_str() {
            "seqtree" | "arf" => "double leaf_rows and keep honest on",
            "latent_tree" => "halve the states",
            "gaussian_copula" | "gaussian_mixture" | "clbn" => "use fewer bins",
            "privbn" | "mst" | "aim" => "lower epsilon",
            _ => "halve the epochs and stop early",
        };
        advice.push(format!("{}: {text}.", row.candidate));
    }
    if failed().any(|gate| matches!(gate.state, GateState::WeakEvidence | GateState::NotAssessed)) {
        advice.push("Give more holdout rows, or judge with the balanced gate.".to_owned());
    }
    if failed().any(|gate| gate.state == GateState::Fail && gate.value.is_none()) {
        advice.push("A benchmark was lost; see its error, then run again with --resume.".to_owned());
    }
    advice
}
