//! One tree, grown leaf by leaf: the leaf whose best split gains most is split next.
//!
//! # Work
//! Of the two halves of a leaf only the smaller is counted; the larger is what is left of the leaf's histogram.
//! Where rows are few beside the cells of a histogram, keeping histograms moves more memory than counting
//! again: then both halves are counted, eight columns at a time.

use super::Settings;
use super::bins::{BinnedMatrix, Block};
use super::histogram::{Cell, Histogram, Scale, count, subtract};
use super::split::{Split, Test, best, leaf_value};
use rayon::prelude::*;
use std::ops::Range;

/// Cells of the matrix below which threads cost more than they bring.
const PARALLEL_CELLS_MIN: usize = 1 << 17;

/// Histograms are kept if the matrix has more rows than this many times the cells of a column.
const ROWS_A_CELL: usize = 8;

/// A node of a tree; children lie behind their parent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Node {
    /// What is added to a row's score.
    Leaf(f64),
    /// Where a row goes on.
    Inner { test: Test, left: u32, right: u32, gain: f64 },
}

/// A tree; node 0 is the root.
#[derive(Debug, Clone)]
pub(super) struct Tree(pub Vec<Node>);

impl Tree {
    /// The value of the leaf that row `row` falls into.
    pub fn value(&self, matrix: &BinnedMatrix, row: usize) -> f64 {
        let mut place = 0;
        loop {
            match self.0[place] {
                Node::Leaf(value) => return value,
                Node::Inner { test, left, right, .. } => {
                    let bin = matrix.columns()[test.column as usize].bins()[row];
                    place = if test.left(bin) { left } else { right } as usize;
                }
            }
        }
    }
}

/// A leaf: its node, its rows and their sums.
struct Leaf {
    node: usize,
    span: Range<usize>,
    total: Cell,
}

/// A leaf that may be split further. Its histogram is empty if none are kept.
struct Open {
    leaf: Leaf,
    histogram: Histogram,
    split: Split,
}

/// Grows a tree on all rows of `matrix`; `add` is told the rows and the value of each leaf.
pub(super) fn grow(matrix: &BinnedMatrix, cells: &[Cell], scale: Scale, settings: &Settings, add: impl FnMut(&[u32], f64)) -> Tree {
    let keeps = keeps_histograms(matrix.rows(), matrix.columns().len(), matrix.cells());
    Grower::new(matrix, cells, scale, settings, keeps).grow(add)
}

/// Whether to keep histograms of `cells` cells over `columns` columns.
fn keeps_histograms(rows: usize, columns: usize, cells: usize) -> bool {
    rows * columns > ROWS_A_CELL * cells
}

struct Grower<'a> {
    matrix: &'a BinnedMatrix,
    cells: &'a [Cell],
    scale: Scale,
    settings: &'a Settings,
    /// Whether histograms are kept.
    keeps: bool,
    /// Histograms of closed leaves.
    spare: Vec<Histogram>,
    /// Rows, those of a leaf side by side.
    rows: Vec<u32>,
    scratch: Vec<u32>,
    nodes: Vec<Node>,
    open: Vec<Open>,
    closed: Vec<(usize, Range<usize>)>,
}

