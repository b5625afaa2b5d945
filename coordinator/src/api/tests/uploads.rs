//! Uploads: begun, sent in parts through any replica, completed, used.

use super::*;
use serde_json::json;
use synthfleet_proto::id::sha256_hex;

async fn begun(replica: &Replica, wish: Value) -> String {
    let told = replica.post("/v1/uploads", &wish).await;
    assert_eq!(told.status, StatusCode::CREATED, "{}", told.text());
    assert_eq!(told.json()["put"], told.header("location"));
    told.header("location").to_owned()
}

async fn put(replica: &Replica, path: &str, range: Option<&str>, body: &'static str) -> Told {
    let headers: Vec<_> = range.iter().map(|range| ("content-range", *range)).collect();
    replica.ask("PUT", path, &headers, body).await
}

#[tokio::test]
async fn a_table_comes_in_one_stream_and_becomes_a_source() {
    let replica = Replica::new();
    let text = "a,b\n1,2\n";
    let path = begun(&replica, json!({"name": "my table.csv.gz", "bytes": 8, "sha256": sha256_hex(text.as_bytes())})).await;
    let source = path.replace("/v1/uploads/", "upload:");
    let early = replica.post("/v1/jobs", &json!({"source": source})).await;
    assert_eq!(early.json()["errors"][0]["code"], "upload::incomplete");
    assert_eq!(put(&replica, &path, None, text).await.json()["received"], 8);
    let done = replica.ask("POST", &format!("{path}/complete"), &[], Body::empty()).await.json();
    assert_eq!((&done["source"], &done["bytes"]), (&json!(source), &json!(8)));
    let job = replica.post("/v1/jobs", &json!({"source": source})).await.json();
    assert_eq!(job["table"], json!({"name": "my table", "sha256": sha256_hex(text.as_bytes())}));
    assert_eq!(job["spec"]["source"]["format"], Value::Null, "its bytes tell what it is");
    assert_eq!(replica.get(&path).await.json()["complete"], true);
}

#[tokio::test]
async fn parts_come_through_any_replica_in_any_order() {
    let (store, broker) = (Arc::new(memory()), Arc::new(InProcess::default()));
    let one = Replica::on(store.clone(), broker.clone(), 1, |_| {});
    let two = Replica::on(store, broker, 2, |_| {});
    let path = begun(&one, json!({"name": "t.csv"})).await;
    assert_eq!(put(&two, &path, Some("bytes 4-7/8"), "1,2\n").await.json()["received"], 0);
    assert_eq!(put(&one, &path, Some("bytes 0-3/8"), "a,b\n").await.json()["received"], 8);
    assert_eq!(put(&two, &path, Some("bytes 0-3/8"), "a,b\n").await.json()["received"], 8, "sent again");
    let done = two.ask("POST", &format!("{path}/complete"), &[], Body::empty()).await.json();
    assert_eq!((&done["bytes"], &done["sha256"]), (&json!(8), &json!(sha256_hex(b"a,b\n1,2\n"))));
    assert_eq!(put(&one, &path, None, "x").await.problem(), "conflict");
}

#[tokio::test]
async fn a_gap_is_a_range_problem_and_other_bytes_are_an_input_problem() {
    let replica = Replica::new();
    let path = begun(&replica, json!({"name": "t.csv"})).await;
    put(&replica, &path, Some("bytes 4-7/*"), "1,2\n").await;
    assert_eq!(replica.ask("POST", &format!("{path}/complete"), &[], Body::empty()).await.problem(), "range");
    let path = begun(&replica, json!({"name": "t.csv", "sha256": "0".repeat(64)})).await;
    put(&replica, &path, None, "a\n1\n").await;
    assert_eq!(replica.ask("POST", &format!("{path}/complete"), &[], Body::empty()).await.problem(), "input");
}

#[tokio::test]
async fn a_body_is_as_long_as_it_says() {
    let replica = Replica::new();
    let path = begun(&replica, json!({"name": "t.csv", "bytes": 4})).await;
    for (range, body) in
        [(None, "a"), (None, "abcdef"), (Some("bytes 0-3/4"), "abcdef"), (Some("bytes 0-3/4"), "a"), (Some("bytes 0-9/10"), "abcdefghij")]
    {
        let told = put(&replica, &path, range, body).await;
        assert!((400..500).contains(&told.status.as_u16()), "{range:?} {body}: {}", told.text());
    }
    assert_eq!(replica.get(&path).await.json()["received"], 0, "nothing of them is left");
    assert_eq!(put(&replica, &path, Some("bytes x"), "a").await.problem(), "invalid-request");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_given_up() {
    let replica = Replica::new();
    let path = begun(&replica, json!({"name": "t.csv"})).await;
    let silent = Body::from_stream(futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    assert_eq!(replica.ask("PUT", &path, &[], silent).await.problem(), "timeout");
}

#[tokio::test]
async fn what_is_said_of_an_upload_is_checked() {
    let replica = Replica::new();
    for wish in [
        json!({}),
        json!({"name": ""}),
        json!({"name": "a", "bytes": -1}),
        json!({"name": "a", "sha256": "x"}),
        json!({"name": "a", "size": 1}),
        json!([]),
    ] {
        assert_eq!(replica.post("/v1/uploads", &wish).await.problem(), "invalid-request", "{wish}");
    }
    assert_eq!(replica.post("/v1/uploads", &json!({"name": "a", "bytes": 1u64 << 60})).await.problem(), "too-large");
    for path in ["/v1/uploads/x", &format!("/v1/uploads/upl_{}", "0".repeat(26))] {
        assert_eq!(put(&replica, path, None, "x").await.problem(), "not-found", "{path}");
    }
}
