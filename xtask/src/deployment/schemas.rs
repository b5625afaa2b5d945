//! Rendered documents against schemas: Kubernetes' own strictly, those of operators by their definitions and by the
//! fields that we use.

use super::Found;
use super::render::{FOLDER, Rendered};
use super::tools::{Tools, judged, output};
use std::fs;
use std::path::Path;

/// Schemas of the fields that we use, of kinds that are not Kubernetes' own.
const KINDS: &str = "xtask/deployment/kinds.json";

/// Core kinds for three minor versions, others by the fields that we use.
pub fn kinds(tools: &Tools, rendered: &[Rendered]) -> Found {
    let files = write(rendered)?;
    let fixed = ["xtask/deployment/kinds.py", "check", KINDS];
    told(&tools.python("python")?, &fixed, &files)
}

/// KEDA's kinds and those of Prometheus' operator by validators made from their definitions.
pub fn models(tools: &Tools, rendered: &[Rendered]) -> Found {
    let files = write(rendered)?;
    let modules = tools.modules()?.display().to_string();
    told(&tools.python("node")?, &["xtask/deployment/models.mjs", &modules], &files)
}

fn write(rendered: &[Rendered]) -> Result<Vec<String>, String> {
    let one = |one: &Rendered| {
        let file = format!("{FOLDER}/{}.json", one.name);
        let text = serde_json::to_string(&one.documents).map_err(|e| format!("{file}: {e}"))?;
        fs::write(&file, text).map_err(|e| format!("{file}: {e}"))?;
        Ok(file)
    };
    rendered.iter().map(one).collect()
}

/// Lines `name<TAB>problem` of a judge; each problem once.
fn told(program: &Path, fixed: &[&str], files: &[String]) -> Found {
    let arguments: Vec<&str> = fixed.iter().copied().chain(files.iter().map(String::as_str)).collect();
    let said = output(program, &arguments)?;
    if !said.status.success() {
        return judged(program, &arguments);
    }
    let mut problems = Vec::new();
    for line in String::from_utf8_lossy(&said.stdout).lines() {
        problems.push(line.replace('\t', ": "));
    }
    Ok(problems)
}
