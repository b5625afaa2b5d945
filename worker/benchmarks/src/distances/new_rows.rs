//! Sample rows that no train row matches.
//!
//! # Definition
//! A train row matches a sample row if all columns do: levels equal, numbers `|a - b| <= |sample's| / 100`,
//! missing with missing only. `new_row_synthesis` = share of sample rows without a match.
//!
//! # Reference
//! SDMetrics 0.32.0, NewRowSynthesis.

use super::sdmetrics::{Cell, Rows};
use rayon::prelude::*;
use synthfleet_proto::Result;
use synthfleet_table::Budget;

/// Largest difference of a match, as a share of the sample's value.
const TOLERANCE: f64 = 0.01;

/// Sample rows between two questions to the budget.
const CHUNK: usize = 256;

/// The number of rows of `sample` that a row of `train` matches.
pub fn matched(sample: &Rows, samples: usize, train: &Rows, trains: usize, budget: &Budget) -> Result<usize> {
    let pairs: Vec<(&Cell, &Cell)> = sample.iter().zip(train).collect();
    let lead = widest(&pairs);
    let mut order: Vec<u32> = (0..trains as u32).collect();
    order
        .sort_by_cached_key(|&row| (key(&pairs, false, row as usize), Total(lead.map_or(0.0, |lead| number(pairs[lead].1, row as usize)))));
    let keys: Vec<Vec<u32>> = order.iter().map(|&row| key(&pairs, false, row as usize)).collect();
    let rows: Vec<u32> = (0..samples as u32).collect();
    let chunks = rows.par_chunks(CHUNK).map(|rows| {
        budget.go_on()?;
        Ok(rows.iter().filter(|&&row| has_match(&pairs, lead, row as usize, &order, &keys)).count())
    });
    Ok(chunks.collect::<Result<Vec<usize>>>()?.into_iter().sum())
}

fn has_match(pairs: &[(&Cell, &Cell)], lead: Option<usize>, row: usize, order: &[u32], keys: &[Vec<u32>]) -> bool {
    let key = key(pairs, true, row);
    let start = keys.partition_point(|other| *other < key);
    let equal = &order[start..start + keys[start..].partition_point(|other| *other <= key)];
    let window = match lead.map(|lead| (pairs[lead].1, number(pairs[lead].0, row))) {
        Some((train, value)) if !value.is_nan() => {
            let reach = (TOLERANCE * value).abs();
            // a hair wider than the tolerance: the test below decides
            let (low, high) = (value - reach * 1.000_001, value + reach * 1.000_001);
            let from = equal.partition_point(|&other| number(train, other as usize) < low);
            let to = equal.partition_point(|&other| number(train, other as usize) <= high);
            &equal[from..to.max(from)]
        }
        _ => equal,
    };
    window.iter().any(|&other| pairs.iter().all(|pair| near(pair, row, other as usize)))
}

fn near(pair: &(&Cell, &Cell), row: usize, other: usize) -> bool {
    match pair {
        (Cell::Numbers(a), Cell::Numbers(b)) => {
            let (a, b) = (a[row], b[other]);
            (a.is_nan() && b.is_nan()) || (b - a).abs() <= (TOLERANCE * a).abs()
        }
        (Cell::Levels(a), Cell::Levels(b)) => a[row] == b[other],
        _ => false,
    }
}

/// Levels, and which numbers are missing: what must be equal.
fn key(pairs: &[(&Cell, &Cell)], of_sample: bool, row: usize) -> Vec<u32> {
    let cell = |(sample, train): &(&Cell, &Cell)| match if of_sample { *sample } else { *train } {
        Cell::Numbers(numbers) => u32::from(numbers[row].is_nan()),
        Cell::Levels(levels) => levels[row],
    };
    pairs.iter().map(cell).collect()
}

fn number(cell: &Cell, row: usize) -> f64 {
    match cell {
        Cell::Numbers(numbers) => numbers[row],
        Cell::Levels(_) => 0.0,
    }
}

/// The number column with most different values in train.
fn widest(pairs: &[(&Cell, &Cell)]) -> Option<usize> {
    let distinct = |cell: &Cell| match cell {
        Cell::Numbers(numbers) => {
            let mut sorted = numbers.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            sorted.dedup();
            Some(sorted.len())
        }
        Cell::Levels(_) => None,
    };
    let counts = pairs.iter().enumerate().filter_map(|(place, (_, train))| distinct(train).map(|count| (count, usize::MAX - place)));
    counts.max().map(|(_, place)| usize::MAX - place)
}

/// Numbers in total order; missing ones last.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Total(f64);

impl Eq for Total {}

impl PartialOrd for Total {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Total {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_new_unless_every_column_matches() {
        let nan = f64::NAN;
        let train = vec![Cell::Numbers(vec![100.0, nan, -50.0]), Cell::Numbers(vec![1.0, 1.0, 0.0]), Cell::Levels(vec![0, 1, 1])];
        // matches, too far, missing with missing, missing with value, sign, wrong level
        let sample = vec![
            Cell::Numbers(vec![100.9, 102.0, nan, nan, -50.5, 100.0]),
            Cell::Numbers(vec![1.0, 1.0, 1.0, 1.0, 0.0, 1.0]),
            Cell::Levels(vec![0, 0, 1, 0, 1, 1]),
        ];
        assert_eq!(matched(&sample, 6, &train, 3, &Budget::quiet(1)).expect("nobody stops it"), 3);
    }

    #[test]
    fn without_columns_every_row_matches() {
        assert_eq!(matched(&Vec::new(), 4, &Vec::new(), 2, &Budget::quiet(1)).expect("nobody stops it"), 4);
    }
}
