//! A user's Parquet file as rows of text, so that it is inferred, cast and staged like any other table.
//! Its types say what text would leave open: what is text there is never read as numbers.
//!
//! Structs become columns `a.b`; lists, maps and what is inside them become JSON text; binary columns are
//! named in a note and stay empty.

use crate::infer::Typed;
use crate::parquet::{damaged, guarded, open};
use crate::read::{Accounting, Batch, Source};
use crate::sniff::{HeaderCell, Layout};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Fields};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use synthfleet_proto::metadata::Dialect;
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, Result};

const BATCH_ROWS: usize = 4_096;

/// The file behind a source. Only plain files are read: a packed one would have to be unpacked whole.
pub(crate) fn file_of(source: &Source) -> Result<&Path> {
    match source {
        Source::Path(path) => Ok(path),
        Source::Bytes(name, _) => Err(Error::data("input::unsupported", "Parquet is read from files only").in_source(name)),
    }
}

/// Columns by name and what their types say. There is no dialect: the default stands for one.
pub(crate) fn layout(path: &Path, columns_max: usize) -> Result<(Layout, BTreeMap<String, Typed>)> {
    let opened = open(path, None)?;
    let mut leaves = Vec::new();
    flatten("", opened.schema().fields(), &mut leaves);
    if leaves.len() > columns_max {
        let message = format!("{} columns, limit {columns_max}", leaves.len());
        return Err(Error::data("input::too_many_columns", message)
            .in_source(path.display().to_string())
            .help("give the columns that matter as a smaller table"));
    }
    let (mut columns, mut typed, mut notes) = (Vec::new(), BTreeMap::new(), Vec::new());
    for (name, data_type) in leaves {
        check_name(&name).map_err(|error| error.in_source(path.display().to_string()))?;
        let twins = columns.iter().filter(|cell: &&HeaderCell| cell.header == name).count();
        let unique = if twins == 0 { name.clone() } else { format!("{name}__{}", twins + 1) };
        typed.insert(unique.clone(), type_of(&data_type));
        if is_binary(&data_type) {
            let text = "binary values are not read: the column stays empty".to_owned();
            notes.push(Finding { code: "binary_column".to_owned(), column: Some(unique.clone()), number: None, text });
        }
        columns.push(HeaderCell { name: unique, header: name, quoted: false });
    }
    Ok((Layout { dialect: Dialect::default(), columns, notes }, typed))
}

fn check_name(name: &str) -> Result<()> {
    if name.chars().any(char::is_control) || name.len() > 1_024 {
        return Err(Error::data("csv::header_control", "a column's name holds control characters or is too long"));
    }
    Ok(())
}

fn flatten(prefix: &str, fields: &Fields, leaves: &mut Vec<(String, DataType)>) {
    for field in fields {
        let name = if prefix.is_empty() { field.name().clone() } else { format!("{prefix}.{}", field.name()) };
        match field.data_type() {
            DataType::Struct(inner) => flatten(&name, inner, leaves),
            other => leaves.push((name, other.clone())),
        }
    }
}

fn type_of(data_type: &DataType) -> Typed {
    match data_type {
        DataType::Boolean => Typed::Bool,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _) | DataType::Time32(_) | DataType::Time64(_) => Typed::Instant,
        DataType::Dictionary(_, values) => type_of(values),
        other if other.is_numeric() => Typed::Number,
        _ => Typed::Text,
    }
}

fn is_binary(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_))
}

/// Rows of a file, in batches of text.
pub(crate) struct ParquetRows {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    columns: usize,
    rows: u64,
    rows_min: u64,
}

impl ParquetRows {
    /// Starts at the first row.
    pub(crate) fn new(path: &Path, columns: usize, rows_min: u64) -> Result<Self> {
        let reader = open(path, None)?.build(BATCH_ROWS)?;
        Ok(Self { path: path.to_owned(), reader, columns, rows: 0, rows_min })
    }

