//! Random forests of classification trees on binned columns.
//!
//! # Model
//! Each tree grows on a bootstrap of the rows, as many as there are, drawn with replacement; each of its nodes
//! is split by one of `⌊√columns⌋` predictors drawn anew. Nominal predictors of more than 256 levels are
//! grouped for each tree by the rows it grows on, so that rows outside its bag stay unseen.
//!
//! # Definition
//! A row outside a tree's bag gets its vote: the commonest class among the bag's rows of its leaf, none if
//! several are equally common. A row's guess is the class of most votes; classes of equally many share it.
//!
//! # Cost
//! `trees · rows · √columns · depth`. Trees grow side by side, each from its own source of chance: neither
//! their order nor the number of threads changes a bit.
//!
//! # Reference
//! Breiman 2001, doi 10.1023/A:1010933404324.

use crate::cart::{self, GROUPS, Predictor, Response, Tree, group_levels, regroup};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

/// How to grow a forest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Number of trees, at most 65,535.
    pub trees: usize,
    /// When growth of a tree ends.
    pub tree: cart::Settings,
}

/// What a forest learns: class codes below `classes`, `[rows]`.
#[derive(Debug, Clone, Copy)]
pub struct Labels<'a> {
    /// Class of each row.
    pub codes: &'a [u32],
    /// Number of classes.
    pub classes: u32,
}

/// One tree of a forest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grown {
    /// Structure.
    pub tree: Tree,
    /// Group of each level of each predictor; empty for predictors that are not grouped, `[predictors]`.
    pub groups: Vec<Vec<u16>>,
}

impl Grown {
    /// The leaf of a row whose bins `bin` tells by predictor.
    pub fn leaf(&self, bin: impl Fn(u32) -> u16) -> u32 {
        self.tree.leaf(|column| regroup(&self.groups[column as usize], bin(column)))
    }
}

/// Votes of trees for rows outside their bags, `[rows, classes]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Votes {
    counts: Vec<u16>,
    classes: usize,
}

impl Votes {
    /// The share of rows whose class is guessed right, among rows with a vote; `None` without such a row.
    pub fn accuracy(&self, codes: &[u32]) -> Option<f64> {
        let (mut right, mut rows) = (0.0, 0u64);
        for (votes, &code) in self.counts.chunks_exact(self.classes.max(1)).zip(codes) {
            let most = votes.iter().copied().max().unwrap_or(0);
            if most == 0 {
                continue;
            }
            rows += 1;
            if votes[code as usize] == most {
                right += 1.0 / votes.iter().filter(|&&count| count == most).count() as f64;
            }
        }
        (rows > 0).then(|| right / rows as f64)
    }
}

/// A random forest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forest {
    /// Its trees.
    pub trees: Vec<Grown>,
}

