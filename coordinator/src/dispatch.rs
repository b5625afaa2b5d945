//! Which ready tasks are hinted next. Queues stay short: fairness, priority and cheap cancel live here.
//!
//! Deficit round robin between tenants; within a tenant interactive first, then weight, then the oldest
//! job, then the longest remaining path, then row by row, then the task's id.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use synthfleet_proto::about::CostClass;
use synthfleet_proto::class::Class;
use synthfleet_proto::task::{PREPARE, TaskId, TaskKind, TaskName};

/// Most tasks in flight: hinted or claimed, without an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows {
    /// Of one tenant.
    pub tenant: usize,
    /// Of one job.
    pub job: usize,
    /// Of each pool.
    pub pools: BTreeMap<String, usize>,
}

impl Windows {
    /// The windows of pools with so many slots each.
    pub fn of_slots(slots: impl IntoIterator<Item = (String, usize)>) -> Self {
        let slots: BTreeMap<String, usize> = slots.into_iter().collect();
        let all: usize = slots.values().sum();
        Self { tenant: (2 * all).max(16), job: 64, pools: slots.into_iter().map(|(pool, slots)| (pool, 2 * slots + 8)).collect() }
    }

    /// Whether any pool has room.
    pub fn has_room(&self, flow: &Flow) -> bool {
        self.pools.iter().any(|(pool, most)| flow.in_pool(pool) < *most)
    }

    /// Whether every pool has room.
    pub fn have_room(&self, flow: &Flow) -> bool {
        self.pools.iter().all(|(pool, most)| flow.in_pool(pool) < *most)
    }

    fn of_pool(&self, pool: &str) -> usize {
        self.pools.get(pool).copied().unwrap_or(0)
    }
}

/// A task that can run now.
#[derive(Debug, Clone, PartialEq)]
pub struct Ready {
    /// Tenant.
    pub tenant: String,
    /// Job.
    pub job: String,
    /// Task.
    pub task: TaskId,
    /// The pool it goes to.
    pub pool: String,
    /// What goes first.
    pub class: Class,
    /// 1 to 100; more goes first.
    pub weight: u32,
    /// When the job was submitted, milliseconds since 1970; earlier goes first.
    pub submitted_at: i64,
    /// Place of its row among the rows of the job: earlier rows are completed first, so that a job that is cut
    /// off has some whole rows.
    pub place: u32,
    /// Declared cost: dearer goes first.
    pub cost: CostClass,
    /// Estimated seconds: what the tenant is charged.
    pub seconds: f64,
}

impl Ready {
    /// Smaller goes first: the job's place in the line of its tenant, then the task's in its job.
    fn order(&self) -> impl Ord + '_ {
        let job = (self.class, Reverse(self.weight), self.submitted_at, &self.job);
        (job, rank(&self.task, self.place, self.cost), &self.task)
    }
}

/// A job's place in the line of its tenant: smaller goes first.
pub type Line = (Class, Reverse<u32>, i64, String);

/// What goes first within a job; then the task's id.
pub type Rank = (u8, u32, Reverse<CostClass>);

/// The rank of a task in its job: the longest remaining path, then the place of its row, then the dearest.
pub fn rank(task: &TaskId, place: u32, cost: CostClass) -> Rank {
    let path = match task.name() {
        TaskName::Profile | TaskName::Generate { .. } => 0,
        TaskName::Synthesize { .. } => 1,
        TaskName::Benchmark { candidate: PREPARE, .. } => 2,
        TaskName::Benchmark { .. } => 3,
    };
    (path, place, Reverse(cost))
}

/// How many more tasks could be hinted, so that nobody gathers more than can be chosen.
#[derive(Debug, Clone)]
pub struct Room {
    pools: BTreeMap<String, usize>,
    all: usize,
    of_job: usize,
}

impl Room {
    /// The room of one tenant.
    pub fn of(windows: &Windows, flow: &Flow) -> Self {
        let room = |(pool, most): (&String, &usize)| (pool.clone(), most.saturating_sub(flow.in_pool(pool)));
        let pools: BTreeMap<String, usize> = windows.pools.iter().map(room).filter(|(_, room)| *room > 0).collect();
        Self { all: pools.values().sum(), pools, of_job: windows.job }
    }

    /// Whether nothing more of the tenant can be chosen.
    pub fn is_full(&self) -> bool {
        self.all == 0
    }

    /// Takes a place in a pool for a task of a job that has `taken` so many already; says whether there was one.
    pub fn take(&mut self, pool: &str, taken: &mut BTreeMap<String, usize>, in_flight: usize) -> bool {
        let Some(room) = self.pools.get_mut(pool).filter(|room| **room > 0) else { return false };
        let of_job = taken.entry(pool.to_owned()).or_default();
        if in_flight + *of_job >= self.of_job {
            return false;
        }
        *room -= 1;
        *of_job += 1;
        self.all -= 1;
        true
    }

    /// Whether a job with so many tasks in flight may have more.
    pub fn admits(&self, in_flight: usize) -> bool {
        self.all > 0 && in_flight < self.of_job
    }

    /// Whether a job that has `taken` so much could take more from any pool.
    pub fn is_open(&self, taken: &BTreeMap<String, usize>, in_flight: usize) -> bool {
        let is_open = |(pool, room): (&String, &usize)| *room > 0 && in_flight + taken.get(pool).copied().unwrap_or(0) < self.of_job;
        self.pools.iter().any(is_open)
    }
}

/// What is in flight, and what each tenant has left to spend.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Flow {
    tenants: BTreeMap<String, usize>,
    jobs: BTreeMap<String, usize>,
    pools: BTreeMap<String, usize>,
    /// Tasks by job, with the pool that each was hinted to.
    tasks: BTreeMap<String, BTreeMap<TaskId, String>>,
    deficits: BTreeMap<String, f64>,
}

