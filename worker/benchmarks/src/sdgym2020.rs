//! `sdgym2020`: the evaluator of SDGym 0.2.0 to 0.2.2, for comparison with what was published then.
//!
//! # Definition
//! Models learn from sample rows and are tested on holdout rows, at most 50,000 of each, shuffled. Features:
//! [`features`]. Class 1 of two is the rarer level of train.
//! | target | models | measures, the ranking one first |
//! |---|---|---|
//! | two levels | Gini tree of depth 15, AdaBoost of 50 stumps, logistic regression, perceptron of 50 | F1 of class 1, accuracy |
//! | more levels | Gini tree of depth 30, perceptron of 100 | macro F1, micro F1, accuracy |
//! | numbers | least squares, perceptron of 100 | R² |
//!
//! Trees and logistic regression weigh classes alike: rows over classes times a class's rows. Logistic regression
//! has C = 1 and at most 50 iterations on features as they are; perceptrons see the rows 50 times at most. Numbers
//! are predicted as `ln clip(trunc y, 1, 20000)`. A sample with one class has that class told throughout.
//! `sdgym2020` is the first measure, `sdgym2020.<measure>` each, all as means over models; a measure of other
//! targets is `not_applicable`. 2020 took means over three repeats of a synthesizer too: those are the job's.
//!
//! The variant `paper` is the tag `research` of May 2019: trees of depth 30 and perceptrons of 100 without logistic
//! regression for tables called census and credit, logistic regression besides for those called mnist.
//! A score's `profile` names the variant.
//!
//! # Details
//! `target`, `problem`, `positive?`, `variant`, `models[{model, <measure>..}]`, `features`, `rows`, `options`.
//!
//! # Limits
//! More than 10,000 features: `over_budget`. `rows_max` is halved, not below 1,000, while the planned memory is
//! too small. Missing cells, which 2020 had not: see [`features`]. Errors are by deletion of 20 folds of test
//! rows. Never part of the verdict but in the weights profile of this name.
//!
//! # Cost
//! Perceptrons dominate: `epochs · rows · columns · hidden`.
//!
//! # Reference
//! SDGym v0.2.2; Xu, Skoularidou, Cuesta-Infante, Veeramachaneni, "Modeling tabular data using conditional GAN",
//! NeurIPS 2019, arXiv 1907.00503; defaults of scikit-learn 0.21. Deviations: split ties go to the first column
//! (there: a random one), sums are of f64 (there: trees compare f32), L-BFGS searches by halving.

pub mod coded;
pub mod features;
pub mod measures;
pub mod models;
mod posed;

use crate::folds::{self, Estimate};
use crate::member::{Benchmark, Case};
use crate::ml_efficacy::measures as regression;
use crate::ml_efficacy::task::{Aims, Problem};
use crate::parts::threads::on_threads;
use coded::Coded;
use measures::Measure;
pub use models::Variant;
use models::{Lesson, Model, Question};
use posed::{Posed, is_constant, numbered, reason, renamed};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use synthfleet_proto::about::{About, Accepts, Cost, CostClass, Reason, ScoreAbout, Shape};
use synthfleet_proto::options::{Checked, Options, Problem as OptionProblem, Problems};
use synthfleet_proto::score::{Score, Scored};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::{Budget, Table};

/// Scored on the evaluator of SDGym 2020.
pub struct Sdgym2020;

/// Options of `sdgym2020`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sdgym2020Options {
    /// Which release of the evaluator; they differ on tables called census, credit and mnist.
    pub variant: Variant,
    /// Most rows that models learn from, or are tested on.
    pub rows_max: usize,
}

impl Default for Sdgym2020Options {
    fn default() -> Self {
        Self { variant: Variant::default(), rows_max: 50_000 }
    }
}

impl Options for Sdgym2020Options {
    fn check(&self) -> Vec<OptionProblem> {
        Problems::none().within("rows_max", self.rows_max, ROWS_MIN..=coded::ROWS_MAX).into_vec()
    }
}

