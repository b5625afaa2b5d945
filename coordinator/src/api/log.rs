//! What is known of one task, line by line: its attempts, phases, files and end. Told by codes and numbers: no message of
//! a member is part of it, since one may hold what stands in a cell.

use super::answer::{Answer, tagged_bytes};
use super::doors::Doors;
use super::guard::Call;
use super::problem::Problem;
use crate::job::View;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use std::fmt::Write;
use std::sync::Arc;
use synthfleet_proto::calendar::rfc3339;
use synthfleet_proto::fact::{End, OutcomeFact};
use synthfleet_proto::task::TaskId;

/// `GET /v1/jobs/{job}/tasks/{task}/log`
pub async fn show(State(doors): State<Arc<Doors>>, Path((job, task)): Path<(String, String)>, call: Call, headers: HeaderMap) -> Answer {
    let (keys, id) = (call.job(&job)?, call.task(&task)?);
    let told = doors.views.of(&keys, |view| log(view, &id)).await?.flatten().ok_or_else(Problem::not_found)?;
    Ok(tagged_bytes(&headers, "text/plain; charset=utf-8", told.into_bytes()))
}

/// The lines of a planned task; `None`: there is no such task.
fn log(view: &View, id: &TaskId) -> Option<String> {
    let (plan, group) = view.group(id)?;
    let mut lines = Lines(String::new());
    lines.add(format_args!("planned {} {} in plan {}", group.kind.name(), group.name, plan.fact.plan));
    for need in &group.needs {
        lines.add(format_args!("needs {need}"));
    }
    if view.is_cancelled(id) {
        lines.add(format_args!("told to stop"));
    }
    for (number, attempt) in view.attempts(id) {
        match &attempt.claim {
            Some(claim) => lines.add(format_args!("attempt {number} taken by {}, member {}", claim.worker, claim.member_version)),
            None => lines.add(format_args!("attempt {number}")),
        }
        if let Some(checkpoint) = attempt.claim.as_ref().and_then(|claim| claim.resumed_from.as_ref()) {
            lines.add(format_args!("attempt {number} goes on from {}", checkpoint.rsplit('/').next().unwrap_or_default()));
        }
        if let Some(end) = &attempt.end {
            lines.ended(number, end);
        }
    }
    match view.outcome(id) {
        Some(outcome) => lines.outcome(&outcome.fact),
        None => lines.add(format_args!("no outcome yet")),
    }
    Some(lines.0)
}

struct Lines(String);

impl Lines {
    fn add(&mut self, line: std::fmt::Arguments<'_>) {
        // writing to a text cannot fail
        let _ = writeln!(self.0, "{line}");
    }

    fn ended(&mut self, number: u16, end: &End) {
        let code = end.error.as_ref().map_or("no error", |error| error.code.as_str());
        let counted = if end.counted { "counted" } else { "not counted" };
        self.add(format_args!(
            "attempt {number} ended without an outcome: {}, {code}, {counted}, next in {} s",
            end.cause.name(),
            end.delay_seconds
        ));
        if let Some(checkpoint) = &end.checkpoint {
            self.add(format_args!("attempt {number} left a state at step {} ({} bytes)", checkpoint.step, checkpoint.bytes));
        }
    }

    fn outcome(&mut self, outcome: &OutcomeFact) {
        if outcome.from_cache {
            self.add(format_args!("taken from an earlier job"));
        }
        if outcome.started_at > 0 {
            self.add(format_args!(
                "{} started by {} after {:.3} s of waiting",
                rfc3339(outcome.started_at),
                outcome.worker,
                outcome.wait_seconds
            ));
        }
        for (phase, seconds) in &outcome.phase_seconds {
            self.add(format_args!("phase {phase} {seconds:.3} s"));
        }
        for output in &outcome.outputs {
            let rows = output.rows.map(|rows| format!(", {rows} rows")).unwrap_or_default();
            self.add(format_args!("made {} ({} bytes{rows}) sha256 {}", output.role, output.bytes, output.sha256));
        }
        if !outcome.scores.is_empty() {
            let defined = outcome.scores.iter().filter(|score| score.value.is_some()).count();
            self.add(format_args!("scores {}, {defined} of them defined", outcome.scores.len()));
        }
        for finding in &outcome.findings {
            self.add(format_args!("note {}", finding.code));
        }
        if outcome.limited {
            self.add(format_args!("a limit of time or memory shaped the result"));
        }
        if outcome.started_at > 0 {
            self.add(format_args!("used {:.3} s of processor, at most {} bytes of memory", outcome.cpu_seconds, outcome.memory_peak_bytes));
        }
        let error = outcome.error.as_ref().map(|error| format!(" {}", error.code)).unwrap_or_default();
        let phase = outcome.phase.as_ref().map(|phase| format!(" in {phase}")).unwrap_or_default();
        let at = if outcome.ended_at > 0 { format!("{} ", rfc3339(outcome.ended_at)) } else { String::new() };
        self.add(format_args!("{at}ended {}{error}{phase}", outcome.status.name()));
    }
}
