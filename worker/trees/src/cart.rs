//! Single classification and regression trees on binned columns.
//!
//! # Model
//! A binary tree; each inner node sends a row left or right by the bin of one predictor: below or above a
//! threshold (ordered), or in or out of a set of levels (nominal).
//!
//! # Definition
//! A split gains `n·I(node) − n_l·I(left) − n_r·I(right)`, with Gini impurity `1 − Σ p²` for classes and
//! variance for numbers. With `s` the sum of squared class counts (or the squared sum of numbers), this is
//! `s_l/n_l + s_r/n_r − s/n`: counts and squares are whole numbers, so class splits are exact.
//! Nominal levels are ordered by their mean (two classes, numbers) or by their place on the first
//! principal component of class rates (more classes), then cut like ordered bins.
//!
//! # Growth
//! Breadth first. A node stays a leaf if it has fewer than `2 · leaf_rows` rows, lies `depth_max` deep, or
//! no split gains more than `gain_min` of the root's impurity mass. Ties: lowest column, then lowest
//! threshold. One tree is grown by one thread; its bytes hang on its arguments alone.
//!
//! # Cost
//! `rows · predictors · depth` for the counting, `bins · predictors` a node for the sweep.
//!
//! # Reference
//! Breiman, Friedman, Olshen, Stone 1984, doi 10.1201/9781315139470; nominal order for more than two
//! classes: Coppersmith, Hong, Hosking 1999, doi 10.1023/A:1009869804967.

mod nominal;
mod split;

use split::Splitter;

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
    /// Finite numbers.
    Real(&'a [f64]),
}

/// When growth ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Fewest rows of a leaf.
    pub leaf_rows: u32,
    /// Deepest leaf.
    pub depth_max: u32,
    /// Least gain of a split, as a share of the root's impurity mass.
    pub gain_min: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { leaf_rows: 25, depth_max: 30, gain_min: 1e-8 }
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
        let mut splitter = Splitter::new(predictors, response);
        let mut rows = rows.to_vec();
        let mut nodes = vec![Node { parent: 0, split: None }];
        let mut open = std::collections::VecDeque::from([Open { node: 0, start: 0, end: rows.len(), depth: 0 }]);
        let gain_min = settings.gain_min * splitter.impurity_mass(&rows);
        while let Some(at) = open.pop_front() {
            let inside = &mut rows[at.start..at.end];
            if inside.len() < 2 * settings.leaf_rows as usize || at.depth >= settings.depth_max {
                continue;
            }
            let Some((column, test)) = splitter.best(inside, settings.leaf_rows, gain_min) else { continue };
            let codes = predictors[column as usize].codes;
            let middle = at.start + partition(inside, |row| test.left(codes[row as usize]));
            let left = nodes.len() as u32;
            nodes[at.node as usize].split = Some(Split { column, test, left });
            for (node, start, end) in [(left, at.start, middle), (left + 1, middle, at.end)] {
                nodes.push(Node { parent: at.node, split: None });
                open.push_back(Open { node, start, end, depth: at.depth + 1 });
            }
        }
        Self { nodes }
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

/// The levels of a nominal predictor that occur in `rows`, in the order in which they would be cut.
pub fn order_levels(predictor: &Predictor<'_>, response: Response<'_>, rows: &[u32]) -> Vec<u16> {
    let predictors = [*predictor];
    let mut splitter = Splitter::new(&predictors, response);
    splitter.count(predictor, rows);
    splitter.order_levels(predictor, rows)
}

struct Open {
    node: u32,
    start: usize,
    end: usize,
    depth: u32,
}

/// Moves rows that go left to the front, keeping the order on both sides; returns how many there are.
fn partition(rows: &mut [u32], left: impl Fn(u32) -> bool) -> usize {
    let (front, back): (Vec<u32>, Vec<u32>) = rows.iter().partition(|&&row| left(row));
    rows[..front.len()].copy_from_slice(&front);
    rows[front.len()..].copy_from_slice(&back);
    front.len()
}

#[cfg(test)]
mod tests;
