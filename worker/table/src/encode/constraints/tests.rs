//! Whatever is drawn behind the encoder, restored rows keep the constraints.

use super::super::{Allowed, Coded, Encoder, Protection, Sort};
use crate::condition::{Cell, Condition, Limit, Wanted};
use crate::random::Draw;
use crate::rules::{Checker, bind, key};
use crate::{Arrays, Bits, Budget, Column, SeedExt, Table, Values};
use std::collections::BTreeSet;
use std::sync::Arc;
use synthfleet_proto::Seed;
use synthfleet_proto::calendar::Grain;
use synthfleet_proto::constraint::Constraint;
use synthfleet_proto::metadata::{ColumnMeta, DateForm, Kind, Metadata};

const RULES: [&str; 9] = [
    "lowest <= middle",
    "middle <= highest",
    "start <= end",
    "combinations of town, floor",
    "grade -> word",
    "one hot red, green, blue",
    "first < second",
    "second < third",
    "0 <= lowest <= 499",
];

/// Rows that keep all of [`RULES`]; some cells missing, one town of few rows.
fn table(rows: usize) -> Table {
    let mut random = Seed::from_task_seed(4).child("constraints").rng();
    let mut draws = |below: u64| -> Vec<i64> { (0..rows).map(|_| random.below(below) as i64).collect() };
    let [a, b, c, day, length, town, floor, grade, colour] = [500, 40, 900, 900, 60, 6, 2, 5, 3].map(&mut draws);
    let gone = |every: usize, at: usize| Some(Bits::collect((0..rows).map(move |row| row % every == at)));
    let mut metas: Vec<ColumnMeta> = Vec::new();
    let mut columns = Vec::new();
    let mut add = |meta: ColumnMeta, values: Values, missing: Option<Bits>| {
        metas.push(meta);
        columns.push(Column::new(values, missing).expect("legal"));
    };
    let number = |name: &str| ColumnMeta::plain(name, Kind::Continuous);
    let labels = |name: &str, levels: &[&str]| {
        let mut meta = ColumnMeta::plain(name, Kind::Categorical);
        meta.levels = levels.iter().map(|level| (*level).to_owned()).collect();
        meta
    };
    let date = |name: &str| {
        let mut meta = ColumnMeta::plain(name, Kind::Datetime);
        meta.date = Some(DateForm { format: "%Y-%m-%d".to_owned(), grain: Grain::Day, offset_minutes: None, formats: Vec::new() });
        meta
    };
    let cents = |row: usize| ((a[row] + b[row]) * 100 + c[row] / 3 * 5) as f64 / 100.0;
    let town_of = |row: usize| if row < 3 { 5 } else { (town[row] % 5) as u32 };
    add(labels("town", &["Ulm", "Bern", "Graz", "Linz", "Cham", "Atlantis"]), Values::Code((0..rows).map(town_of).collect()), None);
    add(number("highest"), Values::Real((0..rows).map(cents).collect()), gone(9, 1));
    add(number("lowest"), Values::Whole(a.clone().into()), gone(11, 3));
    add(number("middle"), Values::Whole((0..rows).map(|row| a[row] + b[row]).collect()), gone(10, 4));
    add(number("other"), Values::Real((0..rows).map(|row| (a[row] * 7 % 501) as f64 / 8.0).collect()), None);
    add(date("end"), Values::Whole((0..rows).map(|row| 15_000 + day[row] + length[row]).collect()), gone(7, 2));
    add(date("start"), Values::Whole((0..rows).map(|row| 15_000 + day[row]).collect()), None);
    add(number("floor"), Values::Whole((0..rows).map(|row| i64::from(town_of(row)) + floor[row]).collect()), gone(13, 5));
    add(number("grade"), Values::Whole(grade.clone().into()), None);
    add(labels("word", &["bad", "good"]), Values::Code((0..rows).map(|row| u32::from(grade[row] > 2)).collect()), None);
    for (place, name) in ["red", "green", "blue"].into_iter().enumerate() {
        add(number(name), Values::Whole((0..rows).map(|row| i64::from(colour[row] == place as i64)).collect()), None);
    }
    add(number("first"), Values::Whole((0..rows).map(|row| a[row] / 10).collect()), None);
    let tenths = |row: usize| (a[row] / 10 * 10 + 1 + b[row] / 8) as f64 / 10.0;
    add(number("second"), Values::Real((0..rows).map(tenths).collect()), None);
    add(number("third"), Values::Whole((0..rows).map(|row| a[row] / 10 + 1 + c[row] / 450).collect()), gone(12, 7));
    let mut metadata = Metadata::plain("t", metas);
    metadata.constraints = RULES.map(|text| Constraint::parse(text).expect("legal")).into();
    metadata.target = Some("word".to_owned());
    Table::new(Arc::new(metadata), rows, columns).expect("legal")
}

fn fitted(table: &Table) -> Arc<Encoder> {
    Arc::new(Encoder::fit(table, Protection::On, &Seed::shared(0), &Budget::quiet(1)).expect("fits"))
}

