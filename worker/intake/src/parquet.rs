//! Tables as Parquet files: how staged parts and samples travel between tasks. Equal tables give equal
//! bytes; a file that is damaged or claims too much is refused before anything is allocated for it.

use crate::arrow_columns::{Gathered, field, to_array};
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaData};
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use synthfleet_proto::metadata::{Metadata, Role};
use synthfleet_proto::{Error, Result};
use synthfleet_table::Table;

/// Rows of one row group and of one batch that is handed to the writer.
const GROUP_ROWS: usize = 131_072;
const BATCH_ROWS: usize = 65_536;

/// Most bytes that a column chunk may unpack to: one page cannot ask for more memory than this.
const CHUNK_BYTES_MAX: i64 = 2 << 30;

/// Writes a table. `extra` becomes the file's key-value metadata, in the order given.
pub fn write_table(path: &Path, table: &Table, extra: &[(String, String)]) -> Result<()> {
    let mut writer = TableWriter::create(path, table, extra)?;
    writer.append(table)?;
    writer.finish()
}

/// Reads a table whose description is known. Columns are found by name; a column of role `drop` may be
/// absent and is then all missing. Fails with `Data` if the file is damaged or does not fit.
pub fn read_table(path: &Path, metadata: &Arc<Metadata>) -> Result<Table> {
    let reader = open(path, None)?;
    let places = places(reader.schema(), metadata).map_err(|error| error.in_source(path.display().to_string()))?;
    guarded(path, move || {
        let mut gathered: Vec<Gathered<'_>> = metadata.columns.iter().map(Gathered::new).collect();
        let mut rows = 0;
        for batch in reader.build(BATCH_ROWS)? {
            let batch = batch.map_err(|e| damaged(path, &e))?;
            rows += batch.num_rows();
            for (column, place) in gathered.iter_mut().zip(&places) {
                match place {
                    Some(place) => column.append(batch.column(*place))?,
                    None => column.append(&arrow::array::new_null_array(&arrow::datatypes::DataType::Utf8, batch.num_rows()))?,
                }
            }
        }
        let columns = gathered.into_iter().map(Gathered::finish).collect::<Result<Vec<_>>>()?;
        Table::new(Arc::clone(metadata), rows, columns)
    })
    .map_err(|error| if error.place().source.is_none() { error.in_source(path.display().to_string()) } else { error })
}

/// How many rows the footer of a file claims, after the checks of [`read_table`].
pub fn rows(path: &Path) -> Result<u64> {
    Ok(open(path, None)?.footer().file_metadata().num_rows().unsigned_abs())
}

fn places(schema: &SchemaRef, metadata: &Metadata) -> Result<Vec<Option<usize>>> {
    if let Some(unknown) = schema.fields().iter().find(|field| metadata.position(field.name()).is_none()) {
        let error = Error::data("parquet::schema", format!("the file has an unknown column {}", unknown.name()));
        return Err(error.in_column(unknown.name()));
    }
    metadata
        .columns
        .iter()
        .map(|meta| match schema.index_of(&meta.name) {
            Ok(place) => Ok(Some(place)),
            Err(_) if meta.role == Role::Drop => Ok(None),
            Err(_) => Err(Error::data("parquet::schema", format!("the file lacks column {}", meta.name)).in_column(&meta.name)),
        })
        .collect()
}

/// Writes tables of one description one after the other into one file.
pub struct TableWriter {
    path: PathBuf,
    schema: SchemaRef,
    inner: ArrowWriter<File>,
}

impl TableWriter {
    /// Starts a file; the sorts of values in `first` decide the physical types of all further tables.
    pub fn create(path: &Path, first: &Table, extra: &[(String, String)]) -> Result<Self> {
        let fields: Vec<_> = first.described().map(|(meta, column)| field(meta, column.values())).collect();
        let schema = Arc::new(Schema::new(fields));
        let file = File::create(path).map_err(|e| Error::io(path.display(), e))?;
        let inner = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties(extra))).map_err(|e| failed(path, e))?;
        Ok(Self { path: path.to_owned(), schema, inner })
    }

    /// Adds the rows of a table.
    pub fn append(&mut self, table: &Table) -> Result<()> {
        for start in (0..table.rows()).step_by(BATCH_ROWS) {
            let rows = start..table.rows().min(start + BATCH_ROWS);
            let arrays = table.described().map(|(meta, column)| to_array(meta, column, rows.clone())).collect::<Result<Vec<_>>>()?;
            let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays);
            let batch = batch.map_err(|e| Error::internal("parquet::batch", format!("columns do not fit their schema: {e}")))?;
            self.inner.write(&batch).map_err(|e| failed(&self.path, e))?;
        }
        Ok(())
    }

    /// Writes the footer.
    pub fn finish(self) -> Result<()> {
        self.inner.close().map(drop).map_err(|e| failed(&self.path, e))
    }
}

