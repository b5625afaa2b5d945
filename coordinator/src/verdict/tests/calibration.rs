//! What a calibration passes and what it does not.

use super::build::{job, judged, row, score, scores, with};
use crate::verdict::calibration::{Run, calibrate};
use crate::verdict::{ReferenceRow, Row};
use synthfleet_proto::calibration::Calibration;
use synthfleet_proto::score::Score;

/// Scores of a copy.
fn copying(quality: f64) -> Vec<Score> {
    with(scores(quality), Score { error: Some(0.001), ..score("distances", 0.9) })
}

/// A run as it should be, but for what `change` does to its candidates and references.
fn run(table: &str, seed: u64, change: impl Fn(&mut Vec<Row>, &mut Vec<ReferenceRow>)) -> Run {
    let mut candidates = vec![
        row("seqtree", scores(0.9)),
        Row { baseline: true, real_rows: true, ..row("identity", copying(1.0)) },
        Row { baseline: true, ..row("independent", scores(0.3)) },
    ];
    let mut references = vec![
        ReferenceRow { name: "holdout".to_owned(), scores: scores(0.98), failures: Vec::new() },
        ReferenceRow { name: "flip10".to_owned(), scores: copying(0.95), failures: Vec::new() },
    ];
    change(&mut candidates, &mut references);
    let mut input = job(candidates);
    input.references = references;
    Run { table: table.to_owned(), seed, independent_by_law: false, verdict: judged(&input) }
}

fn failed(calibration: &Calibration) -> Vec<(&str, &str)> {
    calibration.lines.iter().filter(|line| !line.passed).map(|line| (line.check.as_str(), line.table.as_str())).collect()
}

#[test]
fn runs_as_they_should_be_pass_every_line() {
    let runs: Vec<Run> = (0..3).flat_map(|seed| ["adult", "titanic"].map(|table| run(table, seed, |_, _| ()))).collect();
    let found = calibrate(&runs);
    assert!(found.passed, "{:?}", failed(&found));
    assert_eq!((found.runs, found.lines.len()), (6, 8));
    assert!(found.lines.iter().all(|line| (line.met, line.of) == (3, 3)));
}

#[test]
fn a_candidate_above_the_holdout_is_told_with_seed_and_numbers() {
    let found = calibrate(&[run("adult", 4, |candidates, _| candidates[0] = row("seqtree", scores(0.99))), run("adult", 5, |_, _| ())]);
    assert_eq!(failed(&found), [("holdout_first", "adult")]);
    let line = &found.lines[0];
    assert_eq!((line.met, line.of), (1, 2));
    assert_eq!(line.failures, ["seed 4: seqtree scores 0.9900, the holdout 0.9800 to 0.9800"]);
}

#[test]
fn a_baseline_above_the_holdout_is_no_failure() {
    assert!(calibrate(&[run("adult", 0, |_, _| ())]).passed, "identity scores 1");
}

#[test]
fn a_copy_that_passes_is_told() {
    let found = calibrate(&[run("adult", 0, |_, references| references[1].scores = scores(0.95))]);
    assert_eq!(failed(&found), [("flip10_rejected", "adult")]);
    assert_eq!(found.lines[2].failures, ["seed 0: flip10 fails no privacy gate; 0 of 5 were not assessed"]);
    let found = calibrate(&[run("adult", 0, |candidates, _| candidates[1].repeats[0].scores = scores(1.0))]);
    assert_eq!(failed(&found), [("train_copy_rejected", "adult")]);
}

#[test]
fn a_lost_benchmark_rejects_no_copy() {
    let lost = |_: &mut Vec<Row>, references: &mut Vec<ReferenceRow>| {
        references[1].scores.retain(|score| !score.name.starts_with("distances") && !score.name.starts_with("membership"))
    };
    let found = calibrate(&[run("adult", 0, lost)]);
    assert_eq!(failed(&found), [("flip10_rejected", "adult")]);
}

#[test]
fn a_reference_that_was_not_computed_meets_nothing() {
    let found = calibrate(&[run("adult", 0, |_, references| references.clear())]);
    assert_eq!(failed(&found), [("holdout_first", "adult"), ("flip10_rejected", "adult")]);
    assert_eq!(found.lines[0].failures, ["seed 0: the reference holdout was not computed"]);
}

#[test]
fn independent_columns_may_win_where_they_are_the_truth_or_nobody_learned() {
    let better = |candidates: &mut Vec<Row>, _: &mut Vec<ReferenceRow>| candidates[2].repeats[0].scores = scores(0.95);
    let found = calibrate(&[run("adult", 0, better)]);
    assert_eq!(failed(&found), [("independent_below", "adult")]);
    let grid = Run { independent_by_law: true, ..run("grid", 0, better) };
    let found = calibrate(&[grid]);
    assert!(found.passed && found.lines[3].of == 0);
    let weak = run("adult", 0, |candidates, _| {
        candidates[0].repeats[0].scores = scores(0.4);
        candidates[2].repeats[0].scores = scores(0.45);
    });
    assert!(calibrate(&[weak]).passed);
}

#[test]
fn no_runs_prove_nothing() {
    assert!(!calibrate(&[]).passed);
}
