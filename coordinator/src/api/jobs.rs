//! Jobs: ask for one, list them, show one.

use super::answer::{Answer, json, put, tagged};
use super::doors::Doors;
use super::dress::trace;
use super::guard::Call;
use super::problem::{Problem, Slug};
use super::{form, quota, shape};
use crate::intake::{KEY_BYTES_MAX, Request, Submitted, admit_now, read_json};
use crate::metrics;
use axum::extract::{FromRequest, Path, Request as Asked, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_proto::key::JobKeys;
use tokio::time::Instant;

pub use super::list::{LIST_QUERY, list};

/// Longest wait of `Prefer: wait`, in seconds.
const WAIT_MAX: u64 = 60;
/// Time between two looks at a job that is waited for, while no message tells of its end.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// `POST /v1/jobs`
pub async fn submit(State(doors): State<Arc<Doors>>, call: Call, request: Asked) -> Answer {
    let headers = request.headers().clone();
    let asked = if form::is_form(&headers) {
        form::document(&doors, &call, &headers, request.into_body()).await?
    } else {
        let body = Bytes::from_request(request, &()).await.map_err(|refused| Problem::of_status(refused.status()))?;
        document(&headers, &body)?
    };
    let wait = wait(&headers);
    let submitted = accept(&doors, &call, &headers, asked).await?;
    let keys = JobKeys::new(&call.tenant, &submitted.job)?;
    let ended = match wait {
        Some(wait) => finished(&doors, &keys, wait).await?,
        None => false,
    };
    let status = if ended { StatusCode::OK } else { StatusCode::ACCEPTED };
    created(&doors, &keys, &submitted, status).await
}

/// The answer to whoever asked for a job.
pub async fn created(doors: &Doors, keys: &JobKeys, submitted: &Submitted, status: StatusCode) -> Answer {
    let job = doors.views.of(keys, shape::job).await?.ok_or_else(Problem::not_found)?;
    let mut response: Response = json(status, &job);
    put(&mut response, header::LOCATION, &format!("/v1/jobs/{}", submitted.job));
    if submitted.replayed {
        put(&mut response, HeaderName::from_static("idempotent-replay"), "true");
    }
    Ok(response)
}

/// Checks and stores a job, and has it looked after.
pub async fn accept(doors: &Doors, call: &Call, headers: &HeaderMap, document: Value) -> Result<Submitted, Problem> {
    let key = idempotency_key(headers)?;
    quota::check(doors, &call.tenant, key.as_deref()).await?;
    let principal = call.principal.name.clone();
    let request = Request { tenant: call.tenant.clone(), principal, door: "http", key, document, reply: None, trace: trace(headers) };
    let service = &doors.parts.service;
    let submitted = match admit_now(service, doors.parts.check.as_ref(), &doors.options.sources, request).await {
        Ok(submitted) => submitted,
        Err(error) => {
            doors.parts.book.add(metrics::SUBMISSIONS_REFUSED, &["http"], 1);
            return Err(error.into());
        }
    };
    begun(doors, &call.tenant, &submitted).await;
    Ok(submitted)
}

/// Counts an accepted job and has it looked after.
pub async fn begun(doors: &Doors, tenant: &str, submitted: &Submitted) {
    let counted = if submitted.replayed { metrics::SUBMISSIONS_REPLAYED } else { metrics::JOBS_SUBMITTED };
    doors.parts.book.add(counted, &["http"], 1);
    if let Err(error) = doors.parts.handle.care(tenant, &submitted.job).await {
        // its marker is in the store: some coordinator finds it
        tracing::info!(job = submitted.job, code = error.code(), "nobody here looks after a job that was accepted");
    }
}

/// `GET /v1/jobs/{job}`
pub async fn show(State(doors): State<Arc<Doors>>, Path(job): Path<String>, call: Call, headers: HeaderMap) -> Answer {
    let shown = doors.views.of(&call.job(&job)?, shape::job).await?.ok_or_else(Problem::not_found)?;
    Ok(tagged(&headers, &shown))
}

/// The JSON of a request.
pub fn document(headers: &HeaderMap, body: &Bytes) -> Result<Value, Problem> {
    document_of(headers, body, &["application/json"])
}

/// The JSON of a request whose body is of one of some media types.
pub fn document_of(headers: &HeaderMap, body: &Bytes, known: &[&str]) -> Result<Value, Problem> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = given.split(';').next().unwrap_or_default().trim();
    if !known.iter().any(|known| media.eq_ignore_ascii_case(known)) {
        return Err(Problem::new(Slug::UnsupportedMedia, format!("the body has to be {}", known.join(" or "))));
    }
    Ok(read_json(body)?)
}

/// The caller's key: equal keys are one request.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().unwrap_or_default();
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if key.is_empty() || key.len() > KEY_BYTES_MAX || !visible {
        return Err(Problem::new(Slug::InvalidRequest, format!("Idempotency-Key has 1 to {KEY_BYTES_MAX} visible characters")));
    }
    Ok(Some(key.to_owned()))
}

/// How long the caller wishes to wait for the end.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let prefers = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let seconds: u64 = prefers.filter_map(|wish| wish.trim().strip_prefix("wait=")).find_map(|seconds| seconds.parse().ok())?;
    Some(Duration::from_secs(seconds.min(WAIT_MAX)))
}

/// Waits for the end of a job, whoever looks after it; says whether it came.
async fn finished(doors: &Doors, keys: &JobKeys, wait: Duration) -> synthfleet_proto::Result<bool> {
    let until = Instant::now() + wait;
    let mut events = doors.parts.service.events.subscribe();
    loop {
        if doors.store().head(keys.last()?.key()).await?.is_some() {
            return Ok(true);
        }
        let next_look = (Instant::now() + LOOK_EVERY).min(until);
        // any word of this job is a reason to look; so is silence
        let told = async {
            while let Ok(event) = events.recv().await {
                if event.job == keys.job() && matches!(event.what, synthfleet_proto::event::Happening::State { .. }) {
                    return;
                }
            }
            std::future::pending().await
        };
        let _ = tokio::time::timeout_at(next_look, told).await;
        if Instant::now() >= until || doors.is_stopping() {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_wish_to_wait_is_found_among_others_and_cut() {
        let prefers = |value: &'static str| HeaderMap::from_iter([(HeaderName::from_static("prefer"), HeaderValue::from_static(value))]);
        assert_eq!(wait(&prefers("respond-async, wait=5")), Some(Duration::from_secs(5)));
        assert_eq!(wait(&prefers("wait=600")), Some(Duration::from_secs(60)));
        assert_eq!((wait(&prefers("wait=soon")), wait(&HeaderMap::new())), (None, None));
    }
}
