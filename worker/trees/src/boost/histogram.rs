//! Sums of gradients by bin. Gradients are whole numbers here, so sums are exact: any order of rows, any
//! number of threads and a difference of histograms give the same bits.

use super::bins::{BLOCK, Block};

/// Bits of a packed cell that hold the sum of curvatures; the count lies above them.
const CURVATURE_BITS: u32 = 40;

/// Bits of a scaled gradient.
const GRADIENT_BITS: i32 = 30;

/// Most rows whose sums fit a cell.
pub(super) const ROWS_MAX: usize = 1 << (64 - CURVATURE_BITS - 1);

/// Added and taken away, it leaves a whole number.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// Scaled gradient, and count with scaled curvature.
pub(super) type Cell = [i64; 2];

/// One leaf's cells, `[blocks][cells of the block]`.
pub(super) type Histogram = Vec<Vec<Cell>>;

/// Sums of one side of a split.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sums {
    pub rows: u32,
    pub gradient: f64,
    pub curvature: f64,
}

/// How gradients became whole numbers: powers of two, so nothing but the last bits is lost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    gradient: f64,
    curvature: f64,
}

impl Scale {
    /// The finest scale at which the sums over all rows fit; `None` if all gradients are 0.
    pub fn fit(gradients: &[[f64; 2]]) -> Option<Self> {
        let largest = |i: usize| gradients.iter().fold(0.0f64, |most, pair| most.max(pair[i].abs()));
        let (gradient, curvature) = (largest(0), largest(1));
        if gradient == 0.0 || curvature == 0.0 {
            return None;
        }
        let row_bits = (usize::BITS - gradients.len().leading_zeros()) as i32;
        let power = |bits: i32, most: f64| libm::scalbn(1.0, (bits - libm::ilogb(most) - 1).min(1_000));
        Some(Self { gradient: power(GRADIENT_BITS, gradient), curvature: power(CURVATURE_BITS as i32 - row_bits, curvature) })
    }

    /// One row's cell.
    pub fn cell(self, pair: [f64; 2]) -> Cell {
        [whole(pair[0] * self.gradient), (1 << CURVATURE_BITS) + whole(pair[1] * self.curvature)]
    }

    /// What a sum of cells stands for.
    pub fn sums(self, cell: Cell) -> Sums {
        Sums {
            rows: (cell[1] >> CURVATURE_BITS) as u32,
            gradient: cell[0] as f64 / self.gradient,
            curvature: curvature(cell) / self.curvature,
        }
    }

    /// The scaled form of a curvature.
    pub fn scaled_curvature(self, curvature: f64) -> f64 {
        curvature * self.curvature
    }

    /// The scaled form of a strength, a squared gradient over a curvature.
    pub fn scaled_strength(self, strength: f64) -> f64 {
        strength * (self.gradient * self.gradient / self.curvature)
    }
}

/// The scaled curvature in a sum of cells.
pub(super) fn curvature(cell: Cell) -> f64 {
    (cell[1] & ((1 << CURVATURE_BITS) - 1)) as f64
}

/// The least second part of a sum of at least `rows` cells.
pub(super) fn least_of(rows: u32) -> i64 {
    i64::from(rows.min(ROWS_MAX as u32 - 1)) << CURVATURE_BITS
}

/// The nearest whole number, of two the even one; below 2^51.
fn whole(x: f64) -> i64 {
    (x + ROUNDER).to_bits() as i64 - ROUNDER.to_bits() as i64
}

/// Adds the rows of a leaf to the cells of a block.
pub(super) fn count(block: &Block, sums: &mut [Cell], rows: &[u32], cells: &[Cell]) {
    match block.width {
        1 => count_columns::<1>(block, sums, rows, cells),
        2 => count_columns::<2>(block, sums, rows, cells),
        3 => count_columns::<3>(block, sums, rows, cells),
        4 => count_columns::<4>(block, sums, rows, cells),
        5 => count_columns::<5>(block, sums, rows, cells),
        6 => count_columns::<6>(block, sums, rows, cells),
        7 => count_columns::<7>(block, sums, rows, cells),
        _ => count_columns::<BLOCK>(block, sums, rows, cells),
    }
}

/// The inner loop: a row's word yields `WIDTH` bins, each of which takes the row's cell. Neighbouring
/// additions go to different columns, so none waits for the one before.
fn count_columns<const WIDTH: usize>(block: &Block, sums: &mut [Cell], rows: &[u32], cells: &[Cell]) {
    let (words, starts) = (block.words.as_slice(), block.starts);
    for &row in rows {
        let (word, cell) = (words[row as usize].to_le_bytes(), cells[row as usize]);
        for column in 0..WIDTH {
            let sum = &mut sums[starts[column] + usize::from(word[column])];
            *sum = [sum[0].wrapping_add(cell[0]), sum[1].wrapping_add(cell[1])];
        }
    }
}

/// Turns a leaf's cells into those of its one child, given the other's.
pub(super) fn subtract(parent: &mut [Cell], child: &[Cell]) {
    for (cell, less) in parent.iter_mut().zip(child) {
        *cell = [cell[0].wrapping_sub(less[0]), cell[1].wrapping_sub(less[1])];
    }
}

#[cfg(test)]
mod tests {
    use super::super::bins::{BinnedColumn, BinnedMatrix, Order};
    use super::*;

    #[test]
    fn the_difference_of_histograms_is_the_other_child() {
        let column = |step: usize| BinnedColumn::new((0..500).map(|i| (i * step % 256) as u8).collect::<Vec<_>>(), Order::Ordered);
        let matrix = BinnedMatrix::new(500, (1..=11).map(column).collect());
        let pairs: Vec<[f64; 2]> = (0..500).map(|i| [f64::from(i) / 7.0 - 30.0, 1.0 / f64::from(i + 1)]).collect();
        let scale = Scale::fit(&pairs).expect("not all 0");
        let cells: Vec<Cell> = pairs.iter().map(|pair| scale.cell(*pair)).collect();
        let counted = |rows: &[u32]| -> Histogram {
            let of_block = |block: &Block| {
                let mut sums = vec![[0; 2]; block.cells()];
                count(block, &mut sums, rows, &cells);
                sums
            };
            matrix.blocks().iter().map(of_block).collect()
        };
        let all: Vec<u32> = (0..500).collect();
        let (left, right): (Vec<u32>, Vec<u32>) = all.iter().partition(|row| *row % 3 == 0);
        let mut rest = counted(&all);
        rest.iter_mut().zip(counted(&left)).for_each(|(rest, left)| subtract(rest, &left));
        assert_eq!(rest, counted(&right));
    }

    #[test]
    fn rounding_takes_the_even_one_of_two() {
        assert_eq!([2.5, 3.5, -2.5, -0.4, 1_099_511_627_775.4].map(whole), [2, 4, -2, 0, 1_099_511_627_775]);
    }

    #[test]
    fn sums_come_back_within_the_scale() {
        let pairs: Vec<[f64; 2]> = (0..1_000).map(|i| [if i % 2 == 0 { 0.3 } else { -0.7 }, 0.21]).collect();
        let scale = Scale::fit(&pairs).expect("not all 0");
        let total = pairs.iter().map(|pair| scale.cell(*pair)).fold([0; 2], |sum, cell| [sum[0] + cell[0], sum[1] + cell[1]]);
        let sums = scale.sums(total);
        assert_eq!(sums.rows, 1_000);
        assert!((sums.gradient + 200.0).abs() < 1e-5, "{}", sums.gradient);
        assert!((sums.curvature - 210.0).abs() < 1e-5, "{}", sums.curvature);
    }
}
