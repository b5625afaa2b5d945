//! What the program is made of: a bill of materials (CycloneDX) and the licences of others with their texts, both from
//! what cargo resolved. Two runs give the same bytes.
//!
//! # Reference
//! CycloneDX 1.5, JSON; package addresses by the purl specification, type `cargo`.

use crate::Outcome;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The package that is the program.
const PROGRAM: &str = "synthfleet";
/// How names of files with licences begin.
const TEXTS: [&str; 6] = ["license", "licence", "copying", "copyright", "notice", "unlicense"];
/// Folders of a package's own that are looked into: what some packages carry of others lies one below.
const DEPTH_MAX: usize = 1;
/// Longest such file in bytes.
const TEXT_BYTES_MAX: u64 = 256 << 10;
const LINE: &str = "--------------------------------------------------------------------------------";

/// A package whose code is in the program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    name: String,
    version: String,
    licence: String,
    /// Whether it is of this workspace.
    ours: bool,
    manifest: String,
    /// Identifiers of the packages it needs.
    needs: Vec<String>,
}

impl Part {
    fn address(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version)
    }
}

/// Writes `sbom.cdx.json` and `THIRD-PARTY.txt` into a folder. `--target TRIPLE`: for another machine than this one.
pub fn write(arguments: &[&str]) -> Outcome {
    let (folder, target) = match arguments {
        [folder] => (*folder, host()?),
        [folder, "--target", target] => (*folder, (*target).to_owned()),
        _ => return Err("notices takes a folder and perhaps --target TRIPLE".to_owned()),
    };
    let told = Command::new("cargo").args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &target]).output();
    let told = told.map_err(|e| format!("cannot run cargo metadata: {e}"))?;
    let graph: Value =
        serde_json::from_slice(&told.stdout).map_err(|_| format!("cargo metadata: {}", String::from_utf8_lossy(&told.stderr)))?;
    let parts = parts(&graph)?;
    let lock = fs::read_to_string("Cargo.lock").map_err(|e| format!("Cargo.lock: {e}"))?;
    let mut texts = BTreeMap::new();
    for part in parts.values().filter(|part| !part.ours) {
        let root = Path::new(&part.manifest).parent().unwrap_or(Path::new(""));
        for text in texts_of(root, DEPTH_MAX) {
            texts.entry(text).or_insert_with(BTreeSet::new).insert(part.clone());
        }
    }
    fs::create_dir_all(folder).map_err(|e| format!("{folder}: {e}"))?;
    let files = [("sbom.cdx.json", format!("{}\n", bill(&parts, &checksums(&lock)))), ("THIRD-PARTY.txt", notices(&parts, &texts))];
    for (name, text) in files {
        fs::write(Path::new(folder).join(name), text).map_err(|e| format!("{folder}/{name}: {e}"))?;
    }
    eprintln!("{} packages of others, {} texts: {folder}", parts.values().filter(|part| !part.ours).count(), texts.len());
    Ok(())
}

fn host() -> Result<String, String> {
    let told = Command::new("rustc").arg("-vV").output().map_err(|e| format!("cannot run rustc: {e}"))?;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned).ok_or_else(|| "rustc tells no host".to_owned())
}

