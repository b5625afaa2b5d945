//! Section 10: gates with their limits, three-way distances, attacks.

use super::{further, legend, scores};
use crate::bundle::Bundle;
use crate::number::{plain, score, score_or_dash};
use crate::plots::attacks::{self, Attack};
use crate::plots::distances;
use crate::words;
use maud::{Markup, html};
use serde_json::Value;
use synthfleet_proto::verdict::{Gate, GateState};

/// Gates, distances, attacks.
pub fn section(bundle: &Bundle) -> Markup {
    let row = bundle.subject_row();
    let details = row.details("distances");
    html! {
        h3 { "Gates" }
        p.small.quiet { "A gate fails when its one-sided 95 % bound lies beyond the limit, not by the value alone: up to there chance explains it." }
        (gates(bundle))
        h3 { "Distances" }
        p { "Synthetic rows should lie as far from rows that were learnt as from rows that were not. Grey: distances of held-out rows to learnt rows; dashed: of synthetic rows to held-out rows; blue-green: of synthetic rows to learnt rows." }
        (legend())
        figure.card.wide tabindex="0" { (distances::draw(&details["plot"])) }
        (deciles(&details["deciles"]))
        (groups(&details["groups"]))
        (scores::table(bundle, "distances"))
        h3 { "Attacks" }
        p { "An attacker holds the synthetic table and guesses who was learnt from (.5 is guessing), or uses it against people who were learnt from beyond what it tells of others (0 is fair)." }
        (pictures(bundle))
        (scores::table(bundle, "membership"))
        (further::attacks(bundle))
        p.small.quiet { "Passing these gates is evidence, not proof: they cover the attacks named here. " (guarantee(bundle)) }
    }
}

/// Attacks by score, their gates, names and fair value; those absent are left out.
const ATTACKS: [(&str, &str, &str, f64); 9] = [
    ("distances.dcr_share", "dcr_share", "nearer to learnt rows", 0.5),
    ("membership.nn_attack", "membership_nn", "membership by distance", 0.5),
    ("membership.density_attack", "membership_density", "membership by density", 0.5),
    ("distances.identical_excess", "identical", "rows equal to a learnt one", 0.0),
    ("anonymity.singling_out", "singling_out", "singling out", 0.0),
    ("anonymity.linkability", "linkability", "linking", 0.0),
    ("anonymity.inference", "inference", "inferring a secret", 0.0),
    ("disclosure", "disclosure", "a secret from a key", 0.0),
    ("disclosure.disclosive_correct_excess", "", "keys that tell the secret", 0.0),
];

/// A picture for each fair value, with the attacks that were tried.
fn pictures(bundle: &Bundle) -> Markup {
    let (row, holdout) = (bundle.subject_row(), bundle.reference("holdout"));
    let gates = bundle.subject().map(|subject| subject.gates.as_slice()).unwrap_or_default();
    let of = |fair: f64| -> Vec<Attack> {
        let tried = ATTACKS.iter().filter(|attack| attack.3 == fair).filter_map(|(id, gate, name, _)| {
            let score = row.score(id)?;
            Some(Attack {
                name: (*name).to_owned(),
                value: score.value?,
                interval: score.low.zip(score.high),
                limit: gates.iter().find(|held| held.name == *gate).map(|held| held.limit),
                reference: holdout.value(id),
            })
        });
        tried.collect()
    };
    html! {
        @for (fair, unit) in [(0.5, "AUC or share; more is worse"), (0.0, "excess over unseen rows; more is worse")] {
            @let tried = of(fair);
            @if !tried.is_empty() { figure.card.wide tabindex="0" { (attacks::draw(&tried, fair, unit)) } }
        }
        p.small.quiet { "Dot with its 95 % interval; dashed: held-out rows; amber: the limit. A gate fails when the whole one-sided interval lies beyond it." }
    }
}

