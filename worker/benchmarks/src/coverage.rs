//! `coverage`: are the levels, ranges, gaps and regions of the real table present in the sample?
//!
//! # Definition
//! Of each column, as in [`columns`] and [`crate::parts::univariate`]; a score is the mean over the columns it
//! applies to and that have a value:
//! - `coverage.category_coverage`, `coverage.rare_coverage`: columns with labels;
//! - `coverage.range_coverage`, `coverage.statistic_mean`, `.statistic_median`, `.statistic_std`: number-like ones;
//! - `coverage.missing_similarity`: all columns.
//!
//! Of the table:
//! - `coverage.missing_pattern`: which cells are missing together, as in [`gaps`];
//! - `coverage.nn_coverage`, `coverage.nn_density`: regions, as in [`balls`]. An honest sample as large as the real
//!   side gets about `1 - 2^-5` and 1.
//!
//! `coverage` = mean of those of category coverage, range coverage, missing similarity and nn coverage that have a
//! value. All but regions are computed on all rows.
//!
//! # Details
//! `columns[{column, kind, <measure>.., undefined{<measure>: code}}]`, the 2,000 with the lowest values if there
//! are more (`columns_total` says how many there are); `sdmetrics{..}`: means as SDMetrics takes them, which
//! leaves ordinal columns out and looks for gaps in number-like ones alone; `options`, `rows` (of a side, for
//! regions).
//!
//! # Options
//! `reference`: which real rows; `rows_max`: most rows of a side for regions, halved while the planned memory is
//! too small.
//!
//! # Limits
//! To copy the extremes of a range costs privacy: where values were protected, a range coverage below 1 is what to
//! expect. Regions need 30 rows.
//!
//! # Cost
//! rows x columns x log rows, and two exact searches of rows² x columns.
//!
//! # Reference
//! CategoryCoverage, RangeCoverage, MissingValueSimilarity, StatisticSimilarity of SDMetrics 0.32; coverage and
//! density of Naeem et al. 2020, arXiv 2002.09797.

pub mod balls;
pub mod columns;
pub mod gaps;
mod report;

use crate::folds;
use crate::member::{Benchmark, Case};
use crate::parts::addresses;
use crate::parts::embedding::{CAP_MIN, CELL_BYTES, Embedding, REAL, SAMPLE, modelled, nothing_to_compare, orders};
use crate::parts::side::{Reference, Side};
use crate::parts::threads::on_threads;
use balls::Regions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use synthfleet_proto::about::{About, Cost, CostClass, Reason, Shape};
use synthfleet_proto::options::{Checked, Options, Problem, Problems};
use synthfleet_proto::score::Scored;
use synthfleet_proto::{Result, Seed};
use synthfleet_table::{Budget, Table};

/// Scored on coverage.
pub struct Coverage;

/// Options of `coverage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CoverageOptions {
    /// Which real rows the sample is compared with.
    pub reference: Reference,
    /// Most rows of a side for regions.
    pub rows_max: usize,
}

impl Default for CoverageOptions {
    fn default() -> Self {
        Self { reference: Reference::Train, rows_max: 10_000 }
    }
}

impl Options for CoverageOptions {
    fn check(&self) -> Vec<Problem> {
        Problems::none().within("rows_max", self.rows_max, CAP_MIN..=200_000).into_vec()
    }
}

impl Benchmark for Coverage {
    type Options = CoverageOptions;
    const ABOUT: About = About {
        name: "coverage",
        aliases: &["prdc"],
        summary: "Levels, ranges, gaps and regions of the real table that the sample has.",
        paper: "SDMetrics 0.32 (coverage of columns); Naeem et al. 2020, arXiv 2002.09797 (regions)",
        cost: CostClass::Medium,
        scores: &report::SCORES,
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, options: &Checked<Self::Options>) -> Cost {
        let (rows, columns) = (shape.train_rows.min(options.rows_max as u64), u64::from(shape.modelled()));
        let cells = ((2 * shape.train_rows + shape.holdout_rows) * columns) as f64;
        let of_columns = 2 * shape.train_rows * 48;
        Cost {
            cpu_seconds: 2e-10 * (rows * rows * columns) as f64 + 3e-7 * cells,
            peak_bytes: 2 * rows * columns * CELL_BYTES + of_columns + (shape.train_rows + shape.holdout_rows) * 32,
            model_bytes: 0,
        }
    }

    fn score(case: &Case, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Scored> {
        let real = options.reference.of(&case.real)?;
        budget.go_on()?;
        if let Some(reason) = nothing_to_compare(&real, &case.sample) {
            return Ok(report::undefined(&reason, options));
        }
        let places = modelled(&real);
        let orders = orders(case, &real, seed);
        let (of_real, of_sample) = (side(&real, &orders[REAL]), side(&case.sample, &orders[SAMPLE]));
        let columns = columns::all(&of_real, &of_sample, &places, budget)?;
        let pattern = gaps::agreement(&of_real, &of_sample, &places);
        budget.progress(0.4, "regions");
        let (regions, rows, limited) = match Embedding::choose(case, &real, &orders, options.rows_max, budget)? {
            Ok(chosen) => (regions(&chosen.embedding, budget)?, chosen.rows, chosen.limited),
            Err(reason) => (Err(reason), 0, None),
        };
        Ok(report::scored(&real, &columns, &report::OfTable { pattern, regions, rows, limited }, options))
    }
}

/// A table with the folds of its rows in a seeded order.
fn side<'a>(table: &'a Table, order: &[u32]) -> Side<'a> {
    let fold = addresses::folds(order);
    let sizes = folds::sizes(&fold);
    Side { table, fold, sizes }
}

fn regions(embedding: &Embedding, budget: &Budget) -> Result<Result<Regions, Reason>> {
    let found = on_threads(budget, || balls::of(embedding, budget))?;
    let why = || Reason { code: "too_few_rows".to_owned(), why: "too few rows for a ball".to_owned() };
    Ok(found.ok_or_else(why))
}
