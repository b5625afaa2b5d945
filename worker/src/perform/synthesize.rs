//! Fits a synthesizer and draws the scored sample.

use super::{MODEL, NOISE, PRIVACY, SAMPLE, TRAIN, metadata, seeds, table, timed};
use crate::TaskFolder;
use synthfleet_intake::write::{Provenance, write_parquet};
use synthfleet_proto::privacy::NoiseKey;
use synthfleet_proto::task::TaskFile;
use synthfleet_proto::{Error, Result, fact};
use synthfleet_synthesizers::{Given, Seeds, find};
use synthfleet_table::Budget;

pub fn perform(folder: &TaskFolder, task: &TaskFile, budget: &Budget) -> Result<()> {
    let member = find(&task.name)?;
    let metadata = metadata(folder)?;
    let train = table(folder, TRAIN, &metadata)?;
    let (own, shared) = seeds(task);
    let seeds = Seeds { task: own, shared, noise: noise(folder)? };
    budget.progress(0.02, "fit");
    let model = timed(budget, "fit_seconds", || member.fit_any(&train, &task.options, &seeds, budget))?;
    budget.progress(0.7, "sample");
    let sample = timed(budget, "sample_seconds", || model.sample(0..task.rows, &Given::NOTHING, budget))?;
    budget.progress(0.9, "write");
    timed(budget, "write_seconds", || {
        let provenance = Provenance { method: task.name.clone(), seed: task.seed };
        write_parquet(&folder.made(SAMPLE), &sample, &provenance)?;
        folder.write(MODEL, &model.save()?)?;
        model.privacy().map_or(Ok(()), |privacy| folder.write(PRIVACY, &fact::encode_pretty(privacy)?))
    })
}

/// The job's noise key, if the task was given one.
fn noise(folder: &TaskFolder) -> Result<Option<NoiseKey>> {
    let path = folder.given(NOISE);
    match std::fs::read_to_string(&path) {
        Ok(text) => NoiseKey::parse(text.trim()).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(path.display(), error)),
    }
}
