//! A queue and a bucket in memory, and an intake between them and a store.

use super::super::*;
use crate::intake::CheckLink;
use crate::testing::{Counting, catalogue, memory};
use crate::{Catalogue, Roster, Service};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard};
use synthfleet_broker::InProcess;
use synthfleet_metrics::Book;
use synthfleet_proto::fact::SpecFact;
use synthfleet_proto::fleet::DeadDoc;
use synthfleet_proto::key::{self, JobKeys, Key, Prefix};
use synthfleet_proto::outside::Clock;
use synthfleet_proto::{Error, id};
use synthfleet_store::{Memory, Store, read_fact};
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The wall clock runs with the runtime's.
struct Running(Instant);

impl Clock for Running {
    fn now_ms(&self) -> u64 {
        1_700_000_000_000 + self.0.elapsed().as_millis() as u64
    }
}

/// A queue whose messages come back when nobody hides them further.
struct Queue {
    clock: Running,
    state: Mutex<Waiting>,
    sent: Notify,
}

#[derive(Default)]
struct Waiting {
    messages: VecDeque<(BucketEvent, Instant)>,
    receives: u32,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().expect("no test panics under the lock")
    }
}

#[async_trait]
impl BucketEvents for Queue {
    async fn receive(&self, most: usize, hidden: Duration) -> Result<Vec<BucketEvent>> {
        loop {
            let sent = self.sent.notified();
            let next = {
                let (mut state, now) = (self.state(), Instant::now());
                let mut received = Vec::new();
                for (event, visible) in state.messages.iter_mut().filter(|(_, visible)| *visible <= now).take(most) {
                    event.receives += 1;
                    event.first_received.get_or_insert(self.clock.now_ms() as i64);
                    *visible = now + hidden;
                    received.push(event.clone());
                }
                state.receives += received.len() as u32;
                if !received.is_empty() {
                    return Ok(received);
                }
                state.messages.iter().map(|(_, visible)| *visible).min()
            };
            tokio::select! {
                () = sent => {}
                () = tokio::time::sleep_until(next.unwrap_or(now_and_a_day())) => {}
            }
        }
    }

    async fn hide(&self, event: &BucketEvent, time: Duration) -> Result<()> {
        let mut state = self.state();
        if let Some((_, visible)) = state.messages.iter_mut().find(|(other, _)| other.receipt == event.receipt) {
            *visible = Instant::now() + time;
        }
        self.sent.notify_waiters();
        Ok(())
    }

    async fn delete(&self, event: &BucketEvent) -> Result<()> {
        self.state().messages.retain(|(other, _)| other.receipt != event.receipt);
        Ok(())
    }
}

fn now_and_a_day() -> Instant {
    Instant::now() + Duration::from_secs(86_400)
}

type Version = (String, Option<String>);

/// The bucket `b`.
#[derive(Default)]
struct Bucket {
    /// Bytes and whether they are ours, by key and version.
    objects: Mutex<BTreeMap<Version, (Vec<u8>, bool)>>,
    troubles: Mutex<(&'static str, u32)>,
}

fn etag(bytes: &[u8]) -> String {
    id::sha256_hex(bytes)[..32].to_owned()
}

#[async_trait]
impl Objects for Bucket {
    async fn look(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Option<Seen>> {
        assert_eq!(bucket, "b");
        tokio::task::yield_now().await;
        let mut troubles = self.troubles.lock().expect("a bucket");
        if troubles.1 > 0 {
            troubles.1 -= 1;
            return Err(Error::unavailable(troubles.0, "made to fail"));
        }
        let objects = self.objects.lock().expect("a bucket");
        let found = objects.get(&(key.to_owned(), version.map(str::to_owned)));
        Ok(found.map(|(bytes, ours)| Seen { bytes: bytes.len() as u64, etag: Some(etag(bytes)), ours: *ours }))
    }

    async fn text(&self, _: &str, key: &str, _: u64) -> Result<Option<String>> {
        tokio::task::yield_now().await;
        let objects = self.objects.lock().expect("a bucket");
        Ok(objects.get(&(key.to_owned(), None)).map(|(bytes, _)| String::from_utf8(bytes.clone()).expect("text")))
    }
}

pub struct Bench {
    queue: Arc<Queue>,
    bucket: Arc<Bucket>,
    store: Arc<Memory>,
    book: Arc<Book>,
    options: Options,
    parts: Parts,
    running: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

impl Bench {
    /// An intake with one rule for `in/` of the bucket `b`.
    pub fn new(sidecar: &[Sidecar]) -> Self {
        Self::with(sidecar.first().copied().unwrap_or_default(), catalogue())
    }

