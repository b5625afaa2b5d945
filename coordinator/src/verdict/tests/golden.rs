//! Golden cases: each a small job as data and the bytes of its `verdict.json`, in `tests/golden/verdict`.
//!
//! A case says what its candidates have in short: `quality` is every component, all else is harmless; `spread` gives the
//! components folds by the law of [`Spread`]; `scores` replaces single ones by a number, by `{value, error, bound_low,
//! bound_high}` or by `{undefined}`; `fails` and `lost` are failures. `SYNTHFLEET_GOLDEN=write` writes what is absent.

use super::build::{Spread, job, judged, score, scores, undefined, with};
use crate::verdict::{Input, ReferenceRow, Repeat, Row};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use synthfleet_proto::about::CostClass;
use synthfleet_proto::fact;
use synthfleet_proto::job::{Gate, Weights};
use synthfleet_proto::score::Score;
use synthfleet_proto::verdict::{Failure, Verdict};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What the case is about; for readers.
    #[serde(rename = "says")]
    _says: String,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    gate: Gate,
    #[serde(default)]
    weights: Weights,
    benchmarks: Option<Vec<String>>,
    candidates: Vec<CaseRow>,
    #[serde(default)]
    references: BTreeMap<String, CaseRepeat>,
    #[serde(default)]
    partial: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseRow {
    name: String,
    synthesizer: Option<String>,
    cost: Option<CostClass>,
    #[serde(default)]
    baseline: bool,
    #[serde(default)]
    real_rows: bool,
    #[serde(default)]
    repeats: Vec<CaseRepeat>,
    skipped: Option<Failure>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseRepeat {
    quality: Option<f64>,
    #[serde(default)]
    spread: (f64, f64, usize),
    #[serde(default)]
    scores: BTreeMap<String, CaseScore>,
    /// Beginnings of score ids that are not there.
    #[serde(default)]
    without: Vec<String>,
    fails: Option<Failure>,
    lost: Option<Failure>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum CaseScore {
    Value(f64),
    Undefined { undefined: String },
    Bounded { value: f64, error: Option<f64>, bound_low: Option<f64>, bound_high: Option<f64> },
}

impl CaseRepeat {
    fn all(&self) -> Vec<Score> {
        let Some(quality) = self.quality else { return Vec::new() };
        let mut all = self.scores.iter().fold(scores(quality), |all, (name, given)| {
            with(
                all,
                match given {
                    CaseScore::Value(value) => score(name, *value),
                    CaseScore::Undefined { undefined: code } => undefined(name, code),
                    CaseScore::Bounded { value, error, bound_low, bound_high } => {
                        Score { error: *error, bound_low: *bound_low, bound_high: *bound_high, ..score(name, *value) }
                    }
                },
            )
        });
        all.retain(|score| !self.without.iter().any(|start| score.name.starts_with(start)));
        match self.spread {
            (0.0, 0.0, _) => all,
            (shared, own, turn) => Spread { shared, own, turn }.over(all),
        }
    }
}

fn row(given: &CaseRow) -> Row {
    let repeat = |(number, repeat): (usize, &CaseRepeat)| Repeat {
        number: number as u32,
        sampled: repeat.fails.is_none(),
        scores: repeat.all(),
        failures: repeat.fails.iter().chain(&repeat.lost).cloned().collect(),
    };
    Row {
        candidate: given.name.clone(),
        synthesizer: given.synthesizer.clone().unwrap_or_else(|| given.name.clone()),
        cost: given.cost.unwrap_or(CostClass::Light),
        baseline: given.baseline,
        real_rows: given.real_rows,
        planned: given.repeats.len().max(1) as u32,
        repeats: given.repeats.iter().enumerate().map(repeat).collect(),
        skipped: given.skipped.clone(),
    }
}

fn input(case: &Case) -> Input {
    let mut input = job(case.candidates.iter().map(row).collect());
    input.seed = case.seed;
    input.gate = case.gate.clone();
    input.weights = case.weights.clone();
    input.partial = case.partial;
    input.benchmarks = case.benchmarks.clone().unwrap_or(input.benchmarks);
    for (name, given) in &case.references {
        input.references.retain(|known| known.name != *name);
        input.references.push(ReferenceRow { name: name.clone(), scores: given.all(), failures: Vec::new() });
    }
    input
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/verdict")
}

fn cases() -> Vec<(String, Case)> {
    let entries = std::fs::read_dir(folder()).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut cases: Vec<(String, Case)> = entries
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.strip_suffix(".case.json")?.to_owned();
            let case = serde_json::from_slice(&std::fs::read(&path).expect("read")).unwrap_or_else(|e| panic!("{name}: {e}"));
            Some((name, case))
        })
        .collect();
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    cases
}

#[test]
fn every_golden_case_gives_its_bytes() {
    let cases = cases();
    assert!(cases.len() >= 20, "{} cases", cases.len());
    let mut other = Vec::new();
    for (name, case) in cases {
        let bytes = fact::encode_pretty(&judged(&input(&case))).expect("plain data");
        let path = folder().join(format!("{name}.verdict.json"));
        if !path.exists() && option_env!("SYNTHFLEET_GOLDEN") == Some("write") {
            std::fs::write(&path, &bytes).expect("written");
        }
        if std::fs::read(&path).unwrap_or_default() != bytes {
            other.push(name);
        }
    }
    assert!(other.is_empty(), "other bytes: {other:?}");
}

#[test]
fn golden_cases_keep_their_bytes_when_candidates_are_turned() {
    for (name, case) in cases() {
        let mut turned = input(&case);
        turned.candidates.reverse();
        let bytes = |input: &Input| fact::encode_pretty(&judged(input)).expect("plain data");
        assert_eq!(bytes(&turned), bytes(&input(&case)), "{name}");
    }
}

/// The verdict of a golden case.
fn verdict(name: &str) -> Verdict {
    let found = cases().into_iter().find(|case| case.0 == name);
    judged(&input(&found.unwrap_or_else(|| panic!("no case {name}")).1))
}

#[test]
fn golden_cases_decide_what_they_say() {
    let decided: Vec<(String, Option<String>)> = cases().into_iter().map(|(name, case)| (name, judged(&input(&case)).winner)).collect();
    let expected = include_str!("../../../tests/golden/verdict/winners.txt");
    let found: String = decided.iter().map(|(name, winner)| format!("{name}: {}\n", winner.as_deref().unwrap_or("no release"))).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_case_of_ten_rows_carries_its_banner() {
    assert_eq!(verdict("ten_rows").warnings[0].code, "privacy_not_assessed");
}
