//! The table against itself: every exchange and queue that a rule names exists.

use super::*;
use std::collections::BTreeSet;

fn fleet() -> Vec<Queue> {
    queues(&["all".to_owned(), "seqtree".to_owned()], &["acme".to_owned()])
}

#[test]
fn queues_are_bound_to_exchanges_that_exist_and_die_into_such() {
    let exchanges: BTreeSet<&str> = EXCHANGES.iter().map(|(name, _)| *name).collect();
    for queue in fleet() {
        assert!(queue.bindings.iter().all(|(exchange, _)| exchanges.contains(exchange)), "{queue:?}");
        for (name, value) in &queue.arguments {
            assert!(
                *name != "x-dead-letter-exchange" || matches!(value, Value::Text(exchange) if exchanges.contains(exchange)),
                "{queue:?}"
            );
        }
    }
}

#[test]
fn every_wait_has_its_exchange_and_its_time() {
    for wait in Wait::ALL {
        let queue = Queue::wait(wait);
        assert!(EXCHANGES.contains(&(wait_exchange(wait), Kind::Fanout)));
        assert!(queue.arguments.contains(&("x-message-ttl", Value::Number(wait.duration().as_millis() as i64))));
    }
}

#[test]
fn a_parked_message_finds_its_queue_again_and_no_other() {
    let work: Vec<Queue> = fleet().into_iter().filter(|queue| return_key(queue).is_some()).collect();
    let keys: BTreeSet<&str> = work.iter().filter_map(return_key).collect();
    assert_eq!((work.len(), keys.len()), (7, 7), "{keys:?}");
}

#[test]
fn a_route_leads_to_the_queue_of_its_inbox() {
    let class = Class::Batch;
    let pool = "all".to_owned();
    let pairs = [
        (Route::Pool { pool: pool.clone(), class }, Inbox::Pool { pool, classes: vec![class] }),
        (Route::Result, Inbox::Result),
        (Route::ResultOf("c-1".into()), Inbox::ResultOf("c-1".into())),
        (Route::Submit, Inbox::Submit),
    ];
    for (route, inbox) in pairs {
        let (exchange, key) = address(&route);
        assert!(queues_of(&inbox, &[])[0].bindings.contains(&(exchange, key)), "{route:?}");
    }
}

#[test]
fn work_is_replicated_and_refuses_rather_than_drops() {
    for queue in fleet().iter().filter(|queue| queue.name != "sf.v1.dead") {
        for argument in [("x-queue-type", "quorum"), ("x-overflow", "reject-publish"), ("x-dead-letter-strategy", "at-least-once")] {
            assert!(queue.arguments.contains(&(argument.0, Value::Text(argument.1))), "{}: {argument:?}", queue.name);
        }
    }
}

#[test]
fn a_worker_without_pools_may_read_no_queue_of_work() {
    let read = Role::Worker { pools: Vec::new() }.permissions().read;
    assert!(!read.contains("pool"), "{read}");
}
