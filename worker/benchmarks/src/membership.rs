//! `membership`: can an attacker who holds the sample tell rows that the model saw from rows it did not?
//!
//! # Definition
//! Members are `m` train rows, others are `m` holdout rows, `m = min(train, holdout, rows_max)`, chosen alike
//! for all samples. Cells and distances as in [`crate::parts::encode16`].
//! - `membership.nn_attack`: a row's score is minus its distance to the nearest sample row; the value is the
//!   AUC of members against others, ties half, with DeLong's error. Below 1/2 it is kept as it is.
//! - `membership.nn_tpr_1`, `membership.nn_tpr_01`: the largest share of members found by a threshold that
//!   takes at most 1 %, .1 % of the others for members.
//! - `membership`: the worst attack.
//!
//! `bound_low` and `bound_high` are one-sided at .05 / 2: the gate has two attacks.
//!
//! # Details
//! `roc[[false positive rate, true positive rate]]` at 101 rates, `plot{edges, members, others}` (shares of rows
//! in 40 bins of distance), `options`, `rows`.
//!
//! # Limits
//! Fewer than 50 rows: `too_few_rows`; no holdout: `no_holdout`. Row caps are halved while the planned memory
//! is too small.
//!
//! # Cost
//! 2 m x sample rows x columns; exact.
//!
//! # Reference
//! Nearest-neighbour attack: Hilprecht et al. 2019, doi 10.2478/popets-2019-0067, with k = 1. Error: DeLong et
//! al. 1988, doi 10.2307/2531595.

use crate::member::{Benchmark, Case};
use crate::parts::encode16::encode;
use crate::parts::neighbours::{Nearest, Pool, Space, by_chunk, visit_all};
use crate::parts::patterns::Patterns;
use crate::parts::threads::on_threads;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use synthfleet_proto::about::{About, Cost, CostClass, ScoreAbout, Shape};
use synthfleet_proto::options::{Checked, Options, Problem, Problems};
use synthfleet_proto::score::{Score, Scored};
use synthfleet_proto::{Result, Seed};
use synthfleet_stats::auc::auc_with_error;
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt};

/// Scored on membership.
pub struct Membership;

/// Options of `membership`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MembershipOptions {
    /// Most members, and most others.
    pub rows_max: usize,
    /// Most sample rows that the attacker searches.
    pub sample_max: usize,
}

impl Default for MembershipOptions {
    fn default() -> Self {
        Self { rows_max: 10_000, sample_max: 50_000 }
    }
}

impl Options for MembershipOptions {
    fn check(&self) -> Vec<Problem> {
        Problems::none()
            .within("rows_max", self.rows_max, ROWS_MIN..=200_000)
            .within("sample_max", self.sample_max, ROWS_MIN..=1_000_000)
            .into_vec()
    }
}

/// Row caps are not halved below this.
const ROWS_MIN: usize = 1_000;

/// Fewest members.
const SIDE_MIN: usize = 50;

/// Bytes of a cell, at most: encoded, as a pattern, in a tile.
const CELL_BYTES: u64 = 16;

/// The normal law's one-sided point at .05 / 2.
const Z: f64 = 1.959_963_984_540_054;

/// Bins of the plot.
const BINS: usize = 40;

const AUC_RANGE: (Option<f64>, Option<f64>) = (Some(0.0), Some(1.0));
const WORST: ScoreAbout = ScoreAbout { id: "membership", up: false, range: AUC_RANGE, fair: Some(0.5), unit: "auc" };
const NEAREST: ScoreAbout = ScoreAbout { id: "membership.nn_attack", up: false, range: AUC_RANGE, fair: Some(0.5), unit: "auc" };
const AT_1: ScoreAbout = ScoreAbout { id: "membership.nn_tpr_1", up: false, range: AUC_RANGE, fair: Some(0.01), unit: "share" };
const AT_01: ScoreAbout = ScoreAbout { id: "membership.nn_tpr_01", up: false, range: AUC_RANGE, fair: Some(0.001), unit: "share" };

