//! `column_histogram`: densities of a number in shared bins, cells outside the real range, missing cells.
//!
//! # Shapes
//! Data as `parts::histogram` of the benchmarks gives them: `edges [bins + 1]`, counts `train`, `holdout`,
//! `sample` `[bins]`, `below`, `above` (synthetic cells outside the real range), `missing`, `rows`.

use super::{Three, picture, placeholder, steps};
use crate::number::{percent, place, plain};
use crate::scale::{Scale, ticks};
use maud::{Markup, html};
use serde_json::Value;

const WIDTH: u32 = 360;
const HEIGHT: u32 = 190;
/// Left and right end of the density panel, top and bottom of the picture.
const PANEL: (f64, f64, f64, f64) = (52.0, 286.0, 10.0, 160.0);
/// Beyond this ratio of the tallest bar to the middle of the others heights are drawn as square roots.
const STEEP: f64 = 12.0;

/// Densities of one column.
struct Histogram {
    edges: Vec<f64>,
    heights: [Vec<f64>; 3],
    outside: [f64; 2],
    missing: Three,
}

/// The picture of `column`; `label` writes a value of its axis.
pub fn draw(column: &str, data: &Value, label: &dyn Fn(f64) -> String) -> Markup {
    let Some(histogram) = read(data) else { return placeholder("fewer than five values in the real table") };
    let [first, .., last] = histogram.edges.as_slice() else { return placeholder("fewer than five values in the real table") };
    if first == last {
        let kept = histogram.outside[0] + histogram.outside[1] == 0.0;
        let end = if kept { "in both tables" } else { "in the real table, other values in the synthetic one" };
        return placeholder(&format!("constant: {} {end}", label(*first)));
    }
    let alt = format!("Densities of {column} in the real, reference and synthetic table");
    picture("plot histogram", WIDTH, HEIGHT, &alt, panel(&histogram, label))
}

fn read(data: &Value) -> Option<Histogram> {
    let list = |name: &str| -> Option<Vec<f64>> { data[name].as_array()?.iter().map(Value::as_f64).collect() };
    let edges = list("edges").filter(|edges| edges.len() > 1)?;
    let rows = |name: &str| data["rows"][name].as_f64().unwrap_or(0.0);
    let share = |name: &str, count: f64| if rows(name) > 0.0 { count / rows(name) } else { 0.0 };
    let density = |name: &str| -> Option<Vec<f64>> {
        let counts = list(name)?;
        let bins = counts.iter().zip(edges.windows(2));
        let total = (edges[edges.len() - 1] - edges[0]).max(f64::MIN_POSITIVE);
        Some(bins.map(|(count, edge)| share(name, *count) * total / (edge[1] - edge[0]).max(f64::MIN_POSITIVE)).collect())
    };
    let missing = |name: &str| share(name, data["missing"][name].as_f64().unwrap_or(0.0));
    Some(Histogram {
        heights: [density("train")?, density("holdout")?, density("sample")?],
        outside: ["below", "above"].map(|end| share("sample", data[end].as_f64().unwrap_or(0.0))),
        missing: Three { real: missing("train"), reference: missing("holdout"), synthetic: missing("sample") },
        edges,
    })
}

