//! One attempt: fill the folder, run, watch time, cancel and lease, then commit.

mod beat;
mod checkpoints;
mod voice;

pub use checkpoints::{RESUME, resume};

use crate::context::{About, Context};
use crate::execute::{Execution, Limits, Link, Usage};
use crate::metrics::{self, Process, Running};
use crate::spans::{self, How};
use crate::{TaskFolder, commit, inputs, take};
use beat::Beat;
use checkpoints::Checkpoints;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_broker::Delivery;
use synthfleet_proto::attempts::{After, Ended, Seen, StopCause, Verb, after};
use synthfleet_proto::envelope::{EventHint, EventType, ResultHint, ResultStatus, Trace};
use synthfleet_proto::error::WireError;
use synthfleet_proto::fact::{Checkpoint, EndCause, Group, OutcomeStatus, SpecFact};
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::task::TaskId;
use synthfleet_proto::{Error, Result};
use synthfleet_store::create_fact;
use tokio::sync::{mpsc, watch};
use tracing::Span;
use voice::Voice;

/// A claimed attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub keys: JobKeys,
    pub task: TaskId,
    pub number: u16,
    pub nonce: String,
    pub group: Group,
    pub spec: Arc<SpecFact>,
    /// The trace of the job.
    pub trace: Trace,
    /// The coordinator that wishes to hear of it first.
    pub reply: Option<String>,
    /// The message that asked for it, as its sender recorded it.
    pub asked_by: Option<Trace>,
    pub wait_seconds: f64,
    /// The member has another version than the plan was made for.
    pub is_mixed: bool,
}

impl Attempt {
    /// As messages name it.
    pub fn about(&self) -> About<'_> {
        About { keys: &self.keys, task: &self.task, trace: &self.trace, reply: self.reply.as_deref() }
    }

    /// What coordinators are to hear of it.
    fn word(&self, status: ResultStatus, how: How, outcome_sha256: Option<String>) -> Word {
        let hint = ResultHint { status, attempt: self.number, outcome_sha256, error_kind: None, pool: None };
        Word { keys: self.keys.clone(), task: self.task.clone(), trace: self.trace.clone(), reply: self.reply.clone(), hint, how }
    }
}

/// A result that coordinators are to hear of once its facts are stored, and before its message goes.
#[derive(Debug)]
pub struct Word {
    keys: JobKeys,
    task: TaskId,
    trace: Trace,
    reply: Option<String>,
    hint: ResultHint,
    /// How the attempt ended.
    pub how: How,
}

impl Word {
    /// Says it.
    pub async fn say(self, context: &Context) {
        let Self { keys, task, trace, reply, hint, how: _ } = self;
        context.tell_result(About { keys: &keys, task: &task, trace: &trace, reply: reply.as_deref() }, hint).await;
    }
}

/// What a run left to be told in the outcome.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ran {
    pub started_at: i64,
    pub ended_at: i64,
    pub usage: Usage,
    pub phase: Option<String>,
    pub phase_seconds: Vec<(String, f64)>,
    pub checkpoint: Option<Checkpoint>,
}

/// Why a running attempt is to stop; the first reason stays.
#[derive(Clone)]
pub struct Stop(watch::Sender<Option<StopCause>>);

impl Stop {
    fn say(&self, cause: StopCause) {
        self.0.send_if_modified(|now| {
            now.is_none() && {
                *now = Some(cause);
                true
            }
        });
    }

    fn said(&self) -> Option<StopCause> {
        *self.0.borrow()
    }

    /// Ends when somebody says stop.
    pub async fn heard(&self) {
        // the sender lives as long as this
        let _ = self.0.subscribe().wait_for(Option::is_some).await;
    }
}

