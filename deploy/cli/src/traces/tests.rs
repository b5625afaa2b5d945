//! A small collector of traces, and one that is away.

use super::*;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc as line;
use synthfleet_proto::envelope::Trace;
use synthfleet_proto::span::SpanKind;

fn config(endpoint: &str) -> TracesConfig {
    TracesConfig { endpoint: endpoint.to_owned(), protocol: "http/json".to_owned(), headers: String::new() }
}

fn span(name: &str) -> Span {
    Span {
        context: Trace { parent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(), state: "vendor=1".to_owned() },
        parent: Some("00f067aa0ba902b7".to_owned()),
        name: name.to_owned(),
        kind: SpanKind::Consumer,
        began_at: 1_700_000_000_123,
        ended_at: 1_700_000_001_000,
        links: vec![Trace { parent: "00-0af7651916cd43dd8448eb211c80319c-1111111111111111-01".to_owned(), state: String::new() }],
        links_dropped: 0,
        fields: vec![("attempt", 2.into()), ("wait_seconds", 0.5.into())],
        error: Some("task::crash".to_owned()),
    }
}

fn book() -> Arc<Book> {
    Arc::new(Book::new(&[metrics::CATALOGUE]))
}

fn who() -> Who {
    Who { role: "worker", id: "w-1".to_owned() }
}

/// Answers requests with these statuses, one after the other, and gives head and body of each.
fn collector(statuses: &'static [&'static str]) -> (String, line::Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}/otlp/", listener.local_addr().expect("bound"));
    let (told, heard) = line::channel();
    std::thread::spawn(move || {
        for status in statuses {
            let (mut stream, _) = listener.accept().expect("a caller");
            let mut bytes = Vec::new();
            let (head, body) = loop {
                let mut piece = [0; 4_096];
                let read = stream.read(&mut piece).expect("a request");
                bytes.extend_from_slice(&piece[..read]);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                if length.is_some_and(|length: usize| body.len() >= length) {
                    break (head.to_owned(), body.to_owned());
                }
            };
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}");
            stream.write_all(answer.as_bytes()).expect("an answer");
            let _ = told.send((head, serde_json::from_str(&body).expect("JSON")));
        }
    });
    (address, heard)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_span_comes_to_the_collector_as_the_protocol_has_it() {
    let (address, heard) = collector(&["200 OK"]);
    let book = book();
    let traces = Traces::start(&TracesConfig { headers: "Authorization=Basic%20abc".to_owned(), ..config(&address) }, who(), &book);
    let traces = traces.expect("legal");
    traces.spans().expect("on").end(span("synthesize clbn"));
    traces.finish().await;
    let (head, body) = heard.recv_timeout(Duration::from_secs(20)).expect("sent before the end");
    assert!(head.starts_with("POST /otlp/v1/traces HTTP/1.1"), "{head}");
    assert!(head.contains("authorization: Basic abc") && head.contains("content-type: application/json"), "{head}");
    let sent = &body["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    let wanted = json!({
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331", "parentSpanId": "00f067aa0ba902b7",
        "traceState": "vendor=1", "name": "synthesize clbn", "kind": 5,
        "startTimeUnixNano": "1700000000123000000", "endTimeUnixNano": "1700000001000000000",
        "attributes": [
            { "key": "synthfleet.attempt", "value": { "intValue": "2" } },
            { "key": "synthfleet.wait_seconds", "value": { "doubleValue": 0.5 } },
        ],
        "links": [{ "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "1111111111111111" }],
        "status": { "code": 2, "message": "task::crash" },
    });
    assert_eq!(sent, &wanted);
    let instance = json!({ "key": "service.instance.id", "value": { "stringValue": "w-1" } });
    assert!(body["resourceSpans"][0]["resource"]["attributes"].as_array().expect("a list").contains(&instance));
    assert_eq!(book.value(TRACE_SPANS, &["sent"]), Some(1.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_collector_is_asked_again_and_one_that_refuses_is_not() {
    let (address, heard) = collector(&["503 Service Unavailable", "200 OK", "400 Bad Request"]);
    let book = book();
    let traces = Traces::start(&config(&address), who(), &book).expect("legal");
    let spans = traces.spans().expect("on");
    spans.end(span("first"));
    let wait = Duration::from_secs(20);
    let names: Vec<Value> = (0..2)
        .map(|_| heard.recv_timeout(wait).expect("sent").1["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"].clone())
        .collect();
    assert_eq!(names, ["first", "first"]);
    spans.end(span("second"));
    heard.recv_timeout(wait).expect("sent");
    traces.finish().await;
    assert_eq!((book.value(TRACE_SPANS, &["sent"]), book.value(TRACE_SPANS, &["failed"])), (Some(1.0), Some(1.0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_costs_spans_and_no_time() {
    // bound and never accepted: connections come up, answers do not
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    let book = book();
    let traces = Traces::start(&config(&address), who(), &book).expect("legal");
    let spans = traces.spans().expect("on");
    let began = std::time::Instant::now();
    (0..QUEUE_MAX + BATCH_MAX + 100).for_each(|_| spans.end(span("x")));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(book.value(TRACE_SPANS, &["dropped"]).is_some_and(|dropped| dropped >= 100.0));
    traces.finish().await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test]
async fn without_a_collector_nothing_is_told() {
    let traces = Traces::start(&config(""), who(), &book()).expect("legal");
    assert!(traces.spans().is_none());
    traces.finish().await;
}

#[tokio::test]
async fn a_wrong_setting_is_named_and_its_secret_is_not() {
    let wrong = [
        (config("collector:4318"), "traces.endpoint"),
        (config("ftp://collector"), "traces.endpoint"),
        (config("http://ada:geheim@collector:4318"), "traces.endpoint"),
        (TracesConfig { protocol: "grpc".to_owned(), ..config("http://collector:4318") }, "traces.protocol"),
        (TracesConfig { headers: "geheim".to_owned(), ..config("http://collector:4318") }, "traces.headers"),
        (TracesConfig { headers: "a=geheim%2".to_owned(), ..config("http://collector:4318") }, "traces.headers"),
        (TracesConfig { headers: "a b=geheim".to_owned(), ..config("http://collector:4318") }, "traces.headers"),
    ];
    for (config, setting) in wrong {
        let error = Traces::start(&config, who(), &book()).err().expect("refused");
        assert_eq!(error.code(), "config::value", "{config:?}");
        assert!(error.message().contains(setting) && !error.message().contains("geheim"), "{error:?}");
    }
}
