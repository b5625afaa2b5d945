//! The original course project, row by row: what each of its parts must do here, proved with the real binary. The
//! number in a test's name is the row of the specification's table.

mod doors;
mod https;
mod pages;
#[path = "../support/mod.rs"]
mod support;
mod tables;
mod verdicts;

use serde_json::{Value, json};
use std::time::Duration;
use support::fleet::Role;
use support::{Desk, Ended};
use synthfleet_harness::http;

/// Time that a small job may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// One machine's server with a folder of its own.
struct Served {
    desk: Desk,
    role: Role,
}

impl Served {
    fn new() -> Self {
        Self::with(&[])
    }

    /// With further settings.
    fn with(settings: &[(&str, String)]) -> Self {
        let desk = Desk::new();
        let role = start(&desk, settings);
        Self { desk, role }
    }

    /// What `GET` of a path answers, which must be well.
    fn get(&self, path: &str) -> Value {
        let (status, told) = self.role.ask("GET", path, None);
        assert_eq!(status, 200, "{path}: {told}");
        told
    }

    /// What `POST` to a path answers, which must have this status.
    fn post(&self, path: &str, body: &Value, expected: u16) -> Value {
        let (status, told) = self.role.ask("POST", path, Some(body));
        assert_eq!(status, expected, "{path}: {told}");
        told
    }

    /// An answer as it comes.
    fn raw(&self, method: &str, path: &str, body: &[u8]) -> http::Answer {
        http::ask(self.role.port("api"), method, path, &[("content-type", "application/octet-stream")], body).expect("the API answers")
    }

    /// Uploads a file and gives the link to it.
    fn upload(&self, name: &str, bytes: &[u8]) -> String {
        let begun = self.post("/v1/uploads", &json!({ "name": name }), 201);
        let put = begun["put"].as_str().expect("an address");
        let answer = self.raw("PUT", put, bytes);
        assert!(answer.status < 300, "{}", answer.text());
        let done = self.post(&format!("{put}/complete"), &json!({}), 200);
        done["source"].as_str().expect("a link").to_owned()
    }

    /// Runs a job to its end, which must be good, and gives its id.
    fn done(&self, job: &Value) -> String {
        let id = self.role.submit(job);
        let ended = self.role.ended(&id, PATIENCE);
        assert_eq!(ended["state"], "done", "{ended}");
        id
    }

    /// A command that speaks to this server.
    fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = self.desk.command(arguments);
        command.env("SYNTHFLEET_CLIENT_SERVER", format!("http://127.0.0.1:{}", self.role.port("api")));
        Ended::of(&command.output().expect("the binary starts"))
    }
}

/// Starts a server on the store of a desk.
fn start(desk: &Desk, settings: &[(&str, String)]) -> Role {
    let store = format!("file://{}", desk.path("store").display());
    let mut command = desk.command(&["serve", "--listen", "127.0.0.1:0", "--isolate", "pool", "--store", &store]);
    command.env("SYNTHFLEET_SERVE_AUTH", "off").env("SYNTHFLEET_WORKER_SLOTS", "2");
    command.envs(settings.iter().map(|(name, value)| (*name, value)));
    let role = Role::start(command, desk.path("serve.log"));
    role.port("api");
    role
}

/// The entry of a list whose field has this value.
fn entry<'a>(list: &'a Value, field: &str, value: &str) -> &'a Value {
    let found = list.as_array().and_then(|list| list.iter().find(|entry| entry[field] == value));
    found.unwrap_or_else(|| panic!("no entry with {field} = {value} in {list}"))
}

/// A score of a candidate's first repeat.
fn score(results: &Value, candidate: &str, name: &str) -> f64 {
    let repeat = &entry(&results["candidates"], "name", candidate)["repeats"][0];
    entry(&repeat["scores"], "name", name)["value"].as_f64().unwrap_or_else(|| panic!("{candidate} has no {name}"))
}

/// Texts of a list.
fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
