//! Whole jobs whose tasks take no time: a coordinator and a worker over RabbitMQ and a synced folder.

use crate::Outcome;
use crate::ground::{Ground, MachineEntropy, WallClock, session};
use crate::hints::SLOTS;
use crate::replay::Replay;
use crate::rows::Rows;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use synthfleet_coordinator as coordinator;
use synthfleet_coordinator::{Asked, Catalogue, Desk, Handle, Roster};
use synthfleet_harness::VirtualHost;
use synthfleet_proto::fact::FinalFact;
use synthfleet_proto::job::{JobSpec, JobState};
use synthfleet_proto::key::{JobKeys, Key};
use synthfleet_proto::pool::Take;
use synthfleet_store::{Local, Settings, Store};
use synthfleet_worker as worker;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;

const SYSTEM: &str = "synthfleet";

/// One coordinator, one worker of four slots.
pub struct Office {
    store: Arc<dyn Store>,
    root: PathBuf,
    handle: Handle,
    catalogue: Catalogue,
    source: PathBuf,
    stop: watch::Sender<bool>,
    running: Vec<JoinHandle<synthfleet_proto::Result<()>>>,
    _host: VirtualHost,
}

impl Office {
    /// Starts both.
    pub async fn open(ground: &Ground) -> Outcome<Self> {
        let (host, folder) = (ground.host()?, ground.folder()?);
        let source = folder.join("people.csv");
        std::fs::write(&source, table())?;
        let root = folder.join("store");
        let store: Arc<dyn Store> = Arc::new(Local::open(&root, Settings { sync: true })?);
        let take = Take::all();
        let (stop, stopped) = watch::channel(false);
        let parts = worker::Parts {
            store: Arc::clone(&store),
            broker: session(&host, "worker", &take.pool()).await?,
            clock: Arc::new(WallClock),
            entropy: Arc::new(MachineEntropy),
            executor: Arc::new(Replay::new(folder.join("kept"))),
            links: None,
            run: None,
        };
        let options = worker::Options::fleet("w-bench", "", take, SLOTS, folder.join("scratch"));
        let options = worker::Options { local_sources: true, ..options };
        let worker = tokio::spawn(worker::Service::new(options, parts).run(stopped.clone()));
        let parts = coordinator::Parts {
            store: Arc::clone(&store),
            broker: session(&host, "coordinator", "").await?,
            clock: Arc::new(WallClock),
            entropy: Arc::new(MachineEntropy),
            roster: Arc::new(Roster::watched()),
            links: None,
            callbacks: None,
            run: None,
            events: broadcast::channel(1_024).0,
        };
        let (service, handle) = coordinator::Service::new(coordinator::Options::fleet("c-bench", "", "bench"), parts);
        let running = vec![worker, tokio::spawn(service.run(stopped))];
        let catalogue = Catalogue::of(worker::members());
        Ok(Self { store, root, handle, catalogue, source, stop, running, _host: host })
    }

    /// Runs jobs one after the other. The first runs its tasks for real and is not counted.
    pub async fn measure(&self, jobs: u32, round: u32, rows: &mut Rows) -> Outcome {
        self.run(0).await?;
        for number in 1..=jobs {
            let keys = self.run(number).await?;
            let outcomes = self.store.list(&keys.outcomes()?, None, 1_000).await?;
            let tasks = outcomes.len() as f64;
            let mut ends = Vec::new();
            for outcome in &outcomes {
                // the last task writes the table, after the judgement
                if !outcome.key.last().starts_with("gen-") {
                    ends.push(self.written(&outcome.key)?);
                }
            }
            let [spec, selection, last] = [keys.spec()?, keys.selection()?, keys.last()?].map(|key| self.written(key.key()));
            let (spec, selection, last) = (spec?, selection?, last?);
            let whole = last.duration_since(spec)?.as_secs_f64();
            let fan_in = selection.duration_since(ends.into_iter().max().ok_or("no outcome")?)?.as_secs_f64();
            rows.one(SYSTEM, "last of many to its follower", round, "ms", fan_in * 1e3);
            rows.one(SYSTEM, "whole job of no-op tasks", round, "ms", whole * 1e3);
            rows.one(SYSTEM, "slot time of a task in a job", round, "ms", whole * 1e3 * SLOTS as f64 / tasks);
        }
        Ok(())
    }

    /// When an object was written, by its file.
    fn written(&self, key: &Key) -> Outcome<SystemTime> {
        let path = self.store.local_path(key).ok_or_else(|| format!("{key} is no file below {}", self.root.display()))?;
        Ok(std::fs::metadata(path)?.modified()?)
    }

    async fn run(&self, number: u32) -> Outcome<JobKeys> {
        let mut job = JobSpec::of(&self.source.to_string_lossy());
        job.target = Some("y".to_owned());
        // another seed is another job: nothing is taken over from the one before
        job.seed = u64::from(number);
        let desk = Desk {
            store: self.store.as_ref(),
            catalogue: &self.catalogue,
            check: &worker::check_options,
            clock: &WallClock,
            entropy: &MachineEntropy,
        };
        let asked = Asked {
            tenant: "local".to_owned(),
            principal: "bench".to_owned(),
            door: "cli".to_owned(),
            key: None,
            job,
            source_sha256: None,
            holdout_sha256: None,
            reply: None,
        };
        let submitted = coordinator::submit(&desk, asked).await?;
        self.handle.care("local", &submitted.job).await?;
        let last = tokio::time::timeout(Duration::from_secs(300), self.handle.finished(&submitted.job)).await?;
        match last {
            Some(FinalFact { state: JobState::Failed | JobState::Cancelled, .. }) | None => {
                Err(format!("a job ended badly: {last:?}").into())
            }
            Some(_) => Ok(JobKeys::new("local", &submitted.job)?),
        }
    }

    /// Ends both.
    pub async fn close(self) -> Outcome {
        self.stop.send_replace(true);
        for running in self.running {
            running.await??;
        }
        Ok(())
    }
}

/// A table of some columns of different kinds.
pub fn table() -> String {
    let mut text = "age,city,score,y\n".to_owned();
    for row in 0..400u64 {
        let city = ["Rome", "Oslo", "Bern"][(row % 3) as usize];
        let score = (row * 37 % 101) as f64 / 7.0;
        text += &format!("{},{city},{score:.2},{}\n", 20 + row * 7 % 50, if row % 4 == 0 { "yes" } else { "no" });
    }
    text
}
