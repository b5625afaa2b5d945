//! Route × scope × tenant: each row of the table of routes is asked by everybody. A route without a row here fails.

use super::*;
use crate::api::{Access, Row, routes};
use serde_json::json;

/// Who may ask for what, written a second time by hand.
const EXPECTED: &[(&str, &str, Access)] = &[
    ("POST", "/v1/jobs", Access::Tenant(Scope::Submit)),
    ("GET", "/v1/jobs", Access::Tenant(Scope::Read)),
    ("GET", "/v1/jobs/{job}", Access::Tenant(Scope::Read)),
    ("PATCH", "/v1/jobs/{job}", Access::Tenant(Scope::Submit)),
    ("DELETE", "/v1/jobs/{job}", Access::Tenant(Scope::Admin)),
    ("POST", "/v1/jobs/{job}/cancel", Access::Tenant(Scope::Submit)),
    ("POST", "/v1/jobs/{job}/release", Access::Tenant(Scope::Submit)),
    ("POST", "/v1/jobs/{job}/retry", Access::Tenant(Scope::Submit)),
    ("POST", "/v1/jobs/{job}/publish", Access::Tenant(Scope::Submit)),
    ("POST", "/v1/jobs/{job}/benchmarks", Access::Tenant(Scope::Submit)),
    ("GET", "/v1/jobs/{job}/plan", Access::Tenant(Scope::Read)),
    ("GET", "/v1/jobs/{job}/tasks", Access::Tenant(Scope::Read)),
    ("GET", "/v1/jobs/{job}/tasks/{task}", Access::Tenant(Scope::Read)),
    ("GET", "/v1/jobs/{job}/tasks/{task}/log", Access::Tenant(Scope::Read)),
    ("GET", "/v1/jobs/{job}/events", Access::Tenant(Scope::Read)),
    ("GET", "/v1/jobs/{job}/verdict", Access::Tenant(Scope::Read)),
    ("GET", "/v1/jobs/{job}/results", Access::Tenant(Scope::Read)),
    ("GET", "/v1/jobs/{job}/metadata", Access::Tenant(Scope::Read)),
    ("GET", "/v1/jobs/{job}/rows", Access::Tenant(Scope::ReadReal)),
    ("GET", "/v1/jobs/{job}/candidates", Access::Tenant(Scope::Read)),
    ("POST", "/v1/jobs/{job}/candidates/{candidate}/generate", Access::Tenant(Scope::Submit)),
    ("GET", "/v1/jobs/{job}/candidates/{candidate}", Access::Tenant(Scope::Read)),
    ("GET", "/v1/jobs/{job}/candidates/{candidate}/rows", Access::Tenant(Scope::Read)),
    ("GET", "/v1/jobs/{job}/plots/{plot}", Access::Tenant(Scope::Read)),
    ("GET", "/v1/jobs/{job}/files", Access::Tenant(Scope::Read)),
    ("GET", "/v1/jobs/{job}/files/{*path}", Access::Tenant(Scope::Read)),
    ("POST", "/v1/sniff", Access::Tenant(Scope::Submit)),
    ("POST", "/v1/uploads", Access::Tenant(Scope::Submit)),
    ("GET", "/v1/uploads/{upload}", Access::Tenant(Scope::Submit)),
    ("PUT", "/v1/uploads/{upload}", Access::Tenant(Scope::Submit)),
    ("POST", "/v1/uploads/{upload}/complete", Access::Tenant(Scope::Submit)),
    ("GET", "/v1/synthesizers", Access::Fleet(Scope::Read)),
    ("GET", "/v1/synthesizers/{name}", Access::Fleet(Scope::Read)),
    ("GET", "/v1/benchmarks", Access::Fleet(Scope::Read)),
    ("GET", "/v1/benchmarks/{name}", Access::Fleet(Scope::Read)),
    ("GET", "/v1/compare", Access::Tenant(Scope::Read)),
    ("GET", "/v1/tables", Access::Tenant(Scope::Read)),
    ("GET", "/v1/tables/{table}", Access::Tenant(Scope::Read)),
    ("GET", "/v1/workers", Access::Fleet(Scope::Read)),
    ("POST", "/v1/workers/{worker}/drain", Access::Fleet(Scope::Admin)),
    ("GET", "/v1/queues", Access::Fleet(Scope::Read)),
    ("GET", "/v1/dead-letters", Access::Fleet(Scope::Admin)),
    ("GET", "/v1/dead-letters/{day}/{id}", Access::Fleet(Scope::Admin)),
    ("DELETE", "/v1/dead-letters/{day}/{id}", Access::Fleet(Scope::Admin)),
    ("POST", "/v1/dead-letters/{day}/{id}/requeue", Access::Fleet(Scope::Admin)),
    ("GET", "/v1/tokens", Access::Tenant(Scope::Admin)),
    ("POST", "/v1/tokens", Access::Tenant(Scope::Admin)),
    ("DELETE", "/v1/tokens/{token}", Access::Tenant(Scope::Admin)),
    ("POST", "/input", Access::Tenant(Scope::Submit)),
    ("GET", "/metrics", Access::Fleet(Scope::Read)),
    ("GET", "/healthz", Access::Open),
    ("GET", "/readyz", Access::Open),
    ("GET", "/version", Access::Open),
    ("GET", "/problems/{code}", Access::Open),
    ("GET", "/openapi.json", Access::Open),
    ("GET", "/", Access::Open),
    ("GET", "/jobs", Access::Open),
    ("GET", "/jobs/{*page}", Access::Open),
    ("GET", "/compare", Access::Open),
    ("GET", "/tables", Access::Open),
    ("GET", "/fleet", Access::Open),
    ("GET", "/docs", Access::Open),
    ("GET", "/settings", Access::Open),
    ("GET", "/ui/{*file}", Access::Open),
];

