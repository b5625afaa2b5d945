//! A fleet of five hundred slots beside its simulation: the twentieth part of the plan of ten thousand. Coordinators
//! and workers are the real ones, each with a session of its own at a real RabbitMQ node; their tasks were run once
//! and then only take their time. Counted are requests of the store and messages; the simulation with the same
//! settings must tell the same within a quarter.

use crate::Outcome;
use crate::ground::{Ground, MachineEntropy, WallClock, session_of};
use crate::replay::Replay;
use async_trait::async_trait;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use synthfleet_broker::{Broker, Measured, metrics};
use synthfleet_coordinator::{self as coordinator, Asked, Catalogue, Desk, Handle, Roster};
use synthfleet_harness::VirtualHost;
use synthfleet_metrics::Book;
use synthfleet_proto::Error;
use synthfleet_proto::attempts::Ended;
use synthfleet_proto::fact::FinalFact;
use synthfleet_proto::job::{JobSpec, JobState};
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::outside::Entropy;
use synthfleet_proto::pool::Take;
use synthfleet_store::{Counting, Counts, Memory, Store, read_fact};
use synthfleet_worker::execute::{Execution, Executor, Limits, Link};
use synthfleet_worker::{self as worker, TaskFolder};
use tokio::sync::{Semaphore, broadcast, watch};
use tokio::task::{JoinHandle, JoinSet};

const SLOTS: usize = 500;
const SLOTS_PER_PROCESS: usize = 8;
const REPLICAS: usize = 3;
const TENANTS: u64 = 48;
const REPEATS: u32 = 2;
/// Tasks of one job of the simulation: profile, eight rows of which three are baselines, ten benchmarks of each row and
/// of the holdout row, and the delivered table.
const TASKS_OF_JOB: u64 = 155;
/// Jobs that are open at once, as the simulation has them.
const OPEN_JOBS: usize = 32;
/// Furthest that a count may be from the simulation's.
const TOLERANCE: f64 = 0.25;
/// Longest that one job may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// Gives what was made once, after the time that a task takes.
struct Slow {
    replay: Replay,
    length: Duration,
    is_slow: Arc<AtomicBool>,
}

#[async_trait]
impl Executor for Slow {
    async fn execute(&self, folder: &TaskFolder, limits: &Limits, link: Link) -> Execution {
        let mut made = self.replay.execute(folder, limits, link).await;
        if self.is_slow.load(Ordering::Relaxed) {
            tokio::time::sleep(self.length).await;
            if let Err(error) = mark(&folder.path().join("out")) {
                made.ended = Ended::Error(Error::io("bench", error).to_wire());
            }
        }
        made
    }
}

/// Makes files of equal jobs differ: a worker that has a file with the same hash does not read it again.
fn mark(folder: &Path) -> std::io::Result<()> {
    let bits = MachineEntropy.bits();
    let blanks: Vec<u8> = bits.iter().flat_map(|byte| (0..8).map(move |bit| if byte >> bit & 1 == 1 { b' ' } else { b'\n' })).collect();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let mut bytes = std::fs::read(&path)?;
        let end = bytes.len();
        // Parquet is read from its end: its footer tells its own length, and nothing stands right before it
        let footer = match bytes.get(end.saturating_sub(8)..end.saturating_sub(4)) {
            Some(&[a, b, c, d]) if bytes.ends_with(b"PAR1") => u32::from_le_bytes([a, b, c, d]) as usize + 8,
            _ => 0,
        };
        let place = end.saturating_sub(footer);
        bytes.splice(place..place, blanks.iter().copied());
        std::fs::write(&path, bytes)?;
    }
    Ok(())
}

/// What one side asked and sent.
#[derive(Debug, Clone, Copy)]
struct Side {
    requests: Counts,
    messages: f64,
}

/// The fleet.
struct Fleet {
    store: Arc<Memory>,
    sides: [(Counting, Arc<Book>); 2],
    handles: Vec<Handle>,
    rosters: Vec<Arc<Roster>>,
    source: PathBuf,
    is_slow: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
    running: Vec<JoinHandle<synthfleet_proto::Result<()>>>,
    _host: VirtualHost,
}

