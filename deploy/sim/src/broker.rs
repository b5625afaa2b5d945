//! The broker of one process with the times of RabbitMQ: publishes wait for their confirm, and for a while there is
//! no broker at all. Then everybody loses the connection, what was unsettled goes back, and takers wait.

use crate::ground::Ground;
use crate::settings::{BROKER_REFUSAL, CONFIRM, DELIVERY};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use synthfleet_broker::{Broker, Delivery, Depth, Health, InProcess, Inbox, Listener, Properties, Route, Settings, Settle, Topic};
use synthfleet_proto::class::Class;
use synthfleet_proto::{Error, Result};

/// The broker. Clones share the queues.
#[derive(Clone)]
pub struct SimBroker {
    ground: Arc<Ground>,
    inner: InProcess,
    pool: String,
    /// Coordinators that took from a queue of their own.
    owners: Arc<Mutex<BTreeSet<String>>>,
}

impl SimBroker {
    /// Empty queues of one pool.
    pub fn new(ground: Arc<Ground>, pool: &str) -> Self {
        // RabbitMQ's queues have no length here: windows keep them short
        let settings = Settings { messages_max: usize::MAX, pools: vec![pool.to_owned()], ..Settings::default() };
        Self { ground, inner: InProcess::new(settings), pool: pool.to_owned(), owners: Arc::default() }
    }

    /// Goes away for a while.
    pub async fn outage(&self, length: Duration) {
        let from_ms = self.ground.elapsed_ms();
        self.ground.broker.set(false);
        // takers hear of it before anything comes back
        tokio::time::sleep(Duration::from_millis(5)).await;
        self.inner.disconnect();
        tokio::time::sleep(length).await;
        self.ground.broker.set(true);
        self.ground.away().broker(from_ms, self.ground.elapsed_ms());
    }

    /// A coordinator died: the queue of its own goes with its connection.
    pub fn forget(&self, coordinator: &str) {
        self.owners().remove(coordinator);
        self.inner.forget(coordinator);
    }

    fn owners(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ready hints of the pool, and results that wait.
    pub async fn lengths(&self) -> (u64, u64) {
        let pool = Inbox::Pool { pool: self.pool.clone(), classes: Class::ALL.to_vec() };
        let mut results = self.length(&Inbox::Result).await;
        let owners: Vec<String> = self.owners().iter().cloned().collect();
        for owner in owners {
            results += self.length(&Inbox::ResultOf(owner)).await;
        }
        (self.length(&pool).await, results)
    }

    async fn length(&self, inbox: &Inbox) -> u64 {
        self.inner.depth(inbox).await.map_or(0, |depth| depth.ready)
    }

    fn is_up(&self) -> bool {
        self.ground.broker.is_up()
    }

    async fn pass(&self) -> Result<()> {
        if self.is_up() {
            tokio::time::sleep(self.ground.latency.of(CONFIRM)).await;
        }
        if self.is_up() {
            return Ok(());
        }
        self.ground.tally().refused += 1;
        tokio::time::sleep(BROKER_REFUSAL).await;
        Err(Error::unavailable("broker::unavailable", "the broker is away"))
    }
}

#[async_trait]
impl Broker for SimBroker {
    async fn publish(&self, route: &Route, body: &[u8]) -> Result<()> {
        self.pass().await?;
        self.inner.publish(route, body).await?;
        self.ground.tally().published(route, body);
        Ok(())
    }

    async fn publish_with(&self, route: &Route, body: &[u8], properties: &Properties) -> Result<()> {
        self.pass().await?;
        self.inner.publish_with(route, body, properties).await
    }

    async fn reply(&self, to: &str, body: &[u8], properties: &Properties) -> Result<()> {
        self.pass().await?;
        self.inner.reply(to, body, properties).await
    }

    async fn take(&self, inbox: &Inbox) -> Result<Delivery> {
        if let Inbox::ResultOf(owner) = inbox {
            self.owners().insert(owner.clone());
        }
        loop {
            self.ground.broker.until(true).await;
            let delivery = tokio::select! {
                biased;
                () = self.ground.broker.until(false) => continue,
                delivery = self.inner.take(inbox) => delivery?,
            };
            self.ground.tally().deliveries += 1;
            tokio::time::sleep(self.ground.latency.of(DELIVERY)).await;
            if self.is_up() {
                return Ok(delivery);
            }
        }
    }

    async fn settle(&self, delivery: Delivery, verb: Settle) -> Result<()> {
        if self.is_up() {
            return self.inner.settle(delivery, verb).await;
        }
        drop(delivery);
        Err(Error::unavailable("broker::unavailable", "the broker is away"))
    }

    async fn extend(&self, delivery: &Delivery) -> Result<()> {
        self.inner.extend(delivery).await
    }

    async fn broadcast(&self, body: &[u8]) -> Result<()> {
        self.pass().await?;
        self.ground.tally().broadcasts += 1;
        self.inner.broadcast(body).await
    }

    async fn emit(&self, event: &[u8]) {
        if self.is_up() {
            self.inner.emit(event).await;
        }
    }

    async fn listen(&self, topic: Topic) -> Result<Listener> {
        self.inner.listen(topic).await
    }

    async fn depth(&self, inbox: &Inbox) -> Result<Depth> {
        self.pass().await?;
        self.inner.depth(inbox).await
    }

    fn health(&self) -> Health {
        Health { ready: self.is_up(), last_good: Duration::ZERO }
    }
}
