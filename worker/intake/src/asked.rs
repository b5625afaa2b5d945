//! Conditions on samples as people write them: `age>=40`, `sex=Female`, `town=Ulm|Bern`, `day=2020-01-01..2020-12-31`,
//! `income is missing`, or a file with one row of fixed cells for each row of the sample.
//!
//! Cells are read as the model's description says they are written. A value is one cell if it can be read as
//! one, else several between bars, else a range between two dots.

use crate::cast::{Cast, Caster};
use crate::infer::{Overrides, number};
use crate::read::{Batch, Limits, ReadOptions, Source, open};
use crate::rows::{Rows, layout};
use std::path::Path;
use synthfleet_proto::condition::{self, Says, Sign};
use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata, Storage};
use synthfleet_proto::{Error, Result};
use synthfleet_table::{Cell, Condition, Limit, Wanted};

/// Labels that an error names at most.
const NAMED_MAX: usize = 20;

/// One condition from text, for samples of a description.
pub fn condition(text: &str, metadata: &Metadata) -> Result<Condition> {
    let names: Vec<&str> = metadata.columns.iter().map(|meta| meta.name.as_str()).collect();
    let (column, says) = condition::read(text, &names)?;
    let meta = &metadata.columns[column];
    let wanted = match says {
        Says::Missing => Wanted::Missing,
        Says::Compares(Sign::Equal, value) => equal(meta, value)?,
        Says::Compares(sign, value) => compared(meta, sign, value)?,
    };
    Ok(Condition { column, wanted })
}

fn equal(meta: &ColumnMeta, value: &str) -> Result<Wanted> {
    let caster = caster(meta);
    match cell(&caster, value) {
        Ok(Some(cell)) => return Ok(Wanted::OneOf(vec![cell])),
        Ok(None) => return Ok(Wanted::Missing),
        Err(_) if value.contains('|') => {
            let cells = value.split('|').map(|part| cell(&caster, part.trim()).and_then(|cell| cell.ok_or("a missing cell in a list")));
            return cells.collect::<std::result::Result<_, _>>().map(Wanted::OneOf).map_err(|why| impossible(meta, value, why));
        }
        Err(_) => {}
    }
    if let Some((low, high)) = value.split_once("..") {
        let (low, high) = (low.trim(), high.trim());
        let low = if low.is_empty() { None } else { Some(limits(meta, Sign::GreaterOrEqual, low)?) };
        let high = if high.is_empty() { None } else { Some(limits(meta, Sign::LessOrEqual, high)?) };
        return ordered(meta, low, high);
    }
    match cell(&caster, value) {
        Err(why) => Err(impossible(meta, value, why)),
        Ok(cell) => Ok(cell.map_or(Wanted::Missing, |cell| Wanted::OneOf(vec![cell]))),
    }
}

fn compared(meta: &ColumnMeta, sign: Sign, value: &str) -> Result<Wanted> {
    let limit = limits(meta, sign, value)?;
    match sign {
        Sign::Less | Sign::LessOrEqual => ordered(meta, None, Some(limit)),
        _ => ordered(meta, Some(limit), None),
    }
}

/// An end of a range before labels are counted out.
enum End {
    Cell(Limit),
    /// Labels that are numbers are compared as such.
    Number(f64, bool),
}

fn limits(meta: &ColumnMeta, sign: Sign, value: &str) -> Result<End> {
    let inclusive = matches!(sign, Sign::LessOrEqual | Sign::GreaterOrEqual | Sign::Equal);
    let read = cell(&caster(meta), value);
    if meta.kind.is_discrete() {
        if let Some(number) = numbers(meta).and(plain(meta, value)) {
            return Ok(End::Number(number, inclusive));
        }
        if meta.kind != Kind::Ordinal {
            return Err(impossible(meta, value, "its labels have no order"));
        }
    }
    match (read, plain(meta, value)) {
        (Ok(Some(cell)), _) => Ok(End::Cell(Limit { cell, inclusive })),
        // between two whole numbers: the next one inwards
        (_, Some(number)) if meta.kind == Kind::Continuous && meta.storage == Storage::Int64 => {
            let inwards = if matches!(sign, Sign::Less | Sign::LessOrEqual) { number.floor() } else { number.ceil() };
            Ok(End::Cell(Limit { cell: Cell::Whole(inwards as i64), inclusive: inclusive || inwards != number }))
        }
        (Ok(None), _) => Err(impossible(meta, value, "a missing cell is no end of a range")),
        (Err(why), _) => Err(impossible(meta, value, why)),
    }
}