fn properties(extra: &[(String, String)]) -> WriterProperties {
    let pairs = extra.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect();
    WriterProperties::builder()
        // the library's version must not change our bytes
        .set_created_by("synthfleet".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_key_value_metadata(Some(pairs))
        .build()
}

/// A Parquet file whose footer was read and checked.
pub(crate) struct Opened {
    path: PathBuf,
    file: File,
    footer: ArrowReaderMetadata,
}

impl Opened {
    /// The columns that batches will have.
    pub(crate) fn schema(&self) -> &SchemaRef {
        self.footer.schema()
    }

    /// The file's own description.
    pub(crate) fn footer(&self) -> &ParquetMetaData {
        self.footer.metadata()
    }

    /// Batches in file order.
    pub(crate) fn build(self, batch_rows: usize) -> Result<ParquetRecordBatchReader> {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.file, self.footer);
        builder.with_batch_size(batch_rows).build().map_err(|e| failed(&self.path, e))
    }

    /// Batches in file order with the columns at `places`.
    pub(crate) fn build_some(self, batch_rows: usize, places: &[usize]) -> Result<ParquetRecordBatchReader> {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.file, self.footer);
        let some = ProjectionMask::roots(builder.parquet_schema(), places.iter().copied());
        builder.with_projection(some).with_batch_size(batch_rows).build().map_err(|e| failed(&self.path, e))
    }
}

/// Opens a file and checks what its footer claims against its length. A given schema replaces the one
/// that the file states.
pub(crate) fn open(path: &Path, schema: Option<SchemaRef>) -> Result<Opened> {
    let file = File::open(path).map_err(|e| Error::io(path.display(), e))?;
    let length = file.metadata().map_err(|e| Error::io(path.display(), e))?.len();
    let options = match schema {
        Some(schema) => ArrowReaderOptions::new().with_schema(schema),
        None => ArrowReaderOptions::new(),
    };
    let footer = guarded(path, || ArrowReaderMetadata::load(&file, options).map_err(|e| failed(path, e)))?;
    check_claims(path, footer.metadata(), length)?;
    Ok(Opened { path: path.to_owned(), file, footer })
}

fn check_claims(path: &Path, footer: &ParquetMetaData, length: u64) -> Result<()> {
    let refuse = |what: String| Err(footer_error(path, &what));
    let mut rows: i64 = 0;
    for (index, group) in footer.row_groups().iter().enumerate() {
        let Some(sum) = rows.checked_add(group.num_rows()).filter(|_| group.num_rows() >= 0) else {
            return refuse(format!("row group {index} claims {} rows", group.num_rows()));
        };
        rows = sum;
        for chunk in group.columns() {
            let (packed, unpacked) = (chunk.compressed_size(), chunk.uncompressed_size());
            let start = chunk.dictionary_page_offset().unwrap_or(i64::MAX).min(chunk.data_page_offset());
            let inside = start >= 0 && packed >= 0 && start.checked_add(packed).is_some_and(|end| end as u64 <= length);
            if !inside || !(0..=CHUNK_BYTES_MAX).contains(&unpacked) {
                return refuse(format!("column {} of row group {index} claims bytes that the file does not hold", chunk.column_path()));
            }
            if chunk.num_values() < 0 {
                return refuse(format!("column {} of row group {index} claims {} values", chunk.column_path(), chunk.num_values()));
            }
        }
    }
    if rows == footer.file_metadata().num_rows() {
        return Ok(());
    }
    refuse(format!("the footer claims {} rows, the row groups hold {rows}", footer.file_metadata().num_rows()))
}

/// Runs a reader of foreign bytes: should the library panic on them, the file is reported as damaged.
pub(crate) fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(Error::data("parquet::page", "the file is damaged").in_source(path.display().to_string())))
}

/// A failure while batches are read.
pub(crate) fn damaged(path: &Path, cause: &arrow::error::ArrowError) -> Error {
    Error::data("parquet::page", format!("cannot read the file's pages: {cause}"))
        .in_source(path.display().to_string())
        .help("write the file again, or export it as CSV")
}

fn footer_error(path: &Path, what: &str) -> Error {
    Error::data("parquet::footer", format!("cannot read the file's footer: {what}"))
        .in_source(path.display().to_string())
        .help("write the file again, or export it as CSV")
}

