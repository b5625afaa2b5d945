//! Submissions by message: the golden messages of each form, hostile ones, and the door at work.

use super::*;
use crate::testing::worker::work;
use crate::testing::{Counting, Still, catalogue, done, memory};
use crate::{Roster, Service};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use synthfleet_broker::{Broker, InProcess, Properties, Route};
use synthfleet_proto::fact::SpecFact;
use synthfleet_proto::fleet::DeadDoc;
use synthfleet_proto::key::{self, JobKeys};
use synthfleet_store::{Store, read_fact};
use tokio::sync::broadcast;

fn principals() -> Principals {
    Principals { users: BTreeMap::from([("alice".to_owned(), Some("a".to_owned()))]), anonymous: None }
}

fn properties(given: &Value) -> Properties {
    let text = |name: &str| given[name].as_str().map(str::to_owned);
    let headers =
        given["headers"].as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.as_str().expect("text").to_owned()));
    Properties {
        content_type: text("content_type"),
        kind: text("kind"),
        message_id: text("message_id"),
        correlation_id: text("correlation_id"),
        reply_to: text("reply_to"),
        user: text("user"),
        tenant: text("tenant"),
        at: None,
        headers: headers.collect(),
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal")).collect()
}

/// Golden messages by name: properties, bytes, what is expected.
fn golden() -> Vec<(String, Properties, Vec<u8>, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/submit");
    let mut paths: Vec<_> = std::fs::read_dir(folder).expect("golden messages").map(|entry| entry.expect("entry").path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let message: Value = serde_json::from_str(&std::fs::read_to_string(&path).expect("readable")).expect("JSON");
        let body = message["body"].as_str().map(|text| text.as_bytes().to_vec());
        let body = body.unwrap_or_else(|| unhex(message["body_hex"].as_str().expect("a body")));
        (
            path.file_stem().expect("a name").to_string_lossy().into_owned(),
            properties(&message["properties"]),
            body,
            message["expect"].clone(),
        )
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn golden_messages_of_every_form_are_read() {
    let messages = golden();
    assert!(messages.len() >= 10);
    for (name, properties, body, expected) in messages {
        let letter = open(&properties, &body, &principals()).unwrap_or_else(|refused| panic!("{name}: {}", refused.error));
        let reply = letter.reply.map(|reply| json!({"to": reply.to, "correlation_id": reply.correlation_id, "form": reply.form}));
        let got = json!({
            "tenant": letter.tenant, "principal": letter.principal, "key": letter.key, "document": letter.document,
            "reply": reply, "trace": letter.trace.map(|trace| trace.parent),
        });
        assert_eq!(got, expected, "{name}");
    }
}

#[test]
fn hostile_messages_are_refused_with_a_reason() {
    let user = |content: Option<&str>| Properties {
        user: Some("alice".into()),
        content_type: content.map(str::to_owned),
        ..Properties::default()
    };
    let json_type = || user(Some("application/json"));
    let event = |change: &dyn Fn(&mut Value)| {
        let mut event = json!({"specversion": "1.0", "type": "synthfleet.job.submit.v1", "source": "/s", "id": "1", "data": {}});
        change(&mut event);
        event.to_string().into_bytes()
    };
    let structured = || user(Some("application/cloudevents+json"));
    let enveloped = |value: Value| rmp_serde::to_vec_named(&value).expect("encodes");
    let ours = || user(Some("application/vnd.synthfleet.v1+msgpack"));
    let cases: Vec<(&str, Properties, Vec<u8>)> = vec![
        ("decode", json_type(), b"{".to_vec()),
        ("decode", json_type(), b"{\"seed\":1,\"seed\":2}".to_vec()),
        ("decode", json_type(), format!("{}{}", "[".repeat(33), "]".repeat(33)).into_bytes()),
        ("decode", user(None), b"\x81\xa1a\x01".to_vec()),
        ("decode", user(Some("text/csv")), b"a,b".to_vec()),
        ("decode", user(Some("application/msgpack")), vec![0xdf, 0xff, 0xff, 0xff, 0xff]),
        ("decode", user(Some("application/msgpack")), vec![0x91; 60_000]),
        ("size", json_type(), vec![b' '; (64 << 10) + 1]),
        ("type", Properties { kind: Some("other.v1".into()), ..json_type() }, b"{}".to_vec()),
        ("type", structured(), event(&|event| event["type"] = json!("com.example.order"))),
        ("version", structured(), event(&|event| event["specversion"] = json!("0.3"))),
        ("decode", structured(), event(&|event| event["id"] = json!(""))),
        ("decode", structured(), event(&|event| event["data_base64"] = json!("@@"))),
        ("decode", structured(), b"[]".to_vec()),
        ("version", ours(), enveloped(json!({"v": 2, "kind": "submit", "body": {}}))),
        ("type", ours(), enveloped(json!({"v": 1, "kind": "task", "body": {}}))),
        ("tenant", Properties { user: Some("mallory".into()), ..json_type() }, b"{}".to_vec()),
        ("tenant", Properties { user: None, ..json_type() }, b"{}".to_vec()),
        ("key", Properties { message_id: Some("k".repeat(256)), ..json_type() }, b"{}".to_vec()),
        ("decode", json_type(), b"{\"idempotency_key\": 7}".to_vec()),
        ("reply_to", Properties { reply_to: Some("sf.v1.result".into()), ..json_type() }, b"{}".to_vec()),
    ];
    for (reason, properties, body) in cases {
        let refused = open(&properties, &body, &principals()).expect_err(reason);
        assert_eq!(refused.reason, reason, "{:?} {}", properties, String::from_utf8_lossy(&body[..body.len().min(80)]));
    }
}

#[test]
fn every_cut_of_a_golden_message_is_refused_or_another_document() {
    for (name, properties, body, expected) in golden() {
        for end in 0..body.len() {
            if let Ok(letter) = open(&properties, &body[..end], &principals()) {
                assert_ne!(letter.document, expected["document"], "{name} cut at {end}");
            }
        }
    }
}

/// A queue door at work, over a coordinator and a worker that pretends.
struct Bench {
    broker: Arc<InProcess>,
    store: Arc<dyn Store>,
    book: Arc<Book>,
    _stop: watch::Sender<bool>,
}

impl Bench {
    fn new(change: impl FnOnce(&mut Options)) -> Self {
        let broker = Arc::new(InProcess::new(synthfleet_broker::Settings { pools: vec!["local".into()], ..Default::default() }));
        Self::on(Arc::new(memory()), broker, change)
    }

    fn on(store: Arc<dyn Store>, broker: Arc<InProcess>, change: impl FnOnce(&mut Options)) -> Self {
        let service = Parts {
            store: Arc::clone(&store),
            broker: broker.clone(),
            clock: Arc::new(Still),
            entropy: Arc::new(Counting::default()),
            roster: Arc::new(Roster::fixed(catalogue(), "local", 2)),
            run: None,
            links: None,
            callbacks: None,
            events: broadcast::channel(4_096).0,
        };
        let (running, handle) =
            Service::new(crate::Options { adopts: true, failures_max: None, ..crate::Options::embedded("0.1.0") }, service.clone());
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(running.run(stopping.clone()));
        work(service.clone(), done);
        let book = Arc::new(Book::new(&[metrics::CATALOGUE]));
        let mut options = Options { principals: principals(), sources: Sources::default(), takers: 4, live_jobs_max: 100 };
        change(&mut options);
        let parts = crate::api::Parts { service, handle, check: Arc::new(|_, _, _| Vec::new()), sniff: None, book: Arc::clone(&book) };
        tokio::spawn(Queue::new(options, parts).run(stopping));
        Self { broker, store, book, _stop: stop }
    }

    async fn send(&self, properties: Properties, body: &Value) {
        let body = body.to_string().into_bytes();
        self.broker.publish_with(&Route::Submit, &body, &properties).await.expect("sent");
    }

    /// The next answer in a reply queue: its type and document.
    async fn answer(&self, queue: &str) -> (Properties, Value) {
        let inbox = Inbox::Reply(queue.to_owned());
        let delivery = tokio::time::timeout(Duration::from_secs(60), self.broker.take(&inbox)).await.expect("in time").expect("an answer");
        let told = (delivery.properties().clone(), serde_json::from_slice(delivery.body()).expect("JSON"));
        self.broker.settle(delivery, Settle::Ack).await.expect("settled");
        told
    }

    /// Reasons of the messages that the coordinator has kept as buried, once there are so many.
    async fn buried(&self, count: usize) -> Vec<String> {
        let prefix = key::dead_prefix().expect("legal");
        for _ in 0..500 {
            let entries = self.store.list(&prefix, None, 1_000).await.expect("listed");
            if entries.len() >= count {
                let mut reasons = Vec::new();
                for entry in entries {
                    let kept = read_fact::<DeadDoc>(self.store.as_ref(), &entry.key).await.expect("read").expect("there");
                    reasons.push(kept.fact.reason);
                }
                return reasons;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("fewer than {count} messages were buried");
    }

    async fn jobs(&self) -> usize {
        self.store.list(&key::jobs_of("a").expect("legal"), None, 1_000).await.expect("listed").len()
    }
}

fn asking() -> Properties {
    Properties {
        user: Some("alice".into()),
        content_type: Some("application/json".into()),
        message_id: Some("m-1".into()),
        correlation_id: Some("c-1".into()),
        reply_to: Some("answers".into()),
        ..Properties::default()
    }
}

fn job() -> Value {
    json!({"source": "sim:demo", "synthesizers": ["clbn"], "benchmarks": ["accuracy"], "gate": "off"})
}

/// Makes the reply queue: an answer to a queue that is not there is lost.
async fn declared(bench: &Bench) {
    let inbox = Inbox::Reply("answers".to_owned());
    assert!(tokio::time::timeout(Duration::from_millis(1), bench.broker.take(&inbox)).await.is_err());
}

#[tokio::test]
async fn a_sender_hears_that_the_job_is_accepted_and_that_it_ended() {
    let bench = Bench::new(|_| {});
    declared(&bench).await;
    bench.send(asking(), &job()).await;
    let (properties, body) = bench.answer("answers").await;
    let id = body["job"].as_str().expect("an id").to_owned();
    assert_eq!(properties.kind.as_deref(), Some("synthfleet.job.accepted.v1"));
    assert_eq!((properties.correlation_id.as_deref(), &properties.headers["x-synthfleet-job"]), (Some("c-1"), &id));
    assert_eq!(properties.headers["cloudEvents_type"], "synthfleet.job.accepted.v1");
    let (properties, body) = bench.answer("answers").await;
    assert_eq!((properties.kind.as_deref(), &body["job"]), (Some("synthfleet.job.finished.v1"), &json!(id)));
    assert_eq!((&body["state"], &body["outcome"], &body["winner"]), (&json!("done"), &json!("winner"), &json!("clbn")));
    let manifest = body["files"].as_array().expect("files").last().expect("some");
    assert_eq!((manifest["path"].as_str(), manifest["sha256"].as_str().map(str::len)), (Some("manifest.json"), Some(64)));
    let spec = read_fact::<SpecFact>(bench.store.as_ref(), JobKeys::new("a", &id).expect("legal").spec().expect("legal").key())
        .await
        .expect("read");
    let spec = spec.expect("there").fact;
    assert_eq!((spec.door.as_str(), spec.principal.as_str(), spec.class.name()), ("amqp", "user:alice", "batch"));
}

#[tokio::test]
async fn answers_belong_to_the_trace_of_the_submission() {
    let bench = Bench::new(|_| {});
    declared(&bench).await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    bench.send(Properties { headers: [("traceparent".to_owned(), parent.to_owned())].into(), ..asking() }, &job()).await;
    for kind in ["synthfleet.job.accepted.v1", "synthfleet.job.finished.v1"] {
        let (properties, _) = bench.answer("answers").await;
        assert_eq!((properties.kind.as_deref(), properties.headers["traceparent"].as_str()), (Some(kind), parent));
    }
}

#[tokio::test]
async fn one_message_ten_times_is_one_job() {
    let bench = Bench::new(|_| {});
    declared(&bench).await;
    for _ in 0..10 {
        bench.send(asking(), &job()).await;
    }
    let mut jobs = Vec::new();
    while jobs.len() < 10 {
        let (properties, body) = bench.answer("answers").await;
        if properties.kind.as_deref() == Some("synthfleet.job.accepted.v1") {
            jobs.push(body["job"].as_str().expect("an id").to_owned());
        }
    }
    jobs.dedup();
    assert_eq!((jobs.len(), bench.jobs().await), (1, 1));
    assert_eq!(bench.book.value(metrics::JOBS_SUBMITTED, &["amqp"]), Some(1.0));
    assert_eq!(bench.book.value(metrics::SUBMISSIONS_REPLAYED, &["amqp"]), Some(9.0));
}

#[tokio::test]
async fn a_refused_message_is_answered_and_kept_with_its_reason() {
    let bench = Bench::new(|_| {});
    declared(&bench).await;
    bench.send(asking(), &json!({"source": "sim:demo", "reapets": 3})).await;
    let (properties, body) = bench.answer("answers").await;
    assert_eq!(properties.kind.as_deref(), Some("synthfleet.job.rejected.v1"));
    assert_eq!((&body["problem"]["type"], &body["problem"]["errors"][0]["pointer"]), (&json!("/problems/invalid-job"), &json!("/reapets")));
    assert_eq!(bench.buried(1).await, ["job: job::unknown_field no field \"reapets\""]);
    assert_eq!(bench.jobs().await, 0);
}

#[tokio::test]
async fn what_cannot_be_read_is_kept_and_never_comes_back() {
    let bench = Bench::new(|_| {});
    for body in [&b"{"[..], b"\xff", b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1"] {
        let properties = Properties { reply_to: None, ..asking() };
        bench.broker.publish_with(&Route::Submit, body, &properties).await.expect("sent");
    }
    let reasons = bench.buried(3).await;
    assert!(reasons.iter().all(|reason| reason.starts_with("decode: document::syntax")), "{reasons:?}");
    assert_eq!(bench.broker.depth(&Inbox::Submit).await.expect("asked").ready, 0);
    assert_eq!(bench.book.value(metrics::MESSAGES_REFUSED, &["decode"]), Some(3.0));
}

#[tokio::test]
async fn a_sender_who_left_costs_nothing() {
    let bench = Bench::new(|_| {});
    bench.send(asking(), &job()).await;
    for _ in 0..500 {
        if bench.book.value(metrics::REPLIES, &["no_queue"]) == Some(1.0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((bench.book.value(metrics::REPLIES, &["no_queue"]), bench.jobs().await), (Some(1.0), 1));
}

#[tokio::test(start_paused = true)]
async fn beyond_the_limit_submissions_wait_and_then_come() {
    let bench = Bench::new(|options| options.live_jobs_max = 0);
    declared(&bench).await;
    bench.send(asking(), &job()).await;
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert!(bench.book.value(metrics::QUOTA_REFUSALS, &["live_jobs"]) >= Some(2.0), "it came back by itself");
    assert_eq!(bench.jobs().await, 0);
}

#[test]
fn a18_the_end_of_a_job_is_told_without_a_cell() {
    let place = synthfleet_proto::Place { column: Some("age".into()), excerpt: Some("CANARY".into()), ..Default::default() };
    let error = Error::data("columns::bad_cell", "2 cells of age are not numbers: CANARY").at(place).to_wire();
    let last = synthfleet_proto::fact::FinalFact {
        v: 1,
        state: synthfleet_proto::job::JobState::Failed,
        outcome: None,
        winner: None,
        selection_sha256: None,
        published_sha256: None,
        error: Some(error.clone()),
        publish_failed: None,
        partial: false,
        counts: BTreeMap::new(),
    };
    let told = format!("{:?} {:?}", Answer::finished("job_0", &last, None), Answer::rejected(&error.into()));
    assert!(told.contains("2 cells of age are not numbers") && !told.contains("CANARY"), "{told}");
}
