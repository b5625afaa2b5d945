//! What only one kind of broker can show: limits, lost connections, faults by script and by seed.

use std::{sync::Arc, time::Duration};
use synthfleet_broker::{Broker, Fault, Faults, Faulty, InProcess, Inbox, Operation, Route, Settings, Settle, Topic, Wait};
use synthfleet_proto::{ErrorKind, Seed, class::Class};

fn pool() -> (Route, Inbox) {
    let class = Class::Interactive;
    (Route::Pool { pool: "p".to_owned(), class }, Inbox::Pool { pool: "p".to_owned(), classes: vec![class] })
}

fn in_process(messages_max: usize) -> InProcess {
    InProcess::new(Settings { messages_max, pools: vec!["p".to_owned()], ..Settings::default() })
}

fn faulty(faults: Faults) -> Faulty {
    Faulty::new(Arc::new(in_process(10_000)), faults)
}

/// Takes and acks everything that is there within 10 seconds.
async fn drain(broker: &dyn Broker) -> Vec<Vec<u8>> {
    let (_, from) = pool();
    let mut bodies = Vec::new();
    while let Ok(delivery) = tokio::time::timeout(Duration::from_secs(10), broker.take(&from)).await {
        let delivery = delivery.expect("the broker answers");
        bodies.push(delivery.body().to_vec());
        broker.settle(delivery, Settle::Ack).await.expect("the broker answers");
    }
    bodies
}

#[test]
fn a_wait_is_rounded_up_to_a_step() {
    let cases =
        [(0, Wait::Five), (5, Wait::Five), (6, Wait::Thirty), (31, Wait::TwoMinutes), (600, Wait::TenMinutes), (9_999, Wait::TenMinutes)];
    for (seconds, wait) in cases {
        assert_eq!(Wait::covering(Duration::from_secs(seconds)), wait, "{seconds} s");
    }
}

#[tokio::test]
async fn a_full_queue_rejects_and_takes_again_when_there_is_room() {
    let broker = in_process(3);
    let (to, from) = pool();
    for _ in 0..3 {
        broker.publish(&to, b"x").await.expect("there is room");
    }
    let error = broker.publish(&to, b"x").await.expect_err("full");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "broker::rejected"));
    let held = broker.take(&from).await.expect("there is one");
    broker.publish(&to, b"x").await.expect("there is room");
    // what comes back is never rejected
    broker.settle(held, Settle::Requeue).await.expect("the broker answers");
    assert_eq!(broker.depth(&from).await.expect("the broker answers").ready, 4);
}

#[tokio::test]
async fn a_full_dead_list_forgets_its_oldest() {
    let broker = in_process(2);
    let (to, from) = pool();
    for i in 0..3_u8 {
        broker.publish(&to, &[i]).await.expect("there is room");
        let delivery = broker.take(&from).await.expect("there is one");
        broker.settle(delivery, Settle::Bury("decode".to_owned())).await.expect("the broker answers");
    }
    let dead = broker.take(&Inbox::Dead).await.expect("there are two");
    assert_eq!(dead.body().as_ref(), [1]);
}

#[tokio::test]
async fn a_lost_connection_returns_everything_in_order_and_late_verbs_do_nothing() {
    let broker = in_process(10);
    let (to, from) = pool();
    for i in 0..3_u8 {
        broker.publish(&to, &[i]).await.expect("there is room");
    }
    let held = [broker.take(&from).await.expect("there"), broker.take(&from).await.expect("there")];
    broker.disconnect();
    for delivery in held {
        broker.settle(delivery, Settle::Ack).await.expect("a late verb is no error");
    }
    for i in 0..3_u8 {
        let delivery = broker.take(&from).await.expect("there");
        assert_eq!((delivery.body().as_ref(), delivery.redelivered()), (&[i][..], i < 2));
        broker.settle(delivery, Settle::Ack).await.expect("the broker answers");
    }
}

