//! What the dates of a column have in common: formats, order of day and month, grain, offset, range.

use super::date::{Candidate, DatePart, Order, Shape, format, grain_of, parse};
use std::collections::BTreeMap;
use synthfleet_proto::calendar::Grain;
use synthfleet_proto::metadata::DateForm;

/// Forms that a column may mix.
const FORMATS_MAX: usize = 4;
/// Forms and offsets that are told apart.
const SHAPES_MAX: usize = 24;
const NANOS_PER_MINUTE: i128 = 60_000_000_000;

/// Counts of everything, for each form and each order of its numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dates {
    shapes: Vec<Seen>,
    offsets: BTreeMap<Option<i32>, u64>,
}

#[derive(Debug, Clone)]
struct Seen {
    shape: Shape,
    cells: u64,
    /// One for each order that the form leaves open.
    sums: Vec<Sums>,
    date_padding: (u64, u64),
    hour_padding: (u64, u64),
}

#[derive(Debug, Clone)]
struct Sums {
    order: Order,
    cells: u64,
    /// By the cell's own clock, and in UTC.
    extents: [Extent; 2],
}

#[derive(Debug, Clone, Copy)]
struct Extent {
    min: i128,
    max: i128,
    grain: Grain,
}

impl Extent {
    const NONE: Self = Self { min: i128::MAX, max: i128::MIN, grain: Grain::Year };

    fn add(&mut self, nanos: i128) {
        self.min = self.min.min(nanos);
        self.max = self.max.max(nanos);
        // years and months are told by the calendar, the rest by division
        if self.grain != Grain::Nanosecond && self.grain.to_nanos(self.grain.of_nanos(nanos)) != nanos {
            self.grain = self.grain.max(grain_of(nanos));
        }
    }

    fn merge(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max), grain: self.grain.max(other.grain) }
    }
}

/// The reading of a column as dates.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub(crate) form: DateForm,
    /// Cells that it reads.
    pub(crate) cells: u64,
    /// Smallest and largest value, in units of the grain.
    pub(crate) range: (i64, i64),
    /// Day and month could be taken either way in every cell.
    pub(crate) guessed: bool,
}

impl Dates {
    /// Counts a cell that is not missing.
    pub(crate) fn add(&mut self, cell: &str, count: u64) {
        let Some(found) = parse(cell) else { return };
        let place = match self.shapes.iter().position(|seen| seen.shape == found.shape) {
            Some(place) => place,
            None if self.shapes.len() < SHAPES_MAX => {
                let sums = found.orders().iter().map(|&order| Sums { order, cells: 0, extents: [Extent::NONE; 2] }).collect();
                self.shapes.push(Seen { shape: found.shape, cells: 0, sums, date_padding: (0, 0), hour_padding: (0, 0) });
                self.shapes.len() - 1
            }
            None => return,
        };
        if self.shapes[place].add(&found, count) && (self.offsets.len() < SHAPES_MAX || self.offsets.contains_key(&found.offset)) {
            *self.offsets.entry(found.offset).or_default() += count;
        }
    }

    /// Whether every one of `cells` is a date of eight digits and nothing else.
    pub(crate) fn all_compact(&self, cells: u64) -> bool {
        matches!(self.shapes.as_slice(), [seen] if seen.shape.date == DatePart::Compact && seen.sums[0].cells == cells)
    }

    /// The reading under the order that fits most cells; `day_first` decides if both fit all.
    pub(crate) fn reading(&self, day_first: bool) -> Option<Reading> {
        let (order, guessed) = self.order(day_first);
        let mut kept: Vec<(&Seen, &Sums)> = self
            .shapes
            .iter()
            .filter_map(|seen| {
                let sums = seen.sums.iter().find(|sums| sums.order == order).or(seen.sums.first().filter(|_| seen.sums.len() == 1))?;
                (sums.cells > 0).then_some((seen, sums))
            })
            .collect();
        kept.sort_by(|a, b| b.1.cells.cmp(&a.1.cells).then_with(|| a.0.shape.cmp(&b.0.shape)));
        kept.truncate(FORMATS_MAX);
        let cells: u64 = kept.iter().map(|(_, sums)| sums.cells).sum();
        if cells == 0 {
            return None;
        }
        let several_offsets = self.offsets.len() > 1;
        let extent = kept.iter().fold(Extent::NONE, |all, (_, sums)| all.merge(sums.extents[usize::from(several_offsets)]));
        let formats: Vec<(String, f64)> =
            kept.iter().map(|(seen, sums)| (seen.format(sums.order), sums.cells as f64 / cells as f64)).collect();
        let offset_minutes = if several_offsets { None } else { self.offsets.keys().next().copied().flatten() };
        let guessed = guessed && kept.iter().any(|(seen, _)| seen.sums.len() > 1);
        let range = (extent.grain.of_nanos(extent.min), extent.grain.of_nanos(extent.max));
        let form = DateForm { format: formats[0].0.clone(), grain: extent.grain, offset_minutes, formats };
        Some(Reading { form, cells, range, guessed })
    }

