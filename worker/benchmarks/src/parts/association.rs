//! How strongly two columns of one table hang together.
//!
//! # Definition
//! Numbers: Pearson's r on rows with both present. Otherwise Cramér's
//! V = `sqrt(chi2 / n / (min(rows, columns) - 1))` of the count table, without correction, a missing cell
//! being a level; for pictures the correlation ratio of a number by the levels of the other column.

use super::bins::Codes;
use super::side::Side;
use crate::folds::{Estimate, FOLDS};
use std::collections::BTreeMap;

/// Up to this many cells V is summed over all of them; above, over those that occur.
const DENSE_CELLS_MAX: u64 = 1 << 16;

/// Pearson's r of two columns; `None` if it does not exist: fewer than two complete rows, or a constant.
pub fn pearson(side: &Side, first: &[f64], second: &[f64]) -> Option<Estimate> {
    let complete = || first.iter().zip(second).zip(&side.fold).filter(|((x, y), _)| !x.is_nan() && !y.is_nan());
    let (&((x0, y0), _), n) = (&complete().next()?, complete().count() as f64);
    if complete().all(|((x, _), _)| x == x0) || complete().all(|((_, y), _)| y == y0) {
        return None;
    }
    let mean = |of: &dyn Fn((&f64, &f64)) -> f64| complete().map(|(pair, _)| of(pair)).sum::<f64>() / n;
    let (mean_x, mean_y) = (mean(&|(x, _)| *x), mean(&|(_, y)| *y));
    let mut by_fold = [Moments::default(); FOLDS];
    for ((x, y), fold) in complete() {
        by_fold[*fold as usize].add(x - mean_x, y - mean_y);
    }
    let mut all = Moments::default();
    by_fold.iter().for_each(|fold| all.merge(fold, 1.0));
    let mut estimate = Estimate::fixed(all.correlation());
    for (fold, without) in by_fold.iter().zip(&mut estimate.without) {
        let mut rest = all;
        rest.merge(fold, -1.0);
        *without = rest.correlation();
    }
    estimate.value.is_finite().then_some(estimate)
}

/// Sums of one group of rows: n, x, y, xx, yy, xy, all about the means of the whole.
#[derive(Debug, Clone, Copy, Default)]
struct Moments([f64; 6]);

impl Moments {
    fn add(&mut self, x: f64, y: f64) {
        self.merge(&Self([1.0, x, y, x * x, y * y, x * y]), 1.0);
    }

    fn merge(&mut self, other: &Self, sign: f64) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, part)| *sum += sign * part);
    }

    fn correlation(&self) -> f64 {
        let [n, x, y, xx, yy, xy] = self.0;
        let spread = (xx - x * x / n) * (yy - y * y / n);
        ((xy - x * y / n) / spread.sqrt()).clamp(-1.0, 1.0)
    }
}

/// Spearman's rank correlation: r of mid-ranks among complete rows. Has no folds.
pub fn spearman(side: &Side, first: &[f64], second: &[f64]) -> Option<Estimate> {
    let complete: Vec<bool> = first.iter().zip(second).map(|(x, y)| !x.is_nan() && !y.is_nan()).collect();
    let ranks = |values: &[f64]| {
        let mut order: Vec<usize> = (0..values.len()).filter(|&row| complete[row]).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        let mut ranks = vec![f64::NAN; values.len()];
        let mut start = 0;
        for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
            let middle = start as f64 + (tied.len() as f64 + 1.0) / 2.0;
            tied.iter().for_each(|&row| ranks[row] = middle);
            start += tied.len();
        }
        ranks
    };
    let value = pearson(side, &ranks(first), &ranks(second))?.value;
    Some(Estimate { value, without: [f64::NAN; FOLDS] })
}

