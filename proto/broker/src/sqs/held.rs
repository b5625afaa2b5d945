//! Messages in the hands of takers, and what becomes of each.

use super::service::{HOLD_MAX, Service};
use super::wire::{self, Marks, Opened};
use crate::Settle;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use synthfleet_proto::Result;
use tokio::time::Instant;

/// How long before the end of the longest hold a message is replaced by a copy.
const MARGIN: Duration = Duration::from_secs(15 * 60);
/// How long the copy of a message that is still worked on stays hidden.
const COPY_HIDDEN: Duration = Duration::from_secs(600);

/// A message in somebody's hands.
#[derive(Debug, Clone)]
pub(super) struct Hold {
    /// Address of its queue.
    pub queue: String,
    pub receipt: String,
    pub message: Opened,
    pub taken: Instant,
    /// When it was last hidden from others.
    pub renewed: Instant,
}

impl Hold {
    /// Whether it can no longer be hidden for so long: the service ends every hold 12 hours after receipt.
    fn outlives(&self, time: Duration) -> bool {
        self.taken.elapsed() + time + MARGIN > HOLD_MAX
    }

    /// Puts a copy in its place that is hidden for a while.
    async fn replace(&self, service: &dyn Service, hidden: Duration) -> Result<()> {
        let marks = Marks { reason: None, returned: true };
        service.send(&self.queue, &wire::write(&self.message.body, &self.message.properties, &marks), hidden).await?;
        service.delete(&self.queue, &self.receipt).await
    }

    /// Does what the holder decided. `dead` is the address of the dead list.
    pub async fn settle(&self, service: &dyn Service, verb: Settle, dead: &str) -> Result<()> {
        match verb {
            Settle::Ack => service.delete(&self.queue, &self.receipt).await,
            Settle::Requeue => service.hide(&self.queue, &self.receipt, Duration::ZERO).await,
            Settle::Park(wait) if self.outlives(wait.duration()) => self.replace(service, wait.duration()).await,
            Settle::Park(wait) => service.hide(&self.queue, &self.receipt, wait.duration()).await,
            Settle::Bury(reason) => {
                let marks = Marks { reason: Some(reason), returned: true };
                service.send(dead, &wire::write(&self.message.body, &self.message.properties, &marks), Duration::ZERO).await?;
                service.delete(&self.queue, &self.receipt).await
            }
        }
    }
}

/// All holds by tag.
#[derive(Debug, Default)]
pub(super) struct Holds {
    all: Mutex<(u64, BTreeMap<u64, Hold>)>,
}

impl Holds {
    fn lock(&self) -> MutexGuard<'_, (u64, BTreeMap<u64, Hold>)> {
        // no code under the lock can panic half way through a change
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a hold and numbers it.
    pub fn add(&self, hold: Hold) -> u64 {
        let mut all = self.lock();
        all.0 += 1;
        let tag = all.0;
        all.1.insert(tag, hold);
        tag
    }

    /// Ends a hold; `None`: it ended before.
    pub fn remove(&self, tag: u64) -> Option<Hold> {
        self.lock().1.remove(&tag)
    }

    /// Says that a message is still worked on. At 11 h 45 its hold ends: a copy takes its place, and
    /// whatever its holder says afterwards has no effect.
    pub async fn extend(&self, tag: u64, service: &dyn Service, visibility: Duration) -> Result<()> {
        let Some(hold) = self.lock().1.get(&tag).cloned() else { return Ok(()) };
        if hold.outlives(Duration::ZERO) {
            hold.replace(service, COPY_HIDDEN).await?;
            self.remove(tag);
            return Ok(());
        }
        if hold.renewed.elapsed() < visibility / 3 {
            return Ok(());
        }
        service.hide(&hold.queue, &hold.receipt, visibility).await?;
        if let Some(hold) = self.lock().1.get_mut(&tag) {
            hold.renewed = Instant::now();
        }
        Ok(())
    }
}
