//! `gc`: the walk of retention over the store that the settings name, right now, with or without removing.

use super::Surroundings;
use crate::present::list::size;
use crate::roles::{parts, retention};
use crate::{machine, say};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use synthfleet_coordinator::retain::sweep;
use synthfleet_proto::key::Key;
use synthfleet_proto::{Error, Result};
use synthfleet_store::Store;

/// Objects that one JSON object lists.
const LISTED_MAX: usize = 100_000;

/// Walks once.
pub async fn run(dry_run: bool, surroundings: &Surroundings) -> Result<u8> {
    let retention = retention::of(&surroundings.config.retention)?;
    let store = open(surroundings).await?;
    let lists = dry_run && !surroundings.json && !surroundings.quiet;
    let (mut items, mut more): (Vec<Value>, bool) = (Vec::new(), false);
    let mut told = |key: &Key, bytes: u64| {
        if lists {
            say!("  {:>10}  {key}", size(bytes));
        }
        if surroundings.json {
            match items.len() < LISTED_MAX {
                true => items.push(json!({ "key": key.as_str(), "bytes": bytes })),
                false => more = true,
            }
        }
    };
    let swept = sweep(store.as_ref(), &retention, dry_run, &mut told).await?;
    if surroundings.json {
        let (objects, bytes, jobs) = (swept.objects, swept.bytes, swept.jobs);
        say!("{}", json!({ "dry_run": dry_run, "objects": objects, "bytes": bytes, "jobs": jobs, "items": items, "more": more }));
        return Ok(0);
    }
    let what = if dry_run { "would go" } else { "went" };
    say!("  gc       {} objects with {} {what}, {} whole jobs among them", swept.objects, size(swept.bytes), swept.jobs);
    Ok(0)
}

/// The store of the settings, or that of `serve`. A folder that is not there is no empty store.
async fn open(surroundings: &Surroundings) -> Result<Arc<dyn Store>> {
    let config = &surroundings.config;
    let served = machine::work_dir(&config.run.work_dir, &crate::variable).join("serve/store");
    let folder = if config.store.url.is_empty() { Some(served.clone()) } else { parts::folder(&config.store.url) };
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(absent(&folder));
    }
    parts::store(&config.store, Some(&served)).await
}

fn absent(folder: &Path) -> Error {
    Error::invalid("config::store", format!("there is no store at {}", folder.display()))
        .help("name the store with --store, store.url or SYNTHFLEET_STORE_URL")
}
