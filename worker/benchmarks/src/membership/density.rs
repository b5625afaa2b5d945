//! The density attack: are members where the sample is denser than unseen rows are?
//!
//! # Definition
//! Two halves of the holdout: others and the reference R, `m = min(train, holdout / 2, density_rows_max)` rows
//! each; members are m train rows; S is up to `density_sample_max` sample rows. A row's score is
//! `ln d(x, R) - ln d(x, S)`, d the distance to the fifth nearest row plus one unit of 1/65535; equal rows
//! count one by one.
//!
//! # Reference
//! DOMIAS, van Breugel et al. 2023, arXiv 2302.12580, with nearest neighbours in place of a kernel, whose
//! bandwidth fails on mixed columns.

use crate::parts::encode16::Column16;
use crate::parts::neighbours::{Pool, Space, Visitor, by_chunk, smallest, visit_all};
use crate::parts::patterns::Patterns;
use synthfleet_proto::Result;
use synthfleet_table::Budget;

/// Which nearest row measures the density.
pub const NEIGHBOUR: usize = 5;

/// Rows of each side, by place in their table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// Train rows.
    pub members: Vec<u32>,
    /// Holdout rows.
    pub others: Vec<u32>,
    /// Other holdout rows.
    pub reference: Vec<u32>,
    /// Sample rows.
    pub sample: Vec<u32>,
}

/// Scores of members and of others. Sides of the columns: train, holdout, sample.
pub fn scores(columns: &[Column16], rows: &Rows, budget: &Budget) -> Result<[Vec<f64>; 2]> {
    let space = Space::new(columns, u16::MAX);
    let of_reference = Crowd::of(&space, 1, &rows.reference);
    let of_sample = Crowd::of(&space, 2, &rows.sample);
    let score = |side: usize, rows: &[u32]| -> Result<Vec<f64>> {
        let chunks = by_chunk(&space.rows(side, rows), space.lanes(), budget, |_, cells| {
            let both = of_reference.distances(&space, cells).into_iter().zip(of_sample.distances(&space, cells));
            both.map(|(reference, sample)| log(reference) - log(sample)).collect::<Vec<f64>>()
        })?;
        Ok(chunks.concat())
    };
    Ok([score(0, &rows.members)?, score(1, &rows.others)?])
}

fn log(distance: u32) -> f64 {
    libm::log(f64::from(distance) + 1.0)
}

/// Rows among which density is measured.
struct Crowd {
    patterns: Patterns,
    pool: Pool,
}

impl Crowd {
    fn of(space: &Space, side: usize, rows: &[u32]) -> Self {
        let patterns = Patterns::of(space, side, rows);
        let pool = Pool::new(&patterns.cells, patterns.len(), space.lanes());
        Self { patterns, pool }
    }

    /// The distance of each query to the fifth nearest row; `u32::MAX` if there are fewer rows.
    fn distances(&self, space: &Space, queries: &[u16]) -> Vec<u32> {
        let fresh = |_| Fifth { nearest: [u32::MAX; NEIGHBOUR], weights: &self.patterns.weights };
        visit_all(space, &self.pool, queries, fresh).iter().map(|fifth| fifth.nearest[NEIGHBOUR - 1]).collect()
    }
}

/// Keeps the five smallest distances, ascending; a pattern of several rows counts as often.
struct Fifth<'a> {
    nearest: [u32; NEIGHBOUR],
    weights: &'a [u32],
}

impl Visitor for Fifth<'_> {
    type Distance = u32;

    fn bound(&self) -> u32 {
        self.nearest[NEIGHBOUR - 1]
    }

    fn visit(&mut self, row: u32, distance: u32) {
        let first = self.nearest.partition_point(|&near| near <= distance);
        for _ in 0..self.weights[row as usize].min((NEIGHBOUR - first) as u32) {
            self.nearest[first..].rotate_right(1);
            self.nearest[first] = distance;
        }
    }

    fn reach(&self, distances: &[u32]) -> u32 {
        smallest::<NEIGHBOUR>(distances)[NEIGHBOUR - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::encode16::{Cells, Measure};

    #[test]
    fn the_fifth_row_is_found_whatever_the_order_and_however_often_rows_repeat() {
        let mut fifth = Fifth { nearest: [u32::MAX; NEIGHBOUR], weights: &[1, 2, 1, 3, 1] };
        [(0, 9), (1, 4), (2, 7)].into_iter().for_each(|(row, distance)| fifth.visit(row, distance));
        assert_eq!(fifth.nearest, [4, 4, 7, 9, u32::MAX]);
        fifth.visit(3, 5);
        assert_eq!(fifth.nearest, [4, 4, 5, 5, 5]);
        fifth.visit(4, 5);
        assert_eq!(fifth.nearest, [4, 4, 5, 5, 5]);
    }

    #[test]
    fn a_row_among_sample_rows_and_far_from_the_reference_scores_high() {
        let cells = |main: Vec<u16>| Cells { main, flag: Vec::new() };
        let reference: Vec<u16> = (0..5).map(|i| 100 + i).collect();
        let holdout = [vec![100u16], reference].concat();
        let column =
            Column16 { measure: Measure::Number, sides: vec![cells(vec![900]), cells(holdout), cells((0..5).map(|i| 900 + i).collect())] };
        let rows = Rows { members: vec![0], others: vec![0], reference: vec![1, 2, 3, 4, 5], sample: vec![0, 1, 2, 3, 4] };
        let [members, others] = scores(&[column], &rows, &Budget::quiet(1)).expect("nobody stops it");
        // fifth of the reference: 900 - 100, of the sample: 904 - 900; and the other way round
        assert_eq!(members, [libm::log(801.0) - libm::log(5.0)]);
        assert_eq!(others, [libm::log(5.0) - libm::log(805.0)]);
    }
}
