//! Classes as a response: Gini impurity.
//!
//! A node's rows are counted by bin and class; where that would be more cells than rows, rows are sorted by
//! bin instead. Squares of counts change by whole numbers while a cut moves, so gains are exact.

use super::Predictor;
use super::cells::{Cut, Fewest, Found, Sequence, Target, keep};
use super::nominal::{self, Columns};

/// Cells a row up to which counting by bin and class is worth clearing and reading them.
const CELLS_A_ROW: usize = 2;

/// A response of classes.
pub(super) struct Classes<'a> {
    codes: &'a [u32],
    classes: usize,
    /// Classes of the node's rows.
    local: Vec<u32>,
    /// Rows of each class in the node, `[classes]`.
    totals: Vec<u32>,
    columns: Columns,
    cells: Vec<u32>,
    sorted: Sorted,
}

/// Rows by bin and class.
enum Counted<'c> {
    /// A count for each bin and class.
    Cells(&'c [u32], usize),
    /// The class of each row, bin by bin.
    Rows(&'c Sorted),
}

/// Classes of rows sorted by bin.
#[derive(Default)]
struct Sorted {
    /// First row of each bin, and the end of the last.
    starts: Vec<u32>,
    classes: Vec<u32>,
}

impl Counted<'_> {
    /// Hands every class of a bin with its count to `take`; a class may come several times.
    fn each(&self, bin: usize, mut take: impl FnMut(usize, u32)) {
        match self {
            Self::Cells(cells, classes) => {
                let cells = &cells[bin * classes..(bin + 1) * classes];
                cells.iter().enumerate().filter(|(_, count)| **count > 0).for_each(|(class, &count)| take(class, count));
            }
            Self::Rows(Sorted { starts, classes }) => {
                classes[starts[bin] as usize..starts[bin + 1] as usize].iter().for_each(|&class| take(class as usize, 1));
            }
        }
    }
}

impl Sorted {
    fn fill(&mut self, predictor: &Predictor<'_>, rows: &[u32], classes: &[u32]) {
        self.starts.clear();
        self.starts.resize(predictor.bins as usize + 2, 0);
        let code = |row: u32| usize::from(predictor.codes[row as usize]);
        rows.iter().for_each(|&row| self.starts[code(row) + 2] += 1);
        for bin in 2..self.starts.len() {
            self.starts[bin] += self.starts[bin - 1];
        }
        self.classes.clear();
        self.classes.resize(rows.len(), 0);
        for (&row, &class) in rows.iter().zip(classes) {
            let next = &mut self.starts[code(row) + 1];
            self.classes[*next as usize] = class;
            *next += 1; // in the end starts[bin + 1] is where the bin ends
        }
    }
}

/// The two sides of a cut while it moves.
struct Sides {
    left: Vec<u32>,
    right: Vec<u32>,
    squares_left: u64,
    squares_right: u64,
    left_rows: u32,
}

impl Sides {
    fn new(totals: &[u32]) -> Self {
        Self { left: vec![0; totals.len()], right: totals.to_vec(), squares_left: 0, squares_right: squares(totals), left_rows: 0 }
    }

    fn shift(&mut self, class: usize, count: u32) {
        let (left, right, rows) = (&mut self.left[class], &mut self.right[class], u64::from(count));
        self.squares_left += rows * (2 * u64::from(*left) + rows);
        self.squares_right -= rows * (2 * u64::from(*right) - rows);
        *left += count;
        *right -= count;
        self.left_rows += count;
    }
}

fn squares(counts: &[u32]) -> u64 {
    counts.iter().map(|&count| u64::from(count) * u64::from(count)).sum()
}

impl<'a> Classes<'a> {
    pub(super) fn new(codes: &'a [u32], classes: u32) -> Self {
        let classes = classes as usize;
        let (local, totals, cells) = (Vec::new(), vec![0; classes], Vec::new());
        Self { codes, classes, local, totals, columns: Columns::default(), cells, sorted: Sorted::default() }
    }

    /// The levels of a predictor in the node, in the order in which they are cut.
    pub(super) fn order(&mut self, predictor: &Predictor<'_>, rows: &[u32]) -> Vec<u16> {
        let mut sorted = std::mem::take(&mut self.sorted);
        sorted.fill(predictor, rows, &self.local);
        let order = self.order_of(predictor, &Counted::Rows(&sorted));
        self.sorted = sorted;
        order
    }

