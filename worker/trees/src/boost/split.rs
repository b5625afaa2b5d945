//! The best cut of a leaf: which column, where, and which way missing cells go.

use super::Settings;
use super::bins::{BinnedColumn, Block, Order};
use super::histogram::{Cell, Scale, Sums, curvature, least_of};

/// Least sum of curvatures of a child.
const CURVATURE_MIN: f64 = 1e-3;

/// A split is weighed exactly if it comes this near to the best: far more than rounding takes away.
const NEAR: f64 = 1.0 - 1e-9;

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

/// The split of largest gain of a leaf of sums `total` at one of the columns of a block; ties go to the lowest
/// column, then the lowest bin. `None` if nothing gains. `columns`: all columns; `sums`: the block's cells.
pub(super) fn best(
    block: &Block,
    columns: &[BinnedColumn],
    sums: &[Cell],
    total: Cell,
    scale: Scale,
    settings: &Settings,
) -> Option<Split> {
    let mut search = Search::new(total, scale, settings);
    for (place, column) in columns[block.first..][..block.width].iter().enumerate() {
        let bins = &sums[block.starts[place]..block.starts[place + 1]];
        let test = Test { column: (block.first + place) as u32, bin: 0, order: column.order(), missing_left: false };
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
    /// Least second part of a child's cell.
    child_min: i64,
    /// `total` and the penalty in whole-number units.
    gradient: f64,
    curvature: f64,
    l2: f64,
    /// What the strengths of two children must reach to be weighed, in whole-number units.
    bar: f64,
}

impl<'a> Search<'a> {
    fn new(total: Cell, scale: Scale, settings: &'a Settings) -> Self {
        let mut search = Self {
            scale,
            settings,
            total,
            sums: scale.sums(total),
            best: None,
            child_min: least_of(settings.leaf_rows),
            gradient: total[0] as f64,
            curvature: curvature(total),
            l2: scale.scaled_curvature(settings.l2),
            bar: 0.0,
        };
        search.raise(settings.gain_min);
        search
    }

    /// Only more than this gain counts from now on.
    fn raise(&mut self, gain: f64) {
        let bar = self.scale.scaled_strength((gain + self.strength(self.sums)) * NEAR);
        // beyond the scale nothing can be told in advance
        self.bar = if bar.is_finite() { bar } else { -1.0 };
    }

    fn ordered(&mut self, test: Test, bins: &[Cell]) {
        let missing = bins[0];
        if missing[1] == 0 {
            return self.scan(test, bins, [0; 2], None);
        }
        // to the right, the last bin against the missing cells is a split of its own
        self.scan(test, bins, [0; 2], Some(false));
        self.scan(test, bins, missing, Some(true));
    }

    fn scan(&mut self, test: Test, bins: &[Cell], start: Cell, missing_left: Option<bool>) {
        let mut left = start;
        for (bin, cell) in bins.iter().enumerate().skip(1) {
            left = plus(left, *cell);
            if self.total[1] - left[1] < self.child_min {
                break;
            }
            // an empty bin offers what the bin before it did, which is not more
            self.offer(Test { bin: bin as u8, ..test }, left, missing_left);
        }
    }

    fn one_against_rest(&mut self, test: Test, bins: &[Cell]) {
        for (bin, cell) in bins.iter().enumerate() {
            self.offer(Test { bin: bin as u8, ..test }, *cell, Some(false));
        }
    }

    /// Weighs a split whose children have rows enough and that may gain more than the best so far:
    /// `gl²/a + gr²/b > bar` without a division. Whole numbers below 2^53 make the differences exact.
    fn offer(&mut self, test: Test, left: Cell, missing_left: Option<bool>) {
        if left[1] < self.child_min || self.total[1] - left[1] < self.child_min {
            return;
        }
        let (gradient, share) = (left[0] as f64, curvature(left));
        let rest = self.gradient - gradient;
        let (a, b) = (share + self.l2, self.curvature - share + self.l2);
        if gradient * gradient * b + rest * rest * a > self.bar * (a * b) {
            self.weigh(test, left, missing_left);
        }
    }

    /// Keeps a split if it gains more than the best so far. Where a leaf has no missing cell to learn a way
    /// from (`None`), they follow the many.
    #[cold]
    fn weigh(&mut self, test: Test, left: Cell, missing_left: Option<bool>) {
        let right = [self.total[0] - left[0], self.total[1] - left[1]];
        let (left_sums, right_sums) = (self.scale.sums(left), self.scale.sums(right));
        if left_sums.curvature.min(right_sums.curvature) < CURVATURE_MIN {
            return;
        }
        let gain = self.strength(left_sums) + self.strength(right_sums) - self.strength(self.sums);
        if gain > self.best.map_or(self.settings.gain_min, |best| best.gain) {
            let test = Test { missing_left: missing_left.unwrap_or(left_sums.rows > right_sums.rows), ..test };
            self.best = Some(Split { test, gain, left, right });
            self.raise(gain);
        }
    }

    fn strength(&self, sums: Sums) -> f64 {
        sums.gradient * sums.gradient / (sums.curvature + self.settings.l2)
    }
}

fn plus(a: Cell, b: Cell) -> Cell {
    [a[0] + b[0], a[1] + b[1]]
}
