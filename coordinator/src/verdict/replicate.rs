//! Replicates: what the scores of a job would be on other rows of the same kind, from folds alone.
//!
//! # Model
//! A score of n rows moves by its influence when a fold of rows counts more or less. Folds of real rows are the
//! same for all candidates, so their replicates are paired: what moves all of them moves no difference.
//!
//! # Definition
//! G = 20 folds, B = 1,000 replicates. With the values v_(-g) without each fold, the influence of a fold is
//! `I_g = (G-1) (mean_g v_(-g) - v_(-g))`. Replicate b draws G folds with replacement, w_bg times fold g, the same
//! for all candidates, and one repeat r for each candidate; then `v*_b = v_r + (1/G) sum_g (w_bg - 1) I_g` with the
//! folds of that repeat, clipped to the score's range. A score without folds but with a standard error e gets
//! `v_r + e z`, z normal and its own; one with neither stays. A component that the drawn repeat lacks counts what
//! it counts over all repeats. The score is then the rule's, see [`super::score`].
//!
//! Streams: `verdict`, rule version, `folds` for all; `repeat/<candidate>` and `error/<candidate>/<score>` for one. So no
//! candidate's draws depend on who else is there.
//!
//! # Cost
//! B·G products and B logarithms a component: 500 candidates of 20 components take less than a second.
//!
//! # Reference
//! Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7 (1979),
//! doi:10.1214/aos/1176344552, section 5: resampling by the empirical influence. Folds in place of rows are ours.

use super::rule::{COMPONENT_MIN, Scale, VERSION};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use synthfleet_proto::Seed;
use synthfleet_proto::score::Score;

/// Folds of a score.
pub const FOLDS: usize = 20;
/// Replicates of a job.
pub const REPLICATES: usize = 1_000;
/// Replicates that are computed side by side: `[folds]` rows of this many weights stay in the cache.
const LANES: usize = 8;

/// How often each replicate counts each fold, for all candidates of a job.
#[derive(Debug, Clone)]
pub struct Replicates {
    seed: Seed,
    /// `(w - 1) / G`, `[replicates / lanes][folds][lanes]`.
    shifts: Vec<[[f64; LANES]; FOLDS]>,
}

/// A score of one repeat, as replicates need it.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    value: f64,
    error: f64,
    influence: Option<[f64; FOLDS]>,
    range: (f64, f64),
}

/// A component of one candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct Replicated<'a> {
    /// Score id: names its stream.
    pub score: &'a str,
    /// Weight.
    pub weight: f64,
    /// By usable repeat; `None`: undefined in it.
    pub repeats: &'a [Option<Measured>],
    /// What counts where a repeat lacks it.
    pub otherwise: f64,
}

impl Measured {
    /// Takes a score apart; `None`: it has no value.
    pub fn of(score: &Score) -> Option<Self> {
        let range = (score.range.0.unwrap_or(f64::NEG_INFINITY), score.range.1.unwrap_or(f64::INFINITY));
        Some(Self { value: score.value?, error: score.error.unwrap_or(0.0), influence: influence(&score.folds), range })
    }

    fn is_fixed(&self) -> bool {
        self.error == 0.0 && self.influence.is_none_or(|influence| influence.iter().all(|part| *part == 0.0))
    }
}

/// `I_g = (G-1) (mean v_(-g) - v_(-g))`; `None` without folds.
pub(crate) fn influence(folds: &[f64]) -> Option<[f64; FOLDS]> {
    let folds: &[f64; FOLDS] = folds.try_into().ok()?;
    let mean = folds.iter().sum::<f64>() / FOLDS as f64;
    Some(folds.map(|without| (FOLDS - 1) as f64 * (mean - without)))
}

