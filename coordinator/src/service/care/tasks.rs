//! The tasks of a job in care: which can run, which are known from earlier jobs, which went silent.

use super::{Job, Parts};
use crate::dispatch::{self, Ready};
use crate::fleet::Fleet;
use crate::job::Fact;
use crate::reconcile::{self, Due, Hinted, Measured};
use crate::reuse;
use std::collections::BTreeMap;
use std::time::Duration;
use synthfleet_proto::Result;
use synthfleet_proto::attempts::{Limits, Seen};
use synthfleet_proto::fact::{Group, Lease, SpecFact};
use synthfleet_proto::key::Named;
use synthfleet_proto::task::{TaskId, TaskKind, TaskName};
use synthfleet_store::{Entry, read_fact};
use tokio::time::Instant;

/// A lease that is younger than this is fresh whatever its interval.
const SURELY_FRESH: Duration = Duration::from_secs(50);

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
    /// Tasks that can run now and that some pool takes.
    pub fn ready(&self, routes: &mut Routes<'_>) -> Vec<Ready> {
        let Some(spec) = self.view.spec().map(|spec| &spec.fact) else { return Vec::new() };
        let ready = |task: &TaskId| {
            let (_, group) = self.view.group(task)?;
            Some(Ready {
                tenant: self.keys.tenant().to_owned(),
                job: self.keys.job().to_owned(),
                task: task.clone(),
                pool: routes.of(group)?,
                class: spec.class,
                weight: spec.weight,
                submitted_at: spec.submitted_at,
                place: place(spec, task),
                cost: group.cost,
                seconds: dispatch::estimate(group.kind, group.cost),
            })
        };
        self.view.ready().filter_map(ready).collect()
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
        // an embedded run holds its store alone: nothing goes meanwhile
        let age_max = parts.run.is_none().then_some(REUSED_AGE_MAX);
        for task in fresh {
            self.asked.insert(task.clone());
            let Some(fingerprint) = reuse::fingerprint(&self.view, &task) else { continue };
            match reuse::find(parts.store.as_ref(), self.keys.tenant(), &fingerprint, &task, age_max).await {
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
        let mut attempts: BTreeMap<TaskId, Vec<Seen>> = BTreeMap::new();
        for entry in entries {
            let (task, number) = match entry.key.named() {
                Some(Named::Claim { task, attempt } | Named::Lease { task, attempt } | Named::End { task, attempt }) => (task, attempt),
                _ => continue,
            };
            let Some((task, _)) = hinted.get_key_value(&TaskId::parse(task)?) else { continue };
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
                seen.end = known.and_then(|(_, known)| known.end.clone()).map(|end| (end, entry.age));
            }
            _ => {}
        }
        Ok(())
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
