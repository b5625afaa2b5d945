//! Files in and out: the only room that knows Arrow, Parquet and DataFusion.
//!
//! Everything here blocks; the asynchronous engine inside is hidden.

mod arrow_columns;
pub mod asked;
pub mod cast;
mod engine;
pub mod forms;
pub mod infer;
mod outside;
pub mod parquet;
mod parquet_source;
pub mod preview;
mod profile;
mod profile_task;
pub mod read;
mod rejected;
mod rows;
pub mod simulated;
pub mod sniff;
pub mod split;
mod stage;
pub mod write;

pub use profile_task::{ProfileInput, Profiled, constrain, profile_task};
