//! Several coordinators and pools on one store and one broker, with workers that only pretend. Time is that of a
//! paused runtime, and the store's clock goes with it.

use super::*;
use bytes::Bytes;
use synthfleet_broker::{Inbox, Settle};
use synthfleet_proto::class::Class;
use synthfleet_proto::envelope::MemberNote;
use synthfleet_proto::fact::OutcomeStatus;
use synthfleet_proto::fleet::{AboutDoc, DeadDoc, PoolDoc, WORKER_BEAT, WorkerDoc, owner};
use synthfleet_proto::key;
use synthfleet_proto::pool::Take;
use tokio::task::{AbortHandle, JoinHandle};

/// Goes with the time of the runtime.
struct Running(tokio::time::Instant);

impl Clock for Running {
    fn now_ms(&self) -> u64 {
        1_700_000_000_000 + self.0.elapsed().as_millis() as u64
    }
}

struct Stage {
    store: Arc<Memory>,
    broker: Arc<InProcess>,
    clock: Arc<dyn Clock>,
    began: tokio::time::Instant,
}

/// A replica at work.
struct Replica {
    handle: Handle,
    running: JoinHandle<Result<()>>,
    _stop: watch::Sender<bool>,
}

impl Stage {
    fn new() -> Self {
        let began = tokio::time::Instant::now();
        let clock: Arc<dyn Clock> = Arc::new(Running(began));
        let store = Arc::new(Memory::new(Arc::clone(&clock)));
        Self { store, broker: Arc::new(InProcess::default()), clock, began }
    }

    fn parts(&self, id: &str) -> Parts {
        let (events, _) = broadcast::channel(64);
        Parts {
            store: self.store.clone(),
            broker: self.broker.clone(),
            clock: Arc::clone(&self.clock),
            entropy: Arc::new(Counting(AtomicU64::new(u64::from(id.as_bytes()[0]) << 32))),
            roster: Arc::new(Roster::watched()),
            links: None,
            callbacks: None,
            run: None,
            events,
        }
    }

    fn replica(&self, id: &str) -> Replica {
        let (service, handle) = Service::new(Options::fleet(id, "here", "0.1.0"), self.parts(id));
        let (stop, stopped) = watch::channel(false);
        Replica { handle, running: tokio::spawn(service.run(stopped)), _stop: stop }
    }

    /// A pool of one worker that says it lives until the handle is aborted. It does nothing else.
    async fn pool(&self, name: &str, take: &str) -> AbortHandle {
        self.pool_of(name, take, false).await
    }

    async fn pool_of(&self, name: &str, take: &str, scale_to_zero: bool) -> AbortHandle {
        let take = Take::parse(take).expect("legal");
        let mut members = Vec::new();
        let catalogue = catalogue();
        for member in catalogue.synthesizers().iter().chain(catalogue.benchmarks()) {
            let (about, about_sha256) = AboutDoc::of(member.clone()).expect("plain");
            create_fact(self.store.as_ref(), &key::about(&about_sha256).expect("legal"), &about, [1; 16]).await.expect("created");
            let (kind, name, version) = (member.task.clone(), member.name.clone(), member.version.clone());
            members.push(MemberNote { kind, name, version, about_sha256 });
        }
        let pool = PoolDoc { v: 1, pool: name.into(), take: take.clone(), members, slots: 4, memory_bytes: 4 << 30, scale_to_zero };
        let worker = WorkerDoc {
            v: 1,
            id: format!("w-{name}"),
            host: String::new(),
            pool: name.into(),
            take,
            slots: 4,
            memory_bytes: 4 << 30,
            draining: false,
            started_at: 0,
            version: "0".into(),
        };
        let (pool, worker) =
            (synthfleet_proto::fact::encode(&pool).expect("plain"), synthfleet_proto::fact::encode(&worker).expect("plain"));
        let keys = (key::pool(name, &id::sha256_hex(&pool)).expect("legal"), key::worker(&format!("w-{name}")).expect("legal"));
        let store = self.store.clone();
        store.put(&keys.0, pool.clone().into()).await.expect("put");
        store.put(&keys.1, worker.clone().into()).await.expect("put");
        let beating = tokio::spawn(async move {
            loop {
                tokio::time::sleep(WORKER_BEAT).await;
                store.put(&keys.0, pool.clone().into()).await.expect("put");
                store.put(&keys.1, worker.clone().into()).await.expect("put");
            }
        });
        beating.abort_handle()
    }

