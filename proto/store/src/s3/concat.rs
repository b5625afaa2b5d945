//! Copies and joins on the server's side. A copy moves no byte through here. The SHA-256 of a join
//! cannot be told from those of its parts, so a join reads its sources once to hash them, and has long
//! ones copied by the server; only pieces below the smallest part are sent back.

use super::{
    Headers, Inner, SHA256,
    bucket::{Found, Pinned},
    multipart::Multipart,
};
use crate::{Stored, hash::Hashing};
use bytes::{Bytes, BytesMut};
use std::ops::Range;
use synthfleet_proto::{Error, Result, key::Key};

/// Smallest part of an upload but the last, in bytes.
pub(super) const PART_BYTES_MIN: u64 = 5 << 20;
/// Bytes that are read or sent at a time.
const PIECE_BYTES: u64 = 8 << 20;
/// Largest object that one request copies, and largest range that a part may copy, in bytes.
const COPY_BYTES_MAX: u64 = 5 << 30;

/// A part of a join.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// Ranges of sources that are sent from here.
    Sent(Vec<(usize, Range<u64>)>),
    /// A range of a source that the server copies.
    Copied(usize, Range<u64>),
}

/// Cuts sources of these lengths into parts, of which every one but the last is long enough.
fn plan(lengths: &[u64]) -> Vec<Piece> {
    let (mut pieces, mut small, mut held) = (Vec::new(), Vec::new(), 0);
    for (source, length) in lengths.iter().copied().enumerate() {
        let mut at = 0;
        while at < length {
            let rest = length - at;
            // the server copies ranges of long objects only
            let copies = length > PART_BYTES_MIN;
            if copies && rest >= PART_BYTES_MIN && (held == 0 || held >= PART_BYTES_MIN) {
                if held > 0 {
                    pieces.push(Piece::Sent(std::mem::take(&mut small)));
                    held = 0;
                }
                let end = at + rest.min(COPY_BYTES_MAX);
                pieces.push(Piece::Copied(source, at..end));
                at = end;
                continue;
            }
            let lacking = PART_BYTES_MIN.saturating_sub(held);
            let fills = copies && rest >= lacking + PART_BYTES_MIN;
            let taken = if fills { lacking } else { rest.min(PIECE_BYTES - held) };
            small.push((source, at..at + taken));
            (at, held) = (at + taken, held + taken);
            if held >= PIECE_BYTES {
                pieces.push(Piece::Sent(std::mem::take(&mut small)));
                held = 0;
            }
        }
    }
    if !small.is_empty() {
        pieces.push(Piece::Sent(small));
    }
    pieces
}

/// A source of a join.
struct Source {
    key: Key,
    place: String,
    found: Found,
}

impl Inner {
    pub(super) async fn concat(&self, from: &[Key], to: &Key) -> Result<Stored> {
        let mut sources = Vec::with_capacity(from.len());
        for key in from {
            let place = self.place(key);
            let found = self.bucket.again(|| self.bucket.head(&place, Pinned::default())).await;
            let found = found.map_err(|trouble| self.error(trouble, "copy", key))?;
            sources.push(Source { key: key.clone(), place, found });
        }
        if let [source] = sources.as_slice()
            && source.found.length <= COPY_BYTES_MAX
        {
            return self.copy(source, to).await;
        }
        let stored = self.hash(&sources).await?;
        let whole: u64 = stored.length;
        let headers = Headers::of([(SHA256, stored.sha256.clone())]);
        if whole <= PIECE_BYTES {
            let all: Vec<_> = sources.iter().enumerate().map(|(i, source)| (i, 0..source.found.length)).collect();
            let bytes = self.gather(&sources, &all).await?;
            let place = self.place(to);
            let put = self.bucket.again(|| self.bucket.put(&place, bytes.clone(), &headers)).await;
            put.map_err(|trouble| self.error(trouble, "copy", to))?;
            return Ok(stored);
        }
        let broken = |trouble| self.error(trouble, "copy", to);
        let mut parts = Multipart::begin(&self.bucket, &self.place(to), &headers).await.map_err(broken)?;
        for piece in plan(&sources.iter().map(|source| source.found.length).collect::<Vec<_>>()) {
            match piece {
                Piece::Copied(source, range) => parts.copy(&sources[source].place, range).await.map_err(broken)?,
                Piece::Sent(ranges) => parts.add(self.gather(&sources, &ranges).await?).await.map_err(broken)?,
            }
        }
        parts.complete(whole, false).await.map_err(broken)?;
        Ok(stored)
    }