/// The packages whose code is linked: from the program by what is needed when it runs, without macros, which run in the
/// compiler. By identifier.
fn parts(graph: &Value) -> Result<BTreeMap<String, Part>, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let packages: BTreeMap<String, Value> = list(&graph["packages"]).into_iter().map(|package| (text(&package["id"]), package)).collect();
    let nodes: BTreeMap<String, Value> = list(&graph["resolve"]["nodes"]).into_iter().map(|node| (text(&node["id"]), node)).collect();
    let is_macro = |id: &str| {
        let targets = packages.get(id).map(|package| list(&package["targets"])).unwrap_or_default();
        targets.iter().any(|target| list(&target["kind"]).contains(&json!("proc-macro")))
    };
    let program = packages.iter().find(|(_, package)| package["name"] == PROGRAM && package["source"].is_null());
    let mut open = vec![program.map(|(id, _)| id.clone()).ok_or_else(|| format!("no package {PROGRAM}"))?];
    let mut parts = BTreeMap::new();
    while let Some(id) = open.pop() {
        let Some(package) = packages.get(&id).filter(|_| !parts.contains_key(&id)) else { continue };
        let is_linked = |dependency: &Value| list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
        let needed = nodes.get(&id).map(|node| list(&node["deps"])).unwrap_or_default();
        let mut needs: Vec<String> = needed.iter().filter(|needed| is_linked(needed)).map(|needed| text(&needed["pkg"])).collect();
        needs.retain(|id| !is_macro(id));
        needs.sort();
        open.extend(needs.iter().cloned());
        let (name, version) = (text(&package["name"]), text(&package["version"]));
        let licence = text(&package["license"]).replace('/', " OR ");
        if licence.is_empty() {
            return Err(format!("{name} {version} names no licence"));
        }
        let (ours, manifest) = (package["source"].is_null(), text(&package["manifest_path"]));
        parts.insert(id, Part { name, version, licence, ours, manifest, needs });
    }
    Ok(parts)
}

/// SHA-256 of packages, by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let field = |package: &str, name: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "))?;
        Some(line.trim_matches('"').to_owned())
    };
    let of = |package: &str| Some(((field(package, "name")?, field(package, "version")?), field(package, "checksum")?));
    lock.split("[[package]]").filter_map(of).collect()
}

fn bill(parts: &BTreeMap<String, Part>, checksums: &BTreeMap<(String, String), String>) -> Value {
    let component = |part: &Part| {
        let address = part.address();
        let mut told = json!({
            "type": if part.name == PROGRAM { "application" } else { "library" }, "bom-ref": address, "name": part.name,
            "version": part.version, "licenses": [{ "expression": part.licence }], "purl": address,
        });
        if let Some(checksum) = checksums.get(&(part.name.clone(), part.version.clone())) {
            told["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        }
        told
    };
    let address = |id: &String| parts.get(id).map(Part::address);
    let sorted: BTreeSet<&Part> = parts.values().collect();
    let (program, others): (Vec<&Part>, Vec<&Part>) = sorted.into_iter().partition(|part| part.name == PROGRAM);
    let needs =
        |part: &&Part| json!({ "ref": part.address(), "dependsOn": part.needs.iter().filter_map(address).collect::<BTreeSet<_>>() });
    let dependencies: Vec<Value> = program.iter().chain(&others).map(needs).collect();
    json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": { "component": program.first().map(|part| component(part)) },
        "components": others.into_iter().map(component).collect::<Vec<_>>(),
        "dependencies": dependencies,
    })
}

/// Texts of licences in a folder and in those below it.
fn texts_of(folder: &Path, depth: usize) -> BTreeSet<String> {
    let mut texts = BTreeSet::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().to_lowercase());
        let Ok(facts) = entry.metadata() else { continue };
        if facts.is_dir() && depth > 0 {
            texts.extend(texts_of(&path, depth - 1));
        } else if facts.is_file()
            && facts.len() <= TEXT_BYTES_MAX
            && TEXTS.iter().any(|start| name.starts_with(start))
            && !name.ends_with(".rs")
        {
            // what is no text is no licence
            texts.extend(
                fs::read_to_string(&path).ok().map(|text| text.replace('\r', "").trim().to_owned()).filter(|text| !text.is_empty()),
            );
        }
    }
    texts
}

