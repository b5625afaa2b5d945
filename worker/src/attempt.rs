//! One attempt: fill the folder, run, watch time, cancel and lease, then commit.

use crate::context::Context;
use crate::execute::{Execution, Limits, Link, Told, Usage};
use crate::{TaskFolder, commit, inputs, take};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use synthfleet_broker::Delivery;
use synthfleet_proto::attempts::{After, Ended, Seen, StopCause, Verb, after, lease_interval};
use synthfleet_proto::envelope::{EventHint, EventType, ResultStatus};
use synthfleet_proto::error::WireError;
use synthfleet_proto::fact::{self, Group, Lease, OutcomeStatus, SpecFact};
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::task::TaskId;
use synthfleet_proto::{Error, Result};
use synthfleet_store::create_fact;
use tokio::sync::{mpsc, watch};

/// A claimed attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub keys: JobKeys,
    pub task: TaskId,
    pub number: u16,
    pub nonce: String,
    pub group: Group,
    pub spec: Arc<SpecFact>,
    pub wait_seconds: f64,
}

/// What a run left to be told in the outcome.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ran {
    pub started_at: i64,
    pub ended_at: i64,
    pub usage: Usage,
    pub phase: Option<String>,
    pub phase_seconds: Vec<(String, f64)>,
}

/// Runs a claimed attempt to its end; says what becomes of its message.
pub async fn run(context: &Arc<Context>, attempt: Attempt, delivery: &Delivery, seen: &[Seen]) -> Result<Verb> {
    let stop = context.enter(attempt.keys.job(), &attempt.task);
    let verb = watched(context, &attempt, delivery, seen, stop).await;
    context.leave(attempt.keys.job(), &attempt.task);
    verb
}

async fn watched(
    context: &Arc<Context>,
    attempt: &Attempt,
    delivery: &Delivery,
    seen: &[Seen],
    stop: watch::Receiver<Option<StopCause>>,
) -> Result<Verb> {
    let started = EventHint { attempt: Some(attempt.number), ..event(EventType::Started, context) };
    context.tell_event(&attempt.keys, &attempt.task, started).await;
    let path = scratch_of(context, attempt);
    let mut ran = Ran { started_at: context.now(), ..Ran::default() };
    let made = match inputs::fill(context, attempt, &path).await {
        Ok(folder) => {
            let ended = execute(context, attempt, delivery, &folder, stop, &mut ran).await;
            ran.ended_at = context.now();
            match ended {
                Ended::Well => match commit::commit(context, attempt, &folder, &ran).await {
                    Ok((status, sha256)) => Ok((status, sha256)),
                    Err(error) => Err(Ended::Error(error.to_wire())),
                },
                ended => Err(ended),
            }
        }
        Err(error) => Err(Ended::Error(error.to_wire())),
    };
    let verb = match made {
        Ok((status, sha256)) => {
            take::tell(context, &attempt.keys, &attempt.task, take::status_of(status), attempt.number, Some(sha256)).await;
            Ok(Verb::Ack)
        }
        Err(ended) => end(context, attempt, &ended, seen, &ran).await,
    };
    // after the facts: what a kill leaves here is swept with the scratch folder
    tokio::task::spawn_blocking(move || TaskFolder::open(&path).remove());
    verb
}

fn scratch_of(context: &Context, attempt: &Attempt) -> PathBuf {
    let nonce = attempt.nonce.get(..8).unwrap_or(&attempt.nonce);
    context.options.scratch.join(format!("{}-{}-{:03}-{nonce}", attempt.keys.job(), attempt.task, attempt.number))
}

fn event(kind: EventType, context: &Context) -> EventHint {
    EventHint { kind, worker: Some(context.options.name.clone()), ..EventHint::default() }
}

/// Lets the executor run the folder, and meanwhile forwards progress, beats the lease and watches the time.
async fn execute(
    context: &Arc<Context>,
    attempt: &Attempt,
    delivery: &Delivery,
    folder: &TaskFolder,
    stop: watch::Receiver<Option<StopCause>>,
    ran: &mut Ran,
) -> Ended {
    let (told, mut heard) = mpsc::channel(256);
    let (own_stop, stop_receiver) = watch::channel(None);
    let limits = Limits { memory_bytes: attempt.group.memory_bytes, threads: context.options.threads, grace: context.options.grace };
    let began = Instant::now();
    let mut work = std::pin::pin!(context.parts.executor.execute(folder, &limits, Link { stop: stop_receiver, told }));
    let timeout = tokio::time::sleep(Duration::try_from_secs_f64(attempt.group.task_seconds).unwrap_or(Duration::MAX));
    let mut timeout = std::pin::pin!(timeout);
    let mut beat = Beat { next: tokio::time::Instant::now() + Duration::from_secs(15), seq: 0 };
    let mut voice = Voice::default();
    let mut outer = stop;
    let Execution { ended, usage } = loop {
        tokio::select! {
            execution = &mut work => break execution,
            Some(said) = heard.recv() => voice.hear(context, attempt, said, ran).await,
            Ok(()) = outer.changed() => {
                let cause = *outer.borrow();
                own_stop.send_if_modified(|now| now.is_none() && cause.is_some() && { *now = cause; true });
            }
            () = &mut timeout, if own_stop.borrow().is_none() => {
                own_stop.send_replace(Some(StopCause::Timeout));
            }
            () = tokio::time::sleep_until(beat.next) => {
                beat.strike(context, attempt, delivery, began.elapsed(), &voice, &own_stop).await;
            }
        }
    };
    while let Ok(said) = heard.try_recv() {
        voice.hear(context, attempt, said, ran).await;
    }
    ran.usage = usage;
    ran.phase = (!voice.phase.is_empty()).then_some(voice.phase);
    ended
}

