//! The contract of a store, and the shapes that cross it.

use async_trait::async_trait;
use bytes::Bytes;
use std::{ops::Range, path::PathBuf, time::Duration};
use synthfleet_proto::{
    Error, Result,
    key::{DataKey, FactKey, Key, MarkerKey, Prefix},
};

/// Longest fact in bytes.
pub const FACT_BYTES_MAX: usize = 16 << 20;

/// 128 bits that name one logical create over all its tries, so that a try whose answer was lost is
/// recognised as one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce(pub [u8; 16]);

impl Nonce {
    /// 32 lower-case hexadecimal digits.
    pub fn hex(self) -> String {
        synthfleet_proto::id::hex(&self.0)
    }
}

/// Whether a create made the fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// This create made it, now or in an earlier try with the same nonce.
    New,
    /// Somebody else had made it: read it.
    Exists,
}

/// What a store says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// Length in bytes.
    pub length: u64,
    /// SHA-256 in hexadecimal; `None`: not known without reading (lists).
    pub sha256: Option<String>,
    /// Time since the object was made or put, by the store's own clock.
    pub age: Duration,
}

/// An object, or the range of it that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The bytes.
    pub bytes: Bytes,
    /// What the store says of the whole object.
    pub entry: Entry,
}

/// What a finished upload came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Length in bytes.
    pub length: u64,
    /// SHA-256 in hexadecimal, computed while writing.
    pub sha256: String,
}

/// What a store can do beyond the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// Exactly one of racing creates wins.
    pub atomic_create: bool,
    /// Can sign links.
    pub presign: bool,
    /// Smallest part of a concatenation but the last, in bytes.
    pub concat_bytes_min: u64,
    /// A long upload keeps its SHA-256 only when it was told beforehand: see [`Store::upload_hashed`].
    pub hash_first: bool,
}

/// A place for facts, markers and data. Every future may be dropped at any time without harm.
///
/// # Errors
/// `Unavailable` when the store is away or its bytes are damaged, `NoSpace` when it is full (nothing
/// is visible then), `Conflict` when racers kept it from an answer, `Invalid` for a fact beyond
/// [`FACT_BYTES_MAX`].
#[async_trait]
pub trait Store: Send + Sync {
    /// Makes a fact. Of any number of racers exactly one gets [`Created::New`]; a reader sees all of
    /// it or nothing. A repeated try with the same nonce gets the same answer.
    async fn create(&self, key: &FactKey, bytes: Bytes, nonce: Nonce) -> Result<Created>;

    /// Writes a marker, over what was there.
    async fn put(&self, key: &MarkerKey, bytes: Bytes) -> Result<()>;

    /// The object or a range of it (cut to its length); `None` when there is none.
    async fn get(&self, key: &Key, range: Option<Range<u64>>) -> Result<Option<Object>>;

    /// Length, SHA-256 and age; `None` when there is none.
    async fn head(&self, key: &Key) -> Result<Option<Entry>>;

    /// Up to `limit` entries below a prefix in byte order of their keys, after `after`. A create or
    /// finish that has returned is seen.
    async fn list(&self, prefix: &Prefix, after: Option<&Key>, limit: u16) -> Result<Vec<Entry>>;

    /// Begins an upload. Nothing is visible before [`Upload::finish`] returns.
    async fn upload(&self, key: &DataKey) -> Result<Box<dyn Upload>>;

    /// Begins an upload whose SHA-256 is known beforehand, so that the store can keep it with the object
    /// from the start. `finish` refuses other bytes where it is kept.
    async fn upload_hashed(&self, key: &DataKey, sha256: &str) -> Result<Box<dyn Upload>> {
        let _ = sha256;
        self.upload(key).await
    }

    /// Joins objects in order into a new one, on the store's side. One source is a copy.
    async fn concat(&self, from: &[Key], to: &DataKey) -> Result<Stored>;

    /// Removes an object; absent ones are fine. For retention and markers.
    async fn delete(&self, key: &Key) -> Result<()>;

    /// A link that can read the object for some seconds, where the store can sign.
    async fn presign(&self, key: &Key, seconds: u32) -> Result<Option<String>>;

    /// What it can do beyond the contract.
    fn abilities(&self) -> Abilities;

    /// Where the object lies as a plain file that may be read but never written, if it does.
    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        let _ = key;
        None
    }
}

/// An upload under way. Dropping it is an abort.
#[async_trait]
pub trait Upload: Send {
    /// Adds bytes at the end.
    async fn write(&mut self, bytes: Bytes) -> Result<()>;

    /// Makes the object visible, whole.
    async fn finish(self: Box<Self>) -> Result<Stored>;

    /// Leaves nothing behind.
    async fn abort(self: Box<Self>) -> Result<()>;
}

/// Refuses a fact that is too long.
pub(crate) fn check_fact(key: &FactKey, bytes: &Bytes) -> Result<()> {
    if bytes.len() <= FACT_BYTES_MAX {
        return Ok(());
    }
    Err(Error::invalid("store::fact_too_large", format!("fact {key} has {} bytes, at most {FACT_BYTES_MAX}", bytes.len())))
}

/// Cuts a range to a length.
pub(crate) fn cut(range: Option<Range<u64>>, length: u64) -> Range<u64> {
    let range = range.unwrap_or(0..length);
    let start = range.start.min(length);
    start..range.end.clamp(start, length)
}
