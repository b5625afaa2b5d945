//! Checks of one column: are its values legal?
//!
//! # Definition
//! * boundary adherence = share of values within the range; missing cells are left out if the column may have
//!   them, otherwise they are wrong;
//! * category adherence = share of cells whose label is known, missing cells being right if the column may
//!   have them;
//! * key uniqueness = share of rows that do not repeat an earlier key and have one;
//! * format adherence = share of cells that match the regular expression from end to end, and whose named
//!   groups take values that real cells have. Instants are typed: those present have been parsed.
//!
//! # Reference
//! BoundaryAdherence, CategoryAdherence, KeyUniqueness, RegexFormatAdherence, DatetimeFormatAdherence of
//! SDMetrics 0.32.

use super::side;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use synthfleet_proto::about::Reason;
use synthfleet_table::{Column, Table, Values};

/// What is legal in a column.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// What the real table alone has: the parity figure. A column without values has no legal value.
    RealTable,
    /// What the description says: ranges, labels and gaps of train and holdout. The gate.
    Description,
}

type Share = Result<f64, Reason>;

fn undefined(code: &str, why: &str) -> Reason {
    Reason { code: code.to_owned(), why: why.to_owned() }
}

fn may_be_missing(real: &Table, place: usize, rule: Rule) -> bool {
    match rule {
        Rule::RealTable => real.column(place).missing_count() > 0,
        Rule::Description => real.metadata().columns[place].nullable,
    }
}

/// Boundary adherence of column `place`.
pub fn boundary(real: &Table, sample: &Table, place: usize, rule: Rule) -> Share {
    let column = sample.column(place);
    let nullable = may_be_missing(real, place, rule);
    let judged = if nullable { column.len() - column.missing_count() } else { column.len() };
    let range = match rule {
        Rule::RealTable => range_of(real.column(place)),
        Rule::Description => real.metadata().columns[place].range,
    };
    match range {
        _ if judged == 0 => Err(undefined("all_missing", "no synthetic cell has a value")),
        None if matches!(rule, Rule::Description) => Err(undefined("all_missing", "no real cell has a value")),
        None => Ok(0.0),
        Some((low, high)) => Ok(present(column).filter(|value| low <= *value && *value <= high).count() as f64 / judged as f64),
    }
}

/// Numbers present, in the column's own unit.
fn present(column: &Column) -> impl Iterator<Item = f64> + '_ {
    let value = |row: usize| match column.values() {
        Values::Real(values) => values[row],
        Values::Whole(values) => values[row] as f64,
        Values::Code(_) | Values::Text(_) => 0.0,
    };
    (0..column.len()).filter(|&row| !column.is_missing(row)).map(value)
}

fn range_of(column: &Column) -> Option<(f64, f64)> {
    present(column).fold(None, |range, value| match range {
        None => Some((value, value)),
        Some((low, high)) => Some((value.min(low), value.max(high))),
    })
}

/// Category adherence of column `place`.
pub fn category(real: &Table, sample: &Table, place: usize, rule: Rule) -> Share {
    let missing = real.metadata().columns[place].levels.len();
    let mut legal = vec![matches!(rule, Rule::Description); missing + 1];
    if matches!(rule, Rule::RealTable) {
        side::levels(real, place).into_iter().for_each(|code| legal[code as usize] = true);
    }
    legal[missing] = may_be_missing(real, place, rule);
    let codes = side::levels(sample, place);
    if codes.is_empty() {
        return Err(undefined("empty_table", "the synthetic table has no row"));
    }
    Ok(codes.iter().filter(|&&code| legal[code as usize]).count() as f64 / codes.len() as f64)
}

/// Uniqueness of the key made of the columns at `places`.
pub fn key(sample: &Table, places: &[usize]) -> Share {
    if sample.rows() == 0 {
        return Err(undefined("empty_table", "the synthetic table has no row"));
    }
    let mut seen = BTreeSet::new();
    let is_first = |row: usize| {
        let key: Vec<Option<Cell>> = places.iter().map(|&place| cell(sample.column(place), row)).collect();
        key.iter().any(Option::is_some) && seen.insert(key)
    };
    Ok((0..sample.rows()).map(is_first).filter(|first| *first).count() as f64 / sample.rows() as f64)
}

