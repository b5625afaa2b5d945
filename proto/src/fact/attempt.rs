//! Facts of attempts: `claim`, `lease`, `end`; and `cancel`, `x`.

use crate::error::WireError;
use serde::{Deserialize, Serialize};

/// Attempt `n` of a task belongs to one worker. Created once; the winner of the race runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Version.
    pub v: u16,
    /// Worker.
    pub worker: String,
    /// Machine; display only.
    pub host: String,
    /// 128 random bits in hexadecimal: part of every key the attempt writes.
    pub nonce: String,
    /// From 1.
    pub attempt: u16,
    /// Id of the message that led here.
    pub hint_id: String,
    /// Version of the member that runs.
    pub member_version: String,
    /// The run of an embedded process that holds the store folder alone. Open attempts of other runs are
    /// dead: their process held the same lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Key of the checkpoint it goes on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed_from: Option<String>,
}

/// A state from which a later attempt can go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Key of its bytes.
    pub key: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Length.
    pub bytes: u64,
    /// How far it is, in the member's own steps.
    pub step: u64,
}

/// A long attempt is alive. The only object that its owner overwrites.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// Version.
    pub v: u16,
    /// From 1.
    pub seq: u64,
    /// Worker.
    pub worker: String,
    /// Seconds to the next beat.
    pub interval_seconds: u32,
    /// Share done.
    pub fraction: f64,
    /// What is being done.
    pub phase: String,
    /// The worker is about to leave.
    pub draining: bool,
    /// The newest state to go on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
}

/// Why an attempt ended without an outcome, or would have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    /// The worker gave it back.
    Released,
    /// It failed with an error.
    Error,
    /// It ran out of memory.
    OutOfMemory,
    /// Its process died.
    Crash,
    /// It took too long.
    Timeout,
    /// The disk was full.
    NoSpace,
    /// A newer attempt is nearer the end.
    Superseded,
    /// It was told to stop for good.
    Cancelled,
}

impl EndCause {
    /// Every cause.
    pub const ALL: [Self; 8] =
        [Self::Released, Self::Error, Self::OutOfMemory, Self::Crash, Self::Timeout, Self::NoSpace, Self::Superseded, Self::Cancelled];

    /// The name used in facts and events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Error => "error",
            Self::OutOfMemory => "out_of_memory",
            Self::Crash => "crash",
            Self::Timeout => "timeout",
            Self::NoSpace => "no_space",
            Self::Superseded => "superseded",
            Self::Cancelled => "cancelled",
        }
    }
}

/// An attempt ended and the task has no outcome yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Version.
    pub v: u16,
    /// Why.
    pub cause: EndCause,
    /// Whether it counts toward the limit of its cause.
    pub counted: bool,
    /// The error, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<WireError>,
    /// Seconds before the next attempt.
    pub delay_seconds: u32,
    /// The newest state to go on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
}

/// The fact `cancel` of a job, or `x` of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// Version.
    pub v: u16,
    /// Who.
    pub by: String,
    /// Why, at most 200 bytes.
    pub reason: String,
}
