//! Tests of `encoder.rs`.

use super::*;
use crate::{Bits, Values};
use synthfleet_proto::calendar::Grain;
use synthfleet_proto::metadata::{DateForm, Kind, Role};
use synthfleet_proto::profile::RARE;
use synthfleet_proto::protection::RareLabels;

/// 600 rows of every kind, some cells missing.
fn mixed() -> Table {
    let rows = 600usize;
    let mut colour = ColumnMeta::plain("colour", Kind::Categorical);
    colour.levels = ["red", "green", "blue", "secret"].map(str::to_owned).into();
    let mut day = ColumnMeta::plain("day", Kind::Datetime);
    day.date = Some(DateForm { format: "%Y-%m-%d %H:%M".to_owned(), grain: Grain::Minute, offset_minutes: None, formats: Vec::new() });
    let mut dropped = ColumnMeta::plain("dropped", Kind::Continuous);
    dropped.role = Role::Drop;
    let metas = vec![
        colour,
        ColumnMeta::plain("size", Kind::Continuous),
        ColumnMeta::plain("few", Kind::Continuous),
        day,
        ColumnMeta::plain("key", Kind::Id),
        ColumnMeta::plain("note", Kind::Text),
        dropped,
    ];
    let missing = || Some(Bits::collect((0..rows).map(|row| row % 11 == 3)));
    let column = |values: Values, missing: Option<Bits>| Column::new(values, missing).expect("legal");
    let columns = vec![
        column(Values::Code((0..rows).map(|i| if i == 77 { 3 } else { (i % 3) as u32 }).collect()), missing()),
        column(Values::Real((0..rows).map(|i| i as f64 * 0.25 - 7.0).collect()), missing()),
        column(Values::Whole((0..rows).map(|i| (i * i % 7) as i64).collect()), None),
        column(Values::Whole((0..rows).map(|i| i as i64 * 1_471).collect()), missing()),
        column(Values::Text((0..rows).map(|i| format!("user-{:05}", i * 37 % 99_991)).collect()), None),
        column(Values::Text((0..rows).map(|i| format!("something private {i}")).collect()), missing()),
        column(Values::Real((0..rows).map(|i| i as f64).collect()), None),
    ];
    Table::new(Arc::new(Metadata::plain("mixed", metas)), rows, columns).expect("legal")
}

fn fitted(protection: Protection) -> Arc<Encoder> {
    Arc::new(Encoder::fit(&mixed(), protection, &Seed::shared(0), &Budget::quiet(1)).expect("fits"))
}

fn there_and_back(encoder: &Arc<Encoder>) -> Table {
    let encoded = encoder.encode(&mixed()).expect("same columns");
    encoder.restore(encoded.columns(), 600, 0, &Seed::shared(0)).expect("own codes")
}

/// Labels of a sample of `mixed` that is protected in another way, whether `size` reaches its ends, and what is told to be
/// unprotected: a column, or all.
fn protected_as(rare_labels: RareLabels, rows_min: Option<u32>) -> (BTreeSet<u32>, bool, Vec<String>) {
    let table = mixed();
    let mut metadata = Metadata::clone(table.metadata());
    metadata.protection = ValueProtection { rare_labels, rows_min };
    metadata.columns[0].levels.push(RARE.to_owned());
    let table = Table::new(Arc::new(metadata), table.rows(), table.columns().to_vec()).expect("the same columns");
    let budget = Budget::quiet(1);
    let encoder = Arc::new(Encoder::fit(&table, Protection::On, &Seed::shared(0), &budget).expect("fits"));
    let encoded = encoder.encode(&table).expect("same columns");
    let back = encoder.restore(encoded.columns(), 600, 0, &Seed::shared(0)).expect("own codes");
    let Values::Code(codes) = back.column(0).values() else { panic!("labels") };
    let labels = (0..600).filter(|&row| !back.column(0).is_missing(row)).map(|row| codes[row]).collect();
    let Values::Real(sizes) = back.column(1).values() else { panic!("numbers") };
    let is_whole = sizes.contains(&-7.0) && sizes.contains(&(599.0 * 0.25 - 7.0));
    let told = budget.take_findings().into_iter().filter(|finding| finding.code == "unprotected");
    (labels, is_whole, told.map(|finding| finding.column.unwrap_or("all".to_owned())).collect())
}

