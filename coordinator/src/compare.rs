//! By how much two candidates differ, with an interval.
//!
//! # Definition
//! A score that is shown is a sum of measured scores with weights, `y = sum_k c_k x_k`: a measured one alone, or the
//! verdict's score near its value (`c_k = s (w_k / W) / x_k` for a weighted geometric mean s of weights w of sum W).
//! Over R repeats, with the influences I_g of G = 20 folds of rows (see [`crate::verdict::replicate`]):
//! - rows: `I_g = sum_k c_k mean_r I_krg` for those with folds;
//! - own: `sum_k c_k^2 mean_r e_kr^2` of those without folds but with a standard error e, plus `s^2 / R`, s the standard
//!   deviation of y between repeats.
//!
//! Candidates of one job are measured on the same folds of the same rows, so the influences are taken from each other
//! first: `var = sum_g (I_g - J_g)^2 / (G (G-1)) + own_I + own_J`. Those of different jobs are independent:
//! `var = (sum_g I_g^2 + sum_g J_g^2) / (G (G-1)) + own_I + own_J`. The interval is the difference, plus and minus 1.96
//! standard errors. Where nothing is known of how a score varies there is none.
//!
//! # Reference
//! Efron and Stein, "The jackknife estimate of variance", Annals of Statistics 9 (1981), doi:10.1214/aos/1176345462.

use crate::verdict::replicate::{FOLDS, influence};
use crate::verdict::rule::COMPONENT_MIN;
use synthfleet_proto::results::RepeatResult;
use synthfleet_proto::score::Score;
use synthfleet_proto::verdict::{Ranked, Verdict};

/// Standard errors on either side of a 95 % interval.
const Z: f64 = 1.96;
/// The profile whose score is a measure itself.
const PLAIN: &str = "sdgym2020";

/// A measured score over the repeats of a candidate, with its weight in what is shown.
#[derive(Debug, Clone)]
struct Term<'a> {
    weight: f64,
    /// Where it is defined.
    repeats: Vec<&'a Score>,
}

/// How a shown score would move on other rows of the same kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Moves {
    value: f64,
    rows: [f64; FOLDS],
    own: f64,
    known: bool,
}

/// By how much one candidate differs from another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// The one less the other.
    pub value: f64,
    /// 95 % interval, where something is known of how the two vary.
    pub interval: Option<(f64, f64)>,
}

/// The scores of a name in some repeats, where they are defined.
fn defined<'a>(repeats: &'a [RepeatResult], name: &str) -> Vec<&'a Score> {
    let of = |repeat: &'a RepeatResult| repeat.scores.iter().find(|score| score.name == name && score.value.is_some());
    repeats.iter().filter_map(of).collect()
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1) as f64;
    values.sum::<f64>() / count
}

impl Moves {
    /// Of a measured score over the repeats of a candidate; `None`: it is defined in none.
    pub fn of_measured(repeats: &[RepeatResult], name: &str) -> Option<Self> {
        let repeats = defined(repeats, name);
        if repeats.is_empty() {
            return None;
        }
        let value = mean(repeats.iter().map(|score| score.value.unwrap_or_default()));
        Some(Self::of(value, &[Term { weight: 1.0, repeats }]))
    }

    /// Of a candidate's score as its verdict tells it; `None`: it has none.
    pub fn of_score(verdict: &Verdict, row: &Ranked, repeats: &[RepeatResult]) -> Option<Self> {
        let score = row.score?;
        let used = || verdict.components.iter().filter(|component| component.used);
        let total: f64 = used().map(|component| component.weight).sum();
        let terms: Vec<Term<'_>> = used()
            .filter_map(|component| {
                // one that counts least whatever it is moves nothing
                let value = (*row.components.get(&component.name)?)?;
                let share = component.weight / total;
                let weight = if verdict.profile == PLAIN {
                    share
                } else if value > COMPONENT_MIN {
                    score * share / value
                } else {
                    0.0
                };
                Some(Term { weight, repeats: defined(repeats, &component.score) })
            })
            .collect();
        Some(Self::of(score, &terms))
    }