/// Coded rows in which every cell is drawn by itself and evenly: what the worst of members could draw.
fn drawn(encoder: &Encoder, rows: usize) -> Vec<Coded> {
    let mut random = Seed::from_task_seed(5).child("worst").rng();
    let one = |sort: &Sort| match sort {
        Sort::Levels { levels, .. } => Coded::Levels((0..rows).map(|_| random.below(u64::from(*levels)) as u32).collect()),
        Sort::Value { low, high, .. } => {
            let stretch = (high - low).max(1.0);
            Coded::Value((0..rows).map(|_| low - stretch + 3.0 * stretch * random.uniform()).collect())
        }
    };
    encoder.columns().iter().map(|column| &column.sort).map(one).collect()
}

fn keeps(table: &Table) {
    let mut checker = Checker::new(bind(table.metadata()).expect("legal"));
    checker.take(table);
    checker.finish(table.metadata()).expect("every row keeps every rule");
}

fn combinations(table: &Table) -> BTreeSet<Vec<(bool, u64)>> {
    let places = [0, 7];
    (0..table.rows()).map(|row| places.iter().map(|&place| key(table.column(place), row)).collect()).collect()
}

#[test]
fn whatever_is_drawn_keeps_every_rule() {
    let train = table(900);
    let encoder = fitted(&train);
    let made = encoder.restore(&drawn(&encoder, 5_000), 5_000, 0, &Seed::shared(1)).expect("restores");
    assert_eq!(made.metadata(), train.metadata());
    keeps(&made);
    assert!(combinations(&made).is_subset(&combinations(&train)), "a combination that train does not have");
    let Values::Code(towns) = made.column(0).values() else { panic!("codes") };
    assert!(towns.iter().all(|&town| town < 5), "a town of three rows");
    // ends are protected, cents stay cents
    for place in [1, 2, 3] {
        let numbers = |table: &Table| table.column(place).numbers(&train.metadata().columns[place]).expect("numbers");
        let (cells, mut real) = (numbers(&made), numbers(&train).into_iter().flatten().collect::<Vec<f64>>());
        real.sort_unstable_by(f64::total_cmp);
        let shown = real[4]..=real[real.len() - 5];
        assert!(cells.iter().flatten().all(|cell| shown.contains(cell)), "column {place}");
        let rest = |cell: &f64| (cell * 100.0 - (cell * 100.0).round()).abs();
        assert!(cells.iter().flatten().all(|cell| rest(cell) < 1e-9), "column {place}");
        assert!(cells.iter().flatten().count() < 5_000, "column {place} is never missing");
    }
}

#[test]
fn the_view_has_one_column_for_combinations_and_gaps_for_upper_columns() {
    let encoder = fitted(&table(900));
    let names: Vec<&str> = encoder.coded_metadata().columns.iter().map(|meta| meta.name.as_str()).collect();
    let expected = [
        "town+floor",
        "highest",
        "highest#alone",
        "lowest",
        "middle",
        "middle#alone",
        "other",
        "end",
        "start",
        "grade+word",
        "red+green+blue",
        "first",
        "second",
        "third",
    ];
    assert_eq!(names, expected);
    assert_eq!(encoder.coded_metadata().target.as_deref(), Some("grade+word"));
}

#[test]
fn coded_rows_come_back_but_for_what_is_protected() {
    let train = table(900);
    let encoder = fitted(&train);
    let back = encoder.restore(encoder.encode(&train).expect("codes").columns(), 900, 0, &Seed::shared(1)).expect("restores");
    keeps(&back);
    for (place, (meta, column)) in train.described().enumerate() {
        let same = (3..900).filter(|&row| Cell::of(column, row) == Cell::of(back.column(place), row)).count();
        assert!(same > 800, "column {}: only {same} cells are the same", meta.name);
        // combinations of few rows are hidden, with what they had of missing cells
        assert!(place == 7 || column.missing() == back.column(place).missing(), "column {}: other cells are missing", meta.name);
    }
}

#[test]
fn a_stored_encoder_keeps_the_rules_and_holds_no_hidden_label() {
    let encoder = fitted(&table(900));
    let mut arrays = Arrays::default();
    encoder.save(&mut arrays).expect("saves");
    let bytes = arrays.to_bytes();
    let holds = |needle: &str| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
    assert!(holds("Graz") && !holds("Atlantis"));
    assert!(Encoder::has_constraints(&arrays));
    let loaded = Encoder::load(&Arrays::from_bytes(&bytes).expect("own bytes")).expect("own arrays");
    let rows = drawn(&encoder, 400);
    let restored = |encoder: &Encoder| encoder.restore(&rows, 400, 0, &Seed::shared(1)).expect("restores");
    assert_eq!(restored(&loaded).columns(), restored(&encoder).columns());
}

#[test]
fn forged_files_are_refused_or_restore_without_a_panic() {
    let encoder = fitted(&table(300));
    let mut arrays = Arrays::default();
    encoder.save(&mut arrays).expect("saves");
    let bytes = arrays.to_bytes();
    for turn in 0..600usize {
        let mut forged = bytes.clone();
        let place = (turn * 7_919 + turn * turn * 31) % forged.len();
        forged[place] ^= 1 << (turn % 8);
        if let Ok(loaded) = Arrays::from_bytes(&forged).and_then(|arrays| Encoder::load(&arrays)) {
            let rows = drawn(&loaded, 20);
            drop(loaded.restore(&rows, 20, 0, &Seed::shared(1)));
        }
    }
}

