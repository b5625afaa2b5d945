//! The tasks of a job in care: which can run, which are known from earlier jobs, which went silent.

use super::facts::make;
use super::{Job, Parts};
use crate::dispatch::{self, Rank, Ready, Room};
use crate::fleet::Fleet;
use crate::job::Fact;
use crate::reconcile::{self, Due, Hinted, Measured};
use crate::reuse;
use std::collections::BTreeMap;
use std::time::Duration;
use synthfleet_proto::Result;
use synthfleet_proto::attempts::{Limits, Seen};
use synthfleet_proto::fact::{Group, Lease, OutcomeFact, SpecFact};
use synthfleet_proto::key::{JobKeys, Key, Named};
use synthfleet_proto::task::{TaskId, TaskKind, TaskName};
use synthfleet_store::{Entry, read_fact};
use tokio::time::Instant;

/// A lease that is younger than this is fresh whatever its interval.
const SURELY_FRESH: Duration = Duration::from_secs(50);

/// Equal tasks of earlier jobs that are asked for at once.
const ASKED_AT_ONCE: usize = 128;

/// Results older than this are made again: retention could take them while the job needs them.
const REUSED_AGE_MAX: Duration = Duration::from_secs(5 * 86_400);

/// The pools of one round, looked up once for each sort of task.
pub struct Routes<'a> {
    fleet: &'a Fleet,
    waiting: &'a (dyn Fn(&str) -> u64 + Sync),
    known: BTreeMap<(TaskKind, String, u64), Option<String>>,
}

impl<'a> Routes<'a> {
    /// The pools of a fleet; `waiting` gives the tasks in flight of each.
    pub fn new(fleet: &'a Fleet, waiting: &'a (dyn Fn(&str) -> u64 + Sync)) -> Self {
        Self { fleet, waiting, known: BTreeMap::new() }
    }

    /// The pool for the tasks of a group.
    pub fn of(&mut self, group: &Group) -> Option<String> {
        let name = (group.kind, group.name.clone(), group.memory_bytes);
        let find = || self.fleet.route(group.kind, &group.name, group.memory_bytes, self.waiting).map(str::to_owned);
        self.known.entry(name).or_insert_with(find).clone()
    }
}

impl Job {
    /// Gathers tasks that wait to be hinted, in their order, as far as there is room for them.
    pub fn gather(&self, routes: &mut Routes<'_>, room: &mut Room, in_flight: usize, into: &mut Vec<Ready>) {
        let Some(spec) = self.view.spec().map(|spec| &spec.fact) else { return };
        let mut taken = BTreeMap::new();
        for ((_, place, cost), task) in &self.queue {
            if !room.is_open(&taken, in_flight) {
                return;
            }
            if self.view.is_stopped(task) {
                continue;
            }
            let Some((_, group)) = self.view.group(task) else { continue };
            let Some(pool) = routes.of(group).filter(|pool| room.take(pool, &mut taken, in_flight)) else { continue };
            into.push(Ready {
                tenant: self.keys.tenant().to_owned(),
                job: self.keys.job().to_owned(),
                task: task.clone(),
                pool,
                class: spec.class,
                weight: spec.weight,
                submitted_at: spec.submitted_at,
                place: *place,
                cost: cost.0,
                seconds: dispatch::estimate(group.kind, group.cost),
            });
        }
    }

