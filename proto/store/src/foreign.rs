//! What users link to: tables in configured buckets and, where it is allowed, behind `https://`; and
//! their own prefix, to which results are copied. The one place that reads what a stranger names.
//!
//! A link is a claim by somebody who may mean harm. Buckets must be configured, https is off unless
//! hosts are allowed, a name is resolved once, every address it has must be public, and the connection
//! goes to that very address. Lengths, times and rates are bounded; errors show no secrets of a link.

mod address;
mod link;
mod named;
mod object;
mod publish;
mod sink;
mod web;

pub use named::Described;
pub use publish::Placed;
pub use web::fetch_presigned;

use crate::s3::{self, Bucket};
use bytes::Bytes;
use link::Link;
use std::{path::Path, sync::Arc, time::Duration};
use synthfleet_proto::{Error, Result, Seed};
use url::Url;
use web::Web;

/// Which hosts may be read by `https://`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Https {
    /// None.
    #[default]
    Off,
    /// These: `example.org`, or `.example.org` with everything below it.
    Hosts(Vec<String>),
    /// Every public one.
    Any,
}

/// Bounds of one fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes.
    pub bytes_max: u64,
    /// Longest time.
    pub time_max: Duration,
    /// Slowest rate over half a minute, in bytes a second.
    pub rate_min: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes_max: 10 << 30, time_max: Duration::from_secs(30 * 60), rate_min: 64 << 10 }
    }
}

/// Settings of [`Links`].
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Buckets that may be read and written; with a prefix only what lies below it.
    pub buckets: Vec<s3::Settings>,
    /// Hosts that may be read.
    pub https: Https,
    /// Bounds of one fetch.
    pub limits: Limits,
}

/// As what a source was seen; `None`: not told, or not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Length.
    pub bytes: Option<u64>,
    /// Entity tag, with its quotes.
    pub etag: Option<String>,
    /// Version, in buckets that keep versions.
    pub version_id: Option<String>,
}

impl Seen {
    /// Refuses what is no longer as it was expected.
    fn check(&self, expected: &Self, shown: &str) -> Result<()> {
        let differs = |now: &Option<String>, then: &Option<String>| then.is_some() && now != then;
        let length = expected.bytes.is_some() && self.bytes.is_some() && self.bytes != expected.bytes;
        if length || differs(&self.etag, &expected.etag) { Err(changed(shown)) } else { Ok(()) }
    }
}

fn changed(shown: &str) -> Error {
    Error::data("source::changed", format!("{shown} is no longer what it was when the job was submitted")).help("submit the job again")
}

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Length.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// As what it was seen.
    pub seen: Seen,
}

/// Reads links and writes results. Clones share connections.
#[derive(Clone)]
pub struct Links {
    inner: Arc<Inner>,
}

struct Inner {
    buckets: Vec<(Bucket, s3::Settings)>,
    web: Web,
    limits: Limits,
}

impl Links {
    /// Makes ready; nothing is asked yet. `seed` draws the pauses between tries.
    ///
    /// # Errors
    /// `Invalid` when the settings of a bucket cannot be meant.
    pub async fn open(settings: Settings, seed: Seed) -> Result<Self> {
        let mut buckets = Vec::with_capacity(settings.buckets.len());
        for (i, one) in settings.buckets.into_iter().enumerate() {
            buckets.push((s3::connect(&one, seed.index(i as u64)).await?, one));
        }
        let (web, limits) = (Web::new(settings.https), settings.limits);
        Ok(Self { inner: Arc::new(Inner { buckets, web, limits }) })
    }

    /// Whether a source is a link at all: it names a scheme and is not a file of this machine.
    pub fn takes(source: &str) -> bool {
        source.split_once("://").is_some_and(|(scheme, _)| scheme != "file" && scheme.bytes().all(|b| b.is_ascii_alphanumeric()))
    }

    /// Refuses what can never be read, without asking anybody: at the door.
    ///
    /// # Errors
    /// `source::link` for what is no link that is read, `source::refused` for what is not allowed.
    pub fn check(&self, link: &str) -> Result<()> {
        match Link::parse(link)? {
            Link::Object { bucket, key } => self.inner.bucket(&bucket, &key).map(drop),
            Link::Web(url) => self.inner.web.allows(&url),
        }
    }

