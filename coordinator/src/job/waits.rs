//! Which open tasks can run and which never will: kept up with each outcome, so that no fact costs a walk over all
//! tasks of the job.

use std::collections::{BTreeMap, BTreeSet};
use synthfleet_proto::task::TaskId;

/// How a needed task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It ended well.
    Met,
    /// It ended otherwise.
    Lost,
    /// It has no outcome, or no plan names it.
    Open,
}

/// What the open tasks of a job wait for. Follows from plans and outcomes alone, in whatever order they came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Waits {
    /// Tasks by a task that they need.
    needed_by: BTreeMap<TaskId, Vec<TaskId>>,
    /// Open tasks that cannot run yet: how many needs are not met.
    missing: BTreeMap<TaskId, usize>,
    /// Open tasks that can run, by plan.
    ready: BTreeMap<u8, BTreeSet<TaskId>>,
    /// Open tasks that never will, by plan.
    hopeless: BTreeMap<u8, BTreeSet<TaskId>>,
    /// Needed tasks that ended well.
    met: usize,
}

impl Waits {
    /// Of all planned tasks: the task, its plan, whether it is open, and what it needs.
    pub fn of<'a>(tasks: impl Iterator<Item = (&'a TaskId, u8, bool, &'a [TaskId])>, stands: impl Fn(&TaskId) -> Need) -> Self {
        let mut waits = Self::default();
        for (task, plan, is_open, needs) in tasks {
            for need in needs {
                waits.needed_by.entry(need.clone()).or_default().push(task.clone());
            }
            if !is_open {
                continue;
            }
            match needs.iter().filter(|need| stands(need) != Need::Met).count() {
                0 => _ = waits.ready.entry(plan).or_default().insert(task.clone()),
                missing => _ = waits.missing.insert(task.clone(), missing),
            }
            if needs.iter().any(|need| stands(need) == Need::Lost) {
                waits.hopeless.entry(plan).or_default().insert(task.clone());
            }
        }
        waits.met = waits.needed_by.keys().filter(|need| stands(need) == Need::Met).count();
        waits
    }

    /// A planned task got its outcome. `plan_of` gives the plan of a task.
    pub fn ended(&mut self, task: &TaskId, is_well: bool, plan_of: impl Fn(&TaskId) -> Option<u8>) {
        self.missing.remove(task);
        for by_plan in [&mut self.ready, &mut self.hopeless] {
            by_plan.retain(|_, tasks| {
                tasks.remove(task);
                !tasks.is_empty()
            });
        }
        let Some(dependents) = self.needed_by.get(task) else { return };
        self.met += usize::from(is_well);
        for dependent in dependents {
            let Some(missing) = self.missing.get_mut(dependent) else { continue };
            let Some(plan) = plan_of(dependent) else { continue };
            if !is_well {
                self.hopeless.entry(plan).or_default().insert(dependent.clone());
                continue;
            }
            *missing -= 1;
            if *missing == 0 {
                self.missing.remove(dependent);
                self.ready.entry(plan).or_default().insert(dependent.clone());
            }
        }
    }

    /// Open tasks of a plan whose needs are met.
    pub fn ready(&self, plan: u8) -> impl Iterator<Item = &TaskId> {
        self.ready.get(&plan).into_iter().flatten()
    }

    /// Whether a task of a plan is open and its needs are met.
    pub fn is_ready(&self, plan: u8, task: &TaskId) -> bool {
        self.ready.get(&plan).is_some_and(|tasks| tasks.contains(task))
    }

    /// Open tasks of a plan with a need that is lost.
    pub fn hopeless(&self, plan: u8) -> impl Iterator<Item = &TaskId> {
        self.hopeless.get(&plan).into_iter().flatten()
    }

    /// Needed tasks that ended well: grows whenever a task can run that could not before.
    pub fn met(&self) -> usize {
        self.met
    }
}
