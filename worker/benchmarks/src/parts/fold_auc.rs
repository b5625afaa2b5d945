//! AUC on all rows and without each fold of them, by one sort.

use crate::folds::{Estimate, FOLDS};

/// The AUC of `scores`, ties half, with its values without each fold; `None` if it does not exist: a class
/// without rows. `folds`: the fold of each row.
pub fn auc(scores: &[f64], positive: &[bool], folds: &[u8]) -> Option<Estimate> {
    let mut order: Vec<u32> = (0..scores.len() as u32).collect();
    order.sort_unstable_by(|&a, &b| scores[a as usize].total_cmp(&scores[b as usize]));
    // by value: positives and negatives of each fold; sums of products need the folds that a pair belongs to
    let mut wins = Estimate::fixed(0.0);
    let (mut below, mut totals) = (Counts::default(), [Counts::default(); 2]);
    for tied in order.chunk_by(|&a, &b| scores[a as usize] == scores[b as usize]) {
        let mut here = [Counts::default(); 2];
        for &row in tied {
            here[usize::from(positive[row as usize])].add(folds[row as usize]);
        }
        let [negatives, positives] = &here;
        if positives.all > 0 {
            wins.value += positives.all as f64 * (below.all as f64 + negatives.all as f64 / 2.0);
            for fold in 0..FOLDS {
                let (of_positives, of_below, of_ties) = (positives.without(fold), below.without(fold), negatives.without(fold));
                wins.without[fold] += of_positives * (of_below + of_ties / 2.0);
            }
        }
        below.join(negatives);
        totals.iter_mut().zip(&here).for_each(|(total, here)| total.join(here));
    }
    let pairs = Estimate {
        value: totals[0].all as f64 * totals[1].all as f64,
        without: std::array::from_fn(|fold| totals[0].without(fold) * totals[1].without(fold)),
    };
    (pairs.value > 0.0).then(|| Estimate::combine(|at| at(&wins) / at(&pairs)))
}

/// Rows, and rows of each fold.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    all: u32,
    by_fold: [u32; FOLDS],
}

impl Counts {
    fn add(&mut self, fold: u8) {
        self.all += 1;
        self.by_fold[usize::from(fold)] += 1;
    }

    fn join(&mut self, other: &Self) {
        self.all += other.all;
        self.by_fold.iter_mut().zip(other.by_fold).for_each(|(sum, count)| *sum += count);
    }

    fn without(&self, fold: usize) -> f64 {
        f64::from(self.all - self.by_fold[fold])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaving_out_a_fold_is_computing_without_its_rows() {
        let scores: Vec<f64> = (0..90).map(|i| f64::from(i * 31 % 17)).collect();
        let positive: Vec<bool> = (0..90).map(|i| i * 13 % 7 < 3).collect();
        let folds: Vec<u8> = (0..90).map(|i| (i % 20) as u8).collect();
        let found = auc(&scores, &positive, &folds).expect("both classes");
        for fold in 0..20u8 {
            let side =
                |wanted: bool| -> Vec<f64> { (0..90).filter(|&i| folds[i] != fold && positive[i] == wanted).map(|i| scores[i]).collect() };
            let expected = synthfleet_stats::auc::auc(&side(true), &side(false)).expect("both classes");
            assert!((found.without[usize::from(fold)] - expected).abs() < 1e-15);
        }
    }

    #[test]
    fn one_class_has_no_area() {
        assert!(auc(&[1.0, 2.0], &[true, true], &[0, 1]).is_none());
    }
}
