//! Runs tasks on threads of this process. Cancel is cooperative; a panic is the error of its task alone.

use super::state::{self, States};
use super::{Execution, Executor, Limits, Link, Told, Usage, process};
use crate::shelf::Shelf;
use crate::{TaskFolder, perform};
use async_trait::async_trait;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use synthfleet_proto::attempts::{Ended, StopCause};
use synthfleet_proto::{Error, ErrorKind, Result};
use synthfleet_table::Arrays;
use synthfleet_table::budget::{Budget, Listener};
use tokio::sync::{mpsc, watch};

/// The pool executor.
pub struct Pool {
    shelf: Option<Arc<Shelf>>,
}

impl Pool {
    /// A pool whose tasks share decoded tables of at most so many bytes; 0: they share nothing.
    pub fn new(shelf_bytes_max: u64) -> Self {
        Self { shelf: (shelf_bytes_max > 0).then(|| Arc::new(Shelf::new(shelf_bytes_max))) }
    }
}

#[async_trait]
impl Executor for Pool {
    fn prepare(&self, folder: TaskFolder) -> TaskFolder {
        match &self.shelf {
            Some(shelf) => folder.with_shelf(Arc::clone(shelf)),
            None => folder,
        }
    }

    async fn execute(&self, folder: &TaskFolder, limits: &Limits, mut link: Link) -> Execution {
        let stop = Arc::new(AtomicBool::new(false));
        let (threads, memory_bytes) = (limits.threads.max(1) as usize, limits.memory_bytes);
        let (own, flag, began, cause) = (folder.clone(), Arc::clone(&stop), Instant::now(), link.stop.clone());
        let mut work = tokio::task::spawn_blocking(move || guarded(&own, threads, memory_bytes, flag, (link.told, cause)));
        let ended = loop {
            tokio::select! {
                ended = &mut work => break ended.unwrap_or_else(|e| Ended::Crash(e.to_string())),
                changed = link.stop.changed(), if !stop.load(Ordering::Relaxed) => {
                    if changed.is_err() || link.stop.borrow().is_some() {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            }
        };
        let cause = *link.stop.borrow();
        let ended = match (ended, cause) {
            (Ended::Error(error), Some(cause)) if error.kind == ErrorKind::Stopped => Ended::Stopped(cause),
            (ended, _) => ended,
        };
        let usage = Usage { cpu_seconds: began.elapsed().as_secs_f64(), memory_peak_bytes: process::memory_peak_bytes() };
        Execution { ended, usage }
    }
}

/// Performs a task; a panic becomes an internal error that names what the code said.
fn guarded(
    folder: &TaskFolder,
    threads: usize,
    memory_bytes: u64,
    stop: Arc<AtomicBool>,
    (told, cause): (mpsc::Sender<Told>, watch::Receiver<Option<StopCause>>),
) -> Ended {
    let work = || {
        let task = folder.task()?;
        let resume = state::read(folder, &task)?;
        let ear = Ear { told, cause, states: States::new(folder, task.clone()), drained: AtomicBool::new(false) };
        if task.resume.is_some() && resume.is_none() {
            ear.note(state::REFUSED);
        }
        let listener = Box::new(ear);
        perform(folder, &Budget::new(threads, memory_bytes, stop, listener, resume))
    };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => Ended::Well,
        Ok(Err(error)) => Ended::Error(error.to_wire()),
        Err(payload) => Ended::Error(panic_error(payload.as_ref()).to_wire()),
    }
}

/// The error that a caught panic stands for.
pub(super) fn panic_error(payload: &(dyn std::any::Any + Send)) -> Error {
    let said = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied());
    Error::internal("task::panic", format!("the code stopped: {}", said.unwrap_or("no message")))
        .help("this is a bug: please report it with the message")
}

/// Forwards what a task tells; drops it when nobody listens fast enough.
struct Ear {
    told: mpsc::Sender<Told>,
    cause: watch::Receiver<Option<StopCause>>,
    states: States,
    /// The state that a drain asks for was asked for.
    drained: AtomicBool,
}

impl Listener for Ear {
    fn progress(&self, fraction: f64, phase: &'static str) {
        let _ = self.told.try_send(Told::Progress { fraction, phase: phase.to_owned() });
    }

    fn measure(&self, name: &'static str, step: u64, value: f64) {
        let _ = self.told.try_send(Told::Measure { name: name.to_owned(), step, value });
    }

    fn checkpoint(&self, step: u64, arrays: &Arrays) -> Result<()> {
        let name = self.states.write(step, arrays)?;
        let _ = self.told.try_send(Told::Checkpoint { name, step });
        Ok(())
    }

    fn checkpoint_due(&self) -> bool {
        // the worker leaves: whoever goes on is to lose little
        if *self.cause.borrow() == Some(StopCause::Drain) && !self.drained.swap(true, Ordering::Relaxed) {
            self.states.ask();
        }
        self.states.is_due()
    }

    fn note(&self, text: &str) {
        let _ = self.told.try_send(Told::Log(text.to_owned()));
    }

    fn may_finish(&self) -> bool {
        *self.cause.borrow() == Some(StopCause::Timeout)
    }
}
