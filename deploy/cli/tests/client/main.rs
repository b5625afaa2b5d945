//! The commands that speak to a server, against a server.

mod copies;
mod jobs;
mod people;
#[path = "../support/mod.rs"]
mod support;
mod upkeep;
mod uploads;

use serde_json::Value;
use support::fleet::Role;
use support::{Desk, Ended};

/// A served store with a desk whose commands speak to it.
struct Fleet {
    desk: Desk,
    url: String,
    _serving: Role,
}

impl Fleet {
    /// For everybody who reaches the port.
    fn new() -> Self {
        Self::with("off")
    }

    /// For those who have a token.
    fn guarded() -> Self {
        Self::with("tokens")
    }

    fn with(auth: &str) -> Self {
        let desk = Desk::new();
        let mut command = desk.command(&["serve", "--listen", "127.0.0.1:0", "--isolate", "pool", "--store", &store_url(&desk)]);
        command.env("SYNTHFLEET_SERVE_AUTH", auth).env("SYNTHFLEET_WORKER_SLOTS", "2");
        let serving = Role::start(command, desk.path("serve.log"));
        let url = format!("http://127.0.0.1:{}", serving.port("api"));
        Self { desk, url, _serving: serving }
    }

    /// The store as `--store` names it.
    fn store_url(&self) -> String {
        store_url(&self.desk)
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.run_as("", arguments)
    }

    /// Runs a command with a token.
    fn run_as(&self, token: &str, arguments: &[&str]) -> Ended {
        let mut command = self.desk.command(arguments);
        command.env("SYNTHFLEET_CLIENT_SERVER", &self.url).env("SYNTHFLEET_CLIENT_TOKEN", token);
        Ended::of(&command.output().expect("the binary starts"))
    }

    /// Submits a small job and gives its id.
    fn job(&self, more: &[&str]) -> String {
        let mut arguments = vec!["submit", "sim:demo?rows=400", "--json", "--job", "small.json"];
        arguments.extend(more);
        self.desk.file("small.json", r#"{"synthesizers": ["independent"], "benchmarks": ["accuracy"], "gate": "off", "repeats": 1}"#);
        let told = object(&self.run(&arguments).must_be_done());
        told["jobs"][0]["id"].as_str().expect("an id").to_owned()
    }

    fn show(&self, job: &str) -> Value {
        object(&self.run(&["jobs", "show", job, "--json"]).must_end(0))
    }
}

fn store_url(desk: &Desk) -> String {
    format!("file://{}", desk.path("store").display())
}

/// What `--json` printed: exactly one object.
fn object(ended: &Ended) -> Value {
    let value: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e}: {}", ended.stdout));
    assert!(value.is_object(), "{value}");
    value
}
