//! Where a table comes from, as the command line names it: a path, standard input, or a simulated set.

use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use synthfleet_proto::{Error, Result, id};

/// The absolute path of a source; none for simulated sets and links. Standard input is copied into
/// `folder` first, with rights for its owner alone. A missing file is told with its nearest neighbours.
pub fn path(uri: &str, folder: &Path) -> Result<Option<PathBuf>> {
    if uri.starts_with("sim:") || uri.contains("://") {
        return Ok(None);
    }
    if uri == "-" {
        return read_input(folder).map(Some);
    }
    let path = std::path::absolute(uri).map_err(|e| Error::io(uri, e))?;
    if !path.exists() {
        let error = Error::data("source::not_found", format!("no such file: {uri}")).in_source(uri);
        return Err(match neighbour(&path) {
            Some(near) => error.help(format!("did you mean {near}?")),
            None => error.help("check the path, or try sim:demo"),
        });
    }
    Ok(Some(path))
}

/// The file of the same folder whose name is nearest.
fn neighbour(path: &Path) -> Option<String> {
    let wrong = path.file_name()?.to_str()?;
    let entries = std::fs::read_dir(path.parent()?).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    id::nearest(wrong, names.iter().map(String::as_str)).map(str::to_owned)
}

/// Standard input as a file whose path follows from its bytes: the same input is the same job, under the same name.
fn read_input(folder: &Path) -> Result<PathBuf> {
    let failed = |e| Error::io(folder.display(), e);
    let make = |folder: &Path| std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    make(folder).map_err(failed)?;
    let coming = folder.join(format!("coming-{}", std::process::id()));
    let file = std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&coming);
    let mut hashing = Hashing { file: file.map_err(failed)?, hash: Sha256::new() };
    let copied = std::io::copy(&mut std::io::stdin().lock(), &mut hashing);
    let own = folder.join(&id::hex(&hashing.hash.finalize())[..32]);
    let placed = copied.and_then(|_| make(&own));
    let path = own.join("stdin");
    if let Err(error) = placed.and_then(|()| std::fs::rename(&coming, &path)) {
        // what came is of no use to anybody
        let _ = std::fs::remove_file(&coming);
        return Err(failed(error));
    }
    Ok(path)
}

struct Hashing {
    file: File,
    hash: Sha256,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Standard input that was kept in a file for one run: gone with the run, unless another one reads the same.
pub struct Spooled {
    path: PathBuf,
    held: File,
}

impl Spooled {
    /// Holds the file.
    pub fn hold(path: PathBuf) -> Result<Self> {
        let held = File::open(&path).map_err(|e| Error::io(path.display(), e))?;
        held.lock_shared().map_err(|e| Error::io(path.display(), e))?;
        Ok(Self { path, held })
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        if self.held.try_lock().is_ok() {
            // what is left goes with the next sweep
            let _ = std::fs::remove_file(&self.path);
            let _ = self.path.parent().map(std::fs::remove_dir);
        }
    }
}
