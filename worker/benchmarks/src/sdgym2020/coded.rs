//! Features as codes for trees and stumps.
//!
//! # Definition
//! A number column has a bin for each value among the rows learnt from; other rows take the bin whose ends are
//! the midpoints between neighbouring values, which is what thresholds at midpoints ask. A column with a feature a
//! level has a bin for each level and one for all unknown ones.

use super::features::Features;
use crate::parts::design::linear::NO_FEATURE;
use synthfleet_proto::Result;
use synthfleet_table::Budget;
use synthfleet_trees::cart::Predictor;

/// Most rows learnt from: each may have a bin of its own.
pub const ROWS_MAX: usize = 60_000;

/// Columns as codes, with what codes other rows.
#[derive(Debug, Clone)]
pub struct Coded {
    columns: Vec<Column>,
}

#[derive(Debug, Clone)]
struct Column {
    /// Codes of the rows learnt from.
    codes: Vec<u16>,
    bins: u32,
    /// Values of the bins of a number column.
    values: Option<Vec<f64>>,
}

impl Coded {
    /// Codes the rows learnt from, at most [`ROWS_MAX`].
    pub fn new(features: &Features, budget: &Budget) -> Result<Self> {
        let rows = &features.rows;
        assert!(rows.rows <= ROWS_MAX, "{} rows, at most {ROWS_MAX}", rows.rows);
        let mut columns = Vec::with_capacity(rows.numbers + rows.levels);
        for index in 0..rows.numbers {
            budget.go_on()?;
            let numbers = || rows.values.iter().skip(index).step_by(rows.numbers).copied();
            let mut values: Vec<f64> = numbers().collect();
            values.sort_unstable_by(f64::total_cmp);
            values.dedup();
            let codes = numbers().map(|number| values.partition_point(|value| *value < number) as u16).collect();
            columns.push(Column { codes, bins: values.len() as u32, values: Some(values) });
        }
        for index in 0..rows.levels {
            budget.go_on()?;
            let bins = features.starts[index + 1] - features.starts[index] + 1;
            columns.push(Column { codes: levels(features, index), bins, values: None });
        }
        Ok(Self { columns })
    }

    /// Columns to learn from.
    pub fn predictors(&self) -> Vec<Predictor<'_>> {
        let mut predictors = Vec::with_capacity(self.columns.len());
        for Column { codes, bins, values } in &self.columns {
            predictors.push(Predictor { codes, bins: *bins, ordered: values.is_some() });
        }
        predictors
    }

    /// The value halfway between two bins of a number column; the nearest bin's at the ends.
    pub fn between(&self, column: u32, low: u16, high: u16) -> f64 {
        let values = self.columns[column as usize].values.as_deref().unwrap_or_default();
        let value = |bin: u16| values.get(usize::from(bin)).or(values.last()).copied().unwrap_or(0.0);
        value(low) / 2.0 + value(high) / 2.0
    }

    /// Codes of other rows, by column.
    pub fn apply(&self, features: &Features, budget: &Budget) -> Result<Vec<Vec<u16>>> {
        let rows = &features.rows;
        let mut codes = Vec::with_capacity(self.columns.len());
        for (index, column) in self.columns.iter().enumerate() {
            budget.go_on()?;
            let Some(values) = &column.values else {
                codes.push(levels(features, index - rows.numbers));
                continue;
            };
            let middles: Vec<f64> = values.windows(2).map(|two| two[0] / 2.0 + two[1] / 2.0).collect();
            let numbers = rows.values.iter().skip(index).step_by(rows.numbers);
            codes.push(numbers.map(|number| middles.partition_point(|middle| middle < number) as u16).collect());
        }
        Ok(codes)
    }
}

/// The level of each row: its place among those known, or one after.
fn levels(features: &Features, index: usize) -> Vec<u16> {
    let (start, end) = (features.starts[index], features.starts[index + 1]);
    let hot = features.rows.hot.iter().skip(index).step_by(features.rows.levels);
    hot.map(|&feature| if feature == NO_FEATURE { (end - start) as u16 } else { (feature - start) as u16 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::design::linear::LinearRows;

    fn features(values: &[f64], hot: &[u32]) -> Features {
        let rows = LinearRows { rows: values.len(), numbers: 1, levels: 1, features: 3, values: values.to_vec(), hot: hot.to_vec() };
        Features { rows, starts: vec![1, 3] }
    }

    #[test]
    fn other_rows_fall_to_the_nearer_bin_and_unknown_levels_to_the_last() {
        let coded = Coded::new(&features(&[4.0, 0.0, 4.0, 10.0], &[1, 2, 1, 1]), &Budget::quiet(1)).expect("goes on");
        assert_eq!((coded.columns[0].codes.clone(), coded.columns[1].codes.clone()), (vec![1, 0, 1, 2], vec![0, 1, 0, 0]));
        let others = coded.apply(&features(&[-5.0, 2.0, 2.1, 99.0], &[1, NO_FEATURE, 2, 1]), &Budget::quiet(1)).expect("goes on");
        assert_eq!(others, [vec![0, 0, 1, 2], vec![0, 2, 1, 0]]);
        assert_eq!(coded.between(0, 0, 2), 5.0);
    }
}
