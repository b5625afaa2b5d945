//! Defects that are planted into what is right, one at a time: each must be told by the check that it is for. A check
//! that lets one pass is itself broken.

use super::catalogue::Catalogue;
use super::render::Rendered;
use super::settings::Known;
use super::tools::Tools;
use super::{Found, files, jobs, network, pods, prometheus, scaling, schemas, settings};
use serde_json::{Value, json};

/// Name, the kind and name of the document that is broken, how, and a word of what must be told.
type Defect = (&'static str, &'static str, fn(&mut Value), &'static str);

/// Where the first container of a template is.
const FIRST: &str = "/spec/template/spec/containers/0";

/// Defects that rules of our own tell.
const OWN: &[Defect] = &[
    ("no-memory-limit", "Deployment/worker-light", |d| remove(d, "/spec/template/spec/containers/0/resources/limits", "memory"), "memory"),
    (
        "cpu-limit",
        "Deployment/worker-light",
        |d| d["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"] = json!("2"),
        "cpu limit",
    ),
    (
        "no-storage-limit",
        "Deployment/coordinator",
        |d| remove(d, "/spec/template/spec/containers/0/resources/limits", "ephemeral-storage"),
        "ephemeral",
    ),
    ("root", "Deployment/coordinator", |d| d["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] = json!(false), "runAsNonRoot"),
    (
        "writable-root",
        "ScaledJob/worker-heavy",
        |d| remove(d, "/spec/jobTargetRef/template/spec/containers/0/securityContext", "readOnlyRootFilesystem"),
        "readOnlyRoot",
    ),
    (
        "capabilities",
        "Deployment/worker-light",
        |d| remove(d, "/spec/template/spec/containers/0/securityContext/capabilities", "drop"),
        "capabilities",
    ),
    ("token", "Deployment/coordinator", |d| remove(d, "/spec/template/spec", "automountServiceAccountToken"), "automount"),
    ("service-links", "Deployment/worker-light", |d| remove(d, "/spec/template/spec", "enableServiceLinks"), "enableServiceLinks"),
    ("no-probe", "Deployment/worker-light", |d| remove(d, FIRST, "livenessProbe"), "livenessProbe"),
    (
        "wrong-probe",
        "Deployment/coordinator",
        |d| d["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]["httpGet"]["path"] = json!("/readyz"),
        "/healthz",
    ),
    (
        "grace-of-a-task",
        "ScaledJob/worker-heavy",
        |d| d["spec"]["jobTargetRef"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(3600),
        "grace",
    ),
    ("long-and-moved", "ScaledJob/worker-heavy", |d| remove(d, "/spec/jobTargetRef/template/metadata", "annotations"), "do-not-disrupt"),
    ("job-with-deadline", "ScaledJob/worker-heavy", |d| d["spec"]["jobTargetRef"]["activeDeadlineSeconds"] = json!(60), "lost their Job"),
    ("job-killed-by-a-change", "ScaledJob/worker-heavy", |d| remove(d, "/spec", "rollout"), "gradual"),
    ("job-tried-again", "ScaledJob/worker-heavy", |d| d["spec"]["jobTargetRef"]["backoffLimit"] = json!(6), "backoffLimit"),
    ("job-failed-by-a-node", "ScaledJob/worker-heavy", |d| remove(d, "/spec/jobTargetRef", "podFailurePolicy"), "node that goes away"),
    (
        "job-without-end",
        "ScaledJob/worker-heavy",
        |d| d["spec"]["jobTargetRef"]["template"]["spec"]["containers"][0]["args"] = json!(["worker"]),
        "--exit-when-idle",
    ),
    (
        "job-of-a-pool-that-waits-for-workers",
        "ScaledJob/worker-heavy",
        |d| d["spec"]["jobTargetRef"]["template"]["spec"]["containers"][0]["env"][3]["value"] = json!("false"),
        "SCALE_TO_ZERO",
    ),
    (
        "job-by-another-queue",
        "ScaledJob/worker-heavy",
        |d| d["spec"]["triggers"][0]["metadata"]["queueName"] = json!("^sf\\.v1\\.pool\\.light\\..+$"),
        "not of the pool",
    ),
    (
        "settings-without-their-hash",
        "ScaledJob/worker-heavy",
        |d| d["spec"]["jobTargetRef"]["template"]["spec"]["volumes"][0]["configMap"]["name"] = json!("synthfleet-config"),
        "no ConfigMap",
    ),
    (
        "unknown-setting",
        "Deployment/worker-light",
        |d| d["spec"]["template"]["spec"]["containers"][0]["env"][0]["name"] = json!("SYNTHFLEET_BROKER_URI"),
        "no setting",
    ),
    (
        "secret-written-down",
        "Deployment/worker-light",
        |d| d["spec"]["template"]["spec"]["containers"][0]["env"][0]["name"] = json!("SYNTHFLEET_BROKER_PASSWORD"),
        "written down",
    ),
    (
        "latest",
        "Deployment/coordinator",
        |d| d["spec"]["template"]["spec"]["containers"][0]["image"] = json!("synthfleet:latest"),
        "fixed tag",
    ),
    ("unbounded-scratch", "Deployment/worker-light", |d| d["spec"]["template"]["spec"]["volumes"][2]["emptyDir"] = json!({}), "sizeLimit"),
    (
        "budget-of-workers",
        "PodDisruptionBudget/coordinator",
        |d| d["spec"]["selector"]["matchLabels"] = json!({"synthfleet.dev/role": "worker"}),
        "blocks drains",
    ),
    ("scaled-long-pool", "ScaledObject/worker-light", |d| d["spec"]["scaleTargetRef"]["name"] = json!("worker-heavy"), "long tasks"),
    (
        "hasty-scaler",
        "ScaledObject/worker-light",
        |d| d["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"] = json!(0),
        "begin anew",
    ),
    (
        "scaled-by-another-number",
        "ScaledObject/worker-light",
        |d| d["spec"]["triggers"][0]["metadata"]["value"] = json!("5"),
        "5 messages a pod",
    ),
    (
        "scaled-by-another-queue",
        "ScaledObject/worker-light",
        |d| d["spec"]["triggers"][0]["metadata"]["queueName"] = json!("^sf\\.v1\\.pool\\.heavy\\..+$"),
        "not of the pool",
    ),
    ("open-egress", "NetworkPolicy/store", |d| d["spec"]["egress"][0]["to"][0]["ipBlock"]["cidr"] = json!("0.0.0.0/0"), "only the fetcher"),
    (
        "metadata-address",
        "NetworkPolicy/store",
        |d| d["spec"]["egress"][0]["to"][0]["ipBlock"]["cidr"] = json!("169.254.169.254/32"),
        "169.254",
    ),
    ("egress-to-all", "NetworkPolicy/dns", |d| remove(d, "/spec/egress/0", "to"), "everywhere"),
    ("no-default-deny", "NetworkPolicy/default-deny", |d| d["spec"]["podSelector"] = json!({"matchLabels": {"a": "b"}}), "by default"),
    ("privileged-namespace", "Namespace/synthfleet", |d| d["metadata"]["labels"] = json!({}), "restricted"),
    (
        "missing-queue",
        "Queue/sf.v1.pool.heavy.batch",
        |d| d["metadata"]["name"] = json!("sf.v1.pool.heave.batch"),
        "sf.v1.pool.heavy.batch",
    ),
    ("missing-user", "User/worker-heavy", |d| d["metadata"]["name"] = json!("worker"), "worker-heavy"),
    (
        "pause-minority",
        "RabbitmqCluster/rabbitmq",
        |d| d["spec"]["rabbitmq"]["additionalConfig"] = json!("cluster_partition_handling = pause_minority"),
        "pause_minority",
    ),
];

/// Defects that schemas tell.
const TYPED: &[Defect] = &[
    ("core-unknown-field", "Deployment/coordinator", |d| d["spec"]["replicaz"] = json!(2), "replicaz"),
    ("core-wrong-type", "Deployment/coordinator", |d| d["spec"]["replicas"] = json!("two"), "two"),
    ("core-wrong-version", "PodDisruptionBudget/coordinator", |d| d["apiVersion"] = json!("policy/v1beta1"), "PodDisruptionBudget"),
    ("scaler-unknown-field", "ScaledObject/worker-light", |d| d["spec"]["minReplicas"] = json!(1), "minReplicas"),
    (
        "scaler-without-unacked",
        "ScaledObject/worker-light",
        |d| d["spec"]["triggers"][0]["metadata"]["protocol"] = json!("amqp"),
        "ScaledObject",
    ),
    ("job-unknown-field", "ScaledJob/worker-heavy", |d| d["spec"]["cooldownPeriod"] = json!(300), "cooldownPeriod"),
    (
        "job-unknown-field-of-a-pod",
        "ScaledJob/worker-heavy",
        |d| d["spec"]["jobTargetRef"]["template"]["spec"]["restartPolice"] = json!("Never"),
        "restartPolice",
    ),
    ("queue-not-quorum", "Queue/sf.v1.result", |d| d["spec"]["type"] = json!("classic"), "quorum"),
    ("rule-unknown-field", "PrometheusRule/synthfleet", |d| d["spec"]["groups"][0]["rules"][0]["fore"] = json!("1m"), "fore"),
];

/// Plants each defect into the overlay of production and asks the checks.
pub fn all_are_caught(tools: &Tools, rendered: &[Rendered], known: &Known, catalogue: &Catalogue) -> Found {
    let Some(prod) = rendered.iter().find(|one| one.name == "prod") else { return Err("the overlay prod is gone".to_owned()) };
    let mut missed = Vec::new();
    for defect in OWN {
        match planted(prod, defect) {
            Err(why) => missed.push(why),
            Ok(broken) => {
                let mut told = pods::problems(&broken.documents, known);
                told.extend(network::problems(&broken.documents));
                told.extend(scaling::problems(&broken.documents));
                told.extend(jobs::problems(&broken.documents));
                missed.extend(judge(defect, &told));
            }
        }
    }
    let typed: Vec<Rendered> = TYPED.iter().map(|defect| planted(prod, defect)).collect::<Result<_, _>>()?;
    let told = schemas::kinds(tools, &typed)?;
    for defect in TYPED {
        let own: Vec<String> = told.iter().filter(|line| line.starts_with(&format!("defect-{}:", defect.0))).cloned().collect();
        missed.extend(judge(defect, &own));
    }
    missed.extend(models_tell(tools, prod)?);
    missed.extend(others(tools, known, catalogue)?);
    Ok(missed)
}

/// The overlay with one defect.
fn planted(prod: &Rendered, (name, target, change, _): &Defect) -> Result<Rendered, String> {
    let mut documents = prod.documents.clone();
    let Some(document) = documents.iter_mut().find(|document| pods::name_of(document) == *target) else {
        return Err(format!("{name}: there is no {target} to break"));
    };
    let before = document.clone();
    change(document);
    if *document == before {
        return Err(format!("{name}: nothing was changed in {target}"));
    }
    Ok(Rendered { name: format!("defect-{name}"), documents })
}

fn judge((name, _, _, word): &Defect, told: &[String]) -> Option<String> {
    let caught = told.iter().any(|line| line.contains(word));
    (!caught).then(|| format!("{name} was not told (expected a word of {word:?}); told: {told:?}"))
}

/// A wrong type in an operator's kind is told by the validators of its own definitions too.
fn models_tell(tools: &Tools, prod: &Rendered) -> Found {
    let defects: [Defect; 2] = [
        ("scaler-wrong-type", "ScaledObject/worker-light", |d| d["spec"]["minReplicaCount"] = json!("one"), "minReplicaCount"),
        ("monitor-wrong-type", "PodMonitor/synthfleet", |d| d["spec"]["podMetricsEndpoints"] = json!("admin"), "podMetricsEndpoints"),
    ];
    let broken: Vec<Rendered> = defects.iter().map(|defect| planted(prod, defect)).collect::<Result<_, _>>()?;
    let told = schemas::models(tools, &broken)?;
    Ok(defects.iter().filter_map(|defect| judge(defect, &told)).collect())
}

/// Defects outside Kubernetes: a metric that does not exist, broken PromQL, a setting in a file, too many rights.
fn others(tools: &Tools, known: &Known, catalogue: &Catalogue) -> Found {
    let mut missed = Vec::new();
    let mut expect = |name: &str, told: Vec<String>| {
        if told.is_empty() {
            missed.push(format!("{name} was not told"));
        }
    };
    let rule = |expression: &str| {
        format!("- alert: X\n  expr: {expression}\n  severity: page\n  annotations:\n summary: a\n runbook: b\n dashboard: c\n")
    };
    expect("unknown-metric", prometheus::of_rules(&rule("synthfleet_jobs_done_total > 0"), catalogue));
    expect("unknown-label", prometheus::of_rules(&rule("synthfleet_jobs_finished_total{state=\"done\"} > 0"), catalogue));
    expect("bad-promql", prometheus::parsed(tools, "defect", &["sum by (kind (rate(synthfleet_tasks_started_total[5m]))"])?);
    let file = json!({"kind": "ConfigMap", "metadata": {"name": "synthfleet-config-0123456789"}, "data": {"config.toml": "[store]\nuri = \"x\"\n"}});
    expect("unknown-setting-in-file", settings::of_files(&[file], known));
    let statement = json!({"Action": ["s3:PutObject"], "Resource": ["arn:aws:s3:::b/fleet/t/*/j/*/f/selection"]});
    expect("deciding-worker", files::statement_problems(&statement, true));
    let statement = json!({"Action": ["s3:DeleteObject"], "Resource": ["arn:aws:s3:::b/fleet/t/*"]});
    expect("deleting-worker", files::statement_problems(&statement, true));
    Ok(missed)
}

fn remove(document: &mut Value, place: &str, key: &str) {
    if let Some(object) = document.pointer_mut(place).and_then(Value::as_object_mut) {
        object.remove(key);
    }
}
