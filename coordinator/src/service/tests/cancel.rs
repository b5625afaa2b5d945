//! A job of ten thousand tasks that is told to stop: its end takes many facts, and the store makes many at a time.

use super::*;
use crate::Catalogue;
use synthfleet_proto::Seed;
use synthfleet_proto::about::{About, MemberDoc};
use synthfleet_proto::fact::{self, Cancel};
use synthfleet_store::{Fault, Faults, Faulty, Local, Settings};

/// Members of the job: 64 candidates, 20 repeats, each scored by seven.
const BENCHMARKS: [&str; 7] = ["one", "two", "three", "four", "five", "six", "seven"];
/// Its tasks, besides those of baselines and references.
const TASKS: u32 = 64 * 20 * (1 + 7);

fn members() -> Catalogue {
    let benchmarks = BENCHMARKS.map(|name| MemberDoc::of("benchmark", &About { name, ..About::LIGHT }, Value::Null));
    Catalogue::of(catalogue().synthesizers().iter().cloned().chain(benchmarks))
}

fn job() -> Value {
    let fits: Vec<Value> = (0..64).map(|number| json!({ "name": "clbn", "as": format!("candidate_{number}"), "repeats": 20 })).collect();
    json!({"source": "a.csv", "synthesizers": fits, "benchmarks": BENCHMARKS, "gate": "off"})
}

/// Stops such a job when its table was read and everything is planned; gives its end and how long that took.
async fn stopped_job(store: Arc<dyn Store>) -> (FinalFact, Duration) {
    let broker = Arc::new(InProcess::new(synthfleet_broker::Settings { pools: vec!["local".into()], ..Default::default() }));
    let parts = Parts {
        store: Arc::clone(&store),
        broker: broker.clone(),
        clock: Arc::new(Ticking(AtomicU64::new(1))),
        entropy: Arc::new(Counting(AtomicU64::new(7))),
        roster: Arc::new(Roster::fixed(members(), "local", 2)),
        links: None,
        callbacks: None,
        run: Some("this".into()),
        events: broadcast::channel(4_096).0,
    };
    let (clock, entropy, members) = (parts.clock.as_ref(), parts.entropy.as_ref(), members());
    let desk = Desk { store: store.as_ref(), catalogue: &members, check: &|_, _, _| Vec::new(), clock, entropy };
    let asked = Asked {
        tenant: "local".into(),
        principal: "me".into(),
        door: "cli".into(),
        key: Some("large".into()),
        job: JobSpec::read(&job()).expect("a legal job"),
        source_sha256: None,
        holdout_sha256: None,
        reply: None,
    };
    let submitted = resubmit(&desk, asked).await.expect("accepted");
    let keys = JobKeys::new("local", &submitted.job).expect("legal");
    let outcome = with_outputs(store.as_ref(), &keys, done(TaskId::profile())).await;
    create_fact(store.as_ref(), &keys.outcome("profile").expect("legal"), &outcome, entropy.bits()).await.expect("created");
    let (service, handle) = Service::new(Options::embedded("0.1.0"), parts.clone());
    let (_stop, shutdown) = watch::channel(false);
    tokio::spawn(service.run(shutdown));
    handle.care("local", keys.job()).await.expect("in care");
    while store.head(keys.plan(1).expect("legal").key()).await.expect("asked").is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let began = Instant::now();
    let cancel = Cancel { v: fact::VERSION, by: "me".into(), reason: "enough".into() };
    create_fact(store.as_ref(), &keys.cancel().expect("legal"), &cancel, entropy.bits()).await.expect("created");
    handle.wake("local", keys.job()).await.expect("told");
    let last = handle.finished(keys.job()).await.expect("ended");
    (last, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn the_tasks_of_a_stopped_job_end_many_at_a_time() {
    let every = Faults::Seeded { seed: Seed::of_task(0, "slow"), rate: 1_000, faults: vec![Fault::Slow(Duration::from_millis(10))] };
    let store = Arc::new(Faulty::new(Arc::new(memory()), every));
    let (last, took) = stopped_job(store).await;
    assert_eq!(last.state, JobState::Cancelled);
    assert!(last.counts["cancelled"] >= TASKS, "{:?}", last.counts);
    // one by one it would take 10 ms for each of them
    assert!(took < TASKS * Duration::from_millis(10) / 16, "{took:?}");
}

#[tokio::test]
async fn a_stopped_job_of_ten_thousand_tasks_leaves_its_facts_on_the_disk() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let store = Arc::new(Local::open(folder.path(), Settings { sync: true }).expect("a folder"));
    let (last, took) = stopped_job(store).await;
    assert!(last.counts["cancelled"] >= TASKS, "{:?}", last.counts);
    eprintln!("{} tasks ended cancelled in {:.1} s, each fact synced to the disk", last.counts["cancelled"], took.as_secs_f64());
}
