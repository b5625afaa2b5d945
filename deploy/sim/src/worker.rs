//! A worker process that computes nothing: it follows hints by the protocol of the real one (look, claim, sign of
//! life, outputs, outcome, word, acknowledgement), asks the store for the same objects, and its slots die.
//!
//! The requests of a task are those that `worker/src/tests/requests.rs` pins for the real worker.

mod run;
mod shelf;

pub use shelf::Plans;

use crate::ground::Ground;
use crate::members;
use crate::settings::SLOT_RESTART;
use crate::store::SimStore;
use crate::timed::{Spent, Timed};
use shelf::{Planned, Shelf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use synthfleet_broker::{Broker, Delivery, Inbox, Route, Settle, Wait};
use synthfleet_proto::attempts::{self, Limits, Next, Seen};
use synthfleet_proto::class::Class;
use synthfleet_proto::envelope::{Body, Envelope, MemberNote, PROBE_TENANT, ResultHint, ResultStatus, TaskHint};
use synthfleet_proto::fact::{self, Cancel, Claim, OutcomeFact, OutcomeStatus};
use synthfleet_proto::fleet::{AboutDoc, POOL_BEAT, PoolDoc, WORKER_BEAT, WorkerDoc};
use synthfleet_proto::key::{self, JobKeys};
use synthfleet_proto::pool::Take;
use synthfleet_proto::task::TaskId;
use synthfleet_proto::{ErrorKind, Result, id};
use synthfleet_store::{Created, Store, create_fact, history, read_fact};
use tokio::task::JoinSet;

/// The one pool.
pub const POOL: &str = "all";
/// Memory that a task may plan with.
const MEMORY_BYTES: u64 = 4 << 30;
/// Results of a slot that may wait for the broker while the next task runs.
const ENDINGS_MAX: usize = 2;
/// A slot that does not die lives longer than any simulation.
const NO_DEATH: Duration = Duration::from_secs(30_000_000);
/// Pause after a broker error.
const BROKER_PAUSE: Duration = Duration::from_millis(500);

/// A worker process.
pub struct Process {
    name: String,
    slots: usize,
    ground: Arc<Ground>,
    store: SimStore,
    broker: Arc<dyn Broker>,
    shelf: Mutex<Shelf>,
}

/// A message in the hands of a slot: counted when the slot dies over it.
struct Holding<'a> {
    process: &'a Process,
    is_over: bool,
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        self.process.ground.tally().killed += u64::from(!self.is_over);
    }
}

/// What becomes of a message, and the word that coordinators hear before.
struct Done {
    settle: Settle,
    word: Option<Word>,
}

/// A word, and the coordinator that wishes to hear it first.
struct Word {
    bytes: Vec<u8>,
    reply: Option<String>,
}

impl From<Settle> for Done {
    fn from(settle: Settle) -> Self {
        Self { settle, word: None }
    }
}

/// Starts a process: its slots and its signs of life. CPU time is added to `spent`.
pub fn start(ground: &Arc<Ground>, store: &SimStore, broker: &Arc<dyn Broker>, plans: &Arc<Plans>, number: usize, spent: &Arc<Spent>) {
    let settings = &ground.settings;
    let slots = settings.slots_per_process.min(settings.slots.saturating_sub(number * settings.slots_per_process));
    let shelf = Mutex::new(Shelf::new(Arc::clone(plans)));
    let (ground, store, broker) = (Arc::clone(ground), store.clone(), Arc::clone(broker));
    let process = Arc::new(Process { name: format!("w-{number:05}"), slots, ground, store, broker, shelf });
    for _ in 0..slots {
        tokio::spawn(Timed::new(slot(Arc::clone(&process)), spent));
    }
    tokio::spawn(Timed::new(announce(process), spent));
}

/// Says again and again that the process lives and what it takes.
async fn announce(process: Arc<Process>) {
    let mut beats = 0u32;
    loop {
        let with_pool = beats.is_multiple_of((POOL_BEAT.as_secs() / WORKER_BEAT.as_secs()) as u32);
        // a store that refuses hears it again at the next beat
        let _ = process.introduce(with_pool).await;
        beats = beats.wrapping_add(1);
        tokio::time::sleep(WORKER_BEAT).await;
    }
}

/// One slot: works until it dies, and comes back.
async fn slot(process: Arc<Process>) {
    loop {
        let rate = process.ground.settings.slot_deaths_per_hour;
        let life = if rate > 0.0 { process.ground.fate.exponential(3_600.0 / rate) } else { NO_DEATH };
        tokio::select! {
            biased;
            () = tokio::time::sleep(life) => process.ground.tally().slot_deaths += 1,
            () = process.work() => {}
        }
        tokio::time::sleep(SLOT_RESTART).await;
    }
}

