//! Tables of this machine go to the server in parts, one of them in memory at a time. A part that is sent twice
//! replaces itself, so that each may be tried again.

use super::{Asked, Client};
use bytes::Bytes;
use hyper::Method;
use hyper::header::{CONTENT_RANGE, CONTENT_TYPE};
use serde_json::{Value, json};
use std::os::fd::AsFd;
use std::path::Path;
use synthfleet_proto::id::Hasher;
use synthfleet_proto::{Error, Result};
use tokio::io::AsyncReadExt;

/// Bytes of a part if the server wishes none.
const PART_BYTES: u64 = 16 << 20;
/// Most bytes of a part, whatever the server wishes: it lies in memory.
const PART_BYTES_MAX: u64 = 64 << 20;

/// A table that is complete on the server.
pub struct Sent {
    /// What a job names: `upload:<id>`.
    pub source: String,
    /// Its length.
    pub bytes: u64,
}

impl Client {
    /// Uploads a file; equal keys are one upload.
    pub async fn upload(&self, path: &Path, key: Option<&str>) -> Result<Sent> {
        let broken = |e| Error::io(path.display(), e);
        let file = tokio::fs::File::open(path).await.map_err(broken)?;
        let about = file.metadata().await.map_err(broken)?;
        if about.is_dir() {
            let error = Error::data("input::unsupported", format!("{} is a folder", path.display()));
            return Err(error.help("name its files, each is a job of its own"));
        }
        let name = path.file_name().map_or_else(|| "table".into(), |name| name.to_string_lossy().into_owned());
        // a pipe has no length that could be announced
        let bytes = about.is_file().then_some(about.len());
        self.upload_from(file, &name, bytes, key).await.map_err(|error| at(error, &path.display().to_string()))
    }

    /// Uploads standard input.
    pub async fn upload_input(&self, key: Option<&str>) -> Result<Sent> {
        let input = std::io::stdin().as_fd().try_clone_to_owned().map_err(|e| Error::io("standard input", e))?;
        let input = tokio::fs::File::from_std(std::fs::File::from(input));
        self.upload_from(input, "table", None, key).await.map_err(|error| at(error, "-"))
    }

    async fn upload_from(&self, mut from: tokio::fs::File, name: &str, bytes: Option<u64>, key: Option<&str>) -> Result<Sent> {
        let begun = self.post_once(&["v1", "uploads"], Some(&json!({ "name": name, "bytes": bytes })), key).await?;
        let id = begun["id"].as_str().ok_or_else(|| unexpected("an upload without an id"))?;
        let part_bytes = begun["part_bytes"].as_u64().unwrap_or(PART_BYTES).clamp(1, PART_BYTES_MAX);
        // an upload of this key that is complete takes nothing more: its bytes are compared
        let complete = key.is_some() && self.get(&["v1", "uploads", id], &[]).await?["complete"] == json!(true);
        let (mut hasher, mut first) = (Hasher::default(), 0);
        loop {
            let mut part = Vec::new();
            (&mut from).take(part_bytes).read_to_end(&mut part).await.map_err(|e| Error::io(name, e))?;
            if part.is_empty() {
                break;
            }
            hasher.add(&part);
            let length = part.len() as u64;
            if !complete {
                self.part(id, first, Bytes::from(part)).await?;
            }
            first += length;
        }
        if first == 0 {
            return Err(Error::data("input::empty", format!("{name} has no bytes")).help("check which file was meant"));
        }
        let done = if complete {
            self.get(&["v1", "uploads", id], &[]).await?
        } else {
            self.post_once(&["v1", "uploads", id, "complete"], None, None).await?
        };
        let sha256 = hasher.hex();
        if done["sha256"].as_str() != Some(sha256.as_str()) {
            return Err(differs(complete));
        }
        Ok(Sent { source: format!("upload:{id}"), bytes: first })
    }

    async fn part(&self, id: &str, first: u64, bytes: Bytes) -> Result<()> {
        let path = ["v1", "uploads", id];
        let range = format!("bytes {first}-{}/*", first + bytes.len() as u64 - 1);
        let asked = Asked::new(Method::PUT, &path).header(CONTENT_RANGE, &range)?.header(CONTENT_TYPE, "application/octet-stream")?;
        self.send(Asked { body: bytes, ..asked }).await.map(|_| ())
    }
}

fn at(error: Error, place: &str) -> Error {
    if error.place().source.is_none() { error.in_source(place) } else { error }
}

fn unexpected(what: &str) -> Error {
    Error::unavailable("client::foreign_answer", format!("the server answered with {what}")).help("check that both are of one version")
}

fn differs(earlier: bool) -> Error {
    if earlier {
        let error = Error::invalid("upload::key_reused", "this idempotency key belongs to another upload");
        return error.help("give the key of the earlier submission only with its files");
    }
    Error::unavailable("client::corrupt", "the server has other bytes than were sent").help("send the file again")
}

/// A metadata file travels inside of the job.
pub fn document(path: &str) -> Result<Value> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
    serde_json::from_str(&text)
        .map_err(|e| Error::data("metadata::syntax", e.to_string()).in_source(path).help("metadata are a JSON document"))
}
