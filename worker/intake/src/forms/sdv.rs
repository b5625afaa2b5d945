//! Metadata as SDV writes it: `V1` written and read, `SINGLE_TABLE_V1` and `MULTI_TABLE_V1` read.
//!
//! What is read is kept whole, so that a document comes back equal, keys included that we do not use.

use super::{Given, GivenColumn, cell_text, check_keys};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata, NumberForm, Role, Storage};
use synthfleet_proto::profile::RARE;
use synthfleet_proto::{Error, Result};

const TABLE_KEYS: [&str; 6] = ["columns", "primary_key", "alternate_keys", "sequence_key", "sequence_index", "column_relationships"];

/// A checked document.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    tables: BTreeMap<String, Map<String, Value>>,
    relationships: Vec<Value>,
    /// Read as `SINGLE_TABLE_V1`: columns stand at the top.
    bare: bool,
}

impl Document {
    /// Reads a document of any of the three versions. Unknown keys are refused with their pointer.
    pub fn read(value: &Value) -> Result<Self> {
        let document = object(value, "")?;
        let version = document.get("METADATA_SPEC_VERSION").and_then(Value::as_str).unwrap_or("none");
        let bare = version == "SINGLE_TABLE_V1";
        let (tables, relationships) = match version {
            "SINGLE_TABLE_V1" => {
                let mut table = document.clone();
                table.remove("METADATA_SPEC_VERSION");
                check_table(&table, "")?;
                ([("table".to_owned(), table)].into(), Vec::new())
            }
            "V1" | "MULTI_TABLE_V1" => {
                check_keys(document, &["tables", "relationships", "METADATA_SPEC_VERSION"], "")?;
                let mut tables = BTreeMap::new();
                for (name, table) in object(document.get("tables").unwrap_or(&Value::Null), "/tables")? {
                    let pointer = format!("/tables/{}", escaped(name));
                    let table = object(table, &pointer)?;
                    check_table(table, &pointer)?;
                    tables.insert(name.clone(), table.clone());
                }
                let relationships = document.get("relationships").cloned().unwrap_or_else(|| json!([]));
                let relationships = relationships.as_array().cloned().ok_or_else(|| wrong("/relationships", "must be a list"))?;
                (tables, relationships)
            }
            other => {
                let error = Error::data("metadata::version", format!("/METADATA_SPEC_VERSION: {other} is not read"));
                return Err(error.at_pointer("/METADATA_SPEC_VERSION").help("read are V1, SINGLE_TABLE_V1 and MULTI_TABLE_V1"));
            }
        };
        if tables.is_empty() {
            return Err(wrong("/tables", "describes no table"));
        }
        Ok(Self { tables, relationships, bare })
    }

    /// The document of one table of ours.
    pub fn of(metadata: &Metadata) -> Self {
        let names = column_names(metadata);
        let shown = || metadata.columns.iter().zip(&names).filter(|(column, _)| column.role != Role::Drop);
        let mut table = Map::new();
        table.insert("columns".to_owned(), shown().map(|(column, name)| (name.clone(), described(column))).collect());
        let is_key = |column: &ColumnMeta| column.kind == Kind::Id && !column.nullable && !is_direct(column);
        if let Some((_, name)) = shown().find(|(column, _)| is_key(column)) {
            table.insert("primary_key".to_owned(), json!(name));
        }
        Self { tables: [(metadata.table.clone(), table)].into(), relationships: Vec::new(), bare: false }
    }

    /// The document as V1.
    pub fn to_value(&self) -> Value {
        json!({"tables": self.tables, "relationships": self.relationships, "METADATA_SPEC_VERSION": "V1"})
    }

    /// Where the document that was read describes a column of this trimmed name.
    pub fn pointer_to(&self, column: &str) -> Option<String> {
        self.tables.iter().find_map(|(table, described)| {
            let name = described.get("columns")?.as_object()?.keys().find(|name| name.trim() == column)?;
            let table = if self.bare { String::new() } else { format!("/tables/{}", escaped(table)) };
            Some(format!("{table}/columns/{}", escaped(name)))
        })
    }

