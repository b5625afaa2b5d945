//! Gaussian copula: each column a marginal, dependence a correlation matrix of hidden normal numbers.
//!
//! **Model.** `u_j = F_j(x_j)`, `z = quantile(u) ~ N(0, R)`.
//! **View.** `scores`; levels and each State are stretches of a normal number.
//! **Fit.** Nominal levels are ordered by their mean on the first principal component of the other
//! columns' scores (by frequency if there is none); R from scores (`correlation.rs`), a State with a number
//! from the information they share (`shared_information.rs`); freed of noise (`regularised.rs`), made positive
//! definite, factored.
//! **Sample.** `z = L·ε`; levels by thresholds, numbers by their quantile function; a Value counts only
//! where its State is regular.
//! **Options.** [`GaussianCopulaOptions`]. **Limits.** Beyond 2,000 coded columns those least tied to the
//! first component are drawn independently, with a finding. With more columns than rows a sample still leans
//! to train, from which it has each column's quantiles and its part in common factors: at 400 columns of 100
//! rows 60 % of rows are nearer to train than to other rows of the law, as with independent columns, and 68 %
//! where all columns share half their variance. **Cost.** n·d²/2 + d³; 5 n·d bytes.
//! **Pitfalls.** Parametric marginals cannot follow columns with several peaks; empirical ones can.
//! **Reference.** Patki, Wedge, Veeramachaneni 2016, doi 10.1109/DSAA.2016.49; SDV 1.38 for the preset.

mod conditional;
mod correlation;
mod fit;
mod levels;
mod marginals;
mod regularised;
mod shared_information;

pub use marginals::MarginalKind;

use crate::member::{Block, Given, Model, Synthesizer, Train};
use levels::Levels;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use synthfleet_proto::about::{About, Conditional, Cost, Shape};
use synthfleet_proto::options::{Checked, Options, Problem, Problems};
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_stats::normal;
use synthfleet_stats::quantiles::Quantiles;
use synthfleet_table::encode::{Coded, CodedColumn, Encoder};
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, Budget, SeedExt};

/// The Gaussian copula.
pub struct GaussianCopula;

/// Options of [`GaussianCopula`].
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GaussianCopulaOptions {
    /// Marginal of number columns.
    pub marginal: MarginalKind,
    /// Marginals of single columns by name, in place of `marginal`.
    pub columns: BTreeMap<String, MarginalKind>,
    /// Share of the identity in the correlation matrix, 0 to 1; null: found from rows and columns, common factors stay
    /// and what could be noise goes.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub shrinkage: Option<f64>,
    /// A published variant; it sets the other options itself.
    pub preset: Option<GaussianCopulaPreset>,
}

/// Published variants of [`GaussianCopula`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GaussianCopulaPreset {
    /// SDV: beta marginals, levels as uniform numbers within their share, plain correlation.
    Sdv,
}

impl Options for GaussianCopulaOptions {
    fn check(&self) -> Vec<Problem> {
        let alone = self.marginal == MarginalKind::Empirical && self.columns.is_empty() && self.shrinkage.is_none();
        Problems::none()
            .within("shrinkage", self.shrinkage.unwrap_or(0.0), 0.0..=1.0)
            .holds("preset", "sdv", self.preset.is_none() || alone, "a preset without other options")
            .into_vec()
    }
}

/// The way from a hidden normal number to a coded cell.
enum Hidden {
    /// Stretches of the normal law.
    Levels(Levels),
    /// Quantiles of the numbers.
    Value(Quantiles),
}

/// A fitted copula.
pub struct GaussianCopulaModel {
    /// One per coded column.
    columns: Vec<Hidden>,
    /// Places of the coded columns that depend on each other, ascending.
    joint: Vec<u32>,
    /// Rows of the lower Cholesky factor of R over `joint`, without what lies above the diagonal.
    lower: Vec<f64>,
    /// Whether each coded column is the State of the next.
    states: Vec<bool>,
}

impl GaussianCopulaModel {
    fn is_state_of_next(&self, place: usize) -> bool {
        self.states.get(place).copied().unwrap_or(false)
    }
}

