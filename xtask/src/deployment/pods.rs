//! What every pod must be: restricted, bounded, probed, without a key to the cluster. Rules over rendered documents.

use super::settings;
use serde_json::Value;

/// Longest grace: never the length of a task. A broker's own may be longer.
const GRACE_SECONDS_MAX: u64 = 130;
/// Names of kinds that hold a pod's template.
const OWNERS: [&str; 5] = ["Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet"];

/// The pod templates of a list of documents, with the names of what holds them.
pub fn templates(documents: &[Value]) -> Vec<(String, &Value)> {
    let owner = |document: &&Value| OWNERS.contains(&document["kind"].as_str().unwrap_or_default());
    let plain = documents.iter().filter(owner).map(|d| (name_of(d), &d["spec"]["template"]));
    let jobs = documents.iter().filter(|d| d["kind"] == "CronJob").map(|d| (name_of(d), &d["spec"]["jobTemplate"]["spec"]["template"]));
    let scaled = documents.iter().filter(|d| d["kind"] == "ScaledJob").map(|d| (name_of(d), &d["spec"]["jobTargetRef"]["template"]));
    let bare = documents.iter().filter(|d| d["kind"] == "Pod").map(|d| (name_of(d), d));
    plain.chain(jobs).chain(scaled).chain(bare).collect()
}

/// `Kind/name` of a document.
pub fn name_of(document: &Value) -> String {
    format!("{}/{}", document["kind"].as_str().unwrap_or("?"), document["metadata"]["name"].as_str().unwrap_or("?"))
}

/// Every broken rule of every pod.
pub fn problems(documents: &[Value], known: &settings::Known) -> Vec<String> {
    let mut broken = Vec::new();
    for (owner, template) in templates(documents) {
        let role = template["metadata"]["labels"]["synthfleet.dev/role"].as_str().unwrap_or_default();
        let mut told = pod(&template["spec"], role);
        let containers = list(&template["spec"]["containers"]).chain(list(&template["spec"]["initContainers"]));
        for container in containers {
            let name = container["name"].as_str().unwrap_or("?");
            let own = of_container(container, role).into_iter().chain(settings::of_variables(container, known));
            told.extend(own.map(|problem| format!("{name}: {problem}")));
        }
        broken.extend(told.into_iter().map(|problem| format!("{owner}: {problem}")));
        broken.extend(long(&owner, template).into_iter().map(|problem| format!("{owner}: {problem}")));
    }
    broken.extend(lives_through_drains(documents));
    broken.extend(mounts(documents));
    broken
}

/// What pods mount is there: files of settings by their name with the hash, and the store's folder if it is one.
fn mounts(documents: &[Value]) -> Vec<String> {
    let maps: Vec<&Value> = documents.iter().filter(|d| d["kind"] == "ConfigMap").collect();
    let setting = maps.iter().filter_map(|map| map["data"]["config.toml"].as_str()).find_map(|text| text.split_once("url = \"file://"));
    let folder = setting.and_then(|(_, rest)| rest.split('"').next());
    let mut broken = Vec::new();
    for (owner, template) in templates(documents) {
        let named = list(&template["spec"]["volumes"]).filter_map(|volume| volume["configMap"]["name"].as_str());
        let gone = named.filter(|name| !maps.iter().any(|map| map["metadata"]["name"] == *name));
        broken.extend(gone.map(|name| format!("{owner}: there is no ConfigMap {name}")));
        let mut places = list(&template["spec"]["containers"]).flat_map(|container| list(&container["volumeMounts"]));
        let has_role = template["metadata"]["labels"]["synthfleet.dev/role"].is_string();
        if let Some(folder) = folder.filter(|folder| has_role && !places.any(|mount| mount["mountPath"] == *folder)) {
            broken.push(format!("{owner}: the store's folder {folder} is not mounted"));
        }
    }
    broken
}

fn pod(spec: &Value, role: &str) -> Vec<String> {
    let mut broken = Vec::new();
    let mut rule = |holds: bool, problem: &str| {
        if !holds {
            broken.push(problem.to_owned());
        }
    };
    let context = &spec["securityContext"];
    rule(context["runAsNonRoot"] == true, "runAsNonRoot is not true");
    rule(context["runAsUser"].as_u64().is_some_and(|user| user > 0), "runAsUser is not a user of its own");
    rule(context["seccompProfile"]["type"] == "RuntimeDefault", "no seccompProfile RuntimeDefault");
    rule(spec["automountServiceAccountToken"] == false, "automountServiceAccountToken is not false");
    rule(spec["enableServiceLinks"] == false, "enableServiceLinks is not false: variables SYNTHFLEET_.. of services are no settings");
    for name in ["hostNetwork", "hostPID", "hostIPC"] {
        rule(spec[name] != true, &format!("{name} is on"));
    }
    rule(
        spec["terminationGracePeriodSeconds"].as_u64().is_some_and(|grace| grace <= GRACE_SECONDS_MAX),
        "grace is absent or longer than 130 s",
    );
    if !role.is_empty() {
        let account = spec["serviceAccountName"].as_str().unwrap_or_default();
        rule(account == format!("synthfleet-{role}"), "does not have the identity of its role");
    }
    if role == "coordinator" {
        let keys: Vec<&str> = list(&spec["topologySpreadConstraints"]).filter_map(|entry| entry["topologyKey"].as_str()).collect();
        let both = ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].iter().all(|key| keys.contains(key));
        rule(both, "is not spread over zones and hosts");
    }
    for volume in list(&spec["volumes"]) {
        let name = volume["name"].as_str().unwrap_or("?");
        rule(volume["hostPath"].is_null(), &format!("volume {name} is a path of the host"));
        rule(volume["emptyDir"].is_null() || volume["emptyDir"]["sizeLimit"].is_string(), &format!("volume {name} has no sizeLimit"));
    }
    broken
}

