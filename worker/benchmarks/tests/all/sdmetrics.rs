//! Values of SDMetrics over whole tables that no other file compares.

use crate::support::{Golden, PAIRS, load, same, scored, value};
use serde_json::{Value, json};
use synthfleet_benchmarks::Real;
use synthfleet_benchmarks::distances::sdmetrics::{Rows, closest, median, places, random, rows};
use synthfleet_proto::Seed;
use synthfleet_proto::score::Scored;
use synthfleet_stats::quantiles::linear;
use synthfleet_table::{Budget, Table};

fn all_rows(table: &Table, compared: &[usize]) -> Rows {
    rows(table, compared, &(0..table.rows() as u32).collect::<Vec<_>>())
}

/// Distance of each row of one table to the closest row of another.
fn distances(golden: &Golden, data: &Table, reference: &Table) -> Vec<f64> {
    let compared = places(golden.real.metadata());
    closest(&all_rows(data, &compared), &all_rows(reference, &compared), &Budget::quiet(2)).expect("nobody stops it").expect("columns")
}

#[test]
fn quantiles_of_the_closest_records_agree() {
    for name in PAIRS {
        let golden = load(name);
        let mut found = distances(&golden, &golden.synthetic, &golden.real);
        found.sort_unstable_by(f64::total_cmp);
        let expected = &golden.expected["single_table"]["DCR_synthetic_to_real"];
        for (theirs, share) in [("min", 0.0), ("p05", 0.05), ("median", 0.5), ("p95", 0.95), ("max", 1.0)] {
            same(&format!("{name} {theirs}"), Some(linear(&found, share)), &expected[theirs], 1e-12);
        }
    }
}

#[test]
fn shares_nearer_to_train_agree_with_and_without_ties() {
    for name in PAIRS {
        let golden = load(name);
        let theirs = &golden.expected["single_table"];
        if golden.holdout.rows() == 0 {
            assert!(theirs["DCR_share"].is_null(), "{name}");
            continue;
        }
        let (train, holdout) =
            (distances(&golden, &golden.synthetic, &golden.real), distances(&golden, &golden.synthetic, &golden.holdout));
        let share = |counts: fn(f64, f64) -> bool| {
            train.iter().zip(&holdout).filter(|(train, holdout)| counts(**train, **holdout)).count() as f64 / train.len() as f64
        };
        let (nearer, ties) = (share(|train, holdout| train < holdout), share(|train, holdout| train == holdout));
        same(&format!("{name} nearer"), Some(nearer), &theirs["DCR_share"]["closer_to_train"], 1e-12);
        same(&format!("{name} ties"), Some(ties), &theirs["DCR_share"]["exact_ties"], 1e-12);
        same(&format!("{name} shared ties"), Some(nearer + ties / 2.0), &theirs["DCR_share"]["share_with_half_ties"], 1e-12);
        let percentages = &theirs["DCROverfittingProtection"]["synthetic_data_percentages"];
        same(&format!("{name} training"), Some(nearer), &percentages["closer_to_training"], 1e-12);
        same(&format!("{name} holdout"), Some(1.0 - nearer), &percentages["closer_to_holdout"], 1e-12);
    }
}

#[test]
fn medians_behind_the_baseline_protection_agree() {
    for name in PAIRS {
        let golden = load(name);
        let expected = &golden.expected["single_table"]["DCRBaselineProtection"];
        let (Some(mean), Some(sd)) = (expected["random_median_mean"].as_f64(), expected["random_median_sd"].as_f64()) else {
            // it overflows on a column without values, which has a distance here
            assert_eq!(name, "numeric_edge");
            let found = value(&scored(&golden, "distances", &json!({})), "distances.dcr_baseline_protection");
            assert!(found.is_some_and(|found| (0.0..=1.0).contains(&found)));
            continue;
        };
        let of_sample = median(&distances(&golden, &golden.synthetic, &golden.real));
        same(&format!("{name} synthetic"), of_sample, &expected["synthetic_median"], 1e-12);
        let compared = places(golden.real.metadata());
        let real = Real { train: golden.real.clone(), holdout: golden.holdout.clone(), shared: Seed::shared(7) };
        let drawn = random(&real, &compared, golden.synthetic.rows(), &Seed::of_task(7, "random"));
        let found = closest(&drawn, &all_rows(&golden.real, &compared), &Budget::quiet(2)).expect("nobody stops it").expect("columns");
        same(&format!("{name} random"), median(&found), &json!(mean), 4.0 * sd + 1e-12);
    }
}