#[test]
fn rows_as_asked_are_never_shut_out() {
    let train = table(900);
    let encoder = fitted(&train);
    let coded = drawn(&encoder, 4_000);
    let made = encoder.restore(&coded, 4_000, 0, &Seed::shared(1)).expect("restores");
    let limit = |cell: Cell| Some(Limit { cell, inclusive: true });
    let between = |low, high| Wanted::Between { low, high };
    let cases = [
        (0, Wanted::OneOf(vec![Cell::Code(1), Cell::Code(2)])),
        (7, Wanted::Missing),
        (7, between(limit(Cell::Whole(3)), None)),
        (9, Wanted::OneOf(vec![Cell::Code(1)])),
        (11, Wanted::OneOf(vec![Cell::Whole(1)])),
        (2, between(None, limit(Cell::Whole(100)))),
        (2, between(limit(Cell::Whole(490)), None)),
        (3, between(None, limit(Cell::Whole(60)))),
        (3, Wanted::Missing),
        (1, between(limit(Cell::Real(20.0)), limit(Cell::Real(90.5)))),
        (5, between(None, limit(Cell::Whole(15_200)))),
        (6, between(limit(Cell::Whole(15_800)), None)),
        (4, between(limit(Cell::Real(10.0)), limit(Cell::Real(20.0)))),
    ];
    for (column, wanted) in cases {
        let condition = Condition { column, wanted };
        let left = encoder.allowed(&condition).unwrap_or_else(|error| panic!("{condition:?}: {error}"));
        let is_left = |row: usize| {
            left.iter().all(|(place, allowed)| match (&coded[*place], allowed) {
                (Coded::Levels(codes), Allowed::Levels(levels)) => levels[codes[row] as usize],
                (Coded::Value(numbers), Allowed::Within { low, high }) => {
                    let state = place.checked_sub(1).filter(|&state| encoder.columns()[state].is_state());
                    let is_regular = state.and_then(|state| coded[state].codes()).is_none_or(|codes| codes[row] == 0);
                    !is_regular || (*low..=*high).contains(&numbers[row])
                }
                _ => false,
            })
        };
        let asked: Vec<usize> = (0..4_000).filter(|&row| condition.wanted.holds(made.column(column), row)).collect();
        assert!(!asked.is_empty(), "{condition:?} is met by no row");
        assert!(asked.iter().all(|&row| is_left(row)), "{condition:?} shuts out a row that meets it");
    }
}

#[test]
fn what_constraints_exclude_is_refused_with_what_could_be_asked() {
    let encoder = fitted(&table(900));
    let told = |column: usize, wanted: Wanted| {
        let error = encoder.allowed(&Condition { column, wanted }).expect_err("impossible");
        (error.code().to_owned(), error.helps()[0].clone())
    };
    let (code, help) = told(0, Wanted::OneOf(vec![Cell::Code(5)]));
    assert_eq!((code.as_str(), help.as_str()), ("condition::impossible", r#"it is one of "Ulm", "Bern", "Graz", "Linz", "Cham""#));
    let (code, help) = told(5, Wanted::OneOf(vec![Cell::Whole(20_000)]));
    assert_eq!(code, "condition::impossible");
    assert!(help.starts_with("it lies between 2011-"), "{help}");
    assert_eq!(told(10, Wanted::OneOf(vec![Cell::Whole(2)])).1, "it is one of 0, 1");
}

#[test]
fn rows_that_break_a_rule_stop_the_fit() {
    let kept = table(300);
    let mut columns = kept.columns().to_vec();
    let starts = (0..300).map(|row| if row == 41 { 99_999 } else { 10_000 }).collect();
    columns[6] = Column::new(Values::Whole(starts), None).expect("legal");
    let broken = Table::new(Arc::clone(kept.metadata()), 300, columns).expect("legal");
    let error = Encoder::fit(&broken, Protection::On, &Seed::shared(0), &Budget::quiet(1)).expect_err("row 42");
    assert_eq!((error.code(), error.message()), ("constraint::violated", "1 of 300 rows break start <= end, the first is row 42"));
    let exact = Encoder::fit(&kept, Protection::Off, &Seed::shared(0), &Budget::quiet(1)).expect("real rows need no view");
    assert_eq!(exact.coded_metadata(), kept.metadata());
}

#[test]
fn few_rows_keep_the_rules_too() {
    for rows in [1, 5, 12, 20] {
        let train = table(40).take(&(10..10 + rows).collect::<Vec<_>>());
        match Encoder::fit(&train, Protection::On, &Seed::shared(0), &Budget::quiet(1)) {
            Ok(encoder) => keeps(&encoder.restore(&drawn(&encoder, 300), 300, 0, &Seed::shared(1)).expect("restores")),
            Err(error) => assert_eq!(error.code(), "constraint::never_met", "{rows} rows: {error}"),
        }
    }
}
