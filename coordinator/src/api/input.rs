//! `POST /input`: the door of the original course project. A link goes in, a quick job starts.

use super::answer::{Answer, json};
use super::doors::Doors;
use super::guard::Call;
use super::jobs::{accept, document};
use super::problem::{Problem, Slug};
use super::shape;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use serde_json::json;
use std::sync::Arc;

/// The preset of its jobs.
const PRESET: &str = "quick";

/// `POST /input`
pub async fn start(State(doors): State<Arc<Doors>>, call: Call, headers: HeaderMap, body: Bytes) -> Answer {
    let asked = document(&headers, &body)?;
    let link = asked.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.get("text")?.as_str());
    let Some(link) = link.map(str::trim).filter(|link| !link.is_empty()) else {
        return Err(Problem::new(Slug::InvalidRequest, "the body is {\"text\": \"<link to a table>\"}"));
    };
    let submitted = accept(&doors, &call, &headers, json!({ "source": link, "preset": PRESET })).await?;
    let links = shape::links(&submitted.job);
    Ok(json(StatusCode::ACCEPTED, &json!({ "message": "pipeline started", "job": submitted.job, "links": links })))
}
