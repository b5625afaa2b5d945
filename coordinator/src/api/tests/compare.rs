//! Candidates beside each other.

use super::*;
use serde_json::json;
use synthfleet_proto::about::ScoreAbout;
use synthfleet_proto::score::Score;
use synthfleet_proto::task::TaskName;

/// The component `accuracy` of the verdict's score.
const ACCURACY: ScoreAbout = ScoreAbout { id: "accuracy.component", up: true, range: (Some(0.0), Some(1.0)), fair: None, unit: "share" };

/// Ends a task as the usual worker does, with a score of its own for each candidate.
fn scored(task: TaskId) -> OutcomeFact {
    let value = match task.name() {
        TaskName::Benchmark { candidate, .. } => match candidate {
            "clbn" => 0.8,
            "ref_holdout" => 0.95,
            _ => 0.6,
        },
        _ => return done(task),
    };
    let folds: Vec<f64> = (0..20).map(|fold| value + 0.001 * f64::from(fold % 2)).collect();
    let score = Score::new(&ACCURACY, value).with_error(0.01).with_folds(&folds);
    OutcomeFact { scores: vec![score], ..done(task) }
}

async fn judged(replica: &Replica, seed: u64) -> String {
    let mut job = small_job();
    job["seed"] = seed.into();
    let headers = [("content-type", "application/json"), ("prefer", "wait=60")];
    let told = replica.ask("POST", "/v1/jobs", &headers, job.to_string()).await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.text());
    told.json()["id"].as_str().expect("an id").to_owned()
}

fn of<'a>(told: &'a Value, name: &str) -> &'a Value {
    told["scores"].as_array().expect("a list").iter().find(|score| score["name"] == name).unwrap_or_else(|| panic!("{name}: {told}"))
}

#[tokio::test]
async fn scores_of_one_job_are_aligned_and_their_differences_paired() {
    let replica = Replica::new();
    replica.work(scored);
    let job = judged(&replica, 1).await;
    let told = replica.get(&format!("/v1/compare?candidate={job}:clbn&candidate={job}:identity")).await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.text());
    let told = told.json();
    assert_eq!((&told["candidates"][0]["winner"], &told["candidates"][1]["baseline"]), (&json!(true), &json!(true)));
    let accuracy = of(&told, ACCURACY.id);
    assert_eq!(accuracy["component"], "accuracy");
    assert_eq!((&accuracy["values"][0]["value"], &accuracy["values"][0]["reference"]), (&json!(0.8), &json!(0.95)));
    let difference = &accuracy["values"][1]["difference"];
    let number = |field: &str| difference[field].as_f64().expect("a number");
    assert!((number("value") + 0.2).abs() < 1e-12 && difference["paired"] == true, "{difference}");
    // both move alike when rows change: nothing is left of it in the difference
    assert!(number("high") - number("low") < 1e-12, "{difference}");
    assert!(of(&told, "score")["values"][0]["value"].is_number() && accuracy["values"][0]["weight"].is_number(), "{told}");
}

#[tokio::test]
async fn candidates_of_two_jobs_are_apart_and_their_intervals_wider() {
    let replica = Replica::new();
    replica.work(scored);
    let (one, other) = (judged(&replica, 1).await, judged(&replica, 2).await);
    let told = replica.get(&format!("/v1/compare?candidate={one}:clbn&candidate={other}:clbn")).await.json();
    let difference = &of(&told, ACCURACY.id)["values"][1]["difference"];
    assert_eq!((&difference["value"], &difference["paired"]), (&json!(0.0), &json!(false)));
    assert!(difference["high"].as_f64().expect("a number") > 0.005, "{difference}");
}

#[tokio::test]
async fn what_cannot_be_compared_is_refused() {
    let replica = Replica::new();
    replica.work(scored);
    let job = judged(&replica, 1).await;
    let ask = async |query: &str| replica.get(&format!("/v1/compare?{query}")).await;
    let many = format!("candidate={job}:clbn&").repeat(7);
    for query in
        ["", &format!("candidate={job}:clbn"), &many, &format!("candidate={job}:clbn&candidate={job}:clbn"), "candidate=x&candidate=y"]
    {
        assert_eq!(ask(query).await.problem(), "invalid-request", "{query}");
    }
    let unknown = format!("job_{}", "0".repeat(26));
    for other in [format!("{job}:nobody"), format!("{unknown}:clbn"), "x:clbn".to_owned()] {
        assert_eq!(ask(&format!("candidate={job}:clbn&candidate={other}")).await.problem(), "not-found", "{other}");
    }
}

#[tokio::test]
async fn a_job_that_has_not_ended_is_a_conflict() {
    let replica = Replica::new();
    let job = replica.job().await;
    let told = replica.get(&format!("/v1/compare?candidate={job}:clbn&candidate={job}:identity")).await;
    assert_eq!(told.problem(), "conflict");
}

#[tokio::test]
async fn jobs_of_another_tenant_are_not_found() {
    let replica = Replica::guarded();
    replica.work(scored);
    let bearer = async |tenant: &str| format!("Bearer {}", replica.token(Some(tenant), &Scope::ALL).await);
    let (owner, other) = (bearer("a").await, bearer("b").await);
    let headers = [("authorization", owner.as_str()), ("content-type", "application/json"), ("prefer", "wait=60")];
    let job = replica.ask("POST", "/v1/jobs", &headers, small_job().to_string()).await.json()["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/compare?candidate={job}:clbn&candidate={job}:identity");
    let ask = async |bearer: &str| replica.ask("GET", &path, &[("authorization", bearer)], Body::empty()).await.status.as_u16();
    assert_eq!((ask(&owner).await, ask(&other).await), (200, 404));
}
