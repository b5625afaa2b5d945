//! Queues: order, classes, pools, limits, depth.

use super::{Bench, battery, declare, inbox, nothing_within, publish, route, settle, take, with_pool};
use crate::{BODY_BYTES_MAX, Inbox, Route, Settle};
use std::{collections::BTreeSet, time::Duration};
use synthfleet_proto::{ErrorKind, class::Class};
use tokio::task::JoinSet;

battery! {
    a_taker_waits_for_its_message,
    messages_come_in_order,
    returned_messages_come_before_later_ones,
    each_message_goes_to_one_taker,
    a_pool_without_takers_is_unroutable,
    results_and_submissions_need_no_taker,
    results_for_one_coordinator_reach_it_alone,
    pools_do_not_mix,
    interactive_comes_first,
    a_taker_of_one_class_sees_no_other,
    a_message_of_the_largest_size_passes,
    a_larger_message_is_refused,
    depth_counts_ready_and_held,
    depth_tells_the_age_of_the_oldest,
    depth_counts_takers,
    a_healthy_broker_says_so,
    nobody_need_listen,
}

async fn a_taker_waits_for_its_message(broker: Bench) {
    let (to, from) = with_pool(&broker).await;
    let taker = tokio::spawn({
        let broker = broker.clone();
        async move { broker.take(&from).await.map(|delivery| delivery.body().clone()) }
    });
    tokio::time::sleep(Duration::from_secs(3)).await;
    publish(&broker, &to, b"late").await;
    let body = tokio::time::timeout(broker.pace.at_once, taker).await.expect("it was published");
    assert_eq!(body.expect("no panic").expect("the broker answers").as_ref(), b"late");
}

async fn messages_come_in_order(broker: Bench) {
    let (to, from) = with_pool(&broker).await;
    for i in 0..broker.pace.messages / 10 {
        publish(&broker, &to, i.to_le_bytes()).await;
    }
    for i in 0..broker.pace.messages / 10 {
        let delivery = take(&broker, &from).await;
        assert_eq!(delivery.body().as_ref(), i.to_le_bytes(), "message {i}");
        settle(&broker, delivery, Settle::Ack).await;
    }
}

async fn returned_messages_come_before_later_ones(broker: Bench) {
    let (to, from) = with_pool(&broker).await;
    for i in 0..3_u8 {
        publish(&broker, &to, [i]).await;
    }
    drop(take(&broker, &from).await);
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        let delivery = take(&broker, &from).await;
        seen.insert(delivery.body()[0]);
        settle(&broker, delivery, Settle::Ack).await;
    }
    assert_eq!(seen, [0, 1, 2].into());
}

async fn each_message_goes_to_one_taker(broker: Bench) {
    let messages = broker.pace.messages;
    let (to, from) = with_pool(&broker).await;
    let mut takers = JoinSet::new();
    for _ in 0..32 {
        let (broker, from) = (broker.clone(), from.clone());
        takers.spawn(async move {
            let mut seen = Vec::new();
            while let Ok(delivery) = tokio::time::timeout(Duration::from_secs(5), broker.take(&from)).await {
                let delivery = delivery.expect("the broker answers");
                seen.push(u32::from_le_bytes(delivery.body().as_ref().try_into().expect("four bytes")));
                settle(&broker, delivery, Settle::Ack).await;
            }
            seen
        });
    }
    for i in 0..messages {
        publish(&broker, &to, i.to_le_bytes()).await;
        if i % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let mut seen = takers.join_all().await.concat();
    seen.sort_unstable();
    assert!(seen == (0..messages).collect::<Vec<_>>(), "{} of {messages} messages were seen", seen.len());
}

async fn a_pool_without_takers_is_unroutable(broker: Bench) {
    let error = broker.publish(&route("nobody", Class::Batch), b"x").await.expect_err("nobody takes");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "broker::unroutable"));
}

async fn results_and_submissions_need_no_taker(broker: Bench) {
    for (to, from) in [(Route::Result, Inbox::Result), (Route::Submit, Inbox::Submit)] {
        publish(&broker, &to, format!("{to:?}")).await;
        let delivery = take(&broker, &from).await;
        assert_eq!(delivery.body().as_ref(), format!("{to:?}").as_bytes());
        settle(&broker, delivery, Settle::Ack).await;
    }
}

async fn results_for_one_coordinator_reach_it_alone(broker: Bench) {
    let (to, from) = (Route::ResultOf("c-1".to_owned()), Inbox::ResultOf("c-1".to_owned()));
    let error = broker.publish(&to, b"early").await.expect_err("nobody takes yet");
    assert_eq!(error.code(), "broker::unroutable");
    if !broker.has_own_queues() {
        return;
    }
    declare(&broker, &from).await;
    publish(&broker, &to, b"x").await;
    nothing_within(&broker, &Inbox::Result, broker.pace.at_once).await;
    let delivery = take(&broker, &from).await;
    assert_eq!(delivery.body().as_ref(), b"x");
    settle(&broker, delivery, Settle::Ack).await;
}

