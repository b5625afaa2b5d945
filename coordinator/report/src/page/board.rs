//! Section 3: every candidate, baseline and reference, with those that failed.

use crate::bundle::Bundle;
use crate::number::{bytes, percent, score, score_or_dash, seconds};
use crate::plots::parallel::{self, Line};
use crate::plots::pareto::{self, Mark, Point};
use crate::words;
use maud::{Markup, html};
use synthfleet_proto::results::RepeatResult;
use synthfleet_proto::verdict::{Gate, GateState, Ranked, Verdict};

/// Picture and table.
pub fn section(bundle: &Bundle) -> Markup {
    let verdict = bundle.verdict();
    html! {
        figure.card.wide tabindex="0" { (pareto::draw(&points(bundle))) }
        div.scroll tabindex="0" {
            table {
                thead {
                    tr {
                        th.n scope="col" { "Rank" }
                        th scope="col" { "Candidate" }
                        th.n scope="col" { "Score ↑" }
                        th.n scope="col" { "95 % interval" }
                        @if has_wins(verdict) { th.n scope="col" title="share of replicates in which it is first" { "First in" } }
                        @for part in verdict.components.iter().filter(|part| part.used) { th.n scope="col" { (part.name) } }
                        th.n scope="col" { "Risk ↓" }
                        th scope="col" { "Gates" }
                        th.n scope="col" { "Time" }
                        th.n scope="col" { "Memory" }
                    }
                }
                tbody {
                    @for row in &verdict.ranking { (candidate(bundle, row)) }
                    @for (name, reference) in verdict.references.iter().filter(|(_, reference)| reference.candidate.is_none()) {
                        tr.aside {
                            td.n { "–" }
                            td { (name) br; span.small { "reference" } }
                            td.n { (score_or_dash(reference.score)) }
                            td.n { (interval(reference.score_low, reference.score_high)) }
                            @if has_wins(verdict) { td.n { "–" } }
                            @for part in verdict.components.iter().filter(|part| part.used) { td.n { (score_or_dash(reference.components.get(&part.name).copied().flatten())) } }
                            td.n { (score_or_dash(reference.risk)) }
                            td { (chips(&reference.gates)) }
                            td.n { "–" } td.n { "–" }
                        }
                    }
                }
            }
        }
        (components(bundle))
        p.small.quiet { "Baselines and references are shown for comparison and can never win. " (same_rows(bundle)) "Scores of candidates that fail a gate do not count." }
    }
}

fn same_rows(bundle: &Bundle) -> String {
    let named = bundle.verdict().references.iter().filter_map(|(name, reference)| Some((name, reference.candidate.as_ref()?)));
    let same: Vec<String> = named
        .filter(|(name, candidate)| name != candidate)
        .map(|(name, candidate)| format!("The reference {name} is the row {candidate}. "))
        .collect();
    same.concat()
}

/// Whether the rule has replicates.
fn has_wins(verdict: &Verdict) -> bool {
    verdict.ranking.iter().any(|row| row.win_share.is_some())
}

fn interval(low: Option<f64>, high: Option<f64>) -> String {
    low.zip(high).map(|(low, high)| format!("{} – {}", score(low), score(high))).unwrap_or_default()
}

fn candidate(bundle: &Bundle, row: &Ranked) -> Markup {
    let verdict = bundle.verdict();
    let is_subject = bundle.subject().is_some_and(|subject| subject.candidate == row.candidate);
    let class = if is_subject {
        "subject"
    } else if row.baseline {
        "aside"
    } else {
        ""
    };
    let memory = bundle.candidate(&row.candidate).and_then(|found| found.repeats.iter().filter_map(|repeat| repeat.peak_rss_bytes).max());
    let limited = bundle.candidate(&row.candidate).is_some_and(|found| found.repeats.iter().any(|repeat| repeat.limited));
    html! {
        tr class=(class) {
            td.n { (row.rank.map_or_else(|| "–".to_owned(), |rank| rank.to_string())) }
            td {
                (row.candidate)
                @if row.candidate != row.synthesizer { span.small.quiet { " " (row.synthesizer) } }
                br;
                span.small.quiet {
                    @if row.baseline { "baseline" } @else if row.repeats > 1 { (row.repeats_ok) " of " (row.repeats) " repeats" }
                    @if row.on_pareto { " on the front" }
                    @if limited { " limited" }
                }
            }
            td.n { (score_or_dash(row.score)) }
            td.n { (interval(row.score_low, row.score_high)) }
            @if has_wins(verdict) { td.n { (row.win_share.map_or_else(|| "–".to_owned(), percent)) } }
            @for part in verdict.components.iter().filter(|part| part.used) { td.n { (score_or_dash(row.components.get(&part.name).copied().flatten())) } }
            td.n { (score_or_dash(row.risk)) }
            td {
                (chips(&row.gates))
                @for failure in row.failures_told() { div.small.fail { (failure) } }
                @for spent in spent(bundle, row) { div.small.quiet { (spent) } }
            }
            td.n { (bundle.seconds(&row.candidate).map_or_else(|| "–".to_owned(), seconds)) }
            td.n { (memory.map_or_else(|| "–".to_owned(), bytes)) }
        }
    }
}

