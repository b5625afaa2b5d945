//! Jobs are taken into care, and given up when they are another's.

use super::Service;
use super::care::{Job, Routes};
use super::errands::Brought;
use super::tell;
use crate::job::{Event as JobEvent, Phase};
use std::sync::Arc;
use synthfleet_proto::Result;
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::task::TaskId;

impl Service {
    /// Whether the jobs of a tenant are this coordinator's.
    pub(super) fn cares_for(&self, keys: &JobKeys) -> bool {
        self.parts.roster.now().is_owner(&self.options.id, keys.tenant())
    }

    /// After news of pools and replicas: gives up jobs of tenants that are others' now, and lets those plan that
    /// waited for a pool.
    pub(super) async fn look_around(&mut self) -> Result<()> {
        self.all_touched = true;
        let lost: Vec<String> = self.jobs.values().filter(|job| !self.cares_for(&job.keys)).map(|job| job.keys.job().to_owned()).collect();
        for id in lost {
            tracing::info!(job = id, "another coordinator looks after the job now");
            self.forget(&id);
        }
        let planning = self.jobs.values().filter(|job| job.view.phase() == Phase::Planning).map(|job| job.keys.job().to_owned());
        for id in planning.collect::<Vec<_>>() {
            self.advance(&id, JobEvent::Sweep).await?;
        }
        Ok(())
    }

    /// Begins to take a job into care. `told`: a task that somebody spoke of.
    pub(super) fn adopt(&mut self, keys: &JobKeys, told: Option<TaskId>) {
        if self.jobs.contains_key(keys.job()) {
            return;
        }
        if let Some(known) = self.adopting.get_mut(keys.job()) {
            known.extend(told);
            return;
        }
        self.adopting.insert(keys.job().to_owned(), told.into_iter().collect());
        let (keys, parts, beside, book) = (keys.clone(), self.parts.clone(), self.beside.clone(), Arc::clone(&self.book));
        let adoptions = Arc::clone(&self.adoptions);
        self.errands.spawn(async move {
            // it is never closed
            let _turn = adoptions.acquire().await;
            let job = Job::read(&keys, &parts, beside, &book).await;
            Brought::Job { keys, job: job.map(|job| Some(Box::new(job))) }
        });
    }

    /// A job that is to be taken into care was read, with all facts it had.
    pub(super) async fn adopted(&mut self, keys: &JobKeys, job: Result<Option<Box<Job>>>) -> Result<()> {
        let told = self.adopting.remove(keys.job()).unwrap_or_default();
        match job {
            _ if self.jobs.contains_key(keys.job()) => {}
            Ok(Some(mut job)) => {
                tell::state(&self.parts, &mut job);
                let fleet = self.parts.roster.now();
                for (task, pool) in job.held(&mut Routes::new(&fleet, &|_| 0)) {
                    self.flow.begin(keys.tenant(), keys.job(), &task, &pool);
                }
                tracing::info!(
                    job = keys.job(),
                    tenant = keys.tenant(),
                    trace_id = job.trace().id(),
                    state = job.view.state().name(),
                    "job taken into care"
                );
                self.lines.entry(keys.tenant().to_owned()).or_default().insert(job.line());
                self.jobs.insert(keys.job().to_owned(), *job);
                self.tell_care();
                self.advance(keys.job(), JobEvent::Sweep).await?;
            }
            Ok(None) => return Ok(()),
            Err(error) => {
                tracing::warn!(job = keys.job(), code = error.code(), "a job cannot be read");
                return if self.options.failures_max.is_some() { Err(error) } else { Ok(()) };
            }
        }
        let mut known = Vec::new();
        for task in told {
            self.look_at(keys, task, Vec::new(), &mut known)?;
        }
        Ok(())
    }

    /// Drops a job from care; its facts stay.
    pub(super) fn forget(&mut self, id: &str) -> Option<Job> {
        let job = self.jobs.remove(id)?;
        self.dues.remove(id);
        self.stirred.remove(id);
        if let Some(line) = self.lines.get_mut(job.keys.tenant()) {
            line.remove(&job.line());
        }
        self.lines.retain(|_, line| !line.is_empty());
        for task in job.view.tasks() {
            self.flow.end(job.keys.tenant(), id, task);
        }
        self.tell_care();
        Some(job)
    }

    pub(super) fn tell_care(&self) {
        self.measure_jobs();
        self.in_care.send_replace(self.jobs.values().map(|job| job.keys.clone()).collect());
    }
}
