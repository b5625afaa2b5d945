//! Hidden Chow–Liu tree: every column has a hidden state, and the states follow a tree.
//!
//! **Model.** `p(x) = Σ_z π(z_root) Π P(z_i | z_parent) Π P(x_i | z_i)`, K states a node; the tree is that of greatest
//! mutual information over columns. A cell's law: shares of codes (levels, State), and for a regular number a normal
//! law of its score.
//! **View.** `quantile_normal`, codes of levels; `codes(15)` for the tree.
//! **Fit.** `view.rs`, the tree of [`crate::clbn`], then stepwise expectation and maximisation from K groups of rows
//! (`start.rs`, `training.rs`, `messages.rs`, `parameters.rs`). A tenth of the rows says when to stop.
//! **States.** Between any two batches (`search.rs`).
//! **Sample.** From the root down by alias rows (`draw.rs`); given what some cells may be, exactly (`given.rs`).
//! **Options.** [`LatentTreeOptions`]. **Limits.** 1,000 levels a column (the rest share one), 2,000 columns.
//! **Cost.** 6 · n · d · K² operations an epoch; K² · d · 40 bytes.
//! **Pitfalls.** Many states learn rows by heart: fewer states and the stop by validation rows are what protects.
//! Random starts collapse; a flat mixture as a start does not, and as a model alone misses most pairs.
//! **Reference.** Liu, Van den Broeck 2021, Tractable regularization of probabilistic circuits, NeurIPS; Cappé,
//! Moulines 2009, doi 10.1111/j.1467-9868.2009.00698.x. Theirs have K of hundreds and thousands.

mod draw;
mod fit;
mod given;
mod kernel;
mod messages;
mod parameters;
mod search;
mod start;
mod store;
#[cfg(test)]
mod tests;
mod training;
mod view;

use crate::member::{Block, Evidence, Given, Model, Synthesizer, Train};
use draw::{Draws, Weights};
use given::Asked;
use kernel::padded;
use parameters::{Node, Parameters};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use synthfleet_proto::about::{About, Accepts, Conditional, Cost, CostClass, Shape};
use synthfleet_proto::options::{Checked, Options, Problem, Problems};
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_table::encode::{Coded, Encoder};
use synthfleet_table::{Arrays, Budget, SeedExt};
use view::View;

/// The hidden Chow–Liu tree.
pub struct LatentTree;

/// Hidden states of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a whole number of 2 to 512, or auto")]
pub enum States {
    /// So many.
    Count(u32),
    /// By validation rows.
    Auto(Auto),
}

/// The word `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Auto {
    /// 16, 32, 64, 128: more while that makes validation rows more probable.
    Auto,
}

/// Options of [`LatentTree`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LatentTreeOptions {
    /// Hidden states of a column, 2 to 512, or `auto`; more fit better and protect less.
    pub states: States,
    /// Train rows for each state, at least, 1 to 100,000; small tables get fewer states.
    #[schemars(range(min = 1, max = 100_000))]
    pub state_rows: u32,
    /// Most passes over the rows, 1 to 10,000.
    #[schemars(range(min = 1, max = 10_000))]
    pub epochs_max: u32,
    /// Rows of a step, 16 to 10 million.
    #[schemars(range(min = 16, max = 10_000_000))]
    pub batch: u32,
    /// Rows on top of each probability, 0.000001 to 10.
    #[schemars(range(min = 0.000_001, max = 10.0))]
    pub prior: f64,
    /// Passes without a better density of validation rows before it ends, 1 to 1,000.
    #[schemars(range(min = 1, max = 1_000))]
    pub patience: u32,
    /// Starts, of which the best by validation rows is kept, 1 to 20.
    #[schemars(range(min = 1, max = 20))]
    pub starts: u32,
}

impl Default for LatentTreeOptions {
    fn default() -> Self {
        Self { states: States::Count(64), state_rows: 100, epochs_max: 60, batch: 256, prior: 0.01, patience: 4, starts: 1 }
    }
}

impl Options for LatentTreeOptions {
    fn check(&self) -> Vec<Problem> {
        let states = if let States::Count(states) = self.states { states } else { 2 };
        Problems::none()
            .within("states", states, 2..=store::STATES_MAX as u32)
            .within("state_rows", self.state_rows, 1..=100_000)
            .within("epochs_max", self.epochs_max, 1..=10_000)
            .within("batch", self.batch, 16..=10_000_000)
            .within("prior", self.prior, 1e-6..=10.0)
            .within("patience", self.patience, 1..=1_000)
            .within("starts", self.starts, 1..=20)
            .into_vec()
    }
}

/// A fitted tree of hidden states.
pub struct LatentTreeModel {
    view: View,
    nodes: Vec<Node>,
    parameters: Parameters,
    draws: Draws,
}

