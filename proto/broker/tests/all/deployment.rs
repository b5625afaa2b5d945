//! The files that make a production broker are what the topology's table says. A file that is absent is written by
//! `SYNTHFLEET_GOLDEN=write cargo nextest run --release -p synthfleet-broker deployment`; one that is there is compared.

use super::fleet::options;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use synthfleet_broker::rabbitmq::{Declare, Options, RabbitMq};
use synthfleet_broker::topology::{self, EXCHANGES, Life, Role};
use synthfleet_broker::{Broker, Inbox, Route, Settle};
use synthfleet_harness::Node;
use synthfleet_proto::class::Class;

/// The virtual host of a fleet.
const HOST: &str = "fleet";
/// Pools of the overlays and of the compose file.
const POOLS: [&str; 3] = ["fetcher", "heavy", "light"];
/// Who reads counts and nothing else: the scaler, dashboards.
const MONITOR: &str = "monitor";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn pools() -> Vec<String> {
    POOLS.map(str::to_owned).to_vec()
}

/// A user for each role: one of each pool, so that no worker reads another pool's queue.
fn users() -> Vec<(String, Role)> {
    let workers = POOLS.map(|pool| (format!("worker-{pool}"), Role::Worker { pools: vec![pool.to_owned()] }));
    let submitter = Role::Submitter { user: "submitter".to_owned() };
    [("coordinator".to_owned(), Role::Coordinator), ("submitter".to_owned(), submitter)].into_iter().chain(workers).collect()
}

/// The file that a node imports at start. Its users come from another file: passwords are not for a repository.
fn definitions() -> Value {
    let mut all = topology::definitions(HOST, &pools(), &[], &users());
    all["vhosts"] = json!([{"name": HOST}]);
    let mut permissions = all["permissions"].take();
    if let Some(list) = permissions.as_array_mut() {
        list.push(json!({"vhost": HOST, "user": MONITOR, "configure": "^$", "write": "^$", "read": "^$"}));
    }
    all["permissions"] = permissions;
    all
}

