//! Documents of the fleet: what pools, workers and coordinators say of themselves, and what was buried. Markers,
//! put again and again, except the descriptions of members, which outlive the workers that wrote them.

use crate::about::MemberDoc;
use crate::envelope::MemberNote;
use crate::pool::Take;
use crate::{Result, fact, id};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Time between two words of a worker.
pub const WORKER_BEAT: Duration = Duration::from_secs(20);
/// A worker that was silent so long, by the store's clock, is gone.
pub const WORKER_SILENT_MAX: Duration = Duration::from_secs(65);
/// Time between two words of a pool's workers on what they take.
pub const POOL_BEAT: Duration = Duration::from_secs(60);
/// What was said of a pool holds so long, by the store's clock.
pub const POOL_SILENT_MAX: Duration = Duration::from_secs(300);
/// Time between two words of a coordinator.
pub const COORDINATOR_BEAT: Duration = Duration::from_secs(10);
/// A coordinator that was silent so long, by the store's clock, is gone.
pub const COORDINATOR_SILENT_MAX: Duration = Duration::from_secs(30);

/// What a member says of itself, named by its content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AboutDoc {
    /// Version.
    pub v: u16,
    /// What it says.
    #[serde(flatten)]
    pub member: MemberDoc,
}

impl AboutDoc {
    /// The document of a member, with the SHA-256 that names it.
    pub fn of(member: MemberDoc) -> Result<(Self, String)> {
        let about = Self { v: fact::VERSION, member };
        let sha256 = id::sha256_hex(&fact::encode(&about)?);
        Ok((about, sha256))
    }
}

/// What the workers of a pool take. Workers that say the same write the same object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolDoc {
    /// Version.
    pub v: u16,
    /// The pool.
    pub pool: String,
    /// What it takes.
    pub take: Take,
    /// Members among that which the program has.
    pub members: Vec<MemberNote>,
    /// Tasks at once of one worker.
    pub slots: u32,
    /// Memory that one of them may plan with.
    pub memory_bytes: u64,
    /// Workers are started when there is work: no worker is no fault.
    #[serde(default)]
    pub scale_to_zero: bool,
}

/// A worker lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerDoc {
    /// Version.
    pub v: u16,
    /// The worker.
    pub id: String,
    /// Machine; display only.
    pub host: String,
    /// Its pool.
    pub pool: String,
    /// What it takes.
    pub take: Take,
    /// Tasks at once.
    pub slots: u32,
    /// Memory that one of them may plan with.
    pub memory_bytes: u64,
    /// It takes nothing more.
    pub draining: bool,
    /// Milliseconds since 1970; display only.
    pub started_at: i64,
    /// Version of the program.
    pub version: String,
}

/// A coordinator lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoordinatorDoc {
    /// Version.
    pub v: u16,
    /// The coordinator.
    pub id: String,
    /// Machine; display only.
    pub host: String,
    /// Milliseconds since 1970; display only.
    pub started_at: i64,
    /// Version of the program.
    pub version: String,
}

/// A buried message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadDoc {
    /// Version.
    pub v: u16,
    /// Its id below the day.
    pub id: String,
    /// Milliseconds since 1970 at which it was found.
    pub at: i64,
    /// Why it was buried.
    pub reason: String,
    /// The message, in hexadecimal.
    pub body: String,
    /// What it says it is, if it can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The job it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The tenant it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The task it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// What was done with it: `kept`, `hinted_again`, `failed`, `requeued`.
    pub treatment: String,
}

/// The replica that looks after a tenant: the highest hash of replica and tenant. All that see the same
/// replicas agree; while they do not, two do the same work and the store keeps the first.
pub fn owner<'a>(replicas: impl IntoIterator<Item = &'a str>, tenant: &str) -> Option<&'a str> {
    let hash = |replica: &str| id::sha256_hex(format!("synthfleet/owner/v1\0{replica}\0{tenant}").as_bytes());
    replicas.into_iter().max_by_key(|replica| (hash(replica), *replica))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::about::About;
    use serde_json::Value;

    #[test]
    fn every_replica_finds_the_same_owner() {
        let tenants: Vec<String> = (0..64).map(|i| format!("t{i}")).collect();
        let shares = tenants.iter().filter(|tenant| owner(["a", "b"], tenant) == Some("a")).count();
        assert!((10..54).contains(&shares), "{shares} of 64");
        assert!(tenants.iter().all(|tenant| owner(["a", "b"], tenant) == owner(["b", "a"], tenant)));
        assert_eq!(owner([], "t"), None);
    }

    #[test]
    fn a_dead_replica_moves_only_its_own_tenants() {
        for tenant in (0..64).map(|i| format!("t{i}")) {
            let before = owner(["a", "b", "c"], &tenant);
            if before != Some("c") {
                assert_eq!(owner(["a", "b"], &tenant), before);
            }
        }
    }

    #[test]
    fn an_about_document_is_named_by_its_content() {
        let member = |version| MemberDoc::of("synthesize", &About { name: "clbn", version, ..About::LIGHT }, Value::Null);
        let (doc, sha256) = AboutDoc::of(member("1.0")).expect("plain");
        let text = fact::encode(&doc).expect("plain");
        assert_eq!(fact::decode::<AboutDoc>("about", &text).expect("own form"), doc);
        assert_ne!(AboutDoc::of(member("1.1")).expect("plain").1, sha256);
    }
}
