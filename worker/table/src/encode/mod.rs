//! What synthesizers see of a train table, and the way back to cells.
//!
//! The skeleton fits the [`Encoder`] once per fit, stores it beside the model and restores every
//! sample with it, so that no member ever restores a format, an id or a missing token by itself.

use std::sync::Arc;

/// The cells of one coded column, `[rows]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Coded {
    /// Codes below the column's level count. Missing cells and atoms of numbers are levels of a State.
    Levels(Arc<[u32]>),
    /// Numbers; read only where the column's State, if it has one, is 0 (regular).
    Value(Arc<[f64]>),
}

/// What a coded column holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Sort {
    /// Codes below `levels`. In a State, 0 is "regular", further levels are missing tokens and atoms.
    Levels {
        /// Number of levels.
        levels: u32,
        /// The order of codes means something.
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
}

/// Fitted on a train table; the way there and back. The fields below are the start; protection,
/// plans of regenerated columns and restoration belong here too.
#[derive(Debug, Clone)]
pub struct Encoder {
    columns: Vec<CodedColumn>,
    target: Option<usize>,
}

impl Encoder {
    /// Coded columns in order; a State stands immediately before its Value.
    pub fn columns(&self) -> &[CodedColumn] {
        &self.columns
    }

    /// Place of the coded column that holds the target, if it is modelled.
    pub fn target(&self) -> Option<usize> {
        self.target
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
}