fn object(kind: &str, name: &str, mut spec: Value) -> Value {
    spec["rabbitmqClusterReference"] = json!({"name": "rabbitmq"});
    json!({"apiVersion": "rabbitmq.com/v1beta1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// The same for RabbitMQ's topology operator.
fn objects() -> Value {
    let mut items = vec![object("Vhost", HOST, json!({"name": HOST}))];
    let exchange = |(name, kind): &(&str, topology::Kind)| {
        object("Exchange", name, json!({"name": name, "vhost": HOST, "type": kind.name(), "durable": true, "autoDelete": false}))
    };
    items.extend(EXCHANGES.iter().map(exchange));
    let all = definitions();
    for queue in topology::queues(&pools(), &[]).iter().filter(|queue| queue.life == Life::Durable) {
        let known = all["queues"].as_array().into_iter().flatten().find(|entry| entry["name"] == queue.name.as_str());
        let mut arguments = known.map(|entry| entry["arguments"].clone()).unwrap_or_default();
        // the operator writes this argument itself
        let kind = arguments.as_object_mut().and_then(|table| table.remove("x-queue-type"));
        let spec = json!({"name": queue.name, "vhost": HOST, "type": kind, "durable": true, "autoDelete": false, "arguments": arguments});
        items.push(object("Queue", &queue.name, spec));
        for (source, key) in &queue.bindings {
            let spec = json!({"vhost": HOST, "source": source, "destination": queue.name, "destinationType": "queue", "routingKey": key});
            items.push(object("Binding", &format!("{source}-{}", queue.name), spec));
        }
    }
    for policy in all["policies"].as_array().into_iter().flatten() {
        let spec = json!({"name": policy["name"], "vhost": HOST, "pattern": policy["pattern"], "applyTo": "queues", "priority": 0,
            "definition": policy["definition"]});
        items.push(object("Policy", policy["name"].as_str().unwrap_or_default(), spec));
    }
    for permission in all["permissions"].as_array().into_iter().flatten() {
        let user = permission["user"].as_str().unwrap_or_default();
        let tags = if user == MONITOR { json!(["monitoring"]) } else { json!([]) };
        items.push(object("User", user, json!({"tags": tags, "importCredentialsSecret": {"name": format!("broker-{user}")}})));
        let rights = json!({"configure": permission["configure"], "write": permission["write"], "read": permission["read"]});
        items.push(object("Permission", user, json!({"vhost": HOST, "userReference": {"name": user}, "permissions": rights})));
    }
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

/// Compares with a file of the repository.
fn golden(path: &str, value: &Value) {
    let text = format!("{value:#}\n");
    let file = root().join(path);
    if !file.exists() && option_env!("SYNTHFLEET_GOLDEN") == Some("write") {
        std::fs::write(&file, &text).expect("written");
    }
    let known = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(text, known, "{path} is not what the table says: remove the file and write it anew");
}

#[test]
fn the_definitions_of_a_node_are_the_table() {
    golden("deploy/rabbitmq/definitions.json", &definitions());
}

#[test]
fn the_objects_of_the_operator_are_the_table() {
    golden("k8s/components/rabbitmq-operator/topology.json", &objects());
}

#[test]
fn names_of_the_operators_objects_are_given_once_and_legal() {
    let objects = objects();
    let named =
        |item: &Value| format!("{}/{}", item["kind"].as_str().unwrap_or_default(), item["metadata"]["name"].as_str().unwrap_or_default());
    let mut names: Vec<String> = objects["items"].as_array().into_iter().flatten().map(named).collect();
    let count = names.len();
    assert!(names.iter().all(|name| {
        name.split('/')
            .nth(1)
            .is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-'))
    }));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn both_configurations_say_what_synthfleet_asks_for() {
    for path in ["deploy/rabbitmq/rabbitmq.conf", "k8s/components/rabbitmq-operator/cluster.yaml"] {
        let text = std::fs::read_to_string(root().join(path)).expect("a file");
        for line in topology::CONFIGURATION.lines() {
            assert!(text.lines().any(|found| found.trim() == line), "{path} lacks {line:?}");
        }
    }
}

/// A node from the files as they are, with passwords that the script makes in a folder of its own.
fn node(folder: &Path) -> Node {
    let definitions = folder.join("definitions");
    fs::create_dir_all(&definitions).expect("a folder");
    fs::copy(root().join("deploy/secrets.sh"), folder.join("secrets.sh")).expect("the script");
    assert!(Command::new("bash").arg(folder.join("secrets.sh")).status().expect("a shell").success());
    fs::copy(folder.join("secrets/users.json"), definitions.join("00-users.json")).expect("the users");
    fs::copy(root().join("deploy/rabbitmq/definitions.json"), definitions.join("10-topology.json")).expect("the table");
    let text = fs::read_to_string(root().join("deploy/rabbitmq/rabbitmq.conf")).expect("the configuration");
    let own = |line: &str| match line.split_once(" = ") {
        Some(("load_definitions", _)) => Some(format!("load_definitions = {}", definitions.display())),
        Some((key, _)) if !key.starts_with("log.") && !key.starts_with('#') => Some(line.to_owned()),
        _ => None,
    };
    let lines: Vec<String> = text.lines().filter_map(own).collect();
    Node::private(&lines.iter().map(String::as_str).collect::<Vec<_>>()).expect("a node")
}

#[test]
fn on_a_node_of_the_deployments_files_each_role_can_do_its_work_and_no_other() {
    let folder = std::env::temp_dir().join(format!("synthfleet-deployment-{}", std::process::id()));
    let node = node(&folder);
    let session = |user: &str, pool: &str| {
        let password = fs::read_to_string(folder.join(format!("secrets/{user}.password"))).expect("a password");
        let url = format!("amqp://{user}@127.0.0.1:{}/{HOST}", node.port());
        Options { declare: Declare::Never, password: Some(password), ..options(&url, &[pool]) }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let join = |user: &'static str, pool: &'static str| RabbitMq::connect(session(user, pool), 3);
        let light = join("worker-light", "light").await.expect("the pool's worker finds its queues");
        let heavy = join("worker-heavy", "heavy").await.expect("the other pool's too");
        let coordinator = join("coordinator", "light").await.expect("the coordinator");
        let class = Class::Batch;
        coordinator.publish(&Route::Pool { pool: "light".to_owned(), class }, b"task").await.expect("a task");
        let inbox = Inbox::Pool { pool: "light".to_owned(), classes: vec![class] };
        let stolen = tokio::time::timeout(Duration::from_secs(20), heavy.take(&inbox)).await;
        assert_eq!(stolen.expect("an answer").expect_err("refused").code(), "broker::denied");
        let delivery = light.take(&inbox).await.expect("its task");
        light.settle(delivery, Settle::Ack).await.expect("settled");
        assert!(join("worker-light", "absent").await.is_err(), "a queue that is not there was not missed");
    });
    let users = node.control(&["list_users", "-q"]).expect("users");
    assert!(users.contains("worker-fetcher") && !users.contains("guest"), "{users}");
    // what is left of a test that failed is in the folder of temporary files
    let _ = fs::remove_dir_all(&folder);
}
