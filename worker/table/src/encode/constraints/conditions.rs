//! Conditions on columns of the table as conditions on columns of the view.
//!
//! **Definition.** A condition on a column of a joined group is one on its combinations, exactly. A condition on a
//! column that others stand above reaches beyond its ends where it holds at them, because cells are clipped there. A
//! column that stands above another has no condition of its own in the view: what it may be bounds the column below,
//! and the rest is met by refusal, as everywhere where the restored cell is looked at.

use super::amount::Amount;
use super::gaps::Group;
use super::{Constraints, Part, Seat, Tie};
use crate::condition::{Cell, Limit, Wanted};
use crate::table::{Column, Values};

/// What a condition on a column of the table asks of the view.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Asked {
    /// That of a column of the view.
    Of(usize, Wanted),
    /// Nothing that could be told before rows are drawn.
    Nothing,
    /// Possible if at least one of the columns of the view can be as asked; else nothing.
    Any(Vec<(usize, Wanted)>),
    /// What no row can be.
    Impossible,
}

impl Constraints {
    /// What a condition on a column of the table asks of the view.
    pub(crate) fn asked(&self, place: usize, wanted: &Wanted) -> Asked {
        match self.part(place) {
            Part::None => self.seat(Seat::Plain(place)).map_or(Asked::Nothing, |seat| Asked::Of(seat, wanted.clone())),
            Part::Joined(group, at) => {
                let codes = self.joined[group].as_asked(at, wanted);
                match self.seat(Seat::Joined(group)) {
                    Some(seat) if !codes.is_empty() => Asked::Of(seat, Wanted::OneOf(codes.into_iter().map(Cell::Code).collect())),
                    _ => Asked::Impossible,
                }
            }
            Part::Tied(tie, member) => match &self.ties[tie] {
                Tie::Whole(group) => self.asked_of_tied(group, (tie, member), wanted, |end, _| Cell::Whole(end)),
                Tie::Real(group) => self.asked_of_tied(group, (tie, member), wanted, real),
            },
        }
    }

    fn asked_of_tied<T: Amount>(
        &self,
        group: &Group<T>,
        (tie, at): (usize, usize),
        wanted: &Wanted,
        cell: impl Fn(T, bool) -> Cell,
    ) -> Asked {
        let member = &group.members[at];
        if member.below.is_none() {
            let seat = self.seat(Seat::Plain(member.place));
            let wanted = reaching(wanted, member.ends.map(|end| cell(end, member.grid.whole)));
            return seat.zip(wanted).map_or(Asked::Nothing, |(seat, wanted)| Asked::Of(seat, wanted));
        }
        let alone = self.seat(Seat::Gap(tie, at, true));
        let meets = meets(wanted, &member.ends.map(|end| cell(end, member.grid.whole)));
        match (wanted, alone) {
            (Wanted::Missing, _) => {
                // it may be missing itself, or one below it
                let path = std::iter::successors(Some(at), |&at| group.members[at].below);
                let part = |at: usize| match group.members[at].below {
                    Some(_) => self.seat(Seat::Gap(tie, at, false)),
                    None => self.seat(Seat::Plain(group.members[at].place)),
                };
                Asked::Any(path.filter_map(part).map(|seat| (seat, Wanted::Missing)).collect())
            }
            (_, Some(_)) if meets => Asked::Nothing,
            (_, Some(alone)) => Asked::Any(vec![(alone, wanted.clone())]),
            (_, None) if !meets => Asked::Impossible,
            (_, None) => {
                // it is present only where the root of its tree is, which is not above it
                let root = &group.members[0];
                let Some(high) = highest(wanted) else { return Asked::Nothing };
                let high = Limit { cell: convert(&high, root.grid.whole), inclusive: true };
                let below = reaching(&Wanted::Between { low: None, high: Some(high) }, root.ends.map(|end| cell(end, root.grid.whole)));
                let is_chain = member.below == Some(0);
                let seat = self.seat(Seat::Plain(root.place)).filter(|_| is_chain);
                seat.zip(below).map_or(Asked::Nothing, |(seat, below)| Asked::Of(seat, below))
            }
        }
    }

