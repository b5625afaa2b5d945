//! A job of ten thousand tasks that ended, as facts in a folder: nothing of it was computed, and everything that shows it
//! reads it as it reads any other.

use serde_json::json;
use std::path::Path;
use synthfleet_proto::Error;
use synthfleet_proto::about::CostClass;
use synthfleet_proto::class::Class;
use synthfleet_proto::fact::{
    Candidate, ChosenBenchmark, FinalFact, Group, OutcomeFact, OutcomeStatus, PlanFact, PlanInputs, SpecFact, VERSION,
};
use synthfleet_proto::job::{JobSpec, JobState};
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::task::{TaskId, TaskKind};
use synthfleet_store::{Local, Settings, create_fact};

/// Its id.
const JOB: &str = "job_11111111111111111111111111";
/// Candidates; with their repeats and benchmarks 25 * 25 * (1 + 15) tasks, besides the one that reads the table.
const CANDIDATES: u32 = 25;
/// Repeats of each.
const REPEATS: u32 = 25;
/// Benchmarks of each repeat.
const BENCHMARKS: u32 = 15;
/// When it was asked for, in milliseconds since 1970.
const BEGAN: i64 = 1_760_000_000_000;

fn candidate(number: u32) -> String {
    format!("candidate_{number:02}")
}

fn benchmark(number: u32) -> String {
    format!("benchmark_{number:02}")
}

fn spec() -> SpecFact {
    let request = JobSpec::read(&json!({"source": "sim:demo", "summary": "Ten thousand tasks"})).expect("legal");
    let candidates = (0..CANDIDATES).map(|number| Candidate {
        name: candidate(number),
        synthesizer: candidate(number),
        options: json!({}),
        repeats: REPEATS,
        baseline: false,
        real_rows: false,
        private: false,
    });
    SpecFact {
        v: VERSION,
        job: JOB.to_owned(),
        tenant: "local".to_owned(),
        key_sha256: String::new(),
        request_sha256: String::new(),
        door: "cli".to_owned(),
        principal: "test".to_owned(),
        submitted_at: BEGAN,
        class: Class::Batch,
        weight: 50,
        request,
        source_sha256: None,
        holdout_sha256: None,
        candidates: candidates.collect(),
        benchmarks: (0..BENCHMARKS).map(|number| ChosenBenchmark { name: benchmark(number), options: json!({}) }).collect(),
        references: Vec::new(),
        reply: None,
        trace: None,
    }
}

fn group(task: &TaskId, name: &str, candidate: Option<String>, repeat: u32, needs: Vec<TaskId>) -> Group {
    Group {
        group: task.as_str().to_owned(),
        kind: task.kind(),
        name: name.to_owned(),
        candidate,
        repeat,
        count: 1,
        needs,
        options: json!({}).into(),
        rows: 800,
        task_seconds: 600.0,
        memory_bytes: 4 << 30,
        cost: CostClass::Light,
        checkpoint: false,
    }
}

fn plan(number: u8, groups: Vec<Group>) -> PlanFact {
    PlanFact { v: VERSION, plan: number, inputs: PlanInputs::default(), members: Vec::new(), groups, skipped: Vec::new() }
}

/// Every task after the table was read.
fn groups() -> Vec<Group> {
    let mut groups = Vec::new();
    for (number, repeat) in (0..CANDIDATES).flat_map(|number| (0..REPEATS).map(move |repeat| (number, repeat))) {
        let name = candidate(number);
        let sample = TaskId::synthesize(&name, repeat);
        groups.push(group(&sample, &name, Some(name.clone()), repeat, vec![TaskId::profile()]));
        for number in 0..BENCHMARKS {
            let task = TaskId::benchmark(&name, repeat, &benchmark(number));
            groups.push(group(&task, &benchmark(number), Some(name.clone()), repeat, vec![TaskId::profile(), sample.clone()]));
        }
    }
    groups
}

/// Four workers did one after the other; one in five hundred failed.
fn outcome(place: i64, task: TaskId) -> OutcomeFact {
    let error = Error::internal("task::made_up", "made to fail").to_wire();
    let failed = place % 500 == 499 && task.kind() == TaskKind::Benchmark;
    let status = if failed { OutcomeStatus::Failed } else { OutcomeStatus::Ok };
    let started_at = BEGAN + 1_000 + place / 4 * 700;
    OutcomeFact {
        attempt: 1,
        worker: format!("worker-{}", place % 4),
        started_at,
        ended_at: started_at + 650,
        error: failed.then(|| error.clone()),
        ..OutcomeFact::not_run(task, status, error)
    }
}

/// Stores the job below a folder, before anybody serves it.
pub fn store(root: &Path) {
    let store = Local::open(root, Settings { sync: false }).expect("a folder");
    let keys = JobKeys::new("local", JOB).expect("legal");
    let profile = group(&TaskId::profile(), "", None, 0, Vec::new());
    let groups = groups();
    let tasks: Vec<TaskId> = [&profile].into_iter().chain(&groups).flat_map(Group::tasks).collect();
    assert_eq!(tasks.len(), 10_001);
    let ended: FinalFact = serde_json::from_value(json!({"v": VERSION, "state": JobState::Cancelled})).expect("legal");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let mut number = 0_u128;
        let mut nonce = || {
            number += 1;
            number.to_le_bytes()
        };
        create_fact(&store, &keys.spec().expect("legal"), &spec(), nonce()).await.expect("created");
        create_fact(&store, &keys.plan(0).expect("legal"), &plan(0, vec![profile]), nonce()).await.expect("created");
        create_fact(&store, &keys.plan(1).expect("legal"), &plan(1, groups), nonce()).await.expect("created");
        for (place, task) in (0..).zip(tasks) {
            let key = keys.outcome(task.as_str()).expect("legal");
            create_fact(&store, &key, &outcome(place, task), nonce()).await.expect("created");
        }
        create_fact(&store, &keys.last().expect("legal"), &ended, nonce()).await.expect("created");
    });
}
