//! Tasks of a job, planned and as they stand.

use super::answer::{Answer, tagged};
use super::doors::Doors;
use super::guard::Call;
use super::problem::Problem;
use super::shape;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};
use std::sync::Arc;
use synthfleet_proto::fact::PlanFact;

/// `GET /v1/jobs/{job}/plan`
pub async fn plan(State(doors): State<Arc<Doors>>, Path(job): Path<String>, call: Call, headers: HeaderMap) -> Answer {
    let plans = doors
        .views
        .of(&call.job(&job)?, |view| (0..=2).filter_map(|number| Some(shown(&view.plan(number)?.fact))).collect::<Vec<_>>())
        .await?;
    let plans = plans.ok_or_else(Problem::not_found)?;
    Ok(tagged(&headers, &json!({ "plans": plans })))
}

/// The structure of a plan: groups of tasks that differ in a number only, and what was wished and is not done.
fn shown(plan: &PlanFact) -> Value {
    let groups = plan.groups.iter().map(|group| {
        json!({
            "group": group.group, "kind": group.kind.name(), "member": group.name, "candidate": group.candidate, "repeat": group.repeat,
            "tasks": group.count, "needs": group.needs, "rows": group.rows,
        })
    });
    let skipped = plan
        .skipped
        .iter()
        .map(|part| json!({ "candidate": part.candidate, "benchmark": part.benchmark, "code": part.reason.code, "why": part.reason.why }));
    json!({ "plan": plan.plan, "groups": groups.collect::<Value>(), "skipped": skipped.collect::<Value>() })
}

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
