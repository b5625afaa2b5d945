//! `pair`: two columns together in the real and the synthetic table, and their difference. Numbers against numbers are
//! shaded cells, labels against labels a mosaic, numbers against labels ridges.
//!
//! # Shapes
//! Data as `parts::cells` of the benchmarks gives them: `axes [2]` of `{column, edges [bins - 1] | levels, rest}`, counts
//! `train`, `holdout`, `sample` `[x * y]`, cell `(i, j)` at `i * y + j`, and `rows`. Counts are multiples of five; shares
//! are of all rows.

mod mosaic;
mod ridges;

use super::heat::{self, Cell, MARGIN, SIDE, Square, TOP};
use super::{picture, placeholder};
use maud::{Markup, html};
use serde_json::Value;

/// Writes a value of a column's axis.
pub type Label<'a> = &'a dyn Fn(&str, f64) -> String;

/// The picture of a pair.
pub fn draw(data: &Value, label: Label) -> Markup {
    let Some(joint) = Joint::read(data, label) else { return placeholder("no value in the real table") };
    if joint.real.iter().chain(&joint.synthetic).all(|share| *share <= 0.0) {
        return placeholder("no cell has five rows");
    }
    html! {
        div.panels {
            @match (joint.x.is_number, joint.y.is_number) {
                (true, true) => { (joint.heat("real", &joint.real)) (joint.heat("synthetic", &joint.synthetic)) (joint.difference()) },
                (false, false) => { (mosaic::draw(&joint, "real", &joint.real)) (mosaic::draw(&joint, "synthetic", &joint.synthetic)) (joint.difference()) },
                (true, false) => { (ridges::draw(&joint)) (joint.difference()) },
                (false, true) => { @let turned = joint.turned(); (ridges::draw(&turned)) (turned.difference()) },
            }
        }
    }
}

/// One axis.
#[derive(Debug, Clone)]
struct Axis {
    column: String,
    is_number: bool,
    /// Bins or labels, then what is left and what is missing.
    names: Vec<String>,
}

impl Axis {
    fn read(data: &Value, label: Label) -> Option<Self> {
        let column = data["column"].as_str()?.to_owned();
        let rest = data["rest"].as_array().into_iter().flatten().filter_map(Value::as_str).map(|name| format!("({name})"));
        let edges = data["edges"].as_array();
        let mut names: Vec<String> = match edges {
            Some(edges) => bins(&edges.iter().filter_map(Value::as_f64).map(|edge| label(&column, edge)).collect::<Vec<_>>()),
            None => data["levels"].as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        };
        names.extend(rest);
        Some(Self { column, is_number: edges.is_some(), names }).filter(|axis| !axis.names.is_empty())
    }
}

/// Names of the bins between and beyond `edges`.
fn bins(edges: &[String]) -> Vec<String> {
    let (Some(first), Some(last)) = (edges.first(), edges.last()) else { return vec!["all".to_owned()] };
    let inner = edges.windows(2).map(|two| if two[0] == two[1] { format!("≈ {}", two[1]) } else { format!("to {}", two[1]) });
    std::iter::once(format!("to {first}")).chain(inner).chain([format!("> {last}")]).collect()
}

/// Shares of both tables.
#[derive(Debug, Clone)]
struct Joint {
    x: Axis,
    y: Axis,
    /// `[x * y]`.
    real: Vec<f64>,
    reference: Vec<f64>,
    synthetic: Vec<f64>,
    /// Rows of the real table.
    real_rows: f64,
}

impl Joint {
    fn read(data: &Value, label: Label) -> Option<Self> {
        let [x, y] = [0, 1].map(|axis| Axis::read(&data["axes"][axis], label));
        let (x, y) = (x?, y?);
        let shares = |table: &str| -> Option<Vec<f64>> {
            let rows = data["rows"][table].as_f64().unwrap_or(0.0).max(1.0);
            let counts: Vec<f64> = data[table].as_array()?.iter().filter_map(Value::as_f64).map(|count| count / rows).collect();
            (counts.len() == x.names.len() * y.names.len()).then_some(counts)
        };
        let real_rows = data["rows"]["train"].as_f64().unwrap_or(0.0);
        Some(Self { real_rows, real: shares("train")?, reference: shares("holdout")?, synthetic: shares("sample")?, x, y })
    }

    /// The same with its axes exchanged.
    fn turned(&self) -> Self {
        let (wide, high) = (self.x.names.len(), self.y.names.len());
        let turn = |shares: &[f64]| (0..high).flat_map(|j| (0..wide).map(move |i| shares[i * high + j])).collect();
        let (x, y) = (self.y.clone(), self.x.clone());
        Self { real_rows: self.real_rows, real: turn(&self.real), reference: turn(&self.reference), synthetic: turn(&self.synthetic), x, y }
    }

