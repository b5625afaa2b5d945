//! What all handlers share.

use super::bind::Auth;
use super::copies::Copies;
use super::feeds::Feeds;
use super::sniff::{self, Sniff};
use super::tables::Shelf;
use super::views::Views;
use crate::auth::{Keeper, Pace, Rates};
use crate::intake::quota::LiveJobs;
use crate::intake::{Desk, Sources};
use crate::{Catalogue, Handle};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_metrics::Book;
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::options::Problem as OptionProblem;
use synthfleet_store::Store;
use tokio::sync::{Semaphore, watch};

/// Wrong tokens of one address.
const GUESSES: Pace = Pace { per_second: 1.0, burst: 60.0 };

/// Settings of the HTTP door.
#[derive(Clone)]
pub struct Options {
    /// How callers are told apart.
    pub auth: Auth,
    /// Tenant of callers who reach every tenant and name none.
    pub tenant: String,
    /// Links that a job may name.
    pub sources: Sources,
    /// Version of the program.
    pub version: String,
    /// Requests of one caller.
    pub requests: Pace,
    /// Submissions of one tenant.
    pub submissions: Pace,
    /// Jobs of one tenant that have not ended.
    pub live_jobs_max: usize,
    /// Open streams of events of this process.
    pub listeners_max: usize,
    /// Time after which a body whose next piece does not come is given up.
    pub body_patience: Duration,
}

impl Options {
    /// The defaults, for callers of a kind.
    pub fn new(auth: Auth, version: &str) -> Self {
        Self {
            sources: Sources { local_files: auth == Auth::Off, ..Sources::default() },
            auth,
            tenant: "local".to_owned(),
            version: version.to_owned(),
            requests: Pace { per_second: 100.0, burst: 500.0 },
            submissions: Pace { per_second: 10.0, burst: 50.0 },
            live_jobs_max: 1_000,
            listeners_max: 1_000,
            body_patience: Duration::from_secs(30),
        }
    }
}

/// Judge of options: kind of member (`synthesize`, `benchmark`), name, options.
pub type Check = Arc<dyn Fn(&str, &str, &Value) -> Vec<OptionProblem> + Send + Sync>;

/// What the doors work with.
#[derive(Clone)]
pub struct Parts {
    /// Store, broker, clock, entropy, members and events of the coordinator.
    pub service: crate::Parts,
    /// The line to the coordinator of this process.
    pub handle: Handle,
    /// Judge of options.
    pub check: Check,
    /// Looks at the beginning of tables; `None`: nobody does here.
    pub sniff: Option<Sniff>,
    /// Where requests are counted.
    pub book: Arc<Book>,
}

/// The state of the HTTP door of one process.
pub struct Doors {
    pub(super) options: Options,
    pub(super) parts: Parts,
    pub(super) keeper: Keeper,
    pub(super) requests: Rates,
    pub(super) submissions: Rates,
    /// Wrong tokens, by address: whoever guesses does not get to ask the store for each guess.
    pub(super) guesses: Rates,
    pub(super) views: Views,
    pub(super) tables: Shelf,
    pub(super) feeds: Feeds,
    pub(super) live: LiveJobs,
    pub(super) copies: Copies,
    pub(super) sniffing: Arc<Semaphore>,
    pub(super) stopping: watch::Receiver<bool>,
}

impl Doors {
    /// Doors that end their streams once `stopping` becomes true.
    pub fn new(mut options: Options, parts: Parts, stopping: watch::Receiver<bool>) -> Arc<Self> {
        // whoever sends a token may be anywhere
        options.sources.local_files &= options.auth == Auth::Off;
        let service = &parts.service;
        let keeper = Keeper::new(Arc::clone(&service.store), Arc::clone(&service.clock));
        let (requests, submissions) = (Rates::new(options.requests), Rates::new(options.submissions));
        let guesses = Rates::new(GUESSES);
        let live = LiveJobs::new(options.live_jobs_max);
        let views = Views::new(Arc::clone(&service.store));
        let feeds = Feeds::new(service.clone(), Arc::clone(&parts.book), options.listeners_max);
        let sniffing = Arc::new(Semaphore::new(sniff::AT_ONCE));
        Arc::new(Self {
            options,
            parts,
            keeper,
            requests,
            submissions,
            guesses,
            views,
            tables: Shelf::default(),
            feeds,
            live,
            copies: Copies::default(),
            sniffing,
            stopping,
        })
    }

    pub(super) fn store(&self) -> &dyn Store {
        self.parts.service.store.as_ref()
    }

    /// Members there are now.
    pub(super) fn members(&self) -> Catalogue {
        self.parts.service.roster.now().catalogue.clone()
    }

    /// Whoever looks after a job looks at its new facts now, not at the next sweep.
    pub(super) async fn wake(&self, keys: &JobKeys) {
        if let Err(error) = self.parts.handle.wake(keys.tenant(), keys.job()).await {
            tracing::info!(job = keys.job(), code = error.code(), "nobody here hears of a new fact");
        }
    }

    /// What a submission needs.
    pub(super) fn desk<'a>(&'a self, catalogue: &'a Catalogue) -> Desk<'a> {
        let service = &self.parts.service;
        let (clock, entropy) = (service.clock.as_ref(), service.entropy.as_ref());
        Desk { store: service.store.as_ref(), catalogue, check: self.parts.check.as_ref(), clock, entropy }
    }

    pub(super) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }
}
