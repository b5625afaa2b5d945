//! Counts of code pairs and their total variation: the core of contingency similarity.
//!
//! # Cost
//! Small products of code counts use a dense table, larger ones sort packed codes: time follows rows then,
//! not cells.

use super::bins::Codes;
use super::side::Side;
use crate::folds::{Estimate, FOLDS};

/// Up to this many cells a dense table with one count a fold is used: 2.5 MiB.
const DENSE_CELLS_MAX: u64 = 1 << 15;

type ByFold = [u32; FOLDS];

/// `1 - sum |f_real - f_sample| / 2` over joint cells of two columns, f = count / rows of that table.
pub fn similarity(real: (&Side, &Codes, &Codes), sample: (&Side, &Codes, &Codes)) -> Estimate {
    let cells = u64::from(real.1.count) * u64::from(real.2.count);
    let mut gap = Gap::new(real.0, sample.0);
    if cells <= DENSE_CELLS_MAX {
        let (a, b) = (dense(real, cells), dense(sample, cells));
        a.iter().zip(&b).for_each(|(a, b)| gap.add(a, b));
    } else {
        merge(&sparse(real), &sparse(sample), |a, b| gap.add(a, b));
    }
    Estimate::combine(|at| 1.0 - 0.5 * at(&gap.sum))
}

/// Sums |f_real - f_sample|, on all rows and without each fold.
struct Gap {
    sum: Estimate,
    rows: [f64; 2],
    rows_without: [[f64; FOLDS]; 2],
}

impl Gap {
    fn new(real: &Side, sample: &Side) -> Self {
        let rows = [real, sample].map(|side| side.table.rows() as f64);
        let rows_without = [real, sample].map(|side| side.sizes.map(|size| (side.table.rows() as u32 - size).into()));
        Self { sum: Estimate::fixed(0.0), rows, rows_without }
    }

    fn add(&mut self, a: &ByFold, b: &ByFold) {
        let (all_a, all_b) = (a.iter().sum::<u32>(), b.iter().sum::<u32>());
        if all_a + all_b == 0 {
            return;
        }
        self.sum.value += (f64::from(all_a) / self.rows[0] - f64::from(all_b) / self.rows[1]).abs();
        for fold in 0..FOLDS {
            let share_a = f64::from(all_a - a[fold]) / self.rows_without[0][fold];
            let share_b = f64::from(all_b - b[fold]) / self.rows_without[1][fold];
            self.sum.without[fold] += (share_a - share_b).abs();
        }
    }
}

fn dense((side, first, second): (&Side, &Codes, &Codes), cells: u64) -> Vec<ByFold> {
    let mut counts = vec![[0; FOLDS]; cells as usize];
    for ((&a, &b), &fold) in first.codes.iter().zip(&second.codes).zip(&side.fold) {
        counts[(a * second.count + b) as usize][fold as usize] += 1;
    }
    counts
}

/// Packed (cell, fold), sorted: `cell * 32 + fold`.
fn sparse((side, first, second): (&Side, &Codes, &Codes)) -> Vec<u64> {
    let cell = |a: u32, b: u32| u64::from(a) * u64::from(second.count) + u64::from(b);
    let pairs = first.codes.iter().zip(&second.codes).zip(&side.fold);
    let mut packed: Vec<u64> = pairs.map(|((&a, &b), &fold)| cell(a, b) << 5 | u64::from(fold)).collect();
    packed.sort_unstable();
    packed
}

fn merge(a: &[u64], b: &[u64], mut visit: impl FnMut(&ByFold, &ByFold)) {
    let (mut a, mut b) = (a, b);
    while let Some(cell) = [a.first(), b.first()].into_iter().flatten().map(|packed| packed >> 5).min() {
        let (counts_a, counts_b) = (take_cell(&mut a, cell), take_cell(&mut b, cell));
        visit(&counts_a, &counts_b);
    }
}

fn take_cell(packed: &mut &[u64], cell: u64) -> ByFold {
    let mut counts = [0; FOLDS];
    while let Some((first, rest)) = packed.split_first()
        && first >> 5 == cell
    {
        counts[(first & 31) as usize] += 1;
        *packed = rest;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_cells_are_visited_once_with_their_counts() {
        let pack = |cells: &[u64]| cells.iter().map(|cell| cell << 5).collect::<Vec<_>>();
        let mut seen = Vec::new();
        merge(&pack(&[1, 1, 9]), &pack(&[2, 9]), |a, b| seen.push((a[0], b[0])));
        assert_eq!(seen, [(2, 0), (0, 1), (1, 1)]);
    }
}
