//! Buckets that links of users may name, and the clock of the server that has them.

use super::Check;
use crate::client;
use crate::config::{Config, StoreConfig};
use crate::roles::parts::{self, WallClock};
use synthfleet_proto::Result;
use synthfleet_proto::key::Prefix;
use synthfleet_proto::outside::Clock;
use synthfleet_store::{S3, Store};

/// Clocks that differ by more make signatures void and ages wrong, in seconds.
const SECONDS_MAX: f64 = 60.0;

/// Whether each configured bucket can be listed, and the clock.
pub async fn checks(config: &Config) -> Vec<Check> {
    if config.sources.buckets.is_empty() {
        let fix = "set sources.buckets to let links name s3://bucket/..";
        return vec![Check::warn("buckets", "none is configured", fix)];
    }
    let mut checks = Vec::new();
    for url in &config.sources.buckets {
        checks.push(match lists(url, &config.store).await {
            Ok(()) => Check::ok(format!("bucket {url}"), "can be listed"),
            Err(error) => Check::of(format!("bucket {url}"), &error),
        });
    }
    checks.push(clock(&config.store).await);
    checks
}

async fn lists(url: &str, config: &StoreConfig) -> Result<()> {
    let bucket = S3::open(&parts::bucket(url, config)?, parts::seed()).await?;
    bucket.list(&Prefix::all(), None, 1).await.map(|_| ())
}

/// The clock of the server against this machine's.
pub async fn clock(config: &StoreConfig) -> Check {
    let region = if config.region.is_empty() { "us-east-1" } else { &config.region };
    let url = if config.endpoint.is_empty() { format!("https://s3.{region}.amazonaws.com/") } else { config.endpoint.clone() };
    match client::clock_of(&url).await {
        Ok(Some(theirs)) => {
            let apart = (WallClock.now_ms() as f64 / 1_000.0 - theirs as f64).abs();
            Check::warns_unless(
                apart <= SECONDS_MAX,
                "clock",
                format!("{apart:.0} s apart from the store's"),
                "set this machine's clock: run an NTP client",
            )
        }
        Ok(None) => Check::warn("clock", "the store tells no date", "compare the clocks by hand"),
        Err(error) => Check::of("clock", &error),
    }
}
