//! Objects of configured buckets.

use super::{Fetched, Limits, Seen, changed, sink::Sink};
use crate::s3::{Bucket, Pinned, Trouble};
use std::path::Path;
use synthfleet_proto::{Error, Result};

/// Bytes that are read at a time: a transfer that breaks off is taken up again from here.
const PIECE_BYTES: u64 = 16 << 20;

/// What an object is now.
pub(super) async fn look(bucket: &Bucket, key: &str, expected: &Seen) -> Result<Seen> {
    let pinned = Pinned { etag: None, version: expected.version_id.as_deref() };
    let found = bucket.again(|| bucket.head(key, pinned)).await.map_err(|trouble| error(trouble, bucket, key))?;
    let etag = Some(found.etag).filter(|etag| !etag.is_empty());
    Ok(Seen { bytes: Some(found.length), etag, version_id: found.version })
}

/// Brings an object to a file. Every piece is asked for by the entity tag seen first, so the file is
/// never a mixture.
pub(super) async fn fetch(bucket: &Bucket, key: &str, expected: &Seen, to: &Path, limits: &Limits) -> Result<Fetched> {
    let shown = format!("s3://{}/{key}", bucket.name());
    // the rate of a piece is bounded where it is asked for
    let mut sink = Sink::open(to, &shown, &Limits { rate_min: 0, ..*limits }).await?;
    let seen = sink.wait(look(bucket, key, expected)).await??;
    seen.check(expected, &shown)?;
    let length = seen.bytes.unwrap_or_default();
    sink.expect(length)?;
    while sink.length() < length {
        let range = sink.length()..length.min(sink.length() + PIECE_BYTES);
        let pinned = Pinned { etag: seen.etag.as_deref(), version: seen.version_id.as_deref() };
        let piece = sink.wait(bucket.again(|| bucket.get(key, Some(&range), pinned))).await?;
        let piece = piece.map_err(|trouble| error(trouble, bucket, key))?;
        if piece.bytes.is_empty() {
            return Err(changed(&shown));
        }
        sink.take(piece.bytes).await?;
    }
    sink.end(seen).await
}

/// The error that a user of a link is told.
pub(super) fn error(trouble: Trouble, bucket: &Bucket, key: &str) -> Error {
    let shown = format!("s3://{}/{key}", bucket.name());
    match trouble {
        Trouble::Absent | Trouble::NoUpload => Error::data("source::not_found", format!("no such key: {shown}")),
        Trouble::NoBucket => Error::data("source::not_found", format!("no such bucket: {shown}")),
        Trouble::Condition | Trouble::OutOfRange => changed(&shown),
        Trouble::Denied(why) => Error::unavailable("source::denied", format!("not allowed to read {shown}: {why}"))
            .help("grant s3:GetObject on it to the service's credentials"),
        other => Error::unavailable("source::unreachable", format!("cannot read {shown}: {other}")),
    }
    .in_source(shown)
}
