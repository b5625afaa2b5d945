//! What is asked about objects before they become jobs.

use async_trait::async_trait;
use synthfleet_proto::Result;
use synthfleet_store::foreign::Links;

/// An object as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Length in bytes.
    pub bytes: u64,
    /// Entity tag without quotes.
    pub etag: Option<String>,
    /// Whether we wrote it.
    pub ours: bool,
}

/// Buckets whose events are followed.
///
/// # Errors
/// `Unavailable` while the bucket does not answer, with `source::denied` when it never will; `Data` with
/// `source::refused` when it may not be read.
#[async_trait]
pub trait Objects: Send + Sync {
    /// What an object is, or one version of it; `None`: there is none.
    async fn look(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Option<Seen>>;

    /// The text of a small object; `None`: there is none.
    async fn text(&self, bucket: &str, key: &str, bytes_max: u64) -> Result<Option<String>>;
}

#[async_trait]
impl Objects for Links {
    async fn look(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Option<Seen>> {
        let told = self.describe(bucket, key, version).await?;
        Ok(told.map(|object| Seen {
            bytes: object.bytes,
            etag: object.etag.map(|etag| etag.trim_matches('"').to_owned()),
            ours: object.ours,
        }))
    }

    async fn text(&self, bucket: &str, key: &str, bytes_max: u64) -> Result<Option<String>> {
        self.read_text(bucket, key, bytes_max).await
    }
}