    /// The cells that a column in a constraint may hold: those of its shown combinations, or its ends (`true`). None for
    /// a column in no constraint, or one that is as it is in the view.
    pub(crate) fn legal(&self, place: usize, shown: impl Fn(usize) -> Option<Column>) -> Option<(Column, bool)> {
        match self.part(place) {
            Part::None => None,
            Part::Joined(group, at) => Some((self.joined[group].decode(at, &shown(self.seat(Seat::Joined(group))?)?), false)),
            Part::Tied(tie, member) => {
                let ends = match &self.ties[tie] {
                    Tie::Whole(group) => Values::Whole(group.members[member].ends.into()),
                    Tie::Real(group) if group.members[member].grid.whole => {
                        Values::Whole(group.members[member].ends.iter().map(|end| end.round() as i64).collect())
                    }
                    Tie::Real(group) => Values::Real(group.members[member].ends.into()),
                };
                Column::new(ends, None).ok().map(|ends| (ends, true))
            }
        }
    }

    /// Place in the view of a column of the table that is there as it is.
    pub(crate) fn plain(&self, place: usize) -> Option<usize> {
        self.seat(Seat::Plain(place))
    }
}

fn real(end: f64, whole: bool) -> Cell {
    if whole { Cell::Whole(end.round() as i64) } else { Cell::Real(end) }
}

/// A cell in the sort of another column, rounded up where it must be whole.
fn convert(cell: &Cell, whole: bool) -> Cell {
    match (cell, whole) {
        (Cell::Whole(number), false) => Cell::Real(*number as f64),
        (Cell::Real(number), true) => Cell::Whole(number.ceil() as i64),
        (cell, _) => cell.clone(),
    }
}

/// The condition on a cell before it is clipped to ends; none if that is no condition, or none that could be told.
fn reaching(wanted: &Wanted, [least, most]: [Cell; 2]) -> Option<Wanted> {
    let below = |limit: &Limit, cell: &Cell| {
        let order = limit.cell.compare(cell);
        order.is_some_and(|order| order.is_lt() || order.is_eq() && limit.inclusive)
    };
    let above = |limit: &Limit, cell: &Cell| {
        let order = limit.cell.compare(cell);
        order.is_some_and(|order| order.is_gt() || order.is_eq() && limit.inclusive)
    };
    match wanted {
        Wanted::Missing => Some(Wanted::Missing),
        Wanted::OneOf(cells) => (!cells.contains(&least) && !cells.contains(&most)).then(|| wanted.clone()),
        Wanted::Between { low, high } => {
            let low = low.clone().filter(|low| !below(low, &least));
            let high = high.clone().filter(|high| !above(high, &most));
            (low.is_some() || high.is_some()).then_some(Wanted::Between { low, high })
        }
    }
}

/// Whether some cell between two ends can be as asked, as far as that shows without their grid.
fn meets(wanted: &Wanted, [least, most]: &[Cell; 2]) -> bool {
    let is_between = |cell: &Cell| {
        let order = |end: &Cell| cell.compare(end);
        order(least).is_some_and(std::cmp::Ordering::is_ge) && order(most).is_some_and(std::cmp::Ordering::is_le)
    };
    match wanted {
        Wanted::Missing => true,
        Wanted::OneOf(cells) => cells.iter().any(is_between),
        Wanted::Between { low, high } => {
            let reaches = |limit: &Option<Limit>, end: &Cell, is_low: bool| {
                limit.as_ref().is_none_or(|limit| {
                    limit.cell.compare(end).is_some_and(|order| match order {
                        std::cmp::Ordering::Equal => limit.inclusive,
                        std::cmp::Ordering::Less => is_low,
                        std::cmp::Ordering::Greater => !is_low,
                    })
                })
            };
            reaches(low, most, true) && reaches(high, least, false)
        }
    }
}

/// The largest cell that is as asked, if there is one.
fn highest(wanted: &Wanted) -> Option<Cell> {
    match wanted {
        Wanted::Missing => None,
        Wanted::OneOf(cells) => {
            let larger = |most: &Cell, cell: &Cell| most.compare(cell).is_some_and(std::cmp::Ordering::is_ge);
            cells.iter().reduce(|most, cell| if larger(most, cell) { most } else { cell }).cloned()
        }
        Wanted::Between { high, .. } => high.as_ref().map(|limit| limit.cell.clone()),
    }
}
