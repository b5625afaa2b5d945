//! The classifiers of `detection` and what they find.

use crate::folds::Estimate;
use crate::parts::design::binned::BinnedEncoder;
use crate::parts::design::grain::Grain;
use crate::parts::design::linear::LinearEncoder;
use crate::parts::fold_auc;
use crate::parts::logistic::Logistic;
use crate::parts::side;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use synthfleet_proto::metadata::{Kind, Metadata};
use synthfleet_proto::{Error, Result};
use synthfleet_table::{Budget, Table, Values};
use synthfleet_trees::boost::{Booster, Settings, Target};

/// Real and sample rows in one table.
pub struct Pooled {
    /// `n` real rows, then `n` sample rows.
    pub table: Table,
    /// Rows of each side.
    pub n: usize,
    /// Group of each row for the error.
    pub groups: Vec<u8>,
}

impl Pooled {
    /// Whether every level of `places` among sample rows is among real rows too.
    pub fn real_has_all_levels(&self, places: &[usize]) -> bool {
        places.iter().filter(|&&place| !self.table.metadata().columns[place].kind.is_number_like()).all(|&place| {
            let codes = side::levels(&self.table, place);
            let (real, sample) = codes.split_at(self.n.min(codes.len()));
            let known: BTreeSet<u32> = real.iter().copied().collect();
            sample.iter().all(|code| known.contains(code))
        })
    }
}

/// A classifier.
pub enum Model {
    /// Boosting: learning rate .1, at most 31 leaves of at least 20 rows, L2 = 1, no early stop, 5 folds. Columns
    /// as in [`BinnedEncoder`], with one more for numbers that leave train's grid.
    Gbt {
        /// Rounds.
        rounds: usize,
    },
    /// Logistic regression, C = 1, 3 folds. Columns as in [`LinearEncoder`].
    Linear {
        /// Whether levels come from both sides; else from real rows.
        union: bool,
    },
}

/// What a classifier found.
#[derive(Clone)]
pub struct Found {
    /// AUC of each fold.
    pub areas: Vec<Estimate>,
    /// Summed gain by feature.
    pub gains: BTreeMap<String, f64>,
}

/// Places of the columns that SDMetrics gives its detectors.
pub fn sdmetrics_places(metadata: &Metadata) -> Vec<usize> {
    let seen = |&place: &usize| {
        let meta = &metadata.columns[place];
        let is_direct = meta.sensitivity.as_ref().is_some_and(|found| found.direct);
        matches!(meta.kind, Kind::Continuous | Kind::Datetime | Kind::Categorical) && !is_direct && !metadata.key.contains(&meta.name)
    };
    metadata.modelled().filter(seen).collect()
}

impl Model {
    /// Learns and scores fold by fold.
    pub fn found(&self, pooled: &Pooled, places: &[usize], train: &Table, budget: &Budget) -> Result<Found> {
        let folds = match self {
            Self::Gbt { .. } => 5,
            Self::Linear { .. } => 3,
        };
        let grains: Vec<Option<Grain>> = match self {
            Self::Gbt { .. } => places.iter().map(|&place| grain(train, place)).collect(),
            Self::Linear { .. } => Vec::new(),
        };
        let one = |fold: usize| -> Result<(Estimate, BTreeMap<String, f64>)> {
            let (tested, learnt): (Vec<u32>, Vec<u32>) = (0..2 * pooled.n as u32).partition(|&row| row as usize % pooled.n % folds == fold);
            let is_real = |&row: &u32| (row as usize) < pooled.n;
            let (scores, gains) = match self {
                Self::Gbt { rounds } => gbt(pooled, places, [&learnt, &tested], &grains, *rounds, budget)?,
                Self::Linear { union } => (linear(pooled, places, [&learnt, &tested], *union, budget)?, BTreeMap::new()),
            };
            let positive: Vec<bool> = tested.iter().map(is_real).collect();
            let groups: Vec<u8> = tested.iter().map(|&row| pooled.groups[row as usize]).collect();
            let area = fold_auc::auc(&scores, &positive, &groups);
            Ok((area.ok_or_else(|| Error::internal("detection::fold", "a fold has rows of one side only"))?, gains))
        };
        let found = (0..folds).into_par_iter().map(one).collect::<Result<Vec<_>>>()?;
        let mut gains = BTreeMap::new();
        for (name, gain) in found.iter().flat_map(|(_, gains)| gains) {
            *gains.entry(name.clone()).or_insert(0.0) += gain;
        }
        Ok(Found { areas: found.into_iter().map(|(area, _)| area).collect(), gains })
    }
}

/// The grid of a number column, if it has one.
fn grain(train: &Table, place: usize) -> Option<Grain> {
    let is_number = train.metadata().columns[place].kind == Kind::Continuous;
    (is_number && !matches!(train.column(place).values(), Values::Code(_) | Values::Text(_)))
        .then(|| Grain::of(&side::numbers(train, place)))
        .flatten()
}

fn gbt(
    pooled: &Pooled,
    places: &[usize],
    [learnt, tested]: [&[u32]; 2],
    grains: &[Option<Grain>],
    rounds: usize,
    budget: &Budget,
) -> Result<(Vec<f64>, BTreeMap<String, f64>)> {
    let labels: Vec<bool> = learnt.iter().map(|&row| (row as usize) < pooled.n).collect();
    let aim: Vec<f64> = labels.iter().map(|&real| f64::from(u8::from(real))).collect();
    let encoder = BinnedEncoder::fit(&pooled.table, places, learnt, &[aim], grains);
    let settings = Settings { rounds, ..Settings::default() };
    let booster = Booster::fit_while(&encoder.apply(&pooled.table, learnt), &Target::Binary(&labels), &settings, |_| budget.go_on())?;
    let mut gains = BTreeMap::new();
    for (name, gain) in encoder.names().zip(booster.gains()) {
        *gains.entry(name.to_owned()).or_insert(0.0) += gain;
    }
    Ok((booster.predict(&encoder.apply(&pooled.table, tested)), gains))
}

fn linear(pooled: &Pooled, places: &[usize], [learnt, tested]: [&[u32]; 2], union: bool, budget: &Budget) -> Result<Vec<f64>> {
    let real: Vec<u32> = (0..pooled.n as u32).collect();
    let all: Vec<u32> = (0..2 * pooled.n as u32).collect();
    let encoder = LinearEncoder::fit(&pooled.table, places, learnt, &real, if union { &all } else { &real });
    let codes: Vec<u32> = learnt.iter().map(|&row| u32::from((row as usize) < pooled.n)).collect();
    let model = Logistic::fit(&encoder.apply(&pooled.table, learnt), &codes, 2, 1.0, budget)?;
    Ok(model.predict(&encoder.apply(&pooled.table, tested)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use synthfleet_proto::metadata::ColumnMeta;
    use synthfleet_table::Column;

    #[test]
    fn a_level_that_only_sample_rows_have_makes_another_design() {
        let pooled = |codes: &[u32]| {
            let mut meta = ColumnMeta::plain("c", Kind::Categorical);
            meta.levels = ["a", "b", "c"].map(str::to_owned).to_vec();
            let column = Column::new(Values::Code(codes.into()), None).expect("column");
            let table = Table::new(Arc::new(Metadata::plain("t", vec![meta])), codes.len(), vec![column]).expect("table");
            Pooled { table, n: codes.len() / 2, groups: vec![0; codes.len()] }
        };
        assert!(pooled(&[0, 1, 2, 1, 1, 0]).real_has_all_levels(&[0]));
        assert!(!pooled(&[0, 1, 1, 1, 2, 0]).real_has_all_levels(&[0]));
    }
}
