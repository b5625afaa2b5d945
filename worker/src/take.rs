//! From a delivery to what becomes of it: decode, check against the plan, claim, run, settle.

use crate::attempt::{Attempt, Word, run};
use crate::context::{About, Context, Planned};
use crate::metrics;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_broker::{Delivery, Settle, Wait};
use synthfleet_metrics::Raised;
use synthfleet_proto::attempts::{self, Next, Seen, Verb};
use synthfleet_proto::envelope::{Body, Envelope, ResultHint, ResultStatus};
use synthfleet_proto::error::WireError;
use synthfleet_proto::fact::{self, Cancel, Claim, Group, OutcomeFact, OutcomeStatus};
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::task::TaskId;
use synthfleet_proto::{Error, ErrorKind, Result, id};
use synthfleet_store::{Created, create_fact, history};
use tracing::{Instrument, Span, field};

/// Hints of unknown jobs come back so long, in case the plan is not visible yet.
const UNKNOWN_PATIENCE: Duration = Duration::from_secs(15);
/// Tasks planned for another version of their member come back so long, in case a worker has it.
const VERSION_PATIENCE: Duration = Duration::from_secs(90);

/// What becomes of a message, and what coordinators are to hear before it goes.
#[derive(Debug)]
pub struct Done {
    settle: Settle,
    word: Option<Word>,
    /// Counts the message until it is settled.
    held: Option<Raised>,
}

impl From<Settle> for Done {
    fn from(settle: Settle) -> Self {
        Self { settle, word: None, held: None }
    }
}

impl Done {
    /// Whether a task ran.
    pub fn has_run(&self) -> bool {
        self.word.is_some()
    }

    /// Says what there is to say, then settles: in this order, so that a message that is gone was heard of.
    pub async fn end(self, context: &Context, delivery: Delivery) {
        if let Some(word) = self.word {
            word.say(context).await;
        }
        if let Err(error) = context.parts.broker.settle(delivery, self.settle).await {
            // the message comes back; its task has its outcome or is tried again
            tracing::warn!(code = error.code(), "a delivery could not be settled");
        }
        drop(self.held);
    }
}

/// Handles one delivery.
pub async fn handle(context: &Arc<Context>, delivery: &Delivery) -> Done {
    let envelope = match Envelope::decode(delivery.body()) {
        Ok(envelope) => envelope,
        Err(refused) => {
            tracing::warn!(reason = refused.reason(), "a message cannot be read");
            context.book.add(metrics::MESSAGES_REFUSED, &[refused.reason()], 1);
            return Settle::Bury(refused.reason().to_owned()).into();
        }
    };
    // every line that is written meanwhile tells what it is about
    let (job, task) = (envelope.job.as_deref(), envelope.task.as_deref());
    let span = tracing::error_span!("task", job, task, tenant = envelope.tenant, attempt = field::Empty, trace_id = field::Empty);
    let held = held(context, &envelope);
    let done = handled(context, delivery, &envelope).instrument(span).await;
    Done { held, ..done }
}

/// Counts a message as held.
fn held(context: &Context, envelope: &Envelope) -> Option<Raised> {
    let Body::Task(hint) = &envelope.body else { return None };
    Some(Raised::new(&context.book, metrics::HELD, &[&context.options.pool, hint.class.name()], 1.0))
}

async fn handled(context: &Arc<Context>, delivery: &Delivery, envelope: &Envelope) -> Done {
    match look(context, delivery, envelope).await {
        Ok(done) => done,
        Err(error) => {
            tracing::warn!(code = error.code(), error = error.message(), "cannot handle a hint");
            let settle = match error.kind() {
                ErrorKind::Invalid | ErrorKind::Data => Settle::Bury(error.code().to_owned()),
                ErrorKind::Unavailable | ErrorKind::Conflict => Settle::Park(Wait::Five),
                _ => Settle::Park(Wait::Thirty),
            };
            settle.into()
        }
    }
}