    fn order(&self, day_first: bool) -> (Order, bool) {
        let open = || self.shapes.iter().filter(|seen| seen.sums.len() > 1);
        let all: u64 = open().map(|seen| seen.cells).sum();
        let fits =
            |order: Order| -> u64 { open().flat_map(|seen| &seen.sums).filter(|sums| sums.order == order).map(|sums| sums.cells).sum() };
        let (day, month, year) = (fits(Order::Dmy), fits(Order::Mdy), fits(Order::Ymd));
        match () {
            () if day == all && month == all => (if day_first { Order::Dmy } else { Order::Mdy }, all > 0),
            () if year > day.max(month) => (Order::Ymd, false),
            () if day > month => (Order::Dmy, false),
            () if month > day => (Order::Mdy, false),
            () => (if day_first { Order::Dmy } else { Order::Mdy }, true),
        }
    }
}

impl Seen {
    /// Whether the cell is a day under any order.
    fn add(&mut self, found: &Candidate, count: u64) -> bool {
        self.cells += count;
        let mut any = false;
        for sums in &mut self.sums {
            if let Some(nanos) = found.nanos(sums.order) {
                any = true;
                sums.cells += count;
                sums.extents[0].add(nanos);
                sums.extents[1].add(nanos - i128::from(found.offset.unwrap_or(0)) * NANOS_PER_MINUTE);
            }
        }
        let tell = |sum: &mut (u64, u64), seen: (bool, bool)| {
            sum.0 += if seen.0 { count } else { 0 };
            sum.1 += if seen.1 { count } else { 0 };
        };
        tell(&mut self.date_padding, found.padding.date);
        tell(&mut self.hour_padding, found.padding.hour);
        any
    }

    fn format(&self, order: Order) -> String {
        format(self.shape, order, self.date_padding.0 > self.date_padding.1, self.hour_padding.0 > self.hour_padding.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(cells: &[&str], day_first: bool) -> Reading {
        let mut dates = Dates::default();
        cells.iter().for_each(|cell| dates.add(cell, 1));
        dates.reading(day_first).expect("dates")
    }

    #[test]
    fn the_order_is_the_one_that_reads_every_value() {
        assert_eq!(reading(&["13/01/2020", "01/02/2020"], false).form.format, "%d/%m/%Y");
        assert_eq!(reading(&["01/13/2020", "01/02/2020"], true).form.format, "%m/%d/%Y");
        let open = reading(&["1/2/2020", "3/4/2020"], true);
        assert_eq!((open.form.format.as_str(), open.guessed), ("%-d/%-m/%Y", true));
    }

    #[test]
    fn formats_come_with_their_shares_commonest_first() {
        let found = reading(&["2020-01-31", "2020-01-30", "31.01.2020", "Jan 5, 2020"], false);
        let shares: Vec<_> = found.form.formats.iter().map(|(format, share)| (format.as_str(), *share)).collect();
        assert_eq!(shares, [("%Y-%m-%d", 0.5), ("%d.%m.%Y", 0.25), ("%b %-d, %Y", 0.25)]);
        assert_eq!((found.cells, found.form.grain), (4, Grain::Day));
    }

    #[test]
    fn several_offsets_are_read_in_utc() {
        let found = reading(&["2020-01-01T00:00:00+01:00", "2020-01-01T00:00:00Z"], false);
        assert_eq!((found.form.offset_minutes, found.form.grain), (None, Grain::Hour));
        let same = reading(&["2020-01-01T00:00:00+01:00", "2020-06-01T00:00:00+01:00"], false);
        assert_eq!((same.form.offset_minutes, same.form.grain), (Some(60), Grain::Month));
    }
}
