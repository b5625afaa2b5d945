//! What is known of a job.

use super::waits::{Need, Waits};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use synthfleet_proto::error::WireError;
use synthfleet_proto::fact::{
    Cancel, Claim, CopiedFact, EditFact, End, FinalFact, Group, OutcomeFact, OutcomeStatus, PlanFact, ProfileSummary, PublishedFact,
    SelectionFact, SpecFact,
};
use synthfleet_proto::job::JobState;
use synthfleet_proto::task::TaskId;

/// A fact with the SHA-256 of its bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Known<T> {
    /// The fact.
    pub fact: Arc<T>,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

impl<T> Known<T> {
    /// A fact and the SHA-256 of its bytes.
    pub fn new(fact: T, sha256: impl Into<String>) -> Self {
        Self { fact: Arc::new(fact), sha256: sha256.into() }
    }
}

/// Anything that can be known of a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// What was accepted.
    Spec(Known<SpecFact>),
    /// A plan.
    Plan(Known<PlanFact>),
    /// A held job may go on.
    Release,
    /// The end of a task.
    Outcome(Known<OutcomeFact>),
    /// Somebody took a task.
    Claim(TaskId, Claim),
    /// An attempt ended without an outcome.
    End(TaskId, u16, End),
    /// The job is to stop.
    Cancel(Cancel),
    /// A task is to stop.
    CancelTask(TaskId),
    /// The judgement.
    Selection(Known<SelectionFact>),
    /// The output.
    Published(Known<PublishedFact>),
    /// The end.
    Final(Known<FinalFact>),
    /// What people say of the job, by the number of the edit.
    Edit(u32, EditFact),
    /// The copy in the user's own place was made after all.
    Copied(CopiedFact),
}

/// Where a job stands. Users see the coarser [`JobState`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The spec has not been seen.
    Unknown,
    /// Accepted.
    Queued,
    /// The table is being read.
    Profiling,
    /// The table was read.
    Planning,
    /// The table was read and nobody released the job.
    OnHold,
    /// The table could not be read.
    Refused,
    /// Tasks of the main plan are open.
    Running,
    /// No task of the main plan is open.
    Judging,
    /// Told to stop before it was judged.
    Cancelling,
    /// Judged; the output is being made.
    Publishing,
    /// Over.
    Ended,
}

/// One attempt at a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Who took it; `None` while only its end has been seen.
    pub claim: Option<Box<Claim>>,
    /// How it ended without an outcome.
    pub end: Option<Box<End>>,
}

/// What is known of a job.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    spec: Option<Known<SpecFact>>,
    plans: BTreeMap<u8, Known<PlanFact>>,
    released: bool,
    /// Tasks of all plans: plan and place of the group.
    tasks: BTreeMap<TaskId, (u8, usize)>,
    /// Planned tasks without an outcome, by plan.
    open: BTreeMap<u8, BTreeSet<TaskId>>,
    outcomes: BTreeMap<TaskId, Known<OutcomeFact>>,
    /// Follows from plans and outcomes.
    waits: Waits,
    attempts: BTreeMap<(TaskId, u16), Attempt>,
    cancel: Option<Cancel>,
    cancelled: BTreeSet<TaskId>,
    selection: Option<Known<SelectionFact>>,
    published: Option<Known<PublishedFact>>,
    last: Option<Known<FinalFact>>,
    edit: Option<(u32, Arc<EditFact>)>,
    copied: Option<Arc<CopiedFact>>,
}

impl View {
    /// The view after one more fact. Knowing a fact twice changes nothing.
    #[must_use]
    pub fn with(mut self, fact: Fact) -> Self {
        match fact {
            Fact::Spec(spec) => self.spec = Some(spec),
            Fact::Plan(plan) => self.add_plan(plan),
            Fact::Release => self.released = true,
            Fact::Outcome(outcome) => {
                let task = outcome.fact.task.clone();
                self.open.values_mut().for_each(|open| {
                    open.remove(&task);
                });
                let is_well = outcome.fact.status == OutcomeStatus::Ok;
                let is_new = self.outcomes.insert(task.clone(), outcome).is_none();
                if is_new && self.tasks.contains_key(&task) {
                    self.waits.ended(&task, is_well, |other| self.tasks.get(other).map(|(plan, _)| *plan));
                }
            }
            Fact::Claim(task, claim) => {
                let number = claim.attempt;
                self.attempt(task, number).claim = Some(Box::new(claim));
            }
            Fact::End(task, attempt, end) => self.attempt(task, attempt).end = Some(Box::new(end)),
            Fact::Cancel(cancel) => self.cancel = Some(cancel),
            Fact::CancelTask(task) => {
                self.cancelled.insert(task);
            }
            Fact::Selection(selection) => self.selection = Some(selection),
            Fact::Published(published) => self.published = Some(published),
            Fact::Final(last) => self.last = Some(last),
            Fact::Copied(copied) => self.copied = Some(Arc::new(copied)),
            Fact::Edit(number, edit) => {
                if self.edits() < number {
                    self.edit = Some((number, Arc::new(edit)));
                }
            }
        }
        self
    }

