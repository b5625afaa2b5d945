//! A broker that fails on purpose: by script (the n-th call of an operation) or by seed and rate.

use crate::{Broker, Delivery, Depth, Health, Inbox, Listener, Properties, Route, Settle, Topic, Unsettled};
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use synthfleet_proto::{Error, Result, Seed};

/// How long a reordered message waits for one to overtake it.
const REORDER_MAX: Duration = Duration::from_secs(1);

/// What can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// [`Broker::publish`], [`Broker::publish_with`] and [`Broker::reply`].
    Publish,
    /// [`Broker::take`].
    Take,
    /// [`Broker::settle`].
    Settle,
    /// [`Broker::broadcast`].
    Broadcast,
    /// [`Broker::emit`].
    Emit,
}

/// How it fails. A fault that has no meaning for an operation is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The message is lost, or the verb; nobody is told.
    Drop,
    /// The message comes twice.
    Duplicate,
    /// The message, or the delivery, comes so much later.
    Delay(Duration),
    /// The next message overtakes this one.
    Reorder,
    /// The queue says that it is full.
    Reject,
    /// The connection is lost: every unsettled delivery goes back.
    Disconnect,
}

/// Which calls fail.
#[derive(Debug, Clone)]
pub enum Faults {
    /// The calls with these numbers, counted from 0 per operation.
    Script(BTreeMap<(Operation, u64), Fault>),
    /// Each call with a chance of `rate` in 1,000, one of `faults`, drawn from its own named stream.
    Seeded {
        /// Where the draws come from.
        seed: Seed,
        /// Failing calls in 1,000.
        rate: u16,
        /// What to choose from.
        faults: Vec<Fault>,
    },
}

impl Faults {
    /// No fault.
    pub const NONE: Self = Self::Script(BTreeMap::new());

    /// Fails one call.
    pub fn once(operation: Operation, call: u64, fault: Fault) -> Self {
        Self::Script([((operation, call), fault)].into())
    }

    fn of(&self, operation: Operation, call: u64) -> Option<Fault> {
        match self {
            Self::Script(script) => script.get(&(operation, call)).copied(),
            Self::Seeded { seed, rate, faults } => {
                let draw = seed.child(&format!("{operation:?}")).index(call).number();
                let chosen = faults.get((draw / 1_000) as usize % faults.len().max(1))?;
                (draw % 1_000 < u64::from(*rate)).then_some(*chosen)
            }
        }
    }
}

/// A broker that fails on purpose. Clones share the counters.
#[derive(Clone)]
pub struct Faulty {
    shared: Arc<Shared>,
}

struct Shared {
    me: Weak<Shared>,
    inner: Arc<dyn Broker>,
    state: Mutex<State>,
}

struct State {
    faults: Faults,
    calls: BTreeMap<Operation, u64>,
    held_back: Vec<Post>,
    unsettled: BTreeMap<u64, Delivery>,
    last_tag: u64,
}

/// A message on its way out.
#[derive(Clone)]
struct Post {
    to: Address,
    body: Vec<u8>,
    properties: Option<Properties>,
}

#[derive(Debug, Clone)]
enum Address {
    Route(Route),
    Reply(String),
}

impl Post {
    async fn send(&self, broker: &dyn Broker) -> Result<()> {
        match (&self.to, &self.properties) {
            (Address::Route(route), None) => broker.publish(route, &self.body).await,
            (Address::Route(route), Some(properties)) => broker.publish_with(route, &self.body, properties).await,
            (Address::Reply(to), properties) => broker.reply(to, &self.body, properties.as_ref().unwrap_or(Properties::NONE)).await,
        }
    }
}

impl Faulty {
    /// `inner`, but for some faults.
    pub fn new(inner: Arc<dyn Broker>, faults: Faults) -> Self {
        let (calls, unsettled) = (BTreeMap::new(), BTreeMap::new());
        let state = Mutex::new(State { faults, calls, held_back: Vec::new(), unsettled, last_tag: 0 });
        Self { shared: Arc::new_cyclic(|me| Shared { me: me.clone(), inner, state }) }
    }

    /// Fails differently from now on; the counters go on.
    pub fn set(&self, faults: Faults) {
        self.shared.state().faults = faults;
    }

    /// How often an operation was called.
    pub fn calls(&self, operation: Operation) -> u64 {
        self.shared.state().calls.get(&operation).copied().unwrap_or(0)
    }

    /// Loses the connection: every unsettled delivery goes back.
    pub fn disconnect(&self) {
        self.shared.disconnect();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, operation: Operation) -> Option<Fault> {
        let mut state = self.state();
        let call = state.calls.entry(operation).or_default();
        let number = *call;
        *call += 1;
        state.faults.of(operation, number)
    }

    fn disconnect(&self) {
        // dropped outside the lock, newest first, so that the queue has its old order again
        let deliveries = std::mem::take(&mut self.state().unsettled);
        deliveries.into_values().rev().for_each(drop);
    }

    fn release_held_back(&self) -> Vec<Post> {
        std::mem::take(&mut self.state().held_back)
    }

