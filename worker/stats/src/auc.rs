//! Area under the receiver operating curve, ties counted half, and its error.
//!
//! # Definition
//! `auc` = P(positive > negative) + P(equal)/2 over all pairs. With mid-ranks `R` in the pooled and `r` in the
//! own sample, the placement of a positive is `(R - r) / negatives`, of a negative `1 - (R - r) / positives`;
//! the error is `sqrt(var(positive placements)/positives + var(negative placements)/negatives)`.
//!
//! # Cost
//! n log n.
//!
//! # Reference
//! DeLong, DeLong and Clarke-Pearson 1988, doi 10.2307/2531595; by mid-ranks: Sun and Xu 2014,
//! doi 10.1109/LSP.2014.2337313.

/// Mid-ranks from 1: tied values share the mean of their places. `[values]`.
pub fn mid_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_unstable_by(|&a, &b| values[a as usize].total_cmp(&values[b as usize]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for tied in order.chunk_by(|&a, &b| values[a as usize] == values[b as usize]) {
        let rank = before as f64 + (tied.len() as f64 + 1.0) / 2.0;
        tied.iter().for_each(|&place| ranks[place as usize] = rank);
        before += tied.len();
    }
    ranks
}

/// The area; `None` if a side is empty. Scores must not be NaN.
pub fn auc(positives: &[f64], negatives: &[f64]) -> Option<f64> {
    placements(positives, negatives).map(|placements| mean(&placements.0))
}

/// The area and its standard error; the error is 0 where a side has a single score.
pub fn auc_with_error(positives: &[f64], negatives: &[f64]) -> Option<(f64, f64)> {
    let (of_positives, of_negatives) = placements(positives, negatives)?;
    let part = |of: &[f64]| variance(of) / of.len() as f64;
    Some((mean(&of_positives), (part(&of_positives) + part(&of_negatives)).sqrt()))
}

fn placements(positives: &[f64], negatives: &[f64]) -> Option<(Vec<f64>, Vec<f64>)> {
    if positives.is_empty() || negatives.is_empty() {
        return None;
    }
    // the negative zero ties with the positive one only after 0 is added
    let pooled: Vec<f64> = positives.iter().chain(negatives).map(|score| score + 0.0).collect();
    let (pooled_positives, pooled_negatives) = pooled.split_at(positives.len());
    let all = mid_ranks(&pooled);
    let own = |own: &[f64], all: &[f64], others: usize| -> Vec<f64> {
        all.iter().zip(mid_ranks(own)).map(|(all, own)| (all - own) / others as f64).collect()
    };
    let of_positives = own(pooled_positives, &all[..positives.len()], negatives.len());
    let mut of_negatives = own(pooled_negatives, &all[positives.len()..], positives.len());
    of_negatives.iter_mut().for_each(|placement| *placement = 1.0 - *placement);
    Some((of_positives, of_negatives))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    squares / values.len().saturating_sub(1).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_count_half() {
        // pairs: 3>1, 3>2, 2>1, 2=2
        assert_eq!(auc(&[3.0, 2.0], &[1.0, 2.0]), Some(0.875));
        assert_eq!(auc(&[0.0], &[-0.0]), Some(0.5));
        assert_eq!(auc(&[], &[1.0]), None);
    }

    #[test]
    fn mid_ranks_share_the_mean_place() {
        assert_eq!(mid_ranks(&[5.0, 1.0, 5.0, 3.0]), [3.5, 1.0, 3.5, 2.0]);
    }

    #[test]
    fn the_error_is_that_of_all_pairs() {
        let (positives, negatives) = ([0.9, 0.4, 0.7, 0.7], [0.1, 0.7, 0.3]);
        let wins = |a: f64, b: f64| {
            if a > b {
                1.0
            } else if a == b {
                0.5
            } else {
                0.0
            }
        };
        let of_positives: Vec<f64> = positives.iter().map(|&p| negatives.iter().map(|&n| wins(p, n)).sum::<f64>() / 3.0).collect();
        let of_negatives: Vec<f64> = negatives.iter().map(|&n| positives.iter().map(|&p| wins(p, n)).sum::<f64>() / 4.0).collect();
        let expected = (variance(&of_positives) / 4.0 + variance(&of_negatives) / 3.0).sqrt();
        let (value, error) = auc_with_error(&positives, &negatives).expect("both sides");
        assert!((value - mean(&of_positives)).abs() < 1e-15 && (error - expected).abs() < 1e-15);
    }
}
