//! Two classes as a response: Gini impurity from the rows of each bin and those of the second class.
//!
//! The same cuts and bits as [`super::classes`] gives, at a fraction of the work: forests and boosted
//! comparisons ask for nothing else. Small nodes sort their rows by bin; large ones count them.

use super::Predictor;
use super::cells::{Cell, Cut, Fewest, Found, Target, keep};

/// Bins a row up to which counting is cheaper than sorting.
const BINS_A_ROW: usize = 4;

/// Rows of a bin, and those of the second class.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pair {
    rows: u32,
    second: u32,
}

impl Cell for Pair {
    fn take(&mut self, other: Self) {
        self.rows -= other.rows;
        self.second -= other.second;
    }
}

impl Pair {
    fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.second += other.second;
    }

    /// Squared rows of both classes over all rows.
    fn purity(self) -> f64 {
        self.squares() as f64 / f64::from(self.rows)
    }

    /// Squared rows of both classes.
    fn squares(self) -> u64 {
        let (first, second) = (u64::from(self.rows - self.second), u64::from(self.second));
        first * first + second * second
    }
}

/// A response of two classes.
pub(super) struct Two<'a> {
    codes: &'a [u32],
    /// Classes of the node's rows.
    local: Vec<u32>,
    whole: Pair,
    cells: Vec<Pair>,
    /// Bin and class of each row.
    sorted: Vec<u32>,
    /// The bins that occur, in the order in which they are cut.
    present: Vec<(u16, Pair)>,
}

impl<'a> Two<'a> {
    pub(super) fn new(codes: &'a [u32]) -> Self {
        let (local, cells, sorted, present) = Default::default();
        Self { codes, local, whole: Pair::default(), cells, sorted, present }
    }

    /// The share in the node of the class that is commonest in a child.
    fn share(&self, child: Pair) -> f64 {
        let total = if 2 * child.second > child.rows { self.whole.second } else { self.whole.rows - self.whole.second };
        f64::from(total) / f64::from(self.whole.rows)
    }

    /// Fills `present` in the order of bins.
    fn enumerate(&mut self, predictor: &Predictor<'_>, rows: &[u32], counted: Option<&[Pair]>) {
        self.present.clear();
        if counted.is_none() && predictor.bins as usize > BINS_A_ROW * rows.len() {
            self.sorted.clear();
            let pair = |(&row, &class): (&u32, &u32)| u32::from(predictor.codes[row as usize]) << 1 | class;
            self.sorted.extend(rows.iter().zip(&self.local).map(pair));
            self.sorted.sort_unstable();
            for run in self.sorted.chunk_by(|a, b| a >> 1 == b >> 1) {
                let second = run.iter().map(|pair| pair & 1).sum();
                self.present.push(((run[0] >> 1) as u16, Pair { rows: run.len() as u32, second }));
            }
            return;
        }
        let mut own = std::mem::take(&mut self.cells);
        let cells = counted.unwrap_or_else(|| {
            own.clear();
            own.resize(predictor.bins as usize, Pair::default());
            self.count(predictor, rows, &mut own);
            &own
        });
        self.present.extend(cells.iter().enumerate().filter(|(_, cell)| cell.rows > 0).map(|(bin, cell)| (bin as u16, *cell)));
        self.cells = own;
    }
}

impl Target for Two<'_> {
    type Cell = Pair;

    fn enter(&mut self, rows: &[u32]) {
        self.local.clear();
        self.local.extend(rows.iter().map(|&row| self.codes[row as usize]));
        assert!(self.local.iter().all(|&class| class < 2), "a class of two is neither 0 nor 1");
        self.whole = Pair { rows: rows.len() as u32, second: self.local.iter().sum() };
    }

    fn mass(&self) -> f64 {
        if self.whole.rows == 0 { 0.0 } else { f64::from(self.whole.rows) - self.whole.purity() }
    }

    fn cells(&self, predictor: &Predictor<'_>) -> usize {
        predictor.bins as usize
    }

    fn count(&self, predictor: &Predictor<'_>, rows: &[u32], cells: &mut [Pair]) {
        for (&row, &class) in rows.iter().zip(&self.local) {
            cells[usize::from(predictor.codes[row as usize])].add(Pair { rows: 1, second: class });
        }
    }

    fn cut(&mut self, predictor: &Predictor<'_>, rows: &[u32], counted: Option<&[Pair]>, fewest: Fewest) -> Option<Found> {
        self.enumerate(predictor, rows, counted);
        if !predictor.ordered {
            let rate = |cell: Pair| f64::from(cell.second) / f64::from(cell.rows);
            self.present.sort_by(|a, b| rate(a.1).total_cmp(&rate(b.1)).then(a.0.cmp(&b.0)));
        }
        let (whole, mut left, mut best) = (self.whole.purity(), Pair::default(), None);
        for (place, &(bin, cell)) in (0..).zip(&self.present) {
            left.add(cell);
            let right = Pair { rows: self.whole.rows - left.rows, second: self.whole.second - left.second };
            if fewest.admits(left.rows, left.squares(), || self.share(left))
                && fewest.admits(right.rows, right.squares(), || self.share(right))
            {
                let last = if predictor.ordered { u32::from(bin) } else { place };
                keep(&mut best, Cut { gain: left.purity() + right.purity() - whole, last, left_rows: left.rows });
            }
        }
        let order = || self.present.iter().map(|(bin, _)| *bin).collect();
        best.map(|cut| (cut, (!predictor.ordered).then(order)))
    }
}
