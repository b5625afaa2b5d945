//! Events of a job as a stream (SSE) that goes on after a broken connection, from the last event that came.

use super::transport::piece;
use super::{Asked, Client};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, HeaderName};
use hyper::{Method, StatusCode};
use serde_json::Value;
use std::time::Duration;
use synthfleet_proto::job::JobState;
use synthfleet_proto::{Error, Result};
use tokio::time::Instant;

/// Without a sign of life for so long a stream is given up; the server shows one every 15 seconds.
const SILENT_MAX: Duration = Duration::from_secs(45);
/// How long a server that answered before may be away.
const AWAY_MAX: Duration = Duration::from_secs(120);
/// Time between two streams.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest event in bytes: a snapshot of very many tasks.
const EVENT_BYTES_MAX: usize = 64 << 20;

/// The events of one job.
pub struct Watch<'a> {
    client: &'a Client,
    job: &'a str,
    stream: Option<Incoming>,
    frames: Frames,
    seen: Option<String>,
    over: bool,
    /// When the server last answered.
    heard: Option<Instant>,
}

impl<'a> Watch<'a> {
    /// The events of a job from now on.
    pub fn new(client: &'a Client, job: &'a str) -> Self {
        Self { client, job, stream: None, frames: Frames::default(), seen: None, over: false, heard: None }
    }