    pub fn without_members() -> Self {
        Self::with(Sidecar::Optional, Catalogue::of([]))
    }

    fn with(sidecar: Sidecar, catalogue: Catalogue) -> Self {
        let (store, bucket) = (Arc::new(memory()), Arc::new(Bucket::default()));
        let queue = Arc::new(Queue { clock: Running(Instant::now()), state: Mutex::default(), sent: Notify::new() });
        let coordinator = coordinator(store.clone(), catalogue);
        let book = coordinator.book.clone();
        let rule = RuleWish {
            bucket: "b".into(),
            prefix: "in/".into(),
            suffix: vec![".csv".into()],
            output: Some("s3://b/out/".into()),
            sidecar,
            ..RuleWish::default()
        };
        let rules = Rules::new(vec![rule], &|_| Ok(String::new()), &[]).expect("legal");
        let links = |link: &str| if link.starts_with("s3://b/") { Ok(()) } else { Err(Error::data("source::refused", "not this one")) };
        let links: CheckLink = Arc::new(links);
        let sources = Sources { local_files: false, links: Some(links.clone()), outputs: Some(links), callbacks: None };
        let options = Options { tenant: "local".into(), concurrency: 4, rules, sources };
        let parts = Parts { queue: queue.clone(), objects: bucket.clone(), coordinator };
        let (stop, running) = start(&options, &parts);
        Self { queue, bucket, store, book, options, parts, running, stop }
    }

    /// Ends the process at once, and starts another one.
    pub fn kill_and_restart(&mut self) {
        self.running.abort();
        (self.stop, self.running) = start(&self.options, &self.parts);
    }

    /// Ends the process as it should end.
    pub async fn stop(&mut self) {
        self.stop.send_replace(true);
        (&mut self.running).await.expect("it ends well");
    }

    pub fn put(&self, key: &str, bytes: &[u8]) -> String {
        self.insert(key, None, bytes, false)
    }

    pub fn put_ours(&self, key: &str, bytes: &[u8]) -> String {
        self.insert(key, None, bytes, true)
    }

    pub fn put_version(&self, key: &str, version: &str, bytes: &[u8]) {
        self.insert(key, Some(version), bytes, false);
    }

    fn insert(&self, key: &str, version: Option<&str>, bytes: &[u8], ours: bool) -> String {
        let place = (key.to_owned(), version.map(str::to_owned));
        self.bucket.objects.lock().expect("a bucket").insert(place, (bytes.to_vec(), ours));
        etag(bytes)
    }

    /// The next looks at objects fail.
    pub fn fail_looks(&self, code: &'static str, times: u32) {
        *self.bucket.troubles.lock().expect("a bucket") = (code, times);
    }

    pub fn send(&self, body: &Value) {
        let mut state = self.queue.state();
        let receipt = format!("{}-{}", state.messages.len(), self.queue.clock.now_ms());
        let receipt = format!("{receipt}-{}", id::sha256_hex(body.to_string().as_bytes()));
        let event = BucketEvent { body: body.to_string(), receipt, receives: 0, first_received: None };
        state.messages.push_back((event, Instant::now()));
        self.queue.sent.notify_waiters();
    }

    /// Waits until the queue is empty.
    pub async fn settled(&self) {
        let begun = Instant::now();
        while self.waiting() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(3_600), "notifications stay in the queue");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Notifications that were not deleted.
    pub fn waiting(&self) -> usize {
        self.queue.state().messages.len()
    }

    /// Notifications that anybody may receive now.
    pub fn ready(&self) -> usize {
        self.queue.state().messages.iter().filter(|(_, visible)| *visible <= Instant::now()).count()
    }

    pub fn receives(&self) -> u32 {
        self.queue.state().receives
    }

    pub fn counted(&self, outcome: &str) -> u64 {
        self.book.value(crate::metrics::BUCKET_EVENTS, &[outcome]).unwrap_or_default() as u64
    }

