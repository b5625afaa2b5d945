//! The score: one number per row out of the components.
//!
//! # Definition
//! `score = exp( sum w ln max(x, .01) / sum w )` over the components x that are defined for some eligible
//! candidate (if there is none: for some candidate; else for some baseline). One that is undefined for a
//! candidate alone counts .01; a reference row leaves it out. In profile `sdgym2020` the score is the first
//! measure that is defined for some candidate, as it is; a candidate without it has no score.
//!
//! The interval is that of the row's replicates, see [`super::replicate`].

use super::Judged;
use super::input::{ReferenceRow, Row};
use super::pool::Pool;
use super::replicate::{Measured, Replicated, Replicates, interval};
use super::rule::{COMPONENT_MIN, Rule, Scale};
use std::collections::BTreeMap;
use synthfleet_proto::score::Score;
use synthfleet_proto::verdict::Component;

/// Which components enter.
#[derive(Debug, Clone, PartialEq)]
pub struct Basis {
    used: Vec<bool>,
    why: Vec<Option<String>>,
}

/// One component of one row.
#[derive(Debug, Clone, PartialEq)]
struct Part {
    weight: f64,
    value: Option<f64>,
    undefined: String,
    /// By usable repeat.
    repeats: Vec<Option<Measured>>,
}

/// The score of a row, once its basis is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    components: &'static [(&'static str, &'static str)],
    scale: Scale,
    parts: Vec<Part>,
    used: Vec<bool>,
    score: Option<f64>,
    replicates: Option<Vec<f64>>,
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
        let mut basis = Self { used: Vec::new(), why: Vec::new() };
        for (place, (name, _)) in rule.components.iter().enumerate() {
            let weightless = rule.weights.get(*name).is_none_or(|weight| *weight == 0.0);
            let defined = rows.iter().any(|one| one.scores.parts[place].value.is_some());
            let taken = rule.scale == Scale::Plain && basis.used.contains(&true);
            basis.used.push(defined && !weightless && !taken);
            basis.why.push(match (weightless, taken, defined) {
                (true, _, _) => Some("its weight is 0".to_owned()),
                (false, true, _) => Some("another measure is defined".to_owned()),
                (false, false, true) => None,
                (false, false, false) => {
                    Some(rows.first().map_or("no candidate has a sample", |one| &one.scores.parts[place].undefined).to_owned())
                }
            });
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
        rule.components.iter().enumerate().map(component).collect()
    }
}

impl Scores {
    /// The components of a candidate.
    pub fn of(rule: &Rule, pool: &Pool, row: &Row) -> Self {
        let repeats: Vec<&[Score]> = row
            .repeats
            .iter()
            .filter(|repeat| pool.repeats().contains(&repeat.number))
            .map(|repeat| (repeat.number, repeat.scores.as_slice()))
            .collect::<BTreeMap<_, _>>()
            .into_values()
            .collect();
        Self::from_repeats(rule, pool, &repeats)
    }

    /// The components of a reference row.
    pub fn of_reference(rule: &Rule, pool: &Pool, row: &ReferenceRow) -> Self {
        let usable = pool.repeats().iter().map(|_| row.scores.as_slice());
        Self::from_repeats(rule, pool, &usable.collect::<Vec<_>>())
    }

    fn from_repeats(rule: &Rule, pool: &Pool, repeats: &[&[Score]]) -> Self {
        let part = |(name, id): &(&str, &str)| {
            let pooled = pool.get(id);
            let single = |scores: &&[Score]| Measured::of(scores.iter().find(|score| score.name == *id)?);
            Part {
                weight: rule.weights.get(*name).copied().unwrap_or(0.0),
                value: pooled.and_then(|found| Some(found.as_ref().ok()?.value)),
                undefined: pooled.and_then(|found| Some(found.as_ref().err()?.code.clone())).unwrap_or_else(|| "not_scored".to_owned()),
                repeats: repeats.iter().map(single).collect(),
            }
        };
        let parts = rule.components.iter().map(part).collect();
        Self { components: rule.components, scale: rule.scale, parts, used: Vec::new(), score: None, replicates: None }
    }

    /// Computes score and replicates; what is undefined counts least.
    pub fn complete(&mut self, basis: &Basis, replicates: &Replicates, candidate: &str) {
        let undefined = (self.scale == Scale::Geometric).then_some(COMPONENT_MIN);
        self.compute(basis, undefined, replicates, candidate);
    }

    /// Computes score and replicates of what is defined.
    pub fn complete_without_penalty(&mut self, basis: &Basis, replicates: &Replicates, row: &str) {
        self.compute(basis, None, replicates, row);
    }

    fn compute(&mut self, basis: &Basis, undefined: Option<f64>, replicates: &Replicates, name: &str) {
        self.used.clone_from(&basis.used);
        let used = self.parts.iter().zip(self.components).zip(&basis.used).filter(|(_, used)| **used).map(|(part, _)| part);
        let counted: Vec<Replicated<'_>> = used
            .filter_map(|(part, (_, score))| {
                let otherwise = part.value.or(undefined)?;
                Some(Replicated { score, weight: part.weight, repeats: &part.repeats, otherwise })
            })
            .collect();
        let total: f64 = counted.iter().map(|part| part.weight).sum();
        if counted.is_empty() || total <= 0.0 {
            return;
        }
        let mean = |of: &dyn Fn(f64) -> f64| counted.iter().map(|part| part.weight * of(part.otherwise)).sum::<f64>() / total;
        self.score = Some(match self.scale {
            Scale::Geometric => libm::exp(mean(&|value| libm::log(value.max(COMPONENT_MIN)))).clamp(0.0, 1.0),
            Scale::Plain => mean(&|value| value),
        });
        self.replicates = replicates.scores(name, self.scale, &counted);
    }

    /// The score.
    pub fn value(&self) -> Option<f64> {
        self.score
    }

    /// The 95 % interval of its replicates, where something varies. It always holds the score.
    pub fn interval(&self) -> Option<(f64, f64)> {
        let (low, high) = interval(self.replicates.as_deref()?);
        let score = self.score?;
        Some((low.min(score), high.max(score)))
    }

    /// Its replicates, `[replicates]`; `None`: they all equal the score.
    pub fn replicates(&self) -> Option<&[f64]> {
        self.replicates.as_deref()
    }

    /// The components by name.
    pub fn components(&self) -> BTreeMap<String, Option<f64>> {
        self.components.iter().zip(&self.parts).map(|((name, _), part)| ((*name).to_owned(), part.value)).collect()
    }

    /// Why a component that counts has no value: code, by name.
    pub fn undefined(&self) -> BTreeMap<String, String> {
        let parts = self.components.iter().zip(&self.parts).zip(&self.used).filter(|((_, part), used)| **used && part.value.is_none());
        parts.map(|(((name, _), part), _)| ((*name).to_owned(), part.undefined.clone())).collect()
    }
}
