//! The only loop: facts and hints in, effects out. Everything it decides comes from the pure modules.

mod adopt;
mod advance;
mod beat;
mod care;
mod dead;
mod errands;
mod gauges;
mod handle;
mod hint;
mod inbox;
mod log;
mod notes;
mod options;
mod probe;
pub(crate) mod read;
mod spans;
mod sweep;
pub(crate) mod tell;

pub use handle::Handle;
pub use options::{Options, Parts};

use crate::callback;
use crate::dispatch::{Flow, Line};
use crate::job::{Event as JobEvent, INTERRUPTED};
use crate::{metrics, retain};
use care::{Beside, Job, Made};
use errands::Brought;
use futures::FutureExt;
use handle::Order;
use hint::Pause;
use notes::Note;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use sweep::Swept;
use synthfleet_broker::{Inbox, Topic};
use synthfleet_metrics::Book;
use synthfleet_proto::Result;
use synthfleet_proto::fact::{FinalFact, SpecFact};
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::span::Spans;
use synthfleet_proto::task::TaskId;
use synthfleet_store::read_fact;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Results, or words of other replicas, that are read together.
const HEARD_AT_ONCE: usize = 64;

/// A coordinator.
///
/// ```ignore
/// let (service, handle) = synthfleet_coordinator::Service::new(Options::embedded(version), parts);
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
    in_care: watch::Sender<Vec<JobKeys>>,
    jobs: BTreeMap<String, Job>,
    /// Jobs in care by tenant, in the order in which they are served.
    lines: BTreeMap<String, BTreeSet<Line>>,
    /// Messages that wait in each pool, and when that was seen.
    depths: BTreeMap<String, (Instant, u64)>,
    flow: Flow,
    /// When something follows from time alone, by job.
    dues: BTreeMap<String, Instant>,
    /// Jobs with tasks for which earlier jobs may have results.
    stirred: BTreeSet<String>,
    paused: BTreeMap<String, Pause>,
    /// Jobs of which more could be hinted since the last time.
    touched: BTreeSet<String>,
    /// Whether more of any job could be hinted: a window was full, or who is there has changed.
    all_touched: bool,
    /// Whether something was not hinted for want of room in a window that jobs share.
    held_back: bool,
    /// What is waited for beside the loop.
    errands: JoinSet<Brought>,
    /// Jobs that are being taken into care, with tasks that somebody spoke of meanwhile.
    adopting: BTreeMap<String, BTreeSet<TaskId>>,
    /// Holds back when many jobs are to be taken into care.
    adoptions: Arc<Semaphore>,
    beside: Beside,
    made: mpsc::Receiver<Made>,
    noted: mpsc::Receiver<Note>,
    book: Arc<Book>,
}

impl Service {
    /// A coordinator and the line to it. Nothing begins before [`Service::run`].
    pub fn new(options: Options, parts: Parts) -> (Self, Handle) {
        let (handle, orders, finals) = handle::line();
        let (in_care, _) = watch::channel(Vec::new());
        let (jobs, flow, paused) = (BTreeMap::new(), Flow::default(), BTreeMap::new());
        let (making, made) = mpsc::channel(16);
        let (notes, noted) = notes::pad();
        let (lines, depths, beside) = (BTreeMap::new(), BTreeMap::new(), Beside { made: making, notes, spans: None });
        let book = Arc::new(Book::new(&[metrics::CATALOGUE]));
        let (errands, adopting, adoptions) = (JoinSet::new(), BTreeMap::new(), Arc::new(Semaphore::new(errands::ADOPTED_AT_ONCE)));
        let service = Self {
            options,
            parts,
            orders,
            finals,
            in_care,
            jobs,
            lines,
            depths,
            flow,
            dues: BTreeMap::new(),
            stirred: BTreeSet::new(),
            paused,
            touched: BTreeSet::new(),
            all_touched: true,
            held_back: false,
            errands,
            adopting,
            adoptions,
            beside,
            made,
            noted,
            book,
        };
        (service, handle)
    }

    /// Counts in the book of the process, which scrapes read.
    #[must_use]
    pub fn counted(mut self, book: Arc<Book>) -> Self {
        book.set(metrics::BUILD_INFO, &[&self.options.version, "coordinator"], 1.0);
        self.book = book;
        self
    }

    /// Tells what it does to a collector of traces, if there is one.
    #[must_use]
    pub fn traced(mut self, spans: Option<Arc<dyn Spans>>) -> Self {
        self.beside.spans = spans;
        self
    }

    /// Looks after jobs until `shutdown` becomes true. Nothing is lost at any instant: another coordinator, or
    /// this one started again, goes on from the facts.
    pub async fn run(mut self, shutdown: watch::Receiver<bool>) -> Result<()> {
        let (mut beside, mut noting) = (JoinSet::new(), JoinSet::new());
        let nothing = mpsc::channel(1).1;
        noting.spawn(notes::write(self.parts.clone(), std::mem::replace(&mut self.noted, nothing)));
        let ended = self.attend(shutdown, &mut beside).await;
        beside.shutdown().await;
        self.errands.shutdown().await;
        let (options, parts) = (self.options.clone(), self.parts.clone());
        // nobody is left who could note anything
        drop(self);
        notes::finish(noting).await;
        if !parts.roster.is_fixed() {
            beat::leave(&options, &parts).await;
        }
        ended
    }