impl Replicates {
    /// The replicates of a job, by its seed and the rule.
    pub fn of(job_seed: u64) -> Self {
        let seed = Seed::of_task(job_seed, "verdict").child(VERSION);
        let mut rng = ChaCha8Rng::from_seed(seed.child("folds").key());
        let mut shifts = vec![[[-1.0 / FOLDS as f64; LANES]; FOLDS]; REPLICATES / LANES];
        for replicate in 0..REPLICATES {
            for _ in 0..FOLDS {
                shifts[replicate / LANES][below(&mut rng, FOLDS)][replicate % LANES] += 1.0 / FOLDS as f64;
            }
        }
        Self { seed, shifts }
    }

    /// The scores of one row, `[replicates]`; `None`: nothing about it varies, or no component counts.
    pub fn scores(&self, candidate: &str, scale: Scale, components: &[Replicated<'_>]) -> Option<Vec<f64>> {
        let repeats = components.iter().map(|component| component.repeats.len()).max()?;
        let varies = |component: &Replicated<'_>| component.repeats.iter().flatten().any(|measured| !measured.is_fixed());
        if repeats < 2 && !components.iter().any(varies) {
            return None;
        }
        let drawn = self.repeats(candidate, repeats);
        let total: f64 = components.iter().map(|component| component.weight).sum();
        let mut sums = vec![0.0; REPLICATES];
        for component in components {
            let values = self.values(candidate, component, &drawn);
            match scale {
                Scale::Geometric => {
                    let weight = component.weight / total;
                    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * libm::log(value.max(COMPONENT_MIN)));
                }
                Scale::Plain => sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += component.weight / total * value),
            }
        }
        if scale == Scale::Geometric {
            sums.iter_mut().for_each(|sum| *sum = libm::exp(*sum).clamp(0.0, 1.0));
        }
        Some(sums)
    }

    /// The repeat that each replicate draws, `[replicates]`.
    fn repeats(&self, candidate: &str, repeats: usize) -> Vec<usize> {
        let mut rng = ChaCha8Rng::from_seed(self.seed.child("repeat").child(candidate).key());
        (0..REPLICATES).map(|_| if repeats > 1 { below(&mut rng, repeats) } else { 0 }).collect()
    }

    /// The component's value in each replicate, `[replicates]`.
    fn values(&self, candidate: &str, component: &Replicated<'_>, drawn: &[usize]) -> Vec<f64> {
        let moved: Vec<Option<Vec<f64>>> = component.repeats.iter().map(|measured| self.moved(candidate, component, measured)).collect();
        let value = |(replicate, repeat): (usize, &usize)| match moved.get(*repeat) {
            Some(Some(values)) => values[replicate],
            _ => component.otherwise,
        };
        drawn.iter().enumerate().map(value).collect()
    }

    /// What a repeat's score would be in each replicate, `[replicates]`.
    fn moved(&self, candidate: &str, component: &Replicated<'_>, measured: &Option<Measured>) -> Option<Vec<f64>> {
        let measured = measured.as_ref()?;
        let (low, high) = measured.range;
        let mut values = match &measured.influence {
            Some(influence) => self.shifted(measured.value, influence),
            None if measured.error > 0.0 => {
                let mut rng = ChaCha8Rng::from_seed(self.seed.child("error").child(candidate).child(component.score).key());
                (0..REPLICATES).map(|_| measured.value + measured.error * normal(&mut rng)).collect()
            }
            None => vec![measured.value; REPLICATES],
        };
        values.iter_mut().for_each(|value| *value = value.max(low).min(high));
        Some(values)
    }

    /// `value + sum_g (w_g - 1) / G · I_g` in each replicate. Each sum runs over folds in their order.
    fn shifted(&self, value: f64, influence: &[f64; FOLDS]) -> Vec<f64> {
        let mut values = Vec::with_capacity(REPLICATES);
        for block in &self.shifts {
            let mut sums = [0.0; LANES];
            for (shifts, influence) in block.iter().zip(influence) {
                for (sum, shift) in sums.iter_mut().zip(shifts) {
                    *sum += shift * influence;
                }
            }
            values.extend(sums.map(|sum| value + sum));
        }
        values
    }
}

