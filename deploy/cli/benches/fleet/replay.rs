//! Runs the tasks of one job for real once, then gives the same files again in no time: what is left is the fleet.

use crate::hints::task_of;
use async_trait::async_trait;
use std::path::{Path, PathBuf};
use synthfleet_proto::Error;
use synthfleet_proto::attempts::Ended;
use synthfleet_worker::TaskFolder;
use synthfleet_worker::execute::{Execution, Executor, Limits, Link, Pool, Usage};

/// Executor with a memory of what each task made.
pub struct Replay {
    real: Pool,
    kept: PathBuf,
}

impl Replay {
    /// Keeps what tasks make below a folder.
    pub fn new(kept: PathBuf) -> Self {
        Self { real: Pool::new(1 << 28), kept }
    }
}

#[async_trait]
impl Executor for Replay {
    async fn execute(&self, folder: &TaskFolder, limits: &Limits, link: Link) -> Execution {
        let name = task_of(folder);
        let kept = self.kept.join(name.split_once('-').map_or(name.as_str(), |(_, task)| task));
        let made = folder.path().join("out");
        if kept.exists() {
            let ended = copy(&kept, &made).map_or_else(|error| Ended::Error(Error::io("bench", error).to_wire()), |()| Ended::Well);
            return Execution { ended, usage: Usage::default() };
        }
        let execution = self.real.execute(folder, limits, link).await;
        if execution.ended == Ended::Well
            && let Err(error) = std::fs::create_dir_all(&kept).and_then(|()| copy(&made, &kept))
        {
            return Execution { ended: Ended::Error(Error::io("bench", error).to_wire()), usage: execution.usage };
        }
        execution
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