impl Forest {
    /// Grows a forest on all rows of the predictors and hands back the votes outside the bags. `dice` gives the
    /// source of chance of a tree: a whole number, all equally likely, below the bound it is asked with.
    /// `go_on` is asked before each predictor of each node with the number of trees that are done; its error
    /// ends growth.
    ///
    /// # Panics
    /// If a code is not below its bound, or there are more trees than 65,535.
    pub fn fit_while<E: Send, D: FnMut(u32) -> u32>(
        predictors: &[Predictor<'_>],
        labels: Labels<'_>,
        settings: &Settings,
        dice: impl Fn(usize) -> D + Sync,
        go_on: impl Fn(usize) -> Result<(), E> + Sync,
    ) -> Result<(Self, Votes), E> {
        assert!(settings.trees <= usize::from(u16::MAX), "{} trees, at most 65,535", settings.trees);
        let classes = labels.classes as usize;
        let votes: Vec<AtomicU16> = std::iter::repeat_with(|| AtomicU16::new(0)).take(labels.codes.len() * classes).collect();
        let done = AtomicUsize::new(0);
        let one = |tree: usize| {
            let mut dice = dice(tree);
            let bag = Bag::draw(labels.codes.len(), &mut dice);
            let grown = grow(predictors, labels, &bag.rows, settings, &mut dice, || go_on(done.load(Ordering::Relaxed)))?;
            vote(&grown, predictors, labels, &bag, &votes);
            done.fetch_add(1, Ordering::Relaxed);
            Ok(grown)
        };
        let trees = (0..settings.trees).into_par_iter().map(one).collect::<Result<_, E>>()?;
        let counts = votes.into_iter().map(AtomicU16::into_inner).collect();
        Ok((Self { trees }, Votes { counts, classes }))
    }
}

/// The rows that a tree grows on.
struct Bag {
    /// How often each row was drawn, `[rows of the table]`.
    times: Vec<u32>,
    /// The drawn rows in ascending order, each as often as it was drawn.
    rows: Vec<u32>,
}

impl Bag {
    fn draw(rows: usize, dice: &mut impl FnMut(u32) -> u32) -> Self {
        let mut times = vec![0; rows];
        (0..rows).for_each(|_| times[dice(rows as u32) as usize] += 1);
        let drawn = times.iter().zip(0..).flat_map(|(&times, row)| std::iter::repeat_n(row, times as usize)).collect();
        Self { times, rows: drawn }
    }
}

fn grow<E>(
    predictors: &[Predictor<'_>],
    labels: Labels<'_>,
    rows: &[u32],
    settings: &Settings,
    dice: &mut impl FnMut(u32) -> u32,
    go_on: impl FnMut() -> Result<(), E>,
) -> Result<Grown, E> {
    let response = Response::Classes { codes: labels.codes, classes: labels.classes };
    let groups: Vec<Vec<u16>> = predictors.iter().map(|predictor| group_levels(predictor, response, rows)).collect();
    let grouped: Vec<Vec<u16>> = predictors
        .iter()
        .zip(&groups)
        .map(|(predictor, groups)| match groups.is_empty() {
            true => Vec::new(),
            false => predictor.codes.iter().map(|&code| regroup(groups, code)).collect(),
        })
        .collect();
    let columns: Vec<Predictor<'_>> = predictors
        .iter()
        .zip(&grouped)
        .map(|(predictor, grouped)| match grouped.is_empty() {
            true => *predictor,
            false => Predictor { codes: grouped, bins: GROUPS, ordered: false },
        })
        .collect();
    let mut places: Vec<u32> = (0..columns.len() as u32).collect();
    let searched = places.len().isqrt();
    let choose = |chosen: &mut Vec<u32>| {
        for place in 0..searched {
            let other = place + dice((places.len() - place) as u32) as usize;
            places.swap(place, other);
        }
        chosen.extend(&places[..searched]);
        chosen.sort_unstable();
    };
    let tree = Tree::fit_among(&columns, response, rows, &settings.tree, choose, go_on)?;
    Ok(Grown { tree, groups })
}

/// Adds a tree's votes for the rows outside its bag.
fn vote(grown: &Grown, predictors: &[Predictor<'_>], labels: Labels<'_>, bag: &Bag, votes: &[AtomicU16]) {
    let classes = labels.classes as usize;
    let leaf = |row: usize| grown.leaf(|column| predictors[column as usize].codes[row]) as usize;
    let leaves: Vec<u32> = (0..bag.times.len()).map(|row| leaf(row) as u32).collect();
    let mut counts = vec![0u32; grown.tree.nodes().len() * classes];
    for ((&leaf, &times), &code) in leaves.iter().zip(&bag.times).zip(labels.codes) {
        counts[leaf as usize * classes + code as usize] += times;
    }
    let winners: Vec<Option<usize>> = counts.chunks_exact(classes.max(1)).map(winner).collect();
    for (row, &leaf) in leaves.iter().enumerate().filter(|(row, _)| bag.times[*row] == 0) {
        if let Some(class) = winners[leaf as usize] {
            votes[row * classes + class].fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The class that alone is commonest.
fn winner(counts: &[u32]) -> Option<usize> {
    let most = counts.iter().copied().max().unwrap_or(0);
    let mut with_most = (0..counts.len()).filter(|&class| counts[class] == most);
    let first = with_most.next();
    if most == 0 || with_most.next().is_some() { None } else { first }
}

#[cfg(test)]
mod tests;
