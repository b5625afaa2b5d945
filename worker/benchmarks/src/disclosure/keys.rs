//! Rows as numbers of keys and of secrets.
//!
//! # Definition
//! A number column is cut into ten bins of equal width over the train rows, closed on the right, the outer
//! ones open; levels are their own codes; a missing cell is a code of its own. Rows with equal codes in all
//! key columns have one key, rows with equal codes in all secret columns one secret.

use crate::parts::each::each;
use crate::parts::side;
use synthfleet_proto::Result;
use synthfleet_table::{Budget, Table};

/// Number of bins.
const BINS: usize = 10;

/// Rows of all sides by some columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuples {
    /// Codes of each column, `[columns][sides][rows]`.
    pub codes: Vec<Vec<Vec<u32>>>,
    /// Number of each row's tuple, `[sides][rows]`, below `count`.
    pub of_row: Vec<Vec<u32>>,
    /// Different tuples of all sides.
    pub count: usize,
}

impl Tuples {
    /// The chosen rows of the sides by the columns `places`; bins are those of the first side's table.
    pub fn of(sides: &[(&Table, &[u32])], places: &[usize], budget: &Budget) -> Result<Self> {
        let codes = each(budget, places.len(), |index| Ok(column(sides, places[index])))?;
        let mut of_row: Vec<Vec<u32>> = sides.iter().map(|(_, rows)| vec![0; rows.len()]).collect();
        let mut count = 1;
        for column in &codes {
            budget.go_on()?;
            (of_row, count) = joined(&of_row, column);
        }
        Ok(Self { codes, of_row, count })
    }
}

/// Tuples made longer by one column, numbered in their order.
pub fn joined(tuples: &[Vec<u32>], codes: &[Vec<u32>]) -> (Vec<Vec<u32>>, usize) {
    let pair = |(&tuple, &code): (&u32, &u32)| u64::from(tuple) << 32 | u64::from(code);
    let pairs: Vec<Vec<u64>> = tuples.iter().zip(codes).map(|(tuples, codes)| tuples.iter().zip(codes).map(pair).collect()).collect();
    let mut different: Vec<u64> = pairs.concat();
    different.sort_unstable();
    different.dedup();
    let number = |pair: &u64| different.partition_point(|other| other < pair) as u32;
    (pairs.iter().map(|side| side.iter().map(number).collect()).collect(), different.len())
}

fn column(sides: &[(&Table, &[u32])], place: usize) -> Vec<Vec<u32>> {
    let Some((real, _)) = sides.first() else { return Vec::new() };
    let chosen = |rows: &[u32], codes: &dyn Fn(usize) -> u32| rows.iter().map(|&row| codes(row as usize)).collect();
    if !real.metadata().columns[place].kind.is_number_like() {
        let side = |(table, rows): &(&Table, &[u32])| {
            let levels = side::levels(table, place);
            chosen(rows, &|row| levels[row])
        };
        return sides.iter().map(side).collect();
    }
    let edges = inner_edges(&side::numbers(real, place));
    let code = |x: f64| if x.is_nan() { BINS } else { edges.partition_point(|edge| *edge < x) };
    let side = |(table, rows): &(&Table, &[u32])| {
        let numbers = side::numbers(table, place);
        chosen(rows, &|row| code(numbers[row]) as u32)
    };
    sides.iter().map(side).collect()
}

/// The nine edges between ten bins of equal width over the values present; a constant c gets bins over
/// c -+ |c| / 1,000, as pandas cuts it.
fn inner_edges(numbers: &[f64]) -> Vec<f64> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for &x in numbers.iter().filter(|x| !x.is_nan()) {
        (low, high) = (low.min(x), high.max(x));
    }
    if low > high {
        return Vec::new();
    }
    if low == high {
        let around = if low == 0.0 { 0.001 } else { 0.001 * low.abs() };
        (low, high) = (low - around, high + around);
    }
    let step = (high - low) / BINS as f64;
    (1..BINS).map(|i| low + step * i as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_closed_on_the_right_and_open_at_the_ends() {
        let edges = inner_edges(&[0.0, 10.0, f64::NAN]);
        let code = |x: f64| edges.partition_point(|edge| *edge < x);
        assert_eq!([-99.0, 0.0, 1.0, 1.1, 9.0, 10.0, 99.0].map(code), [0, 0, 0, 1, 8, 9, 9]);
    }

    #[test]
    fn equal_tuples_have_one_number_on_all_sides() {
        let (of_row, count) = joined(&[vec![0, 1, 0], vec![1, 2]], &[vec![5, 5, 6], vec![5, 5]]);
        assert_eq!((of_row, count), (vec![vec![0, 2, 1], vec![2, 3]], 4));
    }
}
