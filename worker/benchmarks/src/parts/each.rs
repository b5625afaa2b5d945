//! Independent results by index, equal on any number of threads.

use rayon::prelude::*;
use synthfleet_proto::{Error, Result};
use synthfleet_table::Budget;

/// Computes `one(0)` to `one(count - 1)` on the budget's threads and returns them in order. Asks the
/// budget before each whether to go on.
pub fn each<T: Send>(budget: &Budget, count: usize, one: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    let asked = |index: usize| {
        budget.go_on()?;
        one(index)
    };
    if budget.threads() == 1 || count < 2 {
        return (0..count).map(asked).collect();
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(budget.threads()).build();
    let pool = pool.map_err(|error| Error::internal("benchmark::threads", error.to_string()))?;
    pool.install(|| (0..count).into_par_iter().map(asked).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_order_on_three_threads() {
        let squares = each(&Budget::quiet(3), 100, |i| Ok(i * i)).expect("no error");
        assert!(squares.iter().enumerate().all(|(i, square)| *square == i * i));
    }
}
