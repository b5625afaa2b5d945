//! A look at the store without any message: new jobs, new facts, and what went silent. The lists are made beside
//! the loop, so that a slow store delays nobody.

use super::care::Routes;
use super::{Options, Parts, Service, read};
use crate::job::Event as JobEvent;
use crate::metrics;
use crate::reconcile::Due;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_broker::Inbox;
use synthfleet_metrics::Book;
use synthfleet_proto::class::Class;
use synthfleet_proto::key::{self, JobKeys, Named};
use synthfleet_proto::{ErrorKind, Result};
use synthfleet_store::Entry;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Age of a marker without a spec after which it goes.
const ORPHAN_AGE: Duration = Duration::from_secs(600);

/// The length of a queue is asked for again after so long: many jobs wait in one pool.
const DEPTH_HOLDS: Duration = Duration::from_secs(1);

/// All facts of one job as the store lists them.
pub struct Swept {
    pub keys: JobKeys,
    pub entries: Vec<Entry>,
}

/// Lists again and again what is to be looked after: all jobs with a marker of the tenants that are ours, or the
/// jobs that are in care.
pub async fn watch(
    options: Options,
    parts: Parts,
    mut in_care: watch::Receiver<Vec<JobKeys>>,
    found: mpsc::Sender<Swept>,
    book: Arc<Book>,
) {
    loop {
        let began = Instant::now();
        let jobs = match options.adopts {
            true => marked(&options, &parts).await,
            false => Ok(in_care.borrow_and_update().clone()),
        };
        let jobs = jobs.unwrap_or_else(|error| {
            tracing::warn!(code = error.code(), "the store gives no list of jobs");
            Vec::new()
        });
        for keys in jobs {
            match read::list(parts.store.as_ref(), &keys).await {
                Ok(entries) => {
                    if found.send(Swept { keys, entries }).await.is_err() {
                        return;
                    }
                }
                Err(error) => tracing::warn!(job = keys.job(), code = error.code(), "facts could not be listed"),
            }
        }
        book.observe(metrics::SWEEP, &[], began.elapsed().as_secs_f64());
        tokio::time::sleep(options.sweep_every).await;
    }
}

/// Jobs with a marker whose tenant is ours. A marker whose job was never stored goes after a while.
async fn marked(options: &Options, parts: &Parts) -> Result<Vec<JobKeys>> {
    let fleet = parts.roster.now();
    let mut jobs = Vec::new();
    for entry in crate::fleet::all(parts.store.as_ref(), &key::live_prefix()?).await? {
        let Some(Named::Live { tenant, job }) = entry.key.named() else { continue };
        let keys = JobKeys::new(tenant, job)?;
        if !fleet.is_owner(&options.id, tenant) {
            continue;
        }
        if entry.age > ORPHAN_AGE && parts.store.head(keys.spec()?.key()).await?.is_none() {
            tracing::warn!(job, "a marker without a job is removed");
            parts.store.delete(&entry.key).await?;
            continue;
        }
        jobs.push(keys);
    }
    Ok(jobs)
}

impl Service {
    /// Takes up what a look at the store found.
    pub(super) async fn swept(&mut self, swept: Swept) -> Result<()> {
        self.measure_jobs();
        let Swept { keys, entries } = swept;
        let Some(job) = self.jobs.get(keys.job()) else {
            self.adopt(&keys, None);
            return Ok(());
        };
        match job.unread(&entries) {
            new if new.is_empty() => self.reconciled(&keys, &entries).await?,
            new => self.read_new(keys, new, Some(entries)),
        }
        Ok(())
    }

    /// Everything that the store listed is known: moves the job on, and looks for what went silent.
    pub(super) async fn reconciled(&mut self, keys: &JobKeys, entries: &[Entry]) -> Result<()> {
        self.advance(keys.job(), JobEvent::Sweep).await?;
        self.reconcile(keys.job(), entries).await
    }

    /// Repeats lost hints; ends tasks that no attempt will end.
    async fn reconcile(&mut self, id: &str, entries: &[Entry]) -> Result<()> {
        let depths = self.depths(id).await;
        let fleet = self.parts.roster.now();
        let flow = &self.flow;
        let Some(job) = self.jobs.get(id) else { return Ok(()) };
        let waiting = |task: &_| flow.pool_of(id, task).and_then(|pool| depths.get(pool)).copied().unwrap_or(0);
        let in_flight = |pool: &str| flow.in_pool(pool) as u64;
        let deserted = |task: &_| {
            let (Some(pool), Some((_, group))) = (flow.pool_of(id, task), job.view.group(task)) else { return false };
            let is_attended = fleet.pools.get(pool).is_some_and(|pool| pool.is_attended());
            let elsewhere = Routes::new(&fleet, &in_flight).of(group);
            !is_attended && elsewhere.is_some_and(|other| other != pool && fleet.pools[&other].is_attended())
        };
        let due = match job.silent(entries, &self.parts, self.options.limits, waiting, deserted).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(job = id, code = error.code(), "attempts could not be read");
                return Ok(());
            }
        };
        let mut facts = Vec::new();
        for one in due {
            match one {
                Due::Republish(task, reason) => {
                    tracing::info!(job = id, task = task.as_str(), reason, "hinting again");
                    self.book.add(metrics::REPUBLISHED, &[reason], 1);
                    if reason == "stale" {
                        self.book.add(metrics::LEASES_EXPIRED, &[task.kind().name()], 1);
                    }
                    self.hint_again(id, &task);
                }
                Due::Fail(outcome) => facts.push(*outcome),
            }
        }
        for outcome in facts {
            let Some(job) = self.jobs.get_mut(id) else { continue };
            if let Some(fact) = job.end_task(outcome, &self.parts).await? {
                self.advance(id, JobEvent::Fact(Box::new(fact))).await?;
            }
        }
        Ok(())
    }

    /// Messages that wait in the pools of a job's tasks. What the broker does not tell counts as waiting: a
    /// message that may be there is not repeated.
    async fn depths(&mut self, id: &str) -> BTreeMap<String, u64> {
        let mut depths = BTreeMap::new();
        for pool in self.flow.pools_of(id) {
            if let Some((_, ready)) = self.depths.get(&pool).filter(|(seen, _)| seen.elapsed() < DEPTH_HOLDS) {
                depths.insert(pool, *ready);
                continue;
            }
            let inbox = Inbox::Pool { pool: pool.clone(), classes: Class::ALL.to_vec() };
            let ready = match self.parts.broker.depth(&inbox).await {
                Ok(depth) => depth.ready,
                // there is no such queue: what was sent there is lost
                Err(error) if error.kind() != ErrorKind::Unavailable => 0,
                Err(_) => 1,
            };
            self.depths.insert(pool.clone(), (Instant::now(), ready));
            depths.insert(pool, ready);
        }
        depths
    }
}
