//! What all slots of a worker share.

use crate::execute::Executor;
use crate::inputs::Larder;
use crate::stay::{Stay, Term};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use synthfleet_broker::{Broker, Route};
use synthfleet_metrics::Book;
use synthfleet_proto::attempts::{Limits, StopCause};
use synthfleet_proto::class::Class;
use synthfleet_proto::envelope::{Body, Envelope, EventHint, PROBE_TENANT, ResultHint, ResultStatus, Trace};
use synthfleet_proto::fact::{OutcomeFact, OutcomeStatus, PlanFact, SpecFact};
use synthfleet_proto::key::{self, FactKey, JobKeys};
use synthfleet_proto::outside::{Clock, Entropy};
use synthfleet_proto::pool::Take;
use synthfleet_proto::span::Spans;
use synthfleet_proto::task::TaskId;
use synthfleet_proto::{Error, Result};
use synthfleet_store::foreign::Links;
use synthfleet_store::{Kept, Store, read_fact};
use tokio::sync::watch;

/// Settings of a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Name of the worker in facts and events.
    pub name: String,
    /// Machine; display only.
    pub host: String,
    /// Version of the program.
    pub version: String,
    /// Pool whose queues it takes from.
    pub pool: String,
    /// What it takes.
    pub take: Take,
    /// Says in the store who it is and what it takes.
    pub announces: bool,
    /// Keeps one of several slots for interactive tasks.
    pub reserves: bool,
    /// Workers of the pool come when there is work.
    pub scale_to_zero: bool,
    /// Memory that one task may plan with.
    pub memory_bytes: u64,
    /// Queues of the pool, most urgent first.
    pub classes: Vec<Class>,
    /// Tasks that run at once.
    pub slots: usize,
    /// Threads of one task.
    pub threads: u32,
    /// How often a task may be tried.
    pub limits: Limits,
    /// Shortest time between two progress messages of one task.
    pub progress_every: Duration,
    /// Time between a polite and a rude end of a cancelled task.
    pub grace: Duration,
    /// Time that running tasks get to end when the worker is told to leave.
    pub drain: Duration,
    /// When the worker ends by itself.
    pub term: Term,
    /// Folder for task folders; made if absent, mode 0700.
    pub scratch: PathBuf,
    /// With less room in the scratch folder no task is taken.
    pub scratch_free_bytes_min: u64,
    /// Whether sources may be paths of this machine.
    pub local_sources: bool,
    /// Most bytes of inputs that are kept for later tasks, where the store is no folder.
    pub larder_bytes_max: u64,
}

impl Options {
    /// A worker inside one process: two classes, progress four times a second, no second try of our own bugs.
    pub fn embedded(slots: usize, scratch: PathBuf) -> Self {
        Self {
            name: "embedded".to_owned(),
            host: String::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pool: "local".to_owned(),
            take: Take::all(),
            announces: false,
            reserves: false,
            scale_to_zero: false,
            memory_bytes: u64::MAX,
            classes: Class::ALL.to_vec(),
            slots: slots.max(1),
            threads: slots.max(1) as u32,
            limits: Limits::EMBEDDED,
            progress_every: Duration::from_millis(250),
            grace: Duration::from_secs(2),
            drain: Duration::ZERO,
            term: Term::default(),
            scratch,
            scratch_free_bytes_min: 0,
            local_sources: true,
            larder_bytes_max: 8 << 30,
        }
    }

    /// One of several workers of a fleet, of the pool that its selectors make.
    pub fn fleet(name: &str, host: &str, take: Take, slots: usize, scratch: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            host: host.to_owned(),
            pool: take.pool(),
            take,
            announces: true,
            reserves: true,
            memory_bytes: synthfleet_table::budget::MEMORY_BYTES_PER_TASK,
            threads: 1,
            limits: Limits::FLEET,
            progress_every: Duration::from_secs(5),
            drain: Duration::from_secs(60),
            scratch_free_bytes_min: 1 << 30,
            local_sources: false,
            ..Self::embedded(slots, scratch)
        }
    }
}

/// What a worker works with.
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
    /// Where tasks run.
    pub executor: Arc<dyn Executor>,
    /// Reads links of users; `None`: none are read.
    pub links: Option<Links>,
    /// The embedded run that holds the store alone, if there is one: what other runs left open is dead.
    pub run: Option<String>,
}

/// A plan with the job it belongs to.
#[derive(Debug, Clone)]
pub struct Planned {
    pub plan: Arc<PlanFact>,
    pub spec: Arc<SpecFact>,
}

