//! Which tasks a job has: pure functions of the spec, the profile and the members there are.

use crate::fleet::Fleet;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use synthfleet_proto::about::{CostClass, MemberDoc, Reason};
use synthfleet_proto::fact::{self, Candidate, Group, PlanFact, PlanInputs, PlannedMember, ProfileSummary, SkippedPart, SpecFact, Winner};
use synthfleet_proto::job::{Rows, RowsName};
use synthfleet_proto::task::{FLIP10, HOLDOUT, PREPARE, TaskId, TaskKind};
use synthfleet_proto::{Error, Result};

/// Most tasks of a job besides generate shards.
pub const TASKS_MAX: u64 = 50_000;
/// Rows that models draw at once; no block is drawn by two tasks.
const SAMPLE_BLOCK_ROWS: u64 = 4_096;
/// Most rows of one part of a delivered table.
const SHARD_ROWS: u64 = 1_000_000;
/// Most bytes of its cells in memory.
const SHARD_BYTES: u64 = 256 << 20;
/// Bytes of a cell in memory, about.
const CELL_BYTES: u64 = 16;
/// Most parts.
const SHARDS_MAX: u64 = 1_000_000;

/// Fields of a job that say what the table is: all that a profile task is told.
const READING: [&str; 10] = [
    "source",
    "metadata",
    "metadata_check",
    "table",
    "target",
    "problem_type",
    "holdout",
    "split_strategy",
    "holdout_source",
    "disclosure",
];

/// Refuses a job whose plan would be too large, with the count.
pub fn check_size(spec: &SpecFact) -> Result<()> {
    let fits: u64 = spec.candidates.iter().map(|candidate| u64::from(candidate.repeats)).sum();
    let rows = fits + spec.references.len() as u64 + 1;
    let tasks = fits + rows * spec.benchmarks.len() as u64;
    if tasks <= TASKS_MAX {
        return Ok(());
    }
    let message = format!("{tasks} tasks, allowed: {TASKS_MAX}");
    Err(Error::invalid("job::too_many_tasks", message).help("fewer synthesizers, benchmarks or repeats"))
}

/// `plan-0`: the profile task.
pub fn first(spec: &SpecFact, spec_sha256: &str) -> PlanFact {
    let request = serde_json::to_value(&spec.request).unwrap_or_default();
    let mut options: Map<String, Value> = READING.iter().map(|field| ((*field).to_owned(), request[*field].clone())).collect();
    options.insert("seed".to_owned(), json!(spec.request.seed));
    if !spec.request.constraints.is_empty() {
        options.insert("constraints".to_owned(), json!(spec.request.constraints));
    }
    if !spec.request.value_protection.is_usual() {
        options.insert("value_protection".to_owned(), json!(spec.request.value_protection));
    }
    let profile = Group { options: Value::Object(options).into(), ..group(spec, TaskKind::Profile) };
    PlanFact {
        v: fact::VERSION,
        plan: 0,
        inputs: PlanInputs { spec_sha256: spec_sha256.to_owned(), ..PlanInputs::default() },
        members: Vec::new(),
        groups: vec![profile],
        skipped: Vec::new(),
    }
}

/// What `plan-1` is made from besides the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct MainInputs<'a> {
    /// The job.
    pub spec: &'a SpecFact,
    /// SHA-256 of the spec.
    pub spec_sha256: &'a str,
    /// What the profile task found.
    pub profile: &'a ProfileSummary,
    /// SHA-256 of its outcome.
    pub profile_sha256: &'a str,
}

/// `plan-1`: a synthesize task for each candidate and repeat that can take the table, and for each of these
/// and each benchmark a benchmark task that needs only that sample. What cannot take the table becomes
/// a skipped part with its reason.
pub fn main(inputs: MainInputs<'_>, fleet: &Fleet) -> PlanFact {
    let mut planner = Planner { inputs, fleet, members: Vec::new(), groups: Vec::new(), skipped: Vec::new() };
    let benchmarks = planner.benchmarks();
    let candidates = planner.candidates();
    for (candidate, member) in &candidates {
        let options = Arc::new(candidate.options.clone());
        for repeat in 0..candidate.repeats {
            planner.synthesize(candidate, &options, member, repeat);
        }
    }
    for (_, options, member) in benchmarks.iter().filter(|(_, _, member)| member.prepares) {
        planner.benchmark(PREPARE, 0, None, options, member);
    }
    for row in inputs.spec.references.iter().map(|row| if row == "flip10" { FLIP10 } else { HOLDOUT }) {
        benchmarks.iter().for_each(|(_, options, member)| planner.benchmark(row, 0, None, options, member));
    }
    for (candidate, _) in &candidates {
        for repeat in 0..candidate.repeats {
            let sample = TaskId::synthesize(&candidate.name, repeat);
            benchmarks.iter().for_each(|(_, options, member)| planner.benchmark(&candidate.name, repeat, Some(&sample), options, member));
        }
    }
    planner.members.sort();
    planner.members.dedup();
    PlanFact {
        v: fact::VERSION,
        plan: 1,
        inputs: PlanInputs {
            spec_sha256: inputs.spec_sha256.to_owned(),
            profile_sha256: Some(inputs.profile_sha256.to_owned()),
            selection_sha256: None,
        },
        members: planner.members,
        groups: planner.groups,
        skipped: planner.skipped,
    }
}

