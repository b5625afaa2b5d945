//! `pair_trends`: are pairwise relations kept?
//!
//! # Definition
//! Two number-like columns: `1 - |r_real - r_sample| / 2` with Pearson's r on complete rows. Any other pair:
//! `1 - sum |f_real - f_sample| / 2` over joint cells, a number being coded by ten equal-width bins.
//! | score | bins of a number | pairs that count |
//! |---|---|---|
//! | `pair_trends` (profile `trending`) | own range of each table | number pairs with \|r_real\| > .5, others with V_real > .3 |
//! | `pair_trends.all` | own range | all |
//! | `pair_trends.fixed` | range of the real table, ends open | all, weighted by \|r_real\| or V_real |
//!
//! `pair_trends.quality` and `pair_trends.quality_all` are the means of column shapes and pair trends in the
//! profiles `trending` and `all`: the quality score of SDMetrics.
//!
//! # Details
//! `pairs_total` counts all pairs, `pairs_drawn` those that were compared. `pairs[{columns[2], measure, score | undefined + why, real_correlation, sample_correlation, association,
//! counts, fixed, weight}]`, the worst 2,000 if there are more; `matrix{columns, real, holdout, sample}`, each
//! `[columns, columns]`: |r|, V or correlation ratio of the first 60 columns, null where undefined. `joints`: joint
//! counts, as in [`crate::parts::cells`], of the 24 pairs with the largest `(1 - fixed) weight`.
//!
//! # Limits
//! Own ranges hide shifts of scale, and the maximum shares a bin with missing cells: both are kept in the two
//! parity profiles, and `fixed` is shown beside.
//!
//! Beyond `pairs_max` pairs (447 columns) a seeded sample of them, the same for all candidates, stands for all.
//!
//! # Cost
//! rows x pairs.
//!
//! # Reference
//! Column Pair Trends of the quality report of SDMetrics 0.32 (`trending`) and before 0.27 (`all`).

use crate::folds::Estimate;
use crate::member::{Benchmark, Case};
use crate::parts::cells::{self, Axis};
use crate::parts::each::each;
use crate::parts::marginal;
use crate::parts::matrix;
use crate::parts::pairs::{self, Coefficient, Drawn, Pair};
use crate::parts::side::{Reference, Side};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeSet;
use synthfleet_proto::about::{About, Cost, Reason, ScoreAbout, Shape};
use synthfleet_proto::options::{Checked, Options, Problem, Problems};
use synthfleet_proto::score::{Score, Scored};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt, Table};

/// Scored on pair trends.
pub struct PairTrends;

/// Options of `pair_trends`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PairTrendsOptions {
    /// Which real rows the sample is compared with.
    pub reference: Reference,
    /// How two numbers are correlated.
    pub coefficient: Coefficient,
    /// Most rows of each table; 0: all. SDMetrics takes 50,000.
    pub subsample: u32,
    /// Most pairs of columns; a seeded sample beyond.
    pub pairs_max: u32,
}

impl Default for PairTrendsOptions {
    fn default() -> Self {
        Self { reference: Reference::Train, coefficient: Coefficient::Pearson, subsample: 0, pairs_max: 100_000 }
    }
}

impl Options for PairTrendsOptions {
    fn check(&self) -> Vec<Problem> {
        let legal = self.subsample == 0 || self.subsample >= 1_000;
        let problems = Problems::none().holds("subsample", self.subsample, legal, "0 or at least 1000");
        problems.within("pairs_max", self.pairs_max, 100..=10_000_000).into_vec()
    }
}

const fn share(id: &'static str) -> ScoreAbout {
    ScoreAbout { id, up: true, range: (Some(0.0), Some(1.0)), fair: None, unit: "share" }
}

const SCORES: [ScoreAbout; 5] = [
    share("pair_trends"),
    share("pair_trends.all"),
    share("pair_trends.fixed"),
    share("pair_trends.quality"),
    share("pair_trends.quality_all"),
];

/// Most pairs in the details.
const PAIRS_SHOWN_MAX: usize = 2_000;
/// Most columns of the shown matrix.
const MATRIX_MAX: usize = 60;
/// Most pairs with joint counts.
const JOINTS_MAX: usize = 24;

impl Benchmark for PairTrends {
    type Options = PairTrendsOptions;
    const ABOUT: About = About {
        name: "pair_trends",
        version: "1.1",
        aliases: &["trends", "quality"],
        summary: "Agreement of correlations and two-way tables, and the quality score.",
        paper: "SDMetrics 0.32, Column Pair Trends (CorrelationSimilarity, ContingencySimilarity)",
        scores: &SCORES,
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, options: &Checked<Self::Options>) -> Cost {
        let (rows, columns) = ((shape.train_rows * 2 + shape.holdout_rows) as f64, f64::from(shape.modelled()));
        let pairs = (columns * columns / 2.0).min(options.pairs_max.into());
        let peak_bytes = (rows * columns * 16.0) as u64 + (64 << 20);
        Cost { cpu_seconds: 3e-8 * rows * pairs, peak_bytes, model_bytes: 0 }
    }

