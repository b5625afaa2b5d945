//! What the scores must and must not do, whatever their values.

use super::sets::{Set, scored, with};
use crate::support::value;
use serde_json::{Value, json};
use std::sync::Arc;
use synthfleet_benchmarks::reference::Row;
use synthfleet_benchmarks::{Case, Real, conformance, find};
use synthfleet_proto::Seed;
use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
use synthfleet_proto::score::Scored;
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, Bits, Budget, Column, SeedExt, Table, Values};

fn score(case: &Case) -> f64 {
    value(&scored(case, &Value::Null), "likelihood").expect("defined")
}

fn codes(scored: &Scored) -> Vec<Option<&str>> {
    scored.scores.iter().map(|score| score.undefined.as_deref()).collect()
}

#[test]
fn a_collapsed_sample_gains_s_and_loses_the_score() {
    for name in ["asia", "ring"] {
        let honest = Set::named(name).case(2_000);
        // every row is one of the first three
        let few = honest.sample.take(&(0..2_000).map(|row| row % 3).collect::<Vec<u32>>());
        let collapsed = with(&honest, few);
        let s = |case: &Case| value(&scored(case, &Value::Null), "likelihood.s").expect("defined");
        assert!(s(&collapsed) > s(&honest) + 0.1, "{name}: {} against {}", s(&collapsed), s(&honest));
        assert!(score(&collapsed) < 0.8 && score(&honest) > 0.9, "{name}: {} against {}", score(&collapsed), score(&honest));
    }
}

#[test]
fn grid_cannot_tell_independent_columns_and_gridr_and_ring_can() {
    let gap = |name: &str| {
        let set = Set::named(name);
        let case = set.case(3_000);
        let score = |case: &Case| value(&scored(case, &json!({"components": [30]})), "likelihood").expect("defined");
        score(&case) - score(&with(&case, set.independent(&case.real.train)))
    };
    let [grid, gridr, ring] = ["grid", "gridr", "ring"].map(gap);
    assert!(grid.abs() < 0.15, "{grid}");
    assert!(gridr > 0.3 && ring > 0.3, "{gridr} and {ring}");
}

#[test]
fn the_exact_law_is_measured_where_ten_components_cannot_follow_it() {
    let scored = scored(&Set::named("grid").case(5_000), &json!({"components": [10]}));
    let (s, exact) = (value(&scored, "likelihood.s").expect("S"), value(&scored, "likelihood.true_s").expect("S*"));
    assert!(s < exact - 0.5, "{s} and {exact}");
    assert_eq!(value(&scored, "likelihood.floor"), Some(0.0));
}

#[test]
fn impossible_rows_are_counted_at_the_floor() {
    let case = Set::named("asia").case(1_000);
    let mut columns = case.sample.columns().to_vec();
    let gone = Bits::collect((0..1_000).map(|row| row < 100));
    columns[0] = Column::new(columns[0].values().clone(), Some(gone)).expect("a column");
    let sample = Table::new(Arc::clone(case.sample.metadata()), 1_000, columns).expect("a table");
    let scored = scored(&with(&case, sample), &Value::Null);
    let share = value(&scored, "likelihood.floor").expect("a share");
    assert!((0.1..0.11).contains(&share), "{share}");
    assert_eq!(scored.details["truth"]["sample"]["impossible"], json!(0.1));
}

#[test]
fn rows_with_gaps_are_left_out_of_mixtures_and_counted() {
    let case = Set::named("ring").case(1_000);
    let gone = Bits::collect((0..1_000).map(|row| row % 4 == 0));
    let columns = case.sample.columns().iter().map(|column| Column::new(column.values().clone(), Some(gone.clone())).expect("a column"));
    let sample = Table::new(Arc::clone(case.sample.metadata()), 1_000, columns.collect()).expect("a table");
    let scored = scored(&with(&case, sample), &Value::Null);
    assert_eq!((&scored.details["dropped"]["sample"], &scored.details["rows"]["sample"]), (&json!(0.25), &json!(750)));
    assert!(value(&scored, "likelihood").is_some());
}

