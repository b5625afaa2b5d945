//! View `bins256`: every coded column as few ordered or nominal bins, for trees.
//!
//! **Definition.** Levels are their own bins. A Value with at most `bins_max` distinct regular values has
//! one bin each, else edges lie midway between neighbours so that bins hold about equally many rows;
//! the order is kept. Rows that are not regular stand where their atom's number lies; missing ones in
//! one further, last bin.

use super::{Coded, CodedColumn, Encoded, Sort};
use crate::Budget;
use rayon::prelude::*;
use std::sync::Arc;
use synthfleet_proto::Result;

/// One coded column in bins.
#[derive(Debug, Clone, PartialEq)]
pub struct Bins {
    /// Bin of each row, `[rows]`.
    pub codes: Arc<[u16]>,
    /// Number of bins; every code is below it.
    pub count: u32,
    /// The order of bins means something.
    pub ordered: bool,
    /// Upper edges of the bins of numbers but the last, ascending; empty for levels.
    pub edges: Vec<f64>,
    /// Bin of each State level, `[states]`; empty without a State. That of "regular" is not used.
    pub of_state: Vec<u16>,
}

impl Bins {
    /// The bin of a cell: `level` is its code, or its State (0 without one); `number` its Value.
    pub fn place(&self, level: u32, number: f64) -> u16 {
        match self.of_state.get(level as usize) {
            Some(&bin) if level > 0 => bin,
            _ if self.edges.is_empty() && self.of_state.is_empty() && self.count > 1 => (level.min(self.count - 1)) as u16,
            _ => self.bin_of(number),
        }
    }

    /// The bin of a regular number.
    pub fn bin_of(&self, number: f64) -> u16 {
        self.edges.partition_point(|&edge| edge < number) as u16
    }
}

impl Encoded {
    /// All coded columns in at most `bins_max` bins each (levels: as many as there are, at most 65,536),
    /// `[columns]`. A Value's State is a column of its own besides.
    pub fn bins(&self, bins_max: usize, budget: &Budget) -> Result<Vec<Bins>> {
        let columns: Vec<(usize, &CodedColumn)> = self.encoder().columns().iter().enumerate().collect();
        let one = |&(place, described): &(usize, &CodedColumn)| {
            budget.go_on()?;
            Ok(match (&self.columns()[place], &described.sort) {
                (Coded::Levels(codes), Sort::Levels { levels, ordered }) => of_levels(codes, *levels, *ordered),
                (coded, _) => self.of_numbers(place, coded.numbers().unwrap_or_default(), bins_max),
            })
        };
        columns.par_iter().map(one).collect()
    }

    fn of_numbers(&self, place: usize, numbers: &[f64], bins_max: usize) -> Bins {
        let state = match self.encoder().columns()[place].sort {
            Sort::Value { state, .. } => state,
            Sort::Levels { .. } => None,
        };
        let states = state.and_then(|state| self.columns()[state].codes());
        let atoms = state.map(|state| self.encoder().columns()[state].atoms.as_slice()).unwrap_or_default();
        let mut sorted: Vec<f64> = match states {
            Some(states) => numbers.iter().zip(states).filter(|(_, state)| **state == 0).map(|(number, _)| *number).collect(),
            None => numbers.to_vec(),
        };
        sorted.sort_unstable_by(f64::total_cmp);
        let edges = edges(&sorted, bins_max.max(2) - 1, atoms);
        let mut count = edges.len() as u32 + 1;
        let has_missing = atoms.len() > 1 && atoms[1..].iter().any(Option::is_none);
        let mut bins = Bins { codes: Arc::from([]), count, ordered: true, edges, of_state: Vec::new() };
        bins.of_state = atoms.iter().map(|atom| atom.map_or(count as u16, |number| bins.bin_of(number))).collect();
        count += u32::from(has_missing);
        bins.count = count;
        bins.codes = match states {
            Some(states) => numbers.iter().zip(states).map(|(&number, &state)| bins.place(state, number)).collect(),
            None => numbers.iter().map(|&number| bins.bin_of(number)).collect(),
        };
        bins
    }
}

fn of_levels(codes: &[u32], levels: u32, ordered: bool) -> Bins {
    let codes = codes.iter().map(|&code| code.min(u32::from(u16::MAX)) as u16).collect();
    Bins { codes, count: levels.min(1 << 16), ordered, edges: Vec::new(), of_state: Vec::new() }
}

/// Edges between sorted numbers (and atoms, which are kept apart where possible).
fn edges(sorted: &[f64], bins_max: usize, atoms: &[Option<f64>]) -> Vec<f64> {
    let mut distinct: Vec<(f64, usize)> = sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len())).collect();
    let atom_rows = sorted.len() / bins_max + 1; // an atom fills a bin of its own
    distinct.extend(atoms.iter().flatten().map(|&atom| (atom, atom_rows)));
    distinct.sort_by(|a, b| a.0.total_cmp(&b.0));
    distinct.dedup_by(|a, b| a.0 == b.0);
    let middle = |a: f64, b: f64| (a / 2.0 + b / 2.0).clamp(a, b);
    if distinct.len() <= bins_max {
        return distinct.windows(2).map(|pair| middle(pair[0].0, pair[1].0)).collect();
    }
    let mut left: usize = distinct.iter().map(|(_, count)| count).sum();
    let (mut edges, mut filled) = (Vec::new(), 0usize);
    for pair in distinct.windows(2) {
        filled += pair[0].1;
        let bins_left = bins_max - edges.len();
        if bins_left > 1 && filled * bins_left >= left {
            edges.push(middle(pair[0].0, pair[1].0));
            left -= filled;
            filled = 0;
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_have_a_bin_each() {
        assert_eq!(edges(&[1.0, 1.0, 2.0, 5.0], 255, &[]), [1.5, 3.5]);
    }

    #[test]
    fn many_values_share_bins_of_equal_mass() {
        let sorted: Vec<f64> = (0..10_000).map(f64::from).collect();
        let edges = edges(&sorted, 100, &[]);
        assert_eq!(edges.len(), 99);
        assert!(edges.windows(2).all(|pair| (99.0..=101.0).contains(&(pair[1] - pair[0]))));
    }

    #[test]
    fn a_heavy_value_does_not_use_up_the_bins() {
        let mut sorted = vec![0.0; 9_000];
        sorted.extend((1..=1_000).map(f64::from));
        assert!(edges(&sorted, 50, &[]).len() >= 48);
    }
}
