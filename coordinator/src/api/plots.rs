//! Pictures of one candidate, drawn or as numbers, as soon as their benchmark ended.

use super::answer::{Answer, accepted, put, tagged, tagged_bytes};
use super::doors::Doors;
use super::guard::Call;
use super::problem::{Problem, Slug};
use crate::job::View;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use synthfleet_proto::fact::Output;
use synthfleet_proto::key::Key;
use synthfleet_proto::profile::Profile;
use synthfleet_proto::score::Scored;
use synthfleet_proto::task::TaskId;
use synthfleet_proto::{Error, Result};
use synthfleet_report::picture::{PICTURES, Subject};
use synthfleet_store::fetch;

/// Query parameters of pictures.
pub const PLOT_QUERY: &[&str] = &["candidate", "repeat", "column", "column2"];
/// The row of held-out rows among candidates.
const HELD_OUT: &str = "ref_holdout";
const SVG: &str = "image/svg+xml";

/// `GET /v1/jobs/{job}/plots/{plot}`
pub async fn show(State(doors): State<Arc<Doors>>, Path((job, plot)): Path<(String, String)>, call: Call, headers: HeaderMap) -> Answer {
    let keys = call.job(&job)?;
    doors.views.of(&keys, |_| ()).await?.ok_or_else(Problem::not_found)?;
    let media_type = accepted(&headers, &["application/json", SVG])?;
    let (name, benchmark) = PICTURES.iter().find(|(name, _)| *name == plot).ok_or_else(Problem::not_found)?;
    let candidate =
        call.query.text("candidate").ok_or_else(|| Problem::new(Slug::InvalidRequest, "candidate names whose picture it is"))?;
    let repeat = call.query.number("repeat", 0..=1_000, 0)? as u32;
    let find = |view: &View| {
        let file = |task: &TaskId, role: &str| view.outcome(task)?.fact.output(role).cloned();
        let scores = |candidate: &str, repeat| file(&task(candidate, repeat, benchmark)?, "scores.json");
        Some((file(&TaskId::profile(), "profile.json")?, scores(candidate, repeat)?, scores(HELD_OUT, 0)))
    };
    let found = doors.views.of(&keys, find).await?.ok_or_else(Problem::not_found)?;
    let nothing =
        || Problem::new(Slug::NotFound, format!("there is no such picture of this candidate: its {benchmark} has none, or has not ended"));
    let (profile, own, held_out) = found.ok_or_else(nothing)?;
    let profile: Profile = read(&doors, &profile).await?;
    let own: Scored = read(&doors, &own).await?;
    let held_out: Option<Scored> = match &held_out {
        Some(file) => Some(read(&doors, file).await?),
        None => None,
    };
    let (column, column2) = (call.query.text("column"), call.query.text("column2"));
    let subject = Subject { profile: &profile, own: &own, held_out: held_out.as_ref(), column, column2 };
    let mut response = if media_type == SVG {
        tagged_bytes(&headers, SVG, subject.draw(name).ok_or_else(nothing)?.into_bytes())
    } else {
        tagged(&headers, subject.data(name).ok_or_else(nothing)?)
    };
    put(&mut response, header::VARY, "accept");
    Ok(response)
}

/// What cannot be a task is none.
fn task(candidate: &str, repeat: u32, benchmark: &str) -> Option<TaskId> {
    TaskId::parse(&format!("ben-{candidate}-r{repeat}-{benchmark}")).ok()
}

async fn read<T: DeserializeOwned>(doors: &Doors, file: &Output) -> Result<T> {
    let object = fetch(doors.store(), &Key::parse(&file.key)?, &file.sha256).await?;
    serde_json::from_slice(&object.bytes).map_err(|error| Error::internal("publish::form", format!("cannot read {}: {error}", file.role)))
}
