//! What a scrape tells after some jobs.

use super::*;
use crate::metrics;
use crate::testing::failed;
use serde_json::json;

#[tokio::test]
async fn a_scrape_tells_what_happened() {
    let replica = Replica::new();
    let id = replica.finished_job().await;
    replica.get(&format!("/v1/jobs/{id}")).await;
    replica.get("/v1/jobs/nothing").await;
    replica.post("/v1/jobs", &json!({"source": "sim:demo", "seed": -1})).await;
    let scraped = replica.get("/metrics").await;
    assert!(scraped.header("content-type").starts_with("text/plain; version=0.0.4"));
    let text = scraped.text();
    for line in [
        "synthfleet_build_info{role=\"coordinator\",version=\"0.1.0\"} 1",
        "synthfleet_jobs_submitted_total{source=\"http\"} 1",
        "synthfleet_submissions_refused_total{source=\"http\"} 1",
        "synthfleet_jobs_finished_total{outcome=\"done\"} 1",
        "synthfleet_jobs_finished_total{outcome=\"failed\"} 0",
        "synthfleet_winner_selected_total{name=\"clbn\"} 1",
        "synthfleet_job_duration_seconds_count{outcome=\"done\"} 1",
        "synthfleet_http_request_duration_seconds_count{code=\"4xx\",method=\"GET\",route=\"/v1/jobs/{job}\"} 1",
        "synthfleet_reconciler_republished_total{reason=\"lost\"} 0",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
    assert!(
        text.contains("process_resident_memory_bytes") && text.contains("synthfleet_last_success_timestamp_seconds{kind=\"synthesize\"} 1")
    );
    assert!(!text.contains(&id) && !text.contains("sim:demo"), "{text}");
}

#[tokio::test]
async fn failed_jobs_are_counted_as_failed() {
    let replica = Replica::new();
    replica.work(failed);
    let told =
        replica.ask("POST", "/v1/jobs", &[("content-type", "application/json"), ("prefer", "wait=60")], small_job().to_string()).await;
    assert_eq!(told.json()["problem"]["errors"][0]["code"], "test::failed");
    assert_eq!(replica.book.value(metrics::JOBS_FINISHED, &["failed"]), Some(1.0));
}