fn ordered(meta: &ColumnMeta, low: Option<End>, high: Option<End>) -> Result<Wanted> {
    let is_numeric = |end: &Option<End>| matches!(end, Some(End::Number(..)));
    if !is_numeric(&low) && !is_numeric(&high) {
        let limit = |end| if let Some(End::Cell(limit)) = end { Some(limit) } else { None };
        return Ok(Wanted::Between { low: limit(low), high: limit(high) });
    }
    let above = |number: f64| match low {
        Some(End::Number(end, inclusive)) => number > end || (inclusive && number == end),
        _ => true,
    };
    let below = |number: f64| match high {
        Some(End::Number(end, inclusive)) => number < end || (inclusive && number == end),
        _ => true,
    };
    let all = numbers(meta).unwrap_or_default();
    let held = all.iter().zip(0..).filter(|(number, _)| number.is_some_and(|number| above(number) && below(number)));
    Ok(Wanted::OneOf(held.map(|(_, code)| Cell::Code(code)).collect()))
}

/// The labels as numbers, `[levels]`, none for hidden ones; no list if some label is no number.
fn numbers(meta: &ColumnMeta) -> Option<Vec<Option<f64>>> {
    let number = |label: &String| if is_hidden(label) { Some(None) } else { plain(meta, label).map(Some) };
    meta.levels.iter().map(number).collect()
}

/// A number without affixes.
fn plain(meta: &ColumnMeta, text: &str) -> Option<f64> {
    let decimal = meta.number.as_ref().map_or('.', |form| form.decimal_mark);
    number::parse(text, if decimal == ',' { b',' } else { b'.' }).filter(|n| n.prefix.is_empty() && n.suffix.is_empty()).map(|n| n.value)
}

/// A stored model names rare labels like this.
fn is_hidden(label: &str) -> bool {
    label.starts_with("_HIDDEN_") && label.ends_with('_')
}

fn caster(meta: &ColumnMeta) -> Caster {
    // labels are met without the blanks around them, too
    Caster::new(meta, Overrides::default().missing_words(&meta.name))
}

/// A cell; none: a missing one.
fn cell(caster: &Caster, text: &str) -> std::result::Result<Option<Cell>, &'static str> {
    match caster.cast_near(text) {
        Cast::Missing => Ok(None),
        Cast::Real(number) => Ok(Some(Cell::Real(number))),
        Cast::Whole(number) => Ok(Some(Cell::Whole(number))),
        Cast::Code(code) => Ok(Some(Cell::Code(code))),
        Cast::Text(text) => Ok(Some(Cell::Text(text.to_owned()))),
        Cast::Bad(why) => Err(why),
    }
}

fn impossible(meta: &ColumnMeta, value: &str, why: &str) -> Error {
    let error = Error::invalid("condition::value", format!("column {} cannot be {value:?}: {why}", meta.name)).in_column(&meta.name);
    let shown: Vec<&String> = meta.levels.iter().filter(|label| !is_hidden(label)).collect();
    if shown.is_empty() {
        return error.help(format!("give a cell as this {} column is written", meta.kind.name()));
    }
    let named = shown.iter().take(NAMED_MAX).map(|label| format!("{:?}", label.trim())).collect::<Vec<_>>().join(", ");
    let more = if shown.len() > NAMED_MAX { format!(" and {} more", shown.len() - NAMED_MAX) } else { String::new() };
    error.help(format!("it is one of {named}{more}"))
}

