//! A message in the hands of its taker.

use crate::Properties;
use bytes::Bytes;
use std::sync::Arc;

/// Where an unsettled delivery returns to.
pub trait Unsettled: Send + Sync {
    /// The delivery with this tag was dropped without a verb: requeue it.
    fn dropped(&self, tag: u64);
}

/// One message. Dropping it unsettled returns it to its queue.
pub struct Delivery {
    body: Bytes,
    redelivered: bool,
    reason: Option<String>,
    properties: Option<Arc<Properties>>,
    tag: u64,
    home: Option<Arc<dyn Unsettled>>,
}

impl Delivery {
    /// A delivery that returns to `home` unless it is settled.
    pub fn new(body: Bytes, redelivered: bool, tag: u64, home: Arc<dyn Unsettled>) -> Self {
        Self { body, redelivered, reason: None, properties: None, tag, home: Some(home) }
    }

    /// Adds why it was buried.
    #[must_use]
    pub fn buried(mut self, reason: Option<String>) -> Self {
        self.reason = reason;
        self
    }

    /// Adds what it says beside its body.
    #[must_use]
    pub fn with(mut self, properties: Option<Arc<Properties>>) -> Self {
        self.properties = properties;
        self
    }

    /// The bytes.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Whether it may have been seen before.
    pub fn redelivered(&self) -> bool {
        self.redelivered
    }

    /// Why it was buried, for deliveries of [`crate::Inbox::Dead`].
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// What it says beside its body; [`Properties::NONE`] if nothing.
    pub fn properties(&self) -> &Properties {
        self.properties.as_deref().unwrap_or(Properties::NONE)
    }

    /// The same to share, for wrappers and copies.
    pub fn shared_properties(&self) -> Option<Arc<Properties>> {
        self.properties.clone()
    }

    /// The broker's number for it.
    pub fn tag(&self) -> u64 {
        self.tag
    }

    /// Takes the number and gives up the return on drop: for brokers, when they settle it.
    pub fn into_tag(mut self) -> u64 {
        self.home = None;
        self.tag
    }
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery").field("tag", &self.tag).field("bytes", &self.body.len()).field("redelivered", &self.redelivered).finish()
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            home.dropped(self.tag);
        }
    }
}
