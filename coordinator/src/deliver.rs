//! A copy of the published files in a folder of the user's choice. Each file appears under its name only
//! when it is whole and on the disk; the manifest comes last, so a folder without it is unfinished.

use std::path::{Path, PathBuf};
use synthfleet_proto::fact::{PublishedFact, PublishedFile};
use synthfleet_proto::key::Key;
use synthfleet_proto::{Error, Result};
use synthfleet_store::{Store, download};

/// The file that says that a folder is complete.
const MANIFEST: &str = "manifest.json";

/// Refuses a folder that holds something else, unless it may be overwritten. A folder that holds an
/// earlier output (it has a manifest) is fine.
pub fn check_folder(folder: &Path, force: bool) -> Result<()> {
    let foreign = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some() && !folder.join(MANIFEST).exists() && !folder.join(UNFINISHED).exists(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(Error::io(folder.display(), error)),
    };
    if foreign && !force {
        let message = format!("the folder {} holds files that are not an output of synthfleet", folder.display());
        return Err(Error::invalid("output::foreign", message).help("choose another folder with -o, or allow it with --force"));
    }
    Ok(())
}

/// Marks a folder whose files are being replaced: it has no manifest, yet it is ours.
const UNFINISHED: &str = ".synthfleet-unfinished";

/// Where published files are fetched from.
pub trait Origin: Sync {
    /// Brings a file to a path, and checks that its bytes are those that were published.
    fn fetch(&self, file: &PublishedFile, to: &Path) -> impl Future<Output = Result<()>> + Send;
}

/// Files that lie in a store under their keys.
struct Stored<'a>(&'a dyn Store);

impl Origin for Stored<'_> {
    async fn fetch(&self, file: &PublishedFile, to: &Path) -> Result<()> {
        download(self.0, &Key::parse(&file.key)?, to, &file.sha256).await.map(|_| ())
    }
}

/// Copies all published files from a store into a folder: see [`deliver_from`].
pub async fn deliver(store: &dyn Store, published: &PublishedFact, folder: &Path, force: bool) -> Result<()> {
    deliver_from(&Stored(store), published, folder, force).await
}

/// Copies all published files into a folder, the manifest last. Files of an earlier output that are not
/// part of this one are removed.
pub async fn deliver_from(origin: &impl Origin, published: &PublishedFact, folder: &Path, force: bool) -> Result<()> {
    check_folder(folder, force)?;
    let broken = |path: &Path, error| Error::io(path.display(), error);
    tokio::fs::create_dir_all(folder).await.map_err(|e| broken(folder, e))?;
    let mark = folder.join(UNFINISHED);
    tokio::fs::write(&mark, b"").await.map_err(|e| broken(&mark, e))?;
    remove_earlier(folder, published).await?;
    let (manifest, others): (Vec<_>, Vec<_>) = published.files.iter().partition(|file| file.path == MANIFEST);
    for file in &others {
        place(origin, file, folder).await?;
    }
    sync_folders(folder, &others).await?;
    for file in manifest {
        place(origin, file, folder).await?;
    }
    tokio::fs::remove_file(&mark).await.map_err(|e| broken(&mark, e))?;
    sync(folder).await
}

/// The manifest goes first, so that no mixture ever looks finished.
async fn remove_earlier(folder: &Path, published: &PublishedFact) -> Result<()> {
    let path = folder.join(MANIFEST);
    let Ok(bytes) = tokio::fs::read(&path).await else { return Ok(()) };
    tokio::fs::remove_file(&path).await.map_err(|e| Error::io(path.display(), e))?;
    let manifest: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let paths = manifest["files"].as_array().into_iter().flatten().filter_map(|file| file["path"].as_str());
    for path in paths.filter(|path| is_plain(path) && !published.files.iter().any(|file| file.path == *path)) {
        // gone already is fine
        let _ = tokio::fs::remove_file(folder.join(path)).await;
    }
    Ok(())
}

/// Whether a path stays inside the folder it is relative to.
fn is_plain(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)))
}

