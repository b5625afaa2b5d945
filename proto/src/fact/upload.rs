//! The facts of an upload: that it began, that it is complete.

use serde::{Deserialize, Serialize};

/// An upload began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadBegun {
    /// Version.
    pub v: u16,
    /// `upl_` and 26 characters of base32.
    pub upload: String,
    /// Name of the file, for the table's name and its format.
    pub name: String,
    /// Length that was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// SHA-256 that was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Who sends it.
    pub principal: String,
    /// Milliseconds since 1970.
    pub at: i64,
}

/// An upload is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadDone {
    /// Version.
    pub v: u16,
    /// Length.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: String,
}
