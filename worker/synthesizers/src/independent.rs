//! Independent columns: each is drawn from its own train distribution.
//! Baseline: what cannot beat it has learned no dependence.
//!
//! **Model.** Levels by their counts; numbers by at most 1,001 quantiles of their regular cells, joined
//! by straight lines. **Options.** None. **Cost.** O(n·d). **Reference.** SDGym v0.2.0.

use crate::given::states;
use crate::marginal::Marginal;
use crate::member::{Block, Given, Model, Synthesizer, Train};
use rayon::prelude::*;
use std::sync::Arc;
use synthfleet_proto::about::{About, Conditional, Cost, Shape};
use synthfleet_proto::options::{Checked, NoOptions};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::encode::{Coded, Encoder};
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, Budget, SeedExt};

/// The product of the marginals.
pub struct Independent;

/// One marginal per coded column, `[columns]`.
pub struct IndependentModel {
    marginals: Vec<Marginal>,
    /// Whether each coded column is the State of the next.
    states: Vec<bool>,
}

impl Synthesizer for Independent {
    type Options = NoOptions;
    type Model = IndependentModel;
    const ABOUT: About = About {
        name: "independent",
        aliases: &["IndependentSynthesizer", "Column"],
        summary: "each column from its own train distribution, no dependence",
        paper: "SDGym v0.2.0",
        when: "As a baseline: what cannot beat it has learned no dependence.",
        given: Conditional::Exact,
        baseline: true,
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, _: &Checked<Self::Options>) -> Cost {
        let cells = shape.train_rows * u64::from(shape.modelled() + shape.other);
        let model_bytes = 4_096 + 8_008 * u64::from(shape.number_like) + 4 * shape.levels_sum;
        Cost { cpu_seconds: cells as f64 * 8e-8, peak_bytes: cells * 32, model_bytes }
    }

    fn fit(train: &Train, _: &Checked<Self::Options>, _: &Seed, budget: &Budget) -> Result<Self::Model> {
        let encoded = train.encoded();
        let fit = |place| budget.go_on().map(|()| Marginal::fit(encoded, place));
        let marginals = (0..encoded.width()).into_par_iter().map(fit).collect::<Result<_>>()?;
        Ok(IndependentModel { marginals, states: states(encoded.encoder().columns()) })
    }
}

impl Model for IndependentModel {
    fn sample_block(&self, block: Block, given: &Given, seed: &Seed, _: &Budget) -> Result<Vec<Coded>> {
        if !given.is_nothing() {
            return Ok(self.sample_given(block, given, seed));
        }
        let draw = |(marginal, place): (&Marginal, u64)| {
            let mut random = seed.index(place).rng();
            marginal.cells((0..block.rows).map(|_| random.uniform()))
        };
        Ok(self.marginals.iter().zip(0..).map(draw).collect())
    }

    fn save(&self, arrays: &mut Arrays) {
        self.marginals.iter().enumerate().for_each(|(place, marginal)| marginal.save(place, arrays));
    }

    fn load(arrays: &Arrays, encoder: &Arc<Encoder>) -> Result<Self> {
        let load = |(place, column)| Marginal::load(place, column, arrays);
        let marginals = encoder.columns().iter().enumerate().map(load).collect::<Result<_>>()?;
        Ok(Self { marginals, states: states(encoder.columns()) })
    }
}

impl IndependentModel {
    /// Rows under conditions, exactly: each column given what it may hold. A State and its Value share their
    /// condition, so the regular level counts as far as numbers may come.
    fn sample_given(&self, block: Block, given: &Given, seed: &Seed) -> Vec<Coded> {
        let groups = given.groups(block.rows);
        let draw = |(place, marginal): (usize, &Marginal)| {
            let mut random = seed.index(place as u64).rng();
            let (mut levels, mut numbers) = (vec![0; block.rows], vec![0.0; block.rows]);
            for (evidence, rows) in &groups {
                let regular = if self.states[place] { self.marginals[place + 1].share(evidence.at(place + 1)) } else { 1.0 };
                let law = marginal.given(evidence.at(place), regular);
                for &row in rows {
                    let uniform = random.uniform();
                    levels[row as usize] = law.level(uniform);
                    numbers[row as usize] = law.number(uniform);
                }
            }
            match marginal {
                Marginal::Levels(..) => Coded::Levels(levels.into()),
                Marginal::Value(_) => Coded::Value(numbers.into()),
            }
        };
        self.marginals.iter().enumerate().map(draw).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::conformance::tables;
    use crate::{Given, Seeds, find};
    use serde_json::Value;
    use synthfleet_table::{Budget, Values};

    #[test]
    fn labels_are_as_frequent_as_in_train() {
        let (table, budget) = (tables::plain(4_096), Budget::quiet(1));
        let model = find("independent").expect("listed").fit_any(&table, &Value::Null, &Seeds::of_task(0, "t"), &budget).expect("fits");
        let sample = model.sample(0..4_096, &Given::NOTHING, &budget).expect("samples");
        let share = |table: &synthfleet_table::Table| match table.column(0).values() {
            Values::Code(codes) => codes.iter().filter(|&&code| code == 1).count() as f64 / codes.len() as f64,
            _ => f64::NAN,
        };
        assert!((share(&table) - share(&sample)).abs() < 0.03);
    }
}
