//! Constraints by construction: a table seen through a view in which no row can break them.
//!
//! **Definition.** The view has the columns of the table, but one column of labels in place of columns whose cells
//! come in combinations (`joined.rs`), and gaps in place of columns that stand above others (`gaps.rs`). Everything
//! behind the encoder - protection, coding, members - sees the view alone; restored rows are turned back, each by
//! itself, so parts and longer samples stay what they are.

mod amount;
mod conditions;
mod gaps;
mod joined;

pub(crate) use conditions::Asked;

use super::shelf::{Reader, Writer};
use crate::rules::{Checker, Rule, bind};
use crate::table::{Column, Table};
use crate::{Arrays, Values};
use gaps::{Group, Parts, Tied};
use joined::Joined;
use std::sync::Arc;
use synthfleet_proto::metadata::{ColumnMeta, Metadata};
use synthfleet_proto::{Error, Result};

/// Where arrays of constraints stand beside those of the encoder.
const PREFIX: &str = "constraints";

/// The way from a table to the view and back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Constraints {
    /// Description of the table.
    outer: Arc<Metadata>,
    joined: Vec<Joined>,
    ties: Vec<Tie>,
    /// What each column of the view is.
    layout: Vec<Seat>,
}

/// Columns that stand one above another.
#[derive(Debug, Clone, PartialEq)]
enum Tie {
    /// All of whole numbers, or instants.
    Whole(Group<i64>),
    /// Some with decimals.
    Real(Group<f64>),
}

/// What a column of the view is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seat {
    /// The column of the table at this place.
    Plain(usize),
    /// The combinations of a joined group.
    Joined(usize),
    /// The gap of a member of a tie, or, if the flag is set, the member where the one below is missing.
    Gap(usize, usize, bool),
}

/// A column above another.
#[derive(Debug, Clone, Copy)]
struct Above {
    low: usize,
    high: usize,
    strict: bool,
}

/// How a column of the table takes part in a constraint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// It does not.
    None,
    /// A column of a joined group.
    Joined(usize, usize),
    /// A member of a tie.
    Tied(usize, usize),
}

impl Constraints {
    /// Fits to a train table that has constraints; `None` if it has none that need a view. Fails if a row breaks one.
    pub(crate) fn fit(train: &Table) -> Result<Option<Self>> {
        let metadata = train.metadata();
        if metadata.constraints.is_empty() {
            return Ok(None);
        }
        let rules = bind(metadata)?;
        let mut checker = Checker::new(rules.clone());
        checker.take(train);
        checker.finish(metadata)?;
        let mut joined = Vec::new();
        let mut above: Vec<Above> = Vec::new();
        for rule in rules {
            match rule {
                Rule::Ordered { low, high, strict } => above.push(Above { low, high, strict }),
                // no cell passes the range of train's cells, which keep the limits
                Rule::Within { .. } => {}
                joining => joined.push(Joined::fit(joining.places(), train)?),
            }
        }
        if joined.is_empty() && above.is_empty() {
            return Ok(None);
        }
        let ties = trees(&above).iter().map(|tied| Tie::fit(tied, train)).collect::<Result<_>>()?;
        Ok(Some(Self::assemble(Arc::clone(metadata), joined, ties)))
    }

    fn assemble(outer: Arc<Metadata>, joined: Vec<Joined>, ties: Vec<Tie>) -> Self {
        let mut constraints = Self { outer, joined, ties, layout: Vec::new() };
        for place in 0..constraints.outer.columns.len() {
            match constraints.part(place) {
                Part::Joined(group, 0) => constraints.layout.push(Seat::Joined(group)),
                Part::Joined(..) => {}
                Part::Tied(tie, member) if constraints.ties[tie].is_above(member) => {
                    constraints.layout.push(Seat::Gap(tie, member, false));
                    if constraints.ties[tie].is_alone(member) {
                        constraints.layout.push(Seat::Gap(tie, member, true));
                    }
                }
                Part::None | Part::Tied(..) => constraints.layout.push(Seat::Plain(place)),
            }
        }
        constraints
    }