fn rows() -> Vec<Row> {
    routes().iter().map(|route| route.row).collect()
}

#[test]
fn every_route_is_in_the_table_with_its_rights() {
    let served: Vec<_> = rows().iter().map(|row| (row.method, row.path, row.access)).collect();
    assert_eq!(served, EXPECTED);
}

/// What belongs to tenant `a`: a job, an upload, a token.
struct Belongings {
    job: String,
    upload: String,
    token: String,
}

impl Belongings {
    async fn of(replica: &Replica, token: &str) -> Self {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let made = |told: Told| told.json()["id"].as_str().unwrap_or_else(|| panic!("{}", told.text())).to_owned();
        Self {
            job: made(replica.ask("POST", "/v1/jobs", &headers, small_job().to_string()).await),
            upload: made(replica.ask("POST", "/v1/uploads", &headers, json!({"name": "t.csv"}).to_string()).await),
            token: made(replica.ask("POST", "/v1/tokens", &headers, json!({"scopes": ["read"]}).to_string()).await),
        }
    }

    fn path(&self, row: &Row) -> String {
        let values = [
            ("{job}", self.job.as_str()),
            ("{task}", "profile"),
            ("{candidate}", "clbn"),
            ("{plot}", "column"),
            ("{*path}", "verdict.json"),
            ("{*page}", "any"),
            ("{*file}", "app.js"),
            ("{upload}", &self.upload),
            ("{token}", &self.token),
            ("{table}", "tbl_0"),
            ("{name}", "clbn"),
            ("{worker}", "w"),
            ("{day}", "20260101"),
            ("{id}", "x"),
            ("{code}", "gone"),
        ];
        values.iter().fold(row.path.to_owned(), |path, (name, value)| path.replace(name, value))
    }
}

