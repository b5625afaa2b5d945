//! The settings that deployment files name exist: `deploy/cli/src/default.toml` is the list of all.

use super::pods::{list, name_of};
use serde_json::Value;
use std::collections::BTreeSet;

/// The list of all settings.
const DEFAULTS: &str = "deploy/cli/src/default.toml";
/// Settings that are secret: they come by file.
const SECRET: [&str; 2] = ["SYNTHFLEET_BROKER_PASSWORD", "SYNTHFLEET_CLIENT_TOKEN"];

/// Every setting as `section.key`.
pub type Known = BTreeSet<String>;

/// Reads the list.
pub fn known() -> Result<Known, String> {
    let text = std::fs::read_to_string(DEFAULTS).map_err(|e| format!("{DEFAULTS}: {e}"))?;
    let known = keys(&text);
    if known.len() < 30 { Err(format!("only {} settings in {DEFAULTS}", known.len())) } else { Ok(known) }
}

/// `section.key` of each line of a settings file.
fn keys(text: &str) -> Known {
    let mut section = "";
    let mut keys = Known::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if let Some((key, _)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
            keys.insert(format!("{section}.{}", key.trim()));
        }
    }
    keys
}

/// Variables that are no settings, or write a secret down.
pub fn of_variables(container: &Value, known: &Known) -> Vec<String> {
    let mut broken = Vec::new();
    for variable in list(&container["env"]) {
        let name = variable["name"].as_str().unwrap_or_default();
        broken.extend(variable_problem(name, known));
        if SECRET.contains(&name) && variable["value"].is_string() {
            broken.push(format!("{name} is written down"));
        }
    }
    broken
}

/// Why a variable is no setting.
pub fn variable_problem(name: &str, known: &Known) -> Option<String> {
    let setting = |key: &String| format!("SYNTHFLEET_{}", key.replace('.', "_").to_uppercase()) == name;
    (name.starts_with("SYNTHFLEET_") && !known.iter().any(setting)).then(|| format!("{name} is no setting"))
}

/// Settings files in documents that name what does not exist.
pub fn of_files(documents: &[Value], known: &Known) -> Vec<String> {
    let mut broken = Vec::new();
    for document in documents.iter().filter(|d| d["kind"] == "ConfigMap") {
        let Some(text) = document["data"]["config.toml"].as_str() else { continue };
        broken.extend(keys(text).difference(known).map(|key| format!("{}: {key} is no setting", name_of(document))));
        let name = document["metadata"]["name"].as_str().unwrap_or_default();
        if name.rsplit('-').next().is_none_or(|hash| hash.len() != 10) {
            broken.push(format!("{}: a changed setting would not be noticed: no hash in the name", name_of(document)));
        }
    }
    broken
}

/// Variables of settings in a text of another kind: compose files, units.
pub fn of_text(text: &str, known: &Known) -> Vec<String> {
    let mut broken = Vec::new();
    for (place, _) in text.match_indices("SYNTHFLEET_") {
        let rest = &text[place..];
        let end = rest.find(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_').unwrap_or(rest.len());
        broken.extend(variable_problem(&rest[..end], known));
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_others_are_told() {
        let known = keys("# a\n[store]\nurl = \"\"\n[broker]\n# x = 1\npassword_file = \"\"\n");
        assert_eq!(known, ["store.url", "broker.password_file"].map(str::to_owned).into());
        assert_eq!(of_text("A=1 SYNTHFLEET_STORE_URL=x SYNTHFLEET_STORE_URI=y", &known), ["SYNTHFLEET_STORE_URI is no setting"]);
    }
}