/// `plan-2`: writes the delivered table of the winner: the scored rows first, then more of its model.
pub fn delivery(inputs: MainInputs<'_>, winner: &Winner, selection_sha256: &str) -> PlanFact {
    let spec = inputs.spec;
    let candidate = spec.candidates.iter().find(|candidate| candidate.name == winner.candidate);
    let synthesizer = candidate.map(|candidate| candidate.synthesizer.clone()).unwrap_or_default();
    let sample = TaskId::synthesize(&winner.candidate, winner.repeat);
    let rows = match spec.request.rows {
        Rows::Count(rows) => rows,
        Rows::Named(RowsName::Train) => inputs.profile.shape.train_rows,
        Rows::Named(RowsName::Input) => inputs.profile.rows,
    };
    let mut options = json!({ "formats": spec.request.formats, "seed": spec.request.seed, "csv_safe": spec.request.csv_safe });
    if !spec.request.conditions.is_empty() {
        options["where"] = json!(spec.request.conditions);
    }
    if let Some(seed) = spec.request.rows_seed {
        options["rows_seed"] = json!(seed);
    }
    let (first, size) = (TaskId::generate(&winner.candidate, winner.repeat, 0).to_string(), shard_rows(inputs.profile, rows));
    let count = u32::try_from(rows.div_ceil(size)).unwrap_or(u32::MAX).max(1);
    let mut name = first.clone();
    if count > 1 {
        options[Group::SHARD_ROWS] = json!(size);
        name.truncate(first.rfind('-').unwrap_or(first.len()));
    }
    let generate = Group {
        group: name,
        count,
        name: synthesizer,
        candidate: Some(winner.candidate.clone()),
        repeat: winner.repeat,
        needs: vec![TaskId::profile(), sample],
        options: options.into(),
        rows,
        ..group(spec, TaskKind::Generate)
    };
    PlanFact {
        v: fact::VERSION,
        plan: 2,
        inputs: PlanInputs {
            spec_sha256: inputs.spec_sha256.to_owned(),
            profile_sha256: Some(inputs.profile_sha256.to_owned()),
            selection_sha256: Some(selection_sha256.to_owned()),
        },
        members: Vec::new(),
        groups: vec![generate],
        skipped: Vec::new(),
    }
}

/// Rows of each task that writes a part of a table of `rows` rows: whole blocks, at most a million rows and 256 MiB
/// in memory, more only where there would be too many tasks.
fn shard_rows(profile: &ProfileSummary, rows: u64) -> u64 {
    let shape = &profile.shape;
    let columns = u64::from(shape.modelled() + shape.other).max(1);
    let blocks = (SHARD_ROWS / SAMPLE_BLOCK_ROWS).min(SHARD_BYTES / (columns * CELL_BYTES * SAMPLE_BLOCK_ROWS)).max(1);
    blocks.max(rows.div_ceil(SHARDS_MAX).div_ceil(SAMPLE_BLOCK_ROWS)) * SAMPLE_BLOCK_ROWS
}

/// A group of one task with the limits of the job.
fn group(spec: &SpecFact, kind: TaskKind) -> Group {
    Group {
        group: TaskId::profile().to_string(),
        kind,
        name: String::new(),
        candidate: None,
        repeat: 0,
        count: 1,
        needs: Vec::new(),
        options: Arc::default(),
        rows: 0,
        task_seconds: spec.request.budget.task_seconds,
        memory_bytes: spec.request.budget.memory_bytes_per_task,
        cost: CostClass::Light,
        checkpoint: false,
    }
}

