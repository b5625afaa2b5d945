//! The trace of a job is whole, whoever worked on it: a job below the span of its submission, its tasks below the job
//! on three workers, messages and judgement by two coordinators, one attempt that was killed.

mod support;

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::fleet::{Ground, USER, until};
use synthfleet_harness::http;

const PATIENCE: Duration = Duration::from_secs(240);
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// A span as the collector got it, with the process it came from.
#[derive(Debug, Clone)]
struct Told {
    service: String,
    instance: String,
    span: Value,
}

impl Told {
    fn text(&self, name: &str) -> &str {
        self.span[name].as_str().unwrap_or_default()
    }

    fn field(&self, name: &str) -> String {
        let name = format!("synthfleet.{name}");
        let fields = self.span["attributes"].as_array().into_iter().flatten();
        let found =
            fields.filter(|field| field["key"] == name.as_str()).find_map(|field| field["value"].as_object()?.values().next().cloned());
        found.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    }

    fn links(&self) -> BTreeSet<String> {
        let links = self.span["links"].as_array().into_iter().flatten();
        links.map(|link| link["spanId"].as_str().expect("an id").to_owned()).collect()
    }
}

/// A collector of traces that keeps what it gets.
#[derive(Clone)]
struct Collector {
    url: String,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let collector = Self { url, bodies: Arc::default() };
        let kept = collector.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = kept.clone();
                std::thread::spawn(move || kept.serve(stream));
            }
        });
        collector
    }

    /// One request of a connection. Who was killed half way has told nothing.
    fn serve(&self, mut stream: TcpStream) {
        let mut bytes = Vec::new();
        let mut piece = vec![0; 64 << 10];
        while let Ok(read @ 1..) = stream.read(&mut piece) {
            bytes.extend_from_slice(&piece[..read]);
            let text = String::from_utf8_lossy(&bytes);
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
            if length.is_some_and(|length| body.len() >= length) {
                assert!(head.starts_with("POST /v1/traces "), "{head}");
                self.bodies.lock().expect("whole").push(body.to_owned());
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}");
                return;
            }
        }
    }

    /// The spans of the trace.
    fn told(&self) -> Vec<Told> {
        let mut told = Vec::new();
        for body in self.bodies.lock().expect("whole").iter() {
            let request: Value = serde_json::from_str(body).expect("JSON");
            for resource in request["resourceSpans"].as_array().expect("a list") {
                let fields = resource["resource"]["attributes"].as_array().expect("a list");
                let field = |name: &str| {
                    let field = fields.iter().find(|field| field["key"] == name).expect("a field of the process");
                    field["value"]["stringValue"].as_str().expect("a text").to_owned()
                };
                for span in resource["scopeSpans"][0]["spans"].as_array().expect("a list") {
                    told.push(Told { service: field("service.name"), instance: field("service.instance.id"), span: span.clone() });
                }
            }
        }
        told.retain(|told| told.text("traceId") == TRACE);
        told
    }
}

fn table() -> String {
    let mut table = "kanari,age,income,city\n".to_owned();
    for row in 0..3_000 {
        writeln!(table, "Canary{},{},{},town{}", row % 7, 20 + row * 7 % 50, 1_000 + row * 13 % 900, row % 5).expect("written");
    }
    table
}

fn of<'a>(told: &'a [Told], name: &str) -> Vec<&'a Told> {
    told.iter().filter(|told| told.text("name") == name).collect()
}