    fn attempt(&mut self, task: TaskId, number: u16) -> &mut Attempt {
        self.attempts.entry((task, number)).or_insert(Attempt { claim: None, end: None })
    }

    fn add_plan(&mut self, plan: Known<PlanFact>) {
        let number = plan.fact.plan;
        let open = self.open.entry(number).or_default();
        for (place, group) in plan.fact.groups.iter().enumerate() {
            for task in group.tasks() {
                if !self.outcomes.contains_key(&task) {
                    open.insert(task.clone());
                }
                self.tasks.insert(task, (number, place));
            }
        }
        self.plans.insert(number, plan);
        let needs = |task: &TaskId| self.group(task).map_or(&[][..], |(_, group)| group.needs.as_slice());
        let tasks = self.tasks.iter().map(|(task, (plan, _))| (task, *plan, !self.outcomes.contains_key(task), needs(task)));
        self.waits = Waits::of(tasks, |need| match self.outcome(need) {
            None => Need::Open,
            Some(outcome) if outcome.fact.status == OutcomeStatus::Ok => Need::Met,
            Some(_) => Need::Lost,
        });
    }

    /// Where the job stands.
    pub fn phase(&self) -> Phase {
        if self.last.is_some() {
            return Phase::Ended;
        }
        if self.selection.is_some() {
            return Phase::Publishing;
        }
        if self.spec.is_none() {
            return Phase::Unknown;
        }
        if self.cancel.is_some() {
            return Phase::Cancelling;
        }
        if self.plans.contains_key(&1) {
            return if self.open(1).is_empty() { Phase::Judging } else { Phase::Running };
        }
        match (self.plans.contains_key(&0), self.outcome(&TaskId::profile())) {
            (false, _) => Phase::Queued,
            (true, None) => Phase::Profiling,
            (true, Some(profile)) if profile.fact.status != OutcomeStatus::Ok => Phase::Refused,
            (true, Some(_)) if self.is_held() => Phase::OnHold,
            (true, Some(_)) => Phase::Planning,
        }
    }

    fn is_held(&self) -> bool {
        !self.released && self.spec.as_ref().is_some_and(|spec| spec.fact.request.hold)
    }

    /// Where the job stands, as users see it.
    pub fn state(&self) -> JobState {
        match (&self.last, self.phase()) {
            (Some(last), _) => last.fact.state,
            (None, Phase::Unknown | Phase::Queued) => JobState::Queued,
            (None, Phase::OnHold) => JobState::OnHold,
            (None, _) => JobState::InProgress,
        }
    }

    /// The accepted job.
    pub fn spec(&self) -> Option<&Known<SpecFact>> {
        self.spec.as_ref()
    }

    /// A plan.
    pub fn plan(&self, number: u8) -> Option<&Known<PlanFact>> {
        self.plans.get(&number)
    }

    /// What the profile task found.
    pub fn profile(&self) -> Option<(&ProfileSummary, &Known<OutcomeFact>)> {
        let outcome = self.outcome(&TaskId::profile())?;
        Some((outcome.fact.profile.as_ref()?, outcome))
    }

    /// The end of a planned task. Outcomes of tasks that no plan names are not seen.
    pub fn outcome(&self, task: &TaskId) -> Option<&Known<OutcomeFact>> {
        self.outcomes.get(task).filter(|_| self.tasks.contains_key(task))
    }

    /// Ends of planned tasks in the order of their ids.
    pub fn outcomes(&self) -> impl Iterator<Item = (&TaskId, &Known<OutcomeFact>)> {
        self.outcomes.iter().filter(|(task, _)| self.tasks.contains_key(*task))
    }

    /// Outcomes of tasks that no plan names: counted, never used.
    pub fn strays(&self) -> usize {
        self.outcomes.keys().filter(|task| !self.tasks.contains_key(*task)).count()
    }

