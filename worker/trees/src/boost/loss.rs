//! Losses: where scores start, their gradients and curvatures, and what scores mean.

use super::{CHUNK, Target};
use crate::exponential::exp;
use rayon::prelude::*;

/// Gradient and curvature below which a row no longer counts.
const CURVATURE_FLOOR: f64 = 1e-16;

/// A target made ready: labels or numbers, and the scores that every row starts from.
pub(super) enum Loss<'a> {
    Logistic(&'a [bool]),
    Softmax(&'a [u32]),
    /// Numbers over `unit`, a power of two near the largest deviation: large targets cannot overflow.
    Squared {
        numbers: &'a [f64],
        mean: f64,
        unit: f64,
    },
}

impl<'a> Loss<'a> {
    /// The loss of a target and the start of its scores, `[outputs]`.
    pub fn of(target: &Target<'a>) -> (Self, Vec<f64>) {
        match *target {
            Target::Binary(labels) => {
                let share = bounded(labels.iter().filter(|label| **label).count() as f64 / labels.len().max(1) as f64);
                (Self::Logistic(labels), vec![libm::log(share / (1.0 - share))])
            }
            Target::Classes { codes, classes } => {
                let mut counts = vec![0usize; classes];
                codes.iter().for_each(|code| counts[*code as usize] += 1);
                let start = counts.iter().map(|count| libm::log(bounded(*count as f64 / codes.len().max(1) as f64))).collect();
                (Self::Softmax(codes), start)
            }
            Target::Real(numbers) => {
                let mean = mean(numbers);
                let most = numbers.iter().fold(0.0f64, |most, number| most.max((number - mean).abs()));
                let unit = if most > 0.0 { libm::scalbn(1.0, libm::ilogb(most)) } else { 1.0 };
                (Self::Squared { numbers, mean, unit }, vec![0.0])
            }
        }
    }

    /// Of each row, what all its classes share: the largest score, and the sum of exponentials of the scores below it.
    /// Computed once a round: for each class anew it would cost the square of the classes.
    /// `scores`: `[outputs][rows]`.
    pub fn sums(&self, scores: &[Vec<f64>]) -> Vec<[f64; 2]> {
        let Self::Softmax(codes) = *self else { return Vec::new() };
        let mut sums = vec![[f64::NEG_INFINITY, 0.0]; codes.len()];
        sums.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, sums)| {
            let start = chunk * CHUNK;
            for scores in scores {
                sums.iter_mut().zip(&scores[start..]).for_each(|([most, _], score)| *most = most.max(*score));
            }
            for scores in scores {
                sums.iter_mut().zip(&scores[start..]).for_each(|([most, sum], score)| *sum += exp(score - *most));
            }
        });
        sums
    }

    /// Writes gradient and curvature of output `output`, `[rows]`, at its scores, `[rows]`, and all outputs' [`Loss::sums`].
    pub fn gradients(&self, output: usize, scores: &[f64], sums: &[[f64; 2]], pairs: &mut [[f64; 2]]) {
        match *self {
            Self::Logistic(labels) => {
                for ((pair, score), label) in pairs.iter_mut().zip(scores).zip(labels) {
                    let share = logistic(*score);
                    *pair = [share - f64::from(u8::from(*label)), (share * (1.0 - share)).max(CURVATURE_FLOOR)];
                }
            }
            Self::Softmax(codes) => {
                for (pair, ((score, [most, sum]), code)) in pairs.iter_mut().zip(scores.iter().zip(sums).zip(codes)) {
                    let share = exp(score - most) / sum;
                    let hit = f64::from(u8::from(*code as usize == output));
                    *pair = [share - hit, (share * (1.0 - share)).max(CURVATURE_FLOOR)];
                }
            }
            Self::Squared { numbers, mean, unit } => {
                for ((pair, score), number) in pairs.iter_mut().zip(scores).zip(numbers) {
                    *pair = [score - (number - mean) / unit, 1.0];
                }
            }
        }
    }

    /// The link from scores to predictions.
    pub fn link(&self) -> Link {
        match *self {
            Self::Logistic(_) => Link::Logistic,
            Self::Softmax(_) => Link::Softmax,
            Self::Squared { mean, unit, .. } => Link::Line { mean, unit },
        }
    }
}

/// How scores become predictions.
#[derive(Debug, Clone, Copy)]
pub(super) enum Link {
    Logistic,
    Softmax,
    Line { mean: f64, unit: f64 },
}

impl Link {
    /// Turns one row's scores, `[outputs]`, into shares or a number.
    pub fn apply(self, scores: &mut [f64]) {
        match self {
            Self::Logistic => scores.iter_mut().for_each(|score| *score = logistic(*score)),
            Self::Line { mean, unit } => scores.iter_mut().for_each(|score| *score = mean + unit * *score),
            Self::Softmax => {
                let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                scores.iter_mut().for_each(|score| *score = exp(*score - most));
                let sum: f64 = scores.iter().sum();
                scores.iter_mut().for_each(|score| *score /= sum);
            }
        }
    }
}

fn logistic(score: f64) -> f64 {
    1.0 / (1.0 + exp(-score))
}

fn bounded(share: f64) -> f64 {
    share.clamp(1e-12, 1.0 - 1e-12)
}

/// The mean in a fixed order, without overflow.
fn mean(numbers: &[f64]) -> f64 {
    let count = numbers.len().max(1) as f64;
    numbers.chunks(4_096).map(|chunk| chunk.iter().map(|number| number / count).sum::<f64>()).sum()
}
