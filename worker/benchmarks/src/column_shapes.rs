//! `column_shapes`: does each column have the right marginal distribution?
//!
//! # Definition
//! `column_shapes` = mean over modelled columns of the Kolmogorov–Smirnov complement (number-like) or the
//! total-variation complement (discrete), see [`crate::parts::marginal`]. Missing cells are left out.
//!
//! # Details
//! `columns[{column, kind, measure, score, undefined?, why?, univariate{..}, plot{..}, distribution?}]`: `univariate` as
//! in [`crate::parts::univariate`], `plot` as in [`crate::parts::histogram`], at most 2,000 columns; `distribution` as in
//! [`crate::parts::distribution`], the 40 number-like columns with the lowest scores.
//!
//! # Limits
//! Independent columns get .99 here: shape alone never ranks.
//!
//! # Cost
//! rows x columns x log rows.
//!
//! # Reference
//! Column Shapes of the quality report of SDMetrics 0.32.

use crate::member::{Benchmark, Case};
use crate::parts::each::each;
use crate::parts::marginal::{self, Marginal};
use crate::parts::side::{Reference, Side};
use crate::parts::{distribution, histogram, univariate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use synthfleet_proto::about::{About, Cost, ScoreAbout, Shape};
use synthfleet_proto::options::{Checked, Options, Problem};
use synthfleet_proto::score::{Score, Scored};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::{Budget, Table};

/// Scored on column shapes.
pub struct ColumnShapes;

/// Options of `column_shapes`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ColumnShapesOptions {
    /// Which real rows the sample is compared with.
    pub reference: Reference,
}

impl Options for ColumnShapesOptions {
    fn check(&self) -> Vec<Problem> {
        Vec::new()
    }
}

const SHAPES: ScoreAbout = ScoreAbout { id: "column_shapes", up: true, range: (Some(0.0), Some(1.0)), fair: None, unit: "share" };

/// Most columns with plot data.
const PLOTS_MAX: usize = 2_000;
/// Most columns with the data of distribution functions and quantiles.
const DISTRIBUTIONS_MAX: usize = 40;

impl Benchmark for ColumnShapes {
    type Options = ColumnShapesOptions;
    const ABOUT: About = About {
        name: "column_shapes",
        version: "1.1",
        aliases: &["shapes"],
        summary: "Agreement of each column's distribution, averaged.",
        paper: "SDMetrics 0.32, Column Shapes (KSComplement, TVComplement)",
        scores: &[SHAPES],
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, _: &Checked<Self::Options>) -> Cost {
        let cells = (shape.train_rows * 2 + shape.holdout_rows) as f64 * f64::from(shape.modelled());
        Cost { cpu_seconds: 2e-7 * cells, peak_bytes: (shape.train_rows + shape.holdout_rows) * 64, model_bytes: 0 }
    }

    fn score(case: &Case, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Scored> {
        let table = options.reference.of(&case.real)?;
        let (real, sample) = (Side::real(&table, case), Side::new(&case.sample, seed));
        let marginals = marginal::all(&real, &sample, budget)?;
        let (estimate, used) = marginal::mean(&marginals);
        let score = match estimate {
            Ok(estimate) => estimate.told(Score::new(&SHAPES, estimate.value)),
            Err(reason) => Score::undefined_for(&SHAPES, &reason),
        };
        let told = told_fully(&real, &marginals);
        let columns = each(budget, marginals.len(), |index| {
            let mut entry = details(case, &table, &marginals[index], index < PLOTS_MAX);
            if told[index] {
                entry["distribution"] = distribution::of(tables(case), marginals[index].place);
            }
            Ok(entry)
        })?;
        Ok(Scored { scores: vec![score.over(used, marginals.len())], details: json!({ "columns": columns }) })
    }
}

fn details(case: &Case, real: &Table, marginal: &Marginal, with_plot: bool) -> Value {
    let meta = &real.metadata().columns[marginal.place];
    let mut entry = json!({
        "column": meta.name, "kind": meta.kind.name(), "measure": marginal.measure,
        "univariate": univariate::of(real, &case.sample, marginal.place),
    });
    match &marginal.estimate {
        Ok(estimate) => entry["score"] = json!(estimate.value),
        Err(reason) => {
            entry["undefined"] = json!(reason.code);
            entry["why"] = json!(reason.why);
        }
    }
    if with_plot {
        entry["plot"] = histogram::of(tables(case), marginal.place);
    }
    entry
}

fn tables(case: &Case) -> [&Table; 3] {
    [&case.real.train, &case.real.holdout, &case.sample]
}

/// Which columns are told in distribution functions and quantiles: the number-like ones that agree worst; of equal
/// ones the first by name.
fn told_fully(real: &Side, marginals: &[Marginal]) -> Vec<bool> {
    let columns = &real.table.metadata().columns;
    let value = |index: usize| marginals[index].estimate.as_ref().map_or(f64::INFINITY, |estimate| estimate.value);
    let name = |index: usize| columns[marginals[index].place].name.as_str();
    let mut order: Vec<usize> = (0..marginals.len()).filter(|&index| columns[marginals[index].place].kind.is_number_like()).collect();
    order.sort_by(|&a, &b| value(a).total_cmp(&value(b)).then_with(|| name(a).cmp(name(b))));
    let mut told = vec![false; marginals.len()];
    order.into_iter().take(DISTRIBUTIONS_MAX).for_each(|index| told[index] = true);
    told
}
