//! Reads a table: types, kinds, roles, split, staged parts, profile and exports.

use super::{seeds, timed};
use crate::TaskFolder;
use synthfleet_intake::{ProfileInput, profile_task};
use synthfleet_proto::job::JobSpec;
use synthfleet_proto::task::TaskFile;
use synthfleet_proto::{Error, Result};
use synthfleet_table::Budget;

pub fn perform(folder: &TaskFolder, task: &TaskFile, budget: &Budget) -> Result<()> {
    let job: JobSpec = serde_json::from_value(task.options.clone())
        .map_err(|e| Error::invalid("task::options", format!("cannot read what is to be profiled: {e}")))?;
    let (_, shared) = seeds(task);
    let scratch = folder.path().join("scratch");
    std::fs::create_dir_all(&scratch).map_err(|e| Error::io(scratch.display(), e))?;
    timed(budget, "profile_seconds", || profile_task(&ProfileInput::new(job, shared), &folder.path().join("out"), &scratch, budget))?;
    Ok(())
}