    /// What the document says of one table; `table` must be named if there are several.
    pub fn given(self, table: Option<&str>) -> Result<Given> {
        let chosen = match table {
            Some(name) => self.tables.get(name).or_else(|| if self.tables.len() == 1 { self.tables.values().next() } else { None }),
            None if self.tables.len() == 1 => self.tables.values().next(),
            None => None,
        };
        let Some(chosen) = chosen else {
            let names = self.tables.keys().cloned().collect::<Vec<_>>().join(", ");
            let error = Error::data("metadata::multi_table", format!("metadata describes {} tables", self.tables.len()));
            return Err(error.at_pointer("/tables").help(format!("choose one with --table: {names}")));
        };
        let columns = chosen.get("columns").and_then(Value::as_object).into_iter().flatten();
        let columns = columns.filter_map(|(name, column)| Some((name.trim().to_owned(), given_column(column.as_object()?))));
        let key = match chosen.get("primary_key") {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        Ok(Given { columns: columns.collect(), key, sdv: Some(self.clone()), ..Given::default() })
    }
}

/// Names of columns as SDV knows them: trimmed headers; our unique name where two are equal.
pub fn column_names(metadata: &Metadata) -> Vec<String> {
    let trimmed = |column: &ColumnMeta| column.header.trim().to_owned();
    let twice = |name: &str| metadata.columns.iter().filter(|column| column.header.trim() == name).count() > 1;
    let name = |column: &ColumnMeta| Some(trimmed(column)).filter(|name| !name.is_empty() && !twice(name));
    metadata.columns.iter().map(|column| name(column).unwrap_or_else(|| column.name.clone())).collect()
}

fn is_direct(column: &ColumnMeta) -> bool {
    column.role == Role::Generate && column.sensitivity.as_ref().is_some_and(|found| found.direct)
}

fn described(column: &ColumnMeta) -> Value {
    if is_direct(column)
        && let Some(found) = &column.sensitivity
    {
        return json!({"sdtype": sdtype_of(&found.what), "pii": true});
    }
    match column.kind {
        Kind::Continuous => json!({"sdtype": "numerical", "computer_representation": representation(column)}),
        Kind::Ordinal if has_number_levels(column) => json!({"sdtype": "categorical", "order_by": "numerical_value"}),
        Kind::Ordinal => json!({"sdtype": "categorical", "order": column.levels}),
        Kind::Boolean if column.storage == Storage::Bool => json!({"sdtype": "boolean"}),
        Kind::Categorical | Kind::Empty | Kind::Boolean => json!({"sdtype": "categorical"}),
        Kind::Datetime => match column.date.as_ref().and_then(|date| strptime(&date.format)) {
            Some(format) => json!({"sdtype": "datetime", "datetime_format": format}),
            // seconds since 1970 have no strptime letter: they are numbers for other tools
            None => json!({"sdtype": "numerical", "computer_representation": "Int64"}),
        },
        Kind::Id => match &column.regex {
            Some(regex) => json!({"sdtype": "id", "regex_format": regex}),
            None => json!({"sdtype": "id"}),
        },
        Kind::Text => json!({"sdtype": "unknown", "pii": true}),
    }
}

fn representation(column: &ColumnMeta) -> &'static str {
    let is_integer = column.storage == Storage::Int64 && column.number.as_ref().is_none_or(|form: &NumberForm| !form.fixed_decimals);
    if is_integer { "Int64" } else { "Float" }
}

fn has_number_levels(column: &ColumnMeta) -> bool {
    let numbers: Option<Vec<f64>> = column.levels.iter().map(|level| level.trim().parse().ok()).collect();
    numbers.is_some_and(|numbers| numbers.is_sorted())
}

/// Our date letters as strptime's; `None` for epochs.
fn strptime(format: &str) -> Option<String> {
    if format.contains("%s") || format.contains("%Q") {
        return None;
    }
    let mut out = String::new();
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        out.push(letter);
        if letter != '%' {
            continue;
        }
        while letters.next_if(|next| matches!(next, '-' | ':' | '0'..='9')).is_some() {}
        match letters.next() {
            Some('P') => out.push('p'),
            Some(next) => out.push(next),
            None => {}
        }
    }
    Some(out)
}

