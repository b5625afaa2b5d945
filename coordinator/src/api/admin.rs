//! The port for operators: life, readiness and counts of any role, for an address that only they reach.

use super::health::METRICS_TYPE;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use std::sync::Arc;

/// Says whether the process is ready.
pub type Ready = Arc<dyn Fn() -> bool + Send + Sync>;
/// Gives the counts as Prometheus reads them.
pub type Gather = Arc<dyn Fn() -> String + Send + Sync>;

/// `/healthz`, `/readyz` and `/metrics` of a process.
pub fn router(ready: Ready, gather: Gather) -> Router {
    let readiness = move || {
        let ready = ready();
        async move { if ready { (StatusCode::OK, "ready\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n") } }
    };
    let counts = move || {
        let text = gather();
        async move { ([(header::CONTENT_TYPE, METRICS_TYPE)], text) }
    };
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(readiness)).route("/metrics", get(counts))
}
