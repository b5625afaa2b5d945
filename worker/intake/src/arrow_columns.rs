//! Columns of a table as Arrow arrays and back. Instants are timestamps, labels dictionaries, ids and
//! text strings, numbers 64-bit; a missing cell is a null.

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Float64Array, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray,
};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Field, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use synthfleet_proto::calendar::Grain;
use synthfleet_proto::metadata::{ColumnMeta, Kind, Storage};
use synthfleet_proto::{Error, Result};
use synthfleet_table::{Bits, Column, Strings, Values};

/// Nanoseconds in a minute: offsets of written instants are whole minutes.
const NANOS_PER_MINUTE: i128 = 60_000_000_000;

/// The Arrow field of a column; `values` decides between whole numbers and decimals.
pub(crate) fn field(meta: &ColumnMeta, values: &Values) -> Field {
    let data_type = match values {
        Values::Real(_) => DataType::Float64,
        Values::Whole(_) if meta.kind == Kind::Datetime => DataType::Timestamp(unit_of(grain_of(meta)), zone_of(meta)),
        Values::Whole(_) => DataType::Int64,
        Values::Code(_) => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        Values::Text(_) => DataType::Utf8,
    };
    Field::new(&meta.name, data_type, true)
}

/// The cells of a column at `rows` as an Arrow array of the type that [`field`] names.
pub(crate) fn to_array(meta: &ColumnMeta, column: &Column, rows: std::ops::Range<usize>) -> Result<ArrayRef> {
    let nulls = column.missing().map(|bits| NullBuffer::from_iter(rows.clone().map(|row| !bits.get(row))));
    Ok(match column.values() {
        Values::Real(values) => Arc::new(Float64Array::new(values[rows].to_vec().into(), nulls)),
        Values::Whole(values) if meta.kind == Kind::Datetime => instants(meta, &values[rows], nulls)?,
        Values::Whole(values) => Arc::new(Int64Array::new(values[rows].to_vec().into(), nulls)),
        Values::Code(codes) => {
            let keys = codes[rows].iter().map(|&code| code as i32).collect::<Vec<_>>();
            let labels = StringArray::from_iter_values(meta.levels.iter().map(String::as_str));
            let keys = if labels.is_empty() { Int32Array::new_null(keys.len()) } else { Int32Array::new(keys.into(), nulls) };
            Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(labels)).map_err(|e| misfit(meta, &e.to_string()))?)
        }
        Values::Text(texts) => Arc::new(rows.map(|row| (!column.is_missing(row)).then(|| texts.get(row))).collect::<StringArray>()),
    })
}

fn instants(meta: &ColumnMeta, values: &[i64], nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    let grain = grain_of(meta);
    let (unit, shift) = (unit_of(grain), shift_of(meta));
    let nanos_per_unit = nanos_of(unit);
    let stored = values.iter().map(|&value| i64::try_from((grain.to_nanos(value) - shift).div_euclid(nanos_per_unit)));
    let stored: Vec<i64> = stored.collect::<Result<_, _>>().map_err(|_| misfit(meta, "an instant lies beyond the range of timestamps"))?;
    let zone = zone_of(meta);
    Ok(match unit {
        TimeUnit::Nanosecond => Arc::new(TimestampNanosecondArray::new(stored.into(), nulls).with_timezone_opt(zone)),
        TimeUnit::Microsecond => Arc::new(TimestampMicrosecondArray::new(stored.into(), nulls).with_timezone_opt(zone)),
        _ => Arc::new(TimestampMillisecondArray::new(stored.into(), nulls).with_timezone_opt(zone)),
    })
}

/// What is gathered of one column while batches are read.
pub(crate) struct Gathered<'a> {
    meta: &'a ColumnMeta,
    codes: BTreeMap<&'a str, u32>,
    cells: Cells,
    missing: Vec<bool>,
}

enum Cells {
    Real(Vec<f64>),
    Whole(Vec<i64>),
    Code(Vec<u32>),
    Text(Vec<StringArray>),
}

