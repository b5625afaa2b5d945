//! Mixtures of normal laws with diagonal covariance, by expectation and maximisation.
//!
//! # Model
//! `p(x) = Σ_k w_k Π_j N(x_j | m_kj, v_kj)`.
//!
//! # Fit
//! Starts from k-means groups. A step computes responsibilities, then weights, means and variances, to
//! which `VARIANCE_FLOOR` is added. Ends when the mean log density of the points gains less than
//! `GAIN_MIN`, or after `STEPS_MAX` steps.
//!
//! # Cost
//! points · components · dimensions a step.
//!
//! # Reference
//! Dempster, Laird, Rubin 1977, doi 10.1111/j.2517-6161.1977.tb01600.x; constants as scikit-learn's
//! `GaussianMixture` has them by default.

use crate::means::{Points, k_means_while};
use std::convert::Infallible;

const VARIANCE_FLOOR: f64 = 1e-6;
const GAIN_MIN: f64 = 1e-3;
const STEPS_MAX: usize = 100;
const LN_TWO_PI: f64 = 1.837_877_066_409_345_3;

/// Components with weights, means and variances.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    weights: Vec<f64>,
    /// `[components, dimensions]`.
    means: Vec<Vec<f64>>,
    /// `[components, dimensions]`.
    variances: Vec<Vec<f64>>,
    /// `1 / v`, `[components, dimensions]`.
    precisions: Vec<Vec<f64>>,
    /// `ln w - Σ ln sqrt(2π v)`, `[components]`: the log density at a component's mean.
    peaks: Vec<f64>,
}

impl Mixture {
    /// A mixture of `weights` `[components]`, `means` and `variances` `[components, dimensions]`; `None` unless the
    /// shapes agree, weights are positive and sum to 1 within 1e-9, and variances are positive.
    pub fn new(weights: Vec<f64>, means: Vec<Vec<f64>>, variances: Vec<Vec<f64>>) -> Option<Self> {
        let dimensions = means.first()?.len();
        let shaped = |rows: &[Vec<f64>]| rows.len() == weights.len() && rows.iter().all(|row| row.len() == dimensions);
        let positive = |number: &f64| *number > 0.0 && number.is_finite();
        let lawful = (weights.iter().sum::<f64>() - 1.0).abs() < 1e-9
            && weights.iter().chain(variances.iter().flatten()).all(positive)
            && means.iter().flatten().all(|mean| mean.is_finite());
        (shaped(&means) && shaped(&variances) && lawful).then(|| Self::of_parts(weights, means, variances))
    }

    fn of_parts(weights: Vec<f64>, means: Vec<Vec<f64>>, variances: Vec<Vec<f64>>) -> Self {
        let peak = |(weight, variances): (&f64, &Vec<f64>)| {
            let width: f64 = variances.iter().map(|variance| libm::log(*variance) + LN_TWO_PI).sum();
            libm::log(*weight) - 0.5 * width
        };
        let peaks = weights.iter().zip(&variances).map(peak).collect();
        let precisions = variances.iter().map(|variances| variances.iter().map(|variance| 1.0 / variance).collect()).collect();
        Self { weights, means, variances, precisions, peaks }
    }

    /// Fits `components` normal laws; `None` if there are fewer points than components, or no component.
    pub fn fit(points: Points<'_>, components: usize, seed: u64) -> Option<Self> {
        match Self::fit_while(points, components, seed, |_| Ok::<(), Infallible>(())) {
            Ok(mixture) => mixture,
            Err(never) => match never {},
        }
    }

    /// [`Mixture::fit`] that asks `go_on` before each step: of the start without a number, of the fit with the mean
    /// log density of the points so far, in nats.
    ///
    /// # Errors
    /// Those of `go_on`.
    pub fn fit_while<E>(
        points: Points<'_>,
        components: usize,
        seed: u64,
        mut go_on: impl FnMut(Option<f64>) -> Result<(), E>,
    ) -> Result<Option<Self>, E> {
        if components == 0 || points.len() < components {
            return Ok(None);
        }
        let groups = k_means_while(points, components, seed, || go_on(None))?;
        let mut shares = vec![0.0; points.len() * components];
        groups.iter().enumerate().for_each(|(point, &group)| shares[point * components + group as usize] = 1.0);
        let mut mixture = Self::of_shares(points, &shares, components);
        let mut before = f64::NEG_INFINITY;
        for _ in 0..STEPS_MAX {
            let density = mixture.respond(points, &mut shares);
            go_on(Some(density))?;
            mixture = Self::of_shares(points, &shares, components);
            if (density - before).abs() < GAIN_MIN {
                break;
            }
            before = density;
        }
        Ok(Some(mixture))
    }

