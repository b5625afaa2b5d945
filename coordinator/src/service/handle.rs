//! The line to a running coordinator.

use std::collections::BTreeMap;
use synthfleet_proto::fact::FinalFact;
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::{Error, Result};
use tokio::sync::{mpsc, watch};

/// Ends of jobs that are remembered for those who wait.
pub const FINALS_MAX: usize = 10_000;

/// What the outside may ask of a running coordinator.
pub enum Order {
    /// Look after a job.
    Care(JobKeys),
    /// Look at the facts of a job.
    Wake(JobKeys),
    /// End a job with what is finished.
    Interrupt(JobKeys),
}

/// The line to a running coordinator. Clones share it.
#[derive(Clone)]
pub struct Handle {
    orders: mpsc::Sender<Order>,
    finals: watch::Receiver<BTreeMap<String, FinalFact>>,
}

/// Both ends of a line.
pub fn line() -> (Handle, mpsc::Receiver<Order>, watch::Sender<BTreeMap<String, FinalFact>>) {
    let (orders, receiver) = mpsc::channel(256);
    let (finals, known) = watch::channel(BTreeMap::new());
    (Handle { orders, finals: known }, receiver, finals)
}

impl Handle {
    /// Sees to it that a job is looked after from now on, here or by the replica whose tenant it is.
    pub async fn care(&self, tenant: &str, job: &str) -> Result<()> {
        self.order(Order::Care(JobKeys::new(tenant, job)?)).await
    }

    /// A fact of the job was created (`cancel`, `release`): whoever looks after it looks now.
    pub async fn wake(&self, tenant: &str, job: &str) -> Result<()> {
        self.order(Order::Wake(JobKeys::new(tenant, job)?)).await
    }

    /// Starts nothing new, stops what runs, judges what is finished and publishes it.
    pub async fn interrupt(&self, tenant: &str, job: &str) -> Result<()> {
        self.order(Order::Interrupt(JobKeys::new(tenant, job)?)).await
    }

    /// Waits for the end of a job that this coordinator looks after; `None`: the coordinator ended before it.
    pub async fn finished(&self, job: &str) -> Option<FinalFact> {
        let mut finals = self.finals.clone();
        let known = finals.wait_for(|finals| finals.contains_key(job)).await.ok()?;
        known.get(job).cloned()
    }

    async fn order(&self, order: Order) -> Result<()> {
        self.orders.send(order).await.map_err(|_| Error::internal("coordinator::ended", "the coordinator has ended"))
    }
}
