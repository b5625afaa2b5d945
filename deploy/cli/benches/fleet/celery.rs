//! The same measures of Celery, by a Python program beside this file.

use crate::ground::Ground;
use crate::idle::{Held, cpu_seconds, resident_bytes};
use crate::rows::Rows;
use crate::{Outcome, Size, hints::SLOTS};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use synthfleet_harness::VirtualHost;

const PROGRAM: &str = include_str!("celery_peer.py");

/// One way to run Celery.
pub struct Peer {
    name: String,
    python: PathBuf,
    /// `prefork` or `threads`.
    pool: &'static str,
    backend: String,
    /// Acknowledges when a task begins and stores no result.
    early: bool,
    folder: PathBuf,
    host: VirtualHost,
    _redis: Option<Held>,
}

impl Peer {
    /// Every way that this machine can run; the environment is made by `cargo xtask bench-fleet`.
    pub fn all(ground: &Ground) -> Outcome<Vec<Self>> {
        let home = std::env::home_dir().ok_or("no home")?;
        let python = home.join(".cache/synthfleet/celery/bin/python");
        if !python.exists() {
            return Err("Celery is not installed: cargo xtask bench-fleet installs it".into());
        }
        let mut peers = Vec::new();
        for (pool, early) in [("prefork", false), ("threads", false), ("threads", true)] {
            for redis in [false, true] {
                if early && redis {
                    continue;
                }
                let folder = ground.folder()?;
                let (backend, server) = if redis { self::redis(&folder)? } else { (files(&folder)?, None) };
                let stored = match (early, redis) {
                    (true, _) => "early ack, no result: not durable",
                    (_, true) => "redis, fsync",
                    (_, false) => "files, no fsync",
                };
                let name = format!("celery {pool} ({stored})");
                std::fs::write(folder.join("peer.py"), PROGRAM)?;
                peers.push(Self { name, python: python.clone(), pool, backend, early, folder, host: ground.host()?, _redis: server });
            }
        }
        Ok(peers)
    }

    fn python(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.current_dir(&self.folder).env("PEER_BROKER", self.host.url()).env("PEER_BACKEND", &self.backend);
        command.env("PEER_EARLY", if self.early { "1" } else { "" }).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn worker(&self) -> Outcome<Worker> {
        let slots = SLOTS.to_string();
        let mut command = self.python();
        command.args(["-m", "celery", "-A", "peer", "worker", "-P", self.pool, "-c", &slots, "--without-gossip", "--without-mingle"]);
        Ok(Worker(Held(command.stdout(Stdio::null()).spawn()?)))
    }

    /// One round: the client tells values line by line.
    pub fn measure(&self, size: Size, round: u32, rows: &mut Rows) -> Outcome {
        let _worker = self.worker()?;
        if !self.early {
            let starts = self.ask(&["starts", &size.starts.to_string(), &size.rate.to_string()])?;
            rows.many(&self.name, "queue to start", round, "ms", &starts);
        }
        let rate = self.ask(&["no_ops", &size.no_ops.to_string()])?;
        rows.many(&self.name, "no-op tasks", round, "1/s", &rate);
        if !self.early {
            let chords = self.ask(&["chords", &size.jobs.to_string()])?;
            rows.many(&self.name, "last of many to its follower", round, "ms", &chords);
        }
        Ok(())
    }

    /// Memory and processor of a worker that has nothing to do, with its children.
    pub fn idle(&self, seconds: u64, rows: &mut Rows) -> Outcome {
        if self.early || self.name.contains("redis") {
            return Ok(());
        }
        let worker = self.worker()?;
        std::thread::sleep(Duration::from_secs(10));
        let family = family(worker.0.0.id())?;
        let used = |family: &[u32]| family.iter().map(|process| cpu_seconds(*process)).sum::<Outcome<f64>>();
        let before = used(&family)?;
        std::thread::sleep(Duration::from_secs(seconds));
        let bytes = family.iter().map(|process| resident_bytes(*process)).sum::<Outcome<u64>>()?;
        rows.one(&self.name, "idle memory", 1, "MB", bytes as f64 / 1e6);
        rows.one(&self.name, "idle processor", 1, "% of a core", (used(&family)? - before) / seconds as f64 * 100.0);
        Ok(())
    }

    fn ask(&self, arguments: &[&str]) -> Outcome<Vec<f64>> {
        let mut child = self.python().arg("peer.py").args(arguments).stdout(Stdio::piped()).spawn()?;
        let told = child.stdout.take().ok_or("no output")?;
        let values = BufReader::new(told).lines().map(|line| Ok(line?.trim().parse()?)).collect::<Outcome<Vec<f64>>>()?;
        let status = child.wait()?;
        if status.success() { Ok(values) } else { Err(format!("{} {arguments:?}: {status}", self.name).into()) }
    }
}

/// A worker, which ends with its children.
struct Worker(Held);

impl Drop for Worker {
    fn drop(&mut self) {
        for process in family(self.0.0.id()).unwrap_or_default().into_iter().rev() {
            let Some(process) = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw) else { continue };
            let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
        }
    }
}

/// A process and its children.
fn family(parent: u32) -> Outcome<Vec<u32>> {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))?;
    Ok(std::iter::once(parent).chain(children.split_whitespace().filter_map(|number| number.parse().ok())).collect())
}

fn files(folder: &Path) -> Outcome<String> {
    let results = folder.join("results");
    std::fs::create_dir(&results)?;
    Ok(format!("file://{}", results.display()))
}

/// A private Redis that syncs each write, on a port of its own.
fn redis(folder: &Path) -> Outcome<(String, Option<Held>)> {
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
    let child: Child = command.arg("--dir").arg(folder).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    Ok((format!("redis://127.0.0.1:{port}/0"), Some(Held(child))))
}
