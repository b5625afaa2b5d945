//! Logistic and softmax regression with an L2 penalty.
//!
//! # Model
//! Minimises `mean loss + |w|² / (2 C n)` over weights `w` and constants, which are not penalised: one output
//! and logistic loss for two classes, an output a class and softmax loss for more. Losses of classes may have
//! weights.
//!
//! # Method
//! L-BFGS with 10 pairs and a backtracking search, until no component of the gradient exceeds 1e-4 or after
//! 100 iterations, unless [`Settings`] say otherwise. Gradients are summed in chunks of 4,096 rows that are added in order; sums of products have
//! eight strands. With one output, logarithms of normalisers are taken of their products, 512 at a time.
//!
//! # Reference
//! Liu and Nocedal 1989, doi 10.1007/BF01589116.

use super::design::linear::{LinearRows, NO_FEATURE};
use rayon::prelude::*;
use std::collections::VecDeque;
use synthfleet_proto::Result;
use synthfleet_table::Budget;
use synthfleet_trees::exponential::exp;

/// Rows whose gradient is summed at once.
const CHUNK: usize = 4_096;

/// Rows whose scores are known before their gradient is added: they stay in the cache.
const BATCH: usize = 64;

/// Factors between 1 and 2 of one product: it stays below 2^512.
const FACTORS: usize = 512;

/// Strands of a sum of products.
const STRANDS: usize = 8;

/// Pairs of steps and gradient changes that are kept.
const PAIRS: usize = 10;

/// Largest component of the gradient at the end.
const TOLERANCE: f64 = 1e-4;

/// Most iterations.
const ITERATIONS_MAX: usize = 100;

/// How to fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The penalty is `1 / c`.
    pub c: f64,
    /// Most iterations.
    pub iterations_max: usize,
    /// Largest component of the gradient of the mean loss at the end.
    pub tolerance: f64,
    /// What the loss of a row of each class is multiplied with, `[classes]`. `None`: all weigh 1.
    pub class_weights: Option<Vec<f64>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { c: 1.0, iterations_max: ITERATIONS_MAX, tolerance: TOLERANCE, class_weights: None }
    }
}

/// A fitted model.
#[derive(Debug, Clone)]
pub struct Logistic {
    /// `[outputs, features + 1]`; the last is the constant.
    weights: Vec<f64>,
    outputs: usize,
    features: usize,
}

impl Logistic {
    /// Fits the classes `codes`, each below `classes`, with penalty `1 / c`.
    pub fn fit(rows: &LinearRows, codes: &[u32], classes: usize, c: f64, budget: &Budget) -> Result<Self> {
        Self::fit_with(rows, codes, classes, &Settings { c, ..Settings::default() }, budget)
    }

    /// As [`Logistic::fit`], with all settings.
    pub fn fit_with(rows: &LinearRows, codes: &[u32], classes: usize, settings: &Settings, budget: &Budget) -> Result<Self> {
        let outputs = if classes == 2 { 1 } else { classes };
        let penalty = 1.0 / (settings.c * rows.rows.max(1) as f64);
        let weights = settings.class_weights.clone().unwrap_or_else(|| vec![1.0; classes]);
        let problem = Problem { rows, codes, outputs, penalty, weights };
        let weights = minimise(&problem, outputs * (rows.features + 1), settings, budget)?;
        Ok(Self { weights, outputs, features: rows.features })
    }

    /// Outputs: 1 for two classes, else one a class.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Weights without the constants, `[outputs, features]`.
    pub fn weights(&self) -> Vec<f64> {
        self.weights.chunks_exact(self.features + 1).flat_map(|weights| &weights[..self.features]).copied().collect()
    }

    /// Shares of classes: `[rows]` of class 1 for two classes, else `[rows, classes]`.
    pub fn predict(&self, rows: &LinearRows) -> Vec<f64> {
        let mut shares = vec![0.0; rows.rows * self.outputs];
        shares.par_chunks_mut(CHUNK * self.outputs).enumerate().for_each(|(chunk, shares)| {
            for (row, shares) in shares.chunks_exact_mut(self.outputs).enumerate() {
                scores(rows, chunk * CHUNK + row, &self.weights, shares);
                link(shares);
            }
        });
        shares
    }
}

/// The scores of a row, `[outputs]`.
fn scores(rows: &LinearRows, row: usize, weights: &[f64], scores: &mut [f64]) {
    let values = rows.values_of(row);
    let hot = rows.hot_of(row);
    for (score, weights) in scores.iter_mut().zip(weights.chunks_exact(rows.features + 1)) {
        let of_numbers = dot(values, &weights[..values.len()]);
        let of_levels: f64 = hot.iter().filter(|&&feature| feature != NO_FEATURE).map(|&feature| weights[feature as usize]).sum();
        *score = of_numbers + of_levels + weights[rows.features];
    }
}

