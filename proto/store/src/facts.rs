//! Facts with their types: created as canonical JSON, read with their SHA-256.

use crate::{Created, Nonce, Store};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use synthfleet_proto::{
    Result, fact,
    id::sha256_hex,
    key::{FactKey, Key},
};

/// A fact as it lies in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept<T> {
    /// The fact.
    pub fact: T,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// Creates a fact. `Exists`: somebody else's is there, read it.
pub async fn create_fact<T: Serialize + Sync>(store: &dyn Store, key: &FactKey, fact: &T, nonce: [u8; 16]) -> Result<(Created, String)> {
    let bytes = Bytes::from(fact::encode(fact)?);
    let sha256 = sha256_hex(&bytes);
    Ok((store.create(key, bytes, Nonce(nonce)).await?, sha256))
}

/// Reads a fact, if it is there.
pub async fn read_fact<T: DeserializeOwned>(store: &dyn Store, key: &Key) -> Result<Option<Kept<T>>> {
    let Some(object) = store.get(key, None).await? else { return Ok(None) };
    let sha256 = sha256_hex(&object.bytes);
    Ok(Some(Kept { fact: fact::decode(key.as_str(), &object.bytes)?, sha256 }))
}
