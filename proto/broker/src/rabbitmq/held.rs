//! Deliveries between being taken and being settled, each with the channel that it came on.

use super::{
    gauges::count,
    live::Live,
    publisher::Sent,
    sending::Letter,
    session::Session,
    words::{self, Mark},
};
use crate::topology::{self, Queue, return_key};
use crate::{Settle, Unsettled, Wait};
use lapin::options::{BasicAckOptions, BasicNackOptions};
use lapin::{Acker, BasicProperties, Channel};
use std::sync::Arc;
use synthfleet_proto::Result;

/// One unsettled delivery.
pub(super) struct Held {
    pub live: Arc<Live>,
    /// The slot's channel; it serves nobody else before the verb.
    pub channel: Channel,
    pub acker: Acker,
    pub raw: BasicProperties,
    pub queue: Queue,
}

impl Unsettled for Session {
    fn dropped(&self, tag: u64) {
        if let Some(held) = self.release(tag) {
            let counters = Arc::clone(&self.counters);
            self.runtime.spawn(async move {
                if !held.requeue().await {
                    count(&counters.late_verbs);
                }
            });
        }
    }
}

impl Held {
    /// Carries out a verb. What was on its way when the connection broke has gone back already, which
    /// is no error.
    pub async fn settle(self, session: &Session, body: &[u8], verb: Settle) -> Result<()> {
        let done = match verb {
            Settle::Ack => self.ack().await,
            Settle::Requeue => self.requeue().await,
            Settle::Park(wait) => self.park(session, body, wait).await,
            Settle::Bury(reason) => self.bury(session, body, &reason).await,
        };
        if !done {
            count(&session.counters.late_verbs);
            tracing::info!("a verb came after its delivery had gone back");
        }
        Ok(())
    }

    async fn ack(self) -> bool {
        let done = matches!(self.acker.ack(BasicAckOptions::default()).await, Ok(true));
        self.live.rest(self.channel);
        done
    }

    pub async fn requeue(self) -> bool {
        let options = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
        let done = matches!(self.acker.nack(options).await, Ok(true));
        self.live.rest(self.channel);
        done
    }

    /// A confirmed copy waits, then the original goes. Without a copy the original goes back instead.
    async fn park(self, session: &Session, body: &[u8], wait: Wait) -> bool {
        let Some(key) = return_key(&self.queue).map(str::to_owned) else { return self.requeue().await };
        let (exchange, queue) = (topology::wait_exchange(wait), Some(Queue::wait(wait)));
        let letter = Letter { exchange, key: &key, queue, properties: words::copy(&self.raw, Mark::Parked), body };
        self.move_to(session, letter).await
    }

    async fn bury(self, session: &Session, body: &[u8], reason: &str) -> bool {
        let key = self.queue.name.clone();
        let properties = words::copy(&self.raw, Mark::Buried(reason));
        let letter = Letter { exchange: topology::DEAD, key: &key, queue: Some(Queue::dead()), properties, body };
        self.move_to(session, letter).await
    }

    async fn move_to(self, session: &Session, letter: Letter<'_>) -> bool {
        if !self.acker.usable() {
            // it is in its queue again: a copy would double it
            return false;
        }
        match session.send_over(&self.live, letter).await {
            Sent::Confirmed => self.ack().await,
            _ => self.requeue().await,
        }
    }
}
