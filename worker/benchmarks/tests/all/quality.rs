//! The quality report of SDMetrics, its columns and its pairs, and the further measures of one column.

use crate::support::{Golden, PAIRS, load, same, scored, value};
use serde_json::{Value, json};
use synthfleet_proto::score::Scored;

const TOLERANCE: f64 = 1e-9;

fn entry<'a>(list: &'a Value, key: &str, name: &str) -> &'a Value {
    list.as_array().expect("a list").iter().find(|entry| entry[key] == name).expect("an entry of this name")
}

fn pair<'a>(scored: &'a Scored, names: [&str; 2]) -> &'a Value {
    let pairs = scored.details["pairs"].as_array().expect("pairs");
    let is_it = |columns: &Value| (columns[0] == names[0] && columns[1] == names[1]) || (columns[0] == names[1] && columns[1] == names[0]);
    pairs.iter().find(|pair| is_it(&pair["columns"])).expect("a pair of these names")
}

fn two(joined: &str) -> [&str; 2] {
    let (first, second) = joined.split_once('|').expect("two names");
    [first, second]
}

#[test]
fn the_quality_report_agrees_in_both_profiles() {
    for name in PAIRS {
        let golden = load(name);
        let scored = scored(&golden, "pair_trends", &Value::Null);
        for (profile, trends, quality) in
            [("trending", "pair_trends", "pair_trends.quality"), ("all_pairs", "pair_trends.all", "pair_trends.quality_all")]
        {
            let expected = &golden.expected["quality"][profile];
            same(&format!("{name} {profile} trends"), value(&scored, trends), &expected["column_pair_trends"], TOLERANCE);
            same(&format!("{name} {profile} quality"), value(&scored, quality), &expected["score"], TOLERANCE);
        }
    }
}

#[test]
fn every_pair_of_the_quality_report_agrees() {
    for name in PAIRS {
        let golden = load(name);
        let scored = scored(&golden, "pair_trends", &Value::Null);
        for profile in ["trending", "all_pairs"] {
            for expected in golden.expected["quality"][profile]["pairs"].as_array().expect("pairs") {
                let names = [0, 1].map(|i| expected["columns"][i].as_str().expect("name"));
                let ours = pair(&scored, names);
                let what = format!("{name} {profile} {names:?}");
                assert_eq!(ours["measure"], expected["metric"], "{what}");
                for (mine, theirs) in [
                    ("real_correlation", "real_correlation"),
                    ("sample_correlation", "synthetic_correlation"),
                    ("association", "real_association"),
                ] {
                    if !expected[theirs].is_null() {
                        same(&what, ours[mine].as_f64(), &expected[theirs], TOLERANCE);
                    }
                }
                if profile == "trending" {
                    assert_eq!(ours["counts"], expected["counts"].as_bool().unwrap_or(false), "{what}");
                }
                if profile == "all_pairs" || expected["counts"] == true {
                    same(&what, ours["score"].as_f64(), &expected["score"], TOLERANCE);
                }
            }
        }
    }
}

#[test]
fn column_shapes_agree_column_by_column() {
    for name in PAIRS {
        let golden = load(name);
        let scored = scored(&golden, "column_shapes", &Value::Null);
        let report = &golden.expected["quality"]["trending"];
        same(name, value(&scored, "column_shapes"), &report["column_shapes"], TOLERANCE);
        for expected in report["shapes"].as_array().expect("shapes") {
            let column = expected["column"].as_str().expect("name");
            let ours = entry(&scored.details["columns"], "column", column);
            assert_eq!(ours["measure"], expected["metric"], "{name} {column}");
            same(&format!("{name} {column}"), ours["score"].as_f64(), &expected["score"], 1e-12);
        }
    }
}

/// SDMetrics' name, our field, whether the table-level mean is over number-like columns.
const MEASURES: [(&str, &str, bool); 6] = [
    ("RangeCoverage", "range_coverage", true),
    ("CategoryCoverage", "category_coverage", false),
    ("MissingValueSimilarity", "missing_similarity", true),
    ("StatisticSimilarity[mean]", "statistic_mean", true),
    ("StatisticSimilarity[median]", "statistic_median", true),
    ("StatisticSimilarity[std]", "statistic_std", true),
];

