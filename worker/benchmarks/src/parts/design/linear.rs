//! Rows for linear models.
//!
//! # Definition
//! Numbers become `(x - median) / IQR` of the rows learnt from (IQR 0: 1), missing ones the mean of the rows
//! that `means` names. Each level is a feature of 0 and 1, a missing cell a level like any other; levels
//! unseen among the rows that `known` names are 0 throughout. Levels are not stored as features: a row keeps
//! the index of the one that is 1.

use crate::parts::side;
use std::collections::BTreeMap;
use synthfleet_table::Table;

/// The feature of a cell whose level is unknown.
pub const NO_FEATURE: u32 = u32::MAX;

/// Rows as numbers and indices of features that are 1.
#[derive(Debug, Clone)]
pub struct LinearRows {
    /// Number of rows.
    pub rows: usize,
    /// Number columns: the first features.
    pub numbers: usize,
    /// Level columns.
    pub levels: usize,
    /// Features in all, levels included, without the constant.
    pub features: usize,
    /// `[rows, numbers]`.
    pub values: Vec<f64>,
    /// Index of the feature that is 1, or [`NO_FEATURE`]: `[rows, levels]`.
    pub hot: Vec<u32>,
}

impl LinearRows {
    /// The numbers of a row.
    pub fn values_of(&self, row: usize) -> &[f64] {
        &self.values[row * self.numbers..][..self.numbers]
    }

    /// The features that are 1 in a row.
    pub fn hot_of(&self, row: usize) -> &[u32] {
        &self.hot[row * self.levels..][..self.levels]
    }
}

/// A learnt encoding of some columns.
#[derive(Debug, Clone)]
pub struct LinearEncoder {
    numbers: Vec<Number>,
    /// Place and the feature of each known level.
    levels: Vec<(usize, BTreeMap<u32, u32>)>,
    features: usize,
}

#[derive(Debug, Clone, Copy)]
struct Number {
    place: usize,
    mean: f64,
    median: f64,
    spread: f64,
}

impl LinearEncoder {
    /// Learns from the rows `rows` of `table`; means of numbers from `means`, levels from `known`, both rows of
    /// `table`.
    pub fn fit(table: &Table, places: &[usize], rows: &[u32], means: &[u32], known: &[u32]) -> Self {
        let (of_numbers, of_levels): (Vec<usize>, Vec<usize>) =
            places.iter().partition(|&&place| table.metadata().columns[place].kind.is_number_like());
        let numbers: Vec<Number> = of_numbers.iter().map(|&place| Number::fit(table, place, rows, means)).collect();
        let mut features = numbers.len();
        let mut levels = Vec::new();
        for place in of_levels {
            let codes = side::levels(table, place);
            let mut seen: Vec<u32> = known.iter().map(|&row| codes[row as usize]).collect();
            seen.sort_unstable();
            seen.dedup();
            let start = features as u32;
            features += seen.len();
            levels.push((place, seen.into_iter().zip(start..).collect()));
        }
        Self { numbers, levels, features }
    }

    /// Encodes the rows `rows` of a table.
    pub fn apply(&self, table: &Table, rows: &[u32]) -> LinearRows {
        let (p, q) = (self.numbers.len(), self.levels.len());
        let mut values = vec![0.0; rows.len() * p];
        for (index, number) in self.numbers.iter().enumerate() {
            let all = side::numbers(table, number.place);
            values.iter_mut().skip(index).step_by(p).zip(rows).for_each(|(value, &row)| *value = number.scaled(all[row as usize]));
        }
        let mut hot = vec![NO_FEATURE; rows.len() * q];
        for (index, (place, features)) in self.levels.iter().enumerate() {
            let codes = side::levels(table, *place);
            let feature = |row: u32| features.get(&codes[row as usize]).copied().unwrap_or(NO_FEATURE);
            hot.iter_mut().skip(index).step_by(q).zip(rows).for_each(|(hot, &row)| *hot = feature(row));
        }
        LinearRows { rows: rows.len(), numbers: p, levels: q, features: self.features, values, hot }
    }

    /// How far the weights `[outputs, features]` of each of `places` reach: size of a number's, span of a
    /// column's levels, summed over outputs.
    pub fn spans(&self, places: &[usize], weights: &[f64], outputs: usize) -> Vec<f64> {
        let mut spans = vec![0.0; places.len()];
        let mut add = |place: usize, span: f64| {
            if let Some(index) = places.iter().position(|&other| other == place) {
                spans[index] += span;
            }
        };
        for weights in weights.chunks_exact(weights.len() / outputs.max(1)).take(outputs) {
            self.numbers.iter().zip(weights).for_each(|(number, weight)| add(number.place, weight.abs()));
            for (place, features) in &self.levels {
                let of_levels = || features.values().map(|&feature| weights[feature as usize]);
                add(*place, (of_levels().fold(0.0, f64::max) - of_levels().fold(0.0, f64::min)).abs());
            }
        }
        spans
    }
}

impl Number {
    fn fit(table: &Table, place: usize, rows: &[u32], means: &[u32]) -> Self {
        let all = side::numbers(table, place);
        let present = |rows: &[u32]| -> Vec<f64> { rows.iter().map(|&row| all[row as usize]).filter(|x| !x.is_nan()).collect() };
        let average = |of: &[f64]| of.iter().map(|x| x / of.len() as f64).sum::<f64>();
        let (of_means, of_rows) = (present(means), present(rows));
        let mean = average(if of_means.is_empty() { &of_rows } else { &of_means });
        let mut filled: Vec<f64> = rows.iter().map(|&row| all[row as usize]).map(|x| if x.is_nan() { mean } else { x }).collect();
        filled.sort_unstable_by(f64::total_cmp);
        let spread = quantile(&filled, 0.75) - quantile(&filled, 0.25);
        Self { place, mean, median: quantile(&filled, 0.5), spread: if spread > 0.0 && spread.is_finite() { spread } else { 1.0 } }
    }

    fn scaled(&self, x: f64) -> f64 {
        ((if x.is_nan() { self.mean } else { x } - self.median) / self.spread).clamp(-1e12, 1e12)
    }
}

/// The quantile of sorted values, linear between neighbours; 0 of none.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    if sorted.is_empty() {
        return 0.0;
    }
    let place = share * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * (place - place.floor())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
    use synthfleet_table::{Bits, Column, Values};

    #[test]
    fn numbers_are_scaled_and_levels_are_features() {
        let mut level = ColumnMeta::plain("l", Kind::Categorical);
        level.levels = ["a", "b", "c"].map(str::to_owned).to_vec();
        let metadata = Arc::new(Metadata::plain("t", vec![ColumnMeta::plain("x", Kind::Continuous), level]));
        let missing = Bits::collect((0..5).map(|row| row == 4));
        let numbers = Column::new(Values::Real([0.0, 2.0, 4.0, 6.0, 0.0].into()), Some(missing)).expect("column");
        let levels = Column::new(Values::Code([0, 1, 1, 2, 0].into()), None).expect("column");
        let table = Table::new(metadata, 5, vec![numbers, levels]).expect("table");
        let rows = [0, 1, 2, 3];
        let encoded = LinearEncoder::fit(&table, &[0, 1], &rows, &rows, &[0, 1]).apply(&table, &[0, 2, 3, 4]);
        assert_eq!(encoded.values, [-1.0, 1.0 / 3.0, 1.0, 0.0]);
        assert_eq!((encoded.hot, encoded.features), (vec![1, 2, NO_FEATURE, 1], 3));
    }
}
