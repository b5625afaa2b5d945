//! The rounds: forests against made rows, until made rows cannot be told from real ones any better.

use super::Plan;
use super::cells::{Cells, cells, follows};
use super::stand::Stand;
use super::tables::Tables;
use crate::filled::Filled;
use crate::states::States;
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, ErrorKind, Result, Seed};
use synthfleet_table::encode::{Bins, Encoded};
use synthfleet_table::random::Draw as _;
use synthfleet_table::{Budget, SeedExt};
use synthfleet_trees::cart::{self, Predictor, Tree};
use synthfleet_trees::forest::{self, Forest, Grown, Labels};

/// Bins of a column in splits.
const BINS_MAX: usize = 256;
/// Rows sent down a tree between two looks at the budget.
const CHUNK: usize = 1 << 16;
/// What stands for real rows; made ones are 0.
const REAL: u32 = 1;

/// The leaf tables of the forest whose made rows were told from real ones least.
pub(super) fn fit(encoded: &Encoded, plan: &Plan, seed: &Seed, states: &States<'_>, budget: &Budget) -> Result<Tables> {
    fits(encoded)?;
    let cells = cells(encoded, budget)?;
    let mut game = Game::new(encoded, plan, budget)?;
    let mut stand = match states.found(|arrays| Stand::load(arrays, &game.bins)) {
        Some(stand) => stand,
        None => {
            game.make_columns_alone(&seed.child("round").index(0).child("rows"));
            let (forest, first) = game.train(0, seed, budget)?;
            Stand { forest, before: None, accuracies: vec![first] }
        }
    };
    let keep = |stand: &Stand| states.keep(stand.accuracies.len() as u64, |arrays| stand.save(arrays));
    let mut kept = match &stand.before {
        Some(before) => game.tables(&before.trees, &cells, budget)?,
        // columns drawn apart from each other are what a tree of one leaf makes
        None => game.tables(&[Grown { tree: Tree::of_one_leaf(), groups: vec![Vec::new(); encoded.width()] }], &cells, budget)?,
    };
    for round in stand.accuracies.len()..=plan.rounds_max as usize {
        keep(&stand);
        let reached = stand.accuracies[round - 1];
        if reached <= 0.5 + plan.delta {
            break;
        }
        let candidate = match game.tables(&stand.forest.trees, &cells, budget) {
            Ok(candidate) => candidate,
            Err(error) if round > 1 && error.kind() == ErrorKind::Stopped => {
                keep(&stand);
                budget.find(stopped(round, plan.rounds_max));
                break;
            }
            Err(error) => return Err(error),
        };
        match game.judge(&stand.forest, round, seed, budget) {
            Ok((next, accuracy)) => {
                stand.accuracies.push(accuracy);
                if accuracy >= reached {
                    break;
                }
                stand.before = Some(std::mem::replace(&mut stand.forest, next));
                kept = candidate;
            }
            Err(error) if error.kind() == ErrorKind::Stopped => {
                keep(&stand);
                // one forest is better than none, though nobody judged it
                kept = if round == 1 { candidate } else { kept };
                budget.find(stopped(round, plan.rounds_max));
                break;
            }
            Err(error) => return Err(error),
        }
    }
    budget.find(told(&stand.accuracies));
    Ok(kept)
}

/// Refuses tables of more real and made cells than 32 bits number.
fn fits(encoded: &Encoded) -> Result<()> {
    if 2 * encoded.rows() as u64 * encoded.width().max(1) as u64 <= u64::from(u32::MAX) {
        return Ok(());
    }
    let message = format!("{} rows of {} columns are more cells than leaf tables can number", encoded.rows(), encoded.width());
    Err(Error::unsupported("arf::too_large", message).help("choose another synthesizer or fit fewer rows"))
}

fn stopped(done: usize, rounds_max: u32) -> Finding {
    let text = format!("stopped after {done} of at most {} forests", rounds_max + 1);
    Finding { code: "stopped_by_deadline".to_owned(), column: None, number: Some(done as f64), text }
}