    /// The largest share of a cell.
    fn largest(&self) -> f64 {
        self.real.iter().chain(&self.synthetic).copied().fold(f64::MIN_POSITIVE, f64::max)
    }

    fn heat(&self, title: &str, shares: &[f64]) -> Markup {
        let largest = self.largest();
        self.cells(title, &shares.iter().map(|share| share / largest).collect::<Vec<_>>())
    }

    fn difference(&self) -> Markup {
        let largest = self.largest();
        self.cells(
            "difference",
            &self.real.iter().zip(&self.synthetic).map(|(real, synthetic)| (synthetic - real) / largest * 2.0).collect::<Vec<_>>(),
        )
    }

    /// Cells shaded by `values`, the first row at the bottom.
    fn cells(&self, title: &str, values: &[f64]) -> Markup {
        let (wide, high) = (self.x.names.len(), self.y.names.len());
        let size = (SIDE / wide as f64, SIDE / high as f64);
        let cells = values.iter().enumerate().map(|(nth, value)| {
            let at = (MARGIN + (nth / high) as f64 * size.0, TOP + (high - 1 - nth % high) as f64 * size.1);
            Cell { at, size, value: Some(*value) }
        });
        let rows: Vec<String> = self.y.names.iter().rev().cloned().collect();
        let square = Square { title, columns: &self.x.names, rows: &rows };
        picture("plot heat", Square::SIZE, Square::SIZE, &self.alt(title), square.around(&heat::draw(cells)))
    }

    fn alt(&self, title: &str) -> String {
        let moved = self.real.iter().zip(&self.synthetic).map(|(real, synthetic)| (real - synthetic).abs()).sum::<f64>() / 2.0;
        format!("{} against {}, {title}; shares of cells differ by {} in all", self.y.column, self.x.column, crate::number::percent(moved))
    }
}

/// Two columns of few rows for tests: `kinds` tell which are numbers.
#[cfg(test)]
fn sample(kinds: [bool; 2]) -> Value {
    let axis = |name: &str, number: bool| {
        if number {
            serde_json::json!({"column": name, "edges": [1.5], "rest": []})
        } else {
            serde_json::json!({"column": name, "levels": ["<a>", "b"], "rest": []})
        }
    };
    serde_json::json!({"axes": [axis("x", kinds[0]), axis("y", kinds[1])], "train": [40, 10, 10, 40], "holdout": [20, 5, 5, 20],
        "sample": [25, 25, 25, 25], "rows": {"train": 100, "holdout": 50, "sample": 100}})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(_: &str, value: f64) -> String {
        crate::number::plain(value)
    }

    #[test]
    fn two_numbers_have_three_panels_and_what_was_lost_is_brown() {
        let svg = draw(&sample([true, true]), &label).into_string();
        assert_eq!(svg.matches("<svg").count(), 3);
        assert!(svg.contains("down7") && svg.contains("to 1.5") && svg.contains("&gt; 1.5"), "{svg}");
        assert!(svg.contains("differ by 30 % in all"), "{svg}");
    }

    #[test]
    fn labels_are_a_mosaic_and_escaped() {
        let svg = draw(&sample([false, false]), &label).into_string();
        assert_eq!(svg.matches("<svg").count(), 3);
        assert!(svg.contains("&lt;a&gt;") && !svg.contains("<a>"), "{svg}");
    }

    #[test]
    fn a_number_and_labels_are_ridges_whichever_comes_first() {
        let [first, second] = [[true, false], [false, true]].map(|kinds| draw(&sample(kinds), &label).into_string());
        assert_eq!((first.matches("<svg").count(), second.matches("<svg").count()), (2, 2));
        assert!(first.contains("class=\"synthetic\"") && second.contains("class=\"reference\""), "{second}");
    }

    #[test]
    fn nothing_is_said_in_words() {
        assert!(draw(&Value::Null, &label).into_string().contains("no value in the real table"));
        let mut few = sample([true, false]);
        few["train"] = serde_json::json!([20, 5, 5, 20]);
        assert!(draw(&few, &label).into_string().contains("no label has fifty rows"));
        (few["train"], few["sample"]) = (serde_json::json!([0, 0, 0, 0]), serde_json::json!([0, 0, 0, 0]));
        assert!(draw(&few, &label).into_string().contains("no cell has five rows"));
    }
}
