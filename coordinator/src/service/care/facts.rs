//! Facts of a job in care: made, learnt, and what else follows from one.

use super::{Job, Parts};
use crate::job::{Fact, Known, NewFact, size};
use crate::service::notes::Note;
use crate::service::{log, spans, tell};
use crate::{metrics, reuse};
use futures::{StreamExt, stream};
use std::sync::Arc;
use synthfleet_proto::fact::{OutcomeFact, OutcomeStatus};
use synthfleet_proto::key::{FactKey, JobKeys, Key};
use synthfleet_proto::task::TaskId;
use synthfleet_proto::{Error, Result};
use synthfleet_store::{Created, create_fact, read_fact};

/// Facts of a job that are made at once: a job that stops ends all its tasks.
const CREATED_AT_ONCE: usize = 32;

impl Job {
    /// Makes facts many at a time, and learns them in their order.
    pub(super) async fn create_all(&mut self, new: Vec<NewFact>, parts: &Parts) -> Result<()> {
        let keys = self.keys.clone();
        let mut creating = stream::iter(new).map(|new| create(&keys, new, parts)).buffered(CREATED_AT_ONCE);
        while let Some(created) = creating.next().await {
            let (key, fact) = created?;
            self.seen.insert(key);
            self.learn(fact, parts);
        }
        Ok(())
    }

    pub(super) fn learn(&mut self, fact: Fact, parts: &Parts) {
        self.note(&fact, parts);
        self.take_up(fact);
    }

    pub(super) fn take_up(&mut self, fact: Fact) {
        self.view_bytes += size::of(&fact);
        self.view = std::mem::take(&mut self.view).with(fact);
    }

    /// What else follows from a new fact: events, room in the windows.
    pub(super) fn note(&mut self, fact: &Fact, parts: &Parts) {
        tell::fact(parts, self, fact);
        let now = parts.clock.now_ms() as i64;
        log::fact(self, fact, now);
        metrics::record_fact(&self.book, &self.view, fact, now);
        spans::fact(&self.spans, &self.view, fact, now);
        if let Fact::Outcome(outcome) = fact {
            let task = &outcome.fact.task;
            self.ended.push(task.clone());
            self.hinted.remove(task);
            self.away.remove(task);
            if let Some(place) = self.place_of(task) {
                self.queue.remove(&place);
            }
            if outcome.fact.status == OutcomeStatus::Ok {
                self.to_note.insert(task.clone());
            }
        }
    }

    /// Notes good outcomes for later jobs: each once, as soon as a plan tells what its task was, whether it was
    /// seen to come or was there when the job was taken into care.
    pub(super) fn note_for_later(&mut self) {
        let planned: Vec<TaskId> = self.to_note.iter().filter(|task| self.view.outcome(task).is_some()).cloned().collect();
        for task in planned {
            self.to_note.remove(&task);
            let Some(outcome) = self.view.outcome(&task).map(|outcome| Arc::clone(&outcome.fact)) else { continue };
            let known = self.fingerprints.remove(&task);
            let Some(fingerprint) = known.or_else(|| reuse::fingerprint(&self.view, &task)) else { continue };
            let note = Note { tenant: self.keys.tenant().to_owned(), fingerprint, outcome };
            if self.notes.try_send(note).is_err() {
                tracing::debug!(task = task.as_str(), "an outcome was not noted for later jobs");
            }
        }
    }

    /// Creates the outcome of a task that no worker runs; `None` if it was known.
    pub async fn end_task(&mut self, outcome: OutcomeFact, parts: &Parts) -> Result<Option<Fact>> {
        if self.view.outcome(&outcome.task).is_some() {
            return Ok(None);
        }
        let (key, fact) = create(&self.keys, NewFact::Outcome(outcome), parts).await?;
        self.seen.insert(key);
        Ok(Some(fact))
    }
}

/// Creates a fact of a job; if somebody was faster, theirs counts.
async fn create(keys: &JobKeys, new: NewFact, parts: &Parts) -> Result<(Key, Fact)> {
    let (key, fact) = match new {
        NewFact::Plan(plan) => {
            let key = keys.plan(plan.plan)?;
            (key.clone(), Fact::Plan(make(&key, plan, parts).await?))
        }
        NewFact::Outcome(outcome) => {
            let key = keys.outcome(outcome.task.as_str())?;
            (key.clone(), Fact::Outcome(make(&key, outcome, parts).await?))
        }
        NewFact::Selection(selection) => {
            let key = keys.selection()?;
            (key.clone(), Fact::Selection(make(&key, selection, parts).await?))
        }
        NewFact::Final(last) => {
            let key = keys.last()?;
            (key.clone(), Fact::Final(make(&key, last, parts).await?))
        }
        NewFact::CancelTask(task, cancel) => {
            let key = keys.cancel_task(task.as_str())?;
            create_fact(parts.store.as_ref(), &key, &cancel, parts.entropy.bits()).await?;
            (key, Fact::CancelTask(task))
        }
    };
    Ok((key.into(), fact))
}

/// Creates a fact, or reads that of somebody who was faster.
pub(super) async fn make<T>(key: &FactKey, fact: T, parts: &Parts) -> Result<Known<T>>
where
    T: serde::Serialize + serde::de::DeserializeOwned + Sync,
{
    let (created, sha256) = create_fact(parts.store.as_ref(), key, &fact, parts.entropy.bits()).await?;
    if created == Created::New {
        return Ok(Known::new(fact, sha256));
    }
    let earlier = read_fact::<T>(parts.store.as_ref(), key.key()).await?;
    let earlier = earlier.ok_or_else(|| Error::conflict("store::race", format!("{key} came and went")))?;
    Ok(Known::new(earlier.fact, earlier.sha256))
}
