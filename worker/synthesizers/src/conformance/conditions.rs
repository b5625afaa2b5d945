//! Checks of conditional samples: every row is as asked, whatever the member can do.

use super::{fitted, sampled, tables};
use crate::{AnyModel, Given};
use synthfleet_table::{Budget, Cell, Condition, Limit, Table, Wanted};

fn one_of(column: usize, cells: &[Cell]) -> Condition {
    Condition { column, wanted: Wanted::OneOf(cells.to_vec()) }
}

fn between(column: usize, low: Cell, high: Cell) -> Condition {
    let limit = |cell| Some(Limit { cell, inclusive: true });
    Condition { column, wanted: Wanted::Between { low: limit(low), high: limit(high) } }
}

/// Conditions on columns of [`tables::plain`], by what they ask.
fn cases() -> Vec<(&'static str, Vec<Condition>)> {
    let (label, missing) = (one_of(0, &[Cell::Code(1)]), Condition { column: 1, wanted: Wanted::Missing });
    let above = Wanted::Between { low: Some(Limit { cell: Cell::Whole(60), inclusive: false }), high: None };
    vec![
        ("a label", vec![label.clone()]),
        ("a set of labels and a missing cell", vec![one_of(0, &[Cell::Code(0), Cell::Code(2)]), missing]),
        ("a range of numbers", vec![between(1, Cell::Real(-0.5), Cell::Real(0.25))]),
        ("a half open range and a label", vec![Condition { column: 2, wanted: above }, label]),
        ("a whole number", vec![one_of(2, &[Cell::Whole(40)])]),
        ("an atom", vec![one_of(3, &[Cell::Whole(0)])]),
        ("a range of days", vec![between(5, Cell::Whole(10_100), Cell::Whole(10_200))]),
    ]
}

fn hold(what: &str, conditions: &[Condition], sample: &Table) {
    for condition in conditions {
        let column = sample.column(condition.column);
        let failed = (0..sample.rows()).filter(|&row| !condition.wanted.holds(column, row)).count();
        assert_eq!(failed, 0, "{what}: {failed} of {} rows are not as asked", sample.rows());
    }
}

fn conditioned(what: &str, model: &dyn AnyModel, given: &Given, rows: u64, threads: usize) -> (Table, bool) {
    let budget = Budget::quiet(threads);
    let sample = model.sample(0..rows, given, &budget).unwrap_or_else(|error| panic!("{what}: {error}"));
    let is_short = budget.take_findings().iter().any(|finding| finding.code == "condition_unmet");
    assert_eq!(sample.rows() < rows as usize, is_short, "{what}: {} rows", sample.rows());
    (sample, is_short)
}

/// All rows are as asked; a longer sample starts with the shorter one; threads change nothing; whoever makes fewer
/// rows says so.
pub(crate) fn conditions_hold_in_every_row(name: &str) {
    let model = fitted(name, &tables::plain(1_500), &Budget::quiet(2));
    for (title, conditions) in cases() {
        let what = format!("{name}, {title}");
        let given = model.given(&conditions).unwrap_or_else(|error| panic!("{what}: {error}"));
        let (sample, is_short) = conditioned(&what, &*model, &given, 4_200, 2);
        hold(&what, &conditions, &sample);
        assert!(!is_short, "{what}: only {} rows", sample.rows());
        assert!(conditioned(&what, &*model, &given, 4_200, 1).0 == sample, "{what}: threads");
        assert!(conditioned(&what, &*model, &given, 90, 1).0 == sample.head(90), "{what}: the short sample is no prefix");
    }
    each_row_has_its_own(name, &*model);
}

/// Rows of a sample ask for what rows of another sample hold in some of their columns.
fn each_row_has_its_own(name: &str, model: &dyn AnyModel) {
    let asked = sampled(model, 0..40, 1);
    let wish = |row: usize| -> Vec<Condition> {
        let columns = if row % 2 == 0 { vec![0, 6] } else { vec![2] };
        columns.into_iter().map(|column| one_of(column, &[Cell::of(asked.column(column), row).expect("no missing cells")])).collect()
    };
    let rows: Vec<Vec<Condition>> = (0..asked.rows()).map(wish).collect();
    let given = model.given_rows(&rows).expect("cells of its own samples");
    let (sample, is_short) = conditioned(name, model, &given, 40, 2);
    assert!(!is_short, "{name}: rows with their own conditions are too few");
    for (row, conditions) in rows.iter().enumerate() {
        assert!(conditions.iter().all(|asked| asked.wanted.holds(sample.column(asked.column), row)), "{name}: row {row}");
    }
    assert_eq!(
        model.sample(0..41, &given, &Budget::quiet(1)).err().map(|error| error.code().to_owned()),
        Some("condition::rows".to_owned())
    );
}

#[test]
fn what_no_sample_can_be_is_refused_before_a_row_is_drawn() {
    let model = fitted("independent", &tables::plain(1_500), &Budget::quiet(1));
    let refused = |conditions: &[Condition]| model.given(conditions).expect_err("impossible").code().to_owned();
    assert_eq!(refused(&[one_of(2, &[Cell::Whole(500)])]), "condition::impossible");
    assert_eq!(refused(&[one_of(0, &[Cell::Code(0)]), one_of(0, &[Cell::Code(1)])]), "condition::impossible");
}

#[test]
fn a_member_that_must_reject_ends_with_what_it_made() {
    // hardly a row of the copy is of this age, day and colour
    let model = fitted("identity", &tables::plain(1_500), &Budget::quiet(1));
    let conditions = [one_of(2, &[Cell::Whole(40)]), one_of(5, &[Cell::Whole(10_003)]), one_of(0, &[Cell::Code(2)])];
    let given = model.given(&conditions).expect("each is possible");
    let budget = Budget::quiet(1);
    let sample = model.sample(0..200, &given, &budget).expect("ends");
    hold("identity", &conditions, &sample);
    assert!(sample.rows() < 200, "{}", sample.rows());
    assert_eq!(budget.take_findings().iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>(), ["condition_unmet"]);
}

#[test]
fn ids_are_unique_whatever_was_refused() {
    let table = tables::hostile().into_iter().find(|(title, _)| title.starts_with("H16")).expect("listed").1;
    let model = fitted("independent", &table, &Budget::quiet(1));
    let place = table.metadata().columns.iter().position(|meta| meta.is_modelled()).expect("a modelled column");
    let some = sampled(&*model, 0..1, 1);
    let condition = match Cell::of(some.column(place), 0) {
        Some(cell) => one_of(place, &[cell]),
        None => Condition { column: place, wanted: Wanted::Missing },
    };
    let given = model.given(std::slice::from_ref(&condition)).expect("its own cell");
    let sample = model.sample(0..5_000, &given, &Budget::quiet(2)).expect("samples");
    hold("ids", &[condition], &sample);
    for (meta, column) in sample.described().filter(|(meta, _)| meta.kind == synthfleet_proto::metadata::Kind::Id) {
        let ids: std::collections::BTreeSet<String> = (0..sample.rows()).map(|row| format!("{:?}", Cell::of(column, row))).collect();
        assert_eq!(ids.len(), sample.rows(), "{}", meta.name);
    }
}
