//! An upload in parts. Dropped unfinished, its parts are thrown away.

use super::{
    Bucket, Headers, Trouble,
    bucket::{Part, Pinned},
};
use bytes::Bytes;
use std::{
    collections::BTreeMap,
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
};

/// Most parts of an upload.
const PARTS_MAX: usize = 10_000;

/// An upload in parts that is under way.
pub(crate) struct Multipart {
    bucket: Bucket,
    place: String,
    id: String,
    metadata: BTreeMap<&'static str, String>,
    parts: Vec<Part>,
    open: bool,
}

/// Bytes of the next part when so many were sent: parts grow, so that 10,000 hold 480 GiB.
pub(crate) fn part_bytes(sent: usize) -> usize {
    match sent {
        0..1_000 => 8 << 20,
        1_000..3_000 => 16 << 20,
        _ => 64 << 20,
    }
}

impl Multipart {
    pub(crate) async fn begin(bucket: &Bucket, place: &str, headers: &Headers) -> Result<Self, Trouble> {
        let id = bucket.again(|| bucket.begin(place, headers)).await?;
        let (bucket, place, metadata) = (bucket.clone(), place.to_owned(), headers.metadata.clone());
        Ok(Self { bucket, place, id, metadata, parts: Vec::new(), open: true })
    }

    /// Parts sent so far.
    pub(crate) fn sent(&self) -> usize {
        self.parts.len()
    }

    /// Sends a part.
    pub(crate) async fn add(&mut self, bytes: Bytes) -> Result<(), Trouble> {
        let number = self.next()?;
        let part = self.bucket.again(|| self.bucket.part(&self.place, &self.id, number, bytes.clone())).await?;
        self.parts.push(part);
        Ok(())
    }

    /// Copies a range of another object of the bucket as a part, on the server's side.
    pub(crate) async fn copy(&mut self, from: &str, range: Range<u64>) -> Result<(), Trouble> {
        let number = self.next()?;
        let part = self.bucket.again(|| self.bucket.part_copy(&self.place, &self.id, number, (from, range.clone()))).await?;
        self.parts.push(part);
        Ok(())
    }

    fn next(&self) -> Result<i32, Trouble> {
        if self.parts.len() >= PARTS_MAX {
            return Err(Trouble::Refused(format!("an object has at most {PARTS_MAX} parts")));
        }
        Ok(self.parts.len() as i32 + 1)
    }

    /// Makes the object visible, whole. After an answer that was lost or cannot be read the object is
    /// looked at first: when it has this upload's length and metadata, it was this upload that made it.
    pub(crate) async fn complete(mut self, length: u64, absent: bool) -> Result<(), Trouble> {
        let unsure = AtomicBool::new(false);
        let attempt = || async {
            if unsure.load(Ordering::Relaxed) && self.is_there(length).await? {
                return Ok(());
            }
            let done = self.bucket.complete(&self.place, &self.id, &self.parts, absent).await;
            unsure.fetch_or(matches!(done, Err(Trouble::Busy(_))), Ordering::Relaxed);
            done
        };
        let done = self.bucket.again(attempt).await;
        self.open = done.is_err();
        done
    }

    async fn is_there(&self, length: u64) -> Result<bool, Trouble> {
        match self.bucket.head(&self.place, Pinned::default()).await {
            Ok(there) => Ok(there.length == length && self.metadata.iter().all(|(name, value)| there.metadata.get(*name) == Some(value))),
            Err(Trouble::Absent) => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }

    /// Throws the parts away.
    pub(crate) async fn abort(mut self) -> Result<(), Trouble> {
        self.open = false;
        self.bucket.again(|| self.bucket.abort(&self.place, &self.id)).await
    }
}

impl Drop for Multipart {
    fn drop(&mut self) {
        // without a runtime the process is ending; the bucket's rule for old uploads sweeps then
        if let (true, Ok(runtime)) = (self.open, tokio::runtime::Handle::try_current()) {
            let (bucket, place, id) = (self.bucket.clone(), std::mem::take(&mut self.place), std::mem::take(&mut self.id));
            runtime.spawn(async move { bucket.again(|| bucket.abort(&place, &id)).await });
        }
    }
}
