//! Scores a sample, scores a reference row, or prepares what all scorings of a benchmark share.

use super::{HOLDOUT, PREPARED, SAMPLE, SCORES, TRAIN, metadata, no_member, seeds, table, timed};
use crate::TaskFolder;
use serde_json::Value;
use synthfleet_benchmarks::reference::Row;
use synthfleet_benchmarks::{AnyBenchmark, Case, Real, find};
use synthfleet_proto::about::Shape;
use synthfleet_proto::score::{Score, Scored};
use synthfleet_proto::task::TaskFile;
use synthfleet_proto::{Error, Result, Seed, fact};
use synthfleet_table::{Arrays, Budget};

pub fn perform(folder: &TaskFolder, task: &TaskFile, budget: &Budget) -> Result<()> {
    let member = find(&task.name).ok_or_else(|| no_member(&task.name))?;
    let metadata = metadata(folder)?;
    let (own, job) = seeds(task);
    let prepares = task.reference.as_deref() == Some("prepare");
    if let Some(reason) = member.over_budget(&Shape::of(&metadata), &task.options, task.seconds, task.memory_bytes)? {
        if prepares {
            return folder.write(PREPARED, &Arrays::default().to_bytes());
        }
        let scores = member.scores_of(&metadata).iter().map(|about| Score::undefined_for(about, &reason)).collect();
        return folder.write(SCORES, &fact::encode_pretty(&Scored { scores, details: Value::Null })?);
    }
    budget.progress(0.02, "read");
    let real = Real {
        train: table(folder, TRAIN, &metadata)?,
        holdout: table(folder, HOLDOUT, &metadata)?,
        shared: job.child("benchmark").child(member.about().name),
    };
    let case = match task.reference.as_deref() {
        _ if prepares => {
            budget.progress(0.1, "prepare");
            let prepared = timed(budget, "prepare_seconds", || member.prepare_any(&real, &task.options, budget))?;
            return folder.write(PREPARED, &prepared.to_bytes());
        }
        Some(row) => reference(member, row, &real, &job, task, budget)?,
        None => {
            let sample = table(folder, SAMPLE, &metadata)?;
            Case { real, sample, prepared: prepared(folder, member)? }
        }
    };
    budget.progress(0.1, "score");
    let scored = timed(budget, "score_seconds", || member.score_any(&case, &task.options, &own, budget))?;
    folder.write(SCORES, &fact::encode_pretty(&scored)?)
}

/// A reference row as a case. Its real side is its own, and so is its preparation.
fn reference(member: &dyn AnyBenchmark, row: &str, real: &Real, job: &Seed, task: &TaskFile, budget: &Budget) -> Result<Case> {
    let row = Row::named(row).ok_or_else(|| Error::invalid("task::reference", format!("no reference row {row:?}")))?;
    let about = member.about();
    let prepared = if about.prepares {
        budget.progress(0.05, "prepare");
        timed(budget, "prepare_seconds", || member.prepare_any(&row.real(about, real), &task.options, budget))?
    } else {
        Arrays::default()
    };
    row.case(about, real, job, prepared)
}

fn prepared(folder: &TaskFolder, member: &dyn AnyBenchmark) -> Result<Arrays> {
    if !member.about().prepares {
        return Ok(Arrays::default());
    }
    let path = folder.given(PREPARED);
    Arrays::from_bytes(&std::fs::read(&path).map_err(|e| Error::io(path.display(), e))?)
}
