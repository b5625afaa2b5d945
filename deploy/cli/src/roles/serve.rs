//! The role `serve`: coordinator and worker in one process on a store of its own, for one machine.

use super::doors::{self, Wish};
use super::port::{self, Line};
use super::{parts, signals, worker};
use crate::commands::Surroundings;
use crate::traces::{Traces, Who};
use crate::{machine, tell};
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use synthfleet_broker::InProcess;
use synthfleet_coordinator::api::{Beginning, Sniff, Sniffed};
use synthfleet_coordinator::{Catalogue, Options, Parts, Roster, Service, metrics};
use synthfleet_intake::preview;
use synthfleet_intake::read::Source;
use synthfleet_proto::outside::Entropy;
use synthfleet_proto::{Error, Result, id};
use synthfleet_worker::members;
use tokio::sync::{broadcast, watch};

/// The pool of everything that runs in one process.
const POOL: &str = "local";

/// Runs until it is told to end.
pub async fn run(surroundings: &Surroundings) -> Result<u8> {
    let config = &surroundings.config;
    let shutdown = signals::shutdown()?;
    let folder = machine::work_dir(&config.run.work_dir, &crate::variable).join("serve");
    let place = parts::folder(&config.store.url).unwrap_or_else(|| folder.join("store"));
    let _lock = lock(&place)?;
    let slots = if config.worker.slots > 0 { config.worker.slots } else { machine::threads() };
    let (events, _) = broadcast::channel(super::EVENTS_MAX);
    let broker = Arc::new(InProcess::new(synthfleet_broker::Settings { pools: vec![POOL.into()], ..Default::default() }));
    let book = port::book(&[metrics::CATALOGUE, synthfleet_worker::metrics::CATALOGUE]);
    let traces = Traces::start(&config.traces, Who { role: "serve", id: machine::host() }, &book)?;
    let links = parts::links(&config.sources, &config.store).await?;
    let service_parts = Parts {
        store: port::measured_store(parts::store(&config.store, Some(&place)).await?, &book),
        broker: port::measured_broker(broker, &book),
        clock: Arc::new(parts::WallClock),
        entropy: Arc::new(parts::MachineEntropy),
        roster: Arc::new(Roster::fixed(Catalogue::of(members()), POOL, slots)),
        callbacks: parts::callbacks(&config.serve, &links)?,
        links: Some(links),
        // the lock on the store means that whatever another process left open is dead
        run: Some(id::hex(&parts::MachineEntropy.bits())),
        events,
    };
    let worker = worker_of(&service_parts, &config.worker.isolate, slots, folder.join("scratch"), config.worker.drain_seconds)?;
    let (service, handle) = Service::new(options(), service_parts.clone());
    tell!("  serving  store {}   {slots} tasks at once", place.display());
    let line = Line { handle, book: Arc::clone(&book) };
    let mut served =
        doors::open(config, Wish { local_files: true, messages: false, sniff: Some(sniffing()) }, &service_parts, line, &shutdown).await?;
    if !config.serve.listen.is_empty() {
        tell!("  app      the same address in a browser");
    }
    port::operators(&config.serve.admin, Arc::new(|| true), Arc::clone(&book), shutdown.clone(), &mut served).await?;
    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn(worker.counted(Arc::clone(&book)).traced(traces.spans()).run(stopped));
    let ended = service.counted(book).traced(traces.spans()).run(shutdown).await;
    let code = port::close(served, ended).await;
    stop.send_replace(true);
    worker.await.map_err(|e| Error::internal("run::worker", e.to_string()))??;
    traces.finish().await;
    code
}

/// Looks at the beginning of a table as a job would read it. Here one process does everything: its workers read
/// tables too.
fn sniffing() -> Sniff {
    Arc::new(|wish: &synthfleet_proto::job::Source, beginning: Beginning| {
        let (source, cut) = match beginning {
            Beginning::Simulated => (preview::simulated(&wish.uri).unwrap_or_else(|| Err(no_file()))?, false),
            Beginning::File(path) if path.is_file() => (Source::Path(path), false),
            Beginning::File(_) => return Err(no_file()),
            Beginning::Bytes { name, bytes, cut } => (Source::Bytes(name, bytes[..].into()), cut),
        };
        let seen = preview::preview(&source, wish, cut)?;
        Ok(Sniffed { told: seen.told, rows: seen.rows })
    })
}

fn no_file() -> Error {
    Error::data("source::not_found", "there is no such file")
}

/// Looks after every job that its store has, for ever.
fn options() -> Options {
    Options {
        id: "serve".to_owned(),
        host: machine::host(),
        adopts: true,
        failures_max: None,
        cancel_patience: Duration::from_secs(10),
        ..Options::embedded(env!("CARGO_PKG_VERSION"))
    }
}

fn worker_of(parts: &Parts, isolate: &str, slots: usize, scratch: PathBuf, drain_seconds: f64) -> Result<synthfleet_worker::Service> {
    let drain = Duration::try_from_secs_f64(drain_seconds).unwrap_or(Duration::MAX);
    // one process works here: what is left is of an earlier one
    let _ = std::fs::remove_dir_all(&scratch);
    let options = synthfleet_worker::Options { drain, host: machine::host(), ..synthfleet_worker::Options::embedded(slots, scratch) };
    let parts = synthfleet_worker::Parts {
        store: Arc::clone(&parts.store),
        broker: Arc::clone(&parts.broker),
        clock: Arc::clone(&parts.clock),
        entropy: Arc::clone(&parts.entropy),
        executor: worker::executor(isolate)?,
        links: parts.links.clone(),
        run: parts.run.clone(),
    };
    Ok(synthfleet_worker::Service::new(options, parts))
}

/// The store belongs to one process at a time.
fn lock(place: &Path) -> Result<File> {
    let broken = |e| Error::io(place.display(), e);
    DirBuilder::new().recursive(true).mode(0o700).create(place).map_err(broken)?;
    let lock = File::create(place.join("lock")).map_err(broken)?;
    if lock.try_lock().is_ok() {
        return Ok(lock);
    }
    let message = format!("another process works on the store {}", place.display());
    Err(Error::conflict("run::locked", message).help("stop it, or name another folder with --store file:///folder"))
}
