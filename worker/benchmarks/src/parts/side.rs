//! One side of a comparison: a table, the folds of its rows, and its columns as numbers or codes.

use crate::folds;
use crate::member::{Case, Real};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use synthfleet_proto::{Result, Seed};
use synthfleet_table::{Bits, Column, Strings, Table, Values};

/// Which real rows a sample is compared with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reference {
    /// What the synthesizer saw.
    #[default]
    Train,
    /// What it did not see.
    Holdout,
    /// Both.
    All,
}

impl Reference {
    /// The rows meant.
    pub fn of(self, real: &Real) -> Result<Cow<'_, Table>> {
        Ok(match self {
            Self::Train => Cow::Borrowed(&real.train),
            Self::Holdout => Cow::Borrowed(&real.holdout),
            Self::All => Cow::Owned(stack(&real.train, &real.holdout)?),
        })
    }
}

/// A table and the folds of its rows.
#[derive(Debug, Clone)]
pub struct Side<'a> {
    /// The table.
    pub table: &'a Table,
    /// Fold of each row, `[rows]`.
    pub fold: Vec<u8>,
    /// Rows of each fold.
    pub sizes: [u32; folds::FOLDS],
}

impl<'a> Side<'a> {
    /// A side whose folds come from `seed`.
    pub fn new(table: &'a Table, seed: &Seed) -> Self {
        let fold = folds::assign(&seed.child("folds"), table.rows());
        let sizes = folds::sizes(&fold);
        Self { table, fold, sizes }
    }

    /// The real side, whose folds all candidates share.
    pub fn real(table: &'a Table, case: &Case) -> Self {
        Self::new(table, &case.real.shared)
    }

    /// Column `place` as numbers, not a number where missing; instants in nanoseconds. Empty for columns
    /// without distances.
    pub fn numbers(&self, place: usize) -> Vec<f64> {
        numbers(self.table, place)
    }

    /// Column `place` as levels; a missing cell has the code after the last level. Empty for columns
    /// without levels.
    pub fn levels(&self, place: usize) -> Vec<u32> {
        levels(self.table, place)
    }
}

/// Column `place` as numbers, not a number where missing; instants in nanoseconds.
pub fn numbers(table: &Table, place: usize) -> Vec<f64> {
    let found = table.column(place).numbers(&table.metadata().columns[place]).unwrap_or_default();
    found.into_iter().map(|number| number.unwrap_or(f64::NAN)).collect()
}

/// Column `place` as levels; a missing cell has the code after the last level.
pub fn levels(table: &Table, place: usize) -> Vec<u32> {
    let column = table.column(place);
    let missing = table.metadata().columns[place].levels.len() as u32;
    match column.values() {
        Values::Code(codes) => (0..codes.len()).map(|row| if column.is_missing(row) { missing } else { codes[row] }).collect(),
        _ => Vec::new(),
    }
}

/// The rows of `a`, then those of `b`, which has the same description.
pub fn stack(a: &Table, b: &Table) -> Result<Table> {
    let columns = a.columns().iter().zip(b.columns()).map(|(a, b)| stack_columns(a, b)).collect::<Result<Vec<_>>>()?;
    Table::new(a.metadata().clone(), a.rows() + b.rows(), columns)
}

fn stack_columns(a: &Column, b: &Column) -> Result<Column> {
    let values = match (a.values(), b.values()) {
        (Values::Whole(a), Values::Whole(b)) => Values::Whole(a.iter().chain(b.iter()).copied().collect()),
        (Values::Code(a), Values::Code(b)) => Values::Code(a.iter().chain(b.iter()).copied().collect()),
        (Values::Text(a), Values::Text(b)) => Values::Text(a.iter().chain(b.iter()).collect::<Strings>()),
        (a, b) => Values::Real(reals(a).chain(reals(b)).collect()),
    };
    let missing = (0..a.len()).map(|row| a.is_missing(row)).chain((0..b.len()).map(|row| b.is_missing(row)));
    Column::new(values, Some(Bits::collect(missing.collect::<Vec<_>>().into_iter())))
}

fn reals(values: &Values) -> Box<dyn Iterator<Item = f64> + '_> {
    match values {
        Values::Real(values) => Box::new(values.iter().copied()),
        Values::Whole(values) => Box::new(values.iter().map(|&value| value as f64)),
        Values::Code(_) | Values::Text(_) => Box::new(std::iter::empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};

    #[test]
    fn stacked_tables_keep_values_and_gaps() {
        let metadata = Arc::new(Metadata::plain("t", vec![ColumnMeta::plain("x", Kind::Continuous)]));
        let table = |values: Values, missing: Option<Bits>| {
            let column = Column::new(values, missing).expect("column");
            Table::new(Arc::clone(&metadata), column.len(), vec![column]).expect("table")
        };
        let a = table(Values::Real([1.5, 0.0].into()), Some(Bits::collect([false, true].into_iter())));
        let b = table(Values::Whole([3].into()), None);
        let both = numbers(&stack(&a, &b).expect("same description"), 0);
        assert_eq!((both[0], both[1].is_nan(), both[2]), (1.5, true, 3.0));
    }
}
