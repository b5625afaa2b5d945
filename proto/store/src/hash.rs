//! SHA-256 while bytes pass by. Long pieces are hashed off the async threads.

use crate::Stored;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use synthfleet_proto::{
    Error, Result,
    id::{hex, sha256_hex},
};

/// Pieces from this length on leave the async threads.
const LONG: usize = 256 << 10;

/// A hash under way.
#[derive(Default)]
pub(crate) struct Hashing {
    hash: Sha256,
    length: u64,
}

impl Hashing {
    /// Takes the next piece.
    pub(crate) async fn update(&mut self, bytes: Bytes) -> Result<()> {
        self.length += bytes.len() as u64;
        if bytes.len() < LONG {
            self.hash.update(&bytes);
            return Ok(());
        }
        let mut hash = std::mem::take(&mut self.hash);
        let done = tokio::task::spawn_blocking(move || {
            hash.update(&bytes);
            hash
        });
        self.hash = done.await.map_err(|error| Error::internal("store::panicked", error.to_string()))?;
        Ok(())
    }

    /// Bytes taken so far.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Length and hash of all of it.
    pub(crate) fn end(self) -> Stored {
        Stored { length: self.length, sha256: hex(&self.hash.finalize()) }
    }
}

/// The SHA-256 of bytes that are at hand.
pub(crate) async fn sha256_of(bytes: &Bytes) -> Result<String> {
    if bytes.len() < LONG {
        return Ok(sha256_hex(bytes));
    }
    let mut hashing = Hashing::default();
    hashing.update(bytes.clone()).await?;
    Ok(hashing.end().sha256)
}
