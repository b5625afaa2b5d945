//! From a source to records: decompressing, decoding, tokenizing, with every record accounted for.

pub mod bad_rows;
mod batch;
pub mod csv;
mod decode;
mod decompress;
mod options;
mod source;
mod tokenize;

pub use batch::Batch;
pub use csv::{Accounting, Records};
pub use decode::TextReader;
pub use decompress::Decompressed;
pub use options::{BadBytes, BadRows, Limits, ReadOptions};
pub use source::{Compression, Opened, Source, open, spool};
pub use tokenize::{Field, Found, Tokenizer, first_records};