    fn score(case: &Case, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Scored> {
        let table = options.reference.of(&case.real)?;
        let table = subsample(&table, options.subsample, &case.real.shared);
        let taken = subsample(&case.sample, options.subsample, seed);
        let (real, sample) = (Side::real(&table, case), Side::new(&taken, seed));
        let (shapes, _) = marginal::mean(&marginal::all(&real, &sample, budget)?);
        let seed = case.real.shared.child("pairs");
        let drawn = Drawn { pairs_max: options.pairs_max as usize, seed: &seed };
        let (pairs, total) = pairs::all(&real, &sample, options.coefficient, drawn, budget)?;
        let (trending, trending_used) = pairs::mean(&pairs, |pair| pair.counts);
        let (all, all_used) = pairs::mean(&pairs, |_| true);
        let (fixed, fixed_used) = pairs::weighted_mean(&pairs);
        let scores = vec![
            told(0, trending.clone()).over(trending_used, total).in_profile("trending"),
            told(1, all.clone()).over(all_used, total).in_profile("all"),
            told(2, fixed).over(fixed_used, total).in_profile("fixed"),
            told(3, quality(shapes.clone(), trending)).in_profile("trending"),
            told(4, quality(shapes, all)).in_profile("all"),
        ];
        let places: Vec<usize> = table.metadata().modelled().take(MATRIX_MAX).collect();
        let matrix = [&table, &case.real.holdout, &taken].map(|table| matrix::of(table, &places, budget));
        let [in_real, in_holdout, in_sample] = matrix;
        let names: Vec<&str> = places.iter().map(|&place| table.metadata().columns[place].name.as_str()).collect();
        let matrix = json!({"columns": names, "real": in_real?, "holdout": in_holdout?, "sample": in_sample?});
        let joints = joints(&pairs, [&table, &case.real.holdout, &taken], budget)?;
        let details =
            json!({"pairs": shown(&pairs, &table), "pairs_total": total, "pairs_drawn": pairs.len(), "matrix": matrix, "joints": joints});
        Ok(Scored { scores, details })
    }
}

fn subsample<'a>(table: &'a Table, rows_max: u32, seed: &Seed) -> Cow<'a, Table> {
    if rows_max == 0 || table.rows() <= rows_max as usize {
        return Cow::Borrowed(table);
    }
    let mut rows = seed.child("rows").rng().permutation(table.rows());
    rows.truncate(rows_max as usize);
    Cow::Owned(table.take(&rows))
}

fn told(which: usize, estimate: Result<Estimate, Reason>) -> Score {
    let about = &SCORES[which];
    match estimate {
        Ok(estimate) => estimate.told(Score::new(about, estimate.value)),
        Err(reason) => Score::undefined_for(about, &reason),
    }
}

/// The mean of what is defined of shapes and trends.
fn quality(shapes: Result<Estimate, Reason>, trends: Result<Estimate, Reason>) -> Result<Estimate, Reason> {
    match (shapes, trends) {
        (Ok(shapes), Ok(trends)) => Ok(Estimate::mean(&[shapes, trends])),
        (Ok(one), Err(_)) | (Err(_), Ok(one)) => Ok(one),
        (Err(reason), Err(_)) => Err(reason),
    }
}

/// The pairs as details tell them, in order of columns; only the worst if there are too many.
fn shown(pairs: &[Pair], table: &Table) -> Vec<Value> {
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    let similarity = |pair: &Pair| pair.similarity.as_ref().map_or(f64::INFINITY, |estimate| estimate.value);
    if pairs.len() > PAIRS_SHOWN_MAX {
        order.sort_by(|&a, &b| similarity(&pairs[a]).total_cmp(&similarity(&pairs[b])).then(a.cmp(&b)));
        order.truncate(PAIRS_SHOWN_MAX);
        order.sort_unstable();
    }
    order.into_iter().map(|index| entry(&pairs[index], table)).collect()
}

/// Joint counts of the pairs that lose most, worst first; of equal ones the first by name.
fn joints(pairs: &[Pair], tables: [&Table; 3], budget: &Budget) -> Result<Vec<Value>> {
    let columns = &tables[0].metadata().columns;
    let mut order: Vec<(f64, [usize; 2])> = pairs
        .iter()
        .filter_map(|pair| {
            let (similarity, weight) = pair.fixed.as_ref()?;
            let [a, b] = pair.places;
            let places = if columns[a].name <= columns[b].name { [a, b] } else { [b, a] };
            // rounded, so that another order of sums leaves the order of pairs
            Some((((1.0 - similarity.value) * weight * 1e9).round(), places))
        })
        .collect();
    let name = |place: usize| columns[place].name.as_str();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.map(name).cmp(&b.1.map(name))));
    order.truncate(JOINTS_MAX);
    let places: BTreeSet<usize> = order.iter().flat_map(|(_, places)| *places).collect();
    let places: Vec<usize> = places.into_iter().collect();
    let axes = each(budget, places.len(), |index| Ok(Axis::of(tables, places[index])))?;
    let axis = |place: usize| places.binary_search(&place).ok().map(|index| &axes[index]);
    Ok(order.into_iter().filter_map(|(_, [x, y])| Some(cells::joint(axis(x)?, axis(y)?))).collect())
}

fn entry(pair: &Pair, table: &Table) -> Value {
    let names = pair.places.map(|place| table.metadata().columns[place].name.as_str());
    let mut entry = json!({
        "columns": names, "measure": pair.measure, "counts": pair.counts,
        "real_correlation": pair.real_correlation, "sample_correlation": pair.sample_correlation,
        "association": pair.association,
        "fixed": pair.fixed.as_ref().map(|(similarity, _)| similarity.value),
        "weight": pair.fixed.as_ref().map(|(_, weight)| weight),
    });
    match &pair.similarity {
        Ok(estimate) => entry["score"] = json!(estimate.value),
        Err(reason) => {
            entry["undefined"] = json!(reason.code);
            entry["why"] = json!(reason.why);
        }
    }
    entry
}
