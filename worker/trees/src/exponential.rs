//! The exponential of many numbers at once.
//!
//! # Method
//! `e^x = 2^n e^r`, `n` the whole number nearest to `x / ln 2`, `e^r` by its series up to `r^13`. No branch and
//! no table, so a loop over it becomes vector instructions; plain operations only, so it gives the same bits
//! on every machine. Within 2 units in the last place.

/// Adding and taking away this number rounds to a whole one, whose low bits are then those of the sum.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// Twice the exponent bias would overflow beyond these.
const LOWEST: f64 = -708.0;
const HIGHEST: f64 = 709.0;

/// ln 2 in two parts; products of the first with whole numbers up to 1,024 are exact.
const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// `1 / k!`, k = 13 to 0.
const SERIES: [f64; 14] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

/// `e^x`; below -708 and above 709 what it is there.
#[inline(always)]
pub fn exp(x: f64) -> f64 {
    let x = x.clamp(LOWEST, HIGHEST);
    let shifted = x * std::f64::consts::LOG2_E + ROUNDER;
    let n = shifted - ROUNDER;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let mut sum = SERIES[0];
    for factor in &SERIES[1..] {
        sum = sum * r + factor;
    }
    sum * f64::from_bits(shifted.to_bits().wrapping_add(1_023) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_exponential() {
        for i in -70_000..=70_000 {
            let x = f64::from(i) * 0.010_1;
            let (found, known) = (exp(x), libm::exp(x));
            assert!((found - known).abs() <= 5e-16 * known, "e^{x} is {known}, not {found}");
        }
        assert_eq!(exp(0.0), 1.0);
    }

    #[test]
    fn the_ends_are_finite_and_no_number_stays_none() {
        assert!(exp(f64::NEG_INFINITY) > 0.0 && exp(f64::NEG_INFINITY) < 1e-300);
        assert!(exp(f64::INFINITY).is_finite() && exp(f64::NAN).is_nan());
    }
}
