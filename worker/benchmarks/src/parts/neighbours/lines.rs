//! A line of a tile, one cell of each of its 32 rows, as vectors of the processor. Whole numbers alone: every machine
//! finds the same.
//!
//! Plain loops over a line are unrolled by the compiler, which then gathers cells across lines one by one: the vectors
//! are named so that it cannot. `distances` and `membership` took twice the processor time before (adult).

use super::TILE;
use wide::{u16x16, u16x32, u32x16};

/// A cell of each row.
pub type Line = u16x32;

/// The line of stored cells.
#[inline]
pub fn line(cells: &[u16; TILE]) -> Line {
    Line::new(*cells)
}

/// How far each cell is from `cell`.
#[inline]
pub fn apart(line: Line, cell: Line) -> Line {
    line.max(cell) - line.min(cell)
}

/// How far `cell` is outside of what lies between two lines.
#[inline]
pub fn outside(low: Line, high: Line, cell: Line) -> Line {
    low.saturating_sub(cell) | cell.saturating_sub(high)
}

/// All bits where two lines agree.
#[inline]
pub fn equal(a: Line, b: Line) -> Line {
    a.simd_eq(b)
}

/// Counts of a row each, of 16 bits.
#[derive(Debug, Clone, Copy)]
pub struct Counts(Line);

impl Counts {
    /// None.
    #[inline]
    pub fn none() -> Self {
        Self(Line::splat(0))
    }

    /// Counts the rows in which a line of [`equal`] has no bits.
    #[inline]
    pub fn add_unless(&mut self, equal: Line) {
        // all bits are -1
        self.0 = self.0 + Line::splat(1) + equal;
    }

    /// The smallest.
    #[inline]
    pub fn least(self) -> u32 {
        u32::from(self.0.reduce_min())
    }

    /// Each count times `unit`.
    #[inline]
    pub fn times(self, unit: u32) -> Sums {
        let [low, high] = widened(self.0);
        let unit = u32x16::splat(unit);
        Sums([low * unit, high * unit])
    }
}

/// Sums of a row each, of 32 bits.
#[derive(Debug, Clone, Copy)]
pub struct Sums([u32x16; 2]);

impl Sums {
    /// Adds a line.
    #[inline]
    pub fn add(&mut self, line: Line) {
        let [low, high] = widened(line);
        self.0 = [self.0[0] + low, self.0[1] + high];
    }

    /// The smallest.
    #[inline]
    pub fn least(self) -> u32 {
        self.0[0].min(self.0[1]).reduce_min()
    }

    /// Of each row.
    #[inline]
    pub fn rows(self) -> [u32; TILE] {
        let [low, high] = self.0.map(|half| half.to_array());
        let mut rows = [0; TILE];
        rows[..TILE / 2].copy_from_slice(&low);
        rows[TILE / 2..].copy_from_slice(&high);
        rows
    }
}

#[inline]
fn widened(line: Line) -> [u32x16; 2] {
    let cells = line.to_array();
    let half = |first: usize| -> u32x16 {
        let mut half = [0; TILE / 2];
        half.copy_from_slice(&cells[first..first + TILE / 2]);
        u32x16::from(u16x16::new(half))
    };
    [half(0), half(TILE / 2)]
}
