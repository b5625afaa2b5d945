//! Tables that are dropped into a bucket: notifications of a queue become jobs.
//!
//! A notification is deleted once each of its objects has its job, or a reason why it has none that
//! somebody can look up. Until then it comes back, so a process may die at any point; the identity of an
//! upload is the idempotency key, so whatever comes twice is one job.

mod message;
mod objects;
mod rules;
mod template;

#[cfg(test)]
mod tests;

pub use objects::{Objects, Seen};
pub use rules::{Ignored, Rule, RuleWish, Rules, SIDECAR, Sidecar};
pub use template::{SIDECAR_BYTES_MAX, Template};

use super::Sources;
use crate::api;
use message::HIDDEN;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_broker::sqs::{BATCH_MAX, BucketEvent, BucketEvents};
use synthfleet_proto::Result;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

/// Notifications that are held at once, those that wait for a sidecar included.
const HELD_MAX: usize = 200;
/// Longest pause after a queue could not be asked.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long notifications may still be worked on after the process was asked to end.
const LAST_WORK_MAX: Duration = Duration::from_secs(10);

/// Settings of one queue.
#[derive(Clone)]
pub struct Options {
    /// Whose jobs these are.
    pub tenant: String,
    /// Notifications that are worked on at once.
    pub concurrency: usize,
    /// Which objects start jobs.
    pub rules: Rules,
    /// Which links jobs may name.
    pub sources: Sources,
}

/// What it works with.
#[derive(Clone)]
pub struct Parts {
    /// The queue.
    pub queue: Arc<dyn BucketEvents>,
    /// The buckets.
    pub objects: Arc<dyn Objects>,
    /// The coordinator of this process.
    pub coordinator: api::Parts,
}

/// The intake of one queue.
pub struct S3Events {
    options: Options,
    parts: Parts,
    active: Arc<Semaphore>,
}

impl S3Events {
    /// Nothing is asked before [`S3Events::run`].
    pub fn new(options: Options, parts: Parts) -> Self {
        let active = Arc::new(Semaphore::new(options.concurrency.max(1)));
        Self { options, parts, active }
    }

    /// Takes notifications until `shutdown` becomes true, then ends what it holds.
    pub async fn run(self, mut shutdown: watch::Receiver<bool>) {
        let me = Arc::new(self);
        let held = Arc::new(Semaphore::new(HELD_MAX));
        let mut at_work = JoinSet::new();
        let stopping = shutdown.clone();
        tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => {}
            () = me.clone().take(&held, &mut at_work, &stopping) => {}
        }
        let ended = async { while at_work.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_WORK_MAX, ended).await.is_err() {
            tracing::warn!("notifications were left in the middle: they come back");
        }
    }

    /// Takes notifications for ever.
    async fn take(self: Arc<Self>, held: &Arc<Semaphore>, at_work: &mut JoinSet<()>, stopping: &watch::Receiver<bool>) {
        self.wait_for_members().await;
        let mut failures = 0;
        loop {
            while at_work.try_join_next().is_some() {}
            let Some(places) = self.places(held).await else { return };
            match self.parts.queue.receive(places.len(), HIDDEN).await {
                Ok(events) => {
                    failures = 0;
                    for (event, place) in events.into_iter().zip(places) {
                        at_work.spawn(self.clone().work(event, place, stopping.clone()));
                    }
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(code = error.code(), "the queue of bucket events cannot be asked: {}", error.message());
                    tokio::time::sleep(Duration::from_secs(1 << failures.min(5)).min(PAUSE_MAX)).await;
                }
            }
        }
    }

    /// A fleet that never saw a worker knows no member, and would refuse every job.
    async fn wait_for_members(&self) {
        while self.parts.coordinator.service.roster.now().catalogue.synthesizers().is_empty() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Room for at least one notification and at most one receive.
    async fn places(&self, held: &Arc<Semaphore>) -> Option<Vec<Place>> {
        let mut places =
            vec![Place { _held: held.clone().acquire_owned().await.ok()?, active: self.active.clone().acquire_owned().await.ok()? }];
        while places.len() < BATCH_MAX
            && let Ok(held) = held.clone().try_acquire_owned()
            && let Ok(active) = self.active.clone().try_acquire_owned()
        {
            places.push(Place { _held: held, active });
        }
        Some(places)
    }

    /// Works on one notification and settles it.
    async fn work(self: Arc<Self>, event: BucketEvent, place: Place, stopping: watch::Receiver<bool>) {
        let settled = tokio::select! {
            settled = message::settle(&self, &event, place, stopping) => settled,
            never = self.keep_hidden(&event) => never,
        };
        if let Err(error) = settled {
            tracing::warn!(code = error.code(), "a bucket event could not be settled, it comes back: {}", error.message());
        }
    }

    /// Hides a notification from others for as long as it is worked on.
    async fn keep_hidden(&self, event: &BucketEvent) -> Result<()> {
        loop {
            tokio::time::sleep(HIDDEN / 4).await;
            if let Err(error) = self.parts.queue.hide(event, HIDDEN).await {
                tracing::warn!(code = error.code(), "a bucket event may come back too early: {}", error.message());
            }
        }
    }
}

/// Room for one notification, and the right to work on it now.
struct Place {
    _held: OwnedSemaphorePermit,
    active: OwnedSemaphorePermit,
}
