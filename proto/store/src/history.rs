//! The attempts at a task, as claims, leases and ends tell them.

use crate::{Entry, Store, read_fact};
use std::collections::BTreeMap;
use std::time::Duration;
use synthfleet_proto::{
    Result,
    attempts::Seen,
    fact::{Claim, End, Lease},
    key::{JobKeys, Named},
};

/// The attempts at a task, oldest first, with ages of the store's clock.
pub async fn history(store: &dyn Store, keys: &JobKeys, task: &str) -> Result<Vec<Seen>> {
    let entries = store.list(&keys.attempts_of(task)?, None, 1_000).await?;
    let mut seen: BTreeMap<u16, Seen> = BTreeMap::new();
    for Entry { key, age, .. } in &entries {
        let number = match key.named() {
            Some(Named::Claim { attempt, .. } | Named::Lease { attempt, .. } | Named::End { attempt, .. }) => attempt,
            _ => continue,
        };
        let interval = Duration::from_secs(15);
        let fresh = Seen { number, owner: None, age: *age, silent: *age, interval, end: None, checkpoint: None };
        let known = seen.entry(number).or_insert(fresh);
        known.age = known.age.max(*age);
        match key.named() {
            Some(Named::Claim { .. }) => known.owner = read_fact::<Claim>(store, key).await?.and_then(|claim| claim.fact.owner),
            Some(Named::Lease { .. }) => {
                known.silent = *age;
                if let Some(lease) = read_fact::<Lease>(store, key).await? {
                    known.interval = Duration::from_secs(u64::from(lease.fact.interval_seconds));
                    known.checkpoint = known.checkpoint.take().or(lease.fact.checkpoint);
                }
            }
            _ => {
                known.end = read_fact::<End>(store, key).await?.map(|end| (end.fact, *age));
                // what the end tells is newer than what a beat told
                known.checkpoint = known.end.as_ref().and_then(|(end, _)| end.checkpoint.clone()).or(known.checkpoint.take());
            }
        }
    }
    Ok(seen.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Memory, create_fact};
    use synthfleet_proto::fact::EndCause;
    use synthfleet_proto::outside::Clock;

    struct Still;

    impl Clock for Still {
        fn now_ms(&self) -> u64 {
            1_700_000_000_000
        }
    }

    #[tokio::test]
    async fn attempts_come_in_order_with_their_owner_and_end() {
        let store = Memory::new(std::sync::Arc::new(Still));
        let keys = JobKeys::new("t", "job_0").expect("legal");
        for attempt in [2, 1] {
            let claim = Claim {
                v: 1,
                worker: "w".into(),
                host: String::new(),
                nonce: String::new(),
                attempt,
                hint_id: String::new(),
                member_version: String::new(),
                owner: Some(format!("run{attempt}")),
                resumed_from: None,
            };
            create_fact(&store, &keys.claim("profile", attempt).expect("legal"), &claim, [attempt as u8; 16]).await.expect("created");
        }
        let end = End { v: 1, cause: EndCause::Released, counted: false, error: None, delay_seconds: 0, checkpoint: None };
        create_fact(&store, &keys.end("profile", 1).expect("legal"), &end, [9; 16]).await.expect("created");
        let seen = history(&store, &keys, "profile").await.expect("listed");
        assert_eq!(seen.iter().map(|one| (one.number, one.owner.as_deref())).collect::<Vec<_>>(), [(1, Some("run1")), (2, Some("run2"))]);
        assert!(seen[0].end.is_some() && seen[1].end.is_none());
    }
}
