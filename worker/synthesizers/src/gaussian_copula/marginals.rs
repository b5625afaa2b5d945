//! Laws of number columns, each told by the quantiles that the model stores.
//!
//! **Definition.** Empirical: quantiles of the train numbers. Parametric laws are fitted by maximum
//! likelihood: the normal; on the protected range the uniform, the beta and the truncated normal; from
//! the smallest protected number on the gamma; and the Gaussian kernel estimate (bandwidth sd·n^-1/5).
//! `best_ks` takes the parametric law of least Kolmogorov distance, the first on ties.
//! **Reference.** Scott 1992, doi 10.1002/9780470316849, for the bandwidth; SDV 1.38 for the choice.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use synthfleet_stats::quantiles::{KNOTS_MAX, Quantiles};
use synthfleet_stats::{beta, gamma, normal};

/// Families of marginals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MarginalKind {
    /// At most 1,001 quantiles.
    #[default]
    Empirical,
    /// Beta on the protected range.
    Beta,
    /// Normal.
    Normal,
    /// Normal, cut to the protected range.
    TruncatedNormal,
    /// Gamma from the smallest protected number on.
    Gamma,
    /// Uniform on the protected range.
    Uniform,
    /// Gaussian kernel estimate.
    Kde,
    /// The parametric law of least Kolmogorov distance.
    BestKs,
}

const PARAMETRIC: [MarginalKind; 5] =
    [MarginalKind::Beta, MarginalKind::Normal, MarginalKind::TruncatedNormal, MarginalKind::Gamma, MarginalKind::Uniform];

/// Probabilities are kept this far from 0 and 1, so that knots are finite.
const TAIL: f64 = 1e-4;

/// The law of ascending numbers in `low..=high`; `None` where the family cannot follow them.
pub(super) fn law(kind: MarginalKind, sorted: &[f64], low: f64, high: f64) -> Option<Quantiles> {
    if kind == MarginalKind::Empirical || low >= high || sorted.len() < 2 {
        return Quantiles::fit(sorted, KNOTS_MAX);
    }
    let unit: Vec<f64> = sorted.iter().map(|x| ((x - low) / (high - low)).clamp(0.0, 1.0)).collect();
    let quantile: Box<dyn Fn(f64) -> f64> = match kind {
        MarginalKind::Empirical => return None,
        MarginalKind::BestKs => {
            let laws = PARAMETRIC.iter().filter_map(|&kind| law(kind, sorted, low, high));
            let distance = |law: &Quantiles| distance(law, sorted);
            return laws
                .map(|law| (distance(&law), law))
                .reduce(|best, next| if next.0 < best.0 { next } else { best })
                .map(|(_, law)| law);
        }
        MarginalKind::Uniform => Box::new(|p| p),
        MarginalKind::Normal => {
            let (mean, deviation) = moments(&unit);
            Box::new(move |p| mean + deviation * normal::quantile(p))
        }
        MarginalKind::TruncatedNormal => truncated_normal(&unit)?,
        MarginalKind::Beta => beta_law(&unit)?,
        MarginalKind::Gamma => gamma_law(&unit)?,
        MarginalKind::Kde => return kernel(&unit).and_then(|law| on_range(|p| law.quantile(p), low, high)),
    };
    on_range(quantile, low, high)
}

/// Knots of a quantile function on the unit interval, moved to the protected range.
fn on_range(quantile: impl Fn(f64) -> f64, low: f64, high: f64) -> Option<Quantiles> {
    let knot = |i: usize| {
        let p = (i as f64 / (KNOTS_MAX - 1) as f64).clamp(TAIL, 1.0 - TAIL);
        let unit = quantile(p).clamp(0.0, 1.0);
        low * (1.0 - unit) + high * unit
    };
    let mut knots: Vec<f64> = (0..KNOTS_MAX).map(knot).collect();
    // inverses are exact to the last places only
    (1..knots.len()).for_each(|i| knots[i] = knots[i].max(knots[i - 1]));
    Quantiles::of_knots(&knots)
}

