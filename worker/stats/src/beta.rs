//! The regularised incomplete beta integral, its inverse, and exact limits of a share.
//!
//! # Definition
//! `share(a, b, x) = ∫₀ˣ tᵃ⁻¹(1−t)ᵇ⁻¹dt / B(a, b)`, the distribution of the beta law: a continued fraction
//! behind a saddle-point factor. The exact (Clopper–Pearson) limits of a share of which `k` of `n` were
//! seen are quantiles of beta laws.
//!
//! # Reference
//! Abramowitz and Stegun 1964, 26.5.8; Loader 2000 for the factor; Clopper and Pearson 1934,
//! doi 10.1093/biomet/26.4.404.

use crate::gamma::{TERMS_MAX, deviance, nonzero, stirling_rest};
use crate::inverse::least_above;

/// Share of the beta law of `a` and `b` below `x`; NaN unless both are positive and `x` lies in 0 to 1.
pub fn share(a: f64, b: f64, x: f64) -> f64 {
    both(a, b, x, 1.0 - x).0
}

/// The `x` with `share(a, b, x) = p`.
pub fn share_inverse(a: f64, b: f64, p: f64) -> f64 {
    if !(a > 0.0 && b > 0.0 && (0.0..=1.0).contains(&p)) {
        return f64::NAN;
    }
    least_above(1.0, |x| share(a, b, x) >= p)
}

/// Exact limits of a share at confidence `1 - 2·tail`, when `seen` of `trials` were seen.
pub fn exact_limits(seen: u64, trials: u64, tail: f64) -> (f64, f64) {
    let (k, n) = (seen as f64, trials as f64);
    let low = if seen == 0 { 0.0 } else { share_inverse(k, n - k + 1.0, tail) };
    let high = if seen >= trials { 1.0 } else { 1.0 - share_inverse(n - k, k + 1.0, tail) };
    (low, high)
}

/// Shares below and above `x`; `rest` is `1 - x`.
fn both(a: f64, b: f64, x: f64, rest: f64) -> (f64, f64) {
    if !(a > 0.0 && b > 0.0 && (0.0..=1.0).contains(&x)) {
        return (f64::NAN, f64::NAN);
    }
    if x == 0.0 || rest == 0.0 {
        return if x == 0.0 { (0.0, 1.0) } else { (1.0, 0.0) };
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        let (above, below) = both(b, a, rest, x);
        return (below, above);
    }
    let below = (factor(a, b, x, rest) * fraction(a, b, x)).min(1.0);
    (below, 1.0 - below)
}

/// `xᵃ(1−x)ᵇ / (a·B(a, b))`.
fn factor(a: f64, b: f64, x: f64, rest: f64) -> f64 {
    let n = a + b;
    let exponent = stirling_rest(n) - stirling_rest(a) - stirling_rest(b) - deviance(a, n * x) - deviance(b, n * rest);
    libm::exp(exponent) * (b / (2.0 * std::f64::consts::PI * a * n)).sqrt()
}

fn fraction(a: f64, b: f64, x: f64) -> f64 {
    let mut c = 1.0;
    let mut d = 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0));
    let mut h = d;
    for m in 1..TERMS_MAX {
        let m = m as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut step = 1.0;
        for term in [even, odd] {
            d = 1.0 / nonzero(1.0 + term * d);
            c = nonzero(1.0 + term / c);
            step = d * c;
            h *= step;
        }
        if (step - 1.0).abs() < 1e-16 {
            break;
        }
    }
    h
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance * expected.abs(), "{found:e}, expected {expected:e}");
    }

    #[test]
    fn one_shape_of_one_is_a_power() {
        for x in [1e-9, 0.2, 0.5, 0.9] {
            near(share(3.5, 1.0, x), libm::pow(x, 3.5), 1e-12);
            near(share(1.0, 2.5, x), -libm::expm1(2.5 * libm::log1p(-x)), 1e-12);
        }
    }

    #[test]
    fn whole_shapes_are_binomial_tails() {
        // share(k, n - k + 1, x) = P(Binomial(n, x) >= k)
        let (n, x) = (50u32, 0.3f64);
        let term = |i: u32| {
            let choose = libm::lgamma(51.0) - libm::lgamma(f64::from(i) + 1.0) - libm::lgamma(f64::from(n - i) + 1.0);
            libm::exp(choose + f64::from(i) * libm::log(x) + f64::from(n - i) * libm::log1p(-x))
        };
        for k in [1, 10, 15, 30, 50] {
            near(share(f64::from(k), f64::from(n - k + 1), x), (k..=n).map(term).sum(), 1e-11);
        }
    }

    #[test]
    fn the_arcsine_law_is_met() {
        for x in [1e-6, 0.1, 0.5, 0.99] {
            near(share(0.5, 0.5, x), 2.0 / std::f64::consts::PI * libm::asin(libm::sqrt(x)), 1e-12);
        }
    }

    #[test]
    fn large_shapes_are_mirrored_without_loss() {
        let (a, b, x) = (120_345.0, 98_765.0, 0.549);
        near(share(a, b, x) + share(b, a, 1.0 - x), 1.0, 1e-12);
    }

    #[test]
    fn the_inverse_undoes_the_integral() {
        for (a, b) in [(0.3, 4.0), (1.0, 1.0), (12.0, 5_000.0), (2e4, 3e4)] {
            for p in [1e-6, 0.05, 0.5, 0.975] {
                near(share(a, b, share_inverse(a, b, p)), p, 1e-11);
            }
        }
    }

    #[test]
    fn exact_limits_have_their_closed_forms_at_the_ends() {
        let (low, high) = exact_limits(0, 20, 0.025);
        assert_eq!(low, 0.0);
        near(high, 1.0 - libm::pow(0.025, 1.0 / 20.0), 1e-10);
        let (low, high) = exact_limits(20, 20, 0.025);
        near(low, libm::pow(0.025, 1.0 / 20.0), 1e-10);
        assert_eq!(high, 1.0);
    }
}
