//! The whole way over servers that speak as AWS does: objects are put, the bucket notifies a queue in four
//! ways, and each object becomes one job.

use super::super::*;
use super::bench::{coordinator, sources, specs};
use crate::intake::CheckLink;
use crate::testing::{catalogue, memory};
use serde_json::json;
use std::collections::BTreeMap;
use synthfleet_broker::sqs::{Account, Aws, Credentials, Service as _, SqsEvents};
use synthfleet_harness::Moto;
use synthfleet_proto::Seed;
use synthfleet_proto::fact::SpecFact;
use synthfleet_store::foreign::{self, Links};
use synthfleet_store::{Memory, s3};

const ACCOUNT: &str = "123456789012";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A server with a queue that buckets notify, and an intake of that queue.
struct World {
    server: Moto,
    name: String,
    store: Arc<Memory>,
    parts: Parts,
}

impl World {
    async fn new(name: &str) -> Self {
        let server = Moto::shared().expect("a moto server");
        let name = format!("{name}-{}", std::process::id());
        let (access_key, secret_key) = (Moto::KEYS.0.to_owned(), Moto::KEYS.1.to_owned());
        let keys = Credentials::Keys { access_key: access_key.clone(), secret_key: secret_key.clone(), session_token: None };
        let account = Account { endpoint: Some(server.url()), region: None, credentials: keys };
        let service = Arc::new(Aws::open(&account).await.expect("legal"));
        let address = service.create(&name, Duration::from_secs(30)).await.expect("made");
        let bucket = |kind: &str| s3::Settings {
            endpoint: Some(server.url()),
            credentials: s3::Credentials::Keys { access_key: access_key.clone(), secret_key: secret_key.clone(), session_token: None },
            ..s3::Settings::parse(&format!("s3://{name}-{kind}")).expect("legal")
        };
        let buckets = ["queue", "topic", "raw", "bridge"].map(bucket).to_vec();
        let links = Links::open(foreign::Settings { buckets, ..Default::default() }, Seed::of_task(0, "links")).await.expect("legal");
        let store = Arc::new(memory());
        let parts = Parts {
            queue: Arc::new(SqsEvents::new(service, &address)),
            objects: Arc::new(links),
            coordinator: coordinator(store.clone(), catalogue()),
        };
        Self { server, name, store, parts }
    }

    fn queue(&self) -> String {
        format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{}", self.name)
    }

    fn ask(&self, service: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) {
        let (status, told) = self.server.ask(service, method, path, headers, body).expect("an answer");
        assert_eq!(status, 200, "{service} {method} {path}: {told}");
    }

    /// A bucket that notifies as the configuration says.
    fn bucket(&self, kind: &str, configuration: &str) {
        self.ask("s3", "PUT", &format!("/{}-{kind}", self.name), &[], "");
        let body = format!("<NotificationConfiguration>{configuration}</NotificationConfiguration>");
        self.ask("s3", "PUT", &format!("/{}-{kind}?notification", self.name), &[], &body);
    }

    /// A bucket that notifies a topic that the queue is subscribed to.
    fn bucket_of_topic(&self, kind: &str, raw: bool) {
        let name = format!("{}-{kind}", self.name);
        let topic = format!("arn:aws:sns:us-east-1:{ACCOUNT}:{name}");
        self.ask("sns", "POST", "/", &[FORM], &format!("Action=CreateTopic&Name={name}"));
        let subscription = format!(
            "Action=Subscribe&TopicArn={topic}&Protocol=sqs&Endpoint={}&Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value={raw}",
            self.queue()
        );
        self.ask("sns", "POST", "/", &[FORM], &subscription);
        let events = "<Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:*</Event>";
        self.bucket(kind, &format!("<TopicConfiguration><Id>1</Id><Topic>{topic}</Topic>{events}</TopicConfiguration>"));
    }

    fn bucket_of_queue(&self) {
        let events = "<Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:*</Event>";
        self.bucket("queue", &format!("<QueueConfiguration><Id>1</Id><Queue>{}</Queue>{events}</QueueConfiguration>", self.queue()));
    }

    fn bucket_of_bridge(&self) {
        self.bucket("bridge", "<EventBridgeConfiguration></EventBridgeConfiguration>");
        let call = |target: &str, body: serde_json::Value| {
            let headers = [("x-amz-target", target), ("content-type", "application/x-amz-json-1.1")];
            self.ask("events", "POST", "/", &headers, &body.to_string());
        };
        let pattern = json!({"source": ["aws.s3"], "detail": {"bucket": {"name": [format!("{}-bridge", self.name)]}}});
        call("AWSEvents.PutRule", json!({"Name": self.name, "EventPattern": pattern.to_string()}));
        call("AWSEvents.PutTargets", json!({"Rule": self.name, "Targets": [{"Id": "1", "Arn": self.queue()}]}));
    }

