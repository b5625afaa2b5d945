//! `membership`: can an attacker who holds the sample tell rows that the model saw from rows it did not?
//!
//! # Definition
//! Members are `m` train rows, others are `m` holdout rows, `m = min(train, holdout, rows_max)`, chosen alike
//! for all samples. Cells and distances as in [`crate::parts::encode16`].
//! - `membership.nn_attack`: a row's score is minus its distance to the nearest sample row; the value is the
//!   AUC of members against others, ties half, with DeLong's error. Below 1/2 it is kept as it is.
//! - `membership.density_attack`: the same with the score of [`density`], whose others are half of the holdout.
//! - `membership.nn_tpr_1`, `membership.nn_tpr_01`: the largest share of members found by a threshold that
//!   takes at most 1 %, .1 % of the others for members.
//! - `membership`: the attack with the largest lower bound.
//!
//! `bound_low` and `bound_high` are one-sided at .05 / 2: the gate has two attacks.
//!
//! # Details
//! `roc[[false positive rate, true positive rate]]` at 101 rates, `plot{edges, members, others}` (shares of rows
//! in 40 bins of distance), `options`, `rows{members, sample, density, density_sample}`.
//!
//! # Limits
//! Fewer than 50 members, or 5 sample rows for the density: `too_few_rows`; no holdout: `no_holdout`. Row caps
//! are halved while the planned memory is too small.
//!
//! # Cost
//! 2 m x sample rows x columns for each attack; exact.
//!
//! # Reference
//! Nearest-neighbour attack: Hilprecht et al. 2019, doi 10.2478/popets-2019-0067, with k = 1. Error: DeLong et
//! al. 1988, doi 10.2307/2531595.

pub mod density;

use crate::member::{Benchmark, Case};
use crate::parts::encode16::{Column16, encode};
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
    /// Most members, others and reference rows of the density attack.
    pub density_rows_max: usize,
    /// Most sample rows of the density attack.
    pub density_sample_max: usize,
}

impl Default for MembershipOptions {
    fn default() -> Self {
        Self { rows_max: 10_000, sample_max: 50_000, density_rows_max: 5_000, density_sample_max: 20_000 }
    }
}

