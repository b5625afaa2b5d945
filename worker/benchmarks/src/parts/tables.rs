//! One-, two- and three-way count tables of coded columns: their distance, its ceiling, and the normalised
//! mutual information of pairs, on all rows and without each fold.
//!
//! # Definition
//! See [`crate::accuracy`]. NMI = `I / sqrt(Hx Hy)` in nats, 0 if an entropy is 0.
//!
//! # Cost
//! A set of k columns takes one pass over the rows and 12^k x 20 counts, at most 140 KiB a side.

use super::each::each;
use super::quantile_codes::{self, CODES};
use super::side::Side;
use crate::folds::{Estimate, FOLDS};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt};

/// One to three columns; unused places hold `usize::MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Set(pub [usize; 3]);

impl Set {
    fn columns(&self) -> &[usize] {
        let size = self.0.iter().take_while(|&&column| column != usize::MAX).count();
        &self.0[..size]
    }
}

/// What was found for one set of columns.
#[derive(Debug, Clone)]
pub struct Way {
    /// Which columns.
    pub set: Set,
    /// Agreement of the two tables.
    pub accuracy: Estimate,
    /// What an honest sample gets.
    pub ceiling: Estimate,
    /// Pairs: normalised mutual information in the real table and in the sample.
    pub nmi: Option<[Estimate; 2]>,
}

/// Sets of `size` of `columns` columns in order, at most `sets_max`, and how many there are. Beyond that
/// number a seeded sample without repetition.
pub fn sets(columns: usize, size: usize, sets_max: usize, seed: &Seed) -> (Vec<Set>, usize) {
    let (n, none) = (columns as u128, usize::MAX);
    let total = match size {
        1 => n,
        2 => n * n.saturating_sub(1) / 2,
        _ => n * n.saturating_sub(1) * n.saturating_sub(2) / 6,
    };
    let everything = || -> Vec<Set> {
        match size {
            1 => (0..columns).map(|a| Set([a, none, none])).collect(),
            2 => (0..columns).flat_map(|a| (a + 1..columns).map(move |b| Set([a, b, none]))).collect(),
            _ => (0..columns).flat_map(|a| (a + 1..columns).flat_map(move |b| (b + 1..columns).map(move |c| Set([a, b, c])))).collect(),
        }
    };
    if size == 1 || total <= sets_max as u128 {
        return (everything(), total as usize);
    }
    let mut rng = seed.rng();
    let mut drawn = std::collections::BTreeSet::new();
    while drawn.len() < sets_max {
        let mut set = [none; 3];
        set[..size].fill_with(|| rng.below(n as u64) as usize);
        set[..size].sort_unstable();
        if set[..size].windows(2).all(|two| two[0] < two[1]) {
            drawn.insert(Set(set));
        }
    }
    (drawn.into_iter().collect(), usize::try_from(total).unwrap_or(usize::MAX))
}

/// The modelled columns of two tables as codes, in the order of their names, so that the order of columns
/// decides nothing.
pub struct Coded {
    places: Vec<usize>,
    codes: Vec<[Vec<u8>; 2]>,
    folds: [Vec<u8>; 2],
    sizes: [[u32; FOLDS]; 2],
    /// n ln n of every whole number up to the larger table.
    n_log_n: Vec<f64>,
}

type Counts = Vec<[u32; FOLDS]>;

impl Coded {
    /// Codes both sides by what the real one holds.
    pub fn new(real: &Side, sample: &Side, budget: &Budget) -> Result<Self> {
        let metadata = real.table.metadata();
        let mut places: Vec<usize> = metadata.modelled().collect();
        places.sort_by(|&a, &b| metadata.columns[a].name.cmp(&metadata.columns[b].name));
        let codes = each(budget, places.len(), |index| Ok(quantile_codes::of(real.table, sample.table, places[index])))?;
        let rows = real.table.rows().max(sample.table.rows());
        let n_log_n = (0..=rows).map(|n| if n == 0 { 0.0 } else { n as f64 * libm::log(n as f64) }).collect();
        let (folds, sizes) = ([real.fold.clone(), sample.fold.clone()], [real.sizes, sample.sizes]);
        Ok(Self { places, codes, folds, sizes, n_log_n })
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.places.len()
    }

    /// Place of a column in the table.
    pub fn place(&self, column: usize) -> usize {
        self.places[column]
    }

    /// Counts some sets.
    pub fn count(&self, sets: &[Set], budget: &Budget) -> Result<Vec<Way>> {
        each(budget, sets.len(), |index| Ok(self.way(sets[index])))
    }

    fn way(&self, set: Set) -> Way {
        let columns = set.columns();
        let counts = [0, 1].map(|side| self.counts(columns, side));
        let nmi = (columns.len() == 2).then(|| [0, 1].map(|side| self.nmi(&counts[side], side)));
        let (accuracy, ceiling) = self.compare(&counts);
        Way { set, accuracy, ceiling, nmi }
    }

