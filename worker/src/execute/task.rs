//! A task process from inside: what `synthfleet task <folder>` does.

use super::line::Line;
use super::pool::panic_error;
use super::{Usage, process};
use crate::{TaskFolder, perform};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_proto::Result;
use synthfleet_table::Arrays;
use synthfleet_table::budget::{Budget, Listener};

/// What `synthfleet task <folder>` does: sets its own limits, performs the task, tells progress and the error
/// as JSON lines on standard output. Returns the exit code of the task contract (0, 65, 69, 70, 75, 78, 143).
/// The caller exits with it.
pub fn run_task(folder: &Path) -> u8 {
    let folder = TaskFolder::open(folder);
    let result = folder.task().and_then(|task| {
        process::confine(task.memory_bytes);
        let budget = Budget::new(task.threads.max(1) as usize, task.memory_bytes, Arc::default(), Box::new(Mouth::default()), None);
        match catch_unwind(AssertUnwindSafe(|| perform(&folder, &budget))) {
            Ok(result) => result,
            Err(payload) => Err(panic_error(payload.as_ref())),
        }
    });
    let Usage { cpu_seconds, memory_peak_bytes } = process::usage();
    say(&Line::Usage { cpu_seconds, memory_peak_bytes });
    match result {
        Ok(()) => 0,
        Err(error) => {
            let code = error.kind().task_exit_code();
            say(&Line::Error(error.to_wire()));
            code
        }
    }
}

fn say(line: &Line) {
    if let Ok(mut text) = serde_json::to_vec(line) {
        text.push(b'\n');
        // a runner that does not listen any more kills us anyway
        let _ = std::io::stdout().lock().write_all(&text);
    }
}

/// Says what a task tells, at most 20 lines a second of each sort.
#[derive(Default)]
struct Mouth {
    last: std::sync::Mutex<Option<std::time::Instant>>,
}

impl Mouth {
    fn is_due(&self) -> bool {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let due = last.is_none_or(|last| last.elapsed() >= Duration::from_millis(50));
        if due {
            *last = Some(std::time::Instant::now());
        }
        due
    }
}

impl Listener for Mouth {
    fn progress(&self, fraction: f64, phase: &'static str) {
        if fraction >= 1.0 || self.is_due() {
            say(&Line::Progress { fraction, phase: phase.to_owned() });
        }
    }

    fn measure(&self, name: &'static str, step: u64, value: f64) {
        if name.ends_with(crate::SECONDS) || self.is_due() {
            say(&Line::Measure { name: name.to_owned(), step, value });
        }
    }

    fn checkpoint(&self, _: u64, _: &Arrays) -> Result<()> {
        Ok(())
    }

    fn checkpoint_due(&self) -> bool {
        false
    }
}
