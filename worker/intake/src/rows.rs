//! Rows of a source of either form, as batches of text.

use crate::infer::Typed;
use crate::parquet_source::{self, ParquetRows, file_of};
use crate::read::{Accounting, Batch, Opened, Records};
use crate::sniff::{self, Layout};
use std::collections::BTreeMap;
use synthfleet_proto::Result;
use synthfleet_proto::metadata::Format;

/// Columns of a source, and what its types say of them.
pub(crate) fn layout(opened: &Opened) -> Result<(Layout, BTreeMap<String, Typed>)> {
    match opened.format {
        Format::Csv => Ok((sniff::layout(opened)?, BTreeMap::new())),
        Format::Parquet => parquet_source::layout(file_of(&opened.source)?, opened.options().limits.columns_max),
    }
}

/// The rows of a source from its first to its last.
pub(crate) enum Rows {
    /// Delimited text.
    Text(Box<Records>),
    /// Parquet.
    Parquet(Box<ParquetRows>),
}

impl Rows {
    /// Starts at the first row.
    pub(crate) fn new(opened: &Opened, layout: &Layout) -> Result<Self> {
        match opened.format {
            Format::Csv => Ok(Self::Text(Box::new(Records::new(opened, layout)?))),
            Format::Parquet => {
                let rows = ParquetRows::new(file_of(&opened.source)?, layout.columns.len(), opened.options().limits.rows_min)?;
                Ok(Self::Parquet(Box::new(rows)))
            }
        }
    }

    /// Fills `batch` with the next rows; `false` when there are none left.
    pub(crate) fn next_batch(&mut self, batch: &mut Batch) -> Result<bool> {
        match self {
            Self::Text(records) => records.next_batch(batch),
            Self::Parquet(rows) => rows.next_batch(batch),
        }
    }

    /// What became of all rows.
    pub(crate) fn finish(self) -> Result<Accounting> {
        match self {
            Self::Text(records) => records.finish(),
            Self::Parquet(rows) => rows.finish(),
        }
    }
}
