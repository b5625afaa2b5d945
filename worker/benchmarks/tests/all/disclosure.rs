//! Disclosure against SDMetrics and against chance.

use crate::law::{contains, copied, honest, score, scored as of_case, tell};
use crate::support::{PAIRS, load, same, scored, value};
use serde_json::{Value, json};
use std::sync::Arc;
use synthfleet_benchmarks::{Case, Real, find};
use synthfleet_proto::Seed;
use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, Budget, Column, SeedExt, Table, Values};

#[test]
fn protection_agrees_with_sdmetrics_by_all_three_methods() {
    for name in PAIRS {
        let golden = load(name);
        let theirs = &golden.expected["single_table"];
        let columns = &theirs["DisclosureProtection_columns"];
        let found = scored(&golden, "disclosure", &json!({"known": columns["known"], "secret": columns["sensitive"]}));
        for method in ["cap", "zero_cap", "generalized_cap"] {
            let theirs = &theirs[format!("DisclosureProtection[{method}]")];
            let what = format!("{name} {method}");
            same(&what, value(&found, &format!("disclosure.{method}_protection")), &theirs["score"], 1e-12);
            same(&what, found.details["protection"][method].as_f64(), &theirs["cap_protection"], 1e-12);
            same(&what, found.details["baseline"].as_f64(), &theirs["baseline_protection"], 1e-12);
        }
    }
}

/// A key of 30 values and a secret that is 1 in five of a hundred rows.
fn rare(rows: usize, seed: &Seed) -> Table {
    let column = |name: &str, levels: u32| ColumnMeta {
        levels: (0..levels).map(|level| level.to_string()).collect(),
        ..ColumnMeta::plain(name, Kind::Categorical)
    };
    let mut metadata = Metadata::plain("rare", vec![column("key", 30), column("place", 20), column("secret", 2)]);
    metadata.target = Some("secret".to_owned());
    let mut rng = seed.rng();
    let mut drawn = |below: u64| (0..rows).map(|_| rng.below(below) as u32).collect::<Vec<_>>();
    let (key, place, secret) = (drawn(30), drawn(20), drawn(20).into_iter().map(|x| u32::from(x == 0)).collect::<Vec<_>>());
    let columns = [key, place, secret].map(|codes| Column::new(Values::Code(codes.into()), None).expect("column"));
    Table::new(Arc::new(metadata), rows, columns.to_vec()).expect("table")
}

fn rare_case(run: u64, sample: impl FnOnce(&Table) -> Table) -> Case {
    let seed = Seed::of_task(run, "rare");
    let real = Real { train: rare(500, &seed.child("train")), holdout: rare(500, &seed.child("holdout")), shared: seed.child("shared") };
    Case { sample: sample(&real.train), real, prepared: Arrays::default() }
}

/// In how many of `runs` runs the excess of an honest sample at 95 to 5 contains 0.
fn innocent(runs: u64) -> usize {
    let honest = |run: u64| rare_case(run, |_| rare(500, &Seed::of_task(run, "sample")));
    (0..runs).filter(|&run| contains(score(&of_case(&honest(run), "disclosure", &json!({})), "disclosure"), 0.0)).count()
}

#[test]
fn the_excess_of_an_honest_sample_contains_0_when_the_secret_is_rare() {
    assert!(innocent(40) >= 36, "{} of 40", innocent(40));
}

#[test]
#[ignore = "long shelf"]
fn the_excess_of_an_honest_sample_contains_0_in_95_of_100_runs() {
    let runs = innocent(500);
    tell(&format!("{runs} of 500"));
    assert!(runs >= 467, "{runs} of 500");
}

