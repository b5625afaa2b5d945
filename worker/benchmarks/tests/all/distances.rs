//! Distances against an independent implementation and against SDMetrics.

use crate::laws::Law;
use crate::support::{Golden, PAIRS, load, same, scored, value};
use serde_json::{Value, json};
use synthfleet_benchmarks::distances::sdmetrics::{closest, places, rows};
use synthfleet_benchmarks::parts::side::stack;
use synthfleet_benchmarks::{Case, Real, find};
use synthfleet_proto::Seed;
use synthfleet_table::{Arrays, Budget, Column, Table, Values};

const OWN: &str = "distances_all_columns_no_subsampling";

fn own(golden: &Golden, what: &str) -> Value {
    golden.expected["own_benchmarks"][OWN][what].clone()
}

#[test]
fn shares_and_distances_agree_with_the_small_implementation() {
    for name in ["mixed_missing", "categorical_wide", "identity"] {
        let golden = load(name);
        let scored = scored(&golden, "distances", &json!({}));
        for (theirs, ours) in [("dcr_share", "dcr_share"), ("mean_dcr_train", "dcr_mean_train"), ("mean_dcr_holdout", "dcr_mean_holdout")] {
            same(&format!("{name} {ours}"), value(&scored, &format!("distances.{ours}")), &own(&golden, theirs), 1e-12);
        }
        for what in ["ties", "identical_train", "identical_holdout", "nndr_p05_train", "nndr_p05_holdout"] {
            same(&format!("{name} {what}"), scored.details["nearest"][what].as_f64(), &own(&golden, what), 1e-12);
        }
    }
}

#[test]
fn the_full_share_and_its_error_agree_at_unequal_sizes_too() {
    for name in ["mixed_missing", "numeric_edge", "categorical_wide", "identity"] {
        let golden = load(name);
        let scored = scored(&golden, "distances", &json!({}));
        let full = scored.scores.iter().find(|score| score.name == "distances.dcr_share_full").expect("score");
        let expected = &golden.expected["own_benchmarks"]["share_full"];
        same(&format!("{name} full"), full.value, &expected["dcr_share_full"], 1e-12);
        same(&format!("{name} error"), full.error, &expected["null_error"], 1e-12);
    }
}

#[test]
fn ties_are_shared_where_a_strict_comparison_calls_them_safe() {
    let scored = scored(&load("categorical_wide"), "distances", &json!({}));
    assert_eq!(value(&scored, "distances.dcr_share"), Some(0.487));
    assert_eq!(value(&scored, "distances.dcr_overfitting_protection"), Some(1.0));
}

#[test]
fn unequal_sides_leave_harmless_data_harmless() {
    let scored = scored(&load("numeric_edge"), "distances", &json!({}));
    for id in ["distances.dcr_share", "distances.dcr_share_full"] {
        let score = scored.scores.iter().find(|score| score.name == id).expect("score");
        assert!(score.low.is_some_and(|low| low <= 0.5) && score.high.is_some_and(|high| high >= 0.5), "{score:?}");
    }
}

#[test]
fn a_copy_is_caught_by_every_bound() {
    let scored = scored(&load("identity"), "distances", &json!({}));
    assert!(scored.scores[0].bound_low.is_some_and(|low| low > 0.9), "{:?}", scored.scores[0]);
    let identical = scored.scores.iter().find(|score| score.name == "distances.identical_excess").expect("score");
    assert!(identical.bound_low.is_some_and(|low| low > 0.5), "{identical:?}");
}

#[test]
fn distances_of_sdmetrics_agree_row_by_row() {
    for name in PAIRS {
        let golden = load(name);
        let compared = places(golden.real.metadata());
        let all = |table: &Table| rows(table, &compared, &(0..table.rows() as u32).collect::<Vec<_>>());
        let found = closest(&all(&golden.synthetic), &all(&golden.real), &Budget::quiet(2)).expect("nobody stops it").expect("columns");
        let expected = &golden.expected["single_table"]["DCR_synthetic_to_real"];
        for (row, theirs) in expected["first_20_rows"].as_array().expect("rows").iter().enumerate() {
            same(&format!("{name} row {row}"), found.get(row).copied(), theirs, 1e-12);
        }
        same(&format!("{name} mean"), Some(found.iter().sum::<f64>() / found.len() as f64), &expected["mean"], 1e-12);
    }
}

