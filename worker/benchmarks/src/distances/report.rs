//! Scores and plot data from what the searches found.

use super::groups::Group;
use super::overlap::Overlap;
use super::sdmetrics::median;
use super::shares::{Near, Share, Shares};
use super::sides::Sides;
use super::{DistancesOptions, SIDE_MIN};
use crate::member::Case;
use serde_json::{Value, json};
use synthfleet_proto::about::{Reason, ScoreAbout};
use synthfleet_proto::score::{Score, Scored};
use synthfleet_proto::{Result, Seed};
use synthfleet_stats::quantiles::linear;
use synthfleet_table::SeedExt;
use synthfleet_table::random::Draw;

const UNIT_RANGE: (Option<f64>, Option<f64>) = (Some(0.0), Some(1.0));

const fn about(id: &'static str, up: bool, range: (Option<f64>, Option<f64>), fair: Option<f64>, unit: &'static str) -> ScoreAbout {
    ScoreAbout { id, up, range, fair, unit }
}

const WORST: ScoreAbout = about("distances", false, UNIT_RANGE, Some(0.5), "share");
const EQUAL: ScoreAbout = about("distances.dcr_share", false, UNIT_RANGE, Some(0.5), "share");
const FULL: ScoreAbout = about("distances.dcr_share_full", false, UNIT_RANGE, Some(0.5), "share");
const IDENTICAL: ScoreAbout = about("distances.identical_excess", false, (None, None), Some(0.0), "share");
const NNDR: ScoreAbout = about("distances.nndr_ratio", true, (Some(0.0), None), Some(1.0), "ratio");
const MEAN_TRAIN: ScoreAbout = about("distances.dcr_mean_train", true, UNIT_RANGE, None, "share");
const MEAN_HOLDOUT: ScoreAbout = about("distances.dcr_mean_holdout", true, UNIT_RANGE, None, "share");
const MEAN_REAL: ScoreAbout = about("distances.dcr_mean_real", true, UNIT_RANGE, None, "share");
const BASELINE: ScoreAbout = about("distances.dcr_baseline_protection", true, UNIT_RANGE, None, "share");
const OVERFITTING: ScoreAbout = about("distances.dcr_overfitting_protection", true, UNIT_RANGE, None, "share");
const NEW_ROWS: ScoreAbout = about("distances.new_row_synthesis", true, UNIT_RANGE, None, "share");
const OVERLAP: ScoreAbout = about("distances.overlap_excess", false, (Some(-1.0), Some(1.0)), Some(0.0), "share");

/// The scores, headline first.
pub const SCORES: [ScoreAbout; 12] =
    [WORST, EQUAL, FULL, IDENTICAL, NNDR, MEAN_TRAIN, MEAN_HOLDOUT, MEAN_REAL, OVERLAP, BASELINE, OVERFITTING, NEW_ROWS];

/// The scores that need train and holdout: the first of [`SCORES`].
const COMPARED: usize = 9;

/// Bins of the plot.
const BINS: usize = 40;

/// Resamples of the interval of `nndr_ratio`.
const RESAMPLES: usize = 200;

/// The one-sided 5 % point of the normal law.
const Z_05: f64 = 1.644_853_626_951_472_2;

/// The one-sided 0.1 % point of the normal law.
const Z_001: f64 = 3.090_232_306_167_813;

/// What the searches found.
pub struct Found<'a> {
    /// Rows compared.
    pub sides: &'a Sides,
    /// Shares by group, all columns first; empty if there are too few rows.
    pub groups: Vec<(Group, Shares)>,
    /// Distances of H to T, ascending.
    pub real: &'a [u32],
    /// SDMetrics' distances.
    pub closest: Closest,
    /// Rows left by too little planned memory.
    pub limited: Option<u64>,
    /// Columns compared.
    pub columns: usize,
}

/// SDMetrics' distances.
#[derive(Debug, Default)]
pub struct Closest {
    /// Median of random rows to train.
    pub random_median: Option<f64>,
    /// Sample to train, `[rows]`.
    pub to_train: Option<Vec<f64>>,
    /// Sample to holdout, `[rows]`.
    pub to_holdout: Option<Vec<f64>>,
    /// Sample rows that a train row matches.
    pub matched: Option<usize>,
}

