//! Sections 11 to 13: how the table was made, what limits the numbers, how to make it again.

use crate::bundle::Bundle;
use crate::number::{bytes, count, plain, seconds};
use crate::plots::gantt::{self, Bar};
use maud::{Markup, html};
use synthfleet_proto::privacy::Privacy;

/// Every touch of the data by a differentially private fit, with its price.
fn ledger(privacy: &Privacy) -> Markup {
    let number = |number: Option<f64>| number.map_or_else(|| "–".to_owned(), plain);
    html! {
        p { "Relation " (privacy.relation.name()) "; taken as public: " (privacy.public) ". " (privacy.outside) "." }
        details {
            summary { (privacy.ledger.len()) " entries" }
            div.scroll tabindex="0" {
                table {
                    thead { tr { th scope="col" { "Asked" } th scope="col" { "Mechanism" } th scope="col" { "Part of" } th.n scope="col" { "ε" } th.n scope="col" { "ρ" } th.n scope="col" { "δ" } } }
                    tbody {
                        @for spend in &privacy.ledger {
                            tr {
                                td { (spend.id) } td { (spend.mechanism) } td { (spend.part_of.as_deref().unwrap_or("–")) }
                                td.n { (number(spend.epsilon)) } td.n { (number(spend.rho)) } td.n { (number((spend.delta > 0.0).then_some(spend.delta))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Synthesizer, options, seed, guarantee.
pub fn section(bundle: &Bundle) -> Markup {
    let Some(subject) = bundle.subject() else { return html! { p.empty { "No candidate was begun." } } };
    let candidate = bundle.candidate(&subject.candidate);
    let repeat = bundle.subject_row().repeat();
    let member = bundle.member(&subject.synthesizer);
    html! {
        dl {
            dt { "synthesizer" } dd { (subject.synthesizer) @if let Some(member) = member { " " (member.version) ": " (member.summary) } }
            @if let Some(member) = member { @if !member.paper.is_empty() { dt { "source" } dd { (member.paper) } } }
            dt { "options" } dd { (options(candidate.map(|candidate| &candidate.options))) }
            @if let Some(repeat) = repeat {
                dt { "seed" } dd { (repeat.seed) }
                dt { "scored rows" } dd { (repeat.rows.map_or_else(|| "–".to_owned(), count)) }
                dt { "model" } dd { (repeat.model_bytes.map_or_else(|| "–".to_owned(), bytes)) }
                dt { "fit, sample" } dd { (repeat.times.fit_seconds.map_or_else(|| "–".to_owned(), seconds)) ", " (repeat.times.sample_seconds.map_or_else(|| "–".to_owned(), seconds)) @if repeat.from_cache { ", spent by an earlier job and taken over" } }
                @if let Some(privacy) = &repeat.privacy {
                    dt { "ledger" } dd { (ledger(privacy)) }
                }
                dt { "guarantee" } dd { @match repeat.epsilon { Some(epsilon) => { "differential privacy, ε = " (plain(epsilon)) ", δ = " (repeat.delta.map_or_else(|| "0".to_owned(), plain)) }, None => "no formal guarantee" } }
            }
        }
        h3 { "Benchmarks" }
        div.scroll tabindex="0" {
            table {
                thead { tr { th scope="col" { "Benchmark" } th scope="col" { "Asks" } th scope="col" { "Source" } } }
                tbody {
                    @for member in bundle.members.iter().filter(|member| member.task == "benchmark") {
                        tr { td { (member.name) " " (member.version) } td { (member.summary) } td.small.quiet { (member.paper) } }
                    }
                }
            }
        }
        (times(bundle))
    }
}

/// Most tasks drawn.
const TASKS_MAX: usize = 60;

/// When tasks ran; of too many those that took longest.
fn times(bundle: &Bundle) -> Markup {
    let tasks = &bundle.results.tasks;
    let first = tasks.iter().filter_map(|task| task.started).min().unwrap_or(0);
    let since = |at: i64| (at - first).max(0) as f64 / 1_000.0;
    let mut bars: Vec<Bar> = tasks
        .iter()
        .filter_map(|task| {
            let (start, end) = (since(task.started?), since(task.ended?));
            let is_fit = matches!(task.kind.as_str(), "synthesize" | "generate");
            Some(Bar { task: task.id.clone(), is_fit, is_ok: task.status == "ok", start, end: end.max(start) })
        })
        .collect();
    let total = bars.len();
    bars.sort_by(|a, b| (b.end - b.start).total_cmp(&(a.end - a.start)).then_with(|| a.task.cmp(&b.task)));
    bars.truncate(TASKS_MAX);
    bars.sort_by(|a, b| a.start.total_cmp(&b.start).then_with(|| a.task.cmp(&b.task)));
    html! {
        @if !bars.is_empty() {
            h3 { "Times" }
            details {
                summary { "When each task ran" @if bars.len() < total { ", the " (bars.len()) " longest of " (total) } }
                p.small.quiet { "Blue-green: fit and sample; grey: preparation and benchmarks; red: failed." }
                figure.card.wide tabindex="0" { (gantt::draw(&bars)) }
            }
        }
    }
}

fn options(options: Option<&serde_json::Value>) -> Markup {
    match options.and_then(serde_json::Value::as_object).filter(|fields| !fields.is_empty()) {
        Some(fields) => html! { @for (name, value) in fields { code { (name) " = " (value) } " " } },
        None => html! { "defaults" },
    }
}

/// What a reader must not read into the numbers.
pub fn limits(bundle: &Bundle) -> Markup {
    let table = &bundle.results.table;
    let repeat = bundle.subject_row().repeat();
    let undefined = repeat.map(|repeat| repeat.scores.iter().filter(|score| score.value.is_none()).collect::<Vec<_>>()).unwrap_or_default();
    let cut = repeat.map(|repeat| repeat.scores.iter().filter(|score| score.limited.is_some()).collect::<Vec<_>>()).unwrap_or_default();
    html! {
        ul {
            @for note in &bundle.results.job.notes { li { (note.text) "." } }
            @if table.holdout_rows < 1_000 { li { "Only " (count(table.holdout_rows)) " rows were held out: privacy and utility are judged with wide intervals." } }
            @if repeat.is_some_and(|repeat| repeat.limited) { li { "A limit of time or memory shaped this candidate." } }
            @for score in cut { li { (score.name) " was computed on " (count(score.limited.unwrap_or(0))) " rows." } }
            @for score in undefined { li { (score.name) " is undefined: " (score.why.as_deref().or(score.undefined.as_deref()).unwrap_or("no reason given")) "." } }
            @for finding in repeat.map(|repeat| repeat.findings.as_slice()).unwrap_or_default() {
                li { @if let Some(column) = &finding.column { (column) ": " } (finding.text) }
            }
            li { "Intervals tell the chance of evaluation rows, not of another fit on other data." }
            li { "Rare labels and extremes of the real table may be absent on purpose: values of fewer than five rows are protected." }
            li { "Gates cover the attacks named under Privacy and no others." }
        }
    }
}

/// Command, versions, seeds, hash of the input.
pub fn reproduce(bundle: &Bundle) -> Markup {
    let (job, table) = (&bundle.results.job, &bundle.profile.table);
    html! {
        pre tabindex="0" { (bundle.command) }
        dl.small {
            dt { "job" } dd { (job.id) }
            dt { "seed" } dd { (job.seed) }
            @if let Some(preset) = &job.preset { dt { "preset" } dd { (preset) } }
            dt { "program" } dd { "synthfleet " (job.version) ", rule " (bundle.verdict().rule_version) }
            dt { "input SHA-256" } dd { (table.sha256) }
        }
    }
}
