//! A store that counts what S3 would be asked: requests by class, as they are charged and limited.
//!
//! It counts calls that return, so it tells the same over a memory store as over a bucket that fails
//! nothing. A join of several objects is counted as if each were read in one piece.

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
};
use synthfleet_proto::{
    Result,
    key::{DataKey, FactKey, Key, MarkerKey, Prefix},
};

/// Uploads that are shorter are one request; longer ones go in parts of this many bytes.
const PART_BYTES: u64 = 8 << 20;

/// Requests by class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// PUT, COPY, POST and LIST.
    pub put: u64,
    /// GET and HEAD.
    pub get: u64,
    /// DELETE, which costs nothing.
    pub delete: u64,
}

#[derive(Default)]
struct Tally {
    put: AtomicU64,
    get: AtomicU64,
    delete: AtomicU64,
}

/// A store that counts. Clones count together.
#[derive(Clone)]
pub struct Counting {
    inner: Arc<dyn Store>,
    tally: Arc<Tally>,
}

impl Counting {
    /// `inner`, counted from 0.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, tally: Arc::default() }
    }

    /// Requests since the last call of [`Self::reset`].
    pub fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts { put: read(&self.tally.put), get: read(&self.tally.get), delete: read(&self.tally.delete) }
    }

    /// Counts from 0 again.
    pub fn reset(&self) {
        for count in [&self.tally.put, &self.tally.get, &self.tally.delete] {
            count.store(0, Ordering::Relaxed);
        }
    }

    fn puts(&self, requests: u64) {
        self.tally.put.fetch_add(requests, Ordering::Relaxed);
    }

    fn gets(&self, requests: u64) {
        self.tally.get.fetch_add(requests, Ordering::Relaxed);
    }
}

/// Requests of an upload of so many bytes.
fn requests(length: u64) -> u64 {
    if length < PART_BYTES { 1 } else { 2 + length.div_ceil(PART_BYTES) }
}

#[async_trait]
impl Store for Counting {
    async fn create(&self, key: &FactKey, bytes: Bytes, nonce: Nonce) -> Result<Created> {
        self.puts(1);
        let created = self.inner.create(key, bytes, nonce).await?;
        // a taken place is looked at
        self.gets(u64::from(created == Created::Exists));
        Ok(created)
    }

    async fn put(&self, key: &MarkerKey, bytes: Bytes) -> Result<()> {
        self.puts(1);
        self.inner.put(key, bytes).await
    }

    async fn get(&self, key: &Key, range: Option<Range<u64>>) -> Result<Option<Object>> {
        self.gets(1);
        self.inner.get(key, range).await
    }

    async fn head(&self, key: &Key) -> Result<Option<Entry>> {
        self.gets(1);
        self.inner.head(key).await
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Key>, limit: u16) -> Result<Vec<Entry>> {
        self.puts(1);
        self.inner.list(prefix, after, limit).await
    }

    async fn upload(&self, key: &DataKey) -> Result<Box<dyn Upload>> {
        let inner = self.inner.upload(key).await?;
        Ok(Box::new(Uploading { inner, counting: self.clone() }))
    }

    async fn upload_hashed(&self, key: &DataKey, sha256: &str) -> Result<Box<dyn Upload>> {
        let inner = self.inner.upload_hashed(key, sha256).await?;
        Ok(Box::new(Uploading { inner, counting: self.clone() }))
    }

    async fn concat(&self, from: &[Key], to: &DataKey) -> Result<Stored> {
        let stored = self.inner.concat(from, to).await?;
        let sources = from.len() as u64;
        if sources == 1 {
            self.gets(1);
            self.puts(1);
        } else {
            // looked at, read for the hash, read again to be sent
            self.gets(3 * sources);
            self.puts(requests(stored.length));
        }
        Ok(stored)
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.tally.delete.fetch_add(1, Ordering::Relaxed);
        self.inner.delete(key).await
    }

    async fn presign(&self, key: &Key, seconds: u32) -> Result<Option<String>> {
        self.inner.presign(key, seconds).await
    }

    fn abilities(&self) -> Abilities {
        self.inner.abilities()
    }

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        self.inner.local_path(key)
    }
}

struct Uploading {
    inner: Box<dyn Upload>,
    counting: Counting,
}

#[async_trait]
impl Upload for Uploading {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.inner.write(bytes).await
    }

    async fn finish(self: Box<Self>) -> Result<Stored> {
        let stored = self.inner.finish().await?;
        self.counting.puts(requests(stored.length));
        Ok(stored)
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.inner.abort().await
    }
}