/// Scores of one row to shares.
fn link(scores: &mut [f64]) {
    if let [score] = scores {
        *score = share(*score, exp(-score.abs()));
    } else {
        softmax(scores);
    }
}

/// `1 / (1 + e^-s)`, given `e^-|s|`.
#[inline(always)]
pub(super) fn share(score: f64, small: f64) -> f64 {
    (if score >= 0.0 { 1.0 } else { small }) / (1.0 + small)
}

/// Scores to shares; returns the log of the normaliser `ln sum e^s`.
pub(super) fn softmax(scores: &mut [f64]) -> f64 {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    scores.iter_mut().for_each(|score| *score = exp(*score - most));
    let sum: f64 = scores.iter().sum();
    scores.iter_mut().for_each(|score| *score /= sum);
    most + libm::log(sum)
}

struct Problem<'a> {
    rows: &'a LinearRows,
    codes: &'a [u32],
    outputs: usize,
    penalty: f64,
    /// What the loss of a row of each class is multiplied with, `[classes]`.
    weights: Vec<f64>,
}

impl Problem<'_> {
    /// Loss and gradient.
    fn at(&self, weights: &[f64]) -> (f64, Vec<f64>) {
        let n = self.rows.rows;
        let starts: Vec<usize> = (0..n).step_by(CHUNK).collect();
        let parts: Vec<(f64, Vec<f64>)> = starts.par_iter().map(|&start| self.part(weights, start..(start + CHUNK).min(n))).collect();
        let (mut loss, mut gradient) = (0.0, vec![0.0; weights.len()]);
        for (part, slopes) in parts {
            loss += part;
            gradient.iter_mut().zip(slopes).for_each(|(sum, slope)| *sum += slope);
        }
        loss /= n.max(1) as f64;
        gradient.iter_mut().for_each(|slope| *slope /= n.max(1) as f64);
        let constant = |index: usize| index % (self.rows.features + 1) == self.rows.features;
        for (_, (slope, weight)) in gradient.iter_mut().zip(weights).enumerate().filter(|(index, _)| !constant(*index)) {
            *slope += self.penalty * weight;
            loss += self.penalty * weight * weight / 2.0;
        }
        (loss, gradient)
    }

    fn part(&self, weights: &[f64], range: std::ops::Range<usize>) -> (f64, Vec<f64>) {
        let rows = self.rows;
        let (mut loss, mut gradient) = (0.0, vec![0.0; weights.len()]);
        // rows of one weight share a product
        let pair = [0, 1].map(|class| self.weights.get(class).copied().unwrap_or(1.0));
        let apart = usize::from(pair[0] != pair[1]);
        let mut products = [1.0; 2];
        let mut shares = vec![0.0; BATCH * self.outputs];
        for (batch, start) in range.clone().step_by(BATCH).enumerate() {
            let batch_rows = start..range.end.min(start + BATCH);
            let shares = &mut shares[..batch_rows.len() * self.outputs];
            for (row, scores_of_row) in batch_rows.clone().zip(shares.chunks_exact_mut(self.outputs)) {
                scores(rows, row, weights, scores_of_row);
            }
            let codes = &self.codes[batch_rows.clone()];
            if self.outputs == 1 {
                loss += logistic(shares, codes, &pair, apart, &mut products);
                if (batch + 1) % (FACTORS / BATCH) == 0 {
                    loss += logarithms(&pair, &mut products);
                }
            } else {
                for (shares, &code) in shares.chunks_exact_mut(self.outputs).zip(codes) {
                    let own = shares[code as usize];
                    loss += self.weights[code as usize] * (softmax(shares) - own);
                }
            }
            for (row, shares) in batch_rows.zip(shares.chunks_exact(self.outputs)) {
                self.add_slopes(row, shares, &mut gradient);
            }
        }
        (loss + logarithms(&pair, &mut products), gradient)
    }

    /// Adds a row's part of the gradient.
    fn add_slopes(&self, row: usize, shares: &[f64], gradient: &mut [f64]) {
        let rows = self.rows;
        let (code, values, hot) = (self.codes[row] as usize, rows.values_of(row), rows.hot_of(row));
        for (output, (share, slopes)) in shares.iter().zip(gradient.chunks_exact_mut(rows.features + 1)).enumerate() {
            let hit = if self.outputs == 1 { code == 1 } else { code == output };
            let residual = self.weights[code] * (share - f64::from(u8::from(hit)));
            slopes.iter_mut().zip(values).for_each(|(slope, value)| *slope += residual * value);
            hot.iter().filter(|&&feature| feature != NO_FEATURE).for_each(|&feature| slopes[feature as usize] += residual);
            slopes[rows.features] += residual;
        }
    }
}

