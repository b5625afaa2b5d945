//! Measures of answers, on all test rows and without each fold of them.
//!
//! # Definition
//! Accuracy; F1 of class 1; F1 of each class that occurs or is told, as a plain mean (macro) and over all rows
//! (micro, which is accuracy where each row has one class); R². F1 without a hit is 0.

use crate::folds::{Estimate, FOLDS};

/// A measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Share of rows told right.
    Accuracy,
    /// F1 of class 1.
    F1,
    /// Mean F1 of classes.
    MacroF1,
    /// F1 over all rows.
    MicroF1,
    /// Share of variance explained.
    R2,
}

impl Measure {
    /// All, in the order of the scores.
    pub const ALL: [Self; 5] = [Self::Accuracy, Self::F1, Self::MacroF1, Self::MicroF1, Self::R2];

    /// The name in ids and details.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::F1 => "f1",
            Self::MacroF1 => "macro_f1",
            Self::MicroF1 => "micro_f1",
            Self::R2 => "r2",
        }
    }

    /// The measure of told classes; both lists `[rows]`, classes below `classes`.
    pub fn of_classes(self, own: &[u32], told: &[u32], classes: usize, folds: &[u8]) -> Estimate {
        let mut counts = vec![vec![Count::default(); classes]; FOLDS];
        for ((&own, &told), &fold) in own.iter().zip(told).zip(folds) {
            let counts = &mut counts[usize::from(fold)];
            counts[own as usize].own += 1;
            counts[told as usize].told += 1;
            counts[own as usize].hits += u32::from(own == told);
        }
        let all: Vec<Count> = (0..classes).map(|class| counts.iter().fold(Count::default(), |sum, fold| sum.plus(fold[class]))).collect();
        let mut estimate = Estimate::fixed(self.of(&all));
        for (fold, without) in estimate.without.iter_mut().enumerate() {
            let rest: Vec<Count> = all.iter().zip(&counts[fold]).map(|(all, fold)| all.less(*fold)).collect();
            *without = self.of(&rest);
        }
        estimate
    }

    fn of(self, counts: &[Count]) -> f64 {
        match self {
            Self::Accuracy | Self::MicroF1 => {
                let hits: u32 = counts.iter().map(|count| count.hits).sum();
                let rows: u32 = counts.iter().map(|count| count.own).sum();
                f64::from(hits) / f64::from(rows)
            }
            Self::F1 => counts.get(1).map_or(0.0, |count| count.f1()),
            Self::MacroF1 => {
                let present: Vec<f64> = counts.iter().filter(|count| count.own + count.told > 0).map(Count::f1).collect();
                present.iter().sum::<f64>() / present.len() as f64
            }
            Self::R2 => f64::NAN,
        }
    }
}

/// Rows of a class: told right, of the class, told to be of it.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    hits: u32,
    own: u32,
    told: u32,
}

impl Count {
    fn plus(self, other: Self) -> Self {
        Self { hits: self.hits + other.hits, own: self.own + other.own, told: self.told + other.told }
    }

    fn less(self, other: Self) -> Self {
        Self { hits: self.hits - other.hits, own: self.own - other.own, told: self.told - other.told }
    }

    fn f1(&self) -> f64 {
        if self.own + self.told > 0 { 2.0 * f64::from(self.hits) / f64::from(self.own + self.told) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_of_six_rows_are_known() {
        let (own, told, folds) = ([0, 0, 1, 1, 2, 2], [0, 1, 1, 1, 0, 2], [0, 1, 2, 3, 4, 5]);
        let value = |measure: Measure| measure.of_classes(&own, &told, 4, &folds).value;
        assert!((value(Measure::Accuracy) - 4.0 / 6.0).abs() < 1e-15);
        assert!((value(Measure::F1) - 2.0 * 2.0 / 5.0).abs() < 1e-15);
        // classes 0: 2/4, 1: 4/5, 2: 2/3; class 3 neither occurs nor is told
        assert!((value(Measure::MacroF1) - (0.5 + 0.8 + 2.0 / 3.0) / 3.0).abs() < 1e-15);
        assert_eq!(value(Measure::MicroF1), value(Measure::Accuracy));
    }

    #[test]
    fn a_fold_left_out_is_its_rows_left_out() {
        let (own, told, folds) = ([0, 0, 1, 1], [0, 1, 1, 1], [0, 1, 0, 1]);
        let estimate = Measure::F1.of_classes(&own, &told, 2, &folds);
        assert_eq!((estimate.without[1], estimate.without[0]), (1.0, 2.0 / 3.0));
    }

    #[test]
    fn without_a_hit_f1_is_zero() {
        assert_eq!(Measure::F1.of_classes(&[1, 1, 0], &[0, 0, 0], 2, &[0, 1, 2]).value, 0.0);
    }
}
