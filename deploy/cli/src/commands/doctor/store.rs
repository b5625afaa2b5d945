//! The store: whether it answers, keeps its promises, and has a clock that agrees with ours.

use super::{Check, s3};
use crate::config::StoreConfig;
use crate::roles::parts::{self, MachineEntropy};
use std::path::Path;
use std::sync::Arc;
use synthfleet_proto::{Result, key};
use synthfleet_store::{Probed, Store, probe};

/// Every check of the store that the settings name, or of the one that `serve` would use.
pub async fn checks(config: &StoreConfig, fallback: &Path) -> Vec<Check> {
    let name = if config.url.is_empty() { format!("file://{}", fallback.display()) } else { config.url.clone() };
    // a store that does not answer would fail every check once more, each after its own patience
    let store = match open(config, fallback).await {
        Ok(store) => store,
        Err(error) => return vec![Check::of(format!("store {name}"), &error)],
    };
    let mut checks = vec![Check::ok("store", name)];
    match probe(&store, &MachineEntropy).await {
        Ok(probed) => checks.extend(probed.iter().map(|probed| told(probed, config.allow_racy))),
        Err(error) => checks.push(Check::of("store", &error)),
    }
    if config.url.starts_with("s3://") {
        checks.push(s3::clock(config).await);
    }
    checks
}

async fn open(config: &StoreConfig, fallback: &Path) -> Result<Arc<dyn Store>> {
    let store = parts::store(config, Some(fallback)).await?;
    store.list(&key::live_prefix()?, None, 1).await?;
    Ok(store)
}

fn told(probed: &Probed, allow_racy: bool) -> Check {
    match &probed.found {
        Ok(found) => Check::ok(probed.what, found),
        Err(error) if allow_racy && error.code() == "store::racy" => {
            Check::warn(probed.what, error.message(), "store.allow_racy lets it pass: work may be done twice")
        }
        Err(error) => Check::of(probed.what, error),
    }
}
