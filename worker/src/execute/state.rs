//! The state that a task leaves for a later attempt: a head that says of what, then named arrays. A state of
//! another member version or of other options is not gone on from.

use crate::TaskFolder;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use synthfleet_proto::task::TaskFile;
use synthfleet_proto::{Error, Result, fact, id};
use synthfleet_table::Arrays;

/// First bytes of a state.
const MAGIC: &[u8; 8] = b"SFSTATE1";
/// Time between two states.
const EVERY: Duration = Duration::from_secs(60);
/// Longest head in bytes.
const HEAD_BYTES_MAX: usize = 4_096;

/// What is said where the given state is of something else.
pub const REFUSED: &str = "the state of an earlier attempt is damaged or of something else: the task starts anew";

#[derive(Serialize, Deserialize, PartialEq)]
struct Head {
    /// What decides the bytes of the result, as one hash.
    fingerprint: String,
    program: String,
    step: u64,
}

fn fingerprint(task: &TaskFile) -> Result<String> {
    let what = TaskFile { resume: None, threads: 0, seconds: 0.0, ..task.clone() };
    Ok(id::sha256_hex(&fact::encode(&what)?))
}

/// The state that a task may go on from; `None`: there is none, or it is of something else.
pub fn read(folder: &TaskFolder, task: &TaskFile) -> Result<Option<Arrays>> {
    let Some(name) = &task.resume else { return Ok(None) };
    let path = folder.given(name);
    let bytes = fs::read(&path).map_err(|e| Error::io(path.display(), e))?;
    Ok(open(&bytes, task))
}

fn open(bytes: &[u8], task: &TaskFile) -> Option<Arrays> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > HEAD_BYTES_MAX || length > rest.len() {
        return None;
    }
    let (head, arrays) = rest.split_at(length);
    let head: Head = serde_json::from_slice(head).ok()?;
    let is_ours = head.fingerprint == fingerprint(task).ok()? && head.program == env!("CARGO_PKG_VERSION");
    if is_ours { Arrays::from_bytes(arrays).ok() } else { None }
}

fn close(task: &TaskFile, step: u64, arrays: &Arrays) -> Result<Vec<u8>> {
    let head = Head { fingerprint: fingerprint(task)?, program: env!("CARGO_PKG_VERSION").to_owned(), step };
    let head = serde_json::to_vec(&head).map_err(|e| Error::internal("task::checkpoint", e.to_string()))?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend((head.len() as u32).to_le_bytes());
    bytes.extend(head);
    bytes.extend(arrays.to_bytes());
    Ok(bytes)
}

/// Writes states below `ckpt/` when they are due: each minute, or as soon as the runner asks.
pub struct States {
    folder: PathBuf,
    task: TaskFile,
    asked: AtomicBool,
    last: Mutex<(Instant, u64)>,
}

impl States {
    /// States of a task.
    pub fn new(folder: &TaskFolder, task: TaskFile) -> Self {
        Self { folder: folder.path().join("ckpt"), task, asked: AtomicBool::new(false), last: Mutex::new((Instant::now(), 0)) }
    }

    /// The next state is due now.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Whether the runner asked for one that has not been written.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Whether a state is due.
    pub fn is_due(&self) -> bool {
        self.task.checkpoint && (self.is_asked() || self.last().0.elapsed() >= EVERY)
    }

    /// Writes a state, whole or not at all; gives its name.
    pub fn write(&self, step: u64, arrays: &Arrays) -> Result<String> {
        let number = {
            let mut last = self.last();
            *last = (Instant::now(), last.1 + 1);
            last.1
        };
        let name = format!("{number:06}");
        let (partial, path) = (self.folder.join(format!(".{name}")), self.folder.join(&name));
        fs::write(&partial, close(&self.task, step, arrays)?).map_err(|e| Error::io(partial.display(), e))?;
        fs::rename(&partial, &path).map_err(|e| Error::io(path.display(), e))?;
        self.asked.store(false, Ordering::Relaxed);
        Ok(name)
    }

    fn last(&self) -> std::sync::MutexGuard<'_, (Instant, u64)> {
        self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn task() -> TaskFile {
        TaskFile { name: "x".into(), options: json!({"epochs": 3}), checkpoint: true, ..crate::folder::tests::task() }
    }

    fn arrays() -> Arrays {
        let mut arrays = Arrays::default();
        arrays.put_f64("weights", vec![1.5, -2.0]);
        arrays
    }

    #[test]
    fn a_state_comes_back_for_the_same_task_on_any_number_of_threads() {
        let bytes = close(&task(), 7, &arrays()).expect("plain");
        let again = TaskFile { threads: 9, seconds: 5.0, resume: Some("resume.bin".into()), ..task() };
        assert_eq!(open(&bytes, &again).expect("ours").f64s("weights").expect("there"), [1.5, -2.0]);
    }

    #[test]
    fn a_state_of_something_else_is_not_gone_on_from() {
        let bytes = close(&task(), 7, &arrays()).expect("plain");
        for other in [TaskFile { seed: 3, ..task() }, TaskFile { options: json!({"epochs": 4}), ..task() }] {
            assert!(open(&bytes, &other).is_none());
        }
    }

    #[test]
    fn a_damaged_state_is_none() {
        let bytes = close(&task(), 7, &arrays()).expect("plain");
        for end in 0..bytes.len() {
            assert!(open(&bytes[..end], &task()).is_none(), "{end}");
        }
    }

    #[test]
    fn a_state_is_due_when_the_runner_asks_and_the_member_can() {
        let place = tempfile::tempdir().expect("temporary folder");
        let folder = TaskFolder::create(&place.path().join("t"), &task()).expect("created");
        let states = States::new(&folder, task());
        assert!(!states.is_due());
        states.ask();
        assert!(states.is_due());
        let name = states.write(3, &arrays()).expect("written");
        assert!(!states.is_due() && folder.path().join("ckpt").join(name).exists());
        assert!(!States::new(&folder, TaskFile { checkpoint: false, ..task() }).is_due());
    }
}
