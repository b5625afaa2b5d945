//! Sums of differences of rows of 16-bit cells: a space is a kernel by itself.

use super::lines::{Counts, Line, apart, equal, line, outside};
use super::{Kernel, LEVELS_A_LOOK, NUMBERS_A_LOOK, Space, TILE};

impl Space<'_> {
    /// Of each of 32 tiles, the levels of a query that none of its rows can have.
    #[inline]
    pub(super) fn levels_outside(&self, low: &[[u16; TILE]], high: &[[u16; TILE]], query: &[u16]) -> Counts {
        let nothing = Line::splat(0);
        let mut levels = Counts::none();
        for ((low, high), &cell) in low.iter().zip(high).zip(query).take(self.levels) {
            levels.add_unless(equal(outside(line(low), line(high), Line::splat(cell)), nothing));
        }
        levels
    }
}

impl Kernel for Space<'_> {
    type Distance = u32;

    #[inline]
    fn least_of_tiles(&self, low: &[[u16; TILE]], high: &[[u16; TILE]], query: &[u16]) -> [u32; TILE] {
        let unit = Line::splat(self.unit);
        let mut sums = self.levels_outside(low, high, query).times(u32::from(self.unit));
        let first = self.levels + 2 * self.wide;
        for ((low, high), &cell) in low.iter().zip(high).zip(query).skip(first).take(self.numbers) {
            sums.add(outside(line(low), line(high), Line::splat(cell)).min(unit));
        }
        for lane in (first + self.numbers..low.len()).step_by(2) {
            let (cell, flag) = (Line::splat(query[lane]), Line::splat(query[lane + 1]));
            let (all, any) = (line(&low[lane + 1]), line(&high[lane + 1]));
            let inside = outside(line(&low[lane]), line(&high[lane]), cell) | (all ^ flag);
            // some missing and some not: nothing is known
            sums.add(inside.min(unit) & equal(all, any));
        }
        sums.rows()
    }

    #[inline]
    fn distances(&self, tile: &[[u16; TILE]], query: &[u16], bound: u32) -> Option<[u32; TILE]> {
        let unit = Line::splat(self.unit);
        let (levels, rest) = tile.split_at(self.levels);
        let (level_cells, query_rest) = query.split_at(self.levels);
        let mut differ = Counts::none();
        for (lines, cells) in levels.chunks(LEVELS_A_LOOK).zip(level_cells.chunks(LEVELS_A_LOOK)) {
            for (other, &cell) in lines.iter().zip(cells) {
                differ.add_unless(equal(line(other), Line::splat(cell)));
            }
            if differ.least() * u32::from(self.unit) > bound {
                return None;
            }
        }
        let (wide, rest) = rest.split_at(2 * self.wide);
        let (wide_cells, query_rest) = query_rest.split_at(2 * self.wide);
        for (lines, cells) in wide.chunks_exact(2).zip(wide_cells.chunks_exact(2)) {
            differ.add_unless(equal(line(&lines[0]), Line::splat(cells[0])) & equal(line(&lines[1]), Line::splat(cells[1])));
        }
        let mut sums = differ.times(u32::from(self.unit));
        let (numbers, nullable) = rest.split_at(self.numbers);
        let (number_cells, nullable_cells) = query_rest.split_at(self.numbers);
        for (lines, cells) in numbers.chunks(NUMBERS_A_LOOK).zip(number_cells.chunks(NUMBERS_A_LOOK)) {
            for (other, &cell) in lines.iter().zip(cells) {
                sums.add(apart(line(other), Line::splat(cell)).min(unit));
            }
            if sums.least() > bound {
                return None;
            }
        }
        for (lines, cells) in nullable.chunks_exact(2).zip(nullable_cells.chunks_exact(2)) {
            let flags = line(&lines[1]) ^ Line::splat(cells[1]);
            sums.add((apart(line(&lines[0]), Line::splat(cells[0])) | flags).min(unit));
        }
        (sums.least() <= bound).then(|| sums.rows())
    }
}
