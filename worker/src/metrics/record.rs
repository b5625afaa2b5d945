//! What the doings of a worker count for.

use super::{
    CHECKPOINT_BYTES, CHECKPOINTS, CHILD_EXITS, CHILD_MEMORY, CHILD_STARTS, DUPLICATES, HELD, LAST_SUCCESS, ROWS_GENERATED, ROWS_READ,
    SCRATCH, SLOTS, TASK_ATTEMPTS, TASK_CPU, TASK_DURATION, TASK_MEMORY_PEAK, TASK_QUEUE_WAIT, TASKS_FINISHED, TASKS_IN_PROGRESS,
    TASKS_STARTED,
};
use crate::attempt::Attempt;
use crate::execute::{Told, Usage};
use crate::perform::SAMPLE;
use std::path::Path;
use std::sync::Arc;
use synthfleet_metrics::{Book, Raised};
use synthfleet_proto::attempts::{Ended, Seen};
use synthfleet_proto::class::Class;
use synthfleet_proto::fact::{EndCause, Group, OutcomeFact, OutcomeStatus};
use synthfleet_proto::pool::Take;
use synthfleet_proto::task::TaskKind;

/// Members that are not of this program.
const PLUGIN: &str = "plugin";

/// A member as labels name it: those of this program by their names, all others alike.
fn name(kind: TaskKind, member: &str) -> &'static str {
    match kind {
        TaskKind::Profile => TaskKind::Profile.name(),
        TaskKind::Synthesize | TaskKind::Generate => synthfleet_synthesizers::find(member).map_or(PLUGIN, |found| found.about().name),
        TaskKind::Benchmark => synthfleet_benchmarks::find(member).map_or(PLUGIN, |found| found.about().name),
    }
}

/// Makes the series of all members that a worker takes, with 0, and of its pool.
pub fn introduce(book: &Book, pool: &str, take: &Take) {
    for state in ["busy", "free", "reserved"] {
        book.introduce(SLOTS, &[pool, state]);
    }
    for class in Class::ALL {
        book.introduce(HELD, &[pool, class.name()]);
    }
    let synthesizers: Vec<&str> = synthfleet_synthesizers::SYNTHESIZERS.iter().map(|member| member.about().name).collect();
    let benchmarks: Vec<&str> = synthfleet_benchmarks::BENCHMARKS.iter().map(|member| member.about().name).collect();
    for kind in TaskKind::ALL {
        let members: &[&str] = match kind {
            TaskKind::Profile => &[""],
            TaskKind::Synthesize | TaskKind::Generate => &synthesizers,
            TaskKind::Benchmark => &benchmarks,
        };
        for member in members.iter().filter(|member| take.width(kind, member).is_some()) {
            let labels = [kind.name(), name(kind, member)];
            for family in [TASKS_STARTED, TASK_DURATION, TASK_CPU, TASK_MEMORY_PEAK] {
                book.introduce(family, &labels);
            }
            for outcome in [OutcomeStatus::Ok, OutcomeStatus::Failed, OutcomeStatus::Skipped, OutcomeStatus::Cancelled] {
                book.introduce(TASKS_FINISHED, &[labels[0], labels[1], outcome.name()]);
            }
            if matches!(kind, TaskKind::Synthesize | TaskKind::Generate) {
                book.introduce(ROWS_GENERATED, &labels[1..]);
            }
        }
    }
}

/// An attempt that runs. Dropping it says that it does no more.
pub struct Running {
    _in_progress: Raised,
}

impl Running {
    /// Counts a claimed attempt; `seen` are the attempts before it.
    pub fn begin(book: &Arc<Book>, attempt: &Attempt, seen: &[Seen]) -> Self {
        let kind = attempt.group.kind;
        book.add(TASKS_STARTED, &[kind.name(), name(kind, &attempt.group.name)], 1);
        book.add(TASK_ATTEMPTS, &[kind.name(), cause(seen)], 1);
        book.observe(TASK_QUEUE_WAIT, &[kind.name(), attempt.spec.class.name()], attempt.wait_seconds);
        Self { _in_progress: Raised::new(book, TASKS_IN_PROGRESS, &[kind.name()], 1.0) }
    }
}

