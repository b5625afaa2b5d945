//! The verdict in sentences: why, warnings, advice. They repeat numbers of the verdict and add none.

use super::Judged;
use super::order::{is_unassessed, risk_step, within_tie};
use super::rule::{COMPONENT_MIN, RESEARCH};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use synthfleet_proto::verdict::{Decision, Gate, GateState, Ranked, Verdict, Warning};

/// Fills the sentence of every row and the paragraph of the verdict.
pub(super) fn explain(verdict: &mut Verdict) {
    let rows: Vec<String> = (0..verdict.ranking.len()).map(|place| of_row(verdict, place)).collect();
    verdict.ranking.iter_mut().zip(rows).for_each(|(row, why)| row.why = why);
    verdict.why = paragraph(verdict);
}

fn of_row(verdict: &Verdict, place: usize) -> String {
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
    let counted = match verdict.profile.as_str() {
        RESEARCH => "and is missed",
        _ => "and counts .01",
    };
    let missing = row.undefined.iter().map(|(name, code)| format!(" {name} is undefined ({code}) {counted}."));
    let standing = if row.eligible { of_eligible(verdict, place) } else { of_refused(verdict, row) };
    std::iter::once(standing).chain(missing).collect()
}

fn of_eligible(verdict: &Verdict, place: usize) -> String {
    let row = &verdict.ranking[place];
    let score = row.score.unwrap_or(0.0);
    match place {
        0 => format!("First of {} eligible: score {score:.3}.", verdict.ranking.iter().filter(|row| row.eligible).count()),
        place if place < verdict.tied.len() => format!("Score {score:.3}, tied with the first; {}.", tie_rule(&verdict.ranking[0], row)),
        _ => format!("Score {score:.3}, {:.3} below the best.", best(verdict) - score),
    }
}

/// The best score of an eligible row.
fn best(verdict: &Verdict) -> f64 {
    verdict.ranking.iter().filter(|row| row.eligible).filter_map(|row| row.score).max_by(f64::total_cmp).unwrap_or(0.0)
}

fn of_refused(verdict: &Verdict, row: &Ranked) -> String {
    let failed: Vec<String> = row.gates.iter().filter(|gate| !gate.passed).map(of_gate).collect();
    let unmeasured = verdict.profile == RESEARCH && row.score.is_none();
    match failed.is_empty() {
        _ if unmeasured => "Not ranked: the measure of the profile has no value.".to_owned(),
        false => format!("Not released: {}.", failed.join("; ")),
        true if row.delivered_repeat.is_none() => "Not released: no repeat passes every gate by itself.".to_owned(),
        true => "Not released: its samples hold real rows.".to_owned(),
    }
}

