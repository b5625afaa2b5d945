//! One job in care: its view, and what is done for it.

mod facts;
mod making;
mod tasks;

use super::notes::Note;
use super::read::{self, is_fact};
use super::spans::Sink;
use super::{Options, Parts, tell};
use crate::dispatch::{Line, Rank};
use crate::heavy::heavy;
use crate::job::{DEADLINE, Effect, Event, Fact, Phase, Rules, View, step};
use crate::{Catalogue, judgement};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use synthfleet_metrics::Book;
use synthfleet_proto::class::Class;
use synthfleet_proto::envelope::{Body, ControlHint, ControlOp, Envelope, Trace};
use synthfleet_proto::error::WireError;
use synthfleet_proto::fact::FinalFact;
use synthfleet_proto::job::JobState;
use synthfleet_proto::key::{FactKey, JobKeys, Key};
use synthfleet_proto::task::TaskId;
use synthfleet_proto::{Error, Result};
use synthfleet_store::Entry;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

pub use making::Made;
pub use tasks::{Routes, earlier};

/// A job in care.
pub struct Job {
    pub keys: JobKeys,
    pub view: View,
    /// About how much memory the view takes.
    pub view_bytes: u64,
    /// Errors in a row.
    pub failures: u32,
    pub state: Option<JobState>,
    /// Where facts are counted.
    book: Arc<Book>,
    spans: Sink,
    /// When its time is over.
    deadline: Option<Instant>,
    /// When the patience with a cancelled job's running tasks is over.
    cancel_overdue: Option<Instant>,
    /// Until when planning waits for pools; set when the table was read.
    pools_until: Option<Instant>,
    /// Whether that time is over.
    pools_waited: bool,
    seen: BTreeSet<Key>,
    hinted: BTreeMap<TaskId, (Instant, u32)>,
    /// Tasks that can run and wait to be hinted, in their order.
    queue: BTreeSet<(Rank, TaskId)>,
    /// For what the queue was made up last.
    turn: Option<(Phase, usize, usize)>,
    /// Tasks that are being hinted, or for which earlier jobs are being asked: they are not hinted meanwhile.
    away: BTreeSet<TaskId>,
    asked: BTreeSet<TaskId>,
    /// What results of tasks in hand follow from: the same from the beginning to the end of a task.
    fingerprints: BTreeMap<TaskId, String>,
    /// For what earlier jobs were asked last.
    asked_at: Option<(Phase, usize, usize)>,
    /// Tasks whose outcome is to be noted for later jobs.
    to_note: BTreeSet<TaskId>,
    ended: Vec<TaskId>,
    /// The output is being made, or copied.
    working: Option<AbortHandle>,
    delivered: Option<std::result::Result<(), WireError>>,
    made: mpsc::Sender<Made>,
    notes: mpsc::Sender<Note>,
}

/// Where a job gives what is made beside the loop.
#[derive(Clone)]
pub struct Beside {
    /// What was made for the job.
    pub made: mpsc::Sender<Made>,
    /// Notes for later jobs.
    pub notes: mpsc::Sender<Note>,
    /// Spans of what was done.
    pub spans: Sink,
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Some(working) = &self.working {
            working.abort();
        }
    }
}

