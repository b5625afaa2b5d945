//! `POST /v1/jobs/{job}/publish`: copies the output of a done job to the place that the job names, once more. What is
//! there already is not written again, and files of somebody else are left alone. Whoever hears that it still runs
//! asks again, and waits for the same copy.

use super::answer::{Answer, json};
use super::doors::Doors;
use super::guard::Call;
use super::problem::{Problem, Slug};
use super::shape;
use crate::job::View;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_proto::fact::{self, CopiedFact, PublishedFile};
use synthfleet_proto::job::JobState;
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::{Error, Result};
use synthfleet_store::create_fact;
use synthfleet_store::foreign::Links;

/// How long a caller waits for the copy; it goes on without them.
const PATIENCE: Duration = Duration::from_secs(60);

/// `POST /v1/jobs/{job}/publish`
pub async fn publish(State(doors): State<Arc<Doors>>, Path(job): Path<String>, call: Call) -> Answer {
    let keys = call.job(&job)?;
    let wish = doors.views.of(&keys, Wish::of).await?.ok_or_else(Problem::not_found)??;
    let Some(links) = doors.parts.service.links.clone() else {
        let error = Error::unsupported("output::off", "this service writes to no place of its users").help("set sources.buckets");
        return Err(error.into());
    };
    let by = call.principal.name.clone();
    let copying = doors.copies.join(&keys, || wish.copy(Arc::clone(&doors), links, keys.clone(), by));
    let status = match tokio::time::timeout(PATIENCE, copying).await {
        Err(_) => StatusCode::ACCEPTED,
        Ok(copied) => {
            copied.map_err(|error| refused(error.into()))?;
            StatusCode::OK
        }
    };
    let shown = doors.views.of(&keys, shape::job).await?.ok_or_else(Problem::not_found)?;
    Ok(json(status, &shown))
}

/// Why the copy failed is the caller's to mend: the place is theirs.
fn refused(error: Error) -> Problem {
    match error.code() {
        "output::denied" | "output::unreachable" | "output::foreign" => Problem::of_error(Slug::Conflict, &error),
        _ => error.into(),
    }
}

/// What is to be copied, and where to.
struct Wish {
    files: Vec<PublishedFile>,
    place: String,
    had_failed: bool,
}

impl Wish {
    fn of(view: &View) -> Result<Self, Problem> {
        let state = view.state();
        let place = view.spec().and_then(|spec| spec.fact.request.output.clone());
        match (state, view.published(), place) {
            (JobState::Done, Some(published), Some(place)) => {
                Ok(Self { files: published.fact.files.clone(), place, had_failed: view.publish_failed().is_some() })
            }
            (JobState::Done, _, None) => {
                Err(Problem::new(Slug::Conflict, "the job names no place for its output; fetch its files, or ask for it anew with one"))
            }
            _ => Err(Problem::new(Slug::Conflict, format!("the job is {}; its output is copied when it is done", state.name()))),
        }
    }

    /// Copies, and notes it where the copy at the job's end had failed.
    async fn copy(self, doors: Arc<Doors>, links: Links, keys: JobKeys, by: String) -> Result<()> {
        let placed = links.publish(doors.store(), &self.files, &self.place, keys.job()).await?;
        tracing::info!(job = keys.job(), by, written = placed.written, "the output was copied again");
        if self.had_failed {
            let service = &doors.parts.service;
            let fact = CopiedFact { v: fact::VERSION, by, at: service.clock.now_ms() as i64, folder: placed.folder };
            create_fact(doors.store(), &keys.copied()?, &fact, service.entropy.bits()).await?;
        }
        Ok(())
    }
}
