//! What all simulated parts share: virtual time, draws, counts, and whether the broker is there.

use crate::audit::Audit;
use crate::away::Absences;
use crate::draw::Draws;
use crate::settings::Settings;
use crate::tally::Tally;
use crate::weather::Weather;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use synthfleet_proto::outside::Clock;
use tokio::time::Instant;

/// Milliseconds since 1970 at which every simulation begins.
const EPOCH_MS: u64 = 1_800_000_000_000;

/// The shared ground of one simulation.
pub struct Ground {
    /// What is simulated.
    pub settings: Settings,
    /// Times of store and broker.
    pub latency: Draws,
    /// Lengths and results of tasks.
    pub work: Draws,
    /// When what dies.
    pub fate: Draws,
    /// Ids and nonces.
    pub entropy: Arc<Draws>,
    /// Whether the broker is there.
    pub broker: Weather,
    began: Instant,
    tally: Mutex<Tally>,
    audit: Mutex<Audit>,
    away: Mutex<Absences>,
}

impl Ground {
    /// A ground on which nothing has happened.
    pub fn new(settings: Settings) -> Arc<Self> {
        let draws = |purpose| Draws::new(settings.seed, purpose);
        Arc::new(Self {
            latency: draws("latency"),
            work: draws("work"),
            fate: draws("fate"),
            entropy: Arc::new(draws("entropy")),
            broker: Weather::default(),
            began: Instant::now(),
            tally: Mutex::default(),
            audit: Mutex::default(),
            away: Mutex::default(),
            settings,
        })
    }

    /// Virtual milliseconds since the beginning.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// What is counted.
    pub fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who was away when.
    pub fn away(&self) -> MutexGuard<'_, Absences> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is checked.
    pub fn audit(&self) -> MutexGuard<'_, Audit> {
        self.audit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for Ground {
    fn now_ms(&self) -> u64 {
        EPOCH_MS + self.elapsed_ms()
    }
}