    /// Ends every task of a pool as `end` says; `None`: buries its message.
    fn work(&self, pool: &str, end: impl Fn(TaskId) -> Option<OutcomeFact> + Send + 'static) -> AbortHandle {
        let (store, broker, parts, pool) = (self.store.clone(), self.broker.clone(), self.parts("w"), pool.to_owned());
        let working = tokio::spawn(async move {
            let inbox = Inbox::Pool { pool, classes: Class::ALL.to_vec() };
            loop {
                let delivery = broker.take(&inbox).await.expect("taken");
                let envelope = Envelope::decode(delivery.body()).expect("a message");
                let Body::Task(_) = &envelope.body else {
                    broker.settle(delivery, Settle::Ack).await.expect("settled");
                    continue;
                };
                let task = TaskId::parse(envelope.task.as_deref().expect("a task")).expect("an id");
                let keys = JobKeys::new(&envelope.tenant, envelope.job.as_deref().expect("a job")).expect("legal");
                let Some(outcome) = end(task.clone()) else {
                    broker.settle(delivery, Settle::Bury("test".into())).await.expect("settled");
                    continue;
                };
                let outcome = with_outputs(store.as_ref(), &keys, outcome).await;
                create_fact(store.as_ref(), &keys.outcome(task.as_str()).expect("legal"), &outcome, parts.entropy.bits())
                    .await
                    .expect("created");
                let result = ResultHint { status: ResultStatus::Ok, attempt: 1, outcome_sha256: None, error_kind: None, pool: None };
                let about = (Some(keys.job()), Some(task.as_str()));
                let told = Envelope::new(parts.clock.as_ref(), parts.entropy.as_ref(), keys.tenant(), about, Body::Result(result));
                broker.publish(&Route::Result, &told.encode().expect("small")).await.expect("published");
                broker.settle(delivery, Settle::Ack).await.expect("settled");
            }
        });
        working.abort_handle()
    }

    async fn submit(&self, tenant: &str, job: Value) -> JobKeys {
        let (parts, catalogue) = (self.parts("d"), catalogue());
        let desk = Desk {
            store: self.store.as_ref(),
            catalogue: &catalogue,
            check: &|_, _, _| Vec::new(),
            clock: parts.clock.as_ref(),
            entropy: parts.entropy.as_ref(),
        };
        let asked = Asked {
            reply: None,
            tenant: tenant.into(),
            principal: "me".into(),
            door: "http".into(),
            key: Some(job.to_string()),
            job: JobSpec::read(&job).expect("a legal job"),
            source_sha256: None,
            holdout_sha256: None,
        };
        let submitted = resubmit(&desk, asked).await.expect("accepted");
        JobKeys::new(tenant, &submitted.job).expect("legal")
    }

    async fn fact<T: serde::de::DeserializeOwned>(&self, key: &synthfleet_proto::key::Key) -> Option<T> {
        read_fact::<T>(self.store.as_ref(), key).await.expect("read").map(|kept| kept.fact)
    }

