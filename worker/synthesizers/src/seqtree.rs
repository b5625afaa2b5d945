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
//! Under conditions particles walk the chain (`conditional.rs`): exact where the conditions stand first in the
//! order, else by importance where they are rarely met. Several chains share rows evenly.
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
mod conditional;
mod factor;
mod leaves;
mod order;
mod restricted;
mod store;
mod tune;

use crate::member::{Block, Given, Model, Synthesizer, Train};
use chain::Chain;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use synthfleet_proto::about::{About, Accepts, Conditional, Cost, CostClass, Shape};
use synthfleet_proto::options::{Checked, Options, Problem, Problems};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::encode::{Coded, Encoder};
use synthfleet_table::random::Draw as _;
use synthfleet_table::{Arrays, Budget, SeedExt};

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
    /// Names of columns that conditions will be put on: they come before all others, so that conditional samples
    /// are exact and fast. Default none.
    pub given: Vec<String>,
    /// Trees of each column, each in a chain of another order; a row follows one chain. 1 to 10; default 1.
    pub trees_per_column: u32,
    /// A published variant: `synthpop`. Replaces leaf_rows, honest, gap and order. Default none.
    pub preset: Option<String>,
}

impl Default for SeqtreeOptions {
    fn default() -> Self {
        Self {
            leaf_rows: 0,
            honest: true,
            gap: 2,
            predictors_max: 30,
            tune: false,
            order: Vec::new(),
            given: Vec::new(),
            trees_per_column: 1,
            preset: None,
        }
    }
}

impl Options for SeqtreeOptions {
    fn check(&self) -> Vec<Problem> {
        let preset = self.preset.as_deref().unwrap_or("synthpop");
        Problems::none()
            .within("leaf_rows", self.leaf_rows, 0..=10_000)
            .within("gap", self.gap, 1..=10)
            .within("predictors_max", self.predictors_max, 1..=1_000)
            .within("trees_per_column", self.trees_per_column, 1..=10)
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
    /// Columns behind `order` come as they are shuffled by this chain's number; 0: by association.
    shuffle: u32,
}

impl Plan {
    fn of(options: &SeqtreeOptions, rows: usize) -> Self {
        let leaf_rows = if options.leaf_rows == 0 { auto_leaf_rows(rows) } else { options.leaf_rows };
        let predictors_max = options.predictors_max as usize;
        let first = |others: &[String]| -> Vec<String> {
            let mut names = options.given.clone();
            names.extend(others.iter().filter(|name| !options.given.contains(name)).cloned());
            names
        };
        match options.preset {
            Some(_) => {
                let order = first(&[]);
                Self { leaf_rows: 5, honest: false, draw: Draw::Donor, predictors_max, order, table_order: true, shuffle: 0 }
            }
            None => Self {
                leaf_rows,
                honest: options.honest,
                draw: Draw::Gap(options.gap),
                predictors_max,
                order: first(&options.order),
                table_order: false,
                shuffle: 0,
            },
        }
    }
}

impl Plan {
    /// Fewest rows of a leaf of one level: as many as a leaf needs contents. In asia, `either` follows from two other
    /// columns; where `tub` is met in 40 of 4,000 rows, leaves of 100 broke that in .9 % of sampled rows. The preset is
    /// what others publish.
    fn pure_rows(&self) -> Option<u32> {
        matches!(self.draw, Draw::Gap(_)).then(|| (self.leaf_rows / 5).max(10))
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
        version: "1.1",
        aliases: &["synthpop", "cart", "SeqtreeSynthesizer"],
        summary: "Honest sequential trees: each column drawn from the leaf of a tree on those before it",
        paper: "Reiter 2005, Journal of Official Statistics 21; Nowok, Raab, Dibben 2016, doi 10.18637/jss.v074.i11",
        when: "The first choice for most tables: it keeps shapes, pairs and missing cells best at moderate cost. Name columns that conditions will be put on in `given`.",
        given: Conditional::ExactInOrder,
        cost: CostClass::Medium,
        accepts: Accepts { columns_max: 5_000, levels_max: 65_535, ..Accepts::ANY },
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, options: &Checked<Self::Options>) -> Cost {
        let (rows, columns) = (shape.train_rows as f64, f64::from(shape.modelled()));
        let predictors = columns.min(f64::from(options.predictors_max)) / 2.0;
        let leaf_rows = if options.leaf_rows == 0 { auto_leaf_rows(shape.train_rows as usize) } else { options.leaf_rows };
        let depth = libm::log2((rows / f64::from(leaf_rows)).max(2.0)) * 1.5;
        let (bytes, chains) = ((rows * columns * 16.0) as u64, options.trees_per_column);
        Cost {
            cpu_seconds: 0.02 + f64::from(chains) * rows * columns * predictors.max(1.0) * depth * 4e-9,
            peak_bytes: bytes + bytes / 4 * u64::from(chains - 1) + (256 << 10),
            model_bytes: bytes / 5 * u64::from(chains) + (64 << 10),
        }
    }

