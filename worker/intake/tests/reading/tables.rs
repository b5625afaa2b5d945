//! Known tables: kinds, roles, target as a person would state them.

use super::support::{infer_source, lenient};
use std::path::PathBuf;
use synthfleet_intake::infer::{Inferred, Overrides};
use synthfleet_intake::read::Source;
use synthfleet_proto::metadata::{Kind, ProblemType};

fn shared(name: &str) -> Option<PathBuf> {
    let root = option_env!("SYNTHFLEET_SHARED").map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from);
    let path = root.join("data").join(name);
    if !path.exists() {
        println!("skipped: no {}", path.display());
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
