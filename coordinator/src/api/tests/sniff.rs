//! Looks at the beginning of tables: who may see what.

use super::*;
use crate::api::{Beginning, Sniffed};
use serde_json::json;
use synthfleet_proto::job::Source;

/// Tells what it was given.
pub fn seen(source: &Source, beginning: Beginning) -> synthfleet_proto::Result<Sniffed> {
    let (place, rows) = match beginning {
        Beginning::Simulated => ("simulated", Vec::new()),
        Beginning::File(_) => ("file", Vec::new()),
        Beginning::Bytes { bytes, cut, .. } => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            (if cut { "cut" } else { "bytes" }, text.lines().map(|line| vec![line.to_owned()]).collect())
        }
    };
    if source.dialect.delimiter.as_deref() == Some("!") {
        return Err(synthfleet_proto::Error::data("csv::dialect", "no such table"));
    }
    Ok(Sniffed { told: json!({ "place": place, "format": source.format }), rows })
}

async fn upload(replica: &Replica, bearer: &str) -> String {
    let headers = [("authorization", bearer), ("content-type", "application/json")];
    let begun = replica.ask("POST", "/v1/uploads", &headers, json!({"name": "t.csv"}).to_string()).await.json();
    let path = begun["put"].as_str().expect("a path").to_owned();
    replica.ask("PUT", &path, &[("authorization", bearer)], "a,b\n1,2\n").await;
    replica.ask("POST", &format!("{path}/complete"), &[("authorization", bearer)], Body::empty()).await;
    format!("upload:{}", begun["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn rows_are_for_who_sent_them_and_who_may_see_real_ones() {
    let replica = Replica::guarded();
    let bearer = async |scopes: &[Scope]| format!("Bearer {}", replica.token(Some("a"), scopes).await);
    let (owner, other, reader) =
        (bearer(&[Scope::Submit]).await, bearer(&[Scope::Submit]).await, bearer(&[Scope::Submit, Scope::ReadReal]).await);
    let source = upload(&replica, &owner).await;
    let ask = async |who: &str| {
        let headers = [("authorization", who), ("content-type", "application/json")];
        replica.ask("POST", "/v1/sniff", &headers, json!({"source": source}).to_string()).await
    };
    let told = ask(&owner).await.json();
    assert_eq!(told, json!({"place": "bytes", "format": null, "rows": [["a,b"], ["1,2"]]}));
    assert_eq!((&ask(&other).await.json()["rows"], &ask(&reader).await.json()["rows"][0]), (&Value::Null, &json!(["a,b"])));
}

#[tokio::test]
async fn what_no_job_may_read_is_not_looked_at_either() {
    let replica = Replica::new();
    let ask = async |body: Value| replica.post("/v1/sniff", &body).await;
    assert_eq!(ask(json!({"source": "sim:demo"})).await.json()["place"], "simulated");
    let unknown = format!("upload:upl_{}", "0".repeat(26));
    for (body, problem) in [
        (json!({"source": "https://example.org/a.csv"}), "source-refused"),
        (json!({"source": unknown}), "input"),
        (json!({"source": {"uri": "sim:demo", "dialect": {"delimiter": "!"}}}), "input"),
        (json!({"source": {"uri": "sim:demo", "colour": 1}}), "invalid-job"),
        (json!({"source": "sim:demo", "seed": 1}), "invalid-request"),
        (json!({}), "invalid-request"),
    ] {
        assert_eq!(ask(body.clone()).await.problem(), problem, "{body}");
    }
}
