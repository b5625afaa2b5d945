//! Keys outside any one job: live markers, documents of the fleet, reuse.

use super::{FactKey, JobKeys, MarkerKey, Prefix, segment};
use crate::Result;

/// The marker that a job is to be looked after.
pub fn live(tenant: &str, job: &str) -> Result<MarkerKey> {
    JobKeys::new(tenant, job)?.live()
}

/// The markers of all jobs to be looked after.
pub fn live_prefix() -> Result<Prefix> {
    Prefix::build("live/".to_owned())
}

/// The markers of all jobs whose page is to be called.
pub fn calls() -> Result<Prefix> {
    Prefix::build("calls/".to_owned())
}

/// The markers of one tenant's jobs to be looked after.
pub fn live_of(tenant: &str) -> Result<Prefix> {
    Prefix::build(format!("live/{}~", segment("tenant", tenant)?))
}

/// A tenant's jobs, newest first.
pub fn jobs_of(tenant: &str) -> Result<Prefix> {
    Prefix::build(format!("t/{}/i/", segment("tenant", tenant)?))
}

/// The outcome to reuse for a fingerprint of kind, member version, options, seed and inputs.
pub fn reuse(tenant: &str, fingerprint: &str) -> Result<FactKey> {
    FactKey::build(format!("t/{}/c/{}", segment("tenant", tenant)?, segment("fingerprint", fingerprint)?))
}

/// The document of a pool's workers, named by its content.
pub fn pool(name: &str, sha256: &str) -> Result<MarkerKey> {
    MarkerKey::build(format!("fleet/pools/{}/{}", segment("pool", name)?, segment("sha256", sha256)?))
}

/// The documents of all pools.
pub fn pools() -> Result<Prefix> {
    Prefix::build("fleet/pools/".to_owned())
}

/// The documents of one pool.
pub fn pool_documents(name: &str) -> Result<Prefix> {
    Prefix::build(format!("fleet/pools/{}/", segment("pool", name)?))
}

/// A worker's document.
pub fn worker(id: &str) -> Result<MarkerKey> {
    MarkerKey::build(format!("fleet/workers/{}", segment("worker", id)?))
}

/// The documents of all workers.
pub fn workers() -> Result<Prefix> {
    Prefix::build("fleet/workers/".to_owned())
}

/// A coordinator's beat.
pub fn coordinator(id: &str) -> Result<MarkerKey> {
    MarkerKey::build(format!("fleet/coordinators/{}", segment("coordinator", id)?))
}

/// The beats of all coordinators.
pub fn coordinators() -> Result<Prefix> {
    Prefix::build("fleet/coordinators/".to_owned())
}

/// Buried messages of all days.
pub fn dead_prefix() -> Result<Prefix> {
    Prefix::build("fleet/dead/".to_owned())
}

/// What all members ever said of themselves.
pub fn abouts() -> Result<Prefix> {
    Prefix::build("fleet/about/".to_owned())
}

/// A buried message, by day (`yyyymmdd`) and id.
pub fn dead(day: &str, id: &str) -> Result<MarkerKey> {
    MarkerKey::build(format!("fleet/dead/{}/{}", segment("day", day)?, segment("id", id)?))
}

/// What a member says of itself, named by its content; outlives the workers that wrote it.
pub fn about(sha256: &str) -> Result<FactKey> {
    FactKey::build(format!("fleet/about/{}", segment("sha256", sha256)?))
}
