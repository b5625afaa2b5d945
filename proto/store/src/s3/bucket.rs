//! One request each: what a bucket can be asked, in our own shapes. Nothing is tried again but by
//! [`Bucket::again`].

use super::{
    Trouble,
    ages::{Date, between},
};
use crate::pause::{CONFLICTS_MAX, Pauses};
use aws_sdk_s3::{
    Client,
    presigning::PresigningConfig,
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use bytes::Bytes;
use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// How long an answer may take before its first bytes are reckoned.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// The slowest transfer that is waited for, in bytes a second.
const RATE_MIN: u64 = 256 << 10;

/// What goes with an object that is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Headers {
    /// Metadata by name.
    pub(crate) metadata: BTreeMap<&'static str, String>,
    /// Type of the content.
    pub(crate) content_type: Option<&'static str>,
    /// Only if nothing is there.
    pub(crate) absent: bool,
}

impl Headers {
    /// Metadata alone.
    pub(crate) fn of<const N: usize>(metadata: [(&'static str, String); N]) -> Self {
        Self { metadata: metadata.into(), ..Self::default() }
    }

    fn metadata(&self) -> Option<HashMap<String, String>> {
        Some(self.metadata.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }
}

/// What a bucket says of an object.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// The bytes that were asked for; none after a HEAD.
    pub(crate) bytes: Bytes,
    /// Length of the whole object.
    pub(crate) length: u64,
    /// Entity tag, with its quotes; empty: not told.
    pub(crate) etag: String,
    /// Version, in buckets that keep versions.
    pub(crate) version: Option<String>,
    /// Metadata by name.
    pub(crate) metadata: HashMap<String, String>,
    /// Age by the server's clock, if it tells dates.
    pub(crate) age: Option<Duration>,
}

/// One object of a list.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) key: String,
    pub(crate) length: u64,
    pub(crate) etag: String,
    pub(crate) age: Option<Duration>,
}

/// A part that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) number: i32,
    pub(crate) etag: String,
}

/// Which object, and as which it must still be.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pinned<'a> {
    /// Entity tag that it must have.
    pub(crate) etag: Option<&'a str>,
    /// Version to read.
    pub(crate) version: Option<&'a str>,
}

/// A bucket that can be asked. Clones share its connections.
#[derive(Clone)]
pub(crate) struct Bucket {
    client: Client,
    name: String,
    deadline: Duration,
    pauses: Arc<Pauses>,
}

