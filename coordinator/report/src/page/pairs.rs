//! Section 7: associations of pairs and the pairs that are kept worst.

use super::{columns, legend, scores};
use crate::bundle::Bundle;
use crate::number::{count, score, score_or_dash};
use crate::plots::{correlation, pair};
use maud::{Markup, html};
use serde_json::Value;

/// Most pairs in the table.
const PAIRS_MAX: usize = 25;
/// Most pairs drawn.
const DRAWN_MAX: usize = 12;

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
        (sampled(row.details("pair_trends")))
        @if let Some(gap) = gap(&row.details("pair_trends")["matrix"], "sample") {
            p { "Associations differ by " (score(gap)) " on average"
                @if let Some(of_holdout) = self::gap(&row.details("pair_trends")["matrix"], "holdout") { " [" (score(of_holdout)) "]" } "." }
        }
        (correlation::draw(&row.details("pair_trends")["matrix"]))
        @if !pairs.is_empty() { (table(bundle, pairs)) }
        (drawn(bundle, row.list("pair_trends", "joints")))
    }
}

/// Says so where some pairs stand for all.
fn sampled(details: &Value) -> Markup {
    let number = |name: &str| details[name].as_u64();
    let drawn = number("pairs_total").zip(number("pairs_drawn")).filter(|(total, drawn)| drawn < total);
    html! {
        @if let Some((total, drawn)) = drawn {
            p.small.quiet { "Of " (count(total)) " pairs " (count(drawn)) " were drawn and compared, the same ones for every candidate; they stand for all." }
        }
    }
}

/// The pairs that lose most, both tables beside each other.
fn drawn(bundle: &Bundle, joints: &[Value]) -> Markup {
    let label = |column: &str, value: f64| columns::axis_value(bundle.profile, column, value);
    html! {
        @if !joints.is_empty() {
            h3 { "The same pairs in pictures" }
            p.small.quiet {
                "Numbers are cut into bins of about equally many real rows; cells are shares of all rows, cells of fewer than five rows are empty. "
                "Two numbers: darker is more. Two labels: widths are shares of the first, heights within it of the second, the commonest darkest. "
                "A number and labels: how each label of at least fifty real rows spreads. Differences as above, darkest from half of the fullest cell."
            }
            (legend())
            @for joint in joints.iter().take(DRAWN_MAX) {
                figure.card {
                    h4 { (joint["axes"][0]["column"].as_str().unwrap_or_default()) " × " (joint["axes"][1]["column"].as_str().unwrap_or_default()) }
                    (pair::draw(joint, &label))
                }
            }
        }
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
        div.scroll tabindex="0" {
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

/// Mean absolute difference of the associations of two different columns, between a table and the real one.
fn gap(matrix: &Value, table: &str) -> Option<f64> {
    let rows = |name: &str| matrix[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let (mut sum, mut count) = (0.0, 0u32);
    for (place, (real, other)) in rows("real").iter().zip(rows(table)).enumerate() {
        for column in 0..place {
            if let (Some(real), Some(other)) = (real[column].as_f64(), other[column].as_f64()) {
                sum += (real - other).abs();
                count += 1;
            }
        }
    }
    (count > 0).then(|| sum / f64::from(count))
}

fn row_total(bundle: &Bundle, pairs: &[Value]) -> u64 {
    bundle.subject_row().details("pair_trends")["pairs_total"].as_u64().unwrap_or(pairs.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pairs_that_stand_for_all_are_told() {
        let told = |total: u64| sampled(&json!({"pairs_total": total, "pairs_drawn": 100})).into_string();
        assert!(told(2_000).contains("Of 2\u{202f}000 pairs 100 were drawn"));
        assert!(told(100).is_empty());
    }

    #[test]
    fn the_mean_difference_leaves_out_the_diagonal_and_what_is_undefined() {
        let matrix = json!({
            "real": [[1.0, 0.5, null], [0.5, 1.0, 0.2], [null, 0.2, 1.0]],
            "sample": [[1.0, 0.4, 0.3], [0.4, 1.0, 0.5], [0.3, 0.5, 1.0]],
        });
        assert!((gap(&matrix, "sample").expect("two pairs") - 0.2).abs() < 1e-12);
        assert_eq!(gap(&matrix, "holdout"), None);
    }
}
