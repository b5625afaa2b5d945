//! A store that tries again: `Unavailable` until a deadline, `Conflict` ten times.
//!
//! A create keeps its nonce over all tries, so a lost answer is recognised. Uploads under way are
//! not retried here: whoever makes one can make it again, below the same attempt.

use crate::{
    Abilities, Created, Entry, Nonce, Object, Store, Stored, Upload,
    pause::{CONFLICTS_MAX, Pauses},
};
use async_trait::async_trait;
use bytes::Bytes;
use std::{ops::Range, path::PathBuf, sync::Arc, time::Duration};
use synthfleet_proto::{
    ErrorKind, Result, Seed,
    key::{DataKey, FactKey, Key, MarkerKey, Prefix},
};
use tokio::time::Instant;

/// When `Unavailable` is passed on.
const DEADLINE: Duration = Duration::from_secs(30);

/// A store that tries again. Clones share the stream of pauses.
#[derive(Clone)]
pub struct Retrying {
    inner: Arc<dyn Store>,
    pauses: Arc<Pauses>,
}

impl Retrying {
    /// `inner`, tried again. Pauses are drawn from `seed`, so that a fleet does not knock in step.
    pub fn new(inner: Arc<dyn Store>, seed: Seed) -> Self {
        Self { inner, pauses: Arc::new(Pauses::new(seed)) }
    }

    async fn again<T, F: Future<Output = Result<T>> + Send>(&self, mut work: impl FnMut() -> F + Send) -> Result<T> {
        let begun = Instant::now();
        let mut tries = 0;
        loop {
            let error = match work().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let again = match error.kind() {
                ErrorKind::Unavailable => begun.elapsed() < DEADLINE && !is_lasting(error.code()),
                ErrorKind::Conflict => tries + 1 < CONFLICTS_MAX,
                _ => false,
            };
            if !again {
                return Err(error);
            }
            tokio::time::sleep(self.pauses.after(tries)).await;
            tries += 1;
        }
    }
}

/// What stays wrong however often it is tried.
fn is_lasting(code: &str) -> bool {
    const LASTING: [&str; 7] =
        ["store::corrupt", "store::absent", "store::no_links", "store::no_bucket", "store::denied", "store::refused", "source::denied"];
    LASTING.contains(&code)
}

#[async_trait]
impl Store for Retrying {
    async fn create(&self, key: &FactKey, bytes: Bytes, nonce: Nonce) -> Result<Created> {
        self.again(|| self.inner.create(key, bytes.clone(), nonce)).await
    }

    async fn put(&self, key: &MarkerKey, bytes: Bytes) -> Result<()> {
        self.again(|| self.inner.put(key, bytes.clone())).await
    }

    async fn get(&self, key: &Key, range: Option<Range<u64>>) -> Result<Option<Object>> {
        self.again(|| self.inner.get(key, range.clone())).await
    }

    async fn head(&self, key: &Key) -> Result<Option<Entry>> {
        self.again(|| self.inner.head(key)).await
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Key>, limit: u16) -> Result<Vec<Entry>> {
        self.again(|| self.inner.list(prefix, after, limit)).await
    }

    async fn upload(&self, key: &DataKey) -> Result<Box<dyn Upload>> {
        self.again(|| self.inner.upload(key)).await
    }

    async fn upload_hashed(&self, key: &DataKey, sha256: &str) -> Result<Box<dyn Upload>> {
        self.again(|| self.inner.upload_hashed(key, sha256)).await
    }

    async fn concat(&self, from: &[Key], to: &DataKey) -> Result<Stored> {
        self.again(|| self.inner.concat(from, to)).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.again(|| self.inner.delete(key)).await
    }

    async fn presign(&self, key: &Key, seconds: u32) -> Result<Option<String>> {
        self.again(|| self.inner.presign(key, seconds)).await
    }

    fn abilities(&self) -> Abilities {
        self.inner.abilities()
    }

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        self.inner.local_path(key)
    }
}
