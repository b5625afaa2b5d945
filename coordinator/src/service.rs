//! The only loop: facts and hints in, effects out. Everything it decides comes from the pure modules.

mod care;
mod hint;
mod sweep;
pub(crate) mod tell;

use crate::Catalogue;
use crate::dispatch::Flow;
use crate::job::{Event as JobEvent, INTERRUPTED};
use care::Job;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_broker::{Broker, Delivery, Inbox, Settle, Topic};
use synthfleet_proto::attempts::Limits;
use synthfleet_proto::envelope::Envelope;
use synthfleet_proto::event::Event;
use synthfleet_proto::fact::FinalFact;
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::outside::{Clock, Entropy};
use synthfleet_proto::task::TaskId;
use synthfleet_proto::{Error, ErrorKind, Result};
use synthfleet_store::Store;
use tokio::sync::{broadcast, mpsc, watch};

/// Settings of a coordinator.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Version of the program, for manifests.
    pub version: String,
    /// Pool that takes every task.
    pub pool: String,
    /// Slots of that pool: what windows follow from.
    pub slots: usize,
    /// Time between two looks at the store without any message.
    pub sweep_every: Duration,
    /// Time that a cancelled job waits for its running tasks.
    pub cancel_patience: Duration,
    /// How often a task may be tried.
    pub limits: Limits,
    /// Take up every job that has a marker; otherwise only jobs that it is asked to care for.
    pub adopts: bool,
    /// Errors in a row of one job after which [`Service::run`] gives up; `None`: never.
    pub failures_max: Option<u32>,
}

impl Options {
    /// A coordinator inside one process.
    pub fn embedded(slots: usize, version: &str) -> Self {
        Self {
            version: version.to_owned(),
            pool: "local".to_owned(),
            slots,
            sweep_every: Duration::from_secs(10),
            cancel_patience: Duration::from_secs(5),
            limits: Limits::EMBEDDED,
            adopts: false,
            failures_max: Some(3),
        }
    }
}

/// What a coordinator works with.
#[derive(Clone)]
pub struct Parts {
    /// Facts and data.
    pub store: Arc<dyn Store>,
    /// Hints.
    pub broker: Arc<dyn Broker>,
    /// Clock.
    pub clock: Arc<dyn Clock>,
    /// Random bits.
    pub entropy: Arc<dyn Entropy>,
    /// Members there are.
    pub catalogue: Arc<Catalogue>,
    /// The embedded run that holds the store alone, if there is one.
    pub run: Option<String>,
    /// Where events of all jobs go. Slow subscribers miss some.
    pub events: broadcast::Sender<Event>,
}

/// What the outside may ask of a running coordinator.
enum Order {
    Care(JobKeys),
    Interrupt(JobKeys),
}

/// A coordinator.
///
/// ```ignore
/// let (service, handle) = synthfleet_coordinator::Service::new(Options::embedded(2, version), parts);
/// let submitted = submit(&desk, asked).await?;
/// handle.care("local", &submitted.job).await?;      // begin now, not at the next sweep
/// let running = tokio::spawn(service.run(shutdown));
/// let last = handle.finished(&submitted.job).await; // the fact `final`
/// ```
pub struct Service {
    options: Options,
    parts: Parts,
    orders: mpsc::Receiver<Order>,
    finals: watch::Sender<BTreeMap<String, FinalFact>>,
    jobs: BTreeMap<String, Job>,
    flow: Flow,
}

/// The line to a running coordinator. Clones share it.
#[derive(Clone)]
pub struct Handle {
    orders: mpsc::Sender<Order>,
    finals: watch::Receiver<BTreeMap<String, FinalFact>>,
}

impl Handle {
    /// Looks after a job from now on, without waiting for the next sweep.
    pub async fn care(&self, tenant: &str, job: &str) -> Result<()> {
        self.order(Order::Care(JobKeys::new(tenant, job)?)).await
    }

    /// Starts nothing new, stops what runs, judges what is finished and publishes it.
    pub async fn interrupt(&self, tenant: &str, job: &str) -> Result<()> {
        self.order(Order::Interrupt(JobKeys::new(tenant, job)?)).await
    }

    /// Waits for the end of a job; `None`: the coordinator ended before it.
    pub async fn finished(&self, job: &str) -> Option<FinalFact> {
        let mut finals = self.finals.clone();
        let known = finals.wait_for(|finals| finals.contains_key(job)).await.ok()?;
        known.get(job).cloned()
    }

    async fn order(&self, order: Order) -> Result<()> {
        self.orders.send(order).await.map_err(|_| Error::internal("coordinator::ended", "the coordinator has ended"))
    }
}

impl Service {
    /// A coordinator and the line to it. Nothing begins before [`Service::run`].
    pub fn new(options: Options, parts: Parts) -> (Self, Handle) {
        let (orders, receiver) = mpsc::channel(256);
        let (finals, known) = watch::channel(BTreeMap::new());
        let service = Self { options, parts, orders: receiver, finals, jobs: BTreeMap::new(), flow: Flow::default() };
        (service, Handle { orders, finals: known })
    }

