//! Queues, waiting takers and unsettled messages: plain collections without locks or waiting.

use crate::{Delivery, Inbox, Properties, Route};
use bytes::Bytes;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};
use synthfleet_proto::class::Class;
use tokio::{sync::oneshot, time::Instant};

/// One queue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Queue {
    Pool(String, Class),
    Result,
    ResultOf(String),
    Submit,
    Dead,
    Reply(String),
}

impl From<&Route> for Queue {
    fn from(route: &Route) -> Self {
        match route {
            Route::Pool { pool, class } => Self::Pool(pool.clone(), *class),
            Route::Result => Self::Result,
            Route::ResultOf(coordinator) => Self::ResultOf(coordinator.clone()),
            Route::Submit => Self::Submit,
        }
    }
}

/// The queues behind an inbox, most urgent first.
pub(super) fn queues_of(inbox: &Inbox) -> Vec<Queue> {
    match inbox {
        Inbox::Pool { pool, classes } => classes.iter().map(|class| Queue::Pool(pool.clone(), *class)).collect(),
        Inbox::Result => vec![Queue::Result],
        Inbox::ResultOf(coordinator) => vec![Queue::ResultOf(coordinator.clone())],
        Inbox::Submit => vec![Queue::Submit],
        Inbox::Dead => vec![Queue::Dead],
        Inbox::Reply(name) => vec![Queue::Reply(name.clone())],
    }
}

/// A message at rest.
#[derive(Debug)]
pub(super) struct Message {
    pub body: Bytes,
    /// Whether it was ever returned.
    pub returned: bool,
    pub reason: Option<String>,
    pub properties: Option<Arc<Properties>>,
    pub since: Instant,
}

/// A message in somebody's hands.
#[derive(Debug)]
pub(super) struct Taken {
    pub queue: Queue,
    pub message: Message,
}

struct Waiter {
    queues: Vec<Queue>,
    door: oneshot::Sender<Delivery>,
}

/// Everything that is locked together.
#[derive(Default)]
pub(super) struct State {
    queues: BTreeMap<Queue, VecDeque<Message>>,
    waiters: VecDeque<Waiter>,
    unsettled: BTreeMap<u64, Taken>,
    last_tag: u64,
}

impl State {
    pub fn declare(&mut self, queue: Queue) {
        self.queues.entry(queue).or_default();
    }

    /// Removes coordinators' own queues with all they hold: of one of them, or of all. Who still waits at one of all
    /// has it again, empty.
    pub fn forget(&mut self, coordinator: Option<&str>) {
        let is_gone = |queue: &Queue| matches!(queue, Queue::ResultOf(name) if coordinator.is_none_or(|gone| gone == name));
        self.queues.retain(|queue, _| !is_gone(queue));
        self.unsettled.retain(|_, taken| !is_gone(&taken.queue));
        if coordinator.is_none() {
            let waiting = self.waiters.iter().filter(|waiter| !waiter.door.is_closed()).flat_map(|waiter| waiter.queues.clone());
            let again: Vec<Queue> = waiting.filter(is_gone).collect();
            again.into_iter().for_each(|queue| self.declare(queue));
        }
    }

    /// Ready messages of a queue; `None`: there is no such queue.
    pub fn length(&self, queue: &Queue) -> Option<usize> {
        self.queues.get(queue).map(VecDeque::len)
    }

    pub fn oldest(&self, queue: &Queue) -> Option<Instant> {
        self.queues.get(queue)?.iter().map(|message| message.since).min()
    }

    pub fn push_back(&mut self, queue: Queue, message: Message) {
        self.queues.entry(queue).or_default().push_back(message);
    }

    pub fn push_front(&mut self, queue: Queue, message: Message) {
        self.queues.entry(queue).or_default().push_front(message);
    }

    pub fn drop_oldest(&mut self, queue: &Queue) {
        self.queues.get_mut(queue).and_then(VecDeque::pop_front);
    }

    /// Takes the next message of the first of some queues that has one, and numbers it.
    pub fn pop(&mut self, queues: &[Queue]) -> Option<u64> {
        let (queue, message) = queues.iter().find_map(|queue| Some((queue.clone(), self.queues.get_mut(queue)?.pop_front()?)))?;
        self.last_tag += 1;
        self.unsettled.insert(self.last_tag, Taken { queue, message });
        Some(self.last_tag)
    }

    pub fn taken(&self, tag: u64) -> Option<&Taken> {
        self.unsettled.get(&tag)
    }

    /// Ends the hold on a message; `None`: it went back before.
    pub fn release(&mut self, tag: u64) -> Option<Taken> {
        self.unsettled.remove(&tag)
    }

    /// Ends all holds, newest first, so that pushing each to the front restores the order.
    pub fn release_all(&mut self) -> Vec<Taken> {
        std::mem::take(&mut self.unsettled).into_values().rev().collect()
    }

    /// Lines up for the next message of some queues, all of which are empty now.
    pub fn wait(&mut self, queues: Vec<Queue>) -> oneshot::Receiver<Delivery> {
        self.waiters.retain(|waiter| !waiter.door.is_closed());
        let (door, taker) = oneshot::channel();
        self.waiters.push_back(Waiter { queues, door });
        taker
    }

    /// The first live taker that waits for a queue, if the queue has a message.
    pub fn next_waiter(&mut self, queue: &Queue) -> Option<oneshot::Sender<Delivery>> {
        if self.queues.get(queue).is_none_or(VecDeque::is_empty) {
            return None;
        }
        let first = self.waiters.iter().position(|waiter| !waiter.door.is_closed() && waiter.queues.contains(queue))?;
        self.waiters.remove(first).map(|waiter| waiter.door)
    }

    pub fn unsettled_of(&self, queue: &Queue) -> u64 {
        self.unsettled.values().filter(|taken| taken.queue == *queue).count() as u64
    }

    pub fn waiting_for(&self, queues: &[Queue]) -> u64 {
        let waits = |waiter: &&Waiter| !waiter.door.is_closed() && waiter.queues.iter().any(|queue| queues.contains(queue));
        self.waiters.iter().filter(waits).count() as u64
    }
}
