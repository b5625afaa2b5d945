//! Values that a given description does not allow: told as one error, or left out where the user asked
//! for a warning only.

use crate::infer::Inferred;
use crate::read::Batch;
use crate::stage::RejectedCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use synthfleet_proto::metadata::Metadata;
use synthfleet_proto::{Error, Result};
use synthfleet_table::{Bits, Column, Table, Values};

/// Ranges that a description states, and what was found beyond them.
pub(crate) struct Outside {
    ranges: BTreeMap<usize, (f64, f64)>,
    warn: bool,
    found: BTreeMap<usize, (u64, String)>,
}

impl Outside {
    /// Ranges by place of their column; `warn`: values beyond become missing and are handed over.
    pub(crate) fn new(ranges: BTreeMap<usize, (f64, f64)>, warn: bool) -> Self {
        Self { ranges, warn, found: BTreeMap::new() }
    }

    /// Looks at the rows of a batch; `rejected` takes what is left out.
    pub(crate) fn apply(&mut self, table: Table, batch: &Batch, rejected: &mut Vec<RejectedCell>) -> Result<Table> {
        let mut columns: Option<Vec<Column>> = None;
        for (&place, &(low, high)) in &self.ranges {
            let column = table.column(place);
            let beyond = |row: &usize| {
                let value = match column.values() {
                    Values::Real(values) => values[*row],
                    Values::Whole(values) => values[*row] as f64,
                    _ => return false,
                };
                !column.is_missing(*row) && !(low..=high).contains(&value)
            };
            let rows: Vec<usize> = (0..table.rows()).filter(beyond).collect();
            let Some(first) = rows.first() else { continue };
            self.found.entry(place).or_insert_with(|| (0, batch.cell(*first, place).to_owned())).0 += rows.len() as u64;
            if self.warn {
                let mut missing = column.missing().cloned().unwrap_or_else(|| Bits::none(table.rows()));
                for &row in &rows {
                    missing.set(row);
                    let cell = batch.cell(row, place).to_owned();
                    rejected.push(RejectedCell { line: batch.line(row), column: place, cell, reason: "outside the range of the metadata" });
                }
                columns.get_or_insert_with(|| table.columns().to_vec())[place] = Column::new(column.values().clone(), Some(missing))?;
            }
        }
        match columns {
            Some(columns) => Table::new(Arc::clone(table.metadata()), table.rows(), columns),
            None => Ok(table),
        }
    }

    /// Fails with all columns that have values beyond their range, unless a warning was asked for.
    pub(crate) fn finish(self, metadata: &Metadata) -> Result<()> {
        if self.warn {
            return Ok(());
        }
        let told = self.found.iter().map(|(place, (rows, value))| {
            let (low, high) = self.ranges[place];
            outside(&metadata.columns[*place].name, value, &format!("{low} to {high}"), *rows)
        });
        all(told.collect())
    }
}

/// Fails if labels are met that a stated list does not have. `lists`: columns whose labels are stated.
pub(crate) fn check_labels(inferred: &Inferred, lists: &[usize]) -> Result<()> {
    let told = lists.iter().filter(|place| inferred.columns[**place].bad_cells > 0).map(|&place| {
        let (meta, facts) = (&inferred.metadata.columns[place], &inferred.columns[place]);
        let example = facts.bad_examples.first().map_or("", |(cell, _)| cell.as_str());
        let known = meta.levels.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
        let more = if meta.levels.len() > 8 { ", .." } else { "" };
        outside(&meta.name, example, &format!("{known}{more}"), facts.bad_cells)
    });
    all(told.collect())
}

fn outside(column: &str, value: &str, allowed: &str, rows: u64) -> Error {
    let message = format!("{column} has {value:?}, metadata says {allowed} ({rows} rows)");
    Error::data("metadata::value_outside", message).in_column(column).help("leave such cells out: --metadata-check warn")
}

fn all(errors: Vec<Error>) -> Result<()> {
    let mut errors = errors.into_iter();
    match errors.next() {
        Some(first) => Err(first.and(errors)),
        None => Ok(()),
    }
}
