//! What becomes of a delivery: each verb, and none.

use super::{Bench, battery, inbox, nothing_within, publish, route, settle, take, with_pool};
use crate::{Inbox, Settle, Wait};
use synthfleet_proto::class::Class;
use tokio::time::Instant;

battery! {
    a_message_arrives_as_it_was_sent,
    a_fresh_message_is_not_called_redelivered,
    an_acked_message_is_gone,
    a_dropped_delivery_returns,
    a_requeued_message_returns_at_once,
    a_message_returns_as_often_as_it_is_requeued,
    a_parked_message_is_hidden_and_comes_back,
    a_longer_wait_comes_back_later,
    parked_messages_do_not_block_the_queue,
    a_buried_message_lies_in_the_dead_list,
    a_long_reason_is_cut,
    a_dead_message_can_be_acked,
    a_lost_taker_loses_nothing,
    an_extended_delivery_stays_with_its_holder,
    a_held_delivery_blocks_nobody,
}

async fn a_message_arrives_as_it_was_sent(broker: Bench) {
    let (to, from) = with_pool(&broker).await;
    let bodies = [vec![], vec![0], (0..=255).collect::<Vec<u8>>(), b"{\"v\":1}".to_vec()];
    for body in &bodies {
        publish(&broker, &to, body).await;
    }
    for body in &bodies {
        let delivery = take(&broker, &from).await;
        assert_eq!(delivery.body().as_ref(), body.as_slice());
        settle(&broker, delivery, Settle::Ack).await;
    }
}

async fn a_fresh_message_is_not_called_redelivered(broker: Bench) {
    let (to, from) = with_pool(&broker).await;
    publish(&broker, &to, b"x").await;
    let delivery = take(&broker, &from).await;
    assert!(!delivery.redelivered());
    assert_eq!(delivery.reason(), None);
    settle(&broker, delivery, Settle::Ack).await;
}

async fn an_acked_message_is_gone(broker: Bench) {
    let (to, from) = with_pool(&broker).await;
    publish(&broker, &to, b"x").await;
    let delivery = take(&broker, &from).await;
    settle(&broker, delivery, Settle::Ack).await;
    nothing_within(&broker, &from, broker.pace.quiet).await;
}

async fn a_dropped_delivery_returns(broker: Bench) {
    let (to, from) = with_pool(&broker).await;
    publish(&broker, &to, b"x").await;
    drop(take(&broker, &from).await);
    let again = take(&broker, &from).await;
    assert!(again.redelivered());
    assert_eq!(again.body().as_ref(), b"x");
    settle(&broker, again, Settle::Ack).await;
}

async fn a_requeued_message_returns_at_once(broker: Bench) {
    let (to, from) = with_pool(&broker).await;
    publish(&broker, &to, b"x").await;
    let delivery = take(&broker, &from).await;
    settle(&broker, delivery, Settle::Requeue).await;
    let again = take(&broker, &from).await;
    assert!(again.redelivered());
    settle(&broker, again, Settle::Ack).await;
}

async fn a_message_returns_as_often_as_it_is_requeued(broker: Bench) {
    let (to, from) = with_pool(&broker).await;
    publish(&broker, &to, b"x").await;
    for _ in 0..50 {
        let delivery = take(&broker, &from).await;
        settle(&broker, delivery, Settle::Requeue).await;
    }
    let last = take(&broker, &from).await;
    settle(&broker, last, Settle::Ack).await;
    assert_eq!(broker.depth(&from).await.expect("the broker answers").ready, 0);
}

async fn hidden_for(broker: &Bench, from: &Inbox, wait: Wait) {
    let begun = Instant::now();
    let delivery = take(broker, from).await;
    settle(broker, delivery, Settle::Park(wait)).await;
    nothing_within(broker, from, wait.duration().saturating_sub(begun.elapsed())).await;
    let again = take(broker, from).await;
    let hidden = begun.elapsed();
    assert!(hidden >= wait.duration() && hidden <= wait.duration() + broker.pace.at_once, "{wait:?} lasted {hidden:?}");
    settle(broker, again, Settle::Requeue).await;
}

