//! The dependency law: which room may use which, which outside crate belongs to which room, and what
//! must not be reachable from where. One constant each; the checker is a function over JSON.

use crate::Outcome;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Each room and the rooms it may use, in normal, dev and build dependencies alike.
const ROOMS: &[(&str, &[&str])] = &[
    ("synthfleet-proto", &[]),
    ("synthfleet-stats", &[]),
    ("synthfleet-trees", &[]),
    ("xtask", &[]),
    ("synthfleet-harness", &[]),
    // broker and store measure themselves: who waits for them cannot see what they do
    ("synthfleet-broker", &["synthfleet-proto", "synthfleet-metrics", "synthfleet-harness"]),
    ("synthfleet-store", &["synthfleet-proto", "synthfleet-metrics", "synthfleet-store-server", "synthfleet-harness"]),
    ("synthfleet-store-server", &[]),
    ("synthfleet-metrics", &[]),
    ("synthfleet-report", &["synthfleet-proto"]),
    (
        "synthfleet-coordinator",
        &[
            "synthfleet-proto",
            "synthfleet-broker",
            "synthfleet-store",
            "synthfleet-store-server",
            "synthfleet-harness",
            "synthfleet-metrics",
            "synthfleet-report",
        ],
    ),
    ("synthfleet-table", &["synthfleet-proto", "synthfleet-stats"]),
    ("synthfleet-laws", &["synthfleet-proto", "synthfleet-table"]),
    ("synthfleet-intake", &["synthfleet-proto", "synthfleet-stats", "synthfleet-table", "synthfleet-laws"]),
    // laws: in tests alone, where members are held against what made the table
    ("synthfleet-synthesizers", &["synthfleet-proto", "synthfleet-table", "synthfleet-stats", "synthfleet-trees", "synthfleet-laws"]),
    ("synthfleet-benchmarks", &["synthfleet-proto", "synthfleet-table", "synthfleet-stats", "synthfleet-trees", "synthfleet-laws"]),
    (
        "synthfleet-worker",
        &[
            "synthfleet-proto",
            "synthfleet-broker",
            "synthfleet-store",
            "synthfleet-store-server",
            "synthfleet-metrics",
            "synthfleet-table",
            "synthfleet-intake",
            "synthfleet-synthesizers",
            "synthfleet-benchmarks",
        ],
    ),
    (
        "synthfleet",
        &[
            "synthfleet-proto",
            "synthfleet-broker",
            "synthfleet-store",
            "synthfleet-store-server",
            "synthfleet-harness",
            "synthfleet-metrics",
            "synthfleet-coordinator",
            "synthfleet-report",
            "synthfleet-worker",
            "synthfleet-table",
            "synthfleet-intake",
            "synthfleet-synthesizers",
            "synthfleet-benchmarks",
        ],
    ),
    // the coordinator's code on virtual time; workers are simulated
    ("synthfleet-sim", &["synthfleet-proto", "synthfleet-broker", "synthfleet-store", "synthfleet-coordinator"]),
];

/// Outside crates and the only rooms that may name them.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("arrow", &["synthfleet-intake"]),
    ("parquet", &["synthfleet-intake"]),
    ("datafusion", &["synthfleet-intake"]),
    ("aws-config", &["synthfleet-broker", "synthfleet-store"]),
    ("aws-sdk-s3", &["synthfleet-store"]),
    ("aws-sdk-sqs", &["synthfleet-broker"]),
    ("aws-smithy-http-client", &["synthfleet-broker", "synthfleet-store"]),
    ("lapin", &["synthfleet-broker"]),
    ("s3s", &["synthfleet-store-server"]),
    ("axum", &["synthfleet-coordinator", "synthfleet"]),
    ("tower-http", &["synthfleet-coordinator", "synthfleet"]),
    ("hyper-rustls", &["synthfleet"]),
    ("prometheus", &["synthfleet-metrics"]),
    ("clap", &["synthfleet", "synthfleet-sim"]),
    ("tracing-subscriber", &["synthfleet"]),
    (
        "tokio",
        &[
            "synthfleet-harness",
            "synthfleet-broker",
            "synthfleet-store",
            "synthfleet-store-server",
            "synthfleet-coordinator",
            "synthfleet-worker",
            "synthfleet-intake",
            "synthfleet",
            "synthfleet-sim",
        ],
    ),
];

/// Crates that must not be reachable from a room, over any number of steps and with all features.
const UNREACHABLE: &[(&str, &[&str])] = &[
    ("synthfleet-proto", &["tokio", "arrow", "rand"]),
    ("synthfleet-report", &["tokio", "arrow"]),
    ("synthfleet-stats", &["tokio", "arrow"]),
    ("synthfleet-trees", &["tokio", "arrow"]),
    ("synthfleet-table", &["tokio", "arrow", "datafusion"]),
    ("synthfleet-laws", &["tokio", "arrow", "datafusion"]),
    ("synthfleet-synthesizers", &["tokio", "arrow", "datafusion"]),
    ("synthfleet-benchmarks", &["tokio", "arrow", "datafusion"]),
    ("synthfleet-coordinator", &["arrow", "datafusion"]),
    ("synthfleet-intake", &["lapin", "aws-sdk-s3"]),
    ("synthfleet-store", &["s3s", "aws-lc-sys", "openssl-sys"]),
    // servers for tests, and nothing else; one crypto provider
    ("synthfleet", &["synthfleet-harness", "s3s", "aws-lc-sys", "openssl-sys"]),
    ("synthfleet-worker", &["axum"]),
];

