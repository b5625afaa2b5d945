//! A small catalogue and jobs for tests of this crate.

pub mod worker;

use crate::Catalogue;
use crate::intake::resolve;
use serde_json::Value;
use synthfleet_proto::about::{About, Accepts, CostClass, MemberDoc, Shape};
use synthfleet_proto::fact::{self, OutcomeFact, OutcomeStatus, ProfileSummary, SpecFact};
use synthfleet_proto::job::{JobSpec, References};
use synthfleet_proto::task::TaskId;

/// Members as workers of the first version announce them.
pub fn catalogue() -> Catalogue {
    let baseline = About { baseline: true, ..About::LIGHT };
    let with_target = Accepts { needs_target: true, ..Accepts::ANY };
    let synthesizers = [
        About { name: "identity", real_rows: true, ..baseline },
        About { name: "uniform", ..baseline },
        About { name: "independent", ..baseline },
        About { name: "gaussian_copula", ..About::LIGHT },
        About { name: "clbn", ..About::LIGHT },
        About { name: "seqtree", aliases: &["trees"], cost: CostClass::Medium, ..About::LIGHT },
        About { name: "arf", cost: CostClass::Medium, ..About::LIGHT },
        About { name: "latent_tree", cost: CostClass::Heavy, ..About::LIGHT },
    ];
    let benchmarks = [
        About { name: "accuracy", ..About::LIGHT },
        About { name: "distances", ..About::LIGHT },
        About { name: "ml_efficacy", accepts: with_target, prepares: true, ..About::LIGHT },
    ];
    let docs = |task: &'static str, abouts: Vec<About>| abouts.into_iter().map(move |about| MemberDoc::of(task, &about, Value::Null));
    Catalogue::of(docs("synthesize", synthesizers.to_vec()).chain(docs("benchmark", benchmarks.to_vec())))
}

/// An accepted job.
pub fn spec(job: Value) -> SpecFact {
    let request = JobSpec::read(&job).expect("a legal job");
    let resolved = resolve(&request, &catalogue(), &|_, _, _| Vec::new()).expect("known names");
    SpecFact {
        v: fact::VERSION,
        job: "job_0".into(),
        tenant: "local".into(),
        key_sha256: String::new(),
        request_sha256: String::new(),
        door: "cli".into(),
        principal: "me".into(),
        submitted_at: 0,
        class: request.priority,
        weight: 50,
        source_sha256: Some("ab".repeat(32)),
        holdout_sha256: None,
        candidates: resolved.candidates,
        benchmarks: resolved.benchmarks,
        references: if request.references == References::All { vec!["holdout".into(), "flip10".into()] } else { vec!["holdout".into()] },
        reply: None,
        trace: None,
        request,
    }
}

/// A profile of a small table with a target.
pub fn profile_summary() -> ProfileSummary {
    let shape = Shape { train_rows: 800, holdout_rows: 200, number_like: 3, discrete: 2, target: true, ..Shape::default() };
    ProfileSummary {
        table: "t".into(),
        shape,
        rows: 1_000,
        columns: 5,
        target: Some("y".into()),
        problem_type: None,
        reading: Value::Null,
        kinds: std::collections::BTreeMap::new(),
        notes: Vec::new(),
    }
}

/// An outcome `ok` without outputs.
pub fn done(task: TaskId) -> OutcomeFact {
    let profile = (task == TaskId::profile()).then(profile_summary);
    OutcomeFact { status: OutcomeStatus::Ok, attempt: 1, error: None, profile, ..failed(task) }
}

/// An outcome `failed`.
pub fn failed(task: TaskId) -> OutcomeFact {
    let error = synthfleet_proto::Error::internal("test::failed", "made to fail").to_wire();
    OutcomeFact::not_run(task, OutcomeStatus::Failed, error)
}

/// A clock that stands still.
pub struct Still;

impl synthfleet_proto::outside::Clock for Still {
    fn now_ms(&self) -> u64 {
        1_700_000_000_000
    }
}

/// An empty store in memory.
pub fn memory() -> synthfleet_store::Memory {
    synthfleet_store::Memory::new(std::sync::Arc::new(Still))
}

/// Entropy that counts: other bits at every call, the same in every run.
#[derive(Default)]
pub struct Counting(std::sync::atomic::AtomicU64);

impl From<u64> for Counting {
    fn from(start: u64) -> Self {
        Self(start.into())
    }
}

impl synthfleet_proto::outside::Entropy for Counting {
    fn bits(&self) -> [u8; 16] {
        let number = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let digest = synthfleet_proto::id::sha256_hex(&number.to_le_bytes());
        let mut bits = [0; 16];
        bits.copy_from_slice(&digest.as_bytes()[..16]);
        bits
    }
}
