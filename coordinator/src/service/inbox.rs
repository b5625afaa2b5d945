//! What reaches a coordinator: results of workers, and words between replicas. Each says only "look there".

use super::{Parts, Service};
use crate::facts::read_one;
use crate::job::Event as JobEvent;
use crate::metrics;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use synthfleet_broker::{Broker, Delivery, Inbox, Settle};
use synthfleet_proto::Result;
use synthfleet_proto::envelope::{Body, ControlHint, ControlOp, Envelope, ResultHint, ResultStatus};
use synthfleet_proto::key::{JobKeys, Key};
use synthfleet_proto::task::TaskId;
use tokio::sync::mpsc;

/// Pause after a broker error before it is asked again.
const BROKER_PAUSE: Duration = Duration::from_millis(500);

/// Takes results and hands them to the loop.
pub async fn take(broker: Arc<dyn Broker>, taken: mpsc::Sender<Delivery>) {
    loop {
        match broker.take(&Inbox::Result).await {
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
pub async fn wake(parts: &Parts, keys: &JobKeys, task: Option<&TaskId>) {
    let body = Body::Control(ControlHint { op: ControlOp::Wake, target: keys.job().to_owned(), seconds: None });
    let about = (Some(keys.job()), task.map(TaskId::as_str));
    let envelope = Envelope::new(parts.clock.as_ref(), parts.entropy.as_ref(), keys.tenant(), about, body);
    let sent = match envelope.encode() {
        Ok(bytes) => parts.broker.broadcast(&bytes).await,
        Err(error) => Err(error),
    };
    if let Err(error) = sent {
        tracing::warn!(job = keys.job(), code = error.code(), "the replica of a job was not told");
    }
}

impl Service {
    /// Workers say that something happened to some tasks: the store tells what. Several words about one job are
    /// read together.
    pub(super) async fn results(&mut self, deliveries: Vec<Delivery>) -> Result<()> {
        let mut named: BTreeMap<(JobKeys, TaskId), ()> = BTreeMap::new();
        let mut settled = Vec::new();
        for delivery in deliveries {
            let verb = match Envelope::decode(delivery.body()) {
                Ok(envelope) => {
                    self.note_probe(&envelope);
                    named.extend(about(&envelope).map(|name| (name, ())));
                    Settle::Ack
                }
                Err(refused) => {
                    self.book.add(metrics::MESSAGES_REFUSED, &[refused.reason()], 1);
                    self.book.add(metrics::DEAD_LETTERS_TOTAL, &[refused.reason()], 1);
                    Settle::Bury(refused.reason().to_owned())
                }
            };
            settled.push((delivery, verb));
        }
        let (ours, others): (Vec<_>, Vec<_>) =
            named.into_keys().partition(|(keys, _)| self.jobs.contains_key(keys.job()) || self.cares_for(keys));
        let waking = others.iter().map(|(keys, task)| wake(&self.parts, keys, Some(task)));
        futures::future::join_all(waking).await;
        self.look_at(ours).await?;
        let settling = settled.into_iter().map(|(delivery, verb)| self.parts.broker.settle(delivery, verb));
        for ended in futures::future::join_all(settling).await {
            if let Err(error) = ended {
                tracing::warn!(code = error.code(), "a result could not be settled");
            }
        }
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
            self.look(&keys).await?;
        }
        self.look_at(tasks.into_iter().collect()).await
    }

    /// Looks at the outcomes of some tasks: all are read at once, so that a slow store delays them once.
    async fn look_at(&mut self, named: Vec<(JobKeys, TaskId)>) -> Result<()> {
        let mut wanted: Vec<(JobKeys, Key)> = Vec::new();
        for (keys, task) in named {
            match self.jobs.get(keys.job()) {
                Some(job) if job.view.outcome(&task).is_none() => {
                    let key = keys.outcome(task.as_str())?.into();
                    wanted.push((keys, key));
                }
                Some(_) => {}
                None => self.look(&keys).await?,
            }
        }
        let store = self.parts.store.as_ref();
        let read = futures::future::join_all(wanted.iter().map(|(_, key)| read_one(store, key))).await;
        for ((keys, key), fact) in wanted.into_iter().zip(read) {
            match fact {
                Ok(Some(fact)) => {
                    if let Some(job) = self.jobs.get_mut(keys.job()) {
                        job.saw(key);
                    }
                    self.advance(keys.job(), JobEvent::Fact(Box::new(fact))).await?;
                }
                Ok(None) => {}
                // the next sweep looks again
                Err(error) => tracing::warn!(job = keys.job(), code = error.code(), "facts could not be read"),
            }
        }
        Ok(())
    }

    /// Looks at all facts of a job.
    pub(super) async fn look(&mut self, keys: &JobKeys) -> Result<()> {
        let id = keys.job();
        let Some(caring) = self.jobs.get_mut(id) else {
            return if self.options.adopts && self.cares_for(keys) { self.adopt_marked(keys).await } else { Ok(()) };
        };
        let found = match super::read::list(self.parts.store.as_ref(), keys).await {
            Ok(entries) => caring.unseen(&entries, &self.parts).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(facts) => {
                for fact in facts {
                    self.advance(id, JobEvent::Fact(Box::new(fact))).await?;
                }
            }
            // the next sweep looks again
            Err(error) => tracing::warn!(job = id, code = error.code(), "facts could not be read"),
        }
        Ok(())
    }

    /// Takes up a job that somebody named, if there is such a job: anyone may name any.
    async fn adopt_marked(&mut self, keys: &JobKeys) -> Result<()> {
        match self.parts.store.head(keys.live()?.key()).await {
            Ok(Some(_)) => self.adopt(keys).await,
            Ok(None) => Ok(()),
            Err(error) => {
                tracing::warn!(job = keys.job(), code = error.code(), "a job could not be looked up");
                Ok(())
            }
        }
    }
}

/// The task that a result is about.
fn about(envelope: &Envelope) -> Option<(JobKeys, TaskId)> {
    let keys = JobKeys::new(&envelope.tenant, envelope.job.as_deref()?).ok()?;
    Some((keys, TaskId::parse(envelope.task.as_deref()?).ok()?))
}
