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
mod tests {
    use super::*;
    use crate::testing::{catalogue, profile_summary, spec};
    use synthfleet_proto::pool::Take;

    fn plan(job: Value, shape: impl FnOnce(&mut ProfileSummary)) -> PlanFact {
        plan_for(job, shape, &Fleet::embedded(catalogue(), "local", 2))
    }

    fn plan_for(job: Value, shape: impl FnOnce(&mut ProfileSummary), fleet: &Fleet) -> PlanFact {
        let spec = spec(job);
        let mut profile = profile_summary();
        shape(&mut profile);
        main(MainInputs { spec: &spec, spec_sha256: "s", profile: &profile, profile_sha256: "p" }, fleet)
    }

    fn ids(plan: &PlanFact) -> Vec<String> {
        plan.groups.iter().flat_map(Group::tasks).map(String::from).collect()
    }

    #[test]
    fn the_first_plan_reads_the_table_and_nothing_else() {
        let spec = spec(json!({"source": "a.csv", "target": "income", "summary": "not for the profile"}));
        let plan = first(&spec, "s");
        assert_eq!(ids(&plan), ["profile"]);
        assert_eq!(plan.groups[0].options["target"], "income");
        assert!(plan.groups[0].options.get("summary").is_none() && plan.groups[0].options.get("constraints").is_none());
        let ruled = first(&crate::testing::spec(json!({"source": "a.csv", "constraints": ["low <= high"]})), "s");
        assert_eq!(ruled.groups[0].options["constraints"][0]["rule"], "less_or_equal");
    }

    #[test]
    fn protection_belongs_to_the_profile_and_conditions_to_the_delivered_rows_alone() {
        let plain = spec(json!({"source": "a.csv", "synthesizers": ["clbn"]}));
        let asked = spec(json!({
            "source": "a.csv", "synthesizers": ["clbn"], "value_protection": {"rare_labels": "token"}, "where": ["age>=40"], "rows_seed": 7,
        }));
        let profile = profile_summary();
        let winner = Winner { candidate: "clbn".to_owned(), repeat: 0 };
        let options = |spec: &SpecFact| {
            let inputs = MainInputs { spec, spec_sha256: "s", profile: &profile, profile_sha256: "p" };
            [first(spec, "s"), delivery(inputs, &winner, "v")].map(|plan| plan.groups[0].options.clone())
        };
        let [first_of_asked, delivery_of_asked] = options(&asked);
        assert_eq!(first_of_asked["value_protection"], json!({"rare_labels": "token", "rows_min": null}));
        assert!(first_of_asked.get("where").is_none() && first_of_asked.get("rows_seed").is_none());
        assert_eq!((&delivery_of_asked["where"], &delivery_of_asked["rows_seed"]), (&json!(["age>=40"]), &json!(7)));
        for options in options(&plain) {
            assert!(["value_protection", "where", "rows_seed"].iter().all(|field| options.get(field).is_none()), "{options}");
        }
    }

    #[test]
    fn each_sample_is_scored_as_soon_as_it_exists() {
        let plan = plan(json!({"source": "a", "synthesizers": ["clbn"], "benchmarks": ["accuracy"]}), |_| {});
        let tasks = ids(&plan);
        assert!(tasks.contains(&"syn-clbn-r0".to_owned()) && tasks.contains(&"ben-ref_holdout-r0-accuracy".to_owned()));
        let group = plan.group_of(&TaskId::benchmark("clbn", 0, "accuracy")).expect("planned");
        assert_eq!(group.needs, [TaskId::profile(), TaskId::synthesize("clbn", 0)]);
    }

    #[test]
    fn what_prepares_is_prepared_once() {
        let plan = plan(json!({"source": "a", "preset": "standard", "benchmarks": ["ml_efficacy"]}), |_| {});
        let prepare = TaskId::benchmark(PREPARE, 0, "ml_efficacy");
        assert_eq!(ids(&plan).iter().filter(|id| **id == prepare.as_str()).count(), 1);
        let needing = plan.groups.iter().filter(|group| group.needs.contains(&prepare)).count();
        assert_eq!(needing, 3 * 5 + 3, "candidates and baselines");
    }

    #[test]
    fn what_cannot_take_the_table_is_skipped_with_its_reason() {
        let plan = plan(json!({"source": "a", "preset": "quick"}), |profile| {
            profile.shape.target = false;
            profile.target = None;
        });
        assert_eq!(plan.skipped.len(), 1);
        assert_eq!((plan.skipped[0].benchmark.as_deref(), plan.skipped[0].reason.code.as_str()), (Some("ml_efficacy"), "no_target"));
        assert!(ids(&plan).iter().all(|id| !id.ends_with("-ml_efficacy")));
    }

