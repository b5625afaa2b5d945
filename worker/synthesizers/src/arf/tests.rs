//! What the rounds, leaves and draws of the forest promise.

use super::*;
use crate::conformance::tables::{self, Builder};
use crate::find;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use synthfleet_table::budget::Listener;
use synthfleet_table::random::Draw as _;
use synthfleet_table::{SeedExt, Table, Values};

fn fitted(table: &Table, options: &Value) -> Box<dyn crate::AnyModel> {
    find("arf").expect("listed").fit_any(table, options, &crate::Seeds::of_task(5, "arf"), &Budget::quiet(2)).expect("fits")
}

fn accuracies(model: &dyn crate::AnyModel) -> Vec<f64> {
    let found = model.findings().iter().find(|finding| finding.code == "arf_rounds").expect("told");
    let (_, list) = found.text.split_once(": ").expect("a list");
    list.split(", ").map(|accuracy| accuracy.parse().expect("a number")).collect()
}

fn reals(table: &Table, column: usize) -> &[f64] {
    let Values::Real(cells) = table.column(column).values() else { panic!("reals") };
    cells
}

#[test]
fn the_defaults_are_those_of_the_options() {
    let (defaults, preset) = (ArfOptions::default(), ArfOptions { preset: Some(ArfPreset::ArfR), ..ArfOptions::default() });
    assert_eq!((Plan::of(&defaults).trees, Plan::of(&defaults).leaf_rows), (30, 10));
    assert_eq!((Plan::of(&preset).trees, Plan::of(&preset).leaf_rows, Plan::of(&preset).density), (10, 2, Density::TruncatedNormal));
    assert_eq!(find("arf").expect("listed").check(&json!({"trees": 9, "delta": 0.6, "preset": "arf_r"})).len(), 2);
}

#[test]
fn independent_columns_end_the_rounds_at_once() {
    let mut random = Seed::from_task_seed(2).rng();
    let numbers: Vec<[f64; 3]> = (0..4_000).map(|_| [random.uniform(), random.uniform(), random.uniform()]).collect();
    let table = Builder::new(4_000)
        .reals("a", |row| numbers[row][0])
        .reals("b", |row| numbers[row][1])
        .labels("c", &["x", "y", "z"], |row| (numbers[row][2] * 3.0) as u32)
        .build();
    let accuracies = accuracies(&*fitted(&table, &Value::Null));
    assert!((accuracies[0] - 0.5).abs() < 0.03, "{accuracies:?}");
    let delta = fitted(&table, &json!({"delta": 0.05}));
    assert_eq!(self::accuracies(&*delta).len(), 1, "no second forest within delta");
    let bytes = |model: &dyn crate::AnyModel| model.save().expect("saves").len();
    assert!(bytes(&*delta) < bytes(&*fitted(&clusters(4_000), &Value::Null)) / 2, "independent columns need one leaf");
}

/// Raises its flag when the second forest has been judged.
struct StopAtSecond(Arc<AtomicBool>);

