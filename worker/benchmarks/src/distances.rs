//! `distances`: are sample rows nearer to the rows the model saw than to rows it did not?
//!
//! # Definition
//! Cells and distances as in [`crate::parts::encode16`], rows as in [`sides`], shares as in [`shares`], column
//! groups as in [`groups`].
//! - `distances.dcr_share`, `distances.dcr_share_full`: value of all columns; `bound_low` is the largest lower
//!   bound over the groups at the one-sided level .05 / (2 x groups), `bound_high` that group's upper bound.
//! - `distances`: of both shares in all groups, the one with the largest lower bound.
//! - `distances.identical_excess` = (rows at distance 0 from T - from H) / n x train / m, with McNemar's error.
//! - `distances.nndr_ratio` = 5 % quantile of nearest over second nearest distance to T, divided by that to H;
//!   0/0 counts 1; `not_applicable` where one of the two is 0. Interval: 200 resamples of the sample's rows.
//! - `distances.dcr_mean_train`, `_holdout`, `_real`: mean distance, as a share of the largest possible one, of
//!   sample to T, sample to H, H to T.
//! - `distances.overlap_excess`: see [`overlap`]; shown for all, and the verdict reads it from the holdout row alone. Its
//!   bounds are those of the one-sided level .001.
//! - SDMetrics' forms, see [`sdmetrics`] and [`new_rows`]: `distances.dcr_baseline_protection`,
//!   `distances.dcr_overfitting_protection`, `distances.new_row_synthesis`.
//!
//! # Details
//! `groups[{name, columns, dcr_share, dcr_share_full}]`, `plot{edges, train, holdout, real}` (shares of rows in 40
//! bins of distance), `deciles{train, holdout, real}`, `nearest{ties, identical_train, identical_holdout,
//! nndr_p05_train, nndr_p05_holdout}`, `options`, `rows`.
//!
//! # Options
//! `rows_max`, `pool_max`: see [`DistancesOptions`]. Both are halved while the planned memory is too small.
//!
//! # Limits
//! Fewer than 50 rows in T: `too_few_rows`; no holdout: `no_holdout`. A table that passes is not thereby
//! private (arXiv 2505.01524): attacks are measured by `membership`.
//!
//! # Cost
//! sample rows x pool rows x columns, three times; exact.
//!
//! # Reference
//! Platzer and Reutterer 2021, doi 10.3389/fdata.2021.679939 (share); SDMetrics 0.32.0.

pub mod groups;
pub mod new_rows;
pub mod overlap;
mod report;
pub mod sdmetrics;
pub mod shares;
pub mod sides;

use crate::member::{Benchmark, Case, Real};
use crate::parts::encode16::{Column16, encode};
use crate::parts::neighbours::{Nearest, Pool, Space, by_chunk, visit_all};
use crate::parts::patterns::Patterns;
use crate::parts::threads::on_threads;
use groups::Group;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shares::Shares;
use sides::{HOLDOUT, Sides, TRAIN};
use synthfleet_proto::about::{About, Cost, CostClass, Shape};
use synthfleet_proto::options::{Checked, Options, Problem, Problems};
use synthfleet_proto::score::Scored;
use synthfleet_proto::{Result, Seed};
use synthfleet_table::{Arrays, Budget};

/// Scored on distances.
pub struct Distances;

/// Options of `distances`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DistancesOptions {
    /// Most rows of T, of H and of the sample.
    pub rows_max: usize,
    /// Most rows of train and holdout together.
    pub pool_max: usize,
}

impl Default for DistancesOptions {
    fn default() -> Self {
        Self { rows_max: 20_000, pool_max: 100_000 }
    }
}

impl Options for DistancesOptions {
    fn check(&self) -> Vec<Problem> {
        Problems::none()
            .within("rows_max", self.rows_max, ROWS_MIN..=200_000)
            .within("pool_max", self.pool_max, 2 * ROWS_MIN..=1_000_000)
            .into_vec()
    }
}

/// Row caps are not halved below this.
const ROWS_MIN: usize = 1_000;

/// Fewest rows of T.
const SIDE_MIN: usize = 50;

/// Bytes for a cell of the pool, at most: patterns, tiles and rows of some groups at a time.
const CELL_BYTES: u64 = 24;

impl Benchmark for Distances {
    type Options = DistancesOptions;
    const ABOUT: About = About {
        name: "distances",
        version: "1.1",
        aliases: &["dcr"],
        summary: "Distance of sample rows to the nearest train row, against that to the nearest holdout row.",
        paper: "Platzer and Reutterer 2021, doi 10.3389/fdata.2021.679939; SDMetrics 0.32",
        cost: CostClass::Medium,
        scores: &report::SCORES,
        prepares: true,
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, options: &Checked<Self::Options>) -> Cost {
        let pool = (shape.train_rows + shape.holdout_rows).min(options.pool_max as u64);
        let queries = shape.train_rows.min(options.rows_max as u64);
        let cells = (pool + 2 * queries) as f64 * f64::from(shape.modelled());
        let peak_bytes = cells as u64 * CELL_BYTES + (2 * shape.train_rows + shape.holdout_rows) * u64::from(shape.modelled()) * 4;
        Cost { cpu_seconds: 1e-10 * 3.0 * (queries * pool) as f64 * f64::from(shape.modelled()), peak_bytes, model_bytes: 0 }
    }

