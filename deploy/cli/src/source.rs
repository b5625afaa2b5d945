//! Where a table comes from, as the command line names it: a path, standard input, or a simulated set.

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

fn read_input(folder: &Path) -> Result<PathBuf> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| Error::io(folder.display(), e))?;
    let path = folder.join(format!("stdin-{}", std::process::id()));
    let file = std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&path);
    let mut file = file.map_err(|e| Error::io(path.display(), e))?;
    std::io::copy(&mut std::io::stdin().lock(), &mut file).map_err(|e| Error::io(path.display(), e))?;
    Ok(path)
}
