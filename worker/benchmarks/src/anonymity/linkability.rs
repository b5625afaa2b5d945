//! Linkability: does the sample join two halves of a row, more often for train rows than for others?
//!
//! # Definition
//! The columns are cut in two halves. Let A and B be the different sample rows nearest to a row in the one
//! half and in the other, all of those that tie. The attack succeeds with probability
//! `|A and B| / (|A| |B|)`: ties are broken at random on both sides, so one tied side counts 1 / its size.
//! Whoever guesses names two sample rows. Successes are the mean over the splits, the number of attacks that
//! of one split: splits share their rows.

use super::attack::{Attack, Successes};
use super::ties::{Lists, Seen};
use crate::parts::encode16::Column16;
use crate::parts::neighbours::by_chunk;
use synthfleet_proto::{Result, Seed};
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt};

/// Two halves of the columns, by place among them.
pub type Halves = [Vec<usize>; 2];

/// Seeded halves of `columns` columns.
pub fn halves(columns: usize, splits: usize, seed: &Seed) -> Vec<Halves> {
    let half = |split: usize| {
        let order = seed.index(split as u64).rng().permutation(columns);
        let (first, second) = order.split_at(columns / 2);
        [first, second].map(|half| {
            let mut half: Vec<usize> = half.iter().map(|&column| column as usize).collect();
            half.sort_unstable();
            half
        })
    };
    (0..splits).map(half).collect()
}

/// The attack by one split. `rows`: attacked rows of train and of the control, equally many, and the sample's.
pub fn attack(name: String, columns: &[Column16], halves: &Halves, rows: [&[u32]; 3], seed: &Seed, budget: &Budget) -> Result<Attack> {
    let known = [0, 1].map(|half| Seen::of(halves[half].iter().map(|&column| &columns[column]), 2, rows[2]));
    let joined = Joined::of(&known);
    let successes = |side: usize| -> Result<Successes> {
        let queries = [0, 1].map(|half| known[half].space.rows(side, rows[side]));
        let lanes = [0, 1].map(|half| known[half].space.lanes());
        let chunks = by_chunk(&queries[0], lanes[0], budget, |first, cells| {
            let others = &queries[1][first * lanes[1]..][..cells.len() / lanes[0] * lanes[1]];
            let nearest = known[0].nearest(cells).into_iter().zip(known[1].nearest(others));
            nearest.map(|(a, b)| joined.success(&a, &b)).collect::<Vec<f64>>()
        })?;
        Ok(Successes::own(chunks.iter().flatten().sum()))
    };
    let mut rng = seed.rng();
    let mut guess = || rng.below(joined.rows as u64);
    let guesser = (0..rows[0].len()).filter(|_| guess() == guess()).count() as f64;
    Ok(Attack { name, trials: rows[0].len(), train: vec![successes(0)?], control: successes(1)?, guesser })
}

/// The mean of some splits.
pub fn mean(splits: &[Attack]) -> Option<Attack> {
    let first = splits.first()?;
    let mean = |of: &dyn Fn(&Attack) -> f64| splits.iter().map(of).sum::<f64>() / splits.len() as f64;
    Some(Attack {
        name: "linkability".to_owned(),
        trials: first.trials,
        train: vec![Successes::own(mean(&|split| split.train.iter().map(|block| block.count).sum()))],
        control: Successes::own(mean(&|split| split.control.count)),
        guesser: mean(&|split| split.guesser),
    })
}

/// Different sample rows as pairs of their halves.
struct Joined {
    rows: usize,
    /// Second halves by first half, first halves by second half.
    by_half: [Lists; 2],
}

impl Joined {
    fn of(known: &[Seen; 2]) -> Self {
        let mut pairs: Vec<(u32, u32)> = known[0].patterns.of_row.iter().copied().zip(known[1].patterns.of_row.iter().copied()).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let turned: Vec<(u32, u32)> = pairs.iter().map(|&(a, b)| (b, a)).collect();
        Self { rows: pairs.len(), by_half: [Lists::of(known[0].patterns.len(), &pairs), Lists::of(known[1].patterns.len(), &turned)] }
    }

    /// The chance that a row named by its first half is also named by its second; both ascending.
    fn success(&self, first: &[u32], second: &[u32]) -> f64 {
        let rows = |half: usize, ties: &[u32]| ties.iter().map(|&tie| self.by_half[half].get(tie).len()).sum::<usize>();
        let (of_first, of_second) = (rows(0, first), rows(1, second));
        if of_first == 0 || of_second == 0 {
            return 0.0;
        }
        let both = |half: usize, ties: &[u32], others: &[u32]| {
            let rows = ties.iter().flat_map(|&tie| self.by_half[half].get(tie));
            rows.filter(|other| others.binary_search(other).is_ok()).count()
        };
        let both = if of_first <= of_second { both(0, first, second) } else { both(1, second, first) };
        both as f64 / (of_first as f64 * of_second as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::encode16::{Cells, Measure};

    fn numbers(sides: [&[u16]; 3]) -> Column16 {
        let cells = |main: &[u16]| Cells { main: main.to_vec(), flag: Vec::new() };
        Column16 { measure: Measure::Number, sides: sides.map(cells).to_vec() }
    }

    fn found(columns: &[Column16]) -> Attack {
        let all: Vec<Vec<u32>> = (0..3).map(|side| (0..columns[0].sides[side].main.len() as u32).collect()).collect();
        let seed = Seed::of_task(1, "t");
        attack("s".to_owned(), columns, &[vec![0], vec![1]], [&all[0], &all[1], &all[2]], &seed, &Budget::quiet(1))
            .expect("nobody stops it")
    }

    #[test]
    fn a_row_is_linked_where_both_halves_name_one_sample_row() {
        // sample rows (10, 10) and (90, 90): (11, 12) belongs together, (11, 80) does not
        let columns = [numbers([&[11], &[11], &[10, 90]]), numbers([&[12], &[80], &[10, 90]])];
        assert_eq!((found(&columns).train[0].count, found(&columns).control.count), (1.0, 0.0));
    }

    #[test]
    fn a_tie_shares_its_success() {
        // the first half names two of three sample rows, the second half one of these two
        let columns = [numbers([&[10], &[90], &[10, 10, 90]]), numbers([&[20], &[50], &[20, 30, 50]])];
        assert_eq!((found(&columns).train[0].count, found(&columns).control.count), (0.5, 1.0));
    }

    #[test]
    fn equal_sample_rows_are_one() {
        let columns = [numbers([&[10], &[90], &[10, 10, 90]]), numbers([&[20], &[50], &[20, 20, 50]])];
        assert_eq!((found(&columns).train[0].count, found(&columns).control.count), (1.0, 1.0));
    }

    #[test]
    fn halves_hold_every_column_once() {
        for [a, b] in halves(7, 4, &Seed::of_task(1, "t")) {
            let mut all = [a, b].concat();
            all.sort_unstable();
            assert_eq!(all, (0..7).collect::<Vec<_>>());
        }
    }
}
