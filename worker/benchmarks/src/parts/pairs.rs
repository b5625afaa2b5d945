//! Every pair of modelled columns: how alike their relation is in two tables.
//!
//! # Definition
//! See [`crate::pair_trends`]: correlation similarity of two numbers, contingency similarity otherwise, the
//! latter in two codings (own ranges; real range).

use super::association::{cramers_v, pearson, spearman};
use super::bins::{self, Codes};
use super::each::each;
use super::joint;
use super::side::Side;
use super::tables::sets;
use crate::folds::Estimate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use synthfleet_proto::about::Reason;
use synthfleet_proto::{Result, Seed};
use synthfleet_table::Budget;

/// How two numbers are correlated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Coefficient {
    /// Of the values.
    #[default]
    Pearson,
    /// Of their mid-ranks.
    Spearman,
}

/// Number pairs count in the profile `trending` above this |r_real|.
const CORRELATION_MIN: f64 = 0.5;
/// Other pairs count in the profile `trending` above this V_real.
const ASSOCIATION_MIN: f64 = 0.3;

/// One pair of columns.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Places of the columns.
    pub places: [usize; 2],
    /// `CorrelationSimilarity` or `ContingencySimilarity`.
    pub measure: &'static str,
    /// Similarity with own ranges, or why there is none.
    pub similarity: Result<Estimate, Reason>,
    /// Correlation in the real table, of two numbers.
    pub real_correlation: Option<f64>,
    /// Correlation in the sample, of two numbers.
    pub sample_correlation: Option<f64>,
    /// Cramér's V in the real table with own ranges, of other pairs.
    pub association: Option<f64>,
    /// Whether the profile `trending` counts it.
    pub counts: bool,
    /// Similarity and weight with the real table's range; weight 0 where the association does not exist.
    pub fixed: Option<(Estimate, f64)>,
}

/// A modelled column as pairs need it.
struct Ready {
    place: usize,
    number_like: bool,
    /// Real and sample, empty unless number-like.
    numbers: [Vec<f64>; 2],
    own: [Codes; 2],
    /// `None`: as `own`.
    fixed: Option<[Codes; 2]>,
}

impl Ready {
    fn new(real: &Side, sample: &Side, place: usize) -> Self {
        let number_like = real.table.metadata().columns[place].kind.is_number_like();
        let sides = [real.table, sample.table];
        Self {
            place,
            number_like,
            numbers: [real, sample].map(|side| if number_like { side.numbers(place) } else { Vec::new() }),
            own: sides.map(|table| bins::own_range(table, place)),
            fixed: number_like.then(|| sides.map(|table| bins::real_range(real.table, table, place))),
        }
    }

    fn fixed(&self) -> &[Codes; 2] {
        self.fixed.as_ref().unwrap_or(&self.own)
    }
}

/// How many pairs are compared, and by which seed they are drawn if there are more.
#[derive(Debug, Clone, Copy)]
pub struct Drawn<'a> {
    /// Most pairs.
    pub pairs_max: usize,
    /// Decides which.
    pub seed: &'a Seed,
}

/// Pairs of modelled columns in order, all or as many as may be drawn, and how many there are in all.
pub fn all(real: &Side, sample: &Side, coefficient: Coefficient, drawn: Drawn, budget: &Budget) -> Result<(Vec<Pair>, usize)> {
    let places: Vec<usize> = real.table.metadata().modelled().collect();
    let cells = (real.table.rows() + sample.table.rows()) as u64 * places.len() as u64;
    budget.claim(cells * 16)?;
    let ready = each(budget, places.len(), |index| Ok(Ready::new(real, sample, places[index])))?;
    let (of, total) = sets(ready.len(), 2, drawn.pairs_max, drawn.seed);
    let pairs = each(budget, of.len(), |index| {
        let [a, b, _] = of[index].0;
        let (a, b) = (&ready[a], &ready[b]);
        let both_numbers = a.number_like && b.number_like;
        Ok(if both_numbers { correlated(real, sample, a, b, coefficient) } else { contingent(real, sample, a, b) })
    })?;
    Ok((pairs, total))
}