/// Kolmogorov distance between a law and ascending numbers.
fn distance(law: &Quantiles, sorted: &[f64]) -> f64 {
    let count = sorted.len() as f64;
    let stride = (sorted.len() / 2_000).max(1);
    let places = (0..sorted.len()).step_by(stride);
    places.map(|i| (law.probability(sorted[i]) - (i as f64 + 0.5) / count).abs()).fold(0.0, f64::max)
}

fn moments(numbers: &[f64]) -> (f64, f64) {
    let count = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    let variance = numbers.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
    (mean, variance.sqrt().max(1e-9))
}

fn beta_law(unit: &[f64]) -> Option<Box<dyn Fn(f64) -> f64>> {
    let inside = |x: &f64| x.clamp(1e-6, 1.0 - 1e-6);
    let count = unit.len() as f64;
    let logs = unit.iter().map(|x| libm::log(inside(x))).sum::<f64>() / count;
    let rests = unit.iter().map(|x| libm::log(1.0 - inside(x))).sum::<f64>() / count;
    let likelihood = |[a, b]: [f64; 2]| {
        let (a, b) = (libm::exp(a), libm::exp(b));
        (a - 1.0) * logs + (b - 1.0) * rests + gamma::ln_gamma(a + b) - gamma::ln_gamma(a) - gamma::ln_gamma(b)
    };
    let [a, b] = climb([0.0, 0.0], [-4.0, -4.0], [7.0, 7.0], likelihood)?;
    let (a, b) = (libm::exp(a), libm::exp(b));
    Some(Box::new(move |p| beta::share_inverse(a, b, p)))
}

fn gamma_law(unit: &[f64]) -> Option<Box<dyn Fn(f64) -> f64>> {
    let count = unit.len() as f64;
    let mean = unit.iter().map(|x| x.max(1e-6)).sum::<f64>() / count;
    let logs = unit.iter().map(|x| libm::log(x.max(1e-6))).sum::<f64>() / count;
    // for a shape the best scale is mean / shape
    let likelihood = |[shape, _]: [f64; 2]| {
        let shape = libm::exp(shape);
        (shape - 1.0) * logs - shape - shape * libm::log(mean / shape) - gamma::ln_gamma(shape)
    };
    let [shape, _] = climb([0.0, 0.0], [-4.0, 0.0], [9.0, 0.0], likelihood)?;
    let shape = libm::exp(shape);
    Some(Box::new(move |p| gamma::lower_inverse(shape, p) * mean / shape))
}

fn truncated_normal(unit: &[f64]) -> Option<Box<dyn Fn(f64) -> f64>> {
    let (mean, deviation) = moments(unit);
    let square = mean * mean + deviation * deviation;
    let ends = |centre: f64, width: f64| (normal::cdf(-centre / width), normal::cdf((1.0 - centre) / width));
    let likelihood = |[centre, width]: [f64; 2]| {
        let width = libm::exp(width);
        let (below, above) = ends(centre, width);
        if above - below < 1e-12 {
            return f64::NEG_INFINITY;
        }
        -(square - 2.0 * centre * mean + centre * centre) / (2.0 * width * width) - libm::log(width) - libm::log(above - below)
    };
    let [centre, width] = climb([mean, libm::log(deviation)], [-2.0, -8.0], [3.0, 3.0], likelihood)?;
    let width = libm::exp(width);
    let (below, above) = ends(centre, width);
    Some(Box::new(move |p| centre + width * normal::quantile(below + p * (above - below))))
}

