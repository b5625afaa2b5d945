//! Tables that are sent to us in parts. Any replica may take any part: each is an object of its own, named by its
//! first byte, so that a part that is sent again replaces itself. Nothing is held in memory but one piece.

use bytes::Bytes;
use synthfleet_proto::fact::{self, UploadBegun, UploadDone};
use synthfleet_proto::key::{self, Key};
use synthfleet_proto::outside::{Clock, Entropy};
use synthfleet_proto::{Error, Result, id};
use synthfleet_store::{Created, Entry, Store, Stored, Upload, create_fact, read_fact};

/// Bytes of a part that a sender is told to use.
pub const PART_BYTES: u64 = 16 << 20;
/// Most bytes of an upload.
pub const UPLOAD_BYTES_MAX: u64 = 64 << 30;
/// Time after which an upload that was not completed may be removed, in milliseconds.
pub const ABANDONED_MS: i64 = 24 * 3_600_000;
/// Bytes that are copied at a time where the store cannot join parts.
const PIECE_BYTES: u64 = 8 << 20;

/// What a sender says of a table before it sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// Name of the file, 1 to 255 bytes.
    pub name: String,
    /// Its length, if known.
    pub bytes: Option<u64>,
    /// Its SHA-256 in hexadecimal, if known.
    pub sha256: Option<String>,
}

/// Uploads of one tenant.
pub struct Uploads<'a> {
    /// Where they lie.
    pub store: &'a dyn Store,
    /// Random bits.
    pub entropy: &'a dyn Entropy,
    /// Clock.
    pub clock: &'a dyn Clock,
    /// The tenant.
    pub tenant: &'a str,
}

