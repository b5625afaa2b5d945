//! Least squares with an L2 penalty.
//!
//! # Model
//! Minimises `sum (y - w x - b)² + alpha |w|²`; the constant `b` is not penalised.
//!
//! # Method
//! Conjugate gradients on the normal equations, diagonally scaled, until the residual is 1e-9 of the start or
//! after 300 steps: no matrix of all features is formed. Sums are made in chunks of 4,096 rows that are added
//! in order.

use super::design::linear::{LinearRows, NO_FEATURE};
use rayon::prelude::*;
use synthfleet_proto::Result;
use synthfleet_table::Budget;

const CHUNK: usize = 4_096;
const STEPS_MAX: usize = 300;
const TOLERANCE: f64 = 1e-9;

/// A fitted model.
#[derive(Debug, Clone)]
pub struct Ridge {
    /// `[features + 1]`; the last is the constant.
    weights: Vec<f64>,
}

impl Ridge {
    /// Fits numbers `[rows]`.
    pub fn fit(rows: &LinearRows, numbers: &[f64], alpha: f64, budget: &Budget) -> Result<Self> {
        let size = rows.features + 1;
        let penalty = |index: usize| if index + 1 == size { 0.0 } else { alpha };
        let aim = back(rows, numbers);
        let scale: Vec<f64> =
            squares(rows).iter().enumerate().map(|(index, square)| (square + penalty(index)).max(f64::MIN_POSITIVE)).collect();
        let mut weights = vec![0.0; size];
        let mut residual = aim;
        let mut shaped: Vec<f64> = residual.iter().zip(&scale).map(|(part, scale)| part / scale).collect();
        let mut direction = shaped.clone();
        let mut length = dot(&residual, &shaped);
        let start = length;
        for _ in 0..STEPS_MAX {
            budget.go_on()?;
            if length <= TOLERANCE * TOLERANCE * start {
                break;
            }
            let mut image = back(rows, &forth(rows, &direction));
            image.iter_mut().zip(&direction).enumerate().for_each(|(index, (image, part))| *image += penalty(index) * part);
            let step = length / dot(&direction, &image);
            if !step.is_finite() {
                break;
            }
            weights.iter_mut().zip(&direction).for_each(|(weight, part)| *weight += step * part);
            residual.iter_mut().zip(&image).for_each(|(residual, part)| *residual -= step * part);
            shaped.iter_mut().zip(residual.iter().zip(&scale)).for_each(|(shaped, (part, scale))| *shaped = part / scale);
            let next = dot(&residual, &shaped);
            direction.iter_mut().zip(&shaped).for_each(|(part, shaped)| *part = shaped + next / length * *part);
            length = next;
        }
        Ok(Self { weights })
    }

    /// Numbers, `[rows]`.
    pub fn predict(&self, rows: &LinearRows) -> Vec<f64> {
        forth(rows, &self.weights)
    }

    /// The weight of each feature, without the constant.
    pub fn weights(&self) -> &[f64] {
        &self.weights[..self.weights.len() - 1]
    }
}

/// `X w`, `[rows]`.
fn forth(rows: &LinearRows, weights: &[f64]) -> Vec<f64> {
    let one = |row: usize| {
        let (values, hot) = (rows.values_of(row), rows.hot_of(row));
        let of_numbers: f64 = values.iter().zip(weights).map(|(value, weight)| value * weight).sum();
        of_numbers
            + hot.iter().filter(|&&feature| feature != NO_FEATURE).map(|&feature| weights[feature as usize]).sum::<f64>()
            + weights[rows.features]
    };
    (0..rows.rows).into_par_iter().map(one).collect()
}

/// `Xᵀ r`, `[features + 1]`.
fn back(rows: &LinearRows, of_rows: &[f64]) -> Vec<f64> {
    summed(rows, |row, sums| {
        let part = of_rows[row];
        sums.iter_mut().zip(rows.values_of(row)).for_each(|(sum, value)| *sum += part * value);
        rows.hot_of(row).iter().filter(|&&feature| feature != NO_FEATURE).for_each(|&feature| sums[feature as usize] += part);
        sums[rows.features] += part;
    })
}

/// Diagonal of `Xᵀ X`.
fn squares(rows: &LinearRows) -> Vec<f64> {
    summed(rows, |row, sums| {
        sums.iter_mut().zip(rows.values_of(row)).for_each(|(sum, value)| *sum += value * value);
        rows.hot_of(row).iter().filter(|&&feature| feature != NO_FEATURE).for_each(|&feature| sums[feature as usize] += 1.0);
        sums[rows.features] += 1.0;
    })
}

fn summed(rows: &LinearRows, add: impl Fn(usize, &mut [f64]) + Sync) -> Vec<f64> {
    let starts: Vec<usize> = (0..rows.rows).step_by(CHUNK).collect();
    let chunk = |&start: &usize| {
        let mut sums = vec![0.0; rows.features + 1];
        (start..(start + CHUNK).min(rows.rows)).for_each(|row| add(row, &mut sums));
        sums
    };
    let parts: Vec<Vec<f64>> = starts.par_iter().map(chunk).collect();
    let mut all = vec![0.0; rows.features + 1];
    parts.iter().for_each(|part| all.iter_mut().zip(part).for_each(|(sum, part)| *sum += part));
    all
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_feature_has_its_closed_form() {
        // centred: w = sxy / (sxx + alpha), b = mean y - w mean x
        let (xs, ys) = ([1.0, 2.0, 3.0, 6.0], [2.0, 1.0, 5.0, 8.0]);
        let rows = LinearRows { rows: 4, numbers: 1, levels: 0, features: 1, values: xs.to_vec(), hot: Vec::new() };
        let model = Ridge::fit(&rows, &ys, 1.0, &Budget::quiet(1)).expect("nobody stops it");
        let (sxy, sxx) = (19.0, 14.0);
        assert!((model.weights()[0] - sxy / (sxx + 1.0)).abs() < 1e-9);
        assert!((model.predict(&rows)[0] - (4.0 + sxy / (sxx + 1.0) * (1.0 - 3.0))).abs() < 1e-9);
    }

    #[test]
    fn levels_shrink_towards_the_constant() {
        let rows = LinearRows { rows: 4, numbers: 0, levels: 1, features: 2, values: Vec::new(), hot: vec![0, 0, 1, 1] };
        let predicted = Ridge::fit(&rows, &[0.0, 0.0, 3.0, 3.0], 1.0, &Budget::quiet(1)).expect("nobody stops it").predict(&rows);
        // by symmetry b = 1.5, w = -/+ 2 * 1.5 / (2 + 1)
        assert!((predicted[0] - 0.5).abs() < 1e-9 && (predicted[2] - 2.5).abs() < 1e-9, "{predicted:?}");
    }
}