#[tokio::test(start_paused = true)]
async fn each_fault_of_a_publish_does_what_it_says() {
    let cases: [(Fault, Vec<&[u8]>); 5] = [
        (Fault::Drop, vec![b"b", b"c"]),
        (Fault::Duplicate, vec![b"a", b"a", b"b", b"c"]),
        (Fault::Delay(Duration::from_secs(2)), vec![b"b", b"c", b"a"]),
        (Fault::Reorder, vec![b"b", b"a", b"c"]),
        (Fault::Reject, vec![b"b", b"c"]),
    ];
    for (fault, expected) in cases {
        let broker = faulty(Faults::once(Operation::Publish, 0, fault));
        let first = broker.publish(&pool().0, b"a").await;
        assert_eq!(first.is_err(), fault == Fault::Reject, "{fault:?}");
        for body in [b"b", b"c"] {
            broker.publish(&pool().0, body).await.expect("only the first call fails");
        }
        assert_eq!(drain(&broker).await, expected, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reordered_message_that_nobody_overtakes_comes_all_the_same() {
    let broker = faulty(Faults::once(Operation::Publish, 0, Fault::Reorder));
    broker.publish(&pool().0, b"alone").await.expect("held back");
    assert_eq!(drain(&broker).await, [b"alone"]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_ack_brings_the_message_again() {
    let broker = faulty(Faults::once(Operation::Settle, 0, Fault::Drop));
    broker.publish(&pool().0, b"x").await.expect("there is room");
    assert_eq!(drain(&broker).await, [b"x", b"x"]);
}

#[tokio::test(start_paused = true)]
async fn a_disconnect_during_a_take_returns_what_others_hold() {
    let broker = faulty(Faults::once(Operation::Take, 1, Fault::Disconnect));
    let (to, from) = pool();
    broker.publish(&to, b"x").await.expect("there is room");
    let held = broker.take(&from).await.expect("there is one");
    assert_eq!(broker.take(&from).await.expect_err("lost").kind(), ErrorKind::Unavailable);
    broker.settle(held, Settle::Ack).await.expect("a late verb is no error");
    let again = broker.take(&from).await.expect("it went back");
    assert!(again.redelivered());
}

#[tokio::test(start_paused = true)]
async fn events_may_be_lost_or_doubled() {
    let broker = faulty(Faults::Script([((Operation::Emit, 0), Fault::Drop), ((Operation::Emit, 1), Fault::Duplicate)].into()));
    let mut events = broker.listen(Topic::Events).await.expect("the broker answers");
    for event in [b"a", b"b"] {
        broker.emit(event).await;
    }
    assert_eq!(
        [events.next().await, events.next().await].map(|event| event.map(|e| e.to_vec())),
        [Some(b"b".to_vec()), Some(b"b".to_vec())]
    );
}

#[tokio::test(start_paused = true)]
async fn a_seed_gives_the_same_faults_again() {
    let faults = || Faults::Seeded { seed: Seed::of_task(3, "faults"), rate: 300, faults: vec![Fault::Drop, Fault::Duplicate] };
    let mut runs = Vec::new();
    for _ in 0..2 {
        let broker = faulty(faults());
        for i in 0..100_u8 {
            broker.publish(&pool().0, &[i]).await.expect("no fault tells");
        }
        runs.push(drain(&broker).await);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], (0..100_u8).map(|i| vec![i]).collect::<Vec<_>>(), "some fault happened");
}

#[tokio::test]
async fn a12_the_broker_of_one_process_carries_encoded_bytes() {
    let broker = in_process(10);
    let (to, from) = pool();
    let mut body = b"\x82\xa1v\x01\xa4kind\xa4task".to_vec();
    broker.publish(&to, &body).await.expect("there is room");
    // what the sender does with its buffer afterwards changes nothing: no object is shared
    body.fill(0);
    let delivery = broker.take(&from).await.expect("there is one");
    assert_eq!(delivery.body().as_ref(), b"\x82\xa1v\x01\xa4kind\xa4task");
}
