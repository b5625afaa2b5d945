//! The lines that a task process writes on standard output: one JSON object each, at most 64 KiB.

use serde::{Deserialize, Serialize};
use synthfleet_proto::error::WireError;

/// One line of a task process.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Line {
    Progress { fraction: f64, phase: String },
    Measure { name: String, step: u64, value: f64 },
    Log { text: String },
    Checkpoint { path: String, step: u64 },
    Note { text: String },
    Usage { cpu_seconds: f64, memory_peak_bytes: u64 },
    Error(WireError),
}