#[test]
fn a_copy_has_an_excess_where_the_peer_sees_none() {
    let copy = of_case(&rare_case(1, Table::clone), "disclosure", &json!({}));
    let honest = of_case(&rare_case(1, |_| rare(500, &Seed::of_task(1, "sample"))), "disclosure", &json!({}));
    assert!(score(&copy, "disclosure").low.is_some_and(|low| low > 0.01), "{:?}", copy.scores[0]);
    // 1 - 1/2 is passed by any sample in which one value is common
    let protection = |id: &str| (value(&copy, id).expect("defined"), value(&honest, id).expect("defined"));
    assert!(protection("disclosure.cap_protection").0 < 0.3 && protection("disclosure.cap_protection").1 < 0.3);
}

#[test]
fn keys_of_a_copy_are_replicated_and_tell_the_secret() {
    let found = of_case(&copied([400, 400, 400], 1), "disclosure", &json!({"known": ["x", "y", "z"]}));
    for id in ["disclosure.replicated_uniques_excess", "disclosure.disclosive_correct_excess"] {
        assert!(score(&found, id).low.is_some_and(|low| low > 0.0), "{:?}", score(&found, id));
    }
    let honest = of_case(&honest([400, 400, 400], 1), "disclosure", &json!({"known": ["x", "y", "z"]}));
    for id in ["disclosure.replicated_uniques_excess", "disclosure.disclosive_correct_excess"] {
        assert!(contains(score(&honest, id), 0.0), "{:?}", score(&honest, id));
    }
}

#[test]
fn without_any_match_attribution_is_undefined_and_never_0() {
    let case = rare_case(1, |_| rare(500, &Seed::of_task(1, "sample")));
    let moved = |table: &Table, to: u32| {
        let mut columns = table.columns().to_vec();
        columns[0] = Column::new(Values::Code(vec![to; table.rows()].into()), None).expect("column");
        Table::new(Arc::clone(table.metadata()), table.rows(), columns).expect("table")
    };
    let real = Real { train: moved(&case.real.train, 1), holdout: moved(&case.real.holdout, 1), shared: case.real.shared.clone() };
    let found =
        of_case(&Case { sample: moved(&case.sample, 2), real, prepared: Arrays::default() }, "disclosure", &json!({"known": ["key"]}));
    assert_eq!(score(&found, "disclosure.cap_protection").undefined.as_deref(), Some("not_applicable"));
    assert_eq!(score(&found, "disclosure").undefined.as_deref(), Some("not_applicable"));
    assert!(value(&found, "disclosure.zero_cap_protection").is_some() && value(&found, "disclosure.generalized_cap_protection").is_some());
}

#[test]
fn every_option_is_told_and_does_what_it_says() {
    let case = honest([1_500, 1_200, 1_500], 1);
    let with = |options: Value| {
        let found = of_case(&case, "disclosure", &options);
        for (name, value) in options.as_object().expect("options") {
            assert_eq!(found.details["options"][name], *value);
        }
        found
    };
    let default = with(json!({}));
    assert_eq!(default.details["secret"], json!(["group"]), "the target");
    assert_eq!(with(json!({"known": ["y", "label"]})).details["known"], json!(["label", "y"]));
    assert_eq!(with(json!({"secret": ["x"]})).details["secret"], json!(["x"]));
    assert_eq!(with(json!({"rows_max": 1_000})).details["rows"], json!({"train": 1_000, "compared": 1_000, "sample": 1_000}));
    let id = "disclosure.generalized_cap_protection";
    let few = with(json!({"generalized_max": 100}));
    assert_ne!(value(&few, id), value(&default, id));
    assert_eq!(score(&few, id).limited, Some(100));
}

#[test]
fn unknown_columns_are_refused_with_their_neighbours() {
    let disclosure = find("disclosure").expect("member");
    let case = honest([200, 200, 200], 1);
    let options = json!({"known": ["labell"]});
    let error = disclosure.score_any(&case, &options, &Seed::of_task(1, "t"), &Budget::quiet(1)).expect_err("no such column");
    assert_eq!(error.code(), "benchmark::unknown_column");
    assert!(error.helps()[0].contains("\"label\""));
    assert!(!disclosure.check(&json!({"known": ["x"], "secret": ["x"]})).is_empty(), "a secret is not known");
}