async fn pools_do_not_mix(broker: Bench) {
    declare(&broker, &inbox("a")).await;
    declare(&broker, &inbox("b")).await;
    publish(&broker, &route("a", Class::Batch), b"for a").await;
    nothing_within(&broker, &inbox("b"), broker.pace.at_once).await;
    let delivery = take(&broker, &inbox("a")).await;
    settle(&broker, delivery, Settle::Ack).await;
}

async fn interactive_comes_first(broker: Bench) {
    let (_, from) = with_pool(&broker).await;
    for (class, body) in [(Class::Batch, "b1"), (Class::Batch, "b2"), (Class::Interactive, "i1"), (Class::Interactive, "i2")] {
        publish(&broker, &route("p", class), body).await;
    }
    for expected in ["i1", "i2", "b1", "b2"] {
        let delivery = take(&broker, &from).await;
        assert_eq!(delivery.body().as_ref(), expected.as_bytes());
        settle(&broker, delivery, Settle::Ack).await;
    }
}

async fn a_taker_of_one_class_sees_no_other(broker: Bench) {
    let (_, both) = with_pool(&broker).await;
    let only = Inbox::Pool { pool: "p".to_owned(), classes: vec![Class::Interactive] };
    publish(&broker, &route("p", Class::Batch), b"batch").await;
    nothing_within(&broker, &only, broker.pace.at_once).await;
    // a waiting taker of the other class is passed over
    let waiting = tokio::spawn({
        let broker = broker.clone();
        async move { broker.take(&only).await.map(|delivery| delivery.body().clone()) }
    });
    tokio::task::yield_now().await;
    publish(&broker, &route("p", Class::Batch), b"batch").await;
    for _ in 0..2 {
        let delivery = take(&broker, &both).await;
        settle(&broker, delivery, Settle::Ack).await;
    }
    publish(&broker, &route("p", Class::Interactive), b"interactive").await;
    let body = tokio::time::timeout(broker.pace.at_once, waiting).await.expect("it was published");
    assert_eq!(body.expect("no panic").expect("the broker answers").as_ref(), b"interactive");
}

async fn a_message_of_the_largest_size_passes(broker: Bench) {
    let (to, from) = with_pool(&broker).await;
    publish(&broker, &to, vec![7; BODY_BYTES_MAX]).await;
    let delivery = take(&broker, &from).await;
    assert_eq!(delivery.body().len(), BODY_BYTES_MAX);
    settle(&broker, delivery, Settle::Ack).await;
}

async fn a_larger_message_is_refused(broker: Bench) {
    let (to, from) = with_pool(&broker).await;
    let body = vec![7; BODY_BYTES_MAX + 1];
    let error = broker.publish(&to, &body).await.expect_err("too large");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, "broker::too_large"));
    assert_eq!(broker.broadcast(&body).await.expect_err("too large").code(), "broker::too_large");
    nothing_within(&broker, &from, broker.pace.at_once).await;
}

async fn depth_counts_ready_and_held(broker: Bench) {
    let (to, from) = with_pool(&broker).await;
    for _ in 0..5 {
        publish(&broker, &to, b"x").await;
    }
    let held = take(&broker, &from).await;
    let depth = broker.depth(&from).await.expect("the broker answers");
    assert_eq!(depth.ready, 4);
    assert!(depth.unacked.is_none_or(|unacked| unacked == 1), "{depth:?}");
    settle(&broker, held, Settle::Ack).await;
    let depth = broker.depth(&from).await.expect("the broker answers");
    assert!(depth.ready == 4 && depth.unacked.is_none_or(|unacked| unacked == 0), "{depth:?}");
    assert_eq!(broker.depth(&inbox("nobody")).await.expect("an unknown queue is empty").ready, 0);
}

async fn depth_tells_the_age_of_the_oldest(broker: Bench) {
    let (to, from) = with_pool(&broker).await;
    assert_eq!(broker.depth(&from).await.expect("the broker answers").oldest_age, None);
    publish(&broker, &to, b"old").await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    publish(&broker, &to, b"young").await;
    let age = broker.depth(&from).await.expect("the broker answers").oldest_age;
    assert!(age.is_none_or(|age| age >= Duration::from_secs(4) && age < Duration::from_secs(6)), "{age:?}");
}

async fn depth_counts_takers(broker: Bench) {
    let (_, from) = with_pool(&broker).await;
    let waiting = tokio::spawn({
        let (broker, from) = (broker.clone(), from.clone());
        async move { broker.take(&from).await.map(|delivery| delivery.body().clone()) }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    let depth = broker.depth(&from).await.expect("the broker answers");
    assert!(depth.consumers.is_none_or(|consumers| consumers == 1), "{depth:?}");
    waiting.abort();
    drop(waiting.await);
    let depth = broker.depth(&from).await.expect("the broker answers");
    assert!(depth.consumers.is_none_or(|consumers| consumers == 0), "{depth:?}");
}

async fn a_healthy_broker_says_so(broker: Bench) {
    with_pool(&broker).await;
    let health = broker.health();
    assert!(health.ready && health.last_good < Duration::from_secs(60), "{health:?}");
}

async fn nobody_need_listen(broker: Bench) {
    broker.broadcast(b"x").await.expect("nobody listening is fine");
    broker.emit(b"x").await;
}