impl Listener for StopAtSecond {
    fn progress(&self, _: f64, _: &'static str) {}
    fn measure(&self, _: &'static str, step: u64, _: f64) {
        self.0.fetch_or(step >= 1, Ordering::Relaxed);
    }
    fn checkpoint(&self, _: u64, _: &Arrays) -> Result<()> {
        Ok(())
    }
    fn checkpoint_due(&self) -> bool {
        false
    }
}

#[test]
fn a_stop_after_the_first_forest_leaves_its_model() {
    let (table, stop) = (clusters(1_000), Arc::<AtomicBool>::default());
    let budget = Budget::new(2, 4 << 30, Arc::clone(&stop), Box::new(StopAtSecond(stop)), None);
    let model = find("arf").expect("listed").fit_any(&table, &Value::Null, &crate::Seeds::of_task(5, "arf"), &budget).expect("fits");
    assert!(model.findings().iter().any(|finding| finding.code == "stopped_by_deadline"));
    let sample = model.sample(0..2_000, &Given::NOTHING, &Budget::quiet(1)).expect("samples");
    let (a, b) = (reals(&sample, 0), reals(&sample, 1));
    let torn = (0..2_000).filter(|&row| (a[row] > 5.0) != (b[row] > 5.0)).count();
    assert!(torn < 100, "{torn} of 2,000 rows lie between the clusters");
}

/// Two clusters, columns independent inside each.
fn clusters(rows: usize) -> Table {
    let mut random = Seed::from_task_seed(4).rng();
    let cells: Vec<(f64, f64, u32)> = (0..rows)
        .map(|row| {
            let far = if row % 2 == 0 { 0.0 } else { 10.0 };
            (far + random.uniform(), far + random.uniform(), u32::from(row % 2 == 1))
        })
        .collect();
    Builder::new(rows)
        .reals("a", |row| cells[row].0)
        .reals("b", |row| cells[row].1)
        .labels("side", &["left", "right"], |row| cells[row].2)
        .build()
}

#[test]
fn two_clusters_are_kept_apart_and_a_second_forest_is_fooled() {
    let table = clusters(4_000);
    let model = fitted(&table, &Value::Null);
    let accuracies = accuracies(&*model);
    assert!(accuracies.len() >= 2 && accuracies[0] > 0.7 && accuracies[1] < 0.6, "{accuracies:?}");
    let sample = model.sample(0..4_096, &Given::NOTHING, &Budget::quiet(2)).expect("samples");
    let Values::Code(sides) = sample.column(2).values() else { panic!("labels") };
    let (a, b) = (reals(&sample, 0), reals(&sample, 1));
    let torn = (0..4_096).filter(|&row| (a[row] > 5.0) != (b[row] > 5.0) || (a[row] > 5.0) != (sides[row] == 1)).count();
    assert!(torn < 100, "{torn} of 4,096 rows lie between the clusters");
    let left = sides.iter().filter(|&&side| side == 0).count() as f64 / 4_096.0;
    assert!((left - 0.5).abs() < 0.03, "{left}");
}

#[test]
fn accuracy_falls_from_round_to_round_and_the_last_rise_is_not_kept() {
    let model = fitted(&tables::plain(3_000), &Value::Null);
    let accuracies = accuracies(&*model);
    let kept = &accuracies[..accuracies.len() - 1];
    assert!(kept.is_sorted_by(|a, b| a > b), "{accuracies:?}");
    let least = accuracies.iter().copied().fold(f64::INFINITY, f64::min);
    let found = model.findings().iter().find(|finding| finding.code == "arf_rounds").and_then(|finding| finding.number);
    assert!((found.expect("a number") - least).abs() < 1e-4);
}

#[test]
fn rounds_end_with_rounds_max() {
    let accuracies = accuracies(&*fitted(&tables::plain(3_000), &json!({"rounds_max": 1})));
    assert!(accuracies.len() <= 2, "{accuracies:?}");
}

#[test]
fn no_loose_number_is_a_train_number_and_every_one_lies_in_its_range() {
    let table = clusters(2_000);
    let sample = fitted(&table, &Value::Null).sample(0..4_096, &Given::NOTHING, &Budget::quiet(2)).expect("samples");
    for column in 0..2 {
        let mut train = reals(&table, column).to_vec();
        train.sort_by(f64::total_cmp);
        let made = reals(&sample, column);
        assert!(made.iter().all(|number| (train[0]..=train[train.len() - 1]).contains(number)));
        // grain rounds to 15 digits, so equality would be copying
        let copied = made.iter().filter(|number| train.binary_search_by(|cell| cell.total_cmp(number)).is_ok()).count();
        assert!(copied < 40, "{copied} numbers of train");
    }
}

#[test]
fn cut_normal_laws_stay_in_the_range_of_train_on_hostile_tables() {
    for (title, table) in tables::hostile().into_iter().filter(|(title, _)| !title.starts_with("H8") && !title.starts_with("H11")) {
        for options in [json!({"preset": "arf_r"}), json!({"pseudo_count": 2.0, "leaf_rows": 3})] {
            let model = fitted(&table, &options);
            let sample = model.sample(0..200, &Given::NOTHING, &Budget::quiet(2)).expect("samples");
            assert_eq!(sample.rows(), 200, "{title}");
            let loaded = crate::load_model(&model.save().expect("saves")).expect("own bytes");
            let again = loaded.sample(0..200, &Given::NOTHING, &Budget::quiet(1)).expect("samples");
            assert!(again.columns() == sample.columns(), "{title}");
        }
    }
}

#[test]
fn a_pseudo_count_shows_levels_where_they_have_no_row() {
    let table = clusters(2_000);
    let torn = |options: &Value| {
        let sample = fitted(&table, options).sample(0..4_096, &Given::NOTHING, &Budget::quiet(2)).expect("samples");
        let Values::Code(sides) = sample.column(2).values() else { panic!("labels") };
        let a = reals(&sample, 0);
        (0..4_096).filter(|&row| (a[row] > 5.0) != (sides[row] == 1)).count()
    };
    assert!(torn(&json!({"pseudo_count": 5.0})) > 4 * torn(&Value::Null) + 40);
}
