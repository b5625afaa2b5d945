//! What a run shows while it works: a bar on a terminal, one line a finished task elsewhere. All on stderr.

use super::style::{Style, safe};
use crate::tell;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;
use synthfleet_proto::event::{Event, Happening, TaskEvent, TaskState};
use synthfleet_proto::fact::ProfileSummary;
use synthfleet_proto::task::TaskKind;

/// Shows the events of one run.
pub struct Progress {
    style: Style,
    quiet: bool,
    bar: ProgressBar,
}

impl Progress {
    /// Nothing is drawn before the first event.
    pub fn new(style: Style, quiet: bool) -> Self {
        let bar = ProgressBar::with_draw_target(
            None,
            if style.live && !quiet { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
        );
        if let Ok(look) = ProgressStyle::with_template("  {bar:24} {pos}/{len}  {msg}  {elapsed}") {
            bar.set_style(look.progress_chars("▰▰▱"));
        }
        Self { style, quiet, bar }
    }

    /// Shows one event.
    pub fn show(&self, event: &Event) {
        if self.quiet {
            return;
        }
        match &event.what {
            Happening::Profile { summary } => self.profile(summary),
            Happening::Planned { tasks, candidates, repeats } => {
                self.bar.set_length(u64::from(*tasks));
                self.bar.enable_steady_tick(Duration::from_millis(200));
                let times = if *repeats > 1 { format!(" x {repeats} repeats") } else { String::new() };
                self.line(&format!(
                    "  running  {candidates} synthesizers{times} + baselines, {tasks} tasks   (Ctrl-C keeps finished ones)"
                ));
            }
            Happening::Task(task) => self.task(task),
            Happening::Progress { task, fraction, phase, .. } => self.bar.set_message(format!("{task} {phase} {:.0} %", fraction * 100.0)),
            Happening::Note { code, text } => self.line(&format!("  note     {} ({code})", safe(text))),
            _ => {}
        }
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn profile(&self, summary: &ProfileSummary) {
        let kinds: Vec<String> = summary.kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let target = summary.target.as_deref().map_or("none".to_owned(), safe);
        self.line(&format!("  read     {}   {} rows x {} columns", safe(&summary.table), summary.rows, summary.columns));
        self.line(&format!("  types    {}   target: {target} (--target to change)", kinds.join(", ")));
        for note in &summary.notes {
            let column = note.column.as_deref().map(|column| format!("{}: ", safe(column))).unwrap_or_default();
            self.line(&format!("  note     {column}{} ({})", safe(&note.text), note.code));
        }
        self.line(&format!("  split    {} train / {} holdout", summary.shape.train_rows, summary.shape.holdout_rows));
    }

    fn task(&self, task: &TaskEvent) {
        let ended = matches!(task.state, TaskState::Done | TaskState::Failed | TaskState::Skipped | TaskState::Cancelled);
        if !ended || task.kind == TaskKind::Profile {
            return;
        }
        self.bar.inc(1);
        let seconds = task.seconds.map(|seconds| format!(" {seconds:.1} s")).unwrap_or_default();
        let cached = if task.from_cache { " cached" } else { "" };
        let why = task.error.as_ref().map(|error| format!(": {} ({})", safe(&error.message), error.code)).unwrap_or_default();
        let (good, bad) = if self.style.live { ("✓", "✗") } else { ("done   ", "FAILED ") };
        match task.state {
            TaskState::Done if task.kind == TaskKind::Benchmark => {}
            TaskState::Done => self.line(&format!("  {good} {}{seconds}{cached}", task.task)),
            TaskState::Failed => self.line(&format!("  {bad} {}{seconds}{why}", task.task)),
            TaskState::Skipped => self.line(&format!("  skipped  {}{why}", task.task)),
            _ => self.line(&format!("  stopped  {}", task.task)),
        }
    }

    fn line(&self, text: &str) {
        if self.style.live {
            self.bar.suspend(|| tell!("{text}"));
        } else {
            tell!("{text}");
        }
    }
}
