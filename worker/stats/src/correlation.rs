//! Correlation of numbers: Pearson's and, by mid-ranks, Spearman's.

use crate::auc::mid_ranks;
use crate::sums::{mean, sum_by};

/// Pearson's correlation; `None` if lengths differ or a side does not vary.
pub fn pearson(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() != b.len() || a.is_empty() {
        return None;
    }
    let (mean_a, mean_b) = (mean(a), mean(b));
    let joint = sum_by(a.len(), |row| (a[row] - mean_a) * (b[row] - mean_b));
    let own = |numbers: &[f64], mean: f64| sum_by(numbers.len(), |row| (numbers[row] - mean) * (numbers[row] - mean));
    let (own_a, own_b) = (own(a, mean_a), own(b, mean_b));
    // a constant far from 0 leaves rounding dust, not variance
    let dust = |mean: f64| (mean * 1e-15) * (mean * 1e-15) * a.len() as f64;
    let varies = own_a > dust(mean_a) && own_b > dust(mean_b);
    varies.then(|| (joint / (own_a.sqrt() * own_b.sqrt())).clamp(-1.0, 1.0))
}

/// Spearman's correlation: Pearson's of the mid-ranks.
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    pearson(&mid_ranks(a), &mid_ranks(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_and_a_constant_is_nothing() {
        let a = [1.0, 2.0, 3.0, 4.0];
        assert!((pearson(&a, &[2.0, 4.0, 6.0, 8.0]).expect("varies") - 1.0).abs() < 1e-15);
        assert!((pearson(&a, &[5.0, 4.0, 3.0, 2.0]).expect("varies") + 1.0).abs() < 1e-15);
        assert_eq!(pearson(&a, &[0.1 + 0.2; 4]), None);
        assert_eq!(pearson(&a, &[1.0]), None);
    }

    #[test]
    fn a_known_table_is_met() {
        // Anscombe's first set: r = 0.81642051634484
        let x = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
        let y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
        assert!((pearson(&x, &y).expect("varies") - 0.816_420_516_344_84).abs() < 1e-13);
        // squared rank differences sum to 40: 1 - 6·40/(11·120)
        assert!((spearman(&x, &y).expect("varies") - (1.0 - 240.0 / 1_320.0)).abs() < 1e-14);
    }
}
