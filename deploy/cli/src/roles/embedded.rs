//! A whole fleet in one process: coordinator, worker, in-process broker, local store. No port, no service.
//!
//! Each table has a folder of its own below the work folder, named by its bytes and the version. A lock on it
//! means that no other process works in it, so whatever an earlier process left open is dead and may be
//! taken over at once.

use super::parts::{MachineEntropy, WallClock};
use std::fs::File;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use synthfleet_broker::{self as broker, InProcess};
use synthfleet_coordinator::{self as coordinator, Asked, Catalogue, Desk, Roster, resubmit};
use synthfleet_proto::event::Event;
use synthfleet_proto::fact::{FinalFact, PublishedFact};
use synthfleet_proto::job::JobSpec;
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::outside::{Clock, Entropy};
use synthfleet_proto::{Error, Result, id};
use synthfleet_store::{self as stores, Local, Store, read_fact};
use synthfleet_worker::execute::{Child, ChildOptions, Executor, Pool};
use synthfleet_worker::{self as worker, check_options, members};
use tokio::sync::{broadcast, watch};

/// Tenant of everything that runs embedded.
const TENANT: &str = "local";
/// Decoded tables that tasks of one process share.
const SHELF_BYTES_MAX: u64 = 2 << 30;
/// Processes that may work on one table at once.
const FOLDERS_MAX: u32 = 8;

/// What an embedded run needs to know besides the job.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// Work folder; holds real rows.
    pub work_dir: PathBuf,
    /// Threads of a task, and most tasks at once.
    pub threads: usize,
    /// Memory that tasks may use together; each takes what the job plans for one.
    pub memory_bytes: u64,
    /// Tasks run as child processes.
    pub children: bool,
    /// Do every task anew.
    pub fresh: bool,
}

/// A job that is submitted, stored and locked.
pub struct Run {
    keys: JobKeys,
    /// Tasks at once.
    slots: usize,
    folder: PathBuf,
    store: Arc<dyn Store>,
    wishes: Wishes,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    catalogue: Arc<Catalogue>,
    _lock: File,
}

/// How a run ended.
pub struct Ended {
    /// The last fact.
    pub last: FinalFact,
    /// What was published, unless the job failed before.
    pub published: Option<PublishedFact>,
}

impl Run {
    /// Checks the job, then makes its folder and stores it. Every problem is told, and then nothing was made.
    pub async fn submit(job: JobSpec, hashes: Hashes, wishes: Wishes) -> Result<Self> {
        let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (Arc::new(WallClock), Arc::new(MachineEntropy));
        let catalogue = Arc::new(Catalogue::of(members()));
        coordinator::intake::resolve(&job, &catalogue, &check_options)?;
        let key = key(&job, &hashes)?;
        let fitting = wishes.memory_bytes / job.budget.memory_bytes_per_task.max(1);
        let slots = wishes.threads.min(usize::try_from(fitting).unwrap_or(usize::MAX)).max(1);
        let (folder, lock) = lock(&wishes.work_dir, &table(&job, &hashes)?)?;
        let store = open(&folder.join("store"), wishes.fresh)?;
        let asked = Asked {
            tenant: TENANT.into(),
            principal: "cli".into(),
            door: "cli".into(),
            key: Some(key),
            job,
            source_sha256: hashes.source,
            holdout_sha256: hashes.holdout,
            reply: None,
        };
        let desk =
            Desk { store: store.as_ref(), catalogue: &catalogue, check: &check_options, clock: clock.as_ref(), entropy: entropy.as_ref() };
        let submitted = resubmit(&desk, asked).await?;
        let keys = JobKeys::new(TENANT, &submitted.job)?;
        Ok(Self { keys, slots, folder, store, wishes, clock, entropy, catalogue, _lock: lock })
    }

