//! One job in care: its view, and what is done for it.

use super::{Options, Parts, tell};
use crate::dispatch::{self, Ready};
use crate::facts::read;
use crate::job::{DEADLINE, Effect, Event, Fact, Known, NewFact, Phase, Rules, View, step};
use crate::publish::{Press, publish};
use crate::reconcile::{self, Due, Hinted, Measured};
use crate::{judgement, reuse};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use synthfleet_proto::attempts::{Limits, Seen};
use synthfleet_proto::envelope::{Body, ControlHint, ControlOp, Envelope};
use synthfleet_proto::fact::{FinalFact, OutcomeFact, SpecFact};
use synthfleet_proto::job::JobState;
use synthfleet_proto::key::{FactKey, JobKeys, Key};
use synthfleet_proto::task::{TaskId, TaskName};
use synthfleet_proto::{Error, Result};
use synthfleet_store::{Created, create_fact, history, read_fact};
use tokio::time::Instant;

/// A job in care.
pub struct Job {
    pub keys: JobKeys,
    pub view: View,
    /// Errors in a row.
    pub failures: u32,
    /// When its deadline, or the patience with its cancellation, is over.
    pub due: Option<Instant>,
    pub state: Option<JobState>,
    seen: BTreeSet<Key>,
    hinted: BTreeMap<TaskId, (Instant, u32)>,
    asked: BTreeSet<TaskId>,
    ended: Vec<TaskId>,
}

impl Job {
    /// Reads all facts of a job.
    pub async fn read(keys: &JobKeys, parts: &Parts) -> Result<Self> {
        let mut job = Self {
            keys: keys.clone(),
            view: View::default(),
            failures: 0,
            due: None,
            state: None,
            seen: BTreeSet::new(),
            hinted: BTreeMap::new(),
            asked: BTreeSet::new(),
            ended: Vec::new(),
        };
        for fact in job.unseen(parts).await? {
            job.view = std::mem::take(&mut job.view).with(fact);
        }
        let Some(spec) = job.view.spec() else {
            return Err(Error::unavailable("job::no_spec", format!("the job {} has no spec", keys.job())));
        };
        // an embedded run may take up a job that was left days ago: its time begins anew
        let age = match parts.run {
            Some(_) => Duration::ZERO,
            None => parts.store.head(keys.spec()?.key()).await?.map_or(Duration::ZERO, |entry| entry.age),
        };
        let seconds = Duration::try_from_secs_f64(spec.fact.request.budget.seconds).unwrap_or(Duration::MAX);
        job.due = Instant::now().checked_add(seconds.saturating_sub(age));
        Ok(job)
    }

    /// Facts in the store that have not been seen.
    pub async fn unseen(&mut self, parts: &Parts) -> Result<Vec<Fact>> {
        let mut facts = Vec::new();
        let mut after: Option<Key> = None;
        loop {
            let page = parts.store.list(&self.keys.facts()?, after.as_ref(), 1_000).await?;
            for entry in &page {
                if !self.seen.contains(&entry.key)
                    && let Some(fact) = read(parts.store.as_ref(), &entry.key).await?
                {
                    self.seen.insert(entry.key.clone());
                    facts.push(fact);
                }
            }
            match page.last() {
                Some(last) if page.len() == 1_000 => after = Some(last.key.clone()),
                _ => return Ok(facts),
            }
        }
    }

    /// The outcome of a task, if it is there and new.
    pub async fn look(&mut self, task: &TaskId, parts: &Parts) -> Result<Option<Fact>> {
        let key = self.keys.outcome(task.as_str())?;
        if self.view.outcome(task).is_some() {
            return Ok(None);
        }
        let fact = read(parts.store.as_ref(), key.key()).await?;
        if fact.is_some() {
            self.seen.insert(key.into());
        }
        Ok(fact)
    }

    /// Moves the job on by one event, and by what follows from it, until nothing more is to be done now.
    pub async fn advance(&mut self, event: Event, parts: &Parts, options: &Options) -> Result<()> {
        if let Event::Fact(fact) = &event {
            self.note(fact, parts).await;
        }
        let mut event = event;
        loop {
            let effects = self.step(event, parts).await?;
            tell::state(parts, self);
            let mut moved = false;
            for effect in effects {
                moved |= self.perform(effect, parts, options).await?;
            }
            if !moved {
                return Ok(());
            }
            event = Event::Sweep;
        }
    }

    async fn step(&mut self, event: Event, parts: &Parts) -> Result<Vec<Effect>> {
        let (view, catalogue) = (std::mem::take(&mut self.view), parts.catalogue.clone());
        // judging takes its time: off the async threads
        let work = move || {
            let judge = |view: &View| judgement::judge(view, &catalogue);
            step(view, event, &Rules { catalogue: &catalogue, judge: &judge })
        };
        let (view, effects) =
            tokio::task::spawn_blocking(work).await.map_err(|e| Error::internal("coordinator::panic", format!("a step stopped: {e}")))?;
        self.view = view;
        Ok(effects)
    }