async fn a_parked_message_is_hidden_and_comes_back(broker: Bench) {
    let (to, from) = with_pool(&broker).await;
    publish(&broker, &to, b"x").await;
    hidden_for(&broker, &from, Wait::Five).await;
}

async fn a_longer_wait_comes_back_later(broker: Bench) {
    let (to, from) = with_pool(&broker).await;
    publish(&broker, &to, b"x").await;
    for wait in broker.pace.waits.iter().copied() {
        hidden_for(&broker, &from, wait).await;
    }
}

async fn parked_messages_do_not_block_the_queue(broker: Bench) {
    let (to, from) = with_pool(&broker).await;
    publish(&broker, &to, b"first").await;
    publish(&broker, &to, b"second").await;
    let first = take(&broker, &from).await;
    settle(&broker, first, Settle::Park(Wait::Five)).await;
    let second = take(&broker, &from).await;
    assert_eq!(second.body().as_ref(), b"second");
    settle(&broker, second, Settle::Ack).await;
}

async fn a_buried_message_lies_in_the_dead_list(broker: Bench) {
    let (to, from) = with_pool(&broker).await;
    publish(&broker, &to, b"garbage").await;
    let delivery = take(&broker, &from).await;
    settle(&broker, delivery, Settle::Bury("decode".to_owned())).await;
    nothing_within(&broker, &from, broker.pace.quiet).await;
    let dead = take(&broker, &Inbox::Dead).await;
    assert_eq!((dead.body().as_ref(), dead.reason()), (&b"garbage"[..], Some("decode")));
    settle(&broker, dead, Settle::Ack).await;
}

async fn a_long_reason_is_cut(broker: Bench) {
    let (to, from) = with_pool(&broker).await;
    publish(&broker, &to, b"x").await;
    let delivery = take(&broker, &from).await;
    settle(&broker, delivery, Settle::Bury("ä".repeat(500))).await;
    let dead = take(&broker, &Inbox::Dead).await;
    let length = dead.reason().map(str::len).unwrap_or_default();
    assert!((1..=200).contains(&length), "a reason of {length} bytes");
    settle(&broker, dead, Settle::Ack).await;
}

async fn a_dead_message_can_be_acked(broker: Bench) {
    let (to, from) = with_pool(&broker).await;
    publish(&broker, &to, b"x").await;
    let delivery = take(&broker, &from).await;
    settle(&broker, delivery, Settle::Bury("size".to_owned())).await;
    let dead = take(&broker, &Inbox::Dead).await;
    settle(&broker, dead, Settle::Ack).await;
    assert_eq!(broker.depth(&Inbox::Dead).await.expect("the broker answers").ready, 0);
    nothing_within(&broker, &Inbox::Dead, broker.pace.at_once).await;
}

async fn a_lost_taker_loses_nothing(broker: Bench) {
    let (to, from) = with_pool(&broker).await;
    for i in 0..100_u8 {
        let taker = tokio::spawn({
            let (broker, from) = (broker.clone(), from.clone());
            async move { broker.take(&from).await }
        });
        tokio::task::yield_now().await;
        publish(&broker, &to, [i]).await;
        taker.abort();
        // whether the taker was faster or not, the message is here or goes back
        drop(taker.await);
        let delivery = take(&broker, &from).await;
        assert_eq!(delivery.body().as_ref(), [i]);
        settle(&broker, delivery, Settle::Ack).await;
    }
}

async fn an_extended_delivery_stays_with_its_holder(broker: Bench) {
    let (to, from) = with_pool(&broker).await;
    publish(&broker, &to, b"x").await;
    let delivery = take(&broker, &from).await;
    for _ in 0..10 {
        broker.extend(&delivery).await.expect("the broker answers");
        nothing_within(&broker, &from, broker.pace.quiet / 10).await;
    }
    settle(&broker, delivery, Settle::Ack).await;
}

async fn a_held_delivery_blocks_nobody(broker: Bench) {
    let (_, from) = with_pool(&broker).await;
    for class in [Class::Batch, Class::Interactive, Class::Batch] {
        publish(&broker, &route("p", class), b"x").await;
    }
    let held = [take(&broker, &from).await, take(&broker, &inbox("p")).await, take(&broker, &from).await];
    for delivery in held {
        settle(&broker, delivery, Settle::Ack).await;
    }
}
