//! A queue that others fill with notifications of bucket events, as it is.

use super::service::{BATCH_MAX, Letter, Service};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};
use synthfleet_proto::Result;

/// One message, held until it is deleted or its time is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketEvent {
    /// The text.
    pub body: String,
    /// What it is named by.
    pub receipt: String,
    /// How often it was received, this time included.
    pub receives: u32,
    /// When it was first received, in milliseconds since 1970, where the service tells it.
    pub first_received: Option<i64>,
}

/// A source of notifications. At least once, in no order.
///
/// # Errors
/// `Unavailable` when the service does not answer. A message that went back meanwhile is no error.
#[async_trait]
pub trait BucketEvents: Send + Sync {
    /// Waits a while for messages, each hidden from others for `hidden`; may give none.
    async fn receive(&self, most: usize, hidden: Duration) -> Result<Vec<BucketEvent>>;

    /// Hides a held message for so long from now on; 0 gives it back.
    async fn hide(&self, event: &BucketEvent, time: Duration) -> Result<()>;

    /// Forgets a held message.
    async fn delete(&self, event: &BucketEvent) -> Result<()>;
}

/// Longest wait for messages.
const WAIT: Duration = Duration::from_secs(20);

/// One queue of a queue service.
#[derive(Clone)]
pub struct SqsEvents {
    service: Arc<dyn Service>,
    queue: String,
}

impl SqsEvents {
    /// The queue at an address, for example `https://sqs.eu-central-1.amazonaws.com/123456789012/uploads`.
    pub fn new(service: Arc<dyn Service>, queue: &str) -> Self {
        Self { service, queue: queue.to_owned() }
    }

    /// Puts a notification into the queue: for tests and for tools that replay events.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn send(&self, body: &str) -> Result<()> {
        self.service.send(&self.queue, &Letter { body: body.to_owned(), ..Letter::default() }, Duration::ZERO).await
    }
}

#[async_trait]
impl BucketEvents for SqsEvents {
    async fn receive(&self, most: usize, hidden: Duration) -> Result<Vec<BucketEvent>> {
        let received = self.service.receive(&self.queue, most.clamp(1, BATCH_MAX), WAIT, hidden).await?;
        let event = |one: super::Received| BucketEvent {
            body: one.letter.body,
            receipt: one.receipt,
            receives: one.receives,
            first_received: one.first_received,
        };
        Ok(received.into_iter().map(event).collect())
    }

    async fn hide(&self, event: &BucketEvent, time: Duration) -> Result<()> {
        self.service.hide(&self.queue, &event.receipt, time).await
    }

    async fn delete(&self, event: &BucketEvent) -> Result<()> {
        self.service.delete(&self.queue, &event.receipt).await
    }
}
