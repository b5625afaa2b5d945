//! Inputs of tasks by their content: what several tasks of a worker need is brought once. Bounded; what was not
//! used longest goes first.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use synthfleet_proto::key::Key;
use synthfleet_proto::{Error, Result};
use synthfleet_store::{Store, download};

/// Files of earlier tasks, named by their SHA-256.
pub struct Larder {
    folder: PathBuf,
    bytes_max: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, File>,
    bytes: u64,
    clock: u64,
    coming: BTreeMap<String, Arc<tokio::sync::Mutex<()>>>,
}

struct File {
    bytes: u64,
    used: u64,
}

impl Larder {
    /// An empty larder in a folder of its own that keeps at most so many bytes.
    pub fn new(folder: PathBuf, bytes_max: u64) -> Self {
        Self { folder, bytes_max, state: Mutex::default() }
    }

    /// Links the file with this content to `target`; it is brought from the store if it is not here.
    pub async fn link(&self, store: &dyn Store, key: &Key, sha256: &str, target: &Path) -> Result<()> {
        // the second of two tasks waits for the first one's copy
        let coming = Arc::clone(self.state().coming.entry(sha256.to_owned()).or_default());
        let turn = coming.lock().await;
        if !self.linked(sha256, target)? {
            self.bring(store, key, sha256, &self.folder.join(sha256)).await?;
            if !self.linked(sha256, target)? {
                return Err(Error::no_space("worker::larder", "an input was put away before it could be used")
                    .help("free room in the scratch folder"));
            }
        }
        drop(turn);
        self.state().coming.retain(|_, waiting| Arc::strong_count(waiting) > 1);
        Ok(())
    }

    /// Links a file that is here. Under the lock: nothing is put away meanwhile.
    fn linked(&self, sha256: &str, target: &Path) -> Result<bool> {
        let mut state = self.state();
        state.clock += 1;
        let now = state.clock;
        let Some(file) = state.files.get_mut(sha256) else { return Ok(false) };
        file.used = now;
        fs::hard_link(self.folder.join(sha256), target).map_err(|e| Error::io(target.display(), e))?;
        Ok(true)
    }

    async fn bring(&self, store: &dyn Store, key: &Key, sha256: &str, path: &Path) -> Result<()> {
        let broken = |e| Error::io(path.display(), e);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(broken)?;
        let partial = self.folder.join(format!("{sha256}.part"));
        let bytes = match download(store, key, &partial, sha256).await {
            Ok(bytes) => bytes,
            Err(error) => {
                // nothing half done stays
                let _ = fs::remove_file(&partial);
                return Err(error);
            }
        };
        // tasks get links to it
        fs::set_permissions(&partial, fs::Permissions::from_mode(0o400)).map_err(broken)?;
        fs::rename(&partial, path).map_err(broken)?;
        let mut state = self.state();
        state.clock += 1;
        let used = state.clock;
        state.files.insert(sha256.to_owned(), File { bytes, used });
        state.bytes += bytes;
        while state.bytes > self.bytes_max && state.files.len() > 1 {
            let oldest = state.files.iter().min_by_key(|(_, file)| file.used).map(|(name, _)| name.clone());
            let Some(name) = oldest else { break };
            let freed = state.files.remove(&name).map_or(0, |file| file.bytes);
            state.bytes -= freed;
            // links in task folders keep their bytes
            let _ = fs::remove_file(self.folder.join(&name));
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use synthfleet_proto::id::sha256_hex;
    use synthfleet_proto::key::upload_data;
    use synthfleet_proto::outside::Clock;
    use synthfleet_store::{Memory, upload_bytes};

    struct Still;

    impl Clock for Still {
        fn now_ms(&self) -> u64 {
            1
        }
    }

    async fn stored(store: &Memory, name: &str, text: &'static str) -> (Key, String) {
        let key = upload_data("t", name).expect("legal");
        upload_bytes(store, &key, Bytes::from_static(text.as_bytes())).await.expect("stored");
        (key.into(), sha256_hex(text.as_bytes()))
    }

    #[tokio::test]
    async fn what_was_brought_is_not_brought_again() {
        let (store, place) = (Memory::new(Arc::new(Still)), tempfile::tempdir().expect("temporary folder"));
        let (key, sha256) = stored(&store, "a", "abc").await;
        let larder = Larder::new(place.path().join("larder"), 100);
        larder.link(&store, &key, &sha256, &place.path().join("one")).await.expect("brought");
        store.delete(&key).await.expect("deleted");
        larder.link(&store, &key, &sha256, &place.path().join("two")).await.expect("kept");
        assert_eq!(fs::read(place.path().join("two")).expect("there"), b"abc");
    }

    #[tokio::test]
    async fn what_was_not_used_longest_goes_first() {
        let (store, place) = (Memory::new(Arc::new(Still)), tempfile::tempdir().expect("temporary folder"));
        let larder = Larder::new(place.path().join("larder"), 7);
        let mut names = Vec::new();
        for (at, (name, text)) in [("a", "aaa"), ("b", "bbb"), ("a", "aaa"), ("c", "ccc")].into_iter().enumerate() {
            let (key, sha256) = stored(&store, name, text).await;
            larder.link(&store, &key, &sha256, &place.path().join(at.to_string())).await.expect("brought");
            names.push(sha256);
        }
        let kept = |name: &String| place.path().join("larder").join(name).exists();
        assert!(kept(&names[0]) && !kept(&names[1]) && kept(&names[3]));
        assert_eq!(fs::read(place.path().join("1")).expect("links live on"), b"bbb");
    }

    #[tokio::test]
    async fn a_changed_object_leaves_nothing_behind() {
        let (store, place) = (Memory::new(Arc::new(Still)), tempfile::tempdir().expect("temporary folder"));
        let (key, _) = stored(&store, "a", "abc").await;
        let larder = Larder::new(place.path().join("larder"), 7);
        let refused = larder.link(&store, &key, &sha256_hex(b"other"), &place.path().join("x")).await;
        assert_eq!(refused.expect_err("changed").code(), "store::corrupt");
        assert_eq!(fs::read_dir(place.path().join("larder")).expect("listed").count(), 0);
    }
}
