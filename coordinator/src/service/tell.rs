//! What people are told while a job runs.

use super::Parts;
use super::care::Job;
use crate::intake::preset_notes;
use crate::job::{Fact, View};
use synthfleet_proto::envelope::{Body, Envelope, EventType};
use synthfleet_proto::event::{Event, Happening, TaskEvent, TaskState};
use synthfleet_proto::fact::{OutcomeFact, OutcomeStatus, PlanFact, SpecFact};
use synthfleet_proto::score::Score;
use synthfleet_proto::task::{TaskId, TaskName};
use tokio::sync::broadcast;

fn send(events: &broadcast::Sender<Event>, job: &str, at: i64, what: Happening) {
    // nobody listens: fine
    let _ = events.send(Event { job: job.to_owned(), at, what });
}

fn say(parts: &Parts, job: &Job, what: Happening) {
    send(&parts.events, job.keys.job(), parts.clock.now_ms() as i64, what);
}

/// Tells the state of a job if it is another than before.
pub fn state(parts: &Parts, job: &mut Job) {
    let now = job.view.state();
    // the end is told with its outcome, by its fact
    if job.state != Some(now) && !now.is_final() {
        job.state = Some(now);
        say(parts, job, Happening::State { state: now, outcome: None });
    }
}

/// Tells that a task waits for a worker.
pub fn queued(parts: &Parts, job: &Job, task: &TaskId) {
    say(parts, job, Happening::Task(task_event(task, TaskState::Queued)));
}

/// Tells what a new fact means.
pub fn fact(parts: &Parts, job: &Job, fact: &Fact) {
    if parts.events.receiver_count() == 0 {
        return;
    }
    for what in happenings(&job.view, fact) {
        say(parts, job, what);
    }
}

/// Tells what was known of a job before this process looked after it: the table, the plan, and every task that is
/// finished, as taken from an earlier run.
pub fn earlier(parts: &Parts, job: &Job, facts: &[Fact]) {
    let place = |fact: &Fact| match fact {
        Fact::Outcome(outcome) if outcome.fact.profile.is_some() => Some(0),
        Fact::Plan(plan) if plan.fact.plan == 1 => Some(1),
        Fact::Outcome(_) => Some(2),
        _ => None,
    };
    let mut known: Vec<(u8, &Fact)> = facts.iter().filter_map(|fact| Some((place(fact)?, fact))).collect();
    known.sort_by_key(|(place, _)| *place);
    for mut what in known.into_iter().flat_map(|(_, fact)| happenings(&job.view, fact)) {
        if let Happening::Task(task) = &mut what {
            task.from_cache = true;
        }
        say(parts, job, what);
    }
}

/// What a fact means to those who watch the job. `view`: the job with at least its spec.
pub fn happenings(view: &View, fact: &Fact) -> Vec<Happening> {
    let mut told = Vec::new();
    match fact {
        Fact::Plan(plan) if plan.fact.plan == 1 => {
            told.extend(view.spec().map(|spec| planned(&spec.fact, &plan.fact)));
            let notes = view.spec().map(|spec| preset_notes(&spec.fact.request)).unwrap_or_default();
            told.extend(notes.into_iter().map(|note| Happening::Note { code: note.code, text: note.text }));
            for part in &plan.fact.skipped {
                let name = part.candidate.as_deref().or(part.benchmark.as_deref()).unwrap_or_default();
                let text = format!("{name}: {}", part.reason.why);
                told.push(Happening::Note { code: part.reason.code.clone(), text });
            }
        }
        Fact::Outcome(outcome) => {
            told.extend(outcome.fact.profile.iter().map(|summary| Happening::Profile { summary: Box::new(summary.clone()) }));
            told.push(Happening::Task(ended(&outcome.fact)));
            if let TaskName::Benchmark { candidate, repeat, .. } = outcome.fact.task.name() {
                // folds are for the verdict; who watches has no use for them
                let bare = |score: &Score| Box::new(Score { folds: Vec::new(), ..score.clone() });
                let score = |score: &Score| Happening::Score { candidate: candidate.to_owned(), repeat, score: bare(score) };
                told.extend(outcome.fact.scores.iter().map(score));
            }
        }
        Fact::Selection(selection) => told.push(Happening::Verdict { verdict: selection.fact.verdict.clone() }),
        Fact::Published(published) => {
            let files = published.fact.files.iter().map(|file| file.path.clone()).collect();
            told.push(Happening::Published { files });
        }
        Fact::Final(last) => told.push(Happening::State { state: last.fact.state, outcome: last.fact.outcome.clone() }),
        _ => {}
    }
    told
}

