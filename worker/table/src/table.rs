//! Columns in memory, decoded: what benchmarks and writers see.

use crate::{Bits, Strings};
use std::sync::Arc;
use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
use synthfleet_proto::{Error, Result};

/// The values of one column, `[rows]`. A missing cell holds 0 or "": do not read it.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Finite numbers with decimals.
    Real(Arc<[f64]>),
    /// Whole numbers; instants in units of the column's grain since 1970.
    Whole(Arc<[i64]>),
    /// Places in the column's level list.
    Code(Arc<[u32]>),
    /// Ids and free text.
    Text(Strings),
}

impl Values {
    /// Number of cells.
    pub fn len(&self) -> usize {
        match self {
            Self::Real(values) => values.len(),
            Self::Whole(values) => values.len(),
            Self::Code(values) => values.len(),
            Self::Text(values) => values.len(),
        }
    }

    /// Whether there are no cells.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One column, `[rows]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    values: Values,
    missing: Option<Bits>,
}

impl Column {
    /// A column; refuses numbers that are not finite and masks of another length.
    pub fn new(values: Values, missing: Option<Bits>) -> Result<Self> {
        if let Some(bits) = &missing
            && bits.len() != values.len()
        {
            return Err(broken(format!("{} missing flags for {} cells", bits.len(), values.len())));
        }
        if let Values::Real(numbers) = &values
            && let Some(row) = numbers.iter().position(|number| !number.is_finite())
        {
            return Err(broken(format!("row {row} is not a finite number")));
        }
        let missing = missing.filter(|bits| bits.count() > 0);
        Ok(Self { values, missing })
    }

    /// The values; read only where not missing.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The missing flags, if any cell is missing.
    pub fn missing(&self) -> Option<&Bits> {
        self.missing.as_ref()
    }

    /// Whether cell `row` is missing.
    pub fn is_missing(&self, row: usize) -> bool {
        self.missing.as_ref().is_some_and(|bits| bits.get(row))
    }

    /// How many cells are missing.
    pub fn missing_count(&self) -> usize {
        self.missing.as_ref().map_or(0, Bits::count)
    }

    /// Number of cells.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no cells.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The values as numbers, `None` where missing; instants in nanoseconds since 1970. `None` for
    /// columns without distances.
    pub fn numbers(&self, meta: &ColumnMeta) -> Option<Vec<Option<f64>>> {
        let number = |row: usize| -> f64 {
            match &self.values {
                Values::Real(values) => values[row],
                Values::Whole(values) => match (&meta.kind, &meta.date) {
                    (Kind::Datetime, Some(date)) => date.grain.to_nanos(values[row]) as f64,
                    _ => values[row] as f64,
                },
                Values::Code(_) | Values::Text(_) => 0.0,
            }
        };
        let has_distances = matches!(self.values, Values::Real(_) | Values::Whole(_));
        has_distances.then(|| (0..self.len()).map(|row| (!self.is_missing(row)).then(|| number(row))).collect())
    }

    /// The cells at `rows`, in that order.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        let values = match &self.values {
            Values::Real(values) => Values::Real(rows.iter().map(|&row| values[row as usize]).collect()),
            Values::Whole(values) => Values::Whole(rows.iter().map(|&row| values[row as usize]).collect()),
            Values::Code(values) => Values::Code(rows.iter().map(|&row| values[row as usize]).collect()),
            Values::Text(values) => Values::Text(rows.iter().map(|&row| values.get(row as usize)).collect()),
        };
        let missing = self.missing.as_ref().map(|bits| Bits::collect(rows.iter().map(|&row| bits.get(row as usize))));
        Self { values, missing: missing.filter(|bits| bits.count() > 0) }
    }
}

/// A table: one description and its columns, `[columns]`, in the order of the description.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    metadata: Arc<Metadata>,
    rows: usize,
    columns: Vec<Column>,
}

