//! Traces: spans of this process, sent to a collector over OTLP/HTTP where the settings name one.
//!
//! A role never waits for a collector. Spans lie in a queue of bounded length; what does not fit is counted and
//! dropped, and so is a batch that the collector does not take after a few tries.
//!
//! # Reference
//! OpenTelemetry protocol 1.x, OTLP/HTTP: JSON encoding, retryable answers, path `/v1/traces`.

pub mod metrics;
mod wire;

use crate::client::transport::{Http, Trouble, request};
use crate::config::TracesConfig;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use metrics::TRACE_SPANS;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_metrics::Book;
use synthfleet_proto::span::{Span, Spans};
use synthfleet_proto::{Error, Result};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use url::Url;
pub use wire::Who;

/// Spans that may wait; each takes about a kibibyte.
const QUEUE_MAX: usize = 4_096;
/// Spans of one request.
const BATCH_MAX: usize = 512;
/// Time that spans are gathered before they are sent.
const GATHER: Duration = Duration::from_secs(1);
/// Time that a collector has to answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Pauses before a batch is sent again.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];
/// Time that the last spans have when the role ends.
const LAST_MAX: Duration = Duration::from_secs(3);
/// Most bytes of a collector's answer that are read.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Spans on their way to a collector.
pub struct Traces {
    spans: Option<Arc<dyn Spans>>,
    sending: Option<(watch::Sender<bool>, JoinHandle<()>)>,
}

/// The near end of the queue.
struct Queue {
    spans: mpsc::Sender<Span>,
    book: Arc<Book>,
}

impl Spans for Queue {
    fn end(&self, span: Span) {
        if self.spans.try_send(span).is_err() {
            self.book.add(TRACE_SPANS, &["dropped"], 1);
        }
    }
}

/// Where spans go.
#[derive(Debug, Clone)]
struct Collector {
    url: Url,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Traces {
    /// Begins to send spans, if the settings name a collector. It need not be there.
    ///
    /// # Errors
    /// `config::value` for settings that name none.
    pub fn start(config: &TracesConfig, who: Who, book: &Arc<Book>) -> Result<Self> {
        let Some(collector) = Collector::of(config)? else { return Ok(Self { spans: None, sending: None }) };
        let http = Http::new()?;
        let (spans, queue) = mpsc::channel(QUEUE_MAX);
        let (stop, stopped) = watch::channel(false);
        tracing::info!(collector = collector.url.host_str(), "spans go to a collector of traces");
        let post = Post { http, collector, who, book: Arc::clone(book), is_away: false };
        let sending = tokio::spawn(post.send_all(queue, stopped));
        Ok(Self { spans: Some(Arc::new(Queue { spans, book: Arc::clone(book) })), sending: Some((stop, sending)) })
    }

    /// Where the role tells its spans; `None`: nobody collects them.
    pub fn spans(&self) -> Option<Arc<dyn Spans>> {
        self.spans.clone()
    }

    /// Sends what waits, for a short time.
    pub async fn finish(self) {
        let Some((stop, sending)) = self.sending else { return };
        stop.send_replace(true);
        // a collector that does not answer does not keep the process
        let _ = tokio::time::timeout(LAST_MAX, sending).await;
    }
}

impl Collector {
    fn of(config: &TracesConfig) -> Result<Option<Self>> {
        let refused = |setting: &str, why: String| {
            let variable = format!("OTEL_EXPORTER_OTLP_{}", setting.to_uppercase());
            let error = Error::invalid("config::value", format!("traces.{setting} ({variable}) {why}"));
            error.help("synthfleet config show --origin names the place of each setting")
        };
        if config.endpoint.is_empty() {
            return Ok(None);
        }
        let mut url = Url::parse(&config.endpoint).map_err(|e| refused("endpoint", format!("is no address: {e}")))?;
        if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none() {
            return Err(refused("endpoint", "takes http://host:port or https://host:port".to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(refused("endpoint", "takes an address without user, password and query: rights go into traces.headers".to_owned()));
        }
        let path = format!("{}/v1/traces", url.path().trim_end_matches('/'));
        url.set_path(&path);
        if config.protocol != "http/json" {
            return Err(refused("protocol", format!("takes http/json, not {:?}: the port 4318 of a collector reads it", config.protocol)));
        }
        let mut headers = Vec::new();
        for pair in config.headers.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            // the pair may be a secret: it is not shown
            let wrong =
                || refused("headers", "takes name=value, separated by commas, values with percent signs for what is special".to_owned());
            let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
            let name = HeaderName::from_bytes(name.trim().to_ascii_lowercase().as_bytes()).map_err(|_| wrong())?;
            let mut value = HeaderValue::from_bytes(&unescaped(value.trim()).ok_or_else(wrong)?).map_err(|_| wrong())?;
            value.set_sensitive(true);
            headers.push((name, value));
        }
        Ok(Some(Self { url, headers }))
    }
}

/// The bytes that a text with percent signs stands for.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = after;
            continue;
        }
        let digits = std::str::from_utf8(after.get(..2)?).ok().filter(|digits| !digits.starts_with('+'))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &after[2..];
    }
    Some(bytes)
}

