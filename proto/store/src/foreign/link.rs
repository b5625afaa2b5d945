//! The form of a link: what is read at all, before anything is asked.

use crate::s3::split;
use synthfleet_proto::{Error, Result};
use url::Url;

/// Longest link in bytes.
const BYTES_MAX: usize = 2_048;

/// A link that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Link {
    /// An object of a bucket.
    Object {
        /// Name of the bucket.
        bucket: String,
        /// Key, as it is: nothing in it is decoded.
        key: String,
    },
    /// A file behind `https://`, at port 443, without user.
    Web(Url),
}

fn wrong(what: impl Into<String>) -> Error {
    Error::invalid("source::link", what).help("write s3://bucket/key or https://host/path")
}

impl Link {
    /// Reads a link.
    pub(super) fn parse(text: &str) -> Result<Self> {
        if text.len() > BYTES_MAX {
            return Err(wrong(format!("the link has {} bytes, at most {BYTES_MAX}", text.len())));
        }
        if text.starts_with("s3://") {
            let (bucket, key) = split(text).ok_or_else(|| wrong("the link does not name a bucket"))?;
            if key.is_empty() || key.ends_with('/') || key.contains(char::is_control) {
                return Err(wrong("the link names a bucket or a folder, not an object"));
            }
            return Ok(Self::Object { bucket: bucket.to_owned(), key: key.to_owned() });
        }
        // what parsers of links disagree about is refused before one of them decides
        if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(wrong("the link holds spaces, backslashes or control characters"));
        }
        let url = Url::parse(text).map_err(|error| wrong(format!("the link cannot be read: {error}")))?;
        check(&url)?;
        Ok(Self::Web(url))
    }
}

/// What holds for every link that is followed, those of redirects too.
pub(super) fn check(url: &Url) -> Result<()> {
    if url.scheme() != "https" {
        return Err(wrong(format!("links that begin with {}: are not read", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("the link holds a user or a password"));
    }
    if url.port().is_some() {
        return Err(wrong("the link names a port of its own"));
    }
    if url.host().is_none() {
        return Err(wrong("the link names no host"));
    }
    Ok(())
}

/// A link as messages may show it: without user, password, query and fragment, which may be secrets.
pub(super) fn shown(url: &Url) -> String {
    let hidden = if url.query().is_some() { "?.." } else { "" };
    format!("{}://{}{}{hidden}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}
