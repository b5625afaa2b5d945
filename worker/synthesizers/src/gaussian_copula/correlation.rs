//! The correlation matrix of hidden normal numbers, from scores.
//!
//! **Definition.** Two numbers: Pearson correlation of their normal scores over rows where both are
//! regular. State with number: from shared information (`shared_information.rs`). Other discrete with
//! number: `Cov(s, z) / v`, exact for a bivariate normal. Two discrete: `Cov(s_a, s_b) / (v_a v_b)`, first
//! order in Hermite polynomials (our choice). Each is clipped to ±0.99; fewer than 30 joint rows give 0.
//! **Reference.** Olsson 1979, doi 10.1007/BF02296207, for what the discrete forms approximate.

use super::shared_information::State;
use rayon::prelude::*;
use synthfleet_proto::Result;
use synthfleet_table::Budget;

const JOINT_ROWS_MIN: f64 = 30.0;
const CLIP: f64 = 0.99;

/// Scores of one column, `[rows]`.
pub(super) struct Column {
    /// Score of each row; 0 where it has none.
    pub(super) scores: Vec<f32>,
    /// 1 for rows with a score; none: all have.
    pub(super) present: Option<Vec<f32>>,
    /// What a covariance is divided by: the variance of a discrete column's scores; none for numbers.
    pub(super) variance: Option<f64>,
    /// Numbers: the part of each row, for correlations with States. Empty: not asked for.
    pub(super) parts: Vec<u8>,
    /// States: what tells their correlations with numbers.
    pub(super) state: Option<State>,
}

impl Column {
    /// A column that has all its scores.
    pub(super) fn of(scores: Vec<f32>) -> Self {
        Self { scores, present: None, variance: None, parts: Vec::new(), state: None }
    }

    /// What the noise of a correlation is divided by, for this column's part.
    pub(super) fn reliability(&self) -> f64 {
        let present = self.present.as_ref().map_or(1.0, |present| total(present) / present.len().max(1) as f64);
        (present * self.variance.unwrap_or(1.0)).clamp(0.0, 1.0).sqrt()
    }
}

/// The matrix `[columns, columns]`, ones on the diagonal.
pub(super) fn matrix(columns: &[Column], budget: &Budget) -> Result<Vec<f64>> {
    let size = columns.len();
    let row = |i: usize| -> Result<Vec<f64>> {
        budget.go_on()?;
        Ok((i + 1..size).map(|j| entry(&columns[i], &columns[j])).collect())
    };
    let upper = (0..size).into_par_iter().map(row).collect::<Result<Vec<_>>>()?;
    let mut all = vec![0.0; size * size];
    for (i, row) in upper.iter().enumerate() {
        all[i * size + i] = 1.0;
        for (j, &value) in (i + 1..size).zip(row) {
            (all[i * size + j], all[j * size + i]) = (value, value);
        }
    }
    Ok(all)
}

fn entry(a: &Column, b: &Column) -> f64 {
    let rows = match (&a.present, &b.present) {
        (None, None) => a.scores.len() as f64,
        (Some(present), None) | (None, Some(present)) => total(present),
        (Some(of_a), Some(of_b)) => dot(of_a, of_b),
    };
    if rows < JOINT_ROWS_MIN {
        return 0.0;
    }
    match (&a.state, &b.state) {
        (Some(state), None) if !b.parts.is_empty() => return state.correlation(&b.parts),
        (None, Some(state)) if !a.parts.is_empty() => return state.correlation(&a.parts),
        _ => {}
    }
    let sum = |scores: &[f32], others: &Option<Vec<f32>>| others.as_ref().map_or_else(|| total(scores), |present| dot(scores, present));
    let (mean_a, mean_b) = (sum(&a.scores, &b.present) / rows, sum(&b.scores, &a.present) / rows);
    let covariance = dot(&a.scores, &b.scores) / rows - mean_a * mean_b;
    let spread = |own: &Column, other: &Column, mean: f64| {
        let squares = other.present.as_ref().map_or_else(|| dot(&own.scores, &own.scores), |present| dot_squares(&own.scores, present));
        (squares / rows - mean * mean).max(0.0).sqrt()
    };
    let scale = match (a.variance, b.variance) {
        (None, None) => spread(a, b, mean_a) * spread(b, a, mean_b),
        (Some(variance), None) | (None, Some(variance)) => variance,
        (Some(of_a), Some(of_b)) => of_a * of_b,
    };
    if scale > 1e-12 { (covariance / scale).clamp(-CLIP, CLIP) } else { 0.0 }
}

/// Joins eight lanes over all rows.
fn lanes(a: &[f32], b: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    let ((a_lanes, a_rest), (b_lanes, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (x, y) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..8 {
            sums[lane] += term(x[lane].into(), y[lane].into());
        }
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(&x, &y)| term(x.into(), y.into())).sum::<f64>()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    lanes(a, b, |x, y| x * y)
}

fn dot_squares(a: &[f32], weights: &[f32]) -> f64 {
    lanes(a, weights, |x, weight| x * x * weight)
}

fn total(a: &[f32]) -> f64 {
    lanes(a, a, |x, _| x)
}

/// The first principal component's weights of a correlation-like matrix without column `left_out`, by
/// at most `steps` steps of power iteration from `start`; `None` if there is nothing to find.
pub(super) fn first_component(matrix: &[f64], start: &[f64], left_out: Option<usize>, steps: usize) -> Option<Vec<f64>> {
    const SETTLED: f64 = 1e-6;
    let mut weights = start.to_vec();
    left_out.into_iter().for_each(|place| weights[place] = 0.0);
    for _ in 0..steps {
        let mut next: Vec<f64> = matrix.chunks_exact(start.len()).map(|row| synthfleet_stats::matrix::dot(row, &weights)).collect();
        left_out.into_iter().for_each(|place| next[place] = 0.0);
        let length = synthfleet_stats::matrix::dot(&next, &next).sqrt();
        if length < 1e-9 {
            return None;
        }
        next.iter_mut().for_each(|x| *x /= length);
        let moved = next.iter().zip(&weights).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        weights = next;
        if moved < SETTLED {
            break;
        }
    }
    Some(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(scores: &[f32], present: Option<&[f32]>) -> Column {
        Column { present: present.map(<[f32]>::to_vec), ..Column::of(scores.to_vec()) }
    }

    #[test]
    fn only_rows_with_both_numbers_count() {
        let a: Vec<f32> = (0..80).map(|i| i as f32).collect();
        let b: Vec<f32> = (0..80).map(|i| if i < 40 { 2.0 * i as f32 } else { 0.0 }).collect();
        let present: Vec<f32> = (0..80).map(|i| if i < 40 { 1.0 } else { 0.0 }).collect();
        assert!((entry(&column(&a, None), &column(&b, Some(&present))) - CLIP).abs() < 1e-9);
        let few: Vec<f32> = (0..80).map(|i| if i < 29 { 1.0 } else { 0.0 }).collect();
        assert_eq!(entry(&column(&a, None), &column(&b, Some(&few))), 0.0);
    }

    #[test]
    fn the_first_component_follows_the_strongest_group() {
        let matrix = [1.0, 0.9, 0.0, 0.9, 1.0, 0.0, 0.0, 0.0, 1.0];
        let weights = first_component(&matrix, &[1.0, 1.3, 1.6], Some(2), 50).expect("two columns");
        assert!((weights[0] - weights[1]).abs() < 1e-6 && weights[2] == 0.0);
    }
}