    /// Puts an object; the key is written into the path form-encoded.
    fn put(&self, kind: &str, path: &str, headers: &[(&str, &str)], body: &str) {
        self.ask("s3", "PUT", &format!("/{}-{kind}/{path}", self.name), headers, body);
    }

    /// An intake of all buckets. What it sees of `in/` becomes jobs.
    fn start(&self) -> (watch::Sender<bool>, tokio::task::JoinHandle<()>) {
        let wish = |kind: &str| RuleWish {
            bucket: format!("{}-{kind}", self.name),
            prefix: "in/".into(),
            suffix: vec![".csv".into()],
            output: Some(format!("s3://{}-{kind}/out/", self.name)),
            ..RuleWish::default()
        };
        let wishes = ["queue", "topic", "raw", "bridge"].map(wish).to_vec();
        let rules = Rules::new(wishes, &|_| Ok(String::new()), &[]).expect("legal");
        let any: CheckLink = Arc::new(|_: &str| Ok(()));
        let sources = Sources { local_files: false, links: Some(any.clone()), outputs: Some(any), callbacks: None };
        let (stop, stopping) = watch::channel(false);
        let options = Options { tenant: "local".into(), concurrency: 4, rules, sources };
        (stop, tokio::spawn(S3Events::new(options, self.parts.clone()).run(stopping)))
    }

    /// Waits until so many bucket events were treated.
    async fn treated(&self, outcomes: &[(&str, u64)]) {
        let counted = || outcomes.iter().map(|(name, _)| (*name, self.count(name))).collect::<Vec<_>>();
        let begun = std::time::Instant::now();
        while counted() != outcomes {
            assert!(begun.elapsed() < Duration::from_secs(60), "{:?} of {outcomes:?}", counted());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn count(&self, outcome: &str) -> u64 {
        self.parts.coordinator.book.value(crate::metrics::BUCKET_EVENTS, &[outcome]).unwrap_or_default() as u64
    }
}

#[tokio::test]
async fn objects_become_jobs_whichever_way_their_events_take() {
    let world = World::new("forms").await;
    world.bucket_of_queue();
    world.bucket_of_topic("topic", false);
    world.bucket_of_topic("raw", true);
    world.bucket_of_bridge();
    let (stop, running) = world.start();
    for kind in ["queue", "topic", "raw", "bridge"] {
        for path in ["in/a%20b.csv", "in/1%2B1.csv", "in/%E6%97%A5%E6%9C%AC.csv", "in/100%25.csv"] {
            world.put(kind, path, &[], "a,b\n1,2\n");
        }
    }
    // three configurations test themselves
    world.treated(&[("submitted", 16), ("test", 3)]).await;
    let mut expected = Vec::new();
    for kind in ["queue", "topic", "raw", "bridge"] {
        expected.extend(["a b", "1+1", "日本", "100%"].map(|name| format!("s3://{}-{kind}/in/{name}.csv", world.name)));
    }
    expected.sort();
    assert_eq!(sources(&world.store).await, expected);
    stop.send_replace(true);
    running.await.expect("it ends well");
}

#[tokio::test]
async fn sidecars_are_read_and_results_copies_and_removals_start_nothing() {
    let world = World::new("beside").await;
    world.bucket_of_queue();
    world.put("queue", "in/a.csv.job.toml", &[], "seed = 7\n");
    world.put("queue", "in/a.csv", &[], "a,b\n1,2\n");
    world.put("queue", "in/plain.csv", &[], "a,b\n3,4\n");
    world.put("queue", "in/empty.csv", &[], "");
    world.put("queue", "out/a.csv/synthetic.csv", &[], "a,b\n1,2\n");
    world.put("queue", "in/copied.csv", &[("x-amz-meta-synthfleet-job", "job_1")], "a,b\n1,2\n");
    world.put("queue", "in/gone.txt", &[], "x");
    let (status, _) = world.server.ask("s3", "DELETE", &format!("/{}-queue/in/gone.txt", world.name), &[], "").expect("an answer");
    assert_eq!(status, 204);
    let (stop, running) = world.start();
    let outcomes = [("submitted", 2), ("sidecar", 1), ("empty", 1), ("ours", 2), ("no_rule", 1), ("other_event", 1), ("test", 1)];
    world.treated(&outcomes).await;
    let specs: BTreeMap<String, SpecFact> =
        specs(&world.store).await.into_iter().map(|spec| (spec.request.source.uri.clone(), spec)).collect();
    let of = |name: &str| &specs[&format!("s3://{}-queue/in/{name}.csv", world.name)].request;
    assert_eq!((of("a").seed, of("plain").seed), (7, 0));
    assert_eq!(of("a").output, Some(format!("s3://{}-queue/out/a.csv", world.name)));
    stop.send_replace(true);
    running.await.expect("it ends well");
}