impl Benchmark for Membership {
    type Options = MembershipOptions;
    const ABOUT: About = About {
        name: "membership",
        aliases: &["mia"],
        summary: "Success of attacks that guess which rows the model saw.",
        paper: "Hilprecht et al. 2019, doi 10.2478/popets-2019-0067",
        cost: CostClass::Medium,
        scores: &[WORST, NEAREST, AT_1, AT_01],
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, options: &Checked<Self::Options>) -> Cost {
        let queries = 2 * shape.holdout_rows.min(shape.train_rows).min(options.rows_max as u64);
        let pool = shape.train_rows.min(options.sample_max as u64);
        let columns = u64::from(shape.modelled());
        let rows = 2 * shape.train_rows + shape.holdout_rows;
        Cost { cpu_seconds: 1e-10 * (queries * pool * columns) as f64, peak_bytes: rows * columns * CELL_BYTES, model_bytes: 0 }
    }

    fn score(case: &Case, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Scored> {
        let caps = Caps::of(case, options, budget);
        let rows = json!({ "members": caps.m, "sample": caps.sample });
        if let Some((code, why)) = why_not(case, &caps) {
            let scores = Self::ABOUT.scores.iter().map(|about| Score::undefined(about, code, why.clone())).collect();
            return Ok(Scored { scores, details: json!({ "options": **options, "rows": rows }) });
        }
        let [members, others] = distances(case, &caps, seed, budget)?;
        let negated = |distances: &[u32]| distances.iter().map(|&distance| -f64::from(distance)).collect::<Vec<f64>>();
        let (area, error) = auc_with_error(&negated(&members), &negated(&others)).unwrap_or((f64::NAN, f64::NAN));
        let area_score = |about: &ScoreAbout| {
            let mut score = Score::new(about, area).with_error(error);
            (score.bound_low, score.bound_high) = (Some((area - Z * error).max(0.0)), Some((area + Z * error).min(1.0)));
            score
        };
        let roc = roc(&members, &others);
        let mut scores = vec![
            area_score(&WORST),
            area_score(&NEAREST),
            Score::new(&AT_1, found_at(&roc, 0.01)),
            Score::new(&AT_01, found_at(&roc, 0.001)),
        ];
        scores.iter_mut().for_each(|score| score.limited = caps.limited.then_some(caps.m as u64));
        let rates = (0..=100).map(|rate| f64::from(rate) / 100.0);
        let curve: Vec<[f64; 2]> = rates.map(|rate| [rate, found_at(&roc, rate)]).collect();
        let unit = f64::from(u16::MAX) * case.sample.metadata().modelled().count() as f64;
        Ok(Scored { scores, details: json!({ "roc": curve, "plot": plot(&members, &others, unit), "options": **options, "rows": rows }) })
    }
}

/// Row caps that the planned memory allows.
struct Caps {
    m: usize,
    sample: usize,
    limited: bool,
}

impl Caps {
    fn of(case: &Case, options: &MembershipOptions, budget: &Budget) -> Self {
        let columns = case.sample.metadata().modelled().count() as u64;
        let (mut rows, mut sample, mut limited) = (options.rows_max, options.sample_max, false);
        let most = |cap: usize, rows: usize| cap.min(rows);
        let sides = case.real.train.rows().min(case.real.holdout.rows());
        while (2 * most(rows, sides) + most(sample, case.sample.rows())) as u64 * columns * CELL_BYTES > budget.memory_bytes_max() / 2
            && rows >= 2 * ROWS_MIN
        {
            (rows, sample, limited) = (rows / 2, sample / 2, true);
        }
        Self { m: most(rows, sides), sample: most(sample, case.sample.rows()), limited }
    }
}

fn why_not(case: &Case, caps: &Caps) -> Option<(&'static str, String)> {
    match () {
        () if case.sample.metadata().modelled().next().is_none() => Some(("no_columns", "no column is modelled".to_owned())),
        () if caps.sample == 0 => Some(("empty_table", "the sample has no rows".to_owned())),
        () if case.real.holdout.rows() == 0 => Some(("no_holdout", "there are no holdout rows".to_owned())),
        () if caps.m < SIDE_MIN => Some(("too_few_rows", format!("needs {SIDE_MIN} rows of train and of holdout, has {}", caps.m))),
        () => None,
    }
}

/// Distances to the nearest sample row of members and of others.
fn distances(case: &Case, caps: &Caps, seed: &Seed, budget: &Budget) -> Result<[Vec<u32>; 2]> {
    let places: Vec<usize> = case.sample.metadata().modelled().collect();
    let columns = encode(&[&case.real.train, &case.real.holdout, &case.sample], 2, &places, budget)?;
    let space = Space::new(&columns, u16::MAX);
    let chosen = |seed: &Seed, rows: usize, most: usize| {
        let mut places = seed.rng().permutation(rows);
        places.truncate(most);
        places
    };
    let sample = chosen(&seed.child("sample"), case.sample.rows(), caps.sample);
    let members = chosen(&case.real.shared.child("members"), case.real.train.rows(), caps.m);
    let others = chosen(&case.real.shared.child("others"), case.real.holdout.rows(), caps.m);
    on_threads(budget, || {
        let known = Patterns::of(&space, 2, &sample);
        let pool = Pool::new(&known.cells, known.len(), space.lanes());
        let nearest = |side: usize, rows: &[u32]| -> Result<Vec<u32>> {
            let chunks = by_chunk(&space.rows(side, rows), space.lanes(), budget, |_, cells| {
                visit_all(&space, &pool, cells, |_| Nearest::within(u32::MAX)).iter().map(|nearest| nearest.distance).collect::<Vec<u32>>()
            })?;
            Ok(chunks.concat())
        };
        Ok([nearest(0, &members)?, nearest(1, &others)?])
    })
}

/// Shares of others and of members within each distance that occurs, ascending.
fn roc(members: &[u32], others: &[u32]) -> Vec<[f64; 2]> {
    let mut all: Vec<(u32, bool)> = members.iter().map(|&d| (d, true)).chain(others.iter().map(|&d| (d, false))).collect();
    all.sort_unstable();
    let (mut found, mut points) = ([0u32; 2], vec![[0.0, 0.0]]);
    for equal in all.chunk_by(|a, b| a.0 == b.0) {
        equal.iter().for_each(|&(_, member)| found[usize::from(member)] += 1);
        points.push([f64::from(found[0]) / others.len() as f64, f64::from(found[1]) / members.len() as f64]);
    }
    points
}

/// The largest share of members found while at most `rate` of the others are.
fn found_at(roc: &[[f64; 2]], rate: f64) -> f64 {
    roc[..roc.partition_point(|point| point[0] <= rate)].last().map_or(0.0, |point| point[1])
}

fn plot(members: &[u32], others: &[u32], unit: f64) -> Value {
    let most = members.iter().chain(others).max().map_or(0.0, |&most| f64::from(most) / unit);
    let width = if most > 0.0 { most / BINS as f64 } else { 1.0 / BINS as f64 };
    let shares = |distances: &[u32]| -> Vec<f64> {
        let mut bins = [0u32; BINS];
        distances.iter().for_each(|&distance| bins[((f64::from(distance) / unit / width) as usize).min(BINS - 1)] += 1);
        bins.iter().map(|&count| f64::from(count) / distances.len() as f64).collect()
    };
    let edges: Vec<f64> = (0..=BINS).map(|bin| width * bin as f64).collect();
    json!({ "edges": edges, "members": shares(members), "others": shares(others) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_counted_at_the_threshold_that_spares_the_others() {
        let roc = roc(&[1, 1, 2, 5], &[2, 3, 4, 6]);
        assert_eq!([0.0, 0.2, 0.25, 0.8, 1.0].map(|rate| found_at(&roc, rate)), [0.5, 0.5, 0.75, 1.0, 1.0]);
    }

    #[test]
    fn ties_are_taken_together() {
        assert_eq!(found_at(&roc(&[3, 3], &[3, 9]), 0.1), 0.0);
    }
}
