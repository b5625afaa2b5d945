//! Scores over repeats.
//!
//! # Definition
//! Over the R repeats in which a score is defined: value = mean; error² = mean of the repeats' error² +
//! s²/R, s the standard deviation between repeats; a bound of the score's own is the mean of the repeats'
//! bounds, else value ∓ 1.645 error. A repeat without a sample, or with a number that is none, is left out.

use super::input::{ReferenceRow, Repeat, Row};
use super::rule::Z_ONE_SIDED;
use std::collections::BTreeMap;
use synthfleet_proto::score::Score;
use synthfleet_proto::verdict::Failure;

/// A score over repeats.
#[derive(Debug, Clone, PartialEq)]
pub struct Pooled {
    /// Mean.
    pub value: f64,
    /// Standard error; `None`: none is known.
    pub error: Option<f64>,
    /// One-sided lower bound.
    pub low: f64,
    /// One-sided upper bound.
    pub high: f64,
}

/// Why a score has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undefined {
    /// Code.
    pub code: String,
    /// Sentence.
    pub why: String,
}

/// The pooled scores of a row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pool {
    repeats: Vec<u32>,
    scores: BTreeMap<String, Result<Pooled, Undefined>>,
    failures: Vec<Failure>,
    limited: bool,
}

impl Pool {
    /// All usable repeats of a candidate.
    pub fn of(row: &Row) -> Self {
        let all: Vec<u32> = row.repeats.iter().map(|repeat| repeat.number).collect();
        let mut pool = Self::of_repeats(row, &all);
        pool.failures.splice(0..0, row.skipped.clone());
        pool
    }

    /// Some repeats of a candidate, as far as they are usable.
    pub fn of_repeats(row: &Row, wanted: &[u32]) -> Self {
        let mut repeats: Vec<&Repeat> = row.repeats.iter().filter(|repeat| wanted.contains(&repeat.number)).collect();
        repeats.sort_by_key(|repeat| repeat.number);
        let mut pool = Self::default();
        let mut usable = Vec::new();
        for repeat in repeats {
            let told = repeat.failures.iter().map(|failure| Failure { repeat: Some(repeat.number), ..failure.clone() });
            pool.failures.extend(told);
            if let Some(score) = repeat.scores.iter().find(|score| !is_sound(score)) {
                pool.failures.push(not_a_number(score, Some(repeat.number)));
            } else if repeat.sampled {
                pool.repeats.push(repeat.number);
                usable.push(repeat.scores.as_slice());
            }
        }
        pool.fill(&usable);
        pool
    }

    /// A reference row, as one repeat.
    pub fn of_reference(row: &ReferenceRow) -> Self {
        let mut pool = Self { failures: row.failures.clone(), ..Self::default() };
        match row.scores.iter().find(|score| !is_sound(score)) {
            Some(score) => pool.failures.push(not_a_number(score, None)),
            None => {
                pool.repeats.push(0);
                pool.fill(&[&row.scores]);
            }
        }
        pool
    }

    fn fill(&mut self, usable: &[&[Score]]) {
        let mut by_name: BTreeMap<&str, Vec<&Score>> = BTreeMap::new();
        for score in usable.iter().copied().flatten() {
            by_name.entry(&score.name).or_default().push(score);
            self.limited |= score.limited.is_some();
        }
        self.scores = by_name.into_iter().map(|(name, scores)| (name.to_owned(), pooled(&scores))).collect();
    }

    /// Usable repeats, lowest first.
    pub fn repeats(&self) -> &[u32] {
        &self.repeats
    }

    /// What failed, whether or not a sample came of it.
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// The same with bounds of `z` standard errors instead of 1.645.
    #[must_use]
    pub fn widened(&self, z: f64) -> Self {
        let wider = |pooled: &Pooled| {
            let more = (z - Z_ONE_SIDED) * pooled.error.unwrap_or(0.0);
            Pooled { low: pooled.low - more, high: pooled.high + more, ..pooled.clone() }
        };
        let scores = self.scores.iter().map(|(name, found)| (name.clone(), found.as_ref().map(wider).map_err(Clone::clone))).collect();
        Self { scores, ..self.clone() }
    }

    /// Whether some score was computed on fewer rows than there are.
    pub fn limited(&self) -> bool {
        self.limited
    }

    /// A score, or why it has no value; `None`: no benchmark gave it at all.
    pub fn get(&self, score: &str) -> Option<&Result<Pooled, Undefined>> {
        self.scores.get(score)
    }

    /// The failure of a benchmark, if it failed in some usable repeat.
    pub fn lost(&self, benchmark: &str) -> Option<&Failure> {
        self.failures.iter().find(|failure| failure.phase.strip_prefix("benchmark:") == Some(benchmark))
    }
}

const NOT_A_NUMBER: &str = "not_a_number";

/// Whether every number of a score is one.
fn is_sound(score: &Score) -> bool {
    let numbers = [score.value, score.low, score.high, score.error, score.bound_low, score.bound_high].into_iter().flatten();
    numbers.chain(score.folds.iter().copied()).all(f64::is_finite)
}

fn not_a_number(score: &Score, repeat: Option<u32>) -> Failure {
    let benchmark = score.name.split('.').next().unwrap_or_default();
    let reason = format!("score {} is not a number", score.name);
    Failure { repeat, phase: format!("benchmark:{benchmark}"), code: NOT_A_NUMBER.to_owned(), reason }
}

fn pooled(scores: &[&Score]) -> Result<Pooled, Undefined> {
    let mut values: Vec<(f64, &Score)> = scores.iter().filter_map(|score| Some((score.value?, *score))).collect();
    // the sum must not depend on the order of repeats
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let count = values.len() as f64;
    if values.is_empty() {
        let first = scores.first();
        let code = first.and_then(|score| score.undefined.clone()).unwrap_or_else(|| "failed".to_owned());
        return Err(Undefined { code, why: first.and_then(|score| score.why.clone()).unwrap_or_default() });
    }
    let mean = |of: &dyn Fn(&(f64, &Score)) -> f64| values.iter().map(of).sum::<f64>() / count;
    let value = if values.len() == 1 { values[0].0 } else { mean(&|one| one.0) };
    let between = if values.len() > 1 { mean(&|one| (one.0 - value).powi(2)) * count / (count - 1.0) / count } else { 0.0 };
    let known = values.iter().any(|one| one.1.error.is_some()) || between > 0.0;
    let error = known.then(|| (mean(&|one| one.1.error.unwrap_or(0.0).powi(2)) + between).sqrt());
    let width = Z_ONE_SIDED * error.unwrap_or(0.0);
    let bound = |own: &dyn Fn(&Score) -> Option<f64>, otherwise: f64| {
        if values.iter().all(|one| own(one.1).is_some()) { mean(&|one| own(one.1).unwrap_or(otherwise)) } else { otherwise }
    };
    let (low, high) = (bound(&|score| score.bound_low, value - width), bound(&|score| score.bound_high, value + width));
    Ok(Pooled { value, error, low, high })
}
