//! Buckets, objects and open uploads. Every method holds the one lock, so a condition and the write
//! that hangs on it are one step.

use bytes::{Bytes, BytesMut};
use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

/// Smallest part of an upload but the last, in bytes.
pub(crate) const PART_BYTES_MIN: usize = 5 << 20;

/// Metadata that a client stores with an object.
pub(crate) type Metadata = BTreeMap<String, String>;

/// A stored object.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) bytes: Bytes,
    pub(crate) etag: String,
    pub(crate) metadata: Metadata,
    pub(crate) content_type: Option<String>,
    pub(crate) modified: SystemTime,
}

/// Why an operation is refused; the names are the codes of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoSuchBucket,
    NoSuchKey,
    NoSuchUpload,
    PreconditionFailed,
    InvalidPart,
    EntityTooSmall,
    InvalidRequest,
}

/// What must hold for a write.
#[derive(Debug, Clone, Default)]
pub(crate) struct Condition {
    /// Nothing may be there.
    pub(crate) absent: bool,
    /// The object there must have this entity tag.
    pub(crate) etag: Option<String>,
}

/// What an upload in parts has so far.
struct Open {
    bucket: String,
    key: String,
    metadata: Metadata,
    content_type: Option<String>,
    parts: BTreeMap<i32, (Bytes, String)>,
}

#[derive(Default)]
struct Inner {
    buckets: BTreeMap<String, BTreeMap<String, Object>>,
    uploads: BTreeMap<String, Open>,
    uploads_begun: u64,
}

/// Everything the server holds.
#[derive(Default)]
pub(crate) struct Objects(Mutex<Inner>);

/// An entity tag of some bytes: not MD5, which S3 does not promise either.
fn etag_of(bytes: &[u8]) -> String {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, bytes).hash(&mut hasher);
        hasher.finish()
    };
    format!("{:016x}{:016x}", half(0), half(1))
}

impl Inner {
    fn bucket(&mut self, bucket: &str) -> Result<&mut BTreeMap<String, Object>, Refusal> {
        self.buckets.get_mut(bucket).ok_or(Refusal::NoSuchBucket)
    }

    fn write(&mut self, bucket: &str, key: &str, object: Object, condition: &Condition) -> Result<String, Refusal> {
        let objects = self.bucket(bucket)?;
        let there = objects.get(key);
        if condition.absent && there.is_some() {
            return Err(Refusal::PreconditionFailed);
        }
        if let Some(etag) = &condition.etag {
            match there {
                None => return Err(Refusal::NoSuchKey),
                Some(object) if object.etag != *etag => return Err(Refusal::PreconditionFailed),
                Some(_) => {}
            }
        }
        let etag = object.etag.clone();
        objects.insert(key.to_owned(), object);
        Ok(etag)
    }

    fn upload(&mut self, bucket: &str, key: &str, id: &str) -> Result<&mut Open, Refusal> {
        let open = self.uploads.get_mut(id).filter(|open| open.bucket == bucket && open.key == key);
        open.ok_or(Refusal::NoSuchUpload)
    }
}

impl Objects {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn make_bucket(&self, bucket: &str) {
        self.lock().buckets.entry(bucket.to_owned()).or_default();
    }

    pub(crate) fn has_bucket(&self, bucket: &str) -> bool {
        self.lock().buckets.contains_key(bucket)
    }

    pub(crate) fn put(
        &self,
        (bucket, key): (&str, &str),
        bytes: Bytes,
        (metadata, content_type): (Metadata, Option<String>),
        condition: &Condition,
        now: SystemTime,
    ) -> Result<String, Refusal> {
        let object = Object { etag: etag_of(&bytes), bytes, metadata, content_type, modified: now };
        self.lock().write(bucket, key, object, condition)
    }

    pub(crate) fn get(&self, bucket: &str, key: &str) -> Result<Object, Refusal> {
        self.lock().bucket(bucket)?.get(key).cloned().ok_or(Refusal::NoSuchKey)
    }

