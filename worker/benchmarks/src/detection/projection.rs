//! What the plot of both clouds shows: rows along the two directions in which train rows spread most.
//!
//! # Model
//! A row becomes features in 0 to 65,535: a number its place among train values, see [`crate::parts::encode16`] (missing:
//! the middle); a column with levels one feature for each of its [`LEVELS_MAX`] commonest levels (65,535 or 0). The
//! directions are the first two eigenvectors of the covariance of train's features, their largest part positive.
//!
//! # Definition
//! `edges[2][bins + 1]`: equal steps between the means of the five lowest and the five highest train rows; rows beyond
//! belong to the outer cells. `train`, `sample`: counts, cell `(i, j)` at `i bins + j`, rounded down to multiples of five.
//! `explained[2]`: shares of the variance.
//!
//! # Limits
//! The first [`COLUMNS_MAX`] columns by name. Sums are of whole numbers, so the order of rows and columns changes nothing.
//! Train that varies in fewer than two directions: null.
//!
//! # Cost
//! rows x columns², and (features)³ for the directions.
//!
//! # Reference
//! Pearson 1901, doi 10.1080/14786440109462720. Rank scale and level features are ours: no outlier stretches the picture.

use crate::parts::cells::rounded;
use crate::parts::encode16::{Cells, Column16, Measure, encode};
use crate::parts::groups::short;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use synthfleet_proto::Result;
use synthfleet_stats::matrix::eigen;
use synthfleet_table::{Budget, Table};

/// Most columns.
const COLUMNS_MAX: usize = 60;
/// Levels of a column with a feature.
const LEVELS_MAX: usize = 4;
/// Most cells along a direction, and rows a cell along it.
const BINS: (usize, usize) = (24, 20);
/// Rows whose mean ends the picture.
const END: usize = 5;
/// The largest value of a feature.
const ONE: u64 = 65_535;

/// The counts of train and sample rows; null if there is no plane.
pub fn of(train: &Table, sample: &Table, budget: &Budget) -> Result<Value> {
    let mut places: Vec<usize> = train.metadata().modelled().collect();
    places.sort_by(|&a, &b| train.metadata().columns[a].name.cmp(&train.metadata().columns[b].name));
    places.truncate(COLUMNS_MAX);
    let columns = encode(&[train, sample], 1, &places, budget)?;
    let features = Features::of(&columns, train, &places);
    let Some(plane) = Plane::of(&features, train.rows(), budget)? else { return Ok(Value::Null) };
    let along = |side: usize, rows: usize, axis: usize| -> Vec<f64> {
        (0..rows)
            .map(|row| features.of_row(side, row).map(|(feature, value)| plane.directions[axis][feature] * value as f64).sum())
            .collect()
    };
    let clouds = [(0, train.rows()), (1, sample.rows())].map(|(side, rows)| [0, 1].map(|axis| along(side, rows, axis)));
    let bins = ((train.rows() as f64 / BINS.1 as f64).sqrt() as usize).clamp(2, BINS.0);
    let edges = clouds[0].each_ref().map(|values| edges(values, bins));
    let counts = |cloud: &[Vec<f64>; 2]| {
        let mut counts = vec![0u64; bins * bins];
        let cell = |axis: usize, value: f64| edges[axis][1..bins].partition_point(|edge| *edge <= value);
        cloud[0].iter().zip(&cloud[1]).for_each(|(&x, &y)| counts[cell(0, x) * bins + cell(1, y)] += 1);
        counts.into_iter().map(rounded).collect::<Vec<u64>>()
    };
    Ok(json!({
        "columns": places.len(), "explained": plane.explained.map(short), "edges": edges,
        "train": counts(&clouds[0]), "sample": counts(&clouds[1]), "rows": { "train": train.rows(), "sample": sample.rows() },
    }))
}

/// Equal steps between the means of the lowest and of the highest values, in units of the largest feature.
fn edges(values: &[f64], bins: usize) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let end = END.min(sorted.len());
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let (low, high) = (mean(&sorted[..end]), mean(&sorted[sorted.len() - end..]));
    (0..=bins).map(|bin| short(low + (high - low) * bin as f64 / bins as f64)).collect()
}

/// Rows as few non-zero features.
struct Features<'a> {
    columns: Vec<Featured<'a>>,
    count: usize,
}

struct Featured<'a> {
    column: &'a Column16,
    /// Feature of a number.
    first: usize,
    /// Feature of each level that has one.
    of_level: BTreeMap<u32, usize>,
}

impl<'a> Features<'a> {
    fn of(columns: &'a [Column16], train: &Table, places: &[usize]) -> Self {
        let mut count = 0;
        let featured = columns.iter().zip(places).map(|(column, &place)| {
            let first = count;
            let levels = if column.measure == Measure::Level { commonest(&column.sides[0], train, place) } else { Vec::new() };
            let of_level: BTreeMap<u32, usize> = levels.iter().enumerate().map(|(nth, &level)| (level, first + nth)).collect();
            count += if column.measure == Measure::Number { 1 } else { of_level.len() };
            Featured { column, first, of_level }
        });
        let columns = featured.collect();
        Self { columns, count }
    }

    /// Features of a row that are not 0, each once.
    fn of_row(&self, side: usize, row: usize) -> impl Iterator<Item = (usize, u64)> {
        self.columns.iter().filter_map(move |featured| {
            let cells = &featured.column.sides[side];
            let (main, flag) = (cells.main[row], cells.flag.get(row).copied().unwrap_or(0));
            match featured.column.measure {
                Measure::Number => Some((featured.first, if flag > 0 { ONE / 2 } else { u64::from(main) })),
                Measure::Level => featured.of_level.get(&code(main, flag)).map(|&feature| (feature, ONE)),
            }
        })
    }
}

