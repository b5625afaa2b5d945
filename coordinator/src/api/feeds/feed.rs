//! The feed of one job.

use super::ring::{Item, Ring};
use crate::api::shape;
use crate::facts::{Found, Reader};
use crate::job::{Fact, View};
use crate::outward::outward;
use crate::service::tell::{happenings, task_event};
use serde_json::{Value, json};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use synthfleet_proto::event::{Event, Happening, TaskEvent, TaskState};
use synthfleet_proto::job::JobState;
use synthfleet_proto::key::JobKeys;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// Time between two looks at the store while no message wakes the feed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Time that a feed stays for those who come back.
const LINGER: Duration = Duration::from_secs(30);
/// Shortest time between two events of one task's progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// The feed of one job.
pub struct Feed {
    keys: JobKeys,
    reader: tokio::sync::Mutex<Reader>,
    ring: Mutex<Ring>,
    /// The number after the last event, and whether the job ended.
    news: watch::Sender<(u64, bool)>,
    woken: Notify,
    watchers: Mutex<Watchers>,
    progress: Mutex<std::collections::BTreeMap<String, Instant>>,
}

/// What came.
pub struct News {
    /// Events with their ids.
    pub items: Vec<(String, Item)>,
    /// The number of the event that will follow.
    pub next: u64,
    /// The id to go on from.
    pub id: String,
}