/// Cramér's V of two coded columns; `None` if a side has fewer than two codes.
pub fn cramers_v(first: &Codes, second: &Codes) -> Option<f64> {
    let (of_first, of_second) = (totals(first), totals(second));
    let occurring = |totals: &[u32]| totals.iter().filter(|total| **total > 0).count();
    let narrow = occurring(&of_first).min(occurring(&of_second));
    if narrow < 2 {
        return None;
    }
    let n = first.codes.len() as f64;
    let expected = |a: usize, b: usize| f64::from(of_first[a]) * f64::from(of_second[b]) / n;
    let cells = u64::from(first.count) * u64::from(second.count);
    let chi2: f64 = if cells <= DENSE_CELLS_MAX {
        let mut counts = vec![0u32; cells as usize];
        first.codes.iter().zip(&second.codes).for_each(|(&a, &b)| counts[(a * second.count + b) as usize] += 1);
        let cell = |index: usize, count: u32| {
            let expected = expected(index / second.count as usize, index % second.count as usize);
            let gap = f64::from(count) - expected;
            if expected > 0.0 { gap * gap / expected } else { 0.0 }
        };
        counts.iter().enumerate().map(|(index, &count)| cell(index, count)).sum()
    } else {
        let mut packed: Vec<(u32, u32)> = first.codes.iter().copied().zip(second.codes.iter().copied()).collect();
        packed.sort_unstable();
        let cells = packed.chunk_by(|a, b| a == b);
        let square = |cell: &[(u32, u32)]| (cell.len() * cell.len()) as f64 / expected(cell[0].0 as usize, cell[0].1 as usize);
        (cells.map(square).sum::<f64>() - n).max(0.0)
    };
    Some((chi2 / n / (narrow - 1) as f64).sqrt().min(1.0))
}

fn totals(codes: &Codes) -> Vec<u32> {
    let mut totals = vec![0; codes.count as usize];
    codes.codes.iter().for_each(|&code| totals[code as usize] += 1);
    totals
}

/// Correlation ratio of a number by groups, over rows where the number is present: square root of the
/// share of its variance that lies between groups. `None` for constants.
pub fn correlation_ratio(numbers: &[f64], groups: &Codes) -> Option<f64> {
    let present = || numbers.iter().zip(&groups.codes).filter(|(x, _)| !x.is_nan());
    let (n, first) = (present().count() as f64, *present().next()?.0);
    if present().all(|(x, _)| *x == first) {
        return None;
    }
    let mean = present().map(|(x, _)| x).sum::<f64>() / n;
    let (mut sums, mut all) = (BTreeMap::<u32, (f64, f64)>::new(), 0.0);
    for (x, group) in present() {
        let sum = sums.entry(*group).or_default();
        *sum = (sum.0 + 1.0, sum.1 + x - mean);
        all += (x - mean) * (x - mean);
    }
    let between: f64 = sums.values().map(|(count, sum)| sum * sum / count).sum();
    Some((between / all).sqrt().min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(codes: &[u32]) -> Codes {
        Codes { codes: codes.to_vec(), count: codes.iter().max().map_or(1, |max| max + 1) }
    }

    #[test]
    fn equal_columns_have_v_one_and_independent_ones_zero() {
        assert_eq!(cramers_v(&codes(&[0, 1, 2, 1]), &codes(&[0, 1, 2, 1])), Some(1.0));
        assert_eq!(cramers_v(&codes(&[0, 0, 1, 1]), &codes(&[0, 1, 0, 1])), Some(0.0));
        assert_eq!(cramers_v(&codes(&[0, 0]), &codes(&[0, 1])), None);
    }

    #[test]
    fn counting_sparsely_gives_the_same_v() {
        let first = codes(&(0..900u32).map(|i| i * 7 % 31).collect::<Vec<_>>());
        let second = codes(&(0..900u32).map(|i| i * i % 29).collect::<Vec<_>>());
        let wide = Codes { count: 1 << 16, ..second.clone() };
        let (dense, sparse) = (cramers_v(&first, &second).expect("defined"), cramers_v(&first, &wide).expect("defined"));
        assert!((dense - sparse).abs() < 1e-12);
    }

    #[test]
    fn a_number_that_its_group_decides_has_ratio_one() {
        assert_eq!(correlation_ratio(&[1.0, 1.0, 5.0, f64::NAN], &codes(&[0, 0, 1, 1])), Some(1.0));
        assert_eq!(correlation_ratio(&[1.0, 2.0, 1.0, 2.0], &codes(&[0, 0, 1, 1])), Some(0.0));
        assert_eq!(correlation_ratio(&[3.0, 3.0], &codes(&[0, 1])), None);
    }
}
