//! The battery over every benchmark of the list, and the list itself.

use synthfleet_benchmarks::conformance::CHECKS;
use synthfleet_benchmarks::{BENCHMARKS, find};

/// Files of `src` that are the skeleton, not members.
const SKELETON: [&str; 6] = ["conformance", "folds", "lib", "member", "parts", "reference"];

#[test]
fn every_benchmark_passes_every_check() {
    let mut wrong = Vec::new();
    for benchmark in BENCHMARKS {
        for (name, check) in CHECKS {
            if let Err(why) = check(*benchmark) {
                wrong.push(format!("{}::{name}: {why}", benchmark.about().name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_list_is_the_folder() {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).expect("src");
    let mut files: Vec<String> = folder
        .map(|entry| entry.expect("entry").path().file_stem().expect("name").to_string_lossy().into_owned())
        .filter(|name| !SKELETON.contains(&name.as_str()))
        .collect();
    files.sort();
    files.dedup();
    let listed: Vec<&str> = BENCHMARKS.iter().map(|benchmark| benchmark.about().name).collect();
    assert_eq!(listed, files, "BENCHMARKS in lib.rs must name every member's file, in order of names");
}

#[test]
fn names_and_aliases_are_unique_and_found() {
    let mut seen = std::collections::BTreeSet::new();
    for benchmark in BENCHMARKS {
        let about = benchmark.about();
        for name in std::iter::once(&about.name).chain(about.aliases) {
            assert!(seen.insert(name.to_lowercase()), "{name} is taken twice");
            assert_eq!(find(&name.to_uppercase()).map(|found| found.about().name), Some(about.name));
        }
        assert_eq!(about.scores.first().map(|score| score.id), Some(about.name), "the headline comes first");
        assert!(about.scores.iter().skip(1).all(|score| score.id.starts_with(&format!("{}.", about.name))));
    }
}