#[test]
fn a_trace_is_connected_over_two_replicas_three_workers_and_a_retry() {
    let collector = Collector::start();
    let mut ground = Ground::new();
    ground.settings.insert("TRACES_ENDPOINT".to_owned(), collector.url.clone());
    ground.s3.put(USER, "in/t.csv", table());
    let mut replicas = vec![ground.coordinator(), ground.coordinator()];
    let workers = [ground.worker("synthesize:*", 1), ground.worker("benchmark:*", 1), ground.worker("profile,generate:*", 1)];
    replicas[0].sees(workers.len());
    replicas[1].sees(workers.len());

    let job = json!({
        "source": format!("s3://{USER}/in/t.csv"), "synthesizers": ["seqtree"], "benchmarks": ["diagnostic", "accuracy"],
        "repeats": 1, "cache": false, "output": format!("s3://{USER}/out/"),
    });
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let headers = [("content-type", "application/json"), ("traceparent", parent.as_str())];
    let answer = http::ask(replicas[0].port("api"), "POST", "/v1/jobs", &headers, job.to_string().as_bytes()).expect("answers");
    let told: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let id = told["id"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned();

    // a fit is killed, and then the coordinator that looks after the job leaves: the other one goes on
    let fit = until(PATIENCE, "a fit", || workers[0].child_processes().pop());
    let _ = kill_process(fit, Signal::KILL);
    let owner = replicas.iter().position(|replica| replica.said().contains("job taken into care")).expect("somebody looks after it");
    let mut leaving = replicas.remove(owner);
    leaving.signal(Signal::TERM);
    leaving.exit_code(PATIENCE);
    let ended = replicas[0].ended(&id, PATIENCE);
    assert_eq!(ended["outcome"], "winner", "{ended}");
    let ran: Vec<Value> = ground.facts("/f/o/").iter().map(|key| ground.fact(key)).filter(|outcome| outcome["attempt"] != 0).collect();
    let told = until(Duration::from_secs(30), "the spans of the job and of all that ran for it", || {
        let told = collector.told();
        let is_told = |outcome: &Value| {
            let (task, attempt) = (outcome["task"].as_str().expect("a task"), outcome["attempt"].to_string());
            told.iter().any(|told| told.field("task") == task && told.field("attempt") == attempt && told.span["kind"] == 5)
        };
        (!of(&told, "job").is_empty() && ran.iter().all(is_told)).then_some(told)
    });

    let root = of(&told, "job")[0];
    assert_eq!(root.text("parentSpanId"), CALLER);
    let loose: Vec<&Told> =
        told.iter().filter(|told| told.text("name") != "job" && told.text("parentSpanId") != root.text("spanId")).collect();
    assert!(loose.is_empty(), "{loose:?}");
    let processes =
        |service: &str| told.iter().filter(|told| told.service == service).map(|told| &told.instance).collect::<BTreeSet<_>>().len();
    assert_eq!((processes("synthfleet-coordinator"), processes("synthfleet-worker")), (2, 3), "{told:#?}");

    let published: BTreeSet<&str> = of(&told, "publish").iter().map(|told| told.text("spanId")).collect();
    let attempts: Vec<&Told> = told.iter().filter(|told| told.span["kind"] == 5).collect();
    for attempt in &attempts {
        assert!(attempt.links().iter().any(|link| published.contains(link.as_str())), "no message led to {attempt:?}");
    }
    let killed: Vec<&&Told> = attempts.iter().filter(|told| told.field("outcome") == "crash").collect();
    let [killed] = killed[..] else { panic!("one attempt was killed: {killed:?}") };
    assert_eq!((killed.field("attempt").as_str(), &killed.span["status"]["code"]), ("1", &json!(2)));
    let again = attempts.iter().find(|told| told.field("task") == killed.field("task") && told.field("attempt") == "2").expect("a retry");
    assert!(again.field("outcome") == "ok" && again.links().contains(killed.text("spanId")), "{again:?}");

    let judged = of(&told, "select");
    let ran = attempts.iter().filter(|told| told.field("outcome") != "crash" && !told.field("task").starts_with("gen-"));
    let ran: BTreeSet<String> = ran.map(|told| told.text("spanId").to_owned()).collect();
    assert!(ran.len() >= 6 && judged[0].links() == ran, "{judged:?} {ran:?}");
    assert_eq!(of(&told, "accept").len(), 1);

    let all = collector.bodies.lock().expect("whole").join("\n");
    assert!(!all.contains("anary") && !all.contains("kanari") && !all.contains("town"), "a span holds what stands in a table");
}
