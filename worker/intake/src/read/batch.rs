//! Rows of a source on their way to columns, a batch at a time.

use super::bad_rows::Rejected;

/// Most rows and bytes of one batch; one record more may exceed the bytes.
const BATCH_ROWS: usize = 8_192;
const BATCH_BYTES: usize = 1 << 20;

/// Rows as text cells, `[rows, columns]`, in buffers that are used again.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    columns: usize,
    pub(super) text: String,
    pub(super) ends: Vec<u32>,
    pub(super) quoted: Vec<bool>,
    pub(super) lines: Vec<u64>,
    pub(super) rejected: Vec<Rejected>,
}

impl Batch {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.lines.len()
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The text of a cell, without quotes and escapes.
    pub fn cell(&self, row: usize, column: usize) -> &str {
        let place = row * self.columns + column;
        let start = if place == 0 { 0 } else { self.ends[place - 1] as usize };
        &self.text[start..self.ends[place] as usize]
    }

    /// Whether a cell was quoted.
    pub fn quoted(&self, row: usize, column: usize) -> bool {
        self.quoted[row * self.columns + column]
    }

    /// The line a row starts at, from 1.
    pub fn line(&self, row: usize) -> u64 {
        self.lines[row]
    }

    /// Records between these rows that were left out; filled under `save` and `pad` alone.
    pub fn rejected(&self) -> &[Rejected] {
        &self.rejected
    }

    /// A batch of given cells, all rows of equal length, lines counted from 1: tests and typed sources.
    pub fn of_rows<S: AsRef<str>>(columns: usize, rows: &[Vec<S>]) -> Self {
        let mut batch = Self { columns, ..Self::default() };
        for (number, row) in rows.iter().enumerate() {
            assert_eq!(row.len(), columns, "row {number} has another length");
            for cell in row {
                batch.text.push_str(cell.as_ref());
                batch.ends.push(batch.text.len() as u32);
                batch.quoted.push(false);
            }
            batch.lines.push(number as u64 + 1);
        }
        batch
    }

    pub(super) fn clear(&mut self, columns: usize) {
        self.columns = columns;
        self.text.clear();
        self.ends.clear();
        self.quoted.clear();
        self.lines.clear();
        self.rejected.clear();
    }

    pub(super) fn is_full(&self) -> bool {
        self.lines.len() >= BATCH_ROWS || self.text.len() >= BATCH_BYTES
    }
}