/// Runs so many tasks of so many seconds, simulates the same, and tells the ratios.
#[expect(clippy::print_stdout, reason = "the ratios are what it is run for")]
pub async fn check(ground: &Ground, simulator: &Path, tasks: u64, seconds: f64) -> Outcome {
    let fleet = Arc::new(Fleet::start(ground, Duration::from_secs_f64(seconds)).await?);
    // every task runs once for real
    fleet.job(u64::MAX).await?;
    fleet.is_slow.store(true, Ordering::Relaxed);
    let before = fleet.seen();
    let began = Instant::now();
    let (planned, jobs) = fleet.jobs(tasks).await?;
    let wall = began.elapsed().as_secs_f64();
    let after = fleet.seen();
    fleet.stop.send_replace(true);
    for running in Arc::into_inner(fleet).ok_or("a job runs on")?.running {
        running.await??;
    }
    println!(
        "real: {jobs} jobs, {planned} tasks of {seconds} s, {SLOTS} slots, {wall:.0} s, ideal {:.0} s",
        planned as f64 * seconds / SLOTS as f64
    );
    let simulated = simulated(simulator, tasks, seconds)?;
    let figures = &simulated["figures"];
    let number =
        |pointer: &str| figures.pointer(pointer).and_then(Value::as_f64).ok_or_else(|| format!("the simulation tells no {pointer}"));
    let of_simulation = number("/tasks/planned")?;
    let mut far = Vec::new();
    for (place, (who, name)) in [("coordinator", "coordinators"), ("worker", "workers")].into_iter().enumerate() {
        let of = |what: &str| number(&format!("/requests/{who}/{what}"));
        let messages = match who {
            "worker" => number("/publishes/results")?,
            _ => number("/publishes/hints")? + number("/publishes/passed_on")? + number("/publishes/broadcasts")?,
        };
        let (one, other) = (before[place], after[place]);
        for (what, real, simulated) in [
            ("PUT and LIST", (other.requests.put - one.requests.put) as f64, of("put")? + of("list")?),
            ("GET", (other.requests.get - one.requests.get) as f64, of("get")?),
            ("messages", other.messages - one.messages, messages),
        ] {
            let (real, simulated) = (real / planned as f64, simulated / of_simulation);
            let ratio = real / simulated;
            println!("{name}, {what} a task: real {real:.3}, simulated {simulated:.3}, ratio {ratio:.3}");
            if (ratio - 1.0).abs() > TOLERANCE {
                far.push(format!("{name}, {what}: {ratio:.3}"));
            }
        }
    }
    if far.is_empty() { Ok(()) } else { Err(format!("further than a quarter from the simulation: {}", far.join("; ")).into()) }
}

