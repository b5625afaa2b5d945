//! Jobs in care are moved on: after news, when something was made beside the loop, and as time passes.

use super::Service;
use super::care::{Job, Made};
use super::handle;
use crate::job::Event as JobEvent;
use synthfleet_proto::{Error, ErrorKind, Result};
use tokio::time::Instant;

impl Service {
    /// Moves a job on until nothing more is to be done now.
    pub(super) async fn advance(&mut self, job: &str, event: JobEvent) -> Result<()> {
        let Some(caring) = self.jobs.get_mut(job) else { return Ok(()) };
        self.touched.insert(job.to_owned());
        let moved = caring.advance(event, &self.parts, &self.options).await;
        if caring.may_reuse() {
            self.stirred.insert(job.to_owned());
        }
        match caring.due_at() {
            Some(due) => _ = self.dues.insert(job.to_owned(), due),
            None => _ = self.dues.remove(job),
        }
        if let Err(error) = moved {
            return self.stumbled(job, error);
        }
        caring.failures = 0;
        for (task, tenant) in caring.take_ended() {
            self.flow.end(&tenant, job, &task);
        }
        if let Some(last) = caring.ended().cloned() {
            self.forget(job);
            self.finals.send_modify(|finals| {
                finals.insert(job.to_owned(), last);
                while finals.len() > handle::FINALS_MAX {
                    finals.pop_first();
                }
            });
        }
        Ok(())
    }

    /// A job could not be moved on: the next look tries again, unless this coordinator has nothing else to do.
    pub(super) fn stumbled(&mut self, job: &str, error: Error) -> Result<()> {
        tracing::warn!(job, code = error.code(), error = error.message(), "a job could not be moved on");
        let Some(caring) = self.jobs.get_mut(job) else { return Ok(()) };
        caring.failures += 1;
        let fatal = !matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Conflict);
        if self.options.failures_max.is_some_and(|most| fatal || caring.failures >= most) {
            return Err(error);
        }
        Ok(())
    }

    pub(super) async fn take_made(&mut self, made: Made) -> Result<()> {
        let Some(caring) = self.jobs.get_mut(&made.job) else { return Ok(()) };
        match caring.take_work(made.what, &self.parts).await {
            Ok(()) => self.advance(&made.job, JobEvent::Sweep).await,
            Err(error) => self.stumbled(&made.job, error),
        }
    }

    pub(super) async fn time_is_over(&mut self) -> Result<()> {
        // the pause of a pool may be over
        self.all_touched = true;
        let now = Instant::now();
        let due: Vec<String> = self.dues.iter().filter(|(_, due)| **due <= now).map(|(id, _)| id.clone()).collect();
        for id in due {
            let is_due = |job: &&mut Job| job.due_at().is_some_and(|due| due <= now);
            match self.jobs.get_mut(&id).filter(is_due).and_then(Job::take_due) {
                Some(event) => self.advance(&id, event).await?,
                // it was put off, or nothing follows any more
                None => match self.jobs.get(&id).and_then(Job::due_at).filter(|due| *due > now) {
                    Some(later) => _ = self.dues.insert(id, later),
                    None => _ = self.dues.remove(&id),
                },
            }
        }
        Ok(())
    }
}