    /// Mean log density of points, in nats; NaN without points.
    pub fn mean_log_density(&self, points: Points<'_>) -> f64 {
        points.iter().map(|point| self.log_density(point)).sum::<f64>() / points.len() as f64
    }

    /// Log density at a point, in nats.
    pub fn log_density(&self, point: &[f64]) -> f64 {
        let mut logs = vec![0.0; self.weights.len()];
        self.log_parts(point, &mut logs);
        log_sum(&logs)
    }

    /// Weights of the components, which sum to 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Means, `[components, dimensions]`.
    pub fn means(&self) -> &[Vec<f64>] {
        &self.means
    }

    /// Variances, `[components, dimensions]`.
    pub fn variances(&self) -> &[Vec<f64>] {
        &self.variances
    }

    fn log_parts(&self, point: &[f64], logs: &mut [f64]) {
        for (((log, peak), means), precisions) in logs.iter_mut().zip(&self.peaks).zip(&self.means).zip(&self.precisions) {
            let mut exponent = 0.0;
            for ((x, mean), precision) in point.iter().zip(means).zip(precisions) {
                exponent += (x - mean) * (x - mean) * precision;
            }
            *log = peak - 0.5 * exponent;
        }
    }

    /// Fills the components' shares of every point; returns the mean log density.
    fn respond(&self, points: Points<'_>, shares: &mut [f64]) -> f64 {
        let mut total = 0.0;
        for (point, shares) in points.iter().zip(shares.chunks_exact_mut(self.weights.len())) {
            self.log_parts(point, shares);
            let most = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            shares.iter_mut().for_each(|share| *share = libm::exp(*share - most));
            let sum: f64 = shares.iter().sum();
            shares.iter_mut().for_each(|share| *share /= sum);
            total += most + libm::log(sum);
        }
        total / points.len() as f64
    }

    fn of_shares(points: Points<'_>, shares: &[f64], components: usize) -> Self {
        let dimensions = points.dimensions();
        let mut masses = vec![10.0 * f64::EPSILON; components];
        let mut means = vec![vec![0.0; dimensions]; components];
        let mut variances = vec![vec![0.0; dimensions]; components];
        let responded = || points.iter().zip(shares.chunks_exact(components));
        for (point, shares) in responded() {
            for ((mass, means), share) in masses.iter_mut().zip(&mut means).zip(shares) {
                *mass += share;
                means.iter_mut().zip(point).for_each(|(mean, x)| *mean += share * x);
            }
        }
        means.iter_mut().zip(&masses).for_each(|(means, mass)| means.iter_mut().for_each(|mean| *mean /= mass));
        for (point, shares) in responded() {
            for ((variances, means), share) in variances.iter_mut().zip(&means).zip(shares) {
                for ((variance, mean), x) in variances.iter_mut().zip(means).zip(point) {
                    *variance += share * (x - mean) * (x - mean);
                }
            }
        }
        for (variances, mass) in variances.iter_mut().zip(&masses) {
            variances.iter_mut().for_each(|variance| *variance = *variance / mass + VARIANCE_FLOOR);
        }
        let total: f64 = masses.iter().sum();
        Self::of_parts(masses.iter().map(|mass| mass / total).collect(), means, variances)
    }
}

