//! Discrete draws in constant time.
//!
//! # Definition
//! Every place gets the same share of the unit interval; the part of it beyond the place's own weight
//! belongs to one other place. One uniform number finds both.
//!
//! # Reference
//! Walker 1977, doi 10.1145/355744.355749; table in linear time: Vose 1991, doi 10.1109/32.92917.

/// A table of weights, prepared.
#[derive(Debug, Clone, PartialEq)]
pub struct Alias {
    shares: Vec<f64>,
    others: Vec<u32>,
}

impl Alias {
    /// Prepares weights; `None` if they are empty, negative, not finite or all 0.
    pub fn new(weights: &[f64]) -> Option<Self> {
        let total: f64 = weights.iter().sum();
        if weights.is_empty() || !total.is_finite() || total <= 0.0 || weights.iter().any(|&weight| weight < 0.0) {
            return None;
        }
        let count = weights.len();
        let mut shares: Vec<f64> = weights.iter().map(|weight| weight / total * count as f64).collect();
        let mut others: Vec<u32> = (0..count as u32).collect();
        let (mut small, mut large): (Vec<u32>, Vec<u32>) = (0..count as u32).partition(|&place| shares[place as usize] < 1.0);
        while let (Some(poor), Some(&rich)) = (small.pop(), large.last()) {
            others[poor as usize] = rich;
            shares[rich as usize] -= 1.0 - shares[poor as usize];
            if shares[rich as usize] < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        // what rounding left over: a place of weight 0 is never left, some richer one stands beside it
        for place in small.into_iter().chain(large) {
            if weights[place as usize] > 0.0 {
                shares[place as usize] = 1.0;
            } else {
                others[place as usize] = (0..count).max_by(|&a, &b| weights[a].total_cmp(&weights[b])).unwrap_or(0) as u32;
                shares[place as usize] = 0.0;
            }
        }
        Some(Self { shares, others })
    }

    /// Prepares counts.
    pub fn of_counts(counts: &[u32]) -> Option<Self> {
        Self::new(&counts.iter().map(|&count| f64::from(count)).collect::<Vec<_>>())
    }

    /// The place that a uniform number of [0, 1) falls on.
    pub fn place(&self, uniform: f64) -> u32 {
        let scaled = uniform * self.shares.len() as f64;
        let place = (scaled as usize).min(self.shares.len() - 1);
        if scaled - (place as f64) < self.shares[place] { place as u32 } else { self.others[place] }
    }

    /// Number of places.
    pub fn len(&self) -> usize {
        self.shares.len()
    }

    /// Whether there are no places; never so.
    pub fn is_empty(&self) -> bool {
        self.shares.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_get_their_weights() {
        let weights = [3.0, 0.0, 1.0, 6.0, 0.5];
        let alias = Alias::new(&weights).expect("weights");
        let mut counts = [0u32; 5];
        let draws = 105_000;
        (0..draws).for_each(|i| counts[alias.place((f64::from(i) + 0.5) / f64::from(draws)) as usize] += 1);
        for (count, weight) in counts.iter().zip(weights) {
            assert!((f64::from(*count) - weight * 10_000.0).abs() <= 5.0, "{counts:?}");
        }
    }

    #[test]
    fn impossible_weights_are_refused() {
        assert!(Alias::new(&[]).is_none() && Alias::new(&[0.0]).is_none() && Alias::new(&[1.0, f64::NAN]).is_none());
        assert!(Alias::new(&[2.0, -1.0]).is_none());
    }

    #[test]
    fn a_weight_of_nothing_is_never_drawn() {
        let weights: Vec<f64> = (0..1_000).map(|i| if i % 3 == 0 { 0.0 } else { 1.0 / f64::from(i) }).collect();
        let alias = Alias::new(&weights).expect("weights");
        assert!((0..100_000).all(|i| !alias.place(f64::from(i) / 100_000.0).is_multiple_of(3)));
    }
}
