//! The only loop: facts and hints in, effects out. Everything it decides comes from the pure modules.

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
mod probe;
pub(crate) mod read;
mod spans;
mod sweep;
pub(crate) mod tell;

pub use handle::Handle;

use crate::callback::{self, Callbacks};
use crate::dispatch::{Flow, Line};
use crate::fleet::Roster;
use crate::job::{Event as JobEvent, INTERRUPTED, Phase};
use crate::{metrics, retain};
use care::{Beside, Job, Made, Routes};
use errands::Brought;
use futures::FutureExt;
use handle::Order;
use hint::Pause;
use notes::Note;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use sweep::Swept;
use synthfleet_broker::{Broker, Inbox, Topic};
use synthfleet_metrics::Book;
use synthfleet_proto::attempts::Limits;
use synthfleet_proto::event::Event;
use synthfleet_proto::fact::{FinalFact, SpecFact};
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::outside::{Clock, Entropy};
use synthfleet_proto::span::Spans;
use synthfleet_proto::task::TaskId;
use synthfleet_proto::{Error, ErrorKind, Result};
use synthfleet_store::foreign::Links;
use synthfleet_store::{Store, read_fact};
use tokio::sync::{Semaphore, broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Settings of a coordinator.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Its name among the replicas.
    pub id: String,
    /// Machine; display only.
    pub host: String,
    /// Version of the program, for manifests.
    pub version: String,
    /// Time between two looks at the store without any message.
    pub sweep_every: Duration,
    /// Time that a cancelled job waits for its running tasks.
    pub cancel_patience: Duration,
    /// Time that planning waits for a pool that takes a wished member.
    pub pool_wait: Duration,
    /// How often a task may be tried.
    pub limits: Limits,
    /// Take up every job that has a marker; otherwise only jobs that it is asked to care for.
    pub adopts: bool,
    /// Results that are taken at once.
    pub takers: usize,
    /// How long finished things are kept; `None`: nothing goes.
    pub retains: Option<retain::Retention>,
    /// Errors in a row of one job after which [`Service::run`] gives up; `None`: never.
    pub failures_max: Option<u32>,
}

impl Options {
    /// A coordinator inside one process.
    pub fn embedded(version: &str) -> Self {
        Self {
            id: "embedded".to_owned(),
            host: String::new(),
            version: version.to_owned(),
            sweep_every: Duration::from_secs(10),
            cancel_patience: Duration::from_secs(5),
            pool_wait: Duration::ZERO,
            limits: Limits::EMBEDDED,
            adopts: false,
            takers: 1,
            retains: None,
            failures_max: Some(3),
        }
    }

