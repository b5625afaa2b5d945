//! Members that a job may name, as workers announce them.

use super::answer::{Answer, tagged};
use super::doors::Doors;
use super::guard::Call;
use super::problem::{Problem, Slug};
use crate::intake::{DEFAULT_BENCHMARKS, presets};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};
use std::sync::Arc;
use synthfleet_proto::about::MemberDoc;
use synthfleet_proto::later;

/// `GET /v1/synthesizers`
pub async fn synthesizers(State(doors): State<Arc<Doors>>, _: Call, headers: HeaderMap) -> Answer {
    let presets = presets()
        .iter()
        .map(|preset| json!({ "name": preset.name, "members": preset.members, "absent": preset.absent, "repeats": preset.repeats }));
    Ok(all(&headers, doors.members().synthesizers(), json!({ "presets": presets.collect::<Value>() })))
}

/// `GET /v1/synthesizers/{name}`
pub async fn synthesizer(State(doors): State<Arc<Doors>>, Path(name): Path<String>, _: Call, headers: HeaderMap) -> Answer {
    let members = doors.members();
    let member = members.synthesizer(&name).map_err(|_| absent(&name))?;
    Ok(tagged(&headers, &whole(member)))
}

/// A synthesizer that nobody has, with the reason if its name is known.
fn absent(name: &str) -> Problem {
    later::later(name).map_or_else(Problem::not_found, |later| Problem::new(Slug::NotFound, later.error().message()))
}

/// `GET /v1/benchmarks`
pub async fn benchmarks(State(doors): State<Arc<Doors>>, _: Call, headers: HeaderMap) -> Answer {
    Ok(all(&headers, doors.members().benchmarks(), json!({ "usual": DEFAULT_BENCHMARKS })))
}

/// `GET /v1/benchmarks/{name}`
pub async fn benchmark(State(doors): State<Arc<Doors>>, Path(name): Path<String>, _: Call, headers: HeaderMap) -> Answer {
    let members = doors.members();
    let member = members.benchmark(&name).map_err(|_| Problem::not_found())?;
    Ok(tagged(&headers, &whole(member)))
}

fn all(headers: &HeaderMap, members: &[MemberDoc], mut shown: Value) -> axum::response::Response {
    shown["items"] = members.iter().map(whole).collect();
    shown["next_cursor"] = Value::Null;
    tagged(headers, &shown)
}

fn whole(member: &MemberDoc) -> Value {
    serde_json::to_value(member).unwrap_or_default()
}
