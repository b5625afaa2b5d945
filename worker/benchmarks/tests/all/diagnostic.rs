//! The diagnostic report of SDMetrics, check by check, and the gates beside it.

use crate::support::{PAIRS, load, same, scored, value};
use serde_json::Value;

const TOLERANCE: f64 = 1e-12;

#[test]
fn the_diagnostic_report_agrees_check_by_check() {
    for name in PAIRS {
        let golden = load(name);
        let scored = scored(&golden, "diagnostic", &Value::Null);
        let report = &golden.expected["diagnostic"];
        for (ours, theirs) in
            [("diagnostic", "score"), ("diagnostic.data_validity", "data_validity"), ("diagnostic.data_structure", "data_structure")]
        {
            same(&format!("{name} {ours}"), value(&scored, ours), &report[theirs], TOLERANCE);
        }
        let checks = scored.details["checks"].as_array().expect("checks");
        let expected = report["validity"].as_array().expect("rows");
        assert_eq!(checks.len(), expected.len(), "{name}");
        for row in expected {
            let ours = checks.iter().find(|check| check["column"] == row["column"] && check["check"] == row["metric"]);
            same(&format!("{name} {row}"), ours.expect("a check").get("score").and_then(Value::as_f64), &row["score"], TOLERANCE);
        }
    }
}

#[test]
fn single_column_adherence_agrees() {
    for name in PAIRS {
        let golden = load(name);
        let scored = scored(&golden, "diagnostic", &Value::Null);
        let checks = scored.details["checks"].as_array().expect("checks");
        for check in ["BoundaryAdherence", "CategoryAdherence", "KeyUniqueness"] {
            let Some(columns) = golden.expected["columns"][check].as_object() else { continue };
            for (column, expected) in columns {
                let ours = checks.iter().find(|one| one["column"] == column.as_str() && one["check"] == check).expect("a check");
                same(&format!("{name} {check} {column}"), ours["score"].as_f64(), expected, TOLERANCE);
            }
        }
    }
}

#[test]
fn an_honest_holdout_with_rare_labels_passes_the_gate_and_not_the_parity_figure() {
    let mut golden = load("mixed_missing");
    golden.synthetic = golden.holdout.clone();
    let scored = scored(&golden, "diagnostic", &Value::Null);
    assert!(value(&scored, "diagnostic.data_validity").expect("defined") < 1.0);
    for gate in ["diagnostic.structure", "diagnostic.validity", "diagnostic.keys"] {
        assert_eq!(value(&scored, gate), Some(1.0), "{gate}");
    }
}

#[test]
fn a_copy_fails_the_gate_of_identifying_values_and_invented_ones_pass() {
    let copy = scored(&load("identity"), "diagnostic", &Value::Null);
    let invented = scored(&load("mixed_missing"), "diagnostic", &Value::Null);
    let bound = |scored: &synthfleet_proto::score::Scored| scored.scores.last().and_then(|score| score.bound_low).expect("a bound");
    assert!(bound(&copy) > 0.5);
    assert!(bound(&invented) <= 0.0, "{}", bound(&invented));
}
