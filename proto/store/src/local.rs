//! A folder as a store. Facts are plain JSON files, data are plain files; names that begin with a
//! dot are this store's own.
//!
//! A fact is written to `.tmp-<nonce>` beside its place and linked there: `link(2)` fails when the
//! place is taken, so of any number of racers, in any number of processes, one wins, and a reader
//! sees all of it or nothing. An upload is written to a temporary file likewise and renamed; its
//! SHA-256 lies beside it in `.<name>.sha256`, made visible first.
//!
//! With `sync` both the file and its folder are synced before a create returns. Without (the work
//! folder of one process), a killed process still loses nothing; a power cut may.

mod create;
mod list;
mod upload;

pub use create::Step;

use crate::{
    Abilities, Created, Entry, Nonce, Object, Store, Stored, Upload,
    contract::{check_fact, cut},
};
use async_trait::async_trait;
use bytes::Bytes;
use std::{
    collections::HashMap,
    fs,
    io::{self, Read, Seek, SeekFrom, Write},
    ops::Range,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};
use synthfleet_proto::{
    Error, Result,
    key::{DataKey, FactKey, Key, MarkerKey, Prefix},
};

/// Start of the names of temporary files.
const TEMPORARY: &str = ".tmp-";
/// Temporary files that are older belong to nobody any more.
const TEMPORARY_AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// Folders that are remembered as synced.
const NAMED_MAX: usize = 10_000;

/// Settings of [`Local`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Survive a power cut: sync every file and folder before a create or finish returns.
    pub sync: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { sync: true }
    }
}

/// A folder as a store. Clones share it.
#[derive(Clone)]
pub struct Local {
    inner: Arc<Inner>,
}

struct Inner {
    root: PathBuf,
    settings: Settings,
    /// Number of the next temporary file of this process.
    next: AtomicU64,
    /// Folders whose names, and those of the folders above them, are on the disk: by path, with their number.
    named: Mutex<HashMap<PathBuf, u64>>,
    own: create::Own,
    #[cfg(test)]
    abort_at: Mutex<Option<Step>>,
}

impl Local {
    /// Opens a folder, which is made if it is absent, and sweeps temporary files older than a day.
    ///
    /// # Errors
    /// `Unavailable` with `store::no_links` where the file system has no hard links.
    pub fn open(root: impl Into<PathBuf>, settings: Settings) -> Result<Self> {
        let root = root.into();
        fs::create_dir_all(&root).map_err(|error| Error::io(root.display(), error))?;
        let inner = Inner {
            root,
            settings,
            next: AtomicU64::new(0),
            named: Mutex::default(),
            own: create::Own::default(),
            #[cfg(test)]
            abort_at: Mutex::default(),
        };
        inner.check_links()?;
        let now = inner.now()?;
        inner.sweep(&inner.root, now)?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.inner.root
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Inner) -> Result<T> + Send + 'static) -> Result<T> {
        let inner = self.inner.clone();
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        done.map_err(|error| Error::internal("store::panicked", error.to_string()))?
    }
}

