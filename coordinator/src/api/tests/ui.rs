//! The web app as a browser gets it, and the routes that it needs.

use super::*;

#[tokio::test]
async fn every_page_is_the_same_document_under_a_strict_policy() {
    let replica = Replica::guarded();
    let first = replica.get("/").await;
    assert_eq!((first.status, first.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    let policy = first.header("content-security-policy");
    for part in
        ["default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]
    {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!first.text().contains("<style") && !first.text().contains("style=") && !first.text().contains("onload"));
    for path in ["/jobs?state=done&q=a", "/jobs/job_x/leaderboard", "/compare", "/tables", "/fleet", "/docs", "/settings"] {
        assert_eq!(replica.get(path).await.body, first.body, "{path}");
    }
}

#[tokio::test]
async fn a_file_that_a_browser_has_is_not_sent_again() {
    let replica = Replica::new();
    let first = replica.get("/ui/app.js").await;
    assert_eq!((first.header("content-type"), first.header("cache-control")), ("text/javascript; charset=utf-8", "no-cache"));
    let again = replica.ask("GET", "/ui/app.js", &[("if-none-match", first.header("etag"))], Body::empty()).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    for path in ["/ui/app.mjs", "/ui/..%2fapp.js", "/ui/lib", "/ui/index.html"] {
        assert_eq!(replica.get(path).await.problem(), "not-found", "{path}");
    }
}

#[tokio::test]
async fn the_frame_of_a_report_reaches_nothing() {
    let replica = Replica::new();
    let policy = replica.get("/ui/report-frame.html").await.header("content-security-policy").to_owned();
    assert!(policy.starts_with("sandbox allow-scripts; default-src 'none'") && policy.ends_with("frame-ancestors 'self'"), "{policy}");
}

#[tokio::test]
async fn a_table_is_described_in_the_forms_there_are() {
    let replica = Replica::new();
    let id = replica.finished_job().await;
    let told = replica.get(&format!("/v1/jobs/{id}/metadata")).await;
    assert_eq!((told.status, &told.json()["schema"]), (StatusCode::OK, &"synthfleet.profile.v1".into()));
    assert_eq!(replica.get(&format!("/v1/jobs/{id}/metadata?form=sdv")).await.text(), "{}");
    assert_eq!(replica.get(&format!("/v1/jobs/{id}/metadata?form=exact")).await.problem(), "invalid-request");
    let unread = Replica::new();
    let id = unread.job().await;
    assert_eq!(unread.get(&format!("/v1/jobs/{id}/metadata")).await.problem(), "conflict");
}

#[tokio::test]
async fn rows_of_a_sample_are_shown_page_by_page() {
    let replica = Replica::new();
    let id = replica.finished_job().await;
    let path = format!("/v1/jobs/{id}/candidates/clbn/rows");
    let first = replica.get(&format!("{path}?limit=1")).await.json();
    assert_eq!((&first["items"], &first["next_cursor"]), (&serde_json::json!([{"a": 1}]), &"1".into()));
    let last = replica.get(&format!("{path}?cursor=1")).await.json();
    assert_eq!((&last["items"], &last["next_cursor"]), (&serde_json::json!([{"a": 2}]), &Value::Null));
    assert_eq!(replica.get(&format!("{path}?limit=0")).await.problem(), "invalid-request");
    assert_eq!(replica.get(&format!("/v1/jobs/{id}/candidates/nobody/rows")).await.problem(), "not-found");
}

#[tokio::test]
async fn a05_rows_that_are_real_need_their_own_scope() {
    let replica = Replica::guarded();
    replica.work(done);
    let token = |scopes: &'static [Scope]| replica.token(Some("a"), scopes);
    let (owner, reader, trusted) = (token(&Scope::ALL).await, token(&[Scope::Read]).await, token(&[Scope::Read, Scope::ReadReal]).await);
    let ask = async |token: &str, method: &str, path: &str, body: String| {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json"), ("prefer", "wait=60")];
        replica.ask(method, path, &headers, body).await
    };
    let job = ask(&owner, "POST", "/v1/jobs", small_job().to_string()).await.json()["id"].as_str().expect("an id").to_owned();
    for path in [format!("/v1/jobs/{job}/candidates/identity/rows"), format!("/v1/jobs/{job}/rows")] {
        assert_eq!(ask(&reader, "GET", &path, String::new()).await.problem(), "forbidden", "{path}");
        assert_eq!(ask(&trusted, "GET", &path, String::new()).await.status, StatusCode::OK, "{path}");
    }
    let synthetic = format!("/v1/jobs/{job}/candidates/clbn/rows");
    assert_eq!(ask(&reader, "GET", &synthetic, String::new()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_candidate_is_shown_without_what_only_pictures_need() {
    let replica = Replica::new();
    let id = replica.finished_job().await;
    let told = replica.get(&format!("/v1/jobs/{id}/candidates/clbn")).await;
    assert_eq!((told.status, &told.json()["name"]), (StatusCode::OK, &"clbn".into()));
    assert!(!told.text().contains("folds"), "{}", told.text());
    assert_eq!(replica.get(&format!("/v1/jobs/{id}/candidates/ref_holdout")).await.json()["name"], "ref_holdout");
    assert_eq!(replica.get(&format!("/v1/jobs/{id}/candidates/nobody")).await.problem(), "not-found");
}

#[tokio::test]
async fn a_picture_that_is_not_there_is_told_so() {
    let replica = Replica::new();
    let id = replica.finished_job().await;
    let plot = |path: &str| format!("/v1/jobs/{id}/plots/{path}");
    assert_eq!(replica.get(&plot("column")).await.problem(), "invalid-request");
    for path in ["portrait?candidate=clbn", "distances?candidate=clbn", "correlation?candidate=../x", "column?candidate=clbn&column=a"] {
        assert_eq!(replica.get(&plot(path)).await.problem(), "not-found", "{path}");
    }
    let told = replica.ask("GET", &plot("column?candidate=clbn"), &[("accept", "image/png")], Body::empty()).await;
    assert_eq!(told.problem(), "not-acceptable");
}
