//! `correlation`: association of every pair of columns in the real and the synthetic table, and their
//! difference.
//!
//! # Shapes
//! `columns [columns]`, `real`, `holdout`, `sample` `[columns, columns]`, null where undefined. Columns are put in an
//! order in which those that hang together in the real table stand beside each other.

use super::heat::{self, Cell, MARGIN, SIDE, Square, TOP};
use super::{picture, placeholder};
use maud::{Markup, html};
use serde_json::Value;

/// Most columns with a name beside the panels.
const NAMED_MAX: usize = 30;
/// A difference that has the darkest shade.
const DIFFERENCE_MAX: f64 = 0.25;

type Matrix = Vec<Vec<Option<f64>>>;

/// The three panels.
pub fn draw(data: &Value) -> Markup {
    let names: Vec<&str> = data["columns"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let (Some(real), Some(synthetic)) = (read(&data["real"], names.len()), read(&data["sample"], names.len())) else {
        return placeholder("fewer than two columns");
    };
    if names.len() < 2 {
        return placeholder("fewer than two columns");
    }
    let order = clustered(&real);
    let gap = |row: usize, column: usize| real[row][column].zip(synthetic[row][column]).map(|(a, b)| (b - a) / DIFFERENCE_MAX);
    html! {
        div.panels {
            (panel("real", &names, &order, &|row, column| real[row][column]))
            (panel("synthetic", &names, &order, &|row, column| synthetic[row][column]))
            (panel("difference", &names, &order, &gap))
        }
    }
}

fn read(matrix: &Value, columns: usize) -> Option<Matrix> {
    let rows: Matrix = matrix.as_array()?.iter().map(|row| row.as_array().into_iter().flatten().map(Value::as_f64).collect()).collect();
    (rows.len() == columns && rows.iter().all(|row| row.len() == columns)).then_some(rows)
}

fn panel(title: &str, names: &[&str], order: &[usize], value: &dyn Fn(usize, usize) -> Option<f64>) -> Markup {
    let side = SIDE / names.len() as f64;
    let cells = order.iter().enumerate().flat_map(|(y, &row)| {
        order.iter().enumerate().map(move |(x, &column)| Cell {
            at: (MARGIN + x as f64 * side, TOP + y as f64 * side),
            size: (side, side),
            value: value(row, column),
        })
    });
    let named: Vec<String> =
        if names.len() <= NAMED_MAX { order.iter().map(|&column| names[column].to_owned()).collect() } else { Vec::new() };
    let content = Square { title, columns: &named, rows: &named }.around(&heat::draw(cells));
    picture("plot heat", Square::SIZE, Square::SIZE, &format!("Association of pairs of columns: {title}"), content)
}

/// Average linkage on 1 - association; leaves in the order of the merges.
fn clustered(matrix: &Matrix) -> Vec<usize> {
    let near = |a: usize, b: usize| matrix[a][b].unwrap_or(0.0);
    let mut groups: Vec<Vec<usize>> = (0..matrix.len()).map(|column| vec![column]).collect();
    while groups.len() > 1 {
        let mut best = (0, 1, f64::NEG_INFINITY);
        for a in 0..groups.len() {
            for b in a + 1..groups.len() {
                let sum: f64 = groups[a].iter().flat_map(|&x| groups[b].iter().map(move |&y| near(x, y))).sum();
                let mean = sum / (groups[a].len() * groups[b].len()) as f64;
                if mean > best.2 {
                    best = (a, b, mean);
                }
            }
        }
        let merged = groups.remove(best.1);
        groups[best.0].extend(merged);
    }
    groups.pop().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn related_columns_stand_beside_each_other() {
        let one = |x: f64| Some(x);
        let matrix = vec![vec![one(1.0), one(0.0), one(0.9)], vec![one(0.0), one(1.0), None], vec![one(0.9), None, one(1.0)]];
        assert_eq!(clustered(&matrix), [0, 2, 1]);
    }

    #[test]
    fn three_panels_are_drawn_and_losses_have_their_own_shades() {
        let data = json!({"columns": ["a", "b"], "real": [[1, 0.8], [0.8, 1]], "holdout": [[1, 0.8], [0.8, 1]],
            "sample": [[1, 0.2], [0.2, 1]]});
        let svg = draw(&data).into_string();
        assert_eq!(svg.matches("<svg").count(), 3);
        assert!(svg.contains("down9"), "{svg}");
    }

    #[test]
    fn one_column_has_no_panels() {
        assert!(draw(&json!({"columns": ["a"], "real": [[1]], "sample": [[1]]})).into_string().contains("fewer than two"));
    }
}
