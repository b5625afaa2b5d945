//! Facts of a job by their keys.

use crate::job::{Fact, Known};
use synthfleet_proto::Result;
use synthfleet_proto::fact::{Cancel, Claim, End, FinalFact, OutcomeFact, PlanFact, PublishedFact, SelectionFact, SpecFact};
use synthfleet_proto::key::{Key, Named};
use synthfleet_proto::task::TaskId;
use synthfleet_store::{Store, read_fact};

/// Reads a fact by its key; keys of other things give `None`.
pub(crate) async fn read(store: &dyn Store, key: &Key) -> Result<Option<Fact>> {
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
        Some(Named::Outcome(_)) => known::<OutcomeFact>(store, key, Fact::Outcome).await,
        Some(Named::Selection) => known::<SelectionFact>(store, key, Fact::Selection).await,
        Some(Named::Published) => known::<PublishedFact>(store, key, Fact::Published).await,
        Some(Named::Final) => known::<FinalFact>(store, key, Fact::Final).await,
        _ => Ok(None),
    }
}