    /// The next event; `None`: the job ended and everything was told. First comes a snapshot, and again where the
    /// server cannot tell what was missed.
    ///
    /// # Errors
    /// The job is not there, or the server is away for longer than two minutes.
    pub async fn next(&mut self) -> Result<Option<Value>> {
        loop {
            if let Some(frame) = self.frames.next()? {
                self.seen = frame.id.or(self.seen.take());
                let event: Value = serde_json::from_str(&frame.data).map_err(|e| {
                    Error::unavailable("client::foreign_answer", format!("an event is no JSON: {e}")).help("check the address")
                })?;
                self.over |= ends(&event);
                return Ok(Some(event));
            }
            let Some(stream) = &mut self.stream else {
                if self.over || !self.connect().await? {
                    return Ok(None);
                }
                continue;
            };
            match piece(stream, SILENT_MAX).await {
                Ok(Some(bytes)) => self.frames.push(&bytes),
                // cut or closed: what was not told whole comes again
                Ok(None) | Err(_) => {
                    (self.stream, self.frames) = (None, Frames::default());
                    if !self.over {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }
    }

    /// Opens a stream behind the last event; `false`: there is nothing more to come.
    async fn connect(&mut self) -> Result<bool> {
        loop {
            let path = ["v1", "jobs", self.job, "events"];
            let mut asked = Asked::new(Method::GET, &path).header(ACCEPT, "text/event-stream")?;
            if let Some(seen) = &self.seen {
                asked = asked.header(HeaderName::from_static("last-event-id"), seen)?;
            }
            match self.client.send(asked).await {
                Ok(response) => {
                    self.heard = Some(Instant::now());
                    let more = response.status() != StatusCode::NO_CONTENT;
                    self.stream = more.then(|| response.into_body());
                    return Ok(more);
                }
                Err(error) => {
                    let passing = ["client::unreachable", "client::unavailable", "client::foreign_answer"].contains(&error.code());
                    if !passing || self.heard.is_none_or(|heard| heard.elapsed() > AWAY_MAX) {
                        return Err(error);
                    }
                    tracing::info!(code = error.code(), "the server is away; the events go on when it is back");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Whether nothing follows an event.
fn ends(event: &Value) -> bool {
    let state = match event["type"].as_str() {
        Some("state") => &event["state"],
        Some("snapshot") => &event["snapshot"]["job"]["state"],
        _ => return false,
    };
    serde_json::from_value::<JobState>(state.clone()).is_ok_and(JobState::is_final)
}

/// One event as it came.
#[derive(Debug, Default, PartialEq, Eq)]
struct Frame {
    id: Option<String>,
    data: String,
}

/// Bytes of a stream, cut into events.
#[derive(Default)]
struct Frames {
    bytes: Vec<u8>,
    /// Up to here no line ends.
    looked: usize,
    begun: Frame,
}

impl Frames {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole event.
    fn next(&mut self) -> Result<Option<Frame>> {
        while let Some(line) = self.line() {
            match line.split_once(':') {
                None if line.is_empty() && !self.begun.data.is_empty() => return Ok(Some(std::mem::take(&mut self.begun))),
                None if line.is_empty() => self.begun = Frame::default(),
                Some(("id", id)) => self.begun.id = Some(value(id).to_owned()),
                Some(("data", data)) => {
                    if !self.begun.data.is_empty() {
                        self.begun.data.push('\n');
                    }
                    self.begun.data.push_str(value(data));
                }
                // comments, and what a stream may say besides
                _ => {}
            }
        }
        if self.bytes.len() + self.begun.data.len() <= EVENT_BYTES_MAX {
            return Ok(None);
        }
        Err(Error::unavailable("client::foreign_answer", format!("an event of more than {EVENT_BYTES_MAX} bytes"))
            .help("check the address"))
    }

    /// The next whole line, without its end.
    fn line(&mut self) -> Option<String> {
        let end = self.bytes[self.looked..].iter().position(|byte| *byte == b'\n').map(|end| self.looked + end);
        let Some(end) = end else {
            self.looked = self.bytes.len();
            return None;
        };
        self.looked = 0;
        let line: Vec<u8> = self.bytes.drain(..=end).collect();
        Some(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned())
    }
}

/// The value of a field: one space after the colon does not count.
fn value(text: &str) -> &str {
    text.strip_prefix(' ').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::super::testing::server;
    use super::*;
    use serde_json::json;

    fn frames(pieces: &[&str]) -> Vec<Frame> {
        let (mut frames, mut all) = (Frames::default(), Vec::new());
        for piece in pieces {
            frames.push(piece.as_bytes());
            while let Some(frame) = frames.next().expect("short") {
                all.push(frame);
            }
        }
        all
    }

    #[test]
    fn events_are_whole_wherever_the_stream_is_cut() {
        let text = "id: a.1/f\nevent: task\ndata: {\"é\":1}\n\n: alive\n\ndata:two\r\ndata: lines\r\n\r\nid: a.2/f\ndata: cut";
        let expected = [Frame { id: Some("a.1/f".into()), data: "{\"é\":1}".into() }, Frame { id: None, data: "two\nlines".into() }];
        assert_eq!(frames(&[text]), expected);
        let characters: Vec<String> = text.chars().map(String::from).collect();
        assert_eq!(frames(&characters.iter().map(String::as_str).collect::<Vec<_>>()), expected);
    }

    #[tokio::test]
    async fn a_broken_stream_goes_on_behind_the_last_whole_event() {
        let stream = |text: &str| format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{text}");
        let first = "id: a.1/spec\ndata: {\"type\":\"snapshot\"}\n\nid: a.2/x\ndata: {\"type\":\"task\",\"cut";
        let second = "id: a.3/last\ndata: {\"type\":\"state\",\"state\":\"done\"}\n\n";
        let (client, served) = server(vec![stream(first), stream(second)]).await;
        let mut watch = Watch::new(&client, "job_0");
        let mut kinds = Vec::new();
        while let Some(event) = watch.next().await.expect("an event") {
            kinds.push(event["type"].as_str().expect("a type").to_owned());
        }
        assert_eq!(kinds, ["snapshot", "state"]);
        let asked = served.await.expect("served");
        assert!(!asked[0].contains("last-event-id") && asked[1].contains("last-event-id: a.1/spec"), "{asked:?}");
    }

    #[test]
    fn the_end_of_a_job_is_seen_in_states_and_snapshots() {
        assert!(ends(&json!({"type": "state", "state": "done"})));
        assert!(ends(&json!({"type": "snapshot", "snapshot": {"job": {"state": "cancelled"}}})));
        assert!(!ends(&json!({"type": "state", "state": "on_hold"})) && !ends(&json!({"type": "task", "state": "done"})));
    }
}
