//! A coordinator with workers that only pretend: they take hints and create outcomes.

use super::*;
use crate::fleet::Roster;
use crate::intake::{Asked, Desk, resubmit};
use crate::testing::worker::{with_outputs, work};
use crate::testing::{catalogue, done, failed, memory};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use synthfleet_broker::{Broker, InProcess, Route};
use synthfleet_proto::envelope::{Body, Envelope, ResultHint, ResultStatus};
use synthfleet_proto::event::Event;
use synthfleet_proto::event::{Happening, TaskState};
use synthfleet_proto::fact::{OutcomeFact, PublishedFact};
use synthfleet_proto::id;
use synthfleet_proto::job::{JobSpec, JobState};
use synthfleet_proto::key::Key;
use synthfleet_proto::outside::{Clock, Entropy};
use synthfleet_proto::span::{Span, SpanKind};
use synthfleet_proto::task::TaskId;
use synthfleet_store::{Memory, Store, create_fact, read_fact};
use tokio::sync::broadcast;

mod cancel;
mod replicas;

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

/// Keeps the spans that come.
#[derive(Default)]
struct Kept(std::sync::Mutex<Vec<Span>>);

impl Spans for Kept {
    fn end(&self, span: Span) {
        self.0.lock().expect("whole").push(span);
    }
}

/// A coordinator at work.
struct Bench {
    store: Arc<Memory>,
    broker: Arc<InProcess>,
    parts: Parts,
    handle: Handle,
    events: broadcast::Receiver<Event>,
    keys: JobKeys,
    spans: Arc<Kept>,
    _stop: watch::Sender<bool>,
}

impl Bench {
    async fn new(job: Value) -> Self {
        let store = Arc::new(memory());
        let broker = Arc::new(InProcess::new(synthfleet_broker::Settings { pools: vec!["local".into()], ..Default::default() }));
        Self::on(store, broker, job).await
    }

    /// A coordinator on a store that may hold earlier work.
    async fn on(store: Arc<Memory>, broker: Arc<InProcess>, job: Value) -> Self {
        let (sender, events) = broadcast::channel(4_096);
        let parts = Parts {
            store: store.clone(),
            broker: broker.clone(),
            clock: Arc::new(Ticking(AtomicU64::new(1))),
            entropy: Arc::new(Counting(AtomicU64::new(store.as_ref() as *const Memory as u64))),
            roster: Arc::new(Roster::fixed(catalogue(), "local", 2)),
            links: None,
            callbacks: None,
            run: Some("this".into()),
            events: sender,
        };
        let desk = Desk {
            store: store.as_ref(),
            catalogue: &catalogue(),
            check: &|_, _, _| Vec::new(),
            clock: parts.clock.as_ref(),
            entropy: parts.entropy.as_ref(),
        };
        let asked = Asked {
            tenant: "local".into(),
            principal: "me".into(),
            door: "cli".into(),
            key: Some(job.to_string()),
            job: JobSpec::read(&job).expect("a legal job"),
            source_sha256: Some("ab".repeat(32)),
            holdout_sha256: None,
            reply: None,
        };
        let submitted = resubmit(&desk, asked).await.expect("accepted");
        let (service, handle) = Service::new(Options::embedded("0.1.0"), parts.clone());
        let (stop, stopped) = watch::channel(false);
        let spans = Arc::new(Kept::default());
        tokio::spawn(service.traced(Some(spans.clone())).run(stopped));
        handle.care("local", &submitted.job).await.expect("in care");
        let keys = JobKeys::new("local", &submitted.job).expect("legal");
        Self { store, broker, parts, handle, events, keys, spans, _stop: stop }
    }

    /// A worker that ends every task as `end` says.
    fn work(&self, end: impl Fn(TaskId) -> OutcomeFact + Send + 'static) {
        work(self.parts.clone(), end);
    }

    async fn finished(&self) -> FinalFact {
        let end = self.handle.finished(self.keys.job());
        tokio::time::timeout(Duration::from_secs(20), end).await.expect("in time").expect("ended")
    }

    async fn published(&self) -> Vec<String> {
        let key = self.keys.published().expect("legal");
        let fact = read_fact::<PublishedFact>(self.store.as_ref(), key.key()).await.expect("read").expect("there").fact;
        fact.files.into_iter().map(|file| file.path).collect()
    }

    fn told(&mut self) -> Vec<Happening> {
        let mut told = Vec::new();
        while let Ok(event) = self.events.try_recv() {
            told.push(event.what);
        }
        told
    }
}

fn small_job() -> Value {
    json!({"source": "a.csv", "synthesizers": ["clbn"], "benchmarks": ["accuracy"], "gate": "off"})
}

