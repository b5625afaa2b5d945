//! Files in and out of a store, piece by piece.

use crate::{Object, Store, Stored};
use bytes::Bytes;
use std::path::Path;
use synthfleet_proto::{
    Error, Result,
    id::sha256_hex,
    key::{DataKey, Key},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Bytes of one piece.
const PIECE_BYTES: usize = 8 << 20;

/// Uploads a file without holding it in memory; its SHA-256 is computed on the way.
pub async fn upload_file(store: &dyn Store, key: &DataKey, path: &Path) -> Result<Stored> {
    let broken = |error| Error::io(path.display(), error);
    let mut file = tokio::fs::File::open(path).await.map_err(broken)?;
    let mut upload = store.upload(key).await?;
    loop {
        let mut piece = bytes::BytesMut::with_capacity(PIECE_BYTES);
        while piece.len() < PIECE_BYTES && file.read_buf(&mut piece).await.map_err(broken)? > 0 {}
        if piece.is_empty() {
            return upload.finish().await;
        }
        upload.write(piece.freeze()).await?;
    }
}

/// Uploads bytes that are at hand.
pub async fn upload_bytes(store: &dyn Store, key: &DataKey, bytes: Bytes) -> Result<Stored> {
    let mut upload = store.upload(key).await?;
    upload.write(bytes).await?;
    upload.finish().await
}

/// Reads a whole object that must exist and have the SHA-256 that a fact names for it.
pub async fn fetch(store: &dyn Store, key: &Key, sha256: &str) -> Result<Object> {
    // a second look: the first may have met a transfer error
    for _ in 0..2 {
        match store.get(key, None).await? {
            Some(object) if sha256_hex(&object.bytes) == sha256 => return Ok(object),
            Some(_) => {}
            None => return Err(Error::unavailable("store::absent", format!("{key} is named by a fact but is not there"))),
        }
    }
    Err(corrupt(key))
}

/// Brings an object to a file of its own, checking length and SHA-256. Where the store keeps plain
/// files, prefer [`Store::local_path`].
pub async fn download(store: &dyn Store, key: &Key, path: &Path, sha256: &str) -> Result<u64> {
    use sha2::{Digest, Sha256};
    let broken = |error| Error::io(path.display(), error);
    let mut file = tokio::fs::File::create(path).await.map_err(broken)?;
    let mut hash = Sha256::new();
    let mut at = 0;
    loop {
        let range = at..at + PIECE_BYTES as u64;
        let Some(object) = store.get(key, Some(range)).await? else {
            return Err(Error::unavailable("store::absent", format!("{key} is named by a fact but is not there")));
        };
        hash.update(&object.bytes);
        file.write_all(&object.bytes).await.map_err(broken)?;
        at += object.bytes.len() as u64;
        if at >= object.entry.length || object.bytes.is_empty() {
            break;
        }
    }
    file.flush().await.map_err(broken)?;
    if synthfleet_proto::id::hex(&hash.finalize()) == sha256 { Ok(at) } else { Err(corrupt(key)) }
}

fn corrupt(key: &Key) -> Error {
    Error::unavailable("store::corrupt", format!("{key} does not have the SHA-256 that a fact names for it"))
        .help("set the work folder aside and run again")
}
