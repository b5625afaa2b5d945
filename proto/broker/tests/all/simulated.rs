//! A queue service in memory whose time is that of the runtime: visibility, delays, receipts and the
//! 12-hour cap as SQS documents them.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard},
    time::Duration,
};
use synthfleet_broker::sqs::{ATTRIBUTES_MAX, BATCH_MAX, Counts, DELAY_MAX, HOLD_MAX, Letter, Received, Service};
use synthfleet_proto::{Error, Result};
use tokio::{sync::Notify, time::Instant};

/// The service.
#[derive(Default)]
pub struct Simulated {
    state: Mutex<State>,
    sent: Notify,
}

#[derive(Default)]
struct State {
    queues: BTreeMap<String, VecDeque<Message>>,
    last_receipt: u64,
    receives: u64,
    troubles: VecDeque<&'static str>,
}

struct Message {
    letter: Letter,
    visible_from: Instant,
    receives: u32,
    held: Option<Held>,
}

struct Held {
    receipt: String,
    since: Instant,
}

impl Simulated {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no check panics under the lock")
    }

    /// The next receives fail with these codes.
    pub fn fail(&self, codes: impl IntoIterator<Item = &'static str>) {
        self.state().troubles.extend(codes);
    }

    /// Receives so far.
    pub fn receives(&self) -> u64 {
        self.state().receives
    }

    /// Messages of a queue, hidden ones included.
    pub fn length(&self, name: &str) -> usize {
        self.state().queues.get(name).map_or(0, VecDeque::len)
    }

    /// Takes a queue away.
    pub fn remove(&self, name: &str) {
        self.state().queues.remove(name);
    }

    fn try_receive(&self, queue: &str, most: usize, visibility: Duration) -> Result<Vec<Received>> {
        assert!((1..=BATCH_MAX).contains(&most), "{most} messages were asked for");
        let now = Instant::now();
        let mut state = self.state();
        let mut last = state.last_receipt;
        let messages = state.queues.get_mut(queue).ok_or_else(gone)?;
        let mut received = Vec::new();
        for message in messages.iter_mut().filter(|message| message.visible_from <= now).take(most) {
            last += 1;
            message.receives += 1;
            message.visible_from = now + visibility;
            message.held = Some(Held { receipt: last.to_string(), since: now });
            let (letter, receipt) = (message.letter.clone(), last.to_string());
            received.push(Received { letter, receipt, receives: message.receives, first_received: None, sent: None, sender: None });
        }
        state.last_receipt = last;
        Ok(received)
    }

    /// The place of a message that is still held by that receipt.
    fn place(messages: &VecDeque<Message>, receipt: &str) -> Option<usize> {
        let now = Instant::now();
        messages.iter().position(|message| message.visible_from > now && message.held.as_ref().is_some_and(|held| held.receipt == receipt))
    }
}

fn gone() -> Error {
    Error::unavailable("broker::unroutable", "there is no such queue")
}

#[async_trait::async_trait]
impl Service for Simulated {
    async fn find(&self, name: &str) -> Result<Option<String>> {
        Ok(self.state().queues.contains_key(name).then(|| name.to_owned()))
    }

    async fn create(&self, name: &str, _visibility: Duration) -> Result<String> {
        self.state().queues.entry(name.to_owned()).or_default();
        Ok(name.to_owned())
    }

    async fn send(&self, queue: &str, letter: &Letter, delay: Duration) -> Result<()> {
        assert!(!letter.body.is_empty() && letter.attributes.len() <= ATTRIBUTES_MAX && delay <= DELAY_MAX, "SQS refuses {letter:?}");
        let message = Message { letter: letter.clone(), visible_from: Instant::now() + delay, receives: 0, held: None };
        self.state().queues.get_mut(queue).ok_or_else(gone)?.push_back(message);
        self.sent.notify_waiters();
        Ok(())
    }

    async fn receive(&self, queue: &str, most: usize, wait: Duration, visibility: Duration) -> Result<Vec<Received>> {
        let end = Instant::now() + wait;
        self.state().receives += 1;
        let trouble = self.state().troubles.pop_front();
        if let Some(code) = trouble {
            return Err(Error::unavailable(code, "made to fail"));
        }
        loop {
            let sent = self.sent.notified();
            let received = self.try_receive(queue, most, visibility)?;
            if !received.is_empty() || Instant::now() >= end {
                return Ok(received);
            }
            let visible = self.state().queues.get(queue).and_then(|messages| messages.iter().map(|m| m.visible_from).min());
            tokio::select! {
                () = sent => {}
                () = tokio::time::sleep_until(visible.unwrap_or(end).min(end)) => {}
            }
        }
    }

    async fn hide(&self, queue: &str, receipt: &str, time: Duration) -> Result<()> {
        let mut state = self.state();
        let messages = state.queues.get_mut(queue).ok_or_else(gone)?;
        let Some(place) = Self::place(messages, receipt) else { return Ok(()) };
        let now = Instant::now();
        let since = messages[place].held.as_ref().expect("found by its receipt").since;
        if now + time > since + HOLD_MAX {
            return Err(Error::unavailable("broker::unavailable", "total visibility beyond 43200 seconds"));
        }
        messages[place].visible_from = now + time;
        self.sent.notify_waiters();
        Ok(())
    }

    async fn delete(&self, queue: &str, receipt: &str) -> Result<()> {
        let mut state = self.state();
        let messages = state.queues.get_mut(queue).ok_or_else(gone)?;
        if let Some(place) = Self::place(messages, receipt) {
            messages.remove(place);
        }
        Ok(())
    }

    async fn counts(&self, queue: &str) -> Result<Option<Counts>> {
        let now = Instant::now();
        let state = self.state();
        let Some(messages) = state.queues.get(queue) else { return Ok(None) };
        let ready = messages.iter().filter(|message| message.visible_from <= now).count() as u64;
        Ok(Some(Counts { ready, hidden: messages.len() as u64 - ready }))
    }
}