    /// Fills `batch` with the next rows; `false` when there are none left.
    pub(crate) fn next_batch(&mut self, batch: &mut Batch) -> Result<bool> {
        let reader = &mut self.reader;
        let Some(next) = guarded(&self.path, || reader.next().transpose().map_err(|e| damaged(&self.path, &e)))? else {
            return Ok(false);
        };
        self.rows += next.num_rows() as u64;
        *batch = Batch::of_rows(self.columns, &texts(&next).map_err(|e| damaged(&self.path, &e))?);
        Ok(true)
    }

    /// What became of all rows.
    pub(crate) fn finish(self) -> Result<Accounting> {
        if self.rows < self.rows_min {
            let message = format!("{} data rows, need at least {}", self.rows, self.rows_min);
            return Err(Error::data("input::too_few_rows", message).in_source(self.path.display().to_string()).help("give more rows"));
        }
        let bytes = std::fs::metadata(&self.path).map_or(0, |file| file.len());
        let encoding = "utf-8".to_owned();
        Ok(Accounting { records: self.rows, rows: self.rows, bytes, encoding, final_line_end: true, ..Accounting::default() })
    }
}

/// All cells as text, `[rows][columns]`; missing ones are empty.
fn texts(batch: &RecordBatch) -> Result<Vec<Vec<String>>, arrow::error::ArrowError> {
    let mut rows = vec![Vec::new(); batch.num_rows()];
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        add_texts(field, array, &mut rows)?;
    }
    Ok(rows)
}

fn add_texts(field: &Field, array: &ArrayRef, rows: &mut [Vec<String>]) -> Result<(), arrow::error::ArrowError> {
    if let DataType::Struct(fields) = field.data_type() {
        let parts = array.as_struct();
        for (field, part) in fields.iter().zip(parts.columns()) {
            // a missing struct has missing parts
            let nulls = arrow::buffer::NullBuffer::union(parts.nulls(), part.nulls());
            let part = arrow::array::make_array(part.to_data().into_builder().nulls(nulls).build()?);
            add_texts(field, &part, rows)?;
        }
        return Ok(());
    }
    if is_binary(field.data_type()) {
        rows.iter_mut().for_each(|row| row.push(String::new()));
        return Ok(());
    }
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array, &options)?;
    for (row, cells) in rows.iter_mut().enumerate() {
        let text = match array.data_type() {
            _ if array.is_null(row) => String::new(),
            DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(_, _) | DataType::Map(_, _) => json(array, row)?,
            DataType::Float16 | DataType::Float32 | DataType::Float64 => match formatter.value(row).to_string() {
                text if text == "NaN" => String::new(),
                text => text,
            },
            _ => formatter.value(row).to_string(),
        };
        cells.push(text);
    }
    Ok(())
}