/// Asks cargo for the graph and judges it.
pub fn check() -> Outcome {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--locked", "--all-features"])
        .output()
        .map_err(|e| format!("cannot run cargo metadata: {e}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let graph: Value = serde_json::from_slice(&output.stdout).map_err(|e| format!("cargo metadata is not JSON: {e}"))?;
    let broken = violations(&graph);
    if broken.is_empty() { Ok(()) } else { Err(format!("the dependency law is broken:\n  {}", broken.join("\n  "))) }
}

/// Every broken rule of a `cargo metadata` document, one sentence each.
fn violations(graph: &Value) -> Vec<String> {
    let names: BTreeMap<&str, &str> = items(&graph["packages"]).filter_map(|p| Some((p["id"].as_str()?, p["name"].as_str()?))).collect();
    let members: BTreeSet<&str> =
        items(&graph["workspace_members"]).filter_map(Value::as_str).filter_map(|id| names.get(id).copied()).collect();
    let mut broken = Vec::new();
    for package in items(&graph["packages"]) {
        let Some(name) = package["name"].as_str().filter(|name| members.contains(name)) else { continue };
        let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| *room == name) else {
            broken.push(format!("{name} is not in the table of rooms"));
            continue;
        };
        for used in items(&package["dependencies"]).filter_map(|d| d["name"].as_str()) {
            if members.contains(used) && !allowed.contains(&used) {
                broken.push(format!(
                    "{name} uses {used}, its row allows {}",
                    if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") }
                ));
            }
            if let Some((_, rooms)) = OUTSIDE.iter().find(|(outside, rooms)| *outside == used && !rooms.contains(&name)) {
                broken.push(format!("{name} names {used}, which belongs to {}", rooms.join(", ")));
            }
        }
    }
    broken.extend(unreachable(graph, &names));
    broken
}

fn unreachable(graph: &Value, names: &BTreeMap<&str, &str>) -> Vec<String> {
    let mut edges: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in items(&graph["resolve"]["nodes"]) {
        let normal = items(&node["deps"]).filter(|d| items(&d["dep_kinds"]).any(|kind| kind["kind"].is_null()));
        let Some(id) = node["id"].as_str() else { continue };
        edges.insert(id, normal.filter_map(|d| d["pkg"].as_str()).collect());
    }
    let mut broken = Vec::new();
    for (room, forbidden) in UNREACHABLE {
        let Some(start) = names.iter().find(|(_, name)| *name == room).map(|(id, _)| *id) else { continue };
        let (mut open, mut seen) = (vec![start], BTreeSet::new());
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                open.extend(edges.get(id).into_iter().flatten());
            }
        }
        let reached: BTreeSet<&str> = seen.iter().filter_map(|id| names.get(id).copied()).collect();
        broken.extend(forbidden.iter().filter(|f| reached.contains(**f)).map(|f| format!("{f} is reachable from {room}")));
    }
    broken
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    type Package = (&'static str, &'static [&'static str]);

    fn graph(packages: &[Package]) -> Value {
        let package = |(name, uses): &Package| json!({"id": name, "name": name, "dependencies": uses.iter().map(|u| json!({"name": u})).collect::<Vec<_>>()});
        let node = |(name, uses): &Package| json!({"id": name, "deps": uses.iter().map(|u| json!({"pkg": u, "dep_kinds": [{"kind": null}]})).collect::<Vec<_>>()});
        let members: Vec<_> = packages.iter().map(|(name, _)| *name).filter(|n| n.starts_with("synthfleet") || *n == "stranger").collect();
        json!({
            "packages": packages.iter().map(package).collect::<Vec<_>>(),
            "workspace_members": members,
            "resolve": {"nodes": packages.iter().map(node).collect::<Vec<_>>()},
        })
    }

    #[test]
    fn a_lawful_graph_passes() {
        assert!(violations(&graph(&[("synthfleet-proto", &[]), ("synthfleet-table", &["synthfleet-proto"])])).is_empty());
    }

    #[test]
    fn a01_the_coordinator_cannot_reach_a_table_library() {
        let packages: [Package; 3] = [("synthfleet-coordinator", &["helper"]), ("helper", &["arrow"]), ("arrow", &[])];
        assert_eq!(violations(&graph(&packages)), ["arrow is reachable from synthfleet-coordinator"]);
    }

    #[test]
    fn a03_proto_cannot_reach_async_or_chance() {
        let packages: [Package; 3] = [("synthfleet-proto", &["tokio", "rand"]), ("tokio", &[]), ("rand", &[])];
        let broken = violations(&graph(&packages));
        assert!(
            broken.iter().any(|b| b == "tokio is reachable from synthfleet-proto")
                && broken.iter().any(|b| b == "rand is reachable from synthfleet-proto")
        );
    }

    #[test]
    fn each_planted_violation_is_caught() {
        let planted: [(&[Package], &str); 4] = [
            (&[("synthfleet-proto", &["synthfleet-table"]), ("synthfleet-table", &[])], "synthfleet-proto uses synthfleet-table"),
            (&[("synthfleet-table", &["datafusion"]), ("datafusion", &[])], "synthfleet-table names datafusion"),
            (&[("synthfleet-proto", &["helper"]), ("helper", &["tokio"]), ("tokio", &[])], "tokio is reachable from synthfleet-proto"),
            (&[("stranger", &[])], "stranger is not in the table"),
        ];
        for (packages, sentence) in planted {
            let broken = violations(&graph(packages));
            assert!(broken.iter().any(|b| b.contains(sentence)), "{sentence}: {broken:?}");
        }
    }
}
