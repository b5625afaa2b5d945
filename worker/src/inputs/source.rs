//! Sources of a profile task that lie elsewhere: links of users and uploads, brought into the task folder under
//! their own names, since a table is named after its file.

use crate::TaskFolder;
use crate::attempt::Attempt;
use crate::context::Context;
use serde_json::{Value, json};
use std::path::PathBuf;
use synthfleet_proto::key;
use synthfleet_proto::task::TaskFile;
use synthfleet_proto::{Error, Result};
use synthfleet_store::download;
use synthfleet_store::foreign::{Links, Seen};

/// Where a profile task names files, and the folder below `in/` that each is brought to.
const PLACES: [(&str, &str); 3] = [("/source/uri", "source"), ("/holdout_source", "holdout"), ("/metadata/uri", "metadata")];
/// Longest name of a brought file, in characters.
const NAME_MAX: usize = 100;

/// Brings what the task's options name, and names the files instead.
pub async fn bring(context: &Context, attempt: &Attempt, folder: &TaskFolder, task: &mut TaskFile) -> Result<()> {
    for (pointer, part) in PLACES {
        let Some(uri) = task.options.pointer(pointer).and_then(Value::as_str).map(str::to_owned) else { continue };
        if uri.starts_with("sim:") {
            continue;
        }
        let path = match uri.strip_prefix("upload:") {
            Some(id) => Some(upload(context, attempt, folder, id, part).await?),
            None if Links::takes(&uri) => Some(link(context, folder, &uri, part).await?),
            None if context.options.local_sources => None,
            None => {
                let error = Error::data("source::refused", "paths of a machine are read by runs on that machine alone");
                return Err(error.help("name an object as s3://bucket/key, or upload the table"));
            }
        };
        if let (Some(path), Some(place)) = (path, task.options.pointer_mut(pointer)) {
            *place = json!(path);
        }
    }
    Ok(())
}

async fn link(context: &Context, folder: &TaskFolder, uri: &str, part: &str) -> Result<PathBuf> {
    let Some(links) = &context.parts.links else {
        return Err(Error::data("source::refused", "this worker reads no links").help("set sources.buckets or sources.https"));
    };
    let path = place(folder, part, uri.split(['?', '#']).next().unwrap_or_default()).await?;
    links.fetch(uri, &Seen::default(), &path).await?;
    Ok(path)
}

async fn upload(context: &Context, attempt: &Attempt, folder: &TaskFolder, id: &str, part: &str) -> Result<PathBuf> {
    let (tenant, spec) = (attempt.keys.tenant(), &attempt.spec);
    let known = if part == "source" { spec.source_sha256.as_deref() } else { spec.holdout_sha256.as_deref() };
    let sha256 = known.ok_or_else(|| Error::internal("source::unknown", "an upload without its SHA-256"))?;
    // the name stands in the job
    let path = place(folder, part, "table").await?;
    download(context.store(), key::upload_data(tenant, id)?.key(), &path, sha256).await?;
    Ok(path)
}

/// A file of its own for what has a name elsewhere.
async fn place(folder: &TaskFolder, part: &str, name: &str) -> Result<PathBuf> {
    let parent = folder.given(part);
    tokio::fs::create_dir_all(&parent).await.map_err(|e| Error::io(parent.display(), e))?;
    Ok(parent.join(plain(name)))
}

/// The last part of a path, with nothing that a file system could take amiss.
fn plain(name: &str) -> String {
    let last = name.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
    let tame = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = last.chars().map(tame).collect();
    // the endings tell how to read it
    let skipped = name.len().saturating_sub(NAME_MAX);
    let name = name[skipped..].trim_start_matches('.').to_owned();
    if name.is_empty() { "table".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brought_file_keeps_its_name_and_endings() {
        assert_eq!(plain("s3://bucket/in/adult.csv.gz"), "adult.csv.gz");
        assert_eq!(plain("s3://bucket/in/my table+1.csv"), "my_table_1.csv");
        assert_eq!(plain("https://host/"), "host");
        assert!(plain(&format!("{}.csv.gz", "x".repeat(300))).ends_with(".csv.gz"));
    }

    #[test]
    fn no_name_leaves_its_folder() {
        for wrong in ["..", "s3://b/..", "a/../..", "", "/", ".hidden", "a\\..\\b"] {
            let name = plain(wrong);
            assert!(!name.is_empty() && !name.starts_with('.') && !name.contains('/'), "{wrong:?} became {name:?}");
        }
    }
}
