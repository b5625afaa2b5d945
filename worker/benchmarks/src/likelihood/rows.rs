//! Which rows enter, and means over rows on all of them and without each fold.

use super::LikelihoodOptions;
use super::outcome::reason;
use crate::folds::{self, Estimate, FOLDS};
use std::cmp::Ordering;
use synthfleet_proto::Seed;
use synthfleet_proto::about::Reason;
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt};

/// What keeps the logarithm of an impossible row finite.
pub const FLOOR: f64 = 1e-8;
/// Its logarithm.
pub const LN_FLOOR: f64 = -18.420_680_743_952_367;
/// `rows_max` is not halved below this.
pub const ROWS_MIN: usize = 1_000;
/// Fewest rows of a side: one for each fold.
pub const SIDE_MIN: usize = FOLDS;
/// Bytes of a cell, at most: as a number, sorted, coded.
pub const CELL_BYTES: u64 = 32;
/// Bytes of a row's shares in all mixtures of one size at once.
const SHARE_BYTES: u64 = 8 * 3;
/// Most rows times pairs of columns that a tree may cost.
const PAIRS_MAX: u64 = 8_000_000_000;

/// Most rows of a side. Follows from options, columns and planned memory.
pub struct Caps {
    /// Most rows.
    pub rows: usize,
    /// Fewer than the options ask for.
    pub limited: bool,
}

impl Caps {
    /// The cap for these columns.
    pub fn of(places: &[usize], options: &LikelihoodOptions, budget: &Budget) -> Result<Self, Reason> {
        let columns = places.len() as u64;
        let components: u64 = options.components.iter().map(|&size| size as u64).sum();
        let row_bytes = columns * CELL_BYTES + components * SHARE_BYTES;
        let fits = |rows: usize| {
            let rows = rows as u64;
            rows * row_bytes <= budget.memory_bytes_max() / 2 && rows * (columns * columns / 2) <= PAIRS_MAX
        };
        let mut rows = options.rows_max;
        while !fits(rows) && rows >= 2 * ROWS_MIN {
            rows /= 2;
        }
        if fits(rows) {
            Ok(Self { rows, limited: rows < options.rows_max })
        } else {
            Err(reason("over_budget", format!("{columns} columns are too many for {rows} rows")))
        }
    }
}

/// Places of at most `most` of `rows` rows. Which ones depends on what the rows hold, never on their order; `compare`
/// orders two rows by what they hold.
pub fn chosen(seed: &Seed, rows: usize, most: usize, compare: impl Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows).collect();
    if rows <= most {
        return order;
    }
    order.sort_unstable_by(|&a, &b| compare(a, b));
    seed.rng().permutation(rows).into_iter().take(most).map(|place| order[place as usize]).collect()
}

/// The mean of a value a row, `[rows]`; `seed` is the stream of the side's folds.
pub fn mean(values: &[f64], seed: &Seed) -> Estimate {
    let folds = folds::assign(&seed.child("folds"), values.len());
    let (mut sums, sizes) = ([0.0; FOLDS], folds::sizes(&folds));
    values.iter().zip(&folds).for_each(|(value, &fold)| sums[fold as usize] += value);
    let total: f64 = sums.iter().sum();
    let mut estimate = Estimate::fixed(total / values.len() as f64);
    for ((without, sum), size) in estimate.without.iter_mut().zip(sums).zip(sizes) {
        *without = (total - sum) / (values.len() as f64 - f64::from(size));
    }
    estimate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_its_logarithm() {
        assert_eq!(libm::log(FLOOR), LN_FLOOR);
    }

    #[test]
    fn a_mean_without_a_fold_is_that_of_the_other_rows() {
        let values: Vec<f64> = (0..107).map(|i| f64::from(i * i % 31)).collect();
        let seed = Seed::of_task(1, "t");
        let estimate = mean(&values, &seed);
        let folds = folds::assign(&seed.child("folds"), values.len());
        let others: Vec<f64> = values.iter().zip(&folds).filter(|(_, fold)| **fold != 3).map(|(value, _)| *value).collect();
        assert!((estimate.without[3] - others.iter().sum::<f64>() / others.len() as f64).abs() < 1e-12);
        assert!((estimate.value - values.iter().sum::<f64>() / 107.0).abs() < 1e-12);
    }

    #[test]
    fn the_same_rows_are_chosen_in_whatever_order_they_stand() {
        let values: Vec<u32> = (0..500).map(|i| i * 7 % 501).collect();
        let turned: Vec<u32> = values.iter().rev().copied().collect();
        let take = |values: &[u32]| -> Vec<u32> {
            let places = chosen(&Seed::of_task(1, "t"), values.len(), 50, |a, b| values[a].cmp(&values[b]));
            places.into_iter().map(|place| values[place]).collect()
        };
        assert_eq!(take(&values), take(&turned));
        assert_eq!(take(&values).len(), 50);
    }

    #[test]
    fn wide_tables_take_fewer_rows_and_the_widest_none() {
        let rows = |columns: usize| {
            let places: Vec<usize> = (0..columns).collect();
            Caps::of(&places, &LikelihoodOptions::default(), &Budget::quiet(1)).map(|caps| (caps.rows, caps.limited))
        };
        assert_eq!(rows(50).ok(), Some((50_000, false)));
        assert_eq!(rows(2_000).ok(), Some((3_125, true)));
        assert_eq!(rows(16_000).err().map(|reason| reason.code), Some("over_budget".to_owned()));
    }
}
