//! Numbers that leave a leaf without being a train number: each lies between its neighbours.
//!
//! **Definition.** A number that at least [`ATOM_ROWS`] train rows hold is an atom and is emitted as it is.
//! Every other drawn number of rank `j` among a leaf's sorted loose numbers `w` is replaced by a uniform place
//! between `w[j - gap]` and `w[j + gap]`, ranks held within the leaf.

use rand_chacha::ChaCha8Rng;
use synthfleet_table::random::Draw as _;

/// A number that at least this many train rows hold is an atom: it is no secret and is emitted as it is.
pub(crate) const ATOM_ROWS: usize = 8;

/// A uniform place between the numbers `gap` ranks below and above rank `rank` of `count` sorted ones.
pub(crate) fn between(count: usize, number: impl Fn(usize) -> f64, rank: usize, gap: usize, rng: &mut ChaCha8Rng) -> f64 {
    let (low, high) = neighbours(count, number, rank, gap);
    low + (high - low) * rng.uniform()
}

/// The numbers between which a drawn one of rank `rank` is moved.
pub(crate) fn neighbours(count: usize, number: impl Fn(usize) -> f64, rank: usize, gap: usize) -> (f64, f64) {
    (number(rank.saturating_sub(gap)), number((rank + gap).min(count - 1)))
}

/// Numbers that many train rows hold, sorted.
pub(crate) struct Atoms(Vec<f64>);

impl Atoms {
    /// Numbers held by at least [`ATOM_ROWS`] of the given ones.
    pub(crate) fn of(numbers: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = numbers.collect();
        sorted.sort_unstable_by(f64::total_cmp);
        Self(sorted.chunk_by(|a, b| a == b).filter(|run| run.len() >= ATOM_ROWS).map(|run| run[0]).collect())
    }

    /// Whether a number is one of them.
    pub(crate) fn hold(&self, number: f64) -> bool {
        self.0.binary_search_by(|atom| atom.total_cmp(&number)).is_ok()
    }
}
