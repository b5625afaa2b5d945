//! A look at the store without any message: new jobs, new facts, and what went silent.

use super::Service;
use crate::job::Event as JobEvent;
use crate::reconcile::Due;
use synthfleet_broker::Inbox;
use synthfleet_proto::Result;
use synthfleet_proto::class::Class;
use synthfleet_proto::key::{self, JobKeys, Named};

impl Service {
    /// Looks for jobs with a marker, for facts without a message, and for what went silent.
    pub(super) async fn sweep(&mut self) -> Result<()> {
        if self.options.adopts {
            self.adopt_all().await?;
        }
        let ids: Vec<String> = self.jobs.keys().cloned().collect();
        for id in ids {
            let Some(job) = self.jobs.get_mut(&id) else { continue };
            let facts = match job.unseen(&self.parts).await {
                Ok(facts) => facts,
                Err(error) => {
                    tracing::warn!(job = id, code = error.code(), "facts could not be listed");
                    continue;
                }
            };
            for fact in facts {
                self.advance(&id, JobEvent::Fact(Box::new(fact))).await?;
            }
            self.advance(&id, JobEvent::Sweep).await?;
            self.reconcile(&id).await?;
        }
        Ok(())
    }

    async fn adopt_all(&mut self) -> Result<()> {
        let mut after = None;
        loop {
            let page = match self.parts.store.list(&key::live_prefix()?, after.as_ref(), 1_000).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(code = error.code(), "the store gives no list of jobs");
                    return Ok(());
                }
            };
            for entry in &page {
                if let Some(Named::Live { tenant, job }) = entry.key.named() {
                    self.adopt(&JobKeys::new(tenant, job)?).await?;
                }
            }
            match page.last() {
                Some(last) if page.len() == 1_000 => after = Some(last.key.clone()),
                _ => return Ok(()),
            }
        }
    }

    /// Repeats lost hints; ends tasks that no attempt will end.
    async fn reconcile(&mut self, id: &str) -> Result<()> {
        let inbox = Inbox::Pool { pool: self.options.pool.clone(), classes: Class::ALL.to_vec() };
        let waiting = self.parts.broker.depth(&inbox).await.map_or(0, |depth| depth.ready);
        let Some(job) = self.jobs.get_mut(id) else { return Ok(()) };
        let due = match job.due(&self.parts, waiting, self.options.limits).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(job = id, code = error.code(), "attempts could not be listed");
                return Ok(());
            }
        };
        let mut facts = Vec::new();
        for one in due {
            match one {
                Due::Republish(task, reason) => {
                    tracing::info!(job = id, task = task.as_str(), reason, "hinting again");
                    self.hint(id, &task).await;
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
}
