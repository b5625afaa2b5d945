//! A slot: one channel that looks into its queues, most urgent first, and waits on all of them when they
//! are empty. On a delivery it stops waiting, so that nothing is hoarded.
//!
//! The slot is a task of its own. Whoever asked may go away at any time; the slot then tidies up. A slot
//! of one queue waits a moment for somebody else to ask, because a coordinator's loop drops its `take`
//! whenever anything else happens.

use super::{
    fault::{Meaning, fault, is_internal, meaning},
    held::Held,
    live::{Live, lock},
    session::Session,
    words,
};
use crate::topology::{self, Queue};
use crate::{Delivery, Inbox, Unsettled};
use futures::future::{join_all, select_all};
use futures::{FutureExt, StreamExt};
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, BasicNackOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Consumer};
use std::sync::Arc;
use std::time::Duration;
use synthfleet_proto::{Error, Result};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long a slot without an asker waits for the next one.
const LINGER: Duration = Duration::from_millis(250);
/// The pause before a queue that vanished is looked for again.
const AGAIN: Duration = Duration::from_millis(200);
/// A held message may be worked on for a day before the broker takes it back; older brokers ignore this
/// and go by their configuration.
const CONSUMER_TIMEOUT_MS: i64 = 86_400_000;

type Door = oneshot::Sender<Result<Delivery>>;

/// A slot that waits for somebody to ask.
pub(super) struct Lingering {
    queues: Vec<String>,
    ask: oneshot::Sender<Door>,
}

