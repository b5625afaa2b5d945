//! The fleet: workers, queues, buried messages.

use super::answer::{Answer, json};
use super::doors::Doors;
use super::guard::Call;
use super::problem::Problem;
use crate::fleet::WorkerSeen;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use std::sync::Arc;
use synthfleet_broker::{Depth, Inbox, Route};
use synthfleet_proto::calendar::rfc3339;
use synthfleet_proto::class::Class;
use synthfleet_proto::envelope::{Body, ControlHint, ControlOp, Envelope};
use synthfleet_proto::fleet::DeadDoc;
use synthfleet_proto::key::{self, MarkerKey};
use synthfleet_proto::{Result, id};
use synthfleet_store::read_fact;

/// Buried messages that a list shows, the newest days first.
const DEAD_MAX: usize = 500;

/// `GET /v1/workers`
pub async fn workers(State(doors): State<Arc<Doors>>, _: Call) -> Answer {
    let fleet = doors.parts.service.roster.now();
    let items: Vec<Value> = fleet.workers.iter().map(worker).collect();
    Ok(json(StatusCode::OK, &json!({ "items": items, "next_cursor": null })))
}

fn worker(seen: &WorkerSeen) -> Value {
    let mut shown = serde_json::to_value(&seen.doc).unwrap_or_default();
    if let Some(fields) = shown.as_object_mut() {
        fields.remove("v");
        fields.insert("started".to_owned(), rfc3339(seen.doc.started_at).into());
        fields.insert("silent_seconds".to_owned(), seen.silent.as_secs_f64().into());
    }
    shown
}

/// `POST /v1/workers/{worker}/drain`
pub async fn drain(State(doors): State<Arc<Doors>>, Path(worker): Path<String>, call: Call) -> Answer {
    let parts = &doors.parts.service;
    if !parts.roster.now().workers.iter().any(|seen| seen.doc.id == worker) {
        return Err(Problem::not_found());
    }
    let body = Body::Control(ControlHint { op: ControlOp::DrainWorker, target: worker.clone(), seconds: None });
    let envelope = Envelope::new(parts.clock.as_ref(), parts.entropy.as_ref(), &call.tenant, (None, None), body);
    parts.broker.broadcast(&envelope.encode()?).await?;
    tracing::info!(worker, by = call.principal.name, "a worker was asked to leave");
    Ok(json(StatusCode::ACCEPTED, &json!({ "worker": worker, "draining": true })))
}

/// `GET /v1/queues`
pub async fn queues(State(doors): State<Arc<Doors>>, _: Call) -> Answer {
    let fleet = doors.parts.service.roster.now();
    let mut asked: Vec<(String, Inbox)> = Vec::new();
    for pool in fleet.pools.keys() {
        for class in Class::ALL {
            let inbox = Inbox::Pool { pool: pool.clone(), classes: vec![class] };
            asked.push((format!("{pool}.{}", class.name()), inbox));
        }
    }
    asked.extend([("result".to_owned(), Inbox::Result), ("submit".to_owned(), Inbox::Submit), ("dead".to_owned(), Inbox::Dead)]);
    let mut items = Vec::new();
    for (name, inbox) in asked {
        items.push(depth(&name, doors.parts.service.broker.depth(&inbox).await));
    }
    Ok(json(StatusCode::OK, &json!({ "items": items, "next_cursor": null })))
}

fn depth(name: &str, depth: Result<Depth>) -> Value {
    match depth {
        Ok(Depth { ready, unacked, consumers, oldest_age }) => json!({
            "name": name, "ready": ready, "unacked": unacked, "consumers": consumers,
            "oldest_age_seconds": oldest_age.map(|age| age.as_secs_f64()),
        }),
        // one queue that cannot be asked hides no other
        Err(error) => json!({ "name": name, "problem": error.code() }),
    }
}

/// `GET /v1/dead-letters`
pub async fn dead(State(doors): State<Arc<Doors>>, _: Call) -> Answer {
    let mut entries = crate::fleet::all(doors.store(), &key::dead_prefix()?).await?;
    entries.reverse();
    let mut items = Vec::new();
    for entry in entries.into_iter().take(DEAD_MAX) {
        let day = entry.key.segments().rev().nth(1).unwrap_or_default();
        let doc = read_fact::<DeadDoc>(doors.store(), &entry.key).await?;
        items.extend(doc.map(|doc| shown(day, &doc.fact)));
    }
    Ok(json(StatusCode::OK, &json!({ "items": items, "next_cursor": null })))
}

/// `GET /v1/dead-letters/{day}/{id}`
pub async fn dead_one(State(doors): State<Arc<Doors>>, Path((day, id)): Path<(String, String)>, _: Call) -> Answer {
    let (_, doc) = buried(&doors, &day, &id).await?;
    let mut whole = shown(&day, &doc);
    whole["body_hex"] = doc.body.into();
    Ok(json(StatusCode::OK, &whole))
}

/// `DELETE /v1/dead-letters/{day}/{id}`
pub async fn forget(State(doors): State<Arc<Doors>>, Path((day, id)): Path<(String, String)>, call: Call) -> Answer {
    let (key, _) = buried(&doors, &day, &id).await?;
    doors.store().delete(key.key()).await?;
    tracing::info!(id, by = call.principal.name, "a buried message was forgotten");
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /v1/dead-letters/{day}/{id}/requeue`
pub async fn requeue(State(doors): State<Arc<Doors>>, Path((day, id)): Path<(String, String)>, call: Call) -> Answer {
    let (key, doc) = buried(&doors, &day, &id).await?;
    let unreadable = || Problem::new(super::Slug::Conflict, "this message cannot be sent again: it cannot be read");
    let body = unhex(&doc.body).ok_or_else(unreadable)?;
    let route = match Envelope::decode(&body).map_err(|_| unreadable())?.body {
        Body::Task(hint) => Route::Pool { pool: hint.pool, class: hint.class },
        Body::Result(_) => Route::Result,
        Body::Submit(_) => Route::Submit,
        _ => return Err(unreadable()),
    };
    doors.parts.service.broker.publish(&route, &body).await?;
    doors.store().delete(key.key()).await?;
    tracing::info!(id, by = call.principal.name, "a buried message was sent again");
    Ok(json(StatusCode::ACCEPTED, &json!({ "requeued": true })))
}

async fn buried(doors: &Doors, day: &str, id: &str) -> std::result::Result<(MarkerKey, DeadDoc), Problem> {
    let is_day = day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
    if !is_day {
        return Err(Problem::not_found());
    }
    let key = key::dead(day, id).map_err(|_| Problem::not_found())?;
    let doc = read_fact::<DeadDoc>(doors.store(), key.key()).await?.ok_or_else(Problem::not_found)?;
    Ok((key, doc.fact))
}

fn shown(day: &str, doc: &DeadDoc) -> Value {
    json!({
        "id": doc.id, "day": day, "at": rfc3339(doc.at), "reason": doc.reason, "bytes": doc.body.len() / 2, "kind": doc.kind,
        "job": doc.job, "tenant": doc.tenant, "task": doc.task, "treatment": doc.treatment,
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    let pair = |pair: &[u8]| Some((digit(pair[0])? << 4 | digit(*pair.get(1)?)?) as u8);
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
    bytes.filter(|bytes| id::hex(bytes) == text)
}
