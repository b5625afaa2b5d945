//! The API under requests made from its own description, legal and illegal ones, against the real binary: no answer of
//! 500 or above, none that does not come, no error that is no problem document. The requests are made by the Python
//! file beside.

#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::fleet::Role;
use support::{Desk, Ended};

fn attack(seconds: u32, seed: u32) {
    let desk = Desk::new();
    let store = format!("file://{}", desk.path("store").display());
    let mut command = desk.command(&["serve", "--listen", "127.0.0.1:0", "--isolate", "pool", "--store", &store]);
    command.env("SYNTHFLEET_WORKER_SLOTS", "2");
    let serving = Role::start(command, desk.path("serve.log"));
    let base = format!("http://127.0.0.1:{}", serving.port("api"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/run.py");
    let mut client = Command::new(python());
    client.arg(script).args([base, seconds.to_string(), seed.to_string()]);
    let ended = Ended::of(&client.output().expect("Python starts"));
    assert_eq!(ended.code, 0, "{}\n{}\nthe server said:\n{}", ended.stdout, ended.stderr, serving.said());
}

/// The Python of the environment that the setup makes.
fn python() -> PathBuf {
    let home = std::env::home_dir().expect("a home");
    let python = home.join(".cache/synthfleet/fuzz/bin/python");
    assert!(python.exists(), "there is no schemathesis at {}: run `cargo xtask test --setup`", python.display());
    python
}

#[test]
fn a_minute_of_made_up_requests_meets_no_fault() {
    attack(60, 1);
}

#[test]
#[ignore = "ten minutes: the long shelf"]
fn ten_minutes_of_made_up_requests_meet_no_fault() {
    attack(600, 2);
}
