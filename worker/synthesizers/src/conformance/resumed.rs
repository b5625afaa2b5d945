//! Check of fits that are stopped and started again.

use super::{member, seeds, tables};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use synthfleet_proto::{ErrorKind, Result};
use synthfleet_table::budget::Listener;
use synthfleet_table::{Arrays, Budget, Table};

/// Keeps the last state that a fit leaves, and stops it at one of the things that it tells.
#[derive(Clone, Default)]
struct Keeper {
    told: Arc<AtomicUsize>,
    last: Option<usize>,
    stop: Arc<AtomicBool>,
    state: Arc<Mutex<Option<Arrays>>>,
    notes: Arc<AtomicUsize>,
}

impl Keeper {
    fn hear(&self) {
        let told = self.told.fetch_add(1, Ordering::Relaxed) + 1;
        self.stop.fetch_or(self.last.is_some_and(|last| told >= last), Ordering::Relaxed);
    }

    /// A fit from a state; the bytes of its model, unless it was stopped, and the last state that it left.
    fn fit(self, name: &str, table: &Table, options: &Value, from: Option<Arrays>) -> (Option<Vec<u8>>, Option<Arrays>) {
        let budget = Budget::new(1, 4 << 30, Arc::clone(&self.stop), Box::new(self.clone()), from);
        let model = match member(name).fit_any(table, options, &seeds(), &budget) {
            Ok(model) => Some(model.save().expect("saves")),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Stopped, "{name}: {error}");
                None
            }
        };
        let state = self.state.lock().expect("not poisoned").take();
        // a state goes through a file
        (model, state.map(|state| Arrays::from_bytes(&state.to_bytes()).expect("own bytes")))
    }
}

impl Listener for Keeper {
    fn progress(&self, _: f64, _: &'static str) {
        self.hear();
    }
    fn measure(&self, _: &'static str, _: u64, _: f64) {
        self.hear();
    }
    fn checkpoint(&self, _: u64, state: &Arrays) -> Result<()> {
        *self.state.lock().expect("not poisoned") = Some(state.clone());
        Ok(())
    }
    fn checkpoint_due(&self) -> bool {
        true
    }
    fn note(&self, _: &str) {
        self.notes.fetch_add(1, Ordering::Relaxed);
    }
}

/// A fit that is stopped, twice over, and goes on from the state that it left (from nothing, if its member leaves none)
/// gives the bytes of one that was never stopped; from a state that is damaged or of another fit it starts anew.
pub(crate) fn a_resumed_fit_is_like_one_that_was_never_stopped(name: &str) {
    let options = if name == "latent_tree" { json!({"states": 8, "epochs_max": 6, "starts": 2, "batch": 200}) } else { Value::Null };
    goes_on(name, &tables::plain(900), &options, &tables::plain(800));
}

/// The same of one table; `other` is another one.
pub(crate) fn goes_on(name: &str, table: &Table, options: &Value, other: &Table) {
    let whole = Keeper::default();
    let told = Arc::clone(&whole.told);
    let (expected, last) = whole.fit(name, table, options, None);
    let told = told.load(Ordering::Relaxed);
    assert_eq!(last.is_some(), member(name).about().checkpoint, "{name}: states are left by who says so");
    let stopped = |from: Option<Arrays>, last: usize| Keeper { last: Some(last), ..Keeper::default() }.fit(name, table, options, from).1;
    for place in (1..=told).step_by(told.div_ceil(5).max(1)) {
        let once = stopped(None, place);
        let twice = stopped(once.clone(), told / 3 + 1).or(once);
        let (made, _) = Keeper::default().fit(name, table, options, twice);
        assert!(made == expected, "{name}: stopped at {place} of {told} it went on otherwise");
    }
    let Some(last) = last else { return };
    let foreign = Keeper::default().fit(name, other, options, None).1.expect("left");
    let damaged = || {
        let mut bytes = last.to_bytes();
        let place = bytes.len() / 2;
        bytes[place] ^= 1;
        Arrays::from_bytes(&bytes).unwrap_or_default()
    };
    for bad in [foreign, damaged(), Arrays::default()] {
        let keeper = Keeper::default();
        let notes = Arc::clone(&keeper.notes);
        let (made, _) = keeper.fit(name, table, options, Some(bad));
        assert!(made == expected && notes.load(Ordering::Relaxed) == 1, "{name}: a bad state changed the fit");
    }
}
