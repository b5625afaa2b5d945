//! The self-test of gates and score (`synthfleet.calibration.v1`): on tables whose right answer is known, does the
//! verdict give it?

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The schema name of this version.
pub const SCHEMA: &str = "synthfleet.calibration.v1";

/// What a calibration found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Calibration {
    /// [`SCHEMA`].
    pub schema: String,
    /// The rule that judged.
    pub rule_version: String,
    /// Whether every check was passed on every table.
    pub passed: bool,
    /// Jobs that were judged.
    pub runs: u32,
    /// One line for each check and table, in the order of checks, then of tables.
    pub lines: Vec<Line>,
}

impl Calibration {
    /// The JSON Schema of this document.
    pub fn schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }
}

/// One check on one table, over all its runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Name of the check.
    pub check: String,
    /// What it asks.
    pub asks: String,
    /// Table.
    pub table: String,
    /// Runs that met it.
    pub met: u32,
    /// Runs that it was asked of; 0: the table is exempt.
    pub of: u32,
    /// Whether all met it.
    pub passed: bool,
    /// Runs that did not, each with its seed and its numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
}
