//! The description of this API (OpenAPI 3.1), made from the table of routes: what is served is what is described.

use super::answer::tagged;
use super::doors::Doors;
use super::guard::Call;
use super::problem::Slug;
use super::routes::{Access, Body, Row, routes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use synthfleet_proto::job::JobSpec;

/// `GET /openapi.json`
pub async fn describe(State(doors): State<Arc<Doors>>, _: Call, headers: HeaderMap) -> Response {
    tagged(&headers, &document(&doors.options.version))
}

/// The whole description.
pub fn document(version: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for row in routes().iter().map(|route| route.row).filter(|row| !row.page) {
        let path = row.path.replace("{*", "{");
        let entry = paths.entry(path).or_insert_with(|| json!({}));
        entry[row.method.to_lowercase()] = operation(&row);
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "synthfleet", "version": version, "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" } },
        "paths": paths,
        "components": {
            "schemas": { "JobSpec": job_schema(), "Problem": problem_schema() },
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn operation(row: &Row) -> Value {
    let headers = header_names(row).iter().map(|(name, required, description)| {
        json!({ "name": name, "in": "header", "required": required, "schema": { "type": "string" }, "description": description })
    });
    let parameters: Vec<Value> = path_names(row.path)
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .chain(headers)
        .chain(row.query.iter().map(|name| query_parameter(row, name)))
        .collect();
    let mut operation = json!({
        "operationId": operation_id(row),
        "summary": row.summary,
        "parameters": parameters,
        "responses": {
            "2XX": { "description": "Done." },
            "default": {
                "description": "A problem.",
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            },
        },
    });
    if let Access::Tenant(scope) | Access::Fleet(scope) = row.access {
        operation["security"] = json!([{ "token": [scope.name()] }]);
    }
    match row.body {
        Body::None => {}
        Body::Bytes => operation["requestBody"] = json!({ "required": true, "content": { "application/octet-stream": {} } }),
        Body::JsonOrForm => {
            let parts = json!({ "job": body_schema(row), "file": { "type": "string", "contentMediaType": "application/octet-stream" } });
            let form = json!({ "type": "object", "properties": parts, "required": ["job"], "additionalProperties": false });
            let content = json!({ "application/json": { "schema": body_schema(row) }, "multipart/form-data": { "schema": form } });
            operation["requestBody"] = json!({ "required": true, "content": content });
        }
        Body::Json | Body::MaybeJson => {
            let media = if row.method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
            let required = row.body == Body::Json;
            operation["requestBody"] = json!({ "required": required, "content": { media: { "schema": body_schema(row) } } });
        }
    }
    operation
}

fn query_parameter(row: &Row, name: &str) -> Value {
    let text = json!({ "type": "string" });
    let schema = if row.several.contains(&name) { json!({ "type": "array", "items": text }) } else { text };
    json!({ "name": name, "in": "query", "required": false, "schema": schema })
}

/// Headers of a request that are part of its meaning: name, whether it is needed, what it does.
fn header_names(row: &Row) -> &'static [(&'static str, bool, &'static str)] {
    const KEY: (&str, bool, &str) = ("Idempotency-Key", false, "Equal keys with equal bodies are one request.");
    match (row.method, row.path) {
        ("PATCH", _) => &[("If-Match", true, "The ETag of the job as it was read.")],
        ("POST", "/v1/jobs") => &[KEY, ("Prefer", false, "wait=N waits up to N seconds, 60 at most, for the end.")],
        ("POST", "/input" | "/v1/uploads" | "/v1/jobs/{job}/retry" | "/v1/jobs/{job}/benchmarks") => &[KEY],
        ("POST", "/v1/jobs/{job}/candidates/{candidate}/generate") => &[KEY],
        ("PUT", _) => &[("Content-Range", false, "Where a part lies: bytes first-last/total.")],
        ("GET", "/v1/jobs/{job}/events") => &[("Last-Event-ID", false, "The last event that was seen.")],
        _ => &[],
    }
}

/// What the body of a row holds.
fn body_schema(row: &Row) -> Value {
    let text = || json!({ "type": "string" });
    let object = |properties: Value, required: &[&str]| json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
    let job = |field: &str| json!({ "$ref": format!("#/components/schemas/JobSpec/properties/{field}") });
    match row.path {
        "/v1/jobs" => json!({ "$ref": "#/components/schemas/JobSpec" }),
        "/v1/jobs/{job}" => {
            let labels = json!({ "type": ["object", "null"], "additionalProperties": { "type": ["string", "null"] } });
            object(json!({ "labels": labels, "summary": { "type": ["string", "null"], "maxLength": 200 } }), &[])
        }
        "/v1/jobs/{job}/cancel" => object(json!({ "reason": text() }), &["reason"]),
        "/v1/jobs/{job}/benchmarks" => object(json!({ "benchmarks": job("benchmarks") }), &["benchmarks"]),
        "/v1/jobs/{job}/candidates/{candidate}/generate" => {
            let whole = |least: u64| json!({ "type": "integer", "minimum": least });
            let fields = json!({ "rows": whole(1), "seed": whole(0), "formats": job("formats"), "where": job("where") });
            object(fields, &["rows"])
        }
        "/v1/sniff" => object(json!({ "source": job("source") }), &["source"]),
        "/v1/uploads" => {
            object(json!({ "name": text(), "bytes": { "type": ["integer", "null"] }, "sha256": { "type": ["string", "null"] } }), &["name"])
        }
        "/input" => object(json!({ "text": text() }), &["text"]),
        _ => json!({ "type": "object" }),
    }
}

/// A name that no other row has: method and path in words.
fn operation_id(row: &Row) -> String {
    let words = row.path.split(['/', '.', '{', '}', '*', '-']).filter(|word| !word.is_empty() && *word != "v1");
    std::iter::once(row.method.to_lowercase()).chain(words.map(str::to_owned)).collect::<Vec<_>>().join("_")
}

fn path_names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).map(|name| name.trim_start_matches('*'))
}