#[test]
fn what_was_prepared_changes_no_bit_and_neither_do_threads() {
    let member = find("likelihood").expect("a member");
    let mut case = Set::named("ring").case(800);
    let seed = Seed::of_task(2, "likelihood");
    let fresh = member.score_any(&case, &Value::Null, &seed, &Budget::quiet(1)).expect("scores");
    case.prepared = member.prepare_any(&case.real, &Value::Null, &Budget::quiet(3)).expect("prepares");
    assert!(!case.prepared.is_empty());
    case.prepared = Arrays::from_bytes(&case.prepared.to_bytes()).expect("own bytes");
    assert_eq!(member.score_any(&case, &Value::Null, &seed, &Budget::quiet(5)).expect("scores"), fresh);
    // what belongs to other options is not used
    let other = json!({"components": [4]});
    let without = Case { prepared: Arrays::default(), ..case.clone() };
    assert_eq!(scored(&case, &other), scored(&without, &other));
}

#[test]
fn the_order_of_rows_and_columns_changes_no_value() {
    for name in ["ring", "asia"] {
        let case = Set::named(name).case(2_500);
        let mut metadata = Metadata::clone(case.sample.metadata());
        metadata.columns.reverse();
        let metadata = Arc::new(metadata);
        let turned = |table: &Table, name: &str| {
            let rows = table.take(&Seed::of_task(4, name).rng().permutation(table.rows()));
            Table::new(Arc::clone(&metadata), rows.rows(), rows.columns().iter().rev().cloned().collect()).expect("a table")
        };
        let real =
            Real { train: turned(&case.real.train, "t"), holdout: turned(&case.real.holdout, "h"), shared: case.real.shared.clone() };
        let other = Case { real, sample: turned(&case.sample, "s"), prepared: Arrays::default() };
        let options = json!({"rows_max": 1_000});
        for (a, b) in scored(&case, &options).scores.iter().zip(&scored(&other, &options).scores) {
            assert!(
                (a.value.expect("a value") - b.value.expect("a value")).abs() < 1e-9,
                "{name} {}: {:?} and {:?}",
                a.name,
                a.value,
                b.value
            );
        }
    }
}

#[test]
fn a_text_column_in_a_simulated_set_is_not_applicable() {
    let case = Set::named("asia").case(100);
    let mut metadata = Metadata::clone(case.sample.metadata());
    metadata.columns[2] = ColumnMeta::plain("smoke", Kind::Text);
    let metadata = Arc::new(metadata);
    let texts = |table: &Table| {
        let mut columns = table.columns().to_vec();
        columns[2] = Column::new(Values::Text((0..table.rows()).map(|row| row.to_string()).collect()), None).expect("a column");
        Table::new(Arc::clone(&metadata), table.rows(), columns).expect("a table")
    };
    let real = Real { train: texts(&case.real.train), holdout: texts(&case.real.holdout), shared: case.real.shared.clone() };
    let found = scored(&Case { real, sample: texts(&case.sample), prepared: Arrays::default() }, &Value::Null);
    assert_eq!(codes(&found), [Some("not_applicable"); 5]);
    assert_eq!(found.scores[0].why.as_deref(), Some("the law has a column smoke, the table models none"));
}

#[test]
fn without_a_holdout_only_the_law_is_left() {
    let mut case = Set::named("asia").case(200);
    case.real.holdout = case.real.holdout.head(0);
    let none = Some("no_holdout");
    assert_eq!(codes(&scored(&case, &Value::Null)), [none, None, none, None, None]);
    let mut case = Set::named("ring").case(200);
    case.real.holdout = case.real.holdout.head(0);
    assert_eq!(codes(&scored(&case, &Value::Null)), [none, none, none, None, None]);
}

#[test]
fn fewer_rows_than_components_are_too_few() {
    let case = Set::named("ring").case(25);
    assert_eq!(scored(&case, &Value::Null).scores[1].undefined.as_deref(), Some("too_few_rows"));
    assert!(value(&scored(&case, &json!({"components": [5]})), "likelihood.s").is_some());
}

#[test]
fn the_holdout_row_is_honest() {
    let about = find("likelihood").expect("a member").about();
    for name in ["asia", "ring"] {
        let case = Set::named(name).case(4_000);
        let row = Row::Holdout.case(about, &case.real, &Seed::shared(1), Arrays::default()).expect("a holdout");
        assert!(score(&row) > 0.9, "{name}: {}", score(&row));
    }
}