    fn counts(&self, columns: &[usize], side: usize) -> Counts {
        let mut counts = vec![[0; FOLDS]; CODES.pow(columns.len() as u32)];
        let folds = &self.folds[side];
        let of = |column: usize| &self.codes[column][side][..folds.len()];
        let mut add = |cell: usize, row: usize| counts[cell][folds[row] as usize] += 1;
        match *columns {
            [a] => of(a).iter().enumerate().for_each(|(row, &a)| add(a as usize, row)),
            [a, b] => {
                let (a, b) = (of(a), of(b));
                (0..folds.len()).for_each(|row| add(a[row] as usize * CODES + b[row] as usize, row));
            }
            [a, b, c] => {
                let (a, b, c) = (of(a), of(b), of(c));
                (0..folds.len()).for_each(|row| add((a[row] as usize * CODES + b[row] as usize) * CODES + c[row] as usize, row));
            }
            _ => {}
        }
        counts
    }

    /// Rows of each side: all, then without each fold.
    fn rows(&self, side: usize) -> [f64; FOLDS + 1] {
        let all = self.folds[side].len() as f64;
        let mut rows = [all; FOLDS + 1];
        (0..FOLDS).for_each(|fold| rows[fold + 1] = all - f64::from(self.sizes[side][fold]));
        rows
    }

    fn compare(&self, counts: &[Counts; 2]) -> (Estimate, Estimate) {
        let (rows_real, rows_sample) = (self.rows(0), self.rows(1));
        let noise: [f64; FOLDS + 1] = std::array::from_fn(|i| std::f64::consts::FRAC_2_PI * (1.0 / rows_real[i] + 1.0 / rows_sample[i]));
        let (mut gap, mut allowed) = ([0.0; FOLDS + 1], [0.0; FOLDS + 1]);
        for (real, sample) in counts[0].iter().zip(&counts[1]) {
            let (all_real, all_sample) = (real.iter().sum::<u32>(), sample.iter().sum::<u32>());
            if all_real + all_sample == 0 {
                continue;
            }
            for i in 0..=FOLDS {
                let (without_real, without_sample) = if i == 0 { (0, 0) } else { (real[i - 1], sample[i - 1]) };
                let p = f64::from(all_real - without_real) / rows_real[i];
                let q = f64::from(all_sample - without_sample) / rows_sample[i];
                let spread = p * (1.0 - p);
                gap[i] += (p - q).abs();
                allowed[i] += (noise[i] * spread).sqrt().min(2.0 * spread);
            }
        }
        (estimate(&gap.map(|gap| 1.0 - 0.5 * gap)), estimate(&allowed.map(|allowed| 1.0 - 0.5 * allowed)))
    }

    fn nmi(&self, counts: &Counts, side: usize) -> Estimate {
        let rows = self.rows(side);
        let all: Vec<u32> = counts.iter().map(|cell| cell.iter().sum()).collect();
        let values: [f64; FOLDS + 1] = std::array::from_fn(|i| {
            let cell = |index: usize| all[index] - if i == 0 { 0 } else { counts[index][i - 1] };
            let (mut first, mut second, mut joint) = ([0; CODES], [0; CODES], 0.0);
            for index in 0..CODES * CODES {
                first[index / CODES] += cell(index);
                second[index % CODES] += cell(index);
                joint += self.n_log_n[cell(index) as usize];
            }
            let entropy = |sum: f64| libm::log(rows[i]) - sum / rows[i];
            let of = |margin: &[u32; CODES]| entropy(margin.iter().map(|&count| self.n_log_n[count as usize]).sum());
            let single = |margin: &[u32; CODES]| margin.iter().filter(|count| **count > 0).count() < 2;
            if single(&first) || single(&second) {
                return 0.0;
            }
            let (first, second) = (of(&first), of(&second));
            ((first + second - entropy(joint)).max(0.0) / (first * second).sqrt()).min(1.0)
        });
        estimate(&values)
    }
}

fn estimate(values: &[f64; FOLDS + 1]) -> Estimate {
    let mut estimate = Estimate::fixed(values[0]);
    estimate.without.copy_from_slice(&values[1..]);
    estimate
}

/// `sum w |NMI_real - NMI_sample| / sum w`, w = NMI_real; `None` if every w is 0.
pub fn weighted_nmi_error(pairs: &[Way]) -> Option<Estimate> {
    let both: Vec<&[Estimate; 2]> = pairs.iter().filter_map(|way| way.nmi.as_ref()).collect();
    let error = Estimate::combine(|at| {
        let weight: f64 = both.iter().map(|[real, _]| at(real)).sum();
        both.iter().map(|[real, sample]| at(real) * (at(real) - at(sample)).abs()).sum::<f64>() / weight
    });
    error.value.is_finite().then_some(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_all_or_a_sample_without_repetition() {
        let seed = Seed::of_task(1, "t");
        assert_eq!(sets(15, 3, 10_000, &seed).0.len(), 455);
        let (some, total) = sets(60, 3, 10_000, &seed);
        assert_eq!((some.len(), total), (10_000, 34_220));
        assert!(some.windows(2).all(|two| two[0] < two[1]));
        assert_eq!(sets(1, 2, 10, &seed).0.len(), 0);
    }
}