impl Uploads<'_> {
    /// Begins an upload. The same key begins the same upload.
    pub async fn begin(&self, principal: &str, key: Option<&str>, announced: Announced) -> Result<UploadBegun> {
        check(&announced)?;
        let fresh = id::hex(&self.entropy.bits());
        let upload = id::upload_id(self.tenant, key.unwrap_or(&fresh));
        let Announced { name, bytes, sha256 } = announced;
        let at = self.clock.now_ms() as i64;
        let begun = UploadBegun { v: fact::VERSION, upload: upload.clone(), name, bytes, sha256, principal: principal.to_owned(), at };
        let (created, _) = create_fact(self.store, &key::upload_begun(self.tenant, &upload)?, &begun, self.entropy.bits()).await?;
        if created == Created::New {
            return Ok(begun);
        }
        let earlier = self.find(&upload).await?.ok_or_else(|| Error::conflict("store::race", "an upload came and went"))?;
        let same = (&earlier.name, earlier.bytes, &earlier.sha256) == (&begun.name, begun.bytes, &begun.sha256);
        if same { Ok(earlier) } else { Err(Error::invalid("upload::key_reused", "this idempotency key belongs to another upload")) }
    }

    /// What was said of an upload; `None`: there is none.
    pub async fn find(&self, upload: &str) -> Result<Option<UploadBegun>> {
        let key = key::upload_begun(self.tenant, upload)?;
        Ok(read_fact::<UploadBegun>(self.store, key.key()).await?.map(|kept| kept.fact))
    }

    /// What a complete upload came to; `None`: it is not complete.
    pub async fn done(&self, upload: &str) -> Result<Option<UploadDone>> {
        let key = key::upload_done(self.tenant, upload)?;
        Ok(read_fact::<UploadDone>(self.store, key.key()).await?.map(|kept| kept.fact))
    }

    /// Opens the part that begins at byte `first`. The caller writes and finishes it.
    pub async fn part(&self, upload: &str, first: u64) -> Result<Box<dyn Upload>> {
        if self.done(upload).await?.is_some() {
            return Err(Error::conflict("upload::complete", "this upload is complete").help("begin another one"));
        }
        self.store.upload(&key::upload_part(self.tenant, upload, first)?).await
    }

    /// Bytes from the first one on that have come without a gap.
    pub async fn received(&self, upload: &str) -> Result<u64> {
        Ok(chain(&self.parts(upload).await?).1)
    }

    /// Joins the parts and checks what was announced. May be asked again.
    pub async fn complete(&self, begun: &UploadBegun) -> Result<UploadDone> {
        let upload = &begun.upload;
        if let Some(done) = self.done(upload).await? {
            return Ok(done);
        }
        let parts = self.parts(upload).await?;
        let (chained, length) = chain(&parts);
        if let Some(stray) = parts.iter().find(|part| first_byte(&part.key).is_none_or(|first| first > length)) {
            let first = first_byte(&stray.key).unwrap_or(0);
            return Err(
                Error::invalid("upload::gap", format!("bytes {length} to {first} have not come")).help("send them, then complete again")
            );
        }
        if let Some(announced) = begun.bytes.filter(|announced| *announced != length) {
            return Err(Error::data("upload::length", format!("{length} bytes came, {announced} were announced")).at_pointer("/bytes"));
        }
        if length == 0 {
            return Err(Error::data("input::empty", "the upload has no bytes"));
        }
        let stored = self.join(upload, &chained).await?;
        if begun.sha256.as_ref().is_some_and(|announced| *announced != stored.sha256) {
            return Err(Error::data("upload::sha256", "the bytes do not have the SHA-256 that was announced").at_pointer("/sha256"));
        }
        let done = UploadDone { v: fact::VERSION, bytes: stored.length, sha256: stored.sha256 };
        create_fact(self.store, &key::upload_done(self.tenant, upload)?, &done, self.entropy.bits()).await?;
        for part in parts {
            if let Err(error) = self.store.delete(&part.key).await {
                tracing::debug!(code = error.code(), "a part of a complete upload was left behind");
            }
        }
        // somebody may have completed it with other bytes a moment before: theirs counts
        self.done(upload).await?.ok_or_else(|| Error::conflict("store::race", "an upload came and went"))
    }

    async fn parts(&self, upload: &str) -> Result<Vec<Entry>> {
        let (prefix, mut parts) = (key::upload_parts(self.tenant, upload)?, Vec::new());
        loop {
            let after = parts.last().map(|part: &Entry| part.key.clone());
            let page = self.store.list(&prefix, after.as_ref(), 1_000).await?;
            let last = page.len() < 1_000;
            parts.extend(page);
            if last {
                return Ok(parts);
            }
        }
    }

    async fn join(&self, upload: &str, parts: &[Entry]) -> Result<Stored> {
        let target = key::upload_data(self.tenant, upload)?;
        let least = self.store.abilities().concat_bytes_min;
        let (_, before_last) = parts.split_last().ok_or_else(|| Error::data("input::empty", "the upload has no bytes"))?;
        if before_last.iter().all(|part| part.length >= least) {
            let keys: Vec<Key> = parts.iter().map(|part| part.key.clone()).collect();
            return self.store.concat(&keys, &target).await;
        }
        let mut joined = self.store.upload(&target).await?;
        for part in parts {
            let mut at = 0;
            while at < part.length {
                let piece = self.store.get(&part.key, Some(at..at + PIECE_BYTES)).await?;
                let piece = piece.map(|object| object.bytes).unwrap_or_default();
                if piece.is_empty() {
                    return Err(Error::conflict("upload::changed", "a part was sent again meanwhile").help("complete again"));
                }
                at += piece.len() as u64;
                joined.write(piece).await?;
            }
        }
        joined.finish().await
    }
}

/// The parts that follow each other from byte 0 on, and the byte after them. A part that another one covers is
/// left out.
fn chain(parts: &[Entry]) -> (Vec<Entry>, u64) {
    let (mut chained, mut end) = (Vec::new(), 0);
    for part in parts {
        if part.length > 0 && first_byte(&part.key) == Some(end) {
            end += part.length;
            chained.push(part.clone());
        }
    }
    (chained, end)
}

fn first_byte(part: &Key) -> Option<u64> {
    part.last().strip_prefix("part-")?.parse().ok()
}

fn check(announced: &Announced) -> Result<()> {
    let name = &announced.name;
    if name.is_empty() || name.len() > 255 || name.chars().any(char::is_control) {
        return Err(Error::invalid("upload::name", "a name of 1 to 255 bytes without control characters is needed").at_pointer("/name"));
    }
    if announced.bytes.is_some_and(|bytes| bytes > UPLOAD_BYTES_MAX) {
        return Err(Error::data("source::too_large", format!("an upload has at most {UPLOAD_BYTES_MAX} bytes")).at_pointer("/bytes"));
    }
    let is_hex = |text: &String| text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if announced.sha256.as_ref().is_some_and(|text| !is_hex(text)) {
        return Err(Error::invalid("upload::sha256_form", "a SHA-256 has 64 digits of 0-9 and a-f").at_pointer("/sha256"));
    }
    Ok(())
}

