//! The second pass: cells become values, rows go to train or holdout, and everything the profile counts is
//! counted on the way. Memory holds a few batches, whatever the size of the source.

use crate::cast::{Cast, Caster};
use crate::parquet::TableWriter;
use crate::profile::counts::{ColumnCounts, new_counts};
use crate::profile::hints::Hints;
use crate::profile::kept::Kept;
use crate::read::Batch;
use crate::split::{Part, Splitter};
use crate::write::Preview;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata, Storage};
use synthfleet_proto::{Error, Result};
use synthfleet_table::{Bits, Column, Strings, Table, Values};

/// Cells from which a batch is worth several threads.
const PARALLEL_CELLS: usize = 20_000;

/// A cell that became missing because it is not of its column's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RejectedCell {
    pub(crate) line: u64,
    pub(crate) column: usize,
    pub(crate) cell: String,
    pub(crate) reason: &'static str,
}

/// Turns the text of a batch into values. Bad cells are missing and handed over in row order.
pub(crate) fn cast(batch: &Batch, casters: &[Caster], metadata: &Arc<Metadata>) -> Result<(Table, Vec<RejectedCell>)> {
    let one = |(place, (caster, meta)): (usize, (&Caster, &ColumnMeta))| cast_column(batch, place, caster, meta);
    let columns: Vec<Result<(Column, Vec<RejectedCell>)>> = if batch.rows() * casters.len() >= PARALLEL_CELLS {
        casters.par_iter().zip(&metadata.columns).enumerate().map(one).collect()
    } else {
        casters.iter().zip(&metadata.columns).enumerate().map(one).collect()
    };
    let (mut all, mut rejected) = (Vec::with_capacity(casters.len()), Vec::new());
    for column in columns {
        let (column, bad) = column?;
        all.push(column);
        rejected.extend(bad);
    }
    rejected.sort_by_key(|cell| (cell.line, cell.column));
    Ok((Table::new(Arc::clone(metadata), batch.rows(), all)?, rejected))
}

fn cast_column(batch: &Batch, place: usize, caster: &Caster, meta: &ColumnMeta) -> Result<(Column, Vec<RejectedCell>)> {
    let rows = batch.rows();
    let (mut missing, mut rejected) = (Bits::none(rows), Vec::new());
    let mut leave_out = |row: usize, reason: Option<&'static str>| {
        missing.set(row);
        if let Some(reason) = reason {
            rejected.push(RejectedCell { line: batch.line(row), column: place, cell: batch.cell(row, place).to_owned(), reason });
        }
    };
    macro_rules! collect {
        ($empty:expr, $pattern:pat => $value:expr) => {
            (0..rows)
                .map(|row| match caster.cast(batch.cell(row, place)) {
                    $pattern => $value,
                    Cast::Missing => {
                        leave_out(row, None);
                        $empty
                    }
                    Cast::Bad(reason) => {
                        leave_out(row, Some(reason));
                        $empty
                    }
                    _ => {
                        leave_out(row, Some("not of the column's kind"));
                        $empty
                    }
                })
                .collect()
        };
    }
    let values = match meta.kind {
        Kind::Continuous if meta.storage == Storage::Int64 => Values::Whole(collect!(0, Cast::Whole(value) => value)),
        Kind::Continuous => Values::Real(collect!(0.0, Cast::Real(value) => value)),
        Kind::Datetime => Values::Whole(collect!(0, Cast::Whole(value) => value)),
        Kind::Boolean | Kind::Categorical | Kind::Ordinal => Values::Code(collect!(0, Cast::Code(code) => code)),
        Kind::Id | Kind::Text | Kind::Empty => {
            let texts: Strings = collect!("", Cast::Text(text) => text);
            Values::Text(texts)
        }
    };
    Ok((Column::new(values, Some(missing)).map_err(|error| error.in_column(&meta.name))?, rejected))
}

/// What decides the part of a row.
#[expect(clippy::large_enum_variant, reason = "one exists per profile task")]
pub(crate) enum Choice {
    /// Drawn by the class of the target, or all alike.
    Drawn { splitter: Splitter, target: Option<usize> },
    /// The source that it comes from.
    Given,
}

/// Writes rows into the files of their parts.
pub(crate) struct Stager {
    choice: Choice,
    files: [PartFile; 3],
    counts: Vec<ColumnCounts>,
    kept: Kept,
    hints: Hints,
    preview: Preview,
}

struct PartFile {
    path: PathBuf,
    rows: u64,
    writer: Option<TableWriter>,
}

