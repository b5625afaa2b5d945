//! Distance to the closest record as SDMetrics defines it, exactly, through the fast search.
//!
//! # Definition
//! `dcr(row)` = smallest over reference rows of the mean over columns (ordinal ones are left out) of
//! `min(|a - b| / range, 1)` for numbers, range being that of the reference (0: equal or not), and 0 or 1 for
//! levels; a missing cell is 1 from any value and 0 from another missing cell.
//!
//! # Method
//! Numbers are rounded to 1/21845 of the range, so a rounded distance is at most one unit a column off. Every
//! row whose rounded distance could still be smallest is measured in full.
//!
//! # Reference
//! SDMetrics 0.32.0, DCRBaselineProtection and DCROverfittingProtection.

use crate::member::Real;
use crate::parts::encode16::{Cells, Column16, Measure, flagged};
use crate::parts::neighbours::{Pool, Space, Visitor, by_chunk, visit_all};
use crate::parts::side;
use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt, Table, Values};

/// Steps that a range is rounded to; values up to one range beyond fit 16 bits.
const UNIT: u16 = 21_845;

/// One column of some rows.
#[derive(Debug, Clone)]
pub enum Cell {
    /// Not a number where missing.
    Numbers(Vec<f64>),
    /// Missing has a code of its own.
    Levels(Vec<u32>),
}

/// Rows in the columns that SDMetrics compares, `[columns][rows]`.
pub type Rows = Vec<Cell>;

/// Places of the columns that SDMetrics compares.
pub fn places(metadata: &Metadata) -> Vec<usize> {
    metadata.modelled().filter(|&place| metadata.columns[place].kind != Kind::Ordinal).collect()
}

/// Rows of a table.
pub fn rows(table: &Table, places: &[usize], rows: &[u32]) -> Rows {
    let column = |&place: &usize| {
        if table.metadata().columns[place].kind.is_number_like() {
            let all = side::numbers(table, place);
            Cell::Numbers(rows.iter().map(|&row| all[row as usize]).collect())
        } else {
            let all = side::levels(table, place);
            Cell::Levels(rows.iter().map(|&row| all[row as usize]).collect())
        }
    };
    places.iter().map(column).collect()
}

/// `count` random rows: each column uniform between train's extremes (whole numbers where train's are) or
/// over train's levels, missing as often as in train.
pub fn random(real: &Real, places: &[usize], count: usize, seed: &Seed) -> Rows {
    let column = |&place: &usize| {
        let table = &real.train;
        let (meta, source) = (&table.metadata().columns[place], table.column(place));
        let mut rng = seed.child(&meta.name).rng();
        let missing_rate = source.missing_count() as f64 / table.rows().max(1) as f64;
        if meta.kind.is_number_like() {
            let numbers = side::numbers(table, place);
            let (low, high) = extremes(&numbers);
            let step = matches!(source.values(), Values::Whole(_)).then(|| step(meta));
            let mut draw = || match step {
                _ if low > high || rng.uniform() < missing_rate => f64::NAN,
                Some(step) => low + step * rng.below(((high - low) / step) as u64 + 1) as f64,
                None => low + (high - low) * rng.uniform(),
            };
            Cell::Numbers((0..count).map(|_| draw()).collect())
        } else {
            let none = meta.levels.len() as u32;
            let mut seen = side::levels(table, place);
            seen.sort_unstable();
            seen.dedup();
            seen.retain(|&level| level != none);
            let mut draw =
                || if seen.is_empty() || rng.uniform() < missing_rate { none } else { seen[rng.below(seen.len() as u64) as usize] };
            Cell::Levels((0..count).map(|_| draw()).collect())
        }
    };
    places.iter().map(column).collect()
}

/// One whole unit of a column as its numbers show it: 1, or a grain in nanoseconds.
fn step(meta: &ColumnMeta) -> f64 {
    match (&meta.kind, &meta.date) {
        (Kind::Datetime, Some(date)) => (date.grain.to_nanos(1) - date.grain.to_nanos(0)) as f64,
        _ => 1.0,
    }
}

/// Smallest and largest number; the smallest is above the largest if there is none.
fn extremes(numbers: &[f64]) -> (f64, f64) {
    let present = numbers.iter().copied().filter(|x| !x.is_nan());
    present.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
}

/// The span of a column, finite even at the ends of the scale.
fn range(low: f64, high: f64) -> f64 {
    (high - low).min(f64::MAX)
}

/// `dcr` of each row of `data`, `[rows]`; `None` without columns or reference rows.
pub fn closest(data: &Rows, reference: &Rows, budget: &Budget) -> Result<Option<Vec<f64>>> {
    let length = |rows: &Rows| {
        rows.first().map_or(0, |cells| match cells {
            Cell::Numbers(numbers) => numbers.len(),
            Cell::Levels(levels) => levels.len(),
        })
    };
    let (queries, rows) = (length(data), length(reference));
    if rows == 0 {
        return Ok(None);
    }
    let columns: Vec<Column16> = data.iter().zip(reference).map(|(data, reference)| rounded(data, reference)).collect();
    let space = Space::new(&columns, UNIT);
    let lanes = space.lanes();
    let all = |count: usize| (0..count as u32).collect::<Vec<u32>>();
    let cells = space.rows(1, &all(rows));
    let cells_of = |row: u32| &cells[row as usize * lanes..][..lanes];
    let mut order = all(rows);
    order.sort_unstable_by(|&a, &b| space.order(cells_of(a), cells_of(b)).then(a.cmp(&b)));
    let pool = Pool::new(&space.rows(1, &order), rows, lanes);
    let exact = Exact::new(data, reference);
    let slack = 1 + exact.numbers.len() as u32;
    let chunks = by_chunk(&space.rows(0, &all(queries)), lanes, budget, |first, cells| {
        let fresh = |query: usize| Closest { exact: &exact, order: &order, row: first + query, best: f64::INFINITY, slack };
        visit_all(&space, &pool, cells, fresh).iter().map(|closest| closest.best / data.len() as f64).collect::<Vec<f64>>()
    })?;
    Ok(Some(chunks.concat()))
}

