//! What is made for a job beside the loop: its output, and the copy of it at the user's own place.

use super::facts::make;
use super::{Job, Parts};
use crate::job::{Fact, View};
use crate::publish::{Press, publish};
use crate::service::Options;
use std::time::Duration;
use synthfleet_proto::fact::PublishedFact;
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::{Error, ErrorKind, Result};

/// Pauses between tries to write to the user's own place.
const DELIVERY_PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];

/// What was made beside the loop, for a job.
pub struct Made {
    pub job: String,
    pub what: Work,
}

/// What takes its time.
pub enum Work {
    /// The output was made.
    Published(Result<PublishedFact>),
    /// The output was copied to the user's own place.
    Delivered(Result<()>),
}

impl Job {
    /// Makes the output beside the loop: it takes its time, and other jobs go on.
    pub(super) fn begin_to_publish(&mut self, parts: &Parts, options: &Options) {
        let (keys, view, parts, version) = (self.keys.clone(), self.view.clone(), parts.clone(), options.version.clone());
        self.begin(async move {
            let published = async {
                let plan = view.plan(1).map(|plan| plan.fact.as_ref());
                let catalogue = parts.roster.catalogue_of(parts.store.as_ref(), plan).await?;
                let press = Press { store: &parts.store, catalogue: &catalogue, version: &version, now: parts.clock.now_ms() as i64 };
                publish(&press, &keys, &view).await
            };
            Work::Published(published.await)
        });
    }

    /// Copies the output to the user's own place beside the loop.
    pub(super) fn begin_to_deliver(&mut self, parts: &Parts) {
        let (keys, view, parts) = (self.keys.clone(), self.view.clone(), parts.clone());
        self.begin(async move { Work::Delivered(deliver(&parts, &keys, &view).await) });
    }

    /// Does some work beside the loop, unless some is under way.
    pub(super) fn begin(&mut self, work: impl Future<Output = Work> + Send + 'static) {
        if self.working.is_none() {
            let (job, made) = (self.keys.job().to_owned(), self.made.clone());
            let work = tokio::spawn(async move {
                let what = work.await;
                // the loop is gone: so is the job's care
                let _ = made.send(Made { job, what }).await;
            });
            self.working = Some(work.abort_handle());
        }
    }

    /// Work beside the loop is done.
    pub async fn take_work(&mut self, work: Work, parts: &Parts) -> Result<()> {
        self.working = None;
        match work {
            Work::Published(published) => {
                let key = self.keys.published()?;
                let known = make(&key, published?, parts).await?;
                self.seen.insert(key.into());
                self.learn(Fact::Published(known), parts);
            }
            Work::Delivered(delivered) => self.delivered = Some(delivered.map_err(|error| error.to_wire())),
        }
        Ok(())
    }
}

/// Copies the published files to the place that the job names.
async fn deliver(parts: &Parts, keys: &JobKeys, view: &View) -> Result<()> {
    let prefix = view.spec().and_then(|spec| spec.fact.request.output.clone()).unwrap_or_default();
    let files = view.published().map(|published| published.fact.files.clone()).unwrap_or_default();
    let Some(links) = &parts.links else {
        return Err(Error::unsupported("output::off", "this service writes to no place of its users").help("set sources.buckets"));
    };
    let mut pauses = DELIVERY_PAUSES.into_iter();
    loop {
        match (links.publish(parts.store.as_ref(), &files, &prefix, keys.job()).await, pauses.next()) {
            (Ok(_), _) => return Ok(()),
            (Err(error), Some(pause)) if error.kind() == ErrorKind::Unavailable => {
                tracing::warn!(job = keys.job(), code = error.code(), "the output could not be copied yet");
                tokio::time::sleep(pause).await;
            }
            (Err(error), _) => return Err(error),
        }
    }
}
