//! Adversarial random forest: leaves of forests that could not tell real from made rows any better.
//!
//! # Model
//! A mixture over all (tree, leaf) pairs of a forest, each weighted by the share of train rows in it; inside a
//! leaf columns are independent.
//!
//! # Fit
//! 1. *Round 0*: as many made rows as real ones, each column (a number with its State) drawn by itself from
//!    train. A forest learns to tell real from made; its accuracy is judged outside the bags.
//! 2. *Further rounds*: while that accuracy is above ½ + `delta`, rounds are left and it fell: leaves with fewer
//!    than `leaf_rows` real rows are pruned (the sibling takes the parent's place), made rows are drawn from
//!    the rest (tree by chance, leaf by its real rows, each column from the leaf's real rows alone), and a new
//!    forest learns to tell them (`rounds.rs`).
//! 3. *Choice*: a forest is judged by the next one. The forest whose rows were told least stays: the earlier
//!    one if accuracy did not fall. Rows of round 0 are those of a tree of one leaf.
//! 4. *Densities* of a leaf (`tables.rs`): counts for levels and States; for numbers a list of loose values
//!    and counts of atoms, or a normal law cut to the leaf's box (`cut_normal.rs`).
//!
//! # Sample
//! A tree by chance, a leaf by its real rows, then each column alone. Loose numbers move to a uniform place
//! between neighbours two ranks below and above; a leaf with too few of them uses the list of the nearest
//! node above with enough.
//!
//! Under conditions leaves are weighted by the probability of what is asked, which is exact (`evidence.rs`).
//!
//! # Options
//! See [`ArfOptions`]. Preset `arf_r`: 10 trees, leaves of 2 rows, cut normal laws.
//!
//! # States
//! Between any two rounds: two forests and the accuracies.
//!
//! # Limits
//! 1,000 columns. Leaf tables are kept tree by tree; no list joins rows of several trees or columns.
//!
//! # Cost
//! `rounds · trees · rows · √columns · depth`; memory of the tables, about `rows · trees · columns · 3` bytes.
//!
//! # Reference
//! Watson, Blesch, Kapar, Wright 2023, AISTATS, PMLR 206:5357-5375 (arXiv:2205.09435); package arf for R, 0.2.
//! Gap draws and leaves of at least 10 rows are ours; the paper has cut normal laws and leaves of 2 to 5 rows.

mod cells;
mod cut_normal;
mod draw;
mod evidence;
mod given;
mod rounds;
mod stand;
mod store;
mod tables;

use crate::member::{Block, Given, Model, Synthesizer, Train};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use synthfleet_proto::about::{About, Accepts, Conditional, Cost, CostClass, Shape};
use synthfleet_proto::options::{Checked, Options, Problem, Problems};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::encode::{Coded, Encoder};
use synthfleet_table::{Arrays, Budget};
use tables::Tables;

/// Adversarial random forest.
pub struct Arf;

/// How forests are grown and values drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ArfOptions {
    /// Trees of a forest. 10 to 500; default 30.
    pub trees: u32,
    /// Fewest real rows in a leaf; more protects better and fits less. 1 to 10,000; default 10.
    pub leaf_rows: u32,
    /// Most forests after the first. 1 to 100; default 10.
    pub rounds_max: u32,
    /// Rounds end when accuracy is at most this far above one half. 0 to 0.5; default 0.
    pub delta: f64,
    /// How numbers leave a leaf: `gap` or `truncated_normal`. Default gap.
    pub density: Density,
    /// Rows by which every level of a column counts more in every leaf. 0 to 100; default 0.
    pub pseudo_count: f64,
    /// A published variant: `arf_r`. Replaces trees, leaf_rows and density. Default none.
    pub preset: Option<ArfPreset>,
}

/// How numbers leave a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Density {
    /// Values of the leaf; those that are not frequent move between their neighbours.
    Gap,
    /// A normal law with the leaf's mean and deviation, cut to the leaf's box.
    TruncatedNormal,
}

/// Published variants of [`Arf`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArfPreset {
    /// The package for R: 10 trees, leaves of 2 rows, truncated normal laws.
    ArfR,
}