fn correlated(real: &Side, sample: &Side, a: &Ready, b: &Ready, coefficient: Coefficient) -> Pair {
    let of = |side: &Side, which: usize| {
        let correlate = if coefficient == Coefficient::Pearson { pearson } else { spearman };
        correlate(side, &a.numbers[which], &b.numbers[which])
    };
    let (in_real, in_sample) = (of(real, 0), of(sample, 1));
    let similarity = match (in_real, in_sample) {
        (Some(r), Some(s)) => Ok(Estimate::combine(|at| 1.0 - (at(&r) - at(&s)).abs() / 2.0)),
        (None, _) => Err(constant("real")),
        (_, None) => Err(constant("synthetic")),
    };
    let strength = in_real.map_or(0.0, |r| r.value.abs());
    Pair {
        places: [a.place, b.place],
        measure: "CorrelationSimilarity",
        fixed: similarity.clone().ok().map(|similarity| (similarity, strength)),
        similarity,
        real_correlation: in_real.map(|r| r.value),
        sample_correlation: in_sample.map(|r| r.value),
        association: None,
        counts: strength > CORRELATION_MIN,
    }
}

fn constant(which: &str) -> Reason {
    let why = format!("a column is constant, or nearly all missing, in the {which} table");
    Reason { code: "constant".to_owned(), why }
}

fn contingent(real: &Side, sample: &Side, a: &Ready, b: &Ready) -> Pair {
    let similarity = |a: &[Codes; 2], b: &[Codes; 2]| joint::similarity((real, &a[0], &b[0]), (sample, &a[1], &b[1]));
    let own = similarity(&a.own, &b.own);
    let association = cramers_v(&a.own[0], &b.own[0]);
    let fixed = if a.number_like || b.number_like {
        let (a, b) = (a.fixed(), b.fixed());
        (similarity(a, b), cramers_v(&a[0], &b[0]).unwrap_or(0.0))
    } else {
        (own, association.unwrap_or(0.0))
    };
    let empty = || Reason { code: "empty_table".to_owned(), why: "a table has no row".to_owned() };
    Pair {
        places: [a.place, b.place],
        measure: "ContingencySimilarity",
        similarity: if own.value.is_finite() { Ok(own) } else { Err(empty()) },
        real_correlation: None,
        sample_correlation: None,
        association,
        counts: association.is_some_and(|v| v > ASSOCIATION_MIN),
        fixed: Some(fixed).filter(|(similarity, _)| similarity.value.is_finite()),
    }
}

/// The mean over pairs that `count` and have a value, and how many those are.
pub fn mean(pairs: &[Pair], count: impl Fn(&Pair) -> bool) -> (Result<Estimate, Reason>, usize) {
    let defined: Vec<Estimate> = pairs.iter().filter(|pair| count(pair)).filter_map(|pair| pair.similarity.clone().ok()).collect();
    (if defined.is_empty() { Err(none(pairs)) } else { Ok(Estimate::mean(&defined)) }, defined.len())
}

/// The mean with the real table's ranges, weighted by association.
pub fn weighted_mean(pairs: &[Pair]) -> (Result<Estimate, Reason>, usize) {
    let weighted: Vec<&(Estimate, f64)> = pairs.iter().filter_map(|pair| pair.fixed.as_ref()).filter(|(_, weight)| *weight > 0.0).collect();
    if weighted.is_empty() {
        return (Err(none(pairs)), 0);
    }
    let total: f64 = weighted.iter().map(|(_, weight)| weight).sum();
    let mean = Estimate::combine(|at| weighted.iter().map(|(similarity, weight)| at(similarity) * weight).sum::<f64>() / total);
    (Ok(mean), weighted.len())
}

fn none(pairs: &[Pair]) -> Reason {
    let (code, why) = match pairs.iter().find_map(|pair| pair.similarity.as_ref().err()) {
        _ if pairs.is_empty() => ("no_columns", "fewer than two modelled columns"),
        Some(reason) if pairs.iter().all(|pair| pair.similarity.is_err()) => (reason.code.as_str(), reason.why.as_str()),
        _ => ("not_applicable", "no pair of columns is related enough in the real table to count"),
    };
    Reason { code: code.to_owned(), why: why.to_owned() }
}
