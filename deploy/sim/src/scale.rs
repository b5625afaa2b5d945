//! One simulation from its first submission to the end of its last job.

use crate::broker::SimBroker;
use crate::ground::Ground;
use crate::members;
use crate::report::{Real, Report, Series};
use crate::settings::{REPLICA_RESTART, Settings};
use crate::store::SimStore;
use crate::tally::{Tally, Who};
use crate::timed::{self, Spent, Timed};
use crate::worker::{self, POOL, Plans};
use futures::StreamExt;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use synthfleet_broker::Broker;
use synthfleet_coordinator::{Asked, Desk, Fleet, Handle, Options, Parts, Roster, Service, submit};
use synthfleet_proto::fleet::AboutDoc;
use synthfleet_proto::key::about;
use synthfleet_proto::outside::{Clock, Entropy};
use synthfleet_proto::{Error, Result, id};
use synthfleet_store::create_fact;
use tokio::sync::{broadcast, watch};
use tokio::task::AbortHandle;

/// Submissions that are under way at once.
const SUBMITTERS: usize = 16;
/// Tasks of one job that coordinators let run at once.
const JOB_WINDOW: usize = 64;
/// Jobs are submitted while fewer are open than so many times what fills all slots.
const OPEN_JOBS: usize = 4;
/// Rows that are delivered for each task that is asked for.
const ROWS_PER_TASK: u64 = 1_000;
/// Time after its end at which a job is looked at once more and dropped.
const CLOSE_AFTER_MS: u64 = 150_000;
/// Time in which every coordinator knows every worker.
const WARM_UP: Duration = Duration::from_secs(300);

/// A coordinator that lives.
struct Replica {
    id: String,
    handle: Handle,
    roster: Arc<Roster>,
    running: AbortHandle,
    // dropped: the replica would take it for a word to stop
    _stop: watch::Sender<bool>,
}

/// Everything of one simulation.
struct World {
    ground: Arc<Ground>,
    store: SimStore,
    broker: SimBroker,
    replicas: Mutex<Vec<Replica>>,
    coordinators: Arc<Spent>,
    series: Mutex<Series>,
}

/// Simulates, and says what was seen.
pub fn scale(settings: Settings) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|e| Error::io("the runtime of the simulation", e))?;
    let (began, cpu) = (std::time::Instant::now(), timed::of_process());
    let (world, workers) = runtime.block_on(simulate(settings))?;
    // whoever still runs is dropped before anything is counted
    drop(runtime);
    let real = Real {
        wall: began.elapsed(),
        cpu: timed::of_process().saturating_sub(cpu),
        workers: workers.so_far(),
        coordinators: world.coordinators.so_far(),
        memory_peak_bytes: memory_peak_bytes(),
    };
    let series = std::mem::take(&mut *world.series.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Report::of(&world.ground, series, real))
}

/// Most memory that this process ever held, as the kernel tells it; 0 where it does not.
fn memory_peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()).unwrap_or(0) << 10
}