    /// Description of the table.
    pub(crate) fn outer(&self) -> &Arc<Metadata> {
        &self.outer
    }

    fn part(&self, place: usize) -> Part {
        for (group, joined) in self.joined.iter().enumerate() {
            if let Some(at) = joined.places.iter().position(|&other| other == place) {
                return Part::Joined(group, at);
            }
        }
        for (tie, tied) in self.ties.iter().enumerate() {
            if let Some(member) = tied.places().iter().position(|&other| other == place) {
                return Part::Tied(tie, member);
            }
        }
        Part::None
    }

    /// Place of a column of the view.
    fn seat(&self, seat: Seat) -> Option<usize> {
        self.layout.iter().position(|&other| other == seat)
    }

    /// Description of the view.
    pub(crate) fn inner(&self) -> Metadata {
        let outer = &*self.outer;
        let mut columns: Vec<ColumnMeta> = Vec::new();
        for &seat in &self.layout {
            let mut meta = match seat {
                Seat::Plain(place) => outer.columns[place].clone(),
                Seat::Joined(group) => self.joined[group].meta(outer),
                Seat::Gap(tie, member, alone) => self.ties[tie].meta(member, alone, outer),
            };
            while columns.iter().any(|before| before.name == meta.name) {
                meta.name.push('#');
            }
            columns.push(meta);
        }
        let target = outer.target_position().and_then(|place| match self.part(place) {
            Part::None => self.seat(Seat::Plain(place)),
            Part::Joined(group, _) => self.seat(Seat::Joined(group)),
            Part::Tied(tie, member) => self.seat(Seat::Gap(tie, member, false)).or_else(|| self.seat(Seat::Plain(place))),
        });
        let target = target.map(|place| columns[place].name.clone());
        Metadata { columns, target, constraints: Vec::new(), ..outer.clone() }
    }

    /// A table as the view shows it; `inner` is its description.
    pub(crate) fn view(&self, table: &Table, inner: &Arc<Metadata>) -> Result<Table> {
        let mut parts: Vec<Vec<Parts>> = self.ties.iter().map(|tie| tie.parts(table)).collect::<Result<_>>()?;
        let mut columns = Vec::new();
        for &seat in &self.layout {
            columns.push(match seat {
                Seat::Plain(place) => table.column(place).clone(),
                Seat::Joined(group) => self.joined[group].encode(table)?,
                Seat::Gap(tie, member, alone) => {
                    let parts = &mut parts[tie][member];
                    let part = if alone { parts.alone.take() } else { parts.gap.take() };
                    part.ok_or_else(|| super::broken("a tied column has no gap".to_owned()))?
                }
            });
        }
        Table::new(Arc::clone(inner), table.rows(), columns)
    }

    /// Rows of the view as rows of the table.
    pub(crate) fn restore(&self, view: &Table) -> Result<Table> {
        let rows = view.rows();
        let of = |seat: Seat| self.seat(seat).map(|place| view.column(place));
        let mut columns: Vec<Option<Column>> = vec![None; self.outer.columns.len()];
        for (tie, tied) in self.ties.iter().enumerate() {
            let places = tied.places();
            let part = |member: usize, alone: bool| {
                let above = tied.is_above(member);
                of(if above { Seat::Gap(tie, member, alone) } else { Seat::Plain(places[member]) }).filter(|_| above || !alone).cloned()
            };
            for (place, column) in places.iter().zip(tied.restore(rows, part)?) {
                columns[*place] = Some(column);
            }
        }
        for (group, joined) in self.joined.iter().enumerate() {
            let codes = of(Seat::Joined(group)).ok_or_else(|| super::broken("a group has no codes".to_owned()))?;
            for (at, &place) in joined.places.iter().enumerate() {
                columns[place] = Some(joined.decode(at, codes));
            }
        }
        for (place, column) in columns.iter_mut().enumerate().filter(|(_, column)| column.is_none()) {
            *column = of(Seat::Plain(place)).cloned();
        }
        Table::new(Arc::clone(&self.outer), rows, columns.into_iter().flatten().collect())
    }

