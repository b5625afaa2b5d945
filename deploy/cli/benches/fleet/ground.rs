//! What both sides stand on: one RabbitMQ node, one disk, one clock.

use crate::Outcome;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use synthfleet_broker::Broker;
use synthfleet_broker::rabbitmq::{Options, RabbitMq};
use synthfleet_harness::{Node, VirtualHost};
use synthfleet_proto::outside::{Clock, Entropy};

/// A node and a folder.
pub struct Ground {
    pub node: Node,
    folder: tempfile::TempDir,
    made: AtomicU32,
}

impl Ground {
    /// Starts the node, unless tests run on it already.
    pub fn new() -> Outcome<Self> {
        // below the build's own folder: what lies in memory would make syncing free
        let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        Ok(Self { node: Node::shared()?, folder: tempfile::tempdir_in(place)?, made: AtomicU32::new(0) })
    }

    /// A fresh virtual host.
    pub fn host(&self) -> Outcome<VirtualHost> {
        Ok(self.node.virtual_host()?)
    }

    /// A fresh folder.
    pub fn folder(&self) -> Outcome<PathBuf> {
        let path = self.folder.path().join(self.made.fetch_add(1, Ordering::Relaxed).to_string());
        std::fs::create_dir(&path)?;
        Ok(path)
    }
}

/// A session of one process, once it is connected.
pub async fn session(host: &VirtualHost, role: &str, pool: &str) -> Outcome<Arc<dyn Broker>> {
    session_of(host, role, pool, &format!("{role}-bench")).await
}

/// A session of one process of some name, once it is connected.
pub async fn session_of(host: &VirtualHost, role: &str, pool: &str, id: &str) -> Outcome<Arc<dyn Broker>> {
    let pools = if pool.is_empty() { Vec::new() } else { vec![pool.to_owned()] };
    let (role, id) = (role.to_owned(), id.to_owned());
    let broker = RabbitMq::start(Options { url: host.url(), role, pool: pool.to_owned(), id, pools, ..Options::default() })?;
    for _ in 0..600 {
        if broker.health().ready {
            return Ok(Arc::new(broker));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("no session with the broker within a minute".into())
}

/// The machine's wall clock.
pub struct WallClock;

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "the one wall clock of the process")]
    fn now_ms(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
    }
}

/// The machine's random bits.
pub struct MachineEntropy;

impl Entropy for MachineEntropy {
    fn bits(&self) -> [u8; 16] {
        let mut bits = [0; 16];
        let _ = getrandom::fill(&mut bits);
        bits
    }
}