/// Runs a claimed attempt to its end; says what becomes of its message, and what coordinators are to hear before.
pub async fn run(context: &Arc<Context>, attempt: Attempt, delivery: &Delivery, seen: &[Seen]) -> Result<(Verb, Option<Word>)> {
    let stop = Stop(context.enter(attempt.keys.job(), &attempt.task));
    Span::current().record("attempt", attempt.number);
    tracing::info!(
        kind = attempt.group.kind.name(),
        name = attempt.group.name,
        worker = context.options.name,
        wait_seconds = attempt.wait_seconds,
        "task taken"
    );
    let running = Running::begin(&context.book, &attempt, seen);
    let began_at = context.now();
    let ended = watched(context, &attempt, delivery, seen, &stop).await;
    drop(running);
    spans::attempt(context, &attempt, seen, began_at, &ended);
    context.leave(attempt.keys.job(), &attempt.task);
    ended
}

async fn watched(
    context: &Arc<Context>,
    attempt: &Attempt,
    delivery: &Delivery,
    seen: &[Seen],
    stop: &Stop,
) -> Result<(Verb, Option<Word>)> {
    let started = EventHint { attempt: Some(attempt.number), ..event(EventType::Started, context) };
    context.tell_event(attempt.about(), started).await;
    let path = scratch_of(context, attempt);
    let mut ran = Ran { started_at: context.now(), ..Ran::default() };
    let mut beat = Beat::begin();
    let filled = beat.during(context, attempt, delivery, stop, inputs::fill(context, attempt, &path, seen)).await;
    let made = match filled {
        Ok(folder) => {
            let ended = execute(context, attempt, delivery, &folder, stop, &mut beat, &mut ran).await;
            ran.ended_at = context.now();
            // who read a cancel commits nothing, even if the task was quicker than the word
            match (ended, stop.said()) {
                (Ended::Well, Some(StopCause::Cancel)) => Err(Ended::Stopped(StopCause::Cancel)),
                (Ended::Well, _) => {
                    let committed =
                        beat.during(context, attempt, delivery, stop, commit::commit(context, attempt, &folder, &ran, stop)).await;
                    committed.map_err(|error| Ended::Error(error.to_wire()))
                }
                (ended, _) => Err(ended),
            }
        }
        Err(error) => Err(Ended::Error(error.to_wire())),
    };
    let ended = match made {
        Ok((status, sha256)) => Ok((Verb::Ack, Some(attempt.word(take::status_of(status), How::outcome(status, None), Some(sha256))))),
        Err(ended) => end(context, attempt, &ended, seen, &ran).await,
    };
    // after the facts: what a kill leaves here is swept with the scratch folder
    tokio::task::spawn_blocking(move || TaskFolder::open(&path).remove());
    ended
}

fn scratch_of(context: &Context, attempt: &Attempt) -> PathBuf {
    let nonce = attempt.nonce.get(..8).unwrap_or(&attempt.nonce);
    context.options.scratch.join(format!("{}-{}-{:03}-{nonce}", attempt.keys.job(), attempt.task, attempt.number))
}

/// An event of this worker.
fn event(kind: EventType, context: &Context) -> EventHint {
    EventHint { kind, worker: Some(context.options.name.clone()), ..EventHint::default() }
}

