//! `detection`: can a classifier tell sample rows from train rows?
//!
//! # Definition
//! `n = min(train, sample, rows_max)` rows of each, seeded; real is positive. Stratified folds; a model learns
//! from all folds but one and scores the rows of that one. Score = mean over folds of
//! `1 - (2 max(1/2, AUC) - 1)`.
//! - `detection.gbt` (`detection` is the same): boosting of [`models::Gbt`], 5 folds; the verdict reads it.
//! - `detection.logistic`: [`models::Linear`], all columns, 3 folds.
//! - `detection.logistic_sdmetrics`: as SDMetrics' LogisticDetection: numbers, instants and categories only,
//!   levels known from real rows.
//! - `detection.gbt_auc`: mean AUC of boosting, not folded at 1/2. Below `1/2 - 3 errors` rows repeat across
//!   folds: the sample holds copies (`details.copies_suspected`).
//!
//! Errors are by deletion of 20 folds of rows, see [`crate::folds`]; the models stay as they are.
//!
//! # Details
//! `models[{name, auc, fold_aucs}]`, `features[{name, gain}]` (ten with most gain, shares), `copies_suspected`,
//! `projection` (see [`projection`]), `options`, `rows`.
//!
//! # Limits
//! Fewer than 50 rows a side: `too_few_rows`. `rows_max` is halved, not below 2,000, while the planned memory is
//! too small. Logistic models give independent columns almost 1 and never rank.
//!
//! # Cost
//! 5 folds x rounds x rows x columns.
//!
//! # Reference
//! Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", ICLR 2017, arXiv 1610.06545; SDMetrics 0.32,
//! LogisticDetection.

mod models;
pub mod projection;

use crate::folds::{self, Estimate};
use crate::member::{Benchmark, Case};
use crate::parts::side::stack;
use crate::parts::threads::on_threads;
use models::{Found, Model, Pooled};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use synthfleet_proto::about::{About, Cost, CostClass, ScoreAbout, Shape};
use synthfleet_proto::options::{Checked, Options, Problem, Problems};
use synthfleet_proto::score::{Score, Scored};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt};

/// Scored on detection.
pub struct Detection;

/// Options of `detection`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DetectionOptions {
    /// Most rows of each side.
    pub rows_max: usize,
    /// Rounds of boosting.
    pub rounds: usize,
}

impl Default for DetectionOptions {
    fn default() -> Self {
        Self { rows_max: 50_000, rounds: 100 }
    }
}

impl Options for DetectionOptions {
    fn check(&self) -> Vec<Problem> {
        Problems::none().within("rows_max", self.rows_max, ROWS_MIN..=1_000_000).within("rounds", self.rounds, 1..=10_000).into_vec()
    }
}

/// `rows_max` is not halved below this.
const ROWS_MIN: usize = 2_000;

/// Fewest rows of a side.
const SIDE_MIN: usize = 50;

/// Bytes of a cell, at most, while all folds are learnt at once.
const CELL_BYTES: u64 = 120;

/// Features in the details.
const FEATURES_SHOWN: usize = 10;

const SHARE: (Option<f64>, Option<f64>) = (Some(0.0), Some(1.0));
const HEADLINE: ScoreAbout = ScoreAbout { id: "detection", up: true, range: SHARE, fair: Some(1.0), unit: "share" };
const GBT: ScoreAbout = ScoreAbout { id: "detection.gbt", up: true, range: SHARE, fair: Some(1.0), unit: "share" };
const GBT_AUC: ScoreAbout = ScoreAbout { id: "detection.gbt_auc", up: false, range: SHARE, fair: Some(0.5), unit: "auc" };
const LOGISTIC: ScoreAbout = ScoreAbout { id: "detection.logistic", up: true, range: SHARE, fair: Some(1.0), unit: "share" };
const SDMETRICS: ScoreAbout = ScoreAbout { id: "detection.logistic_sdmetrics", up: true, range: SHARE, fair: Some(1.0), unit: "share" };

impl Benchmark for Detection {
    type Options = DetectionOptions;
    const ABOUT: About = About {
        name: "detection",
        version: "1.1",
        aliases: &["c2st"],
        summary: "How badly a classifier tells sample rows from train rows.",
        paper: "Lopez-Paz and Oquab 2017, arXiv 1610.06545",
        cost: CostClass::Medium,
        scores: &[HEADLINE, GBT, GBT_AUC, LOGISTIC, SDMETRICS],
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, options: &Checked<Self::Options>) -> Cost {
        let cells = 2 * shape.train_rows.min(options.rows_max as u64) * u64::from(shape.modelled());
        Cost { cpu_seconds: 5e-8 * (cells * options.rounds as u64) as f64 / 2.0, peak_bytes: cells * CELL_BYTES, model_bytes: 0 }
    }

