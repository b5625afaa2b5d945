//! Files in and out: the only room that knows Arrow, Parquet and DataFusion.
//!
//! Everything here blocks; the asynchronous engine inside is hidden.

mod arrow_columns;
mod engine;
pub mod forms;
pub mod cast;
pub mod infer;
pub mod parquet;
pub mod read;
pub mod simulated;
pub mod sniff;
pub mod split;
pub mod write;
