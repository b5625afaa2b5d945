//! How things look in a terminal: errors, tables, progress. Results go to stdout, all else to stderr.

pub mod board;
pub mod error;
pub mod list;
pub mod progress;
pub mod style;
