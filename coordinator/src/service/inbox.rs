//! What reaches a coordinator: results of workers, and words between replicas. Each says only "look there".

use super::care::Job;
use super::errands::Brought;
use super::{Parts, Service};
use crate::metrics;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use synthfleet_broker::{Broker, Delivery, Inbox, Route, Settle};
use synthfleet_proto::Result;
use synthfleet_proto::envelope::{Body, ControlHint, ControlOp, Envelope, ResultHint, ResultStatus};
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::task::TaskId;
use tokio::sync::mpsc;

/// Pause after a broker error before it is asked again.
const BROKER_PAUSE: Duration = Duration::from_millis(500);

/// Takes results and hands them to the loop.
pub async fn take(broker: Arc<dyn Broker>, inbox: Inbox, taken: mpsc::Sender<Delivery>) {
    loop {
        match broker.take(&inbox).await {
            Ok(delivery) => {
                if taken.send(delivery).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(code = error.code(), "the broker gives no results");
                tokio::time::sleep(BROKER_PAUSE).await;
            }
        }
    }
}

/// Tells the replica that looks after a job to look at it now. Lost: it looks by itself later.
pub async fn wake(parts: &Parts, keys: &JobKeys) {
    told(keys, async { parts.broker.broadcast(&word(parts, keys, None)?).await }.await);
}

/// Tells the replica that looks after a job to look at one of its tasks: over its own queue if it has one, so that
/// nobody else hears it.
pub async fn pass_on(parts: &Parts, keys: &JobKeys, task: &TaskId) {
    let owner = parts.roster.now().owner(keys.tenant()).map(str::to_owned);
    let sending = async {
        let bytes = word(parts, keys, Some(task))?;
        if let Some(owner) = owner.filter(|_| parts.broker.has_own_queues()) {
            match parts.broker.publish(&Route::ResultOf(owner), &bytes).await {
                Err(error) if ["broker::unroutable", "broker::rejected"].contains(&error.code()) => {}
                sent => return sent,
            }
        }
        parts.broker.broadcast(&bytes).await
    };
    told(keys, sending.await);
}

fn word(parts: &Parts, keys: &JobKeys, task: Option<&TaskId>) -> Result<Vec<u8>> {
    let body = Body::Control(ControlHint { op: ControlOp::Wake, target: keys.job().to_owned(), seconds: None });
    let about = (Some(keys.job()), task.map(TaskId::as_str));
    Envelope::new(parts.clock.as_ref(), parts.entropy.as_ref(), keys.tenant(), about, body).encode()
}

fn told(keys: &JobKeys, sent: Result<()>) {
    if let Err(error) = sent {
        tracing::warn!(job = keys.job(), code = error.code(), "the replica of a job was not told");
    }
}

impl Service {
    /// Workers say that something happened to some tasks: the store tells what. Several words about one task are one
    /// look.
    pub(super) async fn results(&mut self, deliveries: Vec<Delivery>) -> Result<()> {
        let mut named: BTreeMap<(JobKeys, TaskId), (bool, Vec<Delivery>)> = BTreeMap::new();
        let mut settled = Vec::new();
        for delivery in deliveries {
            match Envelope::decode(delivery.body()) {
                Ok(envelope) => {
                    self.note_probe(&envelope);
                    match about(&envelope) {
                        Some(name) => {
                            let (is_passed_on, words) = named.entry(name).or_default();
                            *is_passed_on |= matches!(envelope.body, Body::Control(_));
                            words.push(delivery);
                        }
                        None => settled.push((delivery, Settle::Ack)),
                    }
                }
                Err(refused) => {
                    self.book.add(metrics::MESSAGES_REFUSED, &[refused.reason()], 1);
                    self.book.add(metrics::DEAD_LETTERS_TOTAL, &[refused.reason()], 1);
                    settled.push((delivery, Settle::Bury(refused.reason().to_owned())));
                }
            }
        }
        let mut others = Vec::new();
        for ((keys, task), (is_passed_on, words)) in named {
            if self.jobs.contains_key(keys.job()) || self.cares_for(&keys) {
                self.look_at(&keys, task, words, &mut settled)?;
            } else {
                settled.extend(words.into_iter().map(|word| (word, Settle::Ack)));
                // replicas that take each other for the owner send nothing to and fro
                if !is_passed_on {
                    others.push((keys, task));
                }
            }
        }
        let waking = others.iter().map(|(keys, task)| pass_on(&self.parts, keys, task));
        futures::future::join_all(waking).await;
        self.settle(settled).await;
        Ok(())
    }

