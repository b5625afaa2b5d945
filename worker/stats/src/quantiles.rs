//! An empirical marginal: a few quantiles, joined by straight lines.
//!
//! # Definition
//! With n sorted values and m = min(n, knots) knots, knot i is the value at place i·(n-1)/(m-1), between
//! neighbours in proportion. The quantile function is linear between knots, the probability its inverse;
//! a value that fills several knots gets the middle of their probabilities.

/// Knots that models keep of a column.
pub const KNOTS_MAX: usize = 1_001;

/// Ascending knots of a quantile function.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantiles {
    knots: Vec<f64>,
}

impl Quantiles {
    /// Fits sorted finite values; `None` if there are none.
    pub fn fit(sorted: &[f64], knots_max: usize) -> Option<Self> {
        let last = sorted.len().checked_sub(1)?;
        let count = sorted.len().min(knots_max.max(2));
        let knot = |i: usize| {
            let place = if count == 1 { 0.0 } else { i as f64 * last as f64 / (count - 1) as f64 };
            between(sorted, place)
        };
        Some(Self { knots: (0..count).map(knot).collect() })
    }

    /// Stored knots; `None` unless they are finite and ascending.
    pub fn of_knots(knots: &[f64]) -> Option<Self> {
        let is_right = !knots.is_empty() && knots.is_sorted() && knots.iter().all(|knot| knot.is_finite());
        is_right.then(|| Self { knots: knots.to_vec() })
    }

    /// The knots.
    pub fn knots(&self) -> &[f64] {
        &self.knots
    }

    /// The value at probability `p`, clipped to [0, 1].
    pub fn quantile(&self, p: f64) -> f64 {
        between(&self.knots, p.clamp(0.0, 1.0) * (self.knots.len() - 1) as f64)
    }

    /// The probability of a value below `x`, equal ones counted half.
    pub fn probability(&self, x: f64) -> f64 {
        let steps = (self.knots.len() - 1).max(1) as f64;
        let (below, upto) = (self.knots.partition_point(|&knot| knot < x), self.knots.partition_point(|&knot| knot <= x));
        if upto == 0 || below == self.knots.len() {
            return if upto == 0 { 0.0 } else { 1.0 };
        }
        if upto > below {
            return (below + upto - 1) as f64 / (2.0 * steps);
        }
        let (left, right) = (self.knots[below - 1], self.knots[below]);
        ((below - 1) as f64 + (x / 2.0 - left / 2.0) / (right / 2.0 - left / 2.0)) / steps
    }

    /// The probabilities between which the quantile function lies within `low..=high`; equal ends for a single
    /// place, the first above the second where it never does.
    pub fn within(&self, low: f64, high: f64) -> (f64, f64) {
        let steps = (self.knots.len() - 1).max(1) as f64;
        let (below, upto) = (self.knots.partition_point(|&knot| knot < low), self.knots.partition_point(|&knot| knot <= high));
        let place = |after: usize, x: f64| {
            let (left, right) = (self.knots[after - 1], self.knots[after]);
            ((after - 1) as f64 + (x / 2.0 - left / 2.0) / (right / 2.0 - left / 2.0)) / steps
        };
        let first = if below == 0 {
            0.0
        } else if below == self.knots.len() {
            2.0
        } else {
            place(below, low)
        };
        let last = if upto == self.knots.len() {
            1.0
        } else if upto == 0 {
            -1.0
        } else {
            place(upto, high)
        };
        (first, last)
    }
}

/// The quantile of sorted values at `share` in [0, 1], linear between neighbours; equal neighbours give their
/// value exactly. NaN without values.
pub fn linear(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[(place.ceil() as usize).min(last)]);
    low + (high - low) * (place - place.floor())
}

/// The value at a fractional place.
fn between(sorted: &[f64], place: f64) -> f64 {
    let low = (place as usize).min(sorted.len() - 1);
    let high = (low + 1).min(sorted.len() - 1);
    let share = place - low as f64;
    // rounding would leave equal neighbours, and knots out of order
    (sorted[low] * (1.0 - share) + sorted[high] * share).clamp(sorted[low], sorted[high])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knots_of_repeated_decimals_are_ascending() {
        for value in [0.1, 0.3, 0.7, 1.1, 48.3] {
            let mut sorted = vec![value; 1_371];
            sorted.extend([value + 0.1; 300]);
            let law = Quantiles::fit(&sorted, 1_000).expect("values");
            assert!(Quantiles::of_knots(law.knots()).is_some(), "{value}");
        }
    }

    #[test]
    fn a_range_holds_the_values_that_repeat_at_its_ends() {
        let law = Quantiles::of_knots(&[0.0, 1.0, 1.0, 1.0, 3.0]).expect("ascending");
        assert_eq!(law.within(1.0, 1.0), (0.25, 0.75));
        assert_eq!(law.within(f64::NEG_INFINITY, 2.0), (0.0, 0.875));
        assert_eq!(law.within(2.0, f64::INFINITY), (0.875, 1.0));
        let (first, last) = law.within(5.0, 9.0);
        assert!(first > last, "nothing lies there");
    }

    #[test]
    fn few_values_are_their_own_knots() {
        let quantiles = Quantiles::fit(&[1.0, 2.0, 10.0], 1_001).expect("values");
        assert_eq!((quantiles.quantile(0.0), quantiles.quantile(0.75), quantiles.quantile(1.0)), (1.0, 6.0, 10.0));
    }

    #[test]
    fn many_values_are_thinned_evenly() {
        let sorted: Vec<f64> = (0..=10_000).map(f64::from).collect();
        let quantiles = Quantiles::fit(&sorted, 11).expect("values");
        assert_eq!(quantiles.knots(), (0..=10).map(|i| f64::from(i) * 1_000.0).collect::<Vec<_>>());
    }

    #[test]
    fn probability_undoes_quantile_and_halves_ties() {
        let quantiles = Quantiles::fit(&[0.0, 0.0, 0.0, 4.0, 8.0], 1_001).expect("values");
        assert_eq!((quantiles.probability(0.0), quantiles.probability(6.0), quantiles.probability(9.0)), (0.25, 0.875, 1.0));
        assert_eq!((quantiles.quantile(0.875), quantiles.probability(-1.0)), (6.0, 0.0));
    }

    #[test]
    fn linear_quantiles_are_exact_among_equals() {
        let sorted = [0.1, 0.1, 0.1, 4.0];
        assert_eq!([0.0, 0.5, 1.0].map(|share| linear(&sorted, share)), [0.1, 0.1, 4.0]);
        assert_eq!(linear(&[1.0, 2.0], 0.25), 1.25);
        assert!(linear(&[], 0.5).is_nan());
    }

    #[test]
    fn one_value_is_constant() {
        assert_eq!(Quantiles::fit(&[3.0], 9).expect("a value").quantile(0.4), 3.0);
    }
}