/// Our names of identifiers and SDV's (Faker's) names of them.
const IDENTIFIERS: [(&str, &str); 13] = [
    ("account", "bban"),
    ("address", "street_address"),
    ("card", "credit_card_number"),
    ("credit_card", "credit_card_number"),
    ("ip", "ipv4_address"),
    ("licence_plate", "license_plate"),
    ("mac", "mac_address"),
    ("person", "name"),
    ("phone", "phone_number"),
    ("plate", "license_plate"),
    ("ssn_like", "ssn"),
    ("account_number", "bban"),
    ("person_name", "name"),
];

fn sdtype_of(what: &str) -> &str {
    IDENTIFIERS.iter().find(|(ours, _)| *ours == what).map_or(what, |(_, theirs)| theirs)
}

fn what_of(sdtype: &str) -> &str {
    IDENTIFIERS.iter().find(|(_, theirs)| *theirs == sdtype).map_or(sdtype, |(ours, _)| ours)
}

fn check_table(table: &Map<String, Value>, pointer: &str) -> Result<()> {
    check_keys(table, &TABLE_KEYS, pointer)?;
    let columns = object(table.get("columns").unwrap_or(&Value::Null), &format!("{pointer}/columns"))?;
    for (name, column) in columns {
        let pointer = format!("{pointer}/columns/{}", escaped(name));
        let column = object(column, &pointer)?;
        let sdtype = column.get("sdtype").and_then(Value::as_str).unwrap_or_default();
        let legal = !sdtype.is_empty() && sdtype.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !legal {
            let error = Error::data("metadata::sdtype", format!("{pointer}/sdtype: not the name of a type"));
            return Err(error.at_pointer(format!("{pointer}/sdtype")).help("for example numerical, categorical, datetime, id"));
        }
        let known = keys_of(sdtype);
        let given: Map<String, Value> = column.iter().filter(|(key, _)| !key.starts_with("range_") || !ranged(sdtype)).map(owned).collect();
        check_keys(&given, known, &pointer)?;
        if column.contains_key("order") && column.contains_key("order_by") {
            return Err(wrong(&pointer, "order and order_by exclude each other"));
        }
    }
    Ok(())
}

fn owned((key, value): (&String, &Value)) -> (String, Value) {
    (key.clone(), value.clone())
}

fn ranged(sdtype: &str) -> bool {
    matches!(sdtype, "numerical" | "datetime")
}

fn keys_of(sdtype: &str) -> &'static [&'static str] {
    match sdtype {
        "numerical" => &["sdtype", "computer_representation", "decimal_places"],
        "datetime" => &["sdtype", "datetime_format"],
        "categorical" => &["sdtype", "order", "order_by", "high_cardinality"],
        "ordinal" => &["sdtype", "order", "order_by"],
        "boolean" => &["sdtype"],
        "id" => &["sdtype", "regex_format"],
        _ => &["sdtype", "pii"],
    }
}

fn given_column(column: &Map<String, Value>) -> GivenColumn {
    let text = |key: &str| column.get(key).and_then(Value::as_str).map(str::to_owned);
    let order = || column.get("order").and_then(Value::as_array).map(|levels| levels.iter().map(cell_text).collect::<Vec<_>>());
    match text("sdtype").unwrap_or_default().as_str() {
        "numerical" => {
            let bound = |key: &str| column.get(key).and_then(Value::as_f64);
            GivenColumn { range: bound("range_min").zip(bound("range_max")), ..GivenColumn::of_kind(Kind::Continuous) }
        }
        "datetime" => GivenColumn { date_format: text("datetime_format"), ..GivenColumn::of_kind(Kind::Datetime) },
        "categorical" if order().is_none() && !column.contains_key("order_by") => GivenColumn::of_kind(Kind::Categorical),
        "categorical" | "ordinal" => {
            let mut given = GivenColumn::of_kind(Kind::Ordinal);
            given.wish.order = order().filter(|order| !order.iter().any(|label| label == RARE));
            given
        }
        "boolean" => GivenColumn::of_kind(Kind::Boolean),
        "id" => GivenColumn { regex: text("regex_format"), ..GivenColumn::of_kind(Kind::Id).generated(None) },
        "unknown" => GivenColumn::of_kind(Kind::Text).generated(None),
        // a place may be modelled unless the document calls it personal
        sdtype @ ("latitude" | "longitude" | "city" | "postcode" | "country_code" | "administrative_unit" | "state" | "state_abbr")
            if column.get("pii") == Some(&Value::Bool(false)) =>
        {
            let kind = matches!(sdtype, "latitude" | "longitude").then_some(Kind::Continuous).unwrap_or(Kind::Categorical);
            GivenColumn::of_kind(kind)
        }
        sdtype => GivenColumn::of_kind(Kind::Text).generated(Some(what_of(sdtype))),
    }
}

