//! Uniform: every label equally likely, every number equally likely within its protected range.
//! Baseline: what a table's description alone gives away.
//!
//! **Model.** State levels by their train frequencies, so missing cells stay as frequent; labels
//! uniform; values uniform on the protected range, restored to their grain. **Cost.** O(n·d).
//! **Reference.** SDGym v0.2.0, the synthesizer of the same name.

use crate::given::states;
use crate::member::{Block, Evidence, Given, Model, Synthesizer, Train};
use std::sync::Arc;
use synthfleet_proto::about::{About, Conditional, Cost, Shape};
use synthfleet_proto::options::{Checked, NoOptions};
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_stats::alias::Alias;
use synthfleet_table::encode::{Coded, Encoder, Sort};
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, Budget, SeedExt};

/// Uniform columns.
pub struct Uniform;

/// Missing cells of each coded column of levels as a share, and what its levels mean.
pub struct UniformModel {
    columns: Vec<Flat>,
    /// Whether each coded column is the State of the next.
    states: Vec<bool>,
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
        when: "As a baseline: what a table's description alone gives away.",
        given: Conditional::Exact,
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
        let columns = encoded.columns().iter().enumerate().map(flat).collect();
        Ok(UniformModel { columns, states: states(encoded.encoder().columns()) })
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

impl Flat {
    /// Share of numbers within two ends; 1 of levels.
    fn share(&self, (from, to): (f64, f64)) -> f64 {
        match *self {
            Self::Levels { .. } => 1.0,
            Self::Value { low, high } if low < high => ((to.min(high) - from.max(low)) / (high - low)).clamp(0.0, 1.0),
            Self::Value { low, .. } => f64::from(u8::from((from..=to).contains(&low))),
        }
    }

    /// Weight of a level.
    fn weight(&self, level: u32) -> f64 {
        match *self {
            Self::Value { .. } => 0.0,
            Self::Levels { levels, missing: None } => 1.0 / f64::from(levels),
            Self::Levels { levels: 1, missing: Some(_) } => 1.0,
            Self::Levels { missing: Some((missing, share)), .. } if missing == level => share,
            Self::Levels { levels, missing: Some((_, share)) } => (1.0 - share) / f64::from(levels - 1),
        }
    }

    /// Levels that may come, by their weights; the regular level of a State as far as its Value may come.
    fn levels_given(&self, evidence: &Evidence, place: usize, regular: f64) -> Option<Alias> {
        let Self::Levels { levels, .. } = *self else { return None };
        let law = |regular: f64| {
            let weight = |level: u32| match (evidence.allows(place, level), level) {
                (false, _) => 0.0,
                (true, 0) => self.weight(0) * regular,
                (true, level) => self.weight(level),
            };
            Alias::new(&(0..levels).map(weight).collect::<Vec<_>>())
        };
        // a single number has no share: where only regular cells may come, they come
        law(regular).or_else(|| law(1.0))
    }
}

impl UniformModel {
    /// Rows under conditions, exactly.
    fn sample_given(&self, block: Block, given: &Given, seed: &Seed) -> Vec<Coded> {
        let groups = given.groups(block.rows);
        let draw = |(place, column): (usize, &Flat)| {
            let mut random = seed.index(place as u64).rng();
            let (mut levels, mut numbers) = (vec![0; block.rows], vec![0.0; block.rows]);
            for (evidence, rows) in &groups {
                let regular = if self.states[place] { self.columns[place + 1].share(evidence.within(place + 1)) } else { 1.0 };
                let alias = column.levels_given(evidence, place, regular);
                let (from, to) = evidence.within(place);
                for &row in rows {
                    let uniform = random.uniform();
                    match *column {
                        Flat::Levels { .. } => levels[row as usize] = alias.as_ref().map_or(0, |alias| alias.place(uniform)),
                        Flat::Value { low, high } => {
                            let (low, high) = if from.max(low) <= to.min(high) { (from.max(low), to.min(high)) } else { (low, high) };
                            numbers[row as usize] = low * (1.0 - uniform) + high * uniform;
                        }
                    }
                }
            }
            match column {
                Flat::Levels { .. } => Coded::Levels(levels.into()),
                Flat::Value { .. } => Coded::Value(numbers.into()),
            }
        };
        self.columns.iter().enumerate().map(draw).collect()
    }
}

impl Model for UniformModel {
    fn sample_block(&self, block: Block, given: &Given, seed: &Seed, _: &Budget) -> Result<Vec<Coded>> {
        if !given.is_nothing() {
            return Ok(self.sample_given(block, given, seed));
        }
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
        Ok(Self { columns: shares.iter().enumerate().map(flat).collect(), states: states(encoder.columns()) })
    }
}
