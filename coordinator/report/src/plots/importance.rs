//! `importance`: ranks of columns in a model trained on real rows and in one trained on synthetic rows.
//!
//! # Shapes
//! `importance [columns]` of `{column, trtr_rank, tstr_rank}`, rank 1 the most important; the first by real rank are
//! drawn.

use super::{cut, picture, placeholder};
use crate::number::{place, plain};
use maud::{Markup, html};
use serde_json::Value;

const WIDTH: u32 = 360;
const ROW: f64 = 19.0;
/// Ends of the lines.
const LINES: (f64, f64) = (140.0, 220.0);
/// Most columns drawn.
const COLUMNS_MAX: usize = 12;
/// Ranks further apart than this are drawn as a warning.
const APART: f64 = 3.0;

struct Ranked<'a> {
    column: &'a str,
    real: f64,
    synthetic: f64,
}

/// The picture of one model.
pub fn draw(model: &str, importance: &Value) -> Markup {
    let rank = |entry: &Value, side: &str| entry[side].as_f64();
    let mut columns: Vec<Ranked> = importance
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            Some(Ranked { column: entry["column"].as_str()?, real: rank(entry, "trtr_rank")?, synthetic: rank(entry, "tstr_rank")? })
        })
        .collect();
    if columns.is_empty() {
        return placeholder("no column was ranked");
    }
    columns.sort_by(|a, b| a.real.total_cmp(&b.real).then_with(|| a.column.cmp(b.column)));
    columns.truncate(COLUMNS_MAX);
    let mut right: Vec<usize> = (0..columns.len()).collect();
    right.sort_by(|&a, &b| columns[a].synthetic.total_cmp(&columns[b].synthetic).then(a.cmp(&b)));
    let middle = |nth: usize| nth as f64 * ROW + 32.0;
    let content = html! {
        text.title x=(LINES.0 - 6.0) y="14" text-anchor="end" { "real" }
        text.title x=(LINES.1 + 6.0) y="14" { "synthetic" }
        @for (nth, &which) in right.iter().enumerate() {
            @let column = &columns[which];
            @let class = if (column.real - column.synthetic).abs() > APART { "moved" } else { "kept" };
            path class=(class) d=(format!("M{} {}L{} {}", LINES.0, place(middle(which)), LINES.1, place(middle(nth)))) {}
            text.label x=(LINES.1 + 6.0) y=(place(middle(nth) + 4.0)) { (plain(column.synthetic)) " " (cut(column.column, 16)) }
        }
        @for (nth, column) in columns.iter().enumerate() {
            text.label x=(LINES.0 - 6.0) y=(place(middle(nth) + 4.0)) text-anchor="end" { (cut(column.column, 16)) " " (plain(column.real)) }
        }
    };
    let told: Vec<String> =
        columns.iter().map(|column| format!("{} {} and {}", column.column, plain(column.real), plain(column.synthetic))).collect();
    let alt = format!("Ranks of importance in {model} trained on real and on synthetic rows: {}", told.join("; "));
    picture("plot importance", WIDTH, (middle(columns.len()) - 8.0) as u32, &alt, content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_column_that_lost_its_rank_is_a_warning() {
        let entry = |column: &str, real: u32, synthetic: u32| json!({"column": column, "trtr_rank": real, "tstr_rank": synthetic});
        let svg = draw("gbt", &json!([entry("b", 2, 1), entry("a", 1, 7), entry("c", 3, 2)])).into_string();
        assert_eq!((svg.matches("class=\"moved\"").count(), svg.matches("class=\"kept\"").count()), (1, 2), "{svg}");
        assert!(svg.find("a 1<") < svg.find("b 2<"), "{svg}");
    }

    #[test]
    fn no_ranks_are_said_in_words() {
        assert!(draw("gbt", &Value::Null).into_string().contains("no column was ranked"));
    }
}