impl Process {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn introduce(&self, with_pool: bool) -> Result<()> {
        let slots = u32::try_from(self.slots).unwrap_or(u32::MAX);
        let take = Take::all();
        if with_pool {
            let mut members = Vec::new();
            for member in members::docs() {
                let (about, about_sha256) = AboutDoc::of(member)?;
                members.push(MemberNote {
                    kind: about.member.task.clone(),
                    name: about.member.name.clone(),
                    version: about.member.version.clone(),
                    about_sha256,
                });
            }
            let doc = PoolDoc {
                v: fact::VERSION,
                pool: POOL.to_owned(),
                take: take.clone(),
                members,
                slots,
                memory_bytes: MEMORY_BYTES,
                scale_to_zero: false,
            };
            let bytes = fact::encode(&doc)?;
            self.store.put(&key::pool(POOL, &id::sha256_hex(&bytes))?, bytes.into()).await?;
        }
        let doc = WorkerDoc {
            v: fact::VERSION,
            id: self.name.clone(),
            host: String::new(),
            pool: POOL.to_owned(),
            take,
            slots,
            memory_bytes: MEMORY_BYTES,
            draining: false,
            started_at: 0,
            version: "0".to_owned(),
        };
        self.ground.tally().documents += 1 + u64::from(with_pool);
        self.store.put(&key::worker(&self.name)?, fact::encode(&doc)?.into()).await
    }

    async fn work(&self) {
        let inbox = Inbox::Pool { pool: POOL.to_owned(), classes: Class::ALL.to_vec() };
        let mut endings = JoinSet::new();
        loop {
            let Ok(delivery) = self.broker.take(&inbox).await else {
                tokio::time::sleep(BROKER_PAUSE).await;
                continue;
            };
            let mut holding = Holding { process: self, is_over: false };
            let done = self.handle(&delivery).await;
            holding.is_over = true;
            let broker = Arc::clone(&self.broker);
            endings.spawn(async move {
                if let Some(word) = done.word {
                    // lost: coordinators look by themselves
                    let _ = tell(broker.as_ref(), &word).await;
                }
                let _ = broker.settle(delivery, done.settle).await;
            });
            while endings.len() > ENDINGS_MAX {
                endings.join_next().await;
            }
        }
    }

    async fn handle(&self, delivery: &Delivery) -> Done {
        let envelope = match Envelope::decode(delivery.body()) {
            Ok(envelope) => envelope,
            Err(refused) => return Settle::Bury(refused.reason().to_owned()).into(),
        };
        match self.look(delivery, &envelope).await {
            Ok(done) => done,
            Err(error) => match error.kind() {
                ErrorKind::Invalid | ErrorKind::Data => Settle::Bury(error.code().to_owned()).into(),
                ErrorKind::Unavailable | ErrorKind::Conflict => Settle::Park(Wait::Five).into(),
                _ => Settle::Park(Wait::Thirty).into(),
            },
        }
    }

    async fn look(&self, delivery: &Delivery, envelope: &Envelope) -> Result<Done> {
        let (hint, job, task) = match (&envelope.body, &envelope.job, &envelope.task) {
            (Body::Task(hint), Some(job), Some(task)) => (hint, job, task),
            (Body::Probe(probe), ..) => {
                self.ground.tally().probes += 1;
                let told = ResultHint { pool: Some(probe.pool.clone()), ..told(ResultStatus::Probe, 0, None) };
                let bytes = self.word(PROBE_TENANT, (None, None), told)?;
                return Ok(Done { settle: Settle::Ack, word: Some(Word { bytes, reply: None }) });
            }
            _ => return Ok(Settle::Ack.into()),
        };
        let (keys, task) = (JobKeys::new(&envelope.tenant, job)?, TaskId::parse(task)?);
        let Some(planned) = self.planned(&keys, hint).await? else { return Ok(Settle::Park(Wait::Five).into()) };
        if planned.group_of(&task).is_none() {
            return Ok(Settle::Ack.into());
        }
        let place = Place { keys: &keys, task: &task, planned: &planned, hint_id: &envelope.id, reply: hint.reply.as_deref() };
        if self.store.head(keys.outcome(task.as_str())?.key()).await?.is_some() {
            return self.say(&place, ResultStatus::Unknown, 0, None);
        }
        let is_fresh = hint.attempt == 1 && hint.hop == 0 && !delivery.redelivered();
        if is_fresh && let Some(nonce) = self.claim(&place, 1, None).await? {
            return self.run(&place, 1, nonce, delivery, &[]).await;
        }
        self.followed(&place, delivery).await
    }

