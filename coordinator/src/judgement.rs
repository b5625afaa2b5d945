//! From what is known of a job to what the judge sees, and from its verdict to the fact `selection`.

use crate::job::{Known, View};
use crate::{Catalogue, verdict};
use std::sync::Arc;
use synthfleet_proto::about::{CostClass, MemberDoc, Reason};
use synthfleet_proto::error::WireError;
use synthfleet_proto::fact::{self, Candidate, OutcomeFact, OutcomeStatus, PlanFact, SelectionFact, SpecFact, Winner};
use synthfleet_proto::score::{Goal, Score};
use synthfleet_proto::task::{FLIP10, HOLDOUT, TaskId};
use synthfleet_proto::verdict::{Failure, Verdict};
use synthfleet_proto::{Error, Result};
use verdict::{Input, ReferenceRow, Repeat, Row};

/// Judges a job all of whose tasks have ended. Pure.
pub fn judge(view: &View, catalogue: &Catalogue) -> Result<SelectionFact> {
    let (Some(spec), Some(plan)) = (view.spec(), view.plan(1)) else {
        return Err(Error::internal("verdict::no_plan", "a job without a plan cannot be judged"));
    };
    let verdict = verdict::judge(&input(view, &spec.fact, &plan.fact, catalogue))?;
    let winner = verdict.winner.clone().map(|candidate| Winner { candidate, repeat: verdict.delivered_repeat.unwrap_or(0) });
    Ok(SelectionFact {
        v: fact::VERSION,
        plan_sha256: plan.sha256.clone(),
        outcomes: view.outcomes().map(|(task, outcome)| (task.to_string(), outcome.sha256.clone())).collect(),
        rule_version: verdict.rule_version.clone(),
        winner,
        verdict: to_value(&verdict)?,
    })
}

fn to_value(verdict: &Verdict) -> Result<serde_json::Value> {
    serde_json::to_value(verdict).map_err(|e| Error::internal("verdict::form", e.to_string()))
}

/// What the judge sees.
fn input(view: &View, spec: &SpecFact, plan: &PlanFact, catalogue: &Catalogue) -> Input {
    let scorer = Scorer { view, spec, plan, catalogue };
    Input {
        seed: spec.request.seed,
        gate: spec.request.gate.clone(),
        weights: spec.request.weights.clone(),
        benchmarks: spec.benchmarks.iter().map(|benchmark| benchmark.name.clone()).collect(),
        candidates: spec.candidates.iter().map(|candidate| scorer.row(candidate)).collect(),
        references: spec.references.iter().map(|name| scorer.reference(name)).collect(),
        partial: view.outcomes().any(|(_, outcome)| is_cut_off(&outcome.fact)),
    }
}

/// Whether a task was ended by deadline or interruption.
pub fn is_cut_off(outcome: &OutcomeFact) -> bool {
    outcome.error.as_ref().is_some_and(|error| error.code == crate::job::DEADLINE || error.code == crate::job::INTERRUPTED)
}

/// The candidate name under which the tasks of a reference row run.
pub fn row_name(reference: &str) -> &'static str {
    if reference == "flip10" { FLIP10 } else { HOLDOUT }
}

struct Scorer<'a> {
    view: &'a View,
    spec: &'a SpecFact,
    plan: &'a PlanFact,
    catalogue: &'a Catalogue,
}

