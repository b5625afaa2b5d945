//! Exact noise of whole numbers, and choice by weights.
//!
//! **Definition.** Discrete Laplace of scale b: `P(x) = (1-a)/(1+a) · a^|x|`, `a = exp(-1/b)`; discrete
//! Gaussian of variance s²: `P(x) ∝ exp(-x²/(2s²))`; both over all whole numbers. They are drawn by
//! rejection with rational numbers alone: no rounding, hence no hidden bits in the noise. Scales and
//! variances are rounded *up* to a binary fraction first, which only adds privacy.
//! **Choice.** Item i is drawn with probability proportional to `max(exp(l_i - l_max), 2^-60)`, in fixed
//! point of 108 binary places. The floor keeps the map from `l` to the weights' logarithms Lipschitz, so
//! it costs no privacy; what rounding costs is [`CHOICE_SLACK`].
//! **Reference.** Canonne, Kamath, Steinke 2020, arXiv 2004.00010, algorithms 1 to 3.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Privacy loss that the rounding of a choice may cost at most: weights of at least 48 binary places, an
/// exponential that is right to one unit in the last of 53 places, scores right to 2^-44 after the floor,
/// twice (numerator and sum) in each of two tables.
pub const CHOICE_SLACK: f64 = 1.0 / (1u64 << 40) as f64;

/// Most items of one choice: their weights must fit 128 bits.
pub const CHOICES_MAX: usize = 1 << 19;

const FRACTION: f64 = (1u128 << 108) as f64;
/// 60 · ln 2: lighter items weigh 2^-60 of the heaviest.
const DEPTH: f64 = 41.588_830_833_596_72;

/// A positive binary fraction, `numerator / denominator`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fraction {
    numerator: u128,
    denominator: u128,
}

impl Fraction {
    /// The least fraction of at most `places` binary places that is not below `number`. `None` unless
    /// `0 < number < 2^bits`.
    fn at_least(number: f64, places: i32, bits: i32) -> Option<Self> {
        let is_fit = number > 0.0 && number < libm::ldexp(1.0, bits);
        is_fit.then(|| {
            let numerator = libm::ldexp(number, places).ceil().max(1.0) as u128;
            Self { numerator, denominator: 1 << places }
        })
    }

    /// A scale of Laplace noise, below 2^40.
    pub fn scale(number: f64) -> Option<Self> {
        Self::at_least(number, 20, 40)
    }

    /// A variance of Gaussian noise, below 2^46: numerators stay below 2^47, so that no product of
    /// [`Noise::gaussian`] that matters exceeds 128 bits.
    pub fn variance(number: f64) -> Option<Self> {
        let exponent = if number > 0.0 { libm::ilogb(number) } else { 0 };
        Self::at_least(number, (46 - exponent).clamp(0, 30), 46)
    }
}

/// A stream of secret random bits.
pub struct Noise(ChaCha20Rng);