/// `rows_max` is not halved below this.
const ROWS_MIN: usize = 1_000;
/// Most levels of a column, and most features.
const FEATURES_MAX: usize = 10_000;
/// Bytes of a cell, at most, while all models are learnt at once.
const CELL_BYTES: u64 = 60;
const fn share(id: &'static str) -> ScoreAbout {
    ScoreAbout { id, up: true, range: (Some(0.0), Some(1.0)), fair: None, unit: "share" }
}

const HEADLINE: ScoreAbout = ScoreAbout { id: "sdgym2020", up: true, range: (None, Some(1.0)), fair: None, unit: "f1 or r2" };
const R2: ScoreAbout = ScoreAbout { id: "sdgym2020.r2", up: true, range: (None, Some(1.0)), fair: None, unit: "r2" };
/// In the order of [`Measure::ALL`].
const MEASURES: [ScoreAbout; 5] =
    [share("sdgym2020.accuracy"), share("sdgym2020.f1"), share("sdgym2020.macro_f1"), share("sdgym2020.micro_f1"), R2];

impl Benchmark for Sdgym2020 {
    type Options = Sdgym2020Options;
    const ABOUT: About = About {
        name: "sdgym2020",
        aliases: &["sdgym-2020", "sdgym_2020"],
        summary: "What models of SDGym's evaluator of 2020 learn from the sample, told in F1, accuracy and R².",
        paper: "Xu et al. 2019, arXiv 1907.00503; SDGym v0.2.2",
        cost: CostClass::Medium,
        accepts: Accepts { needs_target: true, levels_max: FEATURES_MAX as u32, ..Accepts::ANY },
        scores: &[HEADLINE, MEASURES[0], MEASURES[1], MEASURES[2], MEASURES[3], MEASURES[4]],
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, options: &Checked<Self::Options>) -> Cost {
        let rows = shape.train_rows.min(options.rows_max as u64);
        let cells = rows * u64::from(shape.modelled());
        let parameters = (u64::from(shape.number_like) + shape.levels_sum).min(FEATURES_MAX as u64) * 100;
        Cost {
            cpu_seconds: 2e-6 * cells as f64 + 5e-10 * (rows / 4 * parameters) as f64,
            peak_bytes: 2 * cells * CELL_BYTES + 32 * parameters,
            model_bytes: 0,
        }
    }

    fn score(case: &Case, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Scored> {
        let caps = Caps::of(&case.real.train, options, budget);
        match on_threads(budget, || judged(case, options, caps.rows, seed, budget))? {
            Ok(mut scored) => {
                scored.scores.iter_mut().for_each(|score| score.limited = caps.limited.then_some(caps.rows as u64));
                Ok(scored)
            }
            Err(reason) => {
                let undefined = |about| Score::undefined_for(about, &reason).in_profile(options.variant.name());
                Ok(Scored { scores: Self::ABOUT.scores.iter().map(undefined).collect(), details: json!({ "options": **options }) })
            }
        }
    }
}

/// The row cap that the planned memory allows.
struct Caps {
    rows: usize,
    limited: bool,
}

impl Caps {
    fn of(train: &Table, options: &Sdgym2020Options, budget: &Budget) -> Self {
        let columns = train.metadata().modelled().count() as u64;
        let mut caps = Self { rows: options.rows_max, limited: false };
        while 2 * caps.rows.min(train.rows()) as u64 * columns * CELL_BYTES > budget.memory_bytes_max() / 2 && caps.rows >= 2 * ROWS_MIN {
            caps = Self { rows: caps.rows / 2, limited: true };
        }
        caps
    }
}

fn judged(case: &Case, options: &Sdgym2020Options, rows_max: usize, seed: &Seed, budget: &Budget) -> Result<Result<Scored, Reason>> {
    let posed = match Posed::of(case, rows_max, seed, budget)? {
        Ok(posed) => posed,
        Err(reason) => return Ok(Err(reason)),
    };
    let (own, aims) = (posed.aims(&case.real.holdout, &posed.test), posed.aims(&case.sample, &posed.fit));
    if is_constant(&own) {
        return Ok(Err(reason("single_class", "the target has one value among the test rows")));
    }
    let learnt = posed.encoder.learn(&case.sample, &posed.fit, budget)?;
    let features = posed.encoder.apply(&case.sample, &posed.fit, &learnt, budget)?;
    let count = features.rows.features;
    if count > FEATURES_MAX {
        return Ok(Err(reason("over_budget", &format!("{count} features are too many, at most {FEATURES_MAX}"))));
    }
    let coded = Coded::new(&features, budget)?;
    let asked = posed.encoder.apply(&case.real.holdout, &posed.test, &learnt, budget)?;
    let question = Question { codes: coded.apply(&asked, budget)?, features: asked };
    let (aims, names) = numbered(aims);
    let lesson = Lesson { features, coded, aims };
    let models = options.variant.models(&posed.task.problem, &case.real.train.metadata().table);
    let told: Result<Vec<Aims>> =
        models.par_iter().map(|model| Ok(renamed(model.answer(&lesson, &question, &seed.child(model.name()), budget)?, &names))).collect();
    let folds = folds::assign(&case.real.shared.child("folds"), posed.test.len());
    Ok(Ok(told_in_scores(case, options, &posed, &own, (&models, &told?), &folds, count)))
}

/// Measures of a problem, the one that ranks first.
const fn measures_of(problem: &Problem) -> &'static [Measure] {
    match problem {
        Problem::Binary { .. } => &[Measure::F1, Measure::Accuracy],
        Problem::Multiclass { .. } => &[Measure::MacroF1, Measure::MicroF1, Measure::Accuracy],
        Problem::Regression => &[Measure::R2],
    }
}