impl Scorer<'_> {
    fn row(&self, candidate: &Candidate) -> Row {
        let skipped = self.plan.skipped.iter().find(|part| part.candidate.as_deref() == Some(&candidate.name));
        let skipped = skipped.map(|part| Failure {
            repeat: None,
            phase: "plan".to_owned(),
            code: part.reason.code.clone(),
            reason: part.reason.why.clone(),
        });
        let repeats = if skipped.is_some() { 0 } else { candidate.repeats };
        Row {
            candidate: candidate.name.clone(),
            synthesizer: candidate.synthesizer.clone(),
            cost: self.catalogue.synthesizer(&candidate.synthesizer).map_or(CostClass::Light, |member| member.cost),
            baseline: candidate.baseline,
            real_rows: candidate.real_rows,
            planned: candidate.repeats,
            repeats: (0..repeats).map(|number| self.repeat(candidate, number)).collect(),
            skipped,
        }
    }

    fn repeat(&self, candidate: &Candidate, number: u32) -> Repeat {
        let task = TaskId::synthesize(&candidate.name, number);
        let sampled = match self.view.outcome(&task) {
            Some(outcome) if outcome.fact.status == OutcomeStatus::Ok => true,
            outcome => {
                let failures = vec![failure(outcome, Some(number), |outcome| fit_phase(outcome).to_owned())];
                return Repeat { number, sampled: false, scores: Vec::new(), failures };
            }
        };
        let (scores, failures) = self.scores(&candidate.name, number, Some(number));
        Repeat { number, sampled, scores, failures }
    }

    fn reference(&self, name: &str) -> ReferenceRow {
        let (scores, failures) = self.scores(row_name(name), 0, None);
        ReferenceRow { name: name.to_owned(), scores, failures }
    }

    /// Scores of one row; those of a benchmark that cannot take the table are undefined with its reason.
    fn scores(&self, candidate: &str, repeat: u32, told: Option<u32>) -> (Vec<Score>, Vec<Failure>) {
        let (mut scores, mut failures) = (Vec::new(), Vec::new());
        for benchmark in self.spec.benchmarks.iter().map(|benchmark| benchmark.name.as_str()) {
            let skipped = self.plan.skipped.iter().find(|part| part.benchmark.as_deref() == Some(benchmark));
            if let Some(part) = skipped {
                let member = self.catalogue.benchmark(benchmark);
                scores.extend(member.into_iter().flat_map(|member| undefined(member, &part.reason)));
                continue;
            }
            match self.view.outcome(&TaskId::benchmark(candidate, repeat, benchmark)) {
                Some(outcome) if outcome.fact.status == OutcomeStatus::Ok => scores.extend(outcome.fact.scores.iter().cloned()),
                outcome => failures.push(failure(outcome, told, |_| format!("benchmark:{benchmark}"))),
            }
        }
        (scores, failures)
    }
}

/// The phase in which a synthesize task failed.
pub fn fit_phase(outcome: &OutcomeFact) -> &'static str {
    match outcome.phase.as_deref() {
        Some("sample") => "sample",
        Some("write") => "check",
        _ => "fit",
    }
}

fn failure(outcome: Option<&Known<OutcomeFact>>, repeat: Option<u32>, phase: impl FnOnce(&OutcomeFact) -> String) -> Failure {
    let Some(Known { fact, .. }) = outcome else {
        let reason = "the task has no outcome".to_owned();
        return Failure { repeat, phase: "plan".to_owned(), code: "task::lost".to_owned(), reason };
    };
    let error = error_of(fact);
    Failure { repeat, phase: phase(fact), code: error.code, reason: error.message }
}

/// The error of an outcome that is not `ok`.
pub fn error_of(outcome: &Arc<OutcomeFact>) -> WireError {
    let unknown = || Error::internal("task::no_error", format!("the task ended {}", outcome.status.name())).to_wire();
    outcome.error.clone().unwrap_or_else(unknown)
}

fn undefined(member: &MemberDoc, reason: &Reason) -> Vec<Score> {
    let score = |doc: &synthfleet_proto::about::ScoreDoc| Score {
        name: doc.id.clone(),
        value: None,
        low: None,
        high: None,
        error: None,
        bound_low: None,
        bound_high: None,
        folds: Vec::new(),
        goal: if doc.up { Goal::Up } else { Goal::Down },
        range: doc.range,
        fair: doc.fair,
        unit: doc.unit.clone(),
        used: None,
        total: None,
        profile: None,
        limited: None,
        undefined: Some(reason.code.clone()),
        why: Some(reason.why.clone()),
    };
    member.scores.iter().map(score).collect()
}