/// Wished members that are known and that no pool takes now.
pub fn uncovered(spec: &SpecFact, fleet: &Fleet) -> Vec<String> {
    let memory_bytes = spec.request.budget.memory_bytes_per_task;
    let synthesizers = spec.candidates.iter().map(|candidate| fleet.catalogue.synthesizer(&candidate.synthesizer));
    let benchmarks = spec.benchmarks.iter().map(|benchmark| fleet.catalogue.benchmark(&benchmark.name));
    let known = synthesizers.chain(benchmarks).filter_map(Result::ok);
    known.filter(|member| !fleet.covers(kind_of(member), &member.name, memory_bytes)).map(|member| member.name.clone()).collect()
}

fn kind_of(member: &MemberDoc) -> TaskKind {
    if member.task == TaskKind::Benchmark.name() { TaskKind::Benchmark } else { TaskKind::Synthesize }
}

struct Planner<'a> {
    inputs: MainInputs<'a>,
    fleet: &'a Fleet,
    members: Vec<PlannedMember>,
    groups: Vec<Group>,
    skipped: Vec<SkippedPart>,
}

impl<'a> Planner<'a> {
    fn benchmarks(&mut self) -> Vec<(&'a str, Arc<Value>, &'a MemberDoc)> {
        let mut taken = Vec::new();
        for benchmark in &self.inputs.spec.benchmarks {
            match self.fitting(self.fleet.catalogue.benchmark(&benchmark.name)) {
                Ok(member) => taken.push((benchmark.name.as_str(), Arc::new(benchmark.options.clone()), member)),
                Err(reason) => self.skipped.push(SkippedPart { candidate: None, benchmark: Some(benchmark.name.clone()), reason }),
            }
        }
        taken
    }

    fn candidates(&mut self) -> Vec<(&'a Candidate, &'a MemberDoc)> {
        let mut taken = Vec::new();
        for candidate in &self.inputs.spec.candidates {
            match self.fitting(self.fleet.catalogue.synthesizer(&candidate.synthesizer)) {
                Ok(member) => taken.push((candidate, member)),
                Err(reason) => self.skipped.push(SkippedPart { candidate: Some(candidate.name.clone()), benchmark: None, reason }),
            }
        }
        taken
    }

    /// The member, if it can take the table and somebody takes its tasks. What it says of itself is noted either
    /// way: a skipped row is told in its words.
    fn fitting(&mut self, member: Result<&'a MemberDoc>) -> Result<&'a MemberDoc, Reason> {
        let no_pool = |why: String| Reason { code: "no_pool".to_owned(), why };
        let member = member.map_err(|error| no_pool(error.message().to_owned()))?;
        let kind = kind_of(member);
        let about_sha256 = self.fleet.about_sha256(member);
        self.members.push(PlannedMember { kind, name: member.name.clone(), version: member.version.clone(), about_sha256 });
        member.accepts.fits(&self.inputs.profile.shape)?;
        let memory_bytes = self.inputs.spec.request.budget.memory_bytes_per_task;
        if self.fleet.covers(kind, &member.name, memory_bytes) {
            return Ok(member);
        }
        Err(no_pool(format!("no worker takes {}:{} with {memory_bytes} bytes of memory", kind.name(), member.name)))
    }

    fn synthesize(&mut self, candidate: &Candidate, options: &Arc<Value>, member: &MemberDoc, repeat: u32) {
        self.groups.push(Group {
            group: TaskId::synthesize(&candidate.name, repeat).to_string(),
            name: candidate.synthesizer.clone(),
            candidate: Some(candidate.name.clone()),
            repeat,
            needs: vec![TaskId::profile()],
            options: Arc::clone(options),
            rows: self.inputs.profile.shape.train_rows,
            cost: member.cost,
            checkpoint: member.checkpoint,
            ..group(self.inputs.spec, TaskKind::Synthesize)
        });
    }

    /// One scoring: of a sample, of a reference row, or the preparation that they share.
    fn benchmark(&mut self, candidate: &str, repeat: u32, sample: Option<&TaskId>, options: &Arc<Value>, member: &MemberDoc) {
        let mut needs = vec![TaskId::profile()];
        needs.extend(sample.cloned());
        // reference rows meet another real side, so they prepare for themselves
        if member.prepares && sample.is_some() {
            needs.push(TaskId::benchmark(PREPARE, 0, &member.name));
        }
        self.groups.push(Group {
            group: TaskId::benchmark(candidate, repeat, &member.name).to_string(),
            name: member.name.clone(),
            candidate: Some(candidate.to_owned()),
            repeat,
            needs,
            options: Arc::clone(options),
            cost: member.cost,
            ..group(self.inputs.spec, TaskKind::Benchmark)
        });
    }
}

#[cfg(test)]
mod tests;
