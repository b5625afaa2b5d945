//! Exponentials and logarithms of many numbers at once, bit for bit those of `libm`.
//!
//! # Definition
//! `exp x = 2^k · exp r` with `k = x / ln 2` rounded and `r = x - k ln 2`, `ln 2` in two parts; then
//! `exp r = 1 + r + r·c / (2 - c)`, `c = r - r²·P(r²)`. `ln x = k ln 2 + ln(1 + f)` with `x = 2^k (1 + f)`,
//! `1 + f` between √½ and √2, and a polynomial in `s = f / (2 + f)`.
//! The steps are those of `libm`, in its order and without its branches, so that a compiler can take eight numbers
//! side by side. Numbers at the ends of the range, where a result is no normal number, go to `libm` itself.
//!
//! # Reference
//! Tang 1989, doi 10.1145/63522.214389; Tang 1990, doi 10.1145/98267.98294; the constants are those of fdlibm.

use std::ops::RangeInclusive;

/// Numbers that are taken side by side.
const LANES: usize = 8;
/// 1.5 · 2^52: a whole number added to it stands in the lowest bits.
const WHOLE: f64 = 6_755_399_441_055_744.0;
const LN2_HIGH: f64 = f64::from_bits(0x3FE6_2E42_FEE0_0000);
const LN2_LOW: f64 = f64::from_bits(0x3DEA_39EF_3579_3C76);
const ONE_BY_LN2: f64 = f64::from_bits(0x3FF7_1547_652B_82FE);
/// Least size of a number that is reduced: just above ln 2 / 2.
const REDUCED_MIN: f64 = f64::from_bits(0x3FD6_2E43_0000_0000);
/// Below this size `exp x` is `1 + x`.
const LINEAR_BELOW: f64 = f64::from_bits(0x3E30_0001_0000_0000);
/// Between these `exp x` is a normal number.
const NORMAL: RangeInclusive<f64> = -708.0..=709.0;
/// Below this `exp x` is 0.
const NOTHING_BELOW: f64 = -746.0;
/// P(r²), lowest power first.
const P: [u64; 5] = [0x3FC5_5555_5555_553E, 0xBF66_C16C_16BE_BD93, 0x3F11_566A_AF25_DE2C, 0xBEBB_BD41_C5D2_6BF1, 0x3E66_3769_72BE_A4D0];
/// Of `ln`, odd and even powers apart, lowest first.
const ODD: [u64; 4] = [0x3FE5_5555_5555_5593, 0x3FD2_4924_9422_9359, 0x3FC7_4664_96CB_03DE, 0x3FC2_F112_DF3E_5244];
const EVEN: [u64; 3] = [0x3FD9_9999_9997_FA04, 0x3FCC_71C5_1D8E_78AF, 0x3FC3_9A09_D078_C69F];
/// Bits of 1, and of the fraction at which `ln` goes to the next power of two: √½.
const ONE: u64 = 0x3FF0_0000_0000_0000;
const ROOT: u64 = 0x3FE6_A09E_0000_0000;
const FRACTION: u64 = 0x000F_FFFF_FFFF_FFFF;

/// Replaces each number by its exponential: the bits of `libm::exp`.
pub fn exp_all(numbers: &mut [f64]) {
    let (blocks, rest) = numbers.as_chunks_mut::<LANES>();
    blocks.iter_mut().for_each(exp_block);
    let mut last = [0.0; LANES];
    last[..rest.len()].copy_from_slice(rest);
    exp_block(&mut last);
    rest.copy_from_slice(&last[..rest.len()]);
}

/// Replaces each number by its natural logarithm: the bits of `libm::log`.
pub fn ln_all(numbers: &mut [f64]) {
    let (blocks, rest) = numbers.as_chunks_mut::<LANES>();
    blocks.iter_mut().for_each(ln_block);
    let mut last = [1.0; LANES];
    last[..rest.len()].copy_from_slice(rest);
    ln_block(&mut last);
    rest.copy_from_slice(&last[..rest.len()]);
}

#[inline]
fn exp_block(numbers: &mut [f64; LANES]) {
    if numbers.iter().fold(false, |any, &x| any | !(NORMAL.contains(&x) || x < NOTHING_BELOW)) {
        numbers.iter_mut().for_each(|x| *x = libm::exp(*x));
        return;
    }
    for number in numbers {
        let x = *number;
        let rounded = (ONE_BY_LN2 * x + 0.5f64.copysign(x)).trunc();
        let k = if x.abs() >= REDUCED_MIN { rounded } else { 0.0 };
        let (high, low) = (x - k * LN2_HIGH, k * LN2_LOW);
        let r = high - low;
        let square = r * r;
        let [p1, p2, p3, p4, p5] = P.map(f64::from_bits);
        let c = r - square * (p1 + square * (p2 + square * (p3 + square * (p4 + square * p5))));
        let near_one = 1.0 + (r * c / (2.0 - c) - low + high);
        let power = f64::from_bits(((k + WHOLE).to_bits() << 52).wrapping_add(ONE));
        let near = if x.abs() < LINEAR_BELOW { 1.0 + x } else { near_one };
        *number = if x < NOTHING_BELOW { 0.0 } else { near * power };
    }
}

