//! Habits that a machine can check: heads of files, inherited lints, forbidden words, numbered
//! invariants, error codes with their pages.

use crate::Outcome;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Invariants of the public shapes whose rooms exist; each starts the name of at least one test.
const INVARIANTS: &[&str] = &[
    "a01_", "a02_", "a03_", "a04_", "a05_", "a06_", "a07_", "a08_", "a09_", "a10_", "a11_", "a12_", "a13_", "a14_", "a15_", "a16_", "a17_",
    "a18_",
];

/// Rooms whose types may be written: the wire, the options of members, the lines of the child contract, and what the
/// program itself prints.
const WRITING: &[&str] = &["proto/src", "worker/synthesizers", "worker/benchmarks", "worker/src/execute", "deploy/cli"];

/// Judges every file that git tracks.
pub fn check() -> Outcome {
    let files = tracked()?;
    let mut broken = Vec::new();
    let (mut sources, mut products) = (Vec::new(), Vec::new());
    for path in &files {
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        broken.extend(forbidden(path, &text));
        if path.extension().is_some_and(|e| e == "rs") {
            broken.extend(head(path, &text));
            if !is_test(path) {
                broken.extend(globals(path, &text));
                broken.extend(promises(path, &text));
                products.push(text.clone());
            }
            sources.push(text);
        } else if path.file_name().is_some_and(|n| n == "Cargo.toml") && path.components().count() > 1 {
            broken.extend(manifest(path, &text));
        }
    }
    broken.extend(invariants(&sources));
    let architecture = std::fs::read_to_string("ARCHITECTURE.md").unwrap_or_default();
    for (table, _) in TABLES {
        broken.extend(tested(&architecture, table, &sources));
    }
    if let Ok(pages) = std::fs::read_to_string("deploy/cli/src/explain.toml") {
        broken.extend(codes(&products, &pages));
    }
    if broken.is_empty() { Ok(()) } else { Err(format!("not tidy:\n  {}", broken.join("\n  "))) }
}