/// Conditions for each row of a sample from a file with a header: filled cells are kept, empty ones of the
/// model's columns are to be filled, columns that the file lacks are free.
pub fn rows(path: &Path, metadata: &Metadata) -> Result<Vec<Vec<Condition>>> {
    let limits = Limits { rows_min: 1, ..Limits::default() };
    let opened = open(&Source::Path(path.to_owned()), &ReadOptions { header: Some(true), limits, ..ReadOptions::default() })?;
    let (layout, _) = layout(&opened)?;
    let mut columns = Vec::new();
    for column in &layout.columns {
        let place = metadata.columns.iter().position(|meta| meta.name == column.name || meta.header == column.header);
        let names = || metadata.columns.iter().map(|meta| meta.name.as_str()).collect::<Vec<_>>();
        let place = place.ok_or_else(|| condition::unknown(&column.name, &names()).in_source(path.display().to_string()))?;
        columns.push((place, caster(&metadata.columns[place])));
    }
    let mut source = Rows::new(&opened, &layout)?;
    let (mut batch, mut rows) = (Batch::default(), Vec::new());
    while source.next_batch(&mut batch)? {
        for row in 0..batch.rows() {
            let mut conditions = Vec::new();
            for (position, (place, caster)) in columns.iter().enumerate() {
                let (text, meta) = (batch.cell(row, position), &metadata.columns[*place]);
                let wanted = match cell(caster, text) {
                    Ok(Some(cell)) => Some(Wanted::OneOf(vec![cell])),
                    // to be filled: it must not come out missing again
                    Ok(None) => (meta.is_modelled() && meta.nullable).then_some(Wanted::Between { low: None, high: None }),
                    Err(why) => {
                        let error = impossible(meta, text, why).in_source(path.display().to_string());
                        return Err(error.at_pointer(format!("line {}", batch.line(row))));
                    }
                };
                conditions.extend(wanted.map(|wanted| Condition { column: *place, wanted }));
            }
            rows.push(conditions);
        }
    }
    source.finish()?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use synthfleet_proto::calendar::Grain;
    use synthfleet_proto::metadata::DateForm;

    fn described() -> Metadata {
        let mut sex = ColumnMeta::plain("sex", Kind::Categorical);
        sex.levels = vec![" Female".into(), " Male".into(), "a|b".into()];
        let mut age = ColumnMeta::plain("age", Kind::Continuous);
        age.storage = Storage::Int64;
        let mut age_group = ColumnMeta::plain("age<=group", Kind::Ordinal);
        age_group.levels = vec!["low".into(), "mid".into(), "high".into()];
        let mut rooms = ColumnMeta::plain("rooms", Kind::Ordinal);
        rooms.levels = vec!["2".into(), "10".into(), "_HIDDEN_2_".into(), "30".into()];
        let mut day = ColumnMeta::plain("day", Kind::Datetime);
        day.date = Some(DateForm { format: "%Y-%m-%d".into(), grain: Grain::Day, offset_minutes: None, formats: Vec::new() });
        age.nullable = true;
        Metadata::plain("t", vec![sex, age, age_group, rooms, day, ColumnMeta::plain("size", Kind::Continuous)])
    }

    fn wanted(text: &str) -> (usize, Wanted) {
        let condition = condition(text, &described()).unwrap_or_else(|error| panic!("{text}: {error}"));
        (condition.column, condition.wanted)
    }

    fn limit(cell: Cell, inclusive: bool) -> Option<Limit> {
        Some(Limit { cell, inclusive })
    }

    #[test]
    fn values_sets_ranges_and_missing_cells_are_read() {
        assert_eq!(wanted("sex=Female"), (0, Wanted::OneOf(vec![Cell::Code(0)])));
        assert_eq!(wanted("sex = Female | Male"), (0, Wanted::OneOf(vec![Cell::Code(0), Cell::Code(1)])));
        assert_eq!(wanted("sex=a|b"), (0, Wanted::OneOf(vec![Cell::Code(2)])), "a label may hold a bar");
        assert_eq!(wanted("age is missing"), (1, Wanted::Missing));
        let range = Wanted::Between { low: limit(Cell::Whole(20), true), high: limit(Cell::Whole(30), true) };
        assert_eq!(wanted("age=20..30"), (1, range));
        let days = Wanted::Between { low: limit(Cell::Whole(1), true), high: None };
        assert_eq!(wanted("day=1970-01-02.."), (4, days));
    }

    #[test]
    fn comparisons_keep_or_leave_their_end() {
        assert_eq!(wanted("age>=40"), (1, Wanted::Between { low: limit(Cell::Whole(40), true), high: None }));
        assert_eq!(wanted("age<39.5"), (1, Wanted::Between { low: None, high: limit(Cell::Whole(39), true) }));
        assert_eq!(wanted("size>1.5"), (5, Wanted::Between { low: limit(Cell::Real(1.5), false), high: None }));
        assert_eq!(wanted("age<=group>=mid"), (2, Wanted::Between { low: limit(Cell::Code(1), true), high: None }));
        assert_eq!(wanted("rooms>5"), (3, Wanted::OneOf(vec![Cell::Code(1), Cell::Code(3)])), "labels that are numbers compare as such");
    }

    #[test]
    fn what_cannot_be_read_is_told_with_what_can() {
        let told = |text: &str| {
            let error = condition(text, &described()).expect_err("refused");
            (error.code().to_owned(), error.helps().join("; "))
        };
        assert_eq!(told("sex=Femal"), ("condition::value".to_owned(), "it is one of \"Female\", \"Male\", \"a|b\"".to_owned()));
        assert_eq!(told("agee=4"), ("condition::unknown_column".to_owned(), "did you mean \"age\"?".to_owned()));
        assert_eq!(told("sex>Female").0, "condition::value");
        assert_eq!(told("age=old").0, "condition::value");
        assert_eq!(told("nonsense").0, "condition::syntax");
    }

    #[test]
    fn a_file_keeps_its_cells_and_asks_for_its_gaps() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("given.csv");
        std::fs::write(&path, "age,sex\n40,Female\n,Male\n").expect("written");
        let rows = rows(&path, &described()).expect("read");
        let is = |column, cell| Condition { column, wanted: Wanted::OneOf(vec![cell]) };
        assert_eq!(rows[0], [is(1, Cell::Whole(40)), is(0, Cell::Code(0))]);
        let filled = Condition { column: 1, wanted: Wanted::Between { low: None, high: None } };
        assert_eq!(rows[1], [filled, is(0, Cell::Code(1))]);
        std::fs::write(&path, "age,sx\n40,Female\n").expect("written");
        assert_eq!(super::rows(&path, &described()).expect_err("a wrong name").code(), "condition::unknown_column");
    }
}
