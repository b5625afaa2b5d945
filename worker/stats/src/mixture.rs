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

use crate::means::{Points, k_means};

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
}

impl Mixture {
    /// Fits `components` normal laws; `None` if there are fewer points than components, or no component.
    pub fn fit(points: Points<'_>, components: usize, seed: u64) -> Option<Self> {
        if components == 0 || points.len() < components {
            return None;
        }
        let groups = k_means(points, components, seed);
        let mut shares = vec![0.0; points.len() * components];
        groups.iter().enumerate().for_each(|(point, &group)| shares[point * components + group as usize] = 1.0);
        let mut mixture = Self::of_shares(points, &shares, components);
        let mut before = f64::NEG_INFINITY;
        for _ in 0..STEPS_MAX {
            let density = mixture.respond(points, &mut shares);
            mixture = Self::of_shares(points, &shares, components);
            if (density - before).abs() < GAIN_MIN {
                break;
            }
            before = density;
        }
        Some(mixture)
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
        for (((log, weight), means), variances) in logs.iter_mut().zip(&self.weights).zip(&self.means).zip(&self.variances) {
            let mut exponent = 0.0;
            for ((x, mean), variance) in point.iter().zip(means).zip(variances) {
                exponent += (x - mean) * (x - mean) / variance + libm::log(*variance) + LN_TWO_PI;
            }
            *log = libm::log(*weight) - 0.5 * exponent;
        }
    }

    /// Fills the components' shares of every point; returns the mean log density.
    fn respond(&self, points: Points<'_>, shares: &mut [f64]) -> f64 {
        let mut total = 0.0;
        for (point, shares) in points.iter().zip(shares.chunks_exact_mut(self.weights.len())) {
            self.log_parts(point, shares);
            let log = log_sum(shares);
            shares.iter_mut().for_each(|share| *share = libm::exp(*share - log));
            total += log;
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
        Self { weights: masses.iter().map(|mass| mass / total).collect(), means, variances }
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
        let mixture = Mixture { weights: vec![0.25, 0.75], means: vec![vec![0.0], vec![1.0]], variances: vec![vec![1.0], vec![4.0]] };
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
    fn too_few_points_are_refused() {
        assert!(Mixture::fit(Points::new(&[1.0], 1).expect("a point"), 2, 0).is_none());
        assert!(Mixture::fit(Points::new(&[1.0], 1).expect("a point"), 0, 0).is_none());
    }
}
