//! Sections 1, 2 and 4: tiles, what the table is fit for, why it was chosen.

use crate::bundle::Bundle;
use crate::number::{plain, score, score_or_dash, seconds};
use crate::words::{self, Fit};
use maud::{Markup, html};
use synthfleet_proto::verdict::{Decision, GateState};

/// The warning that the banner about a missing gate says already.
const WITHOUT_GATE: &str = "published_without_gate";

/// Banners, four tiles and what they mean.
pub fn tiles(bundle: &Bundle) -> Markup {
    let verdict = bundle.verdict();
    let row = bundle.subject_row();
    let subject = bundle.subject();
    let holdout = verdict.references.get("holdout");
    let reference = |value: Option<f64>| html! { @if let Some(value) = value { small { " [" (score(value)) "]" } } };
    let gates = subject.map(|subject| subject.gates.as_slice()).unwrap_or_default();
    let meant: Vec<_> = gates.iter().filter(|gate| gate.state != GateState::NotApplicable).collect();
    let tally = words::Tally::of(&meant);
    html! {
        (banners(bundle))
        div.tiles {
            div.tile {
                div.name { "Score ↑ " @if verdict.outcome == Decision::NoRelease { "(nearest candidate)" } }
                div.big { (score_or_dash(subject.and_then(|subject| subject.score))) (reference(holdout.and_then(|holdout| holdout.score))) }
                div.small.quiet { @if let Some(subject) = subject { (subject.candidate) ", synthesized by " (subject.synthesizer) } }
            }
            div.tile {
                div.name { "Privacy and validity" }
                div.big { (tally.passed) " of " (meant.len()) small { " gates passed" } }
                div.small.quiet { @if tally.unknown > 0 { (tally.unknown) " not assessed; " } "nearer to learnt rows: " (score_or_dash(row.value("distances.dcr_share"))) " [" (score_or_dash(bundle.reference("holdout").value("distances.dcr_share"))) "]; fair .5" }
            }
            (utility(bundle))
            div.tile {
                div.name { "Time to fit and sample" }
                div.big { (subject.and_then(|subject| bundle.seconds(&subject.candidate)).map_or_else(|| "–".to_owned(), seconds)) }
                div.small.quiet { "whole job " (seconds(bundle.results.job.seconds)) @if subject.is_some_and(|subject| bundle.is_reused(&subject.candidate)) { ", which took the fit over from an earlier one" } }
            }
        }
        p { (words::meaning(bundle)) }
    }
}

fn utility(bundle: &Bundle) -> Markup {
    let (row, holdout) = (bundle.subject_row(), bundle.reference("holdout"));
    let (name, id) =
        if row.score("ml_efficacy").is_some() { ("Utility for models ↑", "ml_efficacy") } else { ("Accuracy ↑", "accuracy") };
    html! {
        div.tile {
            div.name { (name) }
            div.big {
                (score_or_dash(row.value(id)))
                @if let Some(value) = holdout.value(id) { small { " [" (score(value)) "]" } }
            }
            div.small.quiet {
                @match (&bundle.results.table.target, row.value("accuracy")) {
                    (Some(target), _) => { "target " (target) },
                    (None, Some(_)) => { "no target" },
                    (None, None) => {},
                }
            }
        }
    }
}

fn banners(bundle: &Bundle) -> Markup {
    let verdict = bundle.verdict();
    html! {
        @if verdict.outcome == Decision::NoRelease {
            div.banner role="note" {
                strong { "No release." } " No synthetic table is published."
                @if let Some(nearest) = &verdict.nearest { " Nearest: " (nearest) "." }
                @if !verdict.advice.is_empty() { ul { @for advice in &verdict.advice { li { (advice) } } } }
            }
        }
        @if let Some(note) = words::tiny(bundle) {
            div.banner role="note" { strong { "Tiny table." } " " (note) "." }
        }
        @if verdict.gate == "off" {
            div.banner role="note" { strong { "Published without a privacy gate." } " Gates are shown but removed nobody." }
        }
        @if verdict.partial {
            div.banner role="note" { strong { "Partial." } " Some tasks did not end; the verdict is over what is finished." }
        }
        @for warning in verdict.warnings.iter().filter(|warning| warning.code != WITHOUT_GATE) {
            div.banner role="note" { strong { (warning.code.replace('_', " ")) ":" } " " (warning.text) }
        }
    }
}

/// What the table is fit for.
pub fn uses(bundle: &Bundle) -> Markup {
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { th scope="col" { "Use" } th scope="col" { "Fit" } th scope="col" { "Rule" } } }
                tbody {
                    @for one in words::uses(bundle) {
                        @let class = match one.fit { Fit::Yes => "pass", Fit::Care => "care", Fit::No => "fail", Fit::Unknown => "quiet" };
                        tr { td { (one.what) } td class=(class) { (one.fit.word()) } td.small.quiet { (one.rule) } }
                    }
                }
            }
        }
    }
}

/// The verdict's own words and the components of the score.
pub fn why(bundle: &Bundle) -> Markup {
    let verdict = bundle.verdict();
    let holdout = verdict.references.get("holdout");
    let component = |name: &str| bundle.subject().and_then(|subject| subject.components.get(name).copied().flatten());
    html! {
        p { (verdict.why) }
        div.scroll tabindex="0" {
            table {
                thead { tr { th scope="col" { "Component" } th scope="col" { "Score" } th.n scope="col" { "Weight" } th.n scope="col" { "Value" } th.n scope="col" { "Held-out rows" } th scope="col" {} } }
                tbody {
                    @for part in &verdict.components {
                        tr class=(if part.used { "" } else { "aside" }) {
                            td { (part.name) }
                            td { (part.score) }
                            td.n { (part.weight) }
                            td.n { (score_or_dash(component(&part.name))) }
                            td.n { (score_or_dash(holdout.and_then(|holdout| holdout.components.get(&part.name).copied().flatten()))) }
                            td.small.quiet { @if !part.used { "not used" @if let Some(why) = &part.why { ": " (why) } } }
                        }
                    }
                }
            }
        }
        @let certainty = words::certainty(verdict);
        p.small.quiet { "Profile " (verdict.profile) ", gates " (verdict.gate) @if !certainty.is_empty() { "; " (certainty) } "." }
        @if !verdict.limits.is_empty() {
            p.small.quiet { "Limits of the job's own: " @for (place, (gate, limit)) in verdict.limits.iter().enumerate() { @if place > 0 { ", " } (gate) " " (plain(*limit)) } "." }
        }
    }
}
