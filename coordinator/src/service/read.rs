//! Facts of a job, read from the store: many at once, each by what its key names.

use crate::job::Fact;
use std::collections::VecDeque;
use std::sync::Arc;
use synthfleet_proto::Result;
use synthfleet_proto::key::{JobKeys, Key, Named};
use synthfleet_store::{Entry, Store};
use tokio::task::JoinSet;

/// Facts that are read at once.
const AT_ONCE: usize = 32;

/// All entries of a job's facts, with their ages.
pub async fn list(store: &dyn Store, keys: &JobKeys) -> Result<Vec<Entry>> {
    crate::fleet::all(store, &keys.facts()?).await
}

/// The facts of some keys, in the order of the keys; keys of other things are left out.
pub async fn facts(store: &Arc<dyn Store>, keys: Vec<Key>) -> Result<Vec<(Key, Fact)>> {
    let (mut waiting, mut reading) = (keys.into_iter().enumerate().collect::<VecDeque<_>>(), JoinSet::new());
    let mut read = Vec::new();
    loop {
        while reading.len() < AT_ONCE
            && let Some((place, key)) = waiting.pop_front()
        {
            let store = Arc::clone(store);
            reading.spawn(async move {
                let fact = crate::facts::read_one(store.as_ref(), &key).await;
                (place, key, fact)
            });
        }
        match reading.join_next().await {
            Some(Ok((place, key, fact))) => read.extend(fact?.map(|fact| (place, key, fact))),
            Some(Err(error)) => return Err(synthfleet_proto::Error::internal("coordinator::panic", format!("a read stopped: {error}"))),
            None => break,
        }
    }
    read.sort_by_key(|(place, ..)| *place);
    Ok(read.into_iter().map(|(_, key, fact)| (key, fact)).collect())
}

/// Whether a key names something that a view is made of.
pub fn is_fact(key: &Key) -> bool {
    use Named::{Cancel, CancelTask, Claim, End, Final, Outcome, Plan, Published, Release, Selection, Spec};
    let named = key.named();
    matches!(
        named,
        Some(Spec | Plan(_) | Release | Cancel | CancelTask(_) | Claim { .. } | End { .. } | Outcome(_) | Selection | Published | Final)
    )
}