struct Watchers {
    count: usize,
    alone_since: Instant,
    /// The feed is no longer kept up: watch another one.
    over: bool,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Feed {
    /// A feed with one watcher. Somebody has to [`Feed::run`] it.
    pub(super) fn new(keys: JobKeys, replica: String) -> Self {
        Self {
            reader: tokio::sync::Mutex::new(Reader::new(keys.clone())),
            keys,
            ring: Mutex::new(Ring::new(replica)),
            news: watch::channel((0, false)).0,
            woken: Notify::new(),
            watchers: Mutex::new(Watchers { count: 1, alone_since: Instant::now(), over: false }),
            progress: Mutex::default(),
        }
    }

    /// The job.
    pub(super) fn job(&self) -> &str {
        self.keys.job()
    }

    /// One more watcher; `false`: the feed is over.
    pub(super) fn enter(&self) -> bool {
        let mut watchers = held(&self.watchers);
        watchers.count += usize::from(!watchers.over);
        !watchers.over
    }

    /// One watcher less.
    pub(super) fn leave(&self) {
        let mut watchers = held(&self.watchers);
        watchers.count -= 1;
        watchers.alone_since = Instant::now();
    }

    /// Looks at the store now.
    pub(super) fn wake(&self) {
        self.woken.notify_one();
    }

    /// Hands on progress and measures, progress at most twice a second and task.
    pub(super) fn pass(&self, event: &Event) {
        if let Happening::Progress { task, .. } = &event.what {
            let mut last = held(&self.progress);
            if last.get(task).is_some_and(|at| at.elapsed() < PROGRESS_EVERY) {
                return;
            }
            last.insert(task.clone(), Instant::now());
        }
        let mut ring = held(&self.ring);
        push(&mut ring, event);
        self.news.send_modify(|news| news.0 = ring.end());
    }

    /// Keeps up with the job until it ended or nobody watches.
    pub(super) async fn run(&self, parts: &crate::Parts) {
        loop {
            let ended = match self.look(parts).await {
                Ok(ended) => ended,
                Err(error) => {
                    tracing::warn!(job = self.job(), code = error.code(), "the events of a job could not be read");
                    false
                }
            };
            let over = {
                let mut watchers = held(&self.watchers);
                watchers.over = ended || (watchers.count == 0 && watchers.alone_since.elapsed() >= LINGER);
                watchers.over
            };
            if over {
                return;
            }
            let _ = tokio::time::timeout(LOOK_EVERY, self.woken.notified()).await;
        }
    }

    /// Looks at the store; says whether the job ended.
    async fn look(&self, parts: &crate::Parts) -> synthfleet_proto::Result<bool> {
        let mut reader = self.reader.lock().await;
        let (job, now) = (self.job().to_owned(), parts.clock.now_ms() as i64);
        let mut state = (reader.view().spec().is_some()).then(|| reader.view().state());
        let (here, prefix) = (Instant::now(), self.keys.facts()?);
        let tell = |view: &View, found: &Found| {
            let name = found.key.as_str().strip_prefix(prefix.as_str()).unwrap_or_default();
            let at = now - i64::try_from(found.age.as_millis()).unwrap_or(now);
            let mut ring = held(&self.ring);
            ring.at(name, here.checked_sub(found.age).unwrap_or(here));
            for what in meaning(view, &found.fact).into_iter().chain(moved(view, &mut state)) {
                push(&mut ring, &Event { job: job.clone(), at, what });
            }
        };
        let told = reader.look(&parts.store, tell).await;
        let ended = reader.view().last().is_some();
        self.news.send_replace((held(&self.ring).end(), ended));
        told.map(|()| ended)
    }

    /// The job with all its tasks, the id to go on from, and the number of the event that follows.
    pub async fn snapshot(&self, parts: &crate::Parts) -> synthfleet_proto::Result<(String, Value, u64)> {
        self.look(parts).await?;
        let mut reader = self.reader.lock().await;
        reader.look_afterwards(parts.store.as_ref()).await?;
        let view = reader.view();
        let tasks: Vec<Value> = view.tasks().map(|task| shape::task(view, task)).collect();
        let ring = held(&self.ring);
        let data = json!({
            "type": "snapshot", "job": self.job(), "at": parts.clock.now_ms(), "snapshot": { "job": shape::job(view), "tasks": tasks },
        });
        Ok((ring.id_now(), data, ring.end()))
    }

    /// Where one goes on who saw the event `id` last; `None`: only a snapshot helps.
    pub async fn resume(&self, parts: &crate::Parts, id: &str) -> synthfleet_proto::Result<Option<u64>> {
        self.look(parts).await?;
        Ok(held(&self.ring).resume(id))
    }

    /// What came from a number on; `None`: some of it is forgotten.
    pub fn since(&self, number: u64) -> Option<News> {
        let ring = held(&self.ring);
        let items = ring.since(number)?.map(|item| (ring.id(item.number, &item.fact), item.clone())).collect();
        Some(News { items, next: ring.end(), id: ring.id_now() })
    }

    /// Hears of news: the number after the last event, and whether the job ended.
    pub fn news(&self) -> watch::Receiver<(u64, bool)> {
        self.news.subscribe()
    }
}

fn push(ring: &mut Ring, event: &Event) {
    let kind = match &event.what {
        Happening::State { .. } => "state",
        Happening::Planned { .. } => "planned",
        Happening::Task(_) => "task",
        Happening::Progress { .. } => "progress",
        Happening::Measure { .. } => "measure",
        Happening::Score { .. } => "score",
        Happening::Profile { .. } => "profile",
        Happening::Note { .. } => "note",
        Happening::Verdict { .. } => "verdict",
        Happening::Published { .. } => "published",
    };
    match serde_json::to_string(event) {
        Ok(data) => ring.push(kind, data),
        Err(error) => tracing::warn!(kind, error = %error, "an event could not be written"),
    }
}

/// What a fact says to those who watch.
fn meaning(view: &View, fact: &Fact) -> Vec<Happening> {
    let mut told = match fact {
        Fact::Claim(task, claim) => {
            let (attempt, worker) = (claim.attempt, Some(claim.worker.clone()));
            vec![Happening::Task(TaskEvent { attempt, worker, ..task_event(task, TaskState::Running) })]
        }
        Fact::End(task, attempt, end) if view.outcome(task).is_none() => {
            let error = end.error.clone();
            vec![Happening::Task(TaskEvent { attempt: *attempt, error, ..task_event(task, TaskState::Queued) })]
        }
        fact => happenings(view, fact),
    };
    for what in &mut told {
        if let Happening::Task(TaskEvent { error: Some(error), .. }) = what {
            *error = outward(error);
        }
    }
    told
}

/// The state of the job, if it is another one than before. The end is told by its fact.
fn moved(view: &View, before: &mut Option<JobState>) -> Option<Happening> {
    let now = view.state();
    let changed = *before != Some(now);
    *before = Some(now);
    (changed && !now.is_final()).then_some(Happening::State { state: now, outcome: None })
}