fn failed(path: &Path, cause: ParquetError) -> Error {
    let ParquetError::External(source) = cause else {
        return footer_error(path, &cause.to_string());
    };
    match source.downcast::<std::io::Error>() {
        Ok(io) => Error::io(path.display(), *io),
        Err(other) => footer_error(path, &other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synthfleet_proto::calendar::Grain;
    use synthfleet_proto::metadata::{ColumnMeta, DateForm, Kind, Storage};
    use synthfleet_table::{Bits, Column, Values};

    fn date(name: &str, grain: Grain, offset_minutes: Option<i32>) -> ColumnMeta {
        let mut meta = ColumnMeta::plain(name, Kind::Datetime);
        meta.date = Some(DateForm { format: "%Y-%m-%d".into(), grain, offset_minutes, formats: Vec::new() });
        meta
    }

    /// One column of every sort, some cells missing.
    fn table() -> Table {
        let mut colour = ColumnMeta::plain("colour", Kind::Categorical);
        colour.levels = vec!["unused".into(), " blue".into(), "grün".into()];
        let mut count = ColumnMeta::plain("count", Kind::Continuous);
        count.storage = Storage::Int64;
        let metas = vec![
            ColumnMeta::plain("size", Kind::Continuous),
            count,
            colour,
            date("month", Grain::Month, None),
            date("moment", Grain::Nanosecond, None),
            date("local", Grain::Minute, Some(-90)),
            ColumnMeta::plain("note", Kind::Text),
            ColumnMeta::plain("nothing", Kind::Empty),
        ];
        let some = || Some(Bits::collect([false, true, false].into_iter()));
        let columns = vec![
            Column::new(Values::Real([1.5, 0.0, -0.25].into()), some()),
            Column::new(Values::Whole([1 << 60, 0, -3].into()), some()),
            Column::new(Values::Code([1, 0, 2].into()), some()),
            Column::new(Values::Whole([-13, 0, 655].into()), some()),
            Column::new(Values::Whole([-1, 0, 1 << 60].into()), some()),
            Column::new(Values::Whole([-1, 0, 27_000_000].into()), None),
            Column::new(Values::Text(["a", "", "=x\ny"].into_iter().collect()), some()),
            Column::new(Values::Text(["", "", ""].into_iter().collect()), Some(Bits::collect([true; 3].into_iter()))),
        ];
        let columns = columns.into_iter().collect::<Result<Vec<_>>>().expect("legal columns");
        Table::new(Arc::new(Metadata::plain("t", metas)), 3, columns).expect("legal table")
    }

    fn written(table: &Table) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.parquet");
        write_table(&path, table, &[("k".into(), "v".into())]).expect("writes");
        (folder, path)
    }

    #[test]
    fn every_kind_comes_back_as_it_was() {
        let table = table();
        let (_folder, path) = written(&table);
        assert_eq!(read_table(&path, table.metadata()).expect("own file"), table);
    }

    #[test]
    fn equal_tables_give_equal_bytes() {
        let (_a, first) = written(&table());
        let (_b, second) = written(&table());
        assert_eq!(std::fs::read(first).expect("there"), std::fs::read(second).expect("there"));
    }

    #[test]
    fn labels_that_no_row_has_are_not_in_the_file() {
        let (_folder, path) = written(&table());
        let bytes = std::fs::read(path).expect("there");
        assert!(!bytes.windows(6).any(|window| window == b"unused"), "an unused label is a leak");
    }

    #[test]
    fn an_unknown_label_names_its_column() {
        let table = table();
        let (_folder, path) = written(&table);
        let mut narrowed = (**table.metadata()).clone();
        narrowed.columns[2].levels.pop();
        let error = read_table(&path, &Arc::new(narrowed)).expect_err("a label is unknown");
        assert_eq!((error.code(), error.place().column.as_deref()), ("parquet::column", Some("colour")));
    }

    #[test]
    fn unknown_and_absent_columns_are_refused_by_name() {
        let table = table();
        let (_folder, path) = written(&table);
        let mut renamed = (**table.metadata()).clone();
        renamed.columns[0].name = "other".into();
        let error = read_table(&path, &Arc::new(renamed)).expect_err("a column is unknown");
        assert_eq!((error.code(), error.place().column.as_deref()), ("parquet::schema", Some("size")));
    }

    #[test]
    fn no_rows_are_legal() {
        let table = table().head(0);
        let (_folder, path) = written(&table);
        assert_eq!(read_table(&path, table.metadata()).expect("own file").rows(), 0);
    }

    #[test]
    fn every_cut_and_every_flipped_byte_ends_with_an_error_or_a_table() {
        let table = table();
        let (_folder, path) = written(&table);
        let bytes = std::fs::read(&path).expect("there");
        for end in (0..bytes.len()).step_by(7) {
            std::fs::write(&path, &bytes[..end]).expect("writes");
            assert!(read_table(&path, table.metadata()).is_err(), "cut at {end}");
        }
        for place in 0..bytes.len() {
            let mut bent = bytes.clone();
            bent[place] ^= 0x55;
            std::fs::write(&path, &bent).expect("writes");
            if let Err(error) = read_table(&path, table.metadata()) {
                assert!(error.code().starts_with("parquet::") || error.code().starts_with("table::"), "{error}");
            }
        }
    }
}
