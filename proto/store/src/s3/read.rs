//! Reading, listing, deleting.

use super::{
    Inner, SHA256, Trouble,
    bucket::{Found, Pinned},
};
use crate::{Entry, Object, hash::sha256_of};
use std::{ops::Range, time::Duration};
use synthfleet_proto::{
    Error, Result,
    key::{Key, Prefix},
};

/// Longest page that S3 gives.
const PAGE_MAX: u16 = 1_000;

impl Inner {
    pub(super) async fn get(&self, key: &Key, range: Option<Range<u64>>) -> Result<Option<Object>> {
        let found = match range {
            None => self.whole(key).await?,
            Some(range) => self.part(key, &range).await?,
        };
        Ok(found.map(|found| Object { entry: self.entry(key, &found), bytes: found.bytes }))
    }

    /// The whole object, held against its own hash: damage is read once more, then told.
    async fn whole(&self, key: &Key) -> Result<Option<Found>> {
        let place = self.place(key);
        for _ in 0..2 {
            let found = self.bucket.again(|| self.bucket.get(&place, None, Pinned::default())).await;
            let Some(found) = self.present(found, "get", key)? else { return Ok(None) };
            match found.metadata.get(SHA256) {
                Some(stored) if *stored != sha256_of(&found.bytes).await? => {}
                _ => return Ok(Some(found)),
            }
        }
        Err(Error::unavailable("store::corrupt", format!("{key} does not have the SHA-256 it was stored with")))
    }

    /// A range, cut to the object; S3 refuses empty ranges and those behind the end.
    async fn part(&self, key: &Key, range: &Range<u64>) -> Result<Option<Found>> {
        let place = self.place(key);
        if range.start < range.end {
            match self.bucket.again(|| self.bucket.get(&place, Some(range), Pinned::default())).await {
                Err(Trouble::OutOfRange) => {}
                found => return self.present(found, "get", key),
            }
        }
        let found = self.bucket.again(|| self.bucket.head(&place, Pinned::default())).await;
        self.present(found, "head", key)
    }

    pub(super) async fn head(&self, key: &Key) -> Result<Option<Entry>> {
        let place = self.place(key);
        let found = self.bucket.again(|| self.bucket.head(&place, Pinned::default())).await;
        Ok(self.present(found, "head", key)?.map(|found| self.entry(key, &found)))
    }

    pub(super) async fn list(&self, prefix: &Prefix, after: Option<&Key>, limit: u16) -> Result<Vec<Entry>> {
        let below = format!("{}{prefix}", self.root);
        let mut after = after.map(|key| self.place(key)).unwrap_or_default();
        let mut entries = Vec::new();
        loop {
            let missing = limit - entries.len() as u16;
            let page = self.bucket.again(|| self.bucket.list(&below, &after, missing.min(PAGE_MAX))).await;
            let (listed, more) = page.map_err(|trouble| self.error_at(trouble, "list", &below))?;
            if let Some(last) = listed.last() {
                after.clone_from(&last.key);
            }
            let more = more && !listed.is_empty();
            // what is no key of ours is somebody else's object
            let known = listed.into_iter().filter_map(|one| {
                let key = Key::parse(one.key.strip_prefix(&self.root)?).ok()?;
                let age = self.ages.of(one.age, &one.key, &one.etag);
                Some(Entry { key, length: one.length, sha256: None, age })
            });
            entries.extend(known);
            if !more || entries.len() >= limit.into() {
                return Ok(entries);
            }
        }
    }

    pub(super) async fn delete(&self, key: &Key) -> Result<()> {
        let place = self.place(key);
        let deleted = self.bucket.again(|| self.bucket.delete(&place)).await;
        deleted.map_err(|trouble| self.error(trouble, "delete", key))
    }

    /// `None` for what is not there.
    pub(super) fn present<T>(&self, found: Result<T, Trouble>, action: &str, key: &Key) -> Result<Option<T>> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(Trouble::Absent) => Ok(None),
            Err(trouble) => Err(self.error(trouble, action, key)),
        }
    }

    fn entry(&self, key: &Key, found: &Found) -> Entry {
        let age: Duration = self.ages.of(found.age, &self.place(key), &found.etag);
        Entry { key: key.clone(), length: found.length, sha256: found.metadata.get(SHA256).cloned(), age }
    }
}
