//! From a delivery to what becomes of it: decode, check against the plan, claim, run, settle.

use crate::attempt::{Attempt, run};
use crate::context::{Context, Planned};
use std::sync::Arc;
use std::time::Duration;
use synthfleet_broker::{Delivery, Settle, Wait};
use synthfleet_proto::attempts::{self, Next, Seen, Verb};
use synthfleet_proto::envelope::{Body, Envelope, ResultHint, ResultStatus};
use synthfleet_proto::error::WireError;
use synthfleet_proto::fact::{self, Cancel, Claim, Group, OutcomeFact, OutcomeStatus};
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::task::TaskId;
use synthfleet_proto::{Error, ErrorKind, Result, id};
use synthfleet_store::{Created, create_fact, history};

/// Hints of unknown jobs come back so long, in case the plan is not visible yet.
const UNKNOWN_PATIENCE: Duration = Duration::from_secs(15);
/// Tasks planned for another version of their member come back so long, in case a worker has it.
const VERSION_PATIENCE: Duration = Duration::from_secs(90);

/// Handles one delivery; says what becomes of its message.
pub async fn handle(context: &Arc<Context>, delivery: &Delivery) -> Settle {
    let envelope = match Envelope::decode(delivery.body()) {
        Ok(envelope) => envelope,
        Err(refused) => return Settle::Bury(refused.reason().to_owned()),
    };
    match look(context, delivery, &envelope).await {
        Ok(settle) => settle,
        Err(error) => {
            tracing::warn!(code = error.code(), error = error.message(), task = envelope.task.as_deref(), "cannot handle a hint");
            match error.kind() {
                ErrorKind::Invalid | ErrorKind::Data => Settle::Bury(error.code().to_owned()),
                ErrorKind::Unavailable | ErrorKind::Conflict => Settle::Park(Wait::Five),
                _ => Settle::Park(Wait::Thirty),
            }
        }
    }
}

async fn look(context: &Arc<Context>, delivery: &Delivery, envelope: &Envelope) -> Result<Settle> {
    if let Body::Probe(probe) = &envelope.body {
        context.tell_probe(&probe.pool).await;
        return Ok(Settle::Ack);
    }
    let (Body::Task(hint), Some(job), Some(task)) = (&envelope.body, &envelope.job, &envelope.task) else {
        return Ok(Settle::Ack);
    };
    let keys = JobKeys::new(&envelope.tenant, job)?;
    let task = TaskId::parse(task)?;
    let Some(planned) = context.planned(&keys, hint.plan, &hint.plan_sha256).await? else {
        let is_old = context.puzzled(format!("{job} {}", hint.plan_sha256)) >= UNKNOWN_PATIENCE;
        return Ok(if is_old { Settle::Ack } else { Settle::Park(Wait::Five) });
    };
    let Some(group) = planned.plan.group_of(&task) else {
        tracing::warn!(tenant = keys.tenant(), job, task = task.as_str(), "hint of a task that is not in the plan");
        return Ok(Settle::Ack);
    };
    if context.options.take.width(group.kind, &group.name).is_none() {
        // the coordinator sends it to a pool that takes it, once it sees that nobody did
        tracing::warn!(job, task = task.as_str(), "hint of a task that this pool does not take");
        return Ok(Settle::Ack);
    }
    let is_mixed = is_of_another_version(&planned, group);
    if is_mixed && context.puzzled(format!("{job} {task}")) < VERSION_PATIENCE {
        return Ok(Settle::Park(Wait::Thirty));
    }
    if context.store().head(keys.outcome(task.as_str())?.key()).await?.is_some() {
        tell(context, &keys, &task, ResultStatus::Unknown, 0, None).await;
        return Ok(Settle::Ack);
    }
    let fresh = hint.attempt == 1 && hint.hop == 0 && !delivery.redelivered();
    if fresh && let Some(attempt) = claim(context, &keys, &task, &planned, envelope, (1, is_mixed), None).await? {
        return Ok(end_of(run(context, attempt, delivery, &[]).await?));
    }
    followed(context, delivery, envelope, &keys, &task, (planned, is_mixed)).await
}

/// Whether this program has the member in another version than the plan was made for.
fn is_of_another_version(planned: &Planned, group: &Group) -> bool {
    let Some(wanted) = planned.plan.version_of(group.kind, &group.name) else { return false };
    crate::version(group.kind, &group.name).is_some_and(|own| own != wanted)
}