fn tracked() -> Result<Vec<PathBuf>, String> {
    let output =
        Command::new("git").args(["ls-files", "-co", "--exclude-standard"]).output().map_err(|e| format!("cannot run git: {e}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(PathBuf::from).collect())
}

/// Tests and batteries name codes that nothing raises.
fn is_test(path: &Path) -> bool {
    let named = |part: &str| ["tests", "conformance", "testing", "examples"].iter().any(|name| part.starts_with(name));
    path.iter().filter_map(|part| part.to_str()).any(named)
}

/// A source file says at its head what it is about.
fn head(path: &Path, text: &str) -> Option<String> {
    let is_source = path.components().any(|c| c.as_os_str() == "src");
    (is_source && !text.trim_start().starts_with("//!")).then(|| format!("{}: starts without a //! head", path.display()))
}

/// Every crate inherits the lints and takes versions from the workspace.
fn manifest(path: &Path, text: &str) -> Vec<String> {
    let mut broken = Vec::new();
    if !text.contains("[lints]\nworkspace = true") {
        broken.push(format!("{}: does not inherit the workspace's lints", path.display()));
    }
    let own_version = text.lines().find(|line| line.contains("version = \"") && !line.starts_with('#'));
    broken.extend(own_version.map(|line| format!("{}: {line:?} has a version of its own", path.display())));
    broken
}

/// Nothing unfinished, no path of a machine, no secret.
fn forbidden(path: &Path, text: &str) -> Vec<String> {
    // Written in halves so that this file passes its own check.
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("unimple", "mented!"),
        concat!("/home", "/"),
        concat!("/ro", "ot/"),
        concat!("AK", "IA"),
    ];
    let found = words.iter().filter(|word| text.contains(**word));
    found.map(|word| format!("{}: holds {word:?}", path.display())).collect()
}

/// A whole fleet fits in one process, several times: nothing that changes is global. Servers for tests count ports.
fn globals(path: &Path, text: &str) -> Vec<String> {
    let changes = ["Mutex<", "RwLock<", "Atomic", "OnceLock<", "LazyLock<", "Cell<"];
    let is_global = |line: &&str| {
        let line = line.trim_start().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
        line.starts_with("static mut ")
            || line.starts_with(concat!("thread", "_local!"))
            || line.starts_with("static ") && changes.iter().any(|word| line.contains(word))
    };
    let found = text.lines().filter(is_global).filter(|_| !path.starts_with("proto/harness"));
    found.map(|line| format!("{}: global state: {}", path.display(), line.trim())).collect()
}

/// A type that can be written is a promise to every reader of it: such types live in few rooms.
fn promises(path: &Path, text: &str) -> Option<String> {
    let writes = text.lines().any(|line| {
        let derived = line.trim_start().strip_prefix("#[derive(").unwrap_or_default();
        derived.split([',', ')']).any(|name| name.trim().trim_start_matches("serde::") == "Serialize")
    });
    let elsewhere = !WRITING.iter().any(|room| path.starts_with(room));
    (writes && elsewhere).then(|| format!("{}: derives Serialize outside proto and options", path.display()))
}

/// Tables of ARCHITECTURE.md whose last column names tests: the section, and its rows at least.
const TABLES: [(&str, usize); 3] = [("Failures and their tests", 1), ("Wrong elsewhere, right here", 23), ("The original, row by row", 14)];

/// Each test that a table names is there.
fn tested(architecture: &str, section: &str, sources: &[String]) -> Vec<String> {
    let table = architecture.split(&format!("## {section}")).nth(1).unwrap_or_default().split("\n## ").next().unwrap_or_default();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    let least = TABLES.iter().find(|(name, _)| *name == section).map_or(1, |(_, least)| *least);
    if rows.len() < least {
        return vec![format!("ARCHITECTURE.md: {section:?} has {} rows of {least}", rows.len())];
    }
    let mut broken = Vec::new();
    for row in rows {
        let named = row.rsplit('|').nth(1).unwrap_or_default();
        let tests: Vec<&str> = named.split('`').skip(1).step_by(2).collect();
        if tests.is_empty() {
            broken.push(format!("ARCHITECTURE.md: no test in {row:?}"));
        }
        let is_there = |test: &&&str| sources.iter().any(|text| text.contains(&format!("fn {test}(")));
        broken.extend(tests.iter().filter(|test| !is_there(test)).map(|test| format!("ARCHITECTURE.md: no test is named {test}")));
    }
    broken
}

/// Each invariant of a room that exists starts a test's name.
fn invariants(sources: &[String]) -> Vec<String> {
    let missing = INVARIANTS.iter().filter(|number| !sources.iter().any(|text| text.contains(&format!("fn {number}"))));
    missing.map(|number| format!("no test is named {number}...")).collect()
}

/// Every error code in the sources has a page, and every page a code.
fn codes(sources: &[String], pages: &str) -> Vec<String> {
    let used: BTreeSet<String> = sources.iter().flat_map(|text| codes_of(text)).collect();
    let explained: BTreeSet<String> =
        pages.lines().filter_map(|line| line.strip_prefix("[\"")?.strip_suffix("\"]").map(str::to_owned)).collect();
    let without_page = used.difference(&explained).map(|code| format!("error code {code} has no page in deploy/cli/src/explain.toml"));
    let without_code = explained.difference(&used).map(|code| format!("explain.toml explains {code}, which nothing raises"));
    without_page.chain(without_code).collect()
}

/// Codes as `Error` constructors take them: quoted words around two colons, outside the file's own tests.
fn codes_of(text: &str) -> Vec<String> {
    let product = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let code_at = |place: usize| {
        let (before, after) = (&product[..place], &product[place + 2..]);
        let area = before.len() - before.trim_end_matches(word).len();
        let name = after.len() - after.trim_start_matches(word).len();
        let quoted = before[..place - area].ends_with('"') && after[name..].starts_with('"');
        (quoted && area > 0 && name > 0).then(|| product[place - area..place + 2 + name].to_owned())
    };
    product.match_indices("::").filter_map(|(place, _)| code_at(place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_and_tests_are_left_out() {
        let text = "'\"' Error::data(\"csv::ragged\", \"x std::Vec\") #[cfg(test)]\nmod tests \"csv::other\"";
        assert_eq!(codes_of(text), ["csv::ragged"]);
    }

    #[test]
    fn a_code_without_page_and_a_page_without_code_are_told() {
        let told = codes(&["(\"a::b\")".to_owned()], "[\"c::d\"]\n");
        assert_eq!(told.len(), 2);
    }

    #[test]
    fn a_failure_without_a_test_that_exists_is_told() {
        let table =
            "## Failures and their tests\n| event | what | tests |\n|---|---|---|\n| a | b | `known` |\n| c | d | `gone` |\n| e | f | |\n";
        let section = TABLES[0].0;
        let told = tested(table, section, &["fn known() {".to_owned()]);
        assert!(told.len() == 2 && told[0].ends_with("gone"), "{told:?}");
        assert_eq!(tested("", section, &[]).len(), 1);
    }

    #[test]
    fn a14_global_state_is_told() {
        let text = concat!("pub static COUNT: Ato", "micU32 = x;\nstatic NAMES: &[&str] = &[];\n    thread", "_local! { }\n");
        assert_eq!(globals(Path::new("worker/src/x.rs"), text).len(), 2);
    }

    #[test]
    fn a16_types_that_can_be_written_elsewhere_are_told() {
        let text = "#[derive(Debug, serde::Serialize)]\nstruct X;";
        assert!(promises(Path::new("coordinator/src/x.rs"), text).is_some());
        assert!(promises(Path::new("proto/src/x.rs"), text).is_none());
        assert!(promises(Path::new("coordinator/src/x.rs"), "#[derive(Deserialize)]").is_none());
    }

    #[test]
    fn a_file_without_head_is_told() {
        assert!(head(Path::new("a/src/x.rs"), "use std;").is_some());
        assert!(head(Path::new("a/src/x.rs"), "//! Fine.\n").is_none());
    }

    #[test]
    fn a_crate_with_its_own_lints_or_version_is_told() {
        assert_eq!(manifest(Path::new("a/Cargo.toml"), "serde = { version = \"1\" }").len(), 2);
        assert!(manifest(Path::new("a/Cargo.toml"), "version.workspace = true\n[lints]\nworkspace = true\n").is_empty());
    }
}
