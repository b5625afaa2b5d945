//! Checks of conditional samples: every row is as asked, whatever the member can do.

use super::{fitted, member, sampled, seeds, tables};
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

/// A private member may not have noticed a rare label, a gap or a value that stands out: what it does not know it cannot
/// give, and it says so.
fn knows_less(name: &str) -> bool {
    member(name).about().private
}

/// A model of a plain table, with little noise where a member adds some.
fn asked_model(name: &str, rows: usize) -> Box<dyn AnyModel> {
    let options = if knows_less(name) { serde_json::json!({ "epsilon": 50.0 }) } else { serde_json::Value::Null };
    member(name).fit_any(&tables::plain(rows), &options, &seeds(), &Budget::quiet(2)).expect("fits")
}

/// All rows are as asked; a longer sample starts with the shorter one; threads change nothing; whoever makes fewer
/// rows says so.
pub(crate) fn conditions_hold_in_every_row(name: &str) {
    let model = asked_model(name, 1_500);
    for (title, conditions) in cases() {
        let what = format!("{name}, {title}");
        let given = match model.given(&conditions) {
            Ok(given) => given,
            Err(error) if knows_less(name) && error.code() == "condition::impossible" => continue,
            Err(error) => panic!("{what}: {error}"),
        };
        let (sample, is_short) = conditioned(&what, &*model, &given, 4_200, 2);
        hold(&what, &conditions, &sample);
        assert!(!is_short || knows_less(name), "{what}: only {} rows", sample.rows());
        assert!(conditioned(&what, &*model, &given, 4_200, 1).0 == sample, "{what}: threads");
        assert!(conditioned(&what, &*model, &given, 90, 1).0 == sample.head(90), "{what}: the short sample is no prefix");
    }
    each_row_has_its_own(name, &*model);
}

/// Rows of a sample ask for what rows of another sample hold in some of their columns.
fn each_row_has_its_own(name: &str, model: &dyn AnyModel) {
    let asked = sampled(model, 0..40, 1);
    let wish = |row: usize| -> Vec<Condition> {
        let columns = if row.is_multiple_of(2) { vec![0, 6] } else { vec![2] };
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

/// Conditional samples follow the law that the model's free samples have among rows as asked.
pub(crate) fn conditions_keep_the_law(name: &str) {
    let model = asked_model(name, 3_000);
    let free = sampled(&*model, 0..60_000, 2);
    let above = |column, cell| Condition { column, wanted: Wanted::Between { low: Some(Limit { cell, inclusive: true }), high: None } };
    for conditions in [
        vec![one_of(0, &[Cell::Code(0)]), between(2, Cell::Whole(35), Cell::Whole(60))],
        // an atom and a range of regular numbers together
        vec![between(3, Cell::Whole(0), Cell::Whole(40)), above(1, Cell::Real(0.2))],
    ] {
        let as_asked = |row: &u32| conditions.iter().all(|c| c.wanted.holds(free.column(c.column), *row as usize));
        let kept = free.take(&(0..free.rows() as u32).filter(as_asked).collect::<Vec<_>>());
        let given = match model.given(&conditions) {
            Err(error) if knows_less(name) && error.code() == "condition::impossible" => continue,
            given => given.expect("possible"),
        };
        if knows_less(name) && kept.rows() <= 2_000 {
            continue;
        }
        let made = model.sample(0..12_000, &given, &Budget::quiet(2)).expect("samples");
        assert!(kept.rows() > 2_000 && made.rows() == 12_000, "{name}: {} and {}", kept.rows(), made.rows());
        for (what, of_cell) in STATISTICS {
            let ((a, of_a), (b, of_b)) = (mean(&kept, *of_cell), mean(&made, *of_cell));
            let error = (of_a / kept.rows() as f64 + of_b / made.rows() as f64).sqrt().max(1e-9);
            assert!((a - b).abs() <= 4.5 * error, "{name}, {what}: {b} for {a}, {} standard errors", (a - b).abs() / error);
        }
    }
}

/// A number of a row.
type Statistic = fn(&Table, usize) -> f64;

const STATISTICS: &[(&str, Statistic)] = &[
    ("share of the first colour", |table, row| flag(Cell::of(table.column(0), row) == Some(Cell::Code(0)))),
    ("share of a missing size", |table, row| flag(table.column(1).is_missing(row))),
    ("size", |table, row| number(table, 1, row)),
    ("age", |table, row| number(table, 2, row)),
    ("share of the atom", |table, row| flag(Cell::of(table.column(3), row) == Some(Cell::Whole(0)))),
    ("zero-inflated number", |table, row| number(table, 3, row)),
    ("weight", |table, row| number(table, 4, row)),
    ("share of the target", |table, row| flag(Cell::of(table.column(6), row) == Some(Cell::Code(1)))),
    ("target and age together", |table, row| flag(Cell::of(table.column(6), row) == Some(Cell::Code(1))) * number(table, 2, row)),
];

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

fn number(table: &Table, column: usize, row: usize) -> f64 {
    match Cell::of(table.column(column), row) {
        Some(Cell::Real(number)) => number,
        Some(Cell::Whole(number)) => number as f64,
        _ => 0.0,
    }
}

/// Mean and variance of a statistic.
fn mean(table: &Table, of: Statistic) -> (f64, f64) {
    let rows = table.rows() as f64;
    let (sum, squares) = (0..table.rows()).map(|row| of(table, row)).fold((0.0, 0.0), |(s, q), x| (s + x, q + x * x));
    (sum / rows, squares / rows - sum / rows * (sum / rows))
}

#[test]
fn conditions_that_no_row_of_a_copy_meets_end_with_a_finding() {
    // the rows of this age and of this day are others
    let model = fitted("identity", &tables::plain(1_500), &Budget::quiet(1));
    let conditions = [one_of(2, &[Cell::Whole(40)]), one_of(5, &[Cell::Whole(10_000)])];
    let given = model.given(&conditions).expect("each is possible");
    let budget = Budget::quiet(1);
    let sample = model.sample(0..200, &given, &budget).expect("ends");
    assert_eq!(sample.rows(), 0);
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