#[test]
fn the_law_can_be_told_and_a_form_can_be_asked_for() {
    let case = Set::named("asia").case(500);
    let mut metadata = Metadata::clone(case.sample.metadata());
    metadata.law = None;
    let metadata = Arc::new(metadata);
    let plain = |table: &Table| Table::new(Arc::clone(&metadata), table.rows(), table.columns().to_vec()).expect("a table");
    let real = Real { train: plain(&case.real.train), holdout: plain(&case.real.holdout), shared: case.real.shared.clone() };
    let case = Case { real, sample: plain(&case.sample), prepared: Arrays::default() };
    let form = |options: Value| scored(&case, &options).scores[0].profile.clone();
    assert_eq!(form(Value::Null).as_deref(), Some("fitted"));
    assert_eq!(form(json!({"law": "asia"})).as_deref(), Some("bayesian"));
    assert_eq!(form(json!({"law": "asia", "form": "fitted"})).as_deref(), Some("fitted"));
    let refused = scored(&case, &json!({"form": "gaussian"}));
    assert_eq!(refused.scores[0].undefined.as_deref(), Some("not_applicable"));
    let problems = find("likelihood").expect("a member").check(&json!({"law": "asai", "components": [0], "rows_max": 10}));
    assert_eq!(problems.iter().map(|problem| problem.option.as_str()).collect::<Vec<_>>(), ["law", "components", "rows_max"]);
}

/// Two columns that follow one another, the second in units a million times as small.
fn numbers(name: &str, unit: f64) -> Table {
    let metadata = Arc::new(Metadata::plain("n", ["a", "b"].map(|name| ColumnMeta::plain(name, Kind::Continuous)).to_vec()));
    let mut rng = Seed::of_task(6, name).rng();
    let a: Vec<f64> = (0..1_000).map(|_| rng.uniform() + rng.uniform()).collect();
    let b: Vec<f64> = a.iter().map(|a| unit * (a + 0.2 * rng.uniform())).collect();
    let columns = [a, b].map(|numbers| Column::new(Values::Real(numbers.into()), None).expect("a column"));
    Table::new(metadata, 1_000, columns.to_vec()).expect("a table")
}

#[test]
fn units_shift_log_densities_and_leave_the_score_alone() {
    let scored = |unit: f64| {
        let real = Real { train: numbers("train", unit), holdout: numbers("holdout", unit), shared: Seed::shared(3) };
        scored(&Case { real, sample: numbers("sample", unit), prepared: Arrays::default() }, &json!({"form": "gaussian"}))
    };
    let (one, small) = (scored(1.0), scored(1e-6));
    let values = |scored: &Scored| ["likelihood", "likelihood.s", "likelihood.t"].map(|id| value(scored, id).expect("defined"));
    let shift = libm::log(1e6);
    for ((a, b), shift) in values(&one).into_iter().zip(values(&small)).zip([0.0, shift, shift]) {
        assert!((b - a - shift).abs() < 1e-6, "{a} and {b}");
    }
    assert!(values(&one)[0] > 0.85, "{}", values(&one)[0]);
    assert_eq!(one.scores[3].undefined.as_deref(), Some("not_applicable"));
}

#[test]
fn a_tree_finds_pairs_that_independent_columns_lose() {
    let (mut real, _) = conformance::mixed(6_000, 1_000, 10);
    let sample = real.train.take(&(3_000..6_000).collect::<Vec<u32>>());
    real.train = real.train.head(3_000);
    let honest = Case { real: real.clone(), sample, prepared: Arrays::default() };
    let shuffled = |(place, column): (usize, &Column)| column.take(&Seed::of_task(8, "s").index(place as u64).rng().permutation(3_000));
    let columns = real.train.columns().iter().enumerate().map(shuffled).collect();
    let independent = with(&honest, Table::new(real.train.metadata().clone(), 3_000, columns).expect("a table"));
    let scored_independent = scored(&independent, &Value::Null);
    assert!(score(&honest) > 0.95, "{}", score(&honest));
    assert!(value(&scored_independent, "likelihood").expect("defined") < 0.5, "{:?}", scored_independent.scores[0].value);
    let edges = scored(&honest, &Value::Null).details["tree"].as_array().expect("a tree").len();
    assert_eq!(edges, 5);
}
