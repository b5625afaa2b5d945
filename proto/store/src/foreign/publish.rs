//! Results in the user's own prefix: every file whole, nothing of anybody else overwritten, the
//! manifest last. Objects carry the job in their metadata, so publishing again knows its own.

use super::{Inner, Links, link::Link, named::JOB};
use crate::{
    Store,
    hash::Hashing,
    s3::{Bucket, Headers, Multipart, Pinned, Trouble, part_bytes, split},
};
use bytes::{Bytes, BytesMut};
use std::collections::{BTreeMap, BTreeSet};
use synthfleet_proto::{Error, Result, fact::PublishedFile, key::Key};

/// The file that says that a folder is complete.
const MANIFEST: &str = "manifest.json";
/// Metadata that holds the SHA-256.
const SHA256: &str = "sha256";
/// Bytes that are read at a time.
const PIECE_BYTES: u64 = 8 << 20;

/// Where results were placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The folder: the prefix that was asked for, or the job's own below it when files of somebody
    /// else were in the way.
    pub folder: String,
    /// Files that were written; the others were there already.
    pub written: usize,
}

/// What lies where a file is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    /// Nothing.
    Nothing,
    /// The same file of the same job.
    Same,
    /// Another file of the same job.
    Earlier,
    /// Somebody else's.
    Foreign,
}

/// Why a file was not placed.
enum Kept {
    /// Somebody else's is there.
    Foreign,
    /// Something failed.
    Failed(Error),
}

impl From<Error> for Kept {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Links {
    /// Copies published files below a prefix `s3://bucket/prefix/`, the manifest last. Where one of them
    /// would stand on somebody else's file, all go to `<prefix>/<job>/` instead. Publishing again writes
    /// what is missing.
    ///
    /// # Errors
    /// `source::refused` for buckets that are not configured, `output::denied`, `output::unreachable`,
    /// `output::foreign` when even the job's own folder holds files of somebody else.
    pub async fn publish(&self, store: &dyn Store, files: &[PublishedFile], prefix: &str, job: &str) -> Result<Placed> {
        let target = Target::of(&self.inner, prefix, job)?;
        let own = format!("{}{job}/", target.folder);
        for folder in [target.folder.clone(), own] {
            match target.place(store, files, &folder).await {
                Ok(written) => return Ok(Placed { folder: format!("s3://{}/{folder}", target.bucket.name()), written }),
                Err(Kept::Foreign) => {}
                Err(Kept::Failed(error)) => return Err(error),
            }
        }
        let message = format!("{prefix} and the job's own folder below it hold files of somebody else");
        Err(Error::invalid("output::foreign", message).help("choose another prefix"))
    }
}

/// Refuses a prefix that nothing is published below.
pub(super) fn check(inner: &Inner, prefix: &str) -> Result<()> {
    Target::of(inner, prefix, "").map(drop)
}

/// Where to publish, and for whom.
struct Target<'a> {
    bucket: &'a Bucket,
    folder: String,
    job: &'a str,
}

impl<'a> Target<'a> {
    fn of(inner: &'a Inner, prefix: &str, job: &'a str) -> Result<Self> {
        let wrong = || Error::invalid("source::link", "results go to a prefix s3://bucket/prefix/").in_source(prefix);
        let (bucket, folder) = split(prefix).ok_or_else(wrong)?;
        let folder = folder.trim_end_matches('/');
        if !folder.is_empty() {
            Link::parse(prefix.trim_end_matches('/'))?;
        }
        let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        Ok(Self { bucket: inner.bucket(bucket, &folder)?, folder, job })
    }

    async fn place(&self, store: &dyn Store, files: &[PublishedFile], folder: &str) -> Result<usize, Kept> {
        let present = self.survey(files, folder).await?;
        let mut written = 0;
        let (manifest, others): (Vec<_>, Vec<_>) = files.iter().partition(|file| file.path == MANIFEST);
        for file in others.into_iter().chain(manifest) {
            let there = present.get(file.path.as_str()).copied().unwrap_or(There::Nothing);
            if there != There::Same {
                self.write(store, file, &format!("{folder}{}", file.path), there == There::Nothing).await?;
                written += 1;
            }
        }
        Ok(written)
    }