impl Synthesizer for LatentTree {
    type Options = LatentTreeOptions;
    type Model = LatentTreeModel;
    const ABOUT: About = About {
        name: "latent_tree",
        version: "1.0",
        aliases: &["hclt", "tabpc", "LatentTreeSynthesizer"],
        summary: "tree of hidden states, one a column, by expectation and maximisation",
        paper: "Liu, Van den Broeck 2021, NeurIPS; Cappé, Moulines 2009, doi 10.1111/j.1467-9868.2009.00698.x",
        cost: CostClass::Heavy,
        accepts: Accepts { columns_max: 2_000, ..Accepts::ANY },
        checkpoint: true,
        anytime: true,
        given: Conditional::Exact,
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, options: &Checked<Self::Options>) -> Cost {
        /// Passes that fits take on most tables, if they may.
        const EPOCHS: f64 = 35.0;
        let (rows, columns) = (shape.train_rows as f64, f64::from(shape.modelled()));
        let most = (shape.train_rows / u64::from(options.state_rows)).max(2);
        // `auto` makes fits of 16, 32, 64 and 128 states, together as dear as one and a third of the last
        let (states, fits) = match options.states {
            States::Count(states) => (u64::from(states).min(most), 1.0),
            States::Auto(_) => (most.min(128), 1.4),
        };
        let width = padded(states as usize) as f64;
        let epochs = EPOCHS.min(f64::from(options.epochs_max)) * f64::from(options.starts) * fits;
        let cells = shape.train_rows * u64::from(shape.modelled() + shape.other);
        let laws = f64::from(shape.modelled()) * width * width + shape.levels_sum as f64 * width;
        Cost {
            cpu_seconds: epochs * rows * columns * (6.0 * width * width * 2.5e-11 + width * 1e-9) + cells as f64 * 5e-7,
            peak_bytes: cells * 48 + (laws * 64.0) as u64,
            model_bytes: 8_192 + u64::from(shape.number_like) * 24_000 + (laws * 4.0) as u64,
        }
    }

    fn fit(train: &Train, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Self::Model> {
        let states = crate::states::States::new(&Self::ABOUT, train, options, seed, budget);
        fit::fit(train.encoded(), options, seed, &states, budget)
    }
}

impl LatentTreeModel {
    /// Rows that follow `draws`; numbers stay within what is asked, by column (empty: nothing is).
    fn cells(&self, draws: &Draws, asked: &[Asked], rows: usize, seed: &Seed, budget: &Budget) -> Result<Vec<Coded>> {
        let mut columns = vec![Vec::new(); self.nodes.len()];
        for (node, drawn) in self.nodes.iter().zip(draws.cells(rows, seed, budget)?) {
            let mut random = seed.child("decode").index(node.column as u64).rng();
            columns[node.column] = self.view.decode(node.column, drawn, asked.get(node.column), &mut random);
        }
        Ok(columns.concat())
    }

    /// Rows given evidence. What the model holds for impossible is drawn freely: no such row is accepted.
    fn cells_given(&self, evidence: &Evidence, rows: usize, seed: &Seed, budget: &Budget) -> Result<Vec<Coded>> {
        let asked = self.view.asked(evidence);
        match given::given(&self.nodes, &self.parameters, &asked) {
            Some((weights, _)) => self.cells(&Draws::new(&self.nodes, &self.parameters, &weights), &asked, rows, seed, budget),
            None => self.cells(&self.draws, &[], rows, seed, budget),
        }
    }
}

impl Model for LatentTreeModel {
    fn sample_block(&self, block: Block, given: &Given, seed: &Seed, budget: &Budget) -> Result<Vec<Coded>> {
        if given.is_nothing() {
            return self.cells(&self.draws, &[], block.rows, seed, budget);
        }
        let groups = given.groups(block.rows);
        let one = |(place, (evidence, rows)): (usize, &(Arc<Evidence>, Vec<u32>))| {
            self.cells_given(evidence, rows.len(), &seed.child("group").index(place as u64), budget)
        };
        let parts = groups.iter().enumerate().map(one).collect::<Result<Vec<_>>>()?;
        // the row of the block at which each row of the joined groups belongs, turned round
        let mut order = vec![0; block.rows];
        groups.iter().flat_map(|(_, rows)| rows).zip(0..).for_each(|(&row, place)| order[row as usize] = place);
        let column = |place: usize| {
            let joined = Coded::join(parts.iter().map(|part| &part[place]));
            let joined = joined.ok_or_else(|| Error::internal("encode::broken", "groups of rows of two sorts"))?;
            Ok(joined.take(&order))
        };
        (0..parts.first().map_or(0, Vec::len)).map(column).collect()
    }

    fn save(&self, arrays: &mut Arrays) {
        self.view.save(arrays);
        store::save(&self.nodes, &self.parameters, arrays);
    }

    fn load(arrays: &Arrays, encoder: &Arc<Encoder>) -> Result<Self> {
        let view = View::load(arrays, encoder)?;
        let (nodes, parameters) = store::load(arrays, &view)?;
        let draws = Draws::new(&nodes, &parameters, &Weights::of(&parameters));
        Ok(Self { view, nodes, parameters, draws })
    }
}
