//! `projection`: both tables as clouds along the two directions in which real rows spread most. Cells of few rows are
//! empty, and neither table is drawn by points, so that no row can be read off.
//!
//! # Shapes
//! Data as `detection::projection` of the benchmarks gives them: `edges [2][bins + 1]`, counts `train`, `sample`
//! `[bins * bins]` (first direction first), `rows {train, sample}`, `explained [2]`.

use super::heat::{self, Cell, MARGIN, SIDE, Square, TOP};
use super::{picture, placeholder};
use crate::number::{percent, place};
use maud::{Markup, html};
use serde_json::Value;

/// Three panels: real, synthetic, difference.
pub fn draw(data: &Value) -> Markup {
    let Some(clouds) = Clouds::read(data) else { return placeholder("rows spread in fewer than two directions, or are too few") };
    let densest = [&clouds.real, &clouds.synthetic].into_iter().flatten().copied().fold(0.0, f64::max);
    if densest <= 0.0 {
        return placeholder("too few rows for a picture");
    }
    let gaps: Vec<f64> = clouds.real.iter().zip(&clouds.synthetic).map(|(real, synthetic)| synthetic - real).collect();
    let scaled = |shares: &[f64]| shares.iter().map(|share| (share / densest).sqrt()).collect::<Vec<f64>>();
    let signed = gaps.iter().map(|gap| (gap.abs() / densest).sqrt().copysign(*gap)).collect::<Vec<f64>>();
    html! {
        div.panels {
            (clouds.panel("real", &scaled(&clouds.real)))
            (clouds.panel("synthetic", &scaled(&clouds.synthetic)))
            (clouds.panel("difference", &signed))
        }
    }
}

/// Share of rows that would have to change cells for both clouds to be equal; `None` without a plane.
pub fn moved(data: &Value) -> Option<f64> {
    let clouds = Clouds::read(data)?;
    Some(clouds.real.iter().zip(&clouds.synthetic).map(|(real, synthetic)| (real - synthetic).abs()).sum::<f64>() / 2.0)
}

struct Clouds {
    bins: usize,
    /// Shares of rows, `[bins * bins]`.
    real: Vec<f64>,
    synthetic: Vec<f64>,
    explained: [f64; 2],
}

impl Clouds {
    fn read(data: &Value) -> Option<Self> {
        let bins = data["edges"][0].as_array()?.len().checked_sub(1).filter(|bins| *bins > 0)?;
        let shares = |table: &str| -> Option<Vec<f64>> {
            let rows = data["rows"][table].as_f64().filter(|rows| *rows > 0.0)?;
            let counts: Vec<f64> = data[table].as_array()?.iter().filter_map(Value::as_f64).map(|count| count / rows).collect();
            (counts.len() == bins * bins).then_some(counts)
        };
        let explained = [data["explained"][0].as_f64()?, data["explained"][1].as_f64()?];
        Some(Self { bins, real: shares("train")?, synthetic: shares("sample")?, explained })
    }

    fn panel(&self, title: &str, values: &[f64]) -> Markup {
        let side = SIDE / self.bins as f64;
        let cells = values.iter().enumerate().map(|(nth, value)| {
            let (across, up) = (nth / self.bins, nth % self.bins);
            let at = (MARGIN + across as f64 * side, TOP + (self.bins - 1 - up) as f64 * side);
            Cell { at, size: (side, side), value: Some(*value) }
        });
        let named = |which: usize| format!("direction {} ({} of the spread)", which + 1, percent(self.explained[which]));
        let turned = format!("translate({} {}) rotate(-90)", place(MARGIN - 10.0), place(TOP + SIDE / 2.0));
        let content = html! {
            (Square { title, columns: &[], rows: &[] }.around(&heat::draw(cells)))
            text.tick x=(MARGIN + SIDE / 2.0) y=(TOP + SIDE + 18.0) text-anchor="middle" { (named(0)) " →" }
            text.tick text-anchor="middle" transform=(turned) { (named(1)) " →" }
        };
        let width = Square::SIZE;
        picture("plot heat", width, (TOP + SIDE + 28.0) as u32, &format!("Rows along two directions: {title}"), content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn data(sample: [u32; 4]) -> Value {
        json!({"edges": [[0, 1, 2], [0, 1, 2]], "explained": [0.5, 0.25], "train": [20, 0, 0, 20], "sample": sample, "rows": {"train": 40, "sample": 40}})
    }

    #[test]
    fn three_panels_show_where_rows_are_lacking() {
        let svg = draw(&data([20, 20, 0, 0])).into_string();
        assert_eq!(svg.matches("<svg").count(), 3);
        assert!(svg.contains("down9") && svg.contains("direction 1 (50 % of the spread)"), "{svg}");
        assert_eq!(moved(&data([20, 20, 0, 0])), Some(0.5));
        assert_eq!(moved(&data([20, 0, 0, 20])), Some(0.0));
    }

    #[test]
    fn no_plane_is_said_in_words() {
        assert!(draw(&Value::Null).into_string().contains("fewer than two directions"));
        assert!(
            draw(&json!({"edges": [[0, 1], [0, 1]], "explained": [1, 0], "train": [0], "sample": [0], "rows": {"train": 4, "sample": 4}}))
                .into_string()
                .contains("too few rows")
        );
        assert_eq!(moved(&Value::Null), None);
    }
}
