//! Accuracy against an independent implementation of its definition.

use crate::support::{PAIRS, load, same, scored, value};
use serde_json::json;

const IDS: [(&str, &str); 7] = [
    ("univariate", "accuracy.univariate"),
    ("bivariate", "accuracy.bivariate"),
    ("trivariate", "accuracy.trivariate"),
    ("univariate_ceiling", "accuracy.univariate_ceiling"),
    ("bivariate_ceiling", "accuracy.bivariate_ceiling"),
    ("trivariate_ceiling", "accuracy.trivariate_ceiling"),
    ("weighted_nmi_error", "accuracy.weighted_nmi_error"),
];

#[test]
fn accuracy_agrees_for_samples_and_for_holdout_rows() {
    for name in PAIRS {
        let mut golden = load(name);
        for matter in ["accuracy_vs_train", "accuracy_of_holdout_row"] {
            if matter == "accuracy_of_holdout_row" {
                if golden.holdout.rows() == 0 {
                    continue;
                }
                golden.synthetic = golden.holdout.clone();
            }
            // the pair `tiny` has fewer rows than the product scores
            let scored = scored(&golden, "accuracy", &json!({"rows_min": 1}));
            for (theirs, ours) in IDS {
                let expected = &golden.expected["own_benchmarks"][matter][theirs];
                same(&format!("{name} {matter} {theirs}"), value(&scored, ours), expected, 1e-9);
            }
        }
    }
}

#[test]
fn fewer_than_twenty_rows_are_undefined_with_a_reason() {
    let scored = scored(&load("tiny"), "accuracy", &json!({}));
    assert!(scored.scores.iter().all(|score| score.undefined.as_deref() == Some("too_few_rows")));
}

#[test]
fn a_copy_lies_above_its_ceiling_and_says_so() {
    let scored = scored(&load("identity"), "accuracy", &json!({}));
    assert_eq!(value(&scored, "accuracy.component"), Some(1.0));
    assert_eq!(scored.details["notes"][0], "above_ceiling");
}
