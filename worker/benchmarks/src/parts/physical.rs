//! Physical types of columns: what a reader of the written table would take them for.

use super::side;
use std::collections::BTreeSet;
use synthfleet_proto::metadata::{Kind, Storage};
use synthfleet_table::{Column, Table, Values};

/// The type that pandas infers for column `place` of a CSV file: `int64`, `float64`, `bool`, `datetime`, `object`.
pub fn in_csv(table: &Table, place: usize) -> &'static str {
    let (column, meta) = (table.column(place), &table.metadata().columns[place]);
    let gaps = column.missing_count() > 0;
    match column.values() {
        _ if meta.kind == Kind::Datetime => "datetime",
        _ if column.missing_count() == column.len() => "float64",
        Values::Whole(_) if !gaps => "int64",
        Values::Whole(_) | Values::Real(_) => "float64",
        Values::Code(_) => {
            let present: BTreeSet<u32> = side::levels(table, place).into_iter().collect();
            of_texts(present.iter().filter_map(|&code| meta.levels.get(code as usize)).map(String::as_str), gaps)
        }
        Values::Text(texts) => of_texts((0..texts.len()).filter(|&row| !column.is_missing(row)).map(|row| texts.get(row)), gaps),
    }
}

fn of_texts<'a>(texts: impl Iterator<Item = &'a str> + Clone, gaps: bool) -> &'static str {
    let all = |test: fn(&str) -> bool| texts.clone().all(test);
    match () {
        () if !gaps && all(|text| matches!(text, "True" | "False" | "TRUE" | "FALSE" | "true" | "false")) => "bool",
        () if !gaps && all(|text| text.parse::<i64>().is_ok()) => "int64",
        () if all(|text| text.parse::<f64>().is_ok()) => "float64",
        () => "object",
    }
}

/// Whether the sample's column can be written in the type that the description states.
pub fn fits_storage(sample: &Table, place: usize) -> bool {
    let column: &Column = sample.column(place);
    match (sample.metadata().columns[place].storage, column.values()) {
        (Storage::Int64, Values::Real(values)) => {
            (0..column.len()).all(|row| column.is_missing(row) || (values[row].fract() == 0.0 && values[row].abs() < 9.2e18))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_typed_as_a_csv_reader_types_them() {
        assert_eq!(of_texts(["1", "2"].into_iter(), false), "int64");
        assert_eq!(of_texts(["1", "2"].into_iter(), true), "float64");
        assert_eq!(of_texts(["True", "False"].into_iter(), false), "bool");
        assert_eq!(of_texts(["True", "False"].into_iter(), true), "object");
    }
}
