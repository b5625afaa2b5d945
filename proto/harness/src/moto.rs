//! A private moto server: SQS, and a second S3, as a Python package imitates them.
//!
//! `cargo xtask test --setup` makes the Python environment it runs in.

use crate::http;
use crate::node::{answers, home, open, within};
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PROGRAM: &str = include_str!("moto.py");
/// A start takes one or two seconds on an idle machine.
const START_MAX: Duration = Duration::from_secs(90);
/// Seconds that the server outlives its last user: the gap between two test programs.
const IDLE_SECONDS: &str = "20";

/// A running moto server. Dropping the last handle of the last process ends it.
#[derive(Debug)]
pub struct Moto {
    port: u16,
    _lock: File,
}

impl Moto {
    /// Access key and secret; the server takes any.
    pub const KEYS: (&str, &str) = ("moto", "moto");

    /// The server that all tests of a run share, started by the first that asks. Give your queues and
    /// buckets names of your own, and keep the handle while you use it.
    pub fn shared() -> Result<Self, String> {
        let python = python()?;
        let home = home()?;
        let turn = open(&home.join("moto.turn"))?;
        turn.lock().map_err(|e| format!("cannot wait for the turn: {e}"))?;
        let path = home.join("moto.lock");
        let lock = open(&path)?;
        lock.lock_shared().map_err(|e| format!("cannot hold the server: {e}"))?;
        let note = home.join("moto.port");
        let running = || std::fs::read_to_string(&note).ok()?.parse().ok().filter(|port| answers(*port));
        if let Some(port) = running() {
            return Ok(Self { port, _lock: lock });
        }
        let errors = home.join("moto.errors");
        let stderr = File::create(&errors).map_err(|e| format!("cannot write {}: {e}", errors.display()))?;
        let mut command = Command::new(python);
        command.args(["-c", PROGRAM]).args([&path, &note]).arg(IDLE_SECONDS);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        // a group of its own: what ends a test does not end the server
        let mut child = command.process_group(0).spawn().map_err(|e| format!("cannot start a moto server: {e}"))?;
        within(START_MAX, || running().is_some() || ended(&mut child));
        running().map(|port| Self { port, _lock: lock }).ok_or_else(|| {
            let said = std::fs::read_to_string(&errors).unwrap_or_default();
            format!("the moto server does not answer; it said:\n{said}")
        })
    }

    /// Asks one of the imitated services for what no client of the test asks: a bucket, a subscription.
    /// Gives status and body.
    pub fn ask(&self, service: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Result<(u16, String), String> {
        // the scope of the signature names the service; nobody checks the rest
        let scope = format!("{}/20260101/us-east-1/{service}/aws4_request", Self::KEYS.0);
        let signed = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let headers = [&[("authorization", signed.as_str())], headers].concat();
        let answer = http::ask(self.port, method, path, &headers, body.as_bytes()).map_err(|told| format!("{service} {told}"))?;
        Ok((answer.status, answer.text()))
    }

    /// Where SQS, S3 and everything else is asked.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn ended(child: &mut Child) -> bool {
    !matches!(child.try_wait(), Ok(None))
}

/// The Python of the environment that the setup makes.
fn python() -> Result<PathBuf, String> {
    let home = std::env::home_dir().ok_or("there is no home to find the moto server in")?;
    let python = home.join(".cache/synthfleet/moto/bin/python");
    if python.exists() {
        return Ok(python);
    }
    Err(format!("there is no moto server at {}: run `cargo xtask test --setup`", python.display()))
}
