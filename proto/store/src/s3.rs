//! A bucket as a store, by `aws-sdk-s3`.
//!
//! A fact is put with `If-None-Match: *` and a nonce in its metadata, so of racers one wins and a try
//! whose answer was lost knows its own work. Uploads go to keys that no other attempt uses, hence
//! without conditions. Everything is tried again here and nowhere below: 409 ten times, 503, resets and
//! time-outs to a deadline; 400 and 403 at once. Ages are told by the bucket's own clock.
//!
//! Do not wrap it in [`crate::Retrying`].

mod ages;
mod bucket;
mod client;
mod concat;
mod create;
mod multipart;
mod read;
mod trouble;
mod upload;

pub use client::{Credentials, Settings};

pub(crate) use bucket::{Bucket, Headers, Pinned};
pub(crate) use client::{connect, split};
pub(crate) use multipart::{Multipart, part_bytes};
pub(crate) use trouble::Trouble;

use crate::{Abilities, Created, Entry, Nonce, Object, Store, Stored, Upload, contract::check_fact};
use async_trait::async_trait;
use bytes::Bytes;
use std::{ops::Range, sync::Arc};
use synthfleet_proto::{
    Result, Seed,
    key::{DataKey, FactKey, Key, MarkerKey, Prefix},
};

/// Metadata that holds the SHA-256 of an object.
const SHA256: &str = "sha256";
/// Metadata that names the create which made a fact.
const NONCE: &str = "nonce";

/// A bucket as a store. Clones share its connections.
#[derive(Clone)]
pub struct S3 {
    inner: Arc<Inner>,
}

struct Inner {
    bucket: Bucket,
    /// What stands before every key: empty or ending with a slash.
    root: String,
    ages: ages::Ages,
}

impl S3 {
    /// A store in a bucket. Nothing is asked of the bucket yet. `seed` draws the pauses between tries
    /// and should differ from process to process.
    ///
    /// # Errors
    /// `Invalid` when the settings cannot be meant.
    pub async fn open(settings: &Settings, seed: Seed) -> Result<Self> {
        let bucket = connect(settings, seed).await?;
        Ok(Self { inner: Arc::new(Inner { bucket, root: settings.root(), ages: ages::Ages::default() }) })
    }
}

impl Inner {
    /// The full key in the bucket.
    fn place(&self, key: &Key) -> String {
        format!("{}{key}", self.root)
    }
}

#[async_trait]
impl Store for S3 {
    async fn create(&self, key: &FactKey, bytes: Bytes, nonce: Nonce) -> Result<Created> {
        check_fact(key, &bytes)?;
        self.inner.create(key.key(), bytes, nonce).await
    }

    async fn put(&self, key: &MarkerKey, bytes: Bytes) -> Result<()> {
        self.inner.put(key.key(), bytes).await
    }

    async fn get(&self, key: &Key, range: Option<Range<u64>>) -> Result<Option<Object>> {
        self.inner.get(key, range).await
    }

    async fn head(&self, key: &Key) -> Result<Option<Entry>> {
        self.inner.head(key).await
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Key>, limit: u16) -> Result<Vec<Entry>> {
        self.inner.list(prefix, after, limit).await
    }

    async fn upload(&self, key: &DataKey) -> Result<Box<dyn Upload>> {
        Ok(Box::new(upload::Writing::begin(self.inner.clone(), key.key(), None)))
    }

    async fn upload_hashed(&self, key: &DataKey, sha256: &str) -> Result<Box<dyn Upload>> {
        Ok(Box::new(upload::Writing::begin(self.inner.clone(), key.key(), Some(sha256.to_owned()))))
    }

    async fn concat(&self, from: &[Key], to: &DataKey) -> Result<Stored> {
        self.inner.concat(from, to.key()).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.inner.delete(key).await
    }

    async fn presign(&self, key: &Key, seconds: u32) -> Result<Option<String>> {
        let place = self.inner.place(key);
        let signed = self.inner.bucket.presign(&place, seconds).await;
        signed.map(Some).map_err(|trouble| self.inner.error(trouble, "presign", key))
    }

    fn abilities(&self) -> Abilities {
        Abilities { atomic_create: true, presign: true, concat_bytes_min: concat::PART_BYTES_MIN, hash_first: true }
    }
}
