//! Membership attacks against an independent implementation and against chance.

use crate::support::{load, same, scored, value};
use serde_json::json;
use std::sync::Arc;
use synthfleet_benchmarks::{Case, Real, find};
use synthfleet_proto::Seed;
use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, Budget, Column, SeedExt, Table, Values};

#[test]
fn the_area_agrees_with_the_small_implementation() {
    for name in ["mixed_missing", "categorical_wide", "identity"] {
        let golden = load(name);
        let expected = &golden.expected["own_benchmarks"]["distances_all_columns_no_subsampling"]["membership_nn_auc"];
        let scored = scored(&golden, "membership", &json!({}));
        same(name, value(&scored, "membership.nn_attack"), expected, 1e-12);
        assert_eq!(value(&scored, "membership"), value(&scored, "membership.nn_attack"));
    }
}

#[test]
fn no_holdout_and_few_rows_are_undefined_with_their_reasons() {
    for (name, code) in [("student_placements", "no_holdout"), ("tiny", "too_few_rows")] {
        let scored = scored(&load(name), "membership", &json!({}));
        assert!(scored.scores.iter().all(|score| score.undefined.as_deref() == Some(code)), "{name}");
    }
}

/// Rows of one law: three numbers that hang together and a label.
fn drawn(metadata: &Arc<Metadata>, rows: usize, seed: &Seed) -> Table {
    let mut rng = seed.rng();
    let (mut numbers, mut codes) = (vec![Vec::new(); 3], Vec::new());
    for _ in 0..rows {
        let base = rng.uniform() + rng.uniform();
        numbers.iter_mut().for_each(|column| column.push(base + rng.uniform()));
        codes.push(rng.below(3) as u32);
    }
    let mut columns: Vec<Column> =
        numbers.iter().map(|numbers| Column::new(Values::Real(numbers[..].into()), None).expect("column")).collect();
    columns.push(Column::new(Values::Code(codes.into()), None).expect("column"));
    Table::new(Arc::clone(metadata), rows, columns).expect("table")
}

#[test]
fn an_innocent_sample_gives_areas_that_spread_as_chance_does() {
    let mut label = ColumnMeta::plain("label", Kind::Categorical);
    label.levels = ["a", "b", "c"].map(str::to_owned).to_vec();
    let numbers = ["x", "y", "z"].map(|name| ColumnMeta::plain(name, Kind::Continuous));
    let metadata = Arc::new(Metadata::plain("null", numbers.into_iter().chain([label]).collect()));
    let (runs, m) = (60u64, 400);
    let membership = find("membership").expect("member");
    let areas: Vec<f64> = (0..runs)
        .map(|run| {
            let seed = Seed::of_task(run, "null");
            let table = |name: &str| drawn(&metadata, m, &seed.child(name));
            let real = Real { train: table("train"), holdout: table("holdout"), shared: seed.child("shared") };
            let case = Case { real, sample: table("sample"), prepared: Arrays::default() };
            let scored = membership.score_any(&case, &json!({}), &seed, &Budget::quiet(2)).expect("scores");
            value(&scored, "membership.nn_attack").expect("defined")
        })
        .collect();
    let mean = areas.iter().sum::<f64>() / runs as f64;
    let sd = (areas.iter().map(|area| (area - mean) * (area - mean)).sum::<f64>() / (runs - 1) as f64).sqrt();
    let chance = ((2 * m + 1) as f64 / (12 * m * m) as f64).sqrt();
    assert!((mean - 0.5).abs() < 4.0 * chance / (runs as f64).sqrt(), "mean {mean}");
    assert!((sd / chance - 1.0).abs() < 0.27, "sd {sd}, chance {chance}");
}
