//! The broker over SQS: what takes hours on a simulated clock, and limits of the service.

use crate::simulated::Simulated;
use std::{sync::Arc, time::Duration};
use synthfleet_broker::sqs::{Declare, Letter, Service, Settings, Sqs};
use synthfleet_broker::{Broker, Delivery, Inbox, Properties, Route, Settle, Topic, Wait};
use synthfleet_proto::{ErrorKind, Result, Seed, class::Class};
use tokio::time::Instant;

const HOUR: Duration = Duration::from_secs(3_600);
const QUEUE: &str = "synthfleet-pool-p-batch";

async fn open(settings: Settings) -> (Arc<Simulated>, Sqs) {
    let service = Arc::new(Simulated::default());
    let broker = Sqs::open(service.clone(), settings, Seed::of_task(0, "pauses")).await.expect("legal settings");
    (service, broker)
}

fn inbox(classes: &[Class]) -> Inbox {
    Inbox::Pool { pool: "p".to_owned(), classes: classes.to_vec() }
}

/// A broker, and a message in the hands of its taker.
async fn held() -> (Arc<Simulated>, Sqs, Delivery) {
    let (service, broker) = open(Settings::default()).await;
    let from = inbox(&[Class::Batch]);
    within(1, &broker, &from).await.expect_err("nothing yet");
    broker.publish(&Route::Pool { pool: "p".to_owned(), class: Class::Batch }, b"x").await.expect("the queue exists");
    let delivery = within(1, &broker, &from).await.expect("one message").expect("the service answers");
    (service, broker, delivery)
}

async fn within(seconds: u64, broker: &Sqs, inbox: &Inbox) -> Result<Result<Delivery>, tokio::time::error::Elapsed> {
    tokio::time::timeout(Duration::from_secs(seconds), broker.take(inbox)).await
}

