//! The broker over SQS.
//!
//! One loop a queue asks for as many messages as takers wait, never for more. A taken message is hidden
//! for two minutes and longer while its holder calls [`Broker::extend`]; nothing is redriven by the
//! service, as burying is ours. There is no broadcast: what is told reaches nobody, listeners stay
//! silent, and everybody finds the truth in the store. Order is best effort.

mod aws;
mod desk;
mod events;
mod family;
mod held;
mod service;
mod settings;
mod wire;

pub use aws::Aws;
pub use events::{BucketEvent, BucketEvents, SqsEvents};
pub use service::{ATTRIBUTES_MAX, BATCH_MAX, Counts, DELAY_MAX, HOLD_MAX, Letter, Received, Service};
pub use settings::{Account, Credentials, Declare, Settings};

use crate::{BODY_BYTES_MAX, Broker, Delivery, Depth, Health, Inbox, Listener, Properties, Route, Settle, Topic, Unsettled};
use async_trait::async_trait;
use bytes::Bytes;
use desk::Ask;
use family::Family;
use held::{Hold, Holds};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use synthfleet_proto::{Error, Result, Seed};
use tokio::{
    sync::{broadcast, mpsc},
    task::AbortHandle,
    time::Instant,
};
use wire::Marks;

/// The broker over SQS. Clones share its queues.
#[derive(Clone)]
pub struct Sqs {
    inner: Arc<Inner>,
}

struct Inner {
    me: Weak<Inner>,
    service: Arc<dyn Service>,
    settings: Settings,
    holds: Holds,
    /// Tags of deliveries that were dropped without a verb.
    returns: mpsc::UnboundedSender<u64>,
    shared: Mutex<Shared>,
    /// What nobody ever speaks into: listeners of it wait.
    silence: broadcast::Sender<Bytes>,
    seed: Seed,
    draws: AtomicU64,
}

#[derive(Default)]
struct Shared {
    /// Addresses of queues by name.
    addresses: BTreeMap<String, String>,
    families: BTreeMap<String, Arc<Family>>,
    tasks: Vec<AbortHandle>,
    last_good: Option<Instant>,
    ready: bool,
}

impl Sqs {
    /// A broker over a service. Finds or makes the queues that every fleet has. `seed` draws the pauses
    /// between tries and should differ from process to process.
    ///
    /// # Errors
    /// `Invalid` with `broker::settings`; `Unavailable` with `broker::queue_missing` when queues must be
    /// there and are not, or with what the service says.
    pub async fn open(service: Arc<dyn Service>, settings: Settings, seed: Seed) -> Result<Self> {
        settings.check()?;
        let (returns, returned) = mpsc::unbounded_channel();
        let (silence, _) = broadcast::channel(1);
        let inner = Arc::new_cyclic(|me| Inner {
            me: me.clone(),
            service,
            settings,
            holds: Holds::default(),
            returns,
            shared: Mutex::default(),
            silence,
            seed,
            draws: AtomicU64::new(0),
        });
        let task = tokio::spawn(give_back(inner.me.clone(), returned));
        inner.shared().tasks.push(task.abort_handle());
        for queue in [inner.settings.of_route(&Route::Result)?, inner.settings.of_route(&Route::Submit)?, inner.settings.dead()?] {
            inner.declared(&queue).await?;
        }
        Ok(Self { inner })
    }
}

/// Returns what was dropped, until the broker is gone.
async fn give_back(inner: Weak<Inner>, mut returned: mpsc::UnboundedReceiver<u64>) {
    while let Some(tag) = returned.recv().await {
        let Some(inner) = inner.upgrade() else { return };
        if let Some(hold) = inner.holds.remove(tag) {
            // if this fails, the message comes back by itself
            let _ = inner.noted(inner.service.hide(&hold.queue, &hold.receipt, Duration::ZERO).await);
        }
    }
}