impl Inner {
    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    /// A temporary file beside `path` that no other process names alike.
    fn temporary(&self, path: &Path) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        path.with_file_name(format!("{TEMPORARY}{}-{number}", std::process::id()))
    }

    /// The time of the file system, which is the only clock that ages are told by.
    fn now(&self) -> Result<SystemTime> {
        let probe = self.root.join(format!("{TEMPORARY}probe"));
        let touch = || {
            let mut file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&probe)?;
            file.write_all(b".")?;
            file.metadata()?.modified()
        };
        touch().map_err(|error| Error::io(probe.display(), error))
    }

    fn check_links(&self) -> Result<()> {
        let from = self.temporary(&self.root.join("x"));
        let to = self.temporary(&self.root.join("x"));
        fs::write(&from, b".").map_err(|error| Error::io(from.display(), error))?;
        let linked = fs::hard_link(&from, &to);
        let _ = (fs::remove_file(&from), fs::remove_file(&to));
        linked.map_err(|error| {
            Error::unavailable("store::no_links", format!("{} has no hard links, which creating facts needs", self.root.display()))
                .help("choose a folder on another file system")
                .caused_by(error)
        })
    }

    /// Removes temporary files that nobody can be writing any more.
    fn sweep(&self, folder: &Path, now: SystemTime) -> Result<()> {
        let broken = |error| Error::io(folder.display(), error);
        for entry in fs::read_dir(folder).map_err(broken)? {
            let entry = entry.map_err(broken)?;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.sweep(&entry.path(), now)?;
            } else if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                let made = entry.metadata().and_then(|metadata| metadata.modified());
                if made.is_ok_and(|made| now.duration_since(made).is_ok_and(|age| age > TEMPORARY_AGE_MAX)) {
                    // another process may sweep the same file
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
        Ok(())
    }

    /// Runs `work` on a path, making its folder when that is what is missing. A folder may vanish
    /// again between the two, because deleting a file takes empty folders with it.
    fn in_folder<T>(&self, path: &Path, mut work: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        for _ in 0..100 {
            match work() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => match path.parent() {
                    Some(folder) => self.make_folder(folder)?,
                    None => return Err(error),
                },
                done => return done,
            }
        }
        work()
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        if !self.settings.sync {
            return Ok(());
        }
        let mut named = Vec::new();
        for below in folder.ancestors().take_while(|below| *below != self.root && below.starts_with(&self.root)) {
            // a folder of that name may have gone and come again: its number tells
            let number = fs::metadata(below).map(|metadata| metadata.ino()).unwrap_or_default();
            if self.named.lock().unwrap_or_else(PoisonError::into_inner).get(below) == Some(&number) {
                break;
            }
            match below.parent().map(|parent| self.sync_folder(parent)) {
                Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => named.push((below.to_owned(), number)),
            }
        }
        let mut known = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > NAMED_MAX {
            known.clear();
        }
        known.extend(named);
        Ok(())
    }

    fn sync_file(&self, file: &fs::File) -> io::Result<()> {
        if self.settings.sync { file.sync_all() } else { Ok(()) }
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        if self.settings.sync { fs::File::open(folder)?.sync_all() } else { Ok(()) }
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.in_folder(path, || {
            let temporary = self.temporary(path);
            let mut file = fs::File::create(&temporary)?;
            let written = file.write_all(bytes).and_then(|()| self.sync_file(&file)).and_then(|()| fs::rename(&temporary, path));
            if written.is_err() {
                let _ = fs::remove_file(&temporary);
            }
            written
        })?;
        path.parent().map_or(Ok(()), |folder| self.sync_folder(folder))
    }

    /// Opens an object; `None` when there is none.
    fn open(path: &Path) -> io::Result<Option<(fs::File, fs::Metadata)>> {
        match fs::File::open(path) {
            Ok(file) => {
                let metadata = file.metadata()?;
                Ok(metadata.is_file().then_some((file, metadata)))
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn entry(&self, key: &Key, metadata: &fs::Metadata, sha256: Option<String>, now: SystemTime) -> io::Result<Entry> {
        let age = now.duration_since(metadata.modified()?).unwrap_or_default();
        Ok(Entry { key: key.clone(), length: metadata.len(), sha256, age })
    }

    fn get(&self, key: &Key, range: Option<Range<u64>>) -> Result<Option<Object>> {
        let (path, now) = (self.path(key), self.now()?);
        let read = || {
            let Some((mut file, metadata)) = Self::open(&path)? else { return Ok(None) };
            let range = cut(range.clone(), metadata.len());
            file.seek(SeekFrom::Start(range.start))?;
            let mut bytes = Vec::with_capacity((range.end - range.start) as usize);
            file.take(range.end - range.start).read_to_end(&mut bytes)?;
            let entry = self.entry(key, &metadata, upload::sha256_beside(&path)?, now)?;
            Ok(Some(Object { bytes: bytes.into(), entry }))
        };
        let mut object: Option<Object> = read().map_err(|error| Error::io(path.display(), error))?;
        if let Some(Object { bytes, entry }) = &mut object
            && bytes.len() as u64 == entry.length
        {
            let sha256 = synthfleet_proto::id::sha256_hex(bytes);
            if entry.sha256.as_ref().is_some_and(|stored| *stored != sha256) {
                return Err(Error::unavailable("store::corrupt", format!("{key} does not have the SHA-256 it was stored with"))
                    .help("set the work folder aside and run again"));
            }
            entry.sha256 = Some(sha256);
        }
        Ok(object)
    }

    fn head(&self, key: &Key) -> Result<Option<Entry>> {
        let (path, now) = (self.path(key), self.now()?);
        let read = || {
            let Some((mut file, metadata)) = Self::open(&path)? else { return Ok(None) };
            let sha256 = match upload::sha256_beside(&path)? {
                Some(sha256) => sha256,
                None => upload::sha256_of(&mut file)?,
            };
            self.entry(key, &metadata, Some(sha256), now).map(Some)
        };
        read().map_err(|error| Error::io(path.display(), error))
    }

    fn delete(&self, key: &Key) -> Result<()> {
        let path = self.path(key);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(()),
            Err(error) => return Err(Error::io(path.display(), error)),
        }
        let _ = fs::remove_file(upload::beside(&path));
        // folders that became empty go too; one that is not empty refuses
        let empty = path.ancestors().skip(1).take_while(|folder| *folder != self.root);
        let _ = empty.map(fs::remove_dir).take_while(io::Result::is_ok).count();
        Ok(())
    }
}

#[async_trait]
impl Store for Local {
    async fn create(&self, key: &FactKey, bytes: Bytes, nonce: Nonce) -> Result<Created> {
        check_fact(key, &bytes)?;
        let key = key.key().clone();
        self.blocking(move |inner| inner.create(&key, &bytes, nonce)).await
    }

    async fn put(&self, key: &MarkerKey, bytes: Bytes) -> Result<()> {
        let path = self.inner.path(key.key());
        self.blocking(move |inner| inner.put(&path, &bytes).map_err(|error| Error::io(path.display(), error))).await
    }

    async fn get(&self, key: &Key, range: Option<Range<u64>>) -> Result<Option<Object>> {
        let key = key.clone();
        self.blocking(move |inner| inner.get(&key, range)).await
    }

    async fn head(&self, key: &Key) -> Result<Option<Entry>> {
        let key = key.clone();
        self.blocking(move |inner| inner.head(&key)).await
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Key>, limit: u16) -> Result<Vec<Entry>> {
        let (prefix, after) = (prefix.as_str().to_owned(), after.map(|key| key.as_str().to_owned()));
        self.blocking(move |inner| inner.list(&prefix, after.as_deref(), limit.into())).await
    }

    async fn upload(&self, key: &DataKey) -> Result<Box<dyn Upload>> {
        let (path, store) = (self.inner.path(key.key()), self.clone());
        self.blocking(move |inner| upload::Writing::begin(store, inner, path)).await.map(|writing| Box::new(writing) as Box<dyn Upload>)
    }

    async fn concat(&self, from: &[Key], to: &DataKey) -> Result<Stored> {
        let (from, path) = (from.to_vec(), self.inner.path(to.key()));
        self.blocking(move |inner| inner.concat(&from, &path)).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let key = key.clone();
        self.blocking(move |inner| inner.delete(&key)).await
    }

    async fn presign(&self, _key: &Key, _seconds: u32) -> Result<Option<String>> {
        Ok(None)
    }

    fn abilities(&self) -> Abilities {
        Abilities { atomic_create: true, presign: false, concat_bytes_min: 0, hash_first: false }
    }

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        let path = self.inner.path(key);
        path.is_file().then_some(path)
    }
}
