//! Takes sampling noise out of a correlation matrix, so that a wide table's sample does not repeat its rows.
//!
//! **Definition.** With as many columns as rows the correlations of n rows hold those rows, and rows drawn by
//! them lie nearer to train than to other rows of the same law. So R is split: *factors*, principal
//! components whose eigenvalue is above the 99 % point of the greatest one that n rows without any dependence
//! give, and what they leave. A remainder e with a noise of t = √(2 ln d / n) becomes e·max(0, 1 - t²/e²).
//! Both steps work on R times its columns' reliabilities, in which each entry has the noise 1/√n: scores of
//! levels vary by v < 1, numbers are there in a share of the rows only. With few columns and many rows all
//! but the faintest correlations stay as they are.
//! **Reference.** Fan, Liao, Mincheva 2013, doi 10.1111/rssb.12016, for factors and a thresholded rest;
//! Johnstone 2001, doi 10.1214/aos/1009210544, for the greatest eigenvalue; Rothman, Levina, Zhu 2009,
//! doi 10.1198/jasa.2009.0101, for the rule of thresholding.

use rayon::prelude::*;
use synthfleet_proto::Result;
use synthfleet_stats::matrix::dot;
use synthfleet_table::Budget;

const FACTORS_MAX: usize = 16;
const STEPS_MAX: usize = 50;
/// 99 % point of the Tracy–Widom law of order 1.
const TRACY_WIDOM: f64 = 2.0234;
/// Most variance of a column that factors may explain.
const EXPLAINED_MAX: f64 = 0.98;
const CLIP: f64 = 0.99;

/// Takes noise out of a correlation matrix of `reliable.len()` columns that were seen in `rows` rows.
pub(super) fn regularise(matrix: &mut [f64], reliable: &[f64], rows: usize, budget: &Budget) -> Result<()> {
    let size = reliable.len();
    if size < 2 || rows < 2 {
        return Ok(());
    }
    scale(matrix, reliable, |cell, weight| cell * weight);
    let mut loadings = factors(matrix, size, greatest(rows as f64, size as f64), budget)?;
    let explained = |loadings: &[Vec<f64>], column: usize| loadings.iter().map(|factor| factor[column] * factor[column]).sum::<f64>();
    for (column, reliable) in reliable.iter().enumerate() {
        let bound = EXPLAINED_MAX * reliable * reliable;
        let shrink = (bound / explained(&loadings, column).max(bound)).sqrt();
        loadings.iter_mut().for_each(|factor| factor[column] *= shrink);
    }
    let noise = (2.0 * libm::log(size as f64) / rows as f64).sqrt();
    let left: Vec<f64> = (0..size).map(|column| (1.0 - explained(&loadings, column)).max(0.0).sqrt()).collect();
    matrix.par_chunks_exact_mut(size).enumerate().for_each(|(i, row)| {
        for (j, cell) in row.iter_mut().enumerate().filter(|(j, _)| *j != i) {
            let common = loadings.iter().map(|factor| factor[i] * factor[j]).sum::<f64>();
            let (rest, threshold) = (*cell - common, noise * left[i] * left[j]);
            let kept = if rest.abs() > threshold { rest - threshold * threshold / rest } else { 0.0 };
            *cell = common + kept;
        }
    });
    scale(matrix, reliable, |cell, weight| (cell / weight.max(1e-12)).clamp(-CLIP, CLIP));
    Ok(())
}

fn scale(matrix: &mut [f64], reliable: &[f64], change: impl Fn(f64, f64) -> f64) {
    for (i, row) in matrix.chunks_exact_mut(reliable.len()).enumerate() {
        row.iter_mut().enumerate().filter(|(j, _)| *j != i).for_each(|(j, cell)| *cell = change(*cell, reliable[i] * reliable[j]));
    }
}

