//! Tables out: delimited text in the input's dialect, or Parquet.

mod csv;
mod date;
mod number;
mod packing;
mod parquet;
mod preview;

pub use csv::{CsvOptions, CsvWriter, is_formula, to_text, write_csv};
pub(crate) use date::instant;
pub(crate) use packing::Packer;
pub use packing::Packing;
pub use parquet::{Provenance, write_parquet};
pub use preview::{PREVIEW_ROWS, Preview, write_preview};