fn told(accuracies: &[f64]) -> Finding {
    let least = accuracies.iter().copied().fold(f64::INFINITY, f64::min);
    let of_rounds = accuracies.iter().map(|accuracy| format!("{accuracy:.4}")).collect::<Vec<_>>().join(", ");
    let text = format!("accuracy outside the bags by round: {of_rounds}");
    Finding { code: "arf_rounds".to_owned(), column: None, number: Some(least), text }
}

/// Real rows, and behind them as many made ones.
struct Game<'a> {
    encoded: &'a Encoded,
    plan: &'a Plan,
    /// Bins of each column without their rows, `[columns]`.
    bins: Vec<Bins>,
    /// Bins of real rows, then of made rows, `[columns][2 · rows]`.
    codes: Vec<Vec<u16>>,
    /// Real or made, `[2 · rows]`.
    labels: Vec<u32>,
}

/// Real rows by leaf of one tree.
struct Gathered {
    /// Leaf of each row, `[rows]`.
    leaves: Vec<u32>,
    filled: Filled,
}

impl<'a> Game<'a> {
    fn new(encoded: &'a Encoded, plan: &'a Plan, budget: &Budget) -> Result<Self> {
        let rows = encoded.rows();
        let mut bins = encoded.bins(BINS_MAX, budget)?;
        let mut codes = Vec::with_capacity(bins.len());
        for bins in &mut bins {
            let mut both = Vec::with_capacity(2 * rows);
            both.extend_from_slice(&bins.codes);
            both.resize(2 * rows, 0);
            codes.push(both);
            bins.codes = [].into();
        }
        let mut labels = vec![REAL; rows];
        labels.resize(2 * rows, 1 - REAL);
        Ok(Self { encoded, plan, bins, codes, labels })
    }

    /// Makes rows whose columns are drawn apart from each other.
    fn make_columns_alone(&mut self, seed: &Seed) {
        let rows = self.encoded.rows();
        let mut chosen: Vec<u32> = Vec::new();
        for (place, (codes, column)) in self.codes.iter_mut().zip(self.encoded.encoder().columns()).enumerate() {
            if !follows(&column.sort) {
                let mut rng = seed.index(place as u64).rng();
                chosen = (0..rows).map(|_| rng.below(rows as u64) as u32).collect();
            }
            let (real, made) = codes.split_at_mut(rows);
            made.iter_mut().zip(&chosen).for_each(|(made, &row)| *made = real[row as usize]);
        }
    }

    /// Makes rows from the leaves of a forest: tree by chance, leaf by its real rows, columns apart.
    fn make_from_leaves(&mut self, forest: &Forest, seed: &Seed, budget: &Budget) -> Result<()> {
        let rows = self.encoded.rows();
        let mut shares = vec![0usize; forest.trees.len()];
        let mut rng = seed.child("shares").rng();
        (0..rows).for_each(|_| shares[rng.below(forest.trees.len() as u64) as usize] += 1);
        let parts: Vec<Vec<Vec<u16>>> = forest
            .trees
            .par_iter()
            .zip(&shares)
            .enumerate()
            .map(|(tree, (grown, &share))| self.part(grown, share, &seed.index(tree as u64), budget))
            .collect::<Result<_>>()?;
        for (place, codes) in self.codes.iter_mut().enumerate() {
            let mut at = rows;
            for part in &parts {
                codes[at..at + part[place].len()].copy_from_slice(&part[place]);
                at += part[place].len();
            }
        }
        Ok(())
    }

    /// `share` made rows of one tree, `[columns][share]`.
    fn part(&self, grown: &Grown, share: usize, seed: &Seed, budget: &Budget) -> Result<Vec<Vec<u16>>> {
        let gathered = self.gather(grown, budget)?;
        let mut rng = seed.rng();
        let rows = self.encoded.rows() as u64;
        let leaves: Vec<u32> = (0..share).map(|_| gathered.leaves[rng.below(rows) as usize]).collect();
        let mut chosen: Vec<u32> = Vec::new();
        let mut part = Vec::with_capacity(self.codes.len());
        for (codes, column) in self.codes.iter().zip(self.encoded.encoder().columns()) {
            budget.go_on()?;
            if !follows(&column.sort) {
                let mut choose = |&leaf: &u32| {
                    let inside = gathered.filled.rows(leaf);
                    inside[rng.below(inside.len() as u64) as usize]
                };
                chosen = leaves.iter().map(&mut choose).collect();
            }
            part.push(chosen.iter().map(|&row| codes[row as usize]).collect());
        }
        Ok(part)
    }