    /// Performs one effect; says whether the view changed.
    async fn perform(&mut self, effect: Effect, parts: &Parts, options: &Options) -> Result<bool> {
        match effect {
            Effect::Create(new) => {
                let fact = self.create(*new, parts).await?;
                self.learn(fact, parts).await;
                Ok(true)
            }
            Effect::StopTask(task) => {
                self.broadcast(ControlOp::CancelTask, Some(&task), parts).await;
                Ok(false)
            }
            Effect::StopJob => {
                self.broadcast(ControlOp::CancelJob, None, parts).await;
                self.due = self.due.min(Some(Instant::now() + options.cancel_patience)).or(Some(Instant::now() + options.cancel_patience));
                Ok(false)
            }
            Effect::Publish => {
                let now = parts.clock.now_ms() as i64;
                let press = Press { store: &parts.store, catalogue: &parts.catalogue, version: &options.version, now };
                let published = publish(&press, &self.keys, &self.view).await?;
                let fact = self.make(self.keys.published()?, published, Fact::Published, parts).await?;
                self.learn(fact, parts).await;
                Ok(true)
            }
            Effect::DropMarker => {
                parts.store.delete(self.keys.live()?.key()).await?;
                Ok(false)
            }
        }
    }

    async fn create(&mut self, new: NewFact, parts: &Parts) -> Result<Fact> {
        match new {
            NewFact::Plan(plan) => self.make(self.keys.plan(plan.plan)?, plan, Fact::Plan, parts).await,
            NewFact::Outcome(outcome) => self.make(self.keys.outcome(outcome.task.as_str())?, outcome, Fact::Outcome, parts).await,
            NewFact::Selection(selection) => self.make(self.keys.selection()?, selection, Fact::Selection, parts).await,
            NewFact::Final(last) => self.make(self.keys.last()?, last, Fact::Final, parts).await,
            NewFact::CancelTask(task, cancel) => {
                let key = self.keys.cancel_task(task.as_str())?;
                create_fact(parts.store.as_ref(), &key, &cancel, parts.entropy.bits()).await?;
                self.seen.insert(key.into());
                Ok(Fact::CancelTask(task))
            }
        }
    }

    /// Creates a fact; if somebody was faster, theirs counts.
    async fn make<T>(&mut self, key: FactKey, fact: T, wrap: fn(Known<T>) -> Fact, parts: &Parts) -> Result<Fact>
    where
        T: serde::Serialize + serde::de::DeserializeOwned + Sync,
    {
        let (created, sha256) = create_fact(parts.store.as_ref(), &key, &fact, parts.entropy.bits()).await?;
        self.seen.insert(key.key().clone());
        if created == Created::New {
            return Ok(wrap(Known::new(fact, sha256)));
        }
        let earlier = read_fact::<T>(parts.store.as_ref(), key.key()).await?;
        let earlier = earlier.ok_or_else(|| Error::conflict("store::race", format!("{key} came and went")))?;
        Ok(wrap(Known::new(earlier.fact, earlier.sha256)))
    }

    async fn learn(&mut self, fact: Fact, parts: &Parts) {
        self.note(&fact, parts).await;
        self.view = std::mem::take(&mut self.view).with(fact);
    }

    /// What else follows from a new fact: events, room in the windows, an entry for later jobs.
    async fn note(&mut self, fact: &Fact, parts: &Parts) {
        tell::fact(parts, self, fact);
        if let Fact::Outcome(outcome) = fact {
            let task = &outcome.fact.task;
            self.ended.push(task.clone());
            self.hinted.remove(task);
            if let Some(fingerprint) = reuse::fingerprint(&self.view, task)
                && let Err(error) =
                    reuse::note(parts.store.as_ref(), self.keys.tenant(), &fingerprint, &outcome.fact, parts.entropy.bits()).await
            {
                tracing::debug!(task = task.as_str(), code = error.code(), "an outcome was not noted for later jobs");
            }
        }
    }

    async fn broadcast(&self, op: ControlOp, task: Option<&TaskId>, parts: &Parts) {
        let about = (Some(self.keys.job()), task.map(TaskId::as_str));
        let target = task.map_or(self.keys.job(), TaskId::as_str).to_owned();
        let body = Body::Control(ControlHint { op, target, seconds: None });
        let envelope = Envelope::new(parts.clock.as_ref(), parts.entropy.as_ref(), self.keys.tenant(), about, body);
        let sent = match envelope.encode() {
            Ok(bytes) => parts.broker.broadcast(&bytes).await,
            Err(error) => Err(error),
        };
        if let Err(error) = sent {
            // workers look at the store with each sign of life
            tracing::warn!(job = self.keys.job(), code = error.code(), "a word to stop was not sent");
        }
    }