fn told_in_scores(
    case: &Case,
    options: &Sdgym2020Options,
    posed: &Posed,
    own: &Aims,
    (models, told): (&[Model], &[Aims]),
    folds: &[u8],
    features: usize,
) -> Scored {
    let problem = &posed.task.problem;
    let classes = if let Problem::Multiclass { classes } = problem { *classes + 1 } else { 2 };
    let measured = |measure: Measure, told: &Aims| match (own, told) {
        (Aims::Classes(own), Aims::Classes(told)) => Some(measure.of_classes(own, told, classes, folds)),
        (Aims::Numbers(_), Aims::Numbers(told)) => regression::main(&Problem::Regression, own, told, folds),
        _ => None,
    };
    let mean = |measure: Measure| -> Option<Estimate> {
        let each: Option<Vec<Estimate>> = told.iter().map(|told| measured(measure, told)).collect();
        Some(Estimate::mean(&each?))
    };
    let score = |about: &ScoreAbout, measure: Measure| {
        let score = if !measures_of(problem).contains(&measure) {
            Score::undefined(about, "not_applicable", "the measure is of targets of another kind")
        } else if let Some(estimate) = mean(measure) {
            estimate.told(Score::new(about, estimate.value).over(models.len(), models.len()))
        } else {
            Score::undefined(about, "single_class", "the target has one value among the test rows")
        };
        score.in_profile(options.variant.name())
    };
    let mut scores = vec![score(&HEADLINE, measures_of(problem)[0])];
    scores.extend(MEASURES.iter().zip(Measure::ALL).map(|(about, measure)| score(about, measure)));
    let of_model = |(model, told): (&Model, &Aims)| {
        let mut entry = Map::from_iter([("model".to_owned(), json!(model.name()))]);
        let value = |measure: Measure| json!(measured(measure, told).map(|estimate| estimate.value).filter(|value| value.is_finite()));
        entry.extend(measures_of(problem).iter().map(|&measure| (measure.name().to_owned(), value(measure))));
        Value::Object(entry)
    };
    let target = &case.sample.metadata().columns[posed.task.target];
    let mut details = json!({
        "target": target.name, "problem": name(problem), "variant": options.variant.name(), "features": features, "options": options,
        "models": models.iter().zip(told).map(of_model).collect::<Vec<_>>(),
        "rows": { "sample": posed.fit.len(), "test": posed.test.len() },
    });
    if let Problem::Binary { positive } = problem {
        details["positive"] = json!(target.levels[*positive as usize]);
    }
    Scored { scores, details }
}

const fn name(problem: &Problem) -> &'static str {
    match problem {
        Problem::Binary { .. } => "binary_classification",
        Problem::Multiclass { .. } => "multiclass_classification",
        Problem::Regression => "regression",
    }
}
