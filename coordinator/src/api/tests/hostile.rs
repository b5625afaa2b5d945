//! Requests that nobody should send.

use super::*;
use crate::auth::Pace;
use serde_json::json;

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn bodies_are_bounded_in_size_and_depth() {
    let replica = Replica::new();
    let large = format!("{{\"source\": \"{}\"}}", "x".repeat(1 << 20));
    assert_eq!(replica.ask("POST", "/v1/jobs", &[JSON], large).await.problem(), "too-large");
    let deep = format!("{{\"source\": {}1{}}}", "[".repeat(40), "]".repeat(40));
    assert_eq!(replica.ask("POST", "/v1/jobs", &[JSON], deep).await.problem(), "invalid-request");
    for body in ["", "{", "nul", "{\"seed\":1,\"seed\":2}", "[1,]", "{}{}", "\u{feff}{}"] {
        assert_eq!(replica.ask("POST", "/v1/jobs", &[JSON], body).await.problem(), "invalid-request", "{body}");
    }
    for body in ["[]", "1", "null", "\"sim:demo\""] {
        assert_eq!(replica.ask("POST", "/v1/jobs", &[JSON], body).await.problem(), "invalid-job", "{body}");
    }
}

#[tokio::test]
async fn other_media_types_and_methods_are_refused() {
    let replica = Replica::new();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/mixed; boundary=x", ""] {
        let told = replica.ask("POST", "/v1/jobs", &[("content-type", kind)], small_job().to_string()).await;
        assert_eq!(told.problem(), "unsupported-media", "{kind}");
    }
    for (method, path) in [("PATCH", "/v1/jobs"), ("DELETE", "/v1/jobs"), ("OPTIONS", "/v1/jobs"), ("TRACE", "/version"), ("PUT", "/input")]
    {
        let told = replica.ask(method, path, &[], Body::empty()).await;
        assert_eq!(told.problem(), "method", "{method} {path}");
        assert!(!told.header("allow").is_empty());
        assert!(!told.headers.contains_key("access-control-allow-origin"), "no page of another site is let in");
    }
}

#[tokio::test]
async fn unknown_query_parameters_are_refused_everywhere() {
    let replica = Replica::new();
    for path in ["/v1/jobs", "/v1/workers", "/version", "/healthz", "/openapi.json"] {
        assert_eq!(replica.get(&format!("{path}?stat=done")).await.problem(), "invalid-request", "{path}");
    }
    let told = replica.get("/v1/jobs?stat=done").await;
    assert!(told.text().contains("did you mean \\\"state\\\"?"), "{}", told.text());
}

#[tokio::test]
async fn without_tokens_only_this_machine_is_served() {
    let replica = Replica::new();
    for host in ["evil.example", "localhost.evil.example", "192.0.2.1", "127.0.0.1.nip.io"] {
        assert_eq!(replica.ask("GET", "/v1/jobs", &[("host", host)], Body::empty()).await.problem(), "forbidden", "{host}");
        assert_eq!(replica.ask("GET", "/healthz", &[("host", host)], Body::empty()).await.problem(), "forbidden", "{host}");
    }
    for (origin, status) in [("http://evil.example", 403), ("null", 403), ("http://localhost:5173", 202), ("https://127.0.0.1", 202)] {
        let told = replica.ask("POST", "/v1/jobs", &[JSON, ("origin", origin)], small_job().to_string()).await;
        assert_eq!(told.status.as_u16(), status, "{origin}");
    }
    let reading = replica.ask("GET", "/v1/jobs", &[("origin", "http://evil.example")], Body::empty()).await;
    assert_eq!(reading.status.as_u16(), 200, "a browser does not let the page read it");
}

#[tokio::test]
async fn local_files_are_for_the_person_at_the_machine() {
    let local = Replica::new();
    assert_eq!(local.post("/input", &json!({"text": "data/adult.csv"})).await.status.as_u16(), 202);
    let replica = Replica::guarded();
    let bearer = format!("Bearer {}", replica.token(None, &Scope::ALL).await);
    for link in ["data/adult.csv", "/etc/passwd", "file:///etc/passwd", "-", "http://169.254.169.254/", "https://x/", "s3://b/k"] {
        let body = json!({"text": link}).to_string();
        let told = replica.ask("POST", "/input", &[JSON, ("authorization", &bearer)], body).await;
        assert_eq!(told.problem(), "source-refused", "{link}");
    }
}

#[tokio::test]
async fn callers_who_ask_too_often_wait() {
    let replica = Replica::with(|options| options.requests = Pace { per_second: 0.1, burst: 3.0 });
    for _ in 0..3 {
        assert_eq!(replica.get("/version").await.status.as_u16(), 200);
    }
    let told = replica.get("/version").await;
    assert_eq!((told.problem().as_str(), told.header("retry-after")), ("rate-limited", "10"));
}

#[tokio::test]
async fn guesses_of_tokens_run_dry_and_good_tokens_still_pass() {
    let replica = Replica::guarded();
    let good = format!("Bearer {}", replica.token(Some("a"), &[Scope::Read]).await);
    let ask = async |bearer: &str| replica.ask("GET", "/v1/jobs", &[("authorization", bearer)], Body::empty()).await.status.as_u16();
    assert_eq!(ask(&good).await, 200);
    let wrong = format!("Bearer sf_{}_{}", "0".repeat(26), "0".repeat(52));
    let mut told = Vec::new();
    for _ in 0..80 {
        told.push(ask(&wrong).await);
    }
    assert_eq!((told[0], told[79], ask(&good).await), (401, 429, 200));
}

#[tokio::test]
async fn every_answer_has_a_number_and_no_guessing() {
    let replica = Replica::new();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let told = replica.ask("GET", "/v1/jobs/x", &[("traceparent", trace)], Body::empty()).await;
    let document = told.json();
    assert_eq!(document["request_id"], told.header("x-request-id"));
    assert_eq!(document["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(document["instance"], "/v1/jobs/x");
    assert_eq!((told.header("x-content-type-options"), told.header("cache-control")), ("nosniff", "no-store"));
    let other = replica.get("/version").await;
    assert_ne!(other.header("x-request-id"), told.header("x-request-id"));
}

#[tokio::test]
async fn sorts_of_problems_explain_themselves() {
    let replica = Replica::new();
    for slug in crate::api::Slug::ALL {
        let page = replica.get(&format!("/problems/{}", slug.name())).await.json();
        assert!(page["means"].as_str().is_some_and(|text| text.ends_with('.')), "{page}");
    }
    assert_eq!(replica.get("/problems/none").await.problem(), "not-found");
}

#[tokio::test]
async fn a_process_that_ends_is_not_ready() {
    let replica = Replica::new();
    assert_eq!(replica.get("/readyz").await.status.as_u16(), 200);
    replica.stop.send_replace(true);
    assert_eq!(replica.get("/readyz").await.problem(), "unavailable");
    assert_eq!(replica.get("/healthz").await.status.as_u16(), 200);
}

#[tokio::test]
async fn an_idempotency_key_has_visible_characters() {
    let replica = Replica::new();
    for key in ["", "a b", &"k".repeat(256)] {
        let told = replica.ask("POST", "/v1/jobs", &[JSON, ("idempotency-key", key)], small_job().to_string()).await;
        assert_eq!(told.problem(), "invalid-request", "{key}");
    }
    let told = replica.ask("POST", "/v1/jobs", &[JSON, ("idempotency-key", &"k".repeat(255))], small_job().to_string()).await;
    assert_eq!(told.status.as_u16(), 202);
}
