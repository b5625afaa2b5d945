//! One battery for every store. A check panics, naming what it saw, when the contract is broken.
//!
//! The battery calls the store as a careful worker does: an upload that fails is made again.

mod facts;
mod lists;
mod uploads;

use crate::{Nonce, Store, Stored, upload_bytes};
use bytes::Bytes;
use std::{pin::Pin, sync::Arc};
use synthfleet_proto::{
    ErrorKind, Result,
    key::{DataKey, JobKeys, Key, MarkerKey, Prefix},
};

/// One check over a store that holds nothing.
pub type Check = fn(Arc<dyn Store>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Every check with its name.
pub fn checks() -> Vec<(&'static str, Check)> {
    [facts::CHECKS, lists::CHECKS, uploads::CHECKS].concat()
}

/// Lists checks under their own names.
macro_rules! battery {
    ($($name:ident),* $(,)?) => {
        pub(super) const CHECKS: &[(&str, super::Check)] = &[$((stringify!($name), |store| Box::pin($name(store)))),*];
    };
}
use battery;

const LEGAL: &str = "keys of the battery are legal";

fn job() -> JobKeys {
    JobKeys::new("tenant", "job_1").expect(LEGAL)
}

fn data(path: &str) -> DataKey {
    job().attempt("syn-a-r0", 1, "0123456789abcdef").and_then(|attempt| attempt.output(path)).expect(LEGAL)
}

fn lease() -> MarkerKey {
    job().lease("syn-a-r0", 1).expect(LEGAL)
}

fn nonce(number: u64) -> Nonce {
    let mut bits = [0; 16];
    bits[..8].copy_from_slice(&number.to_le_bytes());
    Nonce(bits)
}

async fn read(store: &Arc<dyn Store>, key: &Key) -> Option<Bytes> {
    store.get(key, None).await.expect("the store answers").map(|object| object.bytes)
}

async fn names(store: &Arc<dyn Store>, prefix: &Prefix) -> Vec<String> {
    let entries = store.list(prefix, None, 1_000).await.expect("the store answers");
    entries.into_iter().map(|entry| entry.key.to_string()).collect()
}

/// Uploads, again and again while the store is away.
async fn upload(store: &Arc<dyn Store>, key: &DataKey, bytes: &[u8]) -> Stored {
    for _ in 0..100 {
        let uploaded: Result<Stored> = upload_bytes(store.as_ref(), key, Bytes::copy_from_slice(bytes)).await;
        match uploaded {
            Ok(stored) => return stored,
            Err(error) => assert!(matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Conflict | ErrorKind::NoSpace), "{error}"),
        }
    }
    panic!("100 uploads of {key} failed");
}
