//! Section 7: associations of pairs and the pairs that are kept worst.

use super::scores;
use crate::bundle::Bundle;
use crate::number::{score, score_or_dash};
use crate::plots::correlation;
use maud::{Markup, html};
use serde_json::Value;

/// Most pairs in the table.
const PAIRS_MAX: usize = 25;

/// Three panels and the worst pairs.
pub fn section(bundle: &Bundle) -> Markup {
    let row = bundle.subject_row();
    let pairs = row.list("pair_trends", "pairs");
    html! {
        (scores::table(bundle, "pair_trends"))
        p.small.quiet {
            "Association is |r| of two numbers, Cramér's V of two labels, the correlation ratio otherwise. "
            "Difference: synthetic less real; blue-green where the synthetic table has more, brown where it has less, darkest from .25."
        }
        (correlation::draw(&row.details("pair_trends")["matrix"]))
        @if !pairs.is_empty() { (table(bundle, pairs)) }
    }
}

fn table(bundle: &Bundle, pairs: &[Value]) -> Markup {
    let mut order: Vec<&Value> = pairs.iter().filter(|pair| pair["fixed"].is_number()).collect();
    let loss = |pair: &Value| (1.0 - pair["fixed"].as_f64().unwrap_or(1.0)) * pair["weight"].as_f64().unwrap_or(0.0);
    order.sort_by(|a, b| loss(b).total_cmp(&loss(a)));
    let references = bundle.reference("holdout").list("pair_trends", "pairs");
    let reference =
        |pair: &Value| references.iter().find(|other| other["columns"] == pair["columns"]).and_then(|other| other["fixed"].as_f64());
    let shown = order.len().min(PAIRS_MAX);
    html! {
        h3 { "Pairs kept worst" }
        p.small.quiet { "By loss of agreement times strength in the real table; the first " (shown) " of " (row_total(bundle, pairs)) " pairs." }
        div.scroll {
            table {
                thead { tr { th scope="col" { "Columns" } th.n scope="col" { "Agreement ↑" } th.n scope="col" { "Held-out rows" } th.n scope="col" { "Strength in the real table" } } }
                tbody {
                    @for pair in order.into_iter().take(PAIRS_MAX) {
                        tr {
                            td { (pair["columns"][0].as_str().unwrap_or_default()) " × " (pair["columns"][1].as_str().unwrap_or_default()) }
                            td.n { (score_or_dash(pair["fixed"].as_f64())) }
                            td.n { (score_or_dash(reference(pair))) }
                            td.n { (score(pair["weight"].as_f64().unwrap_or(0.0))) }
                        }
                    }
                }
            }
        }
    }
}

fn row_total(bundle: &Bundle, pairs: &[Value]) -> u64 {
    bundle.subject_row().details("pair_trends")["pairs_total"].as_u64().unwrap_or(pairs.len() as u64)
}
