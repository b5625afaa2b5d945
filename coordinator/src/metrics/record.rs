//! What a fact counts for, when the replica that looks after its job sees it first.

use super::{GATE_FAILURES, JOB_DURATION, JOBS_FINISHED, LAST_SUCCESS, WINNER_PRIVACY, WINNER_QUALITY, WINNER_SELECTED};
use crate::job::{Fact, View};
use synthfleet_metrics::Book;
use synthfleet_proto::fact::{FinalFact, OutcomeStatus, SelectionFact};
use synthfleet_proto::job::JobState;
use synthfleet_proto::verdict::Verdict;

/// Counts a fact. `view`: the job with at least its spec; `now`: milliseconds since 1970.
pub fn fact(book: &Book, view: &View, fact: &Fact, now: i64) {
    match fact {
        Fact::Outcome(outcome) if outcome.fact.status == OutcomeStatus::Ok && outcome.fact.attempt > 0 => {
            book.set(LAST_SUCCESS, &[outcome.fact.task.kind().name()], now as f64 / 1e3);
        }
        Fact::Selection(selection) => judged(book, &selection.fact),
        Fact::Final(last) => {
            let outcome = outcome(&last.fact);
            book.add(JOBS_FINISHED, &[outcome], 1);
            if let Some(spec) = view.spec() {
                book.observe(JOB_DURATION, &[outcome], (now - spec.fact.submitted_at).max(0) as f64 / 1e3);
            }
        }
        _ => {}
    }
}

fn outcome(last: &FinalFact) -> &'static str {
    match (last.state, last.outcome.as_deref()) {
        (JobState::Failed, _) => "failed",
        (JobState::Cancelled, _) => "cancelled",
        (_, Some("no_release")) => "no_release",
        _ => "done",
    }
}

fn judged(book: &Book, selection: &SelectionFact) {
    let Ok(verdict) = serde_json::from_value::<Verdict>(selection.verdict.clone()) else { return };
    if let Some(winner) = verdict.winning_row() {
        book.add(WINNER_SELECTED, &[&winner.synthesizer], 1);
        if let Some(score) = winner.score {
            book.observe(WINNER_QUALITY, &[], score);
        }
        if let Some(risk) = winner.risk {
            book.observe(WINNER_PRIVACY, &[], risk);
        }
    }
    for row in verdict.ranking.iter().filter(|row| !row.baseline) {
        for gate in row.gates.iter().filter(|gate| !gate.passed) {
            book.add(GATE_FAILURES, &[&gate.name], 1);
        }
    }
}