    /// Stores itself: `inner` is the description of the view without what protection hides, `shown` tells the labels
    /// of a column of the view that may be shown.
    pub(crate) fn save<'a>(&self, arrays: &mut Arrays, inner: &Metadata, shown: impl Fn(usize) -> Option<&'a [u32]>) -> Result<()> {
        let codes = |group: usize| self.seat(Seat::Joined(group)).and_then(&shown).unwrap_or_default();
        let text = serde_json::to_string(&self.shown_outer(inner, codes)).map_err(|e| Error::internal("encode::broken", e.to_string()))?;
        let mut out = Writer::new(arrays, PREFIX);
        out.text("metadata", &text);
        out.codes("count", &[self.joined.len() as u32, self.ties.len() as u32]);
        for (group, joined) in self.joined.iter().enumerate() {
            joined.save(codes(group), &mut out.below(&format!("joined/{group}")));
        }
        for (tie, tied) in self.ties.iter().enumerate() {
            tied.save(&mut out.below(&format!("tied/{tie}")));
        }
        Ok(())
    }

    /// Description of the table without what protection hides.
    fn shown_outer<'a>(&self, inner: &Metadata, codes: impl Fn(usize) -> &'a [u32]) -> Metadata {
        let mut outer = Metadata::clone(&self.outer);
        for (place, meta) in outer.columns.iter_mut().enumerate() {
            match self.part(place) {
                Part::Joined(group, at) => {
                    meta.range = None;
                    let cells = self.joined[group].cells[at].take(codes(group));
                    let Values::Code(shown) = cells.values() else { continue };
                    let is_shown = |code: u32| (0..shown.len()).any(|row| shown[row] == code && !cells.is_missing(row));
                    for (code, level) in meta.levels.iter_mut().enumerate() {
                        if !is_shown(code as u32) {
                            *level = format!("_HIDDEN_{code}_");
                        }
                    }
                }
                Part::Tied(..) => meta.range = None,
                Part::None => {
                    if let Some(seen) = self.seat(Seat::Plain(place)) {
                        *meta = inner.columns[seen].clone();
                    }
                }
            }
        }
        outer
    }

    /// Reads what `save` stored, if anything was; `columns` is the width of the view. Nothing is trusted.
    pub(crate) fn load(arrays: &Arrays, inner: &Metadata) -> Result<Option<Self>> {
        let reader = Reader::new(arrays, PREFIX);
        if !reader.contains("count") {
            return Ok(None);
        }
        let outer: Metadata = serde_json::from_str(reader.text("metadata")?).map_err(|_| reader.damaged("metadata"))?;
        let &[groups, ties] = reader.codes("count")? else { return Err(reader.damaged("count")) };
        let joined = (0..groups).map(|group| Joined::load(&reader.below(&format!("joined/{group}")), &outer.columns));
        let joined = joined.collect::<Result<Vec<_>>>()?;
        let ties = (0..ties).map(|tie| Tie::load(&reader.below(&format!("tied/{tie}")), &outer));
        let ties = ties.collect::<Result<Vec<_>>>()?;
        let loaded = Self::assemble(Arc::new(outer), joined, ties);
        // columns of the view must be what the constraints take them for
        let known = loaded.inner();
        let is_like = |(known, stored): (&ColumnMeta, &ColumnMeta)| {
            known.name == stored.name && known.kind == stored.kind && known.levels.len() == stored.levels.len()
        };
        if known.columns.len() != inner.columns.len() || !known.columns.iter().zip(&inner.columns).all(is_like) {
            return Err(reader.damaged("count"));
        }
        Ok(Some(loaded))
    }

    /// Whether a file holds constraints.
    pub(crate) fn stored_in(arrays: &Arrays) -> bool {
        Reader::new(arrays, PREFIX).contains("count")
    }
}

