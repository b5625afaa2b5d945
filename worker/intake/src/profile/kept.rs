//! Values that the profile needs in order: in memory while they are few, else sorted by the engine from
//! the staged files. Both ways give equal results.

use super::counts::row_hashes;
use super::sorted::Ascending;
use crate::arrow_columns::Gathered;
use crate::engine::Engine;
use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use synthfleet_proto::metadata::{ColumnMeta, Metadata};
use synthfleet_proto::{Error, Result};
use synthfleet_table::{Column, Table, Values};

/// Memory for kept values unless told otherwise.
pub(crate) const KEPT_BYTES_MAX: usize = 128 << 20;

/// Values of all columns, and a hash of every row.
pub(crate) struct Kept {
    columns: Vec<Cells>,
    hashes: Vec<u128>,
    bytes: usize,
    bytes_max: usize,
    scratch: PathBuf,
    spilled: Option<HashFile>,
}

/// What is kept of one column, missing cells left out.
#[derive(Debug, Clone)]
pub(crate) enum Cells {
    /// Levels are counted and texts left to the engine.
    Nothing,
    Real(Vec<f64>),
    Whole(Vec<i64>),
}

impl Cells {
    fn of(column: &Column) -> Self {
        match column.values() {
            Values::Code(_) | Values::Text(_) => Self::Nothing,
            Values::Real(_) => Self::Real(Vec::new()),
            Values::Whole(_) => Self::Whole(Vec::new()),
        }
    }

    fn take(&mut self, column: &Column) -> usize {
        let rows = (0..column.len()).filter(|&row| !column.is_missing(row));
        let before = self.len();
        match (&mut *self, column.values()) {
            (Self::Real(kept), Values::Real(values)) => kept.extend(rows.map(|row| values[row])),
            (Self::Whole(kept), Values::Whole(values)) => kept.extend(rows.map(|row| values[row])),
            _ => {}
        }
        (self.len() - before) * 8
    }

    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Real(kept) => kept.len(),
            Self::Whole(kept) => kept.len(),
        }
    }

    fn sort(&mut self) {
        match self {
            Self::Nothing => {}
            Self::Real(kept) => kept.sort_unstable_by(f64::total_cmp),
            Self::Whole(kept) => kept.sort_unstable(),
        }
    }
}

impl Kept {
    /// Nothing kept yet; beyond `bytes_max` values are left to the staged files and row hashes go to a
    /// file in `scratch`.
    pub(crate) fn new(scratch: &Path, bytes_max: usize) -> Self {
        Self { columns: Vec::new(), hashes: Vec::new(), bytes: 0, bytes_max, scratch: scratch.to_owned(), spilled: None }
    }

    /// Keeps the values of a part of the table.
    pub(crate) fn take(&mut self, table: &Table) -> Result<()> {
        if self.columns.is_empty() {
            self.columns = table.columns().iter().map(Cells::of).collect();
        }
        let hashes = row_hashes(table);
        if let Some(file) = &mut self.spilled {
            return file.write(&hashes);
        }
        self.bytes += hashes.len() * 16;
        self.hashes.extend(hashes);
        for (kept, column) in self.columns.iter_mut().zip(table.columns()) {
            self.bytes += kept.take(column);
        }
        if self.bytes > self.bytes_max {
            let mut file = HashFile::create(&self.scratch.join("rows.parquet"))?;
            file.write(&std::mem::take(&mut self.hashes))?;
            self.spilled = Some(file);
            self.columns.iter_mut().for_each(|kept| *kept = Cells::Nothing);
        }
        Ok(())
    }

    /// Ends the taking: what is not in memory is found in `staged`, all parts of the table.
    pub(crate) fn finish(self, metadata: &Arc<Metadata>, staged: Vec<PathBuf>, engine: Engine) -> Result<Found> {
        let duplicates = match self.spilled {
            Some(file) => {
                let (path, rows) = file.finish()?;
                rows - engine.distinct(&[path], &["high", "low"])?
            }
            None => duplicates(self.hashes),
        };
        Ok(Found { columns: self.columns, duplicates, metadata: Arc::clone(metadata), staged, engine, scratch: self.scratch })
    }
}

fn duplicates(mut hashes: Vec<u128>) -> u64 {
    hashes.sort_unstable();
    hashes.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64
}

/// Values of all columns, to be asked for column by column.
pub(crate) struct Found {
    columns: Vec<Cells>,
    /// Rows that equal an earlier row.
    pub(crate) duplicates: u64,
    metadata: Arc<Metadata>,
    staged: Vec<PathBuf>,
    engine: Engine,
    scratch: PathBuf,
}

impl Found {
    /// The values of a column of numbers or instants in rising order.
    pub(crate) fn ordered(&mut self, place: usize) -> Result<Ordered> {
        let meta = &self.metadata.columns[place];
        let mut kept = std::mem::replace(&mut self.columns[place], Cells::Nothing);
        kept.sort();
        match kept {
            Cells::Real(values) => Ok(Ordered::Real(values)),
            Cells::Whole(values) => Ok(Ordered::Whole(values)),
            _ => self.spool(meta),
        }
    }

