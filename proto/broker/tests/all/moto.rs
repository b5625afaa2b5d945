//! The broker over SQS as a moto server imitates it: what the simulated service cannot show.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use synthfleet_broker::sqs::{Account, Aws, BucketEvents, Counts, Credentials, Declare, Letter, Service, Settings, Sqs, SqsEvents};
use synthfleet_broker::{Broker, Inbox, Route, Settle};
use synthfleet_harness::Moto;
use synthfleet_proto::Seed;

static PREFIXES: AtomicU32 = AtomicU32::new(0);

/// Runs a test with a broker whose queues nobody else uses.
pub fn with<F: Future<Output = ()>>(settings: Settings, test: impl FnOnce(Sqs, Arc<Aws>, String) -> F) {
    let server = Moto::shared().expect("a moto server");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let prefix = format!("t{}-{}", std::process::id(), PREFIXES.fetch_add(1, Ordering::Relaxed));
    runtime.block_on(async {
        let service = Arc::new(service(&server.url()).await);
        let opened = Sqs::open(service.clone(), Settings { prefix: prefix.clone(), ..settings }, Seed::of_task(0, "pauses")).await;
        test(opened.expect("the server answers"), service, prefix).await;
    });
}

async fn service(endpoint: &str) -> Aws {
    let (access_key, secret_key) = Moto::KEYS;
    let credentials = Credentials::Keys { access_key: access_key.into(), secret_key: secret_key.into(), session_token: None };
    Aws::open(&Account { endpoint: Some(endpoint.to_owned()), region: None, credentials }).await.expect("legal")
}

#[test]
fn an_extended_message_stays_hidden_and_a_forgotten_one_comes_back() {
    let settings = Settings { visibility: Duration::from_secs(3), ..Settings::default() };
    with(settings, |broker, _, _| async move {
        broker.publish(&Route::Result, b"x").await.expect("there");
        let held = broker.take(&Inbox::Result).await.expect("one message");
        for _ in 0..12 {
            broker.extend(&held).await.expect("extended");
            tokio::time::timeout(Duration::from_millis(500), broker.take(&Inbox::Result)).await.expect_err("hidden");
        }
        // the holder dies: nobody extends any more
        let begun = Instant::now();
        let again = tokio::time::timeout(Duration::from_secs(30), broker.take(&Inbox::Result)).await.expect("back").expect("taken");
        assert!(again.redelivered());
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        broker.settle(held, Settle::Ack).await.expect("a late verb is no error");
        broker.extend(&again).await.expect("still held");
        broker.settle(again, Settle::Ack).await.expect("settled");
    });
}

#[test]
fn a_stranger_submits_with_attributes_and_the_service_tells_who_it_is() {
    with(Settings::default(), |broker, service, prefix| async move {
        let inbox = Inbox::Submit;
        let attributes = [("content-type", "application/json"), ("message-id", "order-1"), ("reply-to", "answers")];
        let attributes: BTreeMap<_, _> = attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let body = "{\"source\":\"s3://b/in/ä.csv\"}".to_owned();
        let queue = service.find(&format!("{prefix}-submit")).await.expect("the server answers").expect("made");
        service.send(&queue, &Letter { body: body.clone(), attributes }, Duration::ZERO).await.expect("sent");
        let delivery = broker.take(&inbox).await.expect("one message");
        assert_eq!(delivery.body().as_ref(), body.as_bytes());
        let properties = delivery.properties();
        assert_eq!((properties.message_id.as_deref(), properties.reply_to.as_deref()), (Some("order-1"), Some("answers")));
        assert!(properties.user.as_deref().is_some_and(|user| !user.is_empty()), "the sender as the service knows it");
        broker.settle(delivery, Settle::Ack).await.expect("settled");
    });
}

#[test]
fn verbs_on_a_message_that_went_back_and_on_a_queue_that_is_gone_are_told_apart() {
    with(Settings::default(), |_, service, prefix| async move {
        let queue = service.create(&format!("{prefix}-stale"), Duration::from_secs(30)).await.expect("made");
        service.send(&queue, &Letter { body: "x".into(), ..Letter::default() }, Duration::ZERO).await.expect("sent");
        let second = Duration::from_secs(1);
        let first = service.receive(&queue, 1, second, second).await.expect("received").pop().expect("one message");
        assert_eq!(service.counts(&queue).await.expect("counted"), Some(Counts { ready: 0, hidden: 1 }));
        tokio::time::sleep(second * 2).await;
        let again = service.receive(&queue, 1, second, second * 30).await.expect("received").pop().expect("back");
        assert_eq!((first.receives, again.receives), (1, 2));
        service.hide(&queue, &first.receipt, second).await.expect("a stale receipt is no error");
        service.hide(&queue, "nonsense", second).await.expect("nor one that never was");
        let gone = format!("{queue}-gone");
        assert_eq!(service.delete(&gone, &again.receipt).await.expect_err("no queue").code(), "broker::unroutable");
        assert_eq!(service.counts(&gone).await.expect("answered"), None);
        assert_eq!(service.find("nobody").await.expect("answered"), None);
    });
}

#[test]
fn bucket_events_come_as_they_were_sent_with_their_count() {
    with(Settings::default(), |_, service, prefix| async move {
        let queue = service.create(&format!("{prefix}-events"), Duration::from_secs(30)).await.expect("made");
        let events = SqsEvents::new(service, &queue);
        events.send("{\"Records\":[]}").await.expect("sent");
        let first = events.receive(10, Duration::from_secs(30)).await.expect("received").pop().expect("one event");
        events.hide(&first, Duration::ZERO).await.expect("given back");
        let again = events.receive(10, Duration::from_secs(30)).await.expect("received").pop().expect("back");
        assert_eq!((again.body.as_str(), again.receives), ("{\"Records\":[]}", 2));
        assert!(again.first_received.is_some_and(|at| at > 1_700_000_000_000));
        events.delete(&again).await.expect("deleted");
    });
}

#[test]
fn a_server_that_is_away_is_told_by_its_code_and_no_secret() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let away = service("http://127.0.0.1:9").await;
        let settings = Settings { declare: Declare::Never, ..Settings::default() };
        let error = Sqs::open(Arc::new(away), settings, Seed::of_task(0, "pauses")).await.err().expect("nobody answers");
        assert_eq!(error.code(), "broker::unavailable");
        assert!(!error.message().contains(Moto::KEYS.1) && error.message().len() < 400, "{error}");
    });
}
