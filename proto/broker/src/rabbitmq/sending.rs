//! Sending, and what a failure to send means for the session.

use super::{fault::fault, live::Live, publisher::Sent, session::Session};
use crate::contract::check_size;
use crate::topology::Queue;
use lapin::BasicProperties;
use std::sync::atomic::Ordering;
use synthfleet_proto::{Error, Result};

/// A message with its address.
pub(super) struct Letter<'a> {
    pub exchange: &'a str,
    pub key: &'a str,
    /// The queue that must take it and can be made when it is missing; none for queues that others own.
    pub queue: Option<Queue>,
    pub properties: BasicProperties,
    pub body: &'a [u8],
}

impl Session {
    /// Sends a message; `Ok` says that the broker has it.
    pub async fn send(&self, letter: Letter<'_>) -> Result<()> {
        check_size(letter.body)?;
        let live = self.live_within(self.options.times.answer).await?;
        if self.counters.blocked.load(Ordering::Relaxed) {
            return Err(Error::unavailable("broker::unavailable", "the broker is short of memory or disk and takes no messages")
                .in_source(&self.place)
                .help("free memory or disk on the broker, or take messages from it"));
        }
        let to = format!("{} {}", letter.exchange, letter.key);
        match self.send_over(&live, letter).await {
            Sent::Confirmed => Ok(()),
            Sent::Returned => Err(Error::unavailable("broker::unroutable", format!("no queue takes what is sent to {}", to.trim()))),
            Sent::Refused => Err(Error::unavailable("broker::rejected", format!("the queue behind {} is full", to.trim()))),
            Sent::Silent => Err(super::fault::silent(&self.place, "send a message")),
            Sent::Failed(error) => Err(fault(&self.place, "send a message", error)),
        }
    }

    /// Sends over one life. A queue of ours that is missing is looked for and, where that is allowed,
    /// made; anything that the channel cannot survive ends the life.
    pub async fn send_over(&self, live: &Live, letter: Letter<'_>) -> Sent {
        let Letter { exchange, key, queue, properties, body } = letter;
        let time = self.options.times.answer;
        let mut sent = live.publisher.send((exchange, key), properties.clone(), body, time).await;
        if let (Sent::Returned, Some(queue)) = (&sent, &queue) {
            live.forget(queue);
            match live.ensure(queue, &self.options).await {
                Ok(()) => sent = live.publisher.send((exchange, key), properties, body, time).await,
                Err(error) => tracing::error!(code = error.code(), queue = queue.name, "a queue of the topology is missing"),
            }
        }
        match &sent {
            Sent::Confirmed => live.good(),
            // while an alarm lasts, silence is what the broker promises
            Sent::Silent if !self.counters.blocked.load(Ordering::Relaxed) => live.end("no confirmation in time"),
            Sent::Failed(error) => live.end(error.to_string()),
            _ => {}
        }
        sent
    }
}
