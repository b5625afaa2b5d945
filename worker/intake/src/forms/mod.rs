//! Descriptions of a table in the forms of other tools: written beside the profile, read as overrides of
//! inference. Unknown keys are refused, since a misspelt one would be ignored in silence.

pub mod sdgym2020;
pub mod sdv;

use serde_json::Value;
use std::collections::BTreeMap;
use synthfleet_proto::job::ColumnWish;
use synthfleet_proto::metadata::{Kind, Metadata, ProblemType, Role, Sensitivity};
use synthfleet_proto::profile::{Profile, RARE};
use synthfleet_proto::{Error, Result, id};

/// What a description says of a table: it overrides inference, and is overridden by flags.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Given {
    /// By column name as in the header, trimmed.
    pub columns: BTreeMap<String, GivenColumn>,
    /// Column that utility is judged on.
    pub target: Option<String>,
    /// What the target asks for.
    pub problem_type: Option<ProblemType>,
    /// Columns that name a row uniquely.
    pub key: Vec<String>,
    /// The SDV document it came from, to be written back with all its keys.
    pub sdv: Option<sdv::Document>,
}

/// What a description says of a column. What is absent is inferred.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GivenColumn {
    /// Kind, role, levels allowed (in order, if the kind is ordinal), missing tokens.
    pub wish: ColumnWish,
    /// Format of dates, in strptime letters.
    pub date_format: Option<String>,
    /// Regular expression of ids.
    pub regex: Option<String>,
    /// Smallest and largest value allowed.
    pub range: Option<(f64, f64)>,
    /// Direct identifier, with its type.
    pub direct: Option<String>,
    /// Continuous may mean dates as well.
    pub dates_too: bool,
}

impl GivenColumn {
    fn of_kind(kind: Kind) -> Self {
        Self { wish: ColumnWish { kind: Some(kind), ..ColumnWish::default() }, ..Self::default() }
    }

    fn generated(mut self, direct: Option<&str>) -> Self {
        self.wish.role = Some(Role::Generate);
        self.direct = direct.map(str::to_owned);
        self
    }
}

impl Given {
    /// Reads a description in any known form; which one is found out. `table` chooses among several.
    pub fn read(value: &Value, table: Option<&str>) -> Result<Self> {
        let schema = value.get("schema").and_then(Value::as_str);
        match (schema, value) {
            (Some(Profile::SCHEMA), _) => of_profile(value),
            (Some(Metadata::SCHEMA), _) => of_metadata(value),
            _ if value.get("METADATA_SPEC_VERSION").is_some() || value.get("tables").is_some() => sdv::Document::read(value)?.given(table),
            _ if value.is_array() || value.get("columns").is_some_and(Value::is_array) => sdgym2020::read(value),
            _ if value.get("resources").is_some() => Err(refused("a Frictionless data package")),
            _ if value.get("recordSet").is_some() => Err(refused("a Croissant description")),
            _ => {
                let error = Error::data("metadata::syntax", "the metadata is in no known form").at_pointer("/");
                Err(error.help("give SDV metadata (V1), a 2020 SDGym description, or a profile.json of ours"))
            }
        }
    }

    /// Reads a description from the text of a file.
    pub fn parse(text: &str, table: Option<&str>) -> Result<Self> {
        let value = serde_json::from_str(text)
            .map_err(|e| Error::data("metadata::syntax", format!("not JSON: {e}")).help("write the file again"))?;
        Self::read(&value, table)
    }

    /// Fails if the description names a column that the table does not have. `names` are the table's
    /// headers, trimmed.
    pub fn check_names(&self, names: &[&str]) -> Result<()> {
        let Some(unknown) = self.columns.keys().find(|name| !names.contains(&name.as_str())) else {
            return Ok(());
        };
        let mut error =
            Error::data("metadata::mismatch", format!("metadata names {unknown}, the table has no such column")).in_column(unknown);
        if let Some(pointer) = self.sdv.as_ref().and_then(|document| document.pointer_to(unknown)) {
            error = error.at_pointer(pointer);
        }
        Err(match id::nearest(unknown, names.iter().copied()) {
            Some(near) => error.help(format!("did you mean {near}?")),
            None => error.help(format!("the table has {}", names.iter().take(20).copied().collect::<Vec<_>>().join(", "))),
        })
    }

    /// Puts onto inferred metadata what only a description knows: expressions of ids and identifiers.
    pub fn complete(&self, metadata: &mut Metadata) {
        for column in &mut metadata.columns {
            let Some(given) = self.columns.get(column.header.trim()) else { continue };
            if let Some(regex) = &given.regex
                && column.kind == Kind::Id
            {
                column.regex = Some(regex.clone());
            }
            if let Some(what) = &given.direct {
                column.sensitivity = Some(Sensitivity { direct: true, what: what.clone(), by_value: false });
            }
        }
        let known = |name: &&String| metadata.columns.iter().find(|column| column.header.trim() == name.as_str());
        let key: Vec<String> = self.key.iter().filter_map(|name| known(&name)).map(|column| column.name.clone()).collect();
        if !key.is_empty() {
            metadata.key = key;
        }
    }
}

