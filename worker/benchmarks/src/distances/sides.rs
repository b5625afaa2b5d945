//! Which rows are compared.
//!
//! # Definition
//! T and H are seeded subsets of train and holdout of equal size `m = min(train, holdout, rows_max)`. The
//! pool of all rows has at most `pool_max`: T and H first, then more of both in proportion. S has at most
//! `rows_max` rows of the sample.

use crate::member::Real;
use synthfleet_proto::Seed;
use synthfleet_table::random::Draw;
use synthfleet_table::{SeedExt, Table};

/// The place of each table among the sides that are encoded together.
pub const TRAIN: usize = 0;
/// See [`TRAIN`].
pub const HOLDOUT: usize = 1;
/// See [`TRAIN`].
pub const SAMPLE: usize = 2;

/// Rows of all sides, by place in their table.
#[derive(Debug, Clone)]
pub struct Sides {
    /// Rows of T, and of H.
    pub m: usize,
    /// Train rows of the pool; the first `m` are T.
    pub train: Vec<u32>,
    /// Holdout rows of the pool; the first `m` are H.
    pub holdout: Vec<u32>,
    /// Sample rows.
    pub sample: Vec<u32>,
}

impl Sides {
    /// Chooses rows; those of the real side are the same for all samples.
    pub fn choose(real: &Real, sample: Option<(&Table, &Seed)>, rows_max: usize, pool_max: usize) -> Self {
        let (n_t, n_h) = (real.train.rows(), real.holdout.rows());
        let m = n_t.min(n_h).min(rows_max);
        let share = (pool_max as u64 * n_h as u64 / (n_t + n_h).max(1) as u64) as usize;
        let (of_train, of_holdout) = if n_t + n_h <= pool_max { (n_t, n_h) } else { (pool_max - share.max(m), share.max(m)) };
        let chosen = |seed: &Seed, name: &str, rows: usize, most: usize| {
            let mut places = seed.child(name).rng().permutation(rows);
            places.truncate(most);
            places
        };
        Self {
            m,
            train: chosen(&real.shared, "train", n_t, of_train.max(m)),
            holdout: chosen(&real.shared, "holdout", n_h, of_holdout),
            sample: sample.map_or_else(Vec::new, |(table, seed)| chosen(seed, "sample", table.rows(), rows_max)),
        }
    }

    /// T, the rest of train, H, the rest of holdout: side and rows of each.
    pub fn segments(&self) -> [(usize, &[u32]); 4] {
        let (t, rest_of_train) = self.train.split_at(self.m);
        let (h, rest_of_holdout) = self.holdout.split_at(self.m);
        [(TRAIN, t), (TRAIN, rest_of_train), (HOLDOUT, h), (HOLDOUT, rest_of_holdout)]
    }
}
