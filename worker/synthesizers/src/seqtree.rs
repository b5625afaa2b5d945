//! Honest sequential trees: columns in an order, each drawn from the leaf of a tree on those before it.
//!
//! # Model
//! `p(x) = Π_t p(x_t | x_earlier)`. Each factor is a classification or regression tree whose leaves hold the
//! train values of one column. Structure and contents come from different halves of the train rows.
//!
//! # Fit
//! 1. *Order*: a coded target first, then narrow coded columns by falling association, then wide ones,
//!    then numbers by rising share of distinct values (`order.rs`).
//! 2. *Predictors*: the earlier columns, at most `predictors_max` by association.
//! 3. *Response*: classes by Gini; numbers by the variance of the normal scores of their mid-ranks, never
//!    of raw values.
//! 4. *Honesty*: a random half of the rows shapes tree 1 and fills the leaves of tree 2, and the other way
//!    round. A sampled row uses one of the two for its whole chain.
//! 5. *Tune* (`tune.rs`), on request: leaf size, honesty and gap chosen inside train, behind a privacy gate.
//!    The rule of [`SeqtreeOptions::leaf_rows`] does as well on adult at a twentieth of the time.
//!
//! # Sample
//! A coded column draws a row of its leaf, or, half a row's weight, one of the parent node: a label unseen
//! in the parent cannot appear. A number draws a leaf value; frequent values of the whole column are kept,
//! others move to a uniform place between neighbours `gap` ranks below and above (`leaves.rs`).
//!
//! # Options
//! See [`SeqtreeOptions`]. Preset `synthpop`: not honest, leaves of 5, donors copied, table order.
//!
//! # Limits
//! 65,535 levels as a response. Memory `rows · columns · 16` bytes.
//!
//! # Cost
//! `Σ_t rows · min(t, predictors_max) · depth`.
//!
//! # Reference
//! Reiter 2005, Journal of Official Statistics 21, 441-462; Nowok, Raab, Dibben 2016, doi
//! 10.18637/jss.v074.i11. Honesty: Athey, Imbens 2016, doi 10.1073/pnas.1510489113, used here for sampling,
//! not for effects. Rank responses, gap draws, shrinkage to the parent and the inner gate are ours.

mod chain;
mod factor;
mod leaves;
mod order;
mod store;
mod tune;

use crate::member::{Block, Given, Model, Synthesizer, Train};
use chain::Chain;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use synthfleet_proto::about::{About, Accepts, Cost, CostClass, Shape};
use synthfleet_proto::options::{Checked, Options, Problem, Problems};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::encode::{Coded, Encoder};
use synthfleet_table::{Arrays, Budget};

/// Honest sequential trees.
pub struct Seqtree;

/// How trees are grown and values drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SeqtreeOptions {
    /// Fewest rows in a leaf while it is shaped; more protects better and fits less. 1 to 10,000, or 0:
    /// 100, or a tenth of the train rows of small tables, at least 10. Default 0.
    pub leaf_rows: u32,
    /// Different rows shape a tree and fill its leaves. Default true.
    pub honest: bool,
    /// Ranks below and above a drawn number between which its replacement lies. 1 to 10; default 2.
    pub gap: u32,
    /// Most predictors of a column. 1 to 1,000; default 30.
    pub predictors_max: u32,
    /// Leaf size, honesty and gap are chosen inside train, behind a privacy gate; costs some ten fits.
    /// Replaces leaf_rows, honest and gap. Default false.
    pub tune: bool,
    /// Names of columns that come first, in this order; the rest follow by association. Default none.
    pub order: Vec<String>,
    /// A published variant: `synthpop`. Replaces leaf_rows, honest, gap and order. Default none.
    pub preset: Option<String>,
}

impl Default for SeqtreeOptions {
    fn default() -> Self {
        Self { leaf_rows: 0, honest: true, gap: 2, predictors_max: 30, tune: false, order: Vec::new(), preset: None }
    }
}

impl Options for SeqtreeOptions {
    fn check(&self) -> Vec<Problem> {
        let preset = self.preset.as_deref().unwrap_or("synthpop");
        Problems::none()
            .within("leaf_rows", self.leaf_rows, 0..=10_000)
            .within("gap", self.gap, 1..=10)
            .within("predictors_max", self.predictors_max, 1..=1_000)
            .holds("preset", preset, preset == "synthpop", "synthpop")
            .into_vec()
    }
}

/// How numbers leave a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Draw {
    /// Between neighbours of the drawn value, this many ranks away.
    Gap(u32),
    /// The value itself: only under the preset `synthpop`.
    Donor,
}

/// What a fit needs to know, options and preset resolved.
#[derive(Debug, Clone, PartialEq)]
struct Plan {
    leaf_rows: u32,
    honest: bool,
    draw: Draw,
    predictors_max: usize,
    order: Vec<String>,
    table_order: bool,
}

