//! Constraints bound to a table's columns, and the look at whether its rows keep them.

mod kept;

pub use kept::{Kept, kept};

use crate::table::{Column, Table, Values};
use serde_json::Number;
use std::collections::{BTreeMap, BTreeSet};
use synthfleet_proto::constraint::Constraint;
use synthfleet_proto::metadata::{ColumnMeta, Metadata};
use synthfleet_proto::{Error, Result, id};

/// Most combinations of cells that a rule may have.
pub const COMBINATIONS_MAX: usize = 32_768;

/// What a rule asks of columns, by their places.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// `low` is never above `high`; rows in which either is missing keep it.
    Ordered {
        /// The lower column.
        low: usize,
        /// The upper column.
        high: usize,
        /// They are never equal either.
        strict: bool,
    },
    /// The numbers of a column keep within limits, which they may reach; missing cells keep it.
    Within {
        /// The column.
        column: usize,
        /// Least number.
        low: f64,
        /// Largest number.
        high: f64,
    },
    /// Whatever combinations there are, only these.
    Combinations(Vec<usize>),
    /// Equal cells in `by` mean equal cells in `column`.
    Decides {
        /// The columns that decide.
        by: Vec<usize>,
        /// The column that follows.
        column: usize,
    },
    /// Exactly one of the columns of 0 and 1 is 1.
    OneHot(Vec<usize>),
}

impl Rule {
    /// All its columns.
    pub fn places(&self) -> Vec<usize> {
        match self {
            Self::Ordered { low, high, .. } => vec![*low, *high],
            Self::Within { column, .. } => vec![*column],
            Self::Combinations(places) | Self::OneHot(places) => places.clone(),
            Self::Decides { by, column } => by.iter().chain([column]).copied().collect(),
        }
    }
}

/// Binds the constraints of a description to its columns. Refuses unknown columns, columns of other kinds, and
/// constraints that cannot be kept together, each at its pointer.
pub fn bind(metadata: &Metadata) -> Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for (place, constraint) in metadata.constraints.iter().enumerate() {
        let rule = bound(constraint, metadata).and_then(|rule| {
            fits(&rule, &rules, metadata)?;
            Ok(rule)
        });
        rules.push(rule.map_err(|error| error.at_pointer(format!("/constraints/{place}")))?);
    }
    Ok(rules)
}

fn bound(constraint: &Constraint, metadata: &Metadata) -> Result<Rule> {
    let place = |name: &String| {
        let place = metadata.position(name).ok_or_else(|| {
            let error = Error::invalid("constraint::unknown_column", format!("{constraint}: no column {name:?}"));
            match id::nearest(name, metadata.columns.iter().map(|meta| meta.name.as_str())) {
                Some(near) => error.help(format!("did you mean {near:?}?")),
                None => error.help("name the columns as the header does"),
            }
        })?;
        let meta = &metadata.columns[place];
        if meta.is_modelled() { Ok(place) } else { Err(unfit(constraint, meta, "is not learnt (an id, text, empty, or of another role)")) }
    };
    let all = |names: &[String]| names.iter().map(place).collect::<Result<Vec<_>>>();
    let rule = match constraint {
        Constraint::LessOrEqual { low, high } | Constraint::LessThan { low, high } => {
            let strict = matches!(constraint, Constraint::LessThan { .. });
            let (low, high) = (place(low)?, place(high)?);
            let (a, b) = (&metadata.columns[low], &metadata.columns[high]);
            if !a.kind.is_number_like() {
                return Err(unfit(constraint, a, "is neither a number nor a date"));
            }
            let grain = |meta: &ColumnMeta| meta.date.as_ref().map(|date| date.grain);
            if a.kind != b.kind || grain(a) != grain(b) {
                return Err(unfit(constraint, b, &format!("does not count like {}: both must be numbers, or dates of one grain", a.name)));
            }
            Rule::Ordered { low, high, strict }
        }
        Constraint::Range { column, low, high } => {
            let column = place(column)?;
            let meta = &metadata.columns[column];
            if !meta.kind.is_number_like() || meta.date.is_some() {
                return Err(unfit(constraint, meta, "is no column of numbers"));
            }
            let limit = |end: &Option<Number>, none: f64| end.as_ref().and_then(Number::as_f64).unwrap_or(none);
            let (low, high) = (limit(low, f64::NEG_INFINITY), limit(high, f64::INFINITY));
            return match low <= high {
                true => Ok(Rule::Within { column, low, high }),
                false => Err(Error::invalid("constraint::syntax", format!("{constraint}: the lower limit is above the upper one"))),
            };
        }
        Constraint::FixedCombinations { columns } => Rule::Combinations(all(columns)?),
        Constraint::Decides { by, column } => Rule::Decides { by: all(by)?, column: place(column)? },
        Constraint::OneHot { columns } => Rule::OneHot(all(columns)?),
    };
    let places = rule.places();
    if places.len() < 2 || places.iter().collect::<BTreeSet<_>>().len() < places.len() {
        return Err(Error::invalid("constraint::syntax", format!("{constraint}: a constraint needs two or more different columns")));
    }
    Ok(rule)
}