#[test]
fn further_measures_of_columns_agree() {
    for name in PAIRS {
        let golden = load(name);
        let scored = scored(&golden, "column_shapes", &Value::Null);
        for (theirs, ours, _) in MEASURES {
            for (column, expected) in golden.expected["columns"][theirs].as_object().expect("columns") {
                let mine = &entry(&scored.details["columns"], "column", column)["univariate"][ours];
                same(&format!("{name} {theirs} {column}"), mine.as_f64(), expected, 1e-12);
            }
        }
    }
}

/// Mean over the defined values of `field` in the columns of some sdtypes.
fn mean_over(golden: &Golden, scored: &Scored, sdtypes: &[&str], field: impl Fn(&Value) -> &Value) -> Option<f64> {
    let columns = golden.columns_of(sdtypes);
    let values: Vec<f64> =
        columns.iter().filter_map(|column| field(entry(&scored.details["columns"], "column", column)).as_f64()).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[test]
fn table_level_means_of_column_measures_agree() {
    let (numbers, labels) = (["numerical", "datetime"], ["categorical", "boolean"]);
    for name in PAIRS {
        let golden = load(name);
        let scored = scored(&golden, "column_shapes", &Value::Null);
        let expected = &golden.expected["single_table"];
        let check = |theirs: &str, mean: Option<f64>| {
            if expected[theirs].get("error").is_none() {
                same(&format!("{name} {theirs}"), mean, &expected[theirs], 1e-10);
            }
        };
        check("KSComplement", mean_over(&golden, &scored, &numbers, |column| &column["score"]));
        check("TVComplement", mean_over(&golden, &scored, &labels, |column| &column["score"]));
        for (theirs, ours, of_numbers) in MEASURES {
            let sdtypes: &[&str] = if of_numbers { &numbers } else { &labels };
            let theirs = if theirs == "StatisticSimilarity[mean]" { "StatisticSimilarity" } else { theirs };
            if !theirs.contains('[') {
                check(theirs, mean_over(&golden, &scored, sdtypes, |column| &column["univariate"][ours]));
            }
        }
    }
}

#[test]
fn correlations_of_values_and_ranks_agree() {
    for name in PAIRS {
        let golden = load(name);
        for (coefficient, theirs) in [("pearson", "CorrelationSimilarity[Pearson]"), ("spearman", "CorrelationSimilarity[Spearman]")] {
            let scored = scored(&golden, "pair_trends", &json!({"coefficient": coefficient}));
            for (columns, expected) in golden.expected["pairs"][theirs].as_object().expect("pairs") {
                let ours = &pair(&scored, two(columns))["score"];
                if expected.get("error").is_some() {
                    assert!(ours.is_null(), "{name} {columns}");
                } else {
                    same(&format!("{name} {theirs} {columns}"), ours.as_f64(), expected, 1e-10);
                }
            }
        }
    }
}

#[test]
fn contingency_of_labels_agrees() {
    for name in PAIRS {
        let golden = load(name);
        let scored = scored(&golden, "pair_trends", &Value::Null);
        for (columns, expected) in golden.expected["pairs"]["ContingencySimilarity[discrete]"].as_object().expect("pairs") {
            same(&format!("{name} {columns}"), pair(&scored, two(columns))["score"].as_f64(), expected, 1e-10);
        }
        for (columns, expected) in golden.expected["pairs"]["ContingencySimilarity[real_edges]"].as_object().expect("pairs") {
            same(&format!("{name} real edges {columns}"), pair(&scored, two(columns))["fixed"].as_f64(), expected, 1e-10);
        }
    }
}

#[test]
fn the_reference_may_be_holdout_or_both() {
    let mut golden = load("mixed_missing");
    golden.synthetic = golden.holdout.clone();
    let shapes =
        |reference: &str| value(&scored(&golden, "column_shapes", &json!({"reference": reference})), "column_shapes").expect("defined");
    let (train, both, holdout) = (shapes("train"), shapes("all"), shapes("holdout"));
    assert_eq!(holdout, 1.0);
    assert!(train < both && both < holdout, "{train} {both}");
}
