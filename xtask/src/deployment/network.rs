//! Who may speak to whom, what the namespace enforces, and what is missing beside the pods. Rules over rendered documents.

use super::pods::{list, name_of, templates};
use serde_json::Value;

/// Where a machine of the cloud gives keys to whoever asks.
const METADATA: &str = "169.254.169.254";

/// Every broken rule.
pub fn problems(documents: &[Value]) -> Vec<String> {
    let mut broken = namespace(documents);
    let policies: Vec<&Value> = documents.iter().filter(|d| d["kind"] == "NetworkPolicy").collect();
    let denies = policies.iter().any(|policy| {
        let spec = &policy["spec"];
        let both = ["Ingress", "Egress"].iter().all(|way| list(&spec["policyTypes"]).any(|entry| entry == way));
        let all = spec["podSelector"].as_object().is_some_and(serde_json::Map::is_empty);
        both && all && spec["ingress"].is_null() && spec["egress"].is_null()
    });
    if !denies {
        broken.push("no NetworkPolicy denies everything by default".to_owned());
    }
    for policy in policies {
        broken.extend(walls(policy).into_iter().map(|problem| format!("{}: {problem}", name_of(policy))));
    }
    broken.extend(secrets(documents));
    broken.extend(queues(documents));
    broken.extend(broker(documents));
    broken
}

fn namespace(documents: &[Value]) -> Vec<String> {
    let mut spaces = documents.iter().filter(|d| d["kind"] == "Namespace");
    let restricted = spaces.any(|d| d["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted");
    let mut broken: Vec<String> = (!restricted).then(|| "no namespace enforces the restricted profile".to_owned()).into_iter().collect();
    let elsewhere = documents.iter().filter(|d| d["kind"] != "Namespace" && d["metadata"]["namespace"] != "synthfleet");
    broken.extend(elsewhere.map(|d| format!("{}: is not in the namespace synthfleet", name_of(d))));
    broken
}

/// A policy opens ports by name, to parts by name; the whole world is for the fetcher alone.
fn walls(policy: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    let spec = &policy["spec"];
    let fetcher = spec["podSelector"]["matchLabels"]["synthfleet.dev/pool"] == "fetcher";
    for rule in list(&spec["egress"]) {
        if list(&rule["to"]).next().is_none() {
            broken.push("an egress rule without `to` is a way to everywhere".to_owned());
        }
        for block in list(&rule["to"]).map(|to| &to["ipBlock"]).filter(|block| !block.is_null()) {
            let cidr = block["cidr"].as_str().unwrap_or_default();
            let spared = list(&block["except"]).any(|entry| entry == "169.254.0.0/16");
            let web = is_wide(cidr);
            if web && !fetcher {
                broken.push(format!("{cidr} is open, and only the fetcher may have that"));
            }
            if (web && !spared) || cidr.starts_with("169.254.") {
                broken.push(format!("{METADATA} can be reached by {cidr}"));
            }
            if web && list(&rule["ports"]).any(|port| port["port"] != 443) || list(&rule["ports"]).next().is_none() {
                broken.push(format!("{cidr} is open on other ports than 443"));
            }
        }
    }
    for rule in list(&spec["ingress"]) {
        if list(&rule["from"]).next().is_none() {
            broken.push("an ingress rule without `from` lets everybody in".to_owned());
        }
    }
    broken
}

/// Whether a range is more than a private network's: shorter than /8, or outside the private ranges.
fn is_wide(cidr: &str) -> bool {
    let bits = cidr.split('/').nth(1).and_then(|bits| bits.parse::<u8>().ok()).unwrap_or(32);
    let second = cidr.split('.').nth(1).and_then(|part| part.parse::<u8>().ok()).unwrap_or_default();
    let private = cidr.starts_with("10.")
        || cidr.starts_with("192.168.")
        || cidr.starts_with("172.") && (16..32).contains(&second)
        || cidr.starts_with("100.") && (64..128).contains(&second)
        || cidr.starts_with("169.254.");
    bits < 8 || !private
}

/// Secrets are named, never written down.
fn secrets(documents: &[Value]) -> Vec<String> {
    documents.iter().filter(|d| d["kind"] == "Secret").map(|d| format!("{}: a secret lies in the repository", name_of(d))).collect()
}

/// Where RabbitMQ's objects are part of the list, each pool has its queues and each pod its user.
fn queues(documents: &[Value]) -> Vec<String> {
    let named = |kind: &str, name: &str| documents.iter().any(|d| d["kind"] == kind && d["metadata"]["name"] == name);
    let declared = documents.iter().any(|d| d["kind"] == "Vhost");
    let imported = documents.iter().filter(|d| d["kind"] == "ConfigMap").filter_map(|d| d["data"]["definitions.json"].as_str()).next();
    let mut broken = Vec::new();
    for (owner, template) in templates(documents) {
        let variables: Vec<&Value> = list(&template["spec"]["containers"]).flat_map(|container| list(&container["env"])).collect();
        let value = |name: &str| variables.iter().find(|entry| entry["name"] == name).and_then(|entry| entry["value"].as_str());
        if let Some(pool) = value("SYNTHFLEET_WORKER_POOL") {
            for class in ["interactive", "batch"] {
                let queue = format!("sf.v1.pool.{pool}.{class}");
                let there = imported.is_some_and(|text| text.contains(&format!("\"{queue}\"")));
                if declared && !named("Queue", &queue) || !declared && imported.is_some() && !there {
                    broken.push(format!("{owner}: its queue {queue} is not there"));
                }
            }
        }
        let user = value("SYNTHFLEET_BROKER_URL").and_then(|url| url.split("://").nth(1)?.split_once('@')).map(|(user, _)| user);
        if let Some(user) = user.filter(|user| declared && !named("User", user)) {
            broken.push(format!("{owner}: its user {user} is not there"));
        }
    }
    broken
}

/// RabbitMQ's cluster: an odd number of replicas apart from each other, with the time that tasks take.
fn broker(documents: &[Value]) -> Vec<String> {
    let mut broken = Vec::new();
    for cluster in documents.iter().filter(|d| d["kind"] == "RabbitmqCluster") {
        let (spec, name) = (&cluster["spec"], name_of(cluster));
        let extra = spec["rabbitmq"]["additionalConfig"].as_str().unwrap_or_default();
        let rules = [
            (spec["replicas"].as_u64().is_some_and(|count| count >= 3), "fewer than three replicas"),
            (!extra.contains("pause_minority"), "pause_minority is gone in RabbitMQ 4.3"),
            (extra.contains("consumer_timeout"), "no consumer_timeout"),
            (
                list(&spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]).next().is_some(),
                "two replicas may share a host",
            ),
            (spec["persistence"]["storage"].is_string(), "no disk of its own"),
        ];
        broken.extend(rules.iter().filter(|(holds, _)| !holds).map(|(_, problem)| format!("{name}: {problem}")));
    }
    broken
}
