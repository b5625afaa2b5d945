//! A file that is filled from outside: bounded in bytes, time and slowness, hashed on the way, gone
//! when it does not come to its end.

use super::{Fetched, Limits, Seen};
use crate::hash::Hashing;
use bytes::Bytes;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use synthfleet_proto::{Error, Result};
use tokio::{
    fs::{File, OpenOptions},
    io::AsyncWriteExt,
    time::{Instant, timeout_at},
};

/// The time over which a rate is told.
const WINDOW: Duration = Duration::from_secs(30);

/// A file that is being filled.
pub(super) struct Sink {
    path: PathBuf,
    shown: String,
    limits: Limits,
    file: Option<File>,
    hashing: Hashing,
    ends: Instant,
    window: (Instant, u64),
    whole: bool,
}

impl Sink {
    /// Makes the file, readable by its owner alone. `shown` names the source in messages.
    pub(super) async fn open(path: &Path, shown: &str, limits: &Limits) -> Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).await;
        let file = Some(file.map_err(|error| Error::io(path.display(), error))?);
        let now = Instant::now();
        Ok(Self {
            path: path.to_owned(),
            shown: shown.to_owned(),
            limits: *limits,
            file,
            hashing: Hashing::default(),
            ends: now + limits.time_max,
            window: (now, 0),
            whole: false,
        })
    }

    /// Refuses a source that says itself that it is too long.
    pub(super) fn expect(&self, bytes: u64) -> Result<()> {
        if bytes <= self.limits.bytes_max {
            return Ok(());
        }
        let message = format!("{} has {bytes} bytes, at most {} are read", self.shown, self.limits.bytes_max);
        Err(Error::data("source::too_large", message).help("draw rows from it first, or ask for a larger fetch.bytes_max"))
    }

    /// Bytes taken so far.
    pub(super) fn length(&self) -> u64 {
        self.hashing.length()
    }

    /// Waits for the next piece, no longer than the bounds allow.
    pub(super) async fn wait<T>(&mut self, piece: impl Future<Output = T>) -> Result<T> {
        tokio::pin!(piece);
        loop {
            let (begun, bytes) = self.window;
            match timeout_at(self.ends.min(begun + WINDOW), &mut piece).await {
                Ok(piece) => return Ok(piece),
                Err(_) if Instant::now() >= self.ends => return Err(self.slow("took too long")),
                Err(_) if bytes < self.limits.rate_min.saturating_mul(WINDOW.as_secs()) => return Err(self.slow("comes too slowly")),
                Err(_) => self.window = (Instant::now(), 0),
            }
        }
    }

    fn slow(&self, how: &str) -> Error {
        Error::unavailable("source::too_slow", format!("{} {how}: {} bytes came", self.shown, self.length()))
            .help("try again later, or bring the file to a bucket first")
    }

    /// Takes a piece.
    pub(super) async fn take(&mut self, bytes: Bytes) -> Result<()> {
        self.expect(self.length() + bytes.len() as u64)?;
        self.window.1 += bytes.len() as u64;
        if let Some(file) = &mut self.file {
            file.write_all(&bytes).await.map_err(|error| Error::io(self.path.display(), error))?;
        }
        self.hashing.update(bytes).await
    }

    /// Closes the file, which is whole now.
    pub(super) async fn end(mut self, seen: Seen) -> Result<Fetched> {
        if let Some(mut file) = self.file.take() {
            file.flush().await.map_err(|error| Error::io(self.path.display(), error))?;
        }
        self.whole = true;
        let stored = std::mem::take(&mut self.hashing).end();
        Ok(Fetched { bytes: stored.length, sha256: stored.sha256, seen })
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if !self.whole {
            // half a source must not be taken for one
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