/// Waits for one message of an inbox.
pub(super) async fn take(session: &Arc<Session>, inbox: &Inbox) -> Result<Delivery> {
    let queues = topology::queues_of(inbox, &session.options.tenants);
    loop {
        let (door, taken) = oneshot::channel();
        if let Some(door) = hand_to_lingering(session, &queues, door) {
            let slot = Slot { session: Arc::clone(session), table: queues.clone(), queues: Vec::new(), door };
            tokio::spawn(slot.run());
        }
        match taken.await {
            Ok(result) => return result,
            // the slot stopped lingering in the very moment when it was asked
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// Gives the door to a slot that lingers on the same queues; gives it back if there is none.
fn hand_to_lingering(session: &Session, queues: &[Queue], mut door: Door) -> Option<Door> {
    let mut lingering = lock(&session.lingering);
    lingering.retain(|slot| !slot.ask.is_closed());
    while let Some(place) = lingering.iter().position(|slot| slot.queues.iter().eq(queues.iter().map(|queue| &queue.name))) {
        match lingering.swap_remove(place).ask.send(door) {
            Ok(()) => return None,
            Err(unheard) => door = unheard,
        }
    }
    Some(door)
}

struct Slot {
    session: Arc<Session>,
    /// As the table has them.
    table: Vec<Queue>,
    /// As the connection has them.
    queues: Vec<Queue>,
    door: Door,
}

/// What one look at the queues came to.
enum Seen {
    /// A message, by its place in the list of queues.
    Message(usize, Box<lapin::message::Delivery>),
    /// Nothing, and nobody asks any more.
    Nobody,
    /// A queue went away, or the channel did.
    Gone,
}

impl Slot {
    async fn run(mut self) {
        loop {
            let live = tokio::select! {
                live = self.session.live() => live,
                () = self.door.closed() => return,
            };
            let live = match live {
                Ok(live) => live,
                Err(error) => return self.tell(error),
            };
            match self.serve(&live).await {
                Ok(true) => return,
                Ok(false) if live.is_over() => {}
                Ok(false) => tokio::time::sleep(AGAIN).await,
                // only what somebody must change ends a take; everything else is waited out
                Err(error) if error.code() == "broker::unavailable" => live.end(error.to_string()),
                Err(error) => return self.tell(error),
            }
        }
    }

    fn tell(self, error: Error) {
        // nobody there to hear it is fine
        let _ = self.door.send(Err(error));
    }

    /// One round over one life; true when the slot has done its work.
    async fn serve(&mut self, live: &Arc<Live>) -> Result<bool> {
        self.queues = self.table.iter().map(|queue| queue.in_life(live.number)).collect();
        for queue in &self.queues {
            live.ensure(queue, &self.session.options).await?;
        }
        let channel = live.slot().await?;
        match self.look(live, &channel).await? {
            Seen::Message(place, message) => {
                self.give(live, channel, place, *message);
                Ok(true)
            }
            Seen::Nobody => {
                live.rest(channel);
                Ok(true)
            }
            Seen::Gone => Ok(false),
        }
    }

    /// Looks into each queue, then waits on all of them.
    async fn look(&mut self, live: &Live, channel: &Channel) -> Result<Seen> {
        for (place, queue) in self.queues.iter().enumerate() {
            let name = queue.name.as_str().into();
            let Ok(got) = timeout(live.answer, channel.basic_get(name, BasicGetOptions::default())).await else {
                return Err(super::fault::silent(&live.place, "look into a queue"));
            };
            match got {
                Ok(Some(message)) => {
                    live.good();
                    return Ok(Seen::Message(place, Box::new(message.delivery)));
                }
                Ok(None) => live.good(),
                Err(error) => return self.trouble(live, place, error),
            }
            if self.door.is_closed() && self.queues.len() > 1 {
                return Ok(Seen::Nobody);
            }
        }
        let mut consumers = Vec::new();
        for (place, queue) in self.queues.iter().enumerate() {
            let (name, tag) = (queue.name.as_str().into(), format!("slot-{place}").as_str().into());
            let Ok(consumer) =
                timeout(live.answer, channel.basic_consume(name, tag, BasicConsumeOptions::default(), consumer_arguments())).await
            else {
                return Err(super::fault::silent(&live.place, "wait on a queue"));
            };
            match consumer {
                Ok(consumer) => consumers.push(consumer),
                Err(error) => return self.trouble(live, place, error),
            }
        }
        self.wait(live, channel, consumers).await
    }

    /// Waits for the first message, or until nobody asks any more; ends all waiting before it returns.
    async fn wait(&mut self, live: &Live, channel: &Channel, mut consumers: Vec<Consumer>) -> Result<Seen> {
        let first = loop {
            let next = select_all(consumers.iter_mut().map(|consumer| consumer.next()));
            tokio::select! {
                biased;
                (item, place, _) = next => break Some((place, item)),
                _ = live.over() => return Ok(Seen::Gone),
                () = self.door.closed() => {}
            }
            let early = match consumers.as_mut_slice() {
                [only] => self.linger(only).await,
                // what waits elsewhere may be more urgent than what comes here: no holding back
                _ => None,
            };
            if early.is_some() || self.door.is_closed() {
                break early.map(|item| (0, item));
            }
        };
        for message in self.stop(live, channel, &mut consumers).await? {
            // it goes to whoever waits; a failure means that it has gone back already
            let _ = message.acker.nack(BasicNackOptions { requeue: true, ..BasicNackOptions::default() }).await;
        }
        match first {
            Some((place, Some(Ok(message)))) => {
                live.good();
                Ok(Seen::Message(place, Box::new(message)))
            }
            None => Ok(Seen::Nobody),
            // the broker ended the waiting, for example because the queue was deleted
            Some((place, None)) => {
                live.forget(&self.queues[place]);
                Ok(Seen::Gone)
            }
            Some((place, Some(Err(error)))) => self.trouble(live, place, error),
        }
    }

    /// Waits a moment for another asker; gives what came meanwhile.
    async fn linger(&mut self, consumer: &mut Consumer) -> Option<Option<lapin::Result<lapin::message::Delivery>>> {
        let (ask, asked) = oneshot::channel();
        lock(&self.session.lingering).push(Lingering { queues: vec![self.table[0].name.clone()], ask });
        let mut moment = std::pin::pin!(timeout(LINGER, asked));
        let mut early = None;
        let door = loop {
            tokio::select! {
                door = &mut moment => break door,
                item = consumer.next(), if early.is_none() => early = Some(item),
            }
        };
        if let Ok(Ok(door)) = door {
            self.door = door;
        }
        early
    }

    /// Cancels all waiting; gives what crossed the cancellation.
    async fn stop(&self, live: &Live, channel: &Channel, consumers: &mut [Consumer]) -> Result<Vec<lapin::message::Delivery>> {
        let cancels = consumers.iter().map(|consumer| channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()));
        // a consumer that the broker cancelled itself is gone, which is what is wanted
        if timeout(live.answer, join_all(cancels)).await.is_err() {
            return Err(super::fault::silent(&live.place, "stop waiting on a queue"));
        }
        let mut crossing = Vec::new();
        for consumer in consumers {
            while let Some(Some(Ok(message))) = consumer.next().now_or_never() {
                crossing.push(message);
            }
        }
        Ok(crossing)
    }

    /// What an error on the slot's channel means: the channel is closed in any case.
    fn trouble(&self, live: &Live, place: usize, error: lapin::Error) -> Result<Seen> {
        let queue = &self.queues[place];
        match meaning(&error) {
            Meaning::Missing => {
                live.forget(queue);
                Ok(Seen::Gone)
            }
            Meaning::Denied => Err(fault(&live.place, &format!("take from {}", queue.name), error)),
            // a message held for longer than the broker allows closes its channel, and only that
            Meaning::Mismatch | Meaning::Locked => Ok(Seen::Gone),
            Meaning::NoHost | Meaning::Lost => {
                if is_internal(&error) {
                    lock(&self.session.suspects).blame(queue, live.number);
                }
                live.end(error.to_string());
                Ok(Seen::Gone)
            }
        }
    }

    /// Hands a message over. If nobody is there any more it goes back.
    fn give(&mut self, live: &Arc<Live>, channel: Channel, place: usize, message: lapin::message::Delivery) {
        let queue = self.queues[place].clone();
        let (session, raw) = (&self.session, message.properties);
        let exchange = message.exchange.as_str();
        let tenant = queue.name.strip_prefix("sf.v1.submit.");
        let properties = words::inward(&raw, exchange, tenant);
        let reason = (queue == Queue::dead()).then(|| words::reason(&raw)).flatten();
        let returned = message.redelivered || words::was_parked(&raw);
        let tag = session.tag();
        let home: Arc<dyn Unsettled> = Arc::clone(session) as _;
        let delivery = Delivery::new(message.data.into(), returned, tag, home).buried(reason).with(Some(Arc::new(properties)));
        lock(&session.held).insert(tag, Held { live: Arc::clone(live), channel, acker: message.acker, raw, queue });
        let (empty, _) = oneshot::channel();
        // dropped unheard, the delivery returns by itself
        let _ = std::mem::replace(&mut self.door, empty).send(Ok(delivery));
    }
}

fn consumer_arguments() -> FieldTable {
    let mut table = FieldTable::default();
    table.insert("x-consumer-timeout".into(), AMQPValue::LongLongInt(CONSUMER_TIMEOUT_MS));
    table
}
