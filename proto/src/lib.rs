//! Pure data that crosses rooms. No I/O, no clock, no environment, no randomness, no async.
//!
//! Everything another process may read is defined here and nowhere else: a `Serialize` outside this
//! crate and outside a member's options is a mistake (`ARCHITECTURE.md`, invariant A16).

pub mod about;
pub mod attempts;
pub mod calendar;
pub mod calibration;
pub mod class;
pub mod condition;
pub mod constraint;
pub mod envelope;
pub mod error;
pub mod event;
pub mod fact;
pub mod fleet;
pub mod id;
pub mod job;
pub mod key;
pub mod later;
pub mod metadata;
pub mod options;
pub mod outside;
pub mod pool;
pub mod privacy;
pub mod profile;
pub mod protection;
pub mod results;
pub mod s3_event;
pub mod score;
pub mod seed;
pub mod span;
pub mod task;
pub mod token;
pub mod verdict;

pub use error::{Error, ErrorKind, Place, Result};
pub use seed::Seed;