impl Tie {
    fn fit(tied: &[Tied], train: &Table) -> Result<Self> {
        let is_whole = tied.iter().all(|tied| matches!(train.column(tied.place).values(), Values::Whole(_)));
        Ok(if is_whole { Self::Whole(Group::fit(tied, train)?) } else { Self::Real(Group::fit(tied, train)?) })
    }

    fn places(&self) -> Vec<usize> {
        match self {
            Self::Whole(group) => group.members.iter().map(|member| member.place).collect(),
            Self::Real(group) => group.members.iter().map(|member| member.place).collect(),
        }
    }

    fn is_above(&self, member: usize) -> bool {
        match self {
            Self::Whole(group) => group.members[member].below.is_some(),
            Self::Real(group) => group.members[member].below.is_some(),
        }
    }

    fn is_alone(&self, member: usize) -> bool {
        match self {
            Self::Whole(group) => group.members[member].alone,
            Self::Real(group) => group.members[member].alone,
        }
    }

    fn meta(&self, member: usize, alone: bool, outer: &Metadata) -> ColumnMeta {
        let mut metas = match self {
            Self::Whole(group) => group.members[member].metas(&outer.columns[group.members[member].place]),
            Self::Real(group) => group.members[member].metas(&outer.columns[group.members[member].place]),
        };
        metas.swap_remove(usize::from(alone))
    }

    fn parts(&self, table: &Table) -> Result<Vec<Parts>> {
        match self {
            Self::Whole(group) => group.parts(table),
            Self::Real(group) => group.parts(table),
        }
    }

    fn restore(&self, rows: usize, part: impl Fn(usize, bool) -> Option<Column>) -> Result<Vec<Column>> {
        match self {
            Self::Whole(group) => group.restore(rows, part),
            Self::Real(group) => group.restore(rows, part),
        }
    }

    fn save(&self, out: &mut Writer) {
        match self {
            Self::Whole(group) => group.save(out, |out, ends| out.wholes("whole", ends)),
            Self::Real(group) => group.save(out, |out, ends| out.reals("real", ends)),
        }
    }

    fn load(reader: &Reader, outer: &Metadata) -> Result<Self> {
        let columns = outer.columns.len();
        let tie = if reader.below("0").contains("whole") {
            Self::Whole(Group::load(reader, columns, |reader| reader.some_wholes("whole"))?)
        } else {
            Self::Real(Group::load(reader, columns, |reader| reader.some_reals("real"))?)
        };
        let is_number = |place: &usize| outer.columns[*place].kind.is_number_like();
        if tie.places().iter().all(is_number) { Ok(tie) } else { Err(reader.damaged("members")) }
    }
}

/// Trees of pairs of a lower and an upper column, each with the columns behind those that they stand above; by the
/// order of their lowest column. Each column stands above one other at most, and none above itself.
fn trees(above: &[Above]) -> Vec<Vec<Tied>> {
    let mut roots: Vec<usize> = above.iter().map(|pair| pair.low).filter(|low| above.iter().all(|pair| pair.high != *low)).collect();
    roots.sort_unstable();
    roots.dedup();
    let tree = |root: usize| {
        let mut tied = vec![Tied { place: root, below: None, strict: false }];
        let mut at = 0;
        while at < tied.len() {
            let mut next: Vec<&Above> = above.iter().filter(|pair| pair.low == tied[at].place).collect();
            next.sort_unstable_by_key(|pair| pair.high);
            tied.extend(next.into_iter().map(|pair| Tied { place: pair.high, below: Some(at), strict: pair.strict }));
            at += 1;
        }
        tied
    };
    roots.into_iter().map(tree).collect()
}

#[cfg(test)]
mod tests;
