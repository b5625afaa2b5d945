//! What only the outermost room may touch, as traits: clock and entropy. Implementations live with
//! the binary and with tests.

/// A wall clock. Display and ages inside one process; never compared between machines.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;
}

/// A source of bits nobody can guess: nonces, message ids, job keys that were not given.
pub trait Entropy: Send + Sync {
    /// 128 fresh bits.
    fn bits(&self) -> [u8; 16];
}
