//! A store in memory: for tests and simulations. Ages come from the clock it is given.

use crate::{
    Abilities, Created, Entry, Nonce, Object, Store, Stored, Upload,
    contract::{check_fact, cut},
};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use std::{
    collections::BTreeMap,
    ops::{Bound, Range},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use synthfleet_proto::{
    Error, Result,
    id::sha256_hex,
    key::{DataKey, FactKey, Key, MarkerKey, Prefix},
    outside::Clock,
};

struct Held {
    bytes: Bytes,
    sha256: String,
    nonce: Option<Nonce>,
    made_ms: u64,
}

/// A store in memory. Clones share the objects.
#[derive(Clone)]
pub struct Memory {
    objects: Arc<Mutex<BTreeMap<Key, Held>>>,
    clock: Arc<dyn Clock>,
}

impl Memory {
    /// An empty store that tells ages by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { objects: Arc::default(), clock }
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<Key, Held>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(&self, bytes: Bytes, nonce: Option<Nonce>) -> Held {
        Held { sha256: sha256_hex(&bytes), bytes, nonce, made_ms: self.clock.now_ms() }
    }

    fn entry(&self, key: &Key, held: &Held) -> Entry {
        let age = Duration::from_millis(self.clock.now_ms().saturating_sub(held.made_ms));
        Entry { key: key.clone(), length: held.bytes.len() as u64, sha256: Some(held.sha256.clone()), age }
    }
}

#[async_trait]
impl Store for Memory {
    async fn create(&self, key: &FactKey, bytes: Bytes, nonce: Nonce) -> Result<Created> {
        check_fact(key, &bytes)?;
        let held = self.hold(bytes, Some(nonce));
        let mut objects = self.objects();
        match objects.get(key.key()) {
            None => {
                objects.insert(key.key().clone(), held);
                Ok(Created::New)
            }
            Some(first) if first.nonce == Some(nonce) => Ok(Created::New),
            Some(_) => Ok(Created::Exists),
        }
    }

    async fn put(&self, key: &MarkerKey, bytes: Bytes) -> Result<()> {
        let held = self.hold(bytes, None);
        self.objects().insert(key.key().clone(), held);
        Ok(())
    }

    async fn get(&self, key: &Key, range: Option<Range<u64>>) -> Result<Option<Object>> {
        let objects = self.objects();
        Ok(objects.get(key).map(|held| {
            let range = cut(range, held.bytes.len() as u64);
            Object { bytes: held.bytes.slice(range.start as usize..range.end as usize), entry: self.entry(key, held) }
        }))
    }

    async fn head(&self, key: &Key) -> Result<Option<Entry>> {
        Ok(self.objects().get(key).map(|held| self.entry(key, held)))
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Key>, limit: u16) -> Result<Vec<Entry>> {
        let objects = self.objects();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let below = objects.range::<Key, _>((start, Bound::Unbounded)).filter(|(key, _)| key.as_str().starts_with(prefix.as_str()));
        Ok(below.take(limit.into()).map(|(key, held)| self.entry(key, held)).collect())
    }

    async fn upload(&self, key: &DataKey) -> Result<Box<dyn Upload>> {
        Ok(Box::new(Writing { store: self.clone(), key: key.key().clone(), bytes: BytesMut::new() }))
    }

    async fn concat(&self, from: &[Key], to: &DataKey) -> Result<Stored> {
        let mut upload = self.upload(to).await?;
        for key in from {
            let bytes = self.objects().get(key).map(|held| held.bytes.clone());
            let bytes = bytes.ok_or_else(|| Error::unavailable("store::absent", format!("{key} is to be copied but is not there")))?;
            upload.write(bytes).await?;
        }
        upload.finish().await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.objects().remove(key);
        Ok(())
    }

    async fn presign(&self, _key: &Key, _seconds: u32) -> Result<Option<String>> {
        Ok(None)
    }

    fn abilities(&self) -> Abilities {
        Abilities { atomic_create: true, presign: false, concat_bytes_min: 0, hash_first: false }
    }
}

struct Writing {
    store: Memory,
    key: Key,
    bytes: BytesMut,
}

#[async_trait]
impl Upload for Writing {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<Stored> {
        let Self { store, key, bytes } = *self;
        let held = store.hold(bytes.freeze(), None);
        let stored = Stored { length: held.bytes.len() as u64, sha256: held.sha256.clone() };
        store.objects().insert(key, held);
        Ok(stored)
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
