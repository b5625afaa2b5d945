//! What a process remembers, so that it asks the store once: plans, outcomes of needed tasks, inputs. Bounded as
//! the real worker's are; decoded plans are shared by all processes of the simulation, which saves its memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use synthfleet_proto::Result;
use synthfleet_proto::fact::{self, Group, PlanFact};
use synthfleet_proto::task::TaskId;

/// Plans that a process remembers.
const PLANS_MAX: usize = 64;
/// Outcomes that a process remembers.
const OUTCOMES_MAX: usize = 256;
/// Inputs that a process keeps: as many tables of 20 MB as fit into 8 GiB.
const INPUTS_MAX: usize = 400;

/// A plan by task.
pub struct Planned {
    plan: PlanFact,
    groups: BTreeMap<TaskId, usize>,
}

impl Planned {
    fn of(plan: PlanFact) -> Self {
        let groups = plan.groups.iter().enumerate().flat_map(|(at, group)| group.tasks().into_iter().map(move |task| (task, at))).collect();
        Self { plan, groups }
    }

    /// The group of a task.
    pub fn group_of(&self, task: &TaskId) -> Option<&Group> {
        self.groups.get(task).and_then(|at| self.plan.groups.get(*at))
    }
}

/// Decoded plans of all processes, while any of them remembers one.
#[derive(Default)]
pub struct Plans(Mutex<BTreeMap<String, Weak<Planned>>>);

impl Plans {
    fn of(&self, sha256: &str, bytes: &[u8]) -> Result<Arc<Planned>> {
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = plans.get(sha256).and_then(Weak::upgrade) {
            return Ok(known);
        }
        plans.retain(|_, plan| plan.strong_count() > 0);
        let plan = Arc::new(Planned::of(fact::decode("plan", bytes)?));
        plans.insert(sha256.to_owned(), Arc::downgrade(&plan));
        Ok(plan)
    }
}

/// Names of which the oldest are forgotten.
#[derive(Default)]
struct Memory {
    known: BTreeSet<String>,
    order: VecDeque<String>,
}

impl Memory {
    /// Notes a name; says whether it is new.
    fn note(&mut self, name: &str, most: usize) -> bool {
        if !self.known.insert(name.to_owned()) {
            return false;
        }
        self.order.push_back(name.to_owned());
        if self.order.len() > most
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// What one process remembers.
pub struct Shelf {
    shared: Arc<Plans>,
    plans: BTreeMap<String, Arc<Planned>>,
    order: VecDeque<String>,
    specs: Memory,
    outcomes: Memory,
    inputs: Memory,
}

impl Shelf {
    /// Remembers nothing yet.
    pub fn new(shared: Arc<Plans>) -> Self {
        let (plans, order) = (BTreeMap::new(), VecDeque::new());
        Self { shared, plans, order, specs: Memory::default(), outcomes: Memory::default(), inputs: Memory::default() }
    }

    /// A plan that was read before.
    pub fn plan(&self, sha256: &str) -> Option<Arc<Planned>> {
        self.plans.get(sha256).cloned()
    }

    /// Whether the job's spec was read before; notes that it is now.
    pub fn knows_spec(&mut self, job: &str) -> bool {
        !self.specs.note(job, PLANS_MAX)
    }

    /// Keeps a plan that was read.
    pub fn keep_plan(&mut self, sha256: &str, bytes: &[u8]) -> Result<Arc<Planned>> {
        let plan = self.shared.of(sha256, bytes)?;
        self.plans.insert(sha256.to_owned(), Arc::clone(&plan));
        self.order.push_back(sha256.to_owned());
        if self.order.len() > PLANS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.plans.remove(&oldest);
        }
        Ok(plan)
    }

    /// Whether an outcome is to be read; notes that it is.
    pub fn wants_outcome(&mut self, key: &str) -> bool {
        self.outcomes.note(key, OUTCOMES_MAX)
    }

    /// Whether an input is to be read; notes that it is.
    pub fn wants_input(&mut self, key: &str) -> bool {
        self.inputs.note(key, INPUTS_MAX)
    }
}
