//! Coverage against SDMetrics, against an independent implementation, and against laws.

use crate::laws::{Law, permuted, shuffled};
use crate::support::{PAIRS, golden_embedding, load, same, scored, value};
use serde_json::{Value, json};
use synthfleet_benchmarks::coverage::balls;
use synthfleet_proto::score::Scored;
use synthfleet_table::Budget;

fn column<'a>(scored: &'a Scored, name: &str) -> &'a Value {
    scored.details["columns"].as_array().expect("a list").iter().find(|entry| entry["column"] == name).expect("an entry of this name")
}

#[test]
fn regions_agree_with_the_small_implementation() {
    for name in ["mixed_missing", "categorical_wide", "identity", "tiny"] {
        let golden = load(name);
        let found = balls::of(&golden_embedding(&golden), &Budget::quiet(2)).expect("nobody stops it").expect("enough rows");
        let expected = &golden.expected["own_benchmarks"]["distances_all_columns_no_subsampling"];
        same(&format!("{name} coverage"), Some(found.coverage.value), &expected["nn_coverage_k5"], 1e-9);
        same(&format!("{name} density"), Some(found.density.value), &expected["nn_density_k5"], 1e-9);
    }
}

#[test]
fn columns_agree_with_sdmetrics() {
    for name in PAIRS {
        let golden = load(name);
        let scored = scored(&golden, "coverage", &json!({}));
        for (theirs, ours) in [
            ("RangeCoverage", "range_coverage"),
            ("CategoryCoverage", "category_coverage"),
            ("MissingValueSimilarity", "missing_similarity"),
            ("StatisticSimilarity[mean]", "statistic_mean"),
            ("StatisticSimilarity[median]", "statistic_median"),
            ("StatisticSimilarity[std]", "statistic_std"),
        ] {
            for (column_name, expected) in golden.expected["columns"][theirs].as_object().expect("columns") {
                same(&format!("{name} {theirs} {column_name}"), column(&scored, column_name)[ours].as_f64(), expected, 1e-12);
            }
        }
    }
}

#[test]
fn table_means_agree_with_sdmetrics_and_stay_in_the_details() {
    for name in PAIRS {
        let golden = load(name);
        let scored = scored(&golden, "coverage", &json!({}));
        for theirs in ["RangeCoverage", "CategoryCoverage", "MissingValueSimilarity", "StatisticSimilarity"] {
            let expected = &golden.expected["single_table"][theirs];
            if expected.get("error").is_none() {
                same(&format!("{name} {theirs}"), scored.details["sdmetrics"][theirs].as_f64(), expected, 1e-10);
            }
        }
    }
}

#[test]
fn gaps_in_labels_count_here_and_not_there() {
    let scored = scored(&load("mixed_missing"), "coverage", &json!({}));
    let means = [value(&scored, "coverage.missing_similarity"), scored.details["sdmetrics"]["MissingValueSimilarity"].as_f64()];
    assert!(means[0].is_some() && means[1].is_some() && means[0] != means[1], "{means:?}");
    let columns = scored.details["columns"].as_array().expect("columns");
    assert!(columns.iter().all(|column| column["missing_similarity"].is_f64()));
}

#[test]
fn the_headline_is_the_mean_of_its_four_parts() {
    let scored = scored(&load("mixed_missing"), "coverage", &json!({}));
    let parts = ["category_coverage", "range_coverage", "missing_similarity", "nn_coverage"];
    let values: Vec<f64> = parts.iter().map(|part| value(&scored, &format!("coverage.{part}")).expect("defined")).collect();
    same("headline", value(&scored, "coverage"), &json!(values.iter().sum::<f64>() / 4.0), 1e-12);
    assert_eq!((scored.scores[0].used, scored.scores[0].total), (Some(4), Some(4)));
}

#[test]
fn a_collapse_to_five_rows_reaches_no_region() {
    let law = Law { numbers: 5, labels: 2 };
    let five = law.draw(5, "collapsed");
    let sample = five.take(&(0..2_000).map(|row| row % 5).collect::<Vec<u32>>());
    let scored = law.score("coverage", 2_000, &sample, &json!({}));
    assert!(value(&scored, "coverage.nn_coverage").is_some_and(|share| share <= 0.05), "{:?}", scored.scores);
}

#[test]
fn an_honest_sample_reaches_what_five_chances_reach() {
    let law = Law { numbers: 5, labels: 0 };
    let scored = law.score("coverage", 4_000, &law.draw(4_000, "sample"), &json!({}));
    let (reached, density) =
        (value(&scored, "coverage.nn_coverage").expect("defined"), value(&scored, "coverage.nn_density").expect("defined"));
    assert!((reached - 0.969).abs() < 0.01, "{reached}");
    assert!((density - 1.0).abs() < 0.05, "{density}");
}

#[test]
fn every_defined_score_has_an_interval() {
    let law = Law { numbers: 3, labels: 2 };
    let scored = law.score("coverage", 1_000, &law.draw(1_000, "sample"), &json!({}));
    for score in scored.scores.iter().filter(|score| score.value.is_some()) {
        assert!(score.error.is_some() && score.low <= score.value && score.value <= score.high, "{score:?}");
    }
}

#[test]
fn the_order_of_rows_changes_no_byte() {
    let law = Law { numbers: 3, labels: 3 };
    let (real, sample) = (law.real(700), law.draw(640, "sample"));
    let one = law.score_on("coverage", &real, &sample, &json!({}));
    assert_eq!(one, law.score_on("coverage", &shuffled(&real), &permuted(&sample, "s"), &json!({})));
}

#[test]
fn what_cannot_be_computed_says_why() {
    let undefined = |scored: &Scored, id: &str| {
        scored.scores.iter().find(|score| score.name == format!("coverage.{id}")).and_then(|score| score.undefined.clone())
    };
    let tiny = scored(&load("tiny"), "coverage", &json!({}));
    assert_eq!(undefined(&tiny, "nn_coverage").as_deref(), Some("too_few_rows"));
    assert!(tiny.scores[0].value.is_some() && tiny.scores[0].used == Some(3), "{:?}", tiny.scores[0]);
    let constant = scored(&load("mixed_missing"), "coverage", &json!({}));
    let columns = constant.details["columns"].as_array().expect("columns");
    assert!(columns.iter().any(|column| column["undefined"]["range_coverage"] == "constant"), "{columns:?}");
    let numbers = Law { numbers: 2, labels: 0 };
    let scored = numbers.score("coverage", 100, &numbers.draw(100, "sample"), &json!({}));
    assert_eq!(undefined(&scored, "category_coverage").as_deref(), Some("not_applicable"));
}

#[test]
fn known_error_18_every_option_is_told_and_does_something() {
    let law = Law { numbers: 3, labels: 2 };
    let sample = law.draw(1_500, "sample");
    for benchmark in ["alpha_beta", "coverage"] {
        let plain = law.score(benchmark, 1_500, &sample, &json!({}));
        assert_eq!(plain.details["options"], json!({"reference": "train", "rows_max": 10_000}));
        for (options, rows) in
            [(json!({"rows_max": 1_000}), 1_000), (json!({"reference": "holdout"}), 375), (json!({"reference": "all"}), 1_500)]
        {
            let other = law.score(benchmark, 1_500, &sample, &options);
            let (name, wished) = options.as_object().and_then(|options| options.iter().next()).expect("an option");
            assert_eq!((&other.details["options"][name], &other.details["rows"]), (wished, &json!(rows)), "{benchmark}");
            assert_ne!(value(&other, benchmark), value(&plain, benchmark), "{benchmark} {options}");
        }
    }
}
