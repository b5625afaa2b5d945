//! CPU time of the futures of one part, by the clock of the thread that polls them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

/// CPU time that was spent.
#[derive(Debug, Default)]
pub struct Spent(AtomicU64);

impl Spent {
    /// So far.
    pub fn so_far(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// CPU time of this thread.
pub fn of_thread() -> Duration {
    time(rustix::time::ClockId::ThreadCPUTime)
}

/// CPU time of this process.
pub fn of_process() -> Duration {
    time(rustix::time::ClockId::ProcessCPUTime)
}

fn time(clock: rustix::time::ClockId) -> Duration {
    Duration::try_from(rustix::time::clock_gettime(clock)).unwrap_or_default()
}

/// A future whose polls are timed.
pub struct Timed<F> {
    inner: Pin<Box<F>>,
    spent: Arc<Spent>,
}

impl<F: Future> Timed<F> {
    /// Adds the time of every poll of `inner` to `spent`.
    pub fn new(inner: F, spent: &Arc<Spent>) -> Self {
        Self { inner: Box::pin(inner), spent: Arc::clone(spent) }
    }
}

impl<F: Future> Future for Timed<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let before = of_thread();
        let polled = self.inner.as_mut().poll(context);
        let nanos = of_thread().saturating_sub(before).as_nanos();
        self.spent.0.fetch_add(u64::try_from(nanos).unwrap_or(u64::MAX), Ordering::Relaxed);
        polled
    }
}