    /// Refuses places that results can never be written to, without asking anybody: at the door.
    ///
    /// # Errors
    /// `source::link` for what is no place in a bucket, `source::refused` for what is not allowed.
    pub fn check_place(&self, prefix: &str) -> Result<()> {
        publish::check(&self.inner, prefix)
    }

    /// What a link names now. Of `https://` nothing is asked: whoever looks twice may see two things.
    ///
    /// # Errors
    /// As [`Self::check`], and `source::not_found`, `source::denied`, `source::unreachable`.
    pub async fn look(&self, link: &str) -> Result<Seen> {
        match Link::parse(link)? {
            Link::Object { bucket, key } => object::look(self.inner.bucket(&bucket, &key)?, &key, &Seen::default()).await,
            Link::Web(url) => self.inner.web.allows(&url).map(|()| Seen::default()),
        }
    }

    /// Brings what a link names to a file of its own.
    ///
    /// # Errors
    /// As [`Self::look`], and `source::changed` if it is no longer `expected`, `source::too_large`,
    /// `source::too_slow`, `source::redirects`. No file is left behind then.
    pub async fn fetch(&self, link: &str, expected: &Seen, to: &Path) -> Result<Fetched> {
        let limits = &self.inner.limits;
        match Link::parse(link)? {
            Link::Object { bucket, key } => object::fetch(self.inner.bucket(&bucket, &key)?, &key, expected, to, limits).await,
            Link::Web(url) => self.inner.web.fetch(url, expected, to, limits).await,
        }
    }

    /// Refuses addresses that are never called, without asking anybody: at the door.
    ///
    /// # Errors
    /// `source::link` for what is no `https://` address, `source::refused` for what is not allowed.
    pub fn check_call(&self, link: &str) -> Result<()> {
        self.inner.web.allows(&page(link)?)
    }

    /// Calls a page with some bytes, once, and gives the status of its answer: redirects are not followed.
    ///
    /// # Errors
    /// As [`Self::check_call`], and `source::unreachable` if no answer came within ten seconds.
    pub async fn call(&self, link: &str, headers: &[(&str, String)], body: Bytes) -> Result<u16> {
        self.inner.web.post(&page(link)?, headers, body).await
    }

    /// A link that reads an object for some seconds without credentials, for a process that has none:
    /// see [`fetch_presigned`].
    ///
    /// # Errors
    /// As [`Self::check`]; `source::denied` without credentials to sign with.
    pub async fn presign(&self, link: &str, seconds: u32) -> Result<String> {
        match Link::parse(link)? {
            Link::Object { bucket, key } => {
                let bucket = self.inner.bucket(&bucket, &key)?;
                bucket.presign(&key, seconds).await.map_err(|trouble| object::error(trouble, bucket, &key))
            }
            Link::Web(_) => Err(Error::invalid("source::link", "only links to buckets can be signed")),
        }
    }
}

/// The address of a page that is called.
fn page(link: &str) -> Result<Url> {
    match Link::parse(link)? {
        Link::Web(url) => Ok(url),
        Link::Object { .. } => Err(Error::invalid("source::link", "a bucket cannot be called").help("write https://host/path")),
    }
}

impl Inner {
    /// The configured bucket that holds a key.
    fn bucket(&self, name: &str, key: &str) -> Result<&Bucket> {
        let holds = |settings: &s3::Settings| settings.bucket == name && key.starts_with(&settings.root());
        let found = self.buckets.iter().find(|(_, settings)| holds(settings));
        found.map(|(bucket, _)| bucket).ok_or_else(|| {
            let message = match self.buckets.iter().any(|(_, settings)| settings.bucket == name) {
                true => format!("bucket {name} may not be used at this key"),
                false => format!("bucket {name} is not configured"),
            };
            Error::data("source::refused", message).help("ask whoever runs this service to add it to the buckets that may be used")
        })
    }
}

#[cfg(test)]
mod tests;