#[test]
fn the_loop_can_run_on_any_thread() {
    fn is_send<T: Send>(_: fn(Service, watch::Receiver<bool>) -> T) {}
    is_send(Service::run);
}

#[tokio::test]
async fn a_job_runs_to_its_publication_without_waiting_for_a_sweep() {
    let mut bench = Bench::new(small_job()).await;
    bench.work(done);
    let began = std::time::Instant::now();
    assert_eq!(bench.finished().await.state, JobState::Done);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let files = bench.published().await;
    assert_eq!(files.last().map(String::as_str), Some("manifest.json"));
    for needed in
        ["verdict.json", "results.csv", "results.json", "profile.json", "metadata.json", "report.html", "candidates/clbn/model.bin"]
    {
        assert!(files.iter().any(|file| file == needed), "{needed} of {files:?}");
    }
    let told = bench.told();
    assert!(told.iter().any(|what| matches!(what, Happening::Verdict { .. })));
    assert_eq!(told.iter().filter(|what| matches!(what, Happening::Planned { .. })).count(), 1, "told once");
    assert!(matches!(told.last(), Some(Happening::State { state: JobState::Done, .. })));
}

#[tokio::test]
async fn a_job_is_told_as_one_trace_and_its_judgement_follows_from_what_ran() {
    let bench = Bench::new(small_job()).await;
    bench.work(done);
    bench.finished().await;
    let spans = bench.spans.0.lock().expect("whole").clone();
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let [root] = named("job")[..] else { panic!("{spans:?}") };
    assert_eq!((root.parent.as_deref(), root.error.as_deref(), root.kind), (None, None, SpanKind::Internal));
    let below = |span: &&Span| span.parent.as_deref() == Some(root.context.span()) && span.context.id() == root.context.id();
    assert!(spans.iter().filter(|span| span.name != "job").all(|span| below(&span)), "{spans:?}");
    assert_eq!(named("accept").len(), 1);
    let messages = named("publish");
    assert!(messages.len() > 4 && messages.iter().all(|span| span.kind == SpanKind::Producer && span.error.is_none()), "{messages:?}");
    let [judged] = named("select")[..] else { panic!("{spans:?}") };
    let spec = read_fact::<SpecFact>(bench.store.as_ref(), bench.keys.spec().expect("legal").key()).await.expect("read").expect("there");
    let fitted = synthfleet_proto::span::attempt(&root.context, &spec.fact, &TaskId::synthesize("clbn", 0), 1);
    // the delivered table is made after the judgement
    let after = messages.iter().filter(|span| span.began_at >= judged.ended_at).count();
    assert!(judged.links.contains(&fitted) && judged.links.len() == messages.len() - after, "{judged:?} {}", messages.len());
}

#[tokio::test]
async fn a_large_table_is_joined_or_listed_from_its_parts() {
    let mut job = small_job();
    job["rows"] = json!(2_500_000);
    let bench = Bench::new(job).await;
    bench.work(done);
    assert_eq!(bench.finished().await.state, JobState::Done);
    let key = bench.keys.published().expect("legal");
    let fact = read_fact::<PublishedFact>(bench.store.as_ref(), key.key()).await.expect("read").expect("there").fact;
    let paths: Vec<&str> = fact.files.iter().map(|file| file.path.as_str()).filter(|path| path.starts_with("synthetic")).collect();
    let parts = ["synthetic/part-0000000.parquet", "synthetic/part-0000001.parquet", "synthetic/part-0000002.parquet"];
    assert_eq!(paths, [&["synthetic.csv"][..], &parts[..], &["synthetic/parts.json"][..]].concat());
    let joined = &fact.files[0];
    let text =
        synthfleet_store::fetch(bench.store.as_ref(), &Key::parse(&joined.key).expect("a key"), &joined.sha256).await.expect("whole");
    assert_eq!(&text.bytes[..], b"a\n1\na\n1\na\n1\n");
}

#[tokio::test]
async fn nothing_of_real_rows_is_published_but_scores() {
    let bench = Bench::new(small_job()).await;
    bench.work(done);
    bench.finished().await;
    let of_identity: Vec<_> = bench.published().await.into_iter().filter(|file| file.starts_with("candidates/identity/")).collect();
    assert_eq!(of_identity, ["candidates/identity/scores.json"]);
}

#[tokio::test]
async fn a_table_that_cannot_be_read_ends_the_job_with_the_reason() {
    let bench = Bench::new(small_job()).await;
    bench.work(failed);
    let last = bench.finished().await;
    assert_eq!((last.state, last.error.map(|error| error.code)), (JobState::Failed, Some("test::failed".to_owned())));
}