#[inline]
fn ln_block(numbers: &mut [f64; LANES]) {
    if numbers.iter().fold(false, |any, &x| any | !(f64::MIN_POSITIVE..=f64::MAX).contains(&x)) {
        numbers.iter_mut().for_each(|x| *x = libm::log(*x));
        return;
    }
    for number in numbers {
        let shifted = number.to_bits() + (ONE - ROOT);
        // the power of two stands in the lowest bits of a number near 2^52
        let k = f64::from_bits(0x4330_0000_0000_0000 | shifted >> 52) - (4_503_599_627_370_496.0 + 1_023.0);
        let f = f64::from_bits((shifted & FRACTION) + ROOT) - 1.0;
        let half = 0.5 * f * f;
        let s = f / (2.0 + f);
        let z = s * s;
        let w = z * z;
        let ([o1, o2, o3, o4], [e1, e2, e3]) = (ODD.map(f64::from_bits), EVEN.map(f64::from_bits));
        let even = w * (e1 + w * (e2 + w * e3));
        let odd = z * (o1 + w * (o2 + w * (o3 + w * o4)));
        *number = s * (half + (odd + even)) + k * LN2_LOW - half + f + k * LN2_HIGH;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    /// Any bits: numbers of all sizes, NaN and infinity among them.
    fn any(random: &mut ChaCha8Rng) -> f64 {
        f64::from_bits(random.next_u64())
    }

    fn between(random: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
        low + (high - low) * (random.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0
    }

    fn same(found: &[f64], numbers: &[f64], one: fn(f64) -> f64) {
        for (found, &number) in found.iter().zip(numbers) {
            let expected = one(number);
            assert!(found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan(), "{number:e}: {found:e}, {expected:e}");
        }
    }

    /// Numbers at each edge of the method, and their neighbours of both signs.
    fn edges() -> Vec<f64> {
        let halves = (-2_160..=2_160).map(|half| f64::from(half) * 0.5 * std::f64::consts::LN_2);
        let named =
            [0.0, 1.0, LINEAR_BELOW, REDUCED_MIN, 708.0, 708.396_418_532_264, 709.0, 709.782_712_893_384, 745.133_219_101_941, 746.0];
        let centres = halves.chain(named).chain((-30..30).map(|power| libm::exp2(f64::from(power))));
        let around = |centre: f64| (-3..=3).map(move |step: i64| f64::from_bits(centre.to_bits().wrapping_add_signed(step)));
        let upward: Vec<f64> = centres.flat_map(around).chain([f64::MAX, f64::INFINITY, f64::NAN, 5e-324]).collect();
        upward.iter().flat_map(|&number| [number, -number]).collect()
    }

    #[test]
    fn exponentials_are_those_of_libm() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..300 {
            let reach = between(&mut random, 0.0, 7.0);
            let mut numbers: Vec<f64> = (0..1_001).map(|_| between(&mut random, -libm::exp(reach), 0.3)).collect();
            numbers.extend((0..20).map(|_| any(&mut random)));
            let mut found = numbers.clone();
            exp_all(&mut found);
            same(&found, &numbers, libm::exp);
        }
    }

    #[test]
    fn logarithms_are_those_of_libm() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        for _ in 0..300 {
            let reach = between(&mut random, 0.0, 12.0);
            let mut numbers: Vec<f64> = (0..1_001).map(|_| between(&mut random, 0.5, 1.0 + libm::exp(reach))).collect();
            numbers.extend((0..20).map(|_| any(&mut random)));
            let mut found = numbers.clone();
            ln_all(&mut found);
            same(&found, &numbers, libm::log);
        }
    }

    #[test]
    fn edges_are_those_of_libm_whatever_stands_beside_them() {
        for number in edges() {
            for others in [-1.0, 1.0] {
                let mut row = [others; 11];
                (row[3], row[9]) = (number, number);
                let (mut exponentials, mut logarithms) = (row, row);
                exp_all(&mut exponentials);
                ln_all(&mut logarithms);
                same(&exponentials, &row, libm::exp);
                same(&logarithms, &row, libm::log);
            }
        }
    }

    #[test]
    fn a_few_are_known() {
        let (mut exponentials, mut logarithms) = ([0.0, std::f64::consts::LN_2, -800.0], [1.0, std::f64::consts::E, 0.0]);
        exp_all(&mut exponentials);
        ln_all(&mut logarithms);
        assert_eq!(exponentials, [1.0, 2.0, 0.0]);
        assert_eq!(logarithms, [0.0, 1.0, f64::NEG_INFINITY]);
    }
}
