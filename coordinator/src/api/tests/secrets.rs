//! Cells of a table whose every cell is unique appear in no answer, event, log line, measure or dead letter, even
//! when the worker's own error quotes them.

use super::*;
use crate::testing::failed;
use serde_json::json;
use std::fmt::Debug;
use std::sync::Mutex;
use std::time::Duration;
use synthfleet_proto::{Error, Place};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// What every cell begins with.
const CANARY: &str = "CANARY";

/// Keeps every field of every log line.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<String>>);

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Words(&self.0));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Words(&self.0));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Words(&self.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Words<'a>(&'a Mutex<String>);

impl Visit for Words<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut lines = self.0.lock().expect("nobody panicked");
        lines.push_str(&format!("{field}={value:?} "));
    }
}

/// An error as intake makes it: it quotes cells where a person at the table may read them.
fn quoting() -> Error {
    let place = Place {
        source: Some("t.csv".into()),
        line: Some(3),
        column: Some("age".into()),
        excerpt: Some(format!("{CANARY}-7,{CANARY}-8")),
        ..Place::default()
    };
    let message = format!("2 cells of age are not numbers: {CANARY}-7, {CANARY}-8");
    let outside = Error::data("metadata::value_outside", format!("age has \"{CANARY}-9\", metadata says 1 to 2 (1 rows)"));
    Error::data("columns::bad_cell", message).at(place.clone()).and([outside.at(place)])
}

#[tokio::test]
async fn a18_no_cell_leaves_by_answers_events_logs_or_measures() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let replica = Replica::new();
    let table: String = (0..40).map(|row| format!("{CANARY}-{row},{row}\n")).collect();
    let path = replica.post("/v1/uploads", &json!({"name": "t.csv"})).await.header("location").to_owned();
    replica.ask("PUT", &path, &[], format!("name,age\n{table}")).await;
    let uploaded = replica.ask("POST", &format!("{path}/complete"), &[], Body::empty()).await;
    let source = uploaded.json()["source"].clone();
    let told = replica.post("/v1/jobs", &json!({"source": source, "synthesizers": ["clbn"]})).await;
    let id = told.json()["id"].as_str().expect("an id").to_owned();
    replica.work(|task| OutcomeFact { error: Some(quoting().to_wire()), ..failed(task) });
    let ended = tokio::time::timeout(Duration::from_secs(60), replica.handle.finished(&id)).await.expect("in time").expect("ended");
    assert!(format!("{:?}", ended.error).contains(CANARY), "the fact itself keeps the error whole");

    // something that is always logged, so that silence is no proof
    replica.post("/v1/tokens", &json!({"scopes": ["read"]})).await;
    let mut told = vec![uploaded.text(), told.text()];
    for part in ["", "/tasks", "/tasks/profile", "/events", "/events?wait=0", "/verdict", "/results", "/files", "/files/x"] {
        told.push(replica.get(&format!("/v1/jobs/{id}{part}")).await.text());
    }
    for path in ["/v1/jobs", "/v1/dead-letters", "/v1/queues", "/metrics", &path] {
        told.push(replica.get(path).await.text());
    }
    let job = replica.get(&format!("/v1/jobs/{id}")).await.json();
    assert_eq!(job["problem"]["errors"][0]["detail"], "2 cells of age are not numbers", "the rest of the error is told");
    assert_eq!((&job["problem"]["errors"][0]["line"], &job["problem"]["errors"][1]["column"]), (&json!(3), &json!("age")));
    for text in &told {
        assert!(!text.contains(CANARY), "{text}");
    }
    let lines = lines.0.lock().expect("nobody panicked").clone();
    assert!(lines.contains("a token was made"), "log lines were heard: {lines}");
    assert!(!lines.contains(CANARY), "{lines}");
}
