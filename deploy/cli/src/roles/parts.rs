//! The parts that only the outermost room may make: clock and entropy.

use std::time::{SystemTime, UNIX_EPOCH};
use synthfleet_proto::outside::{Clock, Entropy};

/// The machine's wall clock.
pub struct WallClock;

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "the one wall clock of the process")]
    fn now_ms(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
    }
}

/// The machine's random bits.
pub struct MachineEntropy;

impl Entropy for MachineEntropy {
    fn bits(&self) -> [u8; 16] {
        let mut bits = [0; 16];
        if getrandom::fill(&mut bits).is_err() {
            // Without a system generator ids still differ: by process and instant.
            let now = WallClock.now_ms();
            bits[..8].copy_from_slice(&now.to_le_bytes());
            bits[8..12].copy_from_slice(&std::process::id().to_le_bytes());
        }
        bits
    }
}
