//! Efficacy against known laws: an honest sample is as good as train, an independent one is useless.

use crate::support::value;
use serde_json::json;
use std::sync::Arc;
use synthfleet_benchmarks::{Case, Real, find};
use synthfleet_proto::Seed;
use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
use synthfleet_proto::score::Scored;
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, Bits, Budget, Column, SeedExt, Table, Values};

/// A number, a colour, and three possible targets: `two` levels, `three` levels, `size`.
fn metadata(target: Option<&str>) -> Arc<Metadata> {
    let levels = |name: &str, levels: &[&str]| {
        let mut meta = ColumnMeta::plain(name, Kind::Categorical);
        meta.levels = levels.iter().map(|level| (*level).to_owned()).collect();
        meta
    };
    let colour = levels("colour", &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]);
    let columns = vec![
        ColumnMeta::plain("x", Kind::Continuous),
        colour,
        levels("two", &["no", "yes"]),
        levels("three", &["p", "q", "r"]),
        ColumnMeta::plain("size", Kind::Continuous),
    ];
    let mut metadata = Metadata::plain("t", columns);
    metadata.target = target.map(str::to_owned);
    Arc::new(metadata)
}

/// Rows in which each target follows the number and the colour; `alone`: nothing follows anything.
fn drawn(metadata: &Arc<Metadata>, rows: usize, seed: &Seed, alone: bool) -> Table {
    let mut rng = seed.rng();
    let (mut xs, mut colours, mut twos, mut threes, mut sizes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        let (x, colour) = (rng.uniform(), rng.below(10) as u32);
        let (seen_x, seen_colour) = if alone { (rng.uniform(), rng.below(10) as u32) } else { (x, colour) };
        let pull = seen_x + f64::from(seen_colour) / 10.0;
        xs.push(x);
        colours.push(colour);
        twos.push(u32::from(pull + 0.4 * rng.uniform() > 1.5));
        threes.push(((pull + 0.3 * rng.uniform()) * 1.4) as u32);
        sizes.push(100.0 * pull + 20.0 * rng.uniform());
    }
    let gaps = Bits::collect((0..rows).map(|row| row % 9 == 4));
    let plain = |values| Column::new(values, None).expect("column");
    let columns = vec![
        Column::new(Values::Real(xs.into()), Some(gaps)).expect("column"),
        plain(Values::Code(colours.into())),
        plain(Values::Code(twos.into())),
        plain(Values::Code(threes.into_iter().map(|three: u32| three.min(2)).collect())),
        plain(Values::Real(sizes.into())),
    ];
    Table::new(Arc::clone(metadata), rows, columns).expect("table")
}

/// 2,000 train rows, 1,000 holdout rows and a sample of 2,000, `alone` being of no relations, with one target.
pub fn case(target: Option<&str>, alone: bool) -> Case {
    let (metadata, seed) = (metadata(target), Seed::of_task(8, "efficacy"));
    // other targets give this one away: they are no part of the train columns
    let hidden = |table: Table| {
        let mut metadata = Metadata::clone(table.metadata());
        for column in metadata.columns.iter_mut().skip(2).filter(|column| Some(column.name.as_str()) != target) {
            column.role = synthfleet_proto::metadata::Role::Drop;
        }
        Table::new(Arc::new(metadata), table.rows(), table.columns().to_vec()).expect("table")
    };
    let table = |name: &str, rows: usize, alone: bool| hidden(drawn(&metadata, rows, &seed.child(name), alone));
    let real = Real { train: table("train", 2_000, false), holdout: table("holdout", 1_000, false), shared: seed.child("shared") };
    Case { real, sample: table("sample", 2_000, alone), prepared: Arrays::default() }
}

fn scored(case: &Case) -> Scored {
    find("ml_efficacy").expect("member").score_any(case, &json!({"rounds": 40}), &Seed::of_task(1, "t"), &Budget::quiet(2)).expect("scores")
}

#[test]
fn an_honest_sample_is_as_useful_as_train() {
    for target in ["two", "three", "size"] {
        let found = value(&scored(&case(Some(target), false)), "ml_efficacy").expect("defined");
        assert!(found >= 0.97, "{target}: {found}");
    }
}

#[test]
fn an_independent_sample_is_useless() {
    for target in ["two", "three", "size"] {
        let scored = scored(&case(Some(target), true));
        let found = value(&scored, "ml_efficacy").expect("defined");
        assert!(found <= 0.1, "{target}: {found}");
        assert!(value(&scored, "ml_efficacy.trtr_gbt").expect("defined") > 0.6, "{target}");
    }
}

#[test]
fn what_was_prepared_changes_no_bit_and_neither_do_threads() {
    let mut case = case(Some("two"), false);
    let member = find("ml_efficacy").expect("member");
    let fresh = scored(&case);
    case.prepared = member.prepare_any(&case.real, &json!({"rounds": 40}), &Budget::quiet(1)).expect("prepares");
    let prepared = member.score_any(&case, &json!({"rounds": 40}), &Seed::of_task(1, "t"), &Budget::quiet(5)).expect("scores");
    assert_eq!(fresh, prepared);
}

#[test]
fn the_rarer_level_is_positive_whatever_the_order_of_rows() {
    let case = case(Some("two"), false);
    let turned = |table: &Table| table.take(&(0..table.rows() as u32).rev().collect::<Vec<_>>());
    let real = Real { train: turned(&case.real.train), holdout: turned(&case.real.holdout), shared: case.real.shared.clone() };
    let other = Case { real, sample: turned(&case.sample), prepared: Arrays::default() };
    let (one, other) = (scored(&case), scored(&other));
    assert_eq!((&one.details["positive"], &other.details["positive"]), (&json!("yes"), &json!("yes")));
    for (a, b) in one.scores.iter().zip(&other.scores) {
        assert!((a.value.expect("value") - b.value.expect("value")).abs() < 0.005, "{}: {:?} and {:?}", a.name, a.value, b.value);
    }
}

#[test]
fn a_sample_with_one_level_is_a_bad_score_and_no_error() {
    let mut case = case(Some("two"), false);
    let mut columns = case.sample.columns().to_vec();
    columns[2] = Column::new(Values::Code(vec![0; case.sample.rows()].into()), None).expect("column");
    case.sample = Table::new(case.sample.metadata().clone(), case.sample.rows(), columns).expect("table");
    let scored = scored(&case);
    assert_eq!((value(&scored, "ml_efficacy"), value(&scored, "ml_efficacy.tstr_gbt")), (Some(0.0), Some(0.5)));
}

#[test]
fn what_cannot_be_judged_says_why() {
    let code = |case: &Case| scored(case).scores[0].undefined.clone();
    assert_eq!(code(&case(None, false)).as_deref(), Some("no_target"));
    let mut without = case(Some("two"), false);
    without.real.holdout = without.real.holdout.head(0);
    assert_eq!(code(&without).as_deref(), Some("no_holdout"));
    let mut noise = case(Some("two"), true);
    noise.real.train = noise.sample.clone();
    assert_eq!(code(&noise).as_deref(), Some("target_unpredictable"));
}
