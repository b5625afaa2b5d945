//! Intervals by deletion of folds.
//!
//! # Definition
//! Rows get a fold = place in a seeded permutation mod 20; real and synthetic rows by themselves. A
//! statistic is computed once on all rows and once without each fold:
//! `error = sqrt((G-1)/G * sum_g (v_(-g) - mean)^2)`, G = 20. Fitted models stay as they are; only rows
//! that are evaluated are left out.
//!
//! # Reference
//! Tukey's jackknife by groups; Efron and Stein, "The jackknife estimate of variance", Annals of
//! Statistics 9 (1981), doi:10.1214/aos/1176345462.

use synthfleet_proto::Seed;
use synthfleet_proto::score::Score;
use synthfleet_table::SeedExt;
use synthfleet_table::random::Draw;

/// Number of folds.
pub const FOLDS: usize = 20;

/// The fold of each of `rows` rows, `[rows]`.
pub fn assign(seed: &Seed, rows: usize) -> Vec<u8> {
    let mut folds = vec![0; rows];
    for (place, row) in seed.rng().permutation(rows).into_iter().enumerate() {
        folds[row as usize] = (place % FOLDS) as u8;
    }
    folds
}

/// How many rows each fold has.
pub fn sizes(folds: &[u8]) -> [u32; FOLDS] {
    let mut sizes = [0; FOLDS];
    folds.iter().for_each(|&fold| sizes[fold as usize] += 1);
    sizes
}

/// A statistic on all rows and without each fold. What cannot be computed is not a number here and
/// nowhere else.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// On all rows.
    pub value: f64,
    /// Without each fold, `[folds]`.
    pub without: [f64; FOLDS],
}

impl Estimate {
    /// The same value whatever is left out.
    pub const fn fixed(value: f64) -> Self {
        Self { value, without: [value; FOLDS] }
    }

    /// The statistic computed by `of` from parts that are estimates.
    pub fn combine(of: impl Fn(&dyn Fn(&Self) -> f64) -> f64) -> Self {
        let value = of(&|part| part.value);
        let mut without = [0.0; FOLDS];
        for (fold, slot) in without.iter_mut().enumerate() {
            *slot = of(&|part| part.without[fold]);
        }
        Self { value, without }
    }

    /// The mean of some estimates, in their order; not a number if there are none.
    pub fn mean(parts: &[Self]) -> Self {
        Self::combine(|at| parts.iter().map(at).sum::<f64>() / parts.len() as f64)
    }

    /// The standard error, if the statistic exists without each fold.
    pub fn error(&self) -> Option<f64> {
        let mean = self.without.iter().sum::<f64>() / FOLDS as f64;
        let squares: f64 = self.without.iter().map(|value| (value - mean) * (value - mean)).sum();
        let error = (squares * (FOLDS - 1) as f64 / FOLDS as f64).sqrt();
        error.is_finite().then_some(error)
    }

    /// `score`, made of this estimate's value, with error, interval and folds.
    pub fn told(&self, score: Score) -> Score {
        match self.error() {
            Some(error) => score.with_error(error).with_folds(&self.without),
            None => score,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_differ_by_one_row_at_most() {
        let folds = assign(&Seed::of_task(1, "t"), 107);
        let sizes = sizes(&folds);
        assert_eq!((sizes.iter().min(), sizes.iter().max()), (Some(&5), Some(&6)));
    }

    #[test]
    fn the_error_of_a_mean_is_its_textbook_error() {
        let values: Vec<f64> = (0..20).map(|i| f64::from(i * i % 7)).collect();
        let sum: f64 = values.iter().sum();
        let mut estimate = Estimate::fixed(sum / 20.0);
        (0..20).for_each(|g| estimate.without[g] = (sum - values[g]) / 19.0);
        let variance = values.iter().map(|v| (v - sum / 20.0) * (v - sum / 20.0)).sum::<f64>() / 19.0;
        assert!((estimate.error().expect("defined") - (variance / 20.0).sqrt()).abs() < 1e-12);
    }
}