fn unfit(constraint: &Constraint, meta: &ColumnMeta, why: &str) -> Error {
    Error::invalid("constraint::column", format!("{constraint}: column {} {why}", meta.name))
        .in_column(&meta.name)
        .help("state its kind or role with --kind and --role, or leave the constraint out")
}

/// A column belongs to one group of cells at most, stands above one other at most, and never above itself.
fn fits(rule: &Rule, before: &[Rule], metadata: &Metadata) -> Result<()> {
    let clash = |place: usize, why: &str| {
        let name = &metadata.columns[place].name;
        let message = format!("column {name} {why}");
        Err(Error::invalid("constraint::overlap", message).in_column(name).help("keep the constraints apart, or join them into one"))
    };
    let joins = |rule: &Rule| !matches!(rule, Rule::Within { .. });
    let Rule::Ordered { low, high, .. } = rule else {
        let used = |place: &usize| joins(rule) && before.iter().any(|other| joins(other) && other.places().contains(place));
        return rule.places().into_iter().find(used).map_or(Ok(()), |place| clash(place, "is in another constraint already"));
    };
    let mut below: BTreeMap<usize, usize> = BTreeMap::new();
    for other in before {
        match other {
            Rule::Ordered { low, high, .. } => {
                below.insert(*high, *low);
            }
            Rule::Within { .. } => {}
            joined => {
                if let Some(place) = joined.places().into_iter().find(|place| place == low || place == high) {
                    return clash(place, "is in another constraint already");
                }
            }
        }
    }
    if below.contains_key(high) {
        return clash(*high, "is the upper end of two constraints");
    }
    let mut at = *low;
    while let Some(&next) = below.get(&at) {
        at = next;
    }
    if at == *high { clash(at, "would stand above itself") } else { Ok(()) }
}

/// A cell as something that can be told from others: whether it is missing, and its bits.
pub(crate) type Key = (bool, u64);

/// The cell of a column of numbers or codes in `row`; -0 is 0.
pub(crate) fn key(column: &Column, row: usize) -> Key {
    if column.is_missing(row) {
        return (true, 0);
    }
    let bits = match column.values() {
        Values::Real(cells) => (cells[row] + 0.0).to_bits(),
        // the order of keys is that of cells
        Values::Whole(cells) => cells[row].cast_unsigned() ^ (1 << 63),
        Values::Code(cells) => u64::from(cells[row]),
        Values::Text(_) => 0,
    };
    (false, bits)
}

/// Looks at whether rows keep rules, part by part.
pub struct Checker {
    rules: Vec<(Rule, Seen)>,
    rows: u64,
}

#[derive(Default)]
struct Seen {
    /// What each combination of deciding cells decided, or combinations alone.
    combinations: BTreeMap<Vec<Key>, Key>,
    broken: u64,
    first: u64,
}

impl Checker {
    /// For bound rules.
    pub fn new(rules: Vec<Rule>) -> Self {
        Self { rules: rules.into_iter().map(|rule| (rule, Seen::default())).collect(), rows: 0 }
    }

    /// Looks at further rows of the table.
    pub fn take(&mut self, table: &Table) {
        for (rule, seen) in &mut self.rules {
            let mut cells = Vec::new();
            for row in 0..table.rows() {
                if !seen.keeps(rule, table, row, &mut cells) {
                    seen.broken += 1;
                    if seen.broken == 1 {
                        seen.first = self.rows + row as u64 + 1;
                    }
                }
            }
        }
        self.rows += table.rows() as u64;
    }

