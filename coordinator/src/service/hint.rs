//! From ready tasks to messages, as far as the windows allow.

use super::care::{self, Job, Routes};
use super::errands::{Brought, Sent};
use super::spans::Sending;
use super::{Service, tell};
use crate::dispatch::{self, Line, Ready, Room, Windows};
use crate::fleet::Fleet;
use crate::metrics;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use synthfleet_broker::Route;
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
    /// Hints ready tasks as far as the windows allow, unless earlier jobs are still asked for their results.
    pub(super) fn dispatch(&mut self) {
        self.ask_earlier();
        let fleet = self.parts.roster.now();
        let now = Instant::now();
        let attended = fleet.pools.iter().filter(|(name, _)| self.paused.get(*name).is_none_or(|pause| pause.until <= now));
        let windows = Windows::of_slots(attended.map(|(name, pool)| (name.clone(), pool.slots)));
        let touched = std::mem::take(&mut self.touched);
        let all_touched = std::mem::take(&mut self.all_touched) || self.held_back;
        self.held_back = !windows.has_room(&self.flow);
        if self.held_back {
            return;
        }
        let ready = self.gathered(&windows, &fleet, (!all_touched).then_some(&touched));
        let gathered = ready.len();
        let chosen = dispatch::choose(&windows, &mut self.flow, ready, &BTreeMap::new());
        // as long as there was room for everything, only what is touched can be hinted next
        self.held_back = chosen.len() < gathered || !windows.have_room(&self.flow);
        for ready in &chosen {
            if let Some(job) = self.jobs.get_mut(&ready.job) {
                job.leaves_queue(&ready.task);
            }
        }
        self.hint(chosen.into_iter().map(|ready| (ready.job, ready.task, ready.pool)).collect());
    }

    /// Of each tenant the tasks that go first, no more than there is room for: what waits behind them costs nothing.
    /// `touched`: the only jobs of which more could be hinted, if it is known that there was room for all others.
    fn gathered(&self, windows: &Windows, fleet: &Fleet, touched: Option<&BTreeSet<String>>) -> Vec<Ready> {
        let in_flight = |pool: &str| self.flow.in_pool(pool) as u64;
        let mut routes = Routes::new(fleet, &in_flight);
        let mut gathered = Vec::new();
        let mut lines: BTreeMap<&str, BTreeSet<Line>> = BTreeMap::new();
        if let Some(touched) = touched {
            for job in touched.iter().filter_map(|id| self.jobs.get(id)) {
                lines.entry(job.keys.tenant()).or_default().insert(job.line());
            }
        }
        let of_tenants: Vec<&BTreeSet<Line>> = if touched.is_some() { lines.values().collect() } else { self.lines.values().collect() };
        for lines in of_tenants {
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

    /// Asks whether earlier jobs have results of tasks that can run now. They are not hinted meanwhile.
    fn ask_earlier(&mut self) {
        for id in std::mem::take(&mut self.stirred) {
            let Some(job) = self.jobs.get_mut(&id) else { continue };
            let asked = job.asks();
            if !asked.is_empty() {
                let (keys, parts) = (job.keys.clone(), self.parts.clone());
                self.errands.spawn(async move {
                    let found = care::earlier(&parts, &keys, asked).await;
                    Brought::Earlier { job: keys.job().to_owned(), found }
                });
            }
        }
    }

    /// Hints a task that went silent, to the pool that suits it now.
    pub(super) fn hint_again(&mut self, id: &str, task: &TaskId) {
        let fleet = self.parts.roster.now();
        let found = self.jobs.get(id).and_then(|job| {
            let in_flight = |pool: &str| self.flow.in_pool(pool) as u64;
            let (_, group) = job.view.group(task)?;
            Some((Routes::new(&fleet, &in_flight).of(group)?, job.keys.tenant().to_owned()))
        });
        let Some((pool, tenant)) = found else { return };
        self.flow.end(&tenant, id, task);
        self.flow.begin(&tenant, id, task, &pool);
        self.hint(vec![(id.to_owned(), task.clone(), pool)]);
    }

    /// Sends hints, all at once and in order.
    fn hint(&mut self, tasks: Vec<(String, TaskId, String)>) {
        if tasks.is_empty() {
            return;
        }
        let messages: Vec<Option<Message>> = tasks.iter().map(|(id, task, pool)| self.message(id, task, pool)).collect();
        let broker = Arc::clone(&self.parts.broker);
        self.errands.spawn(async move {
            let sender = broker.as_ref();
            let sending = messages.iter().map(|message| async move {
                match message {
                    Some(message) => sender.publish(&message.route, &message.bytes).await,
                    None => Ok(()),
                }
            });
            let sent = futures::future::join_all(sending).await;
            let told = tasks.into_iter().zip(messages).zip(sent).map(|(((job, task, pool), message), sent)| {
                let sending = message.and_then(|message| message.sending);
                Sent { job, task, pool, sent, sending }
            });
            Brought::Sent(told.collect())
        });
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
            reply: self.own_queue(),
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
    pub(super) fn sent(&mut self, of: Sent) {
        let (id, task, pool) = (of.job.as_str(), &of.task, of.pool.as_str());
        let Some(job) = self.jobs.get_mut(id) else { return };
        if let Some(sending) = of.sending {
            sending.ended(&self.beside.spans, job, (task.as_str(), pool), &of.sent, self.parts.clock.now_ms() as i64);
        }
        match of.sent {
            Ok(()) => {
                if self.paused.remove(pool).is_some() {
                    self.book.set(metrics::DISPATCH_PAUSED, &[pool], 0.0);
                }
                if job.note_hinted(task) {
                    tell::queued(&self.parts, job, task);
                }
            }
            Err(error) => {
                self.touched.insert(id.to_owned());
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