/// A nested cell as JSON.
fn json(array: &dyn Array, row: usize) -> Result<String, arrow::error::ArrowError> {
    if array.is_null(row) {
        return Ok("null".to_owned());
    }
    let list = |values: ArrayRef| -> Result<String, arrow::error::ArrowError> {
        let items = (0..values.len()).map(|place| json(&values, place)).collect::<Result<Vec<_>, _>>()?;
        Ok(format!("[{}]", items.join(",")))
    };
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    match array.data_type() {
        DataType::List(_) => list(array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => list(array.as_list::<i64>().value(row)),
        DataType::FixedSizeList(_, _) => list(array.as_fixed_size_list().value(row)),
        DataType::Map(_, _) => {
            let entries = array.as_map().value(row);
            let pairs = (0..entries.len()).map(|place| {
                let key = json(entries.column(0), place)?;
                let key = if key.starts_with('"') { key } else { quoted(&key) };
                Ok(format!("{key}:{}", json(entries.column(1), place)?))
            });
            Ok(format!("{{{}}}", pairs.collect::<Result<Vec<_>, arrow::error::ArrowError>>()?.join(",")))
        }
        DataType::Struct(fields) => {
            let parts = array.as_struct();
            let pairs =
                fields.iter().zip(parts.columns()).map(|(field, part)| Ok(format!("{}:{}", quoted(field.name()), json(part, row)?)));
            Ok(format!("{{{}}}", pairs.collect::<Result<Vec<_>, arrow::error::ArrowError>>()?.join(",")))
        }
        other => {
            let text = ArrayFormatter::try_new(array, &FormatOptions::default())?.value(row).to_string();
            let plain = (other.is_numeric() || *other == DataType::Boolean) && !matches!(text.as_str(), "NaN" | "inf" | "-inf");
            Ok(if plain { text } else { quoted(&text) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        BinaryArray, BooleanArray, Decimal128Array, Float64Array, Int32Array, ListArray, StringArray, StructArray,
        TimestampMillisecondArray,
    };
    use arrow::datatypes::{Int32Type, Schema};
    use parquet::arrow::ArrowWriter;
    use std::sync::Arc;

    fn batch() -> RecordBatch {
        let inner: Fields = vec![Field::new("b", DataType::Int32, true)].into();
        let nested = StructArray::new(
            inner.clone(),
            vec![Arc::new(Int32Array::from(vec![1, 2]))],
            Some(arrow::buffer::NullBuffer::from(vec![true, false])),
        );
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("a", Arc::new(nested)),
            ("list", Arc::new(list)),
            ("price", Arc::new(Decimal128Array::from(vec![150, -5]).with_precision_and_scale(9, 2).expect("legal"))),
            ("real", Arc::new(Float64Array::from(vec![f64::NAN, 1e300]))),
            ("yes", Arc::new(BooleanArray::from(vec![true, false]))),
            ("at", Arc::new(TimestampMillisecondArray::from(vec![0, 1_500]).with_timezone("+02:00"))),
            ("code", Arc::new(StringArray::from(vec!["007", "1"]))),
            ("bytes", Arc::new(BinaryArray::from(vec![&b"x"[..], b"y"]))),
        ];
        RecordBatch::try_from_iter(columns).expect("legal")
    }

    fn written(batch: &RecordBatch) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.parquet");
        let mut writer = ArrowWriter::try_new(std::fs::File::create(&path).expect("a file"), batch.schema(), None).expect("starts");
        writer.write(batch).expect("writes");
        writer.close().expect("ends");
        (folder, path)
    }

    #[test]
    fn nested_and_typed_columns_become_text_with_their_types() {
        let (_folder, path) = written(&batch());
        let (layout, typed) = layout(&path, 100).expect("a legal file");
        let names: Vec<&str> = layout.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["a.b", "list", "price", "real", "yes", "at", "code", "bytes"]);
        assert_eq!((typed["a.b"], typed["yes"], typed["at"], typed["code"]), (Typed::Number, Typed::Bool, Typed::Instant, Typed::Text));
        assert_eq!(layout.notes[0].code, "binary_column");
        let mut rows = ParquetRows::new(&path, names.len(), 0).expect("starts");
        let mut batch = Batch::default();
        assert!(rows.next_batch(&mut batch).expect("rows"));
        let cells = |row: usize| (0..8).map(|column| batch.cell(row, column)).collect::<Vec<_>>();
        assert_eq!(cells(0), ["1", "[1,null]", "1.50", "", "true", "1970-01-01T02:00:00+02:00", "007", ""]);
        assert_eq!(cells(1), ["", "", "-0.05", "1e300", "false", "1970-01-01T02:00:01.500+02:00", "1", ""]);
        assert!(!rows.next_batch(&mut batch).expect("no more"));
        assert_eq!(rows.finish().expect("enough rows").rows, 2);
    }

    #[test]
    fn too_few_rows_and_a_cut_file_are_refused() {
        let (_folder, path) = written(&batch());
        let mut rows = ParquetRows::new(&path, 8, 5).expect("starts");
        while rows.next_batch(&mut Batch::default()).expect("rows") {}
        assert_eq!(rows.finish().expect_err("two of five").code(), "input::too_few_rows");
        let bytes = std::fs::read(&path).expect("there");
        std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("writes");
        assert_eq!(layout(&path, 100).expect_err("cut").code(), "parquet::footer");
    }

    #[test]
    fn a_schema_of_too_many_columns_is_refused() {
        let fields: Vec<Field> = (0..10).map(|place| Field::new(format!("c{place}"), DataType::Int32, true)).collect();
        let (_folder, path) = written(&RecordBatch::new_empty(Arc::new(Schema::new(fields))));
        assert_eq!(layout(&path, 9).expect_err("ten of nine").code(), "input::too_many_columns");
    }
}