fn of_gate(gate: &Gate) -> String {
    let Gate { name, limit, .. } = gate;
    match (gate.value, gate.state, gate.why.as_deref()) {
        (_, GateState::Fail, Some(why)) => format!("{name} was lost ({why})"),
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

fn paragraph(verdict: &Verdict) -> String {
    let mut sentences = Vec::new();
    match (verdict.ranking.first().filter(|row| row.eligible), &verdict.nearest) {
        (Some(first), _) => sentences.extend(of_first(verdict, first)),
        (None, Some(nearest)) => sentences.push(format!("Nothing is released; {nearest} is nearest to it.")),
        (None, None) => sentences.push("Nothing is released: no candidate has a sample.".to_owned()),
    }
    for row in verdict.ranking.iter().filter(|row| !row.baseline && !row.eligible && !row.gates.is_empty()) {
        let failed: Vec<String> = row.gates.iter().filter(|gate| !gate.passed).map(of_gate).collect();
        if !failed.is_empty() {
            sentences.push(format!("{}: {}.", row.candidate, failed.join("; ")));
        }
    }
    let failed: Vec<&str> = verdict.ranking.iter().filter(|row| row.gates.is_empty()).map(|row| row.candidate.as_str()).collect();
    if !failed.is_empty() {
        sentences.push(format!("Without a sample: {}.", failed.join(", ")));
    }
    if !verdict.limits.is_empty() {
        let limits: Vec<String> = verdict.limits.iter().map(|(gate, limit)| format!("{gate} {limit}")).collect();
        sentences.push(format!("Limits of the job's own: {}.", limits.join(", ")));
    }
    sentences.extend(verdict.warnings.iter().map(|warning| warning.text.clone()));
    sentences.join(" ")
}

/// Who is first, before whom and why, and how sure that is.
fn of_first(verdict: &Verdict, first: &Ranked) -> Vec<String> {
    let eligible = verdict.ranking.iter().filter(|row| row.eligible).count();
    let others = verdict.ranking.iter().filter(|row| !row.baseline).count();
    let verb = if verdict.outcome == Decision::Winner { "wins" } else { "is first" };
    let score = first.score.map_or_else(|| "no score".to_owned(), |score| format!("score {score:.3}"));
    let mut sentences = vec![format!("{} {verb}: {score}, first of {eligible} eligible of {others}.", first.candidate)];
    if let Some(second) = verdict.ranking.get(1).filter(|row| row.eligible) {
        sentences.push(match verdict.tied.get(1..).unwrap_or_default() {
            [] => format!("{} follows at {:.3}; {}.", second.candidate, second.score.unwrap_or(0.0), decider(verdict, first, second)),
            [one] => format!("{one} is tied with it; {}.", tie_rule(first, second)),
            more => format!("{} are tied with it; of {} and it, {}.", more.join(", "), second.candidate, tie_rule(first, second)),
        });
    }
    if let (Some(share), Some(regret), Some(stable), 2..) = (first.win_share, verdict.regret, verdict.stable, eligible) {
        let of_tied: f64 = verdict.ranking.iter().take(verdict.tied.len()).filter_map(|row| row.win_share).sum();
        let tied = if verdict.tied.len() > 1 { format!(" ({:.1} % with those tied)", 100.0 * of_tied) } else { String::new() };
        let stable = if stable { "stable" } else { "not stable" };
        sentences.push(format!("It is first in {:.1} % of replicates{tied}, mean regret {regret:.4}: {stable}.", 100.0 * share));
    }
    let meaningless: Vec<&str> =
        first.gates.iter().filter(|gate| gate.state == GateState::NotApplicable).map(|gate| gate.name.as_str()).collect();
    if !meaningless.is_empty() {
        sentences.push(format!("Not applicable to the table: {}.", meaningless.join(", ")));
    }
    sentences
}

/// The component that sets two rows apart most.
fn decider(verdict: &Verdict, first: &Ranked, second: &Ranked) -> String {
    if verdict.profile == RESEARCH {
        let measure = verdict.components.iter().find(|component| component.used);
        return measure.map_or_else(|| "no measure decides".to_owned(), |measure| format!("{} decides", measure.name));
    }
    let log = |row: &Ranked, name: &str| libm::log(row.components.get(name).copied().flatten().unwrap_or(COMPONENT_MIN).max(COMPONENT_MIN));
    let used = verdict.components.iter().filter(|component| component.used);
    let gains = used.map(|component| (component.weight * (log(first, &component.name) - log(second, &component.name)), &component.name));
    // of equals the first
    match gains.rev().max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((_, name)) => format!("{name} decides"),
        None => "no component decides".to_owned(),
    }
}

/// What a reader must know, each once, in order of codes.
pub(super) fn warnings(verdict: &Verdict, trusted: bool, judged: &[Judged<'_>]) -> Vec<Warning> {
    let mut found: BTreeMap<&str, String> = BTreeMap::new();
    let released = verdict.ranking.first().filter(|row| row.eligible);
    if !trusted {
        let text =
            "The job's own holdout fails a privacy gate or repeats train rows: the two are not exchangeable, so privacy is not assessed.";
        found.insert("split_not_exchangeable", text.to_owned());
    }
    if let Some(row) = released {
        if verdict.gate == "off" {
            found.insert("published_without_gate", "Published without a privacy gate.".to_owned());
        }
        if verdict.research_only {
            let failed: Vec<&str> = row.gates.iter().filter(|gate| !gate.passed).map(|gate| gate.name.as_str()).collect();
            let text =
                format!("{} is for research only: it fails {}. It is released with gate off alone.", row.candidate, failed.join(", "));
            found.insert("research_only", text);
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
    if verdict.research_only {
        advice.push("The profile ranks for research; give gate off to publish, or another weights profile.".to_owned());
    }
    let by_value = |valid: bool| failed().any(|gate| gate.fails_by_value() && valid == VALID.contains(&gate.name.as_str()));
    if by_value(true) {
        advice.push(format!("{}: its values break the table's own rules; see its diagnostic scores and the metadata.", row.candidate));
    }
    if by_value(false) {
        advice.push(match learns_less(&row.synthesizer) {
            Some(way) => format!("{}: {way}.", row.candidate),
            None => format!("{}: choose options that learn single rows less by heart.", row.candidate),
        });
    }
    if failed().any(|gate| matches!(gate.state, GateState::WeakEvidence | GateState::NotAssessed)) {
        advice.push("Give more holdout rows, or judge with the balanced gate.".to_owned());
    }
    if failed().any(|gate| gate.state == GateState::Fail && !gate.fails_by_value()) {
        advice.push("A benchmark was lost; see its error, then run again with --resume.".to_owned());
    }
    advice
}

/// Gates that say nothing of privacy.
const VALID: [&str; 3] = ["structure", "validity", "constraints"];

/// How a family learns single rows less by heart.
fn learns_less(synthesizer: &str) -> Option<&'static str> {
    match synthesizer {
        "seqtree" | "arf" => Some("double leaf_rows and keep honest on"),
        "latent_tree" => Some("halve the states"),
        "argn" | "tabddpm" | "tvae" | "ctgan" | "copulagan" | "medgan" | "tablegan" | "veegan" => Some("halve the epochs and stop early"),
        "gaussian_copula" | "gaussian_mixture" | "clbn" => Some("use fewer bins"),
        "privbn" | "mst" | "aim" => Some("lower epsilon"),
        _ => None,
    }
}
