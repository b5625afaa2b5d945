//! The table in the form that RabbitMQ imports, and what its configuration file must say.

use super::{EXCHANGES, Life, Permissions, Role, Value, queues};
use serde_json::{Map, json};

/// What the broker's configuration file must say beside its addresses.
pub const CONFIGURATION: &str = "consumer_timeout = 86400000
max_message_size = 131072
heartbeat = 20
";

/// What may be tuned without a new name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Name.
    pub name: &'static str,
    /// The queues it holds for.
    pub pattern: &'static str,
    /// What it says.
    pub definition: &'static [(&'static str, Value)],
}

/// Every policy.
pub const fn policies() -> [Policy; 2] {
    [
        Policy {
            name: "synthfleet-pool",
            pattern: r"^sf\.v1\.pool\..+$",
            definition: &[("max-length", Value::Number(100_000)), ("max-length-bytes", Value::Number(256 << 20))],
        },
        Policy {
            name: "synthfleet-dead",
            pattern: r"^sf\.v1\.dead$",
            definition: &[("message-ttl", Value::Number(14 * 86_400_000)), ("max-length", Value::Number(100_000))],
        },
    ]
}

/// A definitions file for one virtual host: exchanges, queues, bindings, policies, and the permissions
/// of users that exist already.
pub fn definitions(virtual_host: &str, pools: &[String], tenants: &[String], users: &[(String, Role)]) -> serde_json::Value {
    let queues: Vec<_> = queues(pools, tenants).into_iter().filter(|queue| queue.life == Life::Durable).collect();
    let bindings = queues.iter().flat_map(|queue| {
        queue.bindings.iter().map(move |(source, key)| {
            json!({"vhost": virtual_host, "source": source, "destination": queue.name, "destination_type": "queue",
                   "routing_key": key, "arguments": {}})
        })
    });
    json!({
        "exchanges": EXCHANGES.iter().map(|(name, kind)| {
            json!({"vhost": virtual_host, "name": name, "type": kind.name(), "durable": true, "auto_delete": false,
                   "internal": false, "arguments": {}})
        }).collect::<Vec<_>>(),
        "bindings": bindings.collect::<Vec<_>>(),
        "queues": queues.iter().map(|queue| {
            json!({"vhost": virtual_host, "name": queue.name, "durable": true, "auto_delete": false,
                   "arguments": table(&queue.arguments)})
        }).collect::<Vec<_>>(),
        "policies": policies().iter().map(|policy| {
            json!({"vhost": virtual_host, "name": policy.name, "pattern": policy.pattern, "apply-to": "queues", "priority": 0,
                   "definition": table(policy.definition)})
        }).collect::<Vec<_>>(),
        "permissions": users.iter().map(|(user, role)| {
            let Permissions { configure, write, read } = role.permissions();
            json!({"vhost": virtual_host, "user": user, "configure": configure, "write": write, "read": read})
        }).collect::<Vec<_>>(),
    })
}

fn table(entries: &[(&str, Value)]) -> Map<String, serde_json::Value> {
    let value = |value: &Value| match value {
        Value::Text(text) => json!(text),
        Value::Number(number) => json!(number),
    };
    entries.iter().map(|(name, entry)| ((*name).to_owned(), value(entry))).collect()
}
