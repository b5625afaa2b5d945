//! Distances to the centre of a side.
//!
//! # Definition
//! With q = share of missing cells of a column at the centre: a number is `(u - mean)² + q²` away, its missing
//! cell `(1 - q)²`; a label `(1 - 2 p + sum of squared shares) / 2`, p its own share at the centre, missing being
//! a label too. The distance is the root of the sum over columns. Labels are added up in whole numbers, so rows
//! that are equally far are told to be so.

use crate::parts::encode16::{Cells, Column16, Measure};

/// The distance of each row of side `side` to the centre of side `centre`, `[rows]`.
pub fn distances(columns: &[Column16], centre: usize, side: usize) -> Vec<f64> {
    let rows = |side: usize| columns.first().map_or(0, |column| column.sides[side].main.len());
    let (mut numbers, mut labels) = (vec![0.0; rows(side)], vec![0u64; rows(side)]);
    for column in columns {
        let (at, cells) = (&column.sides[centre], &column.sides[side]);
        match column.measure {
            Measure::Number => add_numbers(at, cells, &mut numbers),
            Measure::Level => add_levels(at, cells, &mut labels),
        }
    }
    let unit = 2.0 * (rows(centre) * rows(centre)) as f64;
    numbers.into_iter().zip(labels).map(|(numbers, labels)| (numbers + labels as f64 / unit).sqrt()).collect()
}

fn is_missing(cells: &Cells, row: usize) -> bool {
    cells.flag.get(row).is_some_and(|flag| *flag != 0)
}

fn add_numbers(at: &Cells, cells: &Cells, squared: &mut [f64]) {
    let present: Vec<u64> = (0..at.main.len()).filter(|&row| !is_missing(at, row)).map(|row| u64::from(at.main[row])).collect();
    let unit = f64::from(u16::MAX);
    // whole numbers are added up, so the order of rows decides nothing
    let mean = if present.is_empty() { 0.5 } else { present.iter().sum::<u64>() as f64 / present.len() as f64 / unit };
    let missing = 1.0 - present.len() as f64 / at.main.len() as f64;
    for (row, sum) in squared.iter_mut().enumerate() {
        let apart = f64::from(cells.main[row]) / unit - mean;
        *sum += if is_missing(cells, row) { (1.0 - missing) * (1.0 - missing) } else { apart * apart + missing * missing };
    }
}

/// Adds `n² - 2 n c + sum of squared counts` of n rows, c of which have the label: `2 n²` times the definition.
fn add_levels(at: &Cells, cells: &Cells, squared: &mut [u64]) {
    let code = |cells: &Cells, row: usize| (usize::from(cells.flag.get(row).copied().unwrap_or(0)) << 16) | usize::from(cells.main[row]);
    let codes: Vec<usize> = (0..at.main.len()).map(|row| code(at, row)).collect();
    let mut counts = vec![0u64; codes.iter().max().map_or(0, |most| most + 1)];
    codes.iter().for_each(|&code| counts[code] += 1);
    let rows = codes.len() as u64;
    let stranger = rows * rows + counts.iter().map(|count| count * count).sum::<u64>();
    for (row, sum) in squared.iter_mut().enumerate() {
        *sum += stranger - 2 * rows * counts.get(code(cells, row)).copied().unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(measure: Measure, main: [Vec<u16>; 2], flag: [Vec<u16>; 2]) -> Column16 {
        let sides = main.into_iter().zip(flag).map(|(main, flag)| Cells { main, flag }).collect();
        Column16 { measure, sides }
    }

    #[test]
    fn numbers_lie_from_their_mean_and_gaps_from_their_share() {
        let numbers = column(Measure::Number, [vec![0, 65_535, 65_535, 0], vec![65_535, 0]], [vec![0, 0, 0, 65_535], vec![0, 65_535]]);
        let found = distances(&[numbers], 0, 1);
        let (mean, q) = (2.0 / 3.0, 0.25);
        assert!((found[0] * found[0] - ((1.0 - mean) * (1.0 - mean) + q * q)).abs() < 1e-12, "{found:?}");
        assert!((found[1] - (1.0 - q)).abs() < 1e-12, "{found:?}");
    }

    /// 7 rows: shares that have no exact binary form.
    #[test]
    fn rows_that_are_equally_far_by_other_labels_tie() {
        let column = |codes: [u16; 7], of: [u16; 2]| column(Measure::Level, [codes.to_vec(), of.to_vec()], [Vec::new(), Vec::new()]);
        let columns = [column([0, 0, 0, 1, 1, 2, 2], [0, 1]), column([5, 5, 1, 1, 1, 1, 1], [5, 1]), column([9, 9, 3, 3, 3, 3, 8], [3, 9])];
        // the counts of their labels: 3 + 2 + 4 and 2 + 5 + 2
        let found = distances(&columns, 0, 1);
        assert_eq!(found[0], found[1]);
        let turned = distances(&[columns[2].clone(), columns[0].clone(), columns[1].clone()], 0, 1);
        assert_eq!(found, turned);
    }

    #[test]
    fn labels_lie_by_their_shares_and_strangers_furthest() {
        let labels = column(Measure::Level, [vec![0, 0, 0, 1], vec![0, 1, 7]], [Vec::new(), Vec::new()]);
        let squared: Vec<f64> = distances(&[labels], 0, 1).iter().map(|distance| distance * distance).collect();
        let expected = [0.75, 0.25, 0.0].map(|p| 0.5 * (1.0 - 2.0 * p + 0.75 * 0.75 + 0.25 * 0.25));
        assert!(squared.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-12), "{squared:?}");
    }
}
