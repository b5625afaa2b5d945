//! Sums of gradients by bin. Gradients are whole numbers here, so sums are exact: any order of rows, any
//! number of threads and a difference of histograms give the same bits.

use super::bins::{BLOCK, BinnedMatrix};
use rayon::prelude::*;

/// Bits of a packed cell that hold the sum of curvatures; the count lies above them.
const CURVATURE_BITS: u32 = 40;

/// Bits of a scaled gradient.
const GRADIENT_BITS: i32 = 30;

/// Most rows whose sums fit a cell.
pub(super) const ROWS_MAX: usize = 1 << (64 - CURVATURE_BITS - 1);

/// Cells below which threads cost more than they bring.
const PARALLEL_CELLS_MIN: usize = 1 << 16;

/// Scaled gradient, and count with scaled curvature.
pub(super) type Cell = [i64; 2];

/// The cells of one column.
pub(super) type Bins = [Cell; 256];

/// One leaf's cells, `[blocks][columns of a block][256]`.
pub(super) type Histogram = Vec<Box<[Bins; BLOCK]>>;

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
        [libm::rint(pair[0] * self.gradient) as i64, (1 << CURVATURE_BITS) + libm::rint(pair[1] * self.curvature) as i64]
    }

    /// What a sum of cells stands for.
    pub fn sums(self, cell: Cell) -> Sums {
        Sums {
            rows: (cell[1] >> CURVATURE_BITS) as u32,
            gradient: cell[0] as f64 / self.gradient,
            curvature: (cell[1] & ((1 << CURVATURE_BITS) - 1)) as f64 / self.curvature,
        }
    }
}

/// Histograms of one tree: counts, subtracts, and reuses the memory of closed leaves.
pub(super) struct Counter<'a> {
    matrix: &'a BinnedMatrix,
    cells: &'a [Cell],
    spare: Vec<Histogram>,
}

impl<'a> Counter<'a> {
    /// A counter over the rows of `matrix`, whose cells are `cells`.
    pub fn new(matrix: &'a BinnedMatrix, cells: &'a [Cell]) -> Self {
        Self { matrix, cells, spare: Vec::new() }
    }

    /// Counts the rows of a leaf.
    pub fn count(&mut self, rows: &[u32]) -> Histogram {
        let fresh = || (0..self.matrix.blocks().len()).map(|_| Box::new([[[0; 2]; 256]; BLOCK])).collect();
        let mut histogram = self.spare.pop().unwrap_or_else(fresh);
        let blocks: Vec<_> = self.matrix.blocks().collect();
        let work = histogram.iter_mut().zip(blocks);
        let count = |(bins, (words, width)): (&mut Box<[Bins; BLOCK]>, (&[u64], usize))| count_block(bins, words, width, rows, self.cells);
        if rows.len() * self.matrix.columns().len() >= PARALLEL_CELLS_MIN {
            work.collect::<Vec<_>>().into_par_iter().for_each(count);
        } else {
            work.for_each(count);
        }
        histogram
    }

    /// Turns a leaf's histogram into that of its larger child, given the smaller child's.
    pub fn subtract(parent: &mut Histogram, child: &Histogram) {
        for (parent, child) in parent.iter_mut().zip(child) {
            for (cell, less) in parent.as_flattened_mut().iter_mut().zip(child.as_flattened()) {
                *cell = [cell[0].wrapping_sub(less[0]), cell[1].wrapping_sub(less[1])];
            }
        }
    }

    /// Takes back the memory of a leaf that is closed.
    pub fn recycle(&mut self, histogram: Histogram) {
        self.spare.push(histogram);
    }
}

fn count_block(bins: &mut [Bins; BLOCK], words: &[u64], width: usize, rows: &[u32], cells: &[Cell]) {
    bins.as_flattened_mut().fill([0; 2]);
    match width {
        1 => count_columns::<1>(bins, words, rows, cells),
        2 => count_columns::<2>(bins, words, rows, cells),
        3 => count_columns::<3>(bins, words, rows, cells),
        4 => count_columns::<4>(bins, words, rows, cells),
        5 => count_columns::<5>(bins, words, rows, cells),
        6 => count_columns::<6>(bins, words, rows, cells),
        7 => count_columns::<7>(bins, words, rows, cells),
        _ => count_columns::<8>(bins, words, rows, cells),
    }
}

/// The inner loop: a row's word yields `WIDTH` bins, each of which takes the row's cell. Neighbouring
/// additions go to different columns, so none waits for the one before.
fn count_columns<const WIDTH: usize>(bins: &mut [Bins; BLOCK], words: &[u64], rows: &[u32], cells: &[Cell]) {
    for &row in rows {
        let (word, cell) = (words[row as usize].to_le_bytes(), cells[row as usize]);
        for column in 0..WIDTH {
            let sum = &mut bins[column][usize::from(word[column])];
            *sum = [sum[0].wrapping_add(cell[0]), sum[1].wrapping_add(cell[1])];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bins::{BinnedColumn, Order};
    use super::*;

    #[test]
    fn the_difference_of_histograms_is_the_other_child() {
        let column = |step: usize| BinnedColumn::new((0..500).map(|i| (i * step % 256) as u8).collect::<Vec<_>>(), Order::Ordered);
        let matrix = BinnedMatrix::new(500, (1..=11).map(column).collect());
        let pairs: Vec<[f64; 2]> = (0..500).map(|i| [f64::from(i) / 7.0 - 30.0, 1.0 / f64::from(i + 1)]).collect();
        let scale = Scale::fit(&pairs).expect("not all 0");
        let cells: Vec<Cell> = pairs.iter().map(|pair| scale.cell(*pair)).collect();
        let mut counter = Counter::new(&matrix, &cells);
        let all: Vec<u32> = (0..500).collect();
        let (left, right): (Vec<u32>, Vec<u32>) = all.iter().partition(|row| *row % 3 == 0);
        let mut rest = counter.count(&all);
        Counter::subtract(&mut rest, &counter.count(&left));
        assert_eq!(rest, counter.count(&right));
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
