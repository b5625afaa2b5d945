//! Rows that are equal, counted once.

use super::neighbours::Space;
use std::cmp::Ordering;

/// Different rows of a side in a fixed order, with how often each occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patterns {
    /// `[patterns, lanes]`.
    pub cells: Vec<u16>,
    /// Rows of each pattern.
    pub weights: Vec<u32>,
    /// The pattern of each row.
    pub of_row: Vec<u32>,
}

impl Patterns {
    /// The patterns of rows of a side of a space, in the order of the space.
    pub fn of(space: &Space, side: usize, rows: &[u32]) -> Self {
        Self::sorted(&space.rows(side, rows), rows.len(), space.lanes(), |a, b| space.order(a, b))
    }

    /// The patterns of `rows` rows, `[rows, lanes]`, in some total order.
    fn sorted(cells: &[u16], rows: usize, lanes: usize, compare: impl Fn(&[u16], &[u16]) -> Ordering) -> Self {
        let row = |row: u32| &cells[row as usize * lanes..][..lanes];
        let mut order: Vec<u32> = (0..rows as u32).collect();
        order.sort_unstable_by(|&a, &b| compare(row(a), row(b)));
        let mut patterns = Self { cells: Vec::new(), weights: Vec::new(), of_row: vec![0; rows] };
        for equal in order.chunk_by(|&a, &b| row(a) == row(b)) {
            let pattern = patterns.weights.len() as u32;
            equal.iter().for_each(|&row| patterns.of_row[row as usize] = pattern);
            patterns.cells.extend_from_slice(row(equal[0]));
            patterns.weights.push(equal.len() as u32);
        }
        patterns
    }

    /// Number of patterns.
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_are_one_pattern() {
        let patterns = Patterns::sorted(&[2, 1, 0, 5, 2, 1], 3, 2, Ord::cmp);
        assert_eq!(patterns, Patterns { cells: vec![0, 5, 2, 1], weights: vec![1, 2], of_row: vec![1, 0, 1] });
    }

    #[test]
    fn without_lanes_all_rows_are_equal() {
        assert_eq!(Patterns::sorted(&[], 3, 0, Ord::cmp).weights, [3]);
    }
}
