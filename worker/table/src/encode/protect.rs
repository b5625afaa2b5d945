//! Value protection: rare labels are hidden, extremes are clipped. Not differential privacy.
//!
//! **Definition.** Each column has a threshold k from {5, 6, 7}, drawn from the job's shared seed at
//! `protect/<column>`, so that all candidates protect alike and nobody outside knows k. A label with
//! fewer than k train rows is rare; the protected range reaches from the k-th smallest to the k-th
//! largest value by rows; with fewer than 2k rows only the median is left. A job may name one k for all columns and
//! another fate of rare labels ([`ValueProtection`]).

use crate::SeedExt;
use crate::random::Draw;
use synthfleet_proto::Seed;
use synthfleet_proto::metadata::ColumnMeta;
use synthfleet_proto::profile::RARE;
use synthfleet_proto::protection::{RareLabels, ValueProtection};

/// How many rows a value of `column` needs to be shown, where the job does not say it.
pub(crate) fn threshold(shared: &Seed, column: &str) -> usize {
    5 + shared.child("protect").child(column).rng().below(3) as usize
}

/// How one column is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Care {
    /// Rows that a value needs to be shown.
    pub(crate) rows: usize,
    /// What becomes of labels with fewer.
    pub(crate) rare: RareLabels,
}

impl Care {
    /// Of a column of a table that is protected as its description says.
    pub(crate) fn of(protection: ValueProtection, shared: &Seed, column: &str) -> Self {
        let rows = protection.rows_min.map_or_else(|| threshold(shared, column), |rows| rows as usize);
        Self { rows, rare: protection.rare_labels }
    }

    /// Rows that a label needs to be shown.
    pub(crate) fn label_rows(self) -> usize {
        if self.rare == RareLabels::Keep { 1 } else { self.rows }
    }

    /// The label of a column that stands for rare ones.
    pub(crate) fn token(self, meta: &ColumnMeta) -> Option<u32> {
        let place = || meta.levels.iter().position(|level| level == RARE);
        if self.rare == RareLabels::Token { place().map(|code| code as u32) } else { None }
    }
}

/// The protected range of sorted numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    /// Smallest number shown.
    pub(crate) low: f64,
    /// Largest number shown.
    pub(crate) high: f64,
    /// Too few rows: only the median is shown.
    pub(crate) collapsed: bool,
}

/// The protected range of `sorted`, which must not be empty.
pub(crate) fn limits(sorted: &[f64], k: usize) -> Limits {
    let rows = sorted.len();
    if rows < 2 * k {
        let median = sorted[(rows - 1) / 2];
        return Limits { low: median, high: median, collapsed: true };
    }
    Limits { low: sorted[k - 1], high: sorted[rows - k], collapsed: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_five_to_seven_and_differ_between_columns() {
        let shared = Seed::shared(0);
        let drawn: Vec<usize> = (0..100).map(|i| threshold(&shared, &format!("c{i}"))).collect();
        assert!((5..=7).all(|k| drawn.iter().filter(|&&d| d == k).count() > 15), "{drawn:?}");
        assert_eq!(drawn[3], threshold(&shared, "c3"));
    }

    #[test]
    fn the_range_ends_at_the_kth_rows() {
        let sorted: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(limits(&sorted, 5), Limits { low: 4.0, high: 95.0, collapsed: false });
    }

    #[test]
    fn fewer_than_two_k_rows_leave_the_median() {
        assert_eq!(limits(&[1.0, 2.0, 9.0], 5), Limits { low: 2.0, high: 2.0, collapsed: true });
    }
}
