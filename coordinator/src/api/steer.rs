//! Stop a job, let it go on.

use super::answer::{Answer, json};
use super::doors::Doors;
use super::guard::Call;
use super::jobs::document;
use super::problem::{Problem, Slug};
use super::shape;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use serde_json::json;
use std::sync::Arc;
use synthfleet_proto::fact::{self, Cancel};
use synthfleet_proto::job::JobState;
use synthfleet_proto::key::{FactKey, JobKeys};
use synthfleet_store::create_fact;

/// Longest reason of a cancellation in bytes.
const REASON_BYTES_MAX: usize = 200;

/// `POST /v1/jobs/{job}/cancel`
pub async fn cancel(State(doors): State<Arc<Doors>>, Path(job): Path<String>, call: Call, headers: HeaderMap, body: Bytes) -> Answer {
    let keys = call.job(&job)?;
    let reason = reason(&headers, &body)?;
    let state = state(&doors, &keys).await?;
    match state {
        JobState::Done | JobState::Failed => return Err(Problem::new(Slug::Conflict, format!("the job is {}", state.name()))),
        JobState::Cancelled => {}
        _ => {
            let fact = Cancel { v: fact::VERSION, by: call.principal.name.clone(), reason };
            create(&doors, &keys, &keys.cancel()?, &fact).await?;
        }
    }
    shown(&doors, &keys).await
}

/// `POST /v1/jobs/{job}/release`
pub async fn release(State(doors): State<Arc<Doors>>, Path(job): Path<String>, call: Call) -> Answer {
    let keys = call.job(&job)?;
    let (state, held) = doors
        .views
        .of(&keys, |view| (view.state(), view.spec().is_some_and(|spec| spec.fact.request.hold)))
        .await?
        .ok_or_else(Problem::not_found)?;
    if !held || state.is_final() {
        return Err(Problem::new(Slug::Conflict, format!("the job is {} and does not wait for a release", state.name())));
    }
    let fact = json!({ "v": fact::VERSION, "by": call.principal.name });
    create(&doors, &keys, &keys.release()?, &fact).await?;
    shown(&doors, &keys).await
}

async fn state(doors: &Doors, keys: &JobKeys) -> Result<JobState, Problem> {
    doors.views.of(keys, crate::job::View::state).await?.ok_or_else(Problem::not_found)
}

async fn create<T: serde::Serialize + Sync>(doors: &Doors, keys: &JobKeys, key: &FactKey, fact: &T) -> Result<(), Problem> {
    let entropy = doors.parts.service.entropy.bits();
    create_fact(doors.store(), key, fact, entropy).await?;
    doors.wake(keys).await;
    Ok(())
}

async fn shown(doors: &Doors, keys: &JobKeys) -> Answer {
    let job = doors.views.of(keys, shape::job).await?.ok_or_else(Problem::not_found)?;
    Ok(json(StatusCode::ACCEPTED, &job))
}

fn reason(headers: &HeaderMap, body: &Bytes) -> Result<String, Problem> {
    if body.is_empty() {
        return Ok(String::new());
    }
    let asked = document(headers, body)?;
    let reason = asked.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.get("reason")?.as_str());
    let reason = reason.filter(|reason| reason.len() <= REASON_BYTES_MAX);
    let wrong =
        || Problem::new(Slug::InvalidRequest, format!("the body is empty or {{\"reason\": \"..\"}} of at most {REASON_BYTES_MAX} bytes"));
    reason.map(str::to_owned).ok_or_else(wrong)
}
