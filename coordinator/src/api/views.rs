//! What is known of jobs, for answers: read from the store by whichever replica is asked, and kept for a while, as
//! facts never change.

use crate::facts::Reader;
use crate::job::View;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use synthfleet_proto::Result;
use synthfleet_proto::key::JobKeys;
use synthfleet_store::Store;

/// Jobs that are kept.
const KEPT_MAX: usize = 64;

/// A job and what reads it. One request at a time moves a reader on.
type Kept = (JobKeys, Arc<tokio::sync::Mutex<Reader>>);

/// Views of jobs, the last used first.
pub struct Views {
    store: Arc<dyn Store>,
    kept: Mutex<VecDeque<Kept>>,
}

impl Views {
    /// Of the jobs of a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, kept: Mutex::default() }
    }

    /// What is known of a job now, as `shape` needs it; `None`: there is no such job.
    ///
    /// # Errors
    /// `job::deleted` for one that was deleted.
    pub async fn of<T>(&self, keys: &JobKeys, shape: impl FnOnce(&View) -> T) -> Result<Option<T>> {
        let reader = self.reader(keys);
        let mut reader = reader.lock().await;
        let afterwards = reader.look_afterwards(self.store.as_ref()).await;
        if afterwards.is_err() {
            self.forget(keys);
        }
        afterwards?;
        // nothing else follows a job's end
        if reader.view().last().is_none() {
            reader.look(&self.store, |_, _| {}).await?;
        }
        if reader.view().spec().is_none() {
            self.forget(keys);
            return Ok(None);
        }
        Ok(Some(shape(reader.view())))
    }

    fn reader(&self, keys: &JobKeys) -> Arc<tokio::sync::Mutex<Reader>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().position(|(known, _)| known == keys).and_then(|place| kept.remove(place));
        let (keys, reader) = found.unwrap_or_else(|| (keys.clone(), Arc::new(tokio::sync::Mutex::new(Reader::new(keys.clone())))));
        kept.push_front((keys, Arc::clone(&reader)));
        kept.truncate(KEPT_MAX);
        reader
    }

    fn forget(&self, keys: &JobKeys) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).retain(|(known, _)| known != keys);
    }
}