/// Scores and details.
pub fn scored(case: &Case, options: &DistancesOptions, seed: &Seed, found: &Found) -> Result<Scored> {
    let mut scores = match found.groups.first() {
        Some((_, all)) => compared(case, seed, found, all),
        None => {
            let reason = why_not(found);
            SCORES[..COMPARED].iter().map(|about| Score::undefined_for(about, &reason)).collect()
        }
    };
    scores.extend(closest(found));
    scores.iter_mut().for_each(|score| score.limited = found.limited);
    let groups: Vec<Value> = found.groups.iter().map(|(group, shares)| group_details(case, group, shares)).collect();
    let mut details = json!({
        "groups": groups, "options": options,
        "rows": { "compared": found.sides.m, "train": found.sides.train.len(), "holdout": found.sides.holdout.len(), "sample": found.sides.sample.len() },
    });
    if let Some((_, all)) = found.groups.first() {
        (details["plot"], details["deciles"]) = pictures(found, &all.near);
        details["nearest"] = nearest(&all.near);
    }
    Ok(Scored { scores, details })
}

fn why_not(found: &Found) -> Reason {
    let (code, why) = match found.sides {
        _ if found.columns == 0 => ("no_columns", "no column is modelled".to_owned()),
        sides if sides.sample.is_empty() => ("empty_table", "the sample has no rows".to_owned()),
        sides if sides.holdout.is_empty() => ("no_holdout", "there are no holdout rows".to_owned()),
        sides => ("too_few_rows", format!("needs {SIDE_MIN} rows of train and of holdout, has {}", sides.m)),
    };
    Reason { code: code.to_owned(), why }
}

/// The scores that need train and holdout.
fn compared(case: &Case, seed: &Seed, found: &Found, all: &Shares) -> Vec<Score> {
    let tests = 2.0 * found.groups.len() as f64;
    let z = upper_point(0.05 / tests);
    let lowest = |share: &Share| share.value - z * share.error;
    let worst = |of: &dyn Fn(&Shares) -> Share| {
        let shares = found.groups.iter().map(|(_, shares)| of(shares));
        shares.max_by(|a, b| lowest(a).total_cmp(&lowest(b))).unwrap_or_else(|| of(all))
    };
    let bounded = |about: &ScoreAbout, value: Share, worst: Share| {
        let mut score = Score::new(about, value.value).with_error(value.error);
        (score.bound_low, score.bound_high) = (Some(lowest(&worst).max(0.0)), Some((worst.value + z * worst.error).min(1.0)));
        score
    };
    let (equal, full) = (worst(&|shares| shares.equal), worst(&|shares| shares.full));
    let either = if lowest(&full) > lowest(&equal) { full } else { equal };
    let unit = f64::from(u16::MAX) * found.columns as f64;
    let mean = |about, distances: &mut dyn Iterator<Item = u32>, count: usize| {
        Score::new(about, distances.map(f64::from).sum::<f64>() / (unit * count as f64))
    };
    vec![
        bounded(&WORST, either, either),
        bounded(&EQUAL, all.equal, equal),
        bounded(&FULL, all.full, full),
        identical_excess(&all.near, case.real.train.rows() as f64 / found.sides.m as f64),
        nndr_ratio(&all.near, seed),
        mean(&MEAN_TRAIN, &mut all.near.iter().map(|near| near.train[0]), all.near.len()),
        mean(&MEAN_HOLDOUT, &mut all.near.iter().map(|near| near.holdout[0]), all.near.len()),
        mean(&MEAN_REAL, &mut found.real.iter().copied(), found.real.len()),
        overlap_excess(&all.overlap),
    ]
}

/// Rows that repeat a train row beyond what holdout rows do. The bounds are wide, as a wrong alarm about the split costs
/// a job every privacy gate.
fn overlap_excess(overlap: &Overlap) -> Score {
    let mut score = Score::new(&OVERLAP, overlap.value).with_error(overlap.error);
    (score.bound_low, score.bound_high) = (Some(overlap.value - Z_001 * overlap.error), Some(overlap.value + Z_001 * overlap.error));
    score
}

fn identical_excess(near: &[Near], inflation: f64) -> Score {
    let count = |of: &dyn Fn(bool, bool) -> bool| near.iter().filter(|near| of(near.train[0] == 0, near.holdout[0] == 0)).count() as f64;
    let (only_train, only_holdout) = (count(&|t, h| t && !h), count(&|t, h| h && !t));
    let rows = near.len() as f64;
    let value = (only_train - only_holdout) / rows * inflation;
    let error = (only_train + only_holdout).sqrt() / rows * inflation;
    let mut score = Score::new(&IDENTICAL, value).with_error(error);
    (score.bound_low, score.bound_high) = (Some(value - Z_05 * error), Some(value + Z_05 * error));
    score
}

