//! Which rows are learnt from and asked about, and what their targets are.

use super::features::Encoder;
use crate::member::Case;
use crate::ml_efficacy::task::{Aims, Problem, Task};
use synthfleet_proto::about::Reason;
use synthfleet_proto::{Result, Seed};
use synthfleet_table::{Budget, Table};

/// Regression targets are held within these before their logarithm is taken.
const NUMBERS: (f64, f64) = (1.0, 20_000.0);

/// Why there is no score.
pub fn reason(code: &str, why: &str) -> Reason {
    Reason { code: code.to_owned(), why: why.to_owned() }
}

/// Sample rows that models learn from and holdout rows that they are asked about.
pub struct Posed {
    /// What is predicted.
    pub task: Task,
    /// How columns become features.
    pub encoder: Encoder,
    /// Sample rows to learn from.
    pub fit: Vec<u32>,
    /// Holdout rows to be asked about.
    pub test: Vec<u32>,
}

impl Posed {
    /// The rows of a case, at most `rows_max` of each table, or why there are none.
    pub fn of(case: &Case, rows_max: usize, seed: &Seed, budget: &Budget) -> Result<Result<Self, Reason>> {
        let task = match Task::of(&case.real) {
            Ok(task) => task,
            Err(reason) => return Ok(Err(reason)),
        };
        let rows = |table: &Table| task.rows(table, usize::MAX);
        let (fit, test) = (rows(&case.sample), rows(&case.real.holdout));
        let refused = if case.real.holdout.rows() == 0 {
            Some(reason("no_holdout", "there are no holdout rows to test on"))
        } else if case.sample.rows() == 0 {
            Some(reason("empty_table", "the sample has no rows"))
        } else if fit.is_empty() || test.is_empty() {
            Some(reason("all_missing", "no row of the sample or of the holdout has a target"))
        } else {
            None
        };
        if let Some(refused) = refused {
            return Ok(Err(refused));
        }
        let encoder = Encoder::new(&case.real.train, &task, budget)?;
        let fit = encoder.shuffled(&case.sample, fit, rows_max, &seed.child("rows"), budget)?;
        let test = encoder.shuffled(&case.real.holdout, test, rows_max, &case.real.shared.child("rows"), budget)?;
        Ok(Ok(Self { task, encoder, fit, test }))
    }

    /// Targets of rows: classes by rank, or the logarithms that are learnt.
    pub fn aims(&self, table: &Table, rows: &[u32]) -> Aims {
        match self.task.aims(table, rows) {
            Aims::Numbers(numbers) => {
                let (low, high) = NUMBERS;
                Aims::Numbers(numbers.into_iter().map(|number| libm::log(number.trunc().clamp(low, high))).collect())
            }
            Aims::Classes(codes) if matches!(self.task.problem, Problem::Multiclass { .. }) => {
                Aims::Classes(codes.into_iter().map(|code| self.encoder.rank(code)).collect())
            }
            classes => classes,
        }
    }
}

/// Whether all targets are equal.
pub fn is_constant(aims: &Aims) -> bool {
    match aims {
        Aims::Classes(codes) => codes.windows(2).all(|two| two[0] == two[1]),
        Aims::Numbers(numbers) => numbers.windows(2).all(|two| two[0] == two[1]),
    }
}

/// Classes numbered from 0 without gaps, and what each was called.
pub fn numbered(aims: Aims) -> (Aims, Vec<u32>) {
    let Aims::Classes(codes) = aims else { return (aims, Vec::new()) };
    let mut names = codes.clone();
    names.sort_unstable();
    names.dedup();
    let codes = codes.into_iter().map(|code| names.partition_point(|name| *name < code) as u32).collect();
    (Aims::Classes(codes), names)
}

/// Classes by the names they had.
pub fn renamed(told: Aims, names: &[u32]) -> Aims {
    match told {
        Aims::Classes(codes) => Aims::Classes(codes.into_iter().map(|code| names[code as usize]).collect()),
        numbers @ Aims::Numbers(_) => numbers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::Real;
    use std::sync::Arc;
    use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
    use synthfleet_table::{Arrays, Column, Values};

    #[test]
    fn numbers_are_cut_to_integers_held_within_bounds_and_taken_to_the_logarithm() {
        let mut metadata = Metadata::plain("t", vec![ColumnMeta::plain("x", Kind::Continuous), ColumnMeta::plain("y", Kind::Continuous)]);
        metadata.target = Some("y".to_owned());
        let numbers = [-5.0, 0.9, 2.9, 3.0, 30_000.0];
        let column = || Column::new(Values::Real(numbers.into()), None).expect("column");
        let table = Table::new(Arc::new(metadata), 5, vec![column(), column()]).expect("table");
        let real = Real { train: table.clone(), holdout: table.clone(), shared: Seed::shared(1) };
        let case = Case { real, sample: table.clone(), prepared: Arrays::default() };
        let posed = Posed::of(&case, 5, &Seed::shared(2), &Budget::quiet(1)).expect("goes on").expect("a problem");
        let Aims::Numbers(aims) = posed.aims(&table, &[0, 1, 2, 3, 4]) else { panic!("numbers") };
        assert_eq!(aims, [0.0, 0.0, libm::log(2.0), libm::log(3.0), libm::log(20_000.0)]);
    }

    #[test]
    fn classes_are_numbered_without_gaps_and_get_their_names_back() {
        let (aims, names) = numbered(Aims::Classes(vec![7, 2, 7, 5]));
        let Aims::Classes(codes) = &aims else { panic!("classes") };
        assert_eq!(*codes, [2, 0, 2, 1]);
        let Aims::Classes(back) = renamed(aims, &names) else { panic!("classes") };
        assert_eq!(back, [7, 2, 7, 5]);
    }
}
