//! A store in memory that takes the time of a bucket, counts requests and lets the audit see what it keeps.
//!
//! What of a job ended a while ago is checked once more and then dropped, so that memory holds open jobs alone; of
//! its outcomes the names stay, for whoever still asks.

use crate::ground::Ground;
use crate::settings::{Defect, STORE_GET, STORE_LIST, STORE_PUT};
use crate::tally::Who;
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use synthfleet_proto::id::sha256_hex;
use synthfleet_proto::key::{DataKey, FactKey, JobKeys, Key, MarkerKey, Named, Prefix};
use synthfleet_proto::{Error, Result};
use synthfleet_store::{Abilities, Created, Entry, Nonce, Object, Store, Stored, Upload};

/// An object.
pub(crate) struct Held {
    pub bytes: Bytes,
    nonce: Option<Nonce>,
    made_ms: u64,
}

/// All objects.
#[derive(Default)]
pub(crate) struct Objects {
    /// By room, so that who looks for something of a job looks among what is the job's.
    rooms: BTreeMap<String, BTreeMap<Key, Held>>,
    /// Rooms of jobs that were dropped.
    closed_rooms: BTreeSet<String>,
    /// Names of outcomes of jobs that were dropped.
    closed: BTreeSet<u128>,
    outcomes: u64,
}

/// The room of a key or a prefix: a job's, a tenant's other folders, or all that is of no tenant.
fn room_of(text: &str) -> &str {
    let slashes = match text.strip_prefix("t/") {
        None => 1,
        Some(rest) if rest.split('/').nth(1) == Some("j") => 4,
        Some(_) => 3,
    };
    text.match_indices('/').nth(slashes - 1).map_or(text, |(at, _)| &text[..at])
}

impl Objects {
    /// The object of a key, if it is there.
    pub fn get(&self, key: &str) -> Option<&Held> {
        self.rooms.get(room_of(key))?.get(key)
    }

    fn keep(&mut self, key: &Key, held: Held) {
        match self.rooms.get_mut(room_of(key.as_str())) {
            Some(room) => _ = room.insert(key.clone(), held),
            None => _ = self.rooms.insert(room_of(key.as_str()).to_owned(), BTreeMap::from([(key.clone(), held)])),
        }
    }

    fn remove(&mut self, key: &str) {
        if let Some(room) = self.rooms.get_mut(room_of(key)) {
            room.remove(key);
        }
    }

    /// Whether this was the outcome of a job that was dropped.
    fn is_closed(&self, key: &str) -> bool {
        self.closed_rooms.contains(room_of(key)) && self.closed.contains(&name_of(key))
    }

    /// The objects below a prefix, after a key.
    fn below<'a>(&'a self, prefix: &'a str, after: Option<&'a str>) -> impl Iterator<Item = (&'a Key, &'a Held)> {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let own = self.rooms.get(room_of(prefix)).into_iter();
        let after_own = (Bound::Excluded(prefix), Bound::Unbounded);
        let others = self.rooms.range::<str, _>(after_own).take_while(move |(room, _)| room.starts_with(prefix)).map(|(_, room)| room);
        own.chain(others)
            .flat_map(move |room| room.range::<str, _>((start, Bound::Unbounded)))
            .take_while(move |(key, _)| key.as_str().starts_with(prefix))
    }

    /// Every object of a job.
    pub fn of_job<'a>(&'a self, prefix: &'a Prefix) -> impl Iterator<Item = (&'a Key, &'a Held)> {
        self.below(prefix.as_str(), None)
    }
}

/// The store as one client sees it. Clones share the objects.
#[derive(Clone)]
pub struct SimStore {
    ground: Arc<Ground>,
    objects: Arc<Mutex<Objects>>,
    who: Who,
}

/// A number that names a key well enough: 128 bits of its hash.
fn name_of(key: &str) -> u128 {
    u128::from_str_radix(&sha256_hex(key.as_bytes())[..32], 16).unwrap_or_default()
}

impl SimStore {
    /// An empty store.
    pub fn new(ground: Arc<Ground>) -> Self {
        Self { ground, objects: Arc::default(), who: Who::Submitter }
    }

    /// The same store for another client.
    #[must_use]
    pub fn of(&self, who: Who) -> Self {
        Self { who, ..self.clone() }
    }

    pub(crate) fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops all that is held of an ended job, and what later jobs could have taken over from it.
    pub fn close(&self, keys: &JobKeys) -> Result<()> {
        let (everything, live) = (keys.everything()?, keys.live()?);
        let reused = synthfleet_proto::key::reuse(keys.tenant(), "0")?;
        let reused = reused.as_str().trim_end_matches('0').to_owned();
        let mut objects = self.objects();
        let room = room_of(everything.as_str()).to_owned();
        for key in objects.rooms.remove(&room).unwrap_or_default().into_keys() {
            if matches!(key.named(), Some(Named::Outcome(_))) {
                objects.closed.insert(name_of(key.as_str()));
            }
        }
        objects.closed_rooms.insert(room);
        // notes for later jobs hold no name of their job: those of one tenant are dropped by their age
        let old_ms = self.ground.elapsed_ms().saturating_sub(300_000);
        let gone: Vec<Key> = objects.below(&reused, None).filter(|(_, held)| held.made_ms < old_ms).map(|(key, _)| key.clone()).collect();
        for key in gone {
            objects.remove(key.as_str());
        }
        objects.remove(live.as_str());
        Ok(())
    }

