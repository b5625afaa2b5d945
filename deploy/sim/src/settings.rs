//! What is simulated: sizes, faults, and the times that store and broker take.

use crate::draw::Law;
use std::time::Duration;

/// A GET or HEAD of a bucket in the same region. Taken, not measured: no bucket was within reach.
pub const STORE_GET: Law = Law { median_ms: 15.0, p99_ms: 60.0 };
/// A PUT of a bucket: half of it passes before the object is there, half after. Taken, not measured.
pub const STORE_PUT: Law = Law { median_ms: 30.0, p99_ms: 120.0 };
/// A LIST of a bucket, one page. Taken, not measured.
pub const STORE_LIST: Law = Law { median_ms: 40.0, p99_ms: 150.0 };
/// A publish until its confirm. `deploy/docs/fleet-measured.md`: a hint is confirmed and in its task's hands after
/// 3.4 ms, after 6.2 ms in 99 of 100 cases.
pub const CONFIRM: Law = Law { median_ms: 3.4, p99_ms: 6.2 };
/// From a ready message to its taker: a part of the same measure, taken as its half.
pub const DELIVERY: Law = Law { median_ms: 1.7, p99_ms: 3.1 };
/// Time until a dead slot takes tasks again. Taken: a container is started anew.
pub const SLOT_RESTART: Duration = Duration::from_secs(30);
/// Time until a dead coordinator is replaced.
pub const REPLICA_RESTART: Duration = Duration::from_secs(30);
/// Time that a call to a broker that is away takes to fail.
pub const BROKER_REFUSAL: Duration = Duration::from_millis(250);

/// A fault that is put into the store, to see that the audit finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// One outcome in so many is acknowledged and not kept.
    DropOutcome(u64),
    /// The store loses the marker of one job in so many, and nobody is told of the job.
    LoseJob(u64),
}

/// What is simulated.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Slots: tasks that run at once.
    pub slots: usize,
    /// Slots of one worker process.
    pub slots_per_process: usize,
    /// At least so many tasks are planned.
    pub tasks: u64,
    /// Repeats of each candidate: what makes a job large.
    pub repeats: u32,
    /// Mean seconds of computing of a task.
    pub task_seconds: f64,
    /// Tenants.
    pub tenants: usize,
    /// Coordinators.
    pub replicas: usize,
    /// Names every draw.
    pub seed: u64,
    /// Share of the slots that dies each hour.
    pub slot_deaths_per_hour: f64,
    /// Time between two deaths of a coordinator; zero: none dies.
    pub replica_dies_every: Duration,
    /// Times that the broker is away.
    pub broker_outages: u32,
    /// How long each time.
    pub broker_outage: Duration,
    /// A planted fault.
    pub defect: Option<Defect>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            slots: 10_000,
            slots_per_process: 8,
            tasks: 1_000_000,
            repeats: 8,
            task_seconds: 10.0,
            tenants: 48,
            replicas: 3,
            seed: 1,
            slot_deaths_per_hour: 0.01,
            replica_dies_every: Duration::from_secs(600),
            broker_outages: 2,
            broker_outage: Duration::from_secs(60),
            defect: None,
        }
    }
}

impl Settings {
    /// Small enough for a test of a few seconds, with every kind of fault.
    pub fn small() -> Self {
        Self {
            slots: 200,
            tasks: 5_000,
            repeats: 1,
            tenants: 8,
            slot_deaths_per_hour: 0.5,
            replica_dies_every: Duration::from_secs(120),
            broker_outage: Duration::from_secs(20),
            ..Self::default()
        }
    }

    /// Without any fault.
    #[must_use]
    pub fn calm(self) -> Self {
        Self { slot_deaths_per_hour: 0.0, replica_dies_every: Duration::ZERO, broker_outages: 0, ..self }
    }

    /// How long a task computes: 99 of 100 less than three times the median, with the mean that was asked for.
    pub fn task_law(&self) -> Law {
        let shape = Law { median_ms: 1.0, p99_ms: 3.0 };
        let median_ms = self.task_seconds * 1e3 / shape.mean_ms();
        Law { median_ms, p99_ms: 3.0 * median_ms }
    }
}
