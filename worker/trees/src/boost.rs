//! Gradient boosting of histogram trees.
//!
//! # Model
//! A sum of trees, each fitted to the gradients `g` and curvatures `h` of the loss at the scores so far. A
//! split gains `G_l²/(H_l+λ) + G_r²/(H_r+λ) − G²/(H+λ)`, a leaf's value is `−rate · G/(H+λ)`, where capitals
//! are sums over its rows. Trees grow leaf by leaf, the leaf of most gain first. Losses: logistic, softmax
//! (one tree a class and round), squared.
//!
//! # Exactness
//! Gradients are rounded to 30 bits and curvatures to as many as fit beside the count, then summed as whole
//! numbers: neither the order of rows nor the number of threads changes a bit of the model.
//!
//! # Limits
//! At most 255 bins a column, 2²³ − 1 rows. Missing cells (bin 0) go the way that gains more, or, where a
//! leaf had none, the way of the larger child.
//!
//! # Cost
//! `rounds · outputs · rows · columns · depth` additions at most; about half of them by subtraction.
//!
//! # Reference
//! Friedman 2001, doi 10.1214/aos/1013203451; Chen and Guestrin 2016, doi 10.1145/2939672.2939785; best-first
//! growth and histogram subtraction as in Ke et al. 2017 (LightGBM, NIPS 30).

mod bins;
mod grow;
mod histogram;
mod loss;
mod split;

pub use bins::{BINS_MAX, BinnedColumn, BinnedMatrix, Cuts, Order};
use grow::{Node, Tree, grow};
use histogram::{Cell, ROWS_MAX, Scale};
use loss::{Link, Loss};
use rayon::prelude::*;

/// Rows that one thread predicts at a time.
const CHUNK: usize = 4_096;

/// What is learnt, `[rows]`.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// Two classes; predictions are shares of `true`. Logistic loss.
    Binary(&'a [bool]),
    /// Class codes below `classes`; predictions are shares, `[rows, classes]`. Softmax loss.
    Classes {
        /// Class of each row.
        codes: &'a [u32],
        /// How many classes there are.
        classes: usize,
    },
    /// Finite numbers. Squared loss.
    Real(&'a [f64]),
}

impl Target<'_> {
    fn rows(&self) -> usize {
        match self {
            Self::Binary(labels) => labels.len(),
            Self::Classes { codes, .. } => codes.len(),
            Self::Real(numbers) => numbers.len(),
        }
    }
}

/// How to boost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Rounds; each adds one tree an output.
    pub rounds: usize,
    /// What each tree's values are multiplied with.
    pub learning_rate: f64,
    /// Most leaves of a tree.
    pub leaves_max: usize,
    /// Fewest rows of a leaf.
    pub leaf_rows: u32,
    /// Added to the curvature of a leaf.
    pub l2: f64,
    /// A split must gain more than this.
    pub gain_min: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { rounds: 100, learning_rate: 0.1, leaves_max: 31, leaf_rows: 20, l2: 1.0, gain_min: 0.0 }
    }
}

/// A boosted model.
#[derive(Debug, Clone)]
pub struct Booster {
    trees: Vec<Tree>,
    start: Vec<f64>,
    link: Link,
    columns: usize,
}

impl Booster {
    /// Learns `target` from all rows of `matrix`.
    ///
    /// # Panics
    /// If matrix and target differ in length, a class code is out of range, or there are 2²³ rows or more.
    pub fn fit(matrix: &BinnedMatrix, target: &Target, settings: &Settings) -> Self {
        match Self::fit_while::<std::convert::Infallible>(matrix, target, settings, |_| Ok(())) {
            Ok(booster) => booster,
            Err(never) => match never {},
        }
    }

    /// As [`Booster::fit`]; asks `go_on` before each round, which is told how many are done, and ends with
    /// its error.
    pub fn fit_while<E>(
        matrix: &BinnedMatrix,
        target: &Target,
        settings: &Settings,
        mut go_on: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Self, E> {
        let rows = matrix.rows();
        assert!(target.rows() == rows && rows < ROWS_MAX, "{} targets for {rows} rows, at most {ROWS_MAX}", target.rows());
        let (loss, start) = Loss::of(target);
        // an output's scores lie side by side: what is done to all rows of one class runs through memory once
        let mut scores: Vec<Vec<f64>> = start.iter().map(|start| vec![*start; rows]).collect();
        let mut pairs = vec![vec![[0.0; 2]; rows]; start.len()];
        let mut trees = Vec::with_capacity(settings.rounds * start.len());
        for round in 0..settings.rounds {
            go_on(round)?;
            let sums = loss.sums(&scores);
            let outputs = pairs.par_iter_mut().zip(&scores).enumerate();
            outputs.for_each(|(output, (pairs, scores))| loss.gradients(output, scores, &sums, pairs));
            trees.extend(pairs.iter().zip(&mut scores).map(|(pairs, scores)| add_tree(matrix, pairs, settings, scores)));
        }
        Ok(Self { trees, start, link: loss.link(), columns: matrix.columns().len() })
    }

    /// Numbers that a prediction of one row has: classes, or 1.
    pub fn outputs(&self) -> usize {
        self.start.len()
    }

    /// Shares of classes or numbers, `[rows, outputs]`, for rows binned like those learnt from.
    pub fn predict(&self, matrix: &BinnedMatrix) -> Vec<f64> {
        assert!(matrix.columns().len() == self.columns, "{} columns, learnt from {}", matrix.columns().len(), self.columns);
        let outputs = self.outputs();
        let mut scores = self.start.repeat(matrix.rows());
        scores.par_chunks_mut(CHUNK * outputs).enumerate().for_each(|(chunk, scores)| {
            for (place, tree) in self.trees.iter().enumerate() {
                for (row, scores) in scores.chunks_exact_mut(outputs).enumerate() {
                    scores[place % outputs] += tree.value(matrix, chunk * CHUNK + row);
                }
            }
            scores.chunks_exact_mut(outputs).for_each(|scores| self.link.apply(scores));
        });
        scores
    }

    /// Summed gain of each column's splits, `[columns]`.
    pub fn gains(&self) -> Vec<f64> {
        let mut gains = vec![0.0; self.columns];
        for node in self.trees.iter().flat_map(|tree| &tree.0) {
            if let Node::Inner { test, gain, .. } = node {
                gains[test.column as usize] += gain;
            }
        }
        gains
    }
}

/// The next tree of one output, whose values are added to its scores, `[rows]`.
fn add_tree(matrix: &BinnedMatrix, pairs: &[[f64; 2]], settings: &Settings, scores: &mut [f64]) -> Tree {
    let Some(scale) = Scale::fit(pairs) else {
        return Tree(vec![Node::Leaf(0.0)]);
    };
    let cells: Vec<Cell> = pairs.iter().map(|pair| scale.cell(*pair)).collect();
    grow(matrix, &cells, scale, settings, |rows, value| {
        rows.iter().for_each(|&row| scores[row as usize] += value);
    })
}

#[cfg(test)]
mod tests;
