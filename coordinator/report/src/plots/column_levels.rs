//! `column_levels`: shares of labels, commonest first, then all others and missing cells.
//!
//! # Shapes
//! `levels [levels]`, counts `train`, `holdout`, `sample` `[levels]`, `other {train, holdout, sample, levels}`,
//! `missing`, `rows`.

use super::{Three, cut, picture, placeholder};
use crate::number::{percent, place};
use crate::scale::Scale;
use maud::{Markup, html};
use serde_json::Value;

const WIDTH: u32 = 360;
const ROW: f64 = 19.0;
/// Where bars begin and end.
const BARS: (f64, f64) = (132.0, 262.0);
/// Characters of a label.
const LABEL: usize = 20;

struct Bar {
    label: String,
    class: &'static str,
    shares: Three,
}

/// The picture of `column`.
pub fn draw(column: &str, data: &Value) -> Markup {
    let bars = read(data);
    if bars.is_empty() {
        return placeholder("no value in the real table");
    }
    let widest = bars.iter().flat_map(|bar| [bar.shares.real, bar.shares.reference, bar.shares.synthetic]).fold(0.0, f64::max);
    let x = Scale::new((0.0, widest.max(f64::MIN_POSITIVE)), BARS);
    let height = (bars.len() as f64 * ROW + 8.0) as u32;
    let alt = format!("Shares of the labels of {column} in the real, reference and synthetic table");
    let content = html! { @for (place, bar) in bars.iter().enumerate() { (row(bar, place as f64 * ROW + 4.0, &x)) } };
    picture("plot levels", WIDTH, height, &alt, content)
}

fn read(data: &Value) -> Vec<Bar> {
    let rows = |name: &str| data["rows"][name].as_f64().unwrap_or(0.0);
    let share = |name: &str, count: &Value| if rows(name) > 0.0 { count.as_f64().unwrap_or(0.0) / rows(name) } else { 0.0 };
    let three = |of: &dyn Fn(&str) -> f64| Three { real: of("train"), reference: of("holdout"), synthetic: of("sample") };
    let names = data["levels"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut bars: Vec<Bar> = names
        .iter()
        .enumerate()
        .map(|(level, name)| Bar {
            label: cut(name.as_str().unwrap_or_default(), LABEL),
            class: "label",
            shares: three(&|table| share(table, &data[table][level])),
        })
        .collect();
    for (field, label) in [("other", "other labels"), ("missing", "missing")] {
        let shares = three(&|table| share(table, &data[field][table]));
        if shares != Three::default() {
            bars.push(Bar { label: label.to_owned(), class: "label quiet", shares });
        }
    }
    bars
}

fn row(bar: &Bar, top: f64, x: &Scale) -> Markup {
    let Three { real, reference, synthetic } = bar.shares;
    let width = |share: f64| place(x.at(share) - BARS.0);
    html! {
        text class=(bar.class) x=(BARS.0 - 6.0) y=(top + 12.0) text-anchor="end" { (bar.label) }
        rect.real x=(BARS.0) y=(top + 1.0) width=(width(real)) height="8" {}
        rect.synthetic-bar x=(BARS.0) y=(top + 9.0) width=(width(synthetic)) height="6" {}
        @if reference > 0.0 { path.reference d=(format!("M{} {}v14", place(x.at(reference)), top + 1.0)) {} }
        text.tick x="356" y=(top + 12.0) text-anchor="end" { (percent(real)) " / " (percent(synthetic)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn labels_are_escaped_and_others_are_shown() {
        let data = json!({"levels": ["<b>x</b>", "y"], "train": [20, 10], "holdout": [8, 0], "sample": [25, 5],
            "other": {"train": 5, "holdout": 0, "sample": 1, "levels": 3}, "missing": {"train": 0, "holdout": 0, "sample": 0},
            "rows": {"train": 35, "holdout": 12, "sample": 31}});
        let svg = draw("c", &data).into_string();
        assert!(svg.contains("&lt;b&gt;x&lt;/b&gt;") && !svg.contains("<b>"), "{svg}");
        assert!(svg.contains("other labels") && !svg.contains(">missing<"), "{svg}");
    }
}