/// A body with which a request is legal as far as rights are concerned.
fn body(row: &Row) -> String {
    match (row.path, row.body) {
        ("/v1/jobs", crate::api::Body::JsonOrForm) => small_job().to_string(),
        ("/input", _) => json!({"text": "sim:demo"}).to_string(),
        ("/v1/jobs/{job}/benchmarks", _) => json!({"benchmarks": ["accuracy"]}).to_string(),
        ("/v1/jobs/{job}/candidates/{candidate}/generate", _) => json!({"rows": 10}).to_string(),
        ("/v1/sniff", _) => json!({"source": "sim:demo"}).to_string(),
        ("/v1/uploads", _) => json!({"name": "t.csv"}).to_string(),
        ("/v1/tokens", crate::api::Body::Json) => json!({"scopes": ["read"]}).to_string(),
        _ => String::new(),
    }
}

async fn status(replica: &Replica, row: &Row, path: &str, headers: &[(&str, &str)]) -> u16 {
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    if row.path.ends_with("/events") {
        // the stream of a job that goes on does not end
        return replica.ask(row.method, &format!("{path}?wait=0"), &all, Body::empty()).await.status.as_u16();
    }
    replica.ask(row.method, path, &all, body(row)).await.status.as_u16()
}

#[tokio::test]
async fn without_a_token_only_open_routes_answer() {
    let replica = Replica::guarded();
    let owner = replica.token(Some("a"), &Scope::ALL).await;
    let belongings = Belongings::of(&replica, &owner).await;
    for row in rows() {
        let path = belongings.path(&row);
        for headers in [vec![], vec![("authorization", "Bearer sf_x_y")], vec![("authorization", "Basic YTpi")]] {
            let status = status(&replica, &row, &path, &headers).await;
            assert_eq!(status == 401, row.access != Access::Open, "{} {} {headers:?}: {status}", row.method, row.path);
        }
    }
}

#[tokio::test]
async fn each_scope_opens_its_routes_and_no_other() {
    let replica = Replica::guarded();
    let owner = replica.token(Some("a"), &Scope::ALL).await;
    let belongings = Belongings::of(&replica, &owner).await;
    for scope in Scope::ALL {
        let bearer = format!("Bearer {}", replica.token(Some("a"), &[scope]).await);
        for row in rows().into_iter().filter(|row| row.method != "DELETE") {
            let status = status(&replica, &row, &belongings.path(&row), &[("authorization", &bearer)]).await;
            let includes = |needed: Scope| needed == scope || (scope == Scope::Admin && needed != Scope::ReadReal);
            let may = match row.access {
                Access::Open => true,
                Access::Tenant(needed) => includes(needed),
                Access::Fleet(needed) => needed == Scope::Read && includes(needed),
            };
            assert_eq!(status != 403, may, "{} {} by {}: {status}", row.method, row.path, scope.name());
        }
    }
}

#[tokio::test]
async fn another_tenant_finds_nothing() {
    let replica = Replica::guarded();
    let owner = replica.token(Some("a"), &Scope::ALL).await;
    let belongings = Belongings::of(&replica, &owner).await;
    let bearer = format!("Bearer {}", replica.token(Some("b"), &Scope::ALL).await);
    for row in rows().into_iter().filter(|row| ["{job}", "{upload}", "{token}"].iter().any(|name| row.path.contains(name))) {
        let path = belongings.path(&row);
        assert_eq!(status(&replica, &row, &path, &[("authorization", &bearer)]).await, 404, "{} {}", row.method, row.path);
        // naming the tenant does not help
        let named = [("authorization", bearer.as_str()), ("x-synthfleet-tenant", "a")];
        assert_eq!(status(&replica, &row, &path, &named).await, 404, "{} {}", row.method, row.path);
    }
    for path in ["/v1/jobs", "/v1/tokens"] {
        let told = replica.ask("GET", path, &[("authorization", &bearer)], Body::empty()).await.json();
        let seen =
            told["items"].as_array().expect("a list").iter().any(|item| item["id"] == belongings.job || item["id"] == belongings.token);
        assert!(!seen, "{told}");
    }
}

