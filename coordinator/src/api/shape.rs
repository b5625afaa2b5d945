//! Jobs and tasks as answers show them.

use super::problem;
use crate::job::View;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use synthfleet_proto::calendar::rfc3339;
use synthfleet_proto::fact::{FinalFact, OutcomeFact, OutcomeStatus, SpecFact};
use synthfleet_proto::job::JobState;
use synthfleet_proto::task::{TaskId, TaskName};

/// A whole job.
pub fn job(view: &View) -> Value {
    let Some(spec) = view.spec().map(|spec| &spec.fact) else { return Value::Null };
    let last = view.last().map(|last| last.fact.as_ref());
    let counts = counts(view);
    let (ended, planned) = (view.outcomes().count(), view.tasks().count());
    let progress = if last.is_some() { 1.0 } else { ended as f64 / (planned.max(1) as f64) };
    let ran = |time: fn(&OutcomeFact) -> i64| view.outcomes().map(move |(_, outcome)| time(&outcome.fact)).filter(|at| *at > 0);
    let started = ran(|outcome| outcome.started_at).min();
    let ended = last.and_then(|_| ran(|outcome| outcome.ended_at).max());
    json!({
        "id": spec.job,
        "state": view.state().name(),
        "outcome": last.and_then(|last| last.outcome.clone()),
        "partial": last.is_some_and(|last| last.partial),
        "table": table(view, spec),
        "spec": request(view, spec),
        "door": spec.door,
        "created": rfc3339(spec.submitted_at),
        "started": started.map(rfc3339),
        "ended": ended.map(rfc3339),
        "counts": counts,
        "progress": progress,
        "verdict": verdict(view, last),
        "problem": last.and_then(|last| last.error.as_ref()).map(problem::of_job),
        "publish_failed": view.publish_failed().map(problem::of_job),
        "links": links(&spec.job),
    })
}

/// A job in a list.
pub fn summary(spec: &SpecFact, state: JobState, last: Option<&FinalFact>) -> Value {
    json!({
        "id": spec.job,
        "state": state.name(),
        "outcome": last.and_then(|last| last.outcome.clone()),
        "winner": last.and_then(|last| last.winner.clone()),
        "publish_failed": last.and_then(|last| last.publish_failed.as_ref()).map(problem::of_job),
        "table": spec.request.table,
        "source": spec.request.source.uri.split('?').next(),
        "created": rfc3339(spec.submitted_at),
        "labels": spec.request.labels,
        "summary": spec.request.summary,
        "links": { "self": format!("/v1/jobs/{}", spec.job) },
    })
}

/// Where everything about a job is.
pub fn links(job: &str) -> Value {
    let below = |part: &str| format!("/v1/jobs/{job}{part}");
    json!({
        "self": below(""), "events": below("/events"), "tasks": below("/tasks"), "verdict": below("/verdict"),
        "results": below("/results"), "files": below("/files"), "cancel": below("/cancel"),
    })
}

/// What was asked for, without what may hold a secret.
fn request(view: &View, spec: &SpecFact) -> Value {
    let mut request = spec.request.clone();
    request.callback_url = None;
    if let Some(edit) = view.edit() {
        (request.labels, request.summary) = (edit.labels.clone(), edit.summary.clone());
    }
    serde_json::to_value(request).unwrap_or_default()
}

fn table(view: &View, spec: &SpecFact) -> Value {
    match view.profile() {
        Some((profile, _)) => {
            json!({ "name": profile.table, "rows": profile.rows, "columns": profile.columns, "target": profile.target, "sha256": spec.source_sha256 })
        }
        None => json!({ "name": spec.request.table, "sha256": spec.source_sha256 }),
    }
}

fn verdict(view: &View, last: Option<&FinalFact>) -> Value {
    let Some(selection) = view.selection() else { return Value::Null };
    let winner = selection.fact.winner.as_ref();
    json!({
        "outcome": last.and_then(|last| last.outcome.clone()).unwrap_or_else(|| if winner.is_some() { "winner" } else { "no_release" }.to_owned()),
        "winner": winner.map(|winner| winner.candidate.clone()),
        "repeat": winner.map(|winner| winner.repeat),
        "rule_version": selection.fact.rule_version,
    })
}

