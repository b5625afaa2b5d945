//! The queues that a taker may wait for together, and the loops that ask them.

use super::desk::{Ask, Desk};
use super::{Inner, service::Received};
use crate::Delivery;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use synthfleet_proto::{Error, Result};
use tokio::{
    sync::{Notify, oneshot},
    task::JoinHandle,
};

/// Shortest and longest pause after a failed question.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));
/// Pause when too many messages are in flight: some must be settled first.
const PAUSE_OVER_LIMIT: Duration = Duration::from_secs(30);

type Door = oneshot::Sender<Result<Delivery>>;

/// At most two queues and those who wait for them.
pub(super) struct Family {
    queues: Vec<String>,
    desk: Mutex<Desk<Door>>,
    wake: Notify,
}

impl Family {
    /// Queues that are asked once somebody waits, the most urgent first.
    pub fn begin(queues: Vec<String>, inner: &Weak<Inner>) -> (Arc<Self>, Vec<JoinHandle<()>>) {
        let family = Arc::new(Self { queues, desk: Mutex::default(), wake: Notify::new() });
        let tasks = (0..family.queues.len()).map(|queue| tokio::spawn(family.clone().ask(queue, inner.clone()))).collect();
        (family, tasks)
    }

    fn desk(&self) -> MutexGuard<'_, Desk<Door>> {
        // no code under the lock can panic half way through a change
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a message of some of the queues.
    pub async fn take(&self, wanted: &[String]) -> Result<Delivery> {
        let wants = [0, 1].map(|queue| self.queues.get(queue).is_some_and(|name| wanted.contains(name)));
        let (door, message) = oneshot::channel();
        self.desk().wait(wants, door);
        self.wake.notify_waiters();
        message.await.map_err(|_| Error::unavailable("broker::unavailable", "the broker is gone"))?
    }

    /// Asks one queue whenever somebody waits for it, until the broker is gone.
    async fn ask(self: Arc<Self>, queue: usize, inner: Weak<Inner>) {
        let mut failures = 0;
        loop {
            let waked = self.wake.notified();
            let Some(ask) = self.next(queue) else {
                waked.await;
                continue;
            };
            let Some(broker) = inner.upgrade() else { return };
            match broker.receive(&self.queues[queue], ask).await {
                Ok((address, messages)) => {
                    failures = 0;
                    self.hand_out(queue, &broker, &address, messages);
                }
                Err(error) => {
                    failures += 1;
                    let pause = pause(&error, failures, broker.jitter());
                    drop(broker);
                    self.fail(queue, &error, pause);
                    tokio::time::sleep(pause).await;
                }
            }
            self.wake.notify_waiters();
        }
    }

    fn next(&self, queue: usize) -> Option<Ask> {
        let mut desk = self.desk();
        desk.prune(Door::is_closed);
        desk.ask(queue)
    }

    /// Gives messages to those who wait; what nobody waits for goes back.
    fn hand_out(&self, queue: usize, broker: &Arc<Inner>, address: &str, messages: Vec<Received>) {
        for message in messages {
            let mut delivery = broker.delivery(address, message);
            loop {
                let door = self.desk().next(queue);
                let Some(door) = door else { break };
                match door.send(Ok(delivery)) {
                    Err(Ok(unread)) => delivery = unread,
                    _ => break,
                }
            }
        }
        self.desk().answered(queue);
    }

    fn fail(&self, queue: usize, error: &Error, pause: Duration) {
        let name = &self.queues[queue];
        tracing::warn!(queue = name, code = error.code(), seconds = pause.as_secs_f64(), "a queue cannot be asked: {}", error.message());
        let wire = error.to_wire();
        for door in self.desk().fail(queue) {
            // whoever went away meanwhile need not know
            let _ = door.send(Err(Error::from(wire.clone())));
        }
    }
}

/// How long to leave a queue alone after so many failures in a row; `jitter` is from 0 to 1.
fn pause(error: &Error, failures: u32, jitter: f64) -> Duration {
    if error.code() == "broker::over_limit" {
        return PAUSE_OVER_LIMIT;
    }
    let (shortest, longest) = PAUSE;
    let upper = shortest.saturating_mul(1 << failures.min(10)).min(longest);
    shortest.max(upper.mul_f64(jitter.clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_half_a_minute_and_differ_between_processes() {
        let away = Error::unavailable("broker::unavailable", "away");
        let pauses: Vec<_> = [1, 2, 5, 20].map(|failures| pause(&away, failures, 1.0).as_secs_f64()).into();
        assert_eq!(pauses, [0.4, 0.8, 6.4, 30.0]);
        assert_eq!(pause(&away, 5, 0.5), Duration::from_secs_f64(3.2));
        assert_eq!(pause(&away, 5, 0.0), PAUSE.0);
    }

    #[test]
    fn too_many_messages_in_flight_pause_longest_at_once() {
        assert_eq!(pause(&Error::unavailable("broker::over_limit", "full"), 1, 0.0), PAUSE_OVER_LIMIT);
    }
}
