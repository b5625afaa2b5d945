//! Discrete columns in a Gaussian copula: levels as stretches of a hidden normal number.
//!
//! **Definition.** Levels stand in an order; with cumulative shares P_j the thresholds are
//! `t_j = quantile(P_j)`, and the score of a level is the mean of a normal number between its thresholds,
//! `(density(t_{j-1}) - density(t_j)) / p_j`. The variance v of the scores is below 1.

use synthfleet_stats::normal::{density, quantile};

/// Thresholds of a discrete column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Levels {
    /// Codes that occur, in the order of their stretches.
    pub(super) order: Vec<u32>,
    /// Upper thresholds of all but the last, ascending.
    pub(super) thresholds: Vec<f64>,
}

/// Scores of a discrete column.
pub(super) struct Scores {
    /// Score of each code, `[levels]`; 0 where a code does not occur.
    pub(super) of_code: Vec<f64>,
    /// Their variance over the rows.
    pub(super) variance: f64,
}

impl Levels {
    /// Thresholds and scores of counted codes, `[levels]`, in an order of codes.
    pub(super) fn fit(counts: &[u32], order: impl Iterator<Item = u32>) -> (Self, Scores) {
        let order: Vec<u32> = order.filter(|&code| counts[code as usize] > 0).collect();
        let total = counts.iter().map(|&count| f64::from(count)).sum::<f64>().max(1.0);
        let mut scores = Scores { of_code: vec![0.0; counts.len()], variance: 0.0 };
        let (mut thresholds, mut below, mut density_below) = (Vec::with_capacity(order.len()), 0.0, 0.0);
        for (place, &code) in order.iter().enumerate() {
            let share = f64::from(counts[code as usize]) / total;
            below += f64::from(counts[code as usize]);
            let is_last = place + 1 == order.len();
            let threshold = quantile((below / total).min(1.0));
            let density_here = if is_last { 0.0 } else { density(threshold) };
            let score = (density_below - density_here) / share;
            scores.of_code[code as usize] = score;
            scores.variance += share * score * score;
            if !is_last {
                thresholds.push(threshold);
            }
            density_below = density_here;
        }
        (Self { order, thresholds }, scores)
    }

    /// The code of a hidden number.
    pub(super) fn code(&self, hidden: f64) -> u32 {
        self.order[self.thresholds.partition_point(|&threshold| threshold < hidden)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_meet_at_zero_and_score_the_mean_of_half_a_normal() {
        let (levels, scores) = Levels::fit(&[50, 0, 50], 0..3);
        assert_eq!((levels.order.as_slice(), levels.thresholds.as_slice()), (&[0, 2][..], &[0.0][..]));
        let mean = (2.0 / std::f64::consts::PI).sqrt();
        assert!((scores.of_code[2] - mean).abs() < 1e-12 && (scores.variance - mean * mean).abs() < 1e-12);
        assert_eq!((levels.code(-0.1), levels.code(0.1)), (0, 2));
    }

    #[test]
    fn many_levels_have_almost_the_variance_of_the_normal() {
        let (_, scores) = Levels::fit(&[10; 100], 0..100);
        assert!(scores.variance > 0.99 && scores.variance < 1.0);
    }
}