/// The 99 % point of the greatest eigenvalue of a correlation matrix of independent columns.
fn greatest(rows: f64, columns: f64) -> f64 {
    let sum = (rows - 1.0).sqrt() + columns.sqrt();
    let deviation = sum * libm::cbrt(1.0 / (rows - 1.0).sqrt() + 1.0 / columns.sqrt());
    (sum * sum + TRACY_WIDOM * deviation) / rows
}

/// Loadings of the components of a greater eigenvalue than `bound`, greatest first, `[factors][size]`. Each is
/// found by power iteration beside those before it; a direction that has not settled is as good as any,
/// because what it misses stays in the remainder.
fn factors(matrix: &[f64], size: usize, bound: f64, budget: &Budget) -> Result<Vec<Vec<f64>>> {
    let mut found: Vec<Vec<f64>> = Vec::new();
    while found.len() < FACTORS_MAX.min(size) {
        let mut direction: Vec<f64> = (0..size).map(|i| 1.0 + i as f64 / size as f64).collect();
        let mut value = 0.0;
        for _ in 0..STEPS_MAX {
            budget.go_on()?;
            let length = dot(&direction, &direction).sqrt();
            if length < 1e-9 {
                break;
            }
            direction.iter_mut().for_each(|x| *x /= length);
            let mut next: Vec<f64> = matrix.par_chunks_exact(size).map(|row| dot(row, &direction)).collect();
            for factor in &found {
                let along = dot(factor, &direction);
                next.iter_mut().zip(factor).for_each(|(x, loading)| *x -= along * loading);
            }
            let (before, settled) = (value, dot(&direction, &next));
            value = settled;
            if (value - before).abs() <= 1e-9 * value.abs() {
                break;
            }
            direction = next;
        }
        let length = dot(&direction, &direction).sqrt();
        if value <= bound || length < 1e-9 {
            break;
        }
        found.push(direction.iter().map(|x| x / length * value.sqrt()).collect());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::tables;
    use crate::{Given, Seeds, find};
    use synthfleet_proto::Seed;
    use synthfleet_stats::normal;
    use synthfleet_table::random::Draw;
    use synthfleet_table::{SeedExt, Values};

    /// Correlations of independent normal columns, `[columns, columns]`, after a common part is added.
    fn seen(rows: usize, columns: usize, common: f64) -> Vec<f64> {
        let mut random = Seed::from_task_seed(3).rng();
        let mut normal = || normal::quantile(random.open_uniform());
        let shared: Vec<f64> = (0..rows).map(|_| normal()).collect();
        let mut column = || -> Vec<f64> {
            let own: Vec<f64> = shared.iter().map(|shared| common.sqrt() * shared + (1.0 - common).sqrt() * normal()).collect();
            let mean = own.iter().sum::<f64>() / rows as f64;
            let centred: Vec<f64> = own.iter().map(|x| x - mean).collect();
            let length = dot(&centred, &centred).sqrt();
            centred.iter().map(|x| x / length).collect()
        };
        let all: Vec<Vec<f64>> = (0..columns).map(|_| column()).collect();
        all.iter().flat_map(|a| all.iter().map(|b| dot(a, b)).collect::<Vec<_>>()).collect()
    }

    fn regular(rows: usize, columns: usize, common: f64) -> (Vec<f64>, Vec<f64>) {
        let before = seen(rows, columns, common);
        let mut after = before.clone();
        regularise(&mut after, &vec![1.0; columns], rows, &Budget::quiet(2)).expect("goes on");
        (before, after)
    }

    #[test]
    fn independent_columns_become_independent() {
        let (before, after) = regular(100, 300, 0.0);
        let count = |matrix: &[f64]| matrix.iter().filter(|cell| cell.abs() > 0.1 && cell.abs() < 0.999).count();
        assert!(count(&before) > 20_000 && count(&after) < 300, "{} of {}", count(&after), count(&before));
    }

    #[test]
    fn what_all_columns_share_stays() {
        let (_, after) = regular(100, 300, 0.5);
        let (mut sum, mut squares, mut pairs) = (0.0, 0.0, 0.0);
        for (_, &cell) in after.iter().enumerate().filter(|(place, _)| place % 301 != 0) {
            (sum, squares, pairs) = (sum + cell, squares + (cell - 0.5) * (cell - 0.5), pairs + 1.0);
        }
        assert!((sum / pairs - 0.5).abs() < 0.1 && (squares / pairs).sqrt() < 0.1, "{} {}", sum / pairs, (squares / pairs).sqrt());
    }

    #[test]
    fn many_rows_of_few_columns_change_nothing_that_matters() {
        let (before, after) = regular(20_000, 10, 0.3);
        assert!(before.iter().zip(&after).all(|(a, b)| (a - b).abs() < 0.005));
        let pair = |correlation: f64| {
            let mut matrix = [1.0, correlation, correlation, 1.0];
            regularise(&mut matrix, &[1.0, 1.0], 20_000, &Budget::quiet(1)).expect("goes on");
            matrix[1]
        };
        assert!((pair(0.1) - 0.1).abs() < 0.002 && pair(0.005) == 0.0);
    }

    #[test]
    fn the_greatest_eigenvalue_of_noise_is_known() {
        // 1 + 2·√(d/n) + d/n for large tables
        assert!((greatest(1e8, 1e8) - 4.0).abs() < 1e-3 && (greatest(4e8, 1e8) - 2.25).abs() < 1e-3);
    }

    const WIDE: usize = 400;
    const FEW: usize = 100;

    /// Rows of normal numbers, `[rows][columns]`, that share a part of their variance.
    fn normal_rows(rows: usize, common: f64, seed: u64) -> Vec<Vec<f64>> {
        let mut random = Seed::from_task_seed(seed).rng();
        let mut normal = || normal::quantile(random.open_uniform());
        let mut row = || {
            let shared = common.sqrt() * normal();
            (0..WIDE).map(|_| shared + (1.0 - common).sqrt() * normal()).collect()
        };
        (0..rows).map(|_| row()).collect()
    }

    /// How many of a member's sample rows are nearer to train than to other rows of the same law.
    fn nearer_to_train(name: &str, rows: &[Vec<f64>]) -> f64 {
        let (train, others) = rows.split_at(FEW);
        let with = |builder: tables::Builder, column: usize| builder.reals(&format!("n{column}"), |row| train[row][column]);
        let table = (0..WIDE).fold(tables::Builder::new(FEW), with).build();
        let (member, seeds, budget) = (find(name).expect("listed"), Seeds::of_task(1, "wide"), Budget::quiet(2));
        let model = member.fit_any(&table, &serde_json::Value::Null, &seeds, &budget).expect("fits");
        let made = model.sample(0..FEW as u64, &Given::NOTHING, &budget).expect("samples");
        let cell = |row: usize, column: usize| match made.column(column).values() {
            Values::Real(cells) => cells[row],
            _ => f64::NAN,
        };
        let nearest = |row: usize, rows: &[Vec<f64>]| {
            let square = |other: &Vec<f64>, column: usize| (cell(row, column) - other[column]) * (cell(row, column) - other[column]);
            rows.iter().map(|other| (0..WIDE).map(|column| square(other, column)).sum::<f64>()).fold(f64::INFINITY, f64::min)
        };
        (0..FEW).filter(|&row| nearest(row, train) < nearest(row, others)).count() as f64
    }

    #[test]
    fn a_wide_sample_is_no_nearer_to_train_than_its_columns_alone() {
        // 4 columns a row; shares of 0.98 came from a correlation matrix as it is seen
        const TABLES: u64 = 2;
        let rows = (TABLES * FEW as u64) as f64;
        for common in [0.0, 0.5] {
            let share =
                |name: &str| (1..=TABLES).map(|seed| nearer_to_train(name, &normal_rows(2 * FEW, common, seed))).sum::<f64>() / rows;
            let (joint, alone) = (share("gaussian_copula"), share("independent"));
            assert!(joint - alone <= 3.0 * (0.5 / rows).sqrt(), "{joint} against {alone} with {common} in common");
        }
    }
}
