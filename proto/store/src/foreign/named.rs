//! Objects that an event names by bucket and key, as they are: nothing in a key is decoded.

use super::{Links, object};
use crate::s3::{Pinned, Trouble};
use synthfleet_proto::{Error, Result};

/// Metadata that names the job that wrote an object. Objects that have it never start jobs.
pub(super) const JOB: &str = "synthfleet-job";

/// What an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Length.
    pub bytes: u64,
    /// Entity tag, with its quotes.
    pub etag: Option<String>,
    /// Whether a job of ours wrote it.
    pub ours: bool,
}

impl Links {
    /// What an object or one version of it is; `None`: there is none.
    ///
    /// # Errors
    /// `source::refused` for buckets that are not configured, `source::denied`, `source::unreachable`.
    pub async fn describe(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Option<Described>> {
        let bucket = self.inner.bucket(bucket, key)?;
        match bucket.again(|| bucket.head(key, Pinned { etag: None, version })).await {
            Ok(found) => Ok(Some(Described {
                bytes: found.length,
                etag: Some(found.etag).filter(|etag| !etag.is_empty()),
                ours: found.metadata.contains_key(JOB),
            })),
            Err(Trouble::Absent | Trouble::NoBucket) => Ok(None),
            Err(trouble) => Err(object::error(trouble, bucket, key)),
        }
    }

    /// The text of a small object; `None`: there is none.
    ///
    /// # Errors
    /// As [`Self::describe`]; `source::too_large` beyond `bytes_max`, `source::not_text` for bytes that are
    /// not UTF-8.
    pub async fn read_text(&self, bucket: &str, key: &str, bytes_max: u64) -> Result<Option<String>> {
        let found = self.inner.bucket(bucket, key)?;
        let range = 0..bytes_max + 1;
        let bytes = match found.again(|| found.get(key, Some(&range), Pinned::default())).await {
            Ok(got) => got.bytes,
            Err(Trouble::Absent | Trouble::NoBucket) => return Ok(None),
            // an empty object has no first byte
            Err(Trouble::OutOfRange) => return Ok(Some(String::new())),
            Err(trouble) => return Err(object::error(trouble, found, key)),
        };
        let shown = format!("s3://{bucket}/{key}");
        if bytes.len() as u64 > bytes_max {
            return Err(Error::data("source::too_large", format!("{shown} has more than {bytes_max} bytes")));
        }
        let text = String::from_utf8(bytes.to_vec());
        text.map(Some).map_err(|_| Error::data("source::not_text", format!("{shown} is not UTF-8 text")))
    }
}
