//! Checks of samples of tables with constraints: every row keeps every rule, whoever draws it.

use super::{fitted, member, sampled, seeds, tables};
use crate::{Given, load_model};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use synthfleet_proto::ErrorKind;
use synthfleet_table::rules::{Checker, bind};
use synthfleet_table::{Budget, Cell, Condition, Limit, Table, Wanted};

fn keeps(what: &str, table: &Table) {
    let mut checker = Checker::new(bind(table.metadata()).expect("legal"));
    checker.take(table);
    checker.finish(table.metadata()).unwrap_or_else(|error| panic!("{what}: {error}"));
}

fn combinations(table: &Table) -> BTreeSet<String> {
    (0..table.rows()).map(|row| format!("{:?}", [0, 3].map(|place| Cell::of(table.column(place), row)))).collect()
}

/// Rows keep what train keeps, in one piece or in parts, stored or not, free or as asked; a combination that train does
/// not have, or has in few rows, never comes. Members that buy what they know of rows refuse.
pub(crate) fn constraints_hold_in_every_row(name: &str) {
    let train = tables::constrained(1_500);
    if member(name).about().private {
        let error = member(name).fit_any(&train, &Value::Null, &seeds(), &Budget::quiet(1)).err().expect("refused");
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unsupported, "constraint::private"), "{name}");
        return;
    }
    let model = fitted(name, &train, &Budget::quiet(2));
    let sample = sampled(&*model, 0..9_000, 2);
    keeps(name, &sample);
    assert_eq!(sample.metadata(), train.metadata(), "{name}: another description");
    assert!(combinations(&sample).is_subset(&combinations(&train)), "{name}: a combination that train does not have");
    assert!(sampled(&*model, 0..700, 1) == sample.head(700), "{name}: the short sample is no prefix");
    let part = sampled(&*model, 4_000..4_200, 2);
    assert!(part == sample.take(&(4_000..4_200).collect::<Vec<_>>()), "{name}: a part made apart differs");
    let bytes = model.save().expect("saves");
    let loaded = load_model(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(sampled(&*loaded, 0..300, 1).columns() == sample.head(300).columns(), "{name}: the loaded model samples otherwise");
    let is_plain = member(name).about().real_rows;
    assert_eq!(bytes[4], if is_plain { 1 } else { 2 }, "{name}: the format that readers must know");
    let stored = crate::container::unpacked(&bytes);
    let holds = |label: &[u8]| stored.windows(label.len()).any(|window| window == label);
    assert!(is_plain || holds(b"Graz") && !holds(b"Atlantis"), "{name}: a label of few rows");
    for wanted in asked() {
        let given = model.given(std::slice::from_ref(&wanted)).unwrap_or_else(|error| panic!("{name}, {wanted:?}: {error}"));
        let budget = Budget::quiet(2);
        let made = model.sample(0..300, &given, &budget).expect("samples");
        assert!((0..made.rows()).all(|row| wanted.wanted.holds(made.column(wanted.column), row)), "{name}, {wanted:?}");
        assert_eq!(made.rows(), 300, "{name}, {wanted:?}");
        keeps(name, &made);
    }
}

/// Conditions on columns in constraints: a label and a cell of combinations, a lower and an upper column.
fn asked() -> Vec<Condition> {
    let limit = |cell| Some(Limit { cell, inclusive: true });
    vec![
        Condition { column: 0, wanted: Wanted::OneOf(vec![Cell::Code(2)]) },
        Condition { column: 6, wanted: Wanted::OneOf(vec![Cell::Whole(1)]) },
        Condition { column: 1, wanted: Wanted::Between { low: limit(Cell::Whole(100)), high: limit(Cell::Whole(300)) } },
        Condition { column: 2, wanted: Wanted::Between { low: None, high: limit(Cell::Real(250.0)) } },
        Condition { column: 2, wanted: Wanted::Missing },
    ]
}

#[test]
fn a_model_with_constraints_of_the_second_format_is_still_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let (file, told) = (folder.join("independent_v2.sfm"), folder.join("independent_v2.txt"));
    if !file.exists() && option_env!("SYNTHFLEET_GOLDEN") == Some("write") {
        let model = fitted("independent", &tables::constrained(300), &Budget::quiet(1));
        std::fs::write(&file, model.save().expect("saves")).expect("written");
        std::fs::write(&told, super::digest(&sampled(&*model, 0..64, 1)) + "\n").expect("written");
    }
    let model = load_model(&std::fs::read(&file).expect("a stored file")).expect("an old file");
    let sample = sampled(&*model, 0..64, 1);
    assert_eq!(super::digest(&sample), std::fs::read_to_string(&told).expect("a stored file").trim());
    keeps("golden", &sample);
}

#[test]
fn a_table_that_breaks_its_constraint_is_refused_with_the_row() {
    let rows = tables::constrained(300);
    let mut metadata = (**rows.metadata()).clone();
    metadata.constraints = vec![synthfleet_proto::constraint::Constraint::parse("high <= low").expect("legal")];
    let table = Table::new(metadata.into(), 300, rows.columns().to_vec()).expect("legal");
    for name in ["independent", "seqtree"] {
        let error = member(name).fit_any(&table, &Value::Null, &seeds(), &Budget::quiet(1)).err().expect("refused");
        assert_eq!((error.kind(), error.code()), (ErrorKind::Data, "constraint::violated"));
    }
    let model = fitted("seqtree", &rows, &Budget::quiet(1));
    let beyond = Condition { column: 2, wanted: Wanted::OneOf(vec![Cell::Real(1e6)]) };
    assert_eq!(model.given(&[beyond]).err().map(|error| error.code().to_owned()), Some("condition::impossible".to_owned()));
    assert!(model.sample(0..10, &Given::NOTHING, &Budget::quiet(1)).is_ok());
}
