//! What a worker does as one of many: it says who it is, leaves alone what is not its own, gives signs of life
//! and goes on from what others left.

use super::*;
use crate::Term;
use synthfleet_proto::envelope::ProbeHint;
use synthfleet_proto::fact::EndCause;
use synthfleet_proto::fleet::{PoolDoc, WorkerDoc};
use synthfleet_proto::key;

async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    for _ in 0..1_000 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what}: not in time");
}

impl Bench {
    async fn worker_doc(&self, id: &str) -> Option<WorkerDoc> {
        let key = key::worker(id).expect("legal");
        read_fact::<WorkerDoc>(self.store.as_ref(), key.key()).await.expect("read").map(|kept| kept.fact)
    }

    async fn claimed(&self, attempt: u16) -> Claim {
        let key = self.keys.claim(task().as_str(), attempt).expect("legal");
        until("claim", || async { read_fact::<Claim>(self.store.as_ref(), key.key()).await.expect("read").map(|kept| kept.fact) }).await
    }

    async fn ended(&self, attempt: u16) -> End {
        let key = self.keys.end(task().as_str(), attempt).expect("legal");
        until("end", || async { read_fact::<End>(self.store.as_ref(), key.key()).await.expect("read").map(|kept| kept.fact) }).await
    }

    async fn cancel(&self) {
        let cancel = Cancel { v: fact::VERSION, by: "me".into(), reason: "enough".into() };
        create_fact(self.store.as_ref(), &self.keys.cancel().expect("legal"), &cancel, [7; 16]).await.expect("created");
    }

