//! Alpha-precision, beta-recall and authenticity against an independent implementation and against laws.

use crate::laws::{Law, permuted, shuffled};
use crate::support::{golden_embedding, load, same, scored, value};
use serde_json::json;
use std::sync::Arc;
use synthfleet_benchmarks::alpha_beta::measures;
use synthfleet_benchmarks::parts::embedding::Embedding;
use synthfleet_benchmarks::parts::encode16::{Cells, Column16, Measure};
use synthfleet_benchmarks::{Case, find};
use synthfleet_proto::Seed;
use synthfleet_table::budget::Silent;
use synthfleet_table::{Arrays, Budget, Table};

#[test]
fn all_three_agree_with_the_small_implementation() {
    for name in ["mixed_missing", "categorical_wide", "identity", "tiny"] {
        let golden = load(name);
        let found = measures::of(&golden_embedding(&golden), &Budget::quiet(2)).expect("nobody stops it").expect("enough rows");
        let expected = &golden.expected["own_benchmarks"]["distances_all_columns_no_subsampling"];
        for (ours, theirs) in [(found.alpha, "alpha_precision"), (found.beta, "beta_recall"), (found.authenticity, "authenticity")] {
            same(&format!("{name} {theirs}"), Some(ours.value), &expected[theirs], 1e-9);
        }
    }
}

/// The radius that counts belongs to the nearest real row, not to the place of the sample row.
#[test]
fn known_error_15_authenticity_looks_up_the_radius_of_the_nearest_real_row() {
    let cells = |main: &[u16]| Cells { main: main.to_vec(), flag: Vec::new() };
    let sides = vec![cells(&[0, 100, 300, 600]), cells(&[120, 450, 1_000])];
    let embedding = Embedding { columns: vec![Column16 { measure: Measure::Number, sides }], rows: [4, 3] };
    let found = measures::of(&embedding, &Budget::quiet(1)).expect("nobody stops it").expect("enough rows");
    // 120 lies 20 from 100, whose radius is 100; 450 lies 150 from 300, whose radius is 200; 1,000 lies 400 from
    // 600, whose radius is 300
    assert_eq!(found.authenticity.value, 1.0 / 3.0);
}

#[test]
fn a_copy_is_precise_recalled_and_not_authentic() {
    let scored = scored(&load("identity"), "alpha_beta", &json!({}));
    assert!(value(&scored, "alpha_beta").is_some_and(|alpha| alpha >= 0.99));
    assert!(value(&scored, "alpha_beta.beta_recall").is_some_and(|beta| beta >= 0.99));
    assert_eq!(value(&scored, "alpha_beta.authenticity"), Some(0.0));
}

#[test]
fn an_honest_sample_is_precise_and_recalls_half_of_a_continuous_law() {
    let law = Law { numbers: 6, labels: 0 };
    let scored = law.score("alpha_beta", 4_000, &law.draw(4_000, "sample"), &json!({}));
    let (alpha, beta) = (value(&scored, "alpha_beta").expect("defined"), value(&scored, "alpha_beta.beta_recall").expect("defined"));
    assert!(alpha >= 0.97, "{alpha}");
    assert!((beta - 0.5).abs() <= 0.05, "{beta}");
}

#[test]
fn known_error_16_more_recall_than_an_honest_sample_has_is_a_copy() {
    let law = Law { numbers: 4, labels: 2 };
    let beta = |sample: &Table| {
        let scored = law.score("alpha_beta", 1_000, sample, &json!({}));
        assert!(scored.scores[1].fair.is_none(), "the holdout row is what is fair");
        value(&scored, "alpha_beta.beta_recall").expect("defined")
    };
    let (honest, copy) = (beta(&law.draw(1_000, "sample")), beta(&law.draw(1_000, "train")));
    assert!(copy > 0.99 && honest < 0.7, "honest {honest}, copy {copy}");
}

#[test]
fn the_order_of_rows_changes_no_byte() {
    let law = Law { numbers: 3, labels: 3 };
    let (real, sample) = (law.real(700), law.draw(640, "sample"));
    let one = law.score_on("alpha_beta", &real, &sample, &json!({}));
    assert_eq!(one, law.score_on("alpha_beta", &shuffled(&real), &permuted(&sample, "s"), &json!({})));
}

#[test]
fn intervals_hold_the_values_of_other_samples_of_the_law() {
    let law = Law { numbers: 3, labels: 1 };
    let first = law.score("alpha_beta", 1_500, &law.draw(1_500, "sample"), &json!({}));
    for id in ["alpha_beta", "alpha_beta.beta_recall", "alpha_beta.authenticity"] {
        let error = first.scores.iter().find(|score| score.name == id).and_then(|score| score.error).expect("an error");
        assert!(error > 0.0 && error < 0.05, "{id}: {error}");
        let other = law.score("alpha_beta", 1_500, &law.draw(1_500, "another sample"), &json!({}));
        let (a, b) = (value(&first, id).expect("defined"), value(&other, id).expect("defined"));
        assert!((a - b).abs() <= 5.0 * error, "{id}: {a} and {b}, error {error}");
    }
}

#[test]
fn few_rows_are_undefined_with_their_reason() {
    let scored = scored(&load("tiny"), "alpha_beta", &json!({}));
    assert!(scored.scores.iter().all(|score| score.undefined.as_deref() == Some("too_few_rows")));
}

#[test]
fn too_little_planned_memory_halves_the_rows_and_says_so() {
    let law = Law { numbers: 4, labels: 3 };
    let case = Case { real: law.real(4_000), sample: law.draw(4_000, "sample"), prepared: Arrays::default() };
    let budget = Budget::new(2, 1 << 20, Arc::default(), Box::new(Silent), None);
    for name in ["alpha_beta", "coverage"] {
        let benchmark = find(name).expect("a member");
        let scored = benchmark.score_any(&case, &json!({}), &Seed::of_task(1, "t"), &budget).expect("scores");
        assert_eq!((scored.scores[0].limited, &scored.details["rows"]), (Some(1_250), &json!(1_250)), "{name}");
    }
}