/// `ln Σ exp`, safe for very small terms.
fn log_sum(logs: &[f64]) -> f64 {
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most + libm::log(logs.iter().map(|log| libm::exp(log - most)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normal;

    #[test]
    fn one_component_is_mean_and_variance() {
        let numbers = [1.0, 10.0, 3.0, 14.0, 5.0, 18.0];
        let mixture = Mixture::fit(Points::new(&numbers, 2).expect("points"), 1, 0).expect("enough points");
        assert!((mixture.means()[0][0] - 3.0).abs() < 1e-12 && (mixture.means()[0][1] - 14.0).abs() < 1e-12);
        assert!((mixture.variances()[0][0] - 8.0 / 3.0 - 1e-6).abs() < 1e-12);
        assert_eq!(mixture.weights(), [1.0]);
    }

    #[test]
    fn the_density_is_that_of_the_formula() {
        let mixture = Mixture::new(vec![0.25, 0.75], vec![vec![0.0], vec![1.0]], vec![vec![1.0], vec![4.0]]).expect("a law");
        let expected = 0.25 * normal::density(0.3) + 0.75 * normal::density((0.3 - 1.0) / 2.0) / 2.0;
        assert!((mixture.log_density(&[0.3]) - libm::log(expected)).abs() < 1e-14);
        assert!(mixture.log_density(&[1e5]).is_finite());
    }

    #[test]
    fn two_normal_clouds_are_recovered() {
        // places of the normal law at equal steps: no chance involved
        let cloud = |centre: f64, spread: f64| (0..500).map(move |i| centre + spread * normal::quantile((f64::from(i) + 0.5) / 500.0));
        let numbers: Vec<f64> = cloud(-4.0, 0.5).chain(cloud(3.0, 1.0)).collect();
        let mixture = Mixture::fit(Points::new(&numbers, 1).expect("points"), 2, 3).expect("enough points");
        let mut found: Vec<(f64, f64, f64)> =
            (0..2).map(|k| (mixture.means()[k][0], mixture.variances()[k][0], mixture.weights()[k])).collect();
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        for ((mean, variance, weight), (centre, spread)) in found.into_iter().zip([(-4.0, 0.25), (3.0, 1.0)]) {
            assert!((mean - centre).abs() < 0.01 && (variance / spread - 1.0).abs() < 0.02 && (weight - 0.5).abs() < 0.001);
        }
    }

    #[test]
    fn the_density_of_the_points_never_falls_between_steps() {
        let numbers: Vec<f64> =
            (0..2_000).map(|i| f64::from(i % 5) + 0.3 * normal::quantile((f64::from(i * 7 % 1_999) + 0.5) / 1_999.0)).collect();
        let points = Points::new(&numbers, 2).expect("points");
        for components in [2, 10, 30] {
            let mut seen = Vec::new();
            let fitted = Mixture::fit_while(points, components, 1, |density| {
                seen.extend(density);
                Ok::<(), ()>(())
            });
            assert!(fitted.expect("nobody stops it").is_some());
            assert!(seen.len() > 2 && seen.windows(2).all(|pair| pair[1] >= pair[0] - 1e-9), "{components}: {seen:?}");
        }
    }

    #[test]
    fn a_fit_ends_when_it_is_told_to() {
        let numbers: Vec<f64> = (0..100).map(f64::from).collect();
        let points = Points::new(&numbers, 1).expect("points");
        assert_eq!(Mixture::fit_while(points, 3, 0, |_| Err("stop")), Err("stop"));
        assert_eq!(Mixture::fit_while(points, 3, 0, |density| density.map_or(Ok(()), |_| Err("stop"))), Err("stop"));
    }

    #[test]
    fn parts_that_are_no_law_are_refused() {
        let mixture = |weight: f64, variance: f64| Mixture::new(vec![weight], vec![vec![0.0]], vec![vec![variance]]);
        assert!(mixture(1.0, 2.0).is_some());
        assert!(mixture(0.5, 2.0).is_none() && mixture(1.0, 0.0).is_none() && mixture(f64::NAN, 1.0).is_none());
        assert!(Mixture::new(vec![1.0], vec![vec![0.0, 1.0]], vec![vec![1.0]]).is_none());
        assert!(Mixture::new(Vec::new(), Vec::new(), Vec::new()).is_none());
    }

    #[test]
    fn too_few_points_are_refused() {
        assert!(Mixture::fit(Points::new(&[1.0], 1).expect("a point"), 2, 0).is_none());
        assert!(Mixture::fit(Points::new(&[1.0], 1).expect("a point"), 0, 0).is_none());
    }
}
