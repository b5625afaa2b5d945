//! A worker on an in-process broker and a store in memory, with an executor that does what a test says.

use crate::execute::{Execution, Executor, Limits as TaskLimits, Link, Told, Usage};
use crate::{Options, Parts, Service, TaskFolder};
use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use synthfleet_broker::{Broker, InProcess, Inbox, Route, Settings, Settle};
use synthfleet_metrics::Book;
use synthfleet_proto::about::CostClass;
use synthfleet_proto::attempts::Ended;
use synthfleet_proto::class::Class;
use synthfleet_proto::envelope::{Body, ControlHint, ControlOp, Envelope, ResultHint, ResultStatus, TaskHint, Trace};
use synthfleet_proto::fact::{self, Cancel, Claim, End, Group, OutcomeFact, OutcomeStatus, PlanFact, PlanInputs, SpecFact};
use synthfleet_proto::job::JobSpec;
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::outside::{Clock, Entropy};
use synthfleet_proto::pool::Take;
use synthfleet_proto::span::{Span, Spans};
use synthfleet_proto::task::{PREPARE, TaskId, TaskKind};
use synthfleet_proto::{Error, id};
use synthfleet_store::{Counting as Counted, Memory, Store, create_fact, read_fact};
use tokio::sync::watch;

struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now_ms(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

struct Counting(AtomicU64);

impl Entropy for Counting {
    fn bits(&self) -> [u8; 16] {
        let digest = id::sha256_hex(&self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        let mut bits = [0; 16];
        bits.copy_from_slice(&digest.as_bytes()[..16]);
        bits
    }
}

/// What the executor of a test does.
#[derive(Clone, Copy)]
enum Script {
    Make,
    MakeNothing,
    Panic,
    Fail,
    WaitForStop,
    /// Makes its files only once it is told to stop.
    MakeWhenStopped,
    /// Leaves a state, then waits; with a state of an earlier attempt it makes its files.
    LeaveState,
}

struct Scripted {
    script: Script,
    runs: Arc<AtomicUsize>,
}

#[async_trait]
impl Executor for Scripted {
    async fn execute(&self, folder: &TaskFolder, _: &TaskLimits, mut link: Link) -> Execution {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let ended = match self.script {
            Script::Make => folder.write("prepared.bin", b"x").map_or_else(|error| Ended::Error(error.to_wire()), |()| Ended::Well),
            Script::MakeNothing => Ended::Well,
            Script::Panic => Ended::Error(Error::internal("test::panic", "a bug").to_wire()),
            Script::Fail => Ended::Error(Error::data("test::data", "a bad table").to_wire()),
            Script::WaitForStop => {
                let cause = link.stop.wait_for(Option::is_some).await.map(|cause| *cause);
                cause.ok().flatten().map_or(Ended::Crash("left alone".into()), Ended::Stopped)
            }
            Script::MakeWhenStopped => {
                let _ = link.stop.wait_for(Option::is_some).await;
                folder.write("prepared.bin", b"x").map_or_else(|error| Ended::Error(error.to_wire()), |()| Ended::Well)
            }
            Script::LeaveState => self.go_on(folder, link).await,
        };
        Execution { ended, usage: Usage::default() }
    }
}

impl Scripted {
    async fn go_on(&self, folder: &TaskFolder, mut link: Link) -> Ended {
        if let Some(resume) = folder.task().expect("told").resume {
            let state = std::fs::read(folder.given(&resume)).expect("given");
            return folder.write("prepared.bin", &state).map_or_else(|error| Ended::Error(error.to_wire()), |()| Ended::Well);
        }
        std::fs::write(folder.path().join("ckpt/000001"), b"half way").expect("written");
        link.told.send(Told::Checkpoint { name: "000001".into(), step: 5 }).await.expect("heard");
        let cause = link.stop.wait_for(Option::is_some).await.map(|cause| *cause);
        cause.ok().flatten().map_or(Ended::Crash("left alone".into()), Ended::Stopped)
    }
}

/// A worker at work.
struct Bench {
    spans: Arc<Kept>,
    store: Arc<Memory>,
    broker: Arc<InProcess>,
    parts: Parts,
    keys: JobKeys,
    plan_sha256: String,
    options: Options,
    runs: Arc<AtomicUsize>,
    /// Counts what the worker asks of the store.
    counted: Counted,
    /// Where the worker counts.
    book: Arc<Book>,
    stop: watch::Sender<bool>,
    running: tokio::task::JoinHandle<synthfleet_proto::Result<()>>,
    _scratch: tempfile::TempDir,
}

const TASK_SECONDS: f64 = 30.0;

mod counts;
mod fleet;
mod requests;
mod stopped;

/// Makes the options those of a fleet, with the pool of the tests.
fn be_fleet(options: &mut Options) {
    let (pool, scratch) = (options.pool.clone(), options.scratch.clone());
    *options = Options { pool, scratch_free_bytes_min: 0, ..Options::fleet("w-1", "here", Take::all(), 2, scratch) };
}

fn task() -> TaskId {
    TaskId::benchmark(PREPARE, 0, "x")
}

fn spec() -> SpecFact {
    SpecFact {
        v: 1,
        job: "job_0".into(),
        tenant: "local".into(),
        key_sha256: String::new(),
        request_sha256: String::new(),
        door: "cli".into(),
        principal: "me".into(),
        submitted_at: 0,
        class: Class::Interactive,
        weight: 50,
        request: JobSpec::of("a.csv"),
        source_sha256: None,
        holdout_sha256: None,
        reply: None,
        candidates: Vec::new(),
        benchmarks: Vec::new(),
        references: Vec::new(),
        trace: None,
    }
}

fn plan(spec_sha256: String, task_seconds: f64) -> PlanFact {
    let group = Group {
        group: task().to_string(),
        kind: TaskKind::Benchmark,
        name: "x".into(),
        candidate: Some(PREPARE.into()),
        repeat: 0,
        count: 1,
        needs: Vec::new(),
        options: serde_json::Value::Null.into(),
        rows: 0,
        task_seconds,
        memory_bytes: 1 << 30,
        cost: CostClass::Light,
        checkpoint: false,
    };
    let inputs = PlanInputs { spec_sha256, ..PlanInputs::default() };
    PlanFact { v: 1, plan: 1, inputs, members: Vec::new(), groups: vec![group], skipped: Vec::new() }
}

/// Keeps the spans that come.
#[derive(Default)]
struct Kept(std::sync::Mutex<Vec<Span>>);

impl Spans for Kept {
    fn end(&self, span: Span) {
        self.0.lock().expect("whole").push(span);
    }
}

impl Bench {
    async fn new(script: Script) -> Self {
        Self::with(script, TASK_SECONDS).await
    }

    async fn with(script: Script, task_seconds: f64) -> Self {
        Self::of(script, |_| {}, |plan| plan.groups[0].task_seconds = task_seconds).await
    }

    async fn of(script: Script, change: impl FnOnce(&mut Options), replan: impl FnOnce(&mut PlanFact)) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(Ticking(AtomicU64::new(1)));
        let entropy: Arc<dyn Entropy> = Arc::new(Counting(AtomicU64::new(1)));
        let store = Arc::new(Memory::new(Arc::clone(&clock)));
        let broker = Arc::new(InProcess::new(Settings { pools: vec!["local".into()], ..Settings::default() }));
        let keys = JobKeys::new("local", "job_00000000000000000000000000").expect("legal");
        let (_, sha256) = create_fact(store.as_ref(), &keys.spec().expect("legal"), &spec(), [1; 16]).await.expect("created");
        let mut plan = plan(sha256, TASK_SECONDS);
        replan(&mut plan);
        let (_, plan_sha256) = create_fact(store.as_ref(), &keys.plan(1).expect("legal"), &plan, [2; 16]).await.expect("created");
        let runs = Arc::new(AtomicUsize::new(0));
        let executor = Arc::new(Scripted { script, runs: Arc::clone(&runs) });
        let scratch = tempfile::tempdir().expect("temporary folder");
        let mut options = Options::embedded(2, scratch.path().to_owned());
        change(&mut options);
        let run = (!options.announces).then(|| "this".to_owned());
        let counted = Counted::new(store.clone());
        let parts = Parts { store: Arc::new(counted.clone()), broker: broker.clone(), clock, entropy, executor, links: None, run };
        let book = Arc::new(Book::new(&[crate::metrics::CATALOGUE]));
        let (stop, stopped) = watch::channel(false);
        let spans = Arc::new(Kept::default());
        let running =
            tokio::spawn(Service::new(options.clone(), parts.clone()).counted(book.clone()).traced(Some(spans.clone())).run(stopped));
        Self { spans, store, broker, parts, options, keys, plan_sha256, runs, counted, book, stop, running, _scratch: scratch }
    }

    /// The worker as one of a fleet that takes everything.
    async fn fleet(script: Script) -> Self {
        Self::of(script, be_fleet, |_| {}).await
    }

    async fn hint(&self, of: &TaskId, plan_sha256: &str) {
        self.send(of, Body::Task(Self::hint_of(plan_sha256))).await;
    }

    /// The same, recorded by its sender.
    async fn hint_within(&self, of: &TaskId, trace: Trace) {
        let about = (Some(self.keys.job()), Some(of.as_str()));
        let body = Body::Task(Self::hint_of(&self.plan_sha256));
        let envelope = Envelope::new(self.parts.clock.as_ref(), self.parts.entropy.as_ref(), "local", about, body).within(trace);
        let route = Route::Pool { pool: "local".into(), class: Class::Interactive };
        self.broker.publish(&route, &envelope.encode().expect("small")).await.expect("published");
    }

    fn hint_of(plan_sha256: &str) -> TaskHint {
        TaskHint {
            kind: TaskKind::Benchmark,
            name: "x".into(),
            pool: "local".into(),
            class: Class::Interactive,
            plan: 1,
            plan_sha256: plan_sha256.to_owned(),
            attempt: 1,
            hop: 0,
            reply: None,
        }
    }

    async fn send(&self, of: &TaskId, body: Body) {
        let is_control = matches!(body, Body::Control(_));
        let about = (Some(self.keys.job()), Some(of.as_str()));
        let envelope = Envelope::new(self.parts.clock.as_ref(), self.parts.entropy.as_ref(), "local", about, body);
        let bytes = envelope.encode().expect("small");
        if is_control {
            self.broker.broadcast(&bytes).await.expect("told");
        } else {
            let route = Route::Pool { pool: "local".into(), class: Class::Interactive };
            self.broker.publish(&route, &bytes).await.expect("published");
        }
    }

    async fn result(&self) -> ResultHint {
        let Body::Result(result) = self.told().await.body else { panic!("not a result") };
        result
    }

    /// The next message to the coordinators.
    async fn told(&self) -> Envelope {
        let delivery =
            tokio::time::timeout(Duration::from_secs(60), self.broker.take(&Inbox::Result)).await.expect("in time").expect("taken");
        let envelope = Envelope::decode(delivery.body()).expect("a message");
        self.broker.settle(delivery, Settle::Ack).await.expect("settled");
        envelope
    }

    async fn outcome(&self) -> OutcomeFact {
        let key = self.keys.outcome(task().as_str()).expect("legal");
        read_fact(self.store.as_ref(), key.key()).await.expect("read").expect("there").fact
    }

    /// The task's first attempt was begun by a run that is gone.
    async fn claimed_by_a_killed_run(&self) {
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
        create_fact(self.store.as_ref(), &self.keys.claim(task().as_str(), 1).expect("legal"), &claim, [8; 16]).await.expect("created");
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::Relaxed)
    }

    /// Waits until nothing waits in the pool's queue and nobody holds a message of it.
    async fn settled(&self) {
        let inbox = Inbox::Pool { pool: "local".into(), classes: vec![Class::Interactive] };
        for _ in 0..500 {
            let depth = self.broker.depth(&inbox).await.expect("depth");
            if depth.ready == 0 && depth.unacked == Some(0) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("messages are left");
    }
}

#[tokio::test]
async fn a_hint_becomes_an_outcome_with_its_outputs() {
    let bench = Bench::new(Script::Make).await;
    bench.hint(&task(), &bench.plan_sha256).await;
    assert_eq!(bench.result().await.status, ResultStatus::Ok);
    let outcome = bench.outcome().await;
    assert_eq!((outcome.status, outcome.outputs.len()), (OutcomeStatus::Ok, 1));
    assert_eq!(outcome.outputs[0].sha256, id::sha256_hex(b"x"));
    bench.settled().await;
}

#[tokio::test]
async fn many_hints_are_one_run() {
    let bench = Bench::new(Script::Make).await;
    for _ in 0..20 {
        bench.hint(&task(), &bench.plan_sha256).await;
    }
    bench.result().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(bench.runs(), 1);
}

#[tokio::test]
async fn forged_hints_create_no_fact() {
    let bench = Bench::new(Script::Make).await;
    bench.hint(&TaskId::synthesize("forged", 0), &bench.plan_sha256).await;
    bench.hint(&task(), &"00".repeat(32)).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let facts = bench.store.list(&bench.keys.facts().expect("legal"), None, 100).await.expect("listed");
    assert_eq!((facts.len(), bench.runs()), (2, 0), "spec and plan alone");
}

#[tokio::test]
async fn a_task_that_makes_nothing_is_our_bug() {
    let bench = Bench::new(Script::MakeNothing).await;
    bench.hint(&task(), &bench.plan_sha256).await;
    assert_eq!(bench.result().await.status, ResultStatus::Failed);
    assert_eq!(bench.outcome().await.error.expect("told").code, "task::bad_output");
}

#[tokio::test]
async fn a_bad_table_fails_at_once_and_so_does_a_bug_of_ours_when_embedded() {
    for (script, code) in [(Script::Fail, "test::data"), (Script::Panic, "test::panic")] {
        let bench = Bench::new(script).await;
        bench.hint(&task(), &bench.plan_sha256).await;
        assert_eq!(bench.result().await.status, ResultStatus::Failed);
        assert_eq!((bench.outcome().await.error.expect("told").code.as_str(), bench.runs()), (code, 1));
    }
}

#[tokio::test]
async fn time_that_is_over_is_a_failed_outcome() {
    let bench = Bench::with(Script::WaitForStop, 0.1).await;
    bench.hint(&task(), &bench.plan_sha256).await;
    assert_eq!(bench.result().await.status, ResultStatus::Failed);
    assert_eq!(bench.outcome().await.error.expect("told").code, "task::timeout");
}

#[tokio::test]
async fn a_word_to_stop_counts_only_with_its_fact() {
    let bench = Bench::new(Script::WaitForStop).await;
    bench.hint(&task(), &bench.plan_sha256).await;
    let stop = || Body::Control(ControlHint { op: ControlOp::CancelTask, target: task().to_string(), seconds: None });
    tokio::time::sleep(Duration::from_millis(200)).await;
    bench.send(&task(), stop()).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(bench.store.head(bench.keys.outcome(task().as_str()).expect("legal").key()).await.expect("asked").is_none(), "forged");
    let cancel = Cancel { v: fact::VERSION, by: "me".into(), reason: "enough".into() };
    create_fact(bench.store.as_ref(), &bench.keys.cancel_task(task().as_str()).expect("legal"), &cancel, [7; 16]).await.expect("created");
    bench.send(&task(), stop()).await;
    assert_eq!(bench.result().await.status, ResultStatus::Cancelled);
}

#[tokio::test]
async fn what_a_killed_run_left_open_is_taken_over_at_once() {
    let bench = Bench::new(Script::Make).await;
    bench.claimed_by_a_killed_run().await;
    bench.hint(&task(), &bench.plan_sha256).await;
    assert_eq!(bench.result().await.status, ResultStatus::Ok);
    assert_eq!(bench.outcome().await.attempt, 2);
}

#[tokio::test]
async fn a13_a_task_run_twice_writes_equal_outputs_under_separate_keys() {
    let mut outputs = Vec::new();
    for killed in [false, true] {
        let bench = Bench::new(Script::Make).await;
        if killed {
            bench.claimed_by_a_killed_run().await;
        }
        bench.hint(&task(), &bench.plan_sha256).await;
        assert_eq!(bench.result().await.status, ResultStatus::Ok);
        outputs.push(bench.outcome().await.outputs.remove(0));
    }
    let [first, second] = outputs.try_into().expect("two attempts");
    assert_eq!((&first.role, &first.sha256, first.bytes), (&second.role, &second.sha256, second.bytes));
    assert_ne!(first.key, second.key, "the second attempt wrote over the first");
}

#[tokio::test]
async fn a_leaving_worker_gives_its_tasks_back() {
    let bench = Bench::new(Script::WaitForStop).await;
    bench.hint(&task(), &bench.plan_sha256).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    bench.stop.send_replace(true);
    assert_eq!(bench.result().await.status, ResultStatus::Ended);
    let end: End =
        read_fact(bench.store.as_ref(), bench.keys.end(task().as_str(), 1).expect("legal").key()).await.expect("read").expect("there").fact;
    assert!(!end.counted);
    let inbox = Inbox::Pool { pool: "local".into(), classes: vec![Class::Interactive] };
    let delivery = tokio::time::timeout(Duration::from_secs(5), bench.broker.take(&inbox)).await.expect("in time").expect("back");
    assert!(delivery.redelivered());
}

#[tokio::test]
async fn garbage_is_buried() {
    let bench = Bench::new(Script::Make).await;
    let route = Route::Pool { pool: "local".into(), class: Class::Interactive };
    bench.broker.publish(&route, b"garbage").await.expect("published");
    let dead = tokio::time::timeout(Duration::from_secs(5), bench.broker.take(&Inbox::Dead)).await.expect("in time").expect("buried");
    assert_eq!(dead.reason(), Some("decode"));
}