fn of_profile(value: &Value) -> Result<Given> {
    let profile: Profile = serde_json::from_value(value.clone()).map_err(|e| syntax(&e.to_string()))?;
    let columns = profile.columns.iter().map(|column| {
        let order = column.order.clone().filter(|order| !order.iter().any(|label| label == RARE));
        let wish = ColumnWish { kind: Some(column.kind), role: Some(column.role), order, ..ColumnWish::default() };
        let date_format = column.dates.as_ref().and_then(|dates| dates.formats.first()).map(|first| first.format.clone());
        let regex = column.text.as_ref().and_then(|text| text.regex.clone());
        let direct = column.sensitivity.what.clone().filter(|_| column.sensitivity.class == "direct");
        (column.header.trim().to_owned(), GivenColumn { wish, date_format, regex, direct, ..GivenColumn::default() })
    });
    Ok(Given { columns: columns.collect(), target: profile.target, problem_type: profile.problem_type, key: profile.key, sdv: None })
}

fn of_metadata(value: &Value) -> Result<Given> {
    let metadata: Metadata = serde_json::from_value(value.clone()).map_err(|e| syntax(&e.to_string()))?;
    let columns = metadata.columns.iter().map(|column| {
        let order = (column.kind == Kind::Ordinal).then(|| column.levels.clone());
        let wish = ColumnWish { kind: Some(column.kind), role: Some(column.role), order, ..ColumnWish::default() };
        let date_format = column.date.as_ref().map(|date| date.format.clone());
        let direct = column.sensitivity.as_ref().filter(|found| found.direct).map(|found| found.what.clone());
        (column.header.trim().to_owned(), GivenColumn { wish, date_format, regex: column.regex.clone(), direct, ..GivenColumn::default() })
    });
    Ok(Given { columns: columns.collect(), target: metadata.target, problem_type: metadata.problem_type, key: metadata.key, sdv: None })
}

fn syntax(cause: &str) -> Error {
    Error::data("metadata::syntax", cause.to_owned())
}

fn refused(what: &str) -> Error {
    Error::data("metadata::version", format!("this is {what}, not a description that this version reads"))
        .help("give SDV metadata (V1), a 2020 SDGym description, or a profile.json of ours")
}

/// Fails if an object has a key that is not known, naming the nearest known one.
fn check_keys(object: &serde_json::Map<String, Value>, known: &[&str], pointer: &str) -> Result<()> {
    let Some(unknown) = object.keys().find(|key| !known.contains(&key.as_str())) else {
        return Ok(());
    };
    let error =
        Error::data("metadata::unknown_key", format!("{pointer}/{unknown}: unknown key")).at_pointer(format!("{pointer}/{unknown}"));
    Err(match id::nearest(unknown, known.iter().copied()) {
        Some(near) => error.help(format!("did you mean {near:?}?")),
        None => error.help(format!("known keys: {}", known.join(", "))),
    })
}

/// A JSON value as the text of a cell: strings as they are, whole numbers without point.
fn cell_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use synthfleet_proto::metadata::ColumnMeta;

    #[test]
    fn the_form_is_found_out_and_later_forms_are_refused_by_name() {
        assert_eq!(Given::read(&json!({"resources": []}), None).expect_err("Frictionless").code(), "metadata::version");
        assert_eq!(Given::read(&json!({"x": 1}), None).expect_err("nothing").code(), "metadata::syntax");
        assert_eq!(Given::parse("{", None).expect_err("cut").code(), "metadata::syntax");
    }

    #[test]
    fn a_column_that_the_table_lacks_names_its_neighbour() {
        let columns = [("agee".to_owned(), GivenColumn::default())].into();
        let error = Given { columns, ..Given::default() }.check_names(&["age", "sex"]).expect_err("agee is unknown");
        assert_eq!((error.code(), error.helps()[0].as_str()), ("metadata::mismatch", "did you mean age?"));
        let theirs = json!({"tables": {"t": {"columns": {"a/b": {"sdtype": "boolean"}}}}, "METADATA_SPEC_VERSION": "V1"});
        let error = Given::read(&theirs, None).expect("legal").check_names(&["age"]).expect_err("a/b is unknown");
        assert_eq!(error.place().pointer.as_deref(), Some("/tables/t/columns/a~1b"));
    }

    #[test]
    fn own_metadata_is_a_form_too() {
        let mut column = ColumnMeta::plain("grade", Kind::Ordinal);
        column.levels = vec!["low".into(), "high".into()];
        let metadata = Metadata::plain("t", vec![column]);
        let given = Given::read(&serde_json::to_value(&metadata).expect("plain data"), None).expect("own form");
        assert_eq!(given.columns["grade"].wish.order, Some(vec!["low".into(), "high".into()]));
    }
}
