//! Published files.

use super::*;

#[tokio::test]
async fn a_file_is_given_whole_and_in_ranges() {
    let replica = Replica::new();
    let id = replica.finished_job().await;
    let listed = replica.get(&format!("/v1/jobs/{id}/files")).await.json();
    let file = listed["items"].as_array().expect("a list").iter().find(|file| file["path"] == "verdict.json").expect("published").clone();
    let path = file["href"].as_str().expect("a link").to_owned();
    let whole = replica.get(&path).await;
    assert_eq!(synthfleet_proto::id::sha256_hex(&whole.body), file["sha256"].as_str().expect("a hash"));
    assert_eq!((whole.header("accept-ranges"), whole.header("content-disposition")), ("bytes", "attachment; filename=\"verdict.json\""));
    let part = replica.ask("GET", &path, &[("range", "bytes=1-4")], Body::empty()).await;
    assert_eq!((part.status, part.body.as_slice()), (StatusCode::PARTIAL_CONTENT, &whole.body[1..5]));
    assert_eq!(part.header("content-range"), format!("bytes 1-4/{}", whole.body.len()));
    let beyond = replica.ask("GET", &path, &[("range", "bytes=9999999-")], Body::empty()).await;
    assert_eq!(beyond.problem(), "range");
    let stale = replica.ask("GET", &path, &[("range", "bytes=1-4"), ("if-range", "\"other\"")], Body::empty()).await;
    assert_eq!((stale.status, stale.body), (StatusCode::OK, whole.body.clone()));
    let head = replica.ask("HEAD", &path, &[], Body::empty()).await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (StatusCode::OK, whole.body.len().to_string().as_str(), 0));
}

#[tokio::test]
async fn only_published_paths_are_files() {
    let replica = Replica::new();
    let id = replica.finished_job().await;
    for path in ["..%2f..%2ff%2fspec", "f/spec", "VERDICT.JSON", "verdict.json/", "candidates/identity/sample.parquet"] {
        assert_eq!(replica.get(&format!("/v1/jobs/{id}/files/{path}")).await.problem(), "not-found", "{path}");
    }
}

#[tokio::test]
async fn a_report_runs_in_a_box() {
    let replica = Replica::new();
    let id = replica.finished_job().await;
    let report = replica.get(&format!("/v1/jobs/{id}/files/report.html")).await;
    assert!(report.header("content-security-policy").starts_with("sandbox allow-scripts; default-src 'none'"));
    assert_eq!(report.header("x-content-type-options"), "nosniff");
    let nested = replica.get(&format!("/v1/jobs/{id}/files/candidates/clbn/scores.json")).await;
    assert_eq!(nested.status, StatusCode::OK);
}

#[tokio::test]
async fn a_csv_for_spreadsheets_is_another_file_without_ranges() {
    let replica = Replica::new();
    let id = replica.finished_job().await;
    let path = |name: &str, query: &str| format!("/v1/jobs/{id}/files/{name}?{query}");
    let (plain, safe) = (replica.get(&path("results.csv", "csv_safe=0")).await, replica.get(&path("results.csv", "csv_safe=1")).await);
    assert_eq!((safe.status, safe.header("content-type")), (StatusCode::OK, "text/csv; charset=utf-8"));
    assert_eq!((safe.header("accept-ranges"), safe.header("etag") == plain.header("etag")), ("none", false));
    assert_eq!(safe.text(), plain.text(), "no cell of it begins like a formula");
    assert_eq!(replica.get(&path("synthetic.csv", "csv_safe=1")).await.text(), "a\n1\n");
    for (name, query) in [("verdict.json", "csv_safe=1"), ("results.csv", "csv_safe=yes"), ("results.csv", "safe=1")] {
        assert_eq!(replica.get(&path(name, query)).await.problem(), "invalid-request", "{name} {query}");
    }
}