impl Flow {
    /// Tasks in flight.
    pub fn len(&self) -> usize {
        self.pools.values().sum()
    }

    /// Whether nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Whether a task is in flight.
    pub fn contains(&self, job: &str, task: &TaskId) -> bool {
        self.pool_of(job, task).is_some()
    }

    /// The pool that a task was hinted to.
    pub fn pool_of(&self, job: &str, task: &TaskId) -> Option<&str> {
        self.tasks.get(job)?.get(task).map(String::as_str)
    }

    /// Pools that tasks of a job were hinted to.
    pub fn pools_of(&self, job: &str) -> BTreeSet<String> {
        self.tasks.get(job).into_iter().flat_map(BTreeMap::values).cloned().collect()
    }

    /// Tasks in flight in a pool.
    pub fn in_pool(&self, pool: &str) -> usize {
        self.pools.get(pool).copied().unwrap_or(0)
    }

    /// Tasks in flight of a job.
    pub fn of_job(&self, job: &str) -> usize {
        self.jobs.get(job).copied().unwrap_or(0)
    }

    /// Notes a task as in flight in a pool.
    pub fn begin(&mut self, tenant: &str, job: &str, task: &TaskId, pool: &str) {
        let of_job = self.tasks.entry(job.to_owned()).or_default();
        if of_job.contains_key(task) {
            return;
        }
        of_job.insert(task.clone(), pool.to_owned());
        for (counts, name) in [(&mut self.tenants, tenant), (&mut self.jobs, job), (&mut self.pools, pool)] {
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }

    /// A task got its outcome, or its hint was lost.
    pub fn end(&mut self, tenant: &str, job: &str, task: &TaskId) {
        let Some(of_job) = self.tasks.get_mut(job) else { return };
        let Some(pool) = of_job.remove(task) else { return };
        if of_job.is_empty() {
            self.tasks.remove(job);
        }
        for (counts, name) in [(&mut self.tenants, tenant), (&mut self.jobs, job), (&mut self.pools, pool.as_str())] {
            if let Some(count) = counts.get_mut(name) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(name);
                }
            }
        }
    }

    fn has_room(&self, windows: &Windows, ready: &Ready) -> bool {
        let of = |counts: &BTreeMap<String, usize>, name: &str| counts.get(name).copied().unwrap_or(0);
        let pool = of(&self.pools, &ready.pool) < windows.of_pool(&ready.pool);
        pool && of(&self.tenants, &ready.tenant) < windows.tenant && of(&self.jobs, &ready.job) < windows.job
    }
}

/// What waits of one tenant: a queue for each pool and job, so that a full one keeps nobody else waiting.
#[derive(Default)]
struct Waiting {
    queues: BTreeMap<(String, String), Vec<Ready>>,
}

impl Waiting {
    /// The queue whose head goes first among those that have room.
    fn first(&self, windows: &Windows, flow: &Flow) -> Option<&(String, String)> {
        let heads = self.queues.iter().filter_map(|(name, queue)| Some((name, queue.last()?)));
        heads.filter(|(_, head)| flow.has_room(windows, head)).min_by(|(_, a), (_, b)| a.order().cmp(&b.order())).map(|(name, _)| name)
    }

    /// Takes the head that goes first, if the tenant can pay for it.
    fn pop(&mut self, windows: &Windows, flow: &Flow, deficit: f64) -> Option<Ready> {
        let name = self.first(windows, flow)?.clone();
        self.queues.get_mut(&name)?.pop_if(|head| head.seconds <= deficit)
    }
}

/// Chooses what to hint now, in order, and notes it as in flight. `shares` of tenants default to 1.
pub fn choose(windows: &Windows, flow: &mut Flow, ready: Vec<Ready>, shares: &BTreeMap<String, f64>) -> Vec<Ready> {
    let mut tenants: BTreeMap<String, Waiting> = BTreeMap::new();
    let mut quantum = 1.0f64;
    for task in ready {
        if !flow.contains(&task.job, &task.task) {
            quantum = quantum.max(task.seconds);
            let queues = &mut tenants.entry(task.tenant.clone()).or_default().queues;
            queues.entry((task.pool.clone(), task.job.clone())).or_default().push(task);
        }
    }
    // the last of a queue is its head
    tenants.values_mut().flat_map(|waiting| waiting.queues.values_mut()).for_each(|queue| queue.sort_by(|a, b| b.order().cmp(&a.order())));
    flow.deficits.retain(|tenant, _| tenants.contains_key(tenant));
    let mut chosen = Vec::new();
    loop {
        let mut waits = false;
        for (tenant, waiting) in &mut tenants {
            if waiting.first(windows, flow).is_none() {
                continue;
            }
            waits = true;
            let earned = quantum * shares.get(tenant).copied().unwrap_or(1.0).max(0.01);
            let mut deficit = flow.deficits.get(tenant).copied().unwrap_or(0.0) + earned;
            while let Some(task) = waiting.pop(windows, flow, deficit) {
                deficit -= task.seconds;
                flow.begin(&task.tenant, &task.job, &task.task, &task.pool);
                chosen.push(task);
            }
            flow.deficits.insert(tenant.clone(), deficit);
        }
        if !waits {
            return chosen;
        }
    }
}

/// Seconds that a tenant is charged for a task before anything like it has run.
pub fn estimate(kind: TaskKind, cost: CostClass) -> f64 {
    match (kind, cost) {
        (TaskKind::Profile | TaskKind::Generate, _) | (_, CostClass::Light) => 1.0,
        (_, CostClass::Medium) => 10.0,
        (_, CostClass::Heavy) => 60.0,
        (_, CostClass::Huge) => 600.0,
    }
}

#[cfg(test)]
mod tests;
