//! Keys of the store. The type of a key fixes its verbs: a [`FactKey`] is only ever created, a
//! [`MarkerKey`] may be put again, a [`DataKey`] is uploaded once below its attempt.
//!
//! Keys are built here and nowhere else. Grammar: segments `[a-z0-9][a-z0-9_.~-]{0,95}` joined by
//! `/`, at most 12 segments and 512 bytes. No cell value, column name or file name of a user is ever
//! part of one.

mod door;
mod fleet;
mod job;
mod named;

pub use door::{token, tokens, upload_begun, upload_data, upload_done, upload_part, upload_parts};
pub use fleet::{
    about, abouts, calls, coordinator, coordinators, dead, dead_prefix, jobs_of, live, live_of, live_prefix, pool, pool_documents, pools,
    reuse, worker, workers,
};
pub use job::{AttemptKeys, JobKeys};
pub use named::Named;

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Longest key in bytes.
pub const BYTES_MAX: usize = 512;
/// Most segments of a key.
pub const SEGMENTS_MAX: usize = 12;
/// Longest segment in bytes.
pub const SEGMENT_BYTES_MAX: usize = 96;

/// Any legal key. Clones share the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(Arc<str>);

impl Key {
    /// Reads a key; refuses whatever the grammar does not allow.
    pub fn parse(text: &str) -> Result<Self> {
        check(text)?;
        Ok(Self(text.into()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments in order.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The last segment.
    pub fn last(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// What the key names, if it is one of the table of facts, markers and data.
    pub fn named(&self) -> Option<Named<'_>> {
        Named::of(&self.0)
    }
}

impl TryFrom<String> for Key {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        check(&text)?;
        Ok(Self(text.into()))
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.as_str().to_owned()
    }
}

impl std::borrow::Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! typed {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name(Key);

            impl $name {
                fn build(text: String) -> Result<Self> {
                    Key::try_from(text).map(Self)
                }

                /// The key without its type.
                pub fn key(&self) -> &Key {
                    &self.0
                }

                /// The key as text.
                pub fn as_str(&self) -> &str {
                    self.0.as_str()
                }
            }

            impl std::ops::Deref for $name {
                type Target = Key;

                fn deref(&self) -> &Key {
                    &self.0
                }
            }

            impl From<$name> for Key {
                fn from(key: $name) -> Key {
                    key.0
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(f)
                }
            }
        )*
    };
}

typed! {
    /// A write-once object: the store can create it, never change it.
    FactKey,
    /// A lease, a live marker or a document of the fleet: may be put again and deleted.
    MarkerKey,
    /// A file of an attempt, an upload or a publication: uploaded whole, invisible before it is complete.
    DataKey,
}

/// The start of some keys: whole segments and a slash, or a slash-free part of the last segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// Every key of the store.
    pub const fn all() -> Self {
        Self(String::new())
    }

    fn build(text: String) -> Result<Self> {
        check(text.trim_end_matches('/'))?;
        Ok(Self(text))
    }

    /// The prefix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks the grammar of a whole key.
fn check(text: &str) -> Result<()> {
    let illegal = |why: String| Err(Error::invalid("key::illegal", why));
    if text.len() > BYTES_MAX {
        return illegal(format!("key of {} bytes, at most {BYTES_MAX}", text.len()));
    }
    let segments = text.split('/').count();
    if segments > SEGMENTS_MAX {
        return illegal(format!("key of {segments} segments, at most {SEGMENTS_MAX}"));
    }
    match text.split('/').find(|segment| !is_segment(segment)) {
        Some(segment) => illegal(format!("{segment:?} cannot be part of a key")),
        None => Ok(()),
    }
}

/// Whether some text is a legal segment.
fn is_segment(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let mut bytes = text.bytes();
    text.len() <= SEGMENT_BYTES_MAX && bytes.next().is_some_and(plain) && bytes.all(|b| plain(b) || matches!(b, b'_' | b'.' | b'~' | b'-'))
}

/// Checks a part that must not contain a slash, because it comes from outside this module.
fn segment<'a>(what: &str, text: &'a str) -> Result<&'a str> {
    if is_segment(text) { Ok(text) } else { Err(Error::invalid("key::illegal", format!("{what} {text:?} cannot be part of a key"))) }
}

#[cfg(test)]
mod tests;
