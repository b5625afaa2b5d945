//! How a coordinator behaves, and what it works with.

use crate::callback::Callbacks;
use crate::fleet::Roster;
use crate::retain;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_broker::Broker;
use synthfleet_proto::attempts::Limits;
use synthfleet_proto::event::Event;
use synthfleet_proto::outside::{Clock, Entropy};
use synthfleet_store::Store;
use synthfleet_store::foreign::Links;
use tokio::sync::broadcast;

/// Settings of a coordinator.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Its name among the replicas.
    pub id: String,
    /// Machine; display only.
    pub host: String,
    /// Version of the program, for manifests.
    pub version: String,
    /// Time between two looks at the store without any message.
    pub sweep_every: Duration,
    /// Time that a cancelled job waits for its running tasks.
    pub cancel_patience: Duration,
    /// Time that planning waits for a pool that takes a wished member.
    pub pool_wait: Duration,
    /// How often a task may be tried.
    pub limits: Limits,
    /// Take up every job that has a marker; otherwise only jobs that it is asked to care for.
    pub adopts: bool,
    /// Results that are taken at once.
    pub takers: usize,
    /// How long finished things are kept; `None`: nothing goes.
    pub retains: Option<retain::Retention>,
    /// Errors in a row of one job after which [`Service::run`] gives up; `None`: never.
    pub failures_max: Option<u32>,
}

impl Options {
    /// A coordinator inside one process.
    pub fn embedded(version: &str) -> Self {
        Self {
            id: "embedded".to_owned(),
            host: String::new(),
            version: version.to_owned(),
            sweep_every: Duration::from_secs(10),
            cancel_patience: Duration::from_secs(5),
            pool_wait: Duration::ZERO,
            limits: Limits::EMBEDDED,
            adopts: false,
            takers: 1,
            retains: None,
            failures_max: Some(3),
        }
    }

    /// One of several coordinators of a fleet.
    pub fn fleet(id: &str, host: &str, version: &str) -> Self {
        Self {
            id: id.to_owned(),
            host: host.to_owned(),
            sweep_every: Duration::from_secs(20),
            cancel_patience: Duration::from_secs(60),
            pool_wait: Duration::from_secs(120),
            limits: Limits::FLEET,
            adopts: true,
            takers: 4,
            retains: Some(retain::Retention::default()),
            failures_max: None,
            ..Self::embedded(version)
        }
    }
}

/// What a coordinator works with.
#[derive(Clone)]
pub struct Parts {
    /// Facts and data.
    pub store: Arc<dyn Store>,
    /// Hints.
    pub broker: Arc<dyn Broker>,
    /// Clock.
    pub clock: Arc<dyn Clock>,
    /// Random bits.
    pub entropy: Arc<dyn Entropy>,
    /// Who is there.
    pub roster: Arc<Roster>,
    /// Writes to places of users; `None`: to none.
    pub links: Option<Links>,
    /// Calls pages of users; `None`: none.
    pub callbacks: Option<Callbacks>,
    /// The embedded run that holds the store alone, if there is one.
    pub run: Option<String>,
    /// Where events of all jobs go. Slow subscribers miss some.
    pub events: broadcast::Sender<Event>,
}