/// Writes a piece into a part, refusing what is beyond `most`.
pub async fn write_piece(part: &mut Box<dyn Upload>, written: &mut u64, most: u64, piece: Bytes) -> Result<()> {
    *written += piece.len() as u64;
    if *written > most {
        return Err(Error::data("source::too_large", format!("more than {most} bytes came")));
    }
    part.write(piece).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Counting, Still, memory};
    use synthfleet_store::Memory;

    struct Bench {
        store: Memory,
        entropy: Counting,
    }

    impl Bench {
        fn new() -> Self {
            Self { store: memory(), entropy: Counting::default() }
        }

        fn uploads(&self) -> Uploads<'_> {
            Uploads { store: &self.store, entropy: &self.entropy, clock: &Still, tenant: "a" }
        }

        async fn begun(&self, bytes: Option<u64>, sha256: Option<&str>) -> UploadBegun {
            let announced = Announced { name: "t.csv".into(), bytes, sha256: sha256.map(str::to_owned) };
            self.uploads().begin("me", None, announced).await.expect("legal")
        }

        async fn send(&self, upload: &str, first: u64, text: &'static str) {
            let mut part = self.uploads().part(upload, first).await.expect("open");
            part.write(Bytes::from_static(text.as_bytes())).await.expect("written");
            part.finish().await.expect("finished");
        }

        async fn data(&self, upload: &str) -> Bytes {
            let key = key::upload_data("a", upload).expect("legal");
            self.store.get(key.key(), None).await.expect("asked").expect("there").bytes
        }
    }

    #[tokio::test]
    async fn parts_in_any_order_become_the_table() {
        let bench = Bench::new();
        let begun = bench.begun(Some(9), Some(&id::sha256_hex(b"a,b\n1,2\n3"))).await;
        for (first, text) in [(4, "1,2"), (7, "\n3"), (0, "a,b\n"), (4, "1,2")] {
            bench.send(&begun.upload, first, text).await;
        }
        assert_eq!(bench.uploads().received(&begun.upload).await.expect("asked"), 9);
        let done = bench.uploads().complete(&begun).await.expect("complete");
        assert_eq!((done.bytes, bench.data(&begun.upload).await), (9, Bytes::from_static(b"a,b\n1,2\n3")));
        assert_eq!(bench.uploads().complete(&begun).await.expect("again"), done);
        assert_eq!(bench.uploads().part(&begun.upload, 0).await.err().expect("over").code(), "upload::complete");
    }

    #[tokio::test]
    async fn a_gap_is_told_and_can_be_filled() {
        let bench = Bench::new();
        let begun = bench.begun(None, None).await;
        bench.send(&begun.upload, 0, "a,b\n").await;
        bench.send(&begun.upload, 8, "x").await;
        let error = bench.uploads().complete(&begun).await.expect_err("a gap");
        assert_eq!((error.code(), error.message()), ("upload::gap", "bytes 4 to 8 have not come"));
        bench.send(&begun.upload, 4, "1,2\n").await;
        assert_eq!(bench.uploads().complete(&begun).await.expect("complete").bytes, 9);
    }

    #[tokio::test]
    async fn what_was_announced_is_checked() {
        let bench = Bench::new();
        for (bytes, sha256, code) in [(Some(2), None, "upload::length"), (None, Some("0".repeat(64)), "upload::sha256")] {
            let begun = bench.begun(bytes, sha256.as_deref()).await;
            bench.send(&begun.upload, 0, "abc").await;
            assert_eq!(bench.uploads().complete(&begun).await.expect_err("other").code(), code);
        }
        let begun = bench.begun(None, None).await;
        assert_eq!(bench.uploads().complete(&begun).await.expect_err("nothing").code(), "input::empty");
    }

    #[tokio::test]
    async fn the_same_key_begins_the_same_upload() {
        let bench = Bench::new();
        let announced = |name: &str| Announced { name: name.into(), bytes: None, sha256: None };
        let first = bench.uploads().begin("me", Some("k"), announced("t.csv")).await.expect("legal");
        assert_eq!(bench.uploads().begin("me", Some("k"), announced("t.csv")).await.expect("again"), first);
        assert_eq!(bench.uploads().begin("me", Some("k"), announced("u.csv")).await.expect_err("other").code(), "upload::key_reused");
    }
}