/// Why there is an attempt: how the one before ended.
fn cause(seen: &[Seen]) -> &'static str {
    let Some(before) = seen.last() else { return "first" };
    match before.end.as_ref().map(|(end, _)| end.cause) {
        None => "lost",
        Some(EndCause::Released | EndCause::Superseded | EndCause::Cancelled) => "released",
        Some(EndCause::Error) => "error",
        Some(EndCause::OutOfMemory) => "oom",
        Some(EndCause::Crash) => "crash",
        Some(EndCause::Timeout) => "timeout",
        Some(EndCause::NoSpace) => "no_space",
    }
}

/// Counts what an attempt used, however it ended.
pub fn used(book: &Book, group: &Group, usage: &Usage) {
    let labels = [group.kind.name(), name(group.kind, &group.name)];
    book.add_share(TASK_CPU, &labels, usage.cpu_seconds);
    if usage.memory_peak_bytes > 0 {
        book.observe(TASK_MEMORY_PEAK, &labels, usage.memory_peak_bytes as f64);
    }
}

/// Counts an outcome that was created here. `now`: milliseconds since 1970.
pub fn outcome(book: &Book, group: &Group, fact: &OutcomeFact, now: i64) {
    ended(book, group, fact.status);
    book.observe(TASK_DURATION, &[group.kind.name(), name(group.kind, &group.name)], seconds(fact));
    if fact.status != OutcomeStatus::Ok {
        return;
    }
    book.set(LAST_SUCCESS, &[group.kind.name()], now as f64 / 1e3);
    match group.kind {
        TaskKind::Profile => book.add(ROWS_READ, &[], fact.profile.as_ref().map_or(0, |profile| profile.rows)),
        TaskKind::Synthesize => {
            let sample = fact.outputs.iter().find(|output| output.role == SAMPLE);
            book.add(ROWS_GENERATED, &[name(group.kind, &group.name)], sample.and_then(|sample| sample.rows).unwrap_or(0));
        }
        TaskKind::Generate => {
            let rows = group.rows_of(&fact.task);
            book.add(ROWS_GENERATED, &[name(group.kind, &group.name)], rows.end - rows.start);
        }
        TaskKind::Benchmark => {}
    }
}

/// Counts an outcome of a task that did not run here.
pub fn ended(book: &Book, group: &Group, status: OutcomeStatus) {
    book.add(TASKS_FINISHED, &[group.kind.name(), name(group.kind, &group.name), status.name()], 1);
}

/// Time of the attempt that made an outcome, in seconds.
fn seconds(fact: &OutcomeFact) -> f64 {
    (fact.ended_at - fact.started_at).max(0) as f64 / 1e3
}

/// Counts an outcome that came too late.
pub fn duplicate(book: &Book, kind: TaskKind) {
    book.add(DUPLICATES, &[kind.name()], 1);
}

/// Counts a state of a task: `saved`, `resumed` or `rejected`.
pub fn checkpoint(book: &Book, kind: TaskKind, op: &str, bytes: u64) {
    book.add(CHECKPOINTS, &[kind.name(), op], 1);
    book.add(CHECKPOINT_BYTES, &[kind.name(), op], bytes);
}

/// Measures the disk of the scratch folder. Where the system does not tell, the values stay.
pub fn room(book: &Book, scratch: &Path) {
    let Ok(disk) = rustix::fs::statvfs(scratch) else { return };
    let used = disk.f_blocks.saturating_sub(disk.f_bfree).saturating_mul(disk.f_frsize);
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    book.set(SCRATCH, &["used"], used as f64);
    book.set(SCRATCH, &["limit"], used.saturating_add(free) as f64);
}

/// The process of an attempt, if it has one.
pub struct Process {
    book: Arc<Book>,
    kind: TaskKind,
    memory: Option<Raised>,
}

impl Process {
    /// No process yet.
    pub fn none(book: &Arc<Book>, kind: TaskKind) -> Self {
        Self { book: Arc::clone(book), kind, memory: None }
    }