#[tokio::test]
async fn an_interrupted_job_publishes_what_is_finished() {
    let bench = Bench::new(small_job()).await;
    // the profile ends; nobody takes the rest
    let store = bench.store.clone();
    let outcome = with_outputs(store.as_ref(), &bench.keys, done(TaskId::profile())).await;
    create_fact(store.as_ref(), &bench.keys.outcome("profile").expect("legal"), &outcome, [3; 16]).await.expect("created");
    let result = ResultHint { status: ResultStatus::Ok, attempt: 1, outcome_sha256: None, error_kind: None, pool: None };
    let about = (Some(bench.keys.job()), Some("profile"));
    let told = Envelope::new(bench.parts.clock.as_ref(), bench.parts.entropy.as_ref(), "local", about, Body::Result(result));
    bench.broker.publish(&Route::Result, &told.encode().expect("small")).await.expect("published");
    for _ in 0..200 {
        if store.head(bench.keys.plan(1).expect("legal").key()).await.expect("asked").is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bench.handle.interrupt("local", bench.keys.job()).await.expect("told");
    let last = bench.finished().await;
    assert!(last.partial && last.state == JobState::Done, "{last:?}");
    assert!(bench.published().await.contains(&"verdict.json".to_owned()));
    // asked for again, it is done to the end
    let broker = Arc::new(InProcess::new(synthfleet_broker::Settings { pools: vec!["local".into()], ..Default::default() }));
    let mut again = Bench::on(bench.store.clone(), broker, small_job()).await;
    assert_ne!(again.keys, bench.keys);
    again.work(done);
    assert!(!again.finished().await.partial);
    let profile = again.told().into_iter().find_map(|what| match what {
        Happening::Task(task) if task.task == "profile" && task.state == TaskState::Done => Some(task.from_cache),
        _ => None,
    });
    assert_eq!(profile, Some(true), "what was finished is not done again");
}

#[tokio::test]
async fn an_equal_task_of_an_earlier_job_is_not_run_again() {
    let bench = Bench::new(small_job()).await;
    bench.work(done);
    bench.finished().await;
    // the same table and candidates, other words: every task is known
    let mut again = small_job();
    again["summary"] = json!("once more");
    let broker = Arc::new(InProcess::new(synthfleet_broker::Settings { pools: vec!["local".into()], ..Default::default() }));
    let mut second = Bench::on(bench.store.clone(), broker, again).await;
    assert_eq!(second.finished().await.state, JobState::Done);
    let told = second.told();
    let mut ended = told.iter().filter_map(|what| if let Happening::Task(task) = what { Some(task.from_cache) } else { None });
    assert!(ended.all(|from_cache| from_cache), "{told:?}");
}

#[tokio::test]
async fn what_is_taken_over_keeps_the_time_of_its_fit_in_results_and_report() {
    let timed = |task| OutcomeFact { phase_seconds: vec![("fit".into(), 1.5), ("sample".into(), 0.25)], ..done(task) };
    let mut told = Vec::new();
    let first = Bench::new(small_job()).await;
    first.work(timed);
    first.finished().await;
    let broker = Arc::new(InProcess::new(synthfleet_broker::Settings { pools: vec!["local".into()], ..Default::default() }));
    let mut again = small_job();
    again["summary"] = json!("once more");
    let second = Bench::on(first.store.clone(), broker, again).await;
    second.finished().await;
    for bench in [&first, &second] {
        let key = bench.keys.published().expect("legal");
        let fact = read_fact::<PublishedFact>(bench.store.as_ref(), key.key()).await.expect("read").expect("there").fact;
        let read = async |path: &str| {
            let file = fact.files.iter().find(|file| file.path == path).expect("published");
            synthfleet_store::fetch(bench.store.as_ref(), &Key::parse(&file.key).expect("a key"), &file.sha256).await.expect("whole").bytes
        };
        let results: Value = serde_json::from_slice(&read("results.json").await).expect("JSON");
        let repeat = &results["candidates"][0]["repeats"][0];
        let report = String::from_utf8(read("report.html").await.to_vec()).expect("text");
        assert!(report.contains("1.50 s, 0.25 s"), "{report}");
        told.push((repeat["times"]["fit_seconds"].clone(), repeat["from_cache"].clone(), report.contains("taken over")));
    }
    assert_eq!(told, [(json!(1.5), json!(false), false), (json!(1.5), json!(true), true)]);
}

#[tokio::test]
async fn a_coordinator_that_starts_late_goes_on_from_the_facts() {
    let bench = Bench::new(small_job()).await;
    bench.work(done);
    let first = bench.finished().await;
    let broker = Arc::new(InProcess::new(synthfleet_broker::Settings { pools: vec!["local".into()], ..Default::default() }));
    let second = Bench::on(bench.store.clone(), broker, small_job()).await;
    assert_eq!(second.finished().await, first, "a replayed job is over at once");
}
