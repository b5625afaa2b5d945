//! Bytes in, rows and descriptions out.

use synthfleet_intake::infer::{self, Inferred, Overrides};
use synthfleet_intake::read::{self, Accounting, Batch, ReadOptions, Records, Source};
use synthfleet_intake::sniff::{self, Layout};
use synthfleet_proto::Result;

/// Everything that reading gives.
pub struct Table {
    pub layout: Layout,
    pub rows: Vec<Vec<String>>,
    pub accounting: Accounting,
}

pub fn source(bytes: impl Into<Vec<u8>>) -> Source {
    Source::Bytes("t.csv".to_owned(), bytes.into().into())
}

pub fn read(bytes: impl Into<Vec<u8>>, options: &ReadOptions) -> Result<Table> {
    let opened = read::open(&source(bytes), options)?;
    let layout = sniff::layout(&opened)?;
    let mut records = Records::new(&opened, &layout)?;
    let (mut batch, mut rows) = (Batch::default(), Vec::new());
    while records.next_batch(&mut batch)? {
        rows.extend((0..batch.rows()).map(|row| (0..batch.columns()).map(|column| batch.cell(row, column).to_owned()).collect()));
    }
    Ok(Table { layout, rows, accounting: records.finish()? })
}

/// Reads with any number of rows let in.
pub fn lenient() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.limits.rows_min = 0;
    options
}

pub fn infer(bytes: impl Into<Vec<u8>>, overrides: &Overrides) -> Result<Inferred> {
    infer_source(&source(bytes), &lenient(), overrides)
}

pub fn infer_source(source: &Source, options: &ReadOptions, overrides: &Overrides) -> Result<Inferred> {
    let opened = read::open(source, options)?;
    let layout = sniff::layout(&opened)?;
    infer::columns(&opened, &layout, overrides)
}

/// The code of the error that reading ends with.
pub fn code(bytes: impl Into<Vec<u8>>, options: &ReadOptions) -> String {
    match read(bytes, options) {
        Ok(table) => format!("read {} rows", table.rows.len()),
        Err(error) => error.code().to_owned(),
    }
}
