//! What an operator reads of a job: when it was planned, judged and ended, and which of its tasks did not end well.
//! Names, numbers and codes; a message may hold what stands in a cell.

use super::care::Job;
use crate::job::Fact;
use synthfleet_proto::fact::{FinalFact, OutcomeFact, OutcomeStatus, PlanFact};

/// Writes what a new fact means. `now`: milliseconds since 1970.
pub fn fact(job: &Job, fact: &Fact, now: i64) {
    match fact {
        Fact::Plan(plan) => planned(job, &plan.fact),
        Fact::Outcome(outcome) => task_ended(job, &outcome.fact),
        Fact::Selection(selection) => {
            let winner = selection.fact.winner.as_ref().map(|winner| winner.candidate.as_str());
            tracing::info!(job = job.keys.job(), tenant = job.keys.tenant(), trace_id = job.trace().id(), winner, "job judged");
        }
        Fact::Published(published) => {
            let files = published.fact.files.len();
            tracing::info!(job = job.keys.job(), tenant = job.keys.tenant(), trace_id = job.trace().id(), files, "output made");
        }
        Fact::Final(last) => job_ended(job, &last.fact, now),
        _ => {}
    }
}

fn planned(job: &Job, plan: &PlanFact) {
    let tasks: u32 = plan.groups.iter().map(|group| group.count).sum();
    let (number, skipped) = (plan.plan, plan.skipped.len());
    tracing::info!(
        job = job.keys.job(),
        tenant = job.keys.tenant(),
        trace_id = job.trace().id(),
        plan = number,
        tasks,
        skipped,
        "job planned"
    );
}

/// What ends well is told by the worker that did it.
fn task_ended(job: &Job, outcome: &OutcomeFact) {
    if matches!(outcome.status, OutcomeStatus::Ok | OutcomeStatus::Skipped) {
        return;
    }
    tracing::info!(
        job = job.keys.job(),
        tenant = job.keys.tenant(),
        trace_id = job.trace().id(),
        task = outcome.task.as_str(),
        attempt = outcome.attempt,
        worker = outcome.worker,
        outcome = outcome.status.name(),
        code = outcome.error.as_ref().map(|error| error.code.as_str()),
        "a task did not end well"
    );
}

fn job_ended(job: &Job, last: &FinalFact, now: i64) {
    let seconds = job.view.spec().map(|spec| (now - spec.fact.submitted_at).max(0) as f64 / 1e3);
    tracing::info!(
        job = job.keys.job(),
        tenant = job.keys.tenant(),
        trace_id = job.trace().id(),
        state = last.state.name(),
        outcome = last.outcome,
        winner = last.winner,
        code = last.error.as_ref().map(|error| error.code.as_str()),
        seconds,
        "job ended"
    );
}
