//! Inverses of monotone functions by bisection over the doubles themselves.

/// The least number of `0..=most` at which `reached` holds, if it holds nowhere below and everywhere
/// above; `most` if it never does. Positive doubles are ordered like their bits, so 64 halvings end at
/// neighbours, near 0 as well as far out.
pub fn least_above(most: f64, reached: impl Fn(f64) -> bool) -> f64 {
    if reached(0.0) {
        return 0.0;
    }
    let (mut below, mut above) = (0u64, most.to_bits());
    while above - below > 1 {
        let middle = below + (above - below) / 2;
        if reached(f64::from_bits(middle)) {
            above = middle;
        } else {
            below = middle;
        }
    }
    f64::from_bits(above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_told_apart() {
        for bound in [5e-324, 1e-200, 0.1, 1.0, 3.5, 1e300] {
            assert_eq!(least_above(f64::MAX, |x| x >= bound), bound);
        }
        assert_eq!(least_above(1.0, |_| true), 0.0);
        assert_eq!(least_above(1.0, |_| false), 1.0);
    }
}
