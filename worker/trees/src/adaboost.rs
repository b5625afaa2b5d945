//! Boosted stumps for two classes: SAMME.R.
//!
//! # Model
//! Each stump asks one question (a threshold of an ordered predictor, one level of a nominal one against the
//! rest) and knows the weighted share `p` of positive rows on each side. A row's score is the sum of
//! `ln(p / (1 - p))` over stumps; above 0 it is positive.
//!
//! # Definition
//! Row weights start equal. Each round takes the question that lowers the weighted Gini impurity most (ties: the
//! first predictor, then the lowest bin), then multiplies the weight of each row by
//! `e^(-(ln p_own - ln p_other) / 2)`, `p_own` its own class's share on its side, and scales weights to sum 1.
//! Shares are held at 2⁻⁵² or more. Rounds end early when every row is told right. The rate of learning is 1.
//!
//! # Cost
//! `rounds · rows · predictors`, and `rounds · bins`. Sums run in the order of rows: one thread, fixed bytes.
//!
//! # Reference
//! Zhu, Zou, Rosset, Hastie, "Multi-class AdaBoost", Statistics and Its Interface 2 (2009),
//! doi:10.4310/SII.2009.v2.n3.a8, algorithm 4, for two classes.

use crate::cart::{Predictor, Test};

/// Least share of a class.
const SHARE_MIN: f64 = f64::EPSILON;

/// One question and the answers to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stump {
    /// Place of the predictor and what is asked; `None`: every row is on the left.
    pub split: Option<(u32, Test)>,
    /// Weighted share of positive rows, left and right.
    pub shares: [f64; 2],
}

/// A boosted model.
#[derive(Debug, Clone, PartialEq)]
pub struct AdaBoost {
    stumps: Vec<Stump>,
}

impl AdaBoost {
    /// Learns which rows are positive, `[rows]`; asks `go_on` before each predictor of each round and ends with
    /// its error. The bins of ordered predictors should all occur.
    ///
    /// # Panics
    /// If a code is not below its bound.
    pub fn fit_while<E>(
        predictors: &[Predictor<'_>],
        positive: &[bool],
        rounds: usize,
        mut go_on: impl FnMut() -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut weights = vec![1.0 / positive.len().max(1) as f64; positive.len()];
        let mut stumps = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            let stump = Stump::fit(predictors, positive, &weights, &mut go_on)?;
            let right = |row: usize| stump.goes_right(|column| predictors[column as usize].codes[row]);
            let is_right: Vec<bool> = (0..positive.len()).map(right).collect();
            let wrong = is_right.iter().zip(positive).any(|(&right, &positive)| (stump.shares[usize::from(right)] > 0.5) != positive);
            let factors = [0, 1].map(|side| {
                let lead = stump.lead(side);
                [libm::exp(lead / 2.0), libm::exp(-lead / 2.0)]
            });
            stumps.push(stump);
            if !wrong {
                break;
            }
            for ((weight, &right), &positive) in weights.iter_mut().zip(&is_right).zip(positive) {
                *weight *= factors[usize::from(right)][usize::from(positive)];
            }
            let sum: f64 = weights.iter().sum();
            if !(sum > 0.0 && sum.is_finite()) {
                break;
            }
            weights.iter_mut().for_each(|weight| *weight /= sum);
        }
        Ok(Self { stumps })
    }

    /// The stumps in the order of their rounds.
    pub fn stumps(&self) -> &[Stump] {
        &self.stumps
    }

    /// The score of a row whose bins `bin` tells by predictor; above 0: positive.
    pub fn score(&self, bin: impl Fn(u32) -> u16) -> f64 {
        self.stumps.iter().map(|stump| stump.lead(usize::from(stump.goes_right(&bin)))).sum()
    }
}

impl Stump {
    fn goes_right(&self, bin: impl Fn(u32) -> u16) -> bool {
        self.split.as_ref().is_some_and(|(column, test)| !test.left(bin(*column)))
    }