impl Synthesizer for GaussianCopula {
    type Options = GaussianCopulaOptions;
    type Model = GaussianCopulaModel;
    const ABOUT: About = About {
        name: "gaussian_copula",
        version: "1.3",
        aliases: &["GaussianCopulaSynthesizer"],
        summary: "marginals joined by correlated hidden normal numbers",
        paper: "Patki, Wedge, Veeramachaneni 2016, doi 10.1109/DSAA.2016.49",
        when: "When columns are mostly numbers with smooth dependence, or a model of a fraction of a megabyte is wanted. It misses dependence that is no correlation, such as peaks and exclusions.",
        given: Conditional::NearlyExact,
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, _: &Checked<Self::Options>) -> Cost {
        let (rows, columns) = (shape.train_rows as f64, f64::from(shape.modelled()));
        let cells = shape.train_rows * u64::from(shape.modelled() + shape.other);
        Cost {
            cpu_seconds: rows * columns * columns * 1e-9 + cells as f64 * 1.2e-7 + columns * columns * columns * 1e-9,
            peak_bytes: cells * 48,
            model_bytes: 8_192 + 8_008 * u64::from(shape.number_like) + 12 * shape.levels_sum + 4 * u64::from(shape.modelled()).pow(2),
        }
    }

    fn fit(train: &Train, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Self::Model> {
        fit::fit(train.encoded(), options, seed, budget)
    }
}

impl Model for GaussianCopulaModel {
    fn sample_block(&self, block: Block, given: &Given, seed: &Seed, budget: &Budget) -> Result<Vec<Coded>> {
        if !given.is_nothing() {
            return conditional::sample(self, block, given, seed, budget);
        }
        let normals = |place: usize| -> Vec<f64> {
            let mut random = seed.index(place as u64).rng();
            (0..block.rows).map(|_| normal::quantile(random.open_uniform())).collect()
        };
        let mut numbers: Vec<Vec<f64>> = (0..self.columns.len()).map(normals).collect();
        // from the last row of L up, each column may take the place of its own normals
        for row in (0..self.joint.len()).rev() {
            budget.go_on()?;
            let weights = &self.lower[row * (row + 1) / 2..(row + 1) * (row + 2) / 2];
            let mut sums: Vec<f64> = numbers[self.joint[row] as usize].iter().map(|normal| weights[row] * normal).collect();
            for (weight, &place) in weights[..row].iter().zip(&self.joint) {
                sums.iter_mut().zip(&numbers[place as usize]).for_each(|(sum, normal)| *sum += weight * normal);
            }
            numbers[self.joint[row] as usize] = sums;
        }
        let cells = |(hidden, numbers): (&Hidden, &Vec<f64>)| match hidden {
            Hidden::Levels(levels) => Coded::Levels(numbers.iter().map(|&number| levels.code(number)).collect()),
            Hidden::Value(law) => Coded::Value(numbers.iter().map(|&number| law.quantile(normal::cdf(number))).collect()),
        };
        Ok(self.columns.iter().zip(&numbers).map(cells).collect())
    }

    fn save(&self, arrays: &mut Arrays) {
        arrays.put_u32("joint", self.joint.clone());
        arrays.put_f64("lower", self.lower.clone());
        for (place, hidden) in self.columns.iter().enumerate() {
            match hidden {
                Hidden::Levels(levels) => {
                    arrays.put_u32(&format!("column/{place}/order"), levels.order.clone());
                    arrays.put_f64(&format!("column/{place}/thresholds"), levels.thresholds.clone());
                }
                Hidden::Value(law) => arrays.put_f64(&format!("column/{place}/knots"), law.knots().to_vec()),
            }
        }
    }

    fn load(arrays: &Arrays, encoder: &Arc<Encoder>) -> Result<Self> {
        let columns = encoder.columns().iter().enumerate().map(|(place, column)| Hidden::load(arrays, place, column));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let (joint, lower) = (arrays.u32s("joint")?.to_vec(), arrays.f64s("lower")?.to_vec());
        let is_right = joint.is_sorted_by(|a, b| a < b)
            && joint.last().is_none_or(|&last| (last as usize) < columns.len())
            && lower.len() == joint.len() * (joint.len() + 1) / 2
            && lower.iter().all(|cell| cell.is_finite());
        let states = crate::given::states(encoder.columns());
        if is_right { Ok(Self { columns, joint, lower, states }) } else { Err(damaged("joint")) }
    }
}

impl Hidden {
    fn load(arrays: &Arrays, place: usize, column: &CodedColumn) -> Result<Self> {
        let name = |part: &str| format!("column/{place}/{part}");
        let Some(levels) = column.levels() else {
            let law = Quantiles::of_knots(arrays.f64s(&name("knots"))?);
            return law.map(Self::Value).ok_or_else(|| damaged(&name("knots")));
        };
        let (order, thresholds) = (arrays.u32s(&name("order"))?.to_vec(), arrays.f64s(&name("thresholds"))?.to_vec());
        let is_right = order.len() == thresholds.len() + 1 && order.iter().all(|&code| code < levels) && thresholds.is_sorted();
        if is_right { Ok(Self::Levels(Levels { order, thresholds })) } else { Err(damaged(&name("order"))) }
    }
}

fn damaged(name: &str) -> Error {
    Error::data("model::damaged", format!("array {name} is impossible")).help("fit the model again")
}
