//! View `scores`: numbers as normal scores of their mid-ranks.

use synthfleet_stats::auc::mid_ranks;
use synthfleet_stats::normal::quantile;

/// Normal scores `z = quantile((midrank - 0.5) / n)` of some numbers, in their order; ties share one.
pub fn normal_scores(numbers: &[f64]) -> Vec<f64> {
    let count = numbers.len() as f64;
    mid_ranks(numbers).into_iter().map(|rank| quantile((rank - 0.5) / count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_the_score_of_their_middle() {
        let scores = normal_scores(&[5.0, 1.0, 5.0, 9.0]);
        assert_eq!(scores[0], scores[2]);
        assert!(scores[0].abs() < 1e-12 && (scores[1] + scores[3]).abs() < 1e-12);
    }
}