    /// The store that holds the job.
    pub fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// Runs the job to its end. `interrupted` becomes true when the user wants what is finished.
    pub async fn finish(&self, events: &broadcast::Sender<Event>, mut interrupted: watch::Receiver<bool>) -> Result<Ended> {
        let queues = Arc::new(InProcess::new(broker::Settings { pools: vec!["local".into()], ..broker::Settings::default() }));
        let run = id::hex(&self.entropy.bits());
        let (stop, stopped) = watch::channel(false);
        let (service, handle) = coordinator::Service::new(
            coordinator::Options::embedded(env!("CARGO_PKG_VERSION")),
            coordinator::Parts {
                store: Arc::clone(&self.store),
                broker: queues.clone(),
                clock: Arc::clone(&self.clock),
                entropy: Arc::clone(&self.entropy),
                roster: Arc::new(Roster::fixed(Catalogue::clone(&self.catalogue), "local", self.slots)),
                links: None,
                callbacks: None,
                run: Some(run.clone()),
                events: events.clone(),
            },
        );
        let parts = worker::Parts {
            store: Arc::clone(&self.store),
            broker: queues,
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            executor: self.executor()?,
            links: None,
            run: Some(run),
        };
        let options = worker::Options::embedded(self.slots, self.folder.join("scratch"));
        let worker = worker::Service::new(worker::Options { threads: self.wishes.threads.max(1) as u32, ..options }, parts);
        let worker = tokio::spawn(worker.run(stopped.clone()));
        let mut coordinator = tokio::spawn(service.run(stopped));
        handle.care(self.keys.tenant(), self.keys.job()).await?;
        let last = loop {
            tokio::select! {
                last = handle.finished(self.keys.job()) => match last {
                    Some(last) => break last,
                    None => return Err(outcome(coordinator.await)),
                },
                ended = &mut coordinator => return Err(outcome(ended)),
                Ok(()) = interrupted.changed() => handle.interrupt(self.keys.tenant(), self.keys.job()).await?,
            }
        };
        stop.send_replace(true);
        if let Err(error) = worker.await.map_err(|e| Error::internal("run::worker", e.to_string())).and_then(|ended| ended) {
            tracing::warn!(code = error.code(), "the worker did not end well");
        }
        let published = read_fact::<PublishedFact>(self.store(), self.keys.published()?.key()).await?.map(|kept| kept.fact);
        Ok(Ended { last, published })
    }

    fn executor(&self) -> Result<Arc<dyn Executor>> {
        if !self.wishes.children {
            return Ok(Arc::new(Pool::new(SHELF_BYTES_MAX)));
        }
        let program = std::env::current_exe().map_err(|e| Error::io("the program itself", e))?;
        Ok(Arc::new(Child::new(ChildOptions::ours(program))))
    }
}

/// SHA-256 of the sources' bytes, where they are at hand.
#[derive(Debug, Clone, Default)]
pub struct Hashes {
    /// Of the table.
    pub source: Option<String>,
    /// Of a given holdout.
    pub holdout: Option<String>,
}

/// Equal jobs on equal bytes by equal versions are one job.
fn key(job: &JobSpec, hashes: &Hashes) -> Result<String> {
    let text = serde_json::to_string(&(job, &hashes.source, &hashes.holdout, env!("CARGO_PKG_VERSION")));
    text.map(|text| id::sha256_hex(text.as_bytes())).map_err(|e| Error::internal("run::key", e.to_string()))
}

/// Jobs on equal bytes share a folder, and with it every task that is equal in them.
fn table(job: &JobSpec, hashes: &Hashes) -> Result<String> {
    let source = hashes.source.as_deref().unwrap_or(&job.source.uri);
    let text = serde_json::to_string(&(source, &hashes.holdout, env!("CARGO_PKG_VERSION")));
    text.map(|text| id::sha256_hex(text.as_bytes())[..32].to_owned()).map_err(|e| Error::internal("run::key", e.to_string()))
}

/// The folder of a table, locked for this process; while another process works on the same table, the next one.
fn lock(work_dir: &Path, table: &str) -> Result<(PathBuf, File)> {
    for number in 1..=FOLDERS_MAX {
        let name = if number == 1 { table.to_owned() } else { format!("{table}-{number}") };
        let folder = work_dir.join("tables").join(name);
        let failed = |e| Error::io(folder.display(), e);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
        let lock = File::create(folder.join("lock")).map_err(failed)?;
        if lock.try_lock().is_ok() {
            return Ok((folder, lock));
        }
    }
    let message = format!("{FOLDERS_MAX} processes work on this very table");
    Err(Error::conflict("run::locked", message).help("wait for one of them, or choose another folder with --work-dir"))
}

/// Whether an error says that the work folder holds something unreadable: it is not synced, so a power cut may leave
/// a fact or a file half written.
pub fn is_unreadable(error: &Error) -> bool {
    ["fact::corrupt", "store::corrupt", "store::absent"].contains(&error.code())
}

/// Sets the store of a job's table aside, where it is kept as long as the table's folder, and gives its new place.
pub fn set_aside(job: &JobSpec, hashes: &Hashes, work_dir: &Path) -> Result<PathBuf> {
    let (folder, _lock) = lock(work_dir, &table(job, hashes)?)?;
    let aside = folder.join(format!("aside-{}", WallClock.now_ms()));
    std::fs::rename(folder.join("store"), &aside).map_err(|e| Error::io(folder.display(), e))?;
    Ok(aside)
}

/// The store of a table.
fn open(folder: &Path, fresh: bool) -> Result<Arc<dyn Store>> {
    if fresh && folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|e| Error::io(folder.display(), e))?;
    }
    Ok(Arc::new(Local::open(folder, stores::Settings { sync: false })?))
}

/// Why the coordinator ended before the job did.
fn outcome(ended: std::result::Result<Result<()>, tokio::task::JoinError>) -> Error {
    match ended {
        Ok(Err(error)) => error,
        Ok(Ok(())) => Error::internal("run::coordinator", "the coordinator ended before the job"),
        Err(error) => Error::internal("run::coordinator", error.to_string()),
    }
}