impl Inner {
    fn shared(&self) -> MutexGuard<'_, Shared> {
        // no code under the lock can panic half way through a change
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers whether the service answered.
    fn noted<T>(&self, answer: Result<T>) -> Result<T> {
        let mut shared = self.shared();
        shared.ready = answer.as_ref().err().is_none_or(|error| error.code() == "broker::unroutable");
        if shared.ready {
            shared.last_good = Some(Instant::now());
        }
        answer
    }

    /// The address of a queue, if it exists.
    async fn found(&self, name: &str) -> Result<Option<String>> {
        let known = self.shared().addresses.get(name).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let found = self.noted(self.service.find(name).await)?;
        if let Some(address) = &found {
            self.shared().addresses.insert(name.to_owned(), address.clone());
        }
        Ok(found)
    }

    /// The address of a queue that is made if it is missing and may be made.
    async fn declared(&self, name: &str) -> Result<String> {
        if let Some(address) = self.found(name).await? {
            return Ok(address);
        }
        if self.settings.declare == Declare::Never {
            let message = format!("there is no queue {name}");
            return Err(Error::unavailable("broker::queue_missing", message).help("make it, or let the fleet declare its queues"));
        }
        let address = self.noted(self.service.create(name, self.settings.visibility).await)?;
        self.shared().addresses.insert(name.to_owned(), address.clone());
        Ok(address)
    }

    /// Forgets an address that leads nowhere any more.
    fn forget<T>(&self, name: &str, answer: Result<T>) -> Result<T> {
        if answer.as_ref().is_err_and(|error| error.code() == "broker::unroutable") {
            self.shared().addresses.remove(name);
        }
        self.noted(answer)
    }

    /// Asks a queue that exists from then on.
    async fn receive(&self, name: &str, ask: Ask) -> Result<(String, Vec<Received>)> {
        let address = self.declared(name).await?;
        let messages = self.forget(name, self.service.receive(&address, ask.most, ask.wait, self.settings.visibility).await)?;
        Ok((address, messages))
    }

    /// A received message for its taker.
    fn delivery(self: &Arc<Self>, address: &str, received: Received) -> Delivery {
        let mut message = wire::open(&received.letter);
        message.properties.user = received.sender;
        let redelivered = received.receives > 1 || message.marks.returned;
        let (body, reason, properties) = (message.body.clone(), message.marks.reason.clone(), Arc::new(message.properties.clone()));
        let now = Instant::now();
        let tag = self.holds.add(Hold { queue: address.to_owned(), receipt: received.receipt, message, taken: now, renewed: now });
        Delivery::new(body, redelivered, tag, self.clone()).buried(reason).with(Some(properties))
    }

    async fn send(&self, name: &str, body: &[u8], properties: &Properties) -> Result<()> {
        if body.len() > BODY_BYTES_MAX {
            return Err(too_large(body));
        }
        let Some(address) = self.found(name).await? else {
            return Err(Error::unavailable("broker::unroutable", format!("there is no queue {name}: nobody takes from it")));
        };
        self.forget(name, self.service.send(&address, &wire::write(body, properties, &Marks::default()), Duration::ZERO).await)
    }

    /// The queues behind an inbox, with those who wait for them.
    fn family(&self, inbox: &Inbox) -> Result<Arc<Family>> {
        let whole = match inbox {
            Inbox::Pool { pool, .. } => Inbox::Pool { pool: pool.clone(), classes: synthfleet_proto::class::Class::ALL.to_vec() },
            other => other.clone(),
        };
        let queues = self.settings.of_inbox(&whole)?;
        let key = queues.concat();
        let mut shared = self.shared();
        if let Some(family) = shared.families.get(&key) {
            return Ok(family.clone());
        }
        let (family, tasks) = Family::begin(queues, &self.me);
        shared.tasks.extend(tasks.iter().map(tokio::task::JoinHandle::abort_handle));
        shared.families.insert(key, family.clone());
        Ok(family)
    }

    /// From 0 to 1, another one each time.
    fn jitter(&self) -> f64 {
        let draw = self.seed.index(self.draws.fetch_add(1, Ordering::Relaxed)).number();
        draw as f64 / u64::MAX as f64
    }
}

