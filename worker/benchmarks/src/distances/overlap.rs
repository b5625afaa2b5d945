//! Sample rows that repeat train rows, against holdout rows that do.
//!
//! # Definition
//! Of the different rows k of T, let `s_k` be the sample rows and `h_k` the rows of H that equal it. Value =
//! `sum_k s_k / n - sum_k h_k / m` over n sample rows and m rows of H; error² = `sum_k (s_k / n - h_k / m)²`: what equals
//! one row of T comes or stays away together, and the sum is an unbiased estimate where sample and H follow one law.
//!
//! A candidate that prefers common rows has an honest excess, so no candidate is refused by this value. For the job's
//! own holdout as sample, H is the other half of train: an excess then means that rows were put on both sides of the
//! split, and no comparison with that holdout can show a leak.

use crate::parts::patterns::Patterns;
use std::collections::HashMap;

/// The excess and its error.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Overlap {
    /// Fair: 0.
    pub value: f64,
    /// Standard error.
    pub error: f64,
}

impl Overlap {
    /// The excess of `sample` over `holdout` in rows that equal a row of `train`.
    pub fn of(train: &Patterns, holdout: &Patterns, sample: &Patterns, lanes: usize) -> Self {
        let (of_sample, of_holdout) = (shares(sample, lanes), shares(holdout, lanes));
        let share = |known: &HashMap<&[u16], f64>, row: &[u16]| known.get(row).copied().unwrap_or(0.0);
        let (mut value, mut square) = (0.0, 0.0);
        for pattern in 0..train.len() {
            let row = &train.cells[pattern * lanes..][..lanes];
            let excess = share(&of_sample, row) - share(&of_holdout, row);
            value += excess;
            square += excess * excess;
        }
        Self { value, error: square.sqrt() }
    }
}

/// The share of rows that each pattern has.
fn shares(patterns: &Patterns, lanes: usize) -> HashMap<&[u16], f64> {
    let rows: f64 = patterns.weights.iter().map(|&weight| f64::from(weight)).sum();
    let share = |(pattern, &weight): (usize, &u32)| (&patterns.cells[pattern * lanes..][..lanes], f64::from(weight) / rows);
    patterns.weights.iter().enumerate().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(rows: &[(u16, u32)]) -> Patterns {
        Patterns { cells: rows.iter().map(|row| row.0).collect(), weights: rows.iter().map(|row| row.1).collect(), of_row: Vec::new() }
    }

    #[test]
    fn rows_of_train_are_counted_on_both_sides() {
        let (train, holdout) = (patterns(&[(1, 3), (2, 1), (3, 1)]), patterns(&[(2, 1), (9, 9)]));
        let overlap = Overlap::of(&train, &holdout, &patterns(&[(1, 2), (3, 1), (7, 1)]), 1);
        assert!((overlap.value - (0.75 - 0.1)).abs() < 1e-12);
        assert!((overlap.error - f64::sqrt(0.25 + 0.01 + 0.0625)).abs() < 1e-12);
    }

    #[test]
    fn without_repetition_there_is_no_excess() {
        let overlap = Overlap::of(&patterns(&[(1, 4)]), &patterns(&[(2, 4)]), &patterns(&[(3, 4)]), 1);
        assert_eq!((overlap.value, overlap.error), (0.0, 0.0));
    }
}