/// A task of a job, as messages name it.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    pub keys: &'a JobKeys,
    pub task: &'a TaskId,
    pub trace: &'a Trace,
    /// The coordinator that wishes to hear of it first.
    pub reply: Option<&'a str>,
}

/// Settings, parts and memory of a worker.
pub struct Context {
    pub options: Options,
    pub parts: Parts,
    /// Where everything is counted.
    pub book: Arc<Book>,
    /// Where spans of attempts go; `None`: nobody collects them.
    pub spans: Option<Arc<dyn Spans>>,
    plans: Mutex<BTreeMap<String, Planned>>,
    verified: Mutex<BTreeSet<String>>,
    running: Mutex<BTreeMap<(String, TaskId), Stopper>>,
    /// Good outcomes of tasks that others need, by key: they never change.
    outcomes: Mutex<BTreeMap<String, Arc<OutcomeFact>>>,
    /// Since when a hint cannot be followed.
    puzzles: Mutex<BTreeMap<String, Instant>>,
    pub stay: Stay,
    pub larder: Larder,
}

/// Tells a running task to stop, and why.
type Stopper = watch::Sender<Option<StopCause>>;

/// Plans that are remembered.
const PLANS_MAX: usize = 64;
/// Objects whose content was verified and is remembered.
const VERIFIED_MAX: usize = 65_536;
/// Outcomes that are remembered.
const OUTCOMES_MAX: usize = 256;
/// Hints that cannot be followed and are remembered.
const PUZZLES_MAX: usize = 1_024;

impl Context {
    pub fn new(options: Options, parts: Parts, book: Arc<Book>, spans: Option<Arc<dyn Spans>>) -> Self {
        let larder = Larder::new(options.scratch.join("larder"), options.larder_bytes_max);
        let stay = Stay::new(options.term);
        Self {
            stay,
            options,
            parts,
            book,
            spans,
            plans: Mutex::default(),
            verified: Mutex::default(),
            running: Mutex::default(),
            outcomes: Mutex::default(),
            puzzles: Mutex::default(),
            larder,
        }
    }

    /// How long a hint could not be followed, as far as this worker saw. Zero: seen for the first time.
    pub fn puzzled(&self, hint: String) -> Duration {
        let mut puzzles = lock(&self.puzzles);
        if puzzles.len() >= PUZZLES_MAX {
            puzzles.clear();
        }
        puzzles.entry(hint).or_insert_with(Instant::now).elapsed()
    }

    /// The outcome of a task that another one needs, if it is good.
    pub async fn good_outcome(&self, key: &FactKey) -> Result<Option<Arc<OutcomeFact>>> {
        if let Some(known) = lock(&self.outcomes).get(key.as_str()) {
            return Ok(Some(Arc::clone(known)));
        }
        let Some(kept) = self.fact::<OutcomeFact>(key).await? else { return Ok(None) };
        if kept.fact.status != OutcomeStatus::Ok {
            return Ok(None);
        }
        let outcome = Arc::new(kept.fact);
        let mut outcomes = lock(&self.outcomes);
        if outcomes.len() >= OUTCOMES_MAX {
            outcomes.pop_first();
        }
        outcomes.insert(key.as_str().to_owned(), Arc::clone(&outcome));
        Ok(Some(outcome))
    }

    pub fn store(&self) -> &dyn Store {
        self.parts.store.as_ref()
    }

    pub fn nonce(&self) -> [u8; 16] {
        self.parts.entropy.bits()
    }

    pub fn now(&self) -> i64 {
        self.parts.clock.now_ms() as i64
    }

    /// The plan that a hint names, if it is there with that content.
    pub async fn planned(&self, keys: &JobKeys, number: u8, sha256: &str) -> Result<Option<Planned>> {
        if let Some(known) = lock(&self.plans).get(sha256) {
            return Ok(Some(known.clone()));
        }
        let Some(plan) = self.fact::<PlanFact>(&keys.plan(number)?).await? else { return Ok(None) };
        if plan.sha256 != sha256 {
            return Ok(None);
        }
        let Some(spec) = self.spec(keys, &plan.fact.inputs.spec_sha256).await? else { return Ok(None) };
        let planned = Planned { plan: Arc::new(plan.fact), spec };
        let mut plans = lock(&self.plans);
        if plans.len() >= PLANS_MAX {
            plans.pop_first();
        }
        plans.insert(sha256.to_owned(), planned.clone());
        Ok(Some(planned))
    }

