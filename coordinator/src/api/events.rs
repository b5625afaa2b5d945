//! Events of a job: a stream (SSE) or, asked with `after` or `wait`, one answer after the other. First comes a
//! snapshot, unless the caller says which event it saw last and that is still known.

use super::answer::{Answer, json};
use super::doors::Doors;
use super::feeds::{Listener, News};
use super::guard::Call;
use super::problem::{Problem, Slug};
use crate::metrics;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_proto::Result;
use tokio::sync::watch;
use tokio::time::Instant;

/// Time after which a silent stream shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Longest wait of a long poll, in seconds.
const WAIT_MAX: u64 = 60;

/// `GET /v1/jobs/{job}/events`
pub async fn watch(State(doors): State<Arc<Doors>>, Path(job): Path<String>, call: Call, headers: HeaderMap) -> Answer {
    let keys = call.job(&job)?;
    doors.views.of(&keys, |_| ()).await?.ok_or_else(Problem::not_found)?;
    let wait = call.query.number("wait", 0..=WAIT_MAX, 0)?;
    let Some(listener) = doors.feeds.watch(&keys) else {
        doors.parts.book.add(metrics::QUOTA_REFUSALS, &["listeners"], 1);
        return Err(Problem::new(Slug::Unavailable, "too many streams of events are open").retry_after(30));
    };
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()).or_else(|| call.query.text("after"));
    let begun = Begun::new(&doors, listener, seen).await?;
    if call.query.text("wait").is_some() || call.query.text("after").is_some() {
        return begun.poll(Duration::from_secs(wait)).await;
    }
    if begun.is_over() {
        // says to browsers that there is nothing to come back for
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(begun.stream(&doors))
}

/// A watch whose beginning is settled.
struct Begun {
    listener: Listener,
    snapshot: Option<(String, Value)>,
    next: u64,
    news: watch::Receiver<(u64, bool)>,
}

impl Begun {
    async fn new(doors: &Doors, listener: Listener, seen: Option<&str>) -> Result<Self> {
        let parts = &doors.parts.service;
        let resumed = match seen {
            Some(id) => listener.resume(parts, id).await?,
            None => None,
        };
        let news = listener.news();
        if let Some(next) = resumed {
            return Ok(Self { listener, snapshot: None, next, news });
        }
        let (id, data, next) = listener.snapshot(parts).await?;
        Ok(Self { listener, snapshot: Some((id, data)), next, news })
    }

    /// Whether the caller has seen everything and nothing more will come.
    fn is_over(&self) -> bool {
        let (end, ended) = *self.news.borrow();
        ended && self.snapshot.is_none() && self.next >= end
    }

    async fn poll(mut self, wait: Duration) -> Answer {
        let until = Instant::now() + wait;
        loop {
            let Some(news) = self.listener.since(self.next) else {
                return Err(Problem::new(Slug::Conflict, "events were missed; ask again without after"));
            };
            let ended = self.news.borrow_and_update().1;
            if self.snapshot.is_some() || !news.items.is_empty() || ended || Instant::now() >= until {
                return Ok(self.told(news, ended));
            }
            // the sender lives as long as the feed
            let _ = tokio::time::timeout_at(until, self.news.changed()).await;
        }
    }

    fn told(self, news: News, ended: bool) -> Response {
        let mut events: Vec<Value> = self.snapshot.into_iter().map(|(id, data)| with_id(data, &id)).collect();
        events.extend(news.items.into_iter().map(|(id, item)| with_id(serde_json::from_str(&item.data).unwrap_or_default(), &id)));
        json(StatusCode::OK, &json!({ "events": events, "next": news.id, "ended": ended }))
    }

    fn stream(self, doors: &Doors) -> Response {
        let mut waiting = VecDeque::new();
        if let Some((id, data)) = &self.snapshot {
            waiting.push_back(frame(id, "snapshot", &data.to_string()));
        }
        let (next, news, stopping) = (self.next, self.news, doors.stopping.clone());
        let stream = Stream { listener: self.listener, waiting, next, news, stopping, book: Arc::clone(&doors.parts.book) };
        let body = stream::unfold(stream, |mut stream| async {
            let piece = stream.piece().await?;
            Some((Ok::<_, Infallible>(piece), stream))
        });
        let mut response = Body::from_stream(body).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        // proxies that collect answers would hold events back
        response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }
}

fn with_id(mut data: Value, id: &str) -> Value {
    data["id"] = id.into();
    data
}

struct Stream {
    listener: Listener,
    waiting: VecDeque<Bytes>,
    next: u64,
    news: watch::Receiver<(u64, bool)>,
    stopping: watch::Receiver<bool>,
    book: Arc<synthfleet_metrics::Book>,
}

impl Stream {
    /// The next bytes; `None`: the end.
    async fn piece(&mut self) -> Option<Bytes> {
        loop {
            if let Some(piece) = self.waiting.pop_front() {
                return Some(piece);
            }
            let ended = self.news.borrow_and_update().1;
            match self.listener.since(self.next) {
                Some(news) => {
                    self.waiting.extend(news.items.iter().map(|(id, item)| frame(id, item.kind, &item.data)));
                    self.next = news.next;
                }
                None => {
                    // so slow that events were forgotten: it comes back and gets a snapshot
                    self.book.add(metrics::EVENT_DROPS, &[], 1);
                    return None;
                }
            }
            if !self.waiting.is_empty() {
                continue;
            }
            if ended || *self.stopping.borrow() {
                return None;
            }
            tokio::select! {
                _ = self.stopping.wait_for(|stop| *stop) => return None,
                changed = tokio::time::timeout(HEARTBEAT, self.news.changed()) => {
                    if changed.is_err() {
                        return Some(Bytes::from_static(b": alive\n\n"));
                    }
                }
            }
        }
    }
}

/// One event as SSE writes it. JSON on one line holds no line end.
fn frame(id: &str, kind: &str, data: &str) -> Bytes {
    Bytes::from(format!("id: {id}\nevent: {kind}\ndata: {data}\n\n"))
}
