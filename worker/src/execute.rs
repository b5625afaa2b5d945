//! Executors: where a task runs. Whatever happens is an [`Execution`], never an error of the executor.

mod child;
mod line;
mod pool;
mod process;
mod state;
mod task;

pub use child::{Child, ChildOptions};
pub use pool::Pool;
pub use task::run_task;

use crate::TaskFolder;
use async_trait::async_trait;
use std::time::Duration;
use synthfleet_proto::attempts::{Ended, StopCause};
use tokio::sync::{mpsc, watch};

/// Runs tasks.
#[async_trait]
pub trait Executor: Send + Sync {
    /// Runs one task to its end.
    async fn execute(&self, folder: &TaskFolder, limits: &Limits, link: Link) -> Execution;

    /// The folder as this executor wants it, before inputs are given.
    fn prepare(&self, folder: TaskFolder) -> TaskFolder {
        folder
    }
}

/// What a task may use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Planned memory in bytes.
    pub memory_bytes: u64,
    /// Bytes that the task's folder may hold.
    pub scratch_bytes: u64,
    /// Threads that may work at once.
    pub threads: u32,
    /// Time between a polite and a rude end.
    pub grace: Duration,
}

/// The line between a runner and a running task.
#[derive(Debug)]
pub struct Link {
    /// Becomes `Some` when the task is to stop.
    pub stop: watch::Receiver<Option<StopCause>>,
    /// What the task tells. Full: dropped.
    pub told: mpsc::Sender<Told>,
}

/// What a running task tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// How far it is.
    Progress {
        /// Share done, 0 to 1.
        fraction: f64,
        /// What is being done.
        phase: String,
    },
    /// A value of a training curve.
    Measure {
        /// What is measured.
        name: String,
        /// Step.
        step: u64,
        /// Value.
        value: f64,
    },
    /// It left a state below `ckpt/`.
    Checkpoint {
        /// File name.
        name: String,
        /// How far it is, in the member's own steps.
        step: u64,
    },
    /// A line.
    Log(String),
    /// Its process was started.
    Begun,
    /// Memory in bytes that its processes hold.
    Memory(u64),
}

/// How a task ran.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// How it ended.
    pub ended: Ended,
    /// What it used.
    pub usage: Usage,
}

/// What a task used.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Seconds of all cores; of a pool task the elapsed seconds.
    pub cpu_seconds: f64,
    /// Peak resident memory of the process that ran it.
    pub memory_peak_bytes: u64,
}
