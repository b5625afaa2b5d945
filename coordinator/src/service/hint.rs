//! From ready tasks to messages, as far as the windows allow.

use super::care::Job;
use super::{Service, tell};
use crate::dispatch::{self, Windows};
use crate::job::Event as JobEvent;
use std::collections::BTreeMap;
use synthfleet_broker::Route;
use synthfleet_proto::envelope::{Body, Envelope, TaskHint};
use synthfleet_proto::task::TaskId;

impl Service {
    /// Hints ready tasks as far as the windows allow; takes over results of earlier jobs.
    pub(super) async fn dispatch(&mut self) {
        loop {
            let ids: Vec<String> = self.jobs.keys().cloned().collect();
            let mut reused = false;
            for id in ids {
                let Some(job) = self.jobs.get_mut(&id) else { continue };
                for fact in job.reused(&self.parts).await {
                    reused = true;
                    if let Err(error) = self.advance(&id, JobEvent::Fact(Box::new(fact))).await {
                        tracing::warn!(job = id, code = error.code(), "a job could not be moved on");
                    }
                }
            }
            if !reused {
                break;
            }
        }
        let ready = self.jobs.values().flat_map(Job::ready).collect();
        let chosen = dispatch::choose(Windows::of_slots(self.options.slots), &mut self.flow, ready, &BTreeMap::new());
        for task in chosen {
            self.hint(&task.job, &task.task).await;
        }
    }

    pub(super) async fn hint(&mut self, id: &str, task: &TaskId) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        let Some((plan, group)) = job.view.group(task) else { return };
        let class = job.view.spec().map(|spec| spec.fact.class).unwrap_or_default();
        let known = job.view.attempts(task).map(|(number, _)| number).max().unwrap_or(0);
        let hint = TaskHint {
            kind: group.kind,
            name: group.name.clone(),
            pool: self.options.pool.clone(),
            class,
            plan: plan.fact.plan,
            plan_sha256: plan.sha256.clone(),
            attempt: known + 1,
            hop: 0,
        };
        let about = (Some(id), Some(task.as_str()));
        let envelope = Envelope::new(self.parts.clock.as_ref(), self.parts.entropy.as_ref(), job.keys.tenant(), about, Body::Task(hint));
        let route = Route::Pool { pool: self.options.pool.clone(), class };
        let sent = match envelope.encode() {
            Ok(bytes) => self.parts.broker.publish(&route, &bytes).await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(()) => {
                let first = job.note_hinted(task);
                if first {
                    tell::queued(&self.parts, job, task);
                }
            }
            Err(error) => {
                tracing::warn!(job = id, task = task.as_str(), code = error.code(), "a task could not be hinted");
                let tenant = job.keys.tenant().to_owned();
                self.flow.end(&tenant, id, task);
            }
        }
    }
}
