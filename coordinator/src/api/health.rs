//! Whether the process lives, whether it can serve, what it is, what it counts.

use super::answer::{Answer, json, with_type};
use super::doors::Doors;
use super::guard::Call;
use super::problem::{Problem, Slug};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_proto::key;

/// Time in which the store has to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The media type of Prometheus' text.
pub const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /healthz`
pub async fn alive(_: Call) -> Response {
    json(StatusCode::OK, &json!({ "status": "ok" }))
}

/// `GET /readyz`
pub async fn ready(State(doors): State<Arc<Doors>>, _: Call) -> Answer {
    if let Some(why) = doors.unready().await {
        return Err(Problem::new(Slug::Unavailable, why));
    }
    Ok(json(StatusCode::OK, &json!({ "status": "ready" })))
}

impl Doors {
    /// Why requests cannot be served now.
    pub async fn unready(&self) -> Option<&'static str> {
        if self.is_stopping() {
            return Some("the process is about to end");
        }
        if !self.parts.service.broker.health().ready {
            return Some("the broker does not answer");
        }
        let Ok(prefix) = key::live_prefix() else { return None };
        let asked = self.store().list(&prefix, None, 1);
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(_)) => None,
            Ok(Err(_)) | Err(_) => Some("the store does not answer"),
        }
    }
}

/// `GET /version`
pub async fn version(State(doors): State<Arc<Doors>>, _: Call) -> Response {
    json(StatusCode::OK, &json!({ "name": "synthfleet", "version": doors.options.version }))
}

/// `GET /metrics`
pub async fn metrics(State(doors): State<Arc<Doors>>, _: Call) -> Response {
    with_type(StatusCode::OK, METRICS_TYPE, doors.parts.book.text().into_bytes())
}

/// `GET /problems/{code}`
pub async fn problem(Path(code): Path<String>, _: Call) -> Answer {
    let slug = Slug::of_name(&code).ok_or_else(Problem::not_found)?;
    let page =
        json!({ "type": format!("/problems/{}", slug.name()), "title": slug.title(), "status": slug.status(), "means": slug.means() });
    Ok(json(StatusCode::OK, &page))
}
