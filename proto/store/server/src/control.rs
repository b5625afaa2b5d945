//! Steering a running server, without signature:
//!
//! | request | effect |
//! |---|---|
//! | `GET /_control/counts` | requests since the start by operation, and by class below `put`, `get`, `delete` |
//! | `GET /_control/uploads` | `{"open": n}`: uploads that were begun and neither completed nor aborted |
//! | `POST /_control/faults` | replaces the rules by those of the body, a JSON list; `[]` heals |
//! | `POST /_control/time` | `{"seconds": n}`: the server's clock goes forward |
//! | `POST /_control/damage` | `{"bucket": b, "key": k}`: one bit of a stored object changes |
//!
//! A rule is `{"fault": f, "operation"?: "PutObject", "path"?: "part of the path", "skip"?: n,
//! "times"?: n}` with `f` one of `status` (with `status` and `code`), `conflict` (409), `busy` (503),
//! `slow` (with `ms`), `reset`, `lost_reply`, `flip_bit`, `cut`. Without operation it holds for every
//! request, and without `times` for ever; with an operation it holds once.

use crate::{Class, Operation, Rule, server::Shared};
use serde_json::{Value, json};
use std::time::Duration;

/// Where the paths of this endpoint begin; no bucket can be called so.
pub const PATH: &str = "/_control/";

/// Answers one request: a status and a document.
pub(crate) fn answer(shared: &Shared, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
    let given: Value = serde_json::from_slice(body).unwrap_or_default();
    let done = (200, json!({}));
    match (method, path.strip_prefix(PATH).unwrap_or_default()) {
        ("GET", "counts") => (200, counts(shared)),
        ("GET", "uploads") => (200, json!({"open": shared.objects.uploads_open()})),
        ("POST", "faults") => match rules(&given) {
            Ok(rules) => {
                shared.faults.set(rules);
                done
            }
            Err(why) => (400, json!({"error": why})),
        },
        ("POST", "time") => {
            shared.pass_time(Duration::from_secs(given["seconds"].as_u64().unwrap_or_default()));
            done
        }
        ("POST", "damage") => {
            let text = |name: &str| given[name].as_str().unwrap_or_default();
            if shared.objects.damage(text("bucket"), text("key")) { done } else { (404, json!({"error": "no such object"})) }
        }
        _ => (404, json!({"error": "no such control"})),
    }
}

fn rules(given: &Value) -> Result<Vec<Rule>, String> {
    let list = given.as_array().ok_or("the rules are a list")?;
    list.iter().map(Rule::from_json).collect()
}

fn counts(shared: &Shared) -> Value {
    let counts = shared.counts();
    let class = |class: Class| counts.iter().filter(|(operation, _)| operation.class() == class).map(|(_, count)| count).sum::<u64>();
    let mut document: serde_json::Map<String, Value> =
        Operation::ALL.iter().map(|operation| (operation.name(), json!(counts.get(operation).unwrap_or(&0)))).collect();
    for (name, of) in [("put", Class::Put), ("get", Class::Get), ("delete", Class::Delete)] {
        document.insert(name.to_owned(), json!(class(of)));
    }
    document.into()
}
