//! `likelihood`: do sample rows have the probability they should (S), and does a model learnt from them explain
//! real rows (T)?
//!
//! # Definition
//! S and T are mean log densities in nats. What model gives them is the score's profile:
//! | profile | for | S | T |
//! |---|---|---|---|
//! | `gaussian` | grid, gridr, ring; a table of 1 to 20 number columns on request | of sample rows under mixtures fitted to holdout | of holdout rows under mixtures fitted to the sample |
//! | `bayesian` | asia, alarm, child, insurance | of sample rows under the true tables, `ln(p + 1e-8)` | of holdout rows under tables counted on the sample, `ln(p + 1e-8)` |
//! | `fitted` | any table | of sample rows under a tree fitted to train | of holdout rows under a tree fitted to the sample |
//!
//! - *Mixtures*: diagonal normal, [`synthfleet_stats::mixture`], 10 and 30 components from three starts each; their
//!   log densities are averaged. A table without a known law is scaled by train's means and deviations for the fit.
//! - *Tables*: the true structure, no pseudo-count; a setting of the parents never seen is uniform. A value that is
//!   no state, or a missing one, makes its row impossible.
//! - *Tree*: [`tree`], on the codes of [`crate::parts::quantile_codes`] learnt on train.
//!
//! `likelihood` = `exp(-(max(0, T_ref - T) + |S_ref - S|))`: two-sided on S, because collapse raises it. The reference
//! is what honest rows get in the sample's place, by no model that saw them: S_ref of holdout rows (`gaussian`: of
//! train rows, because the mixtures are holdout's), T_ref of holdout rows under the model of as many train rows as
//! the sample has.
//! `likelihood.true_s`: mean `ln(p + 1e-8)` of sample rows under the exact law of a simulated set;
//! `likelihood.floor`: share of sample rows with `p <= 1e-8` there, which that constant decides.
//!
//! # Details
//! `form`, `law`, `rows`, `options`, `s` and `t` `{sample, reference}`; `components[{components, s, s_reference, t,
//! t_reference}]` and `dropped` (share of rows with gaps) of mixtures; `truth{sample, reference}` with `mean`, `floor`
//! and `impossible` (share with p = 0); `t_floor` of tables; `tree[{from, to, information, in_sample}]` of the tree of
//! train, at most 2,000 edges, and `edges`, `edges_shared`.
//!
//! # Limits
//! Fewer than 20 rows on a side, or than components: `too_few_rows`. Columns that are not those of the law, or no
//! numbers where a mixture is asked for: `not_applicable`. At most `rows_max` rows a side; halved while the planned
//! memory is too small or pairs of columns are too many, below 1,000 rows: `over_budget`.
//!
//! # Cost
//! Mixtures: rows x components x columns x steps. Trees: rows x columns^2.
//!
//! # Reference
//! Xu et al. 2019, doi 10.48550/arXiv.1907.00503 (S and T); Chow, Liu 1968, doi 10.1109/TIT.1968.1054142. The tree,
//! the exact law for mixtures and the two-sided score are ours.

mod bayesian;
mod fitted;
mod form;
mod gaussian;
mod outcome;
mod rows;
pub mod tree;
mod truth;

use crate::member::{Benchmark, Case, Real};
pub use form::Form;
use form::Posed;
use rows::Caps;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use synthfleet_proto::about::{About, Cost, Reason, ScoreAbout, Shape};
use synthfleet_proto::options::{Checked, Options, Problem, Problems};
use synthfleet_proto::score::{Score, Scored};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::{Arrays, Budget};

/// Scored on likelihood.
pub struct Likelihood;

/// Options of `likelihood`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LikelihoodOptions {
    /// Which model: `auto`, `gaussian`, `bayesian`, `fitted`. `auto` follows the law, then the job's problem type;
    /// else it is `fitted`.
    pub form: Form,
    /// The law that the rows were drawn from, if the source does not say so: alarm, asia, child, grid, gridr,
    /// insurance, ring.
    pub law: Option<String>,
    /// Sizes of the mixtures, 1 to 100 components each, at most 10 sizes.
    pub components: Vec<usize>,
    /// Most rows of each side.
    pub rows_max: usize,
}

impl Default for LikelihoodOptions {
    fn default() -> Self {
        Self { form: Form::Auto, law: None, components: vec![10, 30], rows_max: 50_000 }
    }
}