/// The job in its long form; the short forms that are read too have no place in a schema.
fn job_schema() -> Value {
    let schema = JobSpec::schema();
    // references inside of it point into its own definitions
    let text = schema.to_string().replace("#/$defs/", "#/components/schemas/JobSpec/$defs/");
    serde_json::from_str(&text).unwrap_or(schema)
}

fn problem_schema() -> Value {
    let types: Vec<String> = Slug::ALL.iter().map(|slug| format!("/problems/{}", slug.name())).collect();
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": { "type": "string", "enum": types },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "instance": { "type": "string" },
            "request_id": { "type": "string" },
            "trace_id": { "type": "string" },
            "errors": { "type": "array", "items": {
                "type": "object",
                "properties": {
                    "pointer": { "type": "string" }, "code": { "type": "string" }, "detail": { "type": "string" },
                    "line": { "type": "integer" }, "position": { "type": "integer" }, "column": { "type": "string" },
                    "help": { "type": "array", "items": { "type": "string" } },
                },
            } },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_row_is_described_under_a_name_of_its_own() {
        let described = document("1");
        let rows: Vec<Row> = routes().iter().map(|route| route.row).filter(|row| !row.page).collect();
        let names: BTreeSet<String> = rows.iter().map(operation_id).collect();
        assert_eq!(names.len(), rows.len());
        let operations: usize =
            described["paths"].as_object().expect("paths").values().map(|path| path.as_object().expect("methods").len()).sum();
        assert_eq!(operations, rows.len());
    }

    #[test]
    fn references_lead_somewhere() {
        let described = document("1");
        let text = described.to_string();
        let targets: BTreeSet<&str> = text
            .match_indices("\"$ref\":\"#")
            .map(|(at, found)| {
                let rest = &text[at + found.len()..];
                &rest[..rest.find('"').expect("closed")]
            })
            .collect();
        assert!(targets.len() > 2, "{targets:?}");
        for target in targets {
            assert!(described.pointer(target).is_some(), "{target}");
        }
    }
}
