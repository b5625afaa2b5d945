//! RabbitMQ: one session per process with its own supervisor, one channel per slot, confirmed and
//! mandatory publishing. The client library's own recovery is off: it cannot restore channels, and a
//! supervisor is needed anyway.

mod declare;
mod depth;
mod fault;
mod gauges;
mod held;
mod live;
mod management;
mod options;
mod probe;
mod prune;
mod publisher;
mod sending;
mod server;
mod session;
mod suspects;
mod taker;
mod topics;
mod words;

pub use gauges::Gauges;
pub use management::{Management, QueueSeen, queues};
pub use options::{Declare, Options, Times, Tls};
pub use probe::{Probed, probe};
pub use prune::{Pruned, prune};
pub use server::{Server, server};

use crate::contract::check_size;
use crate::topology::{self, Queue};
use crate::{Broker, Delivery, Depth, Health, Inbox, Line, Listener, Properties, Route, Settle, Topic};
use async_trait::async_trait;
use live::lock;
use management::Figures;
use sending::Letter;
use session::Session;
use std::sync::{Arc, atomic::Ordering};
use std::time::Duration;
use synthfleet_proto::Result;

/// Without a good answer for so long the broker does not count as ready.
const STALE: Duration = Duration::from_secs(45);

/// A session with a RabbitMQ broker. Dropping it closes the connections; what was not settled goes back.
pub struct RabbitMq {
    session: Arc<Session>,
    figures: Option<Figures>,
}

impl RabbitMq {
    /// Starts a session on the runtime that calls. It connects by itself, for as long as it takes, and
    /// again whenever the connection is lost; until then messages are refused and takers wait.
    ///
    /// # Errors
    /// `broker::address` when the address cannot be read.
    pub fn start(options: Options) -> Result<Self> {
        let host = options.virtual_host()?;
        let figures = options.management.clone().map(|management| Figures::new(management, host));
        Ok(Self { session: Session::start(options)?, figures })
    }

    /// Starts a session and waits until it is ready.
    ///
    /// # Errors
    /// After `tries` failed tries the cause of the last: `broker::denied`, `broker::queue_missing`,
    /// `broker::mismatch` or `broker::unavailable`, with place and remedy.
    pub async fn connect(options: Options, tries: u32) -> Result<Self> {
        let broker = Self::start(options)?;
        broker.session.live_after(tries).await?;
        Ok(broker)
    }

    /// Numbers for metrics.
    pub fn gauges(&self) -> Gauges {
        self.session.counters.read()
    }

    /// Closes the connections politely. Takers end with an error.
    pub async fn close(&self) {
        self.session.stop();
        self.session.stopped().await;
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        self.session.stop();
    }
}

#[async_trait]
impl Broker for RabbitMq {
    async fn publish(&self, route: &Route, body: &[u8]) -> Result<()> {
        self.publish_with(route, body, &Properties::of_envelope(body)).await
    }

    async fn publish_with(&self, route: &Route, body: &[u8], properties: &Properties) -> Result<()> {
        let (exchange, key) = topology::address(route);
        let queue = match route {
            // made by those who take from it
            Route::Pool { .. } | Route::ResultOf(_) => None,
            Route::Result => Some(Queue::result()),
            Route::Submit => Some(Queue::submit(None)),
        };
        self.session.send(Letter { exchange, key: &key, queue, properties: words::outward(properties, true), body }).await
    }

    async fn reply(&self, to: &str, body: &[u8], properties: &Properties) -> Result<()> {
        self.session.send(Letter { exchange: "", key: to, queue: None, properties: words::outward(properties, true), body }).await
    }

    async fn take(&self, inbox: &Inbox) -> Result<Delivery> {
        taker::take(&self.session, inbox).await
    }

    async fn settle(&self, delivery: Delivery, verb: Settle) -> Result<()> {
        let body = delivery.body().clone();
        match self.session.release(delivery.into_tag()) {
            Some(held) => held.settle(&self.session, &body, verb).await,
            None => Ok(()),
        }
    }

    async fn extend(&self, _delivery: &Delivery) -> Result<()> {
        Ok(())
    }

    async fn broadcast(&self, body: &[u8]) -> Result<()> {
        let properties = words::outward(&Properties::of_envelope(body), true);
        let sent = self.session.send(Letter { exchange: topology::CONTROL, key: "", queue: None, properties, body }).await;
        // nobody listening is fine
        sent.or_else(|error| if error.code() == "broker::unroutable" { Ok(()) } else { Err(error) })
    }

    async fn emit(&self, event: &[u8]) {
        if check_size(event).is_ok() {
            topics::emit(&self.session, event).await;
        }
    }

    async fn listen(&self, topic: Topic) -> Result<Listener> {
        topics::listen(&self.session, topic).await
    }

    async fn depth(&self, inbox: &Inbox) -> Result<Depth> {
        let live = self.session.live_within(self.session.options.times.answer).await?;
        let mut ready = 0;
        let queues = topology::queues_of(inbox, &self.session.options.tenants);
        for queue in &queues {
            ready += depth::ready(&live, queue).await?;
        }
        let unacked = self.figures.as_ref().and_then(|figures| figures.of(queues.iter().map(|queue| queue.name.as_str())));
        // consumers would be those who wait, without those who hold a delivery: no answer is better
        Ok(Depth { ready, unacked, ..Depth::default() })
    }

    fn health(&self) -> Health {
        match self.session.now() {
            Some(live) => {
                let last_good = lock(&live.last_good).elapsed();
                let blocked = self.session.counters.blocked.load(Ordering::Relaxed);
                Health { ready: last_good < STALE && !blocked, last_good }
            }
            None => Health { ready: false, last_good: Duration::MAX },
        }
    }

    fn line(&self) -> Line {
        let Gauges { connected, blocked, reconnects, round_trip, .. } = self.gauges();
        Line { connected, blocked, reconnects, round_trip }
    }
}
