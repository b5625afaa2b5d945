//! `ml_efficacy`: does a model learnt from sample rows work on real rows as well as one learnt from real rows?
//!
//! # Definition
//! TSTR: learnt from the sample, tested on holdout. TRTR: learnt from train, tested on holdout; computed once a
//! job. Rows without a target are dropped; encoders are learnt on the side that the model learns from.
//! `ml_efficacy` = U = clip((TSTR - c) / (TRTR - c), 0, 1) for boosting, with AUC (c = 1/2; several classes: macro
//! one against rest) or R² (c = 0): a plain ratio would reward chance. `TRTR - c < .02`:
//! `target_unpredictable`.
//! `ml_efficacy.tstr_<model>`, `ml_efficacy.trtr_<model>`: AUC or R² of [`models::Model`].
//!
//! # Details
//! `target`, `problem`, `positive?`, `models[{model, tstr, trtr, importance[{column, tstr_rank, trtr_rank}],
//! importance_correlation}]`: all measures (AUC, F1, accuracy, log loss; macro and micro F1; R², RMSE), ranks of
//! importance (1: most) and their Spearman correlation; `options`, `rows`.
//!
//! # Limits
//! A sample whose target has one level is a legitimate bad score: U = 0. Errors are by deletion of 20 folds of
//! test rows. All models are deterministic: there are no seeds to average over.
//!
//! # Cost
//! rounds x rows x columns, an output a class.
//!
//! # Reference
//! Esteban, Hyland, Rätsch 2017 (TSTR), arXiv 1706.02633; the chance correction is ours.

pub(crate) mod measures;
pub mod models;
pub mod task;

use crate::folds::{self, Estimate};
use crate::member::{Benchmark, Case, Real};
use crate::parts::threads::on_threads;
use models::{Learnt, Model};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use synthfleet_proto::about::{About, Accepts, Cost, CostClass, Reason, ScoreAbout, Shape};
use synthfleet_proto::options::{Checked, Options, Problem as OptionProblem, Problems};
use synthfleet_proto::score::{Score, Scored};
use synthfleet_proto::{Result, Seed};
use synthfleet_stats::auc::mid_ranks;
use synthfleet_table::{Arrays, Budget, Table};
use task::{Aims, Problem, Task};

/// Scored on machine-learning efficacy.
pub struct MlEfficacy;

/// Options of `ml_efficacy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MlEfficacyOptions {
    /// Most rows that a model learns from, or is tested on.
    pub rows_max: usize,
    /// Rounds of boosting.
    pub rounds: usize,
}

impl Default for MlEfficacyOptions {
    fn default() -> Self {
        Self { rows_max: 200_000, rounds: 200 }
    }
}

impl Options for MlEfficacyOptions {
    fn check(&self) -> Vec<OptionProblem> {
        Problems::none().within("rows_max", self.rows_max, ROWS_MIN..=2_000_000).within("rounds", self.rounds, 1..=10_000).into_vec()
    }
}

/// `rows_max` is not halved below this.
const ROWS_MIN: usize = 1_000;

/// Bytes of a cell, at most, while all models are learnt at once.
const CELL_BYTES: u64 = 80;

/// Utility is undefined where a model on real rows beats chance by less.
const PREDICTABLE: f64 = 0.02;

const U: ScoreAbout = ScoreAbout { id: "ml_efficacy", up: true, range: (Some(0.0), Some(1.0)), fair: Some(1.0), unit: "share" };

const fn raw(id: &'static str) -> ScoreAbout {
    ScoreAbout { id, up: true, range: (None, Some(1.0)), fair: None, unit: "auc or r2" }
}

const TSTR: [ScoreAbout; 3] = [raw("ml_efficacy.tstr_gbt"), raw("ml_efficacy.tstr_linear"), raw("ml_efficacy.tstr_tree")];
const TRTR: [ScoreAbout; 3] = [raw("ml_efficacy.trtr_gbt"), raw("ml_efficacy.trtr_linear"), raw("ml_efficacy.trtr_tree")];

