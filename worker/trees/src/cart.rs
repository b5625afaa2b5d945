//! Single classification and regression trees on binned columns.
//!
//! # Model
//! A binary tree; each inner node sends a row left or right by the bin of one predictor: below or above a
//! threshold (ordered), or in or out of a set of levels (nominal).
//!
//! # Definition
//! A split gains `n·I(node) − n_l·I(left) − n_r·I(right)`, with Gini impurity `1 − Σ p²` for classes and
//! variance for numbers. With `s` the sum of squared class counts (or the squared sum of numbers), this is
//! `s_l/n_l + s_r/n_r − s/n`: counts and squares are whole numbers, and real numbers are rounded to whole
//! multiples of a small unit, so sums are exact in any order.
//! Nominal levels are ordered by their mean (two classes, numbers) or by their place on the first
//! principal component of class rates (more classes), then cut like ordered bins.
//! Classes may have weights: counts above are then weighted counts, and a nominal predictor is cut into one
//! level and the rest, as trees on features of 0 and 1 cut it.
//!
//! # Growth
//! Breadth first. A node stays a leaf if it has fewer than `2 · leaf_rows` rows, lies `depth_max` deep, or
//! no split gains more than `gain_min` of the root's impurity mass. Ties: lowest column, then lowest
//! threshold. One tree is grown by one thread; its bytes hang on its arguments alone.
//!
//! # Cost
//! `rows · predictors · depth` for the counting, for large nodes about half of it: the larger child's cells
//! are the parent's less the smaller one's. `bins · predictors` a node for the sweep.
//!
//! # Reference
//! Breiman, Friedman, Olshen, Stone 1984, doi 10.1201/9781315139470; nominal order for more than two
//! classes: Coppersmith, Hong, Hosking 1999, doi 10.1023/A:1009869804967.

mod cells;
mod classes;
mod groups;
mod grow;
mod nominal;
mod prune;
mod real;
mod two;
mod weighted;

use cells::{Moment, Target};
use classes::Classes;
pub use groups::{GROUPS, group_levels, regroup};
use grow::{All, Among, Search, grow};
use real::Real;
use two::Two;
use weighted::Weighted;

/// A column that may split rows, `[rows]`.
#[derive(Debug, Clone, Copy)]
pub struct Predictor<'a> {
    /// Bin of each row, below `bins`.
    pub codes: &'a [u16],
    /// Number of bins.
    pub bins: u32,
    /// The order of bins means something.
    pub ordered: bool,
}

/// What a tree explains, `[rows]`.
#[derive(Debug, Clone, Copy)]
pub enum Response<'a> {
    /// Class codes below `classes`.
    Classes {
        /// Class of each row.
        codes: &'a [u32],
        /// Number of classes.
        classes: u32,
    },
    /// Class codes, of which some weigh more. Nominal predictors are cut into one level and the rest.
    Weighted {
        /// Class of each row.
        codes: &'a [u32],
        /// Weight of a row of each class, above 0, at most 65,536 classes: `[classes]`.
        weights: &'a [f64],
    },
    /// Finite numbers.
    Real(&'a [f64]),
}

/// When growth ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Fewest rows of a leaf.
    pub leaf_rows: u32,
    /// Fewest rows of a leaf whose rows are all of one class ([`Response::Classes`] alone), if they may be fewer: what
    /// follows from the predictors without exception stays so, however rare it is.
    pub pure_rows: Option<u32>,
    /// Deepest leaf.
    pub depth_max: u32,
    /// Least gain of a split, as a share of the root's impurity mass.
    pub gain_min: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { leaf_rows: 25, pure_rows: None, depth_max: 30, gain_min: 1e-8 }
    }
}

/// How an inner node sends rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// Left if the bin is at most this.
    AtMost(u16),
    /// Left if the bit of the bin is set; levels the node never saw go to the larger child.
    In(Box<[u64]>),
}

impl Test {
    /// Whether a bin goes left.
    pub fn left(&self, bin: u16) -> bool {
        match self {
            Self::AtMost(threshold) => bin <= *threshold,
            Self::In(bits) => bits.get(usize::from(bin) / 64).is_some_and(|word| word >> (bin % 64) & 1 == 1),
        }
    }
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The node above; the root is its own.
    pub parent: u32,
    /// Predictor, test and left child (the right one follows it); `None`: a leaf.
    pub split: Option<Split>,
}

/// What an inner node asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Place of the predictor.
    pub column: u32,
    /// The question.
    pub test: Test,
    /// Place of the left child; the right child stands behind it.
    pub left: u32,
}

