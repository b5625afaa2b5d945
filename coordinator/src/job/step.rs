//! What to do next: effects are returned, nothing is done.

use super::view::{Fact, Phase, View};
use crate::fleet::Fleet;
use crate::plan;
use std::collections::BTreeMap;
use synthfleet_proto::error::WireError;
use synthfleet_proto::fact::{self, Cancel, FinalFact, OutcomeFact, OutcomeStatus, PlanFact, SelectionFact};
use synthfleet_proto::job::JobState;
use synthfleet_proto::task::TaskId;
use synthfleet_proto::{Error, Result};

/// What a job is moved by.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// One more fact is known.
    Fact(Box<Fact>),
    /// Look again.
    Sweep,
    /// Time is over, or the user wants to see what is finished: open tasks end `skipped` with this code.
    CutOff(&'static str),
    /// A cancelled job waited long enough for its running tasks.
    CancelOverdue,
}

/// What is to be done, in order. Each is safe to repeat.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Create a fact.
    Create(Box<NewFact>),
    /// Tell workers to stop a task.
    StopTask(TaskId),
    /// Tell workers to stop all tasks of the job.
    StopJob,
    /// Render and publish the output, then create `published`.
    Publish,
    /// Copy the published files to the user's own place.
    Deliver,
    /// The job needs no more care.
    DropMarker,
}

/// A fact to be created.
#[derive(Debug, Clone, PartialEq)]
pub enum NewFact {
    /// A plan.
    Plan(PlanFact),
    /// The end of a task that no worker will run.
    Outcome(OutcomeFact),
    /// A task is to stop.
    CancelTask(TaskId, Cancel),
    /// The judgement.
    Selection(SelectionFact),
    /// The end.
    Final(FinalFact),
}

/// What a step decides with.
pub struct Rules<'a> {
    /// Who is there.
    pub fleet: &'a Fleet,
    /// Whether a member that no pool takes now may still find one: planning then waits.
    pub waits_for_pools: bool,
    /// What the copy to the user's own place came to; `None`: it has not been tried.
    pub delivered: Option<&'a std::result::Result<(), WireError>>,
    /// The judge: a pure function of the view.
    pub judge: &'a (dyn Fn(&View) -> Result<SelectionFact> + Sync),
}

/// Moves a job on by one event. Pure: the caller performs the effects, in order.
pub fn step(view: View, event: Event, rules: &Rules<'_>) -> (View, Vec<Effect>) {
    let (view, cut, overdue) = match event {
        Event::Fact(fact) => (view.with(*fact), None, false),
        Event::Sweep => (view, None, false),
        Event::CutOff(code) => (view, Some(code), false),
        Event::CancelOverdue => (view, None, true),
    };
    let effects = match view.phase() {
        Phase::Unknown | Phase::OnHold => Vec::new(),
        Phase::Queued => queued(&view),
        Phase::Profiling | Phase::Running => match cut {
            Some(code) => cut_off(&view, code),
            None => skip_hopeless(&view),
        },
        Phase::Planning => planning(&view, rules),
        Phase::Refused => vec![finish(&view, JobState::Failed, refusal(&view))],
        Phase::Judging => match (rules.judge)(&view) {
            Ok(selection) => vec![create(NewFact::Selection(selection))],
            Err(error) => vec![finish(&view, JobState::Failed, Some(error.to_wire()))],
        },
        Phase::Cancelling => cancelling(&view, overdue),
        Phase::Publishing => publishing(&view, rules.delivered),
        Phase::Ended => vec![Effect::DropMarker],
    };
    (view, effects)
}

fn create(fact: NewFact) -> Effect {
    Effect::Create(Box::new(fact))
}

fn queued(view: &View) -> Vec<Effect> {
    let Some(spec) = view.spec() else { return Vec::new() };
    vec![create(NewFact::Plan(plan::first(&spec.fact, &spec.sha256)))]
}

fn main_inputs(view: &View) -> Option<plan::MainInputs<'_>> {
    let (spec, (profile, outcome)) = (view.spec()?, view.profile()?);
    Some(plan::MainInputs { spec: &spec.fact, spec_sha256: &spec.sha256, profile, profile_sha256: &outcome.sha256 })
}

fn planning(view: &View, rules: &Rules<'_>) -> Vec<Effect> {
    match main_inputs(view) {
        Some(inputs) if rules.waits_for_pools && !plan::uncovered(inputs.spec, rules.fleet).is_empty() => Vec::new(),
        Some(inputs) => vec![create(NewFact::Plan(plan::main(inputs, rules.fleet)))],
        None => {
            let error = Error::internal("profile::empty", "the profile task ended without a profile");
            vec![finish(view, JobState::Failed, Some(error.to_wire()))]
        }
    }
}

fn refusal(view: &View) -> Option<WireError> {
    view.outcome(&TaskId::profile()).and_then(|profile| profile.fact.error.clone())
}

