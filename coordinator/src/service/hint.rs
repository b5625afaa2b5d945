//! From ready tasks to messages, as far as the windows allow.

use super::care::{Job, Routes};
use super::spans::Sending;
use super::{Service, tell};
use crate::dispatch::{self, Ready, Room, Windows};
use crate::fleet::Fleet;
use crate::job::Event as JobEvent;
use crate::metrics;
use std::collections::BTreeMap;
use std::time::Duration;
use synthfleet_broker::Route;
use synthfleet_proto::Result;
use synthfleet_proto::envelope::{Body, Envelope, TaskHint};
use synthfleet_proto::task::TaskId;
use tokio::time::Instant;

/// First pause of a pool whose queue refused a message; doubled each time.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A pool whose queue refused a message.
#[derive(Debug, Clone, Copy)]
pub struct Pause {
    until: Instant,
    length: Duration,
}

/// A hint that is about to go.
struct Message {
    route: Route,
    bytes: Vec<u8>,
    sending: Option<Sending>,
}

impl Service {
    /// Hints ready tasks as far as the windows allow; takes over results of earlier jobs.
    pub(super) async fn dispatch(&mut self) {
        self.take_over().await;
        let fleet = self.parts.roster.now();
        let now = Instant::now();
        let attended = fleet.pools.iter().filter(|(name, _)| self.paused.get(*name).is_none_or(|pause| pause.until <= now));
        let windows = Windows::of_slots(attended.map(|(name, pool)| (name.clone(), pool.slots)));
        if !windows.has_room(&self.flow) {
            return;
        }
        let ready = self.gathered(&windows, &fleet);
        let chosen = dispatch::choose(&windows, &mut self.flow, ready, &BTreeMap::new());
        for ready in &chosen {
            if let Some(job) = self.jobs.get_mut(&ready.job) {
                job.leaves_queue(&ready.task);
            }
        }
        self.hint(chosen.into_iter().map(|ready| (ready.job, ready.task, ready.pool)).collect()).await;
    }

    /// Of each tenant the tasks that go first, no more than there is room for: what waits behind them costs nothing.
    fn gathered(&self, windows: &Windows, fleet: &Fleet) -> Vec<Ready> {
        let in_flight = |pool: &str| self.flow.in_pool(pool) as u64;
        let mut routes = Routes::new(fleet, &in_flight);
        let mut gathered = Vec::new();
        for lines in self.lines.values() {
            let mut room = Room::of(windows, &self.flow);
            for (.., id) in lines {
                let of_job = self.flow.of_job(id);
                if room.is_full() {
                    break;
                }
                if let Some(job) = self.jobs.get(id).filter(|job| job.has_queue() && room.admits(of_job)) {
                    job.gather(&mut routes, &mut room, of_job, &mut gathered);
                }
            }
        }
        gathered
    }

    /// Results of equal tasks of earlier jobs, and what follows from them.
    async fn take_over(&mut self) {
        loop {
            let ids: Vec<String> = self.jobs.iter().filter(|(_, job)| job.may_reuse()).map(|(id, _)| id.clone()).collect();
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
                return;
            }
        }
    }

    /// Hints a task that went silent, to the pool that suits it now.
    pub(super) async fn hint_again(&mut self, id: &str, task: &TaskId) {
        let fleet = self.parts.roster.now();
        let found = self.jobs.get(id).and_then(|job| {
            let in_flight = |pool: &str| self.flow.in_pool(pool) as u64;
            let (_, group) = job.view.group(task)?;
            Some((Routes::new(&fleet, &in_flight).of(group)?, job.keys.tenant().to_owned()))
        });
        let Some((pool, tenant)) = found else { return };
        self.flow.end(&tenant, id, task);
        self.flow.begin(&tenant, id, task, &pool);
        self.hint(vec![(id.to_owned(), task.clone(), pool)]).await;
    }

    /// Sends hints, all at once and in order.
    async fn hint(&mut self, tasks: Vec<(String, TaskId, String)>) {
        let messages: Vec<Option<Message>> = tasks.iter().map(|(id, task, pool)| self.message(id, task, pool)).collect();
        let broker = &self.parts.broker;
        let sending = messages.iter().map(|message| async move {
            match message {
                Some(message) => broker.publish(&message.route, &message.bytes).await,
                None => Ok(()),
            }
        });
        let sent: Vec<Result<()>> = futures::future::join_all(sending).await;
        let now = self.parts.clock.now_ms() as i64;
        for (((id, task, pool), message), sent) in tasks.iter().zip(messages).zip(sent) {
            if let (Some(sending), Some(job)) = (message.and_then(|message| message.sending), self.jobs.get(id)) {
                sending.ended(&self.beside.spans, job, (task.as_str(), pool), &sent, now);
            }
            self.sent(id, task, pool, sent);
        }
    }

    fn message(&self, id: &str, task: &TaskId, pool: &str) -> Option<Message> {
        let job: &Job = self.jobs.get(id)?;
        let (plan, group) = job.view.group(task)?;
        let class = job.view.spec().map(|spec| spec.fact.class).unwrap_or_default();
        let known = job.view.attempts(task).map(|(number, _)| number).max().unwrap_or(0);
        let hint = TaskHint {
            kind: group.kind,
            name: group.name.clone(),
            pool: pool.to_owned(),
            class,
            plan: plan.fact.plan,
            plan_sha256: plan.sha256.clone(),
            attempt: known + 1,
            hop: 0,
        };
        let about = (Some(id), Some(task.as_str()));
        let (clock, entropy) = (self.parts.clock.as_ref(), self.parts.entropy.as_ref());
        let envelope = Envelope::new(clock, entropy, job.keys.tenant(), about, Body::Task(hint)).within(job.trace().child(entropy));
        match envelope.encode() {
            Ok(bytes) => {
                let sending = Sending::of(&envelope, known + 1);
                Some(Message { route: Route::Pool { pool: pool.to_owned(), class }, bytes, sending })
            }
            Err(error) => {
                tracing::error!(job = id, task = task.as_str(), code = error.code(), "a hint cannot be written");
                None
            }
        }
    }

    /// What a hint came to: a pool whose queue is full or away is left alone for a while.
    fn sent(&mut self, id: &str, task: &TaskId, pool: &str, sent: Result<()>) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        match sent {
            Ok(()) => {
                if self.paused.remove(pool).is_some() {
                    self.book.set(metrics::DISPATCH_PAUSED, &[pool], 0.0);
                }
                if job.note_hinted(task) {
                    tell::queued(&self.parts, job, task);
                }
            }
            Err(error) => {
                let before = self.paused.get(pool).copied();
                let now = Instant::now();
                // several messages of one burst are one refusal
                if before.is_none_or(|pause| pause.until <= now) {
                    let length = before.map_or(PAUSE_FIRST, |pause| (pause.length * 2).min(PAUSE_MAX));
                    self.paused.insert(pool.to_owned(), Pause { until: now + length, length });
                    self.book.set(metrics::DISPATCH_PAUSED, &[pool], 1.0);
                    tracing::warn!(pool, code = error.code(), "a pool gets no hints for a while");
                }
                let tenant = job.keys.tenant().to_owned();
                job.back_to_queue(task);
                self.flow.end(&tenant, id, task);
            }
        }
    }

    /// When the next pool that was left alone is tried again.
    pub(super) fn pause_over(&self) -> Option<Instant> {
        let now = Instant::now();
        self.paused.values().map(|pause| pause.until).filter(|until| *until > now).min()
    }
}
