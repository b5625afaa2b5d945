//! `results.json` of a judged job: every number, failed rows included. Pure; details are fetched before.

use crate::intake::preset_notes;
use crate::job::{Known, View};
use crate::judgement::{error_of, fit_phase, row_name};
use serde_json::Value;
use std::collections::BTreeMap;
use synthfleet_proto::fact::{Candidate, OutcomeFact, OutcomeStatus, SpecFact};
use synthfleet_proto::privacy::Privacy;
use synthfleet_proto::results::{
    CandidateResult, JobHead, ReferenceResult, RepeatError, RepeatResult, Results, SCHEMA, TableHead, TaskResult, Times,
};
use synthfleet_proto::task::TaskId;
use synthfleet_proto::verdict::Verdict;
use synthfleet_proto::{Error, Result, Seed};

/// Details of benchmarks by task.
pub type Details = BTreeMap<TaskId, Value>;

/// Assembles the results. `now` is milliseconds since 1970.
pub fn assemble(view: &View, mut details: Details, version: &str, bytes: u64, now: i64) -> Result<Results> {
    let missing = |what: &str| Error::internal("results::missing", format!("a judged job has no {what}"));
    let spec = view.spec().ok_or_else(|| missing("spec"))?;
    let selection = view.selection().ok_or_else(|| missing("selection"))?;
    let (profile, _) = view.profile().ok_or_else(|| missing("profile"))?;
    let verdict: Verdict =
        serde_json::from_value(selection.fact.verdict.clone()).map_err(|e| Error::internal("results::verdict", e.to_string()))?;
    let (fitted, baselines): (Vec<_>, Vec<_>) = spec.fact.candidates.iter().partition(|candidate| !candidate.baseline);
    let mut writer = Writer { view, spec: &spec.fact, details: &mut details };
    Ok(Results {
        schema: SCHEMA.to_owned(),
        job: JobHead {
            id: spec.fact.job.clone(),
            seed: spec.fact.request.seed.to_string(),
            preset: spec.fact.request.preset.clone(),
            notes: preset_notes(&spec.fact.request),
            version: version.to_owned(),
            task_seconds: spec.fact.request.budget.task_seconds,
            seconds: (now - spec.fact.submitted_at).max(0) as f64 / 1e3,
        },
        table: TableHead {
            name: profile.table.clone(),
            bytes,
            rows: profile.rows,
            columns: profile.columns,
            train_rows: profile.shape.train_rows,
            holdout_rows: profile.shape.holdout_rows,
            target: profile.target.clone(),
            problem_type: profile.problem_type,
        },
        verdict,
        candidates: fitted.into_iter().chain(baselines).map(|candidate| writer.candidate(candidate)).collect(),
        references: spec.fact.references.iter().map(|name| writer.reference(name)).collect(),
        tasks: view.tasks().map(|task| self::task(view, task)).collect(),
    })
}

struct Writer<'a> {
    view: &'a View,
    spec: &'a SpecFact,
    details: &'a mut Details,
}

