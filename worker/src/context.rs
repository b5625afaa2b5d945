//! What all slots of a worker share.

use crate::execute::Executor;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use synthfleet_broker::{Broker, Route};
use synthfleet_proto::attempts::{Limits, StopCause};
use synthfleet_proto::class::Class;
use synthfleet_proto::envelope::{Body, Envelope, EventHint, ResultHint};
use synthfleet_proto::fact::{PlanFact, SpecFact};
use synthfleet_proto::key::{FactKey, JobKeys};
use synthfleet_proto::outside::{Clock, Entropy};
use synthfleet_proto::task::TaskId;
use synthfleet_proto::{Error, Result};
use synthfleet_store::{Kept, Store, read_fact};
use tokio::sync::watch;

/// Settings of a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Name of the worker in facts and events.
    pub name: String,
    /// Machine; display only.
    pub host: String,
    /// Pool whose queues it takes from.
    pub pool: String,
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
    /// Time that running tasks get to end when the worker leaves.
    pub drain: Duration,
    /// Folder for task folders; made if absent, mode 0700.
    pub scratch: PathBuf,
}

impl Options {
    /// A worker inside one process: two classes, progress four times a second, no second try of our own bugs.
    pub fn embedded(slots: usize, scratch: PathBuf) -> Self {
        Self {
            name: "embedded".to_owned(),
            host: String::new(),
            pool: "local".to_owned(),
            classes: Class::ALL.to_vec(),
            slots: slots.max(1),
            threads: slots.max(1) as u32,
            limits: Limits::EMBEDDED,
            progress_every: Duration::from_millis(250),
            grace: Duration::from_secs(2),
            drain: Duration::ZERO,
            scratch,
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
    /// The embedded run that holds the store alone, if there is one: what other runs left open is dead.
    pub run: Option<String>,
}

/// A plan with the job it belongs to.
#[derive(Debug, Clone)]
pub struct Planned {
    pub plan: Arc<PlanFact>,
    pub spec: Arc<SpecFact>,
}

/// Settings, parts and memory of a worker.
pub struct Context {
    pub options: Options,
    pub parts: Parts,
    plans: Mutex<BTreeMap<String, Planned>>,
    verified: Mutex<BTreeSet<String>>,
    running: Mutex<BTreeMap<(String, TaskId), Stopper>>,
}

/// Tells a running task to stop, and why.
type Stopper = watch::Sender<Option<StopCause>>;

/// Plans that are remembered.
const PLANS_MAX: usize = 64;
/// Objects whose content was verified and is remembered.
const VERIFIED_MAX: usize = 65_536;

impl Context {
    pub fn new(options: Options, parts: Parts) -> Self {
        Self { options, parts, plans: Mutex::default(), verified: Mutex::default(), running: Mutex::default() }
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
        let spec = self.fact::<SpecFact>(&keys.spec()?).await?;
        let Some(spec) = spec.filter(|spec| spec.sha256 == plan.fact.inputs.spec_sha256) else { return Ok(None) };
        let planned = Planned { plan: Arc::new(plan.fact), spec: Arc::new(spec.fact) };
        let mut plans = lock(&self.plans);
        if plans.len() >= PLANS_MAX {
            plans.pop_first();
        }
        plans.insert(sha256.to_owned(), planned.clone());
        Ok(Some(planned))
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

    /// Enters a running task; the receiver hears when it is to stop.
    pub fn enter(&self, job: &str, task: &TaskId) -> watch::Receiver<Option<StopCause>> {
        let (sender, receiver) = watch::channel(None);
        lock(&self.running).insert((job.to_owned(), task.clone()), sender);
        receiver
    }

    pub fn leave(&self, job: &str, task: &TaskId) {
        lock(&self.running).remove(&(job.to_owned(), task.clone()));
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
    pub async fn tell_result(&self, keys: &JobKeys, task: &TaskId, result: ResultHint) {
        let envelope = self.envelope(keys, task, Body::Result(result));
        let sent = match envelope.encode() {
            Ok(bytes) => self.parts.broker.publish(&Route::Result, &bytes).await,
            Err(error) => Err(error),
        };
        if let Err(error) = sent {
            tracing::warn!(job = keys.job(), task = task.as_str(), code = error.code(), "result hint was not sent");
        }
    }

    /// Tells whoever listens.
    pub async fn tell_event(&self, keys: &JobKeys, task: &TaskId, event: EventHint) {
        if let Ok(bytes) = self.envelope(keys, task, Body::Event(event)).encode() {
            self.parts.broker.emit(&bytes).await;
        }
    }

    fn envelope(&self, keys: &JobKeys, task: &TaskId, body: Body) -> Envelope {
        let about = (Some(keys.job()), Some(task.as_str()));
        Envelope::new(self.parts.clock.as_ref(), self.parts.entropy.as_ref(), keys.tenant(), about, body)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs blocking work off the async threads.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::internal("worker::panic", format!("blocking work stopped: {e}")))?
}
