//! The range of a number column, bought in two questions that share one price.
//!
//! **Definition.** First: rows by signed power-of-two bucket of the column's grain (64 below 0, 0 itself, 64
//! above) and missing cells. The outermost buckets whose noisy count passes the alarm are the ends. Second:
//! rows by sixteenths of those two buckets; where one passes the alarm, the range ends with it, else with the
//! bucket. The alarm is a count that noise alone reaches in a column with a chance of 10^-3. Each question
//! has twice the price's noise in variance (Gaussian) or in scale (Laplace).

use super::coding::Counts;
use super::ledger::{Ledger, Private};
use synthfleet_proto::Result;
use synthfleet_stats::normal;
use synthfleet_table::{Column, Values};

const POWERS: usize = 64;
const BUCKETS: usize = 2 * POWERS + 1;
const PARTS: usize = 16;
/// The chance that noise alone passes for a bucket, over all buckets of a column.
const FALSE_ALARM: f64 = 1e-3;

/// Noise of counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Width {
    /// Discrete Laplace of this scale.
    Laplace(f64),
    /// Discrete Gaussian of this standard deviation.
    Gaussian(f64),
}

impl Width {
    /// The noise of one of two questions that cost together what one with this noise costs.
    fn of_half(self) -> Self {
        match self {
            Self::Laplace(scale) => Self::Laplace(2.0 * scale),
            Self::Gaussian(sigma) => Self::Gaussian(std::f64::consts::SQRT_2 * sigma),
        }
    }

    fn ask(self, ledger: &mut Ledger, counts: &Private<Counts>, question: &str) -> Result<Vec<i64>> {
        match self {
            Self::Laplace(scale) => ledger.laplace_counts(counts, scale, question),
            Self::Gaussian(sigma) => ledger.gaussian_counts(counts, sigma, question),
        }
    }

    /// The least noisy count that is more than noise. Laplace noise of scale b reaches k with chance
    /// `a^k / (1 + a)`, `a = exp(-1/b)`; a discrete Gaussian reaches m as rarely as a continuous one m - 1.
    fn alarm(self) -> i64 {
        let chance = FALSE_ALARM / BUCKETS as f64;
        let beyond = match self {
            Self::Laplace(scale) => scale * libm::log(1.0 / (chance * (1.0 + libm::exp(-1.0 / scale)))),
            Self::Gaussian(sigma) => 1.0 + sigma * normal::quantile(1.0 - chance),
        };
        1 + beyond.ceil().clamp(0.0, 1e15) as i64
    }
}

/// Smallest and largest value of a column with neighbours `unit` apart, if noise lets any be seen, and whether
/// cells are missing. Costs what one question with noise of `width` costs.
pub(super) fn measure(
    column: &Private<Column>,
    unit: f64,
    width: Width,
    name: &str,
    ledger: &mut Ledger,
) -> Result<(Option<(f64, f64)>, bool)> {
    let (width, least) = (width.of_half(), width.of_half().alarm());
    let noisy = width.ask(ledger, &column.map(|column| buckets(column, unit)), &format!("range of {name}"))?;
    let (numbers, missing) = noisy.split_at(BUCKETS);
    let mut kept = (0..BUCKETS).filter(|&bucket| numbers[bucket] >= least);
    let missing = missing.first().is_some_and(|&count| count >= least);
    let Some(first) = kept.next() else { return Ok((None, missing)) };
    let last = kept.next_back().unwrap_or(first);
    let noisy = width.ask(ledger, &column.map(|column| parts(column, unit, (first, last))), &format!("ends of the range of {name}"))?;
    let passed = |at: usize| (0..PARTS).filter(|part| noisy[at + part] >= least).collect::<Vec<_>>();
    let (of_first, of_last) = (passed(0), passed(if first == last { 0 } else { PARTS }));
    let low = of_first.first().map_or(span(first, None).0, |&part| span(first, Some(part)).0);
    let high = of_last.last().map_or(span(last, None).1, |&part| span(last, Some(part)).1);
    Ok((Some((unit * low, unit * high)), missing))
}

/// The bucket of a number, 0 being the farthest below 0.
fn bucket(number: f64, unit: f64) -> usize {
    let size = (number.abs() / unit).round();
    // `ilogb` of a number from 1 on is 0 or more
    let power = if size < 1.0 { 0 } else { 1 + (libm::ilogb(size) as usize).min(POWERS - 1) };
    if number < 0.0 { POWERS - power } else { POWERS + power }
}

/// Smallest and largest number of a bucket, or of one of its parts in rising order, in units.
fn span(bucket: usize, part: Option<usize>) -> (f64, f64) {
    let power = bucket.abs_diff(POWERS) as i32;
    if power == 0 {
        return (0.0, 0.0);
    }
    // a bucket reaches from 2^(power-1) to just below 2^power
    let (start, each) = (libm::ldexp(1.0, power - 1), width(bucket));
    let is_negative = bucket < POWERS;
    let (near, far) = match part {
        None => (start, 2.0 * start - 1.0),
        Some(part) => {
            let part = if is_negative { count(bucket) - 1 - part.min(count(bucket) - 1) } else { part } as f64;
            (start + part * each, start + (part + 1.0) * each - 1.0)
        }
    };
    if is_negative { (-far, -near) } else { (near, far) }
}

