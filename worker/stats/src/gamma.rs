//! The gamma function's family: its logarithm, digamma, the regularised incomplete integrals and their inverse.
//!
//! # Definition
//! `lower(a, x) = ∫₀ˣ tᵃ⁻¹e⁻ᵗdt / Γ(a)`, the distribution of the gamma law of shape `a`; `upper` is the rest.
//! The power series is used below `a + 1`, Lentz's continued fraction above; the leading factor is computed
//! by saddle point, so that large shapes lose no digits.
//!
//! # Reference
//! Abramowitz and Stegun 1964, chapter 6; saddle-point factors: Loader 2000, "Fast and accurate computation
//! of binomial probabilities"; continued fraction: Lentz 1976, doi 10.1364/AO.15.000668.

use crate::inverse::least_above;

/// Terms after which a series or fraction is given up: enough for shapes up to 10^8.
pub(crate) const TERMS_MAX: usize = 200_000;
const LN_SQRT_TWO_PI: f64 = 0.918_938_533_204_672_8;

/// Logarithm of |Γ(x)|.
pub fn ln_gamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// Digamma, the derivative of [`ln_gamma`]; NaN at 0 and the negative whole numbers.
pub fn digamma(x: f64) -> f64 {
    if x <= 0.0 && x == libm::floor(x) {
        return f64::NAN;
    }
    if x < 0.0 {
        return digamma(1.0 - x) - std::f64::consts::PI / libm::tan(std::f64::consts::PI * x);
    }
    let (mut x, mut shift) = (x, 0.0);
    while x < 12.0 {
        shift += 1.0 / x;
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let tail = [1.0 / 12.0, -1.0 / 120.0, 1.0 / 252.0, -1.0 / 240.0, 5.0 / 660.0, -691.0 / 32_760.0, 1.0 / 12.0];
    let series = tail.iter().rev().fold(0.0, |sum, term| (sum + term) * y);
    libm::log(x) - 0.5 / x - series - shift
}

/// Share of the gamma law of shape `a` and scale 1 below `x`; NaN unless `a > 0` and `x >= 0`.
pub fn lower(a: f64, x: f64) -> f64 {
    both(a, x).0
}

/// Share of the gamma law above `x`, exact in the far tail.
pub fn upper(a: f64, x: f64) -> f64 {
    both(a, x).1
}

/// The `x` with `lower(a, x) = p`; infinite at 1.
pub fn lower_inverse(a: f64, p: f64) -> f64 {
    if !(a > 0.0 && (0.0..=1.0).contains(&p)) {
        return f64::NAN;
    }
    if p == 1.0 {
        return f64::INFINITY;
    }
    if p <= 0.5 { least_above(f64::MAX, |x| lower(a, x) >= p) } else { least_above(f64::MAX, |x| upper(a, x) <= 1.0 - p) }
}

fn both(a: f64, x: f64) -> (f64, f64) {
    if !(a > 0.0 && x >= 0.0) {
        return (f64::NAN, f64::NAN);
    }
    if x == 0.0 || x.is_infinite() {
        return if x == 0.0 { (0.0, 1.0) } else { (1.0, 0.0) };
    }
    let factor = poisson(a, x); // xᵃe⁻ˣ / Γ(a + 1)
    if x < a + 1.0 {
        let low = (factor * series(a, x)).min(1.0);
        (low, 1.0 - low)
    } else {
        let high = (factor * a * fraction(a, x)).min(1.0);
        (1.0 - high, high)
    }
}

fn series(a: f64, x: f64) -> f64 {
    let (mut sum, mut term, mut n) = (1.0, 1.0, a);
    for _ in 0..TERMS_MAX {
        n += 1.0;
        term *= x / n;
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum
}

fn fraction(a: f64, x: f64) -> f64 {
    let mut b = x + 1.0 - a;
    let mut c = 1e300;
    let mut d = 1.0 / b;
    let mut h = d;
    for i in 1..TERMS_MAX {
        let i = i as f64;
        let term = -i * (i - a);
        b += 2.0;
        d = 1.0 / nonzero(term * d + b);
        c = nonzero(b + term / c);
        h *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    h
}

pub(crate) fn nonzero(x: f64) -> f64 {
    if x.abs() < 1e-300 { 1e-300 } else { x }
}

/// `xᵃe⁻ˣ / Γ(a + 1)`.
fn poisson(a: f64, x: f64) -> f64 {
    libm::exp(-stirling_rest(a) - deviance(a, x)) / (2.0 * std::f64::consts::PI * a).sqrt()
}

/// `ln Γ(a + 1)` less Stirling's formula.
pub(crate) fn stirling_rest(a: f64) -> f64 {
    if a < 16.0 {
        return libm::lgamma(a + 1.0) - (a + 0.5) * libm::log(a) + a - LN_SQRT_TWO_PI;
    }
    let y = 1.0 / (a * a);
    let terms = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1_260.0, -1.0 / 1_680.0, 1.0 / 1_188.0, -691.0 / 360_360.0];
    terms.iter().rev().fold(0.0, |sum, term| sum * y + term) / a
}

/// `a·ln(a/m) + m − a`, without cancellation where both are near.
pub(crate) fn deviance(a: f64, m: f64) -> f64 {
    let (gap, whole) = (a - m, a + m);
    if gap.abs() >= 0.1 * whole {
        return a * libm::log(a / m) + m - a;
    }
    let v = gap / whole;
    let (mut sum, mut term) = (gap * v, 2.0 * a * v);
    for j in 1..1_000 {
        term *= v * v;
        let next = sum + term / f64::from(2 * j + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance * expected.abs(), "{found:e}, expected {expected:e}");
    }

    #[test]
    fn digamma_meets_its_closed_forms() {
        const EULER: f64 = 0.577_215_664_901_532_9;
        near(digamma(1.0), -EULER, 1e-14);
        near(digamma(0.5), -EULER - 2.0 * std::f64::consts::LN_2, 1e-14);
        near(digamma(-0.5), 0.036_489_973_978_576_52, 1e-12);
        near(digamma(1e6), libm::log(1e6) - 0.5e-6, 1e-13);
        assert!(digamma(0.0).is_nan() && digamma(-3.0).is_nan());
    }

    #[test]
    fn the_law_of_shape_one_is_exponential() {
        for x in [1e-8, 0.3, 1.0, 1.99, 2.0, 5.0, 50.0, 600.0] {
            near(lower(1.0, x), -libm::expm1(-x), 1e-13);
            near(upper(1.0, x), libm::exp(-x), 1e-12);
        }
    }

    #[test]
    fn the_law_of_shape_one_half_is_a_squared_normal() {
        for x in [1e-6, 0.1, 1.0, 4.0, 30.0] {
            near(lower(0.5, x), libm::erf(libm::sqrt(x)), 1e-12);
            near(upper(0.5, x), libm::erfc(libm::sqrt(x)), 1e-12);
        }
    }

    #[test]
    fn whole_shapes_are_poisson_sums() {
        // upper(k, x) = P(Poisson(x) < k)
        let (k, x) = (2_000u32, 2_100.0f64);
        let term = |i: u32| libm::exp(f64::from(i) * libm::log(x) - x - ln_gamma(f64::from(i) + 1.0));
        near(upper(f64::from(k), x), (0..k).map(term).sum(), 1e-10);
    }

    #[test]
    fn the_inverse_undoes_the_integral() {
        for a in [0.05, 0.5, 1.0, 3.3, 80.0, 1e5] {
            for p in [1e-9, 0.01, 0.3, 0.5, 0.9, 0.999_999] {
                near(lower(a, lower_inverse(a, p)), p, 1e-12);
            }
        }
        assert_eq!((lower_inverse(2.0, 0.0), lower_inverse(2.0, 1.0)), (0.0, f64::INFINITY));
    }

    #[test]
    fn what_lies_outside_is_nan() {
        assert!(lower(-1.0, 1.0).is_nan() && lower(1.0, -1.0).is_nan() && lower_inverse(1.0, 1.5).is_nan());
    }
}
