//! States that a running task leaves, brought to the store so that a later attempt can go on from them.

use super::Attempt;
use crate::context::Context;
use crate::{TaskFolder, metrics};
use std::collections::VecDeque;
use std::sync::Arc;
use synthfleet_proto::attempts::Seen;
use synthfleet_proto::fact::Checkpoint;
use synthfleet_proto::key::Key;
use synthfleet_proto::task::TaskKind;
use synthfleet_proto::{Error, Result};
use synthfleet_store::{download, upload_file};
use tokio::task::JoinHandle;

/// States of one attempt that are kept.
const KEPT: usize = 2;
/// Longest state in bytes.
const BYTES_MAX: u64 = 2 << 30;
/// The state that a task is given, below `in/`.
pub const RESUME: &str = "resume.bin";

/// The states of one attempt.
pub struct Checkpoints {
    kind: TaskKind,
    sequence: u32,
    coming: Option<JoinHandle<Result<Checkpoint>>>,
    kept: VecDeque<Checkpoint>,
}

impl Checkpoints {
    /// None yet, of a task of a kind.
    pub fn of(kind: TaskKind) -> Self {
        Self { kind, sequence: 0, coming: None, kept: VecDeque::new() }
    }

    /// The task left a state below `ckpt/`. While an earlier one is still on its way, this one is passed over.
    pub fn left(&mut self, context: &Arc<Context>, attempt: &Attempt, folder: &TaskFolder, name: &str, step: u64) {
        if self.coming.is_some() || name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
            return;
        }
        self.sequence += 1;
        let (context, path, sequence) = (Arc::clone(context), folder.path().join("ckpt").join(name), self.sequence);
        let keys = attempt.keys.attempt(attempt.task.as_str(), attempt.number, &attempt.nonce);
        self.coming = Some(tokio::spawn(async move {
            let metadata = tokio::fs::symlink_metadata(&path).await.map_err(|e| Error::io(path.display(), e))?;
            if !metadata.is_file() || metadata.len() > BYTES_MAX {
                return Err(Error::data("task::checkpoint", format!("a state must be a file of at most {BYTES_MAX} bytes")));
            }
            let key = keys?.checkpoint(sequence)?;
            let stored = upload_file(context.store(), &key, &path).await?;
            // what is in the store need not stay here
            let _ = tokio::fs::remove_file(&path).await;
            Ok(Checkpoint { key: key.to_string(), sha256: stored.sha256, bytes: stored.length, step })
        }));
    }

    /// Ends when the state on its way has arrived, or failed; never while none is.
    pub async fn arrival(&mut self, context: &Context) {
        let Some(coming) = &mut self.coming else { return std::future::pending().await };
        let arrived = coming.await.unwrap_or_else(|e| Err(Error::internal("worker::panic", format!("an upload stopped: {e}"))));
        self.coming = None;
        match arrived {
            Ok(checkpoint) => {
                metrics::checkpoint(&context.book, self.kind, "saved", checkpoint.bytes);
                self.kept.push_back(checkpoint);
                while self.kept.len() > KEPT {
                    let Some(old) = self.kept.pop_front() else { break };
                    if let Ok(key) = Key::parse(&old.key) {
                        // a worker without the right to delete leaves it to retention
                        let _ = context.store().delete(&key).await;
                    }
                }
            }
            Err(error) => {
                metrics::checkpoint(&context.book, self.kind, "rejected", 0);
                tracing::warn!(code = error.code(), "a state could not be kept");
            }
        }
    }

    /// The newest state that is in the store.
    pub fn newest(&self) -> Option<Checkpoint> {
        self.kept.back().cloned()
    }

    /// Waits for the state that is on its way: the attempt is over.
    pub async fn settle(&mut self, context: &Context) -> Option<Checkpoint> {
        if self.coming.is_some() {
            self.arrival(context).await;
        }
        self.newest()
    }
}

/// The newest state of earlier attempts that can be read, in the task folder; damaged ones are passed over.
pub async fn resume(context: &Context, attempt: &Attempt, folder: &TaskFolder, seen: &[Seen]) -> Option<Checkpoint> {
    let count = |op, bytes| metrics::checkpoint(&context.book, attempt.group.kind, op, bytes);
    for checkpoint in seen.iter().rev().filter_map(|attempt| attempt.checkpoint.as_ref()) {
        let path = folder.given(RESUME);
        let brought = async {
            if checkpoint.bytes > BYTES_MAX {
                return Err(Error::data("task::checkpoint", format!("a state of {} bytes", checkpoint.bytes)));
            }
            download(context.store(), &Key::parse(&checkpoint.key)?, &path, &checkpoint.sha256).await
        };
        match brought.await {
            Ok(_) => {
                count("resumed", checkpoint.bytes);
                return Some(checkpoint.clone());
            }
            Err(error) => {
                count("rejected", checkpoint.bytes);
                tracing::warn!(code = error.code(), "a state of an earlier attempt cannot be used");
                // nothing half done is given
                let _ = tokio::fs::remove_file(&path).await;
            }
        }
    }
    None
}
