//! What may follow a job's end: edits of its labels and its summary, a copy of its output that was made after all, and
//! its deletion. They are facts of their own beside those that the job is made of, so that one short list tells a
//! finished job whole.

use crate::fleet::all;
use synthfleet_proto::key::{JobKeys, Key, Named};
use synthfleet_proto::{Error, Result};
use synthfleet_store::Store;

/// What the list of such facts tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Afterwards {
    /// Whether the job was deleted.
    pub deleted: bool,
    /// The last edit.
    pub edit: Option<Key>,
    /// The copy in the user's own place that was made after all.
    pub copied: Option<Key>,
}

impl Afterwards {
    /// What has followed until now.
    pub async fn of(store: &dyn Store, keys: &JobKeys) -> Result<Self> {
        let mut told = Self::default();
        // in the order of their keys, so the last edit comes last
        for entry in all(store, &keys.afterwards()?).await? {
            match entry.key.named() {
                Some(Named::Deleted) => told.deleted = true,
                Some(Named::Edit(_)) => told.edit = Some(entry.key),
                Some(Named::Copied) => told.copied = Some(entry.key),
                _ => {}
            }
        }
        Ok(told)
    }
}

/// The error of whoever asks for a job that was deleted.
pub(crate) fn gone() -> Error {
    Error::invalid("job::deleted", "the job was deleted").help("submit it again under another key")
}
