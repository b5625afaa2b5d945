//! Classes with weights as a response: Gini impurity of weighted counts.
//!
//! Rows are counted in whole numbers and weighted when a cut is judged, so that gains do not hang on the order
//! of rows. Small nodes sort their rows by bin; large ones count them. A nominal predictor is cut into one level,
//! which goes left, and all others, absent ones included.

use super::Predictor;
use super::cells::{Cut, Fewest, Found, Target, keep};

/// Cells a row up to which counting by bin and class is worth clearing and reading them.
const CELLS_A_ROW: usize = 2;

/// Rows of one bin and class.
#[derive(Clone, Copy)]
struct Entry {
    bin: u16,
    class: u16,
    rows: u32,
}

/// A response of weighted classes.
pub(super) struct Weighted<'a> {
    codes: &'a [u32],
    weights: &'a [f64],
    /// Classes of the node's rows.
    local: Vec<u32>,
    /// Rows of each class in the node, `[classes]`.
    totals: Vec<u32>,
    cells: Vec<u32>,
    /// Bin and class of each row.
    pairs: Vec<u32>,
    entries: Vec<Entry>,
}

impl<'a> Weighted<'a> {
    pub(super) fn new(codes: &'a [u32], weights: &'a [f64]) -> Self {
        assert!(weights.len() <= 1 << 16, "{} classes, at most 65,536", weights.len());
        let (local, cells, pairs, entries) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { codes, weights, local, totals: vec![0; weights.len()], cells, pairs, entries }
    }

    /// The levels of a predictor in the node, in the order of their codes.
    pub(super) fn present(&mut self, predictor: &Predictor<'_>, rows: &[u32]) -> Vec<u16> {
        self.enumerate(predictor, rows, None);
        let mut levels: Vec<u16> = self.entries.iter().map(|entry| entry.bin).collect();
        levels.dedup();
        levels
    }

    /// Fills `entries`, ordered by bin and class.
    fn enumerate(&mut self, predictor: &Predictor<'_>, rows: &[u32], counted: Option<&[u32]>) {
        self.entries.clear();
        let cells = self.cells(predictor);
        if counted.is_none() && cells > CELLS_A_ROW * rows.len() {
            self.sort(predictor, rows);
            return;
        }
        let mut own = std::mem::take(&mut self.cells);
        let counts = counted.unwrap_or_else(|| {
            own.clear();
            own.resize(cells, 0);
            self.count(predictor, rows, &mut own);
            &own
        });
        for (bin, counts) in counts.chunks_exact(self.weights.len()).enumerate() {
            let entry = |(class, &rows): (usize, &u32)| Entry { bin: bin as u16, class: class as u16, rows };
            self.entries.extend(counts.iter().enumerate().filter(|(_, rows)| **rows > 0).map(entry));
        }
        self.cells = own;
    }

    fn sort(&mut self, predictor: &Predictor<'_>, rows: &[u32]) {
        self.pairs.clear();
        let pair = |(&row, &class): (&u32, &u32)| u32::from(predictor.codes[row as usize]) << 16 | class;
        self.pairs.extend(rows.iter().zip(&self.local).map(pair));
        self.pairs.sort_unstable();
        for equal in self.pairs.chunk_by(|a, b| a == b) {
            self.entries.push(Entry { bin: (equal[0] >> 16) as u16, class: equal[0] as u16, rows: equal.len() as u32 });
        }
    }

    /// Sum of squared weighted counts over their sum; 0 of nothing.
    fn purity(&self, counts: &[u32]) -> f64 {
        let (mut sum, mut squares) = (0.0, 0.0);
        for (&count, weight) in counts.iter().zip(self.weights) {
            let weighted = f64::from(count) * weight;
            sum += weighted;
            squares += weighted * weighted;
        }
        if sum > 0.0 { squares / sum } else { 0.0 }
    }

    /// The best cut by the entries, and the level it takes out of a nominal predictor.
    fn sweep(&self, ordered: bool, leaf_rows: u32) -> Option<Cut> {
        let n = self.local.len() as u32;
        let whole = self.purity(&self.totals);
        let (mut left, mut right, mut left_rows) = (vec![0; self.totals.len()], self.totals.clone(), 0);
        let mut best = None;
        for entries in self.entries.chunk_by(|a, b| a.bin == b.bin) {
            if !ordered {
                left.fill(0);
                right.copy_from_slice(&self.totals);
                left_rows = 0;
            }
            for entry in entries {
                left[usize::from(entry.class)] += entry.rows;
                right[usize::from(entry.class)] -= entry.rows;
                left_rows += entry.rows;
            }
            if left_rows >= leaf_rows && n - left_rows >= leaf_rows {
                let gain = self.purity(&left) + self.purity(&right) - whole;
                keep(&mut best, Cut { gain, last: u32::from(entries[0].bin), left_rows });
            }
        }
        best
    }
}

impl Target for Weighted<'_> {
    type Cell = u32;

    fn enter(&mut self, rows: &[u32]) {
        self.local.clear();
        self.local.extend(rows.iter().map(|&row| self.codes[row as usize]));
        self.totals.fill(0);
        self.local.iter().for_each(|&class| self.totals[class as usize] += 1);
    }

    fn mass(&self) -> f64 {
        let sum: f64 = self.totals.iter().zip(self.weights).map(|(&count, weight)| f64::from(count) * weight).sum();
        sum - self.purity(&self.totals)
    }

    fn cells(&self, predictor: &Predictor<'_>) -> usize {
        predictor.bins as usize * self.weights.len()
    }

    fn count(&self, predictor: &Predictor<'_>, rows: &[u32], cells: &mut [u32]) {
        for (&row, &class) in rows.iter().zip(&self.local) {
            cells[usize::from(predictor.codes[row as usize]) * self.weights.len() + class as usize] += 1;
        }
    }

    fn cut(&mut self, predictor: &Predictor<'_>, rows: &[u32], counted: Option<&[u32]>, fewest: Fewest) -> Option<Found> {
        // rounding must not make a cut of a pure node seem to gain
        if self.totals.iter().filter(|count| **count > 0).count() < 2 {
            return None;
        }
        self.enumerate(predictor, rows, counted);
        let cut = self.sweep(predictor.ordered, fewest.rows)?;
        if predictor.ordered {
            return Some((cut, None));
        }
        let level = cut.last as u16;
        let others = (0..predictor.bins).map(|bin| bin as u16).filter(|&bin| bin != level);
        let order = std::iter::once(level).chain(others).collect();
        Some((Cut { last: 0, ..cut }, Some(order)))
    }
}
