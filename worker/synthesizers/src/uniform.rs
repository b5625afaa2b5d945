//! Uniform: every label equally likely, every number equally likely within its protected range.
//! Baseline: what a table's description alone gives away.
//!
//! **Model.** State levels by their train frequencies, so missing cells stay as frequent; labels
//! uniform; values uniform on the protected range, restored to their grain. **Cost.** O(n·d).
//! **Reference.** SDGym v0.2.0, the synthesizer of the same name.

use crate::member::{Block, Given, Model, Synthesizer, Train};
use std::sync::Arc;
use synthfleet_proto::about::{About, Cost, Shape};
use synthfleet_proto::options::{Checked, NoOptions};
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_table::encode::{Coded, Encoder, Sort};
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, Budget, SeedExt};

/// Uniform columns.
pub struct Uniform;

/// Missing cells of each coded column of levels as a share, and what its levels mean.
pub struct UniformModel {
    columns: Vec<Flat>,
}

/// One column.
enum Flat {
    /// Missing levels keep their train share; the others are equally likely.
    Levels { levels: u32, missing: Option<(u32, f64)> },
    /// Numbers of a range.
    Value { low: f64, high: f64 },
}

impl Synthesizer for Uniform {
    type Options = NoOptions;
    type Model = UniformModel;
    const ABOUT: About = About {
        name: "uniform",
        aliases: &["UniformSynthesizer"],
        summary: "every label and every number within its range equally likely",
        paper: "SDGym v0.2.0",
        baseline: true,
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, _: &Checked<Self::Options>) -> Cost {
        let cells = shape.train_rows * u64::from(shape.modelled() + shape.other);
        Cost { cpu_seconds: cells as f64 * 8e-8, peak_bytes: cells * 32, model_bytes: 4_096 + 64 * u64::from(shape.modelled()) }
    }

    fn fit(train: &Train, _: &Checked<Self::Options>, _: &Seed, budget: &Budget) -> Result<Self::Model> {
        budget.go_on()?;
        let encoded = train.encoded();
        let flat = |(place, coded): (usize, &Coded)| {
            let missing = encoded.encoder().columns()[place].missing.zip(coded.codes());
            let missing = missing.map(|(level, codes)| (level, share(codes, level)));
            Flat::of(encoded.encoder(), place, missing)
        };
        Ok(UniformModel { columns: encoded.columns().iter().enumerate().map(flat).collect() })
    }
}

fn share(codes: &[u32], level: u32) -> f64 {
    codes.iter().filter(|&&code| code == level).count() as f64 / codes.len() as f64
}

impl Flat {
    fn of(encoder: &Encoder, place: usize, missing: Option<(u32, f64)>) -> Self {
        match encoder.columns()[place].sort {
            Sort::Levels { levels, .. } => Self::Levels { levels, missing },
            Sort::Value { low, high, step, .. } => Self::Value { low: low - step / 2.0, high: high + step / 2.0 },
        }
    }

    fn draw(&self, rows: usize, random: &mut impl Draw) -> Coded {
        match *self {
            Self::Levels { levels, missing: None } => Coded::Levels((0..rows).map(|_| random.below(levels.into()) as u32).collect()),
            Self::Levels { levels, missing: Some((missing, share)) } => {
                let mut level = || {
                    if levels == 1 || random.uniform() < share {
                        return missing;
                    }
                    let present = random.below(u64::from(levels) - 1) as u32;
                    present + u32::from(present >= missing)
                };
                Coded::Levels((0..rows).map(|_| level()).collect())
            }
            Self::Value { low, high } => {
                let number = |u: f64| low * (1.0 - u) + high * u;
                Coded::Value((0..rows).map(|_| number(random.uniform())).collect())
            }
        }
    }
}

impl Model for UniformModel {
    fn sample_block(&self, block: Block, _: &Given, seed: &Seed, _: &Budget) -> Result<Vec<Coded>> {
        Ok(self.columns.iter().zip(0..).map(|(column, place)| column.draw(block.rows, &mut seed.index(place).rng())).collect())
    }

    fn save(&self, arrays: &mut Arrays) {
        let share = |column: &Flat| match column {
            Flat::Levels { missing: Some((_, share)), .. } => *share,
            _ => -1.0,
        };
        arrays.put_f64("missing", self.columns.iter().map(share).collect::<Vec<_>>());
    }

    fn load(arrays: &Arrays, encoder: &Arc<Encoder>) -> Result<Self> {
        let shares = arrays.f64s("missing")?;
        if shares.len() != encoder.columns().len() || shares.iter().any(|share| share.is_nan()) {
            return Err(Error::data("model::damaged", "the shares of missing cells do not fit the columns").help("fit the model again"));
        }
        let flat = |(place, &share): (usize, &f64)| {
            let missing = encoder.columns()[place].missing.filter(|_| share >= 0.0);
            Flat::of(encoder, place, missing.map(|level| (level, share.min(1.0))))
        };
        Ok(Self { columns: shares.iter().enumerate().map(flat).collect() })
    }
}
