//! Files beside Kubernetes: the compose file, units, the image's recipe, scripts, YAML, rights in the cloud.

use super::Found;
use super::settings::{self, Known};
use super::tools::{Tools, judged};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const COMPOSE: &str = "deploy/compose.yaml";
/// What every unit must say.
const UNIT: [&str; 8] = [
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "DynamicUser=yes",
    "CapabilityBoundingSet=",
    "TimeoutStopSec=",
    "Restart=always",
    "UMask=0077",
    "TasksMax=",
];
/// Facts that decide a job: no worker may write them.
const DECISIONS: [&str; 7] = ["f/spec", "f/plan", "f/selection", "f/published", "f/final", "f/release", "f/cancel"];

/// The compose file: its schema, its settings, its hardness.
pub fn compose(tools: &Tools, known: &Known) -> Found {
    let text = read(COMPOSE)?;
    let mut broken = settings::of_text(&text, known);
    for wanted in ["read_only: true", "cap_drop: [ALL]", "no-new-privileges:true", "stop_grace_period: 130s"] {
        if !text.contains(wanted) {
            broken.push(format!("{COMPOSE} nowhere says {wanted}"));
        }
    }
    let ports = text.lines().map(str::trim).filter(|line| line.starts_with("- ") && line.matches(':').count() == 2 && !line.contains('/'));
    broken
        .extend(ports.filter(|line| !line.starts_with("- 127.0.0.1:")).map(|line| format!("{COMPOSE}: open beyond this machine: {line}")));
    broken.extend(judged(&tools.python("check-jsonschema")?, &["--builtin-schema", "vendor.compose-spec", COMPOSE])?);
    Ok(broken)
}

/// Units of bare hosts.
pub fn units(known: &Known) -> Found {
    let mut broken = Vec::new();
    for path in files(&["deploy/systemd"])? {
        let (text, path) = (read(&path.display().to_string())?, path.display().to_string());
        broken.extend(settings::of_text(&text, known).into_iter().map(|problem| format!("{path}: {problem}")));
        broken.extend(UNIT.iter().filter(|line| !text.contains(**line)).map(|line| format!("{path}: does not say {line}")));
    }
    Ok(broken)
}

/// The image's recipe.
pub fn dockerfile(tools: &Tools) -> Found {
    let path = "deploy/Dockerfile";
    let text = read(path)?;
    let last = text.rsplit("\nFROM ").next().unwrap_or_default();
    let wanted = [
        (last.starts_with("scratch"), "the last stage is not FROM scratch"),
        (last.contains("\nUSER 65532:65532"), "the last stage has no user of its own"),
        (!last.contains("\nRUN "), "the last stage runs something"),
        (text.contains("x86_64-unknown-linux-musl") && text.contains("aarch64-unknown-linux-musl"), "one of the architectures is missing"),
        (text.contains("--locked"), "does not build with --locked"),
    ];
    let mut broken: Vec<String> = wanted.iter().filter(|(holds, _)| !holds).map(|(_, problem)| format!("{path}: {problem}")).collect();
    broken.extend(judged(&tools.python("hadolint")?, &[path])?);
    Ok(broken)
}

/// Scripts.
pub fn shell(tools: &Tools) -> Found {
    let shellcheck = tools.python("shellcheck")?;
    let scripts = ["deploy/secrets.sh", "deploy/try/image.sh", "xtask/judge.sh", ".ci/run"];
    judged(&shellcheck, &[&["--severity=warning"], scripts.as_slice()].concat())
}

/// Form of every YAML file.
pub fn yaml(tools: &Tools) -> Found {
    let rules = "{extends: relaxed, rules: {line-length: {max: 160}, key-duplicates: enable, truthy: disable}}";
    judged(&tools.python("yamllint")?, &["--strict", "-d", rules, "k8s", "deploy"])
}

/// Roles of the cloud: workers decide nothing and delete next to nothing, nobody has a star for an action.
pub fn rights() -> Found {
    let mut broken = Vec::new();
    for path in files(&["k8s/overlays/prod/iam", "k8s/overlays/aws-sqs/iam"])? {
        let name = path.display().to_string();
        let document: Value = serde_json::from_str(&read(&name)?).map_err(|e| format!("{name}: {e}"))?;
        for statement in document["Statement"].as_array().into_iter().flatten() {
            broken.extend(
                statement_problems(statement, name.ends_with("worker.json")).into_iter().map(|problem| format!("{name}: {problem}")),
            );
        }
    }
    Ok(broken)
}

/// What a statement allows too much.
pub fn statement_problems(statement: &Value, worker: bool) -> Vec<String> {
    let texts = |value: &Value| match value {
        Value::String(text) => vec![text.clone()],
        other => other.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
    };
    let (actions, resources) = (texts(&statement["Action"]), texts(&statement["Resource"]));
    let mut broken: Vec<String> = actions.iter().filter(|action| action.contains('*')).map(|action| format!("allows {action}")).collect();
    broken.extend(resources.iter().filter(|resource| resource.as_str() == "*").map(|_| "allows an action on everything".to_owned()));
    let has = |word: &str| actions.iter().any(|action| action == word);
    if worker && has("s3:DeleteObject") {
        let own = |resource: &&String| !["/fleet/pools/*", "/fleet/workers/*"].iter().any(|marker| resource.ends_with(marker));
        broken.extend(resources.iter().filter(own).map(|resource| format!("a worker may delete {resource}")));
    }
    if worker && has("s3:PutObject") {
        let decides = |resource: &&String| {
            let tail = resource.split_once("/t/").map_or(resource.as_str(), |(_, tail)| tail);
            resource.ends_with("/fleet/*")
                || tail.ends_with("/j/*")
                || tail.ends_with("/f/*")
                || DECISIONS.iter().any(|fact| tail.contains(fact))
        };
        broken.extend(resources.iter().filter(decides).map(|resource| format!("a worker may write {resource}, which decides")));
    }
    broken
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))
}

/// Files that git knows or would take, below some folders.
fn files(folders: &[&str]) -> Result<Vec<PathBuf>, String> {
    let output = Command::new("git")
        .args(["ls-files", "-co", "--exclude-standard", "--"])
        .args(folders)
        .output()
        .map_err(|e| format!("cannot run git: {e}"))?;
    let found: Vec<PathBuf> = String::from_utf8_lossy(&output.stdout).lines().map(PathBuf::from).collect();
    if found.is_empty() { Err(format!("nothing in {}", folders.join(", "))) } else { Ok(found) }
}