impl Writer<'_> {
    fn candidate(&mut self, candidate: &Candidate) -> CandidateResult {
        let skipped = self.view.plan(1).and_then(|plan| {
            let part = plan.fact.skipped.iter().find(|part| part.candidate.as_deref() == Some(&candidate.name))?;
            Some(Error::unsupported("plan::skipped", format!("{}: {}", part.reason.code, part.reason.why)).to_wire())
        });
        let repeats = if skipped.is_some() { 0 } else { candidate.repeats };
        CandidateResult {
            name: candidate.name.clone(),
            synthesizer: candidate.synthesizer.clone(),
            options: candidate.options.clone(),
            baseline: candidate.baseline,
            real_rows: candidate.real_rows,
            repeats: (0..repeats).map(|number| self.repeat(&candidate.name, number)).collect(),
            skipped,
        }
    }

    fn repeat(&mut self, candidate: &str, number: u32) -> RepeatResult {
        let task = TaskId::synthesize(candidate, number);
        let mut result = RepeatResult {
            repeat: number,
            seed: Seed::of_task(self.spec.request.seed, task.as_str()).task_seed().to_string(),
            ..RepeatResult::default()
        };
        let Some(Known { fact: fitted, .. }) = self.view.outcome(&task) else { return result };
        let seconds_of = |phase: &str| fitted.phase_seconds.iter().find(|(name, _)| name == phase).map(|(_, seconds)| *seconds);
        result.rows = fitted.output("sample.parquet").and_then(|sample| sample.rows);
        result.findings.clone_from(&fitted.findings);
        result.times = Times { fit_seconds: seconds_of("fit"), sample_seconds: seconds_of("sample"), ..Times::default() };
        result.peak_rss_bytes = (fitted.memory_peak_bytes > 0).then_some(fitted.memory_peak_bytes);
        result.model_bytes = fitted.output("model.bin").map(|model| model.bytes);
        result.attempts = u32::from(fitted.attempt);
        if let Some(privacy) = &fitted.privacy {
            (result.epsilon, result.delta) = (Some(privacy.epsilon), Some(privacy.delta));
            result.privacy = Some(Privacy::clone(privacy));
        }
        result.from_cache = fitted.from_cache;
        result.limited = fitted.limited;
        if fitted.status != OutcomeStatus::Ok {
            result.error = Some(repeat_error(fitted, fit_phase(fitted).to_owned()));
            return result;
        }
        self.scores(candidate, number, &mut result);
        result
    }

    fn reference(&mut self, name: &str) -> ReferenceResult {
        let holdout = (name == "holdout").then(|| self.view.profile().map(|(profile, _)| profile.shape.holdout_rows)).flatten();
        let mut result = RepeatResult { rows: holdout, ..RepeatResult::default() };
        self.scores(row_name(name), 0, &mut result);
        ReferenceResult { name: name.to_owned(), result }
    }

    fn scores(&mut self, candidate: &str, number: u32, result: &mut RepeatResult) {
        for benchmark in &self.spec.benchmarks {
            let task = TaskId::benchmark(candidate, number, &benchmark.name);
            let Some(Known { fact, .. }) = self.view.outcome(&task) else { continue };
            let seconds: f64 = fact.phase_seconds.iter().map(|(_, seconds)| seconds).sum();
            result.times.benchmark_seconds.insert(benchmark.name.clone(), seconds);
            result.scores.extend(fact.scores.iter().cloned());
            result.findings.extend(fact.findings.iter().cloned());
            if let Some(details) = self.details.remove(&task) {
                result.details.insert(benchmark.name.clone(), details);
            }
            if fact.status != OutcomeStatus::Ok && result.error.is_none() {
                result.error = Some(repeat_error(fact, format!("benchmark:{}", benchmark.name)));
            }
        }
    }
}

fn repeat_error(outcome: &std::sync::Arc<OutcomeFact>, phase: String) -> RepeatError {
    let error = error_of(outcome);
    RepeatError {
        phase,
        seconds: (outcome.ended_at - outcome.started_at).max(0) as f64 / 1e3,
        timed_out: error.code == "task::timeout",
        error,
    }
}

fn task(view: &View, task: &TaskId) -> TaskResult {
    let kind = task.kind().name().to_owned();
    let Some(Known { fact, .. }) = view.outcome(task) else {
        return TaskResult { id: task.to_string(), kind, status: "open".to_owned(), ..TaskResult::default() };
    };
    let ran = fact.started_at > 0;
    TaskResult {
        id: task.to_string(),
        kind,
        status: fact.status.name().to_owned(),
        worker: fact.worker.clone(),
        queued: ran.then_some(fact.started_at - (fact.wait_seconds * 1e3) as i64),
        started: ran.then_some(fact.started_at),
        ended: ran.then_some(fact.ended_at),
        attempts: u32::from(fact.attempt),
    }
}