/// What became of a request.
enum Sent {
    Taken,
    /// The collector may take it later.
    Later(String),
    Refused(String),
}

/// The far end of the queue.
struct Post {
    http: Http,
    collector: Collector,
    who: Who,
    book: Arc<Book>,
    /// The last batch was not taken: that is told once.
    is_away: bool,
}

impl Post {
    async fn send_all(mut self, mut queue: mpsc::Receiver<Span>, mut stopped: watch::Receiver<bool>) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            let is_over = *stopped.borrow();
            if !is_over {
                tokio::select! {
                    // an owner that is gone means the same as one that says stop
                    _ = stopped.wait_for(|stop| *stop) => {}
                    read = queue.recv_many(&mut batch, BATCH_MAX) => if read == 0 { return },
                }
                tokio::select! {
                    _ = stopped.wait_for(|stop| *stop) => {}
                    () = tokio::time::sleep(GATHER) => {}
                }
            }
            while batch.len() < BATCH_MAX
                && let Ok(span) = queue.try_recv()
            {
                batch.push(span);
            }
            if batch.is_empty() && is_over {
                return;
            }
            self.send(&std::mem::take(&mut batch)).await;
        }
    }

    async fn send(&mut self, spans: &[Span]) {
        if spans.is_empty() {
            return;
        }
        let body = Bytes::from(wire::encode(&self.who, spans));
        let mut pauses = PAUSES.into_iter();
        let why = loop {
            match (self.post(body.clone()).await, pauses.next()) {
                (Sent::Taken, _) => {
                    self.is_away = false;
                    self.book.add(TRACE_SPANS, &["sent"], spans.len() as u64);
                    return;
                }
                (Sent::Later(_), Some(pause)) => tokio::time::sleep(pause).await,
                (Sent::Later(why) | Sent::Refused(why), _) => break why,
            }
        };
        self.book.add(TRACE_SPANS, &["failed"], spans.len() as u64);
        if !std::mem::replace(&mut self.is_away, true) {
            tracing::warn!(collector = self.collector.url.host_str(), why, "a collector of traces takes no spans");
        }
    }

    async fn post(&self, body: Bytes) -> Sent {
        let mut request = match request(Method::POST, &self.collector.url, body) {
            Ok(request) => request,
            Err(error) => return Sent::Refused(error.message().to_owned()),
        };
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.headers_mut().extend(self.collector.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        let answer = async {
            let response = self.http.send(request).await?;
            let status = response.status();
            // read whole, so that the connection serves again
            let body = http_body_util::Limited::new(response.into_body(), ANSWER_BYTES_MAX);
            let _ = body.collect().await;
            Ok::<_, Trouble>(status)
        };
        match tokio::time::timeout(ANSWER_MAX, answer).await {
            Err(_) => Sent::Later(format!("no answer within {} s", ANSWER_MAX.as_secs())),
            Ok(Err(trouble)) => Sent::Later(trouble.into_error("the collector", 1).message().to_owned()),
            Ok(Ok(status)) if status.is_success() => Sent::Taken,
            Ok(Ok(
                status @ (StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT),
            )) => Sent::Later(status.to_string()),
            Ok(Ok(status)) => Sent::Refused(status.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