/// What staging made.
pub(crate) struct Staged {
    pub(crate) train_rows: u64,
    pub(crate) holdout_rows: u64,
    pub(crate) rest_rows: u64,
    /// Files of all parts that have rows.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) counts: Vec<ColumnCounts>,
    pub(crate) kept: Kept,
    pub(crate) hints: Hints,
}

impl Stager {
    /// Writes `train.parquet`, `holdout.parquet` and `rows.jsonl` into `out`, rows beyond the most fitted
    /// into `rest`.
    pub(crate) fn new(metadata: &Arc<Metadata>, choice: Choice, out: &Path, kept: Kept, rest: &Path) -> Result<Self> {
        let paths = [out.join("train.parquet"), out.join("holdout.parquet"), rest.to_owned()];
        let counts = new_counts(metadata);
        let preview = Preview::create(&out.join("rows.jsonl"))?;
        let files = paths.map(|path| PartFile { path, rows: 0, writer: None });
        Ok(Self { choice, files, counts, kept, hints: Hints::new(metadata), preview })
    }

    /// Adds rows; `source` is the part of all of them if parts are given.
    pub(crate) fn take(&mut self, table: &Table, source: Part) -> Result<()> {
        self.counts.par_iter_mut().zip(table.columns()).for_each(|(counts, column)| counts.take(column));
        self.kept.take(table)?;
        self.hints.take(table);
        self.preview.append(table)?;
        let Choice::Drawn { splitter, target } = &mut self.choice else {
            return self.files[source as usize].append(table);
        };
        let mut rows: [Vec<u32>; 3] = Default::default();
        for row in 0..table.rows() {
            let class = target.map_or(0, |place| class_of(table.column(place), row));
            rows[splitter.next(class)? as usize].push(row as u32);
        }
        for (file, rows) in self.files.iter_mut().zip(&rows) {
            if !rows.is_empty() {
                file.append(&table.take(rows))?;
            }
        }
        Ok(())
    }

    /// Closes the files.
    pub(crate) fn finish(self, metadata: &Arc<Metadata>) -> Result<Staged> {
        self.preview.finish()?;
        let [train, holdout, rest] = &self.files;
        let (train_rows, holdout_rows, rest_rows) = (train.rows, holdout.rows, rest.rows);
        let mut files = Vec::new();
        for (place, file) in self.files.into_iter().enumerate() {
            let needed = place != Part::Rest as usize;
            if file.rows > 0 {
                files.push(file.path.clone());
            }
            file.finish(metadata, needed)?;
        }
        Ok(Staged { train_rows, holdout_rows, rest_rows, files, counts: self.counts, kept: self.kept, hints: self.hints })
    }
}

/// The class of a row: its level, or one more where it is missing.
fn class_of(column: &Column, row: usize) -> usize {
    match column.values() {
        Values::Code(codes) if !column.is_missing(row) => codes[row] as usize + 1,
        _ => 0,
    }
}

/// Rows of each class that [`Stager`] draws from: missing ones, then each level.
pub(crate) fn classes(missing: u64, level_counts: &[u64]) -> Vec<u64> {
    std::iter::once(missing).chain(level_counts.iter().copied()).collect()
}

impl PartFile {
    fn append(&mut self, table: &Table) -> Result<()> {
        self.rows += table.rows() as u64;
        match &mut self.writer {
            Some(writer) => writer.append(table),
            None => self.writer.insert(TableWriter::create(&self.path, table, &[])?).append(table),
        }
    }

    fn finish(self, metadata: &Arc<Metadata>, needed: bool) -> Result<()> {
        match self.writer {
            Some(writer) => writer.finish(),
            None if needed => {
                let empty = metadata.columns.iter().map(empty_column).collect::<Result<Vec<_>>>()?;
                TableWriter::create(&self.path, &Table::new(Arc::clone(metadata), 0, empty)?, &[])?.finish()
            }
            None => Ok(()),
        }
    }
}

fn empty_column(meta: &ColumnMeta) -> Result<Column> {
    let values = match meta.kind {
        Kind::Continuous if meta.storage != Storage::Int64 => Values::Real(Arc::new([])),
        Kind::Continuous | Kind::Datetime => Values::Whole(Arc::new([])),
        Kind::Boolean | Kind::Categorical | Kind::Ordinal => Values::Code(Arc::new([])),
        Kind::Id | Kind::Text | Kind::Empty => Values::Text(std::iter::empty::<&str>().collect()),
    };
    Column::new(values, None)
}

/// Fails unless every accepted row was staged once.
pub(crate) fn check_rows(staged: &Staged, accepted: u64) -> Result<()> {
    let sum = staged.train_rows + staged.holdout_rows + staged.rest_rows;
    if sum == accepted { Ok(()) } else { Err(Error::internal("split::counts", format!("{sum} rows were staged of {accepted}"))) }
}
