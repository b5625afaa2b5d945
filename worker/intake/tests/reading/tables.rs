//! Known tables: kinds, roles, target as a person would state them.

use super::support::{infer_source, lenient};
use std::path::PathBuf;
use synthfleet_intake::infer::{Inferred, Overrides};
use synthfleet_intake::read::Source;
use synthfleet_proto::metadata::{Kind, ProblemType};

fn shared(name: &str) -> Option<PathBuf> {
    let root = option_env!("SYNTHFLEET_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from);
    let path = root.join("data").join(name);
    if !path.exists() {
        eprintln!("skipped: no {}", path.display());
        return None;
    }
    Some(path)
}

fn inferred(name: &str) -> Option<Inferred> {
    let source = Source::Path(shared(name)?);
    Some(infer_source(&source, &lenient(), &Overrides::default()).expect("a good table"))
}

fn kinds(found: &Inferred) -> Vec<(&str, Kind)> {
    found.metadata.columns.iter().map(|column| (column.name.as_str(), column.kind)).collect()
}

#[test]
fn adult_is_six_numbers_and_nine_labels() {
    let Some(found) = inferred("adult.csv.gz") else { return };
    let numbers = ["age", "fnlwgt", "capital_gain", "capital_loss", "hours_per_week", "education_num"];
    for (name, kind) in kinds(&found) {
        let expected = match name {
            "sex" | "income" => Kind::Categorical,
            _ if numbers.contains(&name) => Kind::Continuous,
            _ => Kind::Categorical,
        };
        assert_eq!(kind, expected, "{name}");
    }
    assert_eq!((found.metadata.columns.len(), found.accounting.rows), (15, 48_842));
    assert_eq!(found.metadata.target.as_deref(), Some("income"));
    assert_eq!(found.metadata.problem_type, Some(ProblemType::BinaryClassification));
    assert!(found.notes.iter().any(|note| note.code == "looks_like_weight" && note.column.as_deref() == Some("fnlwgt")));
}

#[test]
fn california_housing_is_numbers_and_one_label() {
    let Some(found) = inferred("california_housing.csv.gz") else { return };
    let (last, rest) = found.metadata.columns.split_last().expect("columns");
    assert_eq!((last.name.as_str(), last.kind, last.levels.len()), ("ocean_proximity", Kind::Categorical, 5));
    assert!(rest.iter().all(|column| column.kind == Kind::Continuous));
    let bedrooms = &found.metadata.columns[4];
    assert_eq!((bedrooms.nullable, found.columns[4].missing, bedrooms.missing_token.as_str()), (true, 207, ""));
    assert_eq!(found.metadata.target.as_deref(), Some("ocean_proximity"));
}

#[test]
fn titanic_is_mixed() {
    let Some(found) = inferred("titanic.csv") else { return };
    let expected = [
        ("survived", Kind::Boolean),
        ("pclass", Kind::Ordinal),
        ("sex", Kind::Categorical),
        ("age", Kind::Continuous),
        ("sibsp", Kind::Ordinal),
        ("parch", Kind::Ordinal),
        ("fare", Kind::Continuous),
        ("embarked", Kind::Categorical),
    ];
    assert_eq!(kinds(&found), expected);
    assert_eq!(found.metadata.columns[0].levels, ["0", "1"]);
    assert_eq!(found.metadata.problem_type, Some(ProblemType::MulticlassClassification));
}

#[test]
fn golden_tables_have_the_kinds_of_their_descriptions() {
    let Some(found) = inferred("golden/mixed_missing/real.csv") else { return };
    use Kind::{Boolean, Categorical, Continuous, Datetime, Id, Ordinal, Text};
    let expected = [
        ("record_id", Id),
        ("age", Continuous),
        ("income", Continuous),
        ("score", Continuous),
        ("constant", Continuous),
        ("one_level", Categorical),
        ("employed", Boolean),
        ("smoker", Boolean),
        ("region", Categorical),
        ("city", Categorical),
        ("grade", Ordinal),
        ("signup", Datetime),
        ("last_seen", Datetime),
        ("email", Text),
        ("note", Categorical),
    ];
    assert_eq!(kinds(&found), expected);
    assert_eq!(found.metadata.columns[0].regex.as_deref(), Some("R\\-[0-9]{5}"));
    assert_eq!(found.metadata.columns[10].levels, ["low", "mid", "high"]);
    assert_eq!(found.metadata.key, ["record_id"]);
    assert!(found.metadata.columns[13].sensitivity.as_ref().is_some_and(|found| found.direct && found.what == "email"));
}
