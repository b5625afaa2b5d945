//! What every answer gets: its number, its problem document, headers that keep browsers from guessing, and its
//! place in the measures.

use super::doors::Doors;
use super::problem::Problem;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use synthfleet_proto::envelope::Trace;
use synthfleet_proto::id;
use tokio::time::Instant;

use crate::metrics;

/// Dresses the answer to a request.
pub async fn dress(State(doors): State<Arc<Doors>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let request_id = id::base32(doors.parts.service.entropy.bits());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let trace = trace(request.headers());
    let mut response = next.run(request).await;
    if response.status().is_client_error() || response.status().is_server_error() {
        response = explained(response, &path, &request_id, trace.as_ref().map(Trace::id));
    }
    let code = ["1xx", "2xx", "3xx", "4xx", "5xx"].get(usize::from(response.status().as_u16() / 100) - 1).copied().unwrap_or("5xx");
    doors.parts.book.observe(metrics::HTTP_DURATION, &[&route, method.as_str(), code], began.elapsed().as_secs_f64());
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert("x-request-id", value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    response
}

/// The problem document of an answer that is one; libraries' bare words are replaced too.
fn explained(response: Response, path: &str, request_id: &str, trace_id: Option<&str>) -> Response {
    let (mut parts, _) = response.into_parts();
    let problem = parts.extensions.remove::<Arc<Problem>>().unwrap_or_else(|| Arc::new(Problem::of_status(parts.status)));
    let shown: String = path.chars().take(200).collect();
    let document = problem.document(Some(&shown), Some(request_id), trace_id);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    Response::from_parts(parts, Body::from(document.to_string()))
}

/// The answer where no route is.
pub async fn nothing() -> Response {
    Problem::not_found().into_response()
}

/// The trace that the caller says this belongs to.
pub fn trace(headers: &HeaderMap) -> Option<Trace> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Trace::read(text("traceparent")?, text("tracestate"))
}