/// What failed repeats took: seconds and attempts.
fn spent(bundle: &Bundle, row: &Ranked) -> Vec<String> {
    let repeats = bundle.candidate(&row.candidate).map(|found| found.repeats.as_slice()).unwrap_or_default();
    let told = |repeat: &RepeatResult| {
        let failed = repeat.error.as_ref()?;
        let attempts = if repeat.attempts == 1 { "attempt" } else { "attempts" };
        let (number, took) = (repeat.repeat, seconds(failed.seconds));
        Some(format!("repeat {number}: {} ended after {took}, {} {attempts} at the fit", failed.phase, repeat.attempts))
    };
    repeats.iter().filter_map(told).collect()
}

/// Gates that are not simply passed, by name; those passed as a count.
fn chips(gates: &[Gate]) -> Markup {
    let passed = gates.iter().filter(|gate| gate.state == GateState::Pass).count();
    html! {
        @if passed > 0 { span.chip.pass { "✓ " (passed) " passed" } }
        @for gate in gates {
            @let class = match gate.state { GateState::Fail => "chip fail", GateState::WeakEvidence => "chip care", _ => "chip quiet" };
            @if !matches!(gate.state, GateState::Pass | GateState::NotApplicable) {
                span class=(class) title=(words::gate_meaning(&gate.name)) {
                    (if gate.state == GateState::Fail { "✗ " } else { "~ " }) (gate.name)
                    @if gate.state == GateState::NotAssessed { " not assessed" }
                }
            }
        }
    }
}

/// Candidates over the components that count; nothing for fewer than two.
fn components(bundle: &Bundle) -> Markup {
    let verdict = bundle.verdict();
    let axes: Vec<String> = verdict.components.iter().filter(|part| part.used).map(|part| part.name.clone()).collect();
    let values = |of: &std::collections::BTreeMap<String, Option<f64>>| axes.iter().map(|axis| of.get(axis).copied().flatten()).collect();
    let own = verdict.ranking.iter().map(|row| Line {
        name: row.candidate.clone(),
        mark: mark(row),
        is_subject: bundle.subject().is_some_and(|subject| subject.candidate == row.candidate),
        values: values(&row.components),
    });
    let references = verdict.references.iter().filter(|(_, reference)| reference.candidate.is_none()).map(|(name, reference)| Line {
        name: name.clone(),
        mark: Mark::Reference,
        is_subject: false,
        values: values(&reference.components),
    });
    html! {
        @if axes.len() > 1 {
            h3 { "By component" }
            figure.card.wide tabindex="0" { (parallel::draw(&axes, &own.chain(references).collect::<Vec<_>>())) }
        }
    }
}

fn mark(row: &Ranked) -> Mark {
    match (row.baseline, row.eligible) {
        (true, _) => Mark::Baseline,
        (false, true) => Mark::Eligible,
        (false, false) => Mark::Refused,
    }
}

fn points(bundle: &Bundle) -> Vec<Point> {
    let verdict = bundle.verdict();
    let own = verdict.ranking.iter().filter_map(|row| {
        let seconds = bundle.seconds(&row.candidate).unwrap_or(0.0);
        Some(Point {
            name: row.candidate.clone(),
            mark: mark(row),
            score: row.score?,
            risk: row.risk?,
            seconds,
            on_front: row.on_pareto && !row.baseline,
        })
    });
    let references = verdict.references.iter().filter(|(_, reference)| reference.candidate.is_none()).filter_map(|(name, reference)| {
        Some(Point {
            name: name.clone(),
            mark: Mark::Reference,
            score: reference.score?,
            risk: reference.risk?,
            seconds: 0.0,
            on_front: false,
        })
    });
    own.chain(references).collect()
}
