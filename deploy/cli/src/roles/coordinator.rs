//! The role `coordinator`: one of any number of replicas that look after the jobs of a fleet.

use super::brokers::Who;
use super::doors::{self, Wish};
use super::port::{self, Line};
use super::{brokers, parts, retention, signals};
use crate::commands::Surroundings;
use crate::config::CoordinatorConfig;
use crate::traces::{Traces, Who as Spanning};
use crate::{machine, tell};
use std::sync::Arc;
use std::time::Duration;
use synthfleet_coordinator::{Options, Parts, Roster, Service, metrics};
use synthfleet_proto::Result;
use tokio::sync::broadcast;

/// Runs until it is told to end.
pub async fn run(surroundings: &Surroundings) -> Result<u8> {
    let config = &surroundings.config;
    let shutdown = signals::shutdown()?;
    let options = Options { retains: Some(retention::of(&config.retention)?), ..options(&config.coordinator) };
    let book = port::book(&[metrics::CATALOGUE]);
    let traces = Traces::start(&config.traces, Spanning { role: "coordinator", id: options.id.clone() }, &book)?;
    let store = port::measured_store(parts::store(&config.store, None).await?, &book);
    parts::try_out(&store, &config.store, &book).await?;
    let who = Who { role: "coordinator", pool: "", id: &options.id };
    let broker = port::measured_broker(brokers::open(&config.broker, who).await?, &book);
    let (events, _) = broadcast::channel(super::EVENTS_MAX);
    let links = parts::links(&config.sources, &config.store).await?;
    let parts = Parts {
        store,
        broker,
        clock: Arc::new(parts::WallClock),
        entropy: Arc::new(parts::MachineEntropy),
        roster: Arc::new(Roster::watched()),
        callbacks: parts::callbacks(&config.serve, &links)?,
        links: Some(links),
        run: None,
        events,
    };
    tell!("  coordinator {}", options.id);
    let broker = Arc::clone(&parts.broker);
    let (service, handle) = Service::new(options, parts.clone());
    let line = Line { handle, book: Arc::clone(&book) };
    let mut served = doors::open(config, Wish { local_files: false, messages: true, sniff: None }, &parts, line, &shutdown).await?;
    let ready = Arc::new(move || broker.health().ready);
    port::operators(&config.serve.admin, ready, Arc::clone(&book), shutdown.clone(), &mut served).await?;
    let ended = service.counted(book).traced(traces.spans()).run(shutdown).await;
    traces.finish().await;
    port::close(served, ended).await
}

fn options(config: &CoordinatorConfig) -> Options {
    let id = if config.id.is_empty() { parts::name('c') } else { config.id.clone() };
    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    Options {
        sweep_every: seconds(config.sweep_seconds.max(0.1)),
        pool_wait: seconds(config.pool_wait_seconds),
        cancel_patience: seconds(config.cancel_patience_seconds),
        ..Options::fleet(&id, &machine::host(), env!("CARGO_PKG_VERSION"))
    }
}