    /// Publishes, unless a fault says otherwise.
    async fn post(self: &Arc<Self>, post: Post) -> Result<()> {
        match self.next(Operation::Publish) {
            Some(Fault::Drop) => return Ok(()),
            Some(Fault::Duplicate) => post.send(&*self.inner).await?,
            Some(Fault::Delay(time)) => {
                self.later(time, Some(post));
                return Ok(());
            }
            Some(Fault::Reorder) => {
                self.state().held_back.push(post);
                self.later(REORDER_MAX, None);
                return Ok(());
            }
            Some(Fault::Reject) => return Err(Error::unavailable("broker::rejected", format!("{:?} is full", post.to))),
            Some(Fault::Disconnect) => {
                self.disconnect();
                return Err(away());
            }
            None => {}
        }
        post.send(&*self.inner).await?;
        for held in self.release_held_back() {
            held.send(&*self.inner).await?;
        }
        Ok(())
    }

    /// Publishes later, whatever becomes of it.
    fn later(&self, time: Duration, message: Option<Post>) {
        let me = self.me.clone();
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            if let Some(shared) = me.upgrade() {
                for post in message.map_or_else(|| shared.release_held_back(), |message| vec![message]) {
                    // a late hint that finds no queue is a lost hint
                    let _ = post.send(&*shared.inner).await;
                }
            }
        });
    }
}

impl Unsettled for Shared {
    fn dropped(&self, tag: u64) {
        let delivery = self.state().unsettled.remove(&tag);
        drop(delivery);
    }
}

fn away() -> Error {
    Error::unavailable("broker::unavailable", "the connection was lost")
}

#[async_trait]
impl Broker for Faulty {
    async fn publish(&self, route: &Route, body: &[u8]) -> Result<()> {
        self.shared.post(Post { to: Address::Route(route.clone()), body: body.to_vec(), properties: None }).await
    }

    async fn publish_with(&self, route: &Route, body: &[u8], properties: &Properties) -> Result<()> {
        let properties = Some(properties.clone());
        self.shared.post(Post { to: Address::Route(route.clone()), body: body.to_vec(), properties }).await
    }

    async fn reply(&self, to: &str, body: &[u8], properties: &Properties) -> Result<()> {
        let properties = Some(properties.clone());
        self.shared.post(Post { to: Address::Reply(to.to_owned()), body: body.to_vec(), properties }).await
    }

    async fn take(&self, inbox: &Inbox) -> Result<Delivery> {
        let shared = &self.shared;
        match shared.next(Operation::Take) {
            Some(Fault::Disconnect) => {
                shared.disconnect();
                return Err(away());
            }
            Some(Fault::Delay(time)) => tokio::time::sleep(time).await,
            _ => {}
        }
        let inner = shared.inner.take(inbox).await?;
        let home: Arc<dyn Unsettled> = shared.clone();
        let mut state = shared.state();
        state.last_tag += 1;
        let tag = state.last_tag;
        let reason = inner.reason().map(str::to_owned);
        let outer = Delivery::new(inner.body().clone(), inner.redelivered(), tag, home).buried(reason).with(inner.shared_properties());
        state.unsettled.insert(tag, inner);
        Ok(outer)
    }

    async fn settle(&self, delivery: Delivery, verb: Settle) -> Result<()> {
        let shared = &self.shared;
        let fault = shared.next(Operation::Settle);
        if fault == Some(Fault::Disconnect) {
            drop(delivery);
            shared.disconnect();
            return Err(away());
        }
        let inner = shared.state().unsettled.remove(&delivery.into_tag());
        match inner {
            // the verb is lost: the broker finds the delivery unsettled and requeues it
            Some(_) if fault == Some(Fault::Drop) => Ok(()),
            Some(inner) => shared.inner.settle(inner, verb).await,
            None => Ok(()),
        }
    }

    async fn extend(&self, _delivery: &Delivery) -> Result<()> {
        Ok(())
    }

    async fn broadcast(&self, body: &[u8]) -> Result<()> {
        match self.shared.next(Operation::Broadcast) {
            Some(Fault::Drop) => return Ok(()),
            Some(Fault::Duplicate) => self.shared.inner.broadcast(body).await?,
            Some(Fault::Disconnect) => return Err(away()),
            _ => {}
        }
        self.shared.inner.broadcast(body).await
    }

    async fn emit(&self, event: &[u8]) {
        match self.shared.next(Operation::Emit) {
            Some(Fault::Drop | Fault::Disconnect) => return,
            Some(Fault::Duplicate) => self.shared.inner.emit(event).await,
            _ => {}
        }
        self.shared.inner.emit(event).await;
    }

    async fn listen(&self, topic: Topic) -> Result<Listener> {
        self.shared.inner.listen(topic).await
    }

    async fn depth(&self, inbox: &Inbox) -> Result<Depth> {
        self.shared.inner.depth(inbox).await
    }

    fn health(&self) -> Health {
        self.shared.inner.health()
    }

    fn has_own_queues(&self) -> bool {
        self.shared.inner.has_own_queues()
    }
}
