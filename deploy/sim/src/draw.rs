//! Seeded draws: one stream for each purpose, so that a change in one place moves nothing elsewhere.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use synthfleet_proto::Seed;
use synthfleet_proto::outside::Entropy;

/// Upper 1 % point of the standard normal law.
const Z99: f64 = 2.326_347_874_040_841;

/// A log-normal law by its median and its 99 % point, both in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Law {
    /// Median, in milliseconds.
    pub median_ms: f64,
    /// 99 % point, in milliseconds; not below the median.
    pub p99_ms: f64,
}

impl Law {
    /// Mean in milliseconds: `median · exp(σ² / 2)` with `σ = ln(p99 / median) / 2.326`.
    pub fn mean_ms(self) -> f64 {
        let sigma = self.sigma();
        self.median_ms * libm::exp(sigma * sigma / 2.0)
    }

    fn sigma(self) -> f64 {
        libm::log(self.p99_ms / self.median_ms) / Z99
    }

    /// The value at a standard normal deviate.
    fn at(self, z: f64) -> Duration {
        Duration::from_secs_f64(self.median_ms * libm::exp(self.sigma() * z) / 1e3)
    }
}

/// A stream of draws. Shared by whoever draws for the same purpose.
pub struct Draws(Mutex<ChaCha8Rng>);

impl Draws {
    /// The stream of a purpose.
    pub fn new(seed: u64, purpose: &str) -> Self {
        Self(Mutex::new(ChaCha8Rng::seed_from_u64(Seed::of_task(seed, purpose).task_seed())))
    }

    fn stream(&self) -> MutexGuard<'_, ChaCha8Rng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Uniform in (0, 1].
    pub fn uniform(&self) -> f64 {
        ((self.stream().next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// One of `count` places; 0 for none.
    pub fn place(&self, count: usize) -> usize {
        (self.stream().next_u64() % count.max(1) as u64) as usize
    }

    /// A duration of a law, by the transform of Box and Muller 1958, doi:10.1214/aoms/1177706645.
    pub fn of(&self, law: Law) -> Duration {
        let (radius, turn) = (libm::sqrt(-2.0 * libm::log(self.uniform())), std::f64::consts::TAU * self.uniform());
        law.at(radius * libm::cos(turn))
    }

    /// An exponential time with a mean in seconds.
    pub fn exponential(&self, mean_seconds: f64) -> Duration {
        Duration::try_from_secs_f64(-mean_seconds * libm::log(self.uniform())).unwrap_or(Duration::MAX)
    }
}

impl Entropy for Draws {
    fn bits(&self) -> [u8; 16] {
        let mut bits = [0; 16];
        let mut stream = self.stream();
        bits[..8].copy_from_slice(&stream.next_u64().to_le_bytes());
        bits[8..].copy_from_slice(&stream.next_u64().to_le_bytes());
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_law_has_the_median_and_the_99_percent_point_it_is_named_by() {
        let law = Law { median_ms: 10.0, p99_ms: 50.0 };
        let draws = Draws::new(1, "test");
        let mut drawn: Vec<f64> = (0..20_000).map(|_| draws.of(law).as_secs_f64() * 1e3).collect();
        drawn.sort_by(f64::total_cmp);
        assert!((drawn[10_000] - 10.0).abs() < 0.3, "{}", drawn[10_000]);
        assert!((drawn[19_800] - 50.0).abs() < 4.0, "{}", drawn[19_800]);
        let mean = drawn.iter().sum::<f64>() / 20_000.0;
        assert!((mean - law.mean_ms()).abs() < 0.3, "{mean} for {}", law.mean_ms());
    }

    #[test]
    fn equal_seeds_and_purposes_draw_alike() {
        let of = |seed, purpose| Draws::new(seed, purpose).bits();
        assert_eq!(of(1, "a"), of(1, "a"));
        assert_ne!(of(1, "a"), of(1, "b"));
        assert_ne!(of(1, "a"), of(2, "a"));
    }
}