    /// Another worker on the same store and broker.
    fn beside(
        &self,
        name: &str,
        script: Script,
        change: impl FnOnce(&mut Options),
    ) -> tokio::task::JoinHandle<synthfleet_proto::Result<()>> {
        let mut options = Options { name: name.into(), scratch: self.options.scratch.join(name), ..self.options.clone() };
        change(&mut options);
        let executor = Arc::new(Scripted { script, runs: Arc::clone(&self.runs) });
        let parts = Parts { executor, ..self.parts.clone() };
        let book = Arc::clone(&self.book);
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(async move {
            let ended = Service::new(options, parts).counted(book).run(stopped).await;
            drop(stop);
            ended
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_says_who_it_is_and_takes_it_back() {
    let bench = Bench::fleet(Script::Make).await;
    let doc = until("document", || bench.worker_doc("w-1")).await;
    assert_eq!((doc.pool.as_str(), doc.slots, doc.draining), ("local", 2, false));
    let pools = bench.store.list(&key::pool_documents("local").expect("legal"), None, 10).await.expect("listed");
    let pool: PoolDoc = read_fact(bench.store.as_ref(), &pools[0].key).await.expect("read").expect("there").fact;
    assert!(pool.take == Take::all() && pool.members.len() == crate::members().len());
    let about = key::about(&pool.members[0].about_sha256).expect("legal");
    assert!(bench.store.head(about.key()).await.expect("asked").is_some());
    bench.stop.send_replace(true);
    bench.running.await.expect("joined").expect("ended well");
    let key = key::worker("w-1").expect("legal");
    assert!(bench.store.head(key.key()).await.expect("asked").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_pool_name_stands_for_the_same_selectors_everywhere() {
    let bench = Bench::fleet(Script::Make).await;
    until("document", || bench.worker_doc("w-1")).await;
    let refused = bench.beside("w-2", Script::Make, |options| options.take = Take::parse("benchmark").expect("legal")).await;
    let error = refused.expect("joined").expect_err("refused");
    assert_eq!(error.code(), "worker::pool_taken");
    assert!(error.message().contains("takes *") && error.message().contains("benchmark:*"), "{}", error.message());
}

#[test]
fn a_member_that_nobody_wrote_cannot_be_taken() {
    let error = crate::check_take(&Take::parse("synthesize:seqtre").expect("legal"), &crate::members()).expect_err("unknown");
    assert_eq!((error.code(), error.helps()), ("worker::no_member", &["did you mean synthesize:seqtree?".to_owned()][..]));
}

#[tokio::test(start_paused = true)]
async fn what_the_pool_does_not_take_is_left_to_others() {
    let take = |options: &mut Options| options.take = Take::parse("synthesize").expect("legal");
    let bench = Bench::of(Script::Make, take, |_| {}).await;
    bench.hint(&task(), &bench.plan_sha256).await;
    bench.settled().await;
    assert_eq!(bench.runs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_answered_with_the_pool() {
    let bench = Bench::fleet(Script::Make).await;
    bench.send(&task(), Body::Probe(ProbeHint { pool: "local".into(), sent_at: 0 })).await;
    let result = bench.result().await;
    assert_eq!((result.status, result.pool.as_deref()), (ResultStatus::Probe, Some("local")));
}

#[tokio::test(start_paused = true)]
async fn a_worker_leaves_when_it_is_asked_to() {
    let bench = Bench::fleet(Script::Make).await;
    until("document", || bench.worker_doc("w-1")).await;
    let drain = |target: &str| Body::Control(ControlHint { op: ControlOp::DrainWorker, target: target.into(), seconds: None });
    bench.send(&task(), drain("w-2")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!bench.running.is_finished(), "another one was meant");
    bench.send(&task(), drain("w-1")).await;
    tokio::time::timeout(Duration::from_secs(5), bench.running).await.expect("in time").expect("joined").expect("ended well");
}

#[tokio::test(start_paused = true)]
async fn who_read_a_cancel_commits_nothing() {
    let bench = Bench::of(Script::MakeWhenStopped, be_fleet, |plan| plan.groups[0].task_seconds = 900.0).await;
    bench.hint(&task(), &bench.plan_sha256).await;
    bench.claimed(1).await;
    bench.cancel().await;
    // no word reaches the worker: it sees the fact with its next sign of life
    assert_eq!(bench.result().await.status, ResultStatus::Cancelled);
    assert_eq!(bench.outcome().await.status, OutcomeStatus::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_running_task_gives_signs_of_life_while_it_runs() {
    let bench = Bench::of(Script::WaitForStop, be_fleet, |plan| plan.groups[0].task_seconds = 900.0).await;
    bench.hint(&task(), &bench.plan_sha256).await;
    bench.claimed(1).await;
    let key = bench.keys.lease(task().as_str(), 1).expect("legal");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(bench.store.head(key.key()).await.expect("asked").is_none(), "short tasks need none");
    bench.counted.reset();
    until("lease", || async { bench.store.head(key.key()).await.expect("asked") }).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    // the lease | cancelled, the job or the task, and a newer claim
    let counts = bench.counted.counts();
    assert_eq!((counts.put, counts.get), (1, 3), "what a sign of life asks of the store");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_far_from_its_end_gives_way_to_a_newer_one() {
    let bench = Bench::of(Script::WaitForStop, be_fleet, |plan| plan.groups[0].task_seconds = 900.0).await;
    bench.hint(&task(), &bench.plan_sha256).await;
    let first = bench.claimed(1).await;
    let second = Claim { attempt: 2, nonce: "00".repeat(16), ..first };
    create_fact(bench.store.as_ref(), &bench.keys.claim(task().as_str(), 2).expect("legal"), &second, [8; 16]).await.expect("created");
    let end = bench.ended(1).await;
    assert_eq!((end.cause, end.counted), (EndCause::Superseded, false));
    bench.settled().await;
}

#[tokio::test(start_paused = true)]
async fn the_next_attempt_goes_on_from_the_state_that_was_left() {
    let keeps = |plan: &mut PlanFact| plan.groups[0].checkpoint = true;
    let drains = |options: &mut Options| {
        be_fleet(options);
        options.drain = Duration::from_secs(1);
    };
    let bench = Bench::of(Script::LeaveState, drains, keeps).await;
    bench.hint(&task(), &bench.plan_sha256).await;
    bench.claimed(1).await;
    bench.stop.send_replace(true);
    let end = bench.ended(1).await;
    let state = end.checkpoint.expect("a state was left");
    assert_eq!((end.cause, state.step, state.bytes), (EndCause::Released, 5, 8));
    let second = bench.beside("w-2", Script::LeaveState, |_| {});
    assert_eq!(bench.claimed(2).await.resumed_from, Some(state.key));
    while bench.result().await.status != ResultStatus::Ok {}
    assert_eq!(bench.outcome().await.outputs[0].sha256, id::sha256_hex(b"half way"));
    let attempts = ["first", "released", "lost"].map(|cause| bench.count("task_attempts_total", &["benchmark", cause]));
    let states = ["saved", "resumed", "rejected"].map(|op| bench.count("checkpoints_total", &["benchmark", op]));
    assert_eq!((attempts, states), ([1.0, 1.0, 0.0], [1.0, 1.0, 0.0]));
    second.abort();
}

#[tokio::test(start_paused = true)]
async fn one_of_two_slots_is_kept_for_what_somebody_waits_for() {
    let bench = Bench::of(Script::WaitForStop, be_fleet, |plan| plan.groups[0].task_seconds = 900.0).await;
    until("document", || bench.worker_doc("w-1")).await;
    let inbox = |class| Inbox::Pool { pool: "local".into(), classes: vec![class] };
    let mut consumers = Vec::new();
    for class in Class::ALL {
        consumers.push(bench.broker.depth(&inbox(class)).await.expect("told").consumers);
    }
    assert_eq!(consumers, [Some(2), Some(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_worker_without_a_task_for_its_time_ends_by_itself() {
    let term = Term { idle: Some(Duration::from_secs(60)), tasks_max: None };
    let patient = |options: &mut Options| {
        be_fleet(options);
        options.term = term;
    };
    let bench = Bench::of(Script::WaitForStop, patient, |plan| plan.groups[0].task_seconds = 900.0).await;
    tokio::time::sleep(Duration::from_secs(50)).await;
    bench.hint(&task(), &bench.plan_sha256).await;
    bench.claimed(1).await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert!(!bench.running.is_finished(), "it works");
    bench.cancel().await;
    assert_eq!(bench.result().await.status, ResultStatus::Cancelled);
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert!(!bench.running.is_finished(), "its time begins with the end of its last task");
    tokio::time::timeout(Duration::from_secs(20), bench.running).await.expect("in time").expect("joined").expect("ended well");
}

#[tokio::test(start_paused = true)]
async fn a_worker_whose_tasks_are_used_up_takes_no_more_and_lets_the_last_one_end() {
    let one = |options: &mut Options| {
        be_fleet(options);
        (options.term.tasks_max, options.drain) = (Some(1), Duration::from_secs(1));
    };
    let bench = Bench::of(Script::WaitForStop, one, |plan| plan.groups[0].task_seconds = 900.0).await;
    bench.send(&task(), Body::Probe(ProbeHint { pool: "local".into(), sent_at: 0 })).await;
    assert_eq!(bench.result().await.status, ResultStatus::Probe);
    bench.hint(&task(), &bench.plan_sha256).await;
    bench.claimed(1).await;
    // the other slot is free, but the one task of this worker runs
    bench.hint(&task(), &bench.plan_sha256).await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    let inbox = Inbox::Pool { pool: "local".into(), classes: vec![Class::Interactive] };
    let depth = bench.broker.depth(&inbox).await.expect("told");
    assert_eq!((depth.ready, depth.unacked), (1, Some(1)));
    assert!(!bench.running.is_finished(), "no drain time cuts a task that nobody asked to stop");
    bench.cancel().await;
    assert_eq!(bench.result().await.status, ResultStatus::Cancelled);
    tokio::time::timeout(Duration::from_secs(5), bench.running).await.expect("in time").expect("joined").expect("ended well");
    assert_eq!(bench.runs.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_worker_with_its_last_task_gives_it_back_when_it_is_told_to_leave() {
    let one = |options: &mut Options| {
        be_fleet(options);
        (options.term.tasks_max, options.drain) = (Some(1), Duration::from_secs(1));
    };
    let bench = Bench::of(Script::WaitForStop, one, |plan| plan.groups[0].task_seconds = 900.0).await;
    bench.hint(&task(), &bench.plan_sha256).await;
    bench.claimed(1).await;
    bench.stop.send_replace(true);
    let end = bench.ended(1).await;
    assert_eq!((end.cause, end.counted), (EndCause::Released, false));
}
