//! The score: one number per row out of the components.
//!
//! # Definition
//! `score = exp( sum w ln max(x, .01) / sum w )` over the components x that are defined for some eligible
//! candidate (if there is none: for some candidate; else for some baseline). One that is undefined for a
//! candidate alone counts .01; a reference row leaves it out. With the components' standard errors e,
//! `ln score` has variance `sum (w/W)² (e/x)²`; the interval is that of the normal law, clipped to 0..1.

use super::Judged;
use super::pool::Pool;
use super::rule::{COMPONENT_MIN, COMPONENTS, Rule, Z_TWO_SIDED};
use std::collections::BTreeMap;
use synthfleet_proto::verdict::Component;

/// Which components enter.
#[derive(Debug, Clone, PartialEq)]
pub struct Basis {
    used: [bool; COMPONENTS.len()],
    why: [Option<String>; COMPONENTS.len()],
}

/// One component of one row.
#[derive(Debug, Clone, PartialEq)]
struct Part {
    weight: f64,
    value: Option<f64>,
    error: Option<f64>,
    undefined: String,
}

/// The score of a row, once its basis is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    parts: Vec<Part>,
    score: Option<f64>,
    interval: Option<(f64, f64)>,
}

impl Basis {
    /// The components that all rows are compared on.
    pub(super) fn of(rule: &Rule, judged: &[Judged<'_>]) -> Self {
        let groups: [&dyn Fn(&Judged<'_>) -> bool; 3] = [&|one| one.eligible, &|one| one.sampled && !one.row.baseline, &|one| one.sampled];
        let rows: Vec<&Judged<'_>> = groups
            .iter()
            .map(|group| judged.iter().filter(|one| group(one)).collect::<Vec<_>>())
            .find(|rows| !rows.is_empty())
            .unwrap_or_default();
        let mut basis = Self { used: [false; COMPONENTS.len()], why: Default::default() };
        for (place, (name, _)) in COMPONENTS.iter().enumerate() {
            let weightless = rule.weights.get(*name).is_none_or(|weight| *weight == 0.0);
            let defined = rows.iter().any(|one| one.scores.parts[place].value.is_some());
            basis.used[place] = defined && !weightless;
            basis.why[place] = match (weightless, defined) {
                (true, _) => Some("its weight is 0".to_owned()),
                (false, true) => None,
                (false, false) => {
                    Some(rows.first().map_or("no candidate has a sample", |one| &one.scores.parts[place].undefined).to_owned())
                }
            };
        }
        basis
    }

    /// The components as the verdict tells them.
    pub fn components(&self, rule: &Rule) -> Vec<Component> {
        let component = |(place, (name, score)): (usize, &(&str, &str))| Component {
            name: (*name).to_owned(),
            score: (*score).to_owned(),
            weight: rule.weights.get(*name).copied().unwrap_or(0.0),
            used: self.used[place],
            why: self.why[place].clone(),
        };
        COMPONENTS.iter().enumerate().map(component).collect()
    }
}

impl Scores {
    /// The components of a row.
    pub fn of(rule: &Rule, pool: &Pool) -> Self {
        let part = |(name, score): &(&str, &str)| {
            let pooled = pool.get(score);
            Part {
                weight: rule.weights.get(*name).copied().unwrap_or(0.0),
                value: pooled.and_then(|found| Some(found.as_ref().ok()?.value)),
                error: pooled.and_then(|found| found.as_ref().ok()?.error),
                undefined: pooled.and_then(|found| Some(found.as_ref().err()?.code.clone())).unwrap_or_else(|| "not_scored".to_owned()),
            }
        };
        Self { parts: COMPONENTS.iter().map(part).collect(), score: None, interval: None }
    }

    /// Computes the score; what is undefined counts least.
    pub fn complete(&mut self, basis: &Basis) {
        self.compute(basis, Some(COMPONENT_MIN));
    }

    /// Computes the score of what is defined.
    pub fn complete_without_penalty(&mut self, basis: &Basis) {
        self.compute(basis, None);
    }

    fn compute(&mut self, basis: &Basis, undefined: Option<f64>) {
        let used = self.parts.iter().zip(basis.used).filter(|(_, used)| *used).map(|(part, _)| part);
        let parts: Vec<(f64, f64, Option<f64>)> =
            used.filter_map(|part| Some((part.weight, part.value.or(undefined)?.max(COMPONENT_MIN), part.error))).collect();
        let total: f64 = parts.iter().map(|part| part.0).sum();
        if parts.is_empty() || total <= 0.0 {
            return;
        }
        let mean = parts.iter().map(|(weight, value, _)| weight * libm::log(*value)).sum::<f64>() / total;
        let score = libm::exp(mean).clamp(0.0, 1.0);
        self.score = Some(score);
        if parts.iter().any(|part| part.2.is_some()) {
            let variance: f64 = parts.iter().map(|(weight, value, error)| (weight / total * error.unwrap_or(0.0) / value).powi(2)).sum();
            let reach = Z_TWO_SIDED * variance.sqrt();
            self.interval = Some(((score * libm::exp(-reach)).clamp(0.0, 1.0), (score * libm::exp(reach)).clamp(0.0, 1.0)));
        }
    }

    /// The score.
    pub fn value(&self) -> Option<f64> {
        self.score
    }

    /// Lower end of its 95 % interval, where some component has an error.
    pub fn low(&self) -> Option<f64> {
        self.interval.map(|ends| ends.0)
    }

    /// Upper end.
    pub fn high(&self) -> Option<f64> {
        self.interval.map(|ends| ends.1)
    }

    /// The components by name.
    pub fn components(&self) -> BTreeMap<String, Option<f64>> {
        COMPONENTS.iter().zip(&self.parts).map(|((name, _), part)| ((*name).to_owned(), part.value)).collect()
    }
}