    fn note_probe(&self, envelope: &Envelope) {
        if let Body::Result(ResultHint { status: ResultStatus::Probe, pool: Some(pool), .. }) = &envelope.body {
            self.parts.roster.note_answer(pool, self.parts.clock.now_ms());
        }
    }

    /// Hears what other replicas or doors say.
    pub(super) async fn heed(&mut self, bodies: &[Bytes]) -> Result<()> {
        let (mut tasks, mut jobs) = (BTreeSet::<(JobKeys, TaskId)>::new(), BTreeSet::<JobKeys>::new());
        for envelope in bodies.iter().filter_map(|body| Envelope::decode(body).ok()) {
            let (Body::Control(ControlHint { op: ControlOp::Wake, .. }), Some(job)) = (&envelope.body, &envelope.job) else { continue };
            let Ok(keys) = JobKeys::new(&envelope.tenant, job) else { continue };
            if !self.cares_for(&keys) {
                continue;
            }
            match envelope.task.as_deref().and_then(|task| TaskId::parse(task).ok()) {
                Some(task) => _ = tasks.insert((keys, task)),
                None => _ = jobs.insert(keys),
            }
        }
        for keys in jobs {
            self.look(&keys, None);
        }
        let mut nothing = Vec::new();
        for (keys, task) in tasks {
            self.look_at(&keys, task, Vec::new(), &mut nothing)?;
        }
        Ok(())
    }

    /// Looks at the outcome of a task. Words about one that is known are settled now, others when it is read.
    pub(super) fn look_at(
        &mut self,
        keys: &JobKeys,
        task: TaskId,
        words: Vec<Delivery>,
        settled: &mut Vec<(Delivery, Settle)>,
    ) -> Result<()> {
        match self.jobs.get(keys.job()) {
            Some(job) if job.view.outcome(&task).is_none() => {
                let key = keys.outcome(task.as_str())?.into();
                self.read_outcome(keys.clone(), key, words);
            }
            known => {
                settled.extend(words.into_iter().map(|word| (word, Settle::Ack)));
                if known.is_none() {
                    self.look(keys, Some(task));
                }
            }
        }
        Ok(())
    }

    /// Looks at all facts of a job. `told`: a task that somebody spoke of.
    pub(super) fn look(&mut self, keys: &JobKeys, told: Option<TaskId>) {
        if self.jobs.contains_key(keys.job()) {
            self.read_list(keys.clone());
        } else if self.adopting.contains_key(keys.job()) {
            self.adopt(keys, told);
        } else if self.options.adopts && self.cares_for(keys) {
            self.adopt_marked(keys, told);
        }
    }

    /// Takes up a job that somebody named, if there is such a job: anyone may name any.
    fn adopt_marked(&mut self, keys: &JobKeys, told: Option<TaskId>) {
        self.adopting.insert(keys.job().to_owned(), told.into_iter().collect());
        let (keys, parts, beside, book) = (keys.clone(), self.parts.clone(), self.beside.clone(), Arc::clone(&self.book));
        let adoptions = Arc::clone(&self.adoptions);
        self.errands.spawn(async move {
            // it is never closed
            let _turn = adoptions.acquire().await;
            let marked = async { parts.store.head(keys.live()?.key()).await };
            let job = match marked.await {
                Ok(Some(_)) => Job::read(&keys, &parts, beside, &book).await.map(|job| Some(Box::new(job))),
                Ok(None) => Ok(None),
                Err(error) => {
                    tracing::warn!(job = keys.job(), code = error.code(), "a job could not be looked up");
                    Ok(None)
                }
            };
            Brought::Job { keys, job }
        });
    }
}

/// The task that a result is about.
fn about(envelope: &Envelope) -> Option<(JobKeys, TaskId)> {
    let keys = JobKeys::new(&envelope.tenant, envelope.job.as_deref()?).ok()?;
    Some((keys, TaskId::parse(envelope.task.as_deref()?).ok()?))
}