impl Unsettled for Inner {
    fn dropped(&self, tag: u64) {
        // without a receiver everything comes back by itself
        let _ = self.returns.send(tag);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let shared = self.shared.get_mut().unwrap_or_else(PoisonError::into_inner);
        shared.tasks.iter().for_each(AbortHandle::abort);
    }
}

fn too_large(body: &[u8]) -> Error {
    Error::invalid("broker::too_large", format!("message of {} bytes, at most {BODY_BYTES_MAX}", body.len()))
}

#[async_trait]
impl Broker for Sqs {
    async fn publish(&self, route: &Route, body: &[u8]) -> Result<()> {
        self.inner.send(&self.inner.settings.of_route(route)?, body, &Properties::of_envelope(body)).await
    }

    async fn publish_with(&self, route: &Route, body: &[u8], properties: &Properties) -> Result<()> {
        self.inner.send(&self.inner.settings.of_route(route)?, body, properties).await
    }

    async fn reply(&self, to: &str, body: &[u8], properties: &Properties) -> Result<()> {
        if !to.contains("://") {
            return self.inner.send(&self.inner.settings.reply(to)?, body, properties).await;
        }
        if body.len() > BODY_BYTES_MAX {
            return Err(too_large(body));
        }
        if !self.inner.settings.reply_to.iter().any(|allowed| allowed == to) {
            let error = Error::unavailable("broker::unroutable", "the queue that a reply is wished in is not on the list of reply queues");
            return Err(error.help("add its address to the broker's reply queues"));
        }
        self.inner.noted(self.inner.service.send(to, &wire::write(body, properties, &Marks::default()), Duration::ZERO).await)
    }

    async fn take(&self, inbox: &Inbox) -> Result<Delivery> {
        let wanted = self.inner.settings.of_inbox(inbox)?;
        self.inner.family(inbox)?.take(&wanted).await
    }

    async fn settle(&self, delivery: Delivery, verb: Settle) -> Result<()> {
        let Some(hold) = self.inner.holds.remove(delivery.into_tag()) else { return Ok(()) };
        let dead = match &verb {
            Settle::Bury(_) => self.inner.declared(&self.inner.settings.dead()?).await?,
            _ => String::new(),
        };
        self.inner.noted(hold.settle(self.inner.service.as_ref(), verb, &dead).await)
    }

    async fn extend(&self, delivery: &Delivery) -> Result<()> {
        let (service, visibility) = (self.inner.service.as_ref(), self.inner.settings.visibility);
        self.inner.noted(self.inner.holds.extend(delivery.tag(), service, visibility).await)
    }

    async fn broadcast(&self, body: &[u8]) -> Result<()> {
        if body.len() > BODY_BYTES_MAX { Err(too_large(body)) } else { Ok(()) }
    }

    async fn emit(&self, _event: &[u8]) {}

    async fn listen(&self, _topic: Topic) -> Result<Listener> {
        Ok(Listener::new(self.inner.silence.subscribe()))
    }

    async fn depth(&self, inbox: &Inbox) -> Result<Depth> {
        let mut depth = Depth { unacked: Some(0), ..Depth::default() };
        for name in self.inner.settings.of_inbox(inbox)? {
            let Some(address) = self.inner.found(&name).await? else { continue };
            let counts = self.inner.noted(self.inner.service.counts(&address).await)?.unwrap_or_default();
            depth.ready += counts.ready;
            // parked messages are hidden like held ones; the service does not tell them apart
            depth.unacked = depth.unacked.map(|unacked| unacked + counts.hidden);
        }
        Ok(depth)
    }

    fn has_own_queues(&self) -> bool {
        false
    }

    fn health(&self) -> Health {
        let shared = self.inner.shared();
        Health { ready: shared.ready, last_good: shared.last_good.map_or(Duration::MAX, |good| good.elapsed()) }
    }
}