#[test]
fn rare_labels_are_drawn_anew_or_named_rare_or_kept_and_told() {
    assert_eq!(protected_as(RareLabels::Resample, None), ([0, 1, 2].into(), false, Vec::new()));
    assert_eq!(protected_as(RareLabels::Token, None), ([0, 1, 2, 4].into(), false, Vec::new()));
    let kept = vec!["colour".to_owned()];
    assert_eq!(protected_as(RareLabels::Keep, None), ([0, 1, 2, 3].into(), false, kept));
}

#[test]
fn one_row_is_enough_where_the_job_says_so_and_that_is_told() {
    let told = vec!["all".to_owned()];
    assert_eq!(protected_as(RareLabels::Resample, Some(1)), ([0, 1, 2, 3].into(), true, told));
    assert_eq!(protected_as(RareLabels::Resample, Some(9)), ([0, 1, 2].into(), false, Vec::new()));
}

#[test]
fn a_model_keeps_its_token_and_names_no_other_rare_label() {
    let table = mixed();
    let mut metadata = Metadata::clone(table.metadata());
    metadata.protection.rare_labels = RareLabels::Token;
    metadata.columns[0].levels.push(RARE.to_owned());
    let table = Table::new(Arc::new(metadata), table.rows(), table.columns().to_vec()).expect("the same columns");
    let encoder = Encoder::fit(&table, Protection::On, &Seed::shared(0), &Budget::quiet(1)).expect("fits");
    let mut arrays = Arrays::default();
    encoder.save(&mut arrays).expect("saves");
    let loaded = Encoder::load(&arrays).expect("loads");
    let levels = &loaded.metadata().columns[0].levels;
    assert_eq!((levels[4].as_str(), levels.iter().any(|level| level == "secret")), (RARE, false));
    assert_eq!(loaded.columns(), encoder.columns());
}

#[test]
fn every_column_becomes_the_documented_coded_columns() {
    let names: Vec<String> = fitted(Protection::On).columns().iter().map(|column| column.name.clone()).collect();
    let expected = ["colour", "size#state", "size", "few", "day#state", "day", "day#weekday", "day#time#state", "day#time", "note#state"];
    assert_eq!(names, expected);
}

#[test]
fn a06_a_restored_table_has_the_columns_levels_and_missing_cells_of_train() {
    let (table, back) = (mixed(), there_and_back(&fitted(Protection::On)));
    assert_eq!(back.metadata(), table.metadata());
    for place in 0..6 {
        assert_eq!(back.column(place).missing(), table.column(place).missing(), "column {place}");
    }
    assert_eq!(back.column(6).missing_count(), 600);
    assert_eq!(back.column(2), table.column(2));
}

#[test]
fn nothing_hidden_comes_back() {
    let (table, back) = (mixed(), there_and_back(&fitted(Protection::On)));
    let Values::Code(colours) = back.column(0).values() else { panic!("codes") };
    assert!(colours.iter().all(|&code| code < 3));
    for place in [4, 5] {
        let (Values::Text(real), Values::Text(made)) = (table.column(place).values(), back.column(place).values()) else { panic!("texts") };
        let real: BTreeSet<&str> = real.iter().collect();
        let copied = made.iter().filter(|text| text.len() > 3 && real.contains(text)).count();
        assert!(copied <= 6, "{copied} of column {place}");
    }
}

#[test]
fn without_protection_every_cell_comes_back() {
    let encoder = fitted(Protection::Off);
    let back = there_and_back(&encoder);
    let codes = |table: &Table| encoder.encode(table).expect("same columns").columns().to_vec();
    assert!(codes(&back) == codes(&mixed()));
    assert!(back.columns().iter().zip(mixed().columns()).all(|(a, b)| a.missing() == b.missing()));
}

