//! The best cut of a leaf: which column, where, and which way missing cells go.

use super::Settings;
use super::bins::{BLOCK, BinnedMatrix, Order};
use super::histogram::{Bins, Cell, Histogram, Scale, Sums};

/// Least sum of curvatures of a child.
const CURVATURE_MIN: f64 = 1e-3;

/// A test that sends a row left or right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Test {
    pub column: u32,
    pub bin: u8,
    pub order: Order,
    pub missing_left: bool,
}

impl Test {
    /// Whether a cell goes left.
    pub fn left(self, bin: u8) -> bool {
        match self.order {
            Order::OneAgainstRest => bin == self.bin,
            Order::Ordered if bin == 0 => self.missing_left,
            Order::Ordered => bin <= self.bin,
        }
    }
}

/// A test and what it brings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Split {
    pub test: Test,
    pub gain: f64,
    pub left: Cell,
    pub right: Cell,
}

/// The split of largest gain; ties go to the lowest column, then the lowest bin. `None` if nothing gains.
pub(super) fn best(matrix: &BinnedMatrix, histogram: &Histogram, total: Cell, scale: Scale, settings: &Settings) -> Option<Split> {
    let mut search = Search { scale, settings, total, sums: scale.sums(total), best: None };
    for (place, column) in matrix.columns().iter().enumerate() {
        let bins = &histogram[place / BLOCK][place % BLOCK];
        let test = Test { column: place as u32, bin: 0, order: column.order(), missing_left: false };
        match column.order() {
            Order::Ordered => search.ordered(test, bins),
            Order::OneAgainstRest => search.one_against_rest(test, bins),
        }
    }
    search.best
}

/// The value of a leaf with these sums: one Newton step.
pub(super) fn leaf_value(sums: Sums, settings: &Settings) -> f64 {
    -settings.learning_rate * sums.gradient / (sums.curvature + settings.l2)
}

struct Search<'a> {
    scale: Scale,
    settings: &'a Settings,
    total: Cell,
    sums: Sums,
    best: Option<Split>,
}

impl Search<'_> {
    fn ordered(&mut self, test: Test, bins: &Bins) {
        let missing = bins[0];
        let last = bins.iter().rposition(|cell| cell[1] != 0).unwrap_or(0);
        if missing[1] == 0 {
            return self.scan(test, bins, [0; 2], last.saturating_sub(1), None);
        }
        // to the right, the last bin against the missing cells is a split of its own
        self.scan(test, bins, [0; 2], last, Some(false));
        self.scan(test, bins, missing, last.saturating_sub(1), Some(true));
    }

    fn scan(&mut self, test: Test, bins: &Bins, start: Cell, last: usize, missing_left: Option<bool>) {
        let mut left = start;
        for (bin, cell) in bins.iter().enumerate().take(last + 1).skip(1).filter(|(_, cell)| cell[1] != 0) {
            left = plus(left, *cell);
            self.offer(Test { bin: bin as u8, ..test }, left, missing_left);
        }
    }

    fn one_against_rest(&mut self, test: Test, bins: &Bins) {
        for (bin, cell) in bins.iter().enumerate().filter(|(_, cell)| cell[1] != 0) {
            self.offer(Test { bin: bin as u8, ..test }, *cell, Some(false));
        }
    }

    /// Keeps a split if it gains more than the best so far. Where a leaf has no missing cell to learn a way
    /// from (`None`), they follow the many.
    fn offer(&mut self, test: Test, left: Cell, missing_left: Option<bool>) {
        let left_sums = self.scale.sums(left);
        let right_rows = self.sums.rows - left_sums.rows;
        if left_sums.rows.min(right_rows) < self.settings.leaf_rows {
            return;
        }
        let right = [self.total[0] - left[0], self.total[1] - left[1]];
        let right_sums = self.scale.sums(right);
        if left_sums.curvature.min(right_sums.curvature) < CURVATURE_MIN {
            return;
        }
        let gain = self.strength(left_sums) + self.strength(right_sums) - self.strength(self.sums);
        if gain > self.best.map_or(self.settings.gain_min, |best| best.gain) {
            let test = Test { missing_left: missing_left.unwrap_or(left_sums.rows > right_rows), ..test };
            self.best = Some(Split { test, gain, left, right });
        }
    }

    fn strength(&self, sums: Sums) -> f64 {
        sums.gradient * sums.gradient / (sums.curvature + self.settings.l2)
    }
}

fn plus(a: Cell, b: Cell) -> Cell {
    [a[0] + b[0], a[1] + b[1]]
}
