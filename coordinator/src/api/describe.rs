//! The description of a job's table, as soon as it was read, in the forms that other tools read.

use super::answer::{Answer, tagged_bytes};
use super::doors::Doors;
use super::guard::Call;
use super::problem::{Problem, Slug};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use std::sync::Arc;
use synthfleet_proto::key::Key;
use synthfleet_proto::task::TaskId;
use synthfleet_store::fetch;

/// Forms with the files of the profile task that hold them. None says more than the job's disclosure allows.
const FORMS: [(&str, &str); 3] = [("profile", "profile.json"), ("sdv", "metadata.sdv.json"), ("sdgym2020", "metadata.sdgym2020.json")];

/// `GET /v1/jobs/{job}/metadata`
pub async fn metadata(State(doors): State<Arc<Doors>>, Path(job): Path<String>, call: Call, headers: HeaderMap) -> Answer {
    let wished = call.query.text("form").unwrap_or("profile");
    let names: Vec<&str> = FORMS.iter().map(|(form, _)| *form).collect();
    let unknown = || Problem::new(Slug::InvalidRequest, format!("form is one of {}", names.join(", ")));
    let (_, role) = FORMS.iter().find(|(form, _)| *form == wished).ok_or_else(unknown)?;
    let found = doors.views.of(&call.job(&job)?, |view| view.outcome(&TaskId::profile())?.fact.output(role).cloned()).await?;
    let output = found.ok_or_else(Problem::not_found)?.ok_or_else(|| Problem::new(Slug::Conflict, "the table is not described yet"))?;
    let object = fetch(doors.store(), &Key::parse(&output.key)?, &output.sha256).await?;
    Ok(tagged_bytes(&headers, "application/json", object.bytes.to_vec()))
}
