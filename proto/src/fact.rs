//! Facts: objects of the store that are created once and never changed. JSON, UTF-8, sorted keys, no NaN,
//! each with its version `v`. What a job is follows from which facts exist.

mod afterwards;
mod attempt;
mod noise;
mod outcome;
mod plan;
mod spec;
mod upload;

pub use afterwards::{CallFact, CopiedFact, DeletedFact, EditFact};
pub use attempt::{Cancel, Checkpoint, Claim, End, EndCause, Lease};
pub use noise::NoiseFact;
pub use outcome::{OutcomeFact, OutcomeStatus, Output, ProfileSummary};
pub use plan::{Group, PlanFact, PlanInputs, PlannedMember, SkippedPart};
pub use spec::{Candidate, ChosenBenchmark, Reply, ReplyForm, SpecFact};
pub use upload::{UploadBegun, UploadDone};

use crate::{Error, Result};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeMap;

/// The version that is written into facts.
pub const VERSION: u16 = 1;
/// Largest fact in bytes.
pub const BYTES_MAX: usize = 16 << 20;

/// The bytes of a fact: keys sorted, no spaces.
pub fn encode(fact: &impl Serialize) -> Result<Vec<u8>> {
    let broken = |e: serde_json::Error| Error::internal("fact::encode", e.to_string());
    let value = sorted(serde_json::to_value(fact).map_err(broken)?);
    let bytes = serde_json::to_vec(&value).map_err(broken)?;
    if bytes.len() <= BYTES_MAX {
        return Ok(bytes);
    }
    Err(Error::invalid("fact::size", format!("fact of {} bytes, allowed: {BYTES_MAX}", bytes.len())))
}

/// Indented JSON with sorted keys: files for people.
pub fn encode_pretty(value: &impl Serialize) -> Result<Vec<u8>> {
    let broken = |e: serde_json::Error| Error::internal("fact::encode", e.to_string());
    let value = sorted(serde_json::to_value(value).map_err(broken)?);
    let mut bytes = serde_json::to_vec_pretty(&value).map_err(broken)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Keys in order, whatever map the JSON library was built with.
fn sorted(value: Value) -> Value {
    if is_sorted(&value) {
        return value;
    }
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<String, Value> = fields.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        plain => plain,
    }
}

/// Whether all keys are in order already.
fn is_sorted(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.keys().is_sorted() && fields.values().all(is_sorted),
        Value::Array(items) => items.iter().all(is_sorted),
        _ => true,
    }
}

/// Reads a fact of this or an older version.
pub fn decode<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T> {
    #[derive(Deserialize)]
    struct Version {
        v: u16,
    }
    let corrupt = |e: serde_json::Error| Error::unavailable("fact::corrupt", format!("cannot read the fact {what}: {e}"));
    let version: Version = serde_json::from_slice(bytes).map_err(corrupt)?;
    if version.v > VERSION {
        let message = format!("the fact {what} has version {}, this program reads {VERSION}", version.v);
        return Err(Error::unavailable("fact::version", message).help("use the newer program"));
    }
    serde_json::from_slice(bytes).map_err(corrupt)
}

/// Which candidate is delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Winner {
    /// Candidate.
    pub candidate: String,
    /// The repeat whose sample is delivered.
    pub repeat: u32,
}

/// The judgement: a pure function of the plan and the outcomes it names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SelectionFact {
    /// Version.
    pub v: u16,
    /// SHA-256 of the plan that was judged.
    pub plan_sha256: String,
    /// SHA-256 of every outcome that was judged, by task.
    pub outcomes: BTreeMap<String, String>,
    /// Rule that judged.
    pub rule_version: String,
    /// Who is delivered; `None`: no release.
    pub winner: Option<Winner>,
    /// `synthfleet.verdict.v1`.
    pub verdict: Value,
}

/// One published file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedFile {
    /// Path in the output folder.
    pub path: String,
    /// Key of its bytes.
    pub key: String,
    /// Length.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Whether its bytes follow from input, job, seed and version alone.
    pub deterministic: bool,
}

/// What the job gives, manifest last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedFact {
    /// Version.
    pub v: u16,
    /// All files; the last one is the manifest.
    pub files: Vec<PublishedFile>,
}

/// The end of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FinalFact {
    /// Version.
    pub v: u16,
    /// `done`, `failed` or `cancelled`.
    pub state: crate::job::JobState,
    /// Of a done job: `winner` or `no_release`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// The winning candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub winner: Option<String>,
    /// SHA-256 of the selection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection_sha256: Option<String>,
    /// SHA-256 of the published fact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_sha256: Option<String>,
    /// Why it failed or was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<crate::error::WireError>,
    /// Of a done job: why the copy in the user's own place is missing. The results are complete here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish_failed: Option<crate::error::WireError>,
    /// Whether some task was cut off by deadline or interruption.
    #[serde(default)]
    pub partial: bool,
    /// Tasks by outcome.
    #[serde(default)]
    pub counts: BTreeMap<String, u32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let bytes = encode(&json!({"v": 1, "b": {"z": 1, "a": [{"y": 1, "x": 2}]}, "a": 0})).expect("small");
        assert_eq!(String::from_utf8_lossy(&bytes), r#"{"a":0,"b":{"a":[{"x":2,"y":1}],"z":1},"v":1}"#);
    }

    #[test]
    fn a_newer_version_is_left_to_newer_programs() {
        let error = decode::<PublishedFact>("published", br#"{"v":2,"files":[]}"#).expect_err("v2 is unknown");
        assert_eq!(error.code(), "fact::version");
        assert_eq!(decode::<PublishedFact>("published", b"{\"v\":1,").expect_err("cut").code(), "fact::corrupt");
    }

    #[test]
    fn a_fact_beyond_the_cap_is_refused() {
        let error = encode(&json!({"v": 1, "text": "x".repeat(BYTES_MAX)})).expect_err("too large");
        assert_eq!(error.code(), "fact::size");
    }
}
