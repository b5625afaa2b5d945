//! Pauses between tries: twice as long each time, with full jitter, so that a fleet does not knock in step.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use synthfleet_proto::Seed;

/// First pause; each further one may be twice as long.
const FIRST: Duration = Duration::from_millis(50);
/// Longest pause.
const LONGEST: Duration = Duration::from_secs(2);
/// Tries after which a conflict is passed on.
pub(crate) const CONFLICTS_MAX: u32 = 10;

/// A stream of pauses.
#[derive(Debug)]
pub(crate) struct Pauses {
    seed: Seed,
    drawn: AtomicU64,
}

impl Pauses {
    pub(crate) fn new(seed: Seed) -> Self {
        Self { seed, drawn: AtomicU64::new(0) }
    }

    /// A pause between nothing and `FIRST` · 2^try, at most `LONGEST`.
    pub(crate) fn after(&self, tries: u32) -> Duration {
        let longest = FIRST.saturating_mul(1 << tries.min(16)).min(LONGEST);
        let draw = self.seed.index(self.drawn.fetch_add(1, Ordering::Relaxed)).number();
        longest.mul_f64((draw >> 11) as f64 / (1_u64 << 53) as f64)
    }
}