impl<'a> Grower<'a> {
    fn new(matrix: &'a BinnedMatrix, cells: &'a [Cell], scale: Scale, settings: &'a Settings, keeps: bool) -> Self {
        let rows = (0..matrix.rows() as u32).collect();
        let (spare, scratch, nodes, open, closed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { matrix, cells, scale, settings, keeps, spare, rows, scratch, nodes, open, closed }
    }

    fn grow(mut self, mut add: impl FnMut(&[u32], f64)) -> Tree {
        let total = self.cells.iter().fold([0; 2], |sum, cell| [sum[0] + cell[0], sum[1] + cell[1]]);
        self.nodes.push(Node::Leaf(leaf_value(self.scale.sums(total), self.settings)));
        self.start(Leaf { node: 0, span: 0..self.rows.len(), total });
        let mut leaves = 1;
        while leaves < self.settings.leaves_max
            && let Some(open) = self.take_best()
        {
            leaves += 1;
            self.split(open, leaves == self.settings.leaves_max);
        }
        let open = std::mem::take(&mut self.open);
        self.closed.extend(open.into_iter().map(|open| (open.leaf.node, open.leaf.span)));
        for (node, span) in &self.closed {
            if let Node::Leaf(value) = self.nodes[*node] {
                add(&self.rows[span.clone()], value);
            }
        }
        Tree(self.nodes)
    }

    fn start(&mut self, root: Leaf) {
        if !self.may_split(&root) {
            return self.close(root, Vec::new());
        }
        let mut histogram = self.histogram();
        let split = if self.keeps {
            let work = self.matrix.blocks().iter().zip(&mut histogram).collect();
            self.by_block(root.span.len(), work, |(block, sums)| {
                self.count(block, sums, &root);
                [self.best(block, sums, &root), None]
            })
        } else {
            let judge = |block: &Block| [self.best(block, &self.counted(block, &root), &root), None];
            self.by_block(root.span.len(), self.matrix.blocks().iter().collect(), judge)
        };
        self.consider(root, histogram, split[0]);
    }

    /// The open leaf of most gain; ties: the lowest node.
    fn take_best(&mut self) -> Option<Open> {
        let better = |a: &Open, b: &Open| a.split.gain.total_cmp(&b.split.gain).then(b.leaf.node.cmp(&a.leaf.node));
        let place = (0..self.open.len()).max_by(|&a, &b| better(&self.open[a], &self.open[b]))?;
        Some(self.open.swap_remove(place))
    }

    fn split(&mut self, open: Open, last: bool) {
        let Open { leaf: Leaf { node, span, .. }, mut histogram, split } = open;
        let middle = span.start + self.partition(split.test, span.clone());
        let next = self.nodes.len();
        self.nodes[node] = Node::Inner { test: split.test, left: next as u32, right: next as u32 + 1, gain: split.gain };
        let left = Leaf { node: next, span: span.start..middle, total: split.left };
        let right = Leaf { node: next + 1, span: middle..span.end, total: split.right };
        for leaf in [&left, &right] {
            self.nodes.push(Node::Leaf(leaf_value(self.scale.sums(leaf.total), self.settings)));
        }
        let (small, large) = if left.span.len() <= right.span.len() { (left, right) } else { (right, left) };
        if last || !self.may_split(&large) {
            self.close(small, histogram);
            return self.close(large, Vec::new());
        }
        let mut counted = self.histogram();
        let in_small = |block: &Block, sums: &[Cell]| if self.may_split(&small) { self.best(block, sums, &small) } else { None };
        let [of_large, of_small] = if self.keeps {
            let work = self.matrix.blocks().iter().zip(histogram.iter_mut().zip(&mut counted)).collect();
            self.by_block(small.span.len(), work, |(block, (sums, counted))| {
                self.count(block, counted, &small);
                subtract(sums, counted);
                [self.best(block, sums, &large), in_small(block, counted)]
            })
        } else {
            let work = self.matrix.blocks().iter().collect();
            self.by_block(span.len(), work, |block: &Block| {
                let of_small = if self.may_split(&small) { self.best(block, &self.counted(block, &small), &small) } else { None };
                [self.best(block, &self.counted(block, &large), &large), of_small]
            })
        };
        self.consider(large, histogram, of_large);
        self.consider(small, counted, of_small);
    }

    /// Splits at columns of each block; of two blocks' the one that gains more, the first of two that gain alike.
    fn by_block<T: Send>(&self, rows: usize, work: Vec<T>, judge: impl Fn(T) -> [Option<Split>; 2] + Sync + Send) -> [Option<Split>; 2] {
        let better = |best: Option<Split>, other: Option<Split>| match (best, other) {
            (Some(best), Some(other)) if other.gain > best.gain => Some(other),
            (best, other) => best.or(other),
        };
        let join = |best: [Option<Split>; 2], other: [Option<Split>; 2]| [better(best[0], other[0]), better(best[1], other[1])];
        if rows * self.matrix.columns().len() < PARALLEL_CELLS_MIN {
            return work.into_iter().map(judge).fold([None; 2], join);
        }
        work.into_par_iter().map(judge).collect::<Vec<_>>().into_iter().fold([None; 2], join)
    }

    fn best(&self, block: &Block, sums: &[Cell], leaf: &Leaf) -> Option<Split> {
        best(block, self.matrix.columns(), sums, leaf.total, self.scale, self.settings)
    }

    /// Overwrites a block's cells with the sums of a leaf's rows.
    fn count(&self, block: &Block, sums: &mut [Cell], leaf: &Leaf) {
        sums.fill([0; 2]);
        count(block, sums, &self.rows[leaf.span.clone()], self.cells);
    }

    fn counted(&self, block: &Block, leaf: &Leaf) -> Vec<Cell> {
        let mut sums = vec![[0; 2]; block.cells()];
        count(block, &mut sums, &self.rows[leaf.span.clone()], self.cells);
        sums
    }

    /// A histogram with anything in it; an empty one if none are kept.
    fn histogram(&mut self) -> Histogram {
        let blocks = if self.keeps { self.matrix.blocks() } else { &[] };
        self.spare.pop().unwrap_or_else(|| blocks.iter().map(|block| vec![[0; 2]; block.cells()]).collect())
    }

    fn may_split(&self, leaf: &Leaf) -> bool {
        self.scale.sums(leaf.total).rows >= 2 * self.settings.leaf_rows.max(1)
    }

    fn consider(&mut self, leaf: Leaf, histogram: Histogram, split: Option<Split>) {
        match split {
            Some(split) => self.open.push(Open { leaf, histogram, split }),
            None => self.close(leaf, histogram),
        }
    }

    /// Closes a leaf; a histogram that is no longer needed gives its memory to the next.
    fn close(&mut self, leaf: Leaf, histogram: Histogram) {
        self.closed.push((leaf.node, leaf.span));
        if !histogram.is_empty() {
            self.spare.push(histogram);
        }
    }

    /// Puts the rows that go left before the others, both in their order; how many go left.
    fn partition(&mut self, test: Test, span: Range<usize>) -> usize {
        let bins = self.matrix.columns()[test.column as usize].bins();
        let rows = &mut self.rows[span];
        self.scratch.clear();
        let mut kept = 0;
        for place in 0..rows.len() {
            let row = rows[place];
            if test.left(bins[row as usize]) {
                rows[kept] = row;
                kept += 1;
            } else {
                self.scratch.push(row);
            }
        }
        rows[kept..].copy_from_slice(&self.scratch);
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::super::bins::{BinnedColumn, Order};
    use super::*;

    #[test]
    fn counting_again_grows_the_tree_that_kept_histograms_grow() {
        let bins = |row: usize, column: usize| ((row * (7 + column) + row * row % (11 + column)) % (3 + 9 * column)) as u8;
        let order = |column: usize| if column.is_multiple_of(4) { Order::OneAgainstRest } else { Order::Ordered };
        let columns = (0..19).map(|column| BinnedColumn::new((0..900).map(|row| bins(row, column)).collect::<Vec<_>>(), order(column)));
        let matrix = BinnedMatrix::new(900, columns.collect());
        let pairs: Vec<[f64; 2]> = (0..900).map(|row| [f64::from(row * row % 83) / 9.0 - 4.0, 0.1 + f64::from(row % 5)]).collect();
        let scale = Scale::fit(&pairs).expect("not all 0");
        let cells: Vec<Cell> = pairs.iter().map(|pair| scale.cell(*pair)).collect();
        let settings = Settings { leaf_rows: 5, ..Settings::default() };
        let tree = |keeps: bool| format!("{:?}", Grower::new(&matrix, &cells, scale, &settings, keeps).grow(|_, _| ()));
        assert_eq!(tree(true), tree(false));
        assert!(tree(true).matches("Inner").count() > 10);
    }

    #[test]
    fn histograms_are_kept_for_tall_tables_and_not_for_wide_ones() {
        assert!(keeps_histograms(60_000, 15, 15 * 100) && !keeps_histograms(640, 2_000, 2_000 * 200));
    }
}
