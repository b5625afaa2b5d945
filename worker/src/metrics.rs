//! What a worker counts and measures. Names are constants, so that a recording and the catalogue cannot differ.
//! No label ever names a job, tenant, table, column or host.

mod record;

pub(crate) use record::{Process, Running, checkpoint, duplicate, ended, introduce, outcome, room, used};

use synthfleet_metrics::{Label, catalogue, long, short, sizes};

const KIND: Label = Label::Of("kind", &["profile", "synthesize", "benchmark", "generate"]);
/// Members of this program, and `plugin` for all others.
const NAME: Label = Label::UpTo("name", 64);
const POOL: Label = Label::UpTo("pool", 64);
const CLASS: Label = Label::Of("class", &["interactive", "batch"]);
const OUTCOME: Label = Label::Of("outcome", &["ok", "failed", "skipped", "cancelled"]);
const CAUSE: Label = Label::Of("cause", &["first", "released", "error", "oom", "crash", "timeout", "no_space", "lost"]);
const EXIT: Label = Label::Of("reason", &["ok", "error", "signal", "oom", "killed"]);
const OP: Label = Label::Of("op", &["saved", "resumed", "rejected"]);
const DISK: Label = Label::Of("state", &["used", "limit"]);
const SLOT: Label = Label::Of("state", &["busy", "free", "reserved"]);

catalogue! {
    BUILD_INFO = gauge("build_info"; &[Label::UpTo("version", 4), Label::UpTo("role", 4)]; "1, for the version of a role of this process.");
    TASKS_STARTED = counter("tasks_started_total"; &[KIND, NAME]; "Attempts at tasks that began here.");
    TASKS_FINISHED = counter("tasks_finished_total"; &[KIND, NAME, OUTCOME]; "Tasks that got their outcome from here.");
    TASKS_IN_PROGRESS = gauge("tasks_in_progress"; &[KIND]; "Attempts that run here.");
    TASK_DURATION = histogram("task_duration_seconds", long; &[KIND, NAME]; "Time of the attempt that gave a task its outcome.");
    TASK_QUEUE_WAIT = histogram("task_queue_wait_seconds", short; &[KIND, CLASS]; "Time from the hint of a task to its claim.");
    TASK_ATTEMPTS = counter("task_attempts_total"; &[KIND, CAUSE]; "Attempts at tasks, by how the attempt before ended.");
    TASK_CPU = counter("task_cpu_seconds_total"; &[KIND, NAME]; "Processor time of attempts.");
    TASK_MEMORY_PEAK = histogram("task_memory_peak_bytes", sizes; &[KIND, NAME]; "Most memory that an attempt held at once.");
    DUPLICATES = counter("duplicates_suppressed_total"; &[KIND]; "Outcomes that came too late: another attempt was first.");
    HINTS_REFUSED = counter("hints_refused_total"; &[Label::Of("reason", &["unknown", "not_in_plan", "version"])]; "Hints that were not followed: of no known plan, of no task of the plan, of a member in another version.");
    MESSAGES_REFUSED = counter("messages_refused_total"; &[Label::Of("reason", &["decode", "version", "size", "mismatch"])]; "Messages that could not be read.");
    SLOTS = gauge("slots"; &[POOL, SLOT]; "Tasks that can run at once here: those that do, and those that could.");
    HELD = gauge("held_messages"; &[POOL, CLASS]; "Messages that this worker has taken and not settled.");
    CHILD_STARTS = counter("child_starts_total"; &[KIND]; "Task processes that were started.");
    CHILD_EXITS = counter("child_exits_total"; &[EXIT]; "Task processes that ended.");
    CHILD_MEMORY = gauge("child_memory_bytes"; &[KIND]; "Memory that task processes hold.");
    SCRATCH = gauge("scratch_bytes"; &[DISK]; "The disk of the scratch folder: bytes that are used, by anybody, and bytes that can be.");
    CHECKPOINTS = counter("checkpoints_total"; &[KIND, OP]; "States of tasks: kept, given to a later attempt, or of no use.");
    CHECKPOINT_BYTES = counter("checkpoint_bytes_total"; &[KIND, OP]; "Bytes of these states.");
    ROWS_READ = counter("rows_read_total"; &[]; "Rows of tables that were read from sources.");
    ROWS_GENERATED = counter("rows_generated_total"; &[NAME]; "Synthetic rows in samples and delivered tables.");
    LAST_SUCCESS = gauge("last_success_timestamp_seconds"; &[KIND]; "When a task of a kind last ended well, in seconds since 1970.");
}

#[cfg(test)]
mod tests {
    use super::*;
    use synthfleet_metrics::{Book, Series, Sort};
    use synthfleet_proto::pool::Take;

    #[test]
    fn names_follow_the_form_and_are_given_once() {
        let mut names: Vec<_> = CATALOGUE.iter().map(|series| series.name).collect();
        for series in CATALOGUE {
            assert_eq!(matches!(series.sort, Sort::Counter), series.name.ends_with("_total"), "{}", series.name);
            assert!(series.help.ends_with('.'), "{}", series.name);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CATALOGUE.len());
    }

    #[test]
    fn every_member_has_its_series_and_all_stay_below_the_limit_of_a_scrape() {
        let book = Book::new(&[CATALOGUE]);
        introduce(&book, "local", &Take::all());
        let text = book.text();
        for member in crate::members() {
            assert!(text.contains(&format!("synthfleet_tasks_started_total{{kind=\"{}\",name=\"{}\"}} 0", member.task, member.name)));
        }
        let series = text.lines().filter(|line| !line.starts_with('#')).count();
        assert!((500..3_500).contains(&series), "{series}");
    }

    #[test]
    fn a18_no_label_names_a_job_a_tenant_or_what_is_in_a_table() {
        let of = |series: &Series| series.labels.iter().map(Label::name).collect::<Vec<_>>();
        let told: Vec<_> = CATALOGUE.iter().flat_map(of).collect();
        assert!(["job", "tenant", "table", "column", "host", "worker", "user"].iter().all(|name| !told.contains(name)), "{told:?}");
    }
}
