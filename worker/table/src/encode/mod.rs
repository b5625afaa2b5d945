//! What synthesizers see of a train table, and the way back to cells.
//!
//! The skeleton fits the [`Encoder`] once per fit, stores it beside the model and restores every
//! sample with it, so that no member ever restores a format, an id or a missing token by itself.
//!
//! A column of the table becomes no, one or several coded columns:
//!
//! | column | coded as |
//! |---|---|
//! | constant, all missing, exactly following from another column | nothing |
//! | id, text | nothing, or `name#state` (present, missing) if cells are missing |
//! | boolean, categorical, ordinal | `name`: levels; missing and "rare" are levels |
//! | number with at most 20 distinct values | `name`: ordered levels |
//! | number | `name#state` if cells are missing or values repeat much, `name`: value |
//! | instant | the same for the day, then `name#weekday`, then `name#time` like a number |
//! | unprotected (`real_rows` members) | `name`: one level for each distinct cell, exact |

mod allowed;
mod bins;
mod codes;
mod constraints;
mod date;
mod encoder;
mod exact;
mod few;
mod id;
mod invented;
mod labels;
mod lookup;
mod number;
mod plan;
mod protect;
mod public;
mod quantile_normal;
mod scale;
mod scores;
mod shelf;
mod template;
mod text;

pub use allowed::Allowed;
pub use bins::Bins;
pub use codes::{CodeColumn, Codes};
pub use encoder::{Encoder, Protection};
pub use public::PublicColumn;
pub use quantile_normal::QuantileNormal;
pub use scores::normal_scores;

use std::sync::Arc;
use synthfleet_proto::{Error, Result};

/// The cells of one coded column, `[rows]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Coded {
    /// Codes below the column's level count. Missing cells and atoms of numbers are levels of a State.
    Levels(Arc<[u32]>),
    /// Numbers; read only where the column's State, if it has one, is 0 (regular).
    Value(Arc<[f64]>),
}

impl Coded {
    /// Number of cells.
    pub fn len(&self) -> usize {
        match self {
            Self::Levels(codes) => codes.len(),
            Self::Value(numbers) => numbers.len(),
        }
    }

    /// Whether there are no cells.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The codes; none for numbers.
    pub fn codes(&self) -> Option<&[u32]> {
        match self {
            Self::Levels(codes) => Some(codes),
            Self::Value(_) => None,
        }
    }

    /// The numbers; none for levels.
    pub fn numbers(&self) -> Option<&[f64]> {
        match self {
            Self::Levels(_) => None,
            Self::Value(numbers) => Some(numbers),
        }
    }

    /// Cells one below the other; none if there are no parts or they are of two sorts.
    pub fn join<'a>(parts: impl Iterator<Item = &'a Self> + Clone) -> Option<Self> {
        match parts.clone().next()? {
            Self::Levels(_) => parts.map(Self::codes).collect::<Option<Vec<_>>>().map(|parts| Self::Levels(parts.concat().into())),
            Self::Value(_) => parts.map(Self::numbers).collect::<Option<Vec<_>>>().map(|parts| Self::Value(parts.concat().into())),
        }
    }

    /// The cells at `rows`, in that order.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        match self {
            Self::Levels(codes) => Self::Levels(rows.iter().map(|&row| codes[row as usize]).collect()),
            Self::Value(numbers) => Self::Value(rows.iter().map(|&row| numbers[row as usize]).collect()),
        }
    }
}

/// What a coded column holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Sort {
    /// Codes below `levels`. In a State, 0 is "regular", further levels are missing tokens and atoms.
    Levels {
        /// Number of levels.
        levels: u32,
        /// The order of codes means something; a missing level, if there is one, stands last.
        ordered: bool,
    },
    /// Numbers within the protected range.
    Value {
        /// Place of the State column (always the one before), if the column has one.
        state: Option<usize>,
        /// Protected smallest value.
        low: f64,
        /// Protected largest value.
        high: f64,
        /// Smallest step between values in value units; 0: none.
        step: f64,
    },
}