    /// The end of a job; looked for at most that many seconds.
    async fn finished(&self, keys: &JobKeys, seconds: u64) -> FinalFact {
        let key = keys.last().expect("legal");
        for _ in 0..seconds * 5 {
            if let Some(last) = self.fact(key.key()).await {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("not finished after {seconds} s");
    }

    fn seconds(&self) -> u64 {
        self.began.elapsed().as_secs()
    }
}

/// A tenant that replica `a` of `a` and `b` looks after.
fn tenant_of_a() -> String {
    (0..).map(|i| format!("t{i}")).find(|tenant| owner(["a", "b"], tenant) == Some("a")).expect("half of them")
}

#[tokio::test(start_paused = true)]
async fn two_replicas_end_a_job_without_waiting_for_a_look() {
    let stage = Stage::new();
    stage.pool("all", "*").await;
    stage.work("all", |task| Some(done(task)));
    let (a, b) = (stage.replica("a"), stage.replica("b"));
    // both know of each other
    tokio::time::sleep(Duration::from_secs(15)).await;
    let keys = stage.submit(&tenant_of_a(), small_job()).await;
    b.handle.care(keys.tenant(), keys.job()).await.expect("told");
    let began = stage.seconds();
    assert_eq!(stage.finished(&keys, 60).await.state, JobState::Done);
    // results that `b` took reached `a` by a word, not by its next look
    assert!(stage.seconds() - began < 10, "{} s", stage.seconds() - began);
    assert!(!a.running.is_finished() && !b.running.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_dies_is_followed_by_another() {
    let stage = Stage::new();
    stage.pool("all", "*").await;
    let (a, _b) = (stage.replica("a"), stage.replica("b"));
    tokio::time::sleep(Duration::from_secs(15)).await;
    let keys = stage.submit(&tenant_of_a(), small_job()).await;
    a.handle.care(keys.tenant(), keys.job()).await.expect("told");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(stage.store.head(keys.plan(0).expect("legal").key()).await.expect("asked").is_some());
    // killed: nothing is taken back
    a.running.abort();
    stage.work("all", |task| Some(done(task)));
    assert_eq!(stage.finished(&keys, 120).await.state, JobState::Done);
}

#[tokio::test(start_paused = true)]
async fn a_wished_member_without_a_pool_is_waited_for_and_then_skipped() {
    let stage = Stage::new();
    stage.pool("some", "profile,generate,benchmark,synthesize:clbn,synthesize:identity,synthesize:uniform,synthesize:independent").await;
    stage.work("some", |task| Some(done(task)));
    let _a = stage.replica("a");
    let keys = stage.submit("t", json!({"source": "a.csv", "synthesizers": ["clbn", "seqtree"], "benchmarks": ["accuracy"]})).await;
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert!(stage.store.head(keys.plan(1).expect("legal").key()).await.expect("asked").is_none(), "a worker may come");
    assert_eq!(stage.finished(&keys, 120).await.state, JobState::Done);
    let plan: synthfleet_proto::fact::PlanFact = stage.fact(keys.plan(1).expect("legal").key()).await.expect("planned");
    let skipped: Vec<_> = plan.skipped.iter().map(|part| (part.candidate.as_deref(), part.reason.code.as_str())).collect();
    assert_eq!(skipped, [(Some("seqtree"), "no_pool")]);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_comes_in_time_gets_its_tasks() {
    let stage = Stage::new();
    stage.pool("some", "profile,generate,benchmark,synthesize:clbn,synthesize:identity,synthesize:uniform,synthesize:independent").await;
    stage.work("some", |task| Some(done(task)));
    let _a = stage.replica("a");
    let keys = stage.submit("t", json!({"source": "a.csv", "synthesizers": ["clbn", "seqtree"], "benchmarks": ["accuracy"]})).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    stage.pool("trees", "synthesize:seqtree").await;
    stage.work("trees", |task| Some(done(task)));
    assert_eq!(stage.finished(&keys, 60).await.state, JobState::Done);
    let fitted = keys.outcome("syn-seqtree-r0").expect("legal");
    assert_eq!(stage.fact::<OutcomeFact>(fitted.key()).await.expect("ran").status, OutcomeStatus::Ok);
}

#[tokio::test(start_paused = true)]
async fn tasks_of_a_pool_whose_workers_died_end_elsewhere() {
    let stage = Stage::new();
    stage.pool("all", "*").await;
    stage.work("all", |task| Some(done(task)));
    // it says it lives and takes nothing: its worker was killed a moment ago
    let narrow = stage.pool("trees", "synthesize:clbn").await;
    stage.work("trees", |task| Some(done(task))).abort();
    let _a = stage.replica("a");
    let keys = stage.submit("t", small_job()).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    narrow.abort();
    let began = stage.seconds();
    assert_eq!(stage.finished(&keys, 200).await.state, JobState::Done);
    assert!(stage.seconds() - began <= 120, "{} s", stage.seconds() - began);
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_message_is_refused_twice_fails_alone() {
    let stage = Stage::new();
    stage.pool("all", "*").await;
    stage.work("all", |task| (task != TaskId::synthesize("clbn", 0)).then(|| done(task)));
    let _a = stage.replica("a");
    let keys = stage.submit("t", small_job()).await;
    assert_eq!(stage.finished(&keys, 300).await.state, JobState::Done);
    let failed: OutcomeFact = stage.fact(keys.outcome("syn-clbn-r0").expect("legal").key()).await.expect("ended");
    assert_eq!(failed.error.expect("told").code, "task::poison");
    let kept = stage.store.list(&key::dead_prefix().expect("legal"), None, 10).await.expect("listed");
    let mut treatments = Vec::new();
    for entry in kept {
        let doc: DeadDoc = stage.fact(&entry.key).await.expect("there");
        assert_eq!((doc.reason.as_str(), doc.task.as_deref()), ("test", Some("syn-clbn-r0")));
        treatments.push(doc.treatment);
    }
    assert_eq!(treatments, ["kept", "failed"]);
}

#[tokio::test(start_paused = true)]
async fn a_marker_without_a_job_goes_after_a_while() {
    let stage = Stage::new();
    let key = key::live("t", "job_0").expect("legal");
    stage.store.put(&key, Bytes::from_static(b"{}")).await.expect("put");
    let _a = stage.replica("a");
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert!(stage.store.head(key.key()).await.expect("asked").is_some(), "its job may be on the way");
    tokio::time::sleep(Duration::from_secs(400)).await;
    assert!(stage.store.head(key.key()).await.expect("asked").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_leaves_takes_its_sign_of_life_back() {
    let stage = Stage::new();
    let a = stage.replica("a");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let key = key::coordinator("a").expect("legal");
    assert!(stage.store.head(key.key()).await.expect("asked").is_some());
    a._stop.send_replace(true);
    a.running.await.expect("joined").expect("ended well");
    assert!(stage.store.head(key.key()).await.expect("asked").is_none());
}

/// A submission through the door of a replica.
async fn admitted(parts: &Parts) -> Result<crate::intake::Submitted> {
    let document = json!({"source": "sim:demo", "synthesizers": ["seqtree"]});
    let (tenant, principal) = ("local".to_owned(), "me".to_owned());
    let request = crate::intake::Request { tenant, principal, door: "http", key: None, document, reply: None, trace: None };
    crate::intake::admit_now(parts, &|_, _, _| Vec::new(), &crate::intake::Sources::default(), request).await
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_has_not_seen_a_worker_yet_looks_before_it_refuses() {
    let stage = Stage::new();
    let parts = stage.parts("a");
    parts.roster.renew(stage.store.as_ref()).await.expect("read");
    // the worker comes between two looks of this replica
    stage.pool("all", "*").await;
    assert!(admitted(&parts).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_job_that_comes_before_any_worker_is_told_to_come_again() {
    let refused = admitted(&Stage::new().parts("a")).await.expect_err("nobody knows a member");
    assert_eq!((refused.code(), refused.kind()), ("fleet::no_members", synthfleet_proto::ErrorKind::Unavailable));
}

#[tokio::test(start_paused = true)]
async fn a_pool_whose_workers_come_with_work_is_not_given_work_by_a_probe() {
    let stage = Stage::new();
    stage.pool("steady", "*").await;
    stage.pool_of("long", "synthesize:clbn", true).await;
    let book = Arc::new(Book::new(&[metrics::CATALOGUE]));
    let (service, _handle) = Service::new(Options::fleet("a", "here", "0.1.0"), stage.parts("a"));
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(service.counted(book.clone()).run(stopped));
    // takers that answer nothing
    let asked = ["steady", "long"].map(|pool| {
        let (broker, count) = (stage.broker.clone(), Arc::new(AtomicU64::new(0)));
        let counted = count.clone();
        tokio::spawn(async move {
            let inbox = Inbox::Pool { pool: pool.into(), classes: vec![Class::Interactive] };
            while let Ok(delivery) = broker.take(&inbox).await {
                counted.fetch_add(1, Ordering::Relaxed);
                broker.settle(delivery, Settle::Ack).await.expect("settled");
            }
        });
        count
    });
    tokio::time::sleep(Duration::from_secs(300)).await;
    let asked = asked.map(|count| count.load(Ordering::Relaxed));
    assert!(asked[0] >= 3 && asked[1] == 0, "probes: {asked:?}");
    // the steady pool never answered; the other one need not
    let now = stage.clock.now_ms() as f64 / 1e3;
    let silent = ["steady", "long"].map(|pool| now - book.value("pipeline_heartbeat_timestamp_seconds", &[pool]).expect("told"));
    assert!(silent[0] > 200.0 && silent[1] <= 75.0, "seconds since an answer: {silent:?}");
}
