//! Every check over every broker: a listed test is one check over one broker.

use std::{collections::BTreeSet, sync::Arc};
use synthfleet_broker::conformance::{Bench, Check, Pace, checks};
use synthfleet_broker::{Broker, InProcess};

/// The check of a name.
fn check(name: &str) -> Check {
    checks(&Pace::SIMULATED).into_iter().find(|(known, _)| *known == name).expect("a check of that name").1
}

/// A test of each check, run by a function of this module.
macro_rules! tests {
    ($($name:ident,)*) => {
        $(
            #[test]
            fn $name() {
                super::over(super::super::check(stringify!($name)));
            }
        )*
    };
}

/// A check in the runtime's own, paused time.
fn paused(check: Check, broker: Arc<dyn Broker>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
    runtime.block_on(check(Bench { broker, pace: Pace::SIMULATED }));
}

mod in_process {
    use std::sync::Arc;
    use synthfleet_broker::{InProcess, conformance::Check};

    fn over(check: Check) {
        super::paused(check, Arc::new(InProcess::default()));
    }

    mod passes {
        synthfleet_broker::every_check!(tests);
        synthfleet_broker::every_broadcast_check!(tests);
    }
}

mod faulty_without_faults {
    use std::sync::Arc;
    use synthfleet_broker::{Faults, Faulty, InProcess, conformance::Check};

    fn over(check: Check) {
        super::paused(check, Arc::new(Faulty::new(Arc::new(InProcess::default()), Faults::NONE)));
    }

    mod passes {
        synthfleet_broker::every_check!(tests);
        synthfleet_broker::every_broadcast_check!(tests);
    }
}

mod rabbitmq {
    use crate::fleet::{Fleet, options};
    use std::sync::Arc;
    use std::time::Duration;
    use synthfleet_broker::RabbitMq;
    use synthfleet_broker::conformance::{Bench, Check, Pace};

    /// A parked message comes back soon after its time, and ten thousand messages are no trouble.
    const PACE: Pace = Pace { at_once: Duration::from_secs(3), messages: 10_000, ..Pace::REAL };

    fn over(check: Check) {
        let fleet = Fleet::shared();
        fleet.block_on(async {
            let options = options(&fleet.host.url(), &["p", "a", "b"]);
            let broker = RabbitMq::connect(options, 3).await.expect("the node answers");
            check(Bench { broker: Arc::new(broker), pace: PACE }).await;
        });
    }

    mod passes {
        synthfleet_broker::every_check!(tests);
        synthfleet_broker::every_broadcast_check!(tests);
    }
}

mod sqs_simulated {
    use crate::simulated::Simulated;
    use std::{sync::Arc, time::Duration};
    use synthfleet_broker::conformance::{Bench, Check, Pace};
    use synthfleet_broker::sqs::{Settings, Sqs};
    use synthfleet_proto::Seed;

    /// A taker of both classes may wait two seconds for the second one.
    const PACE: Pace = Pace { at_once: Duration::from_millis(2_500), broadcasts: false, ..Pace::SIMULATED };

    fn over(check: Check) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
        runtime.block_on(async {
            let opened = Sqs::open(Arc::new(Simulated::default()), Settings::default(), Seed::of_task(0, "pauses")).await;
            check(Bench { broker: Arc::new(opened.expect("legal settings")), pace: PACE }).await;
        });
    }

    mod passes {
        synthfleet_broker::every_check!(tests);
    }
}

mod sqs_moto {
    use crate::moto;
    use std::sync::Arc;
    use synthfleet_broker::conformance::{Bench, Check, Pace};
    use synthfleet_broker::sqs::Settings;

    const PACE: Pace = Pace { broadcasts: false, ..Pace::REAL };

    fn over(check: Check) {
        moto::with(Settings::default(), |broker, _, _| check(Bench { broker: Arc::new(broker), pace: PACE }));
    }

    mod passes {
        synthfleet_broker::every_check!(tests);
    }
}

#[test]
fn messages_survive_many_threads() {
    for name in ["each_message_goes_to_one_taker", "a_lost_taker_loses_nothing", "messages_come_in_order"] {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime");
        let pace = Pace { messages: 10_000, ..Pace::REAL };
        runtime.block_on(check(name)(Bench { broker: Arc::new(InProcess::default()), pace }));
    }
}

#[test]
fn every_check_is_listed_once() {
    macro_rules! names {
        ($($name:ident,)*) => { [$(stringify!($name)),*] };
    }
    let listed = [&synthfleet_broker::every_check!(names)[..], &synthfleet_broker::every_broadcast_check!(names)].concat();
    let known: Vec<&str> = checks(&Pace::SIMULATED).into_iter().map(|(name, _)| name).collect();
    assert_eq!(listed, known);
    assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), listed.len());
    assert!(listed.len() >= 30, "{}", listed.len());
}