    async fn attend(&mut self, mut shutdown: watch::Receiver<bool>, beside: &mut JoinSet<()>) -> Result<()> {
        let (renewing, mut renewed) = watch::channel(0);
        if !self.parts.roster.is_fixed() {
            beside.spawn(beat::beat(self.options.clone(), self.parts.clone(), renewing));
            // who else is there is known before the first job is taken up
            let _ = renewed.changed().await;
        }
        let mut events = self.parts.broker.listen(Topic::Events).await?;
        let mut control = self.parts.broker.listen(Topic::Control).await?;
        let (taking, mut taken) = mpsc::channel(64);
        let own = self.own_queue().map(Inbox::ResultOf);
        // of the queue of all comes little where each has one of its own
        let shared = if own.is_some() { self.options.takers.div_ceil(2) } else { self.options.takers };
        let inboxes = std::iter::repeat_n(Inbox::Result, shared.max(1)).chain(own.into_iter().cycle().take(self.options.takers));
        for inbox in inboxes {
            beside.spawn(inbox::take(Arc::clone(&self.parts.broker), inbox, taking.clone()));
        }
        let (finding, mut found) = mpsc::channel::<Swept>(16);
        beside.spawn(sweep::watch(self.options.clone(), self.parts.clone(), self.in_care.subscribe(), finding, Arc::clone(&self.book)));
        if self.options.adopts {
            beside.spawn(dead::drain(self.options.clone(), self.parts.clone()));
            beside.spawn(gauges::watch(self.parts.clone(), Arc::clone(&self.book)));
        }
        beside.spawn(callback::watch(self.options.clone(), self.parts.clone(), Arc::clone(&self.book)));
        beside.spawn(retain::watch(self.options.clone(), self.parts.clone()));
        if !self.parts.roster.is_fixed() {
            beside.spawn(probe::watch(self.options.clone(), self.parts.clone()));
        }
        let mut results = Vec::new();
        loop {
            let due = [self.next_due(), self.pause_over()].into_iter().flatten().min();
            let has_hands = self.has_hands();
            tokio::select! {
                biased;
                () = stopped(&mut shutdown) => return Ok(()),
                Some(order) = self.orders.recv() => self.obey(order).await?,
                () = sleep_until(due) => self.time_is_over().await?,
                Some(made) = self.made.recv() => self.take_made(made).await?,
                Some(brought) = self.errands.join_next() => self.come_back(brought).await?,
                Some(swept) = found.recv(), if has_hands => self.swept(swept).await?,
                Ok(()) = renewed.changed(), if !self.parts.roster.is_fixed() => self.look_around().await?,
                Some(body) = control.next() => {
                    // what has come meanwhile is heard with it
                    let mut bodies = vec![body];
                    while bodies.len() < HEARD_AT_ONCE && let Some(Some(body)) = control.next().now_or_never() {
                        bodies.push(body);
                    }
                    self.heed(&bodies).await?;
                }
                _ = taken.recv_many(&mut results, HEARD_AT_ONCE), if has_hands => self.results(std::mem::take(&mut results)).await?,
                Some(event) = events.next() => {
                    tell::forward(&self.parts.events, &event);
                    continue;
                }
            }
            if self.all_touched || !self.touched.is_empty() {
                self.dispatch();
            }
        }
    }

    /// The name of this coordinator's own queue of results, if it has one.
    fn own_queue(&self) -> Option<String> {
        let is_one_of_many = self.options.adopts && self.parts.broker.has_own_queues();
        is_one_of_many.then(|| self.options.id.clone())
    }

    fn next_due(&self) -> Option<Instant> {
        self.dues.values().min().copied()
    }

    async fn obey(&mut self, order: Order) -> Result<()> {
        match order {
            Order::Care(keys) if self.cares_for(&keys) => {
                self.adopt(&keys, None);
                self.tell_accepted(&keys);
                Ok(())
            }
            Order::Care(keys) => {
                self.tell_accepted(&keys);
                inbox::wake(&self.parts, &keys).await;
                Ok(())
            }
            Order::Wake(keys) => {
                // whoever looks after it hears it, this one included
                inbox::wake(&self.parts, &keys).await;
                self.look(&keys, None);
                Ok(())
            }
            Order::Interrupt(keys) => {
                if !self.jobs.contains_key(keys.job()) {
                    let job = Job::read(&keys, &self.parts, self.beside.clone(), &self.book).await;
                    self.adopted(&keys, job.map(|job| Some(Box::new(job)))).await?;
                }
                self.advance(keys.job(), JobEvent::CutOff(INTERRUPTED)).await
            }
        }
    }

    /// Tells collectors of traces that a job came through a door of this process.
    fn tell_accepted(&mut self, keys: &JobKeys) {
        let (Some(spans), Ok(key)) = (self.beside.spans.clone(), keys.spec()) else { return };
        let (parts, id) = (self.parts.clone(), self.options.id.clone());
        self.errands.spawn(async move {
            // a span that cannot be told is none
            if let Ok(Some(spec)) = read_fact::<SpecFact>(parts.store.as_ref(), key.key()).await {
                spans::accepted(spans.as_ref(), &spec.fact, &id, parts.clock.now_ms() as i64);
            }
            Brought::Nothing
        });
    }
}

/// Ends when the owner says stop, or is gone.
async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|stop| *stop).await;
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