    fn prepare(real: &Real, options: &Checked<Self::Options>, budget: &Budget) -> Result<Arrays> {
        let caps = Caps::of(real, options, budget);
        let sides = Sides::choose(real, None, caps.rows, caps.pool);
        let places: Vec<usize> = real.train.metadata().modelled().collect();
        let mut arrays = Arrays::default();
        if sides.m > 0 && !places.is_empty() {
            let columns = encode(&[&real.train, &real.holdout], 2, &places, budget)?;
            arrays.put_u32(REAL, on_threads(budget, || holdout_to_train(&columns, &sides, budget))?);
        }
        let compared = sdmetrics::places(real.train.metadata());
        let reference = sdmetrics::rows(&real.train, &compared, &sides.train[..sides.train.len().min(caps.rows)]);
        let random = sdmetrics::random(real, &compared, real.train.rows().min(caps.rows), &real.shared.child("random"));
        let closest = on_threads(budget, || sdmetrics::closest(&random, &reference, budget))?;
        let median = closest.as_deref().and_then(sdmetrics::median);
        arrays.put_f64(RANDOM, median.into_iter().collect::<Vec<f64>>());
        Ok(arrays)
    }

    fn score(case: &Case, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Scored> {
        let fresh;
        let prepared = if case.prepared.contains(RANDOM) {
            &case.prepared
        } else {
            fresh = Self::prepare(&case.real, options, budget)?;
            &fresh
        };
        let caps = Caps::of(&case.real, options, budget);
        let sides = Sides::choose(&case.real, Some((&case.sample, seed)), caps.rows, caps.pool);
        let places: Vec<usize> = case.sample.metadata().modelled().collect();
        let mut found = report::Found {
            sides: &sides,
            groups: Vec::new(),
            real: if prepared.contains(REAL) { prepared.u32s(REAL)? } else { &[] },
            closest: report::Closest { random_median: prepared.f64s(RANDOM)?.first().copied(), ..report::Closest::default() },
            limited: caps.limited.then_some(caps.rows as u64),
            columns: places.len(),
        };
        if !places.is_empty() && !sides.sample.is_empty() {
            budget.progress(0.1, "distances");
            if sides.m >= SIDE_MIN {
                found.groups = shares_by_group(case, &sides, &places, budget)?;
            }
            budget.progress(0.7, "closest records");
            closest_records(case, &sides, caps.rows, &mut found.closest, budget)?;
        }
        report::scored(case, options, seed, &found)
    }
}

/// The names of what is prepared: distances of H to T in ascending order, and the median of random rows.
const REAL: &str = "real";
const RANDOM: &str = "random";

/// Row caps that the planned memory allows: it decides, never the memory that is free.
struct Caps {
    rows: usize,
    pool: usize,
    limited: bool,
}

impl Caps {
    fn of(real: &Real, options: &DistancesOptions, budget: &Budget) -> Self {
        let mut caps = Self { rows: options.rows_max, pool: options.pool_max, limited: false };
        let columns = real.train.metadata().modelled().count() as u64;
        let needed = |caps: &Self| (caps.pool.min(real.train.rows() + real.holdout.rows()) + 2 * caps.rows) as u64 * columns * CELL_BYTES;
        while needed(&caps) > budget.memory_bytes_max() / 2 && caps.rows >= 2 * ROWS_MIN {
            caps = Self { rows: caps.rows / 2, pool: caps.pool / 2, limited: true };
        }
        caps
    }
}

fn holdout_to_train(columns: &[Column16], sides: &Sides, budget: &Budget) -> Result<Vec<u32>> {
    let space = Space::new(columns, u16::MAX);
    let known = Patterns::of(&space, TRAIN, &sides.train[..sides.m]);
    let pool = Pool::new(&known.cells, known.len(), space.lanes());
    let queries = space.rows(HOLDOUT, &sides.holdout[..sides.m]);
    let chunks = by_chunk(&queries, space.lanes(), budget, |_, cells| {
        visit_all(&space, &pool, cells, |_| Nearest::within(u32::MAX)).iter().map(|nearest| nearest.distance).collect::<Vec<u32>>()
    })?;
    let mut distances = chunks.concat();
    distances.sort_unstable();
    Ok(distances)
}

fn shares_by_group(case: &Case, sides: &Sides, places: &[usize], budget: &Budget) -> Result<Vec<(Group, Shares)>> {
    let columns = encode(&[&case.real.train, &case.real.holdout, &case.sample], 2, places, budget)?;
    let groups = groups::of(&columns, &sides.train, &case.real.shared, budget)?;
    on_threads(budget, || {
        let of_group = |(place, group): (usize, Group)| {
            let space = Space::new(group.columns.iter().map(|&column| &columns[column]), u16::MAX);
            let shares = shares::of(&space, sides, place == 0, budget)?;
            Ok((group, shares))
        };
        groups.into_iter().enumerate().map(of_group).collect()
    })
}

fn closest_records(case: &Case, sides: &Sides, rows_max: usize, found: &mut report::Closest, budget: &Budget) -> Result<()> {
    let of_train = &sides.train[..sides.train.len().min(rows_max)];
    let of_holdout = &sides.holdout[..sides.holdout.len().min(rows_max)];
    let compared = sdmetrics::places(case.sample.metadata());
    let sample = sdmetrics::rows(&case.sample, &compared, &sides.sample);
    let train = sdmetrics::rows(&case.real.train, &compared, of_train);
    let holdout = sdmetrics::rows(&case.real.holdout, &compared, of_holdout);
    let places: Vec<usize> = case.sample.metadata().modelled().collect();
    let all: Vec<u32> = (0..case.real.train.rows() as u32).collect();
    let whole = [sdmetrics::rows(&case.sample, &places, &sides.sample), sdmetrics::rows(&case.real.train, &places, &all)];
    on_threads(budget, || {
        found.to_train = sdmetrics::closest(&sample, &train, budget)?;
        found.to_holdout = sdmetrics::closest(&sample, &holdout, budget)?;
        found.matched = Some(new_rows::matched(&whole[0], sides.sample.len(), &whole[1], all.len(), budget)?);
        Ok(())
    })
}