fn panel(histogram: &Histogram, label: &dyn Fn(f64) -> String) -> Markup {
    let (left, right, top, bottom) = PANEL;
    let edges = &histogram.edges;
    let (low, high) = (edges[0], edges[edges.len() - 1]);
    let x = Scale::new((low, high), (left, right));
    let steep = is_steep(&histogram.heights[0]);
    let heights = histogram.heights.clone().map(|heights| if steep { heights.into_iter().map(f64::sqrt).collect() } else { heights });
    let highest = heights.iter().flatten().copied().fold(0.0, f64::max);
    let y = Scale::new((0.0, highest.max(f64::MIN_POSITIVE)), (bottom, top));
    let [real, reference, synthetic] = &heights;
    html! {
        path.real d=(steps::area(edges, real, &x, &y)) {}
        path.gap d=(steps::between(edges, synthetic, real, &x, &y)) {}
        @if reference.iter().any(|height| *height > 0.0) { path.reference d=(steps::line(edges, reference, &x, &y)) {} }
        path.synthetic d=(steps::line(edges, synthetic, &x, &y)) {}
        path.axis d=(format!("M{left} {bottom}H{right}")) {}
        @for tick in ticks(low, high, 4) {
            path.axis d=(format!("M{} {bottom}v4", place(x.at(tick)))) {}
            text.tick x=(place(x.at(tick))) y=(bottom + 16.0) text-anchor="middle" { (label(tick)) }
        }
        text.tick x="4" y="18" { "density" }
        @if steep { text.tick x="4" y="30" { "(√ scale)" } }
        @for (share, at, anchor) in [(histogram.outside[0], left, "start"), (histogram.outside[1], right, "end")] {
            @if share > 0.0 {
                text.warning x=(at) y=(bottom + 28.0) text-anchor=(anchor) { (percent(share)) " outside the real range" }
            }
        }
        (missing(&histogram.missing))
    }
}

/// The tallest bar hides the others.
fn is_steep(heights: &[f64]) -> bool {
    let mut sorted: Vec<f64> = heights.iter().copied().filter(|height| *height > 0.0).collect();
    sorted.sort_by(f64::total_cmp);
    let (Some(tallest), Some(middle)) = (sorted.last(), sorted.get(sorted.len() / 2)) else { return false };
    tallest / middle > STEEP
}

/// Shares of missing cells in a bar of their own.
fn missing(shares: &Three) -> Markup {
    let (_, _, top, bottom) = PANEL;
    let y = Scale::new((0.0, 1.0), (bottom, top));
    let bar = |share: f64| (place(y.at(share)), place(bottom - y.at(share)));
    let ((real, tall), (synthetic, tall_synthetic)) = (bar(shares.real), bar(shares.synthetic));
    html! {
        path.axis d=(format!("M308 {bottom}H350")) {}
        rect.real x="312" y=(real) width="16" height=(tall) {}
        rect.synthetic-bar x="330" y=(synthetic) width="16" height=(tall_synthetic) {}
        @if shares.reference > 0.0 { path.reference d=(format!("M310 {}h20", place(y.at(shares.reference)))) {} }
        text.tick x="356" y=(bottom + 16.0) text-anchor="end" { "missing" }
        text.tick x="356" y=(bottom + 28.0) text-anchor="end" { (percent(shares.real)) " / " (percent(shares.synthetic)) }
    }
}

/// Writes plain numbers on the axis.
pub fn plain_label(value: f64) -> String {
    plain(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn data(edges: &[f64]) -> Value {
        json!({"edges": edges, "train": [10, 20], "holdout": [5, 10], "sample": [12, 18], "below": 3, "above": 0,
            "missing": {"train": 0, "holdout": 0, "sample": 5}, "rows": {"train": 30, "holdout": 15, "sample": 38}})
    }

    #[test]
    fn all_three_tables_and_what_lies_outside_are_drawn() {
        let svg = draw("age", &data(&[0.0, 1.0, 3.0]), &plain_label).into_string();
        for part in ["class=\"real\"", "class=\"reference\"", "class=\"synthetic\"", "7.9 % outside", "missing"] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
    }

    #[test]
    fn a_constant_column_is_said_to_be_constant() {
        let svg = draw("x", &data(&[3.0, 3.0, 3.0]), &plain_label).into_string();
        assert!(svg.contains("constant: 3 in the real table"), "{svg}");
    }

    #[test]
    fn densities_account_for_unequal_bins() {
        let histogram = read(&data(&[0.0, 1.0, 3.0])).expect("data");
        let area: f64 = histogram.heights[0].iter().zip([1.0, 2.0]).map(|(height, width)| height * width / 3.0).sum();
        assert!((area - 1.0).abs() < 1e-12);
    }
}