async fn look(context: &Arc<Context>, delivery: &Delivery, envelope: &Envelope) -> Result<Done> {
    if let Body::Probe(probe) = &envelope.body {
        context.tell_probe(&probe.pool).await;
        return Ok(Settle::Ack.into());
    }
    let (Body::Task(hint), Some(job), Some(task)) = (&envelope.body, &envelope.job, &envelope.task) else {
        return Ok(Settle::Ack.into());
    };
    let keys = JobKeys::new(&envelope.tenant, job)?;
    let task = TaskId::parse(task)?;
    let Some(planned) = context.planned(&keys, hint.plan, &hint.plan_sha256).await? else {
        let is_old = context.puzzled(format!("{job} {}", hint.plan_sha256)) >= UNKNOWN_PATIENCE;
        if is_old {
            return Ok(refused(context, "unknown").into());
        }
        return Ok(Settle::Park(Wait::Five).into());
    };
    let trace = planned.spec.root();
    Span::current().record("trace_id", trace.id());
    let Some(group) = planned.plan.group_of(&task) else { return Ok(refused(context, "not_in_plan").into()) };
    if context.options.take.width(group.kind, &group.name).is_none() {
        // the coordinator sends it to a pool that takes it, once it sees that nobody did
        tracing::warn!("hint of a task that this pool does not take");
        return Ok(Settle::Ack.into());
    }
    let is_mixed = is_of_another_version(&planned, group);
    if is_mixed && context.puzzled(format!("{job} {task}")) < VERSION_PATIENCE {
        context.book.add(metrics::HINTS_REFUSED, &["version"], 1);
        return Ok(Settle::Park(Wait::Thirty).into());
    }
    if context.store().head(keys.outcome(task.as_str())?.key()).await?.is_some() {
        let about = About { keys: &keys, task: &task, trace: &trace, reply: hint.reply.as_deref() };
        tell(context, about, ResultStatus::Unknown, 0, None).await;
        return Ok(Settle::Ack.into());
    }
    let fresh = hint.attempt == 1 && hint.hop == 0 && !delivery.redelivered();
    if fresh && let Some(attempt) = claim(context, &keys, &task, &planned, envelope, (1, is_mixed), None).await? {
        return Ok(end_of(run(context, attempt, delivery, &[]).await?));
    }
    followed(context, delivery, envelope, &keys, &task, (planned, is_mixed)).await
}

/// Forgets a hint that leads nowhere.
fn refused(context: &Context, reason: &str) -> Settle {
    tracing::warn!(reason, "a hint is not followed");
    context.book.add(metrics::HINTS_REFUSED, &[reason], 1);
    Settle::Ack
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
) -> Result<Done> {
    let (trace, reply) = (planned.spec.root(), reply_of(envelope));
    let about = About { keys, task, trace: &trace, reply };
    if is_cancelled(context, keys, task).await? {
        let error = Error::stopped("task::cancelled", "told to stop before it began").to_wire();
        return end_without_run(context, about, &planned, OutcomeStatus::Cancelled, error).await.map(Done::from);
    }
    let seen = history(context.store(), keys, task.as_str()).await?;
    match attempts::next(&seen, context.options.limits.asked(planned.spec.request.budget.attempts), context.parts.run.as_deref()) {
        Next::Wait(time) => Ok(Settle::Park(Wait::covering(time)).into()),
        Next::GiveUp(error) => end_without_run(context, about, &planned, OutcomeStatus::Failed, *error).await.map(Done::from),
        Next::Run(number) => match claim(context, keys, task, &planned, envelope, (number, is_mixed), seen.last()).await? {
            Some(attempt) => Ok(end_of(run(context, attempt, delivery, &seen).await?)),
            None => Ok(Settle::Park(Wait::Five).into()),
        },
    }
}

fn end_of((verb, word): (Verb, Option<Word>)) -> Done {
    let settle = match verb {
        Verb::Ack => Settle::Ack,
        Verb::Requeue => Settle::Requeue,
        Verb::Park(seconds) => Settle::Park(Wait::covering(Duration::from_secs(u64::from(seconds)))),
    };
    Done { settle, word, held: None }
}

/// The coordinator that wishes to hear first what a hint leads to.
fn reply_of(envelope: &Envelope) -> Option<&str> {
    match &envelope.body {
        Body::Task(hint) => hint.reply.as_deref(),
        _ => None,
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
        trace: planned.spec.root(),
        reply: reply_of(envelope).map(str::to_owned),
        asked_by: envelope.trace.clone(),
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

async fn end_without_run(
    context: &Context,
    about: About<'_>,
    planned: &Planned,
    status: OutcomeStatus,
    error: WireError,
) -> Result<Settle> {
    let About { keys, task, .. } = about;
    tracing::info!(outcome = status.name(), code = error.code, "task ended without a run");
    let outcome = OutcomeFact::not_run(task.clone(), status, error);
    let (created, sha256) = create_fact(context.store(), &keys.outcome(task.as_str())?, &outcome, context.nonce()).await?;
    if let (Created::New, Some(group)) = (created, planned.plan.group_of(task)) {
        metrics::ended(&context.book, group, status);
    }
    tell(context, about, status_of(status), 0, Some(sha256)).await;
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
pub async fn tell(context: &Context, about: About<'_>, status: ResultStatus, attempt: u16, sha256: Option<String>) {
    context.tell_result(about, ResultHint { status, attempt, outcome_sha256: sha256, error_kind: None, pool: None }).await;
}
