//! One file a role of the process: what is wired with what.

pub mod brokers;
pub mod coordinator;
mod doors;
pub mod embedded;
pub mod management;
pub mod parts;
pub mod people;
mod port;
pub mod retention;
pub mod serve;
mod signals;
pub mod worker;

use crate::arguments::{Command, Places};
use crate::config::Config;
use crate::jobfile;
use synthfleet_proto::{Error, Result};

/// Lays the flags of a role over the settings.
pub fn lay_over(config: &mut Config, command: &Command) -> Result<()> {
    fn lay<T: Clone>(setting: &mut T, flag: &Option<T>) {
        if let Some(value) = flag {
            setting.clone_from(value);
        }
    }
    match command {
        Command::Worker(flags) => {
            let worker = &mut config.worker;
            lay(&mut worker.take, &flags.take);
            lay(&mut worker.pool, &flags.pool);
            lay(&mut worker.slots, &flags.slots);
            lay(&mut worker.threads, &flags.threads);
            lay(&mut worker.isolate, &flags.isolate);
            lay(&mut worker.scratch, &flags.scratch);
            lay(&mut worker.admin, &flags.admin);
            lay(&mut worker.exit_when_idle_seconds, &flags.exit_when_idle);
            lay(&mut worker.max_tasks, &flags.max_tasks);
            if let Some(memory) = &flags.memory {
                worker.memory_bytes = jobfile::bytes("--memory", memory)?;
            }
            places(config, &flags.places)
        }
        Command::Coordinator(flags) => {
            lay(&mut config.serve.listen, &flags.listen);
            lay(&mut config.serve.admin, &flags.admin);
            places(config, &flags.places)
        }
        Command::Serve(flags) => {
            lay(&mut config.serve.listen, &flags.listen);
            lay(&mut config.serve.admin, &flags.admin);
            lay(&mut config.worker.isolate, &flags.isolate);
            lay(&mut config.store.url, &flags.store);
            Ok(())
        }
        Command::Gc { store, .. } => {
            lay(&mut config.store.url, store);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn places(config: &mut Config, flags: &Places) -> Result<()> {
    if let Some(store) = &flags.store {
        config.store.url.clone_from(store);
    }
    let Some(broker) = &flags.broker else { return Ok(()) };
    let holds_a_password = broker.split_once('@').is_some_and(|(before, _)| before.matches(':').count() > 1);
    if holds_a_password {
        let error = Error::invalid("config::secret", "an address with a password cannot be a flag: every process here could read it");
        return Err(error.help("set broker.password_file, or SYNTHFLEET_BROKER_PASSWORD"));
    }
    config.broker.url.clone_from(broker);
    Ok(())
}

/// Runs a role on threads of its own.
pub fn block_on(role: impl Future<Output = Result<u8>>) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|e| Error::internal("cli::runtime", e.to_string()))?;
    let ended = runtime.block_on(role);
    // a blocking read that nobody waits for any more does not keep the process
    runtime.shutdown_timeout(std::time::Duration::from_secs(3));
    ended
}

/// Events that a slow listener may lag behind. The channel holds room for all of them from its first moment, 416 bytes
/// each.
pub const EVENTS_MAX: usize = 16_384;