fn nndr_ratio(near: &[Near], seed: &Seed) -> Score {
    let mut sorted = ratios(near);
    let ranks = sorted.each_ref().map(|ratios| order_of(ratios));
    sorted.iter_mut().for_each(|ratios| ratios.sort_unstable_by(f64::total_cmp));
    let [of_train, of_holdout] = sorted.each_ref().map(|ratios| linear(ratios, 0.05));
    // where a twentieth of the rows repeat real rows, one row more or less makes the ratio 0 or undefined; how many
    // repeat train rows alone is what `identical_excess` judges
    if of_train == 0.0 || of_holdout == 0.0 {
        return Score::undefined(&NNDR, "not_applicable", "a 5 % quantile is 0: a twentieth of the rows repeat real rows");
    }
    let mut score = Score::new(&NNDR, of_train / of_holdout);
    let mut rng = seed.child("nndr").rng();
    let mut drawn: Vec<f64> = Vec::with_capacity(RESAMPLES);
    let mut times = vec![0u32; near.len()];
    for _ in 0..RESAMPLES {
        times.fill(0);
        (0..near.len()).for_each(|_| times[rng.below(near.len() as u64) as usize] += 1);
        let [train, holdout] = [0, 1].map(|side| resampled(&sorted[side], &ranks[side], &times));
        if holdout > 0.0 {
            drawn.push(train / holdout);
        }
    }
    drawn.sort_unstable_by(f64::total_cmp);
    if !drawn.is_empty() {
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        score.error = Some((drawn.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / drawn.len() as f64).sqrt());
        (score.low, score.high) = (Some(linear(&drawn, 0.025)), Some(linear(&drawn, 0.975)));
        (score.bound_low, score.bound_high) = (Some(linear(&drawn, 0.05)), Some(linear(&drawn, 0.95)));
    }
    score
}

/// Nearest over second nearest distance of each row, to T and to H.
fn ratios(near: &[Near]) -> [Vec<f64>; 2] {
    let ratio = |[first, second]: [u32; 2]| if second == 0 { 1.0 } else { f64::from(first) / f64::from(second) };
    [near.iter().map(|near| ratio(near.train)).collect(), near.iter().map(|near| ratio(near.holdout)).collect()]
}

/// Places in ascending order of the values.
fn order_of(values: &[f64]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_by(|&a, &b| values[a as usize].total_cmp(&values[b as usize]));
    order
}

/// The 5 % quantile when row `i` occurs `times[i]` times.
fn resampled(sorted: &[f64], order: &[u32], times: &[u32]) -> f64 {
    let place = 0.05 * (sorted.len() - 1) as f64;
    let at = |wanted: usize| {
        let mut passed = 0;
        for (value, &row) in sorted.iter().zip(order) {
            passed += times[row as usize] as usize;
            if passed > wanted {
                return *value;
            }
        }
        sorted[sorted.len() - 1]
    };
    let (low, high) = (at(place.floor() as usize), at(place.ceil() as usize));
    low + (high - low) * (place - place.floor())
}

/// SDMetrics' forms.
fn closest(found: &Found) -> [Score; 3] {
    let found_rows = found.sides.sample.len() as f64;
    let none = |about| Score::undefined_for(about, &why_not(found));
    let Closest { random_median, to_train, to_holdout, matched } = &found.closest;
    let baseline = match (to_train.as_deref().and_then(median), random_median) {
        (Some(of_sample), Some(random)) if *random > 0.0 => Score::new(&BASELINE, (of_sample / random).min(1.0)),
        (Some(_), Some(_)) => Score::undefined(&BASELINE, "constant", "random rows have a median distance of 0"),
        (None, _) if found.columns > 0 && found_rows > 0.0 => Score::undefined(&BASELINE, "no_columns", "all columns are ordinal"),
        _ => none(&BASELINE),
    };
    let overfitting = match (to_train, to_holdout) {
        (Some(train), Some(holdout)) => {
            let nearer = train.iter().zip(holdout).filter(|(train, holdout)| train < holdout).count() as f64;
            Score::new(&OVERFITTING, (2.0 * (1.0 - nearer / train.len() as f64)).min(1.0))
        }
        (Some(_), None) => Score::undefined(&OVERFITTING, "no_holdout", "there are no holdout rows"),
        _ if found.columns > 0 && found_rows > 0.0 => Score::undefined(&OVERFITTING, "no_columns", "all columns are ordinal"),
        _ => none(&OVERFITTING),
    };
    let new_rows = matched.map_or_else(|| none(&NEW_ROWS), |matched| Score::new(&NEW_ROWS, 1.0 - matched as f64 / found_rows));
    [baseline, overfitting, new_rows]
}