impl Benchmark for MlEfficacy {
    type Options = MlEfficacyOptions;
    const ABOUT: About = About {
        name: "ml_efficacy",
        aliases: &["utility", "tstr"],
        summary: "Use of the sample for learning: models from sample rows against models from train rows.",
        paper: "Esteban, Hyland, Rätsch 2017, arXiv 1706.02633",
        cost: CostClass::Medium,
        accepts: Accepts { needs_target: true, ..Accepts::ANY },
        scores: &[U, TSTR[0], TRTR[0], TSTR[1], TRTR[1], TSTR[2], TRTR[2]],
        prepares: true,
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, options: &Checked<Self::Options>) -> Cost {
        let cells = shape.train_rows.min(options.rows_max as u64) * u64::from(shape.modelled());
        Cost {
            cpu_seconds: 2e-8 * (cells * options.rounds as u64) as f64,
            peak_bytes: cells * CELL_BYTES,
            model_bytes: shape.holdout_rows * 24,
        }
    }

    fn prepare(real: &Real, options: &Checked<Self::Options>, budget: &Budget) -> Result<Arrays> {
        let mut arrays = Arrays::default();
        if let Ok(task) = Task::of(real)
            && real.holdout.rows() > 0
        {
            let caps = Caps::of(&real.train, options, budget);
            for (model, learnt) in Model::ALL.iter().zip(learn_all(&task, &real.train, real, &caps, options.rounds, budget)?) {
                arrays.put_f64(&format!("predictions/{}", model.name()), learnt.predictions);
                arrays.put_f64(&format!("importances/{}", model.name()), learnt.importances);
            }
        }
        Ok(arrays)
    }

    fn score(case: &Case, options: &Checked<Self::Options>, _: &Seed, budget: &Budget) -> Result<Scored> {
        let caps = Caps::of(&case.real.train, options, budget);
        let problem = match posed(case) {
            Ok(task) => task,
            Err(reason) => return Ok(undefined(&reason, options)),
        };
        let of_sample = learn_all(&problem, &case.sample, &case.real, &caps, options.rounds, budget)?;
        let of_train = known(case, &problem, &caps, options, budget)?;
        let test = problem.rows(&case.real.holdout, caps.rows);
        let aims = problem.aims(&case.real.holdout, &test);
        let folds = folds::assign(&case.real.shared.child("folds"), test.len());
        let measured = |learnt: &[Learnt]| -> Vec<Option<Estimate>> {
            learnt.iter().map(|learnt| measures::main(&problem.problem, &aims, &learnt.predictions, &folds)).collect()
        };
        let (tstr, trtr) = (measured(&of_sample), measured(&of_train));
        let mut scores = vec![utility(tstr[0], trtr[0], problem.problem.measure().1)];
        for model in 0..Model::ALL.len() {
            scores.extend([scored(&TSTR[model], tstr[model]), scored(&TRTR[model], trtr[model])]);
        }
        scores.iter_mut().for_each(|score| score.limited = caps.limited.then_some(caps.rows as u64));
        let sides = [(&of_sample, &tstr), (&of_train, &trtr)];
        let models: Vec<Value> = (0..Model::ALL.len()).map(|model| model_details(case, &problem, &aims, model, sides)).collect();
        let mut details = json!({
            "target": case.sample.metadata().columns[problem.target].name, "problem": name(&problem.problem), "models": models, "options": **options,
            "rows": { "test": test.len(), "train": problem.rows(&case.real.train, caps.rows).len(), "sample": problem.rows(&case.sample, caps.rows).len() },
        });
        if let Problem::Binary { positive } = problem.problem {
            details["positive"] = json!(case.sample.metadata().columns[problem.target].levels[positive as usize]);
        }
        Ok(Scored { scores, details })
    }
}

/// The row cap that the planned memory allows.
struct Caps {
    rows: usize,
    limited: bool,
}

impl Caps {
    fn of(train: &Table, options: &MlEfficacyOptions, budget: &Budget) -> Self {
        let columns = train.metadata().modelled().count() as u64;
        let mut caps = Self { rows: options.rows_max, limited: false };
        while caps.rows.min(train.rows()) as u64 * columns * CELL_BYTES > budget.memory_bytes_max() / 2 && caps.rows >= 2 * ROWS_MIN {
            caps = Self { rows: caps.rows / 2, limited: true };
        }
        caps
    }
}

fn posed(case: &Case) -> Result<Task, Reason> {
    let task = Task::of(&case.real)?;
    let refuse = |code: &str, why: &str| Err(Reason { code: code.to_owned(), why: why.to_owned() });
    if case.real.holdout.rows() == 0 {
        return refuse("no_holdout", "there are no holdout rows to test on");
    }
    if case.sample.rows() == 0 {
        return refuse("empty_table", "the sample has no rows");
    }
    Ok(task)
}