    async fn pass(&self, law: crate::draw::Law) {
        tokio::time::sleep(self.ground.latency.of(law)).await;
    }

    fn entry(&self, key: &Key, held: &Held, sha256: Option<String>) -> Entry {
        let age = Duration::from_millis(self.ground.elapsed_ms().saturating_sub(held.made_ms));
        Entry { key: key.clone(), length: held.bytes.len() as u64, sha256, age }
    }

    fn keep(&self, key: &Key, bytes: Bytes, nonce: Option<Nonce>) {
        // a copy takes no more room than its bytes
        let held = Held { bytes: Bytes::copy_from_slice(&bytes), nonce, made_ms: self.ground.elapsed_ms() };
        self.objects().keep(key, held);
    }

    /// Whether a planted fault takes this outcome.
    fn is_lost(&self, key: &Key) -> bool {
        let Some(Defect::DropOutcome(every)) = self.ground.settings.defect else { return false };
        let Some(Named::Outcome(_)) = key.named() else { return false };
        let mut objects = self.objects();
        objects.outcomes += 1;
        objects.outcomes.is_multiple_of(every.max(1))
    }

    fn create_now(&self, key: &FactKey, bytes: &Bytes, nonce: Nonce) -> Created {
        let objects = self.objects();
        match objects.get(key.as_str()) {
            Some(first) if first.nonce == Some(nonce) => return Created::New,
            Some(_) => return Created::Exists,
            None if objects.is_closed(key.as_str()) => return Created::Exists,
            None => {}
        }
        drop(objects);
        let now = self.ground.elapsed_ms();
        self.ground.audit().created(key.key(), bytes, now);
        if !self.is_lost(key.key()) {
            self.keep(key.key(), bytes.clone(), Some(nonce));
        }
        Created::New
    }
}

#[async_trait]
impl Store for SimStore {
    async fn create(&self, key: &FactKey, bytes: Bytes, nonce: Nonce) -> Result<Created> {
        self.ground.tally().of(self.who).put += 1;
        let time = self.ground.latency.of(STORE_PUT) / 2;
        tokio::time::sleep(time).await;
        let created = self.create_now(key, &bytes, nonce);
        if created == Created::Exists {
            // a taken place is looked at
            self.ground.tally().of(self.who).get += 1;
        }
        tokio::time::sleep(time).await;
        Ok(created)
    }

    async fn put(&self, key: &MarkerKey, bytes: Bytes) -> Result<()> {
        self.ground.tally().of(self.who).put += 1;
        self.pass(STORE_PUT).await;
        let lost = match (self.ground.settings.defect, key.key().named()) {
            (Some(Defect::LoseJob(every)), Some(Named::Live { job, .. })) => self.ground.audit().is_nth_job(job, every),
            _ => false,
        };
        if !lost {
            self.keep(key.key(), bytes, None);
        }
        Ok(())
    }

    async fn get(&self, key: &Key, range: Option<Range<u64>>) -> Result<Option<Object>> {
        self.ground.tally().of(self.who).get += 1;
        self.pass(STORE_GET).await;
        let objects = self.objects();
        Ok(objects.get(key.as_str()).map(|held| {
            let length = held.bytes.len() as u64;
            let range = range.unwrap_or(0..length);
            let start = range.start.min(length);
            let bytes = held.bytes.slice(start as usize..range.end.clamp(start, length) as usize);
            Object { bytes, entry: self.entry(key, held, None) }
        }))
    }

    async fn head(&self, key: &Key) -> Result<Option<Entry>> {
        self.ground.tally().of(self.who).get += 1;
        self.pass(STORE_GET).await;
        let objects = self.objects();
        if let Some(held) = objects.get(key.as_str()) {
            return Ok(Some(self.entry(key, held, Some(sha256_hex(&held.bytes)))));
        }
        let is_closed = objects.is_closed(key.as_str());
        Ok(is_closed.then(|| Entry { key: key.clone(), length: 0, sha256: None, age: Duration::ZERO }))
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Key>, limit: u16) -> Result<Vec<Entry>> {
        self.ground.tally().of(self.who).list += 1;
        self.pass(STORE_LIST).await;
        let objects = self.objects();
        let below = objects.below(prefix.as_str(), after.map(Key::as_str)).take(limit.into());
        Ok(below.map(|(key, held)| self.entry(key, held, None)).collect())
    }

    async fn upload(&self, key: &DataKey) -> Result<Box<dyn Upload>> {
        Ok(Box::new(Writing { store: self.clone(), key: key.key().clone(), bytes: BytesMut::new() }))
    }

    async fn concat(&self, from: &[Key], to: &DataKey) -> Result<Stored> {
        let mut upload = self.upload(to).await?;
        self.ground.tally().of(self.who).get += from.len() as u64;
        for key in from {
            let bytes = self.objects().get(key.as_str()).map(|held| held.bytes.clone());
            upload
                .write(bytes.ok_or_else(|| Error::unavailable("store::absent", format!("{key} is to be copied but is not there")))?)
                .await?;
        }
        upload.finish().await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.ground.tally().of(self.who).delete += 1;
        self.pass(STORE_PUT).await;
        self.objects().remove(key.as_str());
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
    store: SimStore,
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
        store.ground.tally().of(store.who).put += 1;
        store.pass(STORE_PUT).await;
        let bytes = bytes.freeze();
        let stored = Stored { length: bytes.len() as u64, sha256: sha256_hex(&bytes) };
        store.keep(&key, bytes, None);
        Ok(stored)
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
