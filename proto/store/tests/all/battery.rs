//! Every check over every store.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use synthfleet_proto::{Seed, outside::Clock};
use synthfleet_store::{Fault, Faults, Faulty, Local, Memory, Retrying, Settings, Store, conformance};

/// A clock that tests turn.
#[derive(Default)]
pub struct Hands(pub AtomicU64);

impl Clock for Hands {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub fn memory() -> Memory {
    Memory::new(Arc::new(Hands::default()))
}

fn over_all(make: impl Fn() -> Arc<dyn Store>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    for (name, check) in conformance::checks() {
        eprintln!("{name}");
        runtime.block_on(check(make()));
    }
}

#[test]
fn memory_passes() {
    over_all(|| Arc::new(memory()));
}

#[test]
fn local_passes_with_and_without_sync() {
    for sync in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let next = AtomicU64::new(0);
        over_all(|| {
            let root = folder.path().join(next.fetch_add(1, Ordering::Relaxed).to_string());
            Arc::new(Local::open(root, Settings { sync }).expect("a fresh folder"))
        });
    }
}

#[test]
fn a_failing_store_passes_when_tried_again() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
    let faults = vec![Fault::Away, Fault::LostReply, Fault::Conflict, Fault::Slow(std::time::Duration::from_secs(3))];
    for (i, (name, check)) in conformance::checks().into_iter().enumerate() {
        eprintln!("{name}");
        let seed = Seed::of_task(1, "faults").index(i as u64);
        // one call in ten fails; an upload of fifty pieces still has its chance
        let faults =
            Faults::Seeded { seed: seed.clone(), rate: if name.contains("many_pieces") { 20 } else { 100 }, faults: faults.clone() };
        let faulty = Arc::new(Faulty::new(Arc::new(memory()), faults));
        runtime.block_on(check(Arc::new(Retrying::new(faulty, seed))));
    }
}

#[test]
fn the_battery_is_long_enough_and_names_are_unique() {
    let names: std::collections::BTreeSet<_> = conformance::checks().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), conformance::checks().len());
    assert!(names.len() >= 35, "{}", names.len());
}