/// Open tasks whose needs did not end `ok` will never run: their rows say so.
fn skip_hopeless(view: &View) -> Vec<Effect> {
    let skip = |(task, need): (&TaskId, &TaskId)| {
        let error = Error::unsupported("task::needs", format!("{need} did not end well")).to_wire();
        create(NewFact::Outcome(OutcomeFact::not_run(task.clone(), OutcomeStatus::Skipped, error)))
    };
    view.hopeless().map(skip).collect()
}

/// Ends all open tasks: first the orders to stop, then the outcomes, so that no worker begins in between.
fn cut_off(view: &View, code: &'static str) -> Vec<Effect> {
    let why = match code {
        INTERRUPTED => "the run was interrupted",
        _ => "the job's time was over",
    };
    let stop = |task: &TaskId| {
        let cancel = Cancel { v: fact::VERSION, by: "coordinator".to_owned(), reason: code.to_owned() };
        create(NewFact::CancelTask(task.clone(), cancel))
    };
    let end = |task: &TaskId| {
        let error = Error::stopped(code, why).to_wire();
        create(NewFact::Outcome(OutcomeFact::not_run(task.clone(), OutcomeStatus::Skipped, error)))
    };
    let open = view.open_now();
    open.iter().map(stop).chain(open.iter().map(end)).chain(open.iter().cloned().map(Effect::StopTask)).collect()
}

/// Code of tasks that a deadline cut off.
pub const DEADLINE: &str = "task::deadline";
/// Code of tasks that an interrupted run left open.
pub const INTERRUPTED: &str = "task::interrupted";

/// Cancelled tasks nobody holds end at once; the job ends when all have, or when that took too long.
fn cancelling(view: &View, overdue: bool) -> Vec<Effect> {
    let mut effects = vec![Effect::StopJob];
    let mut open = false;
    for task in view.tasks().filter(|task| view.outcome(task).is_none()) {
        open = true;
        if view.attempts(task).any(|(_, attempt)| attempt.end.is_none()) && !overdue {
            continue;
        }
        let error = Error::stopped("task::cancelled", "the job was cancelled").to_wire();
        effects.push(create(NewFact::Outcome(OutcomeFact::not_run(task.clone(), OutcomeStatus::Cancelled, error))));
    }
    // the end counts every task, so it follows when all outcomes are known
    if !open {
        let reason = view.cancel().map(|cancel| cancel.reason.clone()).unwrap_or_default();
        effects.push(finish(view, JobState::Cancelled, Some(Error::stopped("job::cancelled", reason).to_wire())));
    }
    effects
}

fn publishing(view: &View, delivered: Option<&std::result::Result<(), WireError>>) -> Vec<Effect> {
    let Some(selection) = view.selection() else { return Vec::new() };
    if view.published().is_some() {
        let is_wished = view.spec().is_some_and(|spec| spec.fact.request.output.is_some());
        return match delivered {
            None if is_wished => vec![Effect::Deliver],
            Some(Err(error)) if is_wished => {
                vec![create(NewFact::Final(FinalFact { publish_failed: Some(error.clone()), ..end(view, JobState::Done, None) }))]
            }
            _ => vec![finish(view, JobState::Done, None)],
        };
    }
    let Some(winner) = &selection.fact.winner else { return vec![Effect::Publish] };
    if view.plan(2).is_none() {
        let plan = main_inputs(view).map(|inputs| plan::delivery(inputs, winner, &selection.sha256));
        return plan.map(|plan| create(NewFact::Plan(plan))).into_iter().collect();
    }
    if !view.open(2).is_empty() {
        return Vec::new();
    }
    let mut written = view.plan(2).into_iter().flat_map(|plan| plan.fact.groups.iter().flat_map(|group| group.tasks()));
    let lost = written.find_map(|task| view.outcome(&task).filter(|outcome| outcome.fact.status != OutcomeStatus::Ok).cloned());
    match lost {
        Some(lost) => vec![finish(view, JobState::Failed, lost.fact.error.clone())],
        None => vec![Effect::Publish],
    }
}

fn finish(view: &View, state: JobState, error: Option<WireError>) -> Effect {
    create(NewFact::Final(end(view, state, error)))
}

fn end(view: &View, state: JobState, error: Option<WireError>) -> FinalFact {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    let mut partial = false;
    for (_, outcome) in view.outcomes() {
        *counts.entry(outcome.fact.status.name().to_owned()).or_default() += 1;
        partial |= outcome.fact.error.as_ref().is_some_and(|error| error.code == DEADLINE || error.code == INTERRUPTED);
    }
    let winner = view.selection().and_then(|selection| selection.fact.winner.as_ref()).map(|winner| winner.candidate.clone());
    let outcome = if winner.is_some() { "winner" } else { "no_release" };
    FinalFact {
        v: fact::VERSION,
        state,
        outcome: (state == JobState::Done).then(|| outcome.to_owned()),
        winner,
        selection_sha256: view.selection().map(|selection| selection.sha256.clone()),
        published_sha256: view.published().map(|published| published.sha256.clone()),
        error,
        publish_failed: None,
        partial,
        counts,
    }
}