impl<'a> Gathered<'a> {
    /// Nothing gathered yet; the description decides what is accepted.
    pub(crate) fn new(meta: &'a ColumnMeta) -> Self {
        let cells = match meta.kind {
            Kind::Datetime => Cells::Whole(Vec::new()),
            Kind::Continuous if meta.storage == Storage::Int64 => Cells::Whole(Vec::new()),
            Kind::Continuous => Cells::Real(Vec::new()),
            Kind::Boolean | Kind::Categorical | Kind::Ordinal => Cells::Code(Vec::new()),
            Kind::Id | Kind::Text | Kind::Empty => Cells::Text(Vec::new()),
        };
        let codes = meta.levels.iter().enumerate().map(|(code, label)| (label.as_str(), code as u32)).collect();
        Self { meta, codes, cells, missing: Vec::new() }
    }

    /// Adds the cells of an array of whatever type a file gives, converted where nothing is lost.
    pub(crate) fn append(&mut self, array: &ArrayRef) -> Result<()> {
        let meta = self.meta;
        self.missing.extend((0..array.len()).map(|row| array.is_null(row)));
        match &mut self.cells {
            Cells::Real(cells) => {
                let numbers = converted(meta, array, &DataType::Float64)?;
                let numbers = numbers.as_primitive::<Float64Type>();
                let finite = |number: f64| if number.is_finite() { Ok(number) } else { Err(misfit(meta, "a number is not finite")) };
                for number in numbers {
                    cells.push(number.map_or(Ok(0.0), finite)?);
                }
            }
            Cells::Whole(cells) if meta.kind == Kind::Datetime => append_instants(meta, cells, array)?,
            Cells::Whole(cells) => append_whole(meta, cells, array)?,
            Cells::Code(cells) => append_codes(meta, &self.codes, cells, &mut self.missing, array)?,
            Cells::Text(cells) => {
                let texts = converted(meta, array, &DataType::Utf8)?;
                cells.push(texts.as_string::<i32>().clone());
            }
        }
        Ok(())
    }

    /// The gathered cells as a column.
    pub(crate) fn finish(self) -> Result<Column> {
        let values = match self.cells {
            Cells::Real(cells) => Values::Real(cells.into()),
            Cells::Whole(cells) => Values::Whole(cells.into()),
            Cells::Code(cells) => Values::Code(cells.into()),
            Cells::Text(cells) => Values::Text(cells.iter().flatten().map(Option::unwrap_or_default).collect::<Strings>()),
        };
        Column::new(values, Some(Bits::collect(self.missing.into_iter()))).map_err(|error| error.in_column(&self.meta.name))
    }
}

fn append_whole(meta: &ColumnMeta, cells: &mut Vec<i64>, array: &ArrayRef) -> Result<()> {
    // a float that holds whole numbers is what many tools write for a whole column with nulls
    if array.data_type().is_floating() {
        let numbers = converted(meta, array, &DataType::Float64)?;
        for number in numbers.as_primitive::<Float64Type>() {
            let number = number.unwrap_or(0.0);
            if number.trunc() != number || number.abs() > 9.2e18 {
                return Err(misfit(meta, "a number is not whole"));
            }
            cells.push(number as i64);
        }
        return Ok(());
    }
    let numbers = converted(meta, array, &DataType::Int64)?;
    cells.extend(numbers.as_primitive::<Int64Type>().iter().map(Option::unwrap_or_default));
    Ok(())
}

fn append_instants(meta: &ColumnMeta, cells: &mut Vec<i64>, array: &ArrayRef) -> Result<()> {
    let grain = grain_of(meta);
    let unit = match array.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, _) => TimeUnit::Nanosecond,
        DataType::Timestamp(TimeUnit::Microsecond, _) => TimeUnit::Microsecond,
        _ => TimeUnit::Millisecond,
    };
    let zone = match array.data_type() {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    let shift = if zone.is_some() { shift_of(meta) } else { 0 };
    let array = converted(meta, array, &DataType::Timestamp(unit, zone))?;
    let stored: Vec<Option<i64>> = match unit {
        TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().iter().collect(),
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().iter().collect(),
        _ => array.as_primitive::<TimestampMillisecondType>().iter().collect(),
    };
    for instant in stored {
        let nanos = i128::from(instant.unwrap_or(0)) * nanos_of(unit) + shift;
        let value = grain.of_nanos(nanos);
        if instant.is_some() && grain.to_nanos(value) != nanos {
            return Err(misfit(meta, "an instant is finer than the column's grain"));
        }
        cells.push(value);
    }
    Ok(())
}

