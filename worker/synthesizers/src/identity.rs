//! Identity: train rows drawn again. The known-bad copy that the privacy gate must reject.
//!
//! **Model.** The exact codes of all columns, ids and texts too: value protection is off.
//! **Options.** `replace`: draw with replacement (bootstrap); otherwise rows are given once each in
//! random order, then once more in another.
//! **Cost.** O(n·d). **Reference.** SDGym v0.2.0, the synthesizer of the same name.

use crate::member::{BLOCK_ROWS, Block, Given, Model, Synthesizer, Train};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use synthfleet_proto::about::{About, Conditional, Cost, Shape};
use synthfleet_proto::options::{Checked, Options, Problem};
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_table::encode::{Coded, Encoder};
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, Budget, SeedExt};

/// The row copy.
pub struct Identity;

/// Options of [`Identity`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityOptions {
    /// Draw rows with replacement.
    pub replace: bool,
}

impl Default for IdentityOptions {
    fn default() -> Self {
        Self { replace: true }
    }
}

impl Options for IdentityOptions {
    fn check(&self) -> Vec<Problem> {
        Vec::new()
    }
}

/// Codes of every row, `[columns][rows]`.
pub struct IdentityModel {
    rows: usize,
    columns: Vec<Arc<[u32]>>,
    /// Keys of the row orders; none: with replacement.
    order: Option<u64>,
}

impl Synthesizer for Identity {
    type Options = IdentityOptions;
    type Model = IdentityModel;
    const ABOUT: About = About {
        name: "identity",
        aliases: &["IdentitySynthesizer", "DataIdentity"],
        summary: "train rows drawn again: the copy that the privacy gate must reject",
        paper: "SDGym v0.2.0",
        when: "As a baseline that every privacy gate must refuse; never for release.",
        given: Conditional::Exact,
        baseline: true,
        real_rows: true,
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, _: &Checked<Self::Options>) -> Cost {
        let cells = shape.train_rows * u64::from(shape.modelled() + shape.other);
        Cost { cpu_seconds: cells as f64 * 3e-8, peak_bytes: cells * 16, model_bytes: cells * 4 }
    }

    fn fit(train: &Train, options: &Checked<Self::Options>, seed: &Seed, _: &Budget) -> Result<Self::Model> {
        let encoded = train.encoded();
        let columns = encoded.columns().iter().filter_map(|column| match column {
            Coded::Levels(codes) => Some(Arc::clone(codes)),
            Coded::Value(_) => None,
        });
        let order = (!options.replace).then(|| seed.child("order").number());
        Ok(IdentityModel { rows: encoded.rows(), columns: columns.collect(), order })
    }
}

impl Model for IdentityModel {
    fn sample_block(&self, block: Block, given: &Given, seed: &Seed, _: &Budget) -> Result<Vec<Coded>> {
        let mut random = seed.rng();
        let rows: Vec<u32> = match self.order {
            None if !given.is_nothing() => self.matching(block, given, &mut random),
            None => (0..block.rows).map(|_| random.below(self.rows as u64) as u32).collect(),
            Some(key) => self.ordered(block, key),
        };
        Ok(self.columns.iter().map(|codes| Coded::Levels(rows.iter().map(|&row| codes[row as usize]).collect())).collect())
    }

    fn save(&self, arrays: &mut Arrays) {
        arrays.put_i64("rows", vec![self.rows as i64]);
        arrays.put_i64("order", self.order.map(|key| vec![key as i64]).unwrap_or_default());
        for (place, codes) in self.columns.iter().enumerate() {
            arrays.put_u32(&format!("column/{place}"), Arc::clone(codes));
        }
    }

    fn load(arrays: &Arrays, encoder: &Arc<Encoder>) -> Result<Self> {
        let damaged = |what: &str| Error::data("model::damaged", format!("{what} cannot be")).help("fit the model again");
        let &[rows @ 1..=0xffff_ffff] = arrays.i64s("rows")? else { return Err(damaged("rows")) };
        let order = match arrays.i64s("order")? {
            [] => None,
            &[key] => Some(key as u64),
            _ => return Err(damaged("order")),
        };
        let mut columns = Vec::new();
        for (place, described) in encoder.columns().iter().enumerate() {
            let codes = arrays.u32s(&format!("column/{place}"))?;
            let levels = described.levels().ok_or_else(|| damaged("a coded column"))?;
            if codes.len() as i64 != rows || codes.iter().any(|&code| code >= levels) {
                return Err(damaged("a column of codes"));
            }
            columns.push(codes.into());
        }
        Ok(Self { rows: rows as usize, columns, order })
    }
}

impl IdentityModel {
    /// Train rows as asked, each equally likely; any where none is.
    fn matching(&self, block: Block, given: &Given, random: &mut impl Draw) -> Vec<u32> {
        let mut drawn = vec![0; block.rows];
        for (evidence, rows) in given.groups(block.rows) {
            let is_asked = |row: &u32| evidence.asked().all(|(place, _)| evidence.allows(place, self.columns[place][*row as usize]));
            let matching: Vec<u32> = (0..self.rows as u32).filter(is_asked).collect();
            for row in rows {
                drawn[row as usize] = match matching.len() as u64 {
                    0 => random.below(self.rows as u64) as u32,
                    many => matching[random.below(many) as usize],
                };
            }
        }
        drawn
    }

    /// Rows of a block when all rows are given once before any comes again.
    fn ordered(&self, block: Block, key: u64) -> Vec<u32> {
        let (mut round, mut order) = (u64::MAX, Vec::new());
        let first = block.index * BLOCK_ROWS as u64;
        let row = |place: u64| {
            let (of_round, within) = (place / self.rows as u64, place % self.rows as u64);
            if round != of_round {
                round = of_round;
                order = Seed::from_task_seed(key).index(round).rng().permutation(self.rows);
            }
            order[within as usize]
        };
        (first..first + block.rows as u64).map(row).collect()
    }
}
