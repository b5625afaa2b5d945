//! Every check over every broker, in the runtime's own paused time.

use std::{collections::BTreeSet, sync::Arc};
use synthfleet_broker::{
    Broker, Faults, Faulty, InProcess,
    conformance::{self, Bench, Pace},
};

fn over_all(make: impl Fn() -> Arc<dyn Broker>) {
    for (name, check) in conformance::checks(&Pace::SIMULATED) {
        eprintln!("{name}");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
        runtime.block_on(check(Bench { broker: make(), pace: Pace::SIMULATED }));
    }
}

#[test]
fn in_process_passes() {
    over_all(|| Arc::new(InProcess::default()));
}

#[test]
fn a_wrapper_without_faults_passes() {
    over_all(|| Arc::new(Faulty::new(Arc::new(InProcess::default()), Faults::NONE)));
}

#[test]
fn messages_survive_many_threads() {
    for name in ["each_message_goes_to_one_taker", "a_lost_taker_loses_nothing", "messages_come_in_order"] {
        let check = conformance::checks(&Pace::SIMULATED).into_iter().find(|(known, _)| *known == name).expect("a check of that name").1;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime");
        runtime.block_on(check(Bench { broker: Arc::new(InProcess::default()), pace: Pace { messages: 10_000, ..Pace::REAL } }));
    }
}

#[test]
fn the_battery_is_long_enough_and_names_are_unique() {
    let names: BTreeSet<_> = conformance::checks(&Pace::SIMULATED).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), conformance::checks(&Pace::SIMULATED).len());
    assert!(names.len() >= 30, "{}", names.len());
}
