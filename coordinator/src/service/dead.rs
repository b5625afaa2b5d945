//! Buried messages: kept in the store for people, and the second burial of one task ends it. A task whose hint
//! was buried once is hinted again by the look for what went silent.

use super::{Options, Parts, inbox};
use std::time::Duration;
use synthfleet_broker::{Delivery, Inbox, Settle};
use synthfleet_proto::calendar::date_of_days;
use synthfleet_proto::envelope::{Body, Envelope};
use synthfleet_proto::fact::{self, OutcomeFact, OutcomeStatus, PlanFact};
use synthfleet_proto::fleet::DeadDoc;
use synthfleet_proto::key::{self, JobKeys, MarkerKey};
use synthfleet_proto::task::TaskId;
use synthfleet_proto::{Error, Result, id};
use synthfleet_store::{create_fact, history, read_fact};

/// Pause after an error before the next message is taken.
const PAUSE: Duration = Duration::from_secs(5);
/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;
/// Longest reason that is kept, in characters.
const REASON_MAX: usize = 200;

/// Takes buried messages for ever.
pub async fn drain(options: Options, parts: Parts) {
    loop {
        let taken = match parts.broker.take(&Inbox::Dead).await {
            Ok(delivery) => bury(&parts, delivery).await,
            Err(error) => Err(error),
        };
        if let Err(error) = taken {
            tracing::warn!(replica = options.id, code = error.code(), "a buried message could not be kept");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn bury(parts: &Parts, delivery: Delivery) -> Result<()> {
    let envelope = Envelope::decode(delivery.body()).ok();
    let about = envelope.as_ref().and_then(task_of);
    let (mut doc, marker) = match &about {
        Some((keys, task)) => of_task(parts, keys, task).await?,
        None => of_nobody(parts)?,
    };
    doc.reason = delivery.reason().unwrap_or("unknown").chars().filter(|c| !c.is_control()).take(REASON_MAX).collect();
    doc.body = id::hex(delivery.body());
    if let Some(envelope) = &envelope {
        doc.kind = Some(envelope.body.kind().to_owned());
        doc.tenant = Some(envelope.tenant.clone());
        doc.job.clone_from(&envelope.job);
        doc.task.clone_from(&envelope.task);
    }
    if let Some((keys, task)) = about.filter(|_| doc.treatment == POISON) {
        let ended = poison(parts, &keys, &task, &doc.reason).await?;
        ended.clone_into(&mut doc.treatment);
    }
    tracing::warn!(reason = doc.reason, kind = doc.kind, treatment = doc.treatment, "a message was buried");
    parts.store.put(&marker, fact::encode(&doc)?.into()).await?;
    parts.broker.settle(delivery, Settle::Ack).await
}

/// Treatment of a message that is only kept.
const KEPT: &str = "kept";
/// Treatment of the second message of a task.
const POISON: &str = "failed";

fn task_of(envelope: &Envelope) -> Option<(JobKeys, TaskId)> {
    let Body::Task(_) = &envelope.body else { return None };
    let keys = JobKeys::new(&envelope.tenant, envelope.job.as_deref()?).ok()?;
    Some((keys, TaskId::parse(envelope.task.as_deref()?).ok()?))
}

/// The day of an instant, as `yyyymmdd`.
fn day(now_ms: u64) -> String {
    let (year, month, day) = date_of_days((now_ms / DAY_MS) as i64);
    format!("{year:04}{month:02}{day:02}")
}

fn blank(id: String, at: u64, treatment: &str) -> DeadDoc {
    let (reason, body, treatment) = (String::new(), String::new(), treatment.to_owned());
    DeadDoc { v: fact::VERSION, id, at: at as i64, reason, body, kind: None, job: None, tenant: None, task: None, treatment }
}

fn of_nobody(parts: &Parts) -> Result<(DeadDoc, MarkerKey)> {
    let now = parts.clock.now_ms();
    let name = id::base32(parts.entropy.bits());
    Ok((blank(name.clone(), now, KEPT), key::dead(&day(now), &name)?))
}

/// The messages of one task have names that follow from it, so that the second one is known as such by any
/// replica: today's, or yesterday's a moment after midnight.
async fn of_task(parts: &Parts, keys: &JobKeys, task: &TaskId) -> Result<(DeadDoc, MarkerKey)> {
    let now = parts.clock.now_ms();
    let hash = &id::sha256_hex(format!("{}/{}/{task}", keys.tenant(), keys.job()).as_bytes())[..24];
    let first = format!("{hash}-1");
    for at in [now, now.saturating_sub(DAY_MS)] {
        if parts.store.head(key::dead(&day(at), &first)?.key()).await?.is_some() {
            let second = format!("{hash}-2");
            return Ok((blank(second.clone(), now, POISON), key::dead(&day(at), &second)?));
        }
    }
    Ok((blank(first.clone(), now, KEPT), key::dead(&day(now), &first)?))
}

/// Ends a task whose messages are buried again and again, unless it ended or runs; says what was done.
async fn poison(parts: &Parts, keys: &JobKeys, task: &TaskId, reason: &str) -> Result<&'static str> {
    let store = parts.store.as_ref();
    let mut is_planned = false;
    for number in 0..=2 {
        let plan = read_fact::<PlanFact>(store, keys.plan(number)?.key()).await?;
        is_planned |= plan.is_some_and(|plan| plan.fact.group_of(task).is_some());
    }
    let outcome = keys.outcome(task.as_str())?;
    if !is_planned || store.head(outcome.key()).await?.is_some() {
        return Ok(KEPT);
    }
    if history(store, keys, task.as_str()).await?.last().is_some_and(|newest| newest.is_alive(parts.run.as_deref())) {
        return Ok(KEPT);
    }
    let error = Error::internal("task::poison", format!("its message was refused twice: {reason}"));
    let failed = OutcomeFact::not_run(task.clone(), OutcomeStatus::Failed, error.to_wire());
    create_fact(store, &outcome, &failed, parts.entropy.bits()).await?;
    inbox::pass_on(parts, keys, task).await;
    Ok(POISON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_named_by_their_date() {
        assert_eq!(day(0), "19700101");
        assert_eq!(day(1_700_000_000_000), "20231114");
    }
}
