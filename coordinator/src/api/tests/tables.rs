//! Tables that jobs read.

use super::*;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use synthfleet_proto::fact::Output;
use synthfleet_proto::id::sha256_hex;
use synthfleet_proto::key::JobKeys;
use synthfleet_store::upload_bytes;

/// A description of one column of two labels, and where it lies.
async fn described(replica: &Replica, id: &str, name: &str, counts: [u64; 2]) -> Output {
    let mut told = crate::testing::worker::profile();
    told["table"]["id"] = id.into();
    told["table"]["name"] = name.into();
    told["columns"] = json!([{
        "name": "a", "header": "a", "position": 0, "kind": "categorical", "role": "model", "storage": "utf8", "missing": 0,
        "missing_tokens": [], "distinct": 2, "approximate": false, "constant": false, "sensitivity": {"class": "none"}, "notes": [],
        "override": [], "levels": [{"value": "x", "count": counts[0]}, {"value": "y", "count": counts[1]}],
    }]);
    let bytes = told.to_string().into_bytes();
    let keys = JobKeys::new("local", &format!("job_{}", "0".repeat(26))).expect("legal");
    let key = keys.attempt("profile", 1, &sha256_hex(&bytes)).and_then(|keys| keys.output("profile.json")).expect("legal");
    let (length, sha256) = (bytes.len() as u64, sha256_hex(&bytes));
    upload_bytes(replica.parts.store.as_ref(), &key, bytes.into()).await.expect("stored");
    let content_type = "application/json".to_owned();
    Output { role: "profile.json".into(), key: key.to_string(), bytes: length, sha256, content_type, rows: None }
}

/// A replica whose jobs read one table after the other.
async fn reading(tables: &[(&str, &str, [u64; 2])]) -> Replica {
    let replica = Replica::new();
    let mut outputs = Vec::new();
    for (id, name, counts) in tables {
        outputs.push(described(&replica, id, name, *counts).await);
    }
    let read = AtomicUsize::new(0);
    replica.work(move |task| {
        let mut outcome = done(task);
        if outcome.task == TaskId::profile() {
            outcome.outputs.push(outputs[read.fetch_add(1, Ordering::Relaxed) % outputs.len()].clone());
        }
        outcome
    });
    for seed in 0..tables.len() {
        let headers = [("content-type", "application/json"), ("prefer", "wait=60")];
        let mut job = small_job();
        (job["seed"], job["cache"]) = (seed.into(), false.into());
        assert_eq!(replica.ask("POST", "/v1/jobs", &headers, job.to_string()).await.status, StatusCode::OK);
    }
    replica
}

fn of<'a>(told: &'a Value, id: &str) -> &'a Value {
    told["items"].as_array().expect("a list").iter().find(|table| table["id"] == id).unwrap_or_else(|| panic!("{id}: {told}"))
}

#[tokio::test]
async fn a_table_is_told_with_its_jobs_and_its_best_score() {
    let replica = reading(&[("tbl_a", "sales", [50, 50]), ("tbl_a", "sales", [50, 50])]).await;
    let told = replica.get("/v1/tables").await.json();
    let table = of(&told, "tbl_a");
    assert_eq!((&table["name"], &table["rows"], &table["drift"]), (&json!("sales"), &json!(1000), &Value::Null));
    assert_eq!((&table["jobs"], &told["all_jobs"]), (&json!({"all": 2, "judged": 2}), &json!(true)));
    let one = replica.get("/v1/tables/tbl_a").await.json();
    assert_eq!(one["jobs"].as_array().map(Vec::len), Some(2));
    assert_eq!((&one["jobs"][0]["winner"], &one["jobs"][0]["state"]), (&json!("clbn"), &json!("done")));
    assert_eq!(replica.get("/v1/tables/tbl_b").await.problem(), "not-found");
}

#[tokio::test]
async fn a_table_has_moved_from_the_one_of_its_name_before_it() {
    let replica = reading(&[("tbl_a", "sales", [50, 50]), ("tbl_b", "sales", [75, 25]), ("tbl_c", "stock", [1, 9])]).await;
    let told = replica.get("/v1/tables").await.json();
    assert_eq!(of(&told, "tbl_b")["drift"], json!({"from": "tbl_a", "column_shapes": 0.75}));
    assert_eq!((&of(&told, "tbl_a")["drift"], &of(&told, "tbl_c")["drift"]), (&Value::Null, &Value::Null));
    let drift = replica.get("/v1/tables/tbl_b").await.json()["drift"].clone();
    let column = json!([{"name": "a", "score": 0.75, "missing_before": 0.0, "missing": 0.0, "was": null}]);
    assert_eq!((&drift["from"], &drift["columns"], &drift["gone"]), (&json!("tbl_a"), &column, &json!([])));
}

#[tokio::test]
async fn tables_are_listed_page_by_page() {
    let replica = reading(&[("tbl_a", "a", [1, 1]), ("tbl_b", "b", [1, 1]), ("tbl_c", "c", [1, 1])]).await;
    let first = replica.get("/v1/tables?limit=2").await;
    let cursor = first.json()["next_cursor"].as_str().expect("more").to_owned();
    assert!(first.header("link").contains(&cursor), "{}", first.header("link"));
    let last = replica.get(&format!("/v1/tables?limit=2&cursor={cursor}")).await.json();
    assert_eq!((last["items"].as_array().map(Vec::len), &last["next_cursor"]), (Some(1), &Value::Null));
    assert_eq!(replica.get("/v1/tables?cursor=tbl_x").await.problem(), "invalid-request");
}

#[tokio::test]
async fn a_job_that_was_deleted_is_no_reason_for_a_table() {
    let replica = reading(&[("tbl_a", "a", [1, 1])]).await;
    let id = replica.get("/v1/jobs").await.json()["items"][0]["id"].as_str().expect("a job").to_owned();
    assert_eq!(replica.get("/v1/tables").await.json()["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(replica.ask("DELETE", &format!("/v1/jobs/{id}"), &[], Body::empty()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(replica.get("/v1/tables").await.json()["items"], json!([]));
}

#[tokio::test]
async fn tables_of_another_tenant_are_not_there() {
    let replica = Replica::guarded();
    replica.work(done);
    let bearer = async |tenant: &str| format!("Bearer {}", replica.token(Some(tenant), &Scope::ALL).await);
    let (owner, other) = (bearer("a").await, bearer("b").await);
    let headers = [("authorization", owner.as_str()), ("content-type", "application/json"), ("prefer", "wait=60")];
    assert_eq!(replica.ask("POST", "/v1/jobs", &headers, small_job().to_string()).await.status, StatusCode::OK);
    let ask = async |bearer: &str, path: &str| replica.ask("GET", path, &[("authorization", bearer)], Body::empty()).await;
    assert_eq!(ask(&owner, "/v1/tables/tbl_0").await.json()["name"], "t");
    assert_eq!(ask(&other, "/v1/tables/tbl_0").await.problem(), "not-found");
    assert_eq!(ask(&other, "/v1/tables").await.json()["items"], json!([]));
}