    /// How many distinct values a column has, counted by the engine.
    pub(crate) fn distinct(&self, place: usize, has_missing: bool) -> Result<u64> {
        let meta = &self.metadata.columns[place];
        let groups = self.engine.distinct(&self.staged, &[&meta.name])?;
        Ok(groups - u64::from(has_missing && groups > 0))
    }

    /// Sorts a column by the engine into a file of 8-byte numbers, which is walked as often as needed.
    fn spool(&self, meta: &ColumnMeta) -> Result<Ordered> {
        let path = self.scratch.join("sorted");
        let broken = |e| Error::io(path.display(), e);
        let mut out = BufWriter::new(File::create(&path).map_err(broken)?);
        let (mut whole, mut rows) = (false, 0);
        self.engine.sorted(&self.staged, &meta.name, |array: &ArrayRef| {
            let mut gathered = Gathered::new(meta);
            gathered.append(&array.slice(0, array.len() - array.null_count()))?;
            let column = gathered.finish()?;
            rows += column.len();
            let written = match column.values() {
                Values::Real(values) => values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes())),
                Values::Whole(values) => {
                    whole = true;
                    values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))
                }
                _ => Ok(()),
            };
            written.map_err(broken)
        })?;
        out.flush().map_err(broken)?;
        Ok(Ordered::Spooled { path, rows, whole })
    }
}

/// Values in rising order.
pub(crate) enum Ordered {
    Real(Vec<f64>),
    Whole(Vec<i64>),
    /// 8-byte numbers in a file, whole or not.
    Spooled {
        path: PathBuf,
        rows: usize,
        whole: bool,
    },
}

impl Ordered {
    /// How many values there are.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Real(values) => values.len() as u64,
            Self::Whole(values) => values.len() as u64,
            Self::Spooled { rows, .. } => *rows as u64,
        }
    }

    /// Calls `each` with every whole value, exactly; with nothing if values have decimals.
    pub(crate) fn walk_whole(&self, each: &mut dyn FnMut(i64)) -> Result<()> {
        match self {
            Self::Real(_) | Self::Spooled { whole: false, .. } => Ok(()),
            Self::Whole(values) => {
                values.iter().copied().for_each(each);
                Ok(())
            }
            Self::Spooled { path, rows, .. } => walk_file(path, *rows, &mut |bytes| each(i64::from_le_bytes(bytes))),
        }
    }

    /// Whether values are whole.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self, Self::Whole(_) | Self::Spooled { whole: true, .. })
    }
}

impl Ascending for Ordered {
    fn walk(&self, each: &mut dyn FnMut(f64)) -> Result<()> {
        match self {
            Self::Real(values) => values.walk(each),
            Self::Spooled { path, rows, whole: false } => walk_file(path, *rows, &mut |bytes| each(f64::from_le_bytes(bytes))),
            Self::Whole(_) | Self::Spooled { .. } => self.walk_whole(&mut |value| each(value as f64)),
        }
    }
}

fn walk_file(path: &Path, rows: usize, each: &mut dyn FnMut([u8; 8])) -> Result<()> {
    let broken = |e| Error::io(path.display(), e);
    let mut file = BufReader::new(File::open(path).map_err(broken)?);
    let mut eight = [0; 8];
    for _ in 0..rows {
        file.read_exact(&mut eight).map_err(broken)?;
        each(eight);
    }
    Ok(())
}

/// Row hashes as a Parquet file of two columns.
struct HashFile {
    path: PathBuf,
    rows: u64,
    inner: ArrowWriter<File>,
}

impl HashFile {
    fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(|e| Error::io(path.display(), e))?;
        let inner = ArrowWriter::try_new(file, Self::schema(), None).map_err(|e| failed(path, &e))?;
        Ok(Self { path: path.to_owned(), rows: 0, inner })
    }

    fn schema() -> Arc<Schema> {
        Arc::new(Schema::new(vec![Field::new("high", DataType::Int64, false), Field::new("low", DataType::Int64, false)]))
    }

    fn write(&mut self, hashes: &[u128]) -> Result<()> {
        self.rows += hashes.len() as u64;
        let high: Int64Array = hashes.iter().map(|hash| (hash >> 64) as i64).collect::<Vec<_>>().into();
        let low: Int64Array = hashes.iter().map(|hash| *hash as i64).collect::<Vec<_>>().into();
        let batch = RecordBatch::try_new(Self::schema(), vec![Arc::new(high), Arc::new(low)]);
        let batch = batch.map_err(|e| Error::internal("parquet::batch", e.to_string()))?;
        self.inner.write(&batch).map_err(|e| failed(&self.path, &e))
    }

    fn finish(self) -> Result<(PathBuf, u64)> {
        self.inner.close().map_err(|e| failed(&self.path, &e))?;
        Ok((self.path, self.rows))
    }
}

fn failed(path: &Path, error: &parquet::errors::ParquetError) -> Error {
    Error::unavailable("io::failed", format!("cannot write {}: {error}", path.display()))
}