#[test]
fn a_stored_encoder_restores_the_same_cells_and_holds_nothing_hidden() {
    let encoder = fitted(Protection::On);
    let mut arrays = Arrays::default();
    encoder.save(&mut arrays).expect("saves");
    let bytes = arrays.to_bytes();
    for hidden in ["secret", "something private", "user-00037"] {
        assert!(!bytes.windows(hidden.len()).any(|window| window == hidden.as_bytes()), "{hidden}");
    }
    let loaded = Encoder::load(&Arrays::from_bytes(&bytes).expect("own bytes")).expect("own arrays");
    let encoded = encoder.encode(&mixed()).expect("same columns");
    let back = loaded.restore(encoded.columns(), 600, 0, &Seed::shared(0)).expect("own codes");
    assert_eq!(back.columns(), there_and_back(&encoder).columns());
}

#[test]
fn a_table_of_three_rows_is_protected_and_says_so() {
    let (table, budget) = (mixed().head(3), Budget::quiet(1));
    let encoder = Arc::new(Encoder::fit(&table, Protection::On, &Seed::shared(0), &budget).expect("fits"));
    assert!(!budget.take_findings().is_empty());
    let encoded = encoder.encode(&table).expect("same columns");
    let back = encoder.restore(encoded.columns(), 3, 0, &Seed::shared(0)).expect("own codes");
    let Values::Real(sizes) = back.column(1).values() else { panic!("reals") };
    assert!(sizes.iter().all(|size| *size == sizes[0]));
}

#[test]
fn a_column_that_follows_from_another_is_not_modelled_and_never_breaks_the_rule() {
    let rows = 300u32;
    let mut town = ColumnMeta::plain("town", Kind::Categorical);
    town.levels = (0..6).map(|i| format!("town {i}")).collect();
    let mut country = ColumnMeta::plain("country", Kind::Categorical);
    country.levels = vec!["north".to_owned(), "south".to_owned()];
    // town 5 is rare: its rows take another town, and that town's country
    let code = |row: u32| if row < 3 { 5 } else { row % 5 };
    let columns = vec![
        Column::new(Values::Code((0..rows).map(|row| u32::from(code(row) > 2)).collect()), None).expect("legal"),
        Column::new(Values::Code((0..rows).map(code).collect()), None).expect("legal"),
    ];
    let table = Table::new(Arc::new(Metadata::plain("t", vec![country, town])), rows as usize, columns).expect("legal");
    let encoder = Arc::new(Encoder::fit(&table, Protection::On, &Seed::shared(0), &Budget::quiet(1)).expect("fits"));
    assert_eq!(encoder.columns().iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["town"]);
    let mut arrays = Arrays::default();
    encoder.save(&mut arrays).expect("saves");
    let codes = [Coded::Levels((0..600).map(|row| row % 6).collect())];
    let back = Encoder::load(&arrays).expect("own arrays").restore(&codes, 600, 0, &Seed::shared(0)).expect("levels");
    let (Values::Code(countries), Values::Code(towns)) = (back.column(0).values(), back.column(1).values()) else { panic!("codes") };
    assert!(countries.iter().zip(towns.iter()).all(|(&country, &town)| town < 5 && country == u32::from(town > 2)));
}

#[test]
fn a_column_of_labels_that_hardly_repeat_is_told() {
    let told = |common: u32| {
        let mut meta = ColumnMeta::plain("street", Kind::Categorical);
        meta.levels = (0..2_000).map(|level| format!("street {level}")).collect();
        let code = |row: u32| if row < common { row % 4 } else { row };
        let column = Column::new(Values::Code((0..2_000).map(code).collect()), None).expect("legal");
        let table = Table::new(Arc::new(Metadata::plain("t", vec![meta])), 2_000, vec![column]).expect("legal");
        let budget = Budget::quiet(1);
        Encoder::fit(&table, Protection::On, &Seed::shared(0), &budget).expect("fits");
        budget.take_findings().iter().map(|finding| finding.code.clone()).collect::<Vec<_>>()
    };
    assert_eq!(told(800), ["labels_mostly_hidden"]);
    assert!(told(1_200).is_empty());
}

#[test]
fn codes_out_of_range_are_refused() {
    let encoder = fitted(Protection::On);
    let mut columns = encoder.encode(&mixed()).expect("same columns").columns().to_vec();
    columns[0] = Coded::Levels(vec![99; 600].into());
    assert_eq!(encoder.restore(&columns, 600, 0, &Seed::shared(0)).expect_err("level 99").code(), "encode::broken");
}