/// Scores of some rows to shares; returns their losses without `ln (1 + e^-|s|)`, whose arguments it multiplies
/// into `products`: all into the first, or, `apart` being 1, each into that of its class.
fn logistic(scores: &mut [f64], codes: &[u32], weights: &[f64; 2], apart: usize, products: &mut [f64; 2]) -> f64 {
    let mut small = [0.0; BATCH];
    for (small, score) in small.iter_mut().zip(scores.iter()) {
        *small = exp(-score.abs());
    }
    let mut loss = 0.0;
    for ((score, &small), &code) in scores.iter_mut().zip(&small).zip(codes) {
        let class = (code & 1) as usize;
        loss += weights[class] * (score.max(0.0) - if code == 1 { *score } else { 0.0 });
        products[class & apart] *= 1.0 + small;
        *score = share(*score, small);
    }
    loss
}

/// The weighted logarithms of products, which start anew.
fn logarithms(weights: &[f64; 2], products: &mut [f64; 2]) -> f64 {
    let [first, second] = std::mem::replace(products, [1.0; 2]);
    weights[0] * libm::log(first) + weights[1] * libm::log(second)
}

/// L-BFGS from zero.
fn minimise(problem: &Problem, size: usize, settings: &Settings, budget: &Budget) -> Result<Vec<f64>> {
    let mut weights = vec![0.0; size];
    let (mut loss, mut gradient) = problem.at(&weights);
    let mut pairs: VecDeque<(Vec<f64>, Vec<f64>)> = VecDeque::new();
    for _ in 0..settings.iterations_max {
        budget.go_on()?;
        if gradient.iter().all(|slope| slope.abs() <= settings.tolerance) {
            break;
        }
        let direction = direction(&gradient, &pairs);
        let slope = dot(&direction, &gradient);
        let first = if pairs.is_empty() { 1.0 / dot(&gradient, &gradient).sqrt().max(1.0) } else { 1.0 };
        let Some((step, next_loss, next_gradient)) = search(problem, &weights, loss, &direction, slope, first) else {
            break;
        };
        let moved: Vec<f64> = direction.iter().map(|part| step * part).collect();
        let turned: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(next, before)| next - before).collect();
        weights.iter_mut().zip(&moved).for_each(|(weight, moved)| *weight += moved);
        (loss, gradient) = (next_loss, next_gradient);
        if dot(&moved, &turned) > 1e-12 * dot(&turned, &turned) {
            pairs.push_back((moved, turned));
            if pairs.len() > PAIRS {
                pairs.pop_front();
            }
        }
    }
    Ok(weights)
}

/// Minus the gradient times the inverse curvature that the pairs suggest.
fn direction(gradient: &[f64], pairs: &VecDeque<(Vec<f64>, Vec<f64>)>) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|slope| -slope).collect();
    let mut factors = Vec::with_capacity(pairs.len());
    for (moved, turned) in pairs.iter().rev() {
        let factor = dot(moved, &direction) / dot(moved, turned);
        direction.iter_mut().zip(turned).for_each(|(part, turned)| *part -= factor * turned);
        factors.push(factor);
    }
    if let Some((moved, turned)) = pairs.back() {
        let scale = dot(moved, turned) / dot(turned, turned);
        direction.iter_mut().for_each(|part| *part *= scale);
    }
    for ((moved, turned), factor) in pairs.iter().zip(factors.into_iter().rev()) {
        let back = dot(turned, &direction) / dot(moved, turned);
        direction.iter_mut().zip(moved).for_each(|(part, moved)| *part += (factor - back) * moved);
    }
    direction
}

/// Halves the step until the loss falls enough; `None` if it never does.
fn search(problem: &Problem, weights: &[f64], loss: f64, direction: &[f64], slope: f64, first: f64) -> Option<(f64, f64, Vec<f64>)> {
    let mut step = first;
    for _ in 0..40 {
        let at: Vec<f64> = weights.iter().zip(direction).map(|(weight, part)| weight + step * part).collect();
        let (next, gradient) = problem.at(&at);
        if next <= loss + 1e-4 * step * slope {
            return Some((step, next, gradient));
        }
        step /= 2.0;
    }
    None
}

