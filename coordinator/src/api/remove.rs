//! `DELETE /v1/jobs/{job}`: a tombstone first, then everything else. Whoever dies between leaves the rest to the walk
//! of retention.

use super::answer::Answer;
use super::doors::Doors;
use super::guard::Call;
use super::problem::{Problem, Slug};
use crate::job::View;
use crate::retain;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use std::sync::Arc;
use synthfleet_proto::Result;
use synthfleet_proto::fact::{self, DeletedFact};
use synthfleet_proto::key::{self, JobKeys, Named};
use synthfleet_store::create_fact;

/// `DELETE /v1/jobs/{job}`
pub async fn remove(State(doors): State<Arc<Doors>>, Path(job): Path<String>, call: Call) -> Answer {
    let keys = call.job(&job)?;
    let look = |view: &View| (view.state(), view.spec().map_or(0, |spec| spec.fact.submitted_at));
    let (state, submitted_at) = doors.views.of(&keys, look).await?.ok_or_else(Problem::not_found)?;
    if !state.is_final() {
        return Err(Problem::new(Slug::Conflict, format!("the job is {}; cancel it first", state.name())));
    }
    if let Some(other) = user(&doors, &keys).await? {
        return Err(Problem::new(Slug::Conflict, format!("the job {other}, which goes on, uses what this one made")));
    }
    let (service, by) = (&doors.parts.service, call.principal.name.clone());
    let fact = DeletedFact { v: fact::VERSION, by, at: service.clock.now_ms() as i64 };
    create_fact(doors.store(), &keys.deleted()?, &fact, service.entropy.bits()).await?;
    tracing::info!(job, by = fact.by, "job deleted");
    retain::erase(doors.store(), &keys, submitted_at.unsigned_abs()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A job under way that took over finished tasks of this one: it would miss their data.
async fn user(doors: &Doors, keys: &JobKeys) -> Result<Option<String>> {
    let own = keys.data()?;
    let uses = |view: &View| {
        let mut outputs = view.outcomes().filter(|(_, outcome)| outcome.fact.from_cache).flat_map(|(_, outcome)| &outcome.fact.outputs);
        outputs.any(|output| output.key.starts_with(own.as_str()))
    };
    for entry in crate::fleet::all(doors.store(), &key::live_of(keys.tenant())?).await? {
        let Some(Named::Live { job, .. }) = entry.key.named() else { continue };
        if job == keys.job() {
            continue;
        }
        match doors.views.of(&JobKeys::new(keys.tenant(), job)?, uses).await {
            Ok(Some(true)) => return Ok(Some(job.to_owned())),
            Ok(_) => {}
            // deleted, and its marker a moment behind
            Err(error) if error.code() == "job::deleted" => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
