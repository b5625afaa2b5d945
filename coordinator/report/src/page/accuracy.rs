//! Section 8: accuracy with its ceiling, and whether a classifier can tell the tables apart.

use super::{further, scores};
use crate::bundle::Bundle;
use crate::number::{percent, score_or_dash};
use crate::plots::projection;
use maud::{Markup, html};

/// Accuracy by number of columns, then detection.
pub fn section(bundle: &Bundle) -> Markup {
    let (row, holdout) = (bundle.subject_row(), bundle.reference("holdout"));
    let ways = [("one column", "univariate"), ("two columns", "bivariate"), ("three columns", "trivariate")];
    let is_above = row.list("accuracy", "notes").iter().any(|note| note == "above_ceiling");
    html! {
        p { "Agreement of all tables of one, two and three columns. The ceiling is what sampling noise alone allows; a score beyond it is a sign of copying." }
        @if row.score("accuracy").is_some() {
            div.scroll tabindex="0" {
                table {
                    thead { tr { th scope="col" { "Tables of" } th.n scope="col" { "Accuracy ↑" } th.n scope="col" { "Ceiling" } th.n scope="col" { "Held-out rows" } } }
                    tbody {
                        @for (title, way) in ways {
                            tr {
                                td { (title) }
                                td.n { (score_or_dash(row.value(&format!("accuracy.{way}")))) }
                                td.n { (score_or_dash(row.value(&format!("accuracy.{way}_ceiling")))) }
                                td.n { (score_or_dash(holdout.value(&format!("accuracy.{way}")))) }
                            }
                        }
                    }
                }
            }
        }
        @if is_above { div.banner role="note" { strong { "Above its ceiling:" } " the table agrees with the learnt rows more than a fresh sample could." } }
        h3 { "All accuracy scores" }
        (scores::table(bundle, "accuracy"))
        h3 { "Can a classifier tell synthetic rows from real ones?" }
        p.small.quiet { "1 means that it cannot (AUC .5). " (given_away(bundle)) }
        (scores::table(bundle, "detection"))
        (clouds(bundle))
        (further::likeness(bundle))
    }
}

/// Both tables as clouds; nothing if they were not projected.
fn clouds(bundle: &Bundle) -> Markup {
    let data = &bundle.subject_row().details("detection")["projection"];
    let of_holdout = projection::moved(&bundle.reference("holdout").details("detection")["projection"]);
    html! {
        @if data.is_object() {
            h3 { "Both tables as clouds" }
            p.small.quiet {
                "Rows along the two directions in which real rows spread most (principal components of ranks and labels). Darker: more rows; cells of fewer than five rows are empty. "
                "Difference: blue-green where the synthetic table has more, brown where it has less."
            }
            @if let Some(moved) = projection::moved(data) {
                p { (percent(moved)) @if let Some(of_holdout) = of_holdout { " [" (percent(of_holdout)) "]" } " of the rows would have to change cells for the clouds to be equal." }
            }
            figure.card { (projection::draw(data)) }
        }
    }
}

/// The columns that a classifier used most.
fn given_away(bundle: &Bundle) -> String {
    let features = bundle.subject_row().list("detection", "features");
    let named = features.iter().filter_map(|feature| Some((feature["name"].as_str()?, feature["gain"].as_f64()?)));
    let most: Vec<String> = named.take(5).map(|(name, gain)| format!("{name} ({})", percent(gain))).collect();
    if most.is_empty() { String::new() } else { format!("What boosting used most: {}.", most.join(", ")) }
}
