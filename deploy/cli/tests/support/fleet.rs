//! A fleet for tests: roles of the real binary as processes, over a real RabbitMQ, an S3 server of our own and a
//! moto server for SQS. Nothing need be running before, and nothing stays.

use super::Desk;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use synthfleet_harness::{Moto, Node, VirtualHost, http};
use synthfleet_store_server::{ACCESS_KEY, SECRET_KEY, Server, Settings};

/// Bucket of the fleet's own state.
pub const STORE: &str = "fleet";
/// Bucket of the user.
pub const USER: &str = "user";
/// Time that a role has to listen.
const START_MAX: Duration = Duration::from_secs(60);

/// What a fleet stands on.
pub struct Ground {
    /// Folder and binary.
    pub desk: Desk,
    /// The S3 server with both buckets.
    pub s3: Server,
    /// Queues of this fleet.
    pub host: VirtualHost,
    /// The RabbitMQ node they are on.
    pub node: Node,
    /// The port at which roles find the broker: the node's, or that of a proxy before it.
    pub broker_port: u16,
    /// Further settings of every role.
    pub settings: BTreeMap<String, String>,
    roles: AtomicU32,
}

impl Ground {
    /// On the node that all tests share.
    pub fn new() -> Self {
        Self::on(Node::shared().expect("a RabbitMQ node: cargo xtask test --setup installs it"))
    }

    /// On a node of its own.
    pub fn on(node: Node) -> Self {
        let buckets = vec![STORE.to_owned(), USER.to_owned()];
        let s3 = Server::start(Settings { buckets, ..Settings::default() }).expect("an S3 server");
        let host = node.virtual_host().expect("a virtual host");
        Self { desk: Desk::new(), s3, host, broker_port: node.port(), node, settings: BTreeMap::new(), roles: AtomicU32::new(0) }
    }

