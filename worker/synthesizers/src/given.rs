//! Conditions on a sample, as members see them.
//!
//! A member that can draw under conditions asks [`Given`] what each coded column may hold in each row of the
//! block, or takes the rows by [`Given::groups`]. A member that cannot ignores it: the skeleton looks at every
//! restored row and refuses those that fail (`conditioned.rs`), so a new member needs nothing for conditional
//! samples to be right. What a member draws must follow its model given the evidence; a row whose evidence is
//! impossible in the model may be drawn in any way, it is refused.

use std::collections::BTreeMap;
use std::sync::Arc;
use synthfleet_proto::{Error, Result};
use synthfleet_table::encode::{Allowed, CodedColumn, Encoder, Sort};
use synthfleet_table::{Condition, Table};

/// Conditions on the rows of a sample.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Given {
    rows: Rows,
}

#[derive(Debug, Clone, Default, PartialEq)]
enum Rows {
    #[default]
    Nothing,
    /// The same for every row.
    Same(Arc<Evidence>),
    /// One for each row.
    Each(Vec<Arc<Evidence>>),
}

/// What is asked of one row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    conditions: Vec<Condition>,
    /// By the place of the coded column.
    coded: BTreeMap<usize, Allowed>,
}

impl Given {
    /// No condition.
    pub const NOTHING: Self = Self { rows: Rows::Nothing };

    /// The same conditions on every row. Refuses what no sample can meet, and names what could be asked.
    pub fn same(conditions: &[Condition], encoder: &Encoder) -> Result<Self> {
        if conditions.is_empty() {
            return Ok(Self::NOTHING);
        }
        Ok(Self { rows: Rows::Same(Arc::new(Evidence::of(conditions, encoder)?)) })
    }

    /// Conditions for each row of a sample that has as many rows.
    pub fn each(rows: &[Vec<Condition>], encoder: &Encoder) -> Result<Self> {
        // equal rows share their evidence, and members what they prepare for it
        let mut known: BTreeMap<String, Arc<Evidence>> = BTreeMap::new();
        let mut each = Vec::with_capacity(rows.len());
        for (row, conditions) in rows.iter().enumerate() {
            let key = format!("{conditions:?}");
            let evidence = match known.get(&key) {
                Some(evidence) => Arc::clone(evidence),
                None => {
                    let evidence = Evidence::of(conditions, encoder);
                    let evidence = Arc::new(evidence.map_err(|error| error.at_pointer(format!("row {}", row + 1)))?);
                    known.insert(key, Arc::clone(&evidence));
                    evidence
                }
            };
            each.push(evidence);
        }
        Ok(Self { rows: Rows::Each(each) })
    }

    /// Whether there is no condition.
    pub fn is_nothing(&self) -> bool {
        self.rows == Rows::Nothing
    }

    /// What coded column `column` may hold in `row` of the block; none: anything.
    pub fn at(&self, column: usize, row: usize) -> Option<&Allowed> {
        self.of_row(row).and_then(|evidence| evidence.at(column))
    }

    /// What is asked of `row`; none: nothing.
    pub fn of_row(&self, row: usize) -> Option<&Evidence> {
        match &self.rows {
            Rows::Nothing => None,
            Rows::Same(evidence) => Some(evidence),
            Rows::Each(each) => each.get(row).map(|evidence| &**evidence),
        }
    }

    /// Rows below `rows` with equal evidence, by the first row of each group: what a member prepares for one
    /// row of a group serves all.
    pub fn groups(&self, rows: usize) -> Vec<(Arc<Evidence>, Vec<u32>)> {
        match &self.rows {
            Rows::Nothing => vec![(Arc::default(), (0..rows as u32).collect())],
            Rows::Same(evidence) => vec![(Arc::clone(evidence), (0..rows as u32).collect())],
            Rows::Each(each) => {
                let mut places: BTreeMap<*const Evidence, usize> = BTreeMap::new();
                let mut groups: Vec<(Arc<Evidence>, Vec<u32>)> = Vec::new();
                for (row, evidence) in each.iter().take(rows).enumerate() {
                    let place = *places.entry(Arc::as_ptr(evidence)).or_insert(groups.len());
                    if place == groups.len() {
                        groups.push((Arc::clone(evidence), Vec::new()));
                    }
                    groups[place].1.push(row as u32);
                }
                groups
            }
        }
    }

