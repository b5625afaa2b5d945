//! How a role is told to end: once politely, twice at once.

use crate::tell;
use synthfleet_proto::{Error, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Exit code of a process that was told twice.
const AT_ONCE: u8 = 130;

/// Becomes true at the first SIGTERM or SIGINT; the second ends the process, and with it its children.
pub fn shutdown() -> Result<watch::Receiver<bool>> {
    let listen = |kind| signal(kind).map_err(|e| Error::internal("cli::signals", e.to_string()));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if stop.send_replace(true) {
                crate::leave(AT_ONCE);
            }
            tell!("  leaving: what runs gets its time to end (once more to end at once)");
        }
    });
    Ok(stopped)
}