fn group_details(case: &Case, group: &Group, shares: &Shares) -> Value {
    let metadata = case.sample.metadata();
    let places: Vec<usize> = metadata.modelled().collect();
    let names: Vec<&str> = group.columns.iter().map(|&column| metadata.columns[places[column]].name.as_str()).collect();
    let share = |share: Share| json!({ "value": share.value, "error": share.error });
    json!({ "name": group.name, "columns": names, "dcr_share": share(shares.equal), "dcr_share_full": share(shares.full) })
}

/// Shares of sample rows that tie, that repeat a row, and the quantiles behind `nndr_ratio`.
fn nearest(near: &[Near]) -> Value {
    let share = |of: &dyn Fn(&Near) -> bool| near.iter().filter(|near| of(near)).count() as f64 / near.len() as f64;
    let p05 = ratios(near).map(|mut ratios| {
        ratios.sort_unstable_by(f64::total_cmp);
        linear(&ratios, 0.05)
    });
    json!({
        "ties": share(&|near| near.train[0] == near.holdout[0]),
        "identical_train": share(&|near| near.train[0] == 0), "identical_holdout": share(&|near| near.holdout[0] == 0),
        "nndr_p05_train": p05[0], "nndr_p05_holdout": p05[1],
    })
}

/// Histograms and deciles of the three kinds of distance.
fn pictures(found: &Found, near: &[Near]) -> (Value, Value) {
    let unit = f64::from(u16::MAX) * found.columns as f64;
    let sorted = |mut distances: Vec<u32>| -> Vec<f64> {
        distances.sort_unstable();
        distances.into_iter().map(|distance| f64::from(distance) / unit).collect()
    };
    let sides = [
        ("train", sorted(near.iter().map(|near| near.train[0]).collect())),
        ("holdout", sorted(near.iter().map(|near| near.holdout[0]).collect())),
        ("real", sorted(found.real.to_vec())),
    ];
    let most = sides.iter().filter_map(|(_, distances)| distances.last().copied()).fold(0.0, f64::max);
    let width = if most > 0.0 { most / BINS as f64 } else { 1.0 / BINS as f64 };
    let mut plot = json!({ "edges": (0..=BINS).map(|bin| width * bin as f64).collect::<Vec<f64>>() });
    let mut deciles = json!({});
    for (name, distances) in &sides {
        let mut bins = [0u32; BINS];
        distances.iter().for_each(|distance| bins[((distance / width) as usize).min(BINS - 1)] += 1);
        plot[*name] = bins.iter().map(|count| f64::from(*count) / distances.len().max(1) as f64).collect();
        if !distances.is_empty() {
            deciles[*name] = (1..10).map(|k| linear(distances, f64::from(k) / 10.0)).collect();
        }
    }
    (plot, deciles)
}

/// The point of the normal law that is exceeded with probability `level`, by bisection of `erfc`.
fn upper_point(level: f64) -> f64 {
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..80 {
        let middle = (low + high) / 2.0;
        if libm::erfc(middle / std::f64::consts::SQRT_2) / 2.0 > level {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_of_the_normal_law_are_known() {
        assert!((upper_point(0.05) - Z_05).abs() < 1e-12);
        assert!((upper_point(0.001) - Z_001).abs() < 1e-9);
        assert!((upper_point(0.05 / 14.0) - 2.690_109_527_158_846).abs() < 1e-9);
    }

    #[test]
    fn a_resample_in_which_every_row_occurs_once_is_the_sample() {
        let values: Vec<f64> = (0..101).map(|i| f64::from((i * 37) % 101)).collect();
        let mut sorted = values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        assert_eq!(resampled(&sorted, &order_of(&values), &[1; 101]), 5.0);
        assert_eq!(linear(&sorted, 0.05), 5.0);
    }

    #[test]
    fn identical_rows_count_by_their_excess() {
        let near = |train: u32, holdout: u32| Near { train: [train, 9], holdout: [holdout, 9] };
        let score = identical_excess(&[near(0, 0), near(0, 4), near(0, 3), near(5, 0), near(2, 2)], 4.0);
        assert!((score.value.expect("defined") - 0.8).abs() < 1e-15);
        assert!((score.error.expect("defined") - 3.0f64.sqrt() / 5.0 * 4.0).abs() < 1e-12);
    }
}