    /// Sends the real rows down a tree.
    fn gather(&self, grown: &Grown, budget: &Budget) -> Result<Gathered> {
        let rows: Vec<u32> = (0..self.encoded.rows() as u32).collect();
        let mut leaves = Vec::with_capacity(rows.len());
        for chunk in rows.chunks(CHUNK) {
            budget.go_on()?;
            leaves.extend(chunk.iter().map(|&row| grown.leaf(|column| self.codes[column as usize][row as usize])));
        }
        let filled = Filled::new(grown.tree.nodes(), &rows, &leaves);
        Ok(Gathered { leaves, filled })
    }

    /// A forest that tells real from made rows, pruned, and its accuracy outside the bags before that.
    fn train(&self, round: usize, seed: &Seed, budget: &Budget) -> Result<(Forest, f64)> {
        let described = self.codes.iter().zip(&self.bins);
        let predictors: Vec<Predictor<'_>> =
            described.map(|(codes, bins)| Predictor { codes, bins: bins.count, ordered: bins.ordered }).collect();
        let trees = self.plan.trees as usize;
        let seed = seed.child("round").index(round as u64).child("tree");
        let dice = |tree: usize| {
            let mut rng = seed.index(tree as u64).rng();
            move |bound: u32| rng.below(u64::from(bound)) as u32
        };
        let said = AtomicUsize::new(0);
        let go_on = |done: usize| {
            if said.fetch_max(done, Ordering::Relaxed) < done {
                let rounds = round as f64 + done as f64 / trees as f64;
                budget.progress(0.1 + 0.8 * rounds / (rounds + 2.0), "fit");
            }
            budget.go_on()
        };
        let settings = forest::Settings { trees, tree: cart::Settings { leaf_rows: self.plan.leaf_rows, ..cart::Settings::default() } };
        let labels = Labels { codes: &self.labels, classes: 2 };
        let (forest, votes) = Forest::fit_while(&predictors, labels, &settings, dice, go_on)?;
        let accuracy = votes.accuracy(&self.labels).unwrap_or(0.5);
        budget.measure("accuracy", round as u64, accuracy);
        let trees = forest.trees.into_par_iter().map(|grown| self.pruned(grown, budget)).collect::<Result<_>>()?;
        Ok((Forest { trees }, accuracy))
    }

    /// A further round: rows made from the leaves of `forest`, a forest that learns to tell them, and how well
    /// it does.
    fn judge(&mut self, forest: &Forest, round: usize, seed: &Seed, budget: &Budget) -> Result<(Forest, f64)> {
        self.make_from_leaves(forest, &seed.child("round").index(round as u64).child("rows"), budget)?;
        self.train(round, seed, budget)
    }

    /// The tree without leaves of fewer real rows than `leaf_rows`.
    fn pruned(&self, grown: Grown, budget: &Budget) -> Result<Grown> {
        let reached = self.gather(&grown, budget)?.filled.counts();
        Ok(Grown { tree: grown.tree.pruned(&reached, self.plan.leaf_rows), groups: grown.groups })
    }

    /// The leaf tables of pruned trees.
    fn tables(&self, trees: &[Grown], cells: &[Cells<'_>], budget: &Budget) -> Result<Tables> {
        let described = (self.encoded.encoder().columns(), self.bins.as_slice());
        let one = |grown: &Grown| {
            let filled = self.gather(grown, budget)?.filled;
            super::tables::of_tree(&grown.tree, &filled, cells, described, self.plan, budget)
        };
        let tables = trees.par_iter().map(one).collect::<Result<Vec<_>>>()?;
        Ok(Tables::new(self.encoded.encoder(), cells, tables, self.plan))
    }
}