    fn of(value: f64, terms: &[Term<'_>]) -> Self {
        let mut moves = Self { value, rows: [0.0; FOLDS], own: between(terms), known: false };
        moves.known = moves.own > 0.0;
        for term in terms {
            let folds: Vec<[f64; FOLDS]> = term.repeats.iter().filter_map(|score| influence(&score.folds)).collect();
            let errors: Vec<f64> = term.repeats.iter().filter_map(|score| error(score)).collect();
            if !folds.is_empty() {
                for (fold, moved) in moves.rows.iter_mut().enumerate() {
                    *moved += term.weight * mean(folds.iter().map(|influence| influence[fold]));
                }
            } else if !errors.is_empty() {
                moves.own += term.weight * term.weight * mean(errors.iter().map(|error| error * error));
            }
            moves.known |= !folds.is_empty() || !errors.is_empty();
        }
        moves
    }

    /// The score itself: over several repeats their mean.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// The 95 % interval of the score by itself, where something is known of how it varies.
    pub fn interval(&self) -> Option<(f64, f64)> {
        let error = (squares(self.rows.iter().copied()) + self.own).sqrt();
        self.known.then_some((self.value - Z * error, self.value + Z * error))
    }

    /// This less another; `paired`: both were measured on the same rows.
    pub fn less(&self, other: &Self, paired: bool) -> Difference {
        let value = self.value - other.value;
        let rows = if paired {
            squares(self.rows.iter().zip(&other.rows).map(|(one, other)| one - other))
        } else {
            squares(self.rows.iter().copied()) + squares(other.rows.iter().copied())
        };
        let error = (rows + self.own + other.own).sqrt();
        Difference { value, interval: (self.known && other.known).then_some((value - Z * error, value + Z * error)) }
    }
}

/// `sum I_g^2 / (G (G-1))`
fn squares(influences: impl Iterator<Item = f64>) -> f64 {
    influences.map(|influence| influence * influence).sum::<f64>() / (FOLDS * (FOLDS - 1)) as f64
}

/// The standard error of one measured score: as told, or as its interval tells it.
fn error(score: &Score) -> Option<f64> {
    score.error.or_else(|| Some((score.high? - score.low?) / (2.0 * Z)))
}

/// `s^2 / R` of the sum over repeats in which every term is defined; 0 below two.
fn between(terms: &[Term<'_>]) -> f64 {
    let repeats = terms.iter().map(|term| term.repeats.len()).min().unwrap_or(0);
    if repeats < 2 || terms.iter().any(|term| term.repeats.len() != repeats) {
        return 0.0;
    }
    let sum = |repeat: usize| terms.iter().map(|term| term.weight * term.repeats[repeat].value.unwrap_or_default()).sum::<f64>();
    let sums: Vec<f64> = (0..repeats).map(sum).collect();
    let centre = mean(sums.iter().copied());
    sums.iter().map(|sum| (sum - centre) * (sum - centre)).sum::<f64>() / ((repeats - 1) * repeats) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use synthfleet_proto::about::ScoreAbout;

    const ABOUT: ScoreAbout = ScoreAbout { id: "accuracy", up: true, range: (None, None), fair: None, unit: "" };

    fn repeats(scores: &[Score]) -> Vec<RepeatResult> {
        scores.iter().map(|score| RepeatResult { scores: vec![score.clone()], ..RepeatResult::default() }).collect()
    }

    /// The mean of `1..=20` times a factor, and the means without each.
    fn mean_of_twenty(factor: f64) -> Score {
        let without: Vec<f64> = (1..=20).map(|left_out| factor * (210.0 - f64::from(left_out)) / 19.0).collect();
        Score::new(&ABOUT, factor * 10.5).with_folds(&without)
    }

    fn moves(scores: &[Score]) -> Moves {
        Moves::of_measured(&repeats(scores), "accuracy").expect("defined")
    }

    fn half(interval: Option<(f64, f64)>) -> f64 {
        interval.map_or(f64::NAN, |(low, high)| (high - low) / 2.0)
    }

    /// The jackknife of a mean is its standard error: s^2 of 1..=20 is 35.
    #[test]
    fn the_interval_of_a_mean_is_the_usual_one() {
        let found = moves(&[mean_of_twenty(1.0)]);
        assert!((half(found.interval()) - 1.96 * (35.0_f64 / 20.0).sqrt()).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn what_moves_two_candidates_alike_moves_no_difference() {
        let (one, other) = (moves(&[mean_of_twenty(1.0)]), moves(&[mean_of_twenty(1.0)]));
        assert!(half(one.less(&other, true).interval) < 1e-12);
        let apart = 1.96 * (2.0 * 35.0_f64 / 20.0).sqrt();
        assert!((half(one.less(&other, false).interval) - apart).abs() < 1e-12);
    }

    #[test]
    fn the_paired_difference_of_means_is_the_mean_of_differences() {
        let found = moves(&[mean_of_twenty(3.0)]).less(&moves(&[mean_of_twenty(1.0)]), true);
        assert!((found.value - 21.0).abs() < 1e-12);
        assert!((half(found.interval) - 2.0 * 1.96 * (35.0_f64 / 20.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn repeats_add_what_lies_between_them() {
        let score = |value| Score::new(&ABOUT, value).with_error(0.0);
        let found = moves(&[score(1.0), score(3.0)]);
        assert_eq!((found.value(), half(found.interval())), (2.0, 1.96));
    }

    #[test]
    fn without_folds_errors_add_and_without_either_there_is_no_interval() {
        let (with, bare) = (Score::new(&ABOUT, 1.0).with_error(0.3), Score::new(&ABOUT, 2.0));
        let other = moves(&[Score::new(&ABOUT, 1.0).with_error(0.4)]);
        assert!((half(moves(&[with]).less(&other, true).interval) - 1.96 * 0.5).abs() < 1e-12);
        assert_eq!(moves(&[bare]).less(&other, true), Difference { value: 1.0, interval: None });
    }

    #[test]
    fn what_is_undefined_in_every_repeat_has_no_moves() {
        assert_eq!(Moves::of_measured(&repeats(&[Score::undefined(&ABOUT, "constant", "one level")]), "accuracy"), None);
    }
}
