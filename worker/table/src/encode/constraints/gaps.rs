//! Columns that stand one above another: the upper one is coded as a gap that is never negative.
//!
//! **Definition.** In the view a column `high` above `low` is `high - low` where both are present, and missing where
//! `high` is. Where `low` is missing and `high` is not, a second column `high#alone` holds `high` itself; it exists if
//! train has such rows. Restored, `high` is `low` plus the gap, moved to the grid of `high`'s cells but not below
//! `low`, and above it where the two are never equal. Both keep within ends that stand in the same order: the 7th smallest and the 7th largest cell (the
//! threshold of value protection is never more) among the rows in which all columns tied to each other are present;
//! with fewer than 14 such rows, medians. So no row breaks the rule, and no cell passes the protected range. Ends
//! bind where two tied columns meet in a row.

use super::super::shelf::{Reader, Writer};
use super::amount::{Amount, Grid};
use crate::bits::Bits;
use crate::table::{Column, Table};
use synthfleet_proto::metadata::{ColumnMeta, Kind, NumberForm};
use synthfleet_proto::{Error, Result};

/// Rows at or beyond each end: the largest threshold of value protection.
const K: usize = 7;

/// Columns tied to each other, each behind the one that it stands above.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group<T> {
    pub(super) members: Vec<Member<T>>,
}

/// A column that is to become a member.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tied {
    /// Place of the table's column.
    pub(super) place: usize,
    /// The one among all that it stands above.
    pub(super) below: Option<usize>,
    /// The two are never equal.
    pub(super) strict: bool,
}

/// One column of a group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member<T> {
    /// Place of the table's column.
    pub(super) place: usize,
    /// The member that it stands above.
    pub(super) below: Option<usize>,
    /// The two are never equal.
    pub(super) strict: bool,
    /// Rows of train have it without the one below.
    pub(super) alone: bool,
    /// Ends of its cells.
    pub(super) ends: [T; 2],
    pub(super) grid: Grid,
}

/// What a member becomes in the view, each `[rows]`.
pub(super) struct Parts {
    /// The gap; none for a member that stands above no other.
    pub(super) gap: Option<Column>,
    /// The column itself where the one below is missing.
    pub(super) alone: Option<Column>,
}

impl<T: Amount> Group<T> {
    /// Fits to a table.
    pub(super) fn fit(tied: &[Tied], table: &Table) -> Result<Self> {
        let column = |at: usize| table.column(tied[at].place);
        let rows: Vec<usize> = (0..table.rows()).filter(|&row| (0..tied.len()).all(|at| !column(at).is_missing(row))).collect();
        let names = || tied.iter().map(|tied| table.metadata().columns[tied.place].name.as_str()).collect::<Vec<_>>().join(", ");
        if rows.is_empty() {
            return Err(Error::data("constraint::never_met", format!("no row has cells in all of {}", names()))
                .help("leave the constraint out: no row can keep it"));
        }
        let mut members = Vec::new();
        for (at, &Tied { place, below, strict }) in tied.iter().enumerate() {
            let cells: Option<Vec<T>> = rows.iter().map(|&row| T::of(column(at), row)).collect();
            let mut cells = cells.ok_or_else(|| too_wide(&names()))?;
            cells.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
            let (low, high) = if cells.len() < 2 * K { ((cells.len() - 1) / 2, (cells.len() - 1) / 2) } else { (K - 1, cells.len() - K) };
            let alone =
                below.is_some_and(|below| (0..table.rows()).any(|row| column(below).is_missing(row) && !column(at).is_missing(row)));
            members.push(Member { place, below, strict, alone, ends: [cells[low], cells[high]], grid: Grid::of(column(at)) });
        }
        Ok(Self { members })
    }

    /// The parts of every member in the view of a table.
    pub(super) fn parts(&self, table: &Table) -> Result<Vec<Parts>> {
        self.members.iter().map(|member| self.parts_of(member, table)).collect()
    }

    fn parts_of(&self, member: &Member<T>, table: &Table) -> Result<Parts> {
        let Some(below) = member.below.map(|below| &self.members[below]) else { return Ok(Parts { gap: None, alone: None }) };
        let (low, high) = (table.column(below.place), table.column(member.place));
        let decimals = below.grid.decimals.zip(member.grid.decimals).map(|(a, b)| a.max(b));
        let wide = || too_wide(&table.metadata().columns[member.place].name);
        let (mut gaps, mut alone) = (vec![T::default(); table.rows()], vec![T::default(); table.rows()]);
        let (mut no_gap, mut not_alone) = (Bits::none(table.rows()), Bits::none(table.rows()));
        for row in 0..table.rows() {
            match (low.is_missing(row), high.is_missing(row)) {
                (false, false) => {
                    let (a, b) = T::of(low, row).zip(T::of(high, row)).ok_or_else(wide)?;
                    gaps[row] = b.above(a, decimals).ok_or_else(wide)?;
                    not_alone.set(row);
                }
                (true, false) => {
                    alone[row] = T::of(high, row).ok_or_else(wide)?;
                    no_gap.set(row);
                }
                (_, true) => {
                    no_gap.set(row);
                    not_alone.set(row);
                }
            }
        }
        let whole = member.grid.whole && below.grid.whole;
        let alone = if member.alone { Some(T::column(alone, not_alone, member.grid.whole)?) } else { None };
        Ok(Parts { gap: Some(T::column(gaps, no_gap, whole)?), alone })
    }

