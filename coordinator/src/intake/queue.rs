//! The queue door: jobs that are asked for by message. A submission is acknowledged once its job is stored and its
//! sender, if it wishes to hear, was told. What cannot be accepted goes to the dead list with its reason.

mod answer;
mod form;
mod letter;
mod principals;

pub use answer::finished;
pub use letter::{Letter, Refused, open};
pub use principals::Principals;

use super::quota::LiveJobs;
use super::{Request, Sources, admit_now};
use crate::{Handle, Parts, metrics};
use answer::Answer;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_broker::{Delivery, Inbox, Settle, Wait};
use synthfleet_metrics::Book;
use synthfleet_proto::envelope::Trace;
use synthfleet_proto::{Error, ErrorKind, Result};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Pause after a broker error before it is asked again.
const BROKER_PAUSE: Duration = Duration::from_secs(1);

/// Settings of the queue door.
#[derive(Clone)]
pub struct Options {
    /// Whom the broker's users stand for.
    pub principals: Principals,
    /// Links that a job may name.
    pub sources: Sources,
    /// Submissions that are worked on at once.
    pub takers: usize,
    /// Jobs of one tenant that have not ended.
    pub live_jobs_max: usize,
}

/// The queue door.
pub struct Queue {
    options: Options,
    parts: Parts,
    handle: Handle,
    check: crate::api::Check,
    book: Arc<Book>,
    live: LiveJobs,
}

impl Queue {
    /// A door that takes nothing before [`Queue::run`]. `parts`: as the coordinator of this process has them.
    pub fn new(options: Options, parts: crate::api::Parts) -> Arc<Self> {
        let live = LiveJobs::new(options.live_jobs_max);
        let crate::api::Parts { service, handle, check, book, .. } = parts;
        Arc::new(Self { options, parts: service, handle, check, book, live })
    }

    /// Takes submissions until `stopping` becomes true; those under way are finished.
    pub async fn run(self: Arc<Self>, stopping: watch::Receiver<bool>) {
        let mut takers = JoinSet::new();
        for _ in 0..self.options.takers.max(1) {
            takers.spawn(Arc::clone(&self).take(stopping.clone()));
        }
        while takers.join_next().await.is_some() {}
    }

    async fn take(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        loop {
            let taken = tokio::select! {
                biased;
                _ = stopping.wait_for(|stop| *stop) => return,
                taken = self.parts.broker.take(&Inbox::Submit) => taken,
            };
            match taken {
                Ok(delivery) => self.attend(delivery).await,
                Err(error) => {
                    tracing::warn!(code = error.code(), "the broker gives no submissions");
                    tokio::time::sleep(BROKER_PAUSE).await;
                }
            }
        }
    }

    async fn attend(&self, delivery: Delivery) {
        let verb = match open(delivery.properties(), delivery.body(), &self.options.principals) {
            Ok(letter) => self.accept(letter).await,
            Err(refused) => self.refuse(&refused).await,
        };
        if let Err(error) = self.parts.broker.settle(delivery, verb).await {
            // it comes back, and then meets its job
            tracing::warn!(code = error.code(), "a submission could not be settled");
        }
    }

    async fn accept(&self, letter: Letter) -> Settle {
        let Letter { tenant, principal, key, document, reply, trace } = letter;
        let request = Request {
            tenant: tenant.clone(),
            principal,
            door: "amqp",
            key: Some(key),
            document,
            reply: reply.clone(),
            trace: trace.clone(),
        };
        match self.admit(request).await {
            Ok(submitted) => {
                let counted = if submitted.replayed { metrics::SUBMISSIONS_REPLAYED } else { metrics::JOBS_SUBMITTED };
                self.book.add(counted, &["amqp"], 1);
                if let Err(error) = self.handle.care(&tenant, &submitted.job).await {
                    tracing::info!(job = submitted.job, code = error.code(), "nobody here looks after a job that was accepted");
                }
                let Some(reply) = &reply else { return Settle::Ack };
                let trace = trace.unwrap_or_else(|| Trace::of_job(&submitted.job));
                if self.tell(&Answer::accepted(&submitted).within(trace), reply).await { Settle::Ack } else { Settle::Park(Wait::Five) }
            }
            Err(error) if is_passing(&error) => {
                tracing::warn!(tenant, code = error.code(), "a submission waits");
                Settle::Park(Wait::Thirty)
            }
            Err(error) => self.refuse(&Refused { reason: "job", error, reply }).await,
        }
    }

    async fn admit(&self, request: Request) -> Result<super::Submitted> {
        let store = self.parts.store.as_ref();
        let may = self.live.may_come(store, &request.tenant, request.key.as_deref()).await?;
        if !may {
            self.book.add(metrics::QUOTA_REFUSALS, &["live_jobs"], 1);
            return Err(Error::unavailable("quota::live_jobs", "too many jobs of this tenant have not ended"));
        }
        admit_now(&self.parts, self.check.as_ref(), &self.options.sources, request).await
    }

    /// Tells the sender and keeps the message with its reason.
    async fn refuse(&self, refused: &Refused) -> Settle {
        let Refused { reason, error, reply } = refused;
        tracing::info!(reason, code = error.code(), "a submission was refused");
        self.book.add(metrics::SUBMISSIONS_REFUSED, &["amqp"], 1);
        if let Some(known) = ["decode", "size", "version"].iter().find(|known| *known == reason) {
            self.book.add(metrics::MESSAGES_REFUSED, &[known], 1);
        }
        if let Some(reply) = reply
            && !self.tell(&Answer::rejected(error), reply).await
        {
            return Settle::Park(Wait::Five);
        }
        self.book.add(metrics::DEAD_LETTERS_TOTAL, &[reason], 1);
        let told = crate::outward::outward(&error.to_wire());
        Settle::Bury(format!("{reason}: {} {}", told.code, told.message))
    }

    async fn tell(&self, answer: &Answer, reply: &synthfleet_proto::fact::Reply) -> bool {
        answer.send(self.parts.broker.as_ref(), Some(&self.book), self.parts.clock.as_ref(), reply).await
    }
}

/// Whether it may be otherwise in a while.
fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Conflict | ErrorKind::NoSpace | ErrorKind::Internal | ErrorKind::Stopped)
}

#[cfg(test)]
mod tests;