    fn score(case: &Case, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Scored> {
        let (n, limited) = rows_a_side(case, options, budget);
        let places: Vec<usize> = case.sample.metadata().modelled().collect();
        if let Some((code, why)) = why_not(case, n, places.len()) {
            let scores = Self::ABOUT.scores.iter().map(|about| Score::undefined(about, code, why.clone())).collect();
            return Ok(Scored { scores, details: json!({ "options": **options, "rows": n }) });
        }
        let pooled = pool(case, n, seed)?;
        let gbt = on_threads(budget, || Model::Gbt { rounds: options.rounds }.found(&pooled, &places, &case.real.train, budget))?;
        budget.progress(0.7, "logistic detection");
        let logistic = on_threads(budget, || Model::Linear { union: true }.found(&pooled, &places, &case.real.train, budget))?;
        let narrow = models::sdmetrics_places(case.sample.metadata());
        let sdmetrics = if narrow.is_empty() {
            None
        } else if narrow == places && pooled.real_has_all_levels(&places) {
            // the same model
            Some(logistic.clone())
        } else {
            Some(on_threads(budget, || Model::Linear { union: false }.found(&pooled, &narrow, &case.real.train, budget))?)
        };
        let mut scores = vec![
            scored(&HEADLINE, folded(&gbt)),
            scored(&GBT, folded(&gbt)),
            scored(&GBT_AUC, Estimate::mean(&gbt.areas)),
            scored(&LOGISTIC, folded(&logistic)),
        ];
        scores.push(match &sdmetrics {
            Some(found) => scored(&SDMETRICS, folded(found)),
            None => Score::undefined(&SDMETRICS, "no_columns", "no number, instant or category is modelled"),
        });
        scores.iter_mut().for_each(|score| score.limited = limited.then_some(n as u64));
        let area = Estimate::mean(&gbt.areas);
        let details = json!({
            "models": [model("gbt", Some(&gbt)), model("logistic", Some(&logistic)), model("logistic_sdmetrics", sdmetrics.as_ref())],
            "features": features(&gbt), "projection": projection(&pooled, budget)?,
            "copies_suspected": area.error().is_some_and(|error| area.value < 0.5 - 3.0 * error),
            "options": **options, "rows": n,
        });
        Ok(Scored { scores, details })
    }
}

/// Rows of each side: as many as the planned memory allows.
fn rows_a_side(case: &Case, options: &DetectionOptions, budget: &Budget) -> (usize, bool) {
    let there = case.real.train.rows().min(case.sample.rows());
    let columns = case.sample.metadata().modelled().count() as u64;
    let (mut most, mut limited) = (options.rows_max, false);
    while 2 * most.min(there) as u64 * columns * CELL_BYTES > budget.memory_bytes_max() / 2 && most >= 2 * ROWS_MIN {
        (most, limited) = (most / 2, true);
    }
    (most.min(there), limited)
}

fn why_not(case: &Case, n: usize, columns: usize) -> Option<(&'static str, String)> {
    match () {
        () if columns == 0 => Some(("no_columns", "no column is modelled".to_owned())),
        () if case.sample.rows() == 0 => Some(("empty_table", "the sample has no rows".to_owned())),
        () if n < SIDE_MIN => Some(("too_few_rows", format!("needs {SIDE_MIN} rows of train and of the sample, has {n}"))),
        () => None,
    }
}

/// Real rows, then sample rows, in seeded order: a row's place decides its fold.
fn pool(case: &Case, n: usize, seed: &Seed) -> Result<Pooled> {
    let chosen = |seed: &Seed, rows: usize| {
        let mut places = seed.child("rows").rng().permutation(rows);
        places.truncate(n);
        places
    };
    let real = case.real.train.take(&chosen(&case.real.shared, case.real.train.rows()));
    let sample = case.sample.take(&chosen(seed, case.sample.rows()));
    let mut groups = folds::assign(&case.real.shared.child("folds"), n);
    groups.extend(folds::assign(&seed.child("folds"), n));
    Ok(Pooled { table: stack(&real, &sample)?, n, groups })
}

/// Both clouds of the rows that were told apart.
fn projection(pooled: &Pooled, budget: &Budget) -> Result<Value> {
    let (real, sample): (Vec<u32>, Vec<u32>) = (0..2 * pooled.n as u32).partition(|&row| (row as usize) < pooled.n);
    projection::of(&pooled.table.take(&real), &pooled.table.take(&sample), budget)
}

fn folded(found: &Found) -> Estimate {
    let parts: Vec<Estimate> = found.areas.iter().map(|area| Estimate::combine(|at| 1.0 - (2.0 * at(area).max(0.5) - 1.0))).collect();
    Estimate::mean(&parts)
}

fn scored(about: &ScoreAbout, estimate: Estimate) -> Score {
    estimate.told(Score::new(about, estimate.value))
}

fn model(name: &str, found: Option<&Found>) -> Value {
    match found {
        Some(found) => {
            let areas: Vec<f64> = found.areas.iter().map(|area| area.value).collect();
            json!({ "name": name, "auc": Estimate::mean(&found.areas).value, "fold_aucs": areas })
        }
        None => json!({ "name": name }),
    }
}

fn features(found: &Found) -> Vec<Value> {
    let sum: f64 = found.gains.values().sum();
    let mut gains: Vec<(&String, &f64)> = found.gains.iter().collect();
    gains.sort_by(|a, b| b.1.total_cmp(a.1).then(a.0.cmp(b.0)));
    let share = |gain: f64| if sum > 0.0 { gain / sum } else { 0.0 };
    gains.into_iter().take(FEATURES_SHOWN).map(|(name, gain)| json!({ "name": name, "gain": share(*gain) })).collect()
}
