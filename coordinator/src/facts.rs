//! Facts of a job by their keys, and a reader that keeps up with them.

use crate::afterwards::{Afterwards, gone};
use crate::job::{Fact, Known, View};
use crate::service::read;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use synthfleet_proto::Result;
use synthfleet_proto::fact::{
    Cancel, Claim, CopiedFact, EditFact, End, FinalFact, OutcomeFact, PlanFact, PublishedFact, SelectionFact, SpecFact,
};
use synthfleet_proto::key::{JobKeys, Key, Named};
use synthfleet_proto::task::TaskId;
use synthfleet_store::{Store, read_fact};

/// Reads a fact by its key; keys of other things give `None`.
pub(crate) async fn read_one(store: &dyn Store, key: &Key) -> Result<Option<Fact>> {
    async fn known<T: serde::de::DeserializeOwned>(store: &dyn Store, key: &Key, wrap: fn(Known<T>) -> Fact) -> Result<Option<Fact>> {
        Ok(read_fact::<T>(store, key).await?.map(|kept| wrap(Known::new(kept.fact, kept.sha256))))
    }
    match key.named() {
        Some(Named::Spec) => known::<SpecFact>(store, key, Fact::Spec).await,
        Some(Named::Plan(_)) => known::<PlanFact>(store, key, Fact::Plan).await,
        Some(Named::Release) => Ok(Some(Fact::Release)),
        Some(Named::Cancel) => Ok(read_fact::<Cancel>(store, key).await?.map(|kept| Fact::Cancel(kept.fact))),
        Some(Named::CancelTask(task)) => Ok(Some(Fact::CancelTask(TaskId::parse(task)?))),
        Some(Named::Claim { task, .. }) => {
            let task = TaskId::parse(task)?;
            Ok(read_fact::<Claim>(store, key).await?.map(|kept| Fact::Claim(task, kept.fact)))
        }
        Some(Named::End { task, attempt }) => {
            let task = TaskId::parse(task)?;
            Ok(read_fact::<End>(store, key).await?.map(|kept| Fact::End(task, attempt, kept.fact)))
        }
        Some(Named::Outcome(_)) => {
            let kept = read_fact::<OutcomeFact>(store, key).await?;
            Ok(kept.map(|kept| Fact::Outcome(Known::new(kept.fact.shrunk(), kept.sha256))))
        }
        Some(Named::Selection) => known::<SelectionFact>(store, key, Fact::Selection).await,
        Some(Named::Published) => known::<PublishedFact>(store, key, Fact::Published).await,
        Some(Named::Final) => known::<FinalFact>(store, key, Fact::Final).await,
        Some(Named::Copied) => Ok(read_fact::<CopiedFact>(store, key).await?.map(|kept| Fact::Copied(kept.fact))),
        Some(Named::Edit(number)) => Ok(read_fact::<EditFact>(store, key).await?.map(|kept| Fact::Edit(number, kept.fact))),
        _ => Ok(None),
    }
}

/// A fact that was seen for the first time.
pub(crate) struct Found {
    /// Its key.
    pub key: Key,
    /// Time since it was made, by the store's clock.
    pub age: Duration,
    /// The fact.
    pub fact: Fact,
}

/// Keeps up with the facts of one job. Facts never change, so each is read once.
pub(crate) struct Reader {
    keys: JobKeys,
    seen: BTreeSet<Key>,
    view: View,
}

impl Reader {
    /// Knows nothing yet.
    pub fn new(keys: JobKeys) -> Self {
        Self { keys, seen: BTreeSet::new(), view: View::default() }
    }

    /// What is known.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Looks for new facts; `told` hears of each, oldest first, with the view that knows it.
    pub async fn look(&mut self, store: &Arc<dyn Store>, mut told: impl FnMut(&View, &Found) + Send) -> Result<()> {
        let mut found = self.unseen(store).await?;
        found.sort_by(|one, other| other.age.cmp(&one.age).then_with(|| rank(&one.fact).cmp(&rank(&other.fact))));
        for one in found {
            self.seen.insert(one.key.clone());
            self.view = std::mem::take(&mut self.view).with(one.fact.clone());
            told(&self.view, &one);
        }
        Ok(())
    }

    /// Looks for what may follow a job's end.
    ///
    /// # Errors
    /// `job::deleted` if the job is no more.
    pub async fn look_afterwards(&mut self, store: &dyn Store) -> Result<()> {
        let told = Afterwards::of(store, &self.keys).await?;
        if told.deleted {
            return Err(gone());
        }
        for key in [told.edit, told.copied].into_iter().flatten().filter(|key| !self.seen.contains(key)).collect::<Vec<_>>() {
            if let Some(fact) = read_one(store, &key).await? {
                self.seen.insert(key);
                self.view = std::mem::take(&mut self.view).with(fact);
            }
        }
        Ok(())
    }

    async fn unseen(&self, store: &Arc<dyn Store>) -> Result<Vec<Found>> {
        let entries = read::list(store.as_ref(), &self.keys).await?;
        let fresh = entries.into_iter().filter(|entry| read::is_fact(&entry.key) && !self.seen.contains(&entry.key));
        let ages: BTreeMap<Key, Duration> = fresh.map(|entry| (entry.key, entry.age)).collect();
        let facts = read::facts(store, ages.keys().cloned().collect()).await?;
        let found = |(key, fact): (Key, Fact)| Found { age: ages.get(&key).copied().unwrap_or_default(), key, fact };
        Ok(facts.into_iter().map(found).collect())
    }
}

/// The order in which facts of one instant are told: what comes first in the life of a job.
fn rank(fact: &Fact) -> u8 {
    match fact {
        Fact::Spec(_) => 0,
        Fact::Release | Fact::Cancel(_) | Fact::CancelTask(_) => 1,
        Fact::Plan(plan) if plan.fact.plan == 0 => 2,
        Fact::Claim(..) => 3,
        Fact::End(..) => 4,
        Fact::Outcome(_) => 5,
        Fact::Plan(_) => 6,
        Fact::Selection(_) => 7,
        Fact::Published(_) => 8,
        Fact::Final(_) => 9,
        Fact::Edit(..) | Fact::Copied(_) => 10,
    }
}