fn code(main: u16, flag: u16) -> u32 {
    u32::from(flag) << 16 | u32::from(main)
}

/// The commonest levels of train, ties by name; a missing cell is a level.
fn commonest(cells: &Cells, train: &Table, place: usize) -> Vec<u32> {
    let names = &train.metadata().columns[place].levels;
    let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
    for (row, &main) in cells.main.iter().enumerate() {
        *counts.entry(code(main, cells.flag.get(row).copied().unwrap_or(0))).or_insert(0) += 1;
    }
    let mut order: Vec<(u32, u64)> = counts.into_iter().collect();
    let name = |level: u32| names.get(level as usize).map(String::as_str);
    order.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| name(a.0).cmp(&name(b.0))));
    order.into_iter().take(LEVELS_MAX).map(|(level, _)| level).collect()
}

struct Plane {
    /// `[2][features]`, per unit of the largest feature.
    directions: [Vec<f64>; 2],
    explained: [f64; 2],
}

impl Plane {
    fn of(features: &Features, rows: usize, budget: &Budget) -> Result<Option<Self>> {
        let size = features.count;
        let covariance = covariance(features, rows, budget)?;
        let total: f64 = (0..size).map(|i| covariance[i * size + i]).sum();
        if size < 2 || total <= 0.0 {
            return Ok(None);
        }
        let (values, vectors) = eigen(&covariance, size);
        let mut order: Vec<usize> = (0..size).collect();
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]).then(a.cmp(&b)));
        let explained = [order[0], order[1]].map(|which| (values[which] / total).clamp(0.0, 1.0));
        // what is left of rounding is no direction
        if explained[1] < 1e-9 {
            return Ok(None);
        }
        Ok(Some(Self { directions: [order[0], order[1]].map(|which| positive(&vectors[which * size..(which + 1) * size])), explained }))
    }
}

/// A direction whose largest part is positive, per unit of the largest feature.
fn positive(vector: &[f64]) -> Vec<f64> {
    let largest = vector.iter().fold(0.0f64, |largest, &part| if part.abs() > largest.abs() + 1e-9 { part } else { largest });
    let unit = 1.0f64.copysign(largest) / ONE as f64;
    vector.iter().map(|part| part * unit).collect()
}

/// Covariances of the features in units of the largest, `[features, features]`, from sums of whole numbers.
fn covariance(features: &Features, rows: usize, budget: &Budget) -> Result<Vec<f64>> {
    let size = features.count;
    let (mut sums, mut products) = (vec![0u64; size], vec![0u64; size * size]);
    for row in 0..rows {
        if row % 1_024 == 0 {
            budget.go_on()?;
        }
        let present: Vec<(usize, u64)> = features.of_row(0, row).collect();
        for (nth, &(a, x)) in present.iter().enumerate() {
            sums[a] += x;
            present[..=nth].iter().for_each(|&(b, y)| products[a * size + b] += x * y);
        }
    }
    let (n, one) = (rows as f64, ONE as f64);
    let mut covariance = vec![0.0; size * size];
    for a in 0..size {
        for b in 0..=a {
            let value = products[a * size + b] as f64 / (one * one) / n - (sums[a] as f64 / one / n) * (sums[b] as f64 / one / n);
            (covariance[a * size + b], covariance[b * size + a]) = (value, value);
        }
    }
    Ok(covariance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::mixed;

    fn numbers(value: &Value) -> Vec<f64> {
        value.as_array().expect("a list").iter().map(|number| number.as_f64().expect("a number")).collect()
    }

    #[test]
    fn a_table_projected_on_itself_gives_equal_clouds_in_any_row_order() {
        let (real, _) = mixed(600, 100, 100);
        let turned: Vec<u32> = (0..600).rev().collect();
        let (train, turned) = (&real.train, real.train.take(&turned));
        let budget = Budget::quiet(2);
        let found = of(train, &turned, &budget).expect("no stop");
        assert_eq!(found["train"], found["sample"]);
        assert_eq!(found, of(&turned, train, &budget).expect("no stop"));
        let explained = numbers(&found["explained"]);
        assert!(explained[0] >= explained[1] && explained[0] + explained[1] <= 1.0, "{explained:?}");
    }

    #[test]
    fn cells_never_tell_a_few_rows() {
        let (real, sample) = mixed(900, 100, 300);
        let found = of(&real.train, &sample, &Budget::quiet(1)).expect("no stop");
        for name in ["train", "sample"] {
            let counts = numbers(&found[name]);
            assert_eq!(counts.len(), 36, "sqrt(900 / 20) cells each way");
            assert!(counts.iter().all(|count| count % 5.0 == 0.0));
            assert!(counts.iter().sum::<f64>() > 100.0, "{name}: {counts:?}");
        }
    }

    #[test]
    fn whole_sums_are_the_covariance() {
        let cells = |main: Vec<u16>| Column16 { measure: Measure::Number, sides: vec![Cells { main, flag: Vec::new() }] };
        let columns = [cells(vec![0, 65_535, 65_535, 0]), cells(vec![0, 65_535, 0, 0])];
        let featured = columns.iter().enumerate().map(|(first, column)| Featured { column, first, of_level: BTreeMap::new() });
        let features = Features { columns: featured.collect(), count: 2 };
        let found = covariance(&features, 4, &Budget::quiet(1)).expect("no stop");
        for (ours, exact) in found.iter().zip([0.25, 0.125, 0.125, 0.1875]) {
            assert!((ours - exact).abs() < 1e-12, "{found:?}");
        }
    }
}