    /// The binary with the settings of this fleet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.desk.command(arguments);
        command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET_KEY).env("AWS_REGION", "us-east-1");
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        let address = format!("amqp://guest@127.0.0.1:{}/{}", self.broker_port, self.host.name());
        for (name, value) in [
            ("STORE_URL", format!("s3://{STORE}/root")),
            ("STORE_ENDPOINT", self.s3.url()),
            ("STORE_PATH_STYLE", "yes".to_owned()),
            ("BROKER_URL", address),
            ("BROKER_PASSWORD", "guest".to_owned()),
            ("SOURCES_BUCKETS", format!("[\"s3://{USER}\"]")),
            ("DOORS_USERS", "[\"guest=local\"]".to_owned()),
            ("SERVE_LISTEN", "127.0.0.1:0".to_owned()),
            ("LOG_LEVEL", "info,lapin=off".to_owned()),
        ] {
            command.env(format!("SYNTHFLEET_{name}"), value);
        }
        command.envs(self.settings.iter().map(|(name, value)| (format!("SYNTHFLEET_{name}"), value)));
        command
    }

    /// Starts a role.
    pub fn role(&self, arguments: &[&str]) -> Role {
        let number = self.roles.fetch_add(1, Ordering::Relaxed);
        Role::start(self.command(arguments), self.desk.path(&format!("{number}-{}.log", arguments[0])))
    }

    /// Starts a coordinator and waits until its API listens.
    pub fn coordinator(&self) -> Role {
        let role = self.role(&["coordinator"]);
        role.port("api");
        role
    }

    /// Starts a worker.
    pub fn worker(&self, take: &str, slots: u32) -> Role {
        self.role(&["worker", "--take", take, "--slots", &slots.to_string(), "--memory", &format!("{}GiB", 4 * slots)])
    }

    /// Publishes a submission, as the user `guest` of the broker.
    pub fn message(&self, properties: Value, body: &[u8]) {
        use base64::Engine;
        let payload = base64::engine::general_purpose::STANDARD.encode(body);
        let mut all = json!({ "user_id": "guest", "delivery_mode": 2 });
        for (name, value) in properties.as_object().expect("an object") {
            all[name] = value.clone();
        }
        let body = json!({ "routing_key": "submit", "properties": all, "payload": payload, "payload_encoding": "base64" });
        let path = format!("/exchanges/{}/sf.submit/publish", self.host.name());
        let (status, told) = self.host.request("POST", &path, &body.to_string()).expect("the node answers");
        assert!(status == 200 && told.contains("\"routed\":true"), "{status} {told}");
    }

    /// Makes a queue for answers.
    pub fn answers(&self, queue: &str) {
        self.host.put(&format!("/queues/{}/{queue}", self.host.name()), r#"{"durable":true}"#).expect("a queue");
    }

    /// The next message of a queue, as property map and body.
    pub fn answer(&self, queue: &str) -> (Value, Value) {
        let path = format!("/queues/{}/{queue}/get", self.host.name());
        let wish = r#"{"count":1,"ackmode":"ack_requeue_false","encoding":"auto"}"#;
        let got = until(Duration::from_secs(120), "an answer", || {
            let (_, told) = self.host.request("POST", &path, wish).ok()?;
            let list: Value = serde_json::from_str(&told).ok()?;
            list.get(0).cloned()
        });
        let body = got["payload"].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        (got["properties"].clone(), body)
    }

    /// SHA-256 of each file of the identity set that was published below a prefix of the user's bucket, by path; each
    /// is hashed anew.
    pub fn published(&self, prefix: &str) -> BTreeMap<String, String> {
        let object = |path: &str| self.s3.object(USER, &format!("{prefix}{path}")).unwrap_or_else(|| panic!("{prefix}{path} is missing"));
        let manifest: Value = serde_json::from_slice(&object("manifest.json")).expect("JSON");
        let files = manifest["files"].as_array().expect("a list of files").iter();
        let listed = files.map(|file| {
            let (path, sha256) = (file["path"].as_str().expect("a path"), file["sha256"].as_str().expect("a hash"));
            assert_eq!(sha256_hex(&object(path)), sha256, "{prefix}{path}");
            (path.to_owned(), sha256.to_owned(), file["deterministic"] == true)
        });
        listed.filter(|(_, _, deterministic)| *deterministic).map(|(path, sha256, _)| (path, sha256)).collect()
    }

    /// Keys of the user's bucket that end so.
    pub fn user_keys(&self, end: &str) -> Vec<String> {
        self.s3.keys(USER).into_iter().filter(|key| key.ends_with(end)).collect()
    }

    /// Facts of the fleet whose keys hold a text.
    pub fn facts(&self, part: &str) -> Vec<String> {
        self.s3.keys(STORE).into_iter().filter(|key| key.contains(part)).collect()
    }

    /// A document of the fleet's own bucket.
    pub fn fact(&self, key: &str) -> Value {
        serde_json::from_slice(&self.s3.object(STORE, key).unwrap_or_else(|| panic!("{key} is missing"))).expect("JSON")
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        // the end of each log tells more than the test that saw nothing happen
        for number in 0..self.roles.load(Ordering::Relaxed) {
            for role in ["coordinator", "worker"] {
                let Ok(log) = std::fs::read(self.desk.path(&format!("{number}-{role}.log"))) else { continue };
                let log = String::from_utf8_lossy(&log);
                let lines: Vec<&str> = log.lines().collect();
                eprintln!("-- {number}-{role}\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
            }
        }
    }
}

/// A process of a fleet. Dropped, it is killed.
pub struct Role {
    child: Child,
    log: PathBuf,
}

impl Role {
    /// Starts a command that says into a file what it does.
    pub fn start(mut command: Command, log: PathBuf) -> Self {
        let told = File::create(&log).expect("a writable temporary folder");
        let child = command.stdout(Stdio::null()).stderr(told).spawn().expect("the binary starts");
        Self { child, log }
    }

    /// What it said so far.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The port of its `api` or `admin`.
    pub fn port(&self, name: &str) -> u16 {
        let start = Instant::now();
        loop {
            if let Some(port) = self.port_now(name) {
                return port;
            }
            assert!(start.elapsed() < START_MAX, "no {name} after a minute:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The same, if it is known by now.
    pub fn port_now(&self, name: &str) -> Option<u16> {
        let said = self.said();
        let address = |line: &str| line.trim_start().strip_prefix(name)?.trim().strip_prefix("http://127.0.0.1:").map(str::to_owned);
        said.lines().find_map(address)?.split('/').next()?.parse().ok()
    }

    /// Asks its API.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let body = body.map(Value::to_string).unwrap_or_default();
        let answer = http::ask(self.port("api"), method, path, &[("content-type", "application/json")], body.as_bytes());
        let answer = answer.expect("the API answers");
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    /// Waits until a coordinator knows of so many workers, and with them of their members.
    pub fn sees(&self, workers: usize) {
        until(START_MAX, "workers", || {
            let (_, told) = self.ask("GET", "/v1/workers", None);
            (told["items"].as_array()?.len() >= workers).then_some(())
        });
    }

    /// Submits a job and gives its id.
    pub fn submit(&self, job: &Value) -> String {
        let (status, told) = self.ask("POST", "/v1/jobs", Some(job));
        assert_eq!(status, 202, "{told}");
        told["id"].as_str().expect("an id").to_owned()
    }

    /// Waits until a job has ended, and gives it.
    pub fn ended(&self, job: &str, patience: Duration) -> Value {
        until(patience, &format!("the end of {job}"), || {
            let (status, told) = self.ask("GET", &format!("/v1/jobs/{job}"), None);
            (status == 200 && ["done", "failed", "cancelled"].contains(&told["state"].as_str()?)).then_some(told)
        })
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        // who is gone already needs none
        let _ = kill_process(self.pid(), signal);
    }

    /// Kills it at once.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it has ended.
    pub fn is_over(&mut self) -> bool {
        self.child.try_wait().expect("a child of this process").is_some()
    }

    /// Waits for its end and gives the exit code; -1: killed.
    pub fn exit_code(&mut self, patience: Duration) -> i32 {
        until(patience, "the end of a role", || self.child.try_wait().expect("a child of this process")).code().unwrap_or(-1)
    }

    /// The processes that it has started and that live.
    pub fn child_processes(&self) -> Vec<Pid> {
        let own = self.child.id();
        let read = |thread: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(thread.ok()?.path().join("children")).ok();
        let threads = std::fs::read_dir(format!("/proc/{own}/task")).into_iter().flatten();
        let numbers: Vec<String> = threads.filter_map(read).collect();
        numbers.iter().flat_map(|text| text.split_whitespace()).filter_map(|number| Pid::from_raw(number.parse().ok()?)).collect()
    }

    /// Its process number.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Address of a queue of moto, made now.
pub fn queue(moto: &Moto, name: &str) -> String {
    let body = format!("Action=CreateQueue&QueueName={name}&Version=2012-11-05");
    let (status, told) =
        moto.ask("sqs", "POST", "/", &[("content-type", "application/x-www-form-urlencoded")], &body).expect("moto answers");
    let url = told.split("<QueueUrl>").nth(1).and_then(|rest| rest.split('<').next());
    url.unwrap_or_else(|| panic!("{status} {told}")).to_owned()
}

/// Puts a message on a queue of moto.
pub fn send(moto: &Moto, queue: &str, body: &str) {
    let quoted: String = body.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let form = format!("Action=SendMessage&QueueUrl={queue}&Version=2012-11-05&MessageBody={quoted}");
    let path = format!("/{}", queue.splitn(4, '/').nth(3).expect("an address"));
    let (status, told) =
        moto.ask("sqs", "POST", &path, &[("content-type", "application/x-www-form-urlencoded")], &form).expect("moto answers");
    assert_eq!(status, 200, "{told}");
}

/// Asks again and again until something is there.
pub fn until<T>(patience: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < patience, "waited {patience:?} for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// SHA-256 in hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
