//! A server in the tester's own process: coordinator, API and worker over a folder of its own.

use crate::support::Desk;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use synthfleet_broker::InProcess;
use synthfleet_coordinator::api::{self, Auth, Doors};
use synthfleet_coordinator::{Catalogue, Roster, metrics};
use synthfleet_metrics::Book;
use synthfleet_proto::outside::{Clock, Entropy};
use synthfleet_store::{Local, Store};
use synthfleet_worker::execute::Pool;
use synthfleet_worker::{check_options, members};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{broadcast, watch};

/// What a server is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Does tasks, asks for no token.
    Whole,
    /// Does no task, asks for no token.
    Idle,
    /// Does no task, asks for tokens.
    Guarded,
}

/// A running server.
pub struct Server {
    /// Its address.
    pub url: String,
    /// Its store.
    pub store: Arc<dyn Store>,
    folder: PathBuf,
    stop: watch::Sender<bool>,
    pub runtime: Option<Runtime>,
}

struct Machine;

impl Clock for Machine {
    #[expect(clippy::disallowed_methods, reason = "a server has a clock")]
    fn now_ms(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64
    }
}

impl Entropy for Machine {
    fn bits(&self) -> [u8; 16] {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits).expect("random bits");
        bits
    }
}

impl Server {
    /// Starts a server with its files in the desk's folder.
    pub fn start(desk: &Desk, kind: Kind) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
        let (stop, stopped) = watch::channel(false);
        let folder = desk.path("store");
        let store: Arc<dyn Store> = Arc::new(Local::open(&folder, synthfleet_store::Settings { sync: false }).expect("a folder"));
        let url = runtime.block_on(serve(Arc::clone(&store), kind, desk.path("scratch"), stopped));
        Self { url, store, folder, stop, runtime: Some(runtime) }
    }

    /// The store as `--store` names it.
    pub fn store_url(&self) -> String {
        format!("file://{}", self.folder.display())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(store: Arc<dyn Store>, kind: Kind, scratch: PathBuf, stopped: watch::Receiver<bool>) -> String {
    let settings = synthfleet_broker::Settings { pools: vec!["local".into()], ..Default::default() };
    let parts = synthfleet_coordinator::Parts {
        store,
        broker: Arc::new(InProcess::new(settings)),
        clock: Arc::new(Machine),
        entropy: Arc::new(Machine),
        roster: Arc::new(Roster::fixed(Catalogue::of(members()), "local", 2)),
        links: None,
        run: Some("test".into()),
        events: broadcast::channel(4_096).0,
    };
    let options =
        synthfleet_coordinator::Options { adopts: true, failures_max: None, ..synthfleet_coordinator::Options::embedded("0.1.0") };
    let (service, handle) = synthfleet_coordinator::Service::new(options, parts.clone());
    tokio::spawn(service.run(stopped.clone()));
    if kind == Kind::Whole {
        let worker = synthfleet_worker::Parts {
            store: Arc::clone(&parts.store),
            broker: Arc::clone(&parts.broker),
            clock: Arc::clone(&parts.clock),
            entropy: Arc::clone(&parts.entropy),
            executor: Arc::new(Pool::new(1 << 30)),
            links: None,
            run: parts.run.clone(),
        };
        let options = synthfleet_worker::Options::embedded(2, scratch);
        tokio::spawn(synthfleet_worker::Service::new(options, worker).run(stopped.clone()));
    }
    let auth = if kind == Kind::Guarded { Auth::Tokens(None) } else { Auth::Off };
    let book = Arc::new(Book::new(&[metrics::CATALOGUE]));
    let doors = Doors::new(
        api::Options::new(auth, "0.1.0"),
        api::Parts { service: parts, handle, check: Arc::new(check_options), book },
        stopped.clone(),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(api::serve(listener, doors, stopped));
    url
}