    /// Fails with the first rule that some row breaks.
    pub fn finish(self, metadata: &Metadata) -> Result<()> {
        for (place, ((rule, seen), constraint)) in self.rules.iter().zip(&metadata.constraints).enumerate() {
            let name = &metadata.columns[rule.places()[0]].name;
            let told = |error: Error| Err(error.in_column(name).at_pointer(format!("/constraints/{place}")));
            if seen.broken > 0 {
                let message = format!("{} of {} rows break {constraint}, the first is row {}", seen.broken, self.rows, seen.first);
                return told(Error::data("constraint::violated", message).help("correct these rows, or leave the constraint out"));
            }
            if seen.combinations.len() > COMBINATIONS_MAX {
                let message = format!("{constraint} has more than {COMBINATIONS_MAX} combinations of cells");
                return told(Error::data("constraint::too_many", message).help("leave the constraint out, or the widest of its columns"));
            }
        }
        Ok(())
    }
}

impl Seen {
    fn keeps(&mut self, rule: &Rule, table: &Table, row: usize, cells: &mut Vec<Key>) -> bool {
        let key = |place: &usize| key(table.column(*place), row);
        match rule {
            Rule::Ordered { low, high, strict } => {
                let (a, b) = (table.column(*low), table.column(*high));
                a.is_missing(row) || b.is_missing(row) || is_ordered(a.values(), b.values(), row, *strict)
            }
            Rule::Within { column, low, high } => {
                let cells = table.column(*column);
                cells.is_missing(row) || is_within(cells.values(), row, *low, *high)
            }
            Rule::OneHot(places) => {
                let ones = places.iter().map(|place| is_one(&table.metadata().columns[*place], table.column(*place), row));
                ones.sum::<Option<u32>>() == Some(1)
            }
            Rule::Combinations(places) => {
                cells.clear();
                cells.extend(places.iter().map(key));
                self.insert(cells, (false, 0))
            }
            Rule::Decides { by, column } => {
                cells.clear();
                cells.extend(by.iter().map(key));
                self.insert(cells, key(column))
            }
        }
    }

    /// Whether these cells decide what they decided before.
    fn insert(&mut self, cells: &[Key], decided: Key) -> bool {
        match self.combinations.get(cells) {
            Some(before) => *before == decided,
            None => {
                // more are too many anyway
                if self.combinations.len() <= COMBINATIONS_MAX {
                    self.combinations.insert(cells.to_vec(), decided);
                }
                true
            }
        }
    }
}

fn is_ordered(low: &Values, high: &Values, row: usize, strict: bool) -> bool {
    let order = match (low, high) {
        (Values::Whole(a), Values::Whole(b)) => Some(a[row].cmp(&b[row])),
        (Values::Real(a), Values::Real(b)) => a[row].partial_cmp(&b[row]),
        (Values::Whole(a), Values::Real(b)) => (a[row] as f64).partial_cmp(&b[row]),
        (Values::Real(a), Values::Whole(b)) => a[row].partial_cmp(&(b[row] as f64)),
        _ => None,
    };
    order.is_some_and(|order| order.is_lt() || order.is_eq() && !strict)
}

fn is_within(cells: &Values, row: usize, low: f64, high: f64) -> bool {
    match cells {
        Values::Whole(cells) => (low..=high).contains(&(cells[row] as f64)),
        Values::Real(cells) => (low..=high).contains(&cells[row]),
        _ => false,
    }
}