    fn order_of(&self, predictor: &Predictor<'_>, counted: &Counted<'_>) -> Vec<u16> {
        let width = self.columns.width();
        let (mut present, mut sizes, mut rates) = (Vec::new(), Vec::new(), Vec::new());
        let mut of_level = vec![0.0; width];
        for level in 0..predictor.bins {
            of_level.fill(0.0);
            let mut rows = 0.0;
            counted.each(level as usize, |class, count| {
                of_level[self.columns.of_class(class)] += f64::from(count);
                rows += f64::from(count);
            });
            if rows > 0.0 {
                present.push(level as u16);
                sizes.push(rows);
                rates.extend(of_level.iter().map(|count| count / rows));
            }
        }
        nominal::order_by_rates(present, &sizes, rates, width)
    }

    /// The share in the node of the class that is commonest in a child.
    fn share_of_commonest(&self, child: &[u32]) -> f64 {
        let commonest = child.iter().zip(&self.totals).max_by_key(|(count, _)| **count);
        commonest.map_or(1.0, |(_, &total)| f64::from(total) / self.local.len() as f64)
    }

    fn sweep(&self, sequence: &Sequence<'_>, counted: &Counted<'_>, fewest: Fewest) -> Option<Cut> {
        let n = self.local.len() as u32;
        let mut sides = Sides::new(&self.totals);
        let whole = sides.squares_right as f64 / f64::from(n);
        let mut best = None;
        for (place, bin) in sequence.iter() {
            let before = sides.left_rows;
            counted.each(bin, |class, count| sides.shift(class, count));
            let (left, right) = (sides.left_rows, n - sides.left_rows);
            let share = |side: &[u32]| self.share_of_commonest(side);
            if left > before
                && fewest.admits(left, sides.squares_left, || share(&sides.left))
                && fewest.admits(right, sides.squares_right, || share(&sides.right))
            {
                let gain = sides.squares_left as f64 / f64::from(left) + sides.squares_right as f64 / f64::from(right) - whole;
                keep(&mut best, Cut { gain, last: place, left_rows: left });
            }
        }
        best
    }
}

impl Target for Classes<'_> {
    type Cell = u32;

    fn enter(&mut self, rows: &[u32]) {
        self.local.clear();
        self.local.extend(rows.iter().map(|&row| self.codes[row as usize]));
        self.totals.fill(0);
        self.local.iter().for_each(|&class| self.totals[class as usize] += 1);
        self.columns = Columns::of(&self.totals);
    }

    fn mass(&self) -> f64 {
        let n = self.local.len() as f64;
        if self.local.is_empty() { 0.0 } else { n - squares(&self.totals) as f64 / n }
    }

    fn cells(&self, predictor: &Predictor<'_>) -> usize {
        predictor.bins as usize * self.classes
    }

    fn count(&self, predictor: &Predictor<'_>, rows: &[u32], cells: &mut [u32]) {
        for (&row, &class) in rows.iter().zip(&self.local) {
            cells[usize::from(predictor.codes[row as usize]) * self.classes + class as usize] += 1;
        }
    }

    fn cut(&mut self, predictor: &Predictor<'_>, rows: &[u32], counted: Option<&[u32]>, fewest: Fewest) -> Option<Found> {
        let (mut cells, mut sorted) = (std::mem::take(&mut self.cells), std::mem::take(&mut self.sorted));
        let counted = match counted {
            Some(cells) => Counted::Cells(cells, self.classes),
            None if self.cells(predictor) <= CELLS_A_ROW * rows.len() => {
                cells.clear();
                cells.resize(self.cells(predictor), 0);
                self.count(predictor, rows, &mut cells);
                Counted::Cells(&cells, self.classes)
            }
            None => {
                sorted.fill(predictor, rows, &self.local);
                Counted::Rows(&sorted)
            }
        };
        let order = if predictor.ordered { None } else { Some(self.order_of(predictor, &counted)) };
        let cut = self.sweep(&Sequence::new(order.as_deref(), predictor), &counted, fewest);
        (self.cells, self.sorted) = (cells, sorted);
        cut.map(|cut| (cut, order))
    }
}