fn guarantee(bundle: &Bundle) -> String {
    let repeat = bundle.subject_row().repeat();
    match repeat.and_then(|repeat| repeat.epsilon) {
        Some(epsilon) => format!(
            "Formal guarantee: differential privacy with ε = {} and δ = {}, for the sample and the model alone; the scores of this report are computed on real rows and stand outside it.",
            plain(epsilon),
            repeat.and_then(|repeat| repeat.delta).map_or_else(|| "0".to_owned(), plain)
        ),
        None => "No formal guarantee (the synthesizer is not differentially private).".to_owned(),
    }
}

fn gates(bundle: &Bundle) -> Markup {
    let Some(subject) = bundle.subject() else { return html! { p.empty { "No candidate was scored." } } };
    let of_holdout = bundle.verdict().references.get("holdout");
    let reference = |gate: &Gate| of_holdout.and_then(|holdout| holdout.gates.iter().find(|other| other.name == gate.name)?.value);
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { th scope="col" { "Gate" } th.n scope="col" { "Value" } th.n scope="col" { "Bounds" } th.n scope="col" { "Limit" } th.n scope="col" { "Fair" } th.n scope="col" { "Held-out rows" } th scope="col" { "State" } th scope="col" { "Asks whether" } } }
                tbody {
                    @for gate in &subject.gates {
                        @let class = match gate.state { GateState::Pass => "pass", GateState::Fail => "fail", GateState::WeakEvidence => "care", _ => "quiet" };
                        tr {
                            td { (gate.name) }
                            td.n { (score_or_dash(gate.value)) }
                            td.n { @if let (Some(low), Some(high)) = (gate.low, gate.high) { (score(low)) " – " (score(high)) } }
                            td.n { (plain(gate.limit)) }
                            td.n { (plain(gate.fair)) }
                            td.n { (score_or_dash(reference(gate))) }
                            td class=(class) { (words::state(gate.state)) @if let Some(why) = gate.why.as_deref().filter(|why| *why != gate.state.name()) { span.small.quiet { " " (why) } } }
                            td.small.quiet { (words::gate_meaning(&gate.name)) }
                        }
                    }
                }
            }
        }
    }
}

fn deciles(data: &Value) -> Markup {
    let sides = [("train", "synthetic – learnt"), ("holdout", "synthetic – held out"), ("real", "held out – learnt")];
    let known: Vec<(&str, &Vec<Value>)> = sides.iter().filter_map(|(name, title)| Some((*title, data[*name].as_array()?))).collect();
    html! {
        @if !known.is_empty() {
            div.scroll tabindex="0" {
                table {
                    thead { tr { th scope="col" { "Distance to the nearest row" } @for decile in 1..10 { th.n scope="col" { (decile * 10) " %" } } } }
                    tbody { @for (title, values) in known { tr { td { (title) } @for value in values { td.n { (score_or_dash(value.as_f64())) } } } } }
                }
            }
        }
    }
}

fn groups(data: &Value) -> Markup {
    let groups = data.as_array().map(Vec::as_slice).unwrap_or_default();
    let share = |value: &Value| format!("{} ± {}", score_or_dash(value["value"].as_f64()), score_or_dash(value["error"].as_f64()));
    html! {
        @if !groups.is_empty() {
            h3 { "Share of synthetic rows nearer to learnt rows, by group of columns" }
            div.scroll tabindex="0" {
                table {
                    thead { tr { th scope="col" { "Columns" } th.n scope="col" { "Equal sides" } th.n scope="col" { "All rows" } th.n scope="col" { "Fair" } } }
                    tbody {
                        @for group in groups {
                            @let names: Vec<&str> = group["columns"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                            tr {
                                td { (group["name"].as_str().unwrap_or_default()) " " span.small.quiet { (crate::plots::cut(&names.join(", "), 120)) } }
                                td.n { (share(&group["dcr_share"])) }
                                td.n { (share(&group["dcr_share_full"])) }
                                td.n { ".5" }
                            }
                        }
                    }
                }
            }
        }
    }
}
