//! `workers`: who takes the tasks of a fleet.

use super::Surroundings;
use crate::arguments::Workers;
use crate::client::Client;
use crate::present::list::{cell, items, size, text};
use crate::say;
use serde_json::Value;
use synthfleet_proto::Result;

/// Lists workers, or asks one to leave.
pub async fn run(what: &Workers, surroundings: &Surroundings) -> Result<u8> {
    let client = Client::open(&surroundings.config.client, None)?;
    match what {
        Workers::Ls => {
            let told = client.get(&["v1", "workers"], &[]).await?;
            if surroundings.json {
                say!("{told}");
            } else {
                say!(
                    "{}",
                    text(
                        &["worker", "pool", "takes", "slots", "memory", "state", "host", "version", "silent"],
                        items(&told).iter().map(row)
                    )
                );
            }
        }
        Workers::Drain { id } => {
            // a worker leaves once, however often it is asked
            let told = client.post_once(&["v1", "workers", id, "drain"], None, None).await?;
            if surroundings.json {
                say!("{told}");
            } else {
                say!("{} ends its tasks and leaves", cell(&told["worker"]));
            }
        }
    }
    Ok(0)
}

fn row(worker: &Value) -> Vec<String> {
    let state = if worker["draining"] == true { "draining" } else { "working" };
    let memory = worker["memory_bytes"].as_u64().map_or("-".to_owned(), size);
    let silent = worker["silent_seconds"].as_f64().map_or("-".to_owned(), |seconds| format!("{seconds:.0} s"));
    let [id, pool, take, slots, host, version] = ["id", "pool", "take", "slots", "host", "version"].map(|name| cell(&worker[name]));
    vec![id, pool, take, slots, memory, state.to_owned(), host, version, silent]
}