impl Options for MembershipOptions {
    fn check(&self) -> Vec<Problem> {
        Problems::none()
            .within("rows_max", self.rows_max, ROWS_MIN..=200_000)
            .within("sample_max", self.sample_max, ROWS_MIN..=1_000_000)
            .within("density_rows_max", self.density_rows_max, ROWS_MIN..=100_000)
            .within("density_sample_max", self.density_sample_max, ROWS_MIN..=1_000_000)
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
const DENSITY: ScoreAbout = ScoreAbout { id: "membership.density_attack", ..NEAREST };
const AT_1: ScoreAbout = ScoreAbout { id: "membership.nn_tpr_1", up: false, range: AUC_RANGE, fair: Some(0.01), unit: "share" };
const AT_01: ScoreAbout = ScoreAbout { id: "membership.nn_tpr_01", up: false, range: AUC_RANGE, fair: Some(0.001), unit: "share" };

impl Benchmark for Membership {
    type Options = MembershipOptions;
    const ABOUT: About = About {
        name: "membership",
        version: "1.1",
        aliases: &["mia"],
        summary: "Success of attacks that guess which rows the model saw.",
        paper: "Hilprecht et al. 2019, doi 10.2478/popets-2019-0067",
        cost: CostClass::Medium,
        scores: &[WORST, NEAREST, AT_1, AT_01, DENSITY],
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, options: &Checked<Self::Options>) -> Cost {
        let columns = u64::from(shape.modelled());
        let nearest =
            shape.holdout_rows.min(shape.train_rows).min(options.rows_max as u64) * shape.train_rows.min(options.sample_max as u64);
        let m = (shape.holdout_rows / 2).min(shape.train_rows).min(options.density_rows_max as u64);
        let dense = m * (m + shape.train_rows.min(options.density_sample_max as u64));
        let rows = 2 * shape.train_rows + shape.holdout_rows;
        Cost { cpu_seconds: 2e-10 * ((nearest + dense) * columns) as f64, peak_bytes: rows * columns * CELL_BYTES, model_bytes: 0 }
    }

    fn score(case: &Case, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Scored> {
        let rows = Rows::choose(case, options, seed, budget);
        let counts = json!({
            "members": rows.members.len(), "sample": rows.sample.len(),
            "density": rows.density.members.len(), "density_sample": rows.density.sample.len(),
        });
        if let Some((code, why)) = why_not(case, &rows) {
            let scores = Self::ABOUT.scores.iter().map(|about| Score::undefined(about, code, why.clone())).collect();
            return Ok(Scored { scores, details: json!({ "options": **options, "rows": counts }) });
        }
        let places: Vec<usize> = case.sample.metadata().modelled().collect();
        let columns = encode(&[&case.real.train, &case.real.holdout, &case.sample], 2, &places, budget)?;
        let [members, others] = on_threads(budget, || nearest(&columns, &rows, budget))?;
        budget.progress(0.6, "density attack");
        let negated = |distances: &[u32]| distances.iter().map(|&distance| -f64::from(distance)).collect::<Vec<f64>>();
        let by_nearest = area(&NEAREST, &[negated(&members), negated(&others)]);
        let by_density = match too_few_for_density(&rows) {
            Some(why) => Score::undefined(&DENSITY, "too_few_rows", why),
            None => area(&DENSITY, &on_threads(budget, || density::scores(&columns, &rows.density, budget))?),
        };
        let worst = if by_density.bound_low > by_nearest.bound_low { &by_density } else { &by_nearest };
        let worst = Score { name: WORST.id.to_owned(), ..worst.clone() };
        let roc = roc(&members, &others);
        let (at_1, at_01) = (Score::new(&AT_1, found_at(&roc, 0.01)), Score::new(&AT_01, found_at(&roc, 0.001)));
        let mut scores = vec![worst, by_nearest, at_1, at_01, by_density];
        scores.iter_mut().for_each(|score| score.limited = rows.limited.then_some(members.len() as u64));
        let rates = (0..=100).map(|rate| f64::from(rate) / 100.0);
        let curve: Vec<[f64; 2]> = rates.map(|rate| [rate, found_at(&roc, rate)]).collect();
        let unit = f64::from(u16::MAX) * places.len() as f64;
        Ok(Scored { scores, details: json!({ "roc": curve, "plot": plot(&members, &others, unit), "options": **options, "rows": counts }) })
    }
}

/// The AUC of members against others, with its error and the bounds of one of two attacks.
fn area(about: &ScoreAbout, [members, others]: &[Vec<f64>; 2]) -> Score {
    let (area, error) = auc_with_error(members, others).unwrap_or((f64::NAN, f64::NAN));
    let mut score = Score::new(about, area).with_error(error);
    (score.bound_low, score.bound_high) = (Some((area - Z * error).max(0.0)), Some((area + Z * error).min(1.0)));
    score
}

/// The rows that take part, by place in their table; as many as the planned memory allows.
struct Rows {
    members: Vec<u32>,
    others: Vec<u32>,
    sample: Vec<u32>,
    density: density::Rows,
    limited: bool,
}

impl Rows {
    fn choose(case: &Case, options: &MembershipOptions, seed: &Seed, budget: &Budget) -> Self {
        let columns = case.sample.metadata().modelled().count() as u64;
        let (train, holdout) = (case.real.train.rows(), case.real.holdout.rows());
        let (mut cap, mut sample, mut limited) = (options.rows_max, options.sample_max, false);
        let needed =
            |cap: usize, sample: usize| (2 * cap.min(train).min(holdout) + sample.min(case.sample.rows())) as u64 * columns * CELL_BYTES;
        while needed(cap, sample) > budget.memory_bytes_max() / 2 && cap >= 2 * ROWS_MIN {
            (cap, sample, limited) = (cap / 2, sample / 2, true);
        }
        let chosen = |seed: &Seed, rows: usize| seed.rng().permutation(rows);
        let members = chosen(&case.real.shared.child("members"), train);
        let others = chosen(&case.real.shared.child("others"), holdout);
        let known = chosen(&seed.child("sample"), case.sample.rows());
        let first = |rows: &[u32], most: usize| rows[..most.min(rows.len())].to_vec();
        let (m, half) = (train.min(holdout).min(cap), (holdout / 2).min(train).min(options.density_rows_max).min(cap));
        let density = density::Rows {
            members: first(&members, half),
            others: first(&others, half),
            reference: others[half..2 * half].to_vec(),
            sample: first(&known, sample.min(options.density_sample_max)),
        };
        Self { members: first(&members, m), others: first(&others, m), sample: first(&known, sample), density, limited }
    }
}

fn why_not(case: &Case, rows: &Rows) -> Option<(&'static str, String)> {
    match () {
        () if case.sample.metadata().modelled().next().is_none() => Some(("no_columns", "no column is modelled".to_owned())),
        () if rows.sample.is_empty() => Some(("empty_table", "the sample has no rows".to_owned())),
        () if rows.others.is_empty() => Some(("no_holdout", "there are no holdout rows".to_owned())),
        () if rows.members.len() < SIDE_MIN => {
            Some(("too_few_rows", format!("needs {SIDE_MIN} rows of train and of holdout, has {}", rows.members.len())))
        }
        () => None,
    }
}

fn too_few_for_density(rows: &Rows) -> Option<String> {
    let (m, sample) = (rows.density.members.len(), rows.density.sample.len());
    let why = format!(
        "needs {SIDE_MIN} rows of train and of each half of the holdout, and {} of the sample, has {m} and {sample}",
        density::NEIGHBOUR
    );
    (m < SIDE_MIN || sample < density::NEIGHBOUR).then_some(why)
}

/// Distances to the nearest sample row of members and of others.
fn nearest(columns: &[Column16], rows: &Rows, budget: &Budget) -> Result<[Vec<u32>; 2]> {
    let space = Space::new(columns, u16::MAX);
    let known = Patterns::of(&space, 2, &rows.sample);
    let pool = Pool::new(&known.cells, known.len(), space.lanes());
    let nearest = |side: usize, rows: &[u32]| -> Result<Vec<u32>> {
        let chunks = by_chunk(&space.rows(side, rows), space.lanes(), budget, |_, cells| {
            visit_all(&space, &pool, cells, |_| Nearest::within(u32::MAX)).iter().map(|nearest| nearest.distance).collect::<Vec<u32>>()
        })?;
        Ok(chunks.concat())
    };
    Ok([nearest(0, &rows.members)?, nearest(1, &rows.others)?])
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