#[tokio::test(start_paused = true)]
async fn cap() {
    let (service, broker, delivery) = held().await;
    let begun = Instant::now();
    let other = tokio::spawn({
        let broker = broker.clone();
        async move { broker.take(&inbox(&[Class::Batch])).await.map(|copy| (copy, Instant::now())) }
    });
    while !other.is_finished() {
        broker.extend(&delivery).await.expect("it can always be extended");
        assert_eq!(service.length(QUEUE), 1, "the message or its copy");
        assert!(begun.elapsed() < 13 * HOUR, "the service gives nothing back after 12 hours");
        tokio::time::sleep(Duration::from_secs(15)).await;
    }
    let (copy, at) = other.await.expect("no panic").expect("the service answers");
    let hidden = at - begun;
    assert!(hidden > 11 * HOUR + Duration::from_secs(45 * 60) && hidden < 12 * HOUR, "the copy came after {hidden:?}");
    assert_eq!((copy.body().as_ref(), copy.redelivered()), (&b"x"[..], true));
    // the first holder ended its task: the copy stays with its own holder
    broker.settle(delivery, Settle::Ack).await.expect("a late verb is no error");
    assert_eq!(service.length(QUEUE), 1);
    broker.settle(copy, Settle::Ack).await.expect("the service answers");
    assert_eq!(service.length(QUEUE), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_is_parked_by_a_copy_where_the_service_would_end_the_wait() {
    let (service, broker, delivery) = held().await;
    let end = Instant::now() + 11 * HOUR + Duration::from_secs(44 * 60);
    while Instant::now() < end {
        broker.extend(&delivery).await.expect("it can be extended");
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    broker.settle(delivery, Settle::Park(Wait::TenMinutes)).await.expect("parked");
    within(595, &broker, &inbox(&[Class::Batch])).await.expect_err("hidden");
    let again = within(30, &broker, &inbox(&[Class::Batch])).await.expect("back").expect("the service answers");
    assert!(again.redelivered());
    broker.settle(again, Settle::Ack).await.expect("the service answers");
    assert_eq!(service.length(QUEUE), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_holder_is_dead_comes_back_after_two_minutes() {
    let (_, broker, delivery) = held().await;
    within(119, &broker, &inbox(&[Class::Batch])).await.expect_err("hidden");
    let again = within(30, &broker, &inbox(&[Class::Batch])).await.expect("back").expect("the service answers");
    assert!(again.redelivered());
    // the dead holder was only slow: its verb has no effect on the one who holds the message now
    broker.settle(delivery, Settle::Ack).await.expect("a late verb is no error");
    broker.extend(&again).await.expect("still held");
    broker.settle(again, Settle::Ack).await.expect("the service answers");
}

#[tokio::test(start_paused = true)]
async fn a_beat_each_15_seconds_costs_a_request_each_45() {
    let (_, broker, delivery) = held().await;
    let begun = Instant::now();
    while begun.elapsed() < HOUR {
        broker.extend(&delivery).await.expect("it can be extended");
        tokio::time::sleep(Duration::from_secs(15)).await;
    }
    within(1, &broker, &inbox(&[Class::Batch])).await.expect_err("still hidden");
    broker.settle(delivery, Settle::Ack).await.expect("the service answers");
}

#[tokio::test(start_paused = true)]
async fn an_idle_taker_costs_at_most_a_request_a_second() {
    for (classes, most) in [(&Class::ALL[..], 60), (&[Class::Interactive], 3), (&[Class::Batch], 3)] {
        let (service, broker) = open(Settings::default()).await;
        within(60, &broker, &inbox(classes)).await.expect_err("nothing comes");
        assert!((1..=most).contains(&service.receives()), "{} receives a minute for {classes:?}", service.receives());
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_messages_in_flight_pause_the_taking() {
    let (service, broker) = open(Settings::default()).await;
    service.fail(["broker::over_limit"]);
    let error = within(1, &broker, &Inbox::Result).await.expect("told").expect_err("over the limit");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "broker::over_limit"));
    assert!(!broker.health().ready);
    broker.publish(&Route::Result, b"x").await.expect("publishing goes on");
    within(29, &broker, &Inbox::Result).await.expect_err("paused");
    let delivery = within(5, &broker, &Inbox::Result).await.expect("taking goes on").expect("the service answers");
    broker.settle(delivery, Settle::Ack).await.expect("the service answers");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_was_away_is_asked_again() {
    let (service, broker) = open(Settings::default()).await;
    service.fail(["broker::unavailable"; 3]);
    broker.publish(&Route::Result, b"x").await.expect("there");
    let begun = Instant::now();
    let mut errors = 0;
    let delivery = loop {
        match broker.take(&Inbox::Result).await {
            Ok(delivery) => break delivery,
            Err(error) => {
                assert_eq!(error.code(), "broker::unavailable");
                errors += 1;
            }
        }
    };
    assert_eq!(errors, 3);
    assert!(begun.elapsed() >= Duration::from_millis(600) && begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(broker.health().ready);
    drop(delivery);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_was_deleted_is_made_again_by_its_taker() {
    let (service, broker, delivery) = held().await;
    drop(delivery);
    service.remove(QUEUE);
    let to = Route::Pool { pool: "p".to_owned(), class: Class::Batch };
    assert_eq!(broker.publish(&to, b"x").await.expect_err("gone").code(), "broker::unroutable");
    while within(5, &broker, &inbox(&[Class::Batch])).await.is_ok() {}
    broker.publish(&to, b"y").await.expect("made again");
    let delivery = within(5, &broker, &inbox(&[Class::Batch])).await.expect("there").expect("the service answers");
    assert_eq!(delivery.body().as_ref(), b"y");
}

#[tokio::test(start_paused = true)]
async fn without_the_right_to_make_queues_a_missing_one_is_named() {
    let service = Arc::new(Simulated::default());
    let settings = Settings { declare: Declare::Never, ..Settings::default() };
    let seed = Seed::of_task(0, "pauses");
    let error = Sqs::open(service.clone(), settings.clone(), seed.clone()).await.err().expect("nothing is there");
    assert_eq!((error.code(), error.message()), ("broker::queue_missing", "there is no queue synthfleet-result"));
    for name in ["result", "submit", "dead"] {
        service.create(&format!("synthfleet-{name}"), Duration::ZERO).await.expect("made");
    }
    let broker = Sqs::open(service, settings, seed).await.expect("all is there");
    let error = within(1, &broker, &inbox(&[Class::Batch])).await.expect("told").expect_err("the pool's queue is missing");
    assert_eq!(error.message(), format!("there is no queue {QUEUE}"));
}

#[tokio::test(start_paused = true)]
async fn only_listed_queues_of_others_are_replied_to() {
    let listed = "https://sqs.example/1/answers".to_owned();
    let (service, broker) = open(Settings { reply_to: vec![listed.clone()], ..Settings::default() }).await;
    for name in [&listed, "https://sqs.example/2/secret"] {
        service.create(name, Duration::ZERO).await.expect("made");
    }
    broker.reply(&listed, b"accepted", Properties::NONE).await.expect("listed");
    let error = broker.reply("https://sqs.example/2/secret", b"accepted", Properties::NONE).await.expect_err("not listed");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "broker::unroutable"));
    assert_eq!((service.length(&listed), service.length("https://sqs.example/2/secret")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn listeners_hear_nothing_and_stay() {
    let (_, broker) = open(Settings::default()).await;
    let mut listener = broker.listen(Topic::Control).await.expect("listening is free");
    broker.broadcast(b"cancel").await.expect("telling nobody is fine");
    tokio::time::timeout(HOUR, listener.next()).await.expect_err("nobody speaks");
}

#[tokio::test(start_paused = true)]
async fn a_submission_of_others_comes_as_they_wrote_it_with_the_sender_that_the_service_knows() {
    let (service, broker) = open(Settings::default()).await;
    let attributes = [("content-type", "application/json"), ("message-id", "order-1"), ("x-synthfleet-tenant", "acme")];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let letter = Letter { body: "{\"source\":\"s3://b/a.csv\"}".to_owned(), attributes };
    service.send("synthfleet-submit", &letter, Duration::ZERO).await.expect("there");
    let delivery = within(1, &broker, &Inbox::Submit).await.expect("there").expect("the service answers");
    assert_eq!(delivery.body().as_ref(), letter.body.as_bytes());
    let properties = delivery.properties();
    assert_eq!((properties.message_id.as_deref(), properties.user.as_deref()), (Some("order-1"), None));
    assert_eq!(properties.headers.get("x-synthfleet-tenant").map(String::as_str), Some("acme"));
}
