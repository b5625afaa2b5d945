//! Every overlay of `k8s/`, alone and with every component that it does not hold yet, as documents. A component is added as
//! people add it, by a line in the overlay's own list, so that the overlay's patches reach it.

use super::pods::name_of;
use super::tools::{Tools, judged, output};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Where rendered files lie; below the root of the repository, because kustomize takes relative folders alone.
pub const FOLDER: &str = "target/validate-deploy";
/// The names of what each overlay holds.
const NAMES: &str = "xtask/deployment/names.txt";

/// A rendered combination.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// `prod`, `prod+fetcher`, ..
    pub name: String,
    /// Its documents.
    pub documents: Vec<Value>,
}

/// Renders all combinations.
pub fn all(tools: &Tools) -> Result<Vec<Rendered>, String> {
    let (kubectl, python) = (tools.kubectl()?, tools.python("python")?);
    let folder = PathBuf::from(FOLDER);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|e| format!("{FOLDER}: {e}"))?;
    let mut names = Vec::new();
    for overlay in folders("k8s/overlays")? {
        let place = format!("k8s/overlays/{overlay}");
        let held = fs::read_to_string(format!("{place}/kustomization.yaml")).map_err(|e| format!("{place}: {e}"))?;
        let others: Vec<String> =
            folders("k8s/components")?.into_iter().filter(|name| !held.contains(&format!("components/{name}\n"))).collect();
        build(&kubectl, &place, &overlay)?;
        names.push(overlay.clone());
        let with_all = (others.len() > 1).then(|| ("all".to_owned(), others.clone()));
        for (name, components) in others.iter().map(|name| (name.clone(), vec![name.clone()])).chain(with_all) {
            let combined = format!("{overlay}+{name}");
            let root = folder.join("combined").join(&combined);
            fs::create_dir_all(&root).map_err(|e| format!("{}: {e}", root.display()))?;
            with_components(&place, &components, &root)?;
            build(&kubectl, &root.display().to_string(), &combined)?;
            names.push(combined);
        }
    }
    let told = judged(&python, &["xtask/deployment/kinds.py", "read", FOLDER])?;
    if !told.is_empty() {
        return Err(told.join("\n"));
    }
    names.into_iter().map(|name| Ok(Rendered { documents: read(&folder.join(format!("{name}.json")))?, name })).collect()
}

/// A copy of an overlay that holds more components; it lies one folder deeper than the overlay itself.
fn with_components(overlay: &str, components: &[String], copy: &Path) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("{}: {e}", copy.display());
    for entry in fs::read_dir(overlay).map_err(failed)?.flatten().filter(|entry| entry.path().is_file()) {
        let text = fs::read_to_string(entry.path()).map_err(failed)?;
        let text = if entry.file_name() == "kustomization.yaml" { extended(&text, components) } else { text };
        fs::write(copy.join(entry.file_name()), text).map_err(failed)?;
    }
    Ok(())
}

/// An overlay's list with more components, for a folder below [`FOLDER`]`/combined`.
fn extended(list: &str, components: &[String]) -> String {
    let (root, marker) = ("../../../../", "components:\n");
    let added: String = components.iter().map(|name| format!("  - {root}k8s/components/{name}\n")).collect();
    // first what lies outside of k8s/, then what lies in it
    let moved = list.replace("- ../../../", "- @").replace("- ../../", &format!("- {root}k8s/")).replace("- @", &format!("- {root}"));
    match moved.split_once(marker) {
        Some((before, after)) => format!("{before}{marker}{added}{after}"),
        None => format!("{moved}{marker}{added}"),
    }
}

fn build(kubectl: &Path, place: &str, name: &str) -> Result<(), String> {
    let built = output(kubectl, &["kustomize", place])?;
    if !built.status.success() {
        return Err(format!("{name}: {}", String::from_utf8_lossy(&built.stderr).trim()));
    }
    fs::write(format!("{FOLDER}/{name}.yaml"), built.stdout).map_err(|e| format!("{FOLDER}/{name}.yaml: {e}"))
}

fn folders(place: &str) -> Result<Vec<String>, String> {
    let entries = fs::read_dir(place).map_err(|e| format!("{place}: {e}"))?;
    let mut names: Vec<String> =
        entries.flatten().filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

fn read(file: &Path) -> Result<Vec<Value>, String> {
    let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    serde_json::from_str(&text).map_err(|e| format!("{}: {e}", file.display()))
}

/// Compares the names of what the overlays hold with the stored list.
pub fn names(all: &[Rendered], write: bool) -> Result<Vec<String>, String> {
    let mut text = String::new();
    for rendered in all.iter().filter(|rendered| !rendered.name.contains('+')) {
        let mut names: Vec<String> =
            rendered.documents.iter().map(|document| format!("{}: {}", rendered.name, plain_name(document))).collect();
        names.sort();
        text.extend(names.into_iter().map(|name| name + "\n"));
    }
    if write {
        fs::write(NAMES, &text).map_err(|e| format!("{NAMES}: {e}"))?;
    }
    let known = fs::read_to_string(NAMES).unwrap_or_default();
    let gone = known.lines().filter(|line| !text.lines().any(|found| found == *line)).map(|line| format!("is gone: {line}"));
    let new = text.lines().filter(|line| !known.lines().any(|found| found == *line)).map(|line| format!("is new: {line}"));
    Ok(gone.chain(new).map(|told| format!("{told} (if that is meant: cargo xtask validate-deploy --write)")).collect())
}

/// The name without the hash of its content.
fn plain_name(document: &Value) -> String {
    let name = name_of(document);
    match name.rsplit_once('-') {
        Some((front, hash)) if document["kind"] == "ConfigMap" && hash.len() == 10 => front.to_owned(),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_added_to_an_overlays_own_list_and_its_places_follow() {
        let more = ["keda".to_owned()];
        let list = "resources:\n  - ../../base\n  - ../../../deploy/rabbitmq\n  - own.yaml\n";
        let moved = "resources:\n  - ../../../../k8s/base\n  - ../../../../deploy/rabbitmq\n  - own.yaml\n";
        assert_eq!(extended(list, &more), format!("{moved}components:\n  - ../../../../k8s/components/keda\n"));
        let held = "components:\n  - ../../components/a\npatches: []\n";
        let both = "components:\n  - ../../../../k8s/components/keda\n  - ../../../../k8s/components/a\npatches: []\n";
        assert_eq!(extended(held, &more), both);
    }
}