impl Table {
    /// A table; refuses unequal lengths, codes out of range and values of the wrong sort. 0 rows are legal.
    pub fn new(metadata: Arc<Metadata>, rows: usize, columns: Vec<Column>) -> Result<Self> {
        if columns.len() != metadata.columns.len() {
            return Err(broken(format!("{} columns, the description has {}", columns.len(), metadata.columns.len())));
        }
        for (column, meta) in columns.iter().zip(&metadata.columns) {
            if column.len() != rows {
                return Err(broken(format!("{} cells, the table has {rows} rows", column.len())).in_column(&meta.name));
            }
            check_sort(column, meta)?;
        }
        Ok(Self { metadata, rows, columns })
    }

    /// The description.
    pub fn metadata(&self) -> &Arc<Metadata> {
        &self.metadata
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// Column `place`.
    pub fn column(&self, place: usize) -> &Column {
        &self.columns[place]
    }

    /// Columns in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Columns with their descriptions.
    pub fn described(&self) -> impl Iterator<Item = (&ColumnMeta, &Column)> {
        self.metadata.columns.iter().zip(&self.columns)
    }

    /// The rows at `rows`, in that order; rows may repeat.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        let columns = self.columns.iter().map(|column| column.take(rows)).collect();
        Self { metadata: Arc::clone(&self.metadata), rows: rows.len(), columns }
    }

    /// The first `rows` rows, or all if there are fewer.
    #[must_use]
    pub fn head(&self, rows: usize) -> Self {
        let places: Vec<u32> = (0..rows.min(self.rows) as u32).collect();
        self.take(&places)
    }
}

fn check_sort(column: &Column, meta: &ColumnMeta) -> Result<()> {
    let fits = match (&column.values, meta.kind) {
        (Values::Real(_) | Values::Whole(_), Kind::Continuous) | (Values::Whole(_), Kind::Datetime) => true,
        (Values::Text(_), Kind::Id | Kind::Text | Kind::Empty) => true,
        (Values::Code(codes), Kind::Boolean | Kind::Categorical | Kind::Ordinal) => {
            let levels = meta.levels.len() as u32;
            if let Some(row) = (0..codes.len()).find(|&row| !column.is_missing(row) && codes[row] >= levels) {
                return Err(broken(format!("row {row} has code {}, there are {levels} levels", codes[row])).in_column(&meta.name));
            }
            true
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(broken(format!("values do not fit the kind {}", meta.kind.name())).in_column(&meta.name)) }
}

fn broken(message: String) -> Error {
    Error::data("table::broken", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> Arc<Metadata> {
        let mut colour = ColumnMeta::plain("colour", Kind::Categorical);
        colour.levels = vec!["red".into(), "blue".into()];
        Arc::new(Metadata::plain("t", vec![colour, ColumnMeta::plain("size", Kind::Continuous)]))
    }

    fn table(codes: &[u32], sizes: &[f64]) -> Result<Table> {
        let columns = vec![Column::new(Values::Code(codes.into()), None)?, Column::new(Values::Real(sizes.into()), None)?];
        Table::new(metadata(), codes.len(), columns)
    }

    #[test]
    fn codes_out_of_range_and_unequal_lengths_are_refused() {
        assert!(table(&[0, 1], &[1.0, 2.0]).is_ok());
        assert_eq!(table(&[0, 2], &[1.0, 2.0]).expect_err("code 2 of 2").place().column.as_deref(), Some("colour"));
        assert!(table(&[0, 1], &[1.0]).is_err());
        assert!(table(&[0], &[f64::NAN]).is_err());
    }

    #[test]
    fn rows_are_taken_in_the_order_asked() {
        let taken = table(&[0, 1, 0], &[1.0, 2.0, 3.0]).expect("legal").take(&[2, 1, 1]);
        assert_eq!(taken.column(1).values(), &Values::Real([3.0, 2.0, 2.0].into()));
    }

    #[test]
    fn no_rows_are_legal() {
        assert_eq!(table(&[], &[]).expect("legal").rows(), 0);
    }
}
