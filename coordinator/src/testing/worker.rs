//! A worker that only pretends: it takes hints and creates outcomes with the objects that their kind makes.

use crate::Parts;
use bytes::Bytes;
use serde_json::{Value, json};
use synthfleet_broker::{Inbox, Route, Settle};
use synthfleet_proto::class::Class;
use synthfleet_proto::envelope::{Body, Envelope, ResultHint, ResultStatus};
use synthfleet_proto::fact::{OutcomeFact, OutcomeStatus, Output};
use synthfleet_proto::id;
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::task::{TaskId, TaskKind};
use synthfleet_store::{Store, create_fact, upload_bytes};

/// First rows as tasks write them.
const ROWS: &[u8] = b"{\"a\":1}\n{\"a\":2}\n";

/// Ends every task of the pool `local` as `end` says.
pub fn work(parts: Parts, end: impl Fn(TaskId) -> OutcomeFact + Send + 'static) {
    tokio::spawn(async move {
        let inbox = Inbox::Pool { pool: "local".into(), classes: Class::ALL.to_vec() };
        while let Ok(delivery) = parts.broker.take(&inbox).await {
            let envelope = Envelope::decode(delivery.body()).expect("a message");
            let task = TaskId::parse(envelope.task.as_deref().expect("a task")).expect("an id");
            let keys = JobKeys::new(&envelope.tenant, envelope.job.as_deref().expect("a job")).expect("legal");
            let outcome = with_outputs(parts.store.as_ref(), &keys, end(task.clone())).await;
            let key = keys.outcome(task.as_str()).expect("legal");
            create_fact(parts.store.as_ref(), &key, &outcome, parts.entropy.bits()).await.expect("created");
            let result = ResultHint { status: ResultStatus::Ok, attempt: 1, outcome_sha256: None, error_kind: None, pool: None };
            let about = (Some(keys.job()), Some(task.as_str()));
            let told = Envelope::new(parts.clock.as_ref(), parts.entropy.as_ref(), keys.tenant(), about, Body::Result(result));
            parts.broker.publish(&Route::Result, &told.encode().expect("small")).await.expect("published");
            parts.broker.settle(delivery, Settle::Ack).await.expect("settled");
        }
    });
}

/// The description of a table without columns.
pub fn profile() -> Value {
    json!({
        "schema": "synthfleet.profile.v1",
        "table": {"id": "tbl_0", "name": "t", "rows": 1000, "columns": 0, "bytes": 9, "sha256": "", "duplicate_rows": 0, "disclosure": "protected"},
        "source": {
            "format": "csv", "compression": "none", "encoding": "utf-8", "blank_lines": 0, "rejected_rows": 0, "rejected_cells": 0,
            "dialect": synthfleet_proto::metadata::Dialect::default(),
        },
        "split": {"holdout": 0.2, "seed": "0", "train_rows": 800, "holdout_rows": 200, "strategy": "random"},
        "target": "y", "problem_type": null, "key": [], "columns": [], "hints": [], "notes": [],
    })
}

/// Gives an outcome the objects that its kind of task makes.
pub async fn with_outputs(store: &dyn Store, keys: &JobKeys, mut outcome: OutcomeFact) -> OutcomeFact {
    if outcome.status != OutcomeStatus::Ok {
        return outcome;
    }
    let files: Vec<(&str, Vec<u8>)> = match outcome.task.kind() {
        TaskKind::Profile => {
            vec![("profile.json", profile().to_string().into_bytes()), ("metadata.sdv.json", b"{}".to_vec()), ("rows.jsonl", ROWS.to_vec())]
        }
        TaskKind::Synthesize => vec![("sample.parquet", b"rows".to_vec()), ("rows.jsonl", ROWS.to_vec()), ("model.bin", b"model".to_vec())],
        TaskKind::Benchmark => vec![("scores.json", br#"{"scores":[],"details":null}"#.to_vec())],
        TaskKind::Generate => vec![
            ("synthetic.csv", b"a\n1\n".to_vec()),
            ("synthetic.parquet", b"rows".to_vec()),
            ("rows.json", br#"{"header":["a"],"rows":[["1"]]}"#.to_vec()),
        ],
    };
    for (role, bytes) in files {
        let key = keys.attempt(outcome.task.as_str(), 1, "00000000").and_then(|keys| keys.output(role)).expect("legal");
        let (length, sha256) = (bytes.len() as u64, id::sha256_hex(&bytes));
        upload_bytes(store, &key, Bytes::from(bytes)).await.expect("stored");
        let content_type = "application/octet-stream".to_owned();
        outcome.outputs.push(Output { role: role.into(), key: key.to_string(), bytes: length, sha256, content_type, rows: None });
    }
    outcome
}
