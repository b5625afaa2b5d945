//! Columns whose cells come in combinations: one code for all of them.
//!
//! **Definition.** The combinations of the train table, sorted by their cells, are the levels of one column of
//! labels; a cell is read back from the list of combinations. Protection, members and conditions see the one column,
//! so a combination with few rows is hidden like a rare label, and no other combination can be drawn. A rule that
//! one column follows from others, and a group of columns of which one is 1, are combinations as well.

use super::super::shelf::{Reader, Writer};
use crate::bits::Bits;
use crate::condition::Wanted;
use crate::rules::{Key, key};
use crate::table::{Column, Table, Values};
use std::collections::BTreeMap;
use synthfleet_proto::Result;
use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};

/// Columns that are coded together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Joined {
    /// Places of the table's columns, ascending.
    pub(super) places: Vec<usize>,
    /// The cells of each combination, `[places][combinations]`.
    pub(super) cells: Vec<Column>,
}

impl Joined {
    /// The combinations of a table.
    pub(super) fn fit(mut places: Vec<usize>, table: &Table) -> Result<Self> {
        places.sort_unstable();
        let mut rows: BTreeMap<Vec<Key>, u32> = BTreeMap::new();
        for row in 0..table.rows() {
            rows.entry(keys(&places, table, row)).or_insert(row as u32);
        }
        let rows: Vec<u32> = rows.into_values().collect();
        let cells = places.iter().map(|&place| plain(&table.column(place).take(&rows))).collect::<Result<_>>()?;
        Ok(Self { places, cells })
    }

    /// Number of combinations.
    pub(super) fn combinations(&self) -> usize {
        self.cells.first().map_or(0, Column::len)
    }

    /// The one column's description; `outer` is that of the table.
    pub(super) fn meta(&self, outer: &Metadata) -> ColumnMeta {
        let names: Vec<&str> = self.places.iter().map(|&place| outer.columns[place].name.as_str()).collect();
        let mut name = names.join("+");
        while outer.position(&name).is_some() {
            name.push('+');
        }
        let mut meta = ColumnMeta::plain(&name, Kind::Categorical);
        meta.levels = (0..self.combinations()).map(|level| level.to_string()).collect();
        meta
    }

    /// Codes every row of a table. What train does not have takes the first code.
    pub(super) fn encode(&self, table: &Table) -> Result<Column> {
        let known: BTreeMap<Vec<Key>, u32> =
            (0..self.combinations()).map(|level| (self.cells.iter().map(|cells| key(cells, level)).collect(), level as u32)).collect();
        let code = |row: usize| known.get(&keys(&self.places, table, row)).copied().unwrap_or(0);
        Column::new(Values::Code((0..table.rows()).map(code).collect()), None)
    }

    /// The cells of column `at` of the group for each code.
    pub(super) fn decode(&self, at: usize, codes: &Column) -> Column {
        let Values::Code(codes) = codes.values() else { return self.cells[at].clone() };
        self.cells[at].take(codes)
    }

    /// Codes whose cell in column `at` of the group is as asked.
    pub(super) fn as_asked(&self, at: usize, wanted: &Wanted) -> Vec<u32> {
        (0..self.combinations() as u32).filter(|&level| wanted.holds(&self.cells[at], level as usize)).collect()
    }

    /// Stores the shown combinations; one in place of all hidden ones.
    pub(super) fn save(&self, shown: &[u32], out: &mut Writer) {
        out.codes("places", &self.places.iter().map(|&place| place as u32).collect::<Vec<_>>());
        let any = shown.first().copied().unwrap_or(0);
        let rows: Vec<u32> =
            (0..self.combinations() as u32).map(|level| if shown.binary_search(&level).is_ok() { level } else { any }).collect();
        for (at, cells) in self.cells.iter().enumerate() {
            save(&cells.take(&rows), &mut out.below(&at.to_string()));
        }
    }

    /// Reads what `save` stored; `columns` describes the table.
    pub(super) fn load(reader: &Reader, columns: &[ColumnMeta]) -> Result<Self> {
        let places: Vec<usize> = reader.codes("places")?.iter().map(|&place| place as usize).collect();
        if places.len() < 2 || !places.is_sorted_by(|a, b| a < b) || places.last().is_none_or(|&last| last >= columns.len()) {
            return Err(reader.damaged("places"));
        }
        let cells = places.iter().enumerate().map(|(at, &place)| load(&reader.below(&at.to_string()), &columns[place]));
        let cells = cells.collect::<Result<Vec<_>>>()?;
        if cells[0].is_empty() || cells.iter().any(|column| column.len() != cells[0].len()) {
            return Err(reader.damaged("places"));
        }
        Ok(Self { places, cells })
    }
}

fn keys(places: &[usize], table: &Table, row: usize) -> Vec<Key> {
    places.iter().map(|&place| key(table.column(place), row)).collect()
}

/// The same cells without negative zeros, which equal others and would tell of the order of rows.
fn plain(column: &Column) -> Result<Column> {
    match column.values() {
        Values::Real(cells) => Column::new(Values::Real(cells.iter().map(|cell| cell + 0.0).collect()), column.missing().cloned()),
        _ => Ok(column.clone()),
    }
}

fn save(column: &Column, out: &mut Writer) {
    match column.values() {
        Values::Real(cells) => out.reals("real", cells),
        Values::Whole(cells) => out.wholes("whole", cells),
        Values::Code(cells) => out.codes("code", cells),
        Values::Text(_) => {}
    }
    out.codes("missing", &(0..column.len()).map(|row| u32::from(column.is_missing(row))).collect::<Vec<_>>());
}

fn load(reader: &Reader, meta: &ColumnMeta) -> Result<Column> {
    let values = match meta.kind {
        Kind::Continuous if reader.contains("real") => Values::Real(reader.reals("real")?.into()),
        Kind::Continuous | Kind::Datetime => Values::Whole(reader.wholes("whole")?.into()),
        Kind::Boolean | Kind::Categorical | Kind::Ordinal => Values::Code(reader.codes("code")?.into()),
        _ => return Err(reader.damaged("missing")),
    };
    let missing = reader.codes("missing")?;
    let is_wrong = |(row, &code): (usize, &u32)| missing[row] != 1 && code as usize >= meta.levels.len();
    let wrong_codes = || matches!(&values, Values::Code(codes) if codes.iter().enumerate().any(is_wrong));
    if missing.len() != values.len() || wrong_codes() {
        return Err(reader.damaged("missing"));
    }
    Column::new(values, Some(Bits::collect(missing.iter().map(|&flag| flag == 1))))
}
