//! `distances`: how far synthetic rows lie from the rows that were learnt and from rows that were not, and how far
//! those lie from each other.
//!
//! # Shapes
//! `edges [bins + 1]`, shares `train`, `holdout`, `real` `[bins]`: distance of synthetic rows to the nearest train row,
//! to the nearest holdout row, and of holdout rows to the nearest train row.

use super::{picture, placeholder, steps};
use crate::number::{place, plain};
use crate::scale::{Scale, ticks};
use maud::{Markup, html};
use serde_json::Value;

const WIDTH: u32 = 1040;
const HEIGHT: u32 = 240;
const PANEL: (f64, f64, f64, f64) = (20.0, 1020.0, 12.0, 200.0);

/// The picture of three histograms.
pub fn draw(data: &Value) -> Markup {
    let list = |name: &str| -> Vec<f64> { data[name].as_array().into_iter().flatten().filter_map(Value::as_f64).collect() };
    let (edges, bins) = (list("edges"), ["train", "holdout", "real"].map(list));
    if edges.len() < 2 || bins.iter().any(|bins| bins.len() + 1 != edges.len()) {
        return placeholder("too few rows to compare distances");
    }
    let (left, right, top, bottom) = PANEL;
    let (low, high) = (edges[0], edges[edges.len() - 1]);
    let highest = bins.iter().flatten().copied().fold(0.0, f64::max);
    let (x, y) = (Scale::new((low, high), (left, right)), Scale::new((0.0, highest.max(f64::MIN_POSITIVE)), (bottom, top)));
    let content = html! {
        path.real d=(steps::area(&edges, &bins[2], &x, &y)) {}
        path.reference d=(steps::line(&edges, &bins[1], &x, &y)) {}
        path.synthetic d=(steps::line(&edges, &bins[0], &x, &y)) {}
        path.axis d=(format!("M{left} {bottom}H{right}")) {}
        @for tick in ticks(low, high, 6) {
            path.axis d=(format!("M{} {bottom}v4", place(x.at(tick)))) {}
            text.tick x=(place(x.at(tick))) y=(bottom + 16.0) text-anchor="middle" { (plain(tick)) }
        }
        text.tick x=(right) y=(bottom + 32.0) text-anchor="end" { "distance to the nearest row (0 = equal in every column, 1 = different in all)" }
    };
    picture("plot distances", WIDTH, HEIGHT, "Distances to the nearest row", content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn three_histograms_or_a_reason() {
        let data = json!({"edges": [0, 0.1, 0.2], "train": [0.4, 0.6], "holdout": [0.5, 0.5], "real": [0.3, 0.7]});
        assert!(draw(&data).into_string().contains("class=\"synthetic\""));
        assert!(draw(&Value::Null).into_string().contains("too few rows"));
    }
}
