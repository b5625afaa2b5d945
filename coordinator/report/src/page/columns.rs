//! Section 6: agreement of every column, and the picture of each.

use super::{legend, scores};
use crate::bundle::Bundle;
use crate::number::{plain, score, score_or_dash};
use crate::plots::missing_rates::{self, Rate};
use crate::plots::scores_by_column::{self, Bar};
use crate::plots::{column_ecdf, column_histogram, column_levels, column_qq};
use maud::{Markup, html};
use serde_json::Value;
use std::collections::BTreeMap;
use synthfleet_proto::calendar::{Grain, date_of_days};
use synthfleet_proto::profile::Profile;

/// Most columns drawn.
const COLUMNS_MAX: usize = 100;
/// Most columns in the picture of missing cells.
const MISSING_MAX: usize = 40;

/// Bars of all columns, then a card a column.
pub fn section(bundle: &Bundle) -> Markup {
    let (row, holdout) = (bundle.subject_row(), bundle.reference("holdout"));
    let columns = row.list("column_shapes", "columns");
    if columns.is_empty() {
        return html! { p.empty { "Column shapes were not computed in this job." } };
    }
    let references: BTreeMap<&str, f64> = by_name(holdout.list("column_shapes", "columns"));
    let chosen = worst(columns);
    html! {
        p { "Agreement of each column's distribution, 1 is equal; the dashed tick is what held-out rows get." }
        (scores::table(bundle, "column_shapes"))
        @if chosen.len() < columns.len() { p.small.quiet { "The " (chosen.len()) " worst of " (columns.len()) " columns are drawn." } }
        figure.card.wide tabindex="0" { (bars(columns, holdout.list("column_shapes", "columns"))) }
        h3 { "Missing cells" }
        (missing(columns))
        h3 { "Each column" }
        (legend())
        div.cards { @for entry in chosen { (card(bundle, entry, &references)) } }
    }
}

/// Shares of missing cells of columns that have some; of too many those that differ most.
pub fn rates(columns: &[Value]) -> Vec<Rate> {
    let mut with_gaps: Vec<(usize, Rate)> = columns.iter().filter_map(rate).enumerate().collect();
    let gap = |rate: &Rate| (rate.real.0 / rate.real.1.max(1.0) - rate.synthetic.0 / rate.synthetic.1.max(1.0)).abs();
    with_gaps.sort_by(|a, b| gap(&b.1).total_cmp(&gap(&a.1)).then(a.0.cmp(&b.0)));
    with_gaps.truncate(MISSING_MAX);
    with_gaps.sort_by_key(|(place, _)| *place);
    with_gaps.into_iter().map(|(_, rate)| rate).collect()
}

/// The missing cells of one column; `None`: nothing is missing anywhere.
fn rate(entry: &Value) -> Option<Rate> {
    let plot = &entry["plot"];
    let count = |table: &str| (plot["missing"][table].as_f64().unwrap_or(0.0), plot["rows"][table].as_f64().unwrap_or(0.0));
    let column = entry["column"].as_str().unwrap_or_default().to_owned();
    let rate = Rate { column, real: count("train"), reference: count("holdout"), synthetic: count("sample") };
    (rate.real.0 + rate.reference.0 + rate.synthetic.0 > 0.0).then_some(rate)
}

fn missing(columns: &[Value]) -> Markup {
    let (shown, total) = (rates(columns), columns.iter().filter_map(rate).count());
    html! {
        @if shown.is_empty() { (missing_rates::draw(&shown)) } @else {
            p.small.quiet {
                "Grey: the real share with its 95 % interval; dashed: held-out rows; dot: synthetic. Columns without a gap are left out, and one to four real gaps are told as none."
                @if shown.len() < total { " The " (shown.len()) " that differ most of " (total) " columns with gaps." }
            }
            figure.card.wide tabindex="0" { (missing_rates::draw(&shown)) }
        }
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

/// The scores of the worst columns as bars, with those of held-out rows.
pub fn bars(columns: &[Value], held_out: &[Value]) -> Markup {
    let references = by_name(held_out);
    scores_by_column::draw(&worst(columns).iter().map(|entry| bar(entry, &references)).collect::<Vec<_>>())
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
                (shape(bundle.profile, column, plot))
            }
            (distribution(bundle, column, entry))
        }
    }
}

/// A histogram, or bars of labels.
pub fn shape(profile: &Profile, column: &str, plot: &Value) -> Markup {
    if plot["edges"].is_array() {
        return column_histogram::draw(column, plot, &|value| axis_value(profile, column, value));
    }
    column_levels::draw(column, plot)
}

/// The distance of Kolmogorov and Smirnov, where that is a column's measure.
pub fn distance(entry: &Value) -> Option<f64> {
    (entry["measure"] == "KSComplement").then(|| entry["score"].as_f64().map(|score| 1.0 - score)).flatten()
}

/// Distribution function and quantiles, folded away: the histogram says most.
fn distribution(bundle: &Bundle, column: &str, entry: &Value) -> Markup {
    let data = &entry["distribution"];
    let label = |value: f64| axis_value(bundle.profile, column, value);
    html! {
        @if data.is_object() {
            details {
                summary { "Distribution function and quantiles" }
                (column_ecdf::draw(column, data, distance(entry), &label))
                (column_qq::draw(column, data, &label))
                p.small.quiet { "Share of values not above each value, then quantiles as means of equally many rows; grey: what chance explains for the real ones." }
            }
        }
    }
}

/// A value of a column as axes write it.
pub fn axis_value(profile: &Profile, column: &str, value: f64) -> String {
    let found = profile.columns.iter().find(|profile| profile.name == column);
    found.and_then(|profile| profile.dates.as_ref()).map_or_else(|| plain(value), |dates| instant(value, dates.grain))
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
