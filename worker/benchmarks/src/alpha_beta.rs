//! `alpha_beta`: is the sample as real as real rows, as varied, and its own?
//!
//! # Definition
//! Rows as points, see [`crate::parts::embedding`]; distances to a centre as in [`centre`]. For a in 0, 1/29, ..
//! 1 and Q_a the quantile, linear between neighbours:
//! - `P_a` = share of sample rows no further from the real centre than Q_a of the real rows' distances to it;
//! - for each real row: `rho` = distance to the nearest other real row, `d` = to the nearest sample row, `e` =
//!   distance of that sample row to the sample's centre; `B_a` = share of real rows with `d <= rho` and
//!   `e <= Q_a` of all `e`.
//!
//! Scores:
//! - `alpha_beta`: alpha-precision = `1 - sum |a - P_a| / sum a`. An honest copy of the law gets about 1.
//! - `alpha_beta.beta_recall` = `1 - sum |a - B_a| / sum a`. **More is not better**: an honest copy of the law
//!   gets what the holdout row gets, about 1/2 on continuous tables; a copy of train gets 1.
//! - `alpha_beta.authenticity` = share of sample rows further from their nearest real row than that one is from
//!   its nearest other real row. **More is not better** either: read it beside the holdout row; a copy gets 0.
//!
//! Of equally near rows the first in the seeded order counts. None of these scores ranks.
//!
//! # Details
//! `curves{alpha, precision, recall}`, `options`, `rows`.
//!
//! # Options
//! `reference`: which real rows; `rows_max`: most rows of a side, halved while the planned memory is too small.
//! Both sides have equally many rows.
//!
//! # Limits
//! Fewer than 30 rows: `too_few_rows`. Where train has more than `rows_max` rows, a copied row meets its original
//! in the real side with the share `rows_max / train` alone, and a copy reads less recall and more authenticity
//! than 1 and 0: copies are what `distances` is for.
//!
//! # Cost
//! Three exact searches of rows² x columns; memory grows with rows alone.
//!
//! # Reference
//! Alaa et al. 2022, arXiv 2102.08921; the fixed centres and grid are those of synthcity's `AlphaPrecision`
//! without a learned embedding. Deviation: there the radii of authenticity are looked up by the place of sample
//! rows; here by the place of the real row they belong to.

pub mod centre;
pub mod measures;

use crate::folds::Estimate;
use crate::member::{Benchmark, Case};
use crate::parts::embedding::{CAP_MIN, CELL_BYTES, Embedding, orders};
use crate::parts::side::Reference;
use crate::parts::threads::on_threads;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use synthfleet_proto::about::{About, Cost, CostClass, Reason, ScoreAbout, Shape};
use synthfleet_proto::options::{Checked, Options, Problem, Problems};
use synthfleet_proto::score::{Score, Scored};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::Budget;

/// Scored on alpha-precision, beta-recall and authenticity.
pub struct AlphaBeta;

/// Options of `alpha_beta`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AlphaBetaOptions {
    /// Which real rows the sample is compared with.
    pub reference: Reference,
    /// Most rows of a side.
    pub rows_max: usize,
}

impl Default for AlphaBetaOptions {
    fn default() -> Self {
        Self { reference: Reference::Train, rows_max: 10_000 }
    }
}

impl Options for AlphaBetaOptions {
    fn check(&self) -> Vec<Problem> {
        Problems::none().within("rows_max", self.rows_max, CAP_MIN..=200_000).into_vec()
    }
}

const RANGE: (Option<f64>, Option<f64>) = (Some(0.0), Some(1.0));
const ALPHA: ScoreAbout = ScoreAbout { id: "alpha_beta", up: true, range: RANGE, fair: Some(1.0), unit: "share" };
const BETA: ScoreAbout = ScoreAbout { id: "alpha_beta.beta_recall", up: true, range: RANGE, fair: None, unit: "share" };
const AUTHENTICITY: ScoreAbout = ScoreAbout { id: "alpha_beta.authenticity", up: true, range: RANGE, fair: None, unit: "share" };

impl Benchmark for AlphaBeta {
    type Options = AlphaBetaOptions;
    const ABOUT: About = About {
        name: "alpha_beta",
        aliases: &["alpha_precision", "prdc_alpha"],
        summary: "Fidelity, diversity and originality of rows: alpha-precision, beta-recall, authenticity.",
        paper: "Alaa et al. 2022, arXiv 2102.08921",
        cost: CostClass::Medium,
        scores: &[ALPHA, BETA, AUTHENTICITY],
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, options: &Checked<Self::Options>) -> Cost {
        let rows = shape.train_rows.min(options.rows_max as u64);
        let columns = u64::from(shape.modelled());
        let cells = (shape.train_rows + shape.holdout_rows + 2 * rows) * columns;
        Cost {
            cpu_seconds: 3e-10 * (rows * rows * columns) as f64 + 1e-7 * cells as f64,
            peak_bytes: 2 * rows * columns * CELL_BYTES + (shape.train_rows + shape.holdout_rows) * 32,
            model_bytes: 0,
        }
    }

    fn score(case: &Case, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Scored> {
        let real = options.reference.of(&case.real)?;
        budget.go_on()?;
        let orders = orders(case, &real, seed);
        let chosen = match Embedding::choose(case, &real, &orders, options.rows_max, budget)? {
            Ok(chosen) => chosen,
            Err(reason) => return Ok(undefined(options, &reason)),
        };
        budget.progress(0.2, "neighbours");
        let Some(found) = on_threads(budget, || measures::of(&chosen.embedding, budget))? else {
            let why = "needs three rows of both sides".to_owned();
            return Ok(undefined(options, &Reason { code: "too_few_rows".to_owned(), why }));
        };
        let score = |about: &ScoreAbout, estimate: &Estimate| {
            let mut score = estimate.told(Score::new(about, estimate.value));
            score.limited = chosen.limited;
            score
        };
        let curves = json!({
            "alpha": measures::alphas().collect::<Vec<f64>>(), "precision": found.precision_curve, "recall": found.recall_curve,
        });
        Ok(Scored {
            scores: vec![score(&ALPHA, &found.alpha), score(&BETA, &found.beta), score(&AUTHENTICITY, &found.authenticity)],
            details: json!({ "curves": curves, "options": **options, "rows": chosen.rows }),
        })
    }
}

fn undefined(options: &AlphaBetaOptions, reason: &Reason) -> Scored {
    let scores = AlphaBeta::ABOUT.scores.iter().map(|about| Score::undefined_for(about, reason)).collect();
    Scored { scores, details: json!({ "curves": Value::Null, "options": options, "rows": 0 }) }
}