    /// The group of a planned task, with its plan.
    pub fn group(&self, task: &TaskId) -> Option<(&Known<PlanFact>, &Group)> {
        let (number, place) = self.tasks.get(task)?;
        let plan = self.plans.get(number)?;
        Some((plan, &plan.fact.groups[*place]))
    }

    /// All planned tasks in the order of their ids.
    pub fn tasks(&self) -> impl Iterator<Item = &TaskId> {
        self.tasks.keys()
    }

    /// Attempts at a task by number.
    pub fn attempts(&self, task: &TaskId) -> impl Iterator<Item = (u16, &Attempt)> {
        let all = (task.clone(), 0)..=(task.clone(), u16::MAX);
        self.attempts.range(all).map(|((_, number), attempt)| (*number, attempt))
    }

    /// Tasks of a plan without an outcome.
    pub fn open(&self, plan: u8) -> &BTreeSet<TaskId> {
        static NONE: BTreeSet<TaskId> = BTreeSet::new();
        self.open.get(&plan).unwrap_or(&NONE)
    }

    /// The plan whose tasks run in this phase.
    fn plan_now(&self) -> u8 {
        match self.phase() {
            Phase::Profiling => 0,
            Phase::Running => 1,
            Phase::Publishing => 2,
            _ => u8::MAX,
        }
    }

    /// Open tasks of the phase's plan.
    pub fn open_now(&self) -> &BTreeSet<TaskId> {
        self.open(self.plan_now())
    }

    /// Open tasks that can run now: everything they need ended `ok`, and nobody told them to stop.
    pub fn ready(&self) -> impl Iterator<Item = &TaskId> {
        self.waits.ready(self.plan_now()).filter(|task| !self.is_stopped(task))
    }

    /// Whether a task is open and can run now.
    pub fn is_ready(&self, task: &TaskId) -> bool {
        self.waits.is_ready(self.plan_now(), task) && !self.is_stopped(task)
    }

    /// Changes whenever a task can run that could not before.
    pub fn turn(&self) -> (Phase, usize, usize) {
        (self.phase(), self.plans.len(), self.waits.met())
    }

    /// Open tasks that can never run, with a task they need that did not end `ok`.
    pub fn hopeless(&self) -> impl Iterator<Item = (&TaskId, &TaskId)> {
        let with_need = |task| Some((task, self.needs(task).find(|need| self.is_lost(need))?));
        self.waits.hopeless(self.plan_now()).filter_map(with_need)
    }

    fn needs(&self, task: &TaskId) -> impl Iterator<Item = &TaskId> {
        self.group(task).into_iter().flat_map(|(_, group)| &group.needs)
    }

    fn is_lost(&self, task: &TaskId) -> bool {
        self.outcome(task).is_some_and(|outcome| outcome.fact.status != OutcomeStatus::Ok)
    }

    /// Whether this one task was told to stop.
    pub fn is_stopped(&self, task: &TaskId) -> bool {
        self.cancelled.contains(task)
    }

    /// Whether a task was told to stop, by itself or with its job.
    pub fn is_cancelled(&self, task: &TaskId) -> bool {
        self.cancel.is_some() || self.cancelled.contains(task)
    }

    /// The request to stop.
    pub fn cancel(&self) -> Option<&Cancel> {
        self.cancel.as_ref()
    }

    /// The judgement.
    pub fn selection(&self) -> Option<&Known<SelectionFact>> {
        self.selection.as_ref()
    }

    /// The output.
    pub fn published(&self) -> Option<&Known<PublishedFact>> {
        self.published.as_ref()
    }

    /// The end.
    pub fn last(&self) -> Option<&Known<FinalFact>> {
        self.last.as_ref()
    }

    /// That the copy in the user's own place was made after all.
    pub fn copied(&self) -> Option<&CopiedFact> {
        self.copied.as_deref()
    }

    /// Why the copy in the user's own place is missing, while it is.
    pub fn publish_failed(&self) -> Option<&WireError> {
        self.last().and_then(|last| last.fact.publish_failed.as_ref()).filter(|_| self.copied.is_none())
    }

    /// What people said of the job last, since it was asked for.
    pub fn edit(&self) -> Option<&EditFact> {
        self.edit.as_ref().map(|(_, edit)| edit.as_ref())
    }

    /// The number of that edit; 0: none.
    pub fn edits(&self) -> u32 {
        self.edit.as_ref().map_or(0, |(number, _)| *number)
    }
}