    /// Looks after all jobs that have a marker, until `shutdown` becomes true. Nothing is lost at any
    /// instant: another coordinator, or this one started again, goes on from the facts.
    pub async fn run(mut self, mut shutdown: watch::Receiver<bool>) -> Result<()> {
        let mut events = self.parts.broker.listen(Topic::Events).await?;
        let mut sweep = tokio::time::interval(self.options.sweep_every);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let due = self.next_due();
            let broker = Arc::clone(&self.parts.broker);
            let step = tokio::select! {
                biased;
                () = stopped(&mut shutdown) => return Ok(()),
                Some(order) = self.orders.recv() => self.obey(order).await,
                taken = broker.take(&Inbox::Result) => match taken {
                    Ok(delivery) => self.result(delivery).await,
                    Err(error) => {
                        tracing::warn!(code = error.code(), "the broker gives no results");
                        tokio::time::sleep(Duration::from_millis(500)).await;
                        Ok(())
                    }
                },
                Some(event) = events.next() => {
                    tell::forward(&self.parts.events, &event);
                    continue;
                }
                () = sleep_until(due) => self.time_is_over().await,
                _ = sweep.tick() => self.sweep().await,
            };
            step?;
            self.dispatch().await;
        }
    }

    fn next_due(&self) -> Option<tokio::time::Instant> {
        self.jobs.values().filter_map(|job| job.due).min()
    }

    async fn obey(&mut self, order: Order) -> Result<()> {
        match order {
            Order::Care(keys) => self.adopt(&keys).await,
            Order::Interrupt(keys) => {
                self.adopt(&keys).await?;
                self.advance(keys.job(), JobEvent::CutOff(INTERRUPTED)).await
            }
        }
    }

    /// Takes a job into care, with all facts it has.
    async fn adopt(&mut self, keys: &JobKeys) -> Result<()> {
        if self.jobs.contains_key(keys.job()) {
            return Ok(());
        }
        match Job::read(keys, &self.parts).await {
            Ok(mut job) => {
                tell::state(&self.parts, &mut job);
                self.jobs.insert(keys.job().to_owned(), job);
                self.advance(keys.job(), JobEvent::Sweep).await
            }
            Err(error) => {
                tracing::warn!(job = keys.job(), code = error.code(), "a job cannot be read");
                if self.options.failures_max.is_some() { Err(error) } else { Ok(()) }
            }
        }
    }

    /// Moves a job on until nothing more is to be done now.
    async fn advance(&mut self, job: &str, event: JobEvent) -> Result<()> {
        let Some(caring) = self.jobs.get_mut(job) else { return Ok(()) };
        match caring.advance(event, &self.parts, &self.options).await {
            Ok(()) => caring.failures = 0,
            Err(error) => {
                tracing::warn!(job, code = error.code(), error = error.message(), "a job could not be moved on");
                caring.failures += 1;
                let fatal = !matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Conflict);
                if self.options.failures_max.is_some_and(|most| fatal || caring.failures >= most) {
                    return Err(error);
                }
                return Ok(());
            }
        }
        for (task, tenant) in caring.take_ended() {
            self.flow.end(&tenant, job, &task);
        }
        if let Some(last) = caring.ended() {
            for task in caring.view.tasks() {
                self.flow.end(caring.keys.tenant(), job, task);
            }
            let last = last.clone();
            self.jobs.remove(job);
            self.finals.send_modify(|finals| {
                finals.insert(job.to_owned(), last);
            });
        }
        Ok(())
    }

    /// A worker says that something happened to a task: the store tells what.
    async fn result(&mut self, delivery: Delivery) -> Result<()> {
        let envelope = match Envelope::decode(delivery.body()) {
            Ok(envelope) => envelope,
            Err(refused) => return self.settle(delivery, Settle::Bury(refused.reason().to_owned())).await,
        };
        let (Some(job), Some(task)) = (&envelope.job, envelope.task.as_deref().and_then(|task| TaskId::parse(task).ok())) else {
            return self.settle(delivery, Settle::Ack).await;
        };
        if let Some(caring) = self.jobs.get_mut(job) {
            match caring.look(&task, &self.parts).await {
                Ok(Some(fact)) => self.advance(job, JobEvent::Fact(Box::new(fact))).await?,
                Ok(None) => {}
                // the next sweep looks again
                Err(error) => tracing::warn!(job, task = task.as_str(), code = error.code(), "a result could not be read"),
            }
        }
        self.settle(delivery, Settle::Ack).await
    }

    async fn settle(&self, delivery: Delivery, verb: Settle) -> Result<()> {
        if let Err(error) = self.parts.broker.settle(delivery, verb).await {
            tracing::warn!(code = error.code(), "a result could not be settled");
        }
        Ok(())
    }

    async fn time_is_over(&mut self) -> Result<()> {
        let now = tokio::time::Instant::now();
        let due: Vec<String> =
            self.jobs.iter().filter(|(_, job)| job.due.is_some_and(|due| due <= now)).map(|(id, _)| id.clone()).collect();
        for id in due {
            let Some(event) = self.jobs.get_mut(&id).and_then(Job::what_is_due) else { continue };
            self.advance(&id, event).await?;
        }
        Ok(())
    }
}

/// Ends when the owner says stop, or is gone.
async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|stop| *stop).await;
}

async fn sleep_until(due: Option<tokio::time::Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
