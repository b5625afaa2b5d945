//! What each column holds, found out from all rows: missing tokens, numbers, dates, kinds, roles,
//! sensitivity, target.
//!
//! Rows stream by once. Distinct cells are kept with their counts up to 1,000,000 a column and 256 MiB over
//! all; past that a column keeps sums, and its number of distinct values is an estimate.

mod column;
pub mod date;
mod dates;
mod kind;
pub mod number;
mod numbers;
mod options;
mod sensitive;
mod table;
mod tally;
mod target;
mod texts;
mod words;

pub use kind::ColumnFacts;
pub use options::{BadCells, ColumnOverride, MissingWords, Overrides, SOFT_MISSING, Typed};
pub use table::{Inference, Inferred, columns};