    pub(crate) fn delete(&self, bucket: &str, key: &str) -> Result<(), Refusal> {
        self.lock().bucket(bucket)?.remove(key);
        Ok(())
    }

    /// Up to `limit` objects after `after` whose keys start with `prefix`, and whether there are more.
    pub(crate) fn list(&self, bucket: &str, prefix: &str, after: &str, limit: usize) -> Result<(Vec<(String, Object)>, bool), Refusal> {
        let mut inner = self.lock();
        let all = inner.bucket(bucket)?.iter();
        let mut below = all.filter(|(key, _)| key.starts_with(prefix) && key.as_str() > after);
        let page = below.by_ref().take(limit).map(|(key, object)| (key.clone(), object.clone())).collect();
        Ok((page, below.next().is_some()))
    }

    /// Changes one bit of a stored object, behind the back of its metadata. Whether it is there.
    pub(crate) fn damage(&self, bucket: &str, key: &str) -> bool {
        let mut inner = self.lock();
        let Some(object) = inner.buckets.get_mut(bucket).and_then(|objects| objects.get_mut(key)) else { return false };
        object.bytes = flip(&object.bytes);
        true
    }

    pub(crate) fn begin(&self, bucket: &str, key: &str, metadata: Metadata, content_type: Option<String>) -> Result<String, Refusal> {
        let mut inner = self.lock();
        inner.bucket(bucket)?;
        inner.uploads_begun += 1;
        let id = format!("upload-{}", inner.uploads_begun);
        let open = Open { bucket: bucket.to_owned(), key: key.to_owned(), metadata, content_type, parts: BTreeMap::new() };
        inner.uploads.insert(id.clone(), open);
        Ok(id)
    }

    pub(crate) fn part(&self, (bucket, key): (&str, &str), id: &str, number: i32, bytes: Bytes) -> Result<String, Refusal> {
        let mut inner = self.lock();
        let open = inner.upload(bucket, key, id)?;
        let etag = etag_of(&bytes);
        open.parts.insert(number, (bytes, etag.clone()));
        Ok(etag)
    }

    pub(crate) fn complete(
        &self,
        (bucket, key): (&str, &str),
        id: &str,
        named: &[(i32, String)],
        condition: &Condition,
        now: SystemTime,
    ) -> Result<String, Refusal> {
        let mut inner = self.lock();
        let open = inner.upload(bucket, key, id)?;
        let mut bytes = BytesMut::new();
        if named.is_empty() || !named.is_sorted_by(|one, next| one.0 < next.0) {
            return Err(Refusal::InvalidPart);
        }
        for (i, (number, etag)) in named.iter().enumerate() {
            let (part, _) = open.parts.get(number).filter(|(_, own)| own == etag).ok_or(Refusal::InvalidPart)?;
            if part.len() < PART_BYTES_MIN && i + 1 < named.len() {
                return Err(Refusal::EntityTooSmall);
            }
            bytes.extend_from_slice(part);
        }
        let etag = format!("{}-{}", etag_of(&bytes), named.len());
        let (metadata, content_type) = (open.metadata.clone(), open.content_type.clone());
        let object = Object { bytes: bytes.freeze(), etag, metadata, content_type, modified: now };
        let etag = inner.write(bucket, key, object, condition)?;
        inner.uploads.remove(id);
        Ok(etag)
    }

    pub(crate) fn abort(&self, bucket: &str, key: &str, id: &str) -> Result<(), Refusal> {
        let mut inner = self.lock();
        inner.upload(bucket, key, id)?;
        inner.uploads.remove(id);
        Ok(())
    }

    /// Uploads that were begun and neither completed nor aborted.
    pub(crate) fn uploads_open(&self) -> usize {
        self.lock().uploads.len()
    }
}

/// The bytes with one bit in the middle changed.
pub(crate) fn flip(bytes: &Bytes) -> Bytes {
    let mut changed = bytes.to_vec();
    let middle = changed.len() / 2;
    if let Some(byte) = changed.get_mut(middle) {
        *byte ^= 1;
    }
    changed.into()
}