impl Job {
    /// Reads all facts of a job. What is made beside the loop goes through `beside`.
    pub async fn read(keys: &JobKeys, parts: &Parts, beside: Beside, book: &Arc<Book>) -> Result<Self> {
        let Beside { made, notes, spans } = beside;
        let mut job = Self {
            keys: keys.clone(),
            view: View::default(),
            view_bytes: 0,
            failures: 0,
            state: None,
            book: Arc::clone(book),
            spans,
            deadline: None,
            cancel_overdue: None,
            pools_until: None,
            pools_waited: false,
            seen: BTreeSet::new(),
            hinted: BTreeMap::new(),
            queue: BTreeSet::new(),
            turn: None,
            away: BTreeSet::new(),
            asked: BTreeSet::new(),
            fingerprints: BTreeMap::new(),
            asked_at: None,
            to_note: BTreeSet::new(),
            ended: Vec::new(),
            working: None,
            // an embedded run writes its output folder itself
            delivered: parts.run.is_some().then_some(Ok(())),
            made,
            notes,
        };
        let entries = read::list(parts.store.as_ref(), keys).await?;
        let read = read::facts(&parts.store, job.unread(&entries)).await?;
        job.seen.extend(read.iter().map(|(key, _)| key.clone()));
        let known: Vec<Fact> = read.into_iter().map(|(_, fact)| fact).collect();
        for fact in known.iter().cloned() {
            // it may have come while nobody looked after the job
            if let Fact::Outcome(outcome) = &fact {
                job.to_note.insert(outcome.fact.task.clone());
            }
            job.take_up(fact);
        }
        let Some(spec) = job.view.spec() else {
            return Err(Error::unavailable("job::no_spec", format!("the job {} has no spec", keys.job())));
        };
        // an embedded run may take up a job that was left days ago: its time begins anew
        let age_of = |key: &FactKey| entries.iter().find(|entry| entry.key == **key).map_or(Duration::ZERO, |entry| entry.age);
        let age = if parts.run.is_some() { Duration::ZERO } else { age_of(&keys.spec()?) };
        let seconds = Duration::try_from_secs_f64(spec.fact.request.budget.seconds).unwrap_or(Duration::MAX);
        job.deadline = Instant::now().checked_add(seconds.saturating_sub(age));
        job.follow_attempts();
        job.queue_up();
        if parts.run.is_some() {
            // whoever watches this run has not seen what an earlier one found
            tell::earlier(parts, &job, &known);
        }
        Ok(job)
    }

    /// Facts among some entries that were not seen.
    pub fn unread(&self, entries: &[Entry]) -> Vec<Key> {
        entries.iter().map(|entry| &entry.key).filter(|key| !self.seen.contains(*key) && is_fact(key)).cloned().collect()
    }

    /// A fact was read; says whether for the first time.
    pub fn saw(&mut self, key: Key) -> bool {
        self.seen.insert(key)
    }

    /// Moves the job on by one event, and by what follows from it, until nothing more is to be done now.
    pub async fn advance(&mut self, event: Event, parts: &Parts, options: &Options) -> Result<()> {
        if let Event::Fact(fact) = &event {
            self.note(fact, parts);
        }
        let mut event = event;
        loop {
            let effects = self.step(event, parts, options).await?;
            self.note_for_later();
            tell::state(parts, self);
            if !self.perform_all(effects, parts, options).await? {
                self.queue_up();
                return Ok(());
            }
            event = Event::Sweep;
        }
    }

    async fn step(&mut self, event: Event, parts: &Parts, options: &Options) -> Result<Vec<Effect>> {
        let event = match event {
            Event::Fact(fact) => {
                self.take_up(*fact);
                Event::Sweep
            }
            event => event,
        };
        let phase = self.view.phase();
        // the wait begins with the step that finds the table read
        let until = self.pools_until.unwrap_or_else(|| Instant::now() + options.pool_wait);
        if phase == Phase::Planning {
            self.pools_until = Some(until);
        }
        let waits_for_pools = !self.pools_waited && Instant::now() < until;
        let catalogue = match phase {
            Phase::Judging => parts.roster.catalogue_of(parts.store.as_ref(), self.view.plan(1).map(|plan| plan.fact.as_ref())).await?,
            _ => Catalogue::default(),
        };
        let (view, fleet, delivered) = (std::mem::take(&mut self.view), parts.roster.now(), self.delivered.clone());
        let is_light = event == Event::Sweep && matches!(phase, Phase::Profiling | Phase::Running | Phase::Publishing | Phase::Ended);
        let work = move || {
            let judge = |view: &View| judgement::judge(view, &catalogue);
            step(view, event, &Rules { fleet: &fleet, waits_for_pools, delivered: delivered.as_ref(), judge: &judge })
        };
        // planning and judging take their time
        let (view, effects) = if is_light { work() } else { heavy(work).await? };
        self.view = view;
        Ok(effects)
    }

