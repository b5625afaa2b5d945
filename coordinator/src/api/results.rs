//! The judgement and every number behind it.

use super::answer::{Answer, accepted, tagged, tagged_bytes};
use super::doors::Doors;
use super::files::published;
use super::guard::Call;
use super::problem::{Problem, Slug};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use std::sync::Arc;
use synthfleet_proto::key::Key;
use synthfleet_store::fetch;

/// `GET /v1/jobs/{job}/verdict`
pub async fn verdict(State(doors): State<Arc<Doors>>, Path(job): Path<String>, call: Call, headers: HeaderMap) -> Answer {
    let found = doors.views.of(&call.job(&job)?, |view| view.selection().map(|selection| selection.fact.verdict.clone())).await?;
    let verdict = found.ok_or_else(Problem::not_found)?.ok_or_else(|| Problem::new(Slug::Conflict, "the job is not judged yet"))?;
    Ok(tagged(&headers, &verdict))
}

/// `GET /v1/jobs/{job}/results`
pub async fn results(State(doors): State<Arc<Doors>>, Path(job): Path<String>, call: Call, headers: HeaderMap) -> Answer {
    let media_type = accepted(&headers, &["application/json", "text/csv"])?;
    let path = if media_type == "text/csv" { "results.csv" } else { "results.json" };
    let files = published(&doors, &call.job(&job)?).await?;
    let file = files.files.iter().find(|file| file.path == path).ok_or_else(Problem::not_found)?;
    let object = fetch(doors.store(), &Key::parse(&file.key)?, &file.sha256).await?;
    Ok(tagged_bytes(&headers, media_type, object.bytes.to_vec()))
}
