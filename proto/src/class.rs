//! Classes of service.

use serde::{Deserialize, Serialize};

/// Which of a pool's two queues a task waits in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Somebody waits for the answer: the default of HTTP and the command line.
    #[default]
    Interactive,
    /// Nobody waits: the default of queues and bucket events.
    Batch,
}

impl Class {
    /// Both classes, the more urgent first.
    pub const ALL: [Self; 2] = [Self::Interactive, Self::Batch];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Batch => "batch",
        }
    }
}