    /// Performs effects in their order; says whether the view changed. Facts of one sort in a row are about different
    /// tasks, and are made together.
    async fn perform_all(&mut self, effects: Vec<Effect>, parts: &Parts, options: &Options) -> Result<bool> {
        let mut moved = false;
        let mut effects = effects.into_iter().peekable();
        while let Some(effect) = effects.next() {
            let Effect::Create(first) = effect else {
                self.perform(effect, parts, options).await?;
                continue;
            };
            let sort = std::mem::discriminant(first.as_ref());
            let mut together = vec![*first];
            while let Some(Effect::Create(next)) =
                effects.next_if(|next| matches!(next, Effect::Create(next) if std::mem::discriminant(next.as_ref()) == sort))
            {
                together.push(*next);
            }
            self.create_all(together, parts).await?;
            moved = true;
        }
        Ok(moved)
    }

    /// Performs one effect that makes no fact now.
    async fn perform(&mut self, effect: Effect, parts: &Parts, options: &Options) -> Result<()> {
        match effect {
            Effect::Create(new) => self.create_all(vec![*new], parts).await?,
            Effect::StopTask(task) => self.broadcast(ControlOp::CancelTask, Some(&task), parts).await,
            Effect::StopJob => {
                self.broadcast(ControlOp::CancelJob, None, parts).await;
                self.cancel_overdue.get_or_insert_with(|| Instant::now() + options.cancel_patience);
            }
            Effect::Publish => self.begin_to_publish(parts, options),
            Effect::Deliver => self.begin_to_deliver(parts),
            Effect::DropMarker => {
                if let (Some(spec), Some(last)) = (self.view.spec(), self.view.last()) {
                    crate::intake::queue::finished(parts, &self.keys, &spec.fact, &last.fact).await?;
                    crate::callback::begin(parts, &self.keys, &spec.fact).await?;
                }
                parts.store.delete(self.keys.live()?.key()).await?;
            }
        }
        Ok(())
    }

    async fn broadcast(&self, op: ControlOp, task: Option<&TaskId>, parts: &Parts) {
        let about = (Some(self.keys.job()), task.map(TaskId::as_str));
        let target = task.map_or(self.keys.job(), TaskId::as_str).to_owned();
        let body = Body::Control(ControlHint { op, target, seconds: None });
        let entropy = parts.entropy.as_ref();
        let envelope = Envelope::new(parts.clock.as_ref(), entropy, self.keys.tenant(), about, body).within(self.trace().child(entropy));
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

    /// The job's place in the line of its tenant.
    pub fn line(&self) -> Line {
        let spec = self.view.spec().map(|spec| spec.fact.as_ref());
        let of = |spec: &synthfleet_proto::fact::SpecFact| (spec.class, std::cmp::Reverse(spec.weight), spec.submitted_at);
        let (class, weight, at) = spec.map(of).unwrap_or((Class::Batch, std::cmp::Reverse(0), i64::MAX));
        (class, weight, at, self.keys.job().to_owned())
    }

    /// The trace that everything of the job belongs to.
    pub fn trace(&self) -> Trace {
        self.view.spec().map_or_else(|| Trace::of_job(self.keys.job()), |spec| spec.fact.root())
    }

    /// The end of the job, once it is there.
    pub fn ended(&self) -> Option<&FinalFact> {
        self.view.last().map(|last| last.fact.as_ref())
    }

    /// When something follows from time alone.
    pub fn due_at(&self) -> Option<Instant> {
        match self.view.phase() {
            Phase::Cancelling => self.cancel_overdue,
            Phase::Profiling | Phase::Running => self.deadline,
            Phase::Planning => self.pools_until.filter(|_| !self.pools_waited),
            _ => None,
        }
    }

    /// What follows from time that is over; each once.
    pub fn take_due(&mut self) -> Option<Event> {
        match self.view.phase() {
            Phase::Cancelling => self.cancel_overdue.take().map(|_| Event::CancelOverdue),
            Phase::Profiling | Phase::Running => self.deadline.take().map(|_| Event::CutOff(DEADLINE)),
            Phase::Planning => {
                self.pools_waited = true;
                Some(Event::Sweep)
            }
            _ => None,
        }
    }
}
