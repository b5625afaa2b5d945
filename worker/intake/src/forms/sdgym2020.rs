//! The description that SDGym used in 2020: columns with minima or label lists, and a problem type.

use super::{Given, GivenColumn, cell_text, check_keys};
use serde_json::{Map, Value, json};
use synthfleet_proto::calendar::Grain;
use synthfleet_proto::metadata::{Kind, Metadata, ProblemType};
use synthfleet_proto::profile::{ColumnProfile, Profile, RARE};
use synthfleet_proto::{Error, Result};

/// Our kinds that the form has no word for.
fn is_left_out(kind: Kind) -> bool {
    matches!(kind, Kind::Id | Kind::Text | Kind::Empty)
}

/// The description of a table. Minima, maxima and labels are those of the profile, so they follow its
/// disclosure; dates are seconds since 1970. `label` renames the target to `label`.
pub fn write(metadata: &Metadata, profile: &Profile, label: bool) -> Value {
    let columns = metadata.columns.iter().zip(&profile.columns).filter(|(meta, _)| !is_left_out(meta.kind));
    let columns: Vec<Value> = columns
        .map(|(meta, shown)| {
            let is_target = metadata.target.as_deref() == Some(meta.name.as_str());
            let name = if label && is_target { "label" } else { meta.header.trim() };
            let name = if name.is_empty() { meta.name.as_str() } else { name };
            match meta.kind {
                Kind::Continuous => {
                    let bounds = shown.numeric.as_ref().map(|numeric| (numeric.min, numeric.max)).unwrap_or_default();
                    json!({"name": name, "type": "continuous", "min": bounds.0, "max": bounds.1})
                }
                Kind::Datetime => {
                    let grain = meta.date.as_ref().map_or(Grain::Second, |date| date.grain);
                    let seconds = |value: i64| grain.to_nanos(value) as f64 / 1e9;
                    let bounds = shown.dates.as_ref().and_then(|dates| dates.bounds).map(|(low, high)| (seconds(low), seconds(high)));
                    json!({"name": name, "type": "continuous", "min": bounds.map(|b| b.0), "max": bounds.map(|b| b.1)})
                }
                Kind::Ordinal => {
                    let order = shown.order.as_deref().unwrap_or_default();
                    json!({"name": name, "type": "ordinal", "size": order.len(), "i2s": order})
                }
                _ => {
                    let labels = labels(shown);
                    json!({"name": name, "type": "categorical", "size": labels.len(), "i2s": labels})
                }
            }
        })
        .collect();
    let mut document = Map::new();
    document.insert("columns".to_owned(), columns.into());
    if let Some(problem) = metadata.problem_type {
        document.insert("problem_type".to_owned(), json!(problem));
    }
    Value::Object(document)
}

/// Names of columns that the form cannot describe.
pub fn left_out(metadata: &Metadata) -> Vec<&str> {
    metadata.columns.iter().filter(|column| is_left_out(column.kind)).map(|column| column.name.as_str()).collect()
}

fn labels(shown: &ColumnProfile) -> Vec<&str> {
    shown.levels.iter().flatten().map(|level| level.value.as_str()).collect()
}

/// Reads the object, or the bare list of 2019.
pub fn read(value: &Value) -> Result<Given> {
    let columns = match value {
        Value::Array(columns) => columns,
        _ => {
            let document = value.as_object().ok_or_else(|| wrong("", "must be an object or a list"))?;
            check_keys(document, &["columns", "problem_type", "structure", "name", "label"], "")?;
            document.get("columns").and_then(Value::as_array).ok_or_else(|| wrong("/columns", "must be a list"))?
        }
    };
    let mut given = Given::default();
    for (place, column) in columns.iter().enumerate() {
        let pointer = format!("/columns/{place}");
        let column = column.as_object().ok_or_else(|| wrong(&pointer, "must be an object"))?;
        check_keys(column, &["name", "type", "min", "max", "size", "i2s"], &pointer)?;
        let name = column.get("name").map(cell_text).ok_or_else(|| wrong(&format!("{pointer}/name"), "is missing"))?;
        given.columns.insert(name.trim().to_owned(), read_column(column, &pointer)?);
    }
    if let Some(problem) = value.get("problem_type").filter(|problem| !problem.is_null()) {
        let known: Result<ProblemType, _> = serde_json::from_value(problem.clone());
        given.problem_type = Some(known.map_err(|_| wrong("/problem_type", "is not a known problem type"))?);
    }
    Ok(given)
}

fn read_column(column: &Map<String, Value>, pointer: &str) -> Result<GivenColumn> {
    let labels = || -> Result<Vec<String>> {
        let labels: Vec<String> = column.get("i2s").and_then(Value::as_array).into_iter().flatten().map(cell_text).collect();
        match column.get("size").and_then(Value::as_u64) {
            Some(size) if size != labels.len() as u64 => {
                Err(wrong(&format!("{pointer}/size"), &format!("is {size}, i2s has {}", labels.len())))
            }
            _ => Ok(labels),
        }
    };
    match column.get("type").and_then(Value::as_str) {
        // min and max tell what was seen, maybe protected: they allow nothing and forbid nothing. Dates are written as
        // continuous, in seconds, and must be read back as what they are
        Some("continuous") => Ok(GivenColumn { dates_too: true, ..GivenColumn::of_kind(Kind::Continuous) }),
        Some(kind @ ("categorical" | "ordinal")) => {
            let mut given = GivenColumn::of_kind(if kind == "ordinal" { Kind::Ordinal } else { Kind::Categorical });
            // labels that were folded for protection are not known any more
            given.wish.order = Some(labels()?).filter(|labels| !labels.iter().any(|label| label == RARE));
            Ok(given)
        }
        _ => Err(wrong(&format!("{pointer}/type"), "must be continuous, categorical or ordinal")),
    }
}

fn wrong(pointer: &str, what: &str) -> Error {
    Error::data("metadata::syntax", format!("{}: {what}", if pointer.is_empty() { "/" } else { pointer })).at_pointer(pointer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_and_the_bare_list_are_read() {
        let columns = json!([
            {"name": "age", "type": "continuous", "min": 17, "max": 90},
            {"name": "income", "type": "categorical", "size": 2, "i2s": ["<=50K", 1]},
            {"name": "grade", "type": "ordinal", "size": 2, "i2s": ["low", "high"]},
        ]);
        let given = read(&json!({"columns": columns, "problem_type": "binary_classification", "structure": [[0, 1]]})).expect("legal");
        assert_eq!(given.problem_type, Some(ProblemType::BinaryClassification));
        assert_eq!(given.columns["age"].range, None);
        assert_eq!(given.columns["income"].wish.order, Some(vec!["<=50K".to_owned(), "1".to_owned()]));
        assert_eq!(given.columns["grade"].wish.kind, Some(Kind::Ordinal));
        assert_eq!(read(&columns).expect("legal").columns.len(), 3);
    }

    #[test]
    fn wrong_sizes_types_and_keys_are_refused_with_their_pointer() {
        let cases = [
            (json!([{"name": "a", "type": "categorical", "size": 3, "i2s": ["x"]}]), "/columns/0/size"),
            (json!([{"name": "a", "type": "integer"}]), "/columns/0/type"),
            (json!([{"name": "a", "type": "continuous", "mn": 1}]), "/columns/0/mn"),
            (json!({"columns": [], "problem_type": "guessing"}), "/problem_type"),
        ];
        for (value, pointer) in cases {
            assert_eq!(read(&value).expect_err(pointer).place().pointer.as_deref(), Some(pointer));
        }
    }
}
