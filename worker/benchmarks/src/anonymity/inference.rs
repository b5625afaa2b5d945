//! Inference: does the sample tell a secret of a row whose other columns are known, more often of train rows?
//!
//! # Definition
//! The guess is the secret of the sample row nearest in the known columns; where rows tie, the success is the
//! share of them that are right. A level must be equal; a number is right within `tolerance` of the size of
//! the true one (so 0 takes 0 alone), whatever its sign; an instant counts from the earliest real one; a gap
//! is right for a gap alone. Whoever guesses names the secret of any sample row.

use super::attack::{Attack, Successes};
use super::ties::{Lists, Seen};
use crate::parts::encode16::Column16;
use crate::parts::neighbours::by_chunk;
use crate::parts::side;
use synthfleet_proto::metadata::Kind;
use synthfleet_proto::{Result, Seed};
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt, Table};

/// A secret column on all sides: train, control, sample.
pub enum Secret {
    /// Levels; a gap is one of its own.
    Levels(Vec<Vec<u32>>),
    /// Numbers, not a number where missing, and the tolerance.
    Numbers(Vec<Vec<f64>>, f64),
}

impl Secret {
    /// Column `place` of train, control and sample.
    pub fn of(sides: &[&Table; 3], place: usize, tolerance: f64) -> Self {
        let kind = sides[0].metadata().columns[place].kind;
        if !kind.is_number_like() {
            return Self::Levels(sides.iter().map(|table| side::levels(table, place)).collect());
        }
        let mut numbers: Vec<Vec<f64>> = sides.iter().map(|table| side::numbers(table, place)).collect();
        if kind == Kind::Datetime {
            // f64::min passes over what is not a number
            let earliest = numbers[..2].iter().flatten().copied().fold(f64::INFINITY, f64::min);
            let start = if earliest.is_finite() { earliest } else { 0.0 };
            numbers.iter_mut().flatten().for_each(|number| *number -= start);
        }
        Self::Numbers(numbers, tolerance)
    }

    /// Whether sample row `guess` tells the secret of row `row` of side `side`.
    fn is_right(&self, side: usize, row: u32, guess: u32) -> bool {
        match self {
            Self::Levels(sides) => sides[side][row as usize] == sides[2][guess as usize],
            Self::Numbers(sides, tolerance) => {
                let (truth, guess) = (sides[side][row as usize], sides[2][guess as usize]);
                if truth.is_nan() || guess.is_nan() {
                    truth.is_nan() && guess.is_nan()
                } else {
                    (guess - truth).abs() <= tolerance * truth.abs()
                }
            }
        }
    }
}

/// The attack on one secret. `known`: the columns known, at least one; `rows`: attacked rows of train and of
/// the control, equally many, and the sample's.
pub fn attack(name: String, known: &[&Column16], secret: &Secret, rows: [&[u32]; 3], seed: &Seed, budget: &Budget) -> Result<Attack> {
    budget.go_on()?;
    let seen = Seen::of(known.iter().copied(), 2, rows[2]);
    let pairs: Vec<(u32, u32)> = seen.patterns.of_row.iter().copied().zip(rows[2].iter().copied()).collect();
    let rows_of = Lists::of(seen.patterns.len(), &pairs);
    let successes = |side: usize| -> Result<Successes> {
        let queries = seen.space.rows(side, rows[side]);
        let chunks = by_chunk(&queries, seen.space.lanes(), budget, |first, cells| {
            let success = |(query, ties): (usize, Vec<u32>)| {
                let (mut right, mut all) = (0, 0);
                for &guess in ties.iter().flat_map(|&tie| rows_of.get(tie)) {
                    right += u32::from(secret.is_right(side, rows[side][first + query], guess));
                    all += 1;
                }
                f64::from(right) / f64::from(all.max(1))
            };
            seen.nearest(cells).into_iter().enumerate().map(success).collect::<Vec<f64>>()
        })?;
        Ok(Successes::own(chunks.iter().flatten().sum()))
    };
    let mut rng = seed.rng();
    let mut guess = || rows[2][rng.below(rows[2].len() as u64) as usize];
    let guesser = rows[0].iter().filter(|&&row| secret.is_right(0, row, guess())).count() as f64;
    Ok(Attack { name, trials: rows[0].len(), train: vec![successes(0)?], control: successes(1)?, guesser })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::encode16::{Cells, Measure};
    use std::sync::Arc;
    use synthfleet_proto::metadata::{ColumnMeta, Metadata};
    use synthfleet_table::{Bits, Column, Values};

    fn secret(kind: Kind, sides: [&[f64]; 3]) -> Secret {
        let metadata = Arc::new(Metadata::plain("t", vec![ColumnMeta::plain("s", kind)]));
        let table = |numbers: &[f64]| {
            let gaps = Bits::collect(numbers.iter().map(|x| x.is_nan()));
            let present: Vec<f64> = numbers.iter().map(|x| if x.is_nan() { 0.0 } else { *x }).collect();
            let values = if kind == Kind::Datetime {
                Values::Whole(present.iter().map(|&x| x as i64).collect())
            } else {
                Values::Real(present.into())
            };
            Table::new(Arc::clone(&metadata), numbers.len(), vec![Column::new(values, Some(gaps)).expect("column")]).expect("table")
        };
        let tables = sides.map(table);
        Secret::of(&[&tables[0], &tables[1], &tables[2]], 0, 0.05)
    }

    #[test]
    fn a_guess_is_judged_by_the_size_of_the_truth_whatever_its_sign() {
        let numbers = secret(Kind::Continuous, [&[-100.0, 0.0, f64::NAN], &[], &[-104.0, -106.0, 100.0, 0.0, 1e-9, f64::NAN]]);
        let right = |row: u32| (0..6).map(|guess| numbers.is_right(0, row, guess)).collect::<Vec<_>>();
        assert_eq!(right(0), [true, false, false, false, false, false]);
        assert_eq!(right(1), [false, false, false, true, false, false]);
        assert_eq!(right(2), [false, false, false, false, false, true]);
    }

    #[test]
    fn instants_count_from_the_earliest_real_one() {
        let day = 86_400.0 * 365.0;
        let start = 50.0 * day;
        let instants = secret(Kind::Datetime, [&[start + 100.0], &[start], &[start + 104.0, start + 106.0]]);
        assert!(instants.is_right(0, 0, 0));
        assert!(!instants.is_right(0, 0, 1));
    }

    #[test]
    fn tied_rows_share_the_success() {
        let cells = |main: &[u16]| Cells { main: main.to_vec(), flag: Vec::new() };
        let known = Column16 { measure: Measure::Number, sides: [&[5u16, 900][..], &[5, 900], &[5, 5, 800]].map(cells).to_vec() };
        let levels = Secret::Levels(vec![vec![1, 1], vec![2, 0], vec![1, 2, 1]]);
        let found = attack("s".to_owned(), &[&known], &levels, [&[0, 1], &[0, 1], &[0, 1, 2]], &Seed::of_task(1, "t"), &Budget::quiet(1));
        let found = found.expect("nobody stops it");
        assert_eq!((found.train[0].count, found.control.count, found.trials), (1.5, 0.5, 2));
    }
}
