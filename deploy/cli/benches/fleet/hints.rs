//! Tasks that do nothing, sent to the queue of a real worker: claim, output, outcome, result, acknowledgement.

use crate::Outcome;
use crate::ground::{Ground, MachineEntropy, WallClock, session};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use synthfleet_broker::{Broker, Inbox, Route, Settle};
use synthfleet_harness::VirtualHost;
use synthfleet_proto::about::CostClass;
use synthfleet_proto::attempts::Ended;
use synthfleet_proto::class::Class;
use synthfleet_proto::envelope::{Body, Envelope, TaskHint};
use synthfleet_proto::fact::{Group, PlanFact, PlanInputs, SpecFact, VERSION};
use synthfleet_proto::id;
use synthfleet_proto::job::JobSpec;
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::outside::Entropy;
use synthfleet_proto::pool::Take;
use synthfleet_proto::task::{PREPARE, TaskId, TaskKind};
use synthfleet_store::{Local, Settings, Store, create_fact};
use synthfleet_worker::execute::{Execution, Executor, Limits, Link, Usage};
use synthfleet_worker::{Options, Parts, Service, TaskFolder};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

/// Tasks that run at once.
pub const SLOTS: usize = 4;
/// Tasks of one job, as many as jobs have.
const TASKS: u32 = 100;
/// Messages that wait for their confirmation at once.
const UNCONFIRMED: usize = 64;
const MEMBER: &str = "no_op";

/// Notes when each task began and does nothing.
#[derive(Default)]
struct NoOp {
    began: Mutex<BTreeMap<String, Instant>>,
}

#[async_trait]
impl Executor for NoOp {
    async fn execute(&self, folder: &TaskFolder, _: &Limits, _: Link) -> Execution {
        let now = Instant::now();
        self.began.lock().unwrap_or_else(PoisonError::into_inner).insert(task_of(folder), now);
        let ended = folder.write("prepared.bin", b"x").map_or_else(|error| Ended::Error(error.to_wire()), |()| Ended::Well);
        Execution { ended, usage: Usage::default() }
    }
}

/// Job and task of a folder: its name without attempt and nonce.
pub fn task_of(folder: &TaskFolder) -> String {
    let name = folder.path().file_name().unwrap_or_default().to_string_lossy();
    name.rsplitn(3, '-').nth(2).unwrap_or_default().to_owned()
}

/// One worker of four slots, whoever sends it hints, and whoever hears of its results.
pub struct Fleet {
    store: Arc<dyn Store>,
    sender: Arc<dyn Broker>,
    no_op: Arc<NoOp>,
    pool: String,
    stop: watch::Sender<bool>,
    worker: JoinHandle<synthfleet_proto::Result<()>>,
    _host: VirtualHost,
    _folder: PathBuf,
}

/// A task that can be sent.
struct Prepared {
    name: String,
    message: Vec<u8>,
}

impl Fleet {
    /// Starts the worker; `sync`: what it stores is on the disk before it goes on.
    pub async fn start(ground: &Ground, sync: bool) -> Outcome<Self> {
        let (host, folder) = (ground.host()?, ground.folder()?);
        let store: Arc<dyn Store> = Arc::new(Local::open(folder.join("store"), Settings { sync })?);
        let take = Take::all();
        let pool = take.pool();
        let no_op = Arc::new(NoOp::default());
        let parts = Parts {
            store: Arc::clone(&store),
            broker: session(&host, "worker", &pool).await?,
            clock: Arc::new(WallClock),
            entropy: Arc::new(MachineEntropy),
            executor: no_op.clone(),
            links: None,
            run: None,
        };
        let options = Options { reserves: false, ..Options::fleet("w-bench", "", take, SLOTS, folder.join("scratch")) };
        let (stop, stopped) = watch::channel(false);
        let worker = tokio::spawn(Service::new(options, parts).run(stopped));
        let sender = session(&host, "coordinator", &pool).await?;
        Ok(Self { store, sender, no_op, pool, stop, worker, _host: host, _folder: folder })
    }

