//! Which cells are missing together.
//!
//! # Definition
//! `1 - sum |p_real - p_sample| / 2` over the patterns of missing cells that rows have, p = share of rows.

use crate::folds::{Estimate, FOLDS};
use crate::parts::side::Side;
use std::collections::BTreeMap;

/// Agreement of the patterns over the columns at `places`, on all rows and without each fold; `None` if a table
/// has no rows.
pub fn agreement(real: &Side, sample: &Side, places: &[usize]) -> Option<Estimate> {
    let sides = [real, sample];
    let has_gaps = |place: &usize| sides.iter().any(|side| side.table.column(*place).missing_count() > 0);
    let gapped: Vec<usize> = places.iter().copied().filter(has_gaps).collect();
    let words = gapped.len().div_ceil(64).max(1);
    let patterns = sides.map(|side| patterns(side, &gapped, words));
    let mut counts: BTreeMap<&[u64], [[u32; FOLDS]; 2]> = BTreeMap::new();
    for (which, side) in sides.iter().enumerate() {
        for (pattern, &fold) in patterns[which].chunks_exact(words).zip(&side.fold) {
            counts.entry(pattern).or_insert([[0; FOLDS]; 2])[which][usize::from(fold)] += 1;
        }
    }
    let agreement = |fold: Option<usize>| {
        let left = |counts: &[u32; FOLDS]| f64::from(counts.iter().sum::<u32>() - fold.map_or(0, |fold| counts[fold]));
        let rows = sides.map(|side| left(&side.sizes));
        1.0 - 0.5 * counts.values().map(|[real, sample]| (left(real) / rows[0] - left(sample) / rows[1]).abs()).sum::<f64>()
    };
    let mut estimate = Estimate::fixed(agreement(None));
    estimate.without.iter_mut().enumerate().for_each(|(fold, slot)| *slot = agreement(Some(fold)));
    estimate.value.is_finite().then_some(estimate)
}

/// Bits of missing cells, `[rows, words]`.
fn patterns(side: &Side, gapped: &[usize], words: usize) -> Vec<u64> {
    let mut bits = vec![0; side.table.rows() * words];
    for (index, &place) in gapped.iter().enumerate() {
        let column = side.table.column(place);
        (0..column.len()).filter(|&row| column.is_missing(row)).for_each(|row| bits[row * words + index / 64] |= 1 << (index % 64));
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use synthfleet_proto::Seed;
    use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
    use synthfleet_table::{Bits, Column, Table, Values};

    /// Two columns with gaps where a mask has ones.
    fn table(masks: &[u8]) -> Table {
        let metadata = Arc::new(Metadata::plain("t", ["a", "b"].map(|name| ColumnMeta::plain(name, Kind::Continuous)).to_vec()));
        let column = |bit: u8| {
            let gaps = Bits::collect(masks.iter().map(|mask| mask >> bit & 1 == 1));
            Column::new(Values::Real(vec![0.0; masks.len()].into()), Some(gaps)).expect("column")
        };
        Table::new(metadata, masks.len(), vec![column(0), column(1)]).expect("table")
    }

    fn agree(real: &[u8], sample: &[u8]) -> f64 {
        let (real, sample) = (table(real), table(sample));
        let side = |table| Side::new(table, &Seed::of_task(1, "t"));
        agreement(&side(&real), &side(&sample), &[0, 1]).expect("rows").value
    }

    #[test]
    fn equal_rates_with_other_company_do_not_agree() {
        assert_eq!(agree(&[0, 0, 3, 3], &[1, 1, 2, 2]), 0.0);
        assert_eq!(agree(&[0, 0, 3, 3], &[0, 3, 0, 3]), 1.0);
        assert_eq!(agree(&[0, 0, 3, 3], &[0, 0, 0, 1]), 0.5);
    }

    #[test]
    fn tables_without_gaps_agree() {
        assert_eq!(agree(&[0, 0], &[0, 0, 0]), 1.0);
    }
}