    /// The columns of the group from their parts: of a member that stands above no other the restored column itself.
    pub(super) fn restore(&self, rows: usize, part: impl Fn(usize, bool) -> Option<Column>) -> Result<Vec<Column>> {
        let parts: Vec<(Option<Column>, Option<Column>)> =
            (0..self.members.len()).map(|member| (part(member, false), part(member, true))).collect();
        let mut cells: Vec<Vec<T>> = vec![Vec::with_capacity(rows); self.members.len()];
        let mut missing = vec![Bits::none(rows); self.members.len()];
        let mut numbers = Vec::with_capacity(self.members.len());
        for row in 0..rows {
            let part = |member: usize, alone: bool| {
                let column = if alone { &parts[member].1 } else { &parts[member].0 };
                column.as_ref().filter(|column| !column.is_missing(row)).and_then(|column| T::of(column, row))
            };
            self.row(part, &mut numbers);
            for ((number, cells), missing) in numbers.iter().zip(&mut cells).zip(&mut missing) {
                cells.push(number.unwrap_or_default());
                if number.is_none() {
                    missing.set(row);
                }
            }
        }
        let columns = self.members.iter().zip(cells).zip(missing);
        columns.map(|((member, cells), missing)| T::column(cells, missing, member.grid.whole)).collect()
    }

    /// The numbers of one row, `[members]`, from its parts that are present.
    fn row(&self, part: impl Fn(usize, bool) -> Option<T>, numbers: &mut Vec<Option<T>>) {
        numbers.clear();
        for (at, member) in self.members.iter().enumerate() {
            let is_alone = member.below.is_some_and(|below| numbers[below].is_none());
            numbers.push(part(at, is_alone));
        }
        let is_tied = numbers.iter().flatten().count() > 1;
        for (at, member) in self.members.iter().enumerate() {
            let Some(number) = numbers[at] else { continue };
            let floor = member.below.and_then(|below| numbers[below]);
            numbers[at] = Some(match floor {
                Some(floor) => {
                    let cell = member.within(floor.plus(number).on_grid(member.grid, member.ends[1], (floor, member.strict)));
                    // a gap is never negative, unless a file was forged
                    if cell < floor || member.strict && cell == floor { member.ends[1] } else { cell }
                }
                None if is_tied => member.within(number),
                None => number,
            });
        }
    }

    pub(super) fn save(&self, out: &mut Writer, numbers: impl Fn(&mut Writer, &[T])) {
        out.code("members", self.members.len() as u32);
        for (at, member) in self.members.iter().enumerate() {
            let mut out = out.below(&at.to_string());
            let below = member.below.map_or(u32::MAX, |below| below as u32);
            out.codes("column", &[member.place as u32, below, u32::from(member.alone), u32::from(member.grid.whole)]);
            out.code("decimals", member.grid.decimals.map_or(99, u32::from));
            out.wholes("step", &[member.grid.step.cast_signed()]);
            if member.strict {
                out.code("strict", 1);
            }
            numbers(&mut out, &member.ends);
        }
    }

    pub(super) fn load(reader: &Reader, columns: usize, numbers: impl Fn(&Reader) -> Result<[T; 2]>) -> Result<Self> {
        let mut members: Vec<Member<T>> = Vec::new();
        for at in 0..reader.code("members")? as usize {
            let reader = reader.below(&at.to_string());
            let &[place, below, alone @ 0..=1, whole @ 0..=1] = reader.codes("column")? else { return Err(reader.damaged("column")) };
            let (place, below) = (place as usize, Some(below as usize).filter(|&below| below != u32::MAX as usize));
            let decimals = match reader.code("decimals")? {
                99 => None,
                decimals @ 0..=15 => Some(decimals as u8),
                _ => return Err(reader.damaged("decimals")),
            };
            let [step] = reader.some_wholes("step")?;
            let ends = numbers(&reader)?;
            let is_wrong = place >= columns || below.is_some_and(|below| below >= at) || step == 0 || ends[0] > ends[1];
            if is_wrong || members.iter().any(|member| member.place == place) || (at == 0) != below.is_none() {
                return Err(reader.damaged("column"));
            }
            let grid = Grid { whole: whole == 1, decimals, step: step.cast_unsigned() };
            let strict = reader.contains("strict");
            members.push(Member { place, below, strict, alone: alone == 1, ends, grid });
        }
        if members.len() < 2 { Err(reader.damaged("members")) } else { Ok(Self { members }) }
    }
}

impl<T: Amount> Member<T> {
    fn within(&self, number: T) -> T {
        let [low, high] = self.ends;
        if number < low {
            low
        } else if number > high {
            high
        } else {
            number
        }
    }

    /// The descriptions of its parts in the view; `meta` is that of the table's column.
    pub(super) fn metas(&self, meta: &ColumnMeta) -> Vec<ColumnMeta> {
        if self.below.is_none() {
            return vec![meta.clone()];
        }
        let mut gap = ColumnMeta::plain(&meta.name, Kind::Continuous);
        gap.number = meta.number.clone().or_else(|| Some(NumberForm::default()));
        gap.nullable = true;
        let mut alone = meta.clone();
        alone.name = format!("{}#alone", meta.name);
        alone.nullable = true;
        if self.alone { vec![gap, alone] } else { vec![gap] }
    }
}

fn too_wide(names: &str) -> Error {
    Error::data("constraint::too_wide", format!("numbers of {names} are too far apart or too large to be told exactly"))
        .help("leave the constraint out")
}