/// Lets the executor run the folder, and meanwhile forwards progress, keeps states, beats the lease and watches
/// the time.
async fn execute(
    context: &Arc<Context>,
    attempt: &Attempt,
    delivery: &Delivery,
    folder: &TaskFolder,
    stop: &Stop,
    beat: &mut Beat,
    ran: &mut Ran,
) -> Ended {
    let (told, mut heard) = mpsc::channel(256);
    let limits = Limits {
        memory_bytes: attempt.group.memory_bytes,
        scratch_bytes: folder.given_bytes().saturating_mul(4).saturating_add(2 << 30),
        threads: context.options.threads,
        grace: context.options.grace,
    };
    let mut work = std::pin::pin!(context.parts.executor.execute(folder, &limits, Link { stop: stop.0.subscribe(), told }));
    let timeout = tokio::time::sleep(Duration::try_from_secs_f64(attempt.group.task_seconds).unwrap_or(Duration::MAX));
    let mut timeout = std::pin::pin!(timeout);
    let mut voice = Voice::default();
    let mut checkpoints = Checkpoints::of(attempt.group.kind);
    let mut process = Process::none(&context.book, attempt.group.kind);
    let Execution { ended, usage } = loop {
        tokio::select! {
            execution = &mut work => break execution,
            Some(said) = heard.recv() => {
                if let Some(said) = process.hear(said)
                    && let Some((name, step)) = voice.hear(context, attempt, said, ran).await
                {
                    checkpoints.left(context, attempt, folder, &name, step);
                }
            }
            () = checkpoints.arrival(context) => {
                beat.checkpoint = checkpoints.newest();
                beat.strike(context, attempt, delivery, &voice, stop).await;
            }
            () = &mut timeout, if stop.said().is_none() => stop.say(StopCause::Timeout),
            () = tokio::time::sleep_until(beat.next) => beat.strike(context, attempt, delivery, &voice, stop).await,
        }
    };
    while let Ok(said) = heard.try_recv() {
        if let Some(said) = process.hear(said)
            && let Some((name, step)) = voice.hear(context, attempt, said, ran).await
        {
            checkpoints.left(context, attempt, folder, &name, step);
        }
    }
    process.end(&ended);
    metrics::used(&context.book, &attempt.group, &usage);
    ran.usage = usage;
    ran.phase = (!voice.phase.is_empty()).then_some(voice.phase);
    if ended != Ended::Well {
        ran.checkpoint = checkpoints.settle(context).await;
    }
    ended
}

/// Stores what follows from an attempt that did not end well.
async fn end(context: &Context, attempt: &Attempt, ended: &Ended, seen: &[Seen], ran: &Ran) -> Result<(Verb, Option<Word>)> {
    let limits = context.options.limits.asked(attempt.spec.request.budget.attempts);
    let (follows, verb) = after(ended, seen, limits, context.parts.run.as_deref());
    let word = match follows {
        After::Outcome(status, error) => {
            let how = How::outcome(status, Some(&error.code));
            let sha256 = failed(context, attempt, status, error, ran).await?;
            attempt.word(take::status_of(status), how, Some(sha256))
        }
        After::End(mut end) => {
            end.checkpoint.clone_from(&ran.checkpoint);
            let code = end.error.as_ref().map(|error| error.code.as_str());
            if end.cause == EndCause::NoSpace {
                // it waits for somebody who frees room, however long that takes
                tracing::warn!(code, delay_seconds = end.delay_seconds, "there was no room for a task: it is tried again");
            }
            tracing::info!(cause = end.cause.name(), code, counted = end.counted, delay_seconds = end.delay_seconds, "attempt ended");
            let key = attempt.keys.end(attempt.task.as_str(), attempt.number)?;
            create_fact(context.store(), &key, &end, context.nonce()).await?;
            attempt.word(ResultStatus::Ended, How::end(&end), None)
        }
    };
    Ok((verb, Some(word)))
}

async fn failed(context: &Context, attempt: &Attempt, status: OutcomeStatus, error: WireError, ran: &Ran) -> Result<String> {
    let mut outcome = commit::outcome(attempt, context, ran, status);
    outcome.error = Some(bounded(error));
    outcome.phase.clone_from(&ran.phase);
    let key = attempt.keys.outcome(attempt.task.as_str())?;
    let (created, sha256) = create_fact(context.store(), &key, &outcome, context.nonce()).await?;
    commit::note(context, attempt, &outcome, created);
    Ok(sha256)
}

/// An error as facts hold it: its message at most 2 KiB.
fn bounded(error: WireError) -> WireError {
    if error.message.len() <= 2_048 {
        return error;
    }
    let message: String = error.message.chars().take(2_000).collect();
    WireError { message: format!("{message} .."), ..Error::from(error).to_wire() }
}
