//! Listing a folder in byte order of keys.

use super::Inner;
use crate::Entry;
use std::{fs, io, path::Path, time::SystemTime};
use synthfleet_proto::{Error, Result, key::Key};

struct Walk<'a> {
    prefix: &'a str,
    after: Option<&'a str>,
    limit: usize,
    now: SystemTime,
    found: Vec<Entry>,
}

impl Inner {
    pub(super) fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Entry>> {
        let mut walk = Walk { prefix, after, limit, now: self.now()?, found: Vec::new() };
        // the deepest folder that holds all of the prefix
        let base = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]);
        let folder = self.root.join(base);
        self.walk(&mut walk, &folder, base).map_err(|error| Error::io(folder.display(), error))?;
        Ok(walk.found)
    }

    fn walk(&self, walk: &mut Walk<'_>, folder: &Path, base: &str) -> io::Result<()> {
        for name in names_in(folder)? {
            if walk.found.len() >= walk.limit {
                return Ok(());
            }
            let text = format!("{base}{name}");
            if text.ends_with('/') {
                // nothing below a folder can start with the prefix, or come after, unless the folder may
                let in_prefix = text.starts_with(walk.prefix) || walk.prefix.starts_with(&text);
                let not_before = walk.after.is_none_or(|after| text.as_str() > after || after.starts_with(&text));
                if in_prefix && not_before {
                    self.walk(walk, &folder.join(&name), &text)?;
                }
            } else if text.starts_with(walk.prefix)
                && walk.after.is_none_or(|after| text.as_str() > after)
                && let Ok(key) = Key::parse(&text)
            {
                match fs::metadata(folder.join(&name)) {
                    Ok(metadata) => walk.found.push(self.entry(&key, &metadata, None, walk.now)?),
                    // deleted since the folder was read
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}

/// Names in a folder in the byte order of the keys they begin: a folder's name counts with its slash.
/// Names that begin with a dot are the store's own. An absent folder is empty.
fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Ok(mut name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            name.push('/');
        }
        names.push(name);
    }
    names.sort_unstable();
    Ok(names)
}
