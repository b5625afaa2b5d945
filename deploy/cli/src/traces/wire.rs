//! Spans as the JSON of OTLP: identifiers in hexadecimal digits, times as texts of nanoseconds, enumerations as numbers.

use serde_json::{Map, Value, json};
use synthfleet_proto::envelope::Trace;
use synthfleet_proto::span::{Span, SpanKind, SpanValue};

/// The process that spans come from.
#[derive(Debug, Clone)]
pub struct Who {
    /// `coordinator`, `worker` or `serve`.
    pub role: &'static str,
    /// Its name among the processes of its role.
    pub id: String,
}

/// The body of a request.
pub fn encode(who: &Who, spans: &[Span]) -> Vec<u8> {
    let version = env!("CARGO_PKG_VERSION");
    let resource = [
        text("service.name", &format!("synthfleet-{}", who.role)),
        text("service.namespace", "synthfleet"),
        text("service.version", version),
        text("service.instance.id", &who.id),
    ];
    let spans: Vec<Value> = spans.iter().map(span).collect();
    let scope = json!({ "scope": { "name": "synthfleet", "version": version }, "spans": spans });
    json!({ "resourceSpans": [{ "resource": { "attributes": resource }, "scopeSpans": [scope] }] }).to_string().into_bytes()
}

fn span(span: &Span) -> Value {
    let kind = match span.kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    };
    let mut told = ids(&span.context);
    let mut put = |name: &str, value: Value| told.insert(name.to_owned(), value);
    if let Some(parent) = &span.parent {
        put("parentSpanId", parent.as_str().into());
    }
    put("name", span.name.as_str().into());
    put("kind", kind.into());
    put("startTimeUnixNano", nanoseconds(span.began_at).into());
    put("endTimeUnixNano", nanoseconds(span.ended_at).into());
    put("attributes", span.fields.iter().map(field).collect());
    if !span.links.is_empty() {
        put("links", span.links.iter().map(|link| Value::Object(ids(link))).collect());
    }
    if span.links_dropped > 0 {
        put("droppedLinksCount", span.links_dropped.into());
    }
    put("status", span.error.as_ref().map_or_else(|| json!({}), |code| json!({ "code": 2, "message": code })));
    Value::Object(told)
}

fn ids(context: &Trace) -> Map<String, Value> {
    let mut ids = Map::from_iter([("traceId".to_owned(), context.id().into()), ("spanId".to_owned(), context.span().into())]);
    if !context.state.is_empty() {
        ids.insert("traceState".to_owned(), context.state.as_str().into());
    }
    ids
}

/// 64-bit numbers are texts, so that no reader rounds them.
fn nanoseconds(at_ms: i64) -> String {
    (i128::from(at_ms.max(0)) * 1_000_000).to_string()
}

fn text(name: &str, text: &str) -> Value {
    json!({ "key": name, "value": { "stringValue": text } })
}

fn field((name, value): &(&'static str, SpanValue)) -> Value {
    let name = format!("synthfleet.{name}");
    match value {
        SpanValue::Text(given) => text(&name, given),
        SpanValue::Count(count) => json!({ "key": name, "value": { "intValue": count.to_string() } }),
        SpanValue::Seconds(seconds) => json!({ "key": name, "value": { "doubleValue": seconds } }),
    }
}
