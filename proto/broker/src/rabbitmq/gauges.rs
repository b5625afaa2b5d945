//! Numbers for metrics: what the session is and did.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What metrics show of a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Whether both connections are open.
    pub connected: bool,
    /// Whether the broker stopped our publishing for want of memory or disk.
    pub blocked: bool,
    /// Times that both connections were built again.
    pub reconnects: u64,
    /// Messages sent and not confirmed yet.
    pub unconfirmed: u64,
    /// Messages that came back because no queue took them.
    pub returned: u64,
    /// Messages that a full queue refused.
    pub refused: u64,
    /// Messages without an answer in time.
    pub silent: u64,
    /// Events that were dropped here.
    pub events_dropped: u64,
    /// Verbs that came after the delivery had gone back.
    pub late_verbs: u64,
    /// Time of the last self-test; `None`: there was none yet.
    pub round_trip: Option<Duration>,
}

/// The same, counting.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub connected: AtomicBool,
    pub blocked: AtomicBool,
    pub reconnects: AtomicU64,
    pub unconfirmed: AtomicU64,
    pub returned: AtomicU64,
    pub refused: AtomicU64,
    pub silent: AtomicU64,
    pub events_dropped: AtomicU64,
    pub late_verbs: AtomicU64,
    /// Microseconds; 0: none yet.
    pub round_trip_us: AtomicU64,
}

impl Counters {
    pub fn read(&self) -> Gauges {
        let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Gauges {
            connected: self.connected.load(Ordering::Relaxed),
            blocked: self.blocked.load(Ordering::Relaxed),
            reconnects: number(&self.reconnects),
            unconfirmed: number(&self.unconfirmed),
            returned: number(&self.returned),
            refused: number(&self.refused),
            silent: number(&self.silent),
            events_dropped: number(&self.events_dropped),
            late_verbs: number(&self.late_verbs),
            round_trip: Some(number(&self.round_trip_us)).filter(|time| *time > 0).map(Duration::from_micros),
        }
    }

    /// Notes how long a question and its answer took.
    pub fn note_round_trip(&self, time: Duration) {
        self.round_trip_us.store(u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
    }
}

/// Counts one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
