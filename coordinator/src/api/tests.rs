//! The HTTP door from outside: requests in, answers out, over a store in memory and the broker of one process.

mod compare;
mod events;
mod files;
mod form;
mod hostile;
mod jobs;
mod matrix;
mod measures;
mod publish;
mod secrets;
mod sniff;
mod tables;
mod ui;
mod uploads;

use super::{Auth, Doors, Options, Parts, router};
use crate::auth::{Wish, mint};
use crate::testing::worker::work;
use crate::testing::{Counting, Still, catalogue, done, memory};
use crate::{Handle, Roster, Service};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use std::sync::Arc;
use synthfleet_broker::InProcess;
use synthfleet_metrics::Book;
use synthfleet_proto::fact::OutcomeFact;
use synthfleet_proto::task::TaskId;
use synthfleet_proto::token::Scope;
use synthfleet_store::Store;
use synthfleet_store::foreign::Links;
use tokio::sync::{broadcast, watch};
use tower::ServiceExt;

/// A replica: a coordinator with its doors.
struct Replica {
    router: Router,
    parts: crate::Parts,
    handle: Handle,
    book: Arc<Book>,
    stop: watch::Sender<bool>,
}

/// An answer, read whole.
struct Told {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Told {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The slug of a problem.
    fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        let document = self.json();
        assert_eq!(document["status"], self.status.as_u16(), "{document}");
        document["type"].as_str().expect("a type").strip_prefix("/problems/").expect("ours").to_owned()
    }
}

impl Replica {
    /// A replica on a store and a broker of its own, for whoever reaches the port.
    fn new() -> Self {
        Self::with(|_| {})
    }

    /// A replica that asks for tokens.
    fn guarded() -> Self {
        Self::with(|options| options.auth = Auth::Tokens(None))
    }

    fn with(change: impl FnOnce(&mut Options)) -> Self {
        let broker = Arc::new(InProcess::new(synthfleet_broker::Settings { pools: vec!["local".into()], ..Default::default() }));
        Self::on(Arc::new(memory()), broker, 0, change)
    }

    /// A replica on a store that others use too. `number` sets its random bits apart.
    fn on(store: Arc<dyn Store>, broker: Arc<InProcess>, number: u64, change: impl FnOnce(&mut Options)) -> Self {
        Self::reaching(None, store, broker, number, change)
    }

    /// A replica that also writes to places of its users.
    fn reaching(
        links: Option<Links>,
        store: Arc<dyn Store>,
        broker: Arc<InProcess>,
        number: u64,
        change: impl FnOnce(&mut Options),
    ) -> Self {
        let parts = crate::Parts {
            store,
            broker,
            clock: Arc::new(Still),
            entropy: Arc::new(Counting::from(number << 32)),
            roster: Arc::new(Roster::fixed(catalogue(), "local", 2)),
            links,
            callbacks: None,
            run: None,
            events: broadcast::channel(4_096).0,
        };
        let service_options = crate::Options { adopts: true, failures_max: None, ..crate::Options::embedded("0.1.0") };
        let book = Arc::new(Book::new(&[crate::metrics::CATALOGUE]));
        let (service, handle) = Service::new(service_options, parts.clone());
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(service.counted(Arc::clone(&book)).run(stopping.clone()));
        let mut options = Options::new(Auth::Off, "0.1.0");
        change(&mut options);
        let door_parts = Parts {
            service: parts.clone(),
            handle: handle.clone(),
            check: Arc::new(|_, _, _| Vec::new()),
            sniff: Some(Arc::new(sniff::seen)),
            book: Arc::clone(&book),
        };
        let router = router(Doors::new(options, door_parts, stopping));
        Self { router, parts, handle, book, stop }
    }

    /// Ends tasks of its pool as `end` says.
    fn work(&self, end: impl Fn(TaskId) -> OutcomeFact + Send + 'static) {
        work(self.parts.clone(), end);
    }

    /// A token for a tenant (`None`: all).
    async fn token(&self, tenant: Option<&str>, scopes: &[Scope]) -> String {
        let wish =
            Wish { tenant: tenant.map(str::to_owned), scopes: scopes.iter().copied().collect(), expires_at: None, note: String::new() };
        mint(self.parts.store.as_ref(), self.parts.entropy.as_ref(), &Still, wish).await.expect("legal").text
    }

    async fn send(&self, request: Request<Body>) -> Told {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes().to_vec();
        Told { status: parts.status, headers: parts.headers, body }
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Told {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "localhost");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).expect("a request")).await
    }

    async fn get(&self, path: &str) -> Told {
        self.ask("GET", path, &[], Body::empty()).await
    }

    async fn post(&self, path: &str, body: &Value) -> Told {
        self.ask("POST", path, &[("content-type", "application/json")], body.to_string()).await
    }

    /// Submits a small job and gives its id.
    async fn job(&self) -> String {
        let told = self.post("/v1/jobs", &small_job()).await;
        assert_eq!(told.status, StatusCode::ACCEPTED, "{}", told.text());
        told.json()["id"].as_str().expect("an id").to_owned()
    }

    /// A job that ran to its end.
    async fn finished_job(&self) -> String {
        self.work(done);
        let told =
            self.ask("POST", "/v1/jobs", &[("content-type", "application/json"), ("prefer", "wait=60")], small_job().to_string()).await;
        assert_eq!((told.status, &told.json()["state"]), (StatusCode::OK, &"done".into()), "{}", told.text());
        told.json()["id"].as_str().expect("an id").to_owned()
    }
}

fn small_job() -> Value {
    serde_json::json!({"source": "sim:demo", "synthesizers": ["clbn"], "benchmarks": ["accuracy"], "gate": "off"})
}