impl Noise {
    /// The stream of a key.
    pub fn of_key(key: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(key))
    }

    /// A whole number uniform on `0..bound`; 0 for an empty range.
    pub fn below(&mut self, bound: u128) -> u128 {
        let bits = 128 - bound.saturating_sub(1).leading_zeros();
        if bits <= 64 {
            let mask = if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
            loop {
                let drawn = self.0.next_u64() & mask;
                if u128::from(drawn) < bound || bound == 0 {
                    return u128::from(drawn);
                }
            }
        }
        let mask = if bits == 128 { u128::MAX } else { (1 << bits) - 1 };
        loop {
            let drawn = (u128::from(self.0.next_u64()) << 64 | u128::from(self.0.next_u64())) & mask;
            if drawn < bound {
                return drawn;
            }
        }
    }

    /// True with probability `exp(-numerator / denominator)`, exactly.
    pub fn bernoulli_exp(&mut self, mut numerator: u128, denominator: u128) -> bool {
        while numerator > denominator {
            if !self.bernoulli_exp_fraction(1, 1) {
                return false;
            }
            numerator -= denominator;
        }
        self.bernoulli_exp_fraction(numerator, denominator)
    }

    /// The same for an exponent of at most 1: the number of successes in a row with chances g/1, g/2, g/3,
    /// .. is even with probability `exp(-g)`.
    fn bernoulli_exp_fraction(&mut self, numerator: u128, denominator: u128) -> bool {
        let mut k = 1u64;
        while self.below(denominator) < numerator && (k == 1 || self.below(u128::from(k)) == 0) {
            k += 1;
        }
        k % 2 == 1
    }

    /// Discrete Laplace noise of a [`Fraction::scale`].
    pub fn laplace(&mut self, scale: Fraction) -> i64 {
        let Fraction { numerator: t, denominator: s } = scale;
        loop {
            let u = self.below(t);
            if !self.bernoulli_exp(u, t) {
                continue;
            }
            let mut v = 0u128;
            while self.bernoulli_exp_fraction(1, 1) {
                v += 1;
            }
            let size = u.saturating_add(t.saturating_mul(v)) / s;
            let is_negative = self.below(2) == 1;
            if is_negative && size == 0 {
                continue; // else 0 would be met twice as often
            }
            let size = i64::try_from(size).unwrap_or(i64::MAX);
            return if is_negative { -size } else { size };
        }
    }

    /// Discrete Gaussian noise of a [`Fraction::variance`].
    pub fn gaussian(&mut self, variance: Fraction) -> i64 {
        let Fraction { numerator: a, denominator: b } = variance;
        let t = (a / b).isqrt() + 1;
        let denominator = 2 * a * b * t * t;
        let proposal = Fraction { numerator: t, denominator: 1 };
        loop {
            let y = self.laplace(proposal);
            let distance = u128::from(y.unsigned_abs()).saturating_mul(b * t).abs_diff(a);
            // a square beyond 128 bits is an exponent beyond 2^25: never accepted
            if let Some(square) = distance.checked_mul(distance)
                && self.bernoulli_exp(square, denominator)
            {
                return y;
            }
        }
    }

    /// Draws a place with probability proportional to `exp(logs[place])`; see the head of this file.
    /// `None` for no items, for more than [`CHOICES_MAX`], or for a number that is not finite.
    pub fn choose(&mut self, logs: &[f64]) -> Option<usize> {
        let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if logs.len() > CHOICES_MAX || !top.is_finite() || logs.iter().any(|log| !log.is_finite()) {
            return None;
        }
        let weight = |log: f64| (libm::exp((log - top).max(-DEPTH)) * FRACTION) as u128;
        let total: u128 = logs.iter().map(|&log| weight(log)).sum();
        let mut left = self.below(total);
        for (place, &log) in logs.iter().enumerate() {
            let weight = weight(log);
            if left < weight {
                return Some(place);
            }
            left -= weight;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    fn stream(name: &str) -> Noise {
        Noise::of_key(Sha256::digest(name.as_bytes()).into())
    }

    /// Chi-square of draws against a law over whole numbers; all that is rarer than 10 draws is one cell.
    fn assert_follows(draws: &[i64], law: impl Fn(i64) -> f64, reach: i64) {
        let total = draws.len() as f64;
        let (mut cells, mut statistic, mut rest, mut mass) = (0u32, 0.0, draws.len(), 1.0);
        for x in -reach..=reach {
            let expected = law(x) * total;
            if expected >= 10.0 {
                let found = draws.iter().filter(|&&draw| draw == x).count();
                statistic += (found as f64 - expected).powi(2) / expected;
                cells += 1;
                rest -= found;
                mass -= law(x);
            }
        }
        let expected = mass * total;
        assert!(mass > -1e-9 && (expected >= 1.0 || rest < 12), "{rest} draws where {expected} are due");
        // Wilson and Hilferty 1931: the cube root of chi-square over its freedom is nearly normal
        let freedom = f64::from(cells.max(2) - 1);
        let z = ((statistic / freedom).cbrt() - (1.0 - 2.0 / (9.0 * freedom))) / (2.0 / (9.0 * freedom)).sqrt();
        assert!(z < 3.5, "chi-square {statistic} with {freedom} degrees of freedom");
    }

    fn laplace_law(b: f64) -> impl Fn(i64) -> f64 {
        let a = libm::exp(-1.0 / b);
        move |x| (1.0 - a) / (1.0 + a) * libm::pow(a, x.abs() as f64)
    }

    fn gaussian_law(variance: f64) -> impl Fn(i64) -> f64 {
        let density = move |x: i64| libm::exp(-(x as f64).powi(2) / (2.0 * variance));
        let sum: f64 = (-400..=400).map(density).sum();
        move |x| density(x) / sum
    }

    #[test]
    fn laplace_noise_follows_its_law() {
        for b in [0.25, 1.0, 2.5, 17.3] {
            let (mut noise, scale) = (stream(&format!("laplace {b}")), Fraction::scale(b).expect("a scale"));
            let draws: Vec<i64> = (0..60_000).map(|_| noise.laplace(scale)).collect();
            assert_follows(&draws, laplace_law(b), 400);
        }
    }

    #[test]
    fn gaussian_noise_follows_its_law() {
        for variance in [0.1, 1.0, 6.25, 400.0] {
            let (mut noise, fraction) = (stream(&format!("gaussian {variance}")), Fraction::variance(variance).expect("a variance"));
            let draws: Vec<i64> = (0..60_000).map(|_| noise.gaussian(fraction)).collect();
            assert_follows(&draws, gaussian_law(variance), 400);
        }
    }

    #[test]
    fn a_wrong_law_would_be_noticed() {
        let (mut noise, scale) = (stream("wrong"), Fraction::scale(2.5).expect("a scale"));
        let draws: Vec<i64> = (0..60_000).map(|_| noise.laplace(scale)).collect();
        assert!(std::panic::catch_unwind(|| assert_follows(&draws, laplace_law(2.4), 400)).is_err());
    }

    #[test]
    fn bernoulli_of_an_exponential_has_its_chance() {
        for (numerator, denominator) in [(0u128, 7u128), (1, 7), (7, 7), (5, 2), (1 << 100, 3 << 100)] {
            let mut noise = stream(&format!("bernoulli {numerator} {denominator}"));
            let found = (0..40_000).filter(|_| noise.bernoulli_exp(numerator, denominator)).count() as f64;
            let chance = libm::exp(-(numerator as f64) / denominator as f64);
            let error = (chance * (1.0 - chance) * 40_000.0).sqrt();
            assert!((found - chance * 40_000.0).abs() <= 4.0 * error, "exp(-{numerator}/{denominator}): {found}");
        }
    }

    #[test]
    fn wide_noise_has_its_spread() {
        let (mut noise, fraction) = (stream("wide"), Fraction::variance(1e12).expect("a variance"));
        let square: f64 = (0..4_000).map(|_| (noise.gaussian(fraction) as f64).powi(2)).sum::<f64>() / 4_000.0;
        assert!((square / 1e12 - 1.0).abs() < 4.0 * (2.0f64 / 4_000.0).sqrt(), "{square}");
    }

    #[test]
    fn fractions_are_rounded_up_by_little() {
        for number in [1e-9, 0.3, 1.0, 7.7, 1e6, 3e13] {
            let Fraction { numerator, denominator } = Fraction::variance(number).expect("in range");
            let value = numerator as f64 / denominator as f64;
            assert!(value >= number && value <= number * (1.0 + 1e-9) + 1e-9, "{number}: {value}");
            assert!(numerator < 1 << 48);
        }
        assert_eq!((Fraction::variance(1e30), Fraction::scale(0.0), Fraction::scale(f64::NAN)), (None, None, None));
    }

    #[test]
    fn a_choice_follows_its_weights() {
        let (mut noise, logs) = (stream("choice"), [0.0, -1.0, 1.5, -700.0]);
        let mut found = [0.0; 4];
        (0..40_000).filter_map(|_| noise.choose(&logs)).for_each(|place| found[place] += 1.0);
        let sum: f64 = logs.iter().map(|&log| libm::exp(log)).sum();
        for (found, log) in found.iter().zip(logs) {
            let chance = libm::exp(log) / sum;
            assert!((found - 40_000.0 * chance).abs() <= 4.0 * (40_000.0 * chance).sqrt(), "{found} of {}", 40_000.0 * chance);
        }
    }

    #[test]
    fn nothing_is_chosen_from_nothing_or_from_what_is_no_number() {
        assert_eq!((stream("none").choose(&[]), stream("none").choose(&[0.0, f64::NAN])), (None, None));
    }

    #[test]
    fn a_stream_is_pinned() {
        let mut noise = stream("pinned");
        let (scale, variance) = (Fraction::scale(10.0).expect("a scale"), Fraction::variance(100.0).expect("a variance"));
        let drawn: Vec<i64> = (0..8).map(|i| if i < 4 { noise.laplace(scale) } else { noise.gaussian(variance) }).collect();
        assert_eq!(drawn, PINNED);
    }

    const PINNED: [i64; 8] = [4, 12, -8, -30, 5, 10, -6, 13];
}
