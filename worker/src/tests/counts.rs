//! What a worker counts, and which trace its messages belong to.

use super::*;
use synthfleet_proto::span::SpanKind;

impl Bench {
    /// The spans of attempts that have ended.
    fn spans(&self) -> Vec<Span> {
        self.spans.0.lock().expect("whole").clone()
    }

    pub fn count(&self, family: &str, labels: &[&str]) -> f64 {
        self.book.value(family, labels).unwrap_or_else(|| panic!("no series of {family}"))
    }
}

#[tokio::test]
async fn a_task_is_counted_from_its_claim_to_its_outcome() {
    let bench = Bench::new(Script::Make).await;
    bench.hint(&task(), &bench.plan_sha256).await;
    bench.result().await;
    bench.settled().await;
    let member = ["benchmark", "plugin"];
    let ones = [
        bench.count("tasks_started_total", &member),
        bench.count("tasks_finished_total", &[member[0], member[1], "ok"]),
        bench.count("task_duration_seconds", &member),
        bench.count("task_queue_wait_seconds", &["benchmark", "interactive"]),
        bench.count("task_attempts_total", &["benchmark", "first"]),
    ];
    assert_eq!(ones, [1.0; 5]);
    assert_eq!(bench.count("tasks_in_progress", &["benchmark"]), 0.0);
    assert_eq!(bench.count("held_messages", &["local", "interactive"]), 0.0);
    assert!(bench.count("last_success_timestamp_seconds", &["benchmark"]) > 0.0);
}

#[tokio::test]
async fn slots_are_busy_while_a_task_runs() {
    let bench = Bench::new(Script::WaitForStop).await;
    bench.hint(&task(), &bench.plan_sha256).await;
    while bench.runs() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let slots = ["busy", "free", "reserved"].map(|state| bench.count("slots", &["local", state]));
    assert_eq!((slots, bench.count("tasks_in_progress", &["benchmark"])), ([1.0, 1.0, 0.0], 1.0));
    // a slot that is busy holds its message
    assert_eq!(["interactive", "batch"].map(|class| bench.count("held_messages", &["local", class])), [1.0, 0.0]);
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_is_kept_for_the_urgent_is_reserved() {
    let bench = Bench::fleet(Script::Make).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(["busy", "free", "reserved"].map(|state| bench.count("slots", &["local", state])), [0.0, 1.0, 1.0]);
}

#[tokio::test]
async fn a_task_that_fails_is_counted_as_failed() {
    let bench = Bench::new(Script::Fail).await;
    bench.hint(&task(), &bench.plan_sha256).await;
    bench.result().await;
    assert_eq!(["ok", "failed"].map(|outcome| bench.count("tasks_finished_total", &["benchmark", "plugin", outcome])), [0.0, 1.0]);
}

#[tokio::test]
async fn an_outcome_that_comes_too_late_is_a_duplicate() {
    let bench = Bench::with(Script::MakeWhenStopped, 0.5).await;
    bench.hint(&task(), &bench.plan_sha256).await;
    while bench.runs() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let other = OutcomeFact::not_run(task(), OutcomeStatus::Failed, Error::internal("test::other", "somebody else").to_wire());
    create_fact(bench.store.as_ref(), &bench.keys.outcome(task().as_str()).expect("legal"), &other, [9; 16]).await.expect("created");
    assert_eq!(bench.result().await.status, ResultStatus::Failed, "the one that was first");
    assert_eq!(bench.count("duplicates_suppressed_total", &["benchmark"]), 1.0);
    assert_eq!(bench.book.value("tasks_finished_total", &["benchmark", "plugin", "ok"]), Some(0.0), "it is not finished twice");
}

#[tokio::test]
async fn what_a_killed_run_left_open_is_counted_as_lost() {
    let bench = Bench::new(Script::Make).await;
    let claim = Claim {
        v: fact::VERSION,
        worker: "w".into(),
        host: String::new(),
        nonce: "00".repeat(16),
        attempt: 1,
        hint_id: String::new(),
        member_version: String::new(),
        owner: Some("killed".into()),
        resumed_from: None,
    };
    create_fact(bench.store.as_ref(), &bench.keys.claim(task().as_str(), 1).expect("legal"), &claim, [8; 16]).await.expect("created");
    bench.hint(&task(), &bench.plan_sha256).await;
    bench.result().await;
    assert_eq!(["first", "lost"].map(|cause| bench.count("task_attempts_total", &["benchmark", cause])), [0.0, 1.0]);
    bench.settled().await;
    let spans = bench.spans();
    let [lost, again] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((lost.error.as_deref(), again.error.as_deref()), (Some("lost"), None));
    assert_eq!(again.links.last(), Some(&lost.context), "it follows from the attempt that was lost");
}

#[tokio::test]
async fn an_attempt_is_a_span_of_its_job_that_follows_from_its_message() {
    let bench = Bench::new(Script::Make).await;
    let sent = Trace::of_job("job_00000000000000000000000000").named(&["sent"]);
    bench.hint_within(&task(), sent.clone()).await;
    bench.result().await;
    bench.settled().await;
    let spans = bench.spans();
    let [span] = &spans[..] else { panic!("{spans:?}") };
    let job = synthfleet_proto::span::job(&spec()).expect("recorded");
    assert_eq!((span.name.as_str(), span.kind, span.parent.as_deref()), ("benchmark x", SpanKind::Consumer, Some(job.span())));
    assert_eq!(span.context, synthfleet_proto::span::attempt(&job, &spec(), &task(), 1));
    assert_eq!(span.links, [sent]);
    assert!(span.fields.contains(&("outcome", "ok".into())) && span.error.is_none(), "{span:?}");
}

#[tokio::test]
async fn an_attempt_that_failed_is_told_with_its_code_and_no_message() {
    let bench = Bench::new(Script::Fail).await;
    bench.hint(&task(), &bench.plan_sha256).await;
    bench.result().await;
    bench.settled().await;
    let spans = bench.spans();
    let code = spans[0].error.clone().expect("it failed");
    assert!(code.contains("::") && !code.contains(' '), "{spans:?}");
}

#[tokio::test]
async fn refused_hints_and_messages_are_counted_with_their_reason() {
    let bench = Bench::new(Script::Make).await;
    let route = Route::Pool { pool: "local".into(), class: Class::Interactive };
    bench.broker.publish(&route, b"garbage").await.expect("published");
    bench.hint(&TaskId::synthesize("forged", 0), &bench.plan_sha256).await;
    bench.settled().await;
    assert_eq!(bench.count("messages_refused_total", &["decode"]), 1.0);
    assert_eq!(["unknown", "not_in_plan"].map(|reason| bench.count("hints_refused_total", &[reason])), [0.0, 1.0]);
}

#[tokio::test]
async fn a_result_belongs_to_the_trace_of_its_job_in_a_span_of_its_own() {
    let bench = Bench::new(Script::Make).await;
    bench.hint(&task(), &bench.plan_sha256).await;
    let one = bench.told().await.trace.expect("traced");
    bench.hint(&task(), &bench.plan_sha256).await;
    let other = bench.told().await.trace.expect("traced");
    let root = spec().root();
    assert_eq!((one.id(), other.id()), (root.id(), root.id()));
    assert!(one.span() != other.span() && one.span() != root.span());
}

#[test]
fn a_submission_s_trace_is_the_job_s() {
    let given = Trace::read("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None);
    assert_eq!(SpecFact { trace: given.clone(), ..spec() }.root(), given.expect("legal"));
    assert_eq!(spec().root(), Trace::of_job("job_0"));
}
