//! Messages from outside and the replies to them.

use super::{Bench, battery, declare, publish, settle, take};
use crate::{Inbox, Properties, Route, Settle};
use std::time::Duration;
use synthfleet_proto::ErrorKind;

battery! {
    a_submission_keeps_its_properties,
    a_returned_submission_keeps_its_properties,
    a_reply_reaches_the_queue_that_was_named,
    a_reply_to_nobody_is_unroutable,
    a_buried_submission_tells_its_reason,
}

fn properties() -> Properties {
    Properties {
        content_type: Some("application/json".to_owned()),
        kind: Some("synthfleet.job.submit.v1".to_owned()),
        message_id: Some("order-17".to_owned()),
        correlation_id: Some("batch-3".to_owned()),
        reply_to: Some("answers".to_owned()),
        headers: [("cloudEvents_id".to_owned(), "a-1".to_owned()), ("traceparent".to_owned(), "00-1-2-01".to_owned())].into(),
        ..Properties::default()
    }
}

/// What a sender can say; the rest is the broker's.
fn said(seen: &Properties) -> Properties {
    Properties { user: None, tenant: None, at: None, ..seen.clone() }
}

async fn submit(broker: &Bench) {
    broker.publish_with(&Route::Submit, b"{}", &properties()).await.expect("the queue exists");
}

async fn a_submission_keeps_its_properties(broker: Bench) {
    submit(&broker).await;
    let delivery = take(&broker, &Inbox::Submit).await;
    assert_eq!(said(delivery.properties()), properties());
    settle(&broker, delivery, Settle::Ack).await;
}

async fn a_returned_submission_keeps_its_properties(broker: Bench) {
    submit(&broker).await;
    drop(take(&broker, &Inbox::Submit).await);
    let again = take(&broker, &Inbox::Submit).await;
    assert_eq!(said(again.properties()), properties());
    settle(&broker, again, Settle::Ack).await;
}

async fn a_reply_reaches_the_queue_that_was_named(broker: Bench) {
    let answers = Inbox::Reply("answers".to_owned());
    declare(&broker, &answers).await;
    submit(&broker).await;
    let asked = take(&broker, &Inbox::Submit).await;
    let to = asked.properties().reply_to.clone().expect("a reply is wished");
    let answer = Properties { correlation_id: asked.properties().correlation_id.clone(), ..Properties::default() };
    broker.reply(&to, b"accepted", &answer).await.expect("somebody waits");
    settle(&broker, asked, Settle::Ack).await;
    let reply = take(&broker, &answers).await;
    assert_eq!((reply.body().as_ref(), reply.properties().correlation_id.as_deref()), (&b"accepted"[..], Some("batch-3")));
    settle(&broker, reply, Settle::Ack).await;
}

async fn a_reply_to_nobody_is_unroutable(broker: Bench) {
    let error = broker.reply("gone", b"accepted", Properties::NONE).await.expect_err("nobody waits");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "broker::unroutable"));
}

async fn a_buried_submission_tells_its_reason(broker: Bench) {
    submit(&broker).await;
    let delivery = take(&broker, &Inbox::Submit).await;
    settle(&broker, delivery, Settle::Bury("decode".to_owned())).await;
    let dead = tokio::time::timeout(broker.pace.at_once + Duration::from_secs(1), broker.take(&Inbox::Dead))
        .await
        .expect("buried")
        .expect("the broker answers");
    assert_eq!((dead.reason(), dead.properties().message_id.as_deref()), (Some("decode"), Some("order-17")));
    settle(&broker, dead, Settle::Ack).await;
    publish(&broker, &Route::Submit, b"next").await;
    let next = take(&broker, &Inbox::Submit).await;
    settle(&broker, next, Settle::Ack).await;
}