    #[test]
    fn what_no_pool_takes_is_a_skipped_row() {
        let mut fleet = Fleet::embedded(catalogue(), "local", 2);
        fleet.pools.get_mut("local").expect("there").take = Take::parse("profile,benchmark,synthesize:clbn,generate").expect("legal");
        let job = json!({"source": "a", "synthesizers": ["clbn", "seqtree"], "benchmarks": ["accuracy"]});
        assert!(uncovered(&spec(job.clone()), &fleet).contains(&"seqtree".to_owned()));
        let plan = plan_for(job, |_| {}, &fleet);
        let skipped = plan.skipped.iter().find(|part| part.candidate.as_deref() == Some("seqtree")).expect("skipped");
        assert_eq!(skipped.reason.code, "no_pool");
        assert!(ids(&plan).contains(&"syn-clbn-r0".to_owned()) && plan.version_of(TaskKind::Synthesize, "seqtree").is_some());
    }

    #[test]
    fn every_task_needs_only_tasks_of_the_plan_or_the_profile() {
        let plan = plan(json!({"source": "a", "references": "all"}), |_| {});
        let tasks = ids(&plan);
        for need in plan.groups.iter().flat_map(|group| &group.needs) {
            assert!(need == &TaskId::profile() || tasks.contains(&need.to_string()), "{need}");
        }
        let mut unique = tasks.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), tasks.len());
    }

    #[test]
    fn the_redrawn_copy_is_scored_where_all_references_are_asked_for() {
        let job = |references: &str| json!({"source": "a", "benchmarks": ["accuracy"], "references": references});
        let rows = |references: &str| -> Vec<String> {
            ids(&plan(job(references), |_| {})).into_iter().filter(|id| id.starts_with("ben-ref_")).collect()
        };
        assert_eq!(rows("default"), ["ben-ref_holdout-r0-accuracy"]);
        assert_eq!(rows("all"), ["ben-ref_holdout-r0-accuracy", "ben-ref_flip10-r0-accuracy"]);
    }

    #[test]
    fn equal_inputs_give_equal_bytes() {
        let bytes = || fact::encode(&plan(json!({"source": "a"}), |_| {})).expect("small");
        assert_eq!(bytes(), bytes());
    }

    #[test]
    fn the_delivered_table_has_as_many_rows_as_asked() {
        let profile = profile_summary();
        let rows = |job: Value| {
            let spec = spec(job);
            let inputs = MainInputs { spec: &spec, spec_sha256: "s", profile: &profile, profile_sha256: "p" };
            let winner = Winner { candidate: "seqtree".into(), repeat: 1 };
            let plan = delivery(inputs, &winner, "sel");
            assert_eq!(ids(&plan), ["gen-seqtree-r1-0000000"]);
            plan.groups[0].rows
        };
        assert_eq!(rows(json!({"source": "a"})), profile.shape.train_rows);
        assert_eq!(rows(json!({"source": "a", "rows": "input"})), profile.rows);
        assert_eq!(rows(json!({"source": "a", "rows": 7})), 7);
    }

    #[test]
    fn a_large_table_is_written_in_parts_of_whole_blocks() {
        let (profile, spec) = (profile_summary(), spec(json!({"source": "a", "rows": 2_000_000})));
        let inputs = MainInputs { spec: &spec, spec_sha256: "s", profile: &profile, profile_sha256: "p" };
        let plan = delivery(inputs, &Winner { candidate: "seqtree".into(), repeat: 1 }, "sel");
        assert_eq!(ids(&plan), ["gen-seqtree-r1-0000000", "gen-seqtree-r1-0000001", "gen-seqtree-r1-0000002"]);
        assert_eq!(plan.groups[0].group, "gen-seqtree-r1");
        let ranges: Vec<_> = plan.groups[0].tasks().iter().map(|task| plan.groups[0].rows_of(task)).collect();
        assert_eq!(ranges, [0..999_424, 999_424..1_998_848, 1_998_848..2_000_000]);
        assert_eq!(shard_rows(&profile, u64::MAX) % 4_096, 0);
        assert!(10u64.pow(12).div_ceil(shard_rows(&profile, 10u64.pow(12))) <= SHARDS_MAX);
    }
}