/// The 2.5th and 97.5th percentile, between neighbours in proportion. `values` must not be empty.
pub fn interval(values: &[f64]) -> (f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (sorted.len() - 1) as f64;
        let below = place.floor() as usize;
        let above = (below + 1).min(sorted.len() - 1);
        sorted[below] + (place - place.floor()) * (sorted[above] - sorted[below])
    };
    (at(0.025), at(0.975))
}

/// Uniform on `0..bound`, by multiply and shift: off by less than 2⁻⁵⁸.
fn below(rng: &mut ChaCha8Rng, bound: usize) -> usize {
    ((u128::from(rng.next_u64()) * bound as u128) >> 64) as usize
}

/// Standard normal, after Box and Muller.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let mut uniform = || ((rng.next_u64() >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0);
    let (radius, angle) = (uniform(), uniform());
    (-2.0 * libm::log(radius)).sqrt() * libm::cos(std::f64::consts::TAU * angle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(folds: [f64; FOLDS]) -> Measured {
        Measured { value: folds.iter().sum::<f64>() / FOLDS as f64, error: 0.0, influence: influence(&folds), range: (0.0, 1.0) }
    }

    #[test]
    fn every_replicate_counts_twenty_folds() {
        let all = Replicates::of(7).shifted(0.5, &[1.0; FOLDS]);
        assert!(all.iter().all(|value| (value - 0.5).abs() < 1e-12));
    }

    #[test]
    fn the_spread_of_replicates_is_the_jackknife_error() {
        // the mean of 20 folds, 0 or 1: error² = p (1 - p) / 20 as drawn with replacement
        let folds: [f64; FOLDS] = std::array::from_fn(|g| (10.0 - f64::from(u8::from(g < 10))) / 19.0);
        let values = Replicates::of(1).shifted(0.5, &measured(folds).influence.expect("twenty"));
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
        assert!((mean - 0.5).abs() < 0.012 && (variance.sqrt() - 0.1118).abs() < 0.008, "{mean} {}", variance.sqrt());
    }

    #[test]
    fn percentiles_of_a_ladder_are_exact() {
        let ladder: Vec<f64> = (0..=1_000).rev().map(f64::from).collect();
        assert_eq!(interval(&ladder), (25.0, 975.0));
        assert_eq!(interval(&[0.25]), (0.25, 0.25));
    }

    #[test]
    fn a_single_fixed_score_has_no_replicates() {
        let fixed = [Some(Measured { value: 0.5, error: 0.0, influence: None, range: (0.0, 1.0) })];
        let component = Replicated { score: "a", weight: 1.0, repeats: &fixed, otherwise: 0.01 };
        assert_eq!(Replicates::of(1).scores("x", Scale::Geometric, &[component]), None);
    }

    #[test]
    fn repeats_are_drawn_alike_often() {
        let repeats = [0.2, 0.4].map(|value| Some(Measured { value, error: 0.0, influence: None, range: (0.0, 1.0) }));
        let component = Replicated { score: "a", weight: 2.0, repeats: &repeats, otherwise: 0.01 };
        let values = Replicates::of(1).scores("x", Scale::Plain, &[component]).expect("two repeats");
        let low = values.iter().filter(|value| **value == 0.2).count();
        assert!((450..550).contains(&low), "{low}");
    }

    #[test]
    fn replicates_stay_in_the_range_of_the_score() {
        let folds: [f64; FOLDS] = std::array::from_fn(|g| 0.98 + 0.002 * g as f64);
        let repeats = [Some(measured(folds))];
        let component = Replicated { score: "a", weight: 1.0, repeats: &repeats, otherwise: 0.01 };
        let values = Replicates::of(1).scores("x", Scale::Geometric, &[component]).expect("folds");
        assert!(values.iter().all(|value| (0.0..=1.0).contains(value)) && values.contains(&1.0));
    }
}