/// A grown tree; node 0 is the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    /// Grows a tree on `rows` of the predictors and the response; rows may repeat.
    ///
    /// # Panics
    /// If a code is not below its bound.
    pub fn fit(predictors: &[Predictor<'_>], response: Response<'_>, rows: &[u32], settings: &Settings) -> Self {
        let Ok(tree) = Self::fit_while::<std::convert::Infallible>(predictors, response, rows, settings, || Ok(()));
        tree
    }

    /// As [`Tree::fit`]; asks `go_on` before each predictor of each node and ends with its error.
    pub fn fit_while<E>(
        predictors: &[Predictor<'_>],
        response: Response<'_>,
        rows: &[u32],
        settings: &Settings,
        go_on: impl FnMut() -> Result<(), E>,
    ) -> Result<Self, E> {
        Self::grown(predictors, response, rows, settings, All::of(predictors), go_on)
    }

    /// As [`Tree::fit_while`], but each node is split by one of the predictors that `choose` names: it writes
    /// their places, ascending, into the empty list it is handed.
    pub fn fit_among<E>(
        predictors: &[Predictor<'_>],
        response: Response<'_>,
        rows: &[u32],
        settings: &Settings,
        choose: impl FnMut(&mut Vec<u32>),
        go_on: impl FnMut() -> Result<(), E>,
    ) -> Result<Self, E> {
        Self::grown(predictors, response, rows, settings, Among(choose), go_on)
    }

    fn grown<E>(
        predictors: &[Predictor<'_>],
        response: Response<'_>,
        rows: &[u32],
        settings: &Settings,
        search: impl Search,
        go_on: impl FnMut() -> Result<(), E>,
    ) -> Result<Self, E> {
        let nodes = match response {
            Response::Classes { codes, classes: 2 } => grow(predictors, Two::new(codes), rows, settings, search, go_on),
            Response::Classes { codes, classes } => grow(predictors, Classes::new(codes, classes), rows, settings, search, go_on),
            Response::Weighted { codes, weights } => grow(predictors, Weighted::new(codes, weights), rows, settings, search, go_on),
            Response::Real(numbers) => grow(predictors, Real::new(numbers, rows), rows, settings, search, go_on),
        };
        Ok(Self { nodes: nodes? })
    }

    /// The tree of one leaf.
    pub fn of_one_leaf() -> Self {
        Self { nodes: vec![Node { parent: 0, split: None }] }
    }

    /// A tree from stored nodes: every link is checked, so that walking down always ends in a leaf.
    pub fn from_nodes(nodes: Vec<Node>, predictors: u32) -> Option<Self> {
        let length = nodes.len() as u32;
        let mut parents = vec![None; nodes.len()];
        for (place, node) in nodes.iter().enumerate() {
            if let Some(split) = &node.split {
                let place = place as u32;
                if split.column >= predictors || split.left <= place || split.left >= length.checked_sub(1)? {
                    return None;
                }
                for child in [split.left, split.left + 1] {
                    if parents[child as usize].replace(place).is_some() {
                        return None;
                    }
                }
            }
        }
        let linked = nodes.iter().zip(&parents).enumerate().all(|(place, (node, parent))| match parent {
            None => place == 0 && node.parent == 0,
            Some(parent) => *parent == node.parent,
        });
        (linked && !nodes.is_empty()).then_some(Self { nodes })
    }

    /// All nodes; children stand behind their parents.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The leaf of a row whose bins `bin` tells by predictor.
    pub fn leaf(&self, bin: impl Fn(u32) -> u16) -> u32 {
        let mut at = 0;
        while let Some(split) = &self.nodes[at as usize].split {
            at = split.left + u32::from(!split.test.left(bin(split.column)));
        }
        at
    }
}

/// The levels of a nominal predictor that occur in `rows`, in the order in which they would be cut; weighted
/// classes: in which they would be tried.
pub fn order_levels(predictor: &Predictor<'_>, response: Response<'_>, rows: &[u32]) -> Vec<u16> {
    match response {
        Response::Classes { codes, classes } => {
            let mut target = Classes::new(codes, classes);
            target.enter(rows);
            target.order(predictor, rows)
        }
        Response::Weighted { codes, weights } => {
            let mut target = Weighted::new(codes, weights);
            target.enter(rows);
            target.present(predictor, rows)
        }
        Response::Real(numbers) => {
            let mut target = Real::new(numbers, rows);
            target.enter(rows);
            let mut cells = vec![Moment::default(); predictor.bins as usize];
            target.count(predictor, rows, &mut cells);
            Real::order(predictor, &cells)
        }
    }
}

#[cfg(test)]
mod tests;