    /// The conditions of some rows, in that order.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        let Rows::Each(each) = &self.rows else { return self.clone() };
        Self { rows: Rows::Each(rows.iter().map(|&row| each.get(row as usize).cloned().unwrap_or_default()).collect()) }
    }

    /// Rows that have conditions of their own; none where all rows are alike.
    pub(crate) fn rows(&self) -> Option<u64> {
        if let Rows::Each(each) = &self.rows { Some(each.len() as u64) } else { None }
    }

    /// Whether rows have conditions of their own.
    pub(crate) fn is_each(&self) -> bool {
        matches!(self.rows, Rows::Each(_))
    }

    /// The conditions of `count` proposals that are made for the sample's rows `first + open[i]`, in turn.
    pub(crate) fn of_proposals(&self, first: u64, open: &[u32], count: usize) -> Self {
        let Rows::Each(each) = &self.rows else { return self.clone() };
        let of = |proposal: usize| each.get(first as usize + open[proposal % open.len()] as usize).cloned().unwrap_or_default();
        Self { rows: Rows::Each((0..count).map(of).collect()) }
    }
}

impl Evidence {
    /// Binds conditions to a model's encoder.
    pub fn of(conditions: &[Condition], encoder: &Encoder) -> Result<Self> {
        let mut coded: BTreeMap<usize, Allowed> = BTreeMap::new();
        for condition in conditions {
            for (place, allowed) in encoder.allowed(condition)? {
                let both = match coded.get(&place) {
                    None => allowed,
                    Some(before) => before.and(&allowed).ok_or_else(|| excluded(encoder, condition.column))?,
                };
                coded.insert(place, both);
            }
        }
        Ok(Self { conditions: conditions.to_vec(), coded })
    }

    /// What a coded column may hold; none: anything.
    pub fn at(&self, column: usize) -> Option<&Allowed> {
        self.coded.get(&column)
    }

    /// Coded columns that are not free, ascending, with what they may hold.
    pub fn asked(&self) -> impl Iterator<Item = (usize, &Allowed)> {
        self.coded.iter().map(|(place, allowed)| (*place, allowed))
    }

    /// Whether a coded column of levels may hold a level.
    pub fn allows(&self, column: usize, level: u32) -> bool {
        match self.at(column) {
            Some(Allowed::Levels(levels)) => levels.get(level as usize).copied().unwrap_or(false),
            _ => true,
        }
    }

    /// Ends of a Value, inclusive; infinite where it is free.
    pub fn within(&self, column: usize) -> (f64, f64) {
        match self.at(column) {
            Some(Allowed::Within { low, high }) => (*low, *high),
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        }
    }

    /// Whether a restored row is as asked.
    pub fn holds(&self, table: &Table, row: usize) -> bool {
        self.conditions.iter().all(|condition| condition.wanted.holds(table.column(condition.column), row))
    }
}

/// Whether each coded column is the State of the next: both share a condition, a State its regular level as far as
/// its Value may come.
pub(crate) fn states(columns: &[CodedColumn]) -> Vec<bool> {
    let is_state = |place: usize| {
        let next = columns.get(place + 1).map(|next| &next.sort);
        matches!(next, Some(Sort::Value { state: Some(state), .. }) if *state == place)
    };
    (0..columns.len()).map(is_state).collect()
}

fn excluded(encoder: &Encoder, source: usize) -> Error {
    let name = &encoder.metadata().columns[source].name;
    Error::invalid("condition::impossible", format!("the conditions on column {name} exclude each other"))
        .in_column(name)
        .help(encoder.legal(source))
}