/// What the simulation says of the same.
fn simulated(simulator: &Path, tasks: u64, seconds: f64) -> Outcome<Value> {
    let numbers = [SLOTS as f64, tasks as f64, seconds, f64::from(REPEATS), TENANTS as f64, REPLICAS as f64];
    let names = ["--workers", "--tasks", "--task-seconds", "--repeats", "--tenants", "--replicas"];
    let mut command = std::process::Command::new(simulator);
    command.args(["scale", "--calm", "--json", "--seed", "1"]);
    for (name, number) in names.into_iter().zip(numbers) {
        command.args([name.to_owned(), number.to_string()]);
    }
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("the simulation failed: {}", String::from_utf8_lossy(&output.stdout)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

impl Fleet {
    async fn start(ground: &Ground, length: Duration) -> Outcome<Self> {
        let (host, folder) = (ground.host()?, ground.folder()?);
        let source = folder.join("people.csv");
        std::fs::write(&source, crate::jobs::table())?;
        let store = Arc::new(Memory::new(Arc::new(WallClock)));
        let side = || -> (Counting, Arc<Book>) {
            (Counting::new(Arc::clone(&store) as Arc<dyn Store>), Arc::new(Book::new(&[metrics::CATALOGUE])))
        };
        let sides = [side(), side()];
        let (stop, stopped) = watch::channel(false);
        let is_slow = Arc::new(AtomicBool::new(false));
        let executor = Arc::new(Slow { replay: Replay::new(folder.join("kept")), length, is_slow: Arc::clone(&is_slow) });
        let (mut running, mut handles, mut rosters) = (Vec::new(), Vec::new(), Vec::new());
        let pool = Take::all().pool();
        for number in 0..SLOTS.div_ceil(SLOTS_PER_PROCESS) {
            let slots = SLOTS_PER_PROCESS.min(SLOTS - number * SLOTS_PER_PROCESS);
            let name = format!("w-{number:02}");
            let parts = worker::Parts {
                store: Arc::new(sides[1].0.clone()),
                broker: measured(session_of(&host, "worker", &pool, &name).await?, &sides[1].1),
                clock: Arc::new(WallClock),
                entropy: Arc::new(MachineEntropy),
                executor: executor.clone(),
                links: None,
                run: None,
            };
            let options = worker::Options::fleet(&name, "", Take::all(), slots, folder.join(&name));
            let options = worker::Options { local_sources: true, scratch_free_bytes_min: 0, ..options };
            running.push(tokio::spawn(worker::Service::new(options, parts).run(stopped.clone())));
        }
        for number in 0..REPLICAS {
            let (name, roster) = (format!("c-{number}"), Arc::new(Roster::watched()));
            let parts = coordinator::Parts {
                store: Arc::new(sides[0].0.clone()),
                broker: measured(session_of(&host, "coordinator", "", &name).await?, &sides[0].1),
                clock: Arc::new(WallClock),
                entropy: Arc::new(MachineEntropy),
                roster: Arc::clone(&roster),
                links: None,
                callbacks: None,
                run: None,
                events: broadcast::channel(1_024).0,
            };
            let options = coordinator::Options { retains: None, ..coordinator::Options::fleet(&name, "", "bench") };
            let (service, handle) = coordinator::Service::new(options, parts);
            running.push(tokio::spawn(service.run(stopped.clone())));
            handles.push(handle);
            rosters.push(roster);
        }
        let fleet = Self { store, sides, handles, rosters, source, is_slow, stop, running, _host: host };
        fleet.wait_for_rosters().await?;
        Ok(fleet)
    }

    async fn wait_for_rosters(&self) -> Outcome {
        let until = Instant::now() + Duration::from_secs(180);
        while Instant::now() < until {
            let knows = |roster: &Arc<Roster>| roster.now().slots() == SLOTS && roster.now().coordinators.len() == REPLICAS;
            if self.rosters.iter().all(knows) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Err("coordinators do not know all workers after three minutes".into())
    }

    /// Coordinators and workers, so far.
    fn seen(&self) -> [Side; 2] {
        self.sides
            .each_ref()
            .map(|(store, book)| Side { requests: store.counts(), messages: book.value(metrics::PUBLISH, &[]).unwrap_or(0.0) })
    }

    /// Runs jobs of so many tasks; gives how many tasks and jobs there were.
    async fn jobs(self: &Arc<Self>, tasks: u64) -> Outcome<(u64, u64)> {
        let jobs = tasks.div_ceil(TASKS_OF_JOB);
        let places = Arc::new(Semaphore::new(OPEN_JOBS));
        let mut running = JoinSet::new();
        for number in 0..jobs {
            let place = Arc::clone(&places).acquire_owned().await?;
            let fleet = Arc::clone(self);
            running.spawn(async move {
                let ended = fleet.job(number).await;
                drop(place);
                ended
            });
        }
        let mut planned = 0;
        while let Some(ended) = running.join_next().await {
            planned += ended??;
        }
        Ok((planned, jobs))
    }

    /// Runs a job to its end; gives the number of its tasks.
    async fn job(&self, number: u64) -> Outcome<u64> {
        let candidates = ["gaussian_copula", "clbn", "seqtree", "arf", "latent_tree"];
        let job = JobSpec::read(&serde_json::json!({
            "source": self.source, "target": "y", "synthesizers": candidates, "repeats": REPEATS, "gate": "off",
            "rows": "train", "priority": "batch",
            // another seed is another job: nothing is taken over from the one before
            "seed": number % (1 << 40),
        }))?;
        let catalogue = Catalogue::of(worker::members());
        let desk = Desk {
            store: self.store.as_ref(),
            catalogue: &catalogue,
            check: &worker::check_options,
            clock: &WallClock,
            entropy: &MachineEntropy,
        };
        let asked = Asked {
            tenant: format!("tenant-{:03}", number % TENANTS),
            principal: "bench".to_owned(),
            door: "http".to_owned(),
            key: None,
            job,
            source_sha256: None,
            holdout_sha256: None,
            reply: None,
        };
        let tenant = asked.tenant.clone();
        let submitted = coordinator::submit(&desk, asked).await?;
        let handle = self.handles.get(number as usize % REPLICAS).ok_or("no coordinator")?;
        handle.care(&tenant, &submitted.job).await?;
        let keys = JobKeys::new(&tenant, &submitted.job)?;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(last) = read_fact::<FinalFact>(self.store.as_ref(), keys.last()?.key()).await? {
                return match last.fact.state {
                    JobState::Done => Ok(u64::from(last.fact.counts.values().sum::<u32>())),
                    state => Err(format!("job {number} ended {}: {:?}", state.name(), last.fact.error).into()),
                };
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Err(format!("job {number} has not ended after {PATIENCE:?}").into())
    }
}

fn measured(broker: Arc<dyn Broker>, book: &Arc<Book>) -> Arc<dyn Broker> {
    Arc::new(Measured::start(broker, Arc::clone(book)))
}