/// One coded column: a column of the table, or a part of one (State, Value, weekday, ...).
#[derive(Debug, Clone, PartialEq)]
pub struct CodedColumn {
    /// Name, unique: `age`, `age#state`, `signup#weekday`.
    pub name: String,
    /// Place of the table's column.
    pub source: usize,
    /// What it holds.
    pub sort: Sort,
    /// In a State: the number behind each level, `[levels]`; `None` for "regular" and "missing".
    /// Empty for every other column.
    pub atoms: Vec<Option<f64>>,
    /// The level that stands for missing cells, if there is one.
    pub missing: Option<u32>,
}

impl CodedColumn {
    /// Number of levels; none for a Value.
    pub fn levels(&self) -> Option<u32> {
        match self.sort {
            Sort::Levels { levels, .. } => Some(levels),
            Sort::Value { .. } => None,
        }
    }

    /// Whether it is the State of the Value that follows.
    pub fn is_state(&self) -> bool {
        !self.atoms.is_empty()
    }
}

/// A train table as synthesizers see it: protected and coded.
#[derive(Debug, Clone)]
pub struct Encoded {
    encoder: Arc<Encoder>,
    rows: usize,
    columns: Vec<Coded>,
}

impl Encoded {
    /// Coded cells; refuses wrong sorts, unequal lengths, codes out of range and numbers that are not finite.
    pub fn new(encoder: Arc<Encoder>, rows: usize, columns: Vec<Coded>) -> Result<Self> {
        check(&encoder, rows, &columns)?;
        Ok(Self { encoder, rows, columns })
    }

    /// The encoder that made it.
    pub fn encoder(&self) -> &Arc<Encoder> {
        &self.encoder
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of coded columns.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// Coded columns in order, `[columns]`.
    pub fn columns(&self) -> &[Coded] {
        &self.columns
    }

    /// Coded columns with their descriptions.
    pub fn described(&self) -> impl Iterator<Item = (&CodedColumn, &Coded)> {
        self.encoder.columns().iter().zip(&self.columns)
    }

    /// The rows at `rows`, in that order; rows may repeat.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        let columns = self.columns.iter().map(|column| column.take(rows)).collect();
        Self { encoder: Arc::clone(&self.encoder), rows: rows.len(), columns }
    }

    /// Whether the Value column `place` is regular in `row`; true for columns without a State.
    pub fn is_regular(&self, place: usize, row: usize) -> bool {
        match self.encoder.columns()[place].sort {
            Sort::Value { state: Some(state), .. } => self.columns[state].codes().is_none_or(|codes| codes[row] == 0),
            _ => true,
        }
    }

    /// The regular rows of the Value column `place`, in order; all rows for columns without a State.
    pub fn regular_rows(&self, place: usize) -> Vec<u32> {
        (0..self.rows as u32).filter(|&row| self.is_regular(place, row as usize)).collect()
    }
}

/// Checks coded cells against the columns that they claim to be.
pub(crate) fn check(encoder: &Encoder, rows: usize, columns: &[Coded]) -> Result<()> {
    if columns.len() != encoder.columns().len() {
        return Err(broken(format!("{} coded columns, the encoder has {}", columns.len(), encoder.columns().len())));
    }
    for (column, described) in columns.iter().zip(encoder.columns()) {
        if column.len() != rows {
            return Err(broken(format!("{} cells, the block has {rows} rows", column.len())).in_column(&described.name));
        }
        let fits = match (column, &described.sort) {
            (Coded::Levels(codes), Sort::Levels { levels, .. }) => codes.iter().all(|code| code < levels),
            (Coded::Value(numbers), Sort::Value { .. }) => numbers.iter().all(|number| number.is_finite()),
            _ => false,
        };
        if !fits {
            return Err(broken("coded cells do not fit their column".to_owned()).in_column(&described.name));
        }
    }
    Ok(())
}

pub(crate) fn broken(message: String) -> Error {
    Error::internal("encode::broken", message)
}
