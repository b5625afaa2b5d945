//! Uploads: short ones are one request, long ones go in parts; hashed on the way, invisible before
//! their end.

use super::{
    Headers, Inner, SHA256, Trouble,
    multipart::{Multipart, part_bytes},
};
use crate::{Stored, Upload, hash::Hashing};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use std::sync::Arc;
use synthfleet_proto::{Error, Result, key::Key};

/// An upload under way.
pub(super) struct Writing {
    store: Arc<Inner>,
    key: Key,
    /// The SHA-256 that was promised, which can be stored with the object from the start.
    promised: Option<String>,
    waiting: BytesMut,
    hashing: Hashing,
    parts: Option<Multipart>,
    /// A write failed or was dropped midway: what was sent is not what was written.
    broken: bool,
}

impl Writing {
    pub(super) fn begin(store: Arc<Inner>, key: &Key, promised: Option<String>) -> Self {
        let (waiting, hashing) = (BytesMut::new(), Hashing::default());
        Self { store, key: key.clone(), promised, waiting, hashing, parts: None, broken: false }
    }

    fn error(&self, trouble: Trouble) -> Error {
        self.store.error(trouble, "upload", &self.key)
    }

    /// Sends what waits, in parts.
    async fn send(&mut self, bytes: Bytes) -> Result<(), Trouble> {
        let parts = match &mut self.parts {
            Some(parts) => parts,
            none => {
                let metadata = self.promised.iter().map(|sha256| (SHA256, sha256.clone())).collect();
                let headers = Headers { metadata, ..Headers::default() };
                none.insert(Multipart::begin(&self.store.bucket, &self.store.place(&self.key), &headers).await?)
            }
        };
        parts.add(bytes).await
    }

    async fn accept(&mut self, bytes: Bytes) -> Result<()> {
        self.hashing.update(bytes.clone()).await?;
        self.waiting.extend_from_slice(&bytes);
        loop {
            let full = part_bytes(self.parts.as_ref().map_or(0, Multipart::sent));
            if self.waiting.len() < full {
                return Ok(());
            }
            let part = self.waiting.split_to(full).freeze();
            self.send(part).await.map_err(|trouble| self.error(trouble))?;
        }
    }
}

#[async_trait]
impl Upload for Writing {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        if std::mem::replace(&mut self.broken, true) {
            return Err(Error::unavailable("store::unavailable", "an earlier write of this upload was cut off"));
        }
        self.accept(bytes).await?;
        self.broken = false;
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<Stored> {
        if self.broken {
            return Err(Error::unavailable("store::unavailable", "an earlier write of this upload was cut off"));
        }
        let stored = std::mem::take(&mut self.hashing).end();
        if self.promised.as_ref().is_some_and(|sha256| *sha256 != stored.sha256) {
            let message = format!("what was uploaded to {} is not what was promised: it changed meanwhile", self.key);
            return Err(Error::unavailable("store::corrupt", message));
        }
        let rest = self.waiting.split().freeze();
        if self.parts.is_none() {
            let place = self.store.place(&self.key);
            let headers = Headers::of([(SHA256, stored.sha256.clone())]);
            let bucket = &self.store.bucket;
            bucket.again(|| bucket.put(&place, rest.clone(), &headers)).await.map_err(|trouble| self.error(trouble))?;
            return Ok(stored);
        }
        if !rest.is_empty() {
            self.send(rest).await.map_err(|trouble| self.error(trouble))?;
        }
        if let Some(parts) = self.parts.take() {
            parts.complete(stored.length, false).await.map_err(|trouble| self.error(trouble))?;
        }
        Ok(stored)
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        match self.parts.take() {
            Some(parts) => parts.abort().await.map_err(|trouble| self.error(trouble)),
            None => Ok(()),
        }
    }
}