fn notices(parts: &BTreeMap<String, Part>, texts: &BTreeMap<String, BTreeSet<Part>>) -> String {
    let others: BTreeSet<&Part> = parts.values().filter(|part| !part.ours).collect();
    let mut page = format!(
        "What others wrote of the program {PROGRAM}, with the licence of each. The standard library of Rust and, where the\nprogram is linked with it, musl are under MIT or Apache-2.0 and under MIT.\n\n"
    );
    for part in &others {
        // writing into memory cannot fail
        let _ = writeln!(page, "{} {}: {}", part.name, part.version, part.licence);
    }
    let mut sorted: Vec<(&BTreeSet<Part>, &String)> = texts.iter().map(|(text, parts)| (parts, text)).collect();
    sorted.sort();
    for (parts, text) in sorted {
        let names: Vec<String> = parts.iter().map(|part| format!("{} {}", part.name, part.version)).collect();
        let _ = write!(page, "\n{LINE}\n{}\n{LINE}\n{text}\n", names.join(", "));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, kind: &str, source: Value) -> Value {
        json!({ "id": name, "name": name, "version": "1.2.3", "license": "MIT/Apache-2.0", "source": source,
            "manifest_path": "/x/Cargo.toml", "targets": [{ "kind": [kind] }] })
    }

    fn needs(id: &str, others: &[(&str, Value)]) -> Value {
        let dependency = |(id, kind): &(&str, Value)| json!({ "pkg": id, "dep_kinds": [{ "kind": kind }] });
        json!({ "id": id, "deps": others.iter().map(dependency).collect::<Vec<_>>() })
    }

    fn graph() -> Value {
        json!({
            "packages": [package(PROGRAM, "bin", Value::Null), package("linked", "lib", json!("registry")), package("macros", "proc-macro", json!("registry")),
                package("tested", "lib", json!("registry")), package("built", "lib", json!("registry")), package("parser", "lib", json!("registry"))],
            "resolve": { "nodes": [
                needs(PROGRAM, &[("linked", Value::Null), ("macros", Value::Null), ("tested", json!("dev")), ("built", json!("build"))]),
                needs("macros", &[("parser", Value::Null)]),
            ] },
        })
    }

    #[test]
    fn only_what_is_linked_is_a_part() {
        let parts = parts(&graph()).expect("a graph");
        assert_eq!(parts.keys().map(String::as_str).collect::<Vec<_>>(), ["linked", PROGRAM]);
        assert_eq!(parts["linked"].licence, "MIT OR Apache-2.0");
    }

    #[test]
    fn the_bill_has_addresses_hashes_and_who_needs_whom() {
        let lock = "[[package]]\nname = \"linked\"\nversion = \"1.2.3\"\nsource = \"x\"\nchecksum = \"ab\"\n";
        let bill = bill(&parts(&graph()).expect("a graph"), &checksums(lock));
        assert_eq!(bill["metadata"]["component"]["name"], PROGRAM);
        let [linked] = &bill["components"].as_array().expect("a list")[..] else { panic!("{bill}") };
        assert_eq!((&linked["purl"], &linked["hashes"][0]["content"]), (&json!("pkg:cargo/linked@1.2.3"), &json!("ab")));
        assert_eq!(bill["dependencies"][0]["dependsOn"], json!(["pkg:cargo/linked@1.2.3"]));
    }

    #[test]
    fn a_package_without_a_licence_is_refused() {
        let mut graph = graph();
        graph["packages"][1]["license"] = Value::Null;
        assert!(parts(&graph).expect_err("refused").contains("linked 1.2.3"));
    }

    #[test]
    fn a_text_stands_once_with_all_who_use_it() {
        let parts = parts(&graph()).expect("a graph");
        let other = Part { name: "other".to_owned(), ..parts["linked"].clone() };
        let page = notices(&parts, &BTreeMap::from([("Do as you like.".to_owned(), BTreeSet::from([parts["linked"].clone(), other]))]));
        assert!(page.contains("linked 1.2.3: MIT OR Apache-2.0"), "{page}");
        assert!(page.contains("linked 1.2.3, other 1.2.3") && page.matches("Do as you like.").count() == 1, "{page}");
    }
}