fn of_container(container: &Value, role: &str) -> Vec<String> {
    let mut broken = Vec::new();
    let mut rule = |holds: bool, problem: &str| {
        if !holds {
            broken.push(problem.to_owned());
        }
    };
    let context = &container["securityContext"];
    rule(context["allowPrivilegeEscalation"] == false, "allowPrivilegeEscalation is not false");
    rule(context["readOnlyRootFilesystem"] == true, "readOnlyRootFilesystem is not true");
    rule(context["runAsNonRoot"] == true, "runAsNonRoot is not true");
    rule(context["privileged"] != true, "is privileged");
    rule(list(&context["capabilities"]["drop"]).any(|name| name == "ALL"), "does not drop ALL capabilities");
    rule(context["capabilities"]["add"].is_null(), "adds capabilities");
    let (requests, limits) = (&container["resources"]["requests"], &container["resources"]["limits"]);
    rule(requests["memory"].is_string() && requests["memory"] == limits["memory"], "memory request and limit are absent or differ");
    rule(!requests["cpu"].is_null(), "no cpu request");
    rule(limits["cpu"].is_null(), "has a cpu limit: it would be throttled, not protected");
    rule(requests["ephemeral-storage"].is_string() && limits["ephemeral-storage"].is_string(), "no ephemeral-storage");
    let image = container["image"].as_str().unwrap_or_default();
    let tag = image.rsplit('/').next().and_then(|last| last.split_once([':', '@'])).map(|(_, tag)| tag);
    rule(tag.is_some_and(|tag| tag != "latest"), "image without a fixed tag or digest");
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        rule(container[probe].is_object(), &format!("no {probe}"));
    }
    if !role.is_empty() {
        let wanted = [("startupProbe", "/readyz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")];
        for (probe, path) in wanted {
            let get = &container[probe]["httpGet"];
            rule(get["path"] == path && get["port"] == "admin", &format!("{probe} does not ask {path} of the admin port"));
        }
        rule(container["command"].is_null(), "has a command: the role is an argument");
        rule(container["args"][0] == role, "its argument is not its role");
    }
    broken
}

/// Pods whose tasks are long are moved by hand alone.
fn long(owner: &str, template: &Value) -> Vec<String> {
    if template["metadata"]["labels"]["synthfleet.dev/pool"] != "heavy" && !owner.starts_with("ScaledJob/") {
        return Vec::new();
    }
    let notes = &template["metadata"]["annotations"];
    let wanted = [("karpenter.sh/do-not-disrupt", "true"), ("cluster-autoscaler.kubernetes.io/safe-to-evict", "false")];
    let absent = wanted.iter().filter(|(note, value)| notes[*note] != *value);
    absent.map(|(note, value)| format!("long tasks without {note}: \"{value}\"")).collect()
}

/// Coordinators lose one at a time; workers and brokers never block a drain for ever.
fn lives_through_drains(documents: &[Value]) -> Vec<String> {
    let mut broken = Vec::new();
    for document in documents {
        let name = name_of(document);
        if document["kind"] == "PodDisruptionBudget" {
            let selector = &document["spec"]["selector"]["matchLabels"];
            if selector["synthfleet.dev/role"] == "worker" || selector["synthfleet.dev/pool"].is_string() {
                broken.push(format!("{name}: a budget for workers blocks drains"));
            }
            if document["spec"]["maxUnavailable"] != 1 {
                broken.push(format!("{name}: does not say maxUnavailable: 1"));
            }
        }
        if document["kind"] == "Deployment" && document["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] != 1 {
            broken.push(format!("{name}: an update may lose more than one"));
        }
        if document["kind"] == "ScaledObject" && document["spec"]["scaleTargetRef"]["name"] == "worker-heavy" {
            broken.push(format!("{name}: scaling down a pool of long tasks begins them anew"));
        }
    }
    let guarded = documents
        .iter()
        .any(|d| d["kind"] == "PodDisruptionBudget" && d["spec"]["selector"]["matchLabels"]["synthfleet.dev/role"] == "coordinator");
    if !guarded {
        broken.push("no PodDisruptionBudget for coordinators".to_owned());
    }
    broken
}

/// The entries of a list, none if it is none.
pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_pods_mount_must_be_there() {
        let settings =
            json!({"kind": "ConfigMap", "metadata": {"name": "settings-1"}, "data": {"config.toml": "[store]\nurl = \"file:///store\"\n"}});
        let pod = |name: &str, place: &str| {
            json!({"kind": "Deployment", "metadata": {"name": "x"}, "spec": {"template": {
                "metadata": {"labels": {"synthfleet.dev/role": "worker"}},
                "spec": {"volumes": [{"configMap": {"name": name}}], "containers": [{"volumeMounts": [{"mountPath": place}]}]}}}})
        };
        assert_eq!(mounts(&[settings.clone(), pod("settings-1", "/store")]), [""; 0]);
        assert_eq!(mounts(&[settings.clone(), pod("settings", "/store")]), ["Deployment/x: there is no ConfigMap settings"]);
        assert_eq!(mounts(&[settings, pod("settings-1", "/tmp")]), ["Deployment/x: the store's folder /store is not mounted"]);
    }
}
