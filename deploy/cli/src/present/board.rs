//! The result table of a run and the lines below it: what a person reads first.

use super::style::{Style, safe};
use comfy_table::{CellAlignment, Table, TableStyle};
use synthfleet_proto::results::{CandidateResult, RepeatResult, Results};
use synthfleet_proto::verdict::{Decision, Ranked, Verdict};

/// The whole text: table, winner, warnings.
pub fn text(results: &Results, style: Style) -> String {
    let verdict = &results.verdict;
    let mut table = Table::new();
    table.load_style(TableStyle::new());
    table.set_header(["", "", "score", "quality", "utility", "privacy", "fit + sample"]);
    for row in &verdict.ranking {
        table.add_row(cells(row, results, style));
    }
    table.add_row(holdout(results));
    for place in 2..7 {
        if let Some(column) = table.column_mut(place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let failed = verdict.ranking.iter().flat_map(|row| row.failures_told().into_iter().map(move |failure| (row, failure)));
    let failed: Vec<String> = failed.map(|(row, failure)| format!("  {}: {}", row.candidate, safe(&failure))).collect();
    let mut parts = vec![table.to_string()];
    parts.extend(failed);
    parts.push(conclusion(verdict, style));
    parts.join("\n")
}

/// What the winner has that others lack.
fn merit(verdict: &Verdict) -> &'static str {
    match (verdict.gate.as_str(), verdict.tied.len() > 1) {
        ("off", _) => "first without a privacy gate",
        (_, true) => "least risk and cost of the best, which chance cannot tell apart, inside the privacy gate",
        (_, false) => "best score inside the privacy gate",
    }
}

/// One line: who won, or why nobody did.
pub fn conclusion(verdict: &Verdict, style: Style) -> String {
    match verdict.outcome {
        Decision::Winner => {
            let winner = verdict.winner.as_deref().unwrap_or_default();
            let on_front = if verdict.winning_row().is_some_and(|row| row.on_pareto) { "; on the Pareto front (*)" } else { "" };
            format!("  winner   {}: {}{on_front}", style.strong(winner), merit(verdict))
        }
        Decision::NoRelease => {
            let failed = verdict.ranking.iter().filter(|row| !row.baseline && !row.gate_passed()).count();
            let nearest = verdict
                .nearest
                .as_deref()
                .and_then(|name| verdict.row(name))
                .map(|row| format!("; nearest: {}{}", row.candidate, worst_gate(row)))
                .unwrap_or_default();
            let advice = verdict.advice.first().map(|advice| format!("; {}", safe(advice))).unwrap_or_default();
            format!("  no release: {failed} candidates failed the privacy gate{nearest}{advice}")
        }
    }
}

fn worst_gate(row: &Ranked) -> String {
    let failed = row.gates.iter().find(|gate| !gate.passed);
    failed.map(|gate| format!(" ({} {}, limit {})", gate.name, number(gate.value), gate.limit)).unwrap_or_default()
}

fn cells(row: &Ranked, results: &Results, style: Style) -> Vec<String> {
    let result = results.candidates.iter().find(|candidate| candidate.name == row.candidate);
    let repeat = result.and_then(|candidate| shown(candidate, row));
    let rank = row.rank.map_or("-".to_owned(), |rank| rank.to_string());
    let mark = if row.on_pareto { " *" } else { "" };
    let name = if row.baseline { format!("{} (baseline)", row.candidate) } else { format!("{}{mark}", row.candidate) };
    let name = if results.verdict.winner.as_deref() == Some(&row.candidate) { style.strong(&name) } else { name };
    let privacy = if row.gates.is_empty() {
        "-".to_owned()
    } else if row.gate_passed() {
        format!("pass {}", number(share(repeat)))
    } else {
        format!("FAIL {}", number(share(repeat)))
    };
    let seconds = repeat.and_then(|repeat| Some(repeat.times.fit_seconds? + repeat.times.sample_seconds.unwrap_or(0.0)));
    let seconds = seconds.map_or("-".to_owned(), |seconds| if seconds < 0.005 { "< 0.01 s".to_owned() } else { format!("{seconds:.2} s") });
    vec![
        rank,
        name,
        number(row.score),
        number(value(repeat, "pair_trends.quality")),
        number(value(repeat, "ml_efficacy")),
        privacy,
        seconds,
    ]
}

fn holdout(results: &Results) -> Vec<String> {
    let reference = results.verdict.references.get("holdout");
    let result = results.references.iter().find(|row| row.name == "holdout").map(|row| &row.result);
    let passed = reference.map_or("-".to_owned(), |row| format!("{} {}", if row.passed { "pass" } else { "FAIL" }, number(share(result))));
    let score = number(reference.and_then(|row| row.score));
    vec![
        "-".into(),
        "real rows (holdout)".into(),
        score,
        number(value(result, "pair_trends.quality")),
        number(value(result, "ml_efficacy")),
        passed,
        String::new(),
    ]
}

/// The delivered repeat, or the first one that has scores.
fn shown<'a>(candidate: &'a CandidateResult, row: &Ranked) -> Option<&'a RepeatResult> {
    let delivered = candidate.repeats.iter().find(|repeat| Some(repeat.repeat) == row.delivered_repeat);
    delivered.or_else(|| candidate.repeats.iter().find(|repeat| !repeat.scores.is_empty()))
}

fn share(repeat: Option<&RepeatResult>) -> Option<f64> {
    value(repeat, "distances.dcr_share")
}

fn value(repeat: Option<&RepeatResult>, score: &str) -> Option<f64> {
    repeat.and_then(|repeat| repeat.value(score))
}

fn number(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.3}"))
}