    /// Tasks that got an outcome since the last call, with the tenant whose window they leave.
    pub fn take_ended(&mut self) -> Vec<(TaskId, String)> {
        let tenant = self.keys.tenant().to_owned();
        std::mem::take(&mut self.ended).into_iter().map(|task| (task, tenant.clone())).collect()
    }

    /// The end of the job, once it is there.
    pub fn ended(&self) -> Option<&FinalFact> {
        self.view.last().map(|last| last.fact.as_ref())
    }

    /// What follows from time that is over.
    pub fn what_is_due(&mut self) -> Option<Event> {
        self.due = None;
        match self.view.phase() {
            Phase::Cancelling => Some(Event::CancelOverdue),
            Phase::Profiling | Phase::Running => Some(Event::CutOff(DEADLINE)),
            _ => None,
        }
    }

    /// Tasks that can run now.
    pub fn ready(&self) -> impl Iterator<Item = Ready> + '_ {
        let spec = self.view.spec();
        self.view.ready().filter_map(move |task| {
            let (spec, (_, group)) = (&spec?.fact, self.view.group(task)?);
            Some(Ready {
                tenant: self.keys.tenant().to_owned(),
                job: self.keys.job().to_owned(),
                task: task.clone(),
                class: spec.class,
                weight: spec.weight,
                submitted_at: spec.submitted_at,
                place: place(spec, task),
                cost: group.cost,
                seconds: dispatch::estimate(group.kind, group.cost),
            })
        })
    }

    /// Notes that a task was hinted; says whether for the first time.
    pub fn note_hinted(&mut self, task: &TaskId) -> bool {
        let entry = self.hinted.entry(task.clone()).or_insert((Instant::now(), 0));
        *entry = (Instant::now(), entry.1 + 1);
        entry.1 == 1
    }

    /// Outcomes of equal tasks of earlier jobs, for ready tasks that have not been asked for.
    pub async fn reused(&mut self, parts: &Parts) -> Vec<Fact> {
        let fresh: Vec<TaskId> = self.view.ready().filter(|task| !self.asked.contains(*task)).cloned().collect();
        let mut facts = Vec::new();
        for task in fresh {
            self.asked.insert(task.clone());
            let Some(fingerprint) = reuse::fingerprint(&self.view, &task) else { continue };
            match reuse::find(parts.store.as_ref(), self.keys.tenant(), &fingerprint, &task).await {
                Ok(Some(outcome)) => match self.end_task(outcome, parts).await {
                    Ok(fact) => facts.extend(fact),
                    Err(error) => tracing::warn!(task = task.as_str(), code = error.code(), "a result could not be taken over"),
                },
                Ok(None) => {}
                Err(error) => tracing::debug!(task = task.as_str(), code = error.code(), "earlier results could not be read"),
            }
        }
        facts
    }

    /// Creates the outcome of a task that no worker runs; `None` if it was known.
    pub async fn end_task(&mut self, outcome: OutcomeFact, parts: &Parts) -> Result<Option<Fact>> {
        if self.view.outcome(&outcome.task).is_some() {
            return Ok(None);
        }
        self.create(NewFact::Outcome(outcome), parts).await.map(Some)
    }

    /// What went silent.
    pub async fn due(&self, parts: &Parts, waiting: u64, limits: Limits) -> Result<Vec<Due>> {
        let now = Instant::now();
        let ago = |(at, times): &(Instant, u32)| Hinted { ago: now.saturating_duration_since(*at), times: *times };
        let hinted: BTreeMap<TaskId, Hinted> = self.hinted.iter().map(|(task, hint)| (task.clone(), ago(hint))).collect();
        let mut attempts: BTreeMap<TaskId, Vec<Seen>> = BTreeMap::new();
        for (task, _) in hinted.iter().filter(|(_, hint)| hint.ago >= Duration::from_secs(20)) {
            attempts.insert(task.clone(), history(parts.store.as_ref(), &self.keys, task.as_str()).await?);
        }
        let measured = Measured { hinted, attempts, waiting, wait_usual: Duration::ZERO, run: parts.run.clone() };
        Ok(reconcile::due(&self.view, &measured, limits))
    }
}

/// Rows in the order in which they are completed: references, then repeat by repeat the candidates in the order
/// of the job, then the baselines.
fn place(spec: &SpecFact, task: &TaskId) -> u32 {
    let (name, repeat) = match task.name() {
        TaskName::Synthesize { candidate, repeat } | TaskName::Benchmark { candidate, repeat, .. } => (candidate, repeat),
        TaskName::Profile | TaskName::Generate { .. } => return 0,
    };
    match spec.candidates.iter().position(|candidate| candidate.name == name) {
        None => 0,
        Some(at) if spec.candidates[at].baseline => u32::MAX,
        Some(at) => 1 + repeat * 64 + at as u32,
    }
}
