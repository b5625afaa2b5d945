//! Jobs that come with their table in one form.

use super::*;
use serde_json::json;
use synthfleet_proto::fact::SpecFact;
use synthfleet_proto::id::sha256_hex;
use synthfleet_proto::key::JobKeys;
use synthfleet_store::read_fact;

const TABLE: &str = "a,b\n1,x\n2,y\n";

/// A form of parts `(name, file name, content)`.
fn form(parts: &[(&str, Option<&str>, &str)]) -> String {
    let part = |(name, file, content): &(&str, Option<&str>, &str)| {
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{content}\r\n")
    };
    parts.iter().map(part).collect::<String>() + "--edge--\r\n"
}

async fn send(replica: &Replica, key: Option<&str>, body: String) -> Told {
    let mut headers = vec![("content-type", "multipart/form-data; boundary=edge")];
    headers.extend(key.map(|key| ("idempotency-key", key)));
    replica.ask("POST", "/v1/jobs", &headers, body).await
}

fn job(source: Option<Value>) -> String {
    let mut job = small_job();
    match source {
        Some(source) => job["source"] = source,
        None => drop(job.as_object_mut().expect("an object").remove("source")),
    }
    job.to_string()
}

#[tokio::test]
async fn a_table_that_comes_with_its_job_is_its_source() {
    let replica = Replica::new();
    for parts in [
        [("job", None, job(None)), ("file", Some("C:\\t\\s.csv"), TABLE.into())],
        [("file", Some("s.csv"), TABLE.into()), ("job", None, job(None))],
    ] {
        let parts: Vec<_> = parts.iter().map(|(name, file, content)| (*name, *file, content.as_str())).collect();
        let told = send(&replica, None, form(&parts)).await;
        assert_eq!(told.status, StatusCode::ACCEPTED, "{}", told.text());
        let keys = JobKeys::new("local", told.json()["id"].as_str().expect("an id")).expect("legal");
        let spec =
            read_fact::<SpecFact>(replica.parts.store.as_ref(), keys.spec().expect("legal").key()).await.expect("read").expect("there");
        assert!(spec.fact.request.source.uri.starts_with("upload:upl_"), "{}", spec.fact.request.source.uri);
        assert_eq!(spec.fact.source_sha256, Some(sha256_hex(TABLE.as_bytes())));
    }
}

#[tokio::test]
async fn how_the_table_is_read_may_be_told_beside_it() {
    let replica = Replica::new();
    let source = json!({"dialect": {"delimiter": ";"}});
    let told = send(&replica, None, form(&[("job", None, &job(Some(source))), ("file", Some("t.csv"), TABLE)])).await;
    assert_eq!(told.status, StatusCode::ACCEPTED, "{}", told.text());
    assert_eq!(told.json()["spec"]["source"]["dialect"]["delimiter"], ";");
    let other = send(&replica, None, form(&[("job", None, &job(Some("sim:demo".into()))), ("file", Some("t.csv"), TABLE)])).await;
    assert_eq!(other.problem(), "invalid-request");
    // without a table the job names its source
    let alone = send(&replica, None, form(&[("job", None, &job(Some("sim:demo".into())))])).await;
    assert_eq!(alone.status, StatusCode::ACCEPTED, "{}", alone.text());
}

#[tokio::test]
async fn the_same_form_with_the_same_key_is_one_job() {
    let replica = Replica::new();
    let of = |table: &str| form(&[("job", None, &job(None)), ("file", Some("t.csv"), table)]);
    let (first, again) = (send(&replica, Some("k"), of(TABLE)).await, send(&replica, Some("k"), of(TABLE)).await);
    assert_eq!((&first.json()["id"], again.header("idempotent-replay")), (&again.json()["id"], "true"));
    assert_eq!(send(&replica, Some("k"), of("a,b\n3,z\n")).await.problem(), "idempotency-mismatch");
}

#[tokio::test]
async fn what_is_no_such_form_is_refused_and_no_job_is_stored() {
    let replica = Replica::new();
    let good = job(None);
    for body in [
        form(&[("file", Some("t.csv"), TABLE)]),
        form(&[("job", None, &good), ("file", None, TABLE)]),
        form(&[("job", None, &good), ("job", None, &good)]),
        form(&[("job", None, &good), ("colour", None, "red")]),
        form(&[("job", None, "{"), ("file", Some("t.csv"), TABLE)]),
        format!("--edge\r\nContent-Disposition: form-data; name=\"job\"\r\n\r\n{good}"),
        "nothing".to_owned(),
    ] {
        let told = send(&replica, None, body.clone()).await;
        assert_eq!(told.status.as_u16() / 100, 4, "{body}: {}", told.text());
    }
    let empty = send(&replica, None, form(&[("job", None, &good), ("file", Some("t.csv"), "")])).await;
    assert_eq!((empty.problem().as_str(), &empty.json()["errors"][0]["code"]), ("input", &json!("input::empty")));
    let long = send(&replica, None, form(&[("job", None, &" ".repeat(2 << 20))])).await;
    assert_eq!(long.problem(), "too-large");
    assert_eq!(replica.get("/v1/jobs").await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_job_in_json_is_still_a_mebibyte_at_most() {
    let replica = Replica::new();
    let told = replica.ask("POST", "/v1/jobs", &[("content-type", "application/json")], " ".repeat(2 << 20)).await;
    assert_eq!(told.problem(), "too-large");
}