async fn simulate(settings: Settings) -> Result<(Arc<World>, Arc<Spent>)> {
    let ground = Ground::new(settings);
    let store = SimStore::new(Arc::clone(&ground));
    let broker = SimBroker::new(Arc::clone(&ground), POOL);
    let workers: Arc<Spent> = Arc::default();
    for member in members::docs() {
        let (doc, sha256) = AboutDoc::of(member)?;
        create_fact(&store, &about(&sha256)?, &doc, ground.entropy.bits()).await?;
    }
    let plans: Arc<Plans> = Arc::default();
    let for_workers: Arc<dyn Broker> = Arc::new(broker.clone());
    let settings = ground.settings.clone();
    for number in 0..settings.slots.div_ceil(settings.slots_per_process.max(1)) {
        worker::start(&ground, &store.of(Who::Worker), &for_workers, &plans, number, &workers);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (replicas, coordinators, series) = (Mutex::default(), Arc::default(), Mutex::default());
    let world = Arc::new(World { ground, store, broker, replicas, coordinators, series });
    for number in 0..settings.replicas {
        let replica = world.replica(number);
        world.replicas().push(replica);
    }
    world.wait_for_rosters().await;
    *world.ground.tally() = Tally::default();
    let faults = tokio::spawn(Arc::clone(&world).faults());
    let broker_faults = tokio::spawn(Arc::clone(&world).broker_faults());
    let watching = tokio::spawn(Arc::clone(&world).look());
    let jobs = world.submit_all().await?;
    world.wait_for_ends(jobs).await?;
    for task in [faults, broker_faults, watching] {
        task.abort();
    }
    world.close(u64::MAX)?;
    world.ground.audit().end();
    Ok((world, workers))
}

impl World {
    fn replicas(&self) -> std::sync::MutexGuard<'_, Vec<Replica>> {
        self.replicas.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a coordinator.
    fn replica(self: &Arc<Self>, number: usize) -> Replica {
        let roster = Arc::new(Roster::watched());
        let (events, _) = broadcast::channel(16);
        let ground = &self.ground;
        let parts = Parts {
            store: Arc::new(self.store.of(Who::Coordinator)),
            broker: Arc::new(self.broker.clone()),
            clock: Arc::clone(ground) as Arc<dyn Clock>,
            entropy: Arc::clone(&ground.entropy) as Arc<dyn Entropy>,
            roster: Arc::clone(&roster),
            links: None,
            callbacks: None,
            run: None,
            events,
        };
        let id = format!("c-{number:03}");
        let options = Options { retains: None, ..Options::fleet(&id, "", "0") };
        let (service, handle) = Service::new(options, parts);
        let (stop, stopped) = watch::channel(false);
        let world = Arc::downgrade(self);
        let running = async move {
            let ended = service.run(stopped).await;
            if let (Some(world), Err(error)) = (world.upgrade(), ended) {
                world.ground.audit().violate("coordinator_gave_up", || error.to_string());
            }
        };
        let running = tokio::spawn(Timed::new(running, &self.coordinators)).abort_handle();
        Replica { id, handle, roster, running, _stop: stop }
    }

    async fn wait_for_rosters(&self) {
        let until = tokio::time::Instant::now() + WARM_UP;
        let settings = &self.ground.settings;
        while tokio::time::Instant::now() < until {
            let knows = |replica: &Replica| {
                let fleet = replica.roster.now();
                fleet.slots() == settings.slots && fleet.coordinators.len() == settings.replicas
            };
            if self.replicas().iter().all(knows) {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Submits all jobs, some at once, and new ones as others end.
    async fn submit_all(&self) -> Result<u64> {
        let settings = &self.ground.settings;
        let jobs = settings.tasks.div_ceil(members::tasks_of_job(settings.repeats)).max(1);
        let catalogue = members::catalogue();
        let desk = Desk {
            store: &self.store,
            catalogue: &catalogue,
            check: &|_, _, _| Vec::new(),
            clock: self.ground.as_ref(),
            entropy: self.ground.entropy.as_ref(),
        };
        let job = members::job(settings.repeats, (settings.tasks * ROWS_PER_TASK).div_ceil(jobs))?;
        let submitting = (0..jobs).map(|number| {
            let asked = Asked {
                tenant: format!("tenant-{:03}", number % settings.tenants.max(1) as u64),
                principal: "simulation".to_owned(),
                door: "http".to_owned(),
                key: Some(format!("{}/{number}", settings.seed)),
                job: job.clone(),
                source_sha256: Some(id::sha256_hex(&number.to_le_bytes())),
                holdout_sha256: None,
                reply: None,
            };
            let desk = &desk;
            async move {
                self.wait_for_room().await;
                let tenant = asked.tenant.clone();
                let submitted = submit(desk, asked).await?;
                let is_told = match settings.defect {
                    Some(crate::settings::Defect::LoseJob(every)) => !self.ground.audit().is_nth_job(&submitted.job, every),
                    _ => true,
                };
                let handle = self.replicas().get(number as usize % settings.replicas.max(1)).map(|replica| replica.handle.clone());
                if let Some(handle) = handle.filter(|_| is_told) {
                    // a replica that died in between: another one finds the job's marker
                    let _ = handle.care(&tenant, &submitted.job).await;
                }
                Ok::<(), Error>(())
            }
        });
        let mut submitting = futures::stream::iter(submitting).buffer_unordered(SUBMITTERS);
        while let Some(submitted) = submitting.next().await {
            submitted?;
        }
        Ok(jobs)
    }

    /// Waits while so many jobs are open that slots have enough to do.
    async fn wait_for_room(&self) {
        let enough = (self.ground.settings.slots.div_ceil(JOB_WINDOW) * OPEN_JOBS).max(SUBMITTERS) as u64;
        while self.ground.audit().open_jobs() >= enough {
            self.close_old();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Looks once more at jobs that ended a while ago, and drops them.
    fn close_old(&self) {
        if let Err(error) = self.close(self.ground.elapsed_ms().saturating_sub(CLOSE_AFTER_MS)) {
            self.ground.audit().violate("unreadable", || error.to_string());
        }
    }

    /// Waits until every job has ended, or far longer than they can take.
    async fn wait_for_ends(&self, jobs: u64) -> Result<()> {
        let settings = &self.ground.settings;
        let ideal = settings.tasks as f64 * settings.task_seconds / settings.slots.max(1) as f64;
        let until = tokio::time::Instant::now() + Duration::from_secs_f64(10.0 * ideal + 3_600.0);
        while tokio::time::Instant::now() < until && self.ground.audit().jobs_ended() < jobs {
            self.close_old();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    }

    /// Looks once more at jobs that ended before some time, and drops them.
    fn close(&self, before_ms: u64) -> Result<()> {
        loop {
            let Some(keys) = self.ground.audit().next_to_close(before_ms) else { return Ok(()) };
            self.ground.audit().close(&keys, &self.store.objects())?;
            self.store.close(&keys)?;
        }
    }

    /// Kills a coordinator from time to time and starts another one a while later.
    async fn faults(self: Arc<Self>) {
        let every = self.ground.settings.replica_dies_every;
        let mut number = self.ground.settings.replicas;
        while !every.is_zero() {
            tokio::time::sleep(every.saturating_sub(REPLICA_RESTART)).await;
            let place = self.ground.fate.place(self.ground.settings.replicas);
            let died_ms = self.ground.elapsed_ms();
            let gone = self.replicas().get(place).map(|replica| {
                replica.running.abort();
                replica.id.clone()
            });
            // what it had in hand comes back before its queue goes
            tokio::task::yield_now().await;
            let mut orphans = BTreeSet::new();
            if let Some(id) = gone {
                self.broker.forget(&id);
                orphans = self.tenants_of(&id);
            }
            self.ground.tally().replica_deaths += 1;
            tokio::time::sleep(REPLICA_RESTART).await;
            let replica = self.replica(number);
            number += 1;
            let id = replica.id.clone();
            if let Some(gone) = self.replicas().get_mut(place) {
                *gone = replica;
            }
            let (now_ms, heirs) = (self.ground.elapsed_ms(), self.tenants_of(&id));
            let mut away = self.ground.away();
            away.death(died_ms, now_ms, orphans);
            away.handover(now_ms, heirs);
        }
    }

    /// The tenants that one of the coordinators looks after while all of them live.
    fn tenants_of(&self, id: &str) -> BTreeSet<String> {
        let coordinators = self.replicas().iter().map(|replica| replica.id.clone()).collect();
        let fleet = Fleet { coordinators, ..Fleet::default() };
        let tenants = (0..self.ground.settings.tenants.max(1)).map(|number| format!("tenant-{number:03}"));
        tenants.filter(|tenant| fleet.owner(tenant) == Some(id)).collect()
    }

    /// Takes the broker away, at equal distances over the time that the work takes at best.
    async fn broker_faults(self: Arc<Self>) {
        let settings = &self.ground.settings;
        let ideal = settings.tasks as f64 * settings.task_seconds / settings.slots.max(1) as f64;
        let between = Duration::from_secs_f64(ideal / f64::from(settings.broker_outages + 1));
        for _ in 0..settings.broker_outages {
            tokio::time::sleep(between).await;
            self.broker.outage(settings.broker_outage).await;
        }
    }

    /// Looks at queues and slots once a second.
    async fn look(self: Arc<Self>) {
        loop {
            let (hints, results) = self.broker.lengths().await;
            let is_up = self.ground.broker.is_up();
            let outcomes = self.ground.audit().outcomes;
            let running = self.ground.tally().saw(hints, results);
            self.series.lock().unwrap_or_else(PoisonError::into_inner).note(running, outcomes, is_up);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}
