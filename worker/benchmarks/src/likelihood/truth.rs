//! Rows under an exact law, with the constant that keeps impossible rows finite.

use super::rows::{FLOOR, mean};
use crate::folds::Estimate;
use serde_json::{Value, json};
use synthfleet_proto::Seed;

/// What rows get under the exact law.
pub struct Truth {
    /// Mean of `ln(p + 1e-8)`.
    pub mean: Estimate,
    /// Share of rows with `p <= 1e-8`.
    pub floor: Estimate,
}

impl Truth {
    /// Of densities `[rows]`; `folds` is the stream of the side's folds.
    pub fn of(densities: &[f64], folds: &Seed) -> Self {
        let marks: Vec<f64> = densities.iter().map(|&density| f64::from(u8::from(is_at_floor(density)))).collect();
        Self { mean: floored(densities, folds), floor: mean(&marks, folds) }
    }
}

/// Mean of `ln(p + 1e-8)`.
pub fn floored(densities: &[f64], folds: &Seed) -> Estimate {
    mean(&logs(densities), folds)
}

/// Mean, share at the floor and share of impossible rows; `null` without rows.
pub fn described(densities: &[f64]) -> Value {
    let mean = (!densities.is_empty()).then(|| logs(densities).iter().sum::<f64>() / densities.len() as f64);
    json!({ "mean": mean, "floor": at_floor(densities), "impossible": share(densities, |density| density == 0.0) })
}

/// Share of rows with `p <= 1e-8`; `None` without rows.
pub fn at_floor(densities: &[f64]) -> Option<f64> {
    share(densities, is_at_floor)
}

fn is_at_floor(density: f64) -> bool {
    density <= FLOOR
}

fn logs(densities: &[f64]) -> Vec<f64> {
    densities.iter().map(|density| libm::log(density + FLOOR)).collect()
}

fn share(densities: &[f64], is: impl Fn(f64) -> bool) -> Option<f64> {
    let count = densities.iter().filter(|density| is(**density)).count();
    (!densities.is_empty()).then(|| count as f64 / densities.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_impossible_row_of_four_is_a_quarter_at_the_floor() {
        let truth = Truth::of(&[1.0, 0.5, 1e-3, 0.0], &Seed::of_task(1, "t"));
        assert_eq!(truth.floor.value, 0.25);
        let expected = (libm::log(0.5) + libm::log(1e-3) + libm::log(1e-8)) / 4.0;
        assert!((truth.mean.value - expected).abs() < 1e-5, "{}", truth.mean.value);
        assert_eq!(described(&[1e-9, 0.0])["impossible"], json!(0.5));
        assert_eq!(described(&[])["mean"], Value::Null);
    }
}