#[tokio::test]
async fn who_reaches_every_tenant_names_one_and_changes_the_fleet() {
    let replica = Replica::guarded();
    let owner = replica.token(Some("a"), &Scope::ALL).await;
    let belongings = Belongings::of(&replica, &owner).await;
    let bearer = format!("Bearer {}", replica.token(None, &[Scope::Admin]).await);
    let path = format!("/v1/jobs/{}", belongings.job);
    let ask = async |tenant: &str| {
        let headers = [("authorization", bearer.as_str()), ("x-synthfleet-tenant", tenant)];
        replica.ask("GET", &path, &headers, Body::empty()).await.status.as_u16()
    };
    assert_eq!((ask("a").await, ask("b").await, ask("../a").await), (200, 404, 404));
    for row in rows().into_iter().filter(|row| matches!(row.access, Access::Fleet(_))) {
        let status = status(&replica, &row, &belongings.path(&row), &[("authorization", &bearer)]).await;
        assert!(![401, 403].contains(&status), "{} {}: {status}", row.method, row.path);
    }
}

#[tokio::test]
async fn a_token_gives_no_more_than_its_maker_has() {
    let replica = Replica::guarded();
    let bearer = format!("Bearer {}", replica.token(Some("a"), &[Scope::Admin]).await);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    for (wish, status) in [
        (json!({"scopes": ["read", "submit", "admin"]}), 201),
        (json!({"scopes": ["read_real"]}), 403),
        (json!({"scopes": ["read"], "every_tenant": true}), 403),
        (json!({"scopes": []}), 400),
        (json!({"scopes": ["root"]}), 400),
        (json!({"scopes": ["read"], "tenant": "b"}), 400),
        (json!({"scopes": ["read"], "seconds": 0}), 400),
    ] {
        let told = replica.ask("POST", "/v1/tokens", &headers, wish.to_string()).await;
        assert_eq!(told.status.as_u16(), status, "{wish}: {}", told.text());
    }
}

#[tokio::test]
async fn a_token_is_shown_once_and_void_when_revoked() {
    let replica = Replica::guarded();
    let bearer = format!("Bearer {}", replica.token(Some("a"), &[Scope::Admin]).await);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let made = replica.ask("POST", "/v1/tokens", &headers, json!({"scopes": ["read"], "note": "ci"}).to_string()).await.json();
    let (id, text) = (made["id"].as_str().expect("an id"), made["token"].as_str().expect("a token"));
    let theirs = format!("Bearer {text}");
    let ask = async || replica.ask("GET", "/v1/jobs", &[("authorization", &theirs)], Body::empty()).await.status.as_u16();
    assert_eq!(ask().await, 200);
    let listed = replica.ask("GET", "/v1/tokens", &headers, Body::empty()).await.text();
    assert!(listed.contains(id) && !listed.contains(text.rsplit('_').next().expect("three parts")), "{listed}");
    assert_eq!(replica.ask("DELETE", &format!("/v1/tokens/{id}"), &headers, Body::empty()).await.status.as_u16(), 204);
    assert_eq!(ask().await, 401);
    assert_eq!(replica.ask("DELETE", &format!("/v1/tokens/{id}"), &headers, Body::empty()).await.problem(), "not-found");
}

#[tokio::test]
async fn refusals_are_counted_by_reason() {
    let replica = Replica::guarded();
    let bearer = format!("Bearer {}", replica.token(Some("a"), &[Scope::Read]).await);
    replica.get("/v1/jobs").await;
    replica.ask("GET", "/v1/jobs", &[("authorization", "Bearer sf_x_y")], Body::empty()).await;
    replica.ask("POST", "/v1/jobs", &[("authorization", &bearer)], Body::empty()).await;
    replica.ask("GET", "/v1/jobs", &[("authorization", &bearer), ("x-synthfleet-tenant", "b")], Body::empty()).await;
    for reason in ["missing", "unknown", "scope", "tenant"] {
        assert_eq!(replica.book.value(crate::metrics::AUTH_FAILURES, &[reason]), Some(1.0), "{reason}");
    }
}
