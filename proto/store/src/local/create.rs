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
