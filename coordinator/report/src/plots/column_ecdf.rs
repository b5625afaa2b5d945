//! `column_ecdf`: which share of a column's values is not above each value.
//!
//! # Shapes
//! Data as `parts::distribution` of the benchmarks gives them: `at [points]`, counts `below {train, holdout, sample}`
//! `[points]`, `present {train, holdout, sample}`. Between two points a curve keeps the share of the left one.

use super::{picture, placeholder, steps};
use crate::number::{place, score};
use crate::scale::{Scale, ticks};
use maud::{Markup, html};
use serde_json::Value;

const WIDTH: u32 = 360;
const HEIGHT: u32 = 190;
const PANEL: (f64, f64, f64, f64) = (40.0, 346.0, 10.0, 160.0);

/// The picture of `column`; `distance` is that of Kolmogorov and Smirnov, `label` writes a value of its axis.
pub fn draw(column: &str, data: &Value, distance: Option<f64>, label: &dyn Fn(f64) -> String) -> Markup {
    let list = |value: &Value| -> Vec<f64> { value.as_array().into_iter().flatten().filter_map(Value::as_f64).collect() };
    let at = list(&data["at"]);
    let [train, holdout, sample] =
        ["train", "holdout", "sample"].map(|table| shares(list(&data["below"][table]), data["present"][table].as_f64()));
    let (Some(&low), Some(&high)) = (at.first(), at.last()) else { return placeholder("too few values for a distribution function") };
    if [&train, &holdout, &sample].iter().any(|shares| shares.len() != at.len()) {
        return placeholder("too few values for a distribution function");
    }
    if low == high {
        let kept = sample.iter().all(|share| *share >= 1.0);
        let end = if kept { "in both tables" } else { "in the real table, other values in the synthetic one" };
        return placeholder(&format!("constant: {} {end}", label(low)));
    }
    if !(high - low).is_finite() {
        return placeholder("values too far apart for a picture");
    }
    let pad = (high - low) * 0.04;
    let edges: Vec<f64> = std::iter::once(low - pad).chain(at).chain([high + pad]).collect();
    let [real, reference, synthetic] = [train, holdout, sample].map(|shares| [vec![0.0], shares].concat());
    let (left, right, top, bottom) = PANEL;
    let (x, y) = (Scale::new((low - pad, high + pad), (left, right)), Scale::new((0.0, 1.0), (bottom, top)));
    let content = html! {
        path.real d=(steps::area(&edges, &real, &x, &y)) {}
        path.gap d=(steps::between(&edges, &synthetic, &real, &x, &y)) {}
        @if reference.iter().any(|share| *share > 0.0) { path.reference d=(steps::line(&edges, &reference, &x, &y)) {} }
        path.synthetic d=(steps::line(&edges, &synthetic, &x, &y)) {}
        path.axis d=(format!("M{left} {bottom}H{right}")) {}
        @for tick in ticks(low, high, 4) {
            path.axis d=(format!("M{} {bottom}v4", place(x.at(tick)))) {}
            text.tick x=(place(x.at(tick))) y=(bottom + 16.0) text-anchor="middle" { (label(tick)) }
        }
        @for share in [0.0, 0.5, 1.0] { text.tick x=(left - 6.0) y=(place(y.at(share) + 3.0)) text-anchor="end" { (format!("{share}")) } }
        @if let Some(distance) = distance { text.label x=(right - 4.0) y=(bottom - 8.0) text-anchor="end" { "KS distance " (score(distance)) } }
    };
    let far = distance.map(|distance| format!(", largest distance {}", score(distance))).unwrap_or_default();
    picture(
        "plot ecdf",
        WIDTH,
        HEIGHT,
        &format!("Share of values of {column} not above each value, real, reference and synthetic{far}"),
        content,
    )
}

fn shares(counts: Vec<f64>, present: Option<f64>) -> Vec<f64> {
    let all = present.filter(|all| *all > 0.0);
    counts.into_iter().map(|count| all.map_or(0.0, |all| (count / all).clamp(0.0, 1.0))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::plain;
    use serde_json::json;

    fn data(at: &[f64], sample: &[u32]) -> Value {
        let all: Vec<usize> = (1..=at.len()).map(|nth| nth * 20 / at.len()).collect();
        json!({"at": at, "below": {"train": all, "holdout": all, "sample": sample}, "present": {"train": 20, "holdout": 20, "sample": 40}})
    }

    #[test]
    fn curves_rise_from_none_to_all() {
        let svg = draw("x", &data(&[1.0, 3.0], &[10, 40]), Some(0.25), &plain).into_string();
        // from the lower left corner, a quarter at the first point, all at the last
        assert!(svg.contains("M40 160H51.3V122.5H334.7V10H346"), "{svg}");
        assert!(svg.contains("KS distance 0.250"), "{svg}");
    }

    #[test]
    fn constants_and_nothing_are_said_in_words() {
        assert!(draw("x", &data(&[3.0], &[40]), None, &plain).into_string().contains("constant: 3 in both tables"));
        assert!(draw("x", &data(&[3.0], &[30]), None, &plain).into_string().contains("other values in the synthetic one"));
        assert!(draw("x", &data(&[-1e308, 1e308], &[20, 40]), None, &plain).into_string().contains("too far apart"));
        assert!(draw("x", &Value::Null, None, &plain).into_string().contains("too few values"));
    }
}