    /// Every job's fact `spec`.
    pub async fn specs(&self) -> Vec<SpecFact> {
        specs(self.store.as_ref()).await
    }

    /// What the jobs read, in order.
    pub async fn sources(&self) -> Vec<String> {
        sources(self.store.as_ref()).await
    }

    /// Reasons of the dead list, in order.
    pub async fn dead(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        for key in keys(self.store.as_ref(), key::dead_prefix().expect("legal")).await {
            let doc = read_fact::<DeadDoc>(self.store.as_ref(), &key).await.expect("readable").expect("listed").fact;
            assert!(doc.tenant.as_deref() == Some("local") && !doc.body.is_empty() && key.as_str().contains("/20231114/"), "{doc:?}");
            reasons.push(doc.reason);
        }
        reasons.sort();
        reasons
    }
}

/// A coordinator that nobody runs: the intake must not need it.
pub fn coordinator(store: Arc<Memory>, catalogue: Catalogue) -> api::Parts {
    let service = crate::Parts {
        store,
        broker: Arc::new(InProcess::default()),
        clock: Arc::new(Running(Instant::now())),
        entropy: Arc::new(Counting::from(1)),
        roster: Arc::new(Roster::fixed(catalogue, "local", 2)),
        run: None,
        links: None,
        callbacks: None,
        events: broadcast::channel(16).0,
    };
    let (_, handle) = Service::new(crate::Options::embedded("0.1.0"), service.clone());
    let book = Arc::new(Book::new(&[crate::metrics::CATALOGUE]));
    api::Parts { service, handle, check: Arc::new(|_, _, _| Vec::new()), sniff: None, book }
}

/// Every job's fact `spec`.
pub async fn specs(store: &Memory) -> Vec<SpecFact> {
    let mut specs = Vec::new();
    for key in keys(store, key::live_of("local").expect("legal")).await {
        let job = key.as_str().rsplit('~').next().expect("a job").to_owned();
        let keys = JobKeys::new("local", &job).expect("legal");
        specs.extend(read_fact::<SpecFact>(store, keys.spec().expect("legal").key()).await.expect("readable"));
    }
    specs.into_iter().map(|kept| kept.fact).collect()
}

/// What the jobs read, in order.
pub async fn sources(store: &Memory) -> Vec<String> {
    let mut sources: Vec<_> = specs(store).await.into_iter().map(|spec| spec.request.source.uri).collect();
    sources.sort();
    sources
}

async fn keys(store: &Memory, prefix: Prefix) -> Vec<Key> {
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = store.list(&prefix, after.as_ref(), 1_000).await.expect("listed");
        after = page.last().map(|entry| entry.key.clone());
        let done = page.len() < 1_000;
        keys.extend(page.into_iter().map(|entry| entry.key));
        if done {
            return keys;
        }
    }
}

fn start(options: &Options, parts: &Parts) -> (watch::Sender<bool>, JoinHandle<()>) {
    let (stop, stopping) = watch::channel(false);
    (stop, tokio::spawn(S3Events::new(options.clone(), parts.clone()).run(stopping)))
}

/// An upload as a record, its key as it is given.
pub fn upload(key: &str, etag: &str, sequencer: &str) -> Value {
    json!({
        "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "b"}, "object": {"key": key, "size": 1, "eTag": etag, "sequencer": sequencer}},
    })
}

/// An upload as a bucket tells it, its key form-encoded.
pub fn record(key: &str, etag: &str, sequencer: &str) -> Value {
    let encode = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    upload(&key.bytes().map(encode).collect::<String>(), etag, sequencer)
}

pub fn records<const N: usize>(records: [Value; N]) -> Value {
    json!({ "Records": records.to_vec() })
}

pub fn in_sns(inner: &Value) -> Value {
    json!({"Type": "Notification", "TopicArn": "arn:aws:sns:eu-central-1:1:t", "Message": inner.to_string()})
}

pub fn bridge(key: &str, etag: &str, sequencer: &str) -> Value {
    json!({
        "version": "0", "detail-type": "Object Created", "source": "aws.s3",
        "detail": {"bucket": {"name": "b"}, "object": {"key": key, "size": 1, "etag": etag, "sequencer": sequencer}},
    })
}