fn undefined(reason: &Reason, options: &MlEfficacyOptions) -> Scored {
    let scores = MlEfficacy::ABOUT.scores.iter().map(|about| Score::undefined_for(about, reason)).collect();
    Scored { scores, details: json!({ "options": options }) }
}

/// What all models learn from one table, tested on holdout.
fn learn_all(task: &Task, table: &Table, real: &Real, caps: &Caps, rounds: usize, budget: &Budget) -> Result<Vec<Learnt>> {
    let (fit, test) = (task.rows(table, caps.rows), task.rows(&real.holdout, caps.rows));
    on_threads(budget, || {
        let learn = |model: Model| model.learn(task, (table, &fit), (&real.holdout, &test), rounds, budget);
        Model::ALL.into_par_iter().map(learn).collect()
    })
}

/// What was prepared, or else is made now.
fn known(case: &Case, task: &Task, caps: &Caps, options: &MlEfficacyOptions, budget: &Budget) -> Result<Vec<Learnt>> {
    let rows = task.rows(&case.real.holdout, caps.rows).len() * task.problem.outputs();
    let stored = |model: &Model| -> Result<Learnt> {
        let predictions = case.prepared.f64s(&format!("predictions/{}", model.name()))?.to_vec();
        let importances = case.prepared.f64s(&format!("importances/{}", model.name()))?.to_vec();
        Ok(Learnt { predictions, importances })
    };
    let stored: Result<Vec<Learnt>> = Model::ALL.iter().map(stored).collect();
    match stored {
        Ok(learnt) if learnt.iter().all(|learnt| learnt.predictions.len() == rows && learnt.importances.len() == task.places.len()) => {
            Ok(learnt)
        }
        _ => learn_all(task, &case.real.train, &case.real, caps, options.rounds, budget),
    }
}

fn utility(tstr: Option<Estimate>, trtr: Option<Estimate>, chance: f64) -> Score {
    match (tstr, trtr) {
        (Some(_), Some(trtr)) if trtr.value - chance < PREDICTABLE => {
            Score::undefined(&U, "target_unpredictable", "a model from train rows does not beat chance by .02")
        }
        (Some(tstr), Some(trtr)) => {
            let ratio = Estimate::combine(|at| (at(&tstr) - chance) / (at(&trtr) - chance));
            scored(&U, Some(ratio))
        }
        _ => scored(&U, None),
    }
}

fn scored(about: &ScoreAbout, estimate: Option<Estimate>) -> Score {
    let Some(estimate) = estimate else {
        return Score::undefined(about, "single_class", "the target has one value among the test rows");
    };
    estimate.told(Score::new(about, estimate.value))
}

const fn name(problem: &Problem) -> &'static str {
    match problem {
        Problem::Binary { .. } => "binary_classification",
        Problem::Multiclass { .. } => "multiclass_classification",
        Problem::Regression => "regression",
    }
}

/// One side's models: what they learnt and the main measure of each.
type SideOf<'a> = (&'a Vec<Learnt>, &'a Vec<Option<Estimate>>);

fn model_details(case: &Case, task: &Task, aims: &Aims, model: usize, sides: [SideOf; 2]) -> Value {
    let [tstr, trtr] = sides.map(|(learnt, main)| measures::all(&task.problem, aims, &learnt[model].predictions, main[model]));
    let ranks = sides.map(|(learnt, _)| {
        let negated: Vec<f64> = learnt[model].importances.iter().map(|importance| -importance).collect();
        mid_ranks(&negated)
    });
    let columns = &case.sample.metadata().columns;
    let importance: Vec<Value> = task
        .places
        .iter()
        .enumerate()
        .take(2_000)
        .map(|(index, &place)| json!({ "column": columns[place].name, "tstr_rank": ranks[0][index], "trtr_rank": ranks[1][index] }))
        .collect();
    json!({ "model": Model::ALL[model].name(), "tstr": tstr, "trtr": trtr, "importance": importance, "importance_correlation": correlation(&ranks[0], &ranks[1]) })
}

/// Pearson's r of two lists of ranks; `None` if one is constant.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let middle = (a.len() as f64 + 1.0) / 2.0;
    let sum = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - middle) * (y - middle)).sum::<f64>();
    let spread = (sum(a, a) * sum(b, b)).sqrt();
    (spread > 0.0).then(|| sum(a, b) / spread)
}
