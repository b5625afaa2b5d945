//! Numbers as a response: variance.
//!
//! Numbers are centred on the root's mean and rounded to whole multiples of a small unit, so that sums are
//! exact. The unit is the largest distance from the mean over a power of two, as fine as sums of all rows
//! allow: at least 2⁻³⁰ of that distance.

use super::cells::{Cut, Fewest, Found, Moment, Sequence, Target, keep};
use super::{Predictor, nominal};

/// Bits of a sum; one more is its sign.
const SUM_BITS: u32 = 62;
/// More bits than a double has are of no use.
const NUMBER_BITS_MAX: u32 = 52;

/// A real response.
pub(super) struct Real {
    /// Whole multiples of the unit, `[rows of the table]`.
    numbers: Vec<i64>,
    /// Those of the node's rows.
    local: Vec<i64>,
    whole: Moment,
    scale: f64,
    scratch: Vec<Moment>,
}

impl Real {
    /// Rounds the numbers of a table, of which a tree learns from `rows`.
    pub(super) fn new(numbers: &[f64], rows: &[u32]) -> Self {
        let mean = rows.iter().map(|&row| numbers[row as usize]).sum::<f64>() / rows.len().max(1) as f64;
        let far = rows.iter().map(|&row| (numbers[row as usize] - mean).abs()).fold(0.0, f64::max);
        let bits = (SUM_BITS - (rows.len() as u64).next_power_of_two().trailing_zeros()).min(NUMBER_BITS_MAX);
        let scale = (1u64 << bits) as f64;
        let unit = if far > 0.0 { far / scale } else { 1.0 };
        let mut whole = vec![0; numbers.len()];
        rows.iter().for_each(|&row| whole[row as usize] = ((numbers[row as usize] - mean) / unit).round() as i64);
        Self { numbers: whole, local: Vec::new(), whole: Moment::default(), scale, scratch: Vec::new() }
    }

    /// Levels by the mean of their rows, then by code.
    pub(super) fn order(predictor: &Predictor<'_>, cells: &[Moment]) -> Vec<u16> {
        let present = (0..predictor.bins as u16).filter(|&level| cells[usize::from(level)].rows > 0).collect();
        let mean = |level: u16| {
            let cell = cells[usize::from(level)];
            cell.sum as f64 / cell.rows as f64
        };
        nominal::sorted(present, mean)
    }

    fn sweep(&self, sequence: &Sequence<'_>, cells: &[Moment], leaf_rows: u32) -> Option<Cut> {
        let (n, mean) = (self.whole.rows as f64, self.whole.sum as f64 / self.whole.rows as f64);
        let (mut left, mut best) = (Moment::default(), None);
        for (place, bin) in sequence.iter() {
            let cell = cells[bin];
            if cell.rows == 0 {
                continue;
            }
            left.rows += cell.rows;
            left.sum += cell.sum;
            let right_rows = self.whole.rows - left.rows;
            if left.rows >= i64::from(leaf_rows) && right_rows >= i64::from(leaf_rows) {
                // Centred on the node's mean, the right sum is the left one's negative.
                let rows = left.rows as f64;
                let sum = (left.sum as f64 - rows * mean) / self.scale;
                let gain = sum * sum * (n / (rows * (n - rows)));
                keep(&mut best, Cut { gain, last: place, left_rows: left.rows as u32 });
            }
        }
        best
    }
}

impl Target for Real {
    type Cell = Moment;

    fn enter(&mut self, rows: &[u32]) {
        self.local.clear();
        self.local.extend(rows.iter().map(|&row| self.numbers[row as usize]));
        self.whole = Moment { rows: rows.len() as i64, sum: self.local.iter().sum() };
    }

    fn mass(&self) -> f64 {
        let mean = self.whole.sum as f64 / self.whole.rows.max(1) as f64;
        self.local.iter().map(|&number| (number as f64 - mean) / self.scale).map(|distance| distance * distance).sum()
    }

    fn cells(&self, predictor: &Predictor<'_>) -> usize {
        predictor.bins as usize
    }

    fn count(&self, predictor: &Predictor<'_>, rows: &[u32], cells: &mut [Moment]) {
        for (&row, &number) in rows.iter().zip(&self.local) {
            let cell = &mut cells[usize::from(predictor.codes[row as usize])];
            cell.rows += 1;
            cell.sum += number;
        }
    }

    fn cut(&mut self, predictor: &Predictor<'_>, rows: &[u32], counted: Option<&[Moment]>, fewest: Fewest) -> Option<Found> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let cells = match counted {
            Some(cells) => cells,
            None => {
                scratch.clear();
                scratch.resize(self.cells(predictor), Moment::default());
                self.count(predictor, rows, &mut scratch);
                &scratch
            }
        };
        let order = if predictor.ordered { None } else { Some(Self::order(predictor, cells)) };
        let cut = self.sweep(&Sequence::new(order.as_deref(), predictor), cells, fewest.rows);
        self.scratch = scratch;
        cut.map(|cut| (cut, order))
    }
}