fn planned(spec: &SpecFact, plan: &PlanFact) -> Happening {
    let fitted = spec.candidates.iter().filter(|candidate| !candidate.baseline);
    Happening::Planned {
        tasks: plan.groups.iter().map(|group| group.count).sum(),
        candidates: fitted.clone().count() as u32,
        repeats: fitted.map(|candidate| candidate.repeats).max().unwrap_or(0),
    }
}

fn ended(outcome: &OutcomeFact) -> TaskEvent {
    let state = match outcome.status {
        OutcomeStatus::Ok => TaskState::Done,
        OutcomeStatus::Failed => TaskState::Failed,
        OutcomeStatus::Skipped => TaskState::Skipped,
        OutcomeStatus::Cancelled => TaskState::Cancelled,
    };
    let seconds = (outcome.started_at > 0).then_some((outcome.ended_at - outcome.started_at) as f64 / 1e3);
    TaskEvent {
        attempt: outcome.attempt,
        worker: (!outcome.worker.is_empty()).then(|| outcome.worker.clone()),
        seconds,
        from_cache: outcome.from_cache,
        error: outcome.error.clone(),
        ..task_event(&outcome.task, state)
    }
}

/// A task in a state, without its attempt.
pub fn task_event(task: &TaskId, state: TaskState) -> TaskEvent {
    let (candidate, repeat, benchmark) = match task.name() {
        TaskName::Profile => (None, 0, None),
        TaskName::Synthesize { candidate, repeat } | TaskName::Generate { candidate, repeat, .. } => (Some(candidate), repeat, None),
        TaskName::Benchmark { candidate, repeat, benchmark } => (Some(candidate), repeat, Some(benchmark)),
    };
    TaskEvent {
        task: task.to_string(),
        kind: task.kind(),
        candidate: candidate.map(str::to_owned),
        repeat,
        benchmark: benchmark.map(str::to_owned),
        state,
        attempt: 0,
        worker: None,
        seconds: None,
        from_cache: false,
        error: None,
    }
}

/// Hands on what workers tell: starts, progress, measures.
pub fn forward(events: &broadcast::Sender<Event>, body: &[u8]) {
    if events.receiver_count() == 0 {
        return;
    }
    let Ok(envelope) = Envelope::decode(body) else { return };
    let (Body::Event(event), Some(job), Some(task)) = (envelope.body, envelope.job, envelope.task) else { return };
    let what = match event.kind {
        EventType::Progress => Happening::Progress {
            task,
            fraction: event.fraction.unwrap_or(0.0),
            phase: event.phase.unwrap_or_default(),
            eta_seconds: event.eta_seconds,
        },
        EventType::Measure => Happening::Measure {
            task,
            name: event.name.unwrap_or_default(),
            step: event.step.unwrap_or(0),
            value: event.value.unwrap_or(0.0),
        },
        EventType::Started => {
            let Ok(id) = TaskId::parse(&task) else { return };
            Happening::Task(TaskEvent { attempt: event.attempt.unwrap_or(0), worker: event.worker, ..task_event(&id, TaskState::Running) })
        }
        _ => return,
    };
    send(events, &job, envelope.at, what);
}