fn rounded(data: &Cell, reference: &Cell) -> Column16 {
    match (data, reference) {
        (Cell::Numbers(data), Cell::Numbers(reference)) => {
            let (low, high) = extremes(reference);
            let range = range(low, high);
            if range > 0.0 {
                let place = |x: f64| {
                    (f64::from(UNIT) * ((x - low) / range) + 0.5).floor().clamp(-f64::from(UNIT), 2.0 * f64::from(UNIT)) + f64::from(UNIT)
                };
                let side = |numbers: &[f64]| flagged(numbers, |x| place(x) as u16);
                Column16 { measure: Measure::Number, sides: vec![side(data), side(reference)] }
            } else {
                // one value or none: equal to it, another, missing
                let code = |x: &f64| if x.is_nan() { 2 } else { u16::from(*x != low) };
                let side = |numbers: &[f64]| Cells { main: numbers.iter().map(code).collect(), flag: Vec::new() };
                Column16 { measure: Measure::Level, sides: vec![side(data), side(reference)] }
            }
        }
        (Cell::Levels(data), Cell::Levels(reference)) => {
            let halves = |levels: &[u32], shift: u32| levels.iter().map(|level| (level >> shift) as u16).collect::<Vec<u16>>();
            let wide = data.iter().chain(reference).any(|level| level >> 16 != 0);
            let side = |levels: &[u32]| Cells { main: halves(levels, 0), flag: if wide { halves(levels, 16) } else { Vec::new() } };
            Column16 { measure: Measure::Level, sides: vec![side(data), side(reference)] }
        }
        _ => Column16 { measure: Measure::Level, sides: vec![Cells { main: Vec::new(), flag: Vec::new() }; 2] },
    }
}

/// The distance in full: sums over columns, levels as whole numbers.
struct Exact<'a> {
    /// Data, reference, range of the reference.
    numbers: Vec<(&'a [f64], &'a [f64], f64)>,
    levels: Vec<(&'a [u32], &'a [u32])>,
}

impl<'a> Exact<'a> {
    fn new(data: &'a Rows, reference: &'a Rows) -> Self {
        let mut exact = Self { numbers: Vec::new(), levels: Vec::new() };
        for pair in data.iter().zip(reference) {
            match pair {
                (Cell::Numbers(data), Cell::Numbers(reference)) => {
                    let (low, high) = extremes(reference);
                    exact.numbers.push((data, reference, range(low, high)));
                }
                (Cell::Levels(data), Cell::Levels(reference)) => exact.levels.push((data, reference)),
                _ => {}
            }
        }
        exact
    }

    fn distance(&self, data: usize, reference: usize) -> f64 {
        let apart = self.levels.iter().filter(|(a, b)| a[data] != b[reference]).count();
        let number = |&(a, b, range): &(&[f64], &[f64], f64)| match (a[data], b[reference]) {
            (x, y) if x.is_nan() || y.is_nan() => f64::from(u8::from(x.is_nan() != y.is_nan())),
            (x, y) if range == 0.0 => f64::from(u8::from(x != y)),
            (x, y) => ((x - y).abs() / range).min(1.0),
        };
        apart as f64 + self.numbers.iter().map(number).sum::<f64>()
    }
}

struct Closest<'a> {
    exact: &'a Exact<'a>,
    /// The reference row at each place of the pool.
    order: &'a [u32],
    row: usize,
    best: f64,
    slack: u32,
}

impl Visitor for Closest<'_> {
    type Distance = u32;

    fn bound(&self) -> u32 {
        // saturates while nothing was found
        ((self.best * f64::from(UNIT)) as u32).saturating_add(self.slack)
    }

    fn visit(&mut self, row: u32, _: u32) {
        self.best = self.best.min(self.exact.distance(self.row, self.order[row as usize] as usize));
    }
}

/// The median, mean of the middle two; `None` without values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_search_finds_the_plain_minimum() {
        let mut rng = Seed::of_task(3, "t").rng();
        let mut side = |rows: usize, spread: f64| -> Rows {
            let mut numbers = |gaps: f64| {
                Cell::Numbers((0..rows).map(|_| if rng.uniform() < gaps { f64::NAN } else { spread * rng.uniform() }).collect())
            };
            let (a, b, c) = (numbers(0.0), numbers(0.2), numbers(0.0));
            vec![a, b, c, Cell::Numbers(vec![7.0; rows]), Cell::Levels((0..rows).map(|_| rng.below(3) as u32).collect())]
        };
        let (data, reference) = (side(90, 1.7), side(200, 1.0));
        let found = closest(&data, &reference, &Budget::quiet(1)).expect("nobody stops it").expect("columns");
        let exact = Exact::new(&data, &reference);
        for (row, found) in found.iter().enumerate() {
            let plain = (0..200).map(|other| exact.distance(row, other)).fold(f64::INFINITY, f64::min) / 5.0;
            assert_eq!(*found, plain, "row {row}");
        }
    }

    #[test]
    fn the_median_of_an_even_count_is_the_mean_of_two() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }
}