async fn place(origin: &impl Origin, file: &PublishedFile, folder: &Path) -> Result<()> {
    if !is_plain(&file.path) {
        return Err(Error::internal("output::path", format!("{:?} is not a path inside the output folder", file.path)));
    }
    let target = folder.join(&file.path);
    let broken = |error| Error::io(target.display(), error);
    if let Some(parent) = target.parent() {
        tokio::fs::create_dir_all(parent).await.map_err(broken)?;
    }
    let temporary = target.with_file_name(format!(".{}.part", target.file_name().unwrap_or_default().to_string_lossy()));
    origin.fetch(file, &temporary).await?;
    let written = tokio::fs::File::open(&temporary).await.map_err(broken)?;
    written.sync_all().await.map_err(broken)?;
    tokio::fs::rename(&temporary, &target).await.map_err(broken)
}

async fn sync_folders(folder: &Path, files: &[&PublishedFile]) -> Result<()> {
    let mut folders: Vec<PathBuf> = files.iter().filter_map(|file| folder.join(&file.path).parent().map(Path::to_owned)).collect();
    folders.sort();
    folders.dedup();
    for folder in folders {
        sync(&folder).await?;
    }
    sync(folder).await
}

async fn sync(folder: &Path) -> Result<()> {
    let broken = |error| Error::io(folder.display(), error);
    let handle = tokio::fs::File::open(folder).await.map_err(broken)?;
    handle.sync_all().await.map_err(broken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::memory;
    use bytes::Bytes;
    use synthfleet_proto::id::sha256_hex;
    use synthfleet_proto::key::JobKeys;
    use synthfleet_store::{Memory, upload_bytes};

    async fn published(store: &Memory, files: &[(&str, &str)]) -> PublishedFact {
        let keys = JobKeys::new("t", "job_0").expect("legal");
        let mut listed = Vec::new();
        for (path, text) in files {
            let sha256 = sha256_hex(text.as_bytes());
            let key = keys.publication(&sha256, path.rsplit('/').next().expect("a name")).expect("legal");
            upload_bytes(store, &key, Bytes::from((*text).to_owned())).await.expect("stored");
            let (path, key) = ((*path).to_owned(), key.to_string());
            listed.push(PublishedFile { path, key, bytes: text.len() as u64, sha256, deterministic: true });
        }
        PublishedFact { v: 1, files: listed }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .expect("folder")
            .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn files_appear_with_their_folders_and_nothing_else() {
        let (store, place) = (memory(), tempfile::tempdir().expect("temporary folder"));
        let folder = place.path().join("out");
        let files = [("synthetic.csv", "a\n1\n"), ("candidates/x/scores.json", "{}"), ("manifest.json", "{}")];
        let fact = published(&store, &files).await;
        deliver(&store, &fact, &folder, false).await.expect("delivered");
        assert_eq!(names(&folder), ["candidates", "manifest.json", "synthetic.csv"]);
        assert_eq!(std::fs::read_to_string(folder.join("candidates/x/scores.json")).expect("there"), "{}");
    }

    #[tokio::test]
    async fn a_later_output_replaces_an_earlier_one_whole() {
        let (store, place) = (memory(), tempfile::tempdir().expect("temporary folder"));
        let manifest = r#"{"files":[{"path":"synthetic.csv"},{"path":"../outside"}]}"#;
        let first = published(&store, &[("synthetic.csv", "a\n"), ("manifest.json", manifest)]).await;
        deliver(&store, &first, place.path(), false).await.expect("delivered");
        let second = published(&store, &[("verdict.json", "{}"), ("manifest.json", "{}")]).await;
        deliver(&store, &second, place.path(), false).await.expect("delivered");
        assert_eq!(names(place.path()), ["manifest.json", "verdict.json"]);
    }

    #[tokio::test]
    async fn a_lost_file_leaves_a_folder_without_a_manifest() {
        let (store, place) = (memory(), tempfile::tempdir().expect("temporary folder"));
        let mut fact = published(&store, &[("synthetic.csv", "a\n"), ("manifest.json", "{}")]).await;
        fact.files[0].sha256 = "00".repeat(32);
        assert!(deliver(&store, &fact, place.path(), false).await.is_err());
        assert!(!place.path().join("manifest.json").exists());
        assert!(check_folder(place.path(), false).is_ok(), "it may be tried again");
    }

    #[test]
    fn a_foreign_folder_is_refused() {
        let place = tempfile::tempdir().expect("temporary folder");
        std::fs::write(place.path().join("thesis.doc"), "").expect("written");
        assert_eq!(check_folder(place.path(), false).expect_err("foreign").code(), "output::foreign");
        assert!(check_folder(place.path(), true).is_ok());
    }
}