    /// What lies in a folder where these files are to be.
    async fn survey<'f>(&self, files: &'f [PublishedFile], folder: &str) -> Result<BTreeMap<&'f str, There>, Kept> {
        if let Some(file) = files.iter().find(|file| !is_plain(&file.path)) {
            return Err(Error::internal("output::path", format!("{:?} is not a path inside the output folder", file.path)).into());
        }
        let wanted: BTreeSet<String> = files.iter().map(|file| format!("{folder}{}", file.path)).collect();
        let mut taken = BTreeSet::new();
        // one look at the names spares a request for each file of an empty folder
        let mut after = String::new();
        while let Some(last) = wanted.last().filter(|last| after < **last) {
            let (page, more) =
                self.bucket.again(|| self.bucket.list(folder, &after, 1_000)).await.map_err(|trouble| self.error(trouble, last))?;
            taken.extend(page.iter().filter(|one| wanted.contains(&one.key)).map(|one| one.key.clone()));
            match page.last() {
                Some(last) if more => after.clone_from(&last.key),
                _ => break,
            }
        }
        let mut present = BTreeMap::new();
        for file in files {
            let key = format!("{folder}{}", file.path);
            if taken.contains(&key) {
                match self.look(&key, &file.sha256).await? {
                    There::Foreign => return Err(Kept::Foreign),
                    there => present.insert(file.path.as_str(), there),
                };
            }
        }
        Ok(present)
    }

    async fn look(&self, key: &str, sha256: &str) -> Result<There> {
        let found = match self.bucket.again(|| self.bucket.head(key, Pinned::default())).await {
            Ok(found) => found,
            Err(Trouble::Absent) => return Ok(There::Nothing),
            Err(trouble) => return Err(self.error(trouble, key)),
        };
        let told = |name| found.metadata.get(name).map(String::as_str);
        Ok(match (told(JOB) == Some(self.job), told(SHA256) == Some(sha256)) {
            (true, true) => There::Same,
            (true, false) => There::Earlier,
            (false, _) => There::Foreign,
        })
    }

    async fn write(&self, store: &dyn Store, file: &PublishedFile, key: &str, absent: bool) -> Result<(), Kept> {
        let metadata = [(JOB, self.job.to_owned()), (SHA256, file.sha256.clone())].into();
        let headers = Headers { metadata, content_type: Some(content_type(&file.path)), absent };
        let written = if file.bytes <= PIECE_BYTES {
            let bytes = self.read(store, file).await?;
            self.bucket.again(|| self.bucket.put(key, bytes.clone(), &headers)).await.map(drop)
        } else {
            self.write_long(store, file, key, &headers).await?
        };
        match written {
            Ok(()) => Ok(()),
            // somebody was faster: another replica with the same file, a lost answer, or a stranger
            Err(Trouble::Condition) => match self.look(key, &file.sha256).await? {
                There::Same => Ok(()),
                _ => Err(Kept::Foreign),
            },
            Err(trouble) => Err(self.error(trouble, key).into()),
        }
    }

    async fn read(&self, store: &dyn Store, file: &PublishedFile) -> Result<Bytes> {
        crate::fetch(store, &Key::parse(&file.key)?, &file.sha256).await.map(|object| object.bytes)
    }

    /// Sends a long file in parts, held against its hash before it becomes visible.
    async fn write_long(&self, store: &dyn Store, file: &PublishedFile, key: &str, headers: &Headers) -> Result<Result<(), Trouble>> {
        let source = Key::parse(&file.key)?;
        let mut parts = match Multipart::begin(self.bucket, key, headers).await {
            Ok(parts) => parts,
            Err(trouble) => return Ok(Err(trouble)),
        };
        let (mut hashing, mut waiting) = (Hashing::default(), BytesMut::new());
        while hashing.length() < file.bytes {
            let range = hashing.length()..file.bytes.min(hashing.length() + PIECE_BYTES);
            let piece = store.get(&source, Some(range)).await?.map(|object| object.bytes).unwrap_or_default();
            if piece.is_empty() {
                break;
            }
            hashing.update(piece.clone()).await?;
            waiting.extend_from_slice(&piece);
            let full = part_bytes(parts.sent());
            if waiting.len() >= full
                && let Err(trouble) = parts.add(waiting.split_to(full).freeze()).await
            {
                return Ok(Err(trouble));
            }
        }
        let stored = hashing.end();
        if stored.sha256 != file.sha256 {
            let message = format!("{source} does not have the SHA-256 that a fact names for it");
            return Err(Error::unavailable("store::corrupt", message));
        }
        if !waiting.is_empty()
            && let Err(trouble) = parts.add(waiting.freeze()).await
        {
            return Ok(Err(trouble));
        }
        Ok(parts.complete(stored.length, headers.absent).await)
    }

    fn error(&self, trouble: Trouble, key: &str) -> Error {
        let shown = format!("s3://{}/{key}", self.bucket.name());
        match trouble {
            Trouble::Denied(why) => Error::unavailable("output::denied", format!("not allowed to write {shown}: {why}"))
                .help("grant s3:PutObject, s3:GetObject and s3:ListBucket on the prefix to the service's credentials"),
            Trouble::NoBucket => Error::unavailable("output::denied", format!("there is no such bucket: {shown}")),
            other => Error::unavailable("output::unreachable", format!("cannot write {shown}: {other}")),
        }
    }
}

/// Whether a path stays inside the folder it is relative to.
fn is_plain(path: &str) -> bool {
    !path.is_empty() && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("csv") => "text/csv; charset=utf-8",
        Some("json") => "application/json",
        Some("html") => "text/html; charset=utf-8",
        Some("md") => "text/markdown; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("parquet") => "application/vnd.apache.parquet",
        _ => "application/octet-stream",
    }
}