    /// Stores jobs of so many tasks together and gives their hints, ready to be sent.
    async fn prepare(&self, tasks: u32) -> Outcome<Vec<Prepared>> {
        let mut all = Vec::new();
        while (all.len() as u32) < tasks {
            let job = format!("job_{}", id::base32(MachineEntropy.bits()));
            let keys = JobKeys::new("local", &job)?;
            let (_, spec_sha256) = create_fact(self.store.as_ref(), &keys.spec()?, &spec(&job), MachineEntropy.bits()).await?;
            let plan = plan(spec_sha256, TASKS.min(tasks - all.len() as u32));
            let (_, plan_sha256) = create_fact(self.store.as_ref(), &keys.plan(1)?, &plan, MachineEntropy.bits()).await?;
            for task in plan.groups.iter().flat_map(Group::tasks) {
                let hint = TaskHint {
                    kind: TaskKind::Benchmark,
                    name: MEMBER.to_owned(),
                    pool: self.pool.clone(),
                    class: Class::Interactive,
                    plan: 1,
                    plan_sha256: plan_sha256.clone(),
                    attempt: 1,
                    hop: 0,
                    reply: None,
                };
                let about = (Some(keys.job()), Some(task.as_str()));
                let message = Envelope::new(&WallClock, &MachineEntropy, "local", about, Body::Task(hint)).encode()?;
                all.push(Prepared { name: format!("{job}-{task}"), message });
            }
        }
        Ok(all)
    }

    fn route(&self) -> Route {
        Route::Pool { pool: self.pool.clone(), class: Class::Interactive }
    }

    /// Milliseconds from the call that sends a hint to the task's first line, at a rate that leaves the worker idle.
    pub async fn one_by_one(&self, tasks: u32, rate: f64) -> Outcome<Vec<f64>> {
        let prepared = self.prepare(tasks).await?;
        let ends = self.ends(prepared.len());
        let mut sent = BTreeMap::new();
        let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
        for Prepared { name, message } in prepared {
            ticks.tick().await;
            let (sender, route) = (Arc::clone(&self.sender), self.route());
            sent.insert(name, Instant::now());
            tokio::spawn(async move { sender.publish(&route, &message).await });
        }
        ends.await??;
        let began = self.no_op.began.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = |(name, sent): (&String, &Instant)| began.get(name).map(|began| began.duration_since(*sent).as_secs_f64() * 1e3);
        Ok(sent.iter().filter_map(wait).collect())
    }

    /// Tasks a second, from the first message sent to the last result heard.
    pub async fn at_once(&self, tasks: u32) -> Outcome<f64> {
        let prepared = self.prepare(tasks).await?;
        let ends = self.ends(prepared.len());
        let start = Instant::now();
        let places = Arc::new(Semaphore::new(UNCONFIRMED));
        let mut sending = JoinSet::new();
        for Prepared { message, .. } in prepared {
            let place = Arc::clone(&places).acquire_owned().await?;
            let (sender, route) = (Arc::clone(&self.sender), self.route());
            sending.spawn(async move {
                let sent = sender.publish(&route, &message).await;
                drop(place);
                sent
            });
        }
        while let Some(sent) = sending.join_next().await {
            sent??;
        }
        ends.await??;
        Ok(f64::from(tasks) / start.elapsed().as_secs_f64())
    }

    /// Hears so many results.
    fn ends(&self, count: usize) -> JoinHandle<Outcome> {
        let broker = Arc::clone(&self.sender);
        tokio::spawn(async move {
            for _ in 0..count {
                let delivery = tokio::time::timeout(Duration::from_secs(120), broker.take(&Inbox::Result)).await??;
                broker.settle(delivery, Settle::Ack).await?;
            }
            Ok(())
        })
    }

    /// Ends the worker.
    pub async fn end(self) -> Outcome {
        self.stop.send_replace(true);
        Ok(self.worker.await??)
    }
}

fn spec(job: &str) -> SpecFact {
    SpecFact {
        v: VERSION,
        job: job.to_owned(),
        tenant: "local".to_owned(),
        key_sha256: String::new(),
        request_sha256: String::new(),
        door: "cli".to_owned(),
        principal: "bench".to_owned(),
        submitted_at: 0,
        class: Class::Interactive,
        weight: 50,
        request: JobSpec::of("table.csv"),
        source_sha256: None,
        holdout_sha256: None,
        reply: None,
        candidates: Vec::new(),
        benchmarks: Vec::new(),
        references: Vec::new(),
        trace: None,
    }
}

fn plan(spec_sha256: String, tasks: u32) -> PlanFact {
    let group = |repeat| Group {
        group: TaskId::benchmark(PREPARE, repeat, MEMBER).to_string(),
        kind: TaskKind::Benchmark,
        name: MEMBER.to_owned(),
        candidate: Some(PREPARE.to_owned()),
        repeat,
        count: 1,
        needs: Vec::new(),
        options: serde_json::Value::Null.into(),
        rows: 0,
        task_seconds: 60.0,
        memory_bytes: 1 << 20,
        cost: CostClass::Light,
        checkpoint: false,
    };
    let inputs = PlanInputs { spec_sha256, ..PlanInputs::default() };
    PlanFact { v: VERSION, plan: 1, inputs, members: Vec::new(), groups: (0..tasks).map(group).collect(), skipped: Vec::new() }
}
