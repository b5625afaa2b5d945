//! Files in and out of a store, piece by piece.

use crate::{Object, Store, Stored, hash::Hashing};
use bytes::Bytes;
use std::{io, path::Path};
use synthfleet_proto::{
    Error, Result,
    id::sha256_hex,
    key::{DataKey, Key},
};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

/// Bytes of one piece.
const PIECE_BYTES: usize = 8 << 20;

/// Uploads a file without holding it in memory; its SHA-256 is computed on the way. A long file is
/// hashed beforehand where only then the store can keep the hash.
pub async fn upload_file(store: &dyn Store, key: &DataKey, path: &Path) -> Result<Stored> {
    let broken = |error| Error::io(path.display(), error);
    let mut file = tokio::fs::File::open(path).await.map_err(broken)?;
    let long = file.metadata().await.map_err(broken)?.len() > PIECE_BYTES as u64;
    let mut upload = if long && store.abilities().hash_first {
        let sha256 = hash_file(&mut file).await.map_err(broken)?;
        file.rewind().await.map_err(broken)?;
        store.upload_hashed(key, &sha256).await?
    } else {
        store.upload(key).await?
    };
    loop {
        let piece = next_piece(&mut file).await.map_err(broken)?;
        if piece.is_empty() {
            return upload.finish().await;
        }
        upload.write(piece).await?;
    }
}

async fn next_piece(file: &mut tokio::fs::File) -> io::Result<Bytes> {
    let mut piece = bytes::BytesMut::with_capacity(PIECE_BYTES);
    while piece.len() < PIECE_BYTES && file.read_buf(&mut piece).await? > 0 {}
    Ok(piece.freeze())
}

async fn hash_file(file: &mut tokio::fs::File) -> io::Result<String> {
    let mut hashing = Hashing::default();
    loop {
        let piece = next_piece(file).await?;
        if piece.is_empty() {
            return Ok(hashing.end().sha256);
        }
        hashing.update(piece).await.map_err(io::Error::other)?;
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
    // a second look: the first may have met a transfer error
    for _ in 0..2 {
        let stored = pour(store, key, path).await?;
        if stored.sha256 == sha256 {
            return Ok(stored.length);
        }
    }
    Err(corrupt(key))
}

async fn pour(store: &dyn Store, key: &Key, path: &Path) -> Result<Stored> {
    let broken = |error| Error::io(path.display(), error);
    let mut file = tokio::fs::File::create(path).await.map_err(broken)?;
    let mut hashing = Hashing::default();
    loop {
        let at = hashing.length();
        let Some(object) = store.get(key, Some(at..at + PIECE_BYTES as u64)).await? else {
            return Err(Error::unavailable("store::absent", format!("{key} is named by a fact but is not there")));
        };
        file.write_all(&object.bytes).await.map_err(broken)?;
        let last = object.bytes.is_empty() || at + object.bytes.len() as u64 >= object.entry.length;
        hashing.update(object.bytes).await?;
        if last {
            file.flush().await.map_err(broken)?;
            return Ok(hashing.end());
        }
    }
}

fn corrupt(key: &Key) -> Error {
    Error::unavailable("store::corrupt", format!("{key} does not have the SHA-256 that a fact names for it"))
        .help("set the work folder aside and run again")
}
