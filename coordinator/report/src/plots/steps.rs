//! Step lines over bins of unequal width.

use crate::number::place;
use crate::scale::Scale;
use std::fmt::Write;

/// The line along the tops of the bins, from the first edge to the last.
pub fn line(edges: &[f64], heights: &[f64], x: &Scale, y: &Scale) -> String {
    let mut path = String::new();
    for (bin, height) in heights.iter().enumerate() {
        let level = place(y.at(*height));
        let lead = if bin == 0 { format!("M{} {level}", place(x.at(edges[0]))) } else { format!("V{level}") };
        let _ = write!(path, "{lead}H{}", place(x.at(edges[bin + 1])));
    }
    path
}

/// The area under the line.
pub fn area(edges: &[f64], heights: &[f64], x: &Scale, y: &Scale) -> String {
    let (Some(first), false) = (edges.first(), heights.is_empty()) else { return String::new() };
    let base = place(y.at(0.0));
    format!("{}V{base}H{}Z", line(edges, heights, x, y), place(x.at(*first)))
}

/// The area between two lines.
pub fn between(edges: &[f64], upper: &[f64], lower: &[f64], x: &Scale, y: &Scale) -> String {
    let mut path = line(edges, upper, x, y);
    for (bin, height) in lower.iter().enumerate().rev() {
        let _ = write!(path, "V{}H{}", place(y.at(*height)), place(x.at(edges[bin])));
    }
    path + "Z"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_steps_from_bin_to_bin() {
        let (x, y) = (Scale::new((0.0, 2.0), (0.0, 20.0)), Scale::new((0.0, 1.0), (10.0, 0.0)));
        assert_eq!(line(&[0.0, 1.0, 2.0], &[0.5, 1.0], &x, &y), "M0 5H10V0H20");
        assert_eq!(area(&[0.0, 1.0, 2.0], &[0.5, 1.0], &x, &y), "M0 5H10V0H20V10H0Z");
        assert_eq!(between(&[0.0, 2.0], &[1.0], &[0.5], &x, &y), "M0 0H20V5H0Z");
    }
}