/// The latest progress, sent on at most so often.
#[derive(Default)]
struct Voice {
    phase: String,
    fraction: f64,
    seq: u64,
    sent: Option<Instant>,
    sent_phase: String,
}

impl Voice {
    async fn hear(&mut self, context: &Context, attempt: &Attempt, said: Told, ran: &mut Ran) {
        match said {
            Told::Progress { fraction, phase } => {
                self.fraction = fraction;
                self.phase = phase;
            }
            Told::Measure { name, value, .. } if name.ends_with(crate::SECONDS) => {
                ran.phase_seconds.push((name.trim_end_matches(crate::SECONDS).to_owned(), value));
                return;
            }
            Told::Measure { name, step, value } => {
                let hint = EventHint { name: Some(name), step: Some(step), value: Some(value), ..event(EventType::Measure, context) };
                context.tell_event(&attempt.keys, &attempt.task, hint).await;
                return;
            }
            Told::Log(text) => {
                tracing::debug!(job = attempt.keys.job(), task = attempt.task.as_str(), bytes = text.len(), "a task wrote a line");
                return;
            }
        }
        let is_due = self.sent.is_none_or(|sent| sent.elapsed() >= context.options.progress_every);
        if is_due {
            self.seq += 1;
            self.sent = Some(Instant::now());
            self.sent_phase.clone_from(&self.phase);
            let phase = self.phase.chars().take(32).collect();
            let hint = EventHint {
                seq: self.seq,
                fraction: Some(self.fraction),
                phase: Some(phase),
                attempt: Some(attempt.number),
                ..event(EventType::Progress, context)
            };
            context.tell_event(&attempt.keys, &attempt.task, hint).await;
        }
    }
}

/// Signs of life of a long attempt. There is none before 15 s: the claim is the first.
struct Beat {
    next: tokio::time::Instant,
    seq: u64,
}

impl Beat {
    async fn strike(
        &mut self,
        context: &Context,
        attempt: &Attempt,
        delivery: &Delivery,
        elapsed: Duration,
        voice: &Voice,
        stop: &watch::Sender<Option<StopCause>>,
    ) {
        let interval = lease_interval(elapsed);
        self.seq += 1;
        self.next = tokio::time::Instant::now() + interval;
        let lease = Lease {
            v: fact::VERSION,
            seq: self.seq,
            worker: context.options.name.clone(),
            interval_seconds: interval.as_secs() as u32,
            fraction: voice.fraction,
            phase: voice.phase.clone(),
            draining: false,
            checkpoint: None,
        };
        let put = async {
            let key = attempt.keys.lease(attempt.task.as_str(), attempt.number)?;
            context.store().put(&key, fact::encode(&lease)?.into()).await?;
            context.parts.broker.extend(delivery).await?;
            take::is_cancelled(context, &attempt.keys, &attempt.task).await
        };
        match put.await {
            Ok(true) => {
                stop.send_if_modified(|now| {
                    now.is_none() && {
                        *now = Some(StopCause::Cancel);
                        true
                    }
                });
            }
            Ok(false) => {}
            // the attempt goes on: its claim and its outcome are what counts
            Err(error) => tracing::warn!(task = attempt.task.as_str(), code = error.code(), "no sign of life could be given"),
        }
    }
}

/// Stores what follows from an attempt that did not end well.
async fn end(context: &Context, attempt: &Attempt, ended: &Ended, seen: &[Seen], ran: &Ran) -> Result<Verb> {
    let (follows, verb) = after(ended, seen, context.options.limits, context.parts.run.as_deref());
    match follows {
        After::Outcome(status, error) => {
            let sha256 = failed(context, attempt, status, error, ran).await?;
            take::tell(context, &attempt.keys, &attempt.task, take::status_of(status), attempt.number, Some(sha256)).await;
        }
        After::End(end) => {
            let key = attempt.keys.end(attempt.task.as_str(), attempt.number)?;
            create_fact(context.store(), &key, &end, context.nonce()).await?;
            take::tell(context, &attempt.keys, &attempt.task, ResultStatus::Ended, attempt.number, None).await;
        }
    }
    Ok(verb)
}

async fn failed(context: &Context, attempt: &Attempt, status: OutcomeStatus, error: WireError, ran: &Ran) -> Result<String> {
    let mut outcome = commit::outcome(attempt, context, ran, status);
    outcome.error = Some(bounded(error));
    outcome.phase.clone_from(&ran.phase);
    let key = attempt.keys.outcome(attempt.task.as_str())?;
    let (_, sha256) = create_fact(context.store(), &key, &outcome, context.nonce()).await?;
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