    /// The job with that content: from another plan of it, else from the store.
    async fn spec(&self, keys: &JobKeys, sha256: &str) -> Result<Option<Arc<SpecFact>>> {
        let known = lock(&self.plans).values().find(|known| known.plan.inputs.spec_sha256 == sha256).map(|known| Arc::clone(&known.spec));
        if known.is_some() {
            return Ok(known);
        }
        let spec = self.fact::<SpecFact>(&keys.spec()?).await?;
        Ok(spec.filter(|spec| spec.sha256 == sha256).map(|spec| Arc::new(spec.fact)))
    }

    pub async fn fact<T: serde::de::DeserializeOwned>(&self, key: &FactKey) -> Result<Option<Kept<T>>> {
        read_fact(self.store(), key.key()).await
    }

    /// Whether an object's content was seen to be right.
    pub fn is_verified(&self, sha256: &str) -> bool {
        lock(&self.verified).contains(sha256)
    }

    pub fn note_verified(&self, sha256: &str) {
        let mut verified = lock(&self.verified);
        if verified.len() >= VERIFIED_MAX {
            verified.clear();
        }
        verified.insert(sha256.to_owned());
    }

    /// Enters a running task; its line tells when it is to stop.
    pub fn enter(&self, job: &str, task: &TaskId) -> Stopper {
        let sender = Stopper::new(None);
        self.stay.begins();
        lock(&self.running).insert((job.to_owned(), task.clone()), sender.clone());
        sender
    }

    pub fn leave(&self, job: &str, task: &TaskId) {
        lock(&self.running).remove(&(job.to_owned(), task.clone()));
        self.stay.ends();
    }

    /// Tells running tasks to stop: those that `which` chooses. The first cause stays.
    pub fn stop(&self, cause: StopCause, which: impl Fn(&str, &TaskId) -> bool) {
        for ((job, task), sender) in lock(&self.running).iter() {
            if which(job, task) && sender.borrow().is_none() {
                sender.send_replace(Some(cause));
            }
        }
    }

    /// Running tasks that `which` chooses.
    pub fn running(&self, which: impl Fn(&str, &TaskId) -> bool) -> Vec<(String, TaskId)> {
        lock(&self.running).keys().filter(|(job, task)| which(job, task)).cloned().collect()
    }

    /// Tells coordinators to look at a task. Lost: they look by themselves later.
    pub async fn tell_result(&self, about: About<'_>, result: ResultHint) {
        let envelope = self.envelope(about, Body::Result(result));
        let sent = match envelope.encode() {
            Ok(bytes) => self.send_result(about.reply, &bytes).await,
            Err(error) => Err(error),
        };
        if let Err(error) = sent {
            tracing::warn!(code = error.code(), "result hint was not sent");
        }
    }

    /// Sends a result to the coordinator that wishes to hear it, or to any if that one is gone or does not keep up.
    async fn send_result(&self, reply: Option<&str>, bytes: &[u8]) -> Result<()> {
        let broker = &self.parts.broker;
        // anyone can write a hint: the name must be that of a coordinator
        if let Some(name) = reply.filter(|name| key::coordinator(name).is_ok()) {
            match broker.publish(&Route::ResultOf(name.to_owned()), bytes).await {
                Err(error) if ["broker::unroutable", "broker::rejected"].contains(&error.code()) => {}
                sent => return sent,
            }
        }
        broker.publish(&Route::Result, bytes).await
    }

    /// Answers a coordinator that asks whether somebody is there.
    pub async fn tell_probe(&self, pool: &str) {
        let result =
            ResultHint { status: ResultStatus::Probe, attempt: 0, outcome_sha256: None, error_kind: None, pool: Some(pool.to_owned()) };
        let envelope =
            Envelope::new(self.parts.clock.as_ref(), self.parts.entropy.as_ref(), PROBE_TENANT, (None, None), Body::Result(result));
        let sent = match envelope.encode() {
            Ok(bytes) => self.parts.broker.publish(&Route::Result, &bytes).await,
            Err(error) => Err(error),
        };
        if let Err(error) = sent {
            tracing::warn!(code = error.code(), "a probe was not answered");
        }
    }

    /// Tells whoever listens.
    pub async fn tell_event(&self, about: About<'_>, event: EventHint) {
        if let Ok(bytes) = self.envelope(about, Body::Event(event)).encode() {
            self.parts.broker.emit(&bytes).await;
        }
    }

    fn envelope(&self, about: About<'_>, body: Body) -> Envelope {
        let About { keys, task, trace, .. } = about;
        let entropy = self.parts.entropy.as_ref();
        let named = (Some(keys.job()), Some(task.as_str()));
        Envelope::new(self.parts.clock.as_ref(), entropy, keys.tenant(), named, body).within(trace.child(entropy))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs blocking work off the async threads.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::internal("worker::panic", format!("blocking work stopped: {e}")))?
}
