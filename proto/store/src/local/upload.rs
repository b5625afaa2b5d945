//! Uploads into a folder: written beside, hashed on the way, renamed when whole.

use super::{Inner, Local};
use crate::{Stored, Upload};
use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};
use synthfleet_proto::{Error, Result, id::hex, key::Key};

/// Bytes that are copied or hashed at a time.
const PIECE_BYTES: usize = 1 << 20;

/// Where the SHA-256 of an uploaded file lies.
pub(super) fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.sha256"))
}

/// The SHA-256 that was stored with a file; facts and markers have none.
pub(super) fn sha256_beside(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(beside(path)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The SHA-256 of what a file holds.
pub(super) fn sha256_of(file: &mut fs::File) -> io::Result<String> {
    let mut hash = Sha256::new();
    pour(file, |piece| {
        hash.update(piece);
        Ok(())
    })?;
    Ok(hex(&hash.finalize()))
}

fn pour(from: &mut impl Read, mut into: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(()),
            read => into(&piece[..read])?,
        }
    }
}

/// A file being written. Dropped unfinished, it is removed.
struct Draft {
    path: PathBuf,
    temporary: PathBuf,
    file: fs::File,
    hash: Sha256,
    length: u64,
    finished: bool,
}

impl Draft {
    fn begin(inner: &Inner, path: PathBuf) -> Result<Self> {
        let temporary = inner.temporary(&path);
        let file = inner.in_folder(&path, || fs::File::create(&temporary)).map_err(|error| Error::io(temporary.display(), error))?;
        Ok(Self { path, temporary, file, hash: Sha256::new(), length: 0, finished: false })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|error| Error::io(self.temporary.display(), error))
    }

    fn finish(mut self, inner: &Inner) -> Result<Stored> {
        let stored = Stored { length: self.length, sha256: hex(&std::mem::take(&mut self.hash).finalize()) };
        let publish = || {
            inner.sync_file(&self.file)?;
            // first the hash, then the file: whoever sees the file can check it
            inner.put(&beside(&self.path), stored.sha256.as_bytes())?;
            fs::rename(&self.temporary, &self.path)?;
            self.path.parent().map_or(Ok(()), |folder| inner.sync_folder(folder))
        };
        let published: io::Result<()> = publish();
        published.map_err(|error| Error::io(self.path.display(), error))?;
        self.finished = true;
        Ok(stored)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.finished {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

impl Inner {
    pub(super) fn concat(&self, from: &[Key], to: &Path) -> Result<Stored> {
        let mut draft = Draft::begin(self, to.to_owned())?;
        for key in from {
            let path = self.path(key);
            let broken = |error| Error::io(path.display(), error);
            let Some((mut file, _)) = Self::open(&path).map_err(broken)? else {
                return Err(Error::unavailable("store::absent", format!("{key} is to be copied but is not there")));
            };
            let mut piece = vec![0; PIECE_BYTES];
            loop {
                match file.read(&mut piece).map_err(broken)? {
                    0 => break,
                    read => draft.write(&piece[..read])?,
                }
            }
        }
        draft.finish(self)
    }
}

/// An upload under way.
pub(super) struct Writing {
    store: Local,
    draft: Option<Draft>,
}

impl Writing {
    pub(super) fn begin(store: Local, inner: &Inner, path: PathBuf) -> Result<Self> {
        Ok(Self { store, draft: Some(Draft::begin(inner, path)?) })
    }

    fn take(&mut self) -> Result<Draft> {
        self.draft.take().ok_or_else(|| Error::unavailable("store::unavailable", "an earlier write of this upload was cut off"))
    }
}

#[async_trait]
impl Upload for Writing {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        // a dropped future leaves the draft with the blocking thread, which removes it
        let mut draft = self.take()?;
        let write = move |_: &Inner| draft.write(&bytes).map(|()| draft);
        self.draft = Some(self.store.blocking(write).await?);
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<Stored> {
        let draft = self.take()?;
        self.store.blocking(move |inner| draft.finish(inner)).await
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