impl Options for LikelihoodOptions {
    fn check(&self) -> Vec<Problem> {
        let sizes = (1..=10).contains(&self.components.len()) && self.components.iter().all(|size| (1..=100).contains(size));
        let law = self.law.as_deref();
        Problems::none()
            .holds(
                "law",
                law.unwrap_or_default(),
                law.is_none_or(|law| synthfleet_laws::NAMES.contains(&law)),
                &synthfleet_laws::NAMES.join(", "),
            )
            .holds("components", format!("{:?}", self.components), sizes, "1 to 10 sizes of 1 to 100 components")
            .within("rows_max", self.rows_max, rows::ROWS_MIN..=200_000)
            .into_vec()
    }
}

const NATS: ScoreAbout = ScoreAbout { id: "", up: true, range: (None, None), fair: None, unit: "nats" };
const SCORE: ScoreAbout = ScoreAbout { id: "likelihood", up: true, range: (Some(0.0), Some(1.0)), fair: Some(1.0), unit: "share" };
const S: ScoreAbout = ScoreAbout { id: "likelihood.s", ..NATS };
const T: ScoreAbout = ScoreAbout { id: "likelihood.t", ..NATS };
const TRUE_S: ScoreAbout = ScoreAbout { id: "likelihood.true_s", range: (Some(rows::LN_FLOOR), None), ..NATS };
const AT_FLOOR: ScoreAbout = ScoreAbout { id: "likelihood.floor", up: false, range: (Some(0.0), Some(1.0)), fair: None, unit: "share" };

impl Benchmark for Likelihood {
    type Options = LikelihoodOptions;
    const ABOUT: About = About {
        name: "likelihood",
        summary: "Log density of sample rows under the law of real rows, and of real rows under a model of the sample.",
        paper: "Xu et al. 2019, doi 10.48550/arXiv.1907.00503; Chow, Liu 1968, doi 10.1109/TIT.1968.1054142",
        scores: &[SCORE, S, T, TRUE_S, AT_FLOOR],
        prepares: true,
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, options: &Checked<Self::Options>) -> Cost {
        let (rows, columns) = (shape.train_rows.min(options.rows_max as u64), u64::from(shape.modelled()));
        let pairs = rows as f64 * (columns * columns) as f64;
        Cost { cpu_seconds: 1e-9 * pairs, peak_bytes: rows * columns * rows::CELL_BYTES, model_bytes: 0 }
    }

    fn prepare(real: &Real, options: &Checked<Self::Options>, budget: &Budget) -> Result<Arrays> {
        let mut arrays = Arrays::default();
        if let Ok(Posed::Gaussian(posed)) = form::pose(real.train.metadata(), options)?
            && let Ok(caps) = Caps::of(&posed.places, options, budget)
        {
            gaussian::prepare(real, &posed, options, &caps, budget)?.save(&mut arrays);
        }
        Ok(arrays)
    }

    fn score(case: &Case, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Scored> {
        let posed = form::pose(case.sample.metadata(), options)?;
        let ready = posed.and_then(|posed| {
            let caps = Caps::of(posed.places(), options, budget)?;
            if case.sample.rows() == 0 {
                return Err(outcome::reason("empty_table", "the sample has no rows"));
            }
            Ok((posed, caps))
        });
        let (posed, caps) = match ready {
            Ok(ready) => ready,
            Err(reason) => return Ok(undefined(&reason, options)),
        };
        let measured = match &posed {
            Posed::Gaussian(posed) => gaussian::measure(case, posed, options, &caps, seed, budget)?,
            Posed::Bayesian(posed) => bayesian::measure(case, posed, &caps, seed, budget)?,
            Posed::Fitted(places) => fitted::measure(case, places, &caps, seed, budget)?,
        };
        let mut details = measured.described();
        details["options"] = json!(**options);
        details["law"] = json!(options.law.as_ref().or(case.sample.metadata().law.as_ref()));
        let mut scores = measured.scores();
        scores.iter_mut().for_each(|score| score.limited = caps.limited.then_some(caps.rows as u64));
        Ok(Scored { scores, details })
    }
}

fn undefined(reason: &Reason, options: &LikelihoodOptions) -> Scored {
    let scores = Likelihood::ABOUT.scores.iter().map(|about| Score::undefined_for(about, reason)).collect();
    Scored { scores, details: json!({ "options": options }) }
}
