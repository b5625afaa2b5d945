//! Tasks of a job.

use super::answer::{Answer, tagged};
use super::doors::Doors;
use super::guard::Call;
use super::problem::Problem;
use super::shape;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /v1/jobs/{job}/tasks`
pub async fn list(State(doors): State<Arc<Doors>>, Path(job): Path<String>, call: Call, headers: HeaderMap) -> Answer {
    let items = doors.views.of(&call.job(&job)?, |view| view.tasks().map(|task| shape::task(view, task)).collect::<Vec<Value>>()).await?;
    let items = items.ok_or_else(Problem::not_found)?;
    Ok(tagged(&headers, &json!({ "items": items, "next_cursor": null })))
}

/// `GET /v1/jobs/{job}/tasks/{task}`
pub async fn show(State(doors): State<Arc<Doors>>, Path((job, task)): Path<(String, String)>, call: Call, headers: HeaderMap) -> Answer {
    let (keys, id) = (call.job(&job)?, call.task(&task)?);
    let shown = doors.views.of(&keys, |view| view.group(&id).is_some().then(|| shape::task_whole(view, &id))).await?;
    let shown = shown.flatten().ok_or_else(Problem::not_found)?;
    Ok(tagged(&headers, &shown))
}
