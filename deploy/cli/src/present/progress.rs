//! What a run shows while it works: a bar on a terminal, one line a finished task elsewhere. All on stderr.

use super::style::{Style, safe};
use crate::tell;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use synthfleet_coordinator::job::{DEADLINE, INTERRUPTED};
use synthfleet_proto::event::{Event, Happening, TaskEvent, TaskState};
use synthfleet_proto::fact::ProfileSummary;
use synthfleet_proto::task::TaskKind;

/// Shows the events of one run.
pub struct Progress {
    style: Style,
    quiet: bool,
    seed: Option<u64>,
    bar: ProgressBar,
    /// Tasks that were not begun when the run was cut off.
    open: AtomicU32,
}

impl Progress {
    /// Nothing is drawn before the first event. `seed`: the job's, where it is known.
    pub fn new(style: Style, quiet: bool, seed: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(
            None,
            if style.live && !quiet { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
        );
        if let Ok(look) = ProgressStyle::with_template("  {bar:24} {pos}/{len}  {msg}  {elapsed}") {
            bar.set_style(look.progress_chars("▰▰▱"));
        }
        Self { style, quiet, seed, bar, open: AtomicU32::new(0) }
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

    /// Takes the bar away, and tells how much was left open.
    pub fn end(&self) {
        let open = self.open.load(Ordering::Relaxed);
        if open > 0 && !self.quiet {
            self.line(&format!("  stopped  {open} tasks were not begun"));
        }
        self.bar.finish_and_clear();
    }

    fn profile(&self, summary: &ProfileSummary) {
        let kinds: Vec<String> = summary.kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let target = summary.target.as_deref().map_or("none".to_owned(), safe);
        self.line(&format!("  read     {}   {} rows x {} columns", reading(summary), count(summary.rows), summary.columns));
        self.line(&format!("  types    {}   target: {target} (--target to change)", kinds.join(", ")));
        for note in &summary.notes {
            let column = note.column.as_deref().map(|column| format!("{}: ", safe(column))).unwrap_or_default();
            self.line(&format!("  note     {column}{} ({})", safe(&note.text), note.code));
        }
        let shape = &summary.shape;
        let seed = self.seed.map_or_else(String::new, |seed| format!("   seed {seed}"));
        self.line(&format!("  split    {} train / {} holdout{seed}", count(shape.train_rows), count(shape.holdout_rows)));
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
        if task.error.as_ref().is_some_and(|error| error.code == INTERRUPTED || error.code == DEADLINE) && task.attempt == 0 {
            self.open.fetch_add(1, Ordering::Relaxed);
            return;
        }
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

/// The source in words: name, size, form.
fn reading(summary: &ProfileSummary) -> String {
    let reading = &summary.reading;
    let word = |field: &str| reading[field].as_str().map(safe);
    let header = reading["header"].as_bool().map(|header| if header { "header" } else { "no header" }.to_owned());
    let form: Vec<String> = [word("format"), word("dialect"), header, word("encoding")].into_iter().flatten().collect();
    let packed = word("compression").filter(|name| name != "none").map(|name| format!(" ({name})")).unwrap_or_default();
    let size = reading["bytes"].as_u64().map_or(String::new(), |bytes| format!("   {}{packed}", size(bytes)));
    format!("{}{size}   {}", safe(&summary.table), form.join(", "))
}

/// Bytes in binary units.
fn size(bytes: u64) -> String {
    match bytes {
        bytes if bytes < 1 << 10 => format!("{bytes} B"),
        bytes if bytes < 1 << 20 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        bytes if bytes < 1 << 30 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        bytes => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}

/// A count with a comma every three digits.
fn count(value: u64) -> String {
    let digits = value.to_string();
    let comma = |place: usize| if place > 0 && (digits.len() - place).is_multiple_of(3) { "," } else { "" };
    digits.chars().enumerate().map(|(place, digit)| format!("{}{digit}", comma(place))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_told_with_size_and_form() {
        let summary: ProfileSummary = serde_json::from_value(serde_json::json!({
            "table": "adult", "shape": synthfleet_proto::about::Shape::default(), "rows": 48_842, "columns": 15,
            "reading": {"bytes": 596_959, "compression": "gzip", "dialect": "comma", "header": true, "encoding": "utf-8"},
        }))
        .expect("a summary");
        assert_eq!(reading(&summary), "adult   583.0 KiB (gzip)   comma, header, utf-8");
        assert_eq!((count(7), count(48_842), count(1_000_000)), ("7".into(), "48,842".into(), "1,000,000".into()));
    }
}
