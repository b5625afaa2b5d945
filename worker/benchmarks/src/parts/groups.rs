//! Sorted values in groups of neighbours, of which only means are shown.
//!
//! # Definition
//! n values in ascending order make g groups: group i holds places `i n / g` to `(i + 1) n / g`. Each has at least
//! [`ROWS_MIN`] values, so no mean is that of one real row. The means, in order, are a quantile function.
//!
//! # Reference
//! Microaggregation: Domingo-Ferrer, Mateo-Sanz 2002, doi 10.1109/69.979982.

use super::histogram::ROWS_MIN;

/// How many groups `rows` values can make, at most `most`.
pub fn count(rows: usize, most: usize) -> usize {
    (rows / ROWS_MIN as usize).min(most)
}

/// Means of `groups` groups of `sorted`, ascending; empty for no group.
pub fn means(sorted: &[f64], groups: usize) -> Vec<f64> {
    let mean = |group: usize| {
        let values = &sorted[group * sorted.len() / groups..(group + 1) * sorted.len() / groups];
        // divided first: a sum of large values would overflow
        let mean = values.iter().map(|value| value / values.len() as f64).sum::<f64>();
        // rounding must not carry a mean beyond its group
        mean.clamp(values[0], values[values.len() - 1])
    };
    (0..groups).map(mean).collect()
}

/// `value` with seven digits: as exact as a picture, and shorter than a double.
pub fn short(value: f64) -> f64 {
    format!("{value:.6e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_has_five_values_and_all_are_in_one() {
        let sorted: Vec<f64> = (0..23).map(f64::from).collect();
        let groups = count(sorted.len(), 99);
        assert_eq!((groups, count(3, 99), count(10_000, 99)), (4, 0, 99));
        assert_eq!(means(&sorted, groups), [2.0, 7.5, 13.5, 19.5]);
    }

    #[test]
    fn equal_values_keep_their_value_and_large_ones_stay_finite() {
        assert_eq!(means(&[0.1; 12], 2), [0.1, 0.1]);
        assert_eq!(means(&[f64::MAX; 7], 1), [f64::MAX]);
    }

    #[test]
    fn shown_numbers_have_seven_digits() {
        assert_eq!([short(1.0 / 3.0), short(-12_345_678_912.0), short(0.0)], [0.333_333_3, -12_345_680_000.0, 0.0]);
    }
}