    fn fit(train: &Train, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Self::Model> {
        let encoded = train.encoded();
        let mut plan = Plan::of(options, encoded.rows());
        if options.tune && options.preset.is_none() {
            plan = tune::choose(encoded, &plan, &seed.child("tune"), budget)?;
        }
        let mut chains = vec![Chain::fit(encoded, &plan, &seed.child("fit"), budget)?];
        for shuffle in 1..options.trees_per_column {
            let plan = Plan { shuffle, ..plan.clone() };
            chains.push(Chain::fit(encoded, &plan, &seed.child("fit").index(u64::from(shuffle)), budget)?);
        }
        Ok(SeqtreeModel { chains })
    }
}

/// Fitted trees of all coded columns.
pub struct SeqtreeModel {
    /// One, or several of different orders.
    chains: Vec<Chain>,
}

impl Model for SeqtreeModel {
    fn sample_block(&self, block: Block, given: &Given, seed: &Seed, budget: &Budget) -> Result<Vec<Coded>> {
        let one = |chain: &Chain, rows: usize, given: &Given, seed: &Seed| match given.is_nothing() {
            true => chain.sample(rows, seed, budget),
            false => chain.sample_given(rows, given, seed, budget),
        };
        if let [chain] = &self.chains[..] {
            return one(chain, block.rows, given, seed);
        }
        let mut random = seed.child("chain").rng();
        let mut rows_of: Vec<Vec<u32>> = vec![Vec::new(); self.chains.len()];
        (0..block.rows as u32).for_each(|row| rows_of[random.below(self.chains.len() as u64) as usize].push(row));
        let mut parts = Vec::with_capacity(self.chains.len());
        for (place, (chain, rows)) in self.chains.iter().zip(&rows_of).enumerate() {
            parts.push(one(chain, rows.len(), &given.take(rows), &seed.child("chain").index(place as u64))?);
        }
        // back from the chains' rows to the block's
        let mut order = vec![0; block.rows];
        rows_of.iter().flatten().zip(0..).for_each(|(&row, place)| order[row as usize] = place);
        let column = |place: usize| Coded::join(parts.iter().map(|part| &part[place])).map(|column| column.take(&order));
        let columns = (0..parts[0].len()).map(column).collect::<Option<Vec<_>>>();
        columns.ok_or_else(|| synthfleet_proto::Error::internal("encode::broken", "chains of two sorts of columns"))
    }

    fn save(&self, arrays: &mut Arrays) {
        store::save(&self.chains, arrays);
    }

    fn load(arrays: &Arrays, encoder: &Arc<Encoder>) -> Result<Self> {
        Ok(Self { chains: store::load(arrays, encoder)? })
    }
}

#[cfg(test)]
mod tests {
    use crate::conformance::tables;
    use crate::{Given, Seeds, find};
    use serde_json::{Value, json};
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

    #[test]
    fn chains_of_several_orders_are_stored_and_share_the_rows() {
        let (table, budget) = (tables::plain(1_500), Budget::quiet(2));
        let seqtree = find("seqtree").expect("listed");
        let options = json!({"trees_per_column": 3, "order": ["target"]});
        let model = seqtree.fit_any(&table, &options, &Seeds::of_task(1, "chains"), &budget).expect("fits");
        let sample = model.sample(0..5_000, &Given::NOTHING, &budget).expect("samples");
        let loaded = seqtree.load_any(&model.save().expect("saves")).expect("reads");
        assert!(loaded.sample(0..5_000, &Given::NOTHING, &Budget::quiet(1)).expect("samples").columns() == sample.columns());
        let single = seqtree.fit_any(&table, &json!({"order": ["target"]}), &Seeds::of_task(1, "chains"), &budget).expect("fits");
        assert!(single.sample(0..5_000, &Given::NOTHING, &budget).expect("samples") != sample, "one chain is no three");
        assert_eq!(seqtree.check(&json!({"trees_per_column": 11})).len(), 1);
    }

    #[test]
    fn given_columns_come_first_whatever_else_is_asked() {
        let (table, budget) = (tables::plain(800), Budget::quiet(2));
        let seqtree = find("seqtree").expect("listed");
        let fit = |options: Value| seqtree.fit_any(&table, &options, &Seeds::of_task(1, "given"), &budget);
        let both = fit(json!({"given": ["age"], "order": ["colour", "age"]})).expect("fits");
        let first = fit(json!({"order": ["age", "colour"]})).expect("fits");
        assert!(
            both.sample(0..300, &Given::NOTHING, &budget).expect("samples")
                == first.sample(0..300, &Given::NOTHING, &budget).expect("samples")
        );
        assert_eq!(fit(json!({"given": ["agge"]})).err().map(|error| error.helps().join("")), Some("did you mean \"age\"?".to_owned()));
    }
}
