//! View `quantile_normal`: numbers as normal scores of dequantised values, and the way back.
//!
//! **Definition.** The distribution function is linear inside bins of about equal mass, at most 1,000 and
//! of about [`BIN_ROWS`] rows or more, so that no bin tells one row. On a grid a bin reaches half a step
//! beyond its values and gaps between bins stay empty. A number moves by a uniform part of its grain, then
//! `z = quantile(F(x))`, cut at ±5.2. Back: `x = F⁻¹(cdf(z))`; the encoder rounds to the grain.

use super::codes::{bins_of, bins_of_mass};
use super::{Encoded, Sort};
use crate::Arrays;
use synthfleet_proto::{Error, Result};
use synthfleet_stats::normal;

const BINS_MAX: usize = 1_000;
/// Rows of a bin, about.
const BIN_ROWS: usize = 10;
/// Scores lie within plus and minus this.
const SCORE_MAX: f64 = 5.2;

/// The way between the numbers of a Value column and their normal scores.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantileNormal {
    /// Lower and upper end of each bin, ascending.
    bins: Vec<[f64; 2]>,
    /// Share of the regular rows in bins up to each, `[bins]`; the last is 1.
    shares: Vec<f64>,
    /// Smallest step between values; 0: none.
    step: f64,
}

impl Encoded {
    /// The view of Value column `place`, from its regular rows; `None` for levels.
    pub fn quantile_normal(&self, place: usize) -> Option<QuantileNormal> {
        let Sort::Value { low, high, step, .. } = self.encoder().columns()[place].sort else { return None };
        let numbers = self.columns()[place].numbers()?;
        let mut regular: Vec<f64> = self.regular_rows(place).into_iter().map(|row| numbers[row as usize]).collect();
        regular.sort_unstable_by(f64::total_cmp);
        let bins = bins_of_mass(&regular, (regular.len() / BIN_ROWS).clamp(1, BINS_MAX), low, high, step);
        let last = bins.len() - 1;
        let share = |(place, bin): (usize, &[f64; 2])| match place {
            place if place == last => 1.0,
            _ => regular.partition_point(|&number| number <= bin[1]) as f64 / regular.len() as f64,
        };
        let shares = bins.iter().enumerate().map(share).collect();
        Some(QuantileNormal { bins, shares, step })
    }
}

impl QuantileNormal {
    /// The score of a number; `uniform` in [0, 1) says where in its grain it lies.
    pub fn score(&self, number: f64, uniform: f64) -> f64 {
        let place = self.bins[..self.bins.len() - 1].partition_point(|bin| bin[1] < number);
        let [low, high] = self.bins[place];
        let moved = number + self.step * (uniform - 0.5);
        // halves: the ends of a bin may be as far apart as numbers can be
        let inside = if low < high { (moved / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) } else { uniform };
        let below = if place == 0 { 0.0 } else { self.shares[place - 1] };
        let share = below + (self.shares[place] - below) * inside.clamp(0.0, 1.0);
        normal::quantile(share).clamp(-SCORE_MAX, SCORE_MAX)
    }

    /// Lowest and highest score of numbers from `low` to `high`; infinite ends stay infinite.
    pub fn stretch(&self, low: f64, high: f64) -> [f64; 2] {
        // 0.5: ends are meant as they are, not as cells of a grid
        [low, high].map(|end| if end.is_finite() { self.score(end, 0.5) } else { end })
    }

    /// The number behind a score.
    pub fn number(&self, score: f64) -> f64 {
        let share = normal::cdf(score);
        let place = self.shares[..self.shares.len() - 1].partition_point(|&upto| upto < share);
        let below = if place == 0 { 0.0 } else { self.shares[place - 1] };
        let mass = self.shares[place] - below;
        let inside = if mass > 0.0 { ((share - below) / mass).clamp(0.0, 1.0) } else { 0.5 };
        let [low, high] = self.bins[place];
        low * (1.0 - inside) + high * inside
    }

    /// Stores the view below `name/`.
    pub fn save(&self, name: &str, arrays: &mut Arrays) {
        arrays.put_f64(&format!("{name}/bins"), self.bins.as_flattened().to_vec());
        arrays.put_f64(&format!("{name}/shares"), self.shares.clone());
        arrays.put_f64(&format!("{name}/step"), vec![self.step]);
    }

    /// Reads what [`QuantileNormal::save`] stored; nothing is trusted.
    pub fn load(name: &str, arrays: &Arrays) -> Result<Self> {
        let damaged = || Error::data("model::damaged", format!("the scores {name} are impossible")).help("fit the model again");
        let bins = bins_of(arrays.f64s(&format!("{name}/bins"))?).ok_or_else(damaged)?;
        let shares = arrays.f64s(&format!("{name}/shares"))?.to_vec();
        let &[step] = arrays.f64s(&format!("{name}/step"))? else { return Err(damaged()) };
        let is_right = !bins.is_empty()
            && shares.len() == bins.len()
            && shares.is_sorted()
            && shares.iter().all(|share| (0.0..=1.0).contains(share))
            && step.is_finite();
        if is_right { Ok(Self { bins, shares, step }) } else { Err(damaged()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> QuantileNormal {
        // half of the rows at 1 and 2, half at 10 to 13
        QuantileNormal { bins: vec![[0.5, 2.5], [9.5, 13.5]], shares: vec![0.5, 1.0], step: 1.0 }
    }

    #[test]
    fn a_number_comes_back_to_its_grain() {
        let view = grid();
        for number in [1.0, 2.0, 10.0, 11.0, 13.0] {
            for uniform in [0.001, 0.3, 0.999] {
                assert_eq!(view.number(view.score(number, uniform)).round(), number);
            }
        }
    }

    #[test]
    fn scores_are_normal_quantiles_of_shares() {
        let view = grid();
        assert!((view.score(1.0, 0.5) - normal::quantile(0.125)).abs() < 1e-12);
        assert!((view.score(11.0, 0.5) - normal::quantile(0.6875)).abs() < 1e-12);
        assert_eq!([view.score(1.0, 0.0), view.score(13.0, 1.0)], [-SCORE_MAX, SCORE_MAX]);
    }

    #[test]
    fn no_score_falls_into_a_gap() {
        let view = grid();
        for i in -500..=500 {
            let number = view.number(f64::from(i) / 100.0);
            assert!(!(2.5 + 1e-9..9.5).contains(&number), "{number}");
        }
    }

    #[test]
    fn a_stretch_holds_the_scores_of_its_numbers() {
        let [from, to] = grid().stretch(9.5, 11.5);
        assert!((from - normal::quantile(0.5)).abs() < 1e-12 && (to - normal::quantile(0.75)).abs() < 1e-12);
        assert_eq!(grid().stretch(f64::NEG_INFINITY, f64::INFINITY), [f64::NEG_INFINITY, f64::INFINITY]);
    }
}
