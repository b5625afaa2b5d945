//! Notes of good outcomes for later jobs, written beside the loop: they save work and nothing depends on them, so no
//! task waits for them. What is noted when the coordinator stops is written first.

use super::Parts;
use crate::reuse;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_proto::fact::OutcomeFact;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Notes that are written at once.
const AT_ONCE: usize = 32;
/// Notes that may wait; more are not taken.
const WAITING_MAX: usize = 4_096;
/// Time that a coordinator that stops gives its last notes.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A good outcome, and what its results follow from.
pub struct Note {
    pub tenant: String,
    pub fingerprint: String,
    pub outcome: Arc<OutcomeFact>,
}

/// Where notes are given to whoever writes them.
pub fn pad() -> (mpsc::Sender<Note>, mpsc::Receiver<Note>) {
    mpsc::channel(WAITING_MAX)
}

/// Writes notes until nobody can give one any more.
pub async fn write(parts: Parts, mut notes: mpsc::Receiver<Note>) {
    let mut writing = JoinSet::new();
    while let Some(note) = notes.recv().await {
        while writing.len() >= AT_ONCE {
            writing.join_next().await;
        }
        let parts = parts.clone();
        writing.spawn(async move {
            let noted = reuse::note(parts.store.as_ref(), &note.tenant, &note.fingerprint, &note.outcome, parts.entropy.bits()).await;
            if let Err(error) = noted {
                tracing::debug!(task = note.outcome.task.as_str(), code = error.code(), "an outcome was not noted for later jobs");
            }
        });
    }
    while writing.join_next().await.is_some() {}
}

/// Waits for the last notes, but not long.
pub async fn finish(mut writing: JoinSet<()>) {
    let all = async { while writing.join_next().await.is_some() {} };
    if tokio::time::timeout(LAST_WORDS, all).await.is_err() {
        tracing::debug!("some outcomes were not noted for later jobs");
    }
}
