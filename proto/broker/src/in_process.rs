//! The broker of one process: bounded queues that carry encoded bytes and die with the process; the
//! store re-derives what they held.
//!
//! Time is that of the tokio runtime, so a test or a simulation on a paused runtime owns it.

mod state;

use crate::{Broker, Delivery, Depth, Health, Inbox, Listener, Properties, Route, Settle, Topic, Unsettled, Wait, contract::check_size};
use async_trait::async_trait;
use bytes::Bytes;
use state::{Message, Queue, State, Taken, queues_of};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use synthfleet_proto::{Error, Result, class::Class};
use tokio::{sync::broadcast, time::Instant};

/// Longest reason of a burial in bytes.
const REASON_BYTES_MAX: usize = 200;

/// Settings of [`InProcess`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Ready messages of one queue; a fuller queue rejects.
    pub messages_max: usize,
    /// Broadcasts and events kept for a slow listener.
    pub listener_messages_max: usize,
    /// Pools whose queues exist from the start; others exist once somebody takes from them.
    pub pools: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { messages_max: 10_000, listener_messages_max: 4_096, pools: Vec::new() }
    }
}

/// The broker of one process. Clones share the queues.
#[derive(Clone)]
pub struct InProcess {
    inner: Arc<Inner>,
}

impl Default for InProcess {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl InProcess {
    /// Empty queues.
    pub fn new(settings: Settings) -> Self {
        let mut state = State::default();
        for pool in &settings.pools {
            Class::ALL.into_iter().for_each(|class| state.declare(Queue::Pool(pool.clone(), class)));
        }
        [Queue::Result, Queue::Submit, Queue::Dead].into_iter().for_each(|queue| state.declare(queue));
        let (control, _) = broadcast::channel(settings.listener_messages_max.max(1));
        let (events, _) = broadcast::channel(settings.listener_messages_max.max(1));
        let state = Mutex::new(state);
        Self { inner: Arc::new_cyclic(|me| Inner { me: me.clone(), settings, state, control, events }) }
    }

    /// Removes the own queue of a coordinator, as the end of its connection would.
    pub fn forget(&self, coordinator: &str) {
        self.inner.state().forget(Some(coordinator));
    }

    /// Returns every unsettled delivery to its queue, as a lost connection would; coordinators' own queues go. The
    /// verbs of those who hold a delivery are then without effect.
    pub fn disconnect(&self) {
        let mut state = self.inner.state();
        state.forget(None);
        for taken in state.release_all() {
            self.inner.requeue(&mut state, taken);
        }
    }
}

struct Inner {
    me: Weak<Inner>,
    settings: Settings,
    state: Mutex<State>,
    control: broadcast::Sender<Bytes>,
    events: broadcast::Sender<Bytes>,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // no code under the lock can panic half way through a change
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The delivery of a message that was just numbered.
    fn delivery(&self, state: &State, tag: u64) -> Option<Delivery> {
        let home: Arc<dyn Unsettled> = self.me.upgrade()?;
        let message = &state.taken(tag)?.message;
        Some(
            Delivery::new(message.body.clone(), message.returned, tag, home)
                .buried(message.reason.clone())
                .with(message.properties.clone()),
        )
    }

    /// Hands ready messages of a queue to waiting takers until one of both runs out.
    fn serve(&self, state: &mut State, queue: &Queue) {
        while let Some(door) = state.next_waiter(queue) {
            let Some(delivery) = state.pop(std::slice::from_ref(queue)).and_then(|tag| self.delivery(state, tag)) else { return };
            if let Err(unread) = door.send(delivery) {
                // the taker went away in between: the message keeps its place, unseen
                if let Some(taken) = state.release(unread.into_tag()) {
                    state.push_front(taken.queue, taken.message);
                }
            }
        }
    }

    /// Puts a new message at the end of its queue.
    fn publish(&self, queue: Queue, body: &[u8], properties: Option<Arc<Properties>>) -> Result<()> {
        check_size(body)?;
        let mut state = self.state();
        let Some(length) = state.length(&queue) else {
            return Err(Error::unavailable("broker::unroutable", format!("nobody takes from {queue:?}")));
        };
        if length >= self.settings.messages_max {
            return Err(Error::unavailable("broker::rejected", format!("{queue:?} is full with {length} messages")));
        }
        let body = Bytes::copy_from_slice(body);
        state.push_back(queue.clone(), Message { body, returned: false, reason: None, properties, since: Instant::now() });
        self.serve(&mut state, &queue);
        Ok(())
    }

