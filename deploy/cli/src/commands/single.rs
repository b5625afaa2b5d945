//! What `profile`, `synthesize`, `generate` and `benchmark` share: one task in place, without a job.

use super::Surroundings;
use crate::arguments::{Reading, Running};
use crate::{jobfile, machine, tell};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use synthfleet_intake::{ProfileInput, Profiled, profile_task};
use synthfleet_proto::job::JobSpec;
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_table::Budget;
use synthfleet_table::budget::{MEMORY_BYTES_PER_TASK, Silent};

/// A folder of one command, removed when it ends. It holds real rows: mode 0700.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes the folder below the work folder.
    pub fn new(running: &Running, surroundings: &Surroundings) -> Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let setting = running.work_dir.as_deref().unwrap_or(&surroundings.config.run.work_dir);
        let folder = machine::work_dir(setting, &crate::variable).join(format!("single-{}", std::process::id()));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|e| Error::io(folder.display(), e))?;
        Ok(Self(folder))
    }

    /// A folder inside, made now.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.0.join(name);
        std::fs::create_dir_all(&folder).map_err(|e| Error::io(folder.display(), e))?;
        Ok(folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::fs::remove_dir_all(&self.0).is_err() {
            tracing::debug!("the scratch folder is gone already");
        }
    }
}

/// A budget of the asked threads and memory that nobody listens to and nobody stops.
pub fn budget(running: &Running, surroundings: &Surroundings) -> Result<Budget> {
    let threads = threads(running.threads, surroundings)?;
    let memory = running.memory.as_deref().map(|size| jobfile::bytes("--memory", size)).transpose()?;
    Ok(Budget::new(threads, memory.unwrap_or(MEMORY_BYTES_PER_TASK), Arc::default(), Box::new(Silent), None))
}

/// The number of threads: flag, setting, or all cores.
pub fn threads(flag: Option<usize>, surroundings: &Surroundings) -> Result<usize> {
    let wanted = flag.unwrap_or(surroundings.config.run.threads);
    if wanted > 1_024 {
        return Err(Error::invalid("cli::flag", format!("--threads takes 1 to 1,024, not {wanted}")).help("leave it out to use all cores"));
    }
    Ok(if wanted == 0 { machine::threads() } else { wanted })
}

/// A job of reading alone, from flags.
pub fn reading(source: &str, flags: &Reading, scratch: &Scratch) -> Result<JobSpec> {
    let path = crate::source::path(source, &scratch.folder("stdin")?)?.map(|path| path.display().to_string());
    let mut job = Map::new();
    jobfile::reading(&mut job, Some(path.as_deref().unwrap_or(source)), flags)?;
    JobSpec::read(&Value::Object(job))
}

/// Reads and describes a table into `out`.
pub fn profile(job: JobSpec, out: &Path, scratch: &Path, budget: &Budget) -> Result<Profiled> {
    let shared = Seed::shared(job.seed);
    profile_task(&ProfileInput::new(job, shared), out, scratch, budget)
}

/// Tells what reading and fitting had to remark.
pub fn tell_notes(notes: &[Finding], surroundings: &Surroundings) {
    if surroundings.quiet {
        return;
    }
    for note in notes {
        let column = note.column.as_deref().map(|column| format!("{}: ", crate::present::style::safe(column))).unwrap_or_default();
        tell!("  note     {column}{} ({})", crate::present::style::safe(&note.text), note.code);
    }
}
