//! Work of more than half a millisecond, off the async threads.

use synthfleet_proto::{Error, Result};
use tokio::runtime::{Handle, RuntimeFlavor};

/// Does some work on a thread of its own. A runtime of one thread is a test or a simulation: there the work is done in
/// place, so that what happens next follows from virtual time alone.
pub(crate) async fn heavy<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::internal("coordinator::panic", format!("heavy work stopped: {e}")))
}
