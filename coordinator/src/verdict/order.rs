//! Order: ties, ranks, front.
//!
//! # Definition
//! Tied are eligible candidates within .002 of the top score. Order within: lower risk step (tenths, cut
//! down), lower declared cost, higher score rounded to .001, name. All others follow by score. On the front
//! is who is not dominated in score, risk step and cost by another candidate.

use super::rule::TIE;
use std::cmp::Ordering;
use synthfleet_proto::verdict::{GateState, Ranked};

/// The risk in tenths, cut down; no risk known counts worst.
pub fn risk_step(row: &Ranked) -> u32 {
    row.risk.map_or(u32::MAX, |risk| (10.0 * risk).floor().min(1e9) as u32)
}

/// Ranks rows: eligible ones first, in order; then the others by score; then those without one.
pub fn ranking(mut rows: Vec<Ranked>) -> Vec<Ranked> {
    mark_front(&mut rows);
    rows.sort_by(by_score);
    let top = rows.first().filter(|row| row.eligible).and_then(|row| row.score);
    let tied = rows.iter().take_while(|row| row.eligible && is_tied(top, row)).count();
    rows[..tied].sort_by(within_tie);
    for (place, row) in rows.iter_mut().take_while(|row| row.eligible).enumerate() {
        row.rank = Some(place as u32 + 1);
    }
    rows
}

/// How many rows, from the first, are tied with the top score.
pub fn tied(ranking: &[Ranked]) -> usize {
    let eligible = || ranking.iter().take_while(|row| row.eligible);
    let top = eligible().filter_map(|row| row.score).max_by(f64::total_cmp);
    eligible().filter(|row| is_tied(top, row)).count()
}

fn is_tied(top: Option<f64>, row: &Ranked) -> bool {
    match (top, row.score) {
        (Some(top), Some(score)) => top - score < TIE,
        (None, None) => true,
        _ => false,
    }
}

fn by_score(a: &Ranked, b: &Ranked) -> Ordering {
    let score = |row: &Ranked| row.score.unwrap_or(-1.0);
    b.eligible.cmp(&a.eligible).then(score(b).total_cmp(&score(a))).then_with(|| within_tie(a, b))
}

/// The order of tied candidates.
pub fn within_tie(a: &Ranked, b: &Ranked) -> Ordering {
    let rounded = |row: &Ranked| row.score.map_or(-1.0, |score| (score * 1_000.0).round());
    risk_step(a)
        .cmp(&risk_step(b))
        .then(a.cost.cmp(&b.cost))
        .then(rounded(b).total_cmp(&rounded(a)))
        .then_with(|| a.candidate.cmp(&b.candidate))
}

fn mark_front(rows: &mut [Ranked]) {
    let may = |row: &Ranked| !row.baseline && row.score.is_some();
    let point = |row: &Ranked| (row.score.unwrap_or(-1.0), risk_step(row), row.cost);
    let points: Vec<_> = rows.iter().filter(|row| may(row)).map(point).collect();
    for row in rows.iter_mut().filter(|row| may(row)) {
        let own = (row.score.unwrap_or(-1.0), risk_step(row), row.cost);
        let dominates = |other: &(f64, u32, _)| other.0 >= own.0 && other.1 <= own.1 && other.2 <= own.2 && *other != own;
        row.on_pareto = !points.iter().any(dominates);
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