    /// Hears what concerns the process; gives back what does not.
    pub fn hear(&mut self, said: Told) -> Option<Told> {
        match said {
            Told::Begun => {
                self.book.add(CHILD_STARTS, &[self.kind.name()], 1);
                self.memory = Some(Raised::new(&self.book, CHILD_MEMORY, &[self.kind.name()], 0.0));
                None
            }
            Told::Memory(bytes) => {
                if let Some(memory) = &mut self.memory {
                    memory.to(bytes as f64);
                }
                None
            }
            other => Some(other),
        }
    }

    /// The attempt ended, and with it its process.
    pub fn end(self, ended: &Ended) {
        if self.memory.is_none() {
            return;
        }
        let reason = match ended {
            Ended::Well => "ok",
            Ended::Error(_) => "error",
            Ended::Stopped(_) => "killed",
            Ended::Crash(_) => "signal",
            Ended::OutOfMemory(_) => "oom",
        };
        self.book.add(CHILD_EXITS, &[reason], 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::CATALOGUE;
    use std::time::Duration;
    use synthfleet_proto::fact::End;

    #[test]
    fn foreign_members_are_counted_together() {
        assert_eq!(name(TaskKind::Synthesize, "seqtree"), "seqtree");
        assert_eq!(name(TaskKind::Benchmark, "accuracy"), "accuracy");
        assert_eq!(name(TaskKind::Synthesize, "somebody_s_own"), PLUGIN);
        assert_eq!(name(TaskKind::Profile, ""), "profile");
    }

    #[test]
    fn every_end_of_an_attempt_is_a_cause_of_the_next_that_the_catalogue_knows() {
        let seen = |end: Option<EndCause>| {
            let end =
                end.map(|cause| (End { v: 1, cause, counted: true, error: None, delay_seconds: 0, checkpoint: None }, Duration::ZERO));
            let still = Duration::ZERO;
            [Seen { number: 1, owner: None, age: still, silent: still, interval: still, end, checkpoint: None }]
        };
        assert_eq!((cause(&[]), cause(&seen(None)), cause(&seen(Some(EndCause::OutOfMemory)))), ("first", "lost", "oom"));
        let book = Book::new(&[CATALOGUE]);
        for end in EndCause::ALL {
            let cause = cause(&seen(Some(end)));
            book.add(TASK_ATTEMPTS, &["profile", cause], 1);
        }
        assert!(!book.text().contains("cause=\"other\""));
    }

    #[test]
    fn a_process_is_counted_from_its_start_to_its_end() {
        let book = Arc::new(Book::new(&[CATALOGUE]));
        let mut process = Process::none(&book, TaskKind::Benchmark);
        assert!(process.hear(Told::Memory(7)).is_none(), "heard too early it is nothing");
        process.hear(Told::Begun);
        process.hear(Told::Memory(5 << 20));
        assert_eq!(book.value(CHILD_MEMORY, &["benchmark"]), Some(f64::from(5 << 20)));
        assert_eq!(process.hear(Told::Log("x".into())), Some(Told::Log("x".into())));
        process.end(&Ended::Crash("gone".into()));
        let counts = [(CHILD_STARTS, "benchmark"), (CHILD_EXITS, "signal"), (CHILD_MEMORY, "benchmark")];
        assert_eq!(counts.map(|(family, label)| book.value(family, &[label])), [1.0, 1.0, 0.0].map(Some));
    }

    #[test]
    fn a_task_without_a_process_has_no_exit() {
        let book = Arc::new(Book::new(&[CATALOGUE]));
        Process::none(&book, TaskKind::Profile).end(&Ended::Well);
        assert_eq!(book.value(CHILD_EXITS, &["ok"]), Some(0.0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_disk_of_the_scratch_folder_is_measured() {
        let book = Book::new(&[CATALOGUE]);
        room(&book, &std::env::temp_dir());
        let of = |state| book.value(SCRATCH, &[state]).expect("known");
        assert!(of("limit") > of("used") && of("used") > 0.0);
    }
}
