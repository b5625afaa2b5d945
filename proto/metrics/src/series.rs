//! What a family is: name, sort, labels with the values they may have, help.

/// What a family holds.
#[derive(Debug, Clone, Copy)]
pub enum Sort {
    /// A count that only grows.
    Counter,
    /// A value of now.
    Gauge,
    /// A distribution over the buckets that the function gives.
    Histogram(fn() -> Vec<f64>),
}

/// A label and the values it may have. Any other value is written as `other`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// These values; they exist from the start.
    Of(&'static str, &'static [&'static str]),
    /// At most so many values, in the order in which they come.
    UpTo(&'static str, usize),
}

impl Label {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Of(name, _) | Self::UpTo(name, _) => name,
        }
    }
}

/// One family.
#[derive(Debug, Clone, Copy)]
pub struct Series {
    /// Name, without the prefix `synthfleet_`, with the unit.
    pub name: &'static str,
    /// What it holds.
    pub sort: Sort,
    /// Labels in order.
    pub labels: &'static [Label],
    /// What it says, in a sentence.
    pub help: &'static str,
}

impl Series {
    /// A count that only grows; its name ends in `_total`.
    pub const fn counter(name: &'static str, labels: &'static [Label], help: &'static str) -> Self {
        Self { name, sort: Sort::Counter, labels, help }
    }

    /// A value of now.
    pub const fn gauge(name: &'static str, labels: &'static [Label], help: &'static str) -> Self {
        Self { name, sort: Sort::Gauge, labels, help }
    }

    /// A distribution.
    pub const fn histogram(name: &'static str, buckets: fn() -> Vec<f64>, labels: &'static [Label], help: &'static str) -> Self {
        Self { name, sort: Sort::Histogram(buckets), labels, help }
    }
}

/// Buckets of durations: `0.05 s · 2ᵏ`, k = 0..19, up to 7.3 hours.
pub fn long() -> Vec<f64> {
    (0..20).map(|k| 0.05 * f64::from(1u32 << k)).collect()
}

/// Buckets of short durations: `1 ms · 2ᵏ`, k = 0..14, up to 16 seconds.
pub fn short() -> Vec<f64> {
    (0..15).map(|k| 0.001 * f64::from(1u32 << k)).collect()
}

/// Buckets of memory: `16 MiB · 2ᵏ`, k = 0..11, up to 32 GiB.
pub fn sizes() -> Vec<f64> {
    (0..12).map(|k| f64::from(16u32 << 20) * f64::from(1u32 << k)).collect()
}

/// Buckets of shares: steps of 0.05 up to 1.
pub fn shares() -> Vec<f64> {
    (1..=20).map(|k| f64::from(k) / 20.0).collect()
}

/// Names of families as constants, and the list of them all, `CATALOGUE`: a recording and the catalogue cannot differ.
///
/// ```
/// use synthfleet_metrics::{Label, catalogue, short};
///
/// catalogue! {
///     REQUESTS = counter("requests_total"; &[Label::Of("outcome", &["ok", "failed"])]; "Requests.");
///     WAIT = histogram("wait_seconds", short; &[]; "Time that requests wait.");
/// }
/// assert_eq!(CATALOGUE.iter().map(|series| series.name).collect::<Vec<_>>(), [REQUESTS, WAIT]);
/// ```
#[macro_export]
macro_rules! catalogue {
    ($($name:ident = $sort:ident($text:literal $(, $buckets:ident)?; $labels:expr; $help:literal);)*) => {
        $(#[doc = $help] pub const $name: &str = $text;)*
        /// Every family of this room.
        pub const CATALOGUE: &[$crate::Series] = &[$($crate::Series::$sort($name $(, $buckets)?, $labels, $help)),*];
    };
}
