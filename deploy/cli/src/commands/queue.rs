//! `queue`: how full the queues of a fleet are.

use super::Surroundings;
use crate::client::Client;
use crate::present::list::{cell, items, text};
use crate::say;
use serde_json::Value;
use synthfleet_proto::Result;

/// Lists queues.
pub async fn list(surroundings: &Surroundings) -> Result<u8> {
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
