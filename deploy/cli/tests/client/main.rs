//! The commands that speak to a server, against a server.

mod jobs;
mod people;
mod server;
#[path = "../support/mod.rs"]
mod support;

use serde_json::Value;
use server::{Kind, Server};
use support::{Desk, Ended};

/// A server with a desk whose commands speak to it.
struct Fleet {
    desk: Desk,
    server: Server,
}

impl Fleet {
    fn new(kind: Kind) -> Self {
        let desk = Desk::new();
        let server = Server::start(&desk, kind);
        Self { desk, server }
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.run_as("", arguments)
    }

    /// Runs a command with a token.
    fn run_as(&self, token: &str, arguments: &[&str]) -> Ended {
        let mut command = self.desk.command(arguments);
        command.env("SYNTHFLEET_CLIENT_SERVER", &self.server.url).env("SYNTHFLEET_CLIENT_TOKEN", token);
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

/// What `--json` printed: exactly one object.
fn object(ended: &Ended) -> Value {
    let value: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e}: {}", ended.stdout));
    assert!(value.is_object(), "{value}");
    value
}