/// A task that somebody else had in hand, or has.
async fn followed(
    context: &Arc<Context>,
    delivery: &Delivery,
    envelope: &Envelope,
    keys: &JobKeys,
    task: &TaskId,
    (planned, is_mixed): (Planned, bool),
) -> Result<Settle> {
    if is_cancelled(context, keys, task).await? {
        let error = Error::stopped("task::cancelled", "told to stop before it began").to_wire();
        return end_without_run(context, keys, task, OutcomeStatus::Cancelled, error).await;
    }
    let seen = history(context.store(), keys, task.as_str()).await?;
    match attempts::next(&seen, context.options.limits.asked(planned.spec.request.budget.attempts), context.parts.run.as_deref()) {
        Next::Wait(time) => Ok(Settle::Park(Wait::covering(time))),
        Next::GiveUp(error) => end_without_run(context, keys, task, OutcomeStatus::Failed, *error).await,
        Next::Run(number) => match claim(context, keys, task, &planned, envelope, (number, is_mixed), seen.last()).await? {
            Some(attempt) => Ok(end_of(run(context, attempt, delivery, &seen).await?)),
            None => Ok(Settle::Park(Wait::Five)),
        },
    }
}

fn end_of(verb: Verb) -> Settle {
    match verb {
        Verb::Ack => Settle::Ack,
        Verb::Requeue => Settle::Requeue,
        Verb::Park(seconds) => Settle::Park(Wait::covering(Duration::from_secs(u64::from(seconds)))),
    }
}

/// Claims attempt `number`; `None`: somebody else has it.
async fn claim(
    context: &Arc<Context>,
    keys: &JobKeys,
    task: &TaskId,
    planned: &Planned,
    envelope: &Envelope,
    (number, is_mixed): (u16, bool),
    before: Option<&Seen>,
) -> Result<Option<Attempt>> {
    let Some(group) = planned.plan.group_of(task) else { return Ok(None) };
    let bits = context.nonce();
    let version = planned.plan.version_of(group.kind, &group.name).unwrap_or_default();
    let claim = Claim {
        v: fact::VERSION,
        worker: context.options.name.clone(),
        host: context.options.host.clone(),
        nonce: id::hex(&bits),
        attempt: number,
        hint_id: envelope.id.clone(),
        member_version: version.to_owned(),
        owner: context.parts.run.clone(),
        resumed_from: before.and_then(|before| before.checkpoint.as_ref()).map(|checkpoint| checkpoint.key.clone()),
    };
    let (created, _) = create_fact(context.store(), &keys.claim(task.as_str(), number)?, &claim, bits).await?;
    let wait_seconds = (context.now() - envelope.at).max(0) as f64 / 1e3;
    let attempt = Attempt {
        keys: keys.clone(),
        task: task.clone(),
        number,
        nonce: claim.nonce,
        group: group.clone(),
        spec: planned.spec.clone(),
        wait_seconds,
        is_mixed,
    };
    Ok((created == Created::New).then_some(attempt))
}

/// Whether the job or the task was told to stop.
pub async fn is_cancelled(context: &Context, keys: &JobKeys, task: &TaskId) -> Result<bool> {
    let task_too = context.fact::<Cancel>(&keys.cancel_task(task.as_str())?).await?.is_some();
    Ok(task_too || context.fact::<Cancel>(&keys.cancel()?).await?.is_some())
}

async fn end_without_run(context: &Context, keys: &JobKeys, task: &TaskId, status: OutcomeStatus, error: WireError) -> Result<Settle> {
    let outcome = OutcomeFact::not_run(task.clone(), status, error);
    let (_, sha256) = create_fact(context.store(), &keys.outcome(task.as_str())?, &outcome, context.nonce()).await?;
    tell(context, keys, task, status_of(status), 0, Some(sha256)).await;
    Ok(Settle::Ack)
}

/// The status that a result hint tells.
pub fn status_of(status: OutcomeStatus) -> ResultStatus {
    match status {
        OutcomeStatus::Ok => ResultStatus::Ok,
        OutcomeStatus::Failed => ResultStatus::Failed,
        OutcomeStatus::Skipped => ResultStatus::Skipped,
        OutcomeStatus::Cancelled => ResultStatus::Cancelled,
    }
}

/// Tells coordinators to look at a task.
pub async fn tell(context: &Context, keys: &JobKeys, task: &TaskId, status: ResultStatus, attempt: u16, sha256: Option<String>) {
    context.tell_result(keys, task, ResultHint { status, attempt, outcome_sha256: sha256, error_kind: None, pool: None }).await;
}
