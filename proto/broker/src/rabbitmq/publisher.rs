//! Sending so that the answer is known: confirmed, or returned because no queue took it.

use super::gauges::{Counters, count};
use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Channel, Confirmation};
use std::sync::{Arc, atomic::Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Messages that may be on their way at once.
const WINDOW: usize = 256;

/// One confirming channel.
pub(super) struct Publisher {
    channel: Channel,
    window: Semaphore,
    counters: Arc<Counters>,
}

/// What became of a message.
pub(super) enum Sent {
    /// The broker has it, on disk if it is persistent.
    Confirmed,
    /// No queue took it.
    Returned,
    /// A queue refused it.
    Refused,
    /// Nobody answered in time.
    Silent,
    /// The channel or the connection is gone.
    Failed(lapin::Error),
}

impl Publisher {
    pub fn new(channel: Channel, counters: Arc<Counters>) -> Self {
        Self { channel, window: Semaphore::new(WINDOW), counters }
    }

    /// Sends and waits for the answer.
    pub async fn send(&self, to: (&str, &str), properties: BasicProperties, body: &[u8], time: Duration) -> Sent {
        let _unconfirmed = Unconfirmed::one(&self.counters);
        match timeout(time, self.confirmed(to, properties, body)).await {
            Err(_) => {
                count(&self.counters.silent);
                Sent::Silent
            }
            Ok(Err(error)) => Sent::Failed(error),
            // without `mandatory` a message that no queue takes would be confirmed like any other
            Ok(Ok(Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)))) => {
                count(&self.counters.returned);
                Sent::Returned
            }
            Ok(Ok(Confirmation::Nack(None))) => {
                count(&self.counters.refused);
                Sent::Refused
            }
            Ok(Ok(Confirmation::Ack(None) | Confirmation::NotRequested)) => Sent::Confirmed,
        }
    }

    async fn confirmed(&self, (exchange, key): (&str, &str), properties: BasicProperties, body: &[u8]) -> lapin::Result<Confirmation> {
        // the semaphore is never closed
        let _place = self.window.acquire().await;
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        self.channel.basic_publish(exchange.into(), key.into(), options, body, properties).await?.await
    }
}

/// Counts a message while its answer is awaited, also when nobody waits any more.
struct Unconfirmed<'a>(&'a Counters);

impl<'a> Unconfirmed<'a> {
    fn one(counters: &'a Counters) -> Self {
        counters.unconfirmed.fetch_add(1, Ordering::Relaxed);
        Self(counters)
    }
}

impl Drop for Unconfirmed<'_> {
    fn drop(&mut self) {
        self.0.unconfirmed.fetch_sub(1, Ordering::Relaxed);
    }
}
