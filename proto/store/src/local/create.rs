//! Creating a fact by `link(2)`.

use super::{Inner, TEMPORARY};
use crate::{Created, Nonce};
use std::{
    collections::VecDeque,
    fs,
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{Mutex, PoisonError},
};
use synthfleet_proto::{Error, Result, key::Key};

/// Stripes of creates: creates of one nonce wait for each other, others hardly ever do.
const STRIPES: usize = 64;
/// Creates of a stripe whose nonce is remembered, so that a try after a lost answer knows its fact.
const OWN_MAX: usize = 64;

/// The steps of a create, after each of which a process may die.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The temporary file is there.
    Written,
    /// Its bytes are on the disk.
    Synced,
    /// The fact is there under its name.
    Linked,
    /// The temporary name is gone.
    Unlinked,
}

impl Step {
    /// Every step in order.
    pub const ALL: [Self; 4] = [Self::Written, Self::Synced, Self::Linked, Self::Unlinked];
}

/// The last facts that this store made itself, by stripe of their nonces.
pub(super) struct Own([Mutex<VecDeque<(Key, Nonce)>>; STRIPES]);

impl Default for Own {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Inner {
    /// Makes a fact, or finds that it exists. See the head of [`super`].
    pub(super) fn create(&self, key: &Key, bytes: &[u8], nonce: Nonce) -> Result<Created> {
        let path = self.path(key);
        // a try whose future was dropped may still be at work: the next with its nonce waits here
        let stripe = usize::from(nonce.0[0]) % STRIPES;
        let mut own = self.own.0[stripe].lock().unwrap_or_else(PoisonError::into_inner);
        let known = own.iter().any(|(made, by)| made == key && *by == nonce);
        if known && path.exists() {
            return Ok(Created::New);
        }
        let created = self.in_folder(&path, || self.try_create(&path, bytes, nonce)).map_err(|error| Error::io(path.display(), error))?;
        if created == Created::New && !known {
            own.push_back((key.clone(), nonce));
            if own.len() > OWN_MAX {
                own.pop_front();
            }
        }
        Ok(created)
    }

    fn try_create(&self, path: &Path, bytes: &[u8], nonce: Nonce) -> io::Result<Created> {
        let temporary = path.with_file_name(format!("{TEMPORARY}{}", nonce.hex()));
        if path.exists() {
            // an earlier try that died after its link left its second name behind
            let own = same_file(&temporary, path)?;
            remove_if_there(&temporary)?;
            return Ok(if own { Created::New } else { Created::Exists });
        }
        let mut file = fs::File::create(&temporary)?;
        file.write_all(bytes).inspect_err(|_| drop(fs::remove_file(&temporary)))?;
        self.reached(Step::Written)?;
        self.sync_file(&file)?;
        self.reached(Step::Synced)?;
        let created = match fs::hard_link(&temporary, path) {
            Ok(()) => Created::New,
            // the link may have happened although its answer was lost
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && same_file(&temporary, path)? => Created::New,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Created::Exists,
            Err(error) => {
                remove_if_there(&temporary)?;
                return Err(error);
            }
        };
        if created == Created::New {
            self.reached(Step::Linked)?;
        }
        remove_if_there(&temporary)?;
        self.reached(Step::Unlinked)?;
        path.parent().map_or(Ok(()), |folder| self.sync_folder(folder))?;
        Ok(created)
    }

    /// Lets a test end a create here, as a kill would.
    #[cfg(test)]
    fn reached(&self, step: Step) -> io::Result<()> {
        let abort_at = *self.abort_at.lock().unwrap_or_else(PoisonError::into_inner);
        if abort_at == Some(step) { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the test build stops here")]
    fn reached(&self, _step: Step) -> io::Result<()> {
        Ok(())
    }
}

/// Whether two names are one file.
fn same_file(one: &Path, other: &Path) -> io::Result<bool> {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => Ok((one.dev(), one.ino()) == (other.dev(), other.ino())),
        (Err(error), _) | (_, Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Local, Settings, Store};
    use bytes::Bytes;
    use synthfleet_proto::key::{FactKey, JobKeys, Prefix};

    fn spec() -> FactKey {
        JobKeys::new("tenant", "job_1").and_then(|keys| keys.spec()).expect("legal")
    }

    fn temporaries(folder: &Path) -> usize {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| if entry.path().is_dir() { temporaries(&entry.path()) } else { usize::from(is_temporary(&entry)) }).sum()
    }

    fn is_temporary(entry: &fs::DirEntry) -> bool {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with(TEMPORARY) && !name.ends_with("probe")
    }

    #[tokio::test]
    async fn a_kill_at_any_step_leaves_all_or_nothing_and_a_further_try_ends_it() {
        for sync in [false, true] {
            for step in Step::ALL {
                let folder = tempfile::tempdir().expect("a folder");
                let open = || Local::open(folder.path(), Settings { sync }).expect("a folder");
                let killed = open();
                *killed.inner.abort_at.lock().expect("one thread") = Some(step);
                let create = |store: Local| async move { store.create(&spec(), Bytes::from_static(b"fact"), Nonce([7; 16])).await };
                create(killed).await.expect_err("killed");

                // the fact is whole from the link on, and absent before
                let after = open();
                let seen = after.get(&spec(), None).await.expect("a folder").map(|object| object.bytes);
                assert_eq!(seen, (step >= Step::Linked).then_some(Bytes::from_static(b"fact")), "{step:?}");

                // a try with the same nonce after the link knows its own fact while its second name is there
                let expected = if step == Step::Unlinked { Created::Exists } else { Created::New };
                assert_eq!(create(open()).await.expect("a folder"), expected, "{step:?}");
                let other = after.create(&spec(), Bytes::from_static(b"other"), Nonce([8; 16])).await;
                assert_eq!(other.expect("a folder"), Created::Exists);
                assert_eq!(after.list(&Prefix::all(), None, 10).await.expect("a folder").len(), 1);
                assert_eq!(temporaries(folder.path()), 0, "{step:?}");
            }
        }
    }
}