impl Plan {
    fn of(options: &SeqtreeOptions, rows: usize) -> Self {
        let leaf_rows = if options.leaf_rows == 0 { auto_leaf_rows(rows) } else { options.leaf_rows };
        let predictors_max = options.predictors_max as usize;
        match options.preset {
            Some(_) => Self { leaf_rows: 5, honest: false, draw: Draw::Donor, predictors_max, order: Vec::new(), table_order: true },
            None => Self {
                leaf_rows,
                honest: options.honest,
                draw: Draw::Gap(options.gap),
                predictors_max,
                order: options.order.clone(),
                table_order: false,
            },
        }
    }
}

/// 100, or a tenth of the rows of small tables, at least 10. On adult leaves of 100 rows score as well as
/// smaller ones and bring samples no nearer to train than to holdout; on California housing leaves of 64
/// rows fail the privacy gate and leaves of 100 pass it.
fn auto_leaf_rows(rows: usize) -> u32 {
    (rows / 10).clamp(10, 100) as u32
}

impl Synthesizer for Seqtree {
    type Options = SeqtreeOptions;
    type Model = SeqtreeModel;
    const ABOUT: About = About {
        name: "seqtree",
        version: "1.0",
        aliases: &["synthpop", "cart", "SeqtreeSynthesizer"],
        summary: "Honest sequential trees: each column drawn from the leaf of a tree on those before it",
        paper: "Reiter 2005, Journal of Official Statistics 21; Nowok, Raab, Dibben 2016, doi 10.18637/jss.v074.i11",
        cost: CostClass::Medium,
        accepts: Accepts { columns_max: 5_000, levels_max: 65_535, ..Accepts::ANY },
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, options: &Checked<Self::Options>) -> Cost {
        let (rows, columns) = (shape.train_rows as f64, f64::from(shape.modelled()));
        let predictors = columns.min(f64::from(options.predictors_max)) / 2.0;
        let leaf_rows = if options.leaf_rows == 0 { auto_leaf_rows(shape.train_rows as usize) } else { options.leaf_rows };
        let depth = libm::log2((rows / f64::from(leaf_rows)).max(2.0)) * 1.5;
        let bytes = (rows * columns * 16.0) as u64;
        Cost {
            cpu_seconds: 0.02 + rows * columns * predictors.max(1.0) * depth * 4e-9,
            peak_bytes: bytes + (256 << 10),
            model_bytes: bytes / 5 + (64 << 10),
        }
    }

    fn fit(train: &Train, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Self::Model> {
        let encoded = train.encoded();
        let mut plan = Plan::of(options, encoded.rows());
        if options.tune && options.preset.is_none() {
            plan = tune::choose(encoded, &plan, &seed.child("tune"), budget)?;
        }
        let chain = Chain::fit(encoded, &plan, &seed.child("fit"), budget)?;
        Ok(SeqtreeModel { chain })
    }
}

/// Fitted trees of all coded columns.
pub struct SeqtreeModel {
    chain: Chain,
}

impl Model for SeqtreeModel {
    fn sample_block(&self, block: Block, _: &Given, seed: &Seed, budget: &Budget) -> Result<Vec<Coded>> {
        self.chain.sample(block.rows, seed, budget)
    }

    fn save(&self, arrays: &mut Arrays) {
        store::save(&self.chain, arrays);
    }

    fn load(arrays: &Arrays, encoder: &Arc<Encoder>) -> Result<Self> {
        Ok(Self { chain: store::load(arrays, encoder)? })
    }
}

#[cfg(test)]
mod tests {
    use crate::conformance::tables;
    use crate::{Given, Seeds, find};
    use serde_json::Value;
    use synthfleet_table::Budget;

    #[test]
    fn missing_cells_are_as_frequent_as_in_train_whatever_the_seed() {
        const SEEDS: u64 = 20;
        let budget = Budget::quiet(2);
        let (mut squares, mut cells) = (0.0, 0.0);
        for table in [tables::missing_everywhere(1_500, 0.3), tables::missing_where_small(1_500, tables::Fall::Step)] {
            for seed in 0..SEEDS {
                let seeds = Seeds::of_task(seed, "missing");
                let model = find("seqtree").expect("listed").fit_any(&table, &Value::Null, &seeds, &budget).expect("fits");
                let sample = model.sample(0..table.rows() as u64, &Given::NOTHING, &budget).expect("samples");
                for (train, made) in table.columns().iter().zip(sample.columns()).filter(|(train, _)| train.missing_count() > 0) {
                    let rows = table.rows() as f64;
                    let share = train.missing_count() as f64 / rows;
                    let deviation = (made.missing_count() as f64 / rows - share) / (share * (1.0 - share) / rows).sqrt();
                    assert!(deviation.abs() <= 3.0, "seed {seed}: {deviation} binomial deviations");
                    (squares, cells) = (squares + deviation * deviation, cells + 1.0);
                }
            }
        }
        // 1 for rows drawn one by one; the 99.9 % point of 80 squares
        assert!(squares / cells <= 1.56, "{} times the binomial variance", squares / cells);
    }
}