    /// `ln(p / (1 - p))` of a side.
    fn lead(&self, side: usize) -> f64 {
        let share = self.shares[side];
        libm::log(share.max(SHARE_MIN)) - libm::log((1.0 - share).max(SHARE_MIN))
    }

    fn fit<E>(
        predictors: &[Predictor<'_>],
        positive: &[bool],
        weights: &[f64],
        go_on: &mut impl FnMut() -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut totals = [0.0; 2];
        positive.iter().zip(weights).for_each(|(&positive, weight)| totals[usize::from(positive)] += weight);
        let mut best: Option<(f64, u32, Test)> = None;
        let mut sums = Vec::new();
        for (predictor, column) in predictors.iter().zip(0..) {
            go_on()?;
            sums.clear();
            sums.resize(predictor.bins as usize, [0.0; 2]);
            for ((&code, &positive), weight) in predictor.codes.iter().zip(positive).zip(weights) {
                sums[usize::from(code)][usize::from(positive)] += weight;
            }
            let floor = best.as_ref().map_or(purity(totals), |(purity, ..)| *purity);
            if let Some((purity, bin)) = cut(&sums, totals, predictor.ordered).filter(|(purity, _)| *purity > floor) {
                best = Some((purity, column, test(bin, predictor)));
            }
        }
        let split = best.map(|(_, column, test)| (column, test));
        let mut sides = [[0.0; 2]; 2];
        for (row, (&positive, weight)) in positive.iter().zip(weights).enumerate() {
            let right = split.as_ref().is_some_and(|(column, test)| !test.left(predictors[*column as usize].codes[row]));
            sides[usize::from(right)][usize::from(positive)] += weight;
        }
        let shares = sides.map(|[negative, positive]| if negative + positive > 0.0 { positive / (negative + positive) } else { 0.5 });
        Ok(Self { split, shares })
    }
}

/// Sum of squares over sum.
fn purity([negative, positive]: [f64; 2]) -> f64 {
    let sum = negative + positive;
    if sum > 0.0 { (negative * negative + positive * positive) / sum } else { 0.0 }
}

/// The purity of both sides of the best cut, and its bin.
fn cut(sums: &[[f64; 2]], totals: [f64; 2], ordered: bool) -> Option<(f64, usize)> {
    let mut best: Option<(f64, usize)> = None;
    let mut left = [0.0; 2];
    let last = if ordered { sums.len().saturating_sub(1) } else { sums.len() };
    for (bin, sum) in sums[..last].iter().enumerate() {
        left = if ordered { [left[0] + sum[0], left[1] + sum[1]] } else { *sum };
        let right = [0, 1].map(|class| f64::max(totals[class] - left[class], 0.0));
        let purity = purity(left) + purity(right);
        if best.is_none_or(|(so_far, _)| purity > so_far) {
            best = Some((purity, bin));
        }
    }
    best
}

fn test(bin: usize, predictor: &Predictor<'_>) -> Test {
    if predictor.ordered {
        return Test::AtMost(bin as u16);
    }
    let mut bits = vec![0u64; (predictor.bins as usize).div_ceil(64)];
    bits[bin / 64] |= 1 << (bin % 64);
    Test::In(bits.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn fit(predictors: &[Predictor<'_>], positive: &[bool], rounds: usize) -> AdaBoost {
        let Ok(model) = AdaBoost::fit_while::<Infallible>(predictors, positive, rounds, || Ok(()));
        model
    }

    #[test]
    fn two_rounds_by_hand() {
        // bins 0 1 2 3 4, classes - - + - +. Purities of the cuts behind bin 0: 1 + (4 + 4) / 4 = 3,
        // 1: 2 + (4 + 1) / 3 = 3.667, 2: (4 + 1) / 3 + 1 = 2.667, 3: (9 + 1) / 4 + 1 = 3.5; each over 5 rows.
        let codes = [0u16, 1, 2, 3, 4];
        let positive = [false, false, true, false, true];
        let predictor = [Predictor { codes: &codes, bins: 5, ordered: true }];
        let model = fit(&predictor, &positive, 2);
        let first = &model.stumps()[0];
        assert_eq!(first.split, Some((0, Test::AtMost(1))));
        assert!((first.shares[0]).abs() < 1e-15 && (first.shares[1] - 2.0 / 3.0).abs() < 1e-15, "{:?}", first.shares);
        // On the right a positive row's weight times sqrt(1/2), the negative one's times sqrt(2); on the left
        // times sqrt(eps), next to nothing. So the weights are 1 : 2 : 1 for rows 2, 3, 4, over 4.
        let second = &model.stumps()[1];
        // behind 1: (2² + 2²) / 4 = 2; behind 2: 1 + (2² + 1) / 3 = 2.667; behind 3: (1 + 2²) / 3 + 1 = 2.667
        let (left, right) = (second.shares[0], second.shares[1]);
        match second.split {
            Some((0, Test::AtMost(2))) => assert!((left - 1.0).abs() < 1e-6 && (right - 1.0 / 3.0).abs() < 1e-6, "{left} {right}"),
            Some((0, Test::AtMost(3))) => assert!((left - 1.0 / 3.0).abs() < 1e-6 && (right - 1.0).abs() < 1e-6, "{left} {right}"),
            _ => panic!("{second:?}"),
        }
        // row 4 scores ln 2 + its side of the second stump
        let expected = libm::log(2.0) + if right > 0.5 { -libm::log(SHARE_MIN) } else { -libm::log(2.0) };
        assert!((model.score(|_| 4) - expected).abs() < 1e-5, "{} is not {expected}", model.score(|_| 4));
    }

    #[test]
    fn a_level_is_asked_for_alone() {
        let codes = [0u16, 1, 2, 0, 1, 2];
        let positive = [false, true, false, false, true, false];
        let model = fit(&[Predictor { codes: &codes, bins: 4, ordered: false }], &positive, 50);
        assert_eq!(model.stumps().len(), 1, "every row is told right, so rounds end");
        assert_eq!(model.stumps()[0].split, Some((0, Test::In(vec![0b10].into()))));
        assert!(model.score(|_| 1) > 0.0 && model.score(|_| 3) < 0.0 && model.score(|_| 9) < 0.0);
    }

    #[test]
    fn without_a_question_the_larger_class_is_told() {
        let codes = [0u16; 3];
        let model = fit(&[Predictor { codes: &codes, bins: 1, ordered: true }], &[true, false, true], 3);
        assert_eq!(model.stumps()[0].split, None);
        assert!((model.stumps()[0].shares[0] - 2.0 / 3.0).abs() < 1e-15 && model.score(|_| 0) > 0.0);
    }

    #[test]
    fn rounds_approach_what_one_stump_cannot_tell() {
        // positive inside an interval: one threshold is wrong somewhere, several are not
        let codes: Vec<u16> = (0..300).map(|i| i % 30).collect();
        let positive: Vec<bool> = codes.iter().map(|code| (10..20).contains(code)).collect();
        let predictor = [Predictor { codes: &codes, bins: 30, ordered: true }];
        let wrong = |rounds: usize| {
            let model = fit(&predictor, &positive, rounds);
            codes.iter().zip(&positive).filter(|&(&code, &positive)| (model.score(|_| code) > 0.0) != positive).count()
        };
        assert!(wrong(1) > 0 && wrong(50) == 0, "{} and {}", wrong(1), wrong(50));
    }

    #[test]
    fn a_stop_ends_with_its_error() {
        let codes = [0u16, 1];
        let predictor = [Predictor { codes: &codes, bins: 2, ordered: true }];
        assert_eq!(AdaBoost::fit_while(&predictor, &[true, false], 5, || Err("stop")), Err("stop"));
    }
}