/// Parts of a bucket, and how many units each holds: a bucket below 16 units has fewer parts.
fn count(bucket: usize) -> usize {
    1 << (bucket.abs_diff(POWERS).saturating_sub(1)).min(4)
}

fn width(bucket: usize) -> f64 {
    libm::ldexp(1.0, bucket.abs_diff(POWERS) as i32 - 1) / count(bucket) as f64
}

/// The part of a number in its bucket, in rising order of numbers.
fn part(number: f64, unit: f64, bucket: usize) -> usize {
    let power = bucket.abs_diff(POWERS) as i32;
    if power == 0 {
        return 0;
    }
    let beyond = (number.abs() / unit).round() - libm::ldexp(1.0, power - 1);
    let part = ((beyond / width(bucket)).max(0.0) as usize).min(count(bucket) - 1);
    if bucket < POWERS { count(bucket) - 1 - part } else { part }
}

/// Numbers of the cells that are present.
fn numbers(column: &Column) -> impl Iterator<Item = Option<f64>> + '_ {
    (0..column.len()).map(|row| match column.values() {
        _ if column.is_missing(row) => None,
        Values::Real(cells) => Some(cells[row]),
        Values::Whole(cells) => Some(cells[row] as f64),
        Values::Code(_) | Values::Text(_) => Some(0.0),
    })
}

/// Rows by bucket, then missing cells.
fn buckets(column: &Column, unit: f64) -> Counts {
    let mut cells = vec![0u64; BUCKETS + 1];
    numbers(column).for_each(|number| cells[number.map_or(BUCKETS, |number| bucket(number, unit))] += 1);
    Counts::of(cells)
}

/// Rows by part of the first bucket, by part of the last one if it is another, then all other rows.
fn parts(column: &Column, unit: f64, (first, last): (usize, usize)) -> Counts {
    let mut cells = vec![0u64; 2 * PARTS + 1];
    for number in numbers(column) {
        let place = match number.map(|number| (number, bucket(number, unit))) {
            Some((number, bucket)) if bucket == first => part(number, unit, bucket),
            Some((number, bucket)) if bucket == last => PARTS + part(number, unit, bucket),
            _ => 2 * PARTS,
        };
        cells[place] += 1;
    }
    Counts::of(cells)
}

#[cfg(test)]
mod tests {
    use super::super::guarded::Guarded;
    use super::super::ledger::Claim;
    use super::*;
    use crate::conformance::tables;
    use synthfleet_proto::privacy::NoiseKey;

    fn measured(rows: usize, number: impl FnMut(usize) -> i64, width: Width) -> Option<(f64, f64)> {
        let table = tables::Builder::new(rows).wholes("x", number).build();
        let guarded = Guarded::new(table, NoiseKey::new([4; 32]));
        let claim = if matches!(width, Width::Laplace(_)) { Claim::pure(3.0, 0.0) } else { Claim::concentrated(3.0, 1e-5, true) };
        let mut ledger = guarded.ledger(claim);
        let column = guarded.table().map(|table| table.column(0).clone());
        let found = measure(&column, 1.0, width, "x", &mut ledger).expect("within the claim");
        let price = match width {
            Width::Laplace(scale) => 2.0 / scale,
            Width::Gaussian(sigma) => 1.0 / (2.0 * sigma * sigma),
        };
        assert!((claim.total() - ledger.left() - price).abs() < 1e-9 || found.0.is_none(), "two questions cost as one");
        found.0
    }

    #[test]
    fn buckets_are_signed_powers_of_two() {
        let wholes = tables::Builder::new(7).wholes("x", |row| [0, 1, 2, 3, -1, -4, i64::MIN][row]).build();
        let counts = buckets(wholes.column(0), 1.0);
        let place = |power: usize| counts.cells()[power];
        assert_eq!([place(64), place(65), place(66), place(63), place(61), place(0)], [1, 1, 2, 1, 1, 1]);
        assert_eq!(counts.cells().iter().sum::<u64>(), 7);
    }

    #[test]
    fn parts_tile_their_bucket_in_rising_order() {
        for (number, expected) in
            [(64.0, (64.0, 67.0)), (90.0, (88.0, 91.0)), (127.0, (124.0, 127.0)), (-90.0, (-91.0, -88.0)), (5.0, (5.0, 5.0))]
        {
            let bucket = bucket(number, 1.0);
            assert_eq!(span(bucket, Some(part(number, 1.0, bucket))), expected, "{number}");
        }
        assert_eq!((span(71, None), span(57, None), span(64, None)), ((64.0, 127.0), (-127.0, -64.0), (0.0, 0.0)));
    }

    #[test]
    fn a_range_ends_near_where_rows_are_many() {
        let ages = |row: usize| if row == 5 { 1_000_000_000 } else { 17 + (row % 70) as i64 };
        for width in [Width::Gaussian(5.0), Width::Laplace(2.0)] {
            assert_eq!(measured(7_000, ages, width), Some((17.0, 87.0)), "{width:?}");
        }
        assert_eq!(measured(7_000, |row| -3 - (row % 2) as i64, Width::Gaussian(5.0)), Some((-4.0, -3.0)));
        assert_eq!(measured(7_000, |_| 0, Width::Gaussian(5.0)), Some((0.0, 0.0)));
    }

    #[test]
    fn noise_hides_the_range_of_few_rows() {
        assert_eq!(measured(10, |row| row as i64, Width::Gaussian(5.0)), None);
    }
}
