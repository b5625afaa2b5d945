//! A task process from inside: what `synthfleet task <folder>` does.

use super::line::Line;
use super::pool::panic_error;
use super::state::{self, States};
use super::{Usage, process};
use crate::{TaskFolder, perform};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use synthfleet_proto::Result;
use synthfleet_synthesizers::find;
use synthfleet_table::Arrays;
use synthfleet_table::budget::{Budget, Listener};

/// What `synthfleet task <folder>` does: sets its own limits, performs the task, tells progress and the error
/// as JSON lines on standard output. Returns the exit code of the task contract (0, 65, 69, 70, 75, 78, 143).
/// The caller exits with it.
pub fn run_task(folder: &Path) -> u8 {
    let folder = TaskFolder::open(folder);
    let result = folder.task().and_then(|task| {
        process::confine(&task);
        let resume = state::read(&folder, &task)?;
        if task.resume.is_some() && resume.is_none() {
            say(&Line::Note { text: state::REFUSED.to_owned() });
        }
        let (threads, memory_bytes, stop) = (task.threads.max(1) as usize, task.memory_bytes, Arc::<AtomicBool>::default());
        let states = Arc::new(States::new(&folder, task.clone()));
        // who can stop early must hear it; who cannot ends by the signal itself
        let best = (task.op == "synthesize" && find(&task.name).is_ok_and(|member| member.about().anytime)).then(|| Arc::clone(&stop));
        if task.checkpoint || best.is_some() {
            listen_for_the_end(folder.clone(), task.checkpoint.then(|| Arc::clone(&states)), best);
        }
        let (progress, measures) = (Pace::default(), Pace::default());
        let mouth = Mouth { progress, measures, states, stop: Arc::clone(&stop), folder: folder.clone() };
        let budget = Budget::new(threads, memory_bytes, stop, Box::new(mouth), resume);
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

/// The first SIGTERM asks for a state, or for the best so far; without it the signal ends the process at once. The runner
/// kills who takes too long.
fn listen_for_the_end(folder: TaskFolder, states: Option<Arc<States>>, best: Option<Arc<AtomicBool>>) {
    use tokio::signal::unix::{SignalKind, signal};
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            if let Ok(mut told) = signal(SignalKind::terminate()) {
                while told.recv().await.is_some() {
                    // nobody goes on after the end of the time
                    if let Some(states) = states.as_ref().filter(|_| !folder.is_out_of_time() || best.is_none()) {
                        states.ask();
                    }
                    if let Some(stop) = &best {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            }
        });
    });
}

fn say(line: &Line) {
    if let Ok(mut text) = serde_json::to_vec(line) {
        text.push(b'\n');
        // a runner that does not listen any more kills us anyway
        let _ = std::io::stdout().lock().write_all(&text);
    }
}

/// Lines of one sort, at most 20 a second. Each sort has its own: members tell progress before each measure, which would
/// never have its turn.
#[derive(Default)]
struct Pace(std::sync::Mutex<Option<std::time::Instant>>);

impl Pace {
    fn is_due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let due = last.is_none_or(|last| last.elapsed() >= Duration::from_millis(50));
        if due {
            *last = Some(std::time::Instant::now());
        }
        due
    }
}

/// Says what a task tells.
struct Mouth {
    progress: Pace,
    measures: Pace,
    states: Arc<States>,
    stop: Arc<AtomicBool>,
    folder: TaskFolder,
}

impl Listener for Mouth {
    fn progress(&self, fraction: f64, phase: &'static str) {
        if fraction >= 1.0 || self.progress.is_due() {
            say(&Line::Progress { fraction, phase: phase.to_owned() });
        }
    }

    fn measure(&self, name: &'static str, step: u64, value: f64) {
        if name.ends_with(crate::SECONDS) || self.measures.is_due() {
            say(&Line::Measure { name: name.to_owned(), step, value });
        }
    }

    fn checkpoint(&self, step: u64, arrays: &Arrays) -> Result<()> {
        let is_last = self.states.is_asked();
        let path = self.states.write(step, arrays)?;
        say(&Line::Checkpoint { path, step });
        if is_last {
            self.stop.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn checkpoint_due(&self) -> bool {
        self.states.is_due()
    }

    fn note(&self, text: &str) {
        say(&Line::Note { text: text.to_owned() });
    }

    // a drained worker gives the task back: another one makes the whole of it
    fn may_finish(&self) -> bool {
        self.folder.is_out_of_time()
    }
}