/// The kernel estimate on a grid, from counts in as many cells.
fn kernel(unit: &[f64]) -> Option<Quantiles> {
    const CELLS: usize = 1_024;
    let mut counts = vec![0.0; CELLS];
    unit.iter().for_each(|x| counts[((x * CELLS as f64) as usize).min(CELLS - 1)] += 1.0);
    let (_, deviation) = moments(unit);
    let bandwidth = (deviation * libm::pow(unit.len() as f64, -0.2)).max(0.5 / CELLS as f64);
    let cell = |i: usize| (i as f64 + 0.5) / CELLS as f64;
    let reach = (5.0 * bandwidth * CELLS as f64) as usize + 1;
    let weights: Vec<f64> = (0..=reach).map(|i| normal::density(i as f64 / (CELLS as f64 * bandwidth))).collect();
    let dense = |i: usize| {
        let near = i.saturating_sub(reach)..(i + reach + 1).min(CELLS);
        near.map(|j| counts[j] * weights[i.abs_diff(j)]).sum::<f64>()
    };
    let mut sum = 0.0;
    let mut cumulative = Vec::with_capacity(CELLS);
    for i in 0..CELLS {
        sum += dense(i);
        cumulative.push(sum);
    }
    let quantile = |p: f64| cell(cumulative.partition_point(|&c| c < p * sum).min(CELLS - 1));
    let knots: Vec<f64> = (0..KNOTS_MAX).map(|i| quantile((i as f64 / (KNOTS_MAX - 1) as f64).clamp(TAIL, 1.0 - TAIL))).collect();
    Quantiles::of_knots(&knots)
}

/// The best point of a smooth likelihood in a box: steps along the axes, halved when none helps.
fn climb(start: [f64; 2], low: [f64; 2], high: [f64; 2], likelihood: impl Fn([f64; 2]) -> f64) -> Option<[f64; 2]> {
    const STEPS_MAX: usize = 2_000;
    let mut best = std::array::from_fn(|axis| start[axis].clamp(low[axis], high[axis]));
    let (mut value, mut step) = (likelihood(best), 0.5);
    for _ in 0..STEPS_MAX {
        let mut moved = false;
        for (axis, sign) in [(0, 1.0), (0, -1.0), (1, 1.0), (1, -1.0)] {
            let mut next: [f64; 2] = best;
            next[axis] = (next[axis] + sign * step).clamp(low[axis], high[axis]);
            let there = likelihood(next);
            if there > value {
                (best, value, moved) = (next, there, true);
            }
        }
        if !moved {
            step /= 2.0;
            if step < 1e-7 {
                break;
            }
        }
    }
    value.is_finite().then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(quantile: impl Fn(f64) -> f64) -> Vec<f64> {
        (0..20_000).map(|i| quantile((f64::from(i) + 0.5) / 20_000.0)).collect()
    }

    fn far(kind: MarginalKind, sorted: &[f64]) -> f64 {
        distance(&law(kind, sorted, sorted[0], sorted[sorted.len() - 1]).expect("a law"), sorted)
    }

    #[test]
    fn each_family_follows_its_own_law() {
        let beta_numbers = grid(|p| 3.0 + 4.0 * beta::share_inverse(2.0, 5.0, p));
        let gamma_numbers = grid(|p| gamma::lower_inverse(2.5, p));
        let normal_numbers = grid(|p| 7.0 + 2.0 * normal::quantile(p));
        let cut_numbers = grid(|p| normal::quantile(0.3 + 0.69 * p));
        assert!(far(MarginalKind::Beta, &beta_numbers) < 0.02);
        assert!(far(MarginalKind::Gamma, &gamma_numbers) < 0.02);
        assert!(far(MarginalKind::Normal, &normal_numbers) < 0.01);
        assert!(far(MarginalKind::TruncatedNormal, &cut_numbers) < 0.02);
        assert!(far(MarginalKind::Uniform, &grid(|p| p)) < 0.01);
        assert!(far(MarginalKind::Kde, &normal_numbers) < 0.03);
    }

    #[test]
    fn the_best_law_is_at_least_as_near_as_each() {
        let numbers = grid(|p| gamma::lower_inverse(0.8, p));
        let best = far(MarginalKind::BestKs, &numbers);
        assert!(PARAMETRIC.iter().all(|&kind| best <= far(kind, &numbers)));
    }

    #[test]
    fn the_empirical_law_is_nearest() {
        let numbers = grid(|p| if p < 0.5 { p } else { p + 10.0 });
        assert!(far(MarginalKind::Empirical, &numbers) < 0.002);
    }
}