    /// A task that somebody else had in hand, or has.
    async fn followed(&self, place: &Place<'_>, delivery: &Delivery) -> Result<Done> {
        let Place { keys, task, .. } = place;
        if self.is_cancelled(place).await? {
            return Ok(Settle::Ack.into());
        }
        let seen = history(&self.store, keys, task.as_str()).await?;
        match attempts::next(&seen, Limits::FLEET, None) {
            Next::Wait(time) => Ok(Settle::Park(Wait::covering(time)).into()),
            Next::GiveUp(error) => {
                let outcome = OutcomeFact::not_run(TaskId::clone(task), OutcomeStatus::Failed, *error);
                let bits = self.bits();
                let (_, sha256) = create_fact(&self.store, &keys.outcome(task.as_str())?, &outcome, bits).await?;
                self.say(place, ResultStatus::Failed, 0, Some(sha256))
            }
            Next::Run(number) => match self.claim(place, number, seen.last()).await? {
                Some(nonce) => self.run(place, number, nonce, delivery, &seen).await,
                None => Ok(Settle::Park(Wait::Five).into()),
            },
        }
    }

    /// Claims an attempt; `None`: somebody else has it.
    async fn claim(&self, place: &Place<'_>, number: u16, before: Option<&Seen>) -> Result<Option<String>> {
        let bits = self.bits();
        let claim = Claim {
            v: fact::VERSION,
            worker: self.name.clone(),
            host: String::new(),
            nonce: id::hex(&bits),
            attempt: number,
            hint_id: place.hint_id.to_owned(),
            member_version: "1.0".to_owned(),
            owner: None,
            resumed_from: before.and_then(|before| before.checkpoint.as_ref()).map(|checkpoint| checkpoint.key.clone()),
        };
        let (created, _) = create_fact(&self.store, &place.keys.claim(place.task.as_str(), number)?, &claim, bits).await?;
        Ok((created == Created::New).then_some(claim.nonce))
    }

    async fn is_cancelled(&self, place: &Place<'_>) -> Result<bool> {
        let task_too = read_fact::<Cancel>(&self.store, place.keys.cancel_task(place.task.as_str())?.key()).await?.is_some();
        Ok(task_too || read_fact::<Cancel>(&self.store, place.keys.cancel()?.key()).await?.is_some())
    }

    /// The plan that a hint names: read once by each process.
    async fn planned(&self, keys: &JobKeys, hint: &TaskHint) -> Result<Option<Arc<Planned>>> {
        let known = self.shelf().plan(&hint.plan_sha256);
        if known.is_some() {
            return Ok(known);
        }
        let Some(object) = self.store.get(keys.plan(hint.plan)?.key(), None).await? else { return Ok(None) };
        let is_first = !self.shelf().knows_spec(keys.job());
        if is_first {
            self.store.get(keys.spec()?.key(), None).await?;
        }
        self.shelf().keep_plan(&hint.plan_sha256, &object.bytes).map(Some)
    }

    fn bits(&self) -> [u8; 16] {
        use synthfleet_proto::outside::Entropy;
        self.ground.entropy.bits()
    }

    fn word(&self, tenant: &str, about: (Option<&str>, Option<&str>), told: ResultHint) -> Result<Vec<u8>> {
        Envelope::new(self.ground.as_ref(), self.ground.entropy.as_ref(), tenant, about, Body::Result(told)).encode()
    }

    fn say(&self, place: &Place<'_>, status: ResultStatus, attempt: u16, outcome_sha256: Option<String>) -> Result<Done> {
        let about = (Some(place.keys.job()), Some(place.task.as_str()));
        let bytes = self.word(place.keys.tenant(), about, told(status, attempt, outcome_sha256))?;
        Ok(Done { settle: Settle::Ack, word: Some(Word { bytes, reply: place.reply.map(str::to_owned) }) })
    }
}

/// Sends a word to the coordinator that wishes to hear it, or to any if that one is gone or does not keep up.
async fn tell(broker: &dyn Broker, word: &Word) -> Result<()> {
    if let Some(name) = &word.reply {
        match broker.publish(&Route::ResultOf(name.clone()), &word.bytes).await {
            Err(error) if ["broker::unroutable", "broker::rejected"].contains(&error.code()) => {}
            sent => return sent,
        }
    }
    broker.publish(&Route::Result, &word.bytes).await
}

fn told(status: ResultStatus, attempt: u16, outcome_sha256: Option<String>) -> ResultHint {
    ResultHint { status, attempt, outcome_sha256, error_kind: None, pool: None }
}

/// A task and what is known of it.
struct Place<'a> {
    keys: &'a JobKeys,
    task: &'a TaskId,
    planned: &'a Planned,
    hint_id: &'a str,
    reply: Option<&'a str>,
}
