//! Squared distances of rows of 16-bit cells, as whole numbers.
//!
//! # Definition
//! The sum over columns of `(a - b)²` (numbers) or 0 and 65535² (levels); a missing cell is 65535² from any value
//! and 0 from another missing cell: 65535² times the squared distance when numbers lie in [0, 1] and levels that
//! differ are 1 apart.
//!
//! # Shapes
//! A square has 32 bits, so its halves are added up by themselves. The upper halves alone, in 32-bit sums, tell
//! whether a tile can be left; the lower halves are looked at in the tiles that remain.

use super::lines::{Counts, Line, apart, equal, line, outside};
use super::{Kernel, LEVELS_A_LOOK, NUMBERS_A_LOOK, Space, TILE};

/// The halves of 65535².
const UNIT_UPPER: u32 = 65_534;
const UNIT_LOWER: u32 = 1;

/// Distance 1: what levels that differ are apart.
pub const UNIT: u64 = (UNIT_UPPER as u64) << 16 | UNIT_LOWER as u64;

/// Sums of squared differences in a space; its unit plays no part.
#[derive(Debug, Clone, Copy)]
pub struct Squares<'a>(pub &'a Space<'a>);

/// The upper halves of squares.
#[inline]
fn upper(differences: Line) -> Line {
    differences.mul_keep_high(differences)
}

/// The lower halves of squares.
#[inline]
fn lower(differences: Line) -> Line {
    differences * differences
}

impl Kernel for Squares<'_> {
    type Distance = u64;

    #[inline]
    fn least_of_tiles(&self, low: &[[u16; TILE]], high: &[[u16; TILE]], query: &[u16]) -> [u64; TILE] {
        let space = self.0;
        let mut sums = space.levels_outside(low, high, query).times(UNIT_UPPER);
        let first = space.levels + 2 * space.wide;
        for ((low, high), &cell) in low.iter().zip(high).zip(query).skip(first).take(space.numbers) {
            sums.add(upper(outside(line(low), line(high), Line::splat(cell))));
        }
        for lane in (first + space.numbers..low.len()).step_by(2) {
            let (cell, flag) = (Line::splat(query[lane]), Line::splat(query[lane + 1]));
            let (all, any) = (line(&low[lane + 1]), line(&high[lane + 1]));
            let inside = outside(line(&low[lane]), line(&high[lane]), cell) | (all ^ flag);
            // some missing and some not: nothing is known
            sums.add(upper(inside & equal(all, any)));
        }
        sums.rows().map(|sum| u64::from(sum) << 16)
    }

    #[inline]
    fn distances(&self, tile: &[[u16; TILE]], query: &[u16], bound: u64) -> Option<[u64; TILE]> {
        let space = self.0;
        let bound_upper = u32::try_from(bound >> 16).unwrap_or(u32::MAX);
        let (levels, rest) = tile.split_at(space.levels);
        let (level_cells, query_rest) = query.split_at(space.levels);
        let mut differ = Counts::none();
        for (lines, cells) in levels.chunks(LEVELS_A_LOOK).zip(level_cells.chunks(LEVELS_A_LOOK)) {
            for (other, &cell) in lines.iter().zip(cells) {
                differ.add_unless(equal(line(other), Line::splat(cell)));
            }
            if differ.least() * UNIT_UPPER > bound_upper {
                return None;
            }
        }
        let (wide, rest) = rest.split_at(2 * space.wide);
        let (wide_cells, query_rest) = query_rest.split_at(2 * space.wide);
        for (lines, cells) in wide.chunks_exact(2).zip(wide_cells.chunks_exact(2)) {
            differ.add_unless(equal(line(&lines[0]), Line::splat(cells[0])) & equal(line(&lines[1]), Line::splat(cells[1])));
        }
        let mut uppers = differ.times(UNIT_UPPER);
        let (numbers, nullable) = rest.split_at(space.numbers);
        let (number_cells, nullable_cells) = query_rest.split_at(space.numbers);
        for (lines, cells) in numbers.chunks(NUMBERS_A_LOOK).zip(number_cells.chunks(NUMBERS_A_LOOK)) {
            for (other, &cell) in lines.iter().zip(cells) {
                uppers.add(upper(apart(line(other), Line::splat(cell))));
            }
            if uppers.least() > bound_upper {
                return None;
            }
        }
        let of_nullable = |lines: &[[u16; TILE]], cells: &[u16]| {
            apart(line(&lines[0]), Line::splat(cells[0])) | (line(&lines[1]) ^ Line::splat(cells[1]))
        };
        for (lines, cells) in nullable.chunks_exact(2).zip(nullable_cells.chunks_exact(2)) {
            uppers.add(upper(of_nullable(lines, cells)));
        }
        if uppers.least() > bound_upper {
            return None;
        }
        let mut lowers = differ.times(UNIT_LOWER);
        for (other, &cell) in numbers.iter().zip(number_cells) {
            lowers.add(lower(apart(line(other), Line::splat(cell))));
        }
        for (lines, cells) in nullable.chunks_exact(2).zip(nullable_cells.chunks_exact(2)) {
            lowers.add(lower(of_nullable(lines, cells)));
        }
        let mut sums = [0; TILE];
        for (sum, (upper, lower)) in sums.iter_mut().zip(uppers.rows().into_iter().zip(lowers.rows())) {
            *sum = (u64::from(upper) << 16) + u64::from(lower);
        }
        sums.iter().any(|sum| *sum <= bound).then_some(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Pool, Visitor, tests::columns, visit_all};
    use super::*;
    use crate::parts::encode16::{Column16, Measure};

    /// Remembers every row within a bound.
    struct Within(u64, Vec<(u32, u64)>);

    impl Visitor for Within {
        type Distance = u64;

        fn bound(&self) -> u64 {
            self.0
        }

        fn visit(&mut self, row: u32, distance: u64) {
            self.1.push((row, distance));
        }
    }

    fn plain(columns: &[Column16], a: usize, b: usize) -> u64 {
        let one = |column: &Column16| {
            let flag = |side: usize, row: usize| column.sides[side].flag.get(row).copied().unwrap_or(0);
            let (x, y) = (column.sides[0].main[a], column.sides[1].main[b]);
            match column.measure {
                Measure::Level if x == y && flag(0, a) == flag(1, b) => 0,
                Measure::Number if flag(0, a) == flag(1, b) => u64::from(x.abs_diff(y)) * u64::from(x.abs_diff(y)),
                _ => UNIT,
            }
        };
        columns.iter().map(one).sum()
    }

    #[test]
    fn one_is_the_square_of_the_largest_cell() {
        assert_eq!(UNIT, 65_535 * 65_535);
    }

    #[test]
    fn rows_within_a_bound_and_their_distances_are_those_of_a_plain_search() {
        let (queries, rows) = (40, 333);
        let columns = columns([queries, rows]);
        let space = Space::new(&columns, u16::MAX);
        let all = |rows: usize| (0..rows as u32).collect::<Vec<_>>();
        let pool = Pool::new(&space.rows(1, &all(rows)), rows, space.lanes());
        for bound in [0, 5 * UNIT, 7 * UNIT + 123_456_789, u64::MAX] {
            let found = visit_all(&Squares(&space), &pool, &space.rows(0, &all(queries)), |_| Within(bound, Vec::new()));
            for (query, Within(_, found)) in found.into_iter().enumerate() {
                let expected = (0..rows).map(|row| (row as u32, plain(&columns, query, row))).filter(|pair| pair.1 <= bound);
                assert_eq!(found, expected.collect::<Vec<_>>());
            }
        }
    }
}
