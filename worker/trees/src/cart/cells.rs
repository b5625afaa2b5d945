//! What is counted of a node: a cell for each bin, or for each bin and class, of a predictor.
//!
//! Cells hold whole numbers only, so that counting rows in any order, or taking one child's cells from the
//! parent's to get the other's, gives the same bits.

use super::{Predictor, Settings, Test};

/// A count, or a count with a sum.
pub(super) trait Cell: Copy + Default {
    /// Takes off what `other` counted.
    fn take(&mut self, other: Self);
}

impl Cell for u32 {
    fn take(&mut self, other: Self) {
        *self -= other;
    }
}

/// Rows of a bin and the sum of their numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moment {
    pub(super) rows: i64,
    pub(super) sum: i64,
}

impl Cell for Moment {
    fn take(&mut self, other: Self) {
        self.rows -= other.rows;
        self.sum -= other.sum;
    }
}

/// A cut between two neighbouring bins of a predictor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub(super) gain: f64,
    /// Last bin, or place of the last level, on the left.
    pub(super) last: u32,
    pub(super) left_rows: u32,
}

/// A cut and, for nominal predictors, the order of levels in which it was found.
pub(super) type Found = (Cut, Option<Vec<u16>>);

/// A child of one class is a rule, not chance, if so many rows of the node would agree once in a million cuts:
/// -ln(1e-6).
const NO_CHANCE: f64 = 13.816;

/// Fewest rows of a child.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fewest {
    /// Of any child, at least 1.
    pub(super) rows: u32,
    /// Of a child of one class, at least 1, at most `rows`.
    pub(super) pure: u32,
}

impl Fewest {
    pub(super) fn of(settings: &Settings) -> Self {
        let rows = settings.leaf_rows.max(1);
        Self { rows, pure: settings.pure_rows.unwrap_or(rows).clamp(1, rows) }
    }

    /// Whether a child is large enough: `rows` of it, `squares` the sum of its squared class counts, and `share` that
    /// of its commonest class in the node.
    pub(super) fn admits(self, rows: u32, squares: u64, share: impl FnOnce() -> f64) -> bool {
        let is_pure = || squares == u64::from(rows) * u64::from(rows);
        rows >= self.rows || (rows >= self.pure && is_pure() && f64::from(rows) * -libm::log(share()) > NO_CHANCE)
    }
}

/// A response: how its rows are counted and which cut of counted cells is best.
pub(super) trait Target {
    type Cell: Cell;

    /// Turns to the rows of a node.
    fn enter(&mut self, rows: &[u32]);

    /// Rows times impurity of the node.
    fn mass(&self) -> f64;

    /// Number of cells of a predictor.
    fn cells(&self, predictor: &Predictor<'_>) -> usize;

    /// Adds the node's rows to the cells of a predictor.
    fn count(&self, predictor: &Predictor<'_>, rows: &[u32], cells: &mut [Self::Cell]);

    /// The best cut of a predictor that leaves enough rows on both sides. `counted` are the cells of the node, if
    /// they are known.
    fn cut(&mut self, predictor: &Predictor<'_>, rows: &[u32], counted: Option<&[Self::Cell]>, fewest: Fewest) -> Option<Found>;
}

/// The bins of a predictor in the order in which they are swept: their own, or a given order of levels.
pub(super) struct Sequence<'o> {
    order: Option<&'o [u16]>,
    bins: u32,
}

impl<'o> Sequence<'o> {
    pub(super) fn new(order: Option<&'o [u16]>, predictor: &Predictor<'_>) -> Self {
        Self { order, bins: predictor.bins }
    }

    /// Places with their bins.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, usize)> + '_ {
        let places = self.order.map_or(self.bins, |order| order.len() as u32);
        (0..places).map(|place| (place, self.order.map_or(place as usize, |order| usize::from(order[place as usize]))))
    }
}

pub(super) fn keep(best: &mut Option<Cut>, cut: Cut) {
    if best.is_none_or(|so_far| cut.gain > so_far.gain) {
        *best = Some(cut);
    }
}

/// The question that a cut asks; levels absent from the node join the larger side.
pub(super) fn test_of((cut, order): Found, predictor: &Predictor<'_>, rows: usize) -> Test {
    let Some(order) = order else { return Test::AtMost(cut.last as u16) };
    let absent_left = 2 * cut.left_rows as usize > rows;
    let mut bits = vec![if absent_left { u64::MAX } else { 0 }; (predictor.bins as usize).div_ceil(64)];
    for (place, &level) in order.iter().enumerate() {
        let (word, bit) = (usize::from(level) / 64, 1u64 << (level % 64));
        if place as u32 <= cut.last {
            bits[word] |= bit;
        } else {
            bits[word] &= !bit;
        }
    }
    Test::In(bits.into())
}
