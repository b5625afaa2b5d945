//! Rates: a bucket of allowances per caller that fills at a steady pace.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Callers that are remembered; a full table first forgets those whose bucket is full again.
const CALLERS_MAX: usize = 16_384;

/// How often something may be done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Allowances per second.
    pub per_second: f64,
    /// Allowances of one who was quiet.
    pub burst: f64,
}

struct Bucket {
    allowances: f64,
    at: Instant,
}

/// Buckets of all callers.
pub struct Rates {
    pace: Pace,
    buckets: Mutex<BTreeMap<String, Bucket>>,
}

impl Rates {
    /// Empty: everybody was quiet.
    pub fn new(pace: Pace) -> Self {
        Self { pace, buckets: Mutex::default() }
    }

    /// Takes an allowance of a caller; the error is the time until there is one.
    pub fn take(&self, caller: &str) -> Result<(), Duration> {
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= CALLERS_MAX && !buckets.contains_key(caller) {
            buckets.retain(|_, bucket| self.filled(bucket, now) < self.pace.burst);
            if buckets.len() >= CALLERS_MAX {
                return Err(Duration::from_secs(1));
            }
        }
        let bucket = buckets.entry(caller.to_owned()).or_insert(Bucket { allowances: self.pace.burst, at: now });
        let allowances = self.filled(bucket, now);
        let short = 1.0 - allowances;
        *bucket = Bucket { allowances: if short > 0.0 { allowances } else { allowances - 1.0 }, at: now };
        if short > 0.0 { Err(Duration::from_secs_f64((short / self.pace.per_second).min(3_600.0))) } else { Ok(()) }
    }

    /// Whether a caller has no allowance left, without taking one.
    pub fn is_empty(&self, caller: &str) -> bool {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.get(caller).is_some_and(|bucket| self.filled(bucket, Instant::now()) < 1.0)
    }

    fn filled(&self, bucket: &Bucket, now: Instant) -> f64 {
        let seconds = now.saturating_duration_since(bucket.at).as_secs_f64();
        (bucket.allowances + seconds * self.pace.per_second).min(self.pace.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_and_then_the_pace() {
        let rates = Rates::new(Pace { per_second: 10.0, burst: 3.0 });
        assert!((0..3).all(|_| rates.take("a").is_ok()));
        assert_eq!(rates.take("a"), Err(Duration::from_millis(100)));
        assert!(rates.take("b").is_ok(), "another caller has its own bucket");
        tokio::time::advance(Duration::from_millis(100)).await;
        assert!(rates.take("a").is_ok() && rates.take("a").is_err());
    }
}