impl Default for ArfOptions {
    fn default() -> Self {
        Self { trees: 30, leaf_rows: 10, rounds_max: 10, delta: 0.0, density: Density::Gap, pseudo_count: 0.0, preset: None }
    }
}

impl Options for ArfOptions {
    fn check(&self) -> Vec<Problem> {
        Problems::none()
            .within("trees", self.trees, 10..=500)
            .within("leaf_rows", self.leaf_rows, 1..=10_000)
            .within("rounds_max", self.rounds_max, 1..=100)
            .within("delta", self.delta, 0.0..=0.5)
            .within("pseudo_count", self.pseudo_count, 0.0..=100.0)
            .into_vec()
    }
}

/// What a fit needs to know, options and preset resolved.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Plan {
    trees: u32,
    leaf_rows: u32,
    rounds_max: u32,
    delta: f64,
    density: Density,
    pseudo_count: f64,
}

impl Plan {
    fn of(options: &ArfOptions) -> Self {
        let (trees, leaf_rows, density) = match options.preset {
            Some(ArfPreset::ArfR) => (10, 2, Density::TruncatedNormal),
            None => (options.trees, options.leaf_rows, options.density),
        };
        Self { trees, leaf_rows, rounds_max: options.rounds_max, delta: options.delta, density, pseudo_count: options.pseudo_count }
    }
}

impl Synthesizer for Arf {
    type Options = ArfOptions;
    type Model = ArfModel;
    const ABOUT: About = About {
        name: "arf",
        version: "1.0",
        aliases: &["ArfSynthesizer", "adversarial_rf"],
        summary: "Adversarial random forest: leaves in which real and made rows look alike, columns independent inside",
        paper: "Watson, Blesch, Kapar, Wright 2023, AISTATS, PMLR 206:5357",
        cost: CostClass::Medium,
        accepts: Accepts { columns_max: 1_000, levels_max: 65_535, ..Accepts::ANY },
        checkpoint: true,
        anytime: true,
        given: Conditional::Exact,
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, options: &Checked<Self::Options>) -> Cost {
        let plan = Plan::of(options);
        let (rows, columns, trees) = (shape.train_rows as f64, f64::from(shape.modelled().max(1)), f64::from(plan.trees));
        let depth = libm::log2((2.0 * rows / f64::from(plan.leaf_rows)).max(2.0)) * 1.5;
        // lists of numbers hold a code a row, counts of levels far fewer
        let (numbers, levels) = (f64::from(shape.number_like), f64::from(shape.discrete));
        Cost {
            cpu_seconds: 0.02 + trees * rows * (ROUNDS * 2.0 * columns.sqrt() * depth * 8e-9 + columns * 1e-7),
            peak_bytes: (rows * columns * 30.0 + rows * trees * (12.0 * numbers + 3.0 * levels)) as u64 + (1 << 20),
            model_bytes: (rows * trees * (1.5 * numbers + 0.15 * levels)) as u64 + (64 << 10),
        }
    }

    fn fit(train: &Train, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Self::Model> {
        let states = crate::states::States::new(&Self::ABOUT, train, options, seed, budget);
        Ok(ArfModel { tables: rounds::fit(train.encoded(), &Plan::of(options), seed, &states, budget)? })
    }
}

/// Rounds that a fit usually takes.
const ROUNDS: f64 = 3.0;

/// The leaf tables of a forest.
pub struct ArfModel {
    tables: Tables,
}

impl Model for ArfModel {
    fn sample_block(&self, block: Block, given: &Given, seed: &Seed, budget: &Budget) -> Result<Vec<Coded>> {
        if !given.is_nothing() {
            return given::sample(self, &given.groups(block.rows), block.rows, seed, budget);
        }
        self.tables.sample(block.rows, seed, budget)
    }

    fn save(&self, arrays: &mut Arrays) {
        store::save(&self.tables, arrays);
    }

    fn load(arrays: &Arrays, encoder: &Arc<Encoder>) -> Result<Self> {
        Ok(Self { tables: store::load(arrays, encoder)? })
    }
}

#[cfg(test)]
mod tests;
