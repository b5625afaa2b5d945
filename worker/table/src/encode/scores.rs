//! View `scores`: numbers as normal scores of their mid-ranks.

use synthfleet_stats::normal::quantile;

/// Normal scores `z = quantile((midrank - 0.5) / n)` of some numbers, in their order; ties share one.
pub fn normal_scores(numbers: &[f64]) -> Vec<f64> {
    let mut places: Vec<u32> = (0..numbers.len() as u32).collect();
    places.sort_unstable_by(|&a, &b| numbers[a as usize].total_cmp(&numbers[b as usize]).then(a.cmp(&b)));
    let mut scores = vec![0.0; numbers.len()];
    let count = numbers.len() as f64;
    let mut before = 0;
    for run in places.chunk_by(|&a, &b| numbers[a as usize] == numbers[b as usize]) {
        let midrank = before as f64 + (run.len() as f64 + 1.0) / 2.0;
        let score = quantile((midrank - 0.5) / count);
        run.iter().for_each(|&place| scores[place as usize] = score);
        before += run.len();
    }
    scores
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