#[test]
fn protections_of_sdmetrics_agree() {
    for name in PAIRS {
        let golden = load(name);
        let scored = scored(&golden, "distances", &json!({}));
        let theirs = &golden.expected["single_table"];
        same(&format!("{name} new rows"), value(&scored, "distances.new_row_synthesis"), &theirs["NewRowSynthesis"]["score"], 1e-12);
        let overfitting = &theirs["DCROverfittingProtection"]["score"];
        same(&format!("{name} overfitting"), value(&scored, "distances.dcr_overfitting_protection"), overfitting, 1e-12);
        let baseline = &theirs["DCRBaselineProtection"];
        if let (Some(mean), Some(sd)) = (baseline["score_mean"].as_f64(), baseline["score_sd"].as_f64()) {
            same(&format!("{name} baseline"), value(&scored, "distances.dcr_baseline_protection"), &json!(mean), 4.0 * sd + 1e-12);
        }
    }
}

#[test]
fn no_holdout_and_few_rows_are_undefined_with_their_reasons() {
    for (name, code) in [("student_placements", "no_holdout"), ("tiny", "too_few_rows")] {
        let scored = scored(&load(name), "distances", &json!({}));
        assert!(scored.scores[..8].iter().all(|score| score.undefined.as_deref() == Some(code)), "{name}");
    }
}

#[test]
fn known_error_02_copies_are_not_diluted_by_equal_sides() {
    let law = Law { numbers: 5, labels: 3 };
    let (train, holdout) = (law.draw(16_000, "train"), law.draw(4_000, "holdout"));
    let copies = train.take(&(0..1_600).collect::<Vec<u32>>());
    let sample = stack(&copies, &law.draw(14_400, "sample")).expect("one description");
    let real = Real { train, holdout, shared: Seed::shared(2) };
    let scored = law.score_on("distances", &real, &sample, &json!({}));
    let full = value(&scored, "distances.dcr_share_full").expect("defined");
    assert!((full - 0.55).abs() <= 0.02, "{full}");
}

#[test]
fn known_error_03_one_outlier_does_not_shrink_all_distances() {
    let law = Law { numbers: 4, labels: 2 };
    let (mut real, sample) = (law.real(2_000), law.draw(2_000, "sample"));
    let share = |real: &Real| value(&law.score_on("distances", real, &sample, &json!({})), "distances.dcr_share").expect("defined");
    let before = share(&real);
    let mut columns = real.train.columns().to_vec();
    let Values::Real(numbers) = columns[0].values() else { panic!("numbers") };
    let mut numbers = numbers.to_vec();
    numbers[7] = 1e12;
    columns[0] = Column::new(Values::Real(numbers.into()), None).expect("column");
    real.train = Table::new(real.train.metadata().clone(), 2_000, columns).expect("table");
    let after = share(&real);
    assert!((before - after).abs() < 0.01, "{before} became {after}");
}

/// Share of runs in which an innocent sample fails at the fair limit.
pub fn false_alarms(runs: u64, rows: usize) -> f64 {
    let law = Law { numbers: 4, labels: 3 };
    let member = find("distances").expect("member");
    let alarm = |run: u64| {
        let draw = |name: &str| law.draw(rows, &format!("{name} {run}"));
        let real = Real { train: draw("train"), holdout: draw("holdout").head(rows / 2), shared: Seed::shared(run) };
        let case = Case { real, sample: draw("sample"), prepared: Arrays::default() };
        let scored = member.score_any(&case, &json!({}), &Seed::of_task(run, "null"), &Budget::quiet(2)).expect("scores");
        u32::from(scored.scores[0].bound_low.expect("a bound") > 0.5)
    };
    f64::from((0..runs).map(alarm).sum::<u32>()) / runs as f64
}

/// 500 runs are on the long shelf; in 50, chance adds three deviations.
#[test]
fn known_error_04_innocent_samples_are_seldom_accused() {
    let share = false_alarms(50, 400);
    assert!(share <= 0.14, "{share}");
}
