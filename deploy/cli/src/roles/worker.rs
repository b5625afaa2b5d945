//! The role `worker`: takes tasks of a fleet, runs each in a child process, commits outcomes.

use super::brokers::Who;
use super::{brokers, parts, port, signals};
use crate::commands::Surroundings;
use crate::config::WorkerConfig;
use crate::traces::{Traces, Who as Spanning};
use crate::{machine, tell};
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use synthfleet_proto::pool::{Take, check_pool_name};
use synthfleet_proto::{Error, Result};
use synthfleet_table::budget::MEMORY_BYTES_PER_TASK;
use synthfleet_worker::execute::{Child, ChildOptions, Executor, Pool};
use synthfleet_worker::{Options, Parts, Service, Term, check_take, members, metrics};
use tokio::task::JoinSet;

/// Decoded tables that tasks in threads of this process share.
const SHELF_BYTES_MAX: u64 = 1 << 30;
/// Scratch folders below one folder that a worker may find in use.
const NEIGHBOURS_MAX: usize = 1_000;

/// Runs until it is told to end.
pub async fn run(surroundings: &Surroundings) -> Result<u8> {
    let config = &surroundings.config;
    let shutdown = signals::shutdown()?;
    let name = if config.worker.id.is_empty() { parts::name('w') } else { config.worker.id.clone() };
    let (scratch, _lock) = scratch(&root(surroundings), &name)?;
    let options = options(&config.worker, &name, scratch.clone())?;
    let book = port::book(&[metrics::CATALOGUE]);
    let traces = Traces::start(&config.traces, Spanning { role: "worker", id: name.clone() }, &book)?;
    let store = port::measured_store(parts::store(&config.store, None).await?, &book);
    let broker = brokers::open(&config.broker, Who { role: "worker", pool: &options.pool, id: &name }).await?;
    let broker = port::measured_broker(broker, &book);
    tell!("  worker   {name}   pool {}   takes {}   {} at once", options.pool, options.take, options.slots);
    let parts = Parts {
        store,
        broker,
        clock: Arc::new(parts::WallClock),
        entropy: Arc::new(parts::MachineEntropy),
        executor: executor(&config.worker.isolate)?,
        links: Some(parts::links(&config.sources, &config.store).await?),
        run: None,
    };
    let mut served = JoinSet::new();
    let (broker, leaving) = (Arc::clone(&parts.broker), shutdown.clone());
    let ready = Arc::new(move || broker.health().ready && !*leaving.borrow());
    port::operators(&config.worker.admin, ready, Arc::clone(&book), shutdown.clone(), &mut served).await?;
    let ended = Service::new(options, parts).counted(book).traced(traces.spans()).run(shutdown).await;
    traces.finish().await;
    // what cannot be removed now is swept by the next worker
    let _ = std::fs::remove_dir_all(&scratch);
    served.abort_all();
    ended.map(|()| 0)
}

fn root(surroundings: &Surroundings) -> PathBuf {
    let setting = &surroundings.config.worker.scratch;
    if setting.as_os_str().is_empty() {
        return machine::work_dir(&surroundings.config.run.work_dir, &crate::variable).join("scratch");
    }
    setting.clone()
}

fn options(config: &WorkerConfig, name: &str, scratch: PathBuf) -> Result<Options> {
    let take = Take::parse(&config.take)?;
    check_take(&take, &members())?;
    let memory = if config.memory_bytes > 0 { config.memory_bytes } else { machine::memory_bytes().unwrap_or(4 << 30) / 4 * 3 };
    let cores = machine::threads();
    let slots = if config.slots > 0 { config.slots } else { cores.min((memory / MEMORY_BYTES_PER_TASK) as usize).max(1) };
    let threads = if config.threads > 0 { config.threads } else { (cores / slots).max(1) as u32 };
    let memory_bytes = memory / slots as u64;
    if memory_bytes < MEMORY_BYTES_PER_TASK {
        tell!("  note     each task gets {} MiB here: tasks that plan with more go to other workers", memory_bytes >> 20);
    }
    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    let mut options = Options::fleet(name, &machine::host(), take, slots, scratch);
    if !config.pool.is_empty() {
        check_pool_name(&config.pool)?;
        options.pool.clone_from(&config.pool);
    }
    Ok(Options {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        threads,
        memory_bytes,
        scale_to_zero: config.scale_to_zero,
        drain: seconds(config.drain_seconds),
        term: Term {
            idle: (config.exit_when_idle_seconds > 0.0).then(|| seconds(config.exit_when_idle_seconds)),
            tasks_max: (config.max_tasks > 0).then_some(config.max_tasks),
        },
        scratch_free_bytes_min: config.scratch_free_bytes,
        larder_bytes_max: config.larder_bytes,
        ..options
    })
}

/// Where tasks run.
pub fn executor(isolate: &str) -> Result<Arc<dyn Executor>> {
    match isolate {
        "pool" => Ok(Arc::new(Pool::new(SHELF_BYTES_MAX))),
        "child" => {
            let program = std::env::current_exe().map_err(|e| Error::io("the program itself", e))?;
            Ok(Arc::new(Child::new(ChildOptions::ours(program))))
        }
        other => {
            Err(Error::invalid("cli::flag", format!("--isolate takes pool or child, not {other:?}")).help("leave it out for the default"))
        }
    }
}

/// A fresh folder of this worker, locked while it lives. Folders of workers that are gone are removed.
fn scratch(root: &Path, name: &str) -> Result<(PathBuf, File)> {
    let broken = |e| Error::io(root.display(), e);
    DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(broken)?;
    for entry in std::fs::read_dir(root).map_err(broken)?.take(NEIGHBOURS_MAX).flatten() {
        let folder = entry.path();
        let is_left = File::open(folder.join("lock")).is_ok_and(|lock| lock.try_lock().is_ok());
        if is_left {
            // another worker may be sweeping the same
            let _ = std::fs::remove_dir_all(&folder);
        }
    }
    let folder = root.join(name);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(broken)?;
    let lock = File::create(folder.join("lock")).map_err(broken)?;
    if lock.try_lock().is_err() {
        return Err(Error::conflict("worker::name_taken", format!("another worker here is named {name}")).help("leave worker.id empty"));
    }
    Ok((folder, lock))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, load};

    #[test]
    fn a_worker_stays_unless_settings_say_when_it_ends() {
        let term = |variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let (config, _) = load(&Sources { file: None, variables }).expect("legal");
            options(&config.worker, "w", PathBuf::from("scratch")).expect("legal").term
        };
        assert_eq!(term(&[]), Term::default());
        let both = [("SYNTHFLEET_WORKER_EXIT_WHEN_IDLE_SECONDS", "60"), ("SYNTHFLEET_WORKER_MAX_TASKS", "8")];
        assert_eq!(term(&both), Term { idle: Some(Duration::from_secs(60)), tasks_max: Some(8) });
    }

    #[test]
    fn folders_of_dead_workers_are_swept_and_those_of_living_ones_stay() {
        let root = tempfile::tempdir().expect("temporary folder");
        let (dead, lock) = scratch(root.path(), "w-dead").expect("made");
        std::fs::write(dead.join("rest"), "x").expect("written");
        drop(lock);
        let (living, _kept) = scratch(root.path(), "w-living").expect("made");
        assert!(!dead.exists());
        let (_third, _also) = scratch(root.path(), "w-third").expect("made");
        assert!(living.exists());
        assert_eq!(scratch(root.path(), "w-living").expect_err("taken").code(), "worker::name_taken");
    }
}
