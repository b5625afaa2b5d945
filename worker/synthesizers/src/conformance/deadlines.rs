//! Checks of what a fit leaves whose time ends before it does.

use super::{fitted, member, no_foreign_labels, sampled, seeds, tables, valid};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use synthfleet_proto::{ErrorKind, Result};
use synthfleet_table::budget::Listener;
use synthfleet_table::{Arrays, Budget};

/// Most places at which a fit is stopped.
const STOPS: usize = 12;

/// Counts what a fit tells, and raises its flag at one of these.
struct StopAt {
    told: Arc<AtomicUsize>,
    last: usize,
    stop: Arc<AtomicBool>,
}

impl StopAt {
    fn hear(&self) {
        let told = self.told.fetch_add(1, Ordering::Relaxed) + 1;
        self.stop.fetch_or(told >= self.last, Ordering::Relaxed);
    }
}

impl Listener for StopAt {
    fn progress(&self, _: f64, _: &'static str) {
        self.hear();
    }
    fn measure(&self, _: &'static str, _: u64, _: f64) {
        self.hear();
    }
    fn checkpoint(&self, _: u64, _: &Arrays) -> Result<()> {
        Ok(())
    }
    fn checkpoint_due(&self) -> bool {
        false
    }
}

/// A budget whose time ends when a fit has told `last` things, and their count.
fn stopping_at(last: usize) -> (Budget, Arc<AtomicUsize>) {
    let (told, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
    let listener = StopAt { told: Arc::clone(&told), last, stop: Arc::clone(&stop) };
    (Budget::new(1, 4 << 30, stop, Box::new(listener), None), told)
}

/// Wherever its time ends, a fit ends with the stop or with a whole model. Members that are marked anytime leave the
/// best so far with the finding that says so, and it draws valid rows; others never claim to.
pub(crate) fn a_deadline_leaves_the_stop_or_a_model_that_says_so(name: &str) {
    let table = tables::plain(1_500);
    let (whole, told) = stopping_at(usize::MAX);
    drop(fitted(name, &table, &whole));
    let told = told.load(Ordering::Relaxed);
    let mut was_cut = false;
    // later stops first: what an anytime member has by then is worth a model
    for place in (1..=told).rev().step_by(told.div_ceil(STOPS).max(1)) {
        let (budget, _) = stopping_at(place);
        let model = match member(name).fit_any(&table, &Value::Null, &seeds(), &budget) {
            Ok(model) => model,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Stopped, "{name}, stop {place} of {told}: {error}");
                continue;
            }
        };
        let says_so = model.findings().iter().any(|finding| finding.code == "stopped_by_deadline");
        assert!(member(name).about().anytime || !says_so, "{name} is not marked anytime");
        if says_so && !was_cut {
            was_cut = true;
            let (what, sample) = (format!("{name}, stop {place} of {told}"), sampled(&*model, 0..500, 1));
            match member(name).about().private {
                true => no_foreign_labels(&what, &table, &sample),
                false => valid(&what, &table, &sample, member(name).about().real_rows),
            }
        }
    }
    assert_eq!(was_cut, member(name).about().anytime, "{name}: {told} things told");
}