impl Bucket {
    pub(super) fn new(client: Client, name: String, deadline: Duration, pauses: Arc<Pauses>) -> Self {
        Self { client, name, deadline, pauses }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Tries again while it may help: 409 ten times, anything that passes until the deadline.
    pub(crate) async fn again<T, F: Future<Output = Result<T, Trouble>> + Send>(
        &self,
        mut work: impl FnMut() -> F + Send,
    ) -> Result<T, Trouble> {
        let begun = Instant::now();
        let (mut tries, mut conflicts) = (0, 0);
        loop {
            match work().await {
                Err(Trouble::Conflict) if conflicts + 1 < CONFLICTS_MAX => conflicts += 1,
                Err(Trouble::Busy(_)) if begun.elapsed() < self.deadline => {}
                done => return done,
            }
            tokio::time::sleep(self.pauses.after(tries)).await;
            tries += 1;
        }
    }

    /// Waits for an answer that moves that many bytes.
    async fn within<T>(&self, bytes: u64, work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
        let most = ANSWER_MAX.min(self.deadline) + Duration::from_secs(bytes / RATE_MIN);
        let waited = tokio::time::timeout(most, work).await;
        waited.unwrap_or_else(|_| Err(Trouble::Busy(format!("no answer in {} s", most.as_secs()))))
    }

    /// Writes an object; its entity tag.
    pub(crate) async fn put(&self, key: &str, bytes: Bytes, headers: &Headers) -> Result<String, Trouble> {
        let length = bytes.len() as u64;
        let request = self.client.put_object().bucket(&self.name).key(key).body(ByteStream::from(bytes));
        let request = request
            .set_metadata(headers.metadata())
            .set_content_type(headers.content_type.map(str::to_owned))
            .set_if_none_match(headers.absent.then(|| "*".to_owned()));
        let send = async { request.send().await.map_err(|error| Trouble::of(&error)) };
        Ok(self.within(length, send).await?.e_tag.unwrap_or_default())
    }

    /// Reads an object or a range of it, which must not be empty.
    pub(crate) async fn get(&self, key: &str, range: Option<&Range<u64>>, pinned: Pinned<'_>) -> Result<Found, Trouble> {
        let date = Date::default();
        let request = self.client.get_object().bucket(&self.name).key(key);
        let request = request
            .set_range(range.map(|range| format!("bytes={}-{}", range.start, range.end - 1)))
            .set_if_match(pinned.etag.map(str::to_owned))
            .set_version_id(pinned.version.map(str::to_owned));
        let send = async { request.customize().interceptor(date.clone()).send().await.map_err(|error| Trouble::of(&error)) };
        let output = self.within(0, send).await?;
        let promised = output.content_length.and_then(|length| u64::try_from(length).ok());
        let read = async { output.body.collect().await.map_err(|error| Trouble::Busy(format!("the answer broke off: {error}"))) };
        let bytes = self.within(promised.unwrap_or(0), read).await?.into_bytes();
        let whole = output.content_range.as_deref().and_then(|range| range.rsplit_once('/')?.1.parse().ok());
        Ok(Found {
            length: whole.unwrap_or(bytes.len() as u64),
            bytes,
            etag: output.e_tag.unwrap_or_default(),
            version: output.version_id,
            metadata: output.metadata.unwrap_or_default(),
            age: between(output.last_modified, date.told()),
        })
    }

    /// What the bucket says of an object.
    pub(crate) async fn head(&self, key: &str, pinned: Pinned<'_>) -> Result<Found, Trouble> {
        let date = Date::default();
        let request = self.client.head_object().bucket(&self.name).key(key).set_version_id(pinned.version.map(str::to_owned));
        let request = request.set_if_match(pinned.etag.map(str::to_owned));
        let send = async { request.customize().interceptor(date.clone()).send().await.map_err(|error| Trouble::of(&error)) };
        let output = self.within(0, send).await?;
        Ok(Found {
            bytes: Bytes::new(),
            length: output.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or_default(),
            etag: output.e_tag.unwrap_or_default(),
            version: output.version_id,
            metadata: output.metadata.unwrap_or_default(),
            age: between(output.last_modified, date.told()),
        })
    }

    /// Up to `limit` objects after `after`, and whether there are more.
    pub(crate) async fn list(&self, prefix: &str, after: &str, limit: u16) -> Result<(Vec<Listed>, bool), Trouble> {
        let date = Date::default();
        let request = self.client.list_objects_v2().bucket(&self.name).prefix(prefix).max_keys(limit.into());
        let request = request.set_start_after((!after.is_empty()).then(|| after.to_owned()));
        let send = async { request.customize().interceptor(date.clone()).send().await.map_err(|error| Trouble::of(&error)) };
        let output = self.within(0, send).await?;
        let told = date.told();
        let listed = output.contents.unwrap_or_default().into_iter().filter_map(|object| {
            Some(Listed {
                key: object.key?,
                length: object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
                etag: object.e_tag.unwrap_or_default(),
                age: between(object.last_modified, told),
            })
        });
        Ok((listed.collect(), output.is_truncated.unwrap_or_default()))
    }

    /// Removes an object; absent ones are fine.
    pub(crate) async fn delete(&self, key: &str) -> Result<(), Trouble> {
        let send = async { self.client.delete_object().bucket(&self.name).key(key).send().await.map_err(|error| Trouble::of(&error)) };
        match self.within(0, send).await {
            Ok(_) | Err(Trouble::Absent) => Ok(()),
            Err(trouble) => Err(trouble),
        }
    }

    /// Copies an object of this bucket with its metadata, on the server's side.
    pub(crate) async fn copy(&self, from: &str, to: &str, length: u64) -> Result<(), Trouble> {
        let request = self.client.copy_object().bucket(&self.name).key(to).copy_source(self.source(from));
        let send = async { request.send().await.map_err(|error| Trouble::of(&error)) };
        self.within(length, send).await.map(drop)
    }

    /// Begins an upload in parts; its id.
    pub(crate) async fn begin(&self, key: &str, headers: &Headers) -> Result<String, Trouble> {
        let request = self.client.create_multipart_upload().bucket(&self.name).key(key);
        let request = request.set_metadata(headers.metadata()).set_content_type(headers.content_type.map(str::to_owned));
        let send = async { request.send().await.map_err(|error| Trouble::of(&error)) };
        let output = self.within(0, send).await?;
        output.upload_id.ok_or_else(|| Trouble::Refused("the server named no upload".to_owned()))
    }

    /// Sends a part.
    pub(crate) async fn part(&self, key: &str, upload: &str, number: i32, bytes: Bytes) -> Result<Part, Trouble> {
        let length = bytes.len() as u64;
        let request = self.client.upload_part().bucket(&self.name).key(key).upload_id(upload).part_number(number);
        let send = async { request.body(ByteStream::from(bytes)).send().await.map_err(|error| Trouble::of(&error)) };
        Ok(Part { number, etag: self.within(length, send).await?.e_tag.unwrap_or_default() })
    }

    /// Copies a range of an object of this bucket as a part, on the server's side.
    pub(crate) async fn part_copy(&self, key: &str, upload: &str, number: i32, from: (&str, Range<u64>)) -> Result<Part, Trouble> {
        let (source, range) = from;
        let request = self.client.upload_part_copy().bucket(&self.name).key(key).upload_id(upload).part_number(number);
        let request = request.copy_source(self.source(source));
        let request = request.copy_source_range(format!("bytes={}-{}", range.start, range.end - 1));
        let send = async { request.send().await.map_err(|error| Trouble::of(&error)) };
        let output = self.within(range.end - range.start, send).await?;
        let etag = output.copy_part_result.and_then(|result| result.e_tag);
        Ok(Part { number, etag: etag.unwrap_or_default() })
    }

    /// Joins the parts of an upload.
    pub(crate) async fn complete(&self, key: &str, upload: &str, parts: &[Part], absent: bool) -> Result<(), Trouble> {
        let parts = parts.iter().map(|part| CompletedPart::builder().part_number(part.number).e_tag(&part.etag).build());
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let request = self.client.complete_multipart_upload().bucket(&self.name).key(key).upload_id(upload).multipart_upload(parts);
        let request = request.set_if_none_match(absent.then(|| "*".to_owned()));
        let send = async { request.send().await.map_err(|error| Trouble::of(&error)) };
        // joining takes a server up to minutes
        self.within(RATE_MIN * 60, send).await.map(drop)
    }

    /// Throws the parts of an upload away; unknown ones are fine.
    pub(crate) async fn abort(&self, key: &str, upload: &str) -> Result<(), Trouble> {
        let request = self.client.abort_multipart_upload().bucket(&self.name).key(key).upload_id(upload);
        let send = async { request.send().await.map_err(|error| Trouble::of(&error)) };
        match self.within(0, send).await {
            Ok(_) | Err(Trouble::NoUpload | Trouble::Absent) => Ok(()),
            Err(trouble) => Err(trouble),
        }
    }

    /// A link that reads an object for some seconds.
    pub(crate) async fn presign(&self, key: &str, seconds: u32) -> Result<String, Trouble> {
        let refused = |error: &dyn std::error::Error| Trouble::Refused(error.to_string());
        let lasting = PresigningConfig::expires_in(Duration::from_secs(seconds.into())).map_err(|error| refused(&error))?;
        let signed = self.client.get_object().bucket(&self.name).key(key).presigned(lasting).await;
        Ok(signed.map_err(|error| Trouble::of(&error))?.uri().to_owned())
    }

    /// The name of an object as the source of a copy.
    fn source(&self, key: &str) -> String {
        let mut text = format!("{}/", self.name);
        for byte in key.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~') {
                text.push(char::from(byte));
            } else {
                text.push_str(&format!("%{byte:02X}"));
            }
        }
        text
    }
}
