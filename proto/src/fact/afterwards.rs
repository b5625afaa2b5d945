//! Facts that may follow a job's end: edits of what people say of it, the call of its page, the copy that was made
//! after all, and the tombstone. They lie apart from the facts that the job is made of, so that whoever shows a
//! finished job finds them by one short list.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What people say of a job, whole: of several edits the one with the highest number counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditFact {
    /// Version.
    pub v: u16,
    /// Who.
    pub by: String,
    /// Milliseconds since 1970; display only.
    pub at: i64,
    /// Free labels, at most 16.
    pub labels: BTreeMap<String, String>,
    /// One line for people, at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

/// A job was deleted: what is left of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedFact {
    /// Version.
    pub v: u16,
    /// Who.
    pub by: String,
    /// Milliseconds since 1970; display only.
    pub at: i64,
}

/// The page that a job names was called, or will not be called again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallFact {
    /// Version.
    pub v: u16,
    /// How often it was called.
    pub calls: u32,
    /// Whether it took the news.
    pub told: bool,
    /// The status of its last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// The copy in the user's own place, which had failed at the job's end, was made after all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedFact {
    /// Version.
    pub v: u16,
    /// Who asked for it.
    pub by: String,
    /// Milliseconds since 1970; display only.
    pub at: i64,
    /// The folder that holds it now.
    pub folder: String,
}