    async fn copy(&self, source: &Source, to: &Key) -> Result<Stored> {
        let place = self.place(to);
        let length = source.found.length;
        let copied = self.bucket.again(|| self.bucket.copy(&source.place, &place, length)).await;
        copied.map_err(|trouble| self.error(trouble, "copy", &source.key))?;
        match source.found.metadata.get(SHA256) {
            Some(sha256) => Ok(Stored { length, sha256: sha256.clone() }),
            None => self.hash(std::slice::from_ref(source)).await,
        }
    }

    /// Reads the sources for their common hash.
    async fn hash(&self, sources: &[Source]) -> Result<Stored> {
        let mut hashing = Hashing::default();
        for source in sources {
            let mut at = 0;
            while at < source.found.length {
                let end = source.found.length.min(at + PIECE_BYTES);
                hashing.update(self.read(source, at..end).await?).await?;
                at = end;
            }
        }
        Ok(hashing.end())
    }

    async fn gather(&self, sources: &[Source], ranges: &[(usize, Range<u64>)]) -> Result<Bytes> {
        let mut bytes = BytesMut::new();
        for (source, range) in ranges.iter().filter(|(_, range)| !range.is_empty()) {
            bytes.extend_from_slice(&self.read(&sources[*source], range.clone()).await?);
        }
        Ok(bytes.freeze())
    }

    /// A range of a source that is still what it was.
    async fn read(&self, source: &Source, range: Range<u64>) -> Result<Bytes> {
        let pinned = Pinned { etag: Some(&source.found.etag).filter(|etag| !etag.is_empty()).map(String::as_str), version: None };
        let found = self.bucket.again(|| self.bucket.get(&source.place, Some(&range), pinned)).await;
        let found = found.map_err(|trouble| self.error(trouble, "copy", &source.key))?;
        if found.bytes.len() as u64 == range.end - range.start {
            return Ok(found.bytes);
        }
        Err(Error::unavailable("store::corrupt", format!("{} is shorter than it says", source.key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn lengths(pieces: &[Piece]) -> Vec<(bool, u64)> {
        let length = |range: &Range<u64>| range.end - range.start;
        let one = |piece: &Piece| match piece {
            Piece::Sent(ranges) => (false, ranges.iter().map(|(_, range)| length(range)).sum()),
            Piece::Copied(_, range) => (true, length(range)),
        };
        pieces.iter().map(one).collect()
    }

    #[test]
    fn long_sources_are_copied_and_short_ones_are_sent_together() {
        assert_eq!(lengths(&plan(&[20 * MIB, 30 * MIB])), [(true, 20 * MIB), (true, 30 * MIB)]);
        assert_eq!(lengths(&plan(&[MIB, MIB, 2 * MIB])), [(false, 4 * MIB)]);
        // the short head takes what it lacks from its long neighbour
        assert_eq!(lengths(&plan(&[10, 20 * MIB])), [(false, 5 * MIB), (true, 15 * MIB + 10)]);
        assert_eq!(lengths(&plan(&[20 * MIB, 10])), [(true, 20 * MIB), (false, 10)]);
        assert_eq!(lengths(&plan(&[6 * MIB, 1, 6 * MIB])), [(true, 6 * MIB), (false, 6 * MIB + 1)]);
        assert_eq!(lengths(&plan(&[5 * MIB])), [(false, 5 * MIB)]);
        assert_eq!(lengths(&plan(&[COPY_BYTES_MAX + 1])), [(true, COPY_BYTES_MAX), (false, 1)]);
        assert_eq!(plan(&[0, 0]), []);
    }

    #[test]
    fn every_part_but_the_last_is_long_enough_and_nothing_is_lost() {
        let sizes = [0, 1, 100, MIB, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 8 * MIB, 10 * MIB, 11 * MIB];
        for number in 0..sizes.len().pow(3) {
            let [a, b, c] = [number % 10, number / 10 % 10, number / 100].map(|i| sizes[i]);
            let pieces = plan(&[a, b, c]);
            let lengths = lengths(&pieces);
            assert_eq!(lengths.iter().map(|(_, length)| length).sum::<u64>(), a + b + c);
            let but_last = lengths.len().saturating_sub(1);
            assert!(lengths[..but_last].iter().all(|(_, length)| *length >= PART_BYTES_MIN), "{a} {b} {c}: {lengths:?}");
            let mut at = (0, 0);
            for (source, range) in pieces.iter().flat_map(|piece| match piece {
                Piece::Sent(ranges) => ranges.clone(),
                Piece::Copied(source, range) => vec![(*source, range.clone())],
            }) {
                if source != at.0 {
                    at = (source, 0);
                }
                assert_eq!(range.start, at.1, "in order and without a hole");
                at.1 = range.end;
            }
        }
    }
}
