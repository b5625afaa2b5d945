//! One task, from its folder to its files. Pool threads and child processes end here; there is no other way
//! to run a task.

mod benchmark;
mod generate;
mod profile;
mod synthesize;

use crate::TaskFolder;
use std::sync::Arc;
use synthfleet_intake::parquet::read_table;
use synthfleet_proto::about::MemberDoc;
use synthfleet_proto::metadata::Metadata;
use synthfleet_proto::task::TaskFile;
use synthfleet_proto::{Error, Result, Seed, fact};
use synthfleet_table::{Budget, Table};

/// The exact description of the table, given to every task but `profile`.
pub const METADATA: &str = "metadata.json";
/// The train part.
pub const TRAIN: &str = "train.parquet";
/// The holdout part.
pub const HOLDOUT: &str = "holdout.parquet";
/// A sample.
pub const SAMPLE: &str = "sample.parquet";
/// A model.
pub const MODEL: &str = "model.bin";
/// A benchmark's shared preparation.
pub const PREPARED: &str = "prepared.bin";
/// Scores and details.
pub const SCORES: &str = "scores.json";
/// What a differentially private fit guarantees, and its bill.
pub const PRIVACY: &str = "privacy.json";
/// The job's secret noise key, given to the fits of private candidates alone.
pub const NOISE: &str = "noise.key";
/// Remarks.
pub const FINDINGS: &str = "findings.json";
/// What planning needs to know of a profile.
pub const SUMMARY: &str = "summary.json";

/// Does what `in/task.json` says. Made files lie in `out/` afterwards.
///
/// What comes out depends on the given files, the options, the seeds and the planned memory alone; a
/// raised stop flag ends it with the kind `Stopped`.
pub fn perform(folder: &TaskFolder, budget: &Budget) -> Result<()> {
    let task = folder.task()?;
    budget.go_on()?;
    match task.op.as_str() {
        "profile" => profile::perform(folder, &task, budget)?,
        "synthesize" => synthesize::perform(folder, &task, budget)?,
        "benchmark" => benchmark::perform(folder, &task, budget)?,
        "generate" => generate::perform(folder, &task, budget)?,
        "describe" => folder.write("about.json", &fact::encode_pretty(&describe(&task)?)?)?,
        op => return Err(Error::invalid("task::op", format!("no operation {op:?}"))),
    }
    let findings = budget.take_findings();
    if !findings.is_empty() {
        folder.write(FINDINGS, &fact::encode_pretty(&findings)?)?;
    }
    Ok(())
}

fn describe(task: &TaskFile) -> Result<MemberDoc> {
    let benchmark = synthfleet_benchmarks::find(&task.name).map(synthfleet_benchmarks::AnyBenchmark::doc);
    benchmark.map_or_else(|| synthfleet_synthesizers::find(&task.name).map(synthfleet_synthesizers::AnySynthesizer::doc), Ok)
}

fn no_member(name: &str) -> Error {
    Error::unsupported("task::no_member", format!("this worker has no member {name:?}"))
}

/// The stream of the task, and the one that all candidates of the job share.
fn seeds(task: &TaskFile) -> (Seed, Seed) {
    (Seed::from_task_seed(task.seed), Seed::from_task_seed(task.shared_seed))
}

/// The description among the given files.
fn metadata(folder: &TaskFolder) -> Result<Arc<Metadata>> {
    let read = || {
        let path = folder.given(METADATA);
        let bytes = std::fs::read(&path).map_err(|e| Error::io(path.display(), e))?;
        serde_json::from_slice(&bytes).map_err(|e| Error::data("task::metadata", format!("cannot read metadata.json: {e}")))
    };
    match (folder.shelf(), folder.hash(METADATA)) {
        (Some(shelf), Some(sha256)) => shelf.description(sha256, read),
        _ => read().map(Arc::new),
    }
}

/// A table among the given files.
fn table(folder: &TaskFolder, name: &str, metadata: &Arc<Metadata>) -> Result<Table> {
    let read = || read_table(&folder.given(name), metadata);
    match (folder.shelf(), folder.hash(name), folder.hash(METADATA)) {
        (Some(shelf), Some(sha256), Some(description)) => shelf.table(sha256, description, read),
        _ => read(),
    }
}

/// Runs a part of a task and tells its seconds as the measure `name`.
fn timed<T>(budget: &Budget, name: &'static str, part: impl FnOnce() -> Result<T>) -> Result<T> {
    let began = std::time::Instant::now();
    let made = part();
    budget.measure(name, 0, began.elapsed().as_secs_f64());
    made
}
