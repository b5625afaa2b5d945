//! Correct attribution: how much a row's key tells of its secret in the sample.
//!
//! # Definition
//! With sample rows counted by key and by (key, secret): `cap` of a real row = rows with its key and its secret
//! / rows with its key, undefined without a row of its key; `disclosive` = all rows with its key have its
//! secret; `replicated` = its key is unique among the real rows of its side and in the sample.
//! `generalized` = the same share among the sample rows whose keys differ from the row's in the fewest columns.
//!
//! # Reference
//! Taub et al. 2018, doi 10.1007/978-3-319-99771-1_9; Raab, Nowok, Dibben 2024, arXiv 2406.16826.

use super::keys::{Tuples, joined};
use rayon::prelude::*;
use std::collections::BTreeMap;
use synthfleet_proto::Result;
use synthfleet_table::Budget;

/// The place of the sample among the sides; others are real.
pub const SAMPLE: usize = 2;

/// The sample counted.
pub struct Counted<'a> {
    keys: &'a Tuples,
    secrets: &'a Tuples,
    /// (key, secret) of each row.
    both: Vec<Vec<u32>>,
    /// Sample rows with each key, with each (key, secret).
    with_key: Vec<u32>,
    with_both: Vec<u32>,
}

impl<'a> Counted<'a> {
    /// Counts sample rows by key and by key and secret.
    pub fn of(keys: &'a Tuples, secrets: &'a Tuples) -> Self {
        let (both, pairs) = joined(&keys.of_row, &secrets.of_row);
        let count = |count: usize, of_row: &[u32]| {
            let mut rows = vec![0u32; count];
            of_row.iter().for_each(|&tuple| rows[tuple as usize] += 1);
            rows
        };
        let (with_key, with_both) = (count(keys.count, &keys.of_row[SAMPLE]), count(pairs, &both[SAMPLE]));
        Self { keys, secrets, both, with_key, with_both }
    }

    /// The secrets.
    pub fn secrets(&self) -> &Tuples {
        self.secrets
    }

    /// Correct attribution of each of the first `most` rows of a side; `None`: no sample row has its key.
    pub fn cap(&self, side: usize, most: usize) -> Vec<Option<f64>> {
        let rows = self.keys.of_row[side].iter().zip(&self.both[side]).take(most);
        let share = |(&key, &both): (&u32, &u32)| match self.with_key[key as usize] {
            0 => None,
            rows => Some(f64::from(self.with_both[both as usize]) / f64::from(rows)),
        };
        rows.map(share).collect()
    }

    /// Of the first `most` rows of a side, those whose key is unique among them and in the sample.
    pub fn replicated(&self, side: usize, most: usize) -> usize {
        let keys = &self.keys.of_row[side][..most.min(self.keys.of_row[side].len())];
        let mut rows = vec![0u32; self.keys.count];
        keys.iter().for_each(|&key| rows[key as usize] += 1);
        keys.iter().filter(|&&key| rows[key as usize] == 1 && self.with_key[key as usize] == 1).count()
    }

    /// Attribution by the nearest keys of the first `most` rows of a side, searched among the first `most`
    /// sample rows; no key column at all: all keys are equal.
    pub fn generalized(&self, side: usize, most: usize, budget: &Budget) -> Result<Vec<f64>> {
        let sample = Sample::of(self, most);
        let rows = most.min(self.keys.of_row[side].len());
        let mut different: BTreeMap<(u32, u32), usize> = BTreeMap::new();
        for row in 0..rows {
            different.entry((self.keys.of_row[side][row], self.secrets.of_row[side][row])).or_insert(row);
        }
        let shares: Vec<((u32, u32), f64)> = different
            .into_par_iter()
            .map(|(pair, row)| {
                budget.go_on()?;
                let key: Vec<u32> = self.keys.codes.iter().map(|column| column[side][row]).collect();
                Ok((pair, sample.share(&key, pair.1)))
            })
            .collect::<Result<_>>()?;
        let shares: BTreeMap<(u32, u32), f64> = shares.into_iter().collect();
        Ok((0..rows).map(|row| shares[&(self.keys.of_row[side][row], self.secrets.of_row[side][row])]).collect())
    }
}

/// Some sample rows by key.
struct Sample {
    /// Codes of each key, `[keys, columns]`.
    codes: Vec<u32>,
    columns: usize,
    /// Rows of each key by secret.
    secrets: Vec<BTreeMap<u32, u32>>,
}

impl Sample {
    fn of(counted: &Counted, most: usize) -> Self {
        let keys = &counted.keys.of_row[SAMPLE];
        let mut places: BTreeMap<u32, usize> = BTreeMap::new();
        let mut sample = Self { codes: Vec::new(), columns: counted.keys.codes.len(), secrets: Vec::new() };
        for row in 0..most.min(keys.len()) {
            let place = *places.entry(keys[row]).or_insert_with(|| {
                sample.codes.extend(counted.keys.codes.iter().map(|column| column[SAMPLE][row]));
                sample.secrets.push(BTreeMap::new());
                sample.secrets.len() - 1
            });
            *sample.secrets[place].entry(counted.secrets.of_row[SAMPLE][row]).or_insert(0) += 1;
        }
        sample
    }

    /// The share of `secret` among the rows of the nearest keys.
    fn share(&self, key: &[u32], secret: u32) -> f64 {
        let (mut nearest, mut right, mut all) = (usize::MAX, 0, 0);
        for (place, secrets) in self.secrets.iter().enumerate() {
            let other = &self.codes[place * self.columns..][..self.columns];
            let apart = key.iter().zip(other).filter(|(a, b)| a != b).count();
            if apart < nearest {
                (nearest, right, all) = (apart, 0, 0);
            }
            if apart == nearest {
                right += secrets.get(&secret).copied().unwrap_or(0);
                all += secrets.values().sum::<u32>();
            }
        }
        f64::from(right) / f64::from(all.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tuples of one column.
    fn tuples(sides: [&[u32]; 3]) -> Tuples {
        let codes: Vec<Vec<u32>> = sides.iter().map(|side| side.to_vec()).collect();
        let start: Vec<Vec<u32>> = codes.iter().map(|side| vec![0; side.len()]).collect();
        let (of_row, count) = joined(&start, &codes);
        Tuples { codes: vec![codes], of_row, count }
    }

    #[test]
    fn attribution_is_the_share_of_the_secret_among_rows_of_the_key() {
        let keys = tuples([&[1, 2, 3], &[], &[1, 1, 1, 2, 9]]);
        let secrets = tuples([&[7, 7, 7], &[], &[7, 7, 8, 8, 7]]);
        let counted = Counted::of(&keys, &secrets);
        assert_eq!(counted.cap(0, 3), [Some(2.0 / 3.0), Some(0.0), None]);
        assert_eq!(counted.replicated(0, 3), 1);
    }

    #[test]
    fn without_its_key_a_row_is_told_by_all_nearest_keys() {
        let keys = tuples([&[1, 3], &[], &[1, 2, 2]]);
        let secrets = tuples([&[7, 7], &[], &[7, 7, 8]]);
        let found = Counted::of(&keys, &secrets).generalized(0, 9, &Budget::quiet(1)).expect("nobody stops it");
        assert_eq!(found, [1.0, 2.0 / 3.0]);
    }
}