/// 0 or 1; none for every other cell. Labels of two opposites count by their words.
pub fn is_one(meta: &ColumnMeta, column: &Column, row: usize) -> Option<u32> {
    if column.is_missing(row) {
        return None;
    }
    match column.values() {
        Values::Whole(cells) => u32::try_from(cells[row]).ok().filter(|&cell| cell <= 1),
        Values::Real(cells) if cells[row] == 0.0 => Some(0),
        Values::Real(cells) if cells[row] == 1.0 => Some(1),
        Values::Code(cells) => match meta.levels.get(cells[row] as usize)?.trim().to_ascii_lowercase().as_str() {
            "0" | "0.0" | "false" | "f" | "no" | "n" | "off" => Some(0),
            "1" | "1.0" | "true" | "t" | "yes" | "y" | "on" => Some(1),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use synthfleet_proto::metadata::Kind;

    fn table(constraints: &[&str], low: &[i64], high: &[f64], label: &[u32]) -> Table {
        let mut flag = ColumnMeta::plain("flag", Kind::Boolean);
        flag.levels = vec!["no".to_owned(), "yes".to_owned()];
        let metas = vec![
            ColumnMeta::plain("low", Kind::Continuous),
            ColumnMeta::plain("high", Kind::Continuous),
            flag,
            ColumnMeta::plain("key", Kind::Id),
        ];
        let mut metadata = Metadata::plain("t", metas);
        metadata.constraints = constraints.iter().map(|text| Constraint::parse(text).expect("legal")).collect();
        let columns = vec![
            Column::new(Values::Whole(low.into()), None).expect("legal"),
            Column::new(Values::Real(high.into()), None).expect("legal"),
            Column::new(Values::Code(label.into()), None).expect("legal"),
            Column::new(Values::Text(low.iter().map(|_| "k").collect()), None).expect("legal"),
        ];
        Table::new(Arc::new(metadata), low.len(), columns).expect("legal")
    }

    fn checked(table: &Table) -> Result<()> {
        let mut checker = Checker::new(bind(table.metadata())?);
        checker.take(&table.head(1));
        checker.take(&table.take(&(1..table.rows() as u32).collect::<Vec<_>>()));
        checker.finish(table.metadata())
    }

    #[test]
    fn rows_that_break_a_rule_are_counted_and_the_first_is_named() {
        for rule in ["low <= high", "low -> flag"] {
            assert!(checked(&table(&[rule], &[1, 2, 1], &[1.0, 2.5, 9.0], &[0, 1, 0])).is_ok(), "{rule}");
        }
        let error = checked(&table(&["low <= high"], &[1, 2, 1], &[1.0, 1.5, 0.5], &[0, 1, 0])).expect_err("two rows");
        assert_eq!((error.code(), error.message()), ("constraint::violated", "2 of 3 rows break low <= high, the first is row 2"));
        assert_eq!(error.place().pointer.as_deref(), Some("/constraints/0"));
        assert!(checked(&table(&["low -> flag"], &[1, 2, 1], &[0.0; 3], &[0, 1, 1])).is_err());
        assert!(checked(&table(&["one hot low, flag"], &[1, 0, 1], &[0.0; 3], &[0, 1, 0])).is_ok());
        for (rule, keeps) in
            [("low < high", false), ("0 <= low <= 2", true), ("high <= 2.5", false), ("1.5 <= high", false), ("low >= 1", true)]
        {
            assert_eq!(checked(&table(&[rule], &[1, 2, 1], &[1.0, 2.5, 9.0], &[0, 1, 0])).is_ok(), keeps, "{rule}");
        }
        assert!(checked(&table(&["low < high"], &[1, 2, 1], &[1.5, 2.5, 9.0], &[0, 1, 0])).is_ok());
        assert!(checked(&table(&["one hot low, flag"], &[1, 0, 1], &[0.0; 3], &[0, 1, 1])).is_err());
    }

    #[test]
    fn rules_over_wrong_columns_or_against_each_other_are_refused() {
        let code = |constraints: &[&str]| {
            let table = table(constraints, &[1], &[1.0], &[0]);
            bind(table.metadata()).expect_err("refused").code().to_owned()
        };
        assert_eq!(code(&["low <= hihg"]), "constraint::unknown_column");
        assert_eq!(code(&["low <= flag"]), "constraint::column");
        assert_eq!(code(&["combinations of low, key"]), "constraint::column");
        assert_eq!(code(&["combinations of low, low"]), "constraint::syntax");
        assert_eq!(code(&["0 <= flag <= 1"]), "constraint::column");
        assert_eq!(code(&["5 <= low <= 1"]), "constraint::syntax");
        assert_eq!(code(&["low < high", "0 <= low", "high <= low"]), "constraint::overlap");
        assert_eq!(code(&["low <= high", "high <= low"]), "constraint::overlap");
        assert_eq!(code(&["combinations of low, flag", "low <= high"]), "constraint::overlap");
    }
}