    /// Whether any task waits to be hinted.
    pub fn has_queue(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Where a planned task stands among those that wait to be hinted.
    pub(super) fn place_of(&self, task: &TaskId) -> Option<(Rank, TaskId)> {
        let spec = self.view.spec().map(|spec| &spec.fact)?;
        let (_, group) = self.view.group(task)?;
        Some((dispatch::rank(task, place(spec, task), group.cost), task.clone()))
    }

    /// Makes up the queue, if a task can run that could not before.
    pub(super) fn queue_up(&mut self) {
        let turn = self.view.turn();
        if self.turn == Some(turn) {
            return;
        }
        self.turn = Some(turn);
        let waiting = self.view.ready().filter(|task| !self.hinted.contains_key(*task) && !self.away.contains(*task));
        self.queue = waiting.filter_map(|task| self.place_of(task)).collect();
    }

    /// A task is being hinted, or earlier jobs are asked for it.
    pub fn leaves_queue(&mut self, task: &TaskId) {
        if let Some(place) = self.place_of(task) {
            self.queue.remove(&place);
        }
        self.away.insert(task.clone());
    }

    /// A task was not hinted: it waits again, if it can still run.
    pub fn back_to_queue(&mut self, task: &TaskId) {
        self.away.remove(task);
        if self.view.is_ready(task) {
            self.queue.extend(self.place_of(task));
        }
    }

    /// Ready tasks that somebody has in hand already: they are not hinted again while they live.
    pub(super) fn follow_attempts(&mut self) {
        let is_open = |task: &TaskId| self.view.attempts(task).last().is_some_and(|(_, attempt)| attempt.end.is_none());
        let held: Vec<TaskId> = self.view.ready().filter(|task| is_open(task)).cloned().collect();
        self.hinted.extend(held.into_iter().map(|task| (task, (Instant::now(), 1))));
    }

    /// Tasks that were hinted, by this coordinator or an earlier one, and that some pool takes.
    pub fn held(&self, routes: &mut Routes<'_>) -> Vec<(TaskId, String)> {
        let held = self.hinted.keys().filter_map(|task| Some((task.clone(), routes.of(self.view.group(task)?.1)?)));
        held.collect()
    }

    /// Notes that a task was hinted; says whether for the first time, and before its end.
    pub fn note_hinted(&mut self, task: &TaskId) -> bool {
        self.away.remove(task);
        if self.view.outcome(task).is_some() {
            return false;
        }
        let entry = self.hinted.entry(task.clone()).or_insert((Instant::now(), 0));
        *entry = (Instant::now(), entry.1 + 1);
        entry.1 == 1
    }

    /// Whether there may be tasks for which earlier jobs have not been asked.
    pub fn may_reuse(&self) -> bool {
        self.asked_at != Some(self.view.turn())
    }

    /// Ready tasks for which earlier jobs have not been asked, each with what its results follow from. They leave
    /// the queue until the answer is there.
    pub fn asks(&mut self) -> Vec<(TaskId, String)> {
        self.asked_at = Some(self.view.turn());
        let fresh: Vec<TaskId> = self.view.ready().filter(|task| !self.asked.contains(*task)).cloned().collect();
        self.asked.extend(fresh.iter().cloned());
        let named = fresh.into_iter().filter(|task| !self.hinted.contains_key(task));
        let named: Vec<(TaskId, String)> =
            named.filter_map(|task| reuse::fingerprint(&self.view, &task).map(|fingerprint| (task, fingerprint))).collect();
        self.fingerprints.extend(named.iter().cloned());
        named.iter().for_each(|(task, _)| self.leaves_queue(task));
        named
    }

    /// What went silent, by the ages of entries that were listed just now. `waiting` gives the messages that wait in
    /// the pool that a task was hinted to; `deserted` says that nobody takes from there though others could.
    pub async fn silent(
        &self,
        entries: &[Entry],
        parts: &Parts,
        limits: Limits,
        waiting: impl Fn(&TaskId) -> u64,
        deserted: impl Fn(&TaskId) -> bool,
    ) -> Result<Vec<Due>> {
        let now = Instant::now();
        let ago = |task: &TaskId, (at, times): &(Instant, u32)| Hinted {
            ago: now.saturating_duration_since(*at),
            times: *times,
            waiting: waiting(task),
            deserted: deserted(task),
        };
        let hinted: BTreeMap<TaskId, Hinted> = self.hinted.iter().map(|(task, hint)| (task.clone(), ago(task, hint))).collect();
        let by_name: BTreeMap<&str, &TaskId> = hinted.keys().map(|task| (task.as_str(), task)).collect();
        let mut attempts: BTreeMap<TaskId, Vec<Seen>> = BTreeMap::new();
        for entry in entries {
            let (task, number) = match entry.key.named() {
                Some(Named::Claim { task, attempt } | Named::Lease { task, attempt } | Named::End { task, attempt }) => (task, attempt),
                _ => continue,
            };
            let Some(task) = by_name.get(task).copied() else { continue };
            let seen = attempts.entry(task.clone()).or_default();
            let at = seen.iter().position(|one| one.number == number).unwrap_or_else(|| {
                seen.push(self.attempt(task, number, entry.age));
                seen.len() - 1
            });
            self.see(&mut seen[at], task, entry, parts).await?;
        }
        attempts.values_mut().for_each(|seen| seen.sort_by_key(|one| one.number));
        let measured = Measured { hinted, attempts, wait_usual: Duration::ZERO, run: parts.run.clone() };
        let asked = self.view.spec().and_then(|spec| spec.fact.request.budget.attempts);
        Ok(reconcile::due(&self.view, &measured, limits.asked(asked)))
    }

    fn attempt(&self, task: &TaskId, number: u16, age: Duration) -> Seen {
        let known = self.view.attempts(task).find(|(known, _)| *known == number).map(|(_, attempt)| attempt);
        let owner = known.and_then(|attempt| attempt.claim.as_ref()?.owner.clone());
        Seen { number, owner, age, silent: age, interval: Duration::from_secs(15), end: None, checkpoint: None }
    }

    /// What one entry tells of an attempt; the lease is read only where its interval decides.
    async fn see(&self, seen: &mut Seen, task: &TaskId, entry: &Entry, parts: &Parts) -> Result<()> {
        seen.age = seen.age.max(entry.age);
        match entry.key.named() {
            Some(Named::Lease { .. }) => {
                seen.silent = entry.age;
                if entry.age >= SURELY_FRESH
                    && let Some(lease) = read_fact::<Lease>(parts.store.as_ref(), &entry.key).await?
                {
                    seen.interval = Duration::from_secs(u64::from(lease.fact.interval_seconds));
                }
            }
            Some(Named::End { attempt, .. }) => {
                let known = self.view.attempts(task).find(|(number, _)| *number == attempt);
                seen.end = known.and_then(|(_, known)| known.end.as_deref().cloned()).map(|end| (end, entry.age));
            }
            _ => {}
        }
        Ok(())
    }
}

/// Outcomes of equal tasks of earlier jobs, taken over: each with its key.
pub async fn earlier(parts: &Parts, keys: &JobKeys, asked: Vec<(TaskId, String)>) -> Vec<(TaskId, Option<(Key, Fact)>)> {
    // an embedded run holds its store alone: nothing goes meanwhile
    let age_max = parts.run.is_none().then_some(REUSED_AGE_MAX);
    let mut found = Vec::new();
    for some in asked.chunks(ASKED_AT_ONCE) {
        let asking = some.iter().map(|(task, fingerprint)| async move {
            let known = reuse::find(parts.store.as_ref(), keys.tenant(), fingerprint, task, age_max).await;
            let fact = match known {
                Ok(Some(outcome)) => taken_over(parts, keys, outcome).await.inspect_err(|error| {
                    tracing::warn!(task = task.as_str(), code = error.code(), "a result could not be taken over");
                }),
                Ok(None) => return (task.clone(), None),
                Err(error) => {
                    tracing::debug!(task = task.as_str(), code = error.code(), "earlier results could not be read");
                    return (task.clone(), None);
                }
            };
            (task.clone(), fact.ok())
        });
        found.extend(futures::future::join_all(asking).await);
    }
    found
}

async fn taken_over(parts: &Parts, keys: &JobKeys, outcome: OutcomeFact) -> Result<(Key, Fact)> {
    let key = keys.outcome(outcome.task.as_str())?;
    let known = make(&key, outcome, parts).await?;
    Ok((key.into(), Fact::Outcome(known)))
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
