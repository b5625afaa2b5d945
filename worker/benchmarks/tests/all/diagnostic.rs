//! The diagnostic report of SDMetrics, check by check, and the gates beside it.

use crate::support::{PAIRS, load, same, scored, value};
use serde_json::Value;
use std::sync::Arc;
use synthfleet_proto::constraint::Constraint;
use synthfleet_proto::metadata::Metadata;
use synthfleet_proto::score::Scored;
use synthfleet_table::{Table, Values};

const TOLERANCE: f64 = 1e-12;

#[test]
fn the_diagnostic_report_agrees_check_by_check() {
    for name in PAIRS {
        let golden = load(name);
        let scored = scored(&golden, "diagnostic", &Value::Null);
        let report = &golden.expected["diagnostic"];
        for (ours, theirs) in [
            ("diagnostic.sdmetrics", "score"),
            ("diagnostic.data_validity", "data_validity"),
            ("diagnostic.data_structure", "data_structure"),
        ] {
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
fn a_copy_without_the_missing_cells_has_the_types_of_its_description_and_not_those_of_a_reader() {
    let mut golden = load("mixed_missing");
    let is_full = |table: &Table, row: usize| table.columns().iter().all(|column| !column.is_missing(row));
    let full: Vec<u32> = (0..golden.real.rows()).filter(|&row| is_full(&golden.real, row)).map(|row| row as u32).collect();
    golden.synthetic = golden.real.take(&full);
    let scored = scored(&golden, "diagnostic", &Value::Null);
    assert_eq!((value(&scored, "diagnostic"), value(&scored, "diagnostic.data_validity")), (Some(1.0), Some(1.0)));
    assert!(value(&scored, "diagnostic.sdmetrics").expect("defined") < 1.0);
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

/// The case of a golden pair under constraints, its sample changed.
fn ruled(rules: &[&str], sample: impl Fn(&Table) -> Table) -> Scored {
    let mut golden = load("student_placements");
    let mut metadata = Metadata::clone(golden.real.metadata());
    metadata.constraints = rules.iter().map(|rule| Constraint::parse(rule).expect("legal")).collect();
    let metadata = Arc::new(metadata);
    let described = |table: &Table| Table::new(Arc::clone(&metadata), table.rows(), table.columns().to_vec()).expect("the same columns");
    golden.synthetic = described(&sample(&golden.real));
    (golden.real, golden.holdout) = (described(&golden.real), described(&golden.holdout));
    scored(&golden, "diagnostic", &Value::Null)
}

#[test]
fn the_share_of_rows_that_keep_a_constraint_is_its_score_and_tables_without_have_none() {
    let rules = ["combinations of gender, degree_type", "combinations of high_spec, work_experience"];
    let kept = ruled(&rules, Clone::clone);
    assert_eq!(value(&kept, "diagnostic.constraint_validity"), Some(1.0));
    let plain = ruled(&[], Clone::clone);
    assert!(plain.scores.iter().all(|score| score.name != "diagnostic.constraint_validity"));
    assert_eq!(plain.scores, kept.scores[..plain.scores.len()]);
    assert!(plain.details.get("constraints").is_none());
}

#[test]
fn a_sample_that_breaks_one_of_two_constraints_has_the_mean_of_both_shares() {
    let turned = |real: &Table| {
        let place = real.metadata().position("start_date").expect("a column");
        let order: Vec<u32> = (0..real.rows() as u32).rev().collect();
        let columns = real.columns().iter().enumerate();
        let columns = columns.map(|(at, column)| if at == place { column.take(&order) } else { column.clone() }).collect();
        Table::new(Arc::clone(real.metadata()), real.rows(), columns).expect("the same rows")
    };
    let sample = turned(&load("student_placements").real);
    let [start, end] = ["start_date", "end_date"].map(|name| sample.column(sample.metadata().position(name).expect("a column")).clone());
    let (Values::Whole(starts), Values::Whole(ends)) = (start.values(), end.values()) else { panic!("dates are whole numbers") };
    let complete: Vec<usize> = (0..sample.rows()).filter(|&row| !start.is_missing(row) && !end.is_missing(row)).collect();
    let kept = complete.iter().filter(|&&row| starts[row] <= ends[row]).count();
    assert!(kept < complete.len() && complete.len() < sample.rows());

    let scored = ruled(&["start_date <= end_date", "combinations of gender, degree_type"], turned);
    let share = kept as f64 / complete.len() as f64;
    assert_eq!(value(&scored, "diagnostic.constraint_validity"), Some((share + 1.0) / 2.0));
    let told = &scored.details["constraints"][0];
    assert_eq!((told["kept"].as_u64(), told["of"].as_u64()), (Some(kept as u64), Some(complete.len() as u64)));
}
