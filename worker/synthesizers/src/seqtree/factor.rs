//! One column's trees: how they are grown and filled.

use super::leaves::{self, Leaves};
use super::{Draw, Plan};
use crate::filled::Filled;
use crate::gaps::Atoms;
use synthfleet_table::encode::{Bins, Coded, Encoded, normal_scores};
use synthfleet_trees::cart::{GROUPS, Predictor, Response, Settings, Tree, group_levels, regroup};

/// One tree and the values of its leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// Structure.
    pub tree: Tree,
    /// Contents.
    pub leaves: Leaves,
    /// Group of each level of each predictor; empty for predictors that are not grouped, `[predictors]`.
    pub groups: Vec<Vec<u16>>,
}

impl Side {
    /// The leaf of a row whose bins `bin` tells by predictor.
    pub fn leaf(&self, bin: impl Fn(usize) -> u16) -> u32 {
        self.tree.leaf(|column| regroup(&self.groups[column as usize], bin(column as usize)))
    }
}

/// Rows that shape a tree and rows that fill its leaves.
#[derive(Debug, Clone, Copy)]
pub struct Halves<'a> {
    /// Rows that shape.
    pub shape: &'a [u32],
    /// Rows that fill.
    pub fill: &'a [u32],
}

/// Grows and fills one tree for the coded column `place`. `rows` are those that may be used: all, or the
/// regular ones of a Value.
pub fn fit(encoded: &Encoded, bins: &[Bins], place: usize, predictors: &[usize], halves: Halves<'_>, plan: &Plan) -> Side {
    match &encoded.columns()[place] {
        Coded::Levels(codes) => {
            let classes = encoded.encoder().columns()[place].levels().unwrap_or(1);
            let grown = Grown::new(bins, predictors, Response::Classes { codes, classes }, halves.shape, plan);
            let filled = grown.fill(bins, predictors, halves.fill);
            let leaves = Leaves::Codes(leaves::codes(&filled, &grown.is_leaf(), codes, plan.leaf_rows as usize / 5));
            Side { tree: grown.tree, leaves, groups: grown.groups }
        }
        Coded::Value(numbers) => {
            let regular =
                |rows: &[u32]| -> Vec<u32> { rows.iter().copied().filter(|&row| encoded.is_regular(place, row as usize)).collect() };
            let (shape, mut fill) = (regular(halves.shape), regular(halves.fill));
            if fill.is_empty() {
                fill.clone_from(&shape);
            }
            let everywhere = regular(&(0..numbers.len() as u32).collect::<Vec<_>>());
            let scores = scores(numbers, &everywhere);
            let grown = Grown::new(bins, predictors, Response::Real(&scores), &shape, plan);
            let filled = grown.fill(bins, predictors, &fill);
            let atoms = Atoms::of(everywhere.iter().map(|&row| numbers[row as usize]));
            let gap = match plan.draw {
                Draw::Gap(gap) => gap as usize,
                Draw::Donor => 0,
            };
            let rows_min = (2 * gap + 1).max(plan.leaf_rows as usize / 5);
            let leaves = Leaves::Numbers(leaves::numbers(&filled, &grown.is_leaf(), numbers, &atoms, rows_min, 2 * gap + 1));
            Side { tree: grown.tree, leaves, groups: grown.groups }
        }
    }
}

/// Normal scores of the regular numbers, in their rows; 0 elsewhere.
fn scores(numbers: &[f64], regular: &[u32]) -> Vec<f64> {
    let of_regular = normal_scores(&regular.iter().map(|&row| numbers[row as usize]).collect::<Vec<_>>());
    let mut scores = vec![0.0; numbers.len()];
    regular.iter().zip(of_regular).for_each(|(&row, score)| scores[row as usize] = score);
    scores
}

fn predictor(bins: &Bins) -> Predictor<'_> {
    Predictor { codes: &bins.codes, bins: bins.count, ordered: bins.ordered }
}

struct Grown {
    tree: Tree,
    groups: Vec<Vec<u16>>,
}

impl Grown {
    fn new(bins: &[Bins], predictors: &[usize], response: Response<'_>, rows: &[u32], plan: &Plan) -> Self {
        let groups: Vec<Vec<u16>> = predictors.iter().map(|&p| group_levels(&predictor(&bins[p]), response, rows)).collect();
        let grouped: Vec<Vec<u16>> =
            predictors.iter().zip(&groups).map(|(&p, groups)| bins[p].codes.iter().map(|&code| regroup(groups, code)).collect()).collect();
        let columns: Vec<Predictor<'_>> = predictors
            .iter()
            .zip(groups.iter().zip(&grouped))
            .map(|(&p, (groups, grouped))| match groups.is_empty() {
                true => predictor(&bins[p]),
                false => Predictor { codes: grouped, bins: GROUPS, ordered: false },
            })
            .collect();
        let settings = Settings { leaf_rows: plan.leaf_rows, pure_rows: plan.pure_rows(), ..Settings::default() };
        Self { tree: Tree::fit(&columns, response, rows, &settings), groups }
    }

    fn is_leaf(&self) -> Vec<bool> {
        self.tree.nodes().iter().map(|node| node.split.is_none()).collect()
    }

    /// Sends rows down the tree and gathers them.
    fn fill(&self, bins: &[Bins], predictors: &[usize], rows: &[u32]) -> Filled {
        let leaf =
            |row: usize| self.tree.leaf(|column| regroup(&self.groups[column as usize], bins[predictors[column as usize]].codes[row]));
        let leaves: Vec<u32> = rows.iter().map(|&row| leaf(row as usize)).collect();
        Filled::new(self.tree.nodes(), rows, &leaves)
    }
}
