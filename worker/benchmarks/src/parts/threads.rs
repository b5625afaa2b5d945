//! Work on the budget's threads.

use synthfleet_proto::{Error, Result};
use synthfleet_table::Budget;

/// Runs `work` where parallel iterators use the budget's threads and no more.
pub fn on_threads<T: Send>(budget: &Budget, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(budget.threads()).build();
    pool.map_err(|error| Error::internal("benchmark::threads", error.to_string()))?.install(work)
}
