//! What a coordinator counts and measures. Names are constants, so that a recording and the catalogue cannot differ.
//! No label ever names a job, tenant, table, column or host.

mod record;

pub use record::fact as record_fact;

use synthfleet_metrics::{Label, catalogue, long, shares, short};

const KIND: Label = Label::Of("kind", &["profile", "synthesize", "benchmark", "generate"]);
const POOL: Label = Label::UpTo("pool", 64);
const CLASS: Label = Label::Of("class", &["interactive", "batch"]);
const STATE: Label = Label::Of("state", &["queued", "on_hold", "in_progress"]);
const ENDED: Label = Label::Of("outcome", &["done", "no_release", "failed", "cancelled"]);
const DOOR: Label = Label::Of("source", &["http", "amqp", "sqs", "cli"]);
const CODE: Label = Label::Of("code", &["2xx", "3xx", "4xx", "5xx"]);
const BUCKET_EVENT: Label = Label::Of(
    "outcome",
    &[
        "submitted",
        "replayed",
        "superseded",
        "ours",
        "sidecar",
        "folder",
        "empty",
        "no_rule",
        "other_event",
        "test",
        "refused",
        "unreadable",
        "sidecar_missing",
        "retried",
        "retries",
    ],
);

catalogue! {
    BUILD_INFO = gauge("build_info"; &[Label::UpTo("version", 4), Label::UpTo("role", 4)]; "1, for the version of a role of this process.");
    JOBS_SUBMITTED = counter("jobs_submitted_total"; &[DOOR]; "Jobs that were accepted, by door; repeated submissions are not counted.");
    SUBMISSIONS_REPLAYED = counter("submissions_replayed_total"; &[DOOR]; "Submissions that met the job of an equal one before them.");
    SUBMISSIONS_REFUSED = counter("submissions_refused_total"; &[DOOR]; "Submissions that were refused.");
    BUCKET_EVENTS = counter("bucket_events_total"; &[BUCKET_EVENT]; "Bucket events, by what became of them.");
    JOBS_FINISHED = counter("jobs_finished_total"; &[ENDED]; "Jobs that ended in the care of this process.");
    JOBS_IN_PROGRESS = gauge("jobs_in_progress"; &[STATE]; "Jobs in the care of this process.");
    OLDEST_ACTIVE_JOB = gauge("oldest_active_job_seconds"; &[]; "Age of the oldest job in the care of this process.");
    JOB_DURATION = histogram("job_duration_seconds", long; &[ENDED]; "Time from submission to the end of a job.");
    LEASES_EXPIRED = counter("leases_expired_total"; &[KIND]; "Attempts that went silent.");
    REPUBLISHED = counter("reconciler_republished_total"; &[Label::Of("reason", &["lost", "stale", "deserted"])]; "Hints that were sent again because nothing happened.");
    SWEEP = histogram("reconciler_sweep_seconds", short; &[]; "Time of one look at the store.");
    MESSAGES_REFUSED = counter("messages_refused_total"; &[Label::Of("reason", &["decode", "version", "size", "mismatch"])]; "Messages that could not be read.");
    DEAD_LETTERS_TOTAL = counter("dead_letters_total"; &[Label::UpTo("reason", 16)]; "Messages that were buried or found buried.");
    DEAD_LETTERS = gauge("dead_letters"; &[]; "Messages that wait in the dead list.");
    QUEUE_READY = gauge("queue_ready_messages"; &[POOL, CLASS]; "Messages that wait to be taken.");
    QUEUE_UNACKED = gauge("queue_unacked_messages"; &[POOL, CLASS]; "Messages that were taken and not settled, where the broker tells it: in one process, SQS, and RabbitMQ whose management API is named. Else held_messages of the workers add up to it.");
    QUEUE_OLDEST = gauge("queue_oldest_message_age_seconds"; &[POOL, CLASS]; "Age of the oldest waiting message.");
    POOL_CONSUMERS = gauge("pool_consumers"; &[POOL]; "Takers of a pool.");
    POOL_WANTED_SLOTS = gauge("pool_wanted_slots"; &[POOL]; "Slots that the work of now could use.");
    DISPATCH_WINDOW = gauge("dispatch_window_ratio"; &[]; "Share of the windows that is in use.");
    DISPATCH_PAUSED = gauge("dispatch_paused"; &[POOL]; "1 while a pool's queue is full.");
    HTTP_DURATION = histogram("http_request_duration_seconds", short; &[Label::UpTo("route", 96), Label::Of("method", &["GET", "HEAD", "POST", "PUT", "DELETE"]), CODE]; "Time to the first byte of an answer.");
    WINNER_SELECTED = counter("winner_selected_total"; &[Label::UpTo("name", 64)]; "Jobs that a synthesizer won.");
    WINNER_QUALITY = histogram("winner_quality_ratio", shares; &[]; "Score of winners.");
    WINNER_PRIVACY = histogram("winner_privacy_ratio", shares; &[]; "Largest used share of a balanced privacy limit, of winners.");
    GATE_FAILURES = counter("gate_failures_total"; &[Label::UpTo("gate", 32)]; "Candidates that a gate kept back.");
    LAST_SUCCESS = gauge("last_success_timestamp_seconds"; &[KIND]; "When a task of a kind last ended well, in seconds since 1970.");
    HEARTBEAT = gauge("pipeline_heartbeat_timestamp_seconds"; &[POOL]; "When a probe last came back through a pool, or the first one was sent, in seconds since 1970.");
    EVENT_DROPS = counter("event_drops_total"; &[]; "Events that came faster than they were handed on.");
    EVENT_LISTENERS = gauge("event_listeners"; &[]; "Open streams of events.");
    AUTH_FAILURES = counter("auth_failures_total"; &[Label::Of("reason", &["missing", "unknown", "scope", "tenant", "host", "origin"])]; "Requests of callers who may not.");
    QUOTA_REFUSALS = counter("quota_refusals_total"; &[Label::Of("quota", &["requests", "submissions", "live_jobs", "listeners"])]; "Requests beyond a limit.");
    REPLIES = counter("replies_total"; &[Label::Of("outcome", &["sent", "no_queue", "failed"])]; "Answers to submissions from queues.");
    CALLBACKS = counter("callbacks_total"; &[Label::Of("outcome", &["delivered", "refused", "unanswered", "given_up"])]; "Calls of pages that jobs name: taken (delivered), answered otherwise, not answered; and pages that are not called again.");
    OWNED_TENANTS = gauge("coordinator_owned_tenants"; &[]; "Tenants with a job in the care of this process.");
    VIEW_BYTES = gauge("view_bytes"; &[]; "About how much memory the facts of the jobs in the care of this process take.");
}

#[cfg(test)]
mod tests {
    use super::*;
    use synthfleet_metrics::{Book, Sort};

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
    fn a_full_book_stays_below_the_limit_of_a_scrape() {
        let book = Book::new(&[CATALOGUE]);
        let series = book.text().lines().filter(|line| !line.starts_with('#')).count();
        assert!((100..5_000).contains(&series), "{series}");
    }

    #[test]
    fn a18_no_label_names_a_job_a_tenant_or_what_is_in_a_table() {
        let labels = CATALOGUE.iter().flat_map(|series| series.labels.iter().map(Label::name));
        let told: Vec<_> = labels.filter(|name| ["job", "tenant", "table", "column", "host", "worker", "user"].contains(name)).collect();
        assert_eq!(told, [""; 0]);
    }
}