fn append_codes(
    meta: &ColumnMeta,
    codes: &BTreeMap<&str, u32>,
    cells: &mut Vec<u32>,
    missing: &mut [bool],
    array: &ArrayRef,
) -> Result<()> {
    let code_of = |label: &str| -> Result<u32> {
        let exact = codes.get(label).copied();
        // true and false are written with other letters by every tool
        let folded = || meta.levels.iter().position(|level| meta.kind == Kind::Boolean && level.eq_ignore_ascii_case(label));
        exact.or_else(|| folded().map(|place| place as u32)).ok_or_else(|| misfit(meta, "a label is not among the column's levels"))
    };
    let DataType::Dictionary(_, _) = array.data_type() else {
        let labels = converted(meta, array, &DataType::Utf8)?;
        let mut last: Option<(String, u32)> = None;
        for label in labels.as_string::<i32>() {
            let Some(label) = label else {
                cells.push(0);
                continue;
            };
            let code = match &last {
                Some((text, code)) if text == label => *code,
                _ => code_of(label)?,
            };
            last = Some((label.to_owned(), code));
            cells.push(code);
        }
        return Ok(());
    };
    let dictionary = converted(meta, array, &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)))?;
    let dictionary = dictionary.as_dictionary::<Int32Type>();
    let labels = dictionary.values().as_string::<i32>();
    // only labels that a row uses must be known
    let mut known: Vec<Option<u32>> = vec![None; labels.len()];
    let first = missing.len() - array.len();
    for (row, key) in dictionary.keys().iter().enumerate() {
        let place = key.map(|key| key as usize).filter(|&place| labels.is_valid(place));
        missing[first + row] = place.is_none();
        let Some(place) = place else {
            cells.push(0);
            continue;
        };
        let code = match known[place] {
            Some(code) => code,
            None => *known[place].insert(code_of(labels.value(place))?),
        };
        cells.push(code);
    }
    Ok(())
}

/// An array as another type; nulls stay nulls and a cell that cannot be converted is an error.
fn converted(meta: &ColumnMeta, array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if array.data_type() == to {
        return Ok(Arc::clone(array));
    }
    let result = cast(array, to).map_err(|e| misfit(meta, &e.to_string()))?;
    if result.logical_null_count() != array.logical_null_count() {
        return Err(misfit(meta, &format!("a cell of type {} does not fit the kind {}", array.data_type(), meta.kind.name())));
    }
    Ok(result)
}

fn grain_of(meta: &ColumnMeta) -> Grain {
    meta.date.as_ref().map_or(Grain::Second, |date| date.grain)
}

fn shift_of(meta: &ColumnMeta) -> i128 {
    let minutes = meta.date.as_ref().and_then(|date| date.offset_minutes).unwrap_or(0);
    i128::from(minutes) * NANOS_PER_MINUTE
}

/// Cells hold local time; with an offset the file holds UTC instants of that zone.
fn zone_of(meta: &ColumnMeta) -> Option<Arc<str>> {
    let minutes = meta.date.as_ref()?.offset_minutes?;
    let sign = if minutes < 0 { '-' } else { '+' };
    Some(format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60).into())
}

fn unit_of(grain: Grain) -> TimeUnit {
    match grain {
        Grain::Nanosecond => TimeUnit::Nanosecond,
        Grain::Microsecond => TimeUnit::Microsecond,
        _ => TimeUnit::Millisecond,
    }
}

fn nanos_of(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}

fn misfit(meta: &ColumnMeta, what: &str) -> Error {
    Error::data("parquet::column", format!("column {}: {what}", meta.name)).in_column(&meta.name)
}