fn object<'a>(value: &'a Value, pointer: &str) -> Result<&'a Map<String, Value>> {
    value.as_object().ok_or_else(|| wrong(pointer, "must be an object"))
}

fn wrong(pointer: &str, what: &str) -> Error {
    Error::data("metadata::syntax", format!("{}: {what}", if pointer.is_empty() { "/" } else { pointer })).at_pointer(pointer)
}

/// A name inside a JSON pointer (RFC 6901).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use synthfleet_proto::calendar::Grain;
    use synthfleet_proto::metadata::{DateForm, Sensitivity};

    fn date(name: &str, format: &str) -> ColumnMeta {
        let mut column = ColumnMeta::plain(name, Kind::Datetime);
        column.date = Some(DateForm { format: format.into(), grain: Grain::Day, offset_minutes: None, formats: Vec::new() });
        column
    }

    fn table() -> Metadata {
        let mut id = ColumnMeta::plain("id", Kind::Id);
        id.regex = Some("R-[0-9]{5}".into());
        let mut age = ColumnMeta::plain("age", Kind::Continuous);
        age.storage = Storage::Int64;
        let mut stars = ColumnMeta::plain("stars", Kind::Ordinal);
        stars.levels = ["1", "2", "10"].map(str::to_owned).to_vec();
        let mut size = ColumnMeta::plain("size", Kind::Ordinal);
        size.levels = ["S", "M"].map(str::to_owned).to_vec();
        let mut flag = ColumnMeta::plain("flag", Kind::Boolean);
        flag.storage = Storage::Bool;
        let mut phone = ColumnMeta::plain("phone", Kind::Text);
        phone.sensitivity = Some(Sensitivity { direct: true, what: "phone".into(), by_value: false });
        let mut dropped = ColumnMeta::plain("dropped", Kind::Text);
        dropped.role = Role::Drop;
        let mut spaced = ColumnMeta::plain("spaced", Kind::Continuous);
        spaced.header = " spaced ".into();
        let columns = vec![
            id,
            age,
            spaced,
            stars,
            size,
            ColumnMeta::plain("colour", Kind::Categorical),
            flag,
            ColumnMeta::plain("yes_no", Kind::Boolean),
            date("day", "%-d.%-m.%Y %H:%M:%S.%3f %P %:z"),
            date("epoch", "%s"),
            ColumnMeta::plain("note", Kind::Text),
            ColumnMeta::plain("nothing", Kind::Empty),
            phone,
            dropped,
        ];
        Metadata::plain("t", columns)
    }

    #[test]
    fn every_kind_is_written_as_the_table_says() {
        let expected = json!({
            "tables": {"t": {
                "primary_key": "id",
                "columns": {
                    "id": {"sdtype": "id", "regex_format": "R-[0-9]{5}"},
                    "age": {"sdtype": "numerical", "computer_representation": "Int64"},
                    "spaced": {"sdtype": "numerical", "computer_representation": "Float"},
                    "stars": {"sdtype": "categorical", "order_by": "numerical_value"},
                    "size": {"sdtype": "categorical", "order": ["S", "M"]},
                    "colour": {"sdtype": "categorical"},
                    "flag": {"sdtype": "boolean"},
                    "yes_no": {"sdtype": "categorical"},
                    "day": {"sdtype": "datetime", "datetime_format": "%d.%m.%Y %H:%M:%S.%f %p %z"},
                    "epoch": {"sdtype": "numerical", "computer_representation": "Int64"},
                    "note": {"sdtype": "unknown", "pii": true},
                    "nothing": {"sdtype": "categorical"},
                    "phone": {"sdtype": "phone_number", "pii": true},
                },
            }},
            "relationships": [],
            "METADATA_SPEC_VERSION": "V1",
        });
        assert_eq!(Document::of(&table()).to_value(), expected);
    }

    #[test]
    fn our_document_reads_back_equal() {
        let document = Document::of(&table());
        assert_eq!(Document::read(&document.to_value()).expect("own form"), document);
        let given = document.given(None).expect("one table");
        assert_eq!((given.columns["size"].wish.kind, given.key), (Some(Kind::Ordinal), vec!["id".to_owned()]));
        assert_eq!(given.columns["phone"].direct.as_deref(), Some("phone"));
    }

    #[test]
    fn a_document_of_sdv_comes_back_equal_with_keys_that_we_do_not_use() {
        let theirs = json!({
            "tables": {"users": {
                "columns": {
                    "id": {"sdtype": "id"},
                    "zip": {"sdtype": "postcode", "pii": false},
                    "age": {"sdtype": "numerical", "computer_representation": "Int8"},
                },
                "primary_key": "id",
                "alternate_keys": [],
                "column_relationships": [{"type": "address", "column_names": ["zip"]}],
            }},
            "relationships": [{"parent_table_name": "a", "child_table_name": "users"}],
            "METADATA_SPEC_VERSION": "V1",
        });
        assert_eq!(Document::read(&theirs).expect("legal").to_value(), theirs);
    }

    #[test]
    fn the_two_older_versions_are_read() {
        let single = json!({"columns": {"a": {"sdtype": "ordinal"}}, "primary_key": ["a"], "METADATA_SPEC_VERSION": "SINGLE_TABLE_V1"});
        let document = Document::read(&single).expect("legal");
        assert_eq!(document.pointer_to("a").as_deref(), Some("/columns/a"));
        let given = document.given(None).expect("one table");
        assert_eq!((given.columns["a"].wish.kind, given.key), (Some(Kind::Ordinal), vec!["a".to_owned()]));
        let multi =
            json!({"tables": {"a": {"columns": {}}, "b": {"columns": {}}}, "relationships": [], "METADATA_SPEC_VERSION": "MULTI_TABLE_V1"});
        let document = Document::read(&multi).expect("legal");
        assert_eq!(document.clone().given(None).expect_err("which?").code(), "metadata::multi_table");
        assert!(document.given(Some("b")).is_ok());
    }

    #[test]
    fn unknown_keys_types_and_versions_are_refused_with_their_pointer() {
        let with = |column: Value| json!({"tables": {"t": {"columns": {"a/b": column}}}, "METADATA_SPEC_VERSION": "V1"});
        let cases = [
            (
                with(json!({"sdtype": "numerical", "computer_representaton": "Int8"})),
                "metadata::unknown_key",
                "/tables/t/columns/a~1b/computer_representaton",
            ),
            (with(json!({"sdtype": "Not A Type"})), "metadata::sdtype", "/tables/t/columns/a~1b/sdtype"),
            (with(json!({"sdtype": "boolean", "pii": true})), "metadata::unknown_key", "/tables/t/columns/a~1b/pii"),
            (with(json!({"sdtype": "categorical", "order": [], "order_by": "x"})), "metadata::syntax", "/tables/t/columns/a~1b"),
            (json!({"METADATA_SPEC_VERSION": "V7"}), "metadata::version", "/METADATA_SPEC_VERSION"),
        ];
        for (value, code, pointer) in cases {
            let error = Document::read(&value).expect_err(code);
            assert_eq!((error.code(), error.place().pointer.as_deref()), (code, Some(pointer)));
        }
    }
}