/// Sum of products, in eight strands.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<STRANDS>(), b.as_chunks::<STRANDS>());
    let mut sums = [0.0; STRANDS];
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(values: &[f64], numbers: usize) -> LinearRows {
        LinearRows { rows: values.len() / numbers, numbers, levels: 0, features: numbers, values: values.to_vec(), hot: Vec::new() }
    }

    #[test]
    fn without_features_the_shares_are_the_frequencies() {
        let rows = LinearRows { rows: 10, numbers: 0, levels: 0, features: 0, values: Vec::new(), hot: Vec::new() };
        let codes = [1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        let model = Logistic::fit(&rows, &codes, 2, 1.0, &Budget::quiet(1)).expect("nobody stops it");
        assert!((model.predict(&rows)[0] - 0.3).abs() < 1e-3);
        let model = Logistic::fit(&rows, &codes, 3, 1.0, &Budget::quiet(1)).expect("nobody stops it");
        assert!((model.predict(&rows)[0] - 0.7).abs() < 1e-3);
    }

    #[test]
    fn the_gradient_is_zero_at_the_minimum() {
        // sum (share - label) x + w / C = 0, and sum (share - label) = 0
        let xs: Vec<f64> = (0..40).map(|i| f64::from(i * 7 % 11) - 4.0).collect();
        let codes: Vec<u32> = (0..40).map(|i| u32::from(i * 7 % 11 + i % 5 > 7)).collect();
        let rows = numbers(&xs, 1);
        let model = Logistic::fit(&rows, &codes, 2, 1.0, &Budget::quiet(1)).expect("nobody stops it");
        let residuals: Vec<f64> = model.predict(&rows).iter().zip(&codes).map(|(share, &code)| share - f64::from(code)).collect();
        assert!(residuals.iter().sum::<f64>().abs() < 40.0 * TOLERANCE);
        assert!((dot(&residuals, &xs) + model.weights[0]).abs() < 40.0 * TOLERANCE);
    }

    #[test]
    fn the_loss_is_the_mean_of_the_rows_losses() {
        let xs: Vec<f64> = (0..5_000).map(|i| f64::from(i * 7 % 1_999) / 40.0 - 25.0).collect();
        let codes: Vec<u32> = (0..5_000).map(|i| u32::from(i % 3 == 0)).collect();
        let problem = Problem { rows: &numbers(&xs, 1), codes: &codes, outputs: 1, penalty: 0.0, weights: vec![1.0; 2] };
        let one = |(x, code): (&f64, &u32)| x.max(0.0) + libm::log1p(libm::exp(-x.abs())) - if *code == 1 { *x } else { 0.0 };
        let expected = xs.iter().zip(&codes).map(one).sum::<f64>() / 5_000.0;
        assert!((problem.at(&[1.0, 0.0]).0 - expected).abs() < 1e-12 * expected);
    }

    #[test]
    fn a_weight_is_so_many_rows() {
        let xs: Vec<f64> = (0..60).map(|i| f64::from(i * 7 % 11) - 4.0).collect();
        let codes: Vec<u32> = (0..60).map(|i| u32::from(i * 7 % 11 + i % 5 > 9)).collect();
        let repeated = |of: usize| codes.iter().enumerate().flat_map(move |(row, &code)| vec![row; if code == 1 { of } else { 1 }]);
        let many: Vec<f64> = repeated(3).map(|row| xs[row]).collect();
        let many_codes: Vec<u32> = repeated(3).map(|row| codes[row]).collect();
        let weights = [0.3, -0.2];
        let weighted = Problem { rows: &numbers(&xs, 1), codes: &codes, outputs: 1, penalty: 0.0, weights: vec![1.0, 3.0] }.at(&weights);
        let plain = Problem { rows: &numbers(&many, 1), codes: &many_codes, outputs: 1, penalty: 0.0, weights: vec![1.0; 2] }.at(&weights);
        let scale = many.len() as f64 / xs.len() as f64;
        assert!((weighted.0 - plain.0 * scale).abs() < 1e-12, "{} is not {}", weighted.0, plain.0 * scale);
        assert!((weighted.1[0] - plain.1[0] * scale).abs() < 1e-12 && (weighted.1[1] - plain.1[1] * scale).abs() < 1e-12);
    }

    #[test]
    fn slopes_are_differences_of_the_loss() {
        let rows = LinearRows {
            rows: 6,
            numbers: 1,
            levels: 1,
            features: 3,
            values: vec![0.5, -1.0, 2.0, 0.0, 1.5, -0.5],
            hot: vec![1, 2, 1, NO_FEATURE, 2, 1],
        };
        let problem = Problem { rows: &rows, codes: &[0, 2, 1, 2, 0, 1], outputs: 3, penalty: 0.3, weights: vec![1.0, 2.0, 0.5] };
        let weights: Vec<f64> = (0..12).map(|i| f64::from(i) / 7.0 - 0.8).collect();
        let gradient = problem.at(&weights).1;
        for index in 0..12 {
            let loss = |by: f64| {
                let mut weights = weights.clone();
                weights[index] += by;
                problem.at(&weights).0
            };
            assert!((gradient[index] - (loss(1e-5) - loss(-1e-5)) / 2e-5).abs() < 1e-8, "weight {index}");
        }
    }
}
