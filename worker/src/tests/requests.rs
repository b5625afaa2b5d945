//! What a task asks of the store: counted, because requests are what a bucket charges and what a short task waits for.

use super::*;
use crate::execute::Pool;
use serde_json::json;
use synthfleet_store::{Counting as Counted, Counts};

/// A worker that runs real tasks over a store that is no folder and counts.
struct Fleet {
    store: Counted,
    broker: Arc<InProcess>,
    parts: Parts,
    keys: JobKeys,
    scratch: tempfile::TempDir,
}

const ROWS: u64 = 320;

fn group(task: &TaskId, name: &str, needs: &[TaskId]) -> Group {
    let kind = task.kind();
    let rows = if kind == TaskKind::Synthesize { ROWS } else { 0 };
    let options = if kind == TaskKind::Profile { json!(null) } else { json!({}) };
    Group {
        group: task.to_string(),
        kind,
        name: name.into(),
        candidate: Some("independent".into()),
        needs: needs.to_vec(),
        options: options.into(),
        rows,
        ..plan(String::new(), 60.0).groups[0].clone()
    }
}

impl Fleet {
    async fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(Ticking(AtomicU64::new(1)));
        let entropy: Arc<dyn Entropy> = Arc::new(Counting(AtomicU64::new(1)));
        let store = Counted::new(Arc::new(Memory::new(Arc::clone(&clock))));
        let broker = Arc::new(InProcess::new(Settings { pools: vec!["local".into()], ..Settings::default() }));
        let keys = JobKeys::new("local", "job_00000000000000000000000000").expect("legal");
        let executor = Arc::new(Pool::new(0));
        let parts = Parts { store: Arc::new(store.clone()), broker: broker.clone(), clock, entropy, executor, links: None, run: None };
        Self { store, broker, parts, keys, scratch: tempfile::tempdir().expect("temporary folder") }
    }

    /// Stores a plan; gives its SHA-256.
    async fn plan(&self, number: u8, groups: Vec<Group>) -> String {
        let (_, sha256) = create_fact(&self.store, &self.keys.spec().expect("legal"), &spec(), [1; 16]).await.expect("created");
        let plan = PlanFact { plan: number, groups, ..plan(sha256, 60.0) };
        create_fact(&self.store, &self.keys.plan(number).expect("legal"), &plan, [2; 16]).await.expect("created").1
    }

    /// Another worker, which knows nothing of the job yet.
    fn start(&self, name: &str) -> (watch::Sender<bool>, tokio::task::JoinHandle<synthfleet_proto::Result<()>>) {
        let options = Options {
            name: name.into(),
            limits: synthfleet_proto::attempts::Limits::FLEET,
            ..Options::embedded(1, self.scratch.path().join(name))
        };
        let (stop, stopped) = watch::channel(false);
        (stop, tokio::spawn(Service::new(options, self.parts.clone()).run(stopped)))
    }

    /// Runs a task; gives the requests that it took.
    async fn run(&self, task: &TaskId, name: &str, plan: u8, plan_sha256: &str) -> Counts {
        self.store.reset();
        let hint = TaskHint {
            kind: task.kind(),
            name: name.into(),
            pool: "local".into(),
            class: Class::Interactive,
            plan,
            plan_sha256: plan_sha256.to_owned(),
            attempt: 1,
            hop: 0,
            reply: None,
        };
        let about = (Some(self.keys.job()), Some(task.as_str()));
        let envelope = Envelope::new(self.parts.clock.as_ref(), self.parts.entropy.as_ref(), "local", about, Body::Task(hint));
        let route = Route::Pool { pool: "local".into(), class: Class::Interactive };
        self.broker.publish(&route, &envelope.encode().expect("small")).await.expect("published");
        let taken = tokio::time::timeout(Duration::from_secs(60), self.broker.take(&Inbox::Result)).await;
        let delivery = taken.unwrap_or_else(|_| panic!("{task}: not in time, {:?}", self.store.counts())).expect("taken");
        let told = Envelope::decode(delivery.body()).expect("a message");
        self.broker.settle(delivery, Settle::Ack).await.expect("settled");
        let Body::Result(result) = told.body else { panic!("not a result") };
        let counts = self.store.counts();
        let key = self.keys.outcome(task.as_str()).expect("legal");
        let outcome: OutcomeFact = read_fact(&self.store, key.key()).await.expect("read").expect("there").fact;
        assert_eq!(result.status, ResultStatus::Ok, "{task}: {:?}", outcome.error);
        counts
    }
}

/// A table of some columns of different kinds.
fn table(folder: &std::path::Path) -> String {
    let mut text = "age,city,score,y\n".to_owned();
    for row in 0..400u64 {
        let city = ["Rome", "Oslo", "Bern"][(row % 3) as usize];
        text += &format!("{},{city},{:.2},{}\n", 20 + row * 7 % 50, (row * 37 % 101) as f64 / 7.0, if row % 4 == 0 { "yes" } else { "no" });
    }
    let path = folder.join("people.csv");
    std::fs::write(&path, text).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

#[tokio::test]
async fn tasks_ask_little_of_the_store() {
    let fleet = Fleet::new().await;
    let profile = TaskId::profile();
    let mut job = JobSpec::of(&table(fleet.scratch.path()));
    job.target = Some("y".into());
    let options = serde_json::to_value(job).expect("plain data");
    let first = fleet.plan(0, vec![Group { options: options.into(), ..group(&profile, "", &[]) }]).await;
    let sample = TaskId::synthesize("independent", 0);
    let needs = [profile.clone(), sample.clone()];
    let of = |name: &str| TaskId::benchmark("independent", 0, name);
    let names = ["column_shapes", "pair_trends", "diagnostic", "accuracy"];
    let benchmarks = names.iter().map(|name| group(&of(name), name, &needs));
    let groups = std::iter::once(group(&sample, "independent", &needs[..1])).chain(benchmarks).collect();
    let main = fleet.plan(1, groups).await;

    let (stop, one) = fleet.start("w-1");
    fleet.run(&profile, "", 0, &first).await;
    let counts = fleet.run(&sample, "independent", 1, &main).await;
    // claim, sample, its first rows, model, outcome | plan, is there an outcome, profile outcome, train, description
    assert_eq!((counts.put, counts.get), (5, 5), "a synthesize task may take 6 and 8");
    let counts = fleet.run(&of("column_shapes"), "column_shapes", 1, &main).await;
    // claim, scores, outcome | is there an outcome, outcome of the sample, holdout, sample
    assert_eq!((counts.put, counts.get), (3, 4), "a short benchmark task may take 3 and 6");
    stop.send_replace(true);
    one.await.expect("joined").expect("ended well");

    let _two = fleet.start("w-2");
    // a worker that knows nothing of the job learns it once: plan, spec, profile outcome, train and description beside;
    // what it runs of the job after that pays it back
    let mut gets = Vec::new();
    for name in &names[1..] {
        let counts = fleet.run(&of(name), name, 1, &main).await;
        assert_eq!(counts.put, 3, "{name}");
        gets.push(counts.get);
    }
    assert_eq!(gets, [9, 1, 1], "a short benchmark task may take 6, over those that a worker runs of a job");
}
