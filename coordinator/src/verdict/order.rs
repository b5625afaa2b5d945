//! Order: ties, ranks, front, and how sure the pick is.
//!
//! # Definition
//! Tied are eligible candidates whose score is less than .002 below the top score, or whose difference to it has a
//! 95 % interval of paired replicates that reaches 0. Order within: lower risk step (tenths, cut down), lower
//! declared cost, higher score rounded to .001, name. All others follow by score. On the front is who is not
//! dominated in score, risk step and cost by another candidate.
//!
//! `win_share`: replicates in which an eligible candidate is first, of equals the better ranked. `regret`: mean of
//! what the pick lacks to the best of each replicate. `stable`: those tied win 95 % of them, or regret <= .002.

use super::replicate::{REPLICATES, interval};
use super::rule::TIE;
use std::borrow::Cow;
use std::cmp::Ordering;
use synthfleet_proto::verdict::{GateState, Ranked};

/// Share of replicates that those tied must win, in hundredths.
const STABLE_WINS: usize = 95;

/// A row with its replicates; `None`: they all equal its score.
pub struct Placed {
    /// The row.
    pub row: Ranked,
    /// Scores, `[replicates]`.
    pub replicates: Option<Vec<f64>>,
}

/// All rows in order.
pub struct Board {
    /// Eligible ones first, in order; then the others by score; then those without one.
    pub rows: Vec<Ranked>,
    /// How many rows, from the first, are tied with the top score.
    pub tied: usize,
    /// Mean score that the pick loses; `None`: nobody is eligible, or without a score.
    pub regret: Option<f64>,
    /// Whether the pick survives resampling.
    pub stable: Option<bool>,
}

/// The risk in tenths, cut down; no risk known counts worst.
pub fn risk_step(row: &Ranked) -> u32 {
    row.risk.map_or(u32::MAX, |risk| (10.0 * risk).floor().min(1e9) as u32)
}

/// Ranks rows.
pub fn ranking(mut placed: Vec<Placed>) -> Board {
    mark_front(&mut placed);
    placed.sort_by(|a, b| by_score(&a.row, &b.row));
    let eligible = placed.iter().take_while(|one| one.row.eligible).count();
    let rest = placed.split_off(eligible);
    let tells: Vec<bool> = placed.iter().map(|one| is_tied(&placed[0], one)).collect();
    let (tied, others): (Vec<_>, Vec<_>) = placed.into_iter().zip(tells).partition(|(_, tied)| *tied);
    let mut all: Vec<Placed> = tied.into_iter().map(|(one, _)| one).collect();
    all.sort_by(|a, b| within_tie(&a.row, &b.row));
    let count = all.len();
    all.extend(others.into_iter().map(|(one, _)| one).chain(rest));
    for (place, one) in all.iter_mut().take(eligible).enumerate() {
        one.row.rank = Some(place as u32 + 1);
    }
    let (regret, stable) = resample(&mut all[..eligible], count).map_or((None, None), |found| (Some(found.0), Some(found.1)));
    Board { rows: all.into_iter().map(|one| one.row).collect(), tied: count, regret, stable }
}

/// Whether a candidate cannot be told from the top.
fn is_tied(top: &Placed, one: &Placed) -> bool {
    let (Some(first), Some(own)) = (top.row.score, one.row.score) else { return top.row.score == one.row.score };
    if first - own < TIE {
        return true;
    }
    if top.replicates.is_none() && one.replicates.is_none() {
        return false;
    }
    let (top, own) = (spread(first, top.replicates.as_deref()), spread(own, one.replicates.as_deref()));
    let differences: Vec<f64> = top.iter().zip(own.iter()).map(|(top, own)| top - own).collect();
    interval(&differences).0 <= 0.0
}

/// Replicates of a score, `[replicates]`.
fn spread(score: f64, replicates: Option<&[f64]>) -> Cow<'_, [f64]> {
    replicates.map_or_else(|| Cow::Owned(vec![score; REPLICATES]), Cow::Borrowed)
}

/// Fills the win shares of eligible rows in their order; gives regret and stability of the first.
fn resample(eligible: &mut [Placed], tied: usize) -> Option<(f64, bool)> {
    let scored: Vec<Cow<'_, [f64]>> = eligible.iter().map_while(|one| Some(spread(one.row.score?, one.replicates.as_deref()))).collect();
    if scored.is_empty() || scored.len() < eligible.len() {
        return None;
    }
    let mut wins = vec![0_usize; scored.len()];
    let mut lost = 0.0;
    for replicate in 0..REPLICATES {
        let mut best = 0;
        for (place, scores) in scored.iter().enumerate() {
            if scores[replicate] > scored[best][replicate] {
                best = place;
            }
        }
        wins[best] += 1;
        lost += scored[best][replicate] - scored[0][replicate];
    }
    let regret = lost / REPLICATES as f64;
    let stable = wins[..tied].iter().sum::<usize>() * 100 >= STABLE_WINS * REPLICATES || regret <= TIE;
    for (one, wins) in eligible.iter_mut().zip(wins) {
        one.row.win_share = Some(wins as f64 / REPLICATES as f64);
    }
    Some((regret, stable))
}

fn by_score(a: &Ranked, b: &Ranked) -> Ordering {
    let score = |row: &Ranked| row.score.unwrap_or(f64::NEG_INFINITY);
    b.eligible.cmp(&a.eligible).then(score(b).total_cmp(&score(a))).then_with(|| within_tie(a, b))
}

/// The order of tied candidates.
pub fn within_tie(a: &Ranked, b: &Ranked) -> Ordering {
    let rounded = |row: &Ranked| row.score.map_or(f64::NEG_INFINITY, |score| (score * 1_000.0).round());
    risk_step(a)
        .cmp(&risk_step(b))
        .then(a.cost.cmp(&b.cost))
        .then(rounded(b).total_cmp(&rounded(a)))
        .then_with(|| a.candidate.cmp(&b.candidate))
}

fn mark_front(rows: &mut [Placed]) {
    let point = |row: &Ranked| row.score.filter(|_| !row.baseline).map(|score| (score, risk_step(row), row.cost));
    let points: Vec<_> = rows.iter().filter_map(|one| point(&one.row)).collect();
    for one in rows.iter_mut() {
        let Some(own) = point(&one.row) else { continue };
        let dominates = |other: &(f64, u32, _)| other.0 >= own.0 && other.1 <= own.1 && other.2 <= own.2 && *other != own;
        one.row.on_pareto = !points.iter().any(dominates);
    }
}

/// The candidate nearest to a release: fewest failed gates, then smallest risk, then name.
pub fn nearest(ranking: &[Ranked]) -> Option<&Ranked> {
    let failed = |row: &Ranked| row.gates.iter().filter(|gate| !gate.passed).count();
    let order = |a: &&Ranked, b: &&Ranked| {
        let risk = |row: &Ranked| row.risk.unwrap_or(f64::INFINITY);
        failed(a).cmp(&failed(b)).then(risk(a).total_cmp(&risk(b))).then_with(|| a.candidate.cmp(&b.candidate))
    };
    ranking.iter().filter(|row| !row.baseline && !row.gates.is_empty()).min_by(order)
}

/// Whether a gate could not be judged.
pub fn is_unassessed(row: &Ranked) -> bool {
    row.gates.iter().any(|gate| gate.state == GateState::NotAssessed)
}