    /// One of several coordinators of a fleet.
    pub fn fleet(id: &str, host: &str, version: &str) -> Self {
        Self {
            id: id.to_owned(),
            host: host.to_owned(),
            sweep_every: Duration::from_secs(20),
            cancel_patience: Duration::from_secs(60),
            pool_wait: Duration::from_secs(120),
            limits: Limits::FLEET,
            adopts: true,
            takers: 4,
            retains: Some(retain::Retention::default()),
            failures_max: None,
            ..Self::embedded(version)
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
    /// Who is there.
    pub roster: Arc<Roster>,
    /// Writes to places of users; `None`: to none.
    pub links: Option<Links>,
    /// Calls pages of users; `None`: none.
    pub callbacks: Option<Callbacks>,
    /// The embedded run that holds the store alone, if there is one.
    pub run: Option<String>,
    /// Where events of all jobs go. Slow subscribers miss some.
    pub events: broadcast::Sender<Event>,
}

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

    /// Whether the jobs of a tenant are this coordinator's.
    fn cares_for(&self, keys: &JobKeys) -> bool {
        self.parts.roster.now().is_owner(&self.options.id, keys.tenant())
    }

    /// After news of pools and replicas: gives up jobs of tenants that are others' now, and lets those plan that
    /// waited for a pool.
    async fn look_around(&mut self) -> Result<()> {
        self.all_touched = true;
        let lost: Vec<String> = self.jobs.values().filter(|job| !self.cares_for(&job.keys)).map(|job| job.keys.job().to_owned()).collect();
        for id in lost {
            tracing::info!(job = id, "another coordinator looks after the job now");
            self.forget(&id);
        }
        let planning = self.jobs.values().filter(|job| job.view.phase() == Phase::Planning).map(|job| job.keys.job().to_owned());
        for id in planning.collect::<Vec<_>>() {
            self.advance(&id, JobEvent::Sweep).await?;
        }
        Ok(())
    }

    /// Begins to take a job into care. `told`: a task that somebody spoke of.
    fn adopt(&mut self, keys: &JobKeys, told: Option<TaskId>) {
        if self.jobs.contains_key(keys.job()) {
            return;
        }
        if let Some(known) = self.adopting.get_mut(keys.job()) {
            known.extend(told);
            return;
        }
        self.adopting.insert(keys.job().to_owned(), told.into_iter().collect());
        let (keys, parts, beside, book) = (keys.clone(), self.parts.clone(), self.beside.clone(), Arc::clone(&self.book));
        let adoptions = Arc::clone(&self.adoptions);
        self.errands.spawn(async move {
            // it is never closed
            let _turn = adoptions.acquire().await;
            let job = Job::read(&keys, &parts, beside, &book).await;
            Brought::Job { keys, job: job.map(|job| Some(Box::new(job))) }
        });
    }

    /// A job that is to be taken into care was read, with all facts it had.
    async fn adopted(&mut self, keys: &JobKeys, job: Result<Option<Box<Job>>>) -> Result<()> {
        let told = self.adopting.remove(keys.job()).unwrap_or_default();
        match job {
            _ if self.jobs.contains_key(keys.job()) => {}
            Ok(Some(mut job)) => {
                tell::state(&self.parts, &mut job);
                let fleet = self.parts.roster.now();
                for (task, pool) in job.held(&mut Routes::new(&fleet, &|_| 0)) {
                    self.flow.begin(keys.tenant(), keys.job(), &task, &pool);
                }
                tracing::info!(
                    job = keys.job(),
                    tenant = keys.tenant(),
                    trace_id = job.trace().id(),
                    state = job.view.state().name(),
                    "job taken into care"
                );
                self.lines.entry(keys.tenant().to_owned()).or_default().insert(job.line());
                self.jobs.insert(keys.job().to_owned(), *job);
                self.tell_care();
                self.advance(keys.job(), JobEvent::Sweep).await?;
            }
            Ok(None) => return Ok(()),
            Err(error) => {
                tracing::warn!(job = keys.job(), code = error.code(), "a job cannot be read");
                return if self.options.failures_max.is_some() { Err(error) } else { Ok(()) };
            }
        }
        let mut known = Vec::new();
        for task in told {
            self.look_at(keys, task, Vec::new(), &mut known)?;
        }
        Ok(())
    }

    /// Drops a job from care; its facts stay.
    fn forget(&mut self, id: &str) -> Option<Job> {
        let job = self.jobs.remove(id)?;
        self.dues.remove(id);
        self.stirred.remove(id);
        if let Some(line) = self.lines.get_mut(job.keys.tenant()) {
            line.remove(&job.line());
        }
        self.lines.retain(|_, line| !line.is_empty());
        for task in job.view.tasks() {
            self.flow.end(job.keys.tenant(), id, task);
        }
        self.tell_care();
        Some(job)
    }

    fn tell_care(&self) {
        self.measure_jobs();
        self.in_care.send_replace(self.jobs.values().map(|job| job.keys.clone()).collect());
    }

    /// Moves a job on until nothing more is to be done now.
    async fn advance(&mut self, job: &str, event: JobEvent) -> Result<()> {
        let Some(caring) = self.jobs.get_mut(job) else { return Ok(()) };
        self.touched.insert(job.to_owned());
        let moved = caring.advance(event, &self.parts, &self.options).await;
        if caring.may_reuse() {
            self.stirred.insert(job.to_owned());
        }
        match caring.due_at() {
            Some(due) => _ = self.dues.insert(job.to_owned(), due),
            None => _ = self.dues.remove(job),
        }
        if let Err(error) = moved {
            return self.stumbled(job, error);
        }
        caring.failures = 0;
        for (task, tenant) in caring.take_ended() {
            self.flow.end(&tenant, job, &task);
        }
        if let Some(last) = caring.ended().cloned() {
            self.forget(job);
            self.finals.send_modify(|finals| {
                finals.insert(job.to_owned(), last);
                while finals.len() > handle::FINALS_MAX {
                    finals.pop_first();
                }
            });
        }
        Ok(())
    }

    /// A job could not be moved on: the next look tries again, unless this coordinator has nothing else to do.
    fn stumbled(&mut self, job: &str, error: Error) -> Result<()> {
        tracing::warn!(job, code = error.code(), error = error.message(), "a job could not be moved on");
        let Some(caring) = self.jobs.get_mut(job) else { return Ok(()) };
        caring.failures += 1;
        let fatal = !matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Conflict);
        if self.options.failures_max.is_some_and(|most| fatal || caring.failures >= most) {
            return Err(error);
        }
        Ok(())
    }

    async fn take_made(&mut self, made: Made) -> Result<()> {
        let Some(caring) = self.jobs.get_mut(&made.job) else { return Ok(()) };
        match caring.take_work(made.what, &self.parts).await {
            Ok(()) => self.advance(&made.job, JobEvent::Sweep).await,
            Err(error) => self.stumbled(&made.job, error),
        }
    }

    async fn time_is_over(&mut self) -> Result<()> {
        // the pause of a pool may be over
        self.all_touched = true;
        let now = Instant::now();
        let due: Vec<String> = self.dues.iter().filter(|(_, due)| **due <= now).map(|(id, _)| id.clone()).collect();
        for id in due {
            let is_due = |job: &&mut Job| job.due_at().is_some_and(|due| due <= now);
            match self.jobs.get_mut(&id).filter(is_due).and_then(Job::take_due) {
                Some(event) => self.advance(&id, event).await?,
                // it was put off, or nothing follows any more
                None => match self.jobs.get(&id).and_then(Job::due_at).filter(|due| *due > now) {
                    Some(later) => _ = self.dues.insert(id, later),
                    None => _ = self.dues.remove(&id),
                },
            }
        }
        Ok(())
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
