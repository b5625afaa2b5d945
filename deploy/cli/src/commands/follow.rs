//! Follows a job of a server to its end and shows it as `run` shows its own.

use super::Surroundings;
use super::run::{INTERRUPTED, NO_RELEASE, below_floor};
use crate::client::{Client, Watch, error_of};
use crate::present::{board, progress::Progress};
use crate::{say, tell};
use serde_json::Value;
use std::collections::BTreeMap;
use synthfleet_proto::event::Event;
use synthfleet_proto::results::Results;
use synthfleet_proto::verdict::Decision;
use synthfleet_proto::{Error, Result};

/// How a job ended.
pub struct End {
    /// The exit code that it gives.
    pub code: u8,
    /// The job as it ended.
    pub job: Value,
    /// `synthfleet.results.v1` without its tasks, of a job that has some.
    pub results: Option<Value>,
}

/// Follows a job; `None`: the person left, the job goes on.
///
/// # Errors
/// The server is away, or the job is not there.
pub async fn follow(client: &Client, job: &str, surroundings: &Surroundings) -> Result<Option<Value>> {
    let quiet = surroundings.quiet || surroundings.json || surroundings.events;
    let progress = Progress::new(surroundings.style, quiet, None);
    let mut watch = Watch::new(client, job);
    let mut begun = false;
    // one for all: a signal between two events is not lost
    let mut left = std::pin::pin!(tokio::signal::ctrl_c());
    let ended = loop {
        let event = tokio::select! {
            event = watch.next() => event,
            _ = &mut left => break Ok(false),
        };
        match event {
            Ok(Some(event)) if surroundings.events => say!("{event}"),
            Ok(Some(event)) => {
                show(&event, job, &progress, quiet || std::mem::replace(&mut begun, true));
            }
            Ok(None) => break Ok(true),
            Err(error) => break Err(error),
        }
    };
    progress.end();
    if ended? {
        return client.get(&["v1", "jobs", job], &[]).await.map(Some);
    }
    tell!("  the job goes on; to see it again: synthfleet jobs watch {job}");
    Ok(None)
}

/// One event; of snapshots only the first is news.
fn show(event: &Value, job: &str, progress: &Progress, begun: bool) {
    if event["type"] == "snapshot" {
        if begun {
            return;
        }
        let (head, counts) = (&event["snapshot"]["job"], &event["snapshot"]["job"]["counts"]);
        let count = |states: &[&str]| states.iter().filter_map(|state| counts[*state].as_u64()).sum::<u64>();
        let over = count(&["done", "failed", "skipped", "cancelled"]);
        let all = over + count(&["planned", "running"]);
        tell!("  job      {job}   {}   {over} of {all} tasks ended", head["state"].as_str().unwrap_or("unknown"));
        held(&head["state"], job);
    } else if let Ok(event) = serde_json::from_value::<Event>(event.clone()) {
        progress.show(&event);
    }
    if event["type"] == "state" {
        held(&event["state"], job);
    }
}

fn held(state: &Value, job: &str) {
    if state == "on_hold" {
        tell!("  on hold  look at its metadata, then: synthfleet jobs release {job}");
    }
}

/// Says how a job ended: the table of results, who won, what to do next.
///
/// # Errors
/// Why the job failed.
pub async fn end(client: &Client, job: Value, surroundings: &Surroundings) -> Result<End> {
    let id = job["id"].as_str().unwrap_or_default().to_owned();
    match job["state"].as_str() {
        Some("done") => {}
        Some("cancelled") => {
            if !surroundings.json && !surroundings.events {
                say!("  cancelled {id}");
            }
            return Ok(End { code: 1, job, results: None });
        }
        _ if job["problem"].is_object() => return Err(error_of(&job["problem"])),
        state => return Err(Error::internal("run::unpublished", format!("the job ended as {}", state.unwrap_or("unknown")))),
    }
    let mut value = client.get(&["v1", "jobs", &id, "results"], &[]).await?;
    let results: Results = serde_json::from_value(value.clone()).map_err(|e| {
        let error = Error::unavailable("client::foreign_answer", format!("the results cannot be read: {e}"));
        error.help("check that both are of one version")
    })?;
    let floors: BTreeMap<String, f64> = serde_json::from_value(job["spec"]["fail_under"].clone()).unwrap_or_default();
    let below = below_floor(&results, &floors);
    if !surroundings.json && !surroundings.events {
        say!("{}", board::text(&results, surroundings.style));
        below.iter().for_each(|line| say!("  below    {line}"));
        say!("  next     synthfleet jobs files {id} -o DIR");
    }
    if let Some(fields) = value.as_object_mut() {
        fields.remove("tasks");
    }
    let code = if results.verdict.outcome == Decision::Winner && below.is_empty() { 0 } else { NO_RELEASE };
    Ok(End { code, job, results: Some(value) })
}

/// Exit code of a person who left.
pub const LEFT: u8 = INTERRUPTED;
