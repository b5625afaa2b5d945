//! Sums, means and variances whose bits do not depend on threads.
//!
//! # Definition
//! Numbers are cut into chunks of 4,096; inside a chunk eight lanes run side by side and are joined by
//! place; chunk sums are added by index. The variance goes through the mean (two passes).

/// Numbers of a chunk.
pub const CHUNK: usize = 4_096;
/// Sums that run side by side inside a chunk.
const LANES: usize = 8;

/// The sum of `number(place)` over `0..length`, in the fixed order.
pub fn sum_by(length: usize, number: impl Fn(usize) -> f64) -> f64 {
    let mut total = 0.0;
    for start in (0..length).step_by(CHUNK) {
        let end = (start + CHUNK).min(length);
        let mut lanes = [0.0; LANES];
        let whole = start + (end - start) / LANES * LANES;
        for place in (start..whole).step_by(LANES) {
            for (lane, sum) in lanes.iter_mut().enumerate() {
                *sum += number(place + lane);
            }
        }
        for place in whole..end {
            lanes[place - whole] += number(place);
        }
        total += lanes.iter().sum::<f64>();
    }
    total
}

/// The sum: that of [`sum_by`], without a look at bounds.
pub fn sum(numbers: &[f64]) -> f64 {
    let mut total = 0.0;
    for chunk in numbers.chunks(CHUNK) {
        let mut lanes = [0.0; LANES];
        let (whole, rest) = chunk.as_chunks::<LANES>();
        for numbers in whole {
            lanes.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
        }
        lanes.iter_mut().zip(rest).for_each(|(sum, number)| *sum += number);
        total += lanes.iter().sum::<f64>();
    }
    total
}

/// The mean; NaN without numbers.
pub fn mean(numbers: &[f64]) -> f64 {
    sum(numbers) / numbers.len() as f64
}

/// The variance with divisor `n`; NaN without numbers.
pub fn variance(numbers: &[f64]) -> f64 {
    let mean = mean(numbers);
    squares(numbers, mean) / numbers.len() as f64
}

/// The variance with divisor `n - 1`; NaN with fewer than two numbers.
pub fn sample_variance(numbers: &[f64]) -> f64 {
    match numbers.len() {
        0 | 1 => f64::NAN,
        count => squares(numbers, mean(numbers)) / (count - 1) as f64,
    }
}

fn squares(numbers: &[f64], mean: f64) -> f64 {
    sum_by(numbers.len(), |place| (numbers[place] - mean) * (numbers[place] - mean))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_sum_exactly() {
        let numbers: Vec<f64> = (0..10_001).map(f64::from).collect();
        assert_eq!(sum(&numbers), 50_005_000.0);
        assert_eq!(sum(&[]), 0.0);
    }

    #[test]
    fn both_ways_to_sum_have_the_same_bits() {
        let numbers: Vec<f64> = (0..9_001).map(|i| libm::sin(f64::from(i)) / f64::from(i + 1)).collect();
        for length in (0..40).chain([CHUNK - 1, CHUNK, CHUNK + 1, CHUNK + 9, 9_001]) {
            let by_place = sum_by(length, |place| numbers[place]);
            assert_eq!(sum(&numbers[..length]).to_bits(), by_place.to_bits(), "{length} numbers");
        }
    }

    #[test]
    fn mean_and_variances_are_those_of_the_textbook() {
        let numbers = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        assert_eq!((mean(&numbers), variance(&numbers)), (5.0, 4.0));
        assert_eq!(sample_variance(&numbers), 32.0 / 7.0);
        assert!(mean(&[]).is_nan() && sample_variance(&[1.0]).is_nan());
    }

    #[test]
    fn a_far_mean_does_not_spoil_the_variance() {
        let numbers: Vec<f64> = (0..5_000).map(|i| 1e9 + f64::from(i % 2)).collect();
        assert_eq!(variance(&numbers), 0.25);
    }
}
