//! Tables of scores with their intervals and references.

use crate::bundle::{Bundle, Row};
use crate::number::{plain, score as three};
use maud::{Markup, html};
use synthfleet_proto::score::{Goal, Score};

/// Whether the candidate shown has a score of `benchmark`, defined or not.
pub fn exist(bundle: &Bundle, benchmark: &str) -> bool {
    bundle.subject_row().repeat().is_some_and(|repeat| repeat.scores.iter().any(|score| belongs(score, benchmark)))
}

fn belongs(score: &Score, benchmark: &str) -> bool {
    score.name.split('.').next() == Some(benchmark)
}

/// Every score of `benchmark` with what the references get; nothing if it was not computed.
pub fn table(bundle: &Bundle, benchmark: &str) -> Markup {
    let row = bundle.subject_row();
    let all = row.repeat().map(|repeat| repeat.scores.as_slice()).unwrap_or_default();
    let scores: Vec<&Score> = all.iter().filter(|score| belongs(score, benchmark)).collect();
    if scores.is_empty() {
        return html! { p.empty { "Not computed in this job." } };
    }
    let references = [("holdout", "held-out rows"), ("train_copy", "copy of train"), ("independent", "independent columns")];
    let present: Vec<(Row, &str)> =
        references.into_iter().map(|(name, title)| (bundle.reference(name), title)).filter(|(row, _)| row.repeat().is_some()).collect();
    html! {
        div.scroll tabindex="0" {
            table {
                thead {
                    tr {
                        th scope="col" { "Score" }
                        th.n scope="col" { "Value" }
                        th.n scope="col" { "95 % interval" }
                        th.n scope="col" { "Fair" }
                        @for (_, title) in &present { th.n scope="col" { (title) } }
                        th scope="col" { "Of" }
                    }
                }
                tbody { @for score in scores { (line(score, &present)) } }
            }
        }
    }
}

fn line(score: &Score, references: &[(Row, &str)]) -> Markup {
    let arrow = if score.goal == Goal::Up { "↑" } else { "↓" };
    html! {
        tr {
            td { (score.name) " " span.quiet title=(if score.goal == Goal::Up { "more is better" } else { "less is better" }) { (arrow) } @if let Some(profile) = &score.profile { span.quiet.small { " " (profile) } } }
            td.n { (value(score)) }
            td.n { @if let (Some(low), Some(high)) = (score.low, score.high) { (three(low)) " – " (three(high)) } }
            td.n { (score.fair.map(plain).unwrap_or_default()) }
            @for (row, _) in references { td.n { (row.score(&score.name).map(value).unwrap_or_default()) } }
            td.small.quiet {
                @if let (Some(used), Some(total)) = (score.used, score.total) { (used) " of " (total) " " }
                @if let Some(rows) = score.limited { "on " (rows) " rows" }
            }
        }
    }
}

/// A value, or why there is none.
pub fn value(score: &Score) -> Markup {
    match (score.value, &score.undefined) {
        (Some(value), _) => html! { (three(value)) },
        (None, Some(code)) => html! { span.quiet title=(score.why.clone().unwrap_or_default()) { (code) } },
        (None, None) => html! { "–" },
    }
}
