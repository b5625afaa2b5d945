//! `column_qq`: quantiles of the synthetic table over those of the real one, with the band that chance explains.
//!
//! # Shapes
//! `groups {train, holdout, sample}` `[groups]`, ascending means of equally many rows (at most 99), and `present.train`.
//!
//! # Model
//! The bootstrap of a real quantile at level p picks the value at a level that has mean p and variance
//! `p (1 - p) / n`; the band holds the real quantiles at `p ± 1.96` deviations, straight between groups. That is the
//! bootstrap's limit, without drawing.
//!
//! # Reference
//! Efron 1979, doi 10.1214/aos/1176344552, remark on quantiles.

use super::{picture, placeholder};
use crate::number::{place, plain};
use crate::scale::{Scale, ticks};
use maud::{Markup, html};
use serde_json::Value;
use std::fmt::Write;

const WIDTH: u32 = 360;
const HEIGHT: u32 = 290;
const PANEL: (f64, f64, f64, f64) = (64.0, 346.0, 12.0, 250.0);
const Z: f64 = 1.959_963_984_540_054;

/// The picture of `column`; `label` writes a value of its axes.
pub fn draw(column: &str, data: &Value, label: &dyn Fn(f64) -> String) -> Markup {
    let list = |table: &str| -> Vec<f64> { data["groups"][table].as_array().into_iter().flatten().filter_map(Value::as_f64).collect() };
    let [real, reference, synthetic] = ["train", "holdout", "sample"].map(list);
    if real.len() < 2 || synthetic.len() != real.len() {
        return placeholder("too few values for quantiles");
    }
    let all = || real.iter().chain(&synthetic).copied();
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    if low == high {
        return placeholder(&format!("constant: {} in both tables", label(low)));
    }
    if !(high - low).is_finite() {
        return placeholder("values too far apart for a picture");
    }
    let (left, right, top, bottom) = PANEL;
    let (x, y) = (Scale::new((low, high), (left, right)), Scale::new((low, high), (bottom, top)));
    let rows = data["present"]["train"].as_f64().unwrap_or(0.0);
    let content = html! {
        path.real d=(band(&real, rows, &x, &y)) {}
        path.axis d=(format!("M{left} {bottom}L{right} {top}")) {}
        @if reference.len() == real.len() { path.reference d=(line(&real, &reference, &x, &y)) {} }
        path.dots d=(dots(&real, &synthetic, &x, &y)) {}
        path.axis d=(format!("M{left} {top}V{bottom}H{right}")) {}
        @for tick in ticks(low, high, 4) {
            text.tick x=(place(x.at(tick))) y=(bottom + 15.0) text-anchor="middle" { (label(tick)) }
            text.tick x=(left - 6.0) y=(place(y.at(tick) + 3.0)) text-anchor="end" { (label(tick)) }
        }
        text.tick x=(right) y=(bottom + 32.0) text-anchor="end" { "real quantiles; upwards: those of the others" }
    };
    let median = |values: &[f64]| plain(values[values.len() / 2]);
    let alt = format!("Quantiles of {column}: middle ones real {}, synthetic {}", median(&real), median(&synthetic));
    picture("plot qq", WIDTH, HEIGHT, &alt, content)
}

/// Quantile at `level`, straight between the middles of groups.
fn at(groups: &[f64], level: f64) -> f64 {
    let position = (level * groups.len() as f64 - 0.5).clamp(0.0, (groups.len() - 1) as f64);
    let below = (position as usize).min(groups.len() - 2);
    let share = position - below as f64;
    groups[below] * (1.0 - share) + groups[below + 1] * share
}

fn band(real: &[f64], rows: f64, x: &Scale, y: &Scale) -> String {
    let mut path = String::new();
    let level = |group: usize| (group as f64 + 0.5) / real.len() as f64;
    let end = |group: usize, sign: f64| {
        let p = level(group);
        at(real, p + sign * Z * (p * (1.0 - p) / rows.max(1.0)).sqrt())
    };
    let there = (0..real.len()).map(|group| (group, 1.0));
    let back = (0..real.len()).rev().map(|group| (group, -1.0));
    for (nth, (group, sign)) in there.chain(back).enumerate() {
        let _ = write!(path, "{}{} {}", if nth == 0 { "M" } else { "L" }, place(x.at(real[group])), place(y.at(end(group, sign))));
    }
    path + "Z"
}

fn line(across: &[f64], up: &[f64], x: &Scale, y: &Scale) -> String {
    let inside = |value: f64| value.clamp(PANEL.2, PANEL.3);
    let points = across.iter().zip(up).map(|(a, b)| format!("{} {}", place(x.at(*a)), place(inside(y.at(*b)))));
    format!("M{}", points.collect::<Vec<_>>().join("L"))
}

/// A dot a point: lines of no length with round ends.
fn dots(across: &[f64], up: &[f64], x: &Scale, y: &Scale) -> String {
    across.iter().zip(up).map(|(a, b)| format!("M{} {}h0", place(x.at(*a)), place(y.at(*b)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn levels_lie_straight_between_groups() {
        let groups = [1.0, 3.0, 7.0, 9.0];
        let found = [0.0, 0.125, 0.25, 0.5, 0.875, 1.0].map(|level| at(&groups, level));
        assert_eq!(found, [1.0, 1.0, 2.0, 5.0, 9.0, 9.0]);
    }

    #[test]
    fn equal_tables_lie_on_the_diagonal() {
        let same = json!([0.0, 1.0, 2.0]);
        let data = json!({"groups": {"train": same, "holdout": [], "sample": same}, "present": {"train": 15}});
        let svg = draw("x", &data, &plain).into_string();
        assert!(svg.contains("M64 250h0M205 131h0M346 12h0") && !svg.contains("class=\"reference\""), "{svg}");
    }

    #[test]
    fn constants_and_nothing_are_said_in_words() {
        let constant = json!({"groups": {"train": [3, 3], "holdout": [], "sample": [3, 3]}, "present": {"train": 10}});
        assert!(draw("x", &constant, &plain).into_string().contains("constant: 3 in both tables"));
        let far = json!({"groups": {"train": [-1e308, 1e308], "holdout": [], "sample": [0, 1]}, "present": {"train": 10}});
        assert!(draw("x", &far, &plain).into_string().contains("too far apart"));
        assert!(draw("x", &Value::Null, &plain).into_string().contains("too few values"));
    }
}
