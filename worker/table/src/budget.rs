//! How far and how fast a task may run. Reads no clock: the runner raises its flags. Nothing here ever
//! decides a byte of a result, except that a task told to stop ends.

use crate::Arrays;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, Result};

/// What a running task tells its runner. All calls are cheap and may be dropped.
pub trait Listener: Send + Sync {
    /// Share done, 0 to 1, and what is being done.
    fn progress(&self, fraction: f64, phase: &'static str);
    /// A training curve's next value.
    fn measure(&self, name: &'static str, step: u64, value: f64);
    /// A checkpoint that the runner keeps.
    fn checkpoint(&self, step: u64, state: &Arrays) -> Result<()>;
    /// Whether a checkpoint is due.
    fn checkpoint_due(&self) -> bool;
    /// A sentence for the log that belongs in no result.
    fn note(&self, _: &str) {}
    /// Whether a task that was told to stop may still make something of what it has: its time is over, but somebody wants
    /// it.
    fn may_finish(&self) -> bool {
        false
    }
}

/// Nobody listens.
pub struct Silent;

impl Listener for Silent {
    fn progress(&self, _: f64, _: &'static str) {}
    fn measure(&self, _: &'static str, _: u64, _: f64) {}
    fn checkpoint(&self, _: u64, _: &Arrays) -> Result<()> {
        Ok(())
    }
    fn checkpoint_due(&self) -> bool {
        false
    }
}

/// The limits of one task and its line to the runner. Clones share all state.
#[derive(Clone)]
pub struct Budget(Arc<Inner>);

struct Inner {
    stop: Arc<AtomicBool>,
    memory_bytes_max: u64,
    memory_bytes_peak: AtomicU64,
    threads: usize,
    listener: Box<dyn Listener>,
    findings: std::sync::Mutex<Vec<Finding>>,
    resume: Option<Arrays>,
}

/// 4 GiB: the planned memory of a task on every shape of fleet, unless the job says otherwise.
pub const MEMORY_BYTES_PER_TASK: u64 = 4 << 30;

impl Budget {
    /// A budget of `threads` threads that nobody listens to: tests and single tasks.
    pub fn quiet(threads: usize) -> Self {
        Self::new(threads, MEMORY_BYTES_PER_TASK, Arc::default(), Box::new(Silent), None)
    }

    /// A budget whose `stop` flag and `listener` belong to a runner.
    pub fn new(threads: usize, memory_bytes_max: u64, stop: Arc<AtomicBool>, listener: Box<dyn Listener>, resume: Option<Arrays>) -> Self {
        assert!(threads > 0, "a task has at least one thread");
        let findings = std::sync::Mutex::default();
        Self(Arc::new(Inner { stop, memory_bytes_max, memory_bytes_peak: AtomicU64::new(0), threads, listener, findings, resume }))
    }

    /// A budget with the same limits and stop flag that reports nothing: for trial fits inside a task.
    #[must_use]
    pub fn silent(&self) -> Self {
        let inner = &self.0;
        Self::new(inner.threads, inner.memory_bytes_max, Arc::clone(&inner.stop), Box::new(Silent), None)
    }

    /// After a stop that a member answered with the best it had: a budget for the rest of the task, which nobody stops but
    /// by ending it. None if there was no stop, or nobody wants the rest.
    pub fn to_finish(&self) -> Option<Self> {
        let inner = &self.0;
        let is_cut = inner.stop.load(Ordering::Relaxed) && inner.listener.may_finish();
        is_cut.then(|| Self::new(inner.threads, inner.memory_bytes_max, Arc::default(), Box::new(Silent), None))
    }

    /// Fails if the runner said stop: cancel, deadline or drain. Ask every 50 ms of work.
    pub fn go_on(&self) -> Result<()> {
        if self.0.stop.load(Ordering::Relaxed) { Err(Error::stopped("task::stopped", "told to stop")) } else { Ok(()) }
    }

    /// Asks for `bytes` before a large buffer; fails if the plan allows less.
    pub fn claim(&self, bytes: u64) -> Result<()> {
        self.0.memory_bytes_peak.fetch_max(bytes, Ordering::Relaxed);
        if bytes <= self.0.memory_bytes_max {
            return Ok(());
        }
        let message = format!("needs {bytes} bytes of memory, {} are allowed", self.0.memory_bytes_max);
        Err(Error::unsupported("task::memory", message).help("allow more with --task-memory"))
    }

    /// Planned memory in bytes; row caps follow from it.
    pub fn memory_bytes_max(&self) -> u64 {
        self.0.memory_bytes_max
    }

    /// How many threads may work at once.
    pub fn threads(&self) -> usize {
        self.0.threads
    }

    /// Tells the runner how far the task is.
    pub fn progress(&self, fraction: f64, phase: &'static str) {
        self.0.listener.progress(fraction.clamp(0.0, 1.0), phase);
    }

    /// Tells the runner the next value of a training curve.
    pub fn measure(&self, name: &'static str, step: u64, value: f64) {
        self.0.listener.measure(name, step, value);
    }

    /// Reports something that was left out, replaced or cut while the rest went on.
    pub fn find(&self, finding: Finding) {
        self.findings().push(finding);
    }

    /// Takes the findings reported so far, ordered by column, code and text, since threads report in any order.
    pub fn take_findings(&self) -> Vec<Finding> {
        let mut found = std::mem::take(&mut *self.findings());
        found.sort_by(|a, b| (&a.column, &a.code, &a.text).cmp(&(&b.column, &b.code, &b.text)));
        found
    }

    /// The state of an earlier attempt, if there is one.
    pub fn resume(&self) -> Option<&Arrays> {
        self.0.resume.as_ref()
    }

    /// Hands a checkpoint to the runner; `state` runs only when one is due.
    pub fn checkpoint(&self, step: u64, state: impl FnOnce(&mut Arrays)) -> Result<()> {
        if !self.0.listener.checkpoint_due() {
            return Ok(());
        }
        let mut arrays = Arrays::default();
        state(&mut arrays);
        self.0.listener.checkpoint(step, &arrays)
    }

    /// Tells the runner a sentence for its log. What is to stand beside a result is a finding instead.
    pub fn note(&self, text: &str) {
        self.0.listener.note(text);
    }

    fn findings(&self) -> std::sync::MutexGuard<'_, Vec<Finding>> {
        self.0.findings.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raised_flag_stops_the_task() {
        let stop = Arc::new(AtomicBool::new(false));
        let budget = Budget::new(1, 10, Arc::clone(&stop), Box::new(Silent), None);
        assert!(budget.go_on().is_ok());
        stop.store(true, Ordering::Relaxed);
        assert_eq!(budget.go_on().expect_err("told to stop").code(), "task::stopped");
    }

    #[test]
    fn only_a_task_whose_result_is_wanted_may_finish_after_a_stop() {
        struct Patient;
        impl Listener for Patient {
            fn progress(&self, _: f64, _: &'static str) {}
            fn measure(&self, _: &'static str, _: u64, _: f64) {}
            fn checkpoint(&self, _: u64, _: &Arrays) -> Result<()> {
                Ok(())
            }
            fn checkpoint_due(&self) -> bool {
                false
            }
            fn may_finish(&self) -> bool {
                true
            }
        }
        let told =
            |listener: Box<dyn Listener>, stop: bool| Budget::new(1, 10, Arc::new(AtomicBool::new(stop)), listener, None).to_finish();
        assert!(told(Box::new(Silent), true).is_none() && told(Box::new(Patient), false).is_none());
        assert!(told(Box::new(Patient), true).is_some_and(|rest| rest.go_on().is_ok() && rest.memory_bytes_max() == 10));
    }

    #[test]
    fn memory_beyond_the_plan_is_refused_with_both_numbers() {
        let budget = Budget::new(1, 10, Arc::default(), Box::new(Silent), None);
        assert!(budget.claim(11).expect_err("11 of 10").message().contains("needs 11 bytes"));
    }
}
