//! Membership attacks against an independent implementation and against chance.

use crate::law::{copied, honest, score, scored as of_case, spread, tell};
use crate::support::{load, same, scored, value};
use serde_json::{Value, json};
use synthfleet_benchmarks::Case;

#[test]
fn the_area_agrees_with_the_small_implementation() {
    for name in ["mixed_missing", "categorical_wide", "identity"] {
        let golden = load(name);
        let expected = &golden.expected["own_benchmarks"]["distances_all_columns_no_subsampling"]["membership_nn_auc"];
        let scored = scored(&golden, "membership", &json!({}));
        same(name, value(&scored, "membership.nn_attack"), expected, 1e-12);
    }
}

#[test]
fn no_holdout_and_few_rows_are_undefined_with_their_reasons() {
    for (name, code) in [("student_placements", "no_holdout"), ("tiny", "too_few_rows")] {
        let scored = scored(&load(name), "membership", &json!({}));
        assert!(scored.scores.iter().all(|score| score.undefined.as_deref() == Some(code)), "{name}");
    }
}

const ATTACKS: [&str; 2] = ["membership.nn_attack", "membership.density_attack"];

/// Areas of both attacks on honest samples, with 400 members and 400 others each.
fn null_areas(runs: u64) -> [Vec<f64>; 2] {
    let found: Vec<_> = (0..runs).map(|run| of_case(&honest([400, 800, 400], run), "membership", &json!({"rows_max": 1_000}))).collect();
    ATTACKS.map(|id| found.iter().map(|found| value(found, id).expect("defined")).collect())
}

/// The spread of areas of `m` members and `m` others that do not differ.
fn chance(m: f64) -> f64 {
    ((2.0 * m + 1.0) / (12.0 * m * m)).sqrt()
}

fn spread_as_chance(runs: u64, tolerance: f64) {
    for (id, areas) in ATTACKS.iter().zip(null_areas(runs)) {
        let (mean, sd) = spread(&areas);
        tell(&format!("{id}: mean {mean}, sd {sd}, chance {}", chance(400.0)));
        assert!((mean - 0.5).abs() < 4.0 * chance(400.0) / (runs as f64).sqrt(), "{id}: mean {mean}");
        assert!((sd / chance(400.0) - 1.0).abs() < tolerance, "{id}: sd {sd}, chance {}", chance(400.0));
    }
}

#[test]
fn an_innocent_sample_gives_areas_that_spread_as_chance_does() {
    spread_as_chance(60, 0.27);
}

#[test]
#[ignore = "long shelf"]
fn an_innocent_sample_gives_areas_that_spread_as_chance_does_in_200_runs() {
    spread_as_chance(200, 0.15);
}

#[test]
fn a_copy_is_found_by_its_nearest_row() {
    let case = honest([400, 800, 1], 1);
    let copy = Case { sample: case.real.train.clone(), ..case };
    assert_eq!(value(&of_case(&copy, "membership", &json!({})), ATTACKS[0]), Some(1.0));
}

#[test]
fn a_copy_that_repeats_its_rows_is_found_by_its_density() {
    // ten copies of a row on average: its fifth neighbour lies at 0
    let found = of_case(&copied([400, 800, 4_000], 1), "membership", &json!({}));
    assert!(value(&found, ATTACKS[1]).is_some_and(|area| area >= 0.95), "{:?}", found.scores);
}

#[test]
fn the_headline_is_the_worse_attack_with_its_bounds() {
    for case in [honest([400, 800, 400], 1), honest([400, 800, 400], 2), copied([400, 800, 400], 1), copied([400, 800, 4_000], 1)] {
        let found = of_case(&case, "membership", &json!({}));
        let [nearest, density] = ATTACKS.map(|id| score(&found, id));
        let worse = if density.bound_low > nearest.bound_low { density } else { nearest };
        let headline = score(&found, "membership");
        assert_eq!((headline.value, headline.bound_low, headline.bound_high), (worse.value, worse.bound_low, worse.bound_high));
    }
}

#[test]
fn a_holdout_too_small_to_halve_leaves_the_nearest_row() {
    let found = of_case(&honest([400, 80, 400], 1), "membership", &json!({}));
    assert_eq!(score(&found, ATTACKS[1]).undefined.as_deref(), Some("too_few_rows"));
    assert!(value(&found, ATTACKS[0]).is_some());
    assert_eq!(value(&found, "membership"), value(&found, ATTACKS[0]));
}

#[test]
fn every_option_is_told_and_does_what_it_says() {
    let case = honest([2_600, 2_600, 2_600], 1);
    let rows = |options: Value| {
        let found = of_case(&case, "membership", &options);
        for (name, value) in options.as_object().expect("options") {
            assert_eq!(found.details["options"][name], *value);
        }
        ["members", "sample", "density", "density_sample"].map(|what| found.details["rows"][what].as_u64().expect("a count"))
    };
    assert_eq!(rows(json!({})), [2_600, 2_600, 1_300, 2_600]);
    assert_eq!(rows(json!({"rows_max": 1_100, "sample_max": 1_200})), [1_100, 1_200, 1_100, 1_200]);
    assert_eq!(rows(json!({"density_rows_max": 1_000, "density_sample_max": 1_500})), [2_600, 2_600, 1_000, 1_500]);
}
