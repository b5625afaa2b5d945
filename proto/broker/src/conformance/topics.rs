//! Broadcasts and events: everybody hears, nobody is waited for.

use super::{Bench, battery};
use crate::{Listener, Topic};
use std::time::Duration;

battery! {
    a_broadcast_reaches_every_listener,
    events_reach_every_listener,
    topics_do_not_mix,
    a_listener_hears_from_now_on,
    a_slow_listener_stops_nobody,
}

async fn heard(listener: &mut Listener) -> Vec<u8> {
    let body = tokio::time::timeout(Duration::from_secs(6), listener.next()).await;
    body.expect("something was sent").expect("the broker is there").to_vec()
}

async fn silent(listener: &mut Listener) {
    let body = tokio::time::timeout(Duration::from_millis(1_500), listener.next()).await;
    assert!(body.is_err(), "{body:?} was heard");
}

async fn listen(broker: &Bench, topic: Topic) -> Listener {
    broker.listen(topic).await.expect("the broker answers")
}

async fn a_broadcast_reaches_every_listener(broker: Bench) {
    let mut listeners = Vec::new();
    for _ in 0..5 {
        listeners.push(listen(&broker, Topic::Control).await);
    }
    broker.broadcast(b"wake").await.expect("the broker answers");
    for listener in &mut listeners {
        assert_eq!(heard(listener).await, b"wake");
    }
}

async fn events_reach_every_listener(broker: Bench) {
    let (mut one, mut two) = (listen(&broker, Topic::Events).await, listen(&broker, Topic::Events).await);
    for event in [b"a", b"b"] {
        broker.emit(event).await;
    }
    for listener in [&mut one, &mut two] {
        assert_eq!([heard(listener).await, heard(listener).await], [b"a", b"b"]);
    }
}

async fn topics_do_not_mix(broker: Bench) {
    let (mut control, mut events) = (listen(&broker, Topic::Control).await, listen(&broker, Topic::Events).await);
    broker.emit(b"progress").await;
    silent(&mut control).await;
    assert_eq!(heard(&mut events).await, b"progress");
    broker.broadcast(b"drain").await.expect("the broker answers");
    silent(&mut events).await;
    assert_eq!(heard(&mut control).await, b"drain");
}

async fn a_listener_hears_from_now_on(broker: Bench) {
    broker.broadcast(b"before").await.expect("the broker answers");
    let mut late = listen(&broker, Topic::Control).await;
    broker.broadcast(b"after").await.expect("the broker answers");
    assert_eq!(heard(&mut late).await, b"after");
}

async fn a_slow_listener_stops_nobody(broker: Bench) {
    let mut slow = listen(&broker, Topic::Events).await;
    for i in 0..20_000_u32 {
        broker.emit(&i.to_le_bytes()).await;
    }
    let first = heard(&mut slow).await;
    let number = u32::from_le_bytes(first.as_slice().try_into().expect("four bytes"));
    assert_eq!(u64::from(number), slow.missed(), "what was missed is counted");
}