    /// Puts a message that somebody held back at the head of its queue.
    fn requeue(&self, state: &mut State, taken: Taken) {
        let Taken { queue, message } = taken;
        state.push_front(queue.clone(), Message { returned: true, ..message });
        self.serve(state, &queue);
    }

    /// Hides a message for a while; it comes back at the end of its queue.
    fn park(&self, taken: Taken, wait: Wait) {
        let broker = self.me.clone();
        tokio::spawn(async move {
            tokio::time::sleep(wait.duration()).await;
            if let Some(inner) = broker.upgrade() {
                let Taken { queue, message } = taken;
                let mut state = inner.state();
                state.push_back(queue.clone(), Message { returned: true, since: Instant::now(), ..message });
                inner.serve(&mut state, &queue);
            }
        });
    }

    /// Moves a message to the dead list, which forgets its oldest when full.
    fn bury(&self, state: &mut State, taken: Taken, reason: &str) {
        let reason = reason.get(..reason.floor_char_boundary(REASON_BYTES_MAX)).map(str::to_owned);
        if state.length(&Queue::Dead).unwrap_or(0) >= self.settings.messages_max {
            state.drop_oldest(&Queue::Dead);
        }
        state.push_back(Queue::Dead, Message { reason, since: Instant::now(), ..taken.message });
        self.serve(state, &Queue::Dead);
    }
}

impl Unsettled for Inner {
    fn dropped(&self, tag: u64) {
        let mut state = self.state();
        if let Some(taken) = state.release(tag) {
            self.requeue(&mut state, taken);
        }
    }
}

#[async_trait]
impl Broker for InProcess {
    async fn publish(&self, route: &Route, body: &[u8]) -> Result<()> {
        self.inner.publish(Queue::from(route), body, None)
    }

    async fn publish_with(&self, route: &Route, body: &[u8], properties: &Properties) -> Result<()> {
        self.inner.publish(Queue::from(route), body, Some(Arc::new(properties.clone())))
    }

    async fn reply(&self, to: &str, body: &[u8], properties: &Properties) -> Result<()> {
        self.inner.publish(Queue::Reply(to.to_owned()), body, Some(Arc::new(properties.clone())))
    }

    async fn take(&self, inbox: &Inbox) -> Result<Delivery> {
        let queues = queues_of(inbox);
        let taker = {
            let mut state = self.inner.state();
            queues.iter().cloned().for_each(|queue| state.declare(queue));
            if let Some(delivery) = state.pop(&queues).and_then(|tag| self.inner.delivery(&state, tag)) {
                return Ok(delivery);
            }
            state.wait(queues)
        };
        taker.await.map_err(|_| Error::unavailable("broker::unavailable", "the broker is gone"))
    }

    async fn settle(&self, delivery: Delivery, verb: Settle) -> Result<()> {
        let mut state = self.inner.state();
        let Some(taken) = state.release(delivery.into_tag()) else { return Ok(()) };
        match verb {
            Settle::Ack => {}
            Settle::Requeue => self.inner.requeue(&mut state, taken),
            Settle::Park(wait) => self.inner.park(taken, wait),
            Settle::Bury(reason) => self.inner.bury(&mut state, taken, &reason),
        }
        Ok(())
    }

    async fn extend(&self, _delivery: &Delivery) -> Result<()> {
        Ok(())
    }

    async fn broadcast(&self, body: &[u8]) -> Result<()> {
        check_size(body)?;
        // an error says that nobody listens, which is fine
        let _ = self.inner.control.send(Bytes::copy_from_slice(body));
        Ok(())
    }

    async fn emit(&self, event: &[u8]) {
        if check_size(event).is_ok() {
            let _ = self.inner.events.send(Bytes::copy_from_slice(event));
        }
    }

    async fn listen(&self, topic: Topic) -> Result<Listener> {
        Ok(Listener::new(match topic {
            Topic::Control => self.inner.control.subscribe(),
            Topic::Events => self.inner.events.subscribe(),
        }))
    }

    async fn depth(&self, inbox: &Inbox) -> Result<Depth> {
        let (queues, state) = (queues_of(inbox), self.inner.state());
        let ready = queues.iter().filter_map(|queue| state.length(queue)).sum::<usize>() as u64;
        let unacked = queues.iter().map(|queue| state.unsettled_of(queue)).sum();
        let oldest = queues.iter().filter_map(|queue| state.oldest(queue)).min();
        let consumers = Some(unacked + state.waiting_for(&queues));
        Ok(Depth { ready, unacked: Some(unacked), consumers, oldest_age: oldest.map(|since| since.elapsed()) })
    }

    fn health(&self) -> Health {
        Health { ready: true, last_good: Duration::ZERO }
    }
}
