//! `queue`: how full the queues of a fleet are; removes those of pools that are gone.

mod prune;

use super::Surroundings;
use crate::arguments::Queue;
use crate::client::Client;
use crate::present::list::{cell, items, text};
use crate::say;
use serde_json::Value;
use synthfleet_proto::Result;

/// Does what the flags say.
pub async fn run(what: &Queue, surroundings: &Surroundings) -> Result<u8> {
    match what {
        Queue::Ls => list(surroundings).await,
        Queue::Prune { pools, dry_run } => prune::run(pools, *dry_run, surroundings).await,
    }
}

async fn list(surroundings: &Surroundings) -> Result<u8> {
    let told = Client::open(&surroundings.config.client, None)?.get(&["v1", "queues"], &[]).await?;
    if surroundings.json {
        say!("{told}");
    } else {
        say!("{}", text(&["queue", "ready", "unacked", "consumers", "oldest", "problem"], items(&told).iter().map(row)));
    }
    Ok(0)
}

fn row(queue: &Value) -> Vec<String> {
    let oldest = queue["oldest_age_seconds"].as_f64().map_or("-".to_owned(), |seconds| format!("{seconds:.0} s"));
    let [name, ready, unacked, consumers, problem] = ["name", "ready", "unacked", "consumers", "problem"].map(|name| cell(&queue[name]));
    vec![name, ready, unacked, consumers, oldest, problem]
}