fn counts(view: &View) -> BTreeMap<&'static str, u32> {
    let mut counts: BTreeMap<&str, u32> = ["planned", "running", "done", "failed", "skipped", "cancelled"].map(|state| (state, 0)).into();
    for task in view.tasks() {
        *counts.entry(state(view, task)).or_default() += 1;
    }
    counts
}

/// Where a task stands.
pub fn state(view: &View, task: &TaskId) -> &'static str {
    if let Some(outcome) = view.outcome(task) {
        return match outcome.fact.status {
            OutcomeStatus::Ok => "done",
            OutcomeStatus::Failed => "failed",
            OutcomeStatus::Skipped => "skipped",
            OutcomeStatus::Cancelled => "cancelled",
        };
    }
    let running = view.attempts(task).any(|(_, attempt)| attempt.claim.is_some() && attempt.end.is_none());
    if running { "running" } else { "planned" }
}

/// A task in a list.
pub fn task(view: &View, task: &TaskId) -> Value {
    let (candidate, repeat, benchmark) = match task.name() {
        TaskName::Profile => (None, None, None),
        TaskName::Synthesize { candidate, repeat } | TaskName::Generate { candidate, repeat, .. } => (Some(candidate), Some(repeat), None),
        TaskName::Benchmark { candidate, repeat, benchmark } => (Some(candidate), Some(repeat), Some(benchmark)),
    };
    let outcome = view.outcome(task).map(|outcome| outcome.fact.as_ref());
    let ran = outcome.filter(|outcome| outcome.started_at > 0);
    let attempts = view.attempts(task).map(|(number, _)| number).max().unwrap_or(0);
    json!({
        "id": task.as_str(),
        "kind": task.kind().name(),
        "candidate": candidate,
        "repeat": repeat,
        "benchmark": benchmark,
        "state": state(view, task),
        "attempts": outcome.map_or(attempts, |outcome| outcome.attempt.max(attempts)),
        "from_cache": outcome.is_some_and(|outcome| outcome.from_cache),
        "limited": outcome.is_some_and(|outcome| outcome.limited),
        "started": ran.map(|outcome| rfc3339(outcome.started_at)),
        "ended": ran.map(|outcome| rfc3339(outcome.ended_at)),
        "problem": outcome.and_then(|outcome| outcome.error.as_ref()).map(problem::of_job),
    })
}

/// One task whole.
pub fn task_whole(view: &View, id: &TaskId) -> Value {
    let mut shown = task(view, id);
    let needs = view.group(id).map(|(_, group)| group.needs.clone()).unwrap_or_default();
    let attempts: Vec<Value> = view
        .attempts(id)
        .map(|(number, attempt)| {
            json!({
                "attempt": number,
                "worker": attempt.claim.as_ref().map(|claim| claim.worker.clone()),
                "ended": attempt.end.as_ref().map(|end| end.cause.name()),
                "counted": attempt.end.as_ref().map(|end| end.counted),
                "problem": attempt.end.as_ref().and_then(|end| end.error.as_ref()).map(problem::of_job),
            })
        })
        .collect();
    shown["needs"] = json!(needs);
    shown["history"] = json!(attempts);
    if let Some(outcome) = view.outcome(id) {
        let outcome = &outcome.fact;
        let outputs = outcome.outputs.iter().map(|output| json!({ "role": output.role, "bytes": output.bytes, "rows": output.rows }));
        shown["worker"] = json!(outcome.worker);
        shown["member"] = json!(outcome.member);
        shown["wait_seconds"] = json!(outcome.wait_seconds);
        shown["cpu_seconds"] = json!(outcome.cpu_seconds);
        shown["memory_peak_bytes"] = json!(outcome.memory_peak_bytes);
        shown["phase_seconds"] = json!(outcome.phase_seconds);
        shown["scores"] = json!(outcome.scores);
        shown["outputs"] = outputs.collect();
    }
    shown
}
