//! Copies to a job's own place that failed, made when they are asked for.

use super::*;
use crate::intake::Sources;
use serde_json::json;
use synthfleet_harness::Moto;
use synthfleet_proto::Seed;
use synthfleet_store::{foreign, s3};

fn anywhere(options: &mut Options) {
    options.sources = Sources { outputs: Some(Arc::new(|_: &str| Ok(()))), ..Sources::default() };
}

fn broker() -> Arc<InProcess> {
    Arc::new(InProcess::new(synthfleet_broker::Settings { pools: vec!["local".into()], ..Default::default() }))
}

/// A job that ended without its copy, because its replica writes nowhere.
async fn without_its_copy(replica: &Replica, place: &str) -> String {
    replica.work(done);
    let mut job = small_job();
    job["output"] = place.into();
    let told = replica.ask("POST", "/v1/jobs", &[("content-type", "application/json"), ("prefer", "wait=60")], job.to_string()).await;
    let job = told.json();
    assert_eq!((&job["state"], &job["publish_failed"]["errors"][0]["code"]), (&json!("done"), &json!("output::off")), "{job}");
    job["id"].as_str().expect("an id").to_owned()
}

async fn ask(replica: &Replica, job: &str) -> Told {
    replica.ask("POST", &format!("/v1/jobs/{job}/publish"), &[], Body::empty()).await
}

#[tokio::test]
async fn a_copy_that_failed_is_made_when_somebody_asks_for_it() {
    let server = Moto::shared().expect("a moto server");
    let bucket = format!("copied-{}", std::process::id());
    let place = format!("s3://{bucket}/out/");
    let (access_key, secret_key) = (Moto::KEYS.0.to_owned(), Moto::KEYS.1.to_owned());
    let credentials = s3::Credentials::Keys { access_key, secret_key, session_token: None };
    let settings = s3::Settings { endpoint: Some(server.url()), credentials, ..s3::Settings::parse(&place).expect("legal") };
    let links = foreign::Settings { buckets: vec![settings], ..Default::default() };
    let links = Links::open(links, Seed::of_task(0, "links")).await.expect("legal");
    let (store, broker) = (Arc::new(memory()), broker());
    let here = Replica::on(store.clone(), broker.clone(), 1, anywhere);
    let job = without_its_copy(&here, &place).await;
    let there = Replica::reaching(Some(links), store, broker, 2, anywhere);
    // the place is not there yet: the caller is told what to mend, and nothing is noted
    let refused = ask(&there, &job).await;
    assert_eq!(refused.problem(), "conflict");
    assert_eq!(refused.json()["errors"][0]["code"], "output::denied", "{}", refused.text());
    assert!(there.get(&format!("/v1/jobs/{job}")).await.json()["publish_failed"].is_object());
    let told_in_list = async || there.get("/v1/jobs").await.json()["items"][0]["publish_failed"].clone();
    assert_eq!(told_in_list().await["errors"][0]["code"], "output::off");
    let (status, told) = server.ask("s3", "PUT", &format!("/{bucket}"), &[], "").expect("an answer");
    assert_eq!(status, 200, "{told}");
    let copied = ask(&there, &job).await;
    assert_eq!((copied.status, &copied.json()["publish_failed"]), (StatusCode::OK, &Value::Null), "{}", copied.text());
    let (_, listed) = server.ask("s3", "GET", &format!("/{bucket}?list-type=2"), &[], "").expect("an answer");
    assert!(listed.contains("out/manifest.json") && listed.contains("out/synthetic.csv"), "{listed}");
    assert_eq!(told_in_list().await, Value::Null);
    // every replica knows, and asking again changes nothing
    assert!(here.get(&format!("/v1/jobs/{job}")).await.json()["publish_failed"].is_null());
    assert_eq!(ask(&there, &job).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_job_without_a_place_or_an_end_is_not_copied() {
    let replica = Replica::new();
    let running = replica.job().await;
    assert_eq!(ask(&replica, &running).await.problem(), "conflict");
    let id = replica.finished_job().await;
    let told = ask(&replica, &id).await;
    assert_eq!(told.problem(), "conflict");
    assert!(told.text().contains("names no place"), "{}", told.text());
    let absent = synthfleet_proto::id::job_id("local", "absent");
    assert_eq!(ask(&replica, &absent).await.problem(), "not-found");
}

#[tokio::test]
async fn a_service_that_writes_nowhere_says_so() {
    let replica = Replica::with(anywhere);
    let job = without_its_copy(&replica, "s3://bucket/out/").await;
    let told = ask(&replica, &job).await;
    assert_eq!((told.problem().as_str(), &told.json()["errors"][0]["code"]), ("invalid-job", &json!("output::off")));
}
