//! Finished tasks of earlier jobs: a task with equal kind, member version, options, seed and inputs has equal
//! results, so its outcome is taken over, marked `from_cache`.

use crate::job::View;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use synthfleet_proto::Result;
use synthfleet_proto::fact::{self, OutcomeFact, OutcomeStatus};
use synthfleet_proto::key::{self, Key};
use synthfleet_proto::task::{TaskId, TaskKind};
use synthfleet_proto::{Seed, id};
use synthfleet_store::{Store, create_fact, read_fact};

/// Version of what enters a fingerprint: raised when built-in operations change their bytes.
const VERSION: u32 = 3;

/// Names what a task's results follow from; `None` if that is not known. Pure.
pub fn fingerprint(view: &View, task: &TaskId) -> Option<String> {
    let spec = &view.spec()?.fact;
    if !spec.request.cache {
        return None;
    }
    let (plan, group) = view.group(task)?;
    let mut inputs: BTreeMap<String, String> = BTreeMap::new();
    for need in &group.needs {
        let outcome = view.outcome(need)?;
        let made = outcome.fact.outputs.iter().map(|output| (format!("{need}/{}", output.role), output.sha256.clone()));
        inputs.extend(made);
    }
    if group.kind == TaskKind::Profile {
        inputs.insert("source".to_owned(), spec.source_sha256.clone()?);
        if spec.request.holdout_source.is_some() {
            inputs.insert("holdout".to_owned(), spec.holdout_sha256.clone()?);
        }
    }
    let seed = spec.request.seed;
    let what = json!({
        "version": VERSION, "program": env!("CARGO_PKG_VERSION"), "task": task, "name": group.name, "options": group.options,
        "member": plan.fact.version_of(group.kind, &group.name), "rows": group.rows, "memory_bytes": group.memory_bytes,
        "seed": Seed::of_task(seed, task.as_str()).task_seed().to_string(), "shared": Seed::shared(seed).task_seed().to_string(),
        "inputs": inputs,
    });
    Some(id::sha256_hex(&fact::encode(&what).ok()?))
}

/// The outcome of an equal task, if there is one and what it made is still there, and young enough to stay there
/// while a job uses it.
pub async fn find(
    store: &dyn Store,
    tenant: &str,
    fingerprint: &str,
    task: &TaskId,
    age_max: Option<Duration>,
) -> Result<Option<OutcomeFact>> {
    let known = read_fact::<OutcomeFact>(store, key::reuse(tenant, fingerprint)?.key()).await;
    // an unreadable entry is worth no more than an absent one
    let Some(known) = known.ok().flatten().map(|kept| kept.fact).filter(|known| known.status == OutcomeStatus::Ok && known.task == *task)
    else {
        return Ok(None);
    };
    for output in &known.outputs {
        let entry = store.head(&Key::parse(&output.key)?).await?;
        let is_young = |age: Duration| age_max.is_none_or(|most| age <= most);
        if entry.is_none_or(|entry| entry.length != output.bytes || !is_young(entry.age)) {
            return Ok(None);
        }
    }
    Ok(Some(OutcomeFact { from_cache: true, ..known }))
}

/// Notes a good outcome for later jobs. Results shaped by a limit of time are not noted.
pub async fn note(store: &dyn Store, tenant: &str, fingerprint: &str, outcome: &OutcomeFact, nonce: [u8; 16]) -> Result<()> {
    if outcome.status == OutcomeStatus::Ok && !outcome.from_cache && !outcome.limited {
        create_fact(store, &key::reuse(tenant, fingerprint)?, outcome, nonce).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Fact, Known, fold};
    use crate::testing::{done, memory, spec};
    use serde_json::Value;

    fn profiling(job: Value) -> View {
        let spec = spec(job);
        let plan = crate::plan::first(&spec, "s");
        fold([Fact::Spec(Known::new(spec, "s")), Fact::Plan(Known::new(plan, "p"))])
    }

    fn of(job: Value) -> Option<String> {
        fingerprint(&profiling(job), &TaskId::profile())
    }

    #[test]
    fn what_changes_results_changes_the_fingerprint() {
        let base = of(json!({"source": "a.csv"}));
        assert_eq!(base, of(json!({"source": "a.csv", "summary": "other words", "repeats": 5})));
        assert_ne!(base, of(json!({"source": "a.csv", "seed": 1})));
        assert_ne!(base, of(json!({"source": "a.csv", "target": "x"})));
        assert_eq!(of(json!({"source": "a.csv", "cache": false})), None);
    }

    #[tokio::test]
    async fn a_noted_outcome_is_found_while_its_outputs_exist() {
        let store = memory();
        let outcome = done(TaskId::profile());
        note(&store, "t", "ab", &outcome, [0; 16]).await.expect("noted");
        let found = find(&store, "t", "ab", &TaskId::profile(), None).await.expect("read").expect("found");
        assert!(found.from_cache);
        assert_eq!(find(&store, "t", "cd", &TaskId::profile(), None).await.expect("read"), None);
        assert_eq!(find(&store, "t", "ab", &TaskId::synthesize("x", 0), None).await.expect("read"), None, "another task");
    }
}
