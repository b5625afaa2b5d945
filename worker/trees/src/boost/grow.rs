//! One tree, grown leaf by leaf: the leaf whose best split gains most is split next.

use super::Settings;
use super::bins::BinnedMatrix;
use super::histogram::{Cell, Counter, Histogram, Scale};
use super::split::{Split, Test, best, leaf_value};
use std::ops::Range;

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

/// A leaf that may be split further.
struct Open {
    node: usize,
    span: Range<usize>,
    histogram: Histogram,
    split: Split,
}

/// Grows a tree on all rows of `matrix`; `add` is told the rows and the value of each leaf.
pub(super) fn grow(matrix: &BinnedMatrix, cells: &[Cell], scale: Scale, settings: &Settings, mut add: impl FnMut(&[u32], f64)) -> Tree {
    let rows: Vec<u32> = (0..matrix.rows() as u32).collect();
    let total = cells.iter().fold([0; 2], |sum, cell| [sum[0] + cell[0], sum[1] + cell[1]]);
    let root = Node::Leaf(leaf_value(scale.sums(total), settings));
    let counter = Counter::new(matrix, cells);
    let mut grower =
        Grower { matrix, scale, settings, counter, scratch: Vec::new(), nodes: vec![root], open: Vec::new(), closed: Vec::new(), rows };
    grower.start(total);
    let mut leaves = 1;
    while leaves < settings.leaves_max
        && let Some(leaf) = grower.take_best()
    {
        leaves += 1;
        grower.split(leaf, leaves == settings.leaves_max);
    }
    grower.close_all();
    for (node, span) in &grower.closed {
        if let Node::Leaf(value) = grower.nodes[*node] {
            add(&grower.rows[span.clone()], value);
        }
    }
    Tree(grower.nodes)
}

struct Grower<'a> {
    matrix: &'a BinnedMatrix,
    scale: Scale,
    settings: &'a Settings,
    counter: Counter<'a>,
    /// Rows, those of a leaf side by side.
    rows: Vec<u32>,
    scratch: Vec<u32>,
    nodes: Vec<Node>,
    open: Vec<Open>,
    closed: Vec<(usize, Range<usize>)>,
}

impl Grower<'_> {
    fn start(&mut self, total: Cell) {
        let span = 0..self.rows.len();
        if self.may_split(total) {
            let histogram = self.counter.count(&self.rows);
            self.consider(0, span, histogram, total);
        } else {
            self.closed.push((0, span));
        }
    }

    /// The open leaf of most gain; ties: the lowest node.
    fn take_best(&mut self) -> Option<Open> {
        let better = |a: &Open, b: &Open| a.split.gain.total_cmp(&b.split.gain).then(b.node.cmp(&a.node));
        let place = (0..self.open.len()).max_by(|&a, &b| better(&self.open[a], &self.open[b]))?;
        Some(self.open.swap_remove(place))
    }

    fn split(&mut self, leaf: Open, last: bool) {
        let Open { node, span, mut histogram, split } = leaf;
        let middle = span.start + self.partition(split.test, span.clone());
        let next = self.nodes.len();
        self.nodes[node] = Node::Inner { test: split.test, left: next as u32, right: next as u32 + 1, gain: split.gain };
        let sides = [(next, span.start..middle, split.left), (next + 1, middle..span.end, split.right)];
        for (_, _, total) in &sides {
            self.nodes.push(Node::Leaf(leaf_value(self.scale.sums(*total), self.settings)));
        }
        let [small, large] = if sides[0].1.len() <= sides[1].1.len() {
            sides
        } else {
            let [left, right] = sides;
            [right, left]
        };
        if last || !self.may_split(large.2) {
            self.closed.extend([(small.0, small.1), (large.0, large.1)]);
            return self.counter.recycle(histogram);
        }
        let counted = self.counter.count(&self.rows[small.1.clone()]);
        Counter::subtract(&mut histogram, &counted);
        self.consider(large.0, large.1, histogram, large.2);
        if self.may_split(small.2) {
            self.consider(small.0, small.1, counted, small.2);
        } else {
            self.closed.push((small.0, small.1));
            self.counter.recycle(counted);
        }
    }

    fn may_split(&self, total: Cell) -> bool {
        self.scale.sums(total).rows >= 2 * self.settings.leaf_rows.max(1)
    }

    fn consider(&mut self, node: usize, span: Range<usize>, histogram: Histogram, total: Cell) {
        match best(self.matrix, &histogram, total, self.scale, self.settings) {
            Some(split) => self.open.push(Open { node, span, histogram, split }),
            None => {
                self.closed.push((node, span));
                self.counter.recycle(histogram);
            }
        }
    }

    fn close_all(&mut self) {
        for leaf in std::mem::take(&mut self.open) {
            self.closed.push((leaf.node, leaf.span));
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
