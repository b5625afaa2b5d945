//! Candidates of a job, and what was measured of one: its options, and per repeat scores, times and what the pictures do not tell.

use super::answer::{Answer, tagged};
use super::doors::Doors;
use super::files::published;
use super::guard::Call;
use super::problem::Problem;
use super::shape;
use crate::job::View;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};
use std::sync::Arc;
use synthfleet_proto::fact::Candidate;
use synthfleet_proto::key::Key;
use synthfleet_proto::results::{CandidateResult, RepeatResult, Results};
use synthfleet_proto::task::TaskId;
use synthfleet_proto::{Error, Result};
use synthfleet_store::fetch;

/// Details that only pictures are made of; [`super::plots`] gives those one by one.
const DRAWN: [(&str, &str); 5] =
    [("pair_trends", "joints"), ("pair_trends", "matrix"), ("detection", "projection"), ("distances", "plot"), ("membership", "plot")];

/// `GET /v1/jobs/{job}/candidates`
pub async fn list(State(doors): State<Arc<Doors>>, Path(job): Path<String>, call: Call, headers: HeaderMap) -> Answer {
    let items = doors
        .views
        .of(&call.job(&job)?, |view| view.spec().map(|spec| spec.fact.candidates.iter().map(|one| listed(view, one)).collect::<Vec<_>>()))
        .await?;
    let items = items.flatten().ok_or_else(Problem::not_found)?;
    Ok(tagged(&headers, &json!({ "items": items, "next_cursor": null })))
}

fn listed(view: &View, candidate: &Candidate) -> Value {
    let states: Vec<_> = (0..candidate.repeats).map(|repeat| shape::state(view, &TaskId::synthesize(&candidate.name, repeat))).collect();
    json!({
        "name": candidate.name, "synthesizer": candidate.synthesizer, "options": candidate.options, "repeats": candidate.repeats,
        "baseline": candidate.baseline, "real_rows": candidate.real_rows, "private": candidate.private, "states": states,
    })
}

/// `GET /v1/jobs/{job}/candidates/{candidate}`; `ref_<name>` is a reference row.
pub async fn show(
    State(doors): State<Arc<Doors>>,
    Path((job, candidate)): Path<(String, String)>,
    call: Call,
    headers: HeaderMap,
) -> Answer {
    let files = published(&doors, &call.job(&job)?).await?;
    let file = files.files.iter().find(|file| file.path == "results.json").ok_or_else(Problem::not_found)?;
    let object = fetch(doors.store(), &Key::parse(&file.key)?, &file.sha256).await?;
    // megabytes of JSON
    let found = tokio::task::spawn_blocking(move || find(&object.bytes, &candidate)).await;
    let found = found.map_err(|error| Error::internal("report::panic", error.to_string()))??;
    Ok(tagged(&headers, &found.ok_or_else(Problem::not_found)?))
}

fn find(bytes: &[u8], name: &str) -> Result<Option<Value>> {
    let broken = |error: serde_json::Error| Error::internal("publish::form", format!("cannot read results.json: {error}"));
    let results: Results = serde_json::from_slice(bytes).map_err(broken)?;
    let found = match name.strip_prefix("ref_") {
        Some(row) => results.references.into_iter().find(|reference| reference.name == row).map(|reference| CandidateResult {
            name: name.to_owned(),
            repeats: vec![reference.result],
            ..CandidateResult::default()
        }),
        None => results.candidates.into_iter().find(|candidate| candidate.name == name),
    };
    found
        .map(|mut candidate| {
            candidate.repeats.iter_mut().for_each(shorten);
            serde_json::to_value(candidate).map_err(broken)
        })
        .transpose()
}

/// Leaves out what is long and of use to no reader.
fn shorten(repeat: &mut RepeatResult) {
    for score in &mut repeat.scores {
        score.folds.clear();
    }
    for (benchmark, field) in DRAWN {
        if let Some(fields) = repeat.details.get_mut(benchmark).and_then(Value::as_object_mut) {
            fields.remove(field);
        }
    }
    let columns = repeat.details.get_mut("column_shapes").and_then(|details| details.get_mut("columns")?.as_array_mut());
    for column in columns.into_iter().flatten().filter_map(Value::as_object_mut) {
        column.remove("plot");
        column.remove("distribution");
    }
}
