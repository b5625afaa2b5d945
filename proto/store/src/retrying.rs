//! A store that tries again: `Unavailable` until a deadline, `Conflict` ten times.
//!
//! A create keeps its nonce over all tries, so a lost answer is recognised. Uploads under way are
//! not retried here: whoever makes one can make it again, below the same attempt.

use crate::{Abilities, Created, Entry, Nonce, Object, Store, Stored, Upload};
use async_trait::async_trait;
use bytes::Bytes;
use std::{
    ops::Range,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use synthfleet_proto::{
    ErrorKind, Result, Seed,
    key::{DataKey, FactKey, Key, MarkerKey, Prefix},
};
use tokio::time::Instant;

/// First pause; each further one may be twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// When `Unavailable` is passed on.
const DEADLINE: Duration = Duration::from_secs(30);
/// Tries after which `Conflict` is passed on.
const CONFLICTS_MAX: u32 = 10;

/// A store that tries again. Clones share the stream of pauses.
#[derive(Clone)]
pub struct Retrying {
    inner: Arc<dyn Store>,
    seed: Seed,
    pauses: Arc<AtomicU64>,
}

impl Retrying {
    /// `inner`, tried again. Pauses are drawn from `seed`, so that a fleet does not knock in step.
    pub fn new(inner: Arc<dyn Store>, seed: Seed) -> Self {
        Self { inner, seed, pauses: Arc::default() }
    }

    /// A pause between nothing and `PAUSE_FIRST` · 2^try, at most `PAUSE_MAX`.
    fn pause(&self, tries: u32) -> Duration {
        let longest = PAUSE_FIRST.saturating_mul(1 << tries.min(16)).min(PAUSE_MAX);
        let draw = self.seed.index(self.pauses.fetch_add(1, Ordering::Relaxed)).number();
        longest.mul_f64((draw >> 11) as f64 / (1_u64 << 53) as f64)
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
            tokio::time::sleep(self.pause(tries)).await;
            tries += 1;
        }
    }
}

/// What stays wrong however often it is tried.
fn is_lasting(code: &str) -> bool {
    matches!(code, "store::corrupt" | "store::absent" | "store::no_links" | "source::denied")
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
