//! What `doctor` finds out about stores, good and bad.

use crate::{battery::memory, bucket};
use async_trait::async_trait;
use bytes::Bytes;
use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use synthfleet_proto::{
    Result,
    key::{DataKey, FactKey, Key, MarkerKey, Prefix},
    outside::Entropy,
};
use synthfleet_store::{Abilities, Created, Entry, Memory, Nonce, Object, Store, Stored, Upload, probe, races};

/// Bits that differ, which is all that is needed here.
#[derive(Default)]
struct Counter(AtomicU64);

impl Entropy for Counter {
    fn bits(&self) -> [u8; 16] {
        u128::from(self.0.fetch_add(1, Ordering::Relaxed)).to_le_bytes()
    }
}

/// A store that looks first and then writes, as some servers do.
struct Racy(Memory);

#[async_trait]
impl Store for Racy {
    async fn create(&self, key: &FactKey, bytes: Bytes, nonce: Nonce) -> Result<Created> {
        let taken = self.0.head(key).await?.is_some();
        tokio::task::yield_now().await;
        let created = self.0.create(key, bytes, nonce).await?;
        Ok(if taken { created } else { Created::New })
    }

    async fn put(&self, key: &MarkerKey, bytes: Bytes) -> Result<()> {
        self.0.put(key, bytes).await
    }

    async fn get(&self, key: &Key, range: Option<Range<u64>>) -> Result<Option<Object>> {
        self.0.get(key, range).await
    }

    async fn head(&self, key: &Key) -> Result<Option<Entry>> {
        self.0.head(key).await
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Key>, limit: u16) -> Result<Vec<Entry>> {
        self.0.list(prefix, after, limit).await
    }

    async fn upload(&self, key: &DataKey) -> Result<Box<dyn Upload>> {
        self.0.upload(key).await
    }

    async fn concat(&self, from: &[Key], to: &DataKey) -> Result<Stored> {
        self.0.concat(from, to).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.0.delete(key).await
    }

    async fn presign(&self, key: &Key, seconds: u32) -> Result<Option<String>> {
        self.0.presign(key, seconds).await
    }

    fn abilities(&self) -> Abilities {
        self.0.abilities()
    }
}

async fn wrong_with(store: Arc<dyn Store>) -> Vec<(&'static str, String)> {
    let probed = probe(&store, &Counter::default()).await.expect("legal keys");
    assert_eq!(store.list(&Prefix::all(), None, 10).await.expect("answered"), [], "nothing is left behind");
    probed.into_iter().filter_map(|one| Some((one.what, one.found.err()?.code().to_owned()))).collect()
}

#[tokio::test]
async fn good_stores_pass() {
    assert_eq!(wrong_with(Arc::new(memory())).await, []);
    let (_server, store) = bucket::fresh().await;
    assert_eq!(wrong_with(Arc::new(store)).await, []);
}

#[tokio::test]
async fn a_short_look_finds_a_racy_store_and_leaves_nothing_behind() {
    let store: Arc<dyn Store> = Arc::new(Racy(memory()));
    assert_eq!(races(&store, &Counter::default()).await.expect_err("racy").code(), "store::racy");
    assert_eq!(store.list(&Prefix::all(), None, 10).await.expect("answered"), []);
    let store: Arc<dyn Store> = Arc::new(memory());
    races(&store, &Counter::default()).await.expect("one winner each");
}

#[tokio::test]
async fn a_store_that_looks_and_then_writes_is_found_out() {
    assert_eq!(wrong_with(Arc::new(Racy(memory()))).await, [("create race", "store::racy".to_owned())]);
}
