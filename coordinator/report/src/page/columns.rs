//! Section 6: agreement of every column, and the picture of each.

use super::{legend, scores};
use crate::bundle::Bundle;
use crate::number::{plain, score, score_or_dash};
use crate::plots::scores_by_column::{self, Bar};
use crate::plots::{column_histogram, column_levels};
use maud::{Markup, html};
use serde_json::Value;
use std::collections::BTreeMap;
use synthfleet_proto::calendar::{Grain, date_of_days};

/// Most columns drawn.
const COLUMNS_MAX: usize = 100;

/// Bars of all columns, then a card a column.
pub fn section(bundle: &Bundle) -> Markup {
    let (row, holdout) = (bundle.subject_row(), bundle.reference("holdout"));
    let columns = row.list("column_shapes", "columns");
    if columns.is_empty() {
        return html! { p.empty { "Column shapes were not computed in this job." } };
    }
    let references: BTreeMap<&str, f64> = by_name(holdout.list("column_shapes", "columns"));
    let chosen = worst(columns);
    let bars: Vec<Bar> = chosen.iter().map(|entry| bar(entry, &references)).collect();
    html! {
        p { "Agreement of each column's distribution, 1 is equal; the dashed tick is what held-out rows get." }
        (scores::table(bundle, "column_shapes"))
        @if chosen.len() < columns.len() { p.small.quiet { "The " (chosen.len()) " worst of " (columns.len()) " columns are drawn." } }
        figure.card.wide { (scores_by_column::draw(&bars)) }
        (legend())
        div.cards { @for entry in chosen { (card(bundle, entry, &references)) } }
    }
}

fn by_name(columns: &[Value]) -> BTreeMap<&str, f64> {
    columns.iter().filter_map(|entry| Some((entry["column"].as_str()?, entry["score"].as_f64()?))).collect()
}

/// All columns in their order, or the worst if there are too many.
fn worst(columns: &[Value]) -> Vec<&Value> {
    let mut order: Vec<usize> = (0..columns.len()).collect();
    if columns.len() > COLUMNS_MAX {
        let value = |place: usize| columns[place]["score"].as_f64().unwrap_or(f64::INFINITY);
        order.sort_by(|&a, &b| value(a).total_cmp(&value(b)).then(a.cmp(&b)));
        order.truncate(COLUMNS_MAX);
        order.sort_unstable();
    }
    order.into_iter().map(|place| &columns[place]).collect()
}

fn bar(entry: &Value, references: &BTreeMap<&str, f64>) -> Bar {
    let column = entry["column"].as_str().unwrap_or_default();
    Bar { column: column.to_owned(), score: entry["score"].as_f64(), reference: references.get(column).copied() }
}

fn card(bundle: &Bundle, entry: &Value, references: &BTreeMap<&str, f64>) -> Markup {
    let column = entry["column"].as_str().unwrap_or_default();
    let kind = entry["kind"].as_str().unwrap_or_default();
    let plot = &entry["plot"];
    html! {
        figure.card {
            h3 { (column) }
            p.sub {
                (kind) ", "
                @match entry["score"].as_f64() {
                    Some(value) => { "agreement " (score(value)) " [" (score_or_dash(references.get(column).copied())) "]" },
                    None => { (entry["why"].as_str().unwrap_or("undefined")) },
                }
            }
            @if plot.is_object() {
                @if plot["edges"].is_array() {
                    @match grain(bundle, column) {
                        Some(grain) => (column_histogram::draw(column, plot, &|value| instant(value, grain))),
                        None => (column_histogram::draw(column, plot, &plain)),
                    }
                } @else {
                    (column_levels::draw(column, plot))
                }
            }
        }
    }
}

fn grain(bundle: &Bundle, column: &str) -> Option<Grain> {
    let found = bundle.profile.columns.iter().find(|profile| profile.name == column)?;
    found.dates.as_ref().map(|dates| dates.grain)
}

/// An instant on an axis: year, month or day.
fn instant(value: f64, grain: Grain) -> String {
    let days = grain.to_nanos(value.round() as i64).div_euclid(86_400_000_000_000);
    let (year, month, day) = date_of_days(days as i64);
    match grain {
        Grain::Year => year.to_string(),
        Grain::Month => format!("{year}-{month:02}"),
        _ => format!("{year}-{month:02}-{day:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn too_many_columns_leave_the_worst_in_their_order() {
        let columns: Vec<Value> = (0..150).map(|i| json!({"column": i.to_string(), "score": f64::from(i % 75) / 75.0})).collect();
        let chosen = worst(&columns);
        assert_eq!(chosen.len(), COLUMNS_MAX);
        assert_eq!((chosen[0]["column"].as_str(), chosen[50]["column"].as_str()), (Some("0"), Some("75")));
    }

    #[test]
    fn instants_are_written_as_coarsely_as_they_are() {
        assert_eq!(instant(11_017.0, Grain::Day), "2000-03-01");
        assert_eq!(instant(54.0, Grain::Year), "2024");
        assert_eq!(instant(362.0, Grain::Month), "2000-03");
    }
}