/// A cell that can be compared with others of its column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell<'a> {
    /// Numbers, instants and levels.
    Bits(u64),
    /// Ids and texts.
    Text(&'a str),
}

/// The cell of a row, `None` if missing. Whole numbers equal their floating-point form.
pub fn cell(column: &Column, row: usize) -> Option<Cell<'_>> {
    (!column.is_missing(row)).then(|| match column.values() {
        Values::Real(values) => Cell::Bits((values[row] + 0.0).to_bits()),
        Values::Whole(values) => Cell::Bits((values[row] as f64).to_bits()),
        Values::Code(codes) => Cell::Bits(codes[row].into()),
        Values::Text(texts) => Cell::Text(texts.get(row)),
    })
}

/// Format adherence of the text column `place` to `pattern`.
pub fn format(real: &Table, sample: &Table, place: usize, pattern: &str, rule: Rule) -> Share {
    let Ok(whole) = Regex::new(&format!("^(?:{pattern})$")) else {
        return Err(undefined("not_applicable", "the regular expression is not one of this product's"));
    };
    let (Values::Text(texts), column) = (sample.column(place).values(), sample.column(place)) else {
        return Err(undefined("not_applicable", "the column does not hold text"));
    };
    if texts.is_empty() {
        return Err(undefined("empty_table", "the synthetic table has no row"));
    }
    let groups = real_groups(&whole, real.column(place));
    let nullable = may_be_missing(real, place, rule);
    let is_right = |row: usize| if column.is_missing(row) { nullable } else { matches(&whole, texts.get(row), &groups) };
    Ok((0..texts.len()).filter(|&row| is_right(row)).count() as f64 / texts.len() as f64)
}

/// Values that the named groups take in real cells.
fn real_groups<'a>(pattern: &Regex, real: &'a Column) -> BTreeMap<String, BTreeSet<&'a str>> {
    let names: Vec<&str> = pattern.capture_names().flatten().collect();
    let mut groups: BTreeMap<String, BTreeSet<&str>> = names.iter().map(|name| ((*name).to_owned(), BTreeSet::new())).collect();
    if let (Values::Text(texts), false) = (real.values(), names.is_empty()) {
        for found in (0..texts.len()).filter(|&row| !real.is_missing(row)).filter_map(|row| pattern.captures(texts.get(row))) {
            for (name, values) in &mut groups {
                values.extend(found.name(name).map(|group| group.as_str()));
            }
        }
    }
    groups
}

fn matches(pattern: &Regex, text: &str, groups: &BTreeMap<String, BTreeSet<&str>>) -> bool {
    if groups.is_empty() {
        return pattern.is_match(text);
    }
    let known =
        |found: &regex::Captures, name: &str, values: &BTreeSet<&str>| found.name(name).is_none_or(|group| values.contains(group.as_str()));
    pattern.captures(text).is_some_and(|found| groups.iter().all(|(name, values)| known(&found, name, values)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
    use synthfleet_table::{Bits, Strings};

    fn ids(texts: &[&str]) -> Table {
        let metadata = Arc::new(Metadata::plain("t", vec![ColumnMeta::plain("id", Kind::Id)]));
        let missing = Bits::collect(texts.iter().map(|text| text.is_empty()));
        let column = Column::new(Values::Text(texts.iter().collect::<Strings>()), Some(missing)).expect("column");
        Table::new(metadata, texts.len(), vec![column]).expect("table")
    }

    #[test]
    fn a_repeated_and_a_missing_key_are_not_unique() {
        assert_eq!(key(&ids(&["a", "b", "a", ""]), &[0]), Ok(0.5));
    }

    #[test]
    fn named_groups_must_take_real_values() {
        let (real, sample) = (ids(&["AB-1", "CD-2"]), ids(&["AB-7", "XY-1", "AB1"]));
        assert_eq!(format(&real, &sample, 0, "(?P<site>[A-Z]{2})-[0-9]", Rule::RealTable), Ok(1.0 / 3.0));
        assert_eq!(format(&real, &sample, 0, "[A-Z]{2}-[0-9]", Rule::RealTable), Ok(2.0 / 3.0));
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_undefined() {
        assert_eq!(format(&ids(&["a"]), &ids(&["a"]), 0, "(", Rule::RealTable).expect_err("no pattern").code, "not_applicable");
    }
}