#[test]
fn new_rows_are_counted_alike() {
    for name in PAIRS {
        let golden = load(name);
        let (expected, rows) = (&golden.expected["single_table"]["NewRowSynthesis"], golden.synthetic.rows() as f64);
        let share = value(&scored(&golden, "distances", &json!({})), "distances.new_row_synthesis").expect("defined");
        same(&format!("{name} new"), Some(share * rows), &expected["num_new_rows"], 1e-9);
        same(&format!("{name} matched"), Some((1.0 - share) * rows), &expected["num_matched_rows"], 1e-9);
    }
}

#[test]
fn the_structure_of_tables_agrees() {
    for name in PAIRS {
        let golden = load(name);
        let found = value(&scored(&golden, "diagnostic", &json!({})), "diagnostic.data_structure");
        same(name, found, &golden.expected["single_table"]["TableStructure"], 1e-12);
    }
}

/// Fails unless our mean is the value of their metric, where that has one.
fn agrees(golden: &Golden, theirs: &str, values: &[f64]) {
    let expected = &golden.expected["single_table"][theirs];
    if expected.get("error").is_none() {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        same(&format!("{} {theirs}", golden.real.metadata().table), Some(mean), expected, 1e-10);
    }
}

#[test]
fn table_level_adherence_to_boundaries_agrees() {
    for name in PAIRS {
        let golden = load(name);
        let scored = scored(&golden, "diagnostic", &json!({}));
        let numbers = golden.columns_of(&["numerical", "datetime"]);
        let checks = scored.details["checks"].as_array().expect("checks").iter();
        let of_numbers =
            checks.filter(|check| check["check"] == "BoundaryAdherence" && numbers.iter().any(|column| check["column"] == column.as_str()));
        agrees(&golden, "BoundaryAdherence", &of_numbers.filter_map(|check| check["score"].as_f64()).collect::<Vec<f64>>());
    }
}

/// Scores of the pairs of some columns.
fn pairs_of(scored: &Scored, columns: &[String]) -> Vec<f64> {
    let is_one = |name: &Value| columns.iter().any(|column| name == column.as_str());
    let pairs = scored.details["pairs"].as_array().expect("pairs").iter();
    pairs.filter(|pair| is_one(&pair["columns"][0]) && is_one(&pair["columns"][1])).filter_map(|pair| pair["score"].as_f64()).collect()
}

#[test]
fn table_level_means_over_pairs_agree() {
    for name in PAIRS {
        let golden = load(name);
        let scored = scored(&golden, "pair_trends", &json!({}));
        agrees(&golden, "CorrelationSimilarity", &pairs_of(&scored, &golden.columns_of(&["numerical", "datetime"])));
        agrees(&golden, "ContingencySimilarity", &pairs_of(&scored, &golden.columns_of(&["categorical", "boolean"])));
    }
}

#[test]
fn both_profiles_have_the_same_shapes() {
    for name in PAIRS {
        let golden = load(name);
        let shapes = scored(&golden, "column_shapes", &json!({}));
        let report = &golden.expected["quality"]["all_pairs"];
        same(name, value(&shapes, "column_shapes"), &report["column_shapes"], 1e-9);
        for expected in report["shapes"].as_array().expect("shapes") {
            let columns = shapes.details["columns"].as_array().expect("columns");
            let ours = columns.iter().find(|column| column["column"] == expected["column"]).expect("a column");
            same(&format!("{name} {expected}"), ours["score"].as_f64(), &expected["score"], 1e-12);
        }
    }
}

/// SDMetrics raises on unseen labels, gaps and small classes in some of them.
#[test]
fn known_error_05_all_golden_pairs_are_scored_by_models_or_say_why() {
    for name in PAIRS {
        let mut golden = load(name);
        let mut metadata = golden.real.metadata().as_ref().clone();
        metadata.target = golden.expected["ml_efficacy"]["target"].as_str().map(str::to_owned);
        let metadata = std::sync::Arc::new(metadata);
        for table in [&mut golden.real, &mut golden.synthetic, &mut golden.holdout] {
            *table = Table::new(metadata.clone(), table.rows(), table.columns().to_vec()).expect("the same columns");
        }
        for benchmark in ["detection", "ml_efficacy"] {
            let found = scored(&golden, benchmark, &json!({}));
            let few = name == "tiny" || (benchmark == "ml_efficacy" && golden.holdout.rows() == 0);
            for score in &found.scores {
                assert!(score.value.is_some() || score.why.is_some(), "{name}: {score:?}");
                assert!(few || score.value.is_some() || score.undefined.as_deref() != Some("failed"), "{name}: {score:?}");
            }
            assert!(few || found.scores[0].value.is_some(), "{name} {benchmark}: {:?}", found.scores[0]);
        }
    }
}
