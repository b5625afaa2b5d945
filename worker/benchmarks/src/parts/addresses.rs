//! Rows addressed by what they hold, so that the order of a table's rows decides nothing.
//!
//! # Definition
//! Rows are put into the order of a 64-bit number made of their cells (names of columns, values, texts of
//! labels, never codes or places); a seeded permutation of that order says which row comes first. Rows that
//! are equal in all columns asked for may stand for each other.

use super::side;
use crate::folds::FOLDS;
use synthfleet_proto::Seed;
use synthfleet_table::random::Draw;
use synthfleet_table::{SeedExt, Table};

/// The rows of `table`, judged by the columns at `places`, in a seeded order.
pub fn rows(table: &Table, places: &[usize], seed: &Seed) -> Vec<u32> {
    let contents = contents(table, places);
    let mut order: Vec<u32> = (0..table.rows() as u32).collect();
    order.sort_unstable_by_key(|&row| (contents[row as usize], row));
    seed.rng().permutation(order.len()).into_iter().map(|place| order[place as usize]).collect()
}

/// The fold of the row at `place` of a seeded order.
pub const fn fold_of(place: usize) -> u8 {
    (place % FOLDS) as u8
}

/// The fold of each row of a table, `[rows]`, given its rows in a seeded order.
pub fn folds(rows: &[u32]) -> Vec<u8> {
    let mut folds = vec![0; rows.len()];
    rows.iter().enumerate().for_each(|(place, &row)| folds[row as usize] = fold_of(place));
    folds
}

/// A number for what each row holds, `[rows]`; the order of columns and of levels plays no part.
fn contents(table: &Table, places: &[usize]) -> Vec<u64> {
    let mut contents = vec![0u64; table.rows()];
    for &place in places {
        let meta = &table.metadata().columns[place];
        let name = of_text(&meta.name);
        let mut add = |row: usize, cell: u64| contents[row] = contents[row].wrapping_add(mixed(name ^ cell));
        if meta.kind.is_number_like() {
            let numbers = side::numbers(table, place);
            // adding 0 makes the negative zero positive: both are one value
            numbers
                .iter()
                .enumerate()
                .for_each(|(row, number)| add(row, if number.is_nan() { 0 } else { mixed((number + 0.0).to_bits()) }));
        } else {
            let labels: Vec<u64> = meta.levels.iter().map(|label| mixed(of_text(label))).chain([0]).collect();
            side::levels(table, place).iter().enumerate().for_each(|(row, &level)| add(row, labels[level as usize]));
        }
    }
    contents
}

/// FNV-1a.
fn of_text(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The finalizer of SplitMix64.
pub(crate) const fn mixed(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::mixed as mixed_table;

    /// The rows of a table in their seeded order, as numbers of what they hold.
    fn addressed(table: &Table, places: &[usize]) -> Vec<u64> {
        let contents = contents(table, places);
        rows(table, places, &Seed::of_task(1, "t")).iter().map(|&row| contents[row as usize]).collect()
    }

    #[test]
    fn the_order_of_rows_decides_nothing() {
        let table = mixed_table(200, 10, 10).0.train;
        let places: Vec<usize> = table.metadata().modelled().collect();
        let shuffled = table.take(&Seed::of_task(2, "t").rng().permutation(200));
        assert_eq!(addressed(&table, &places), addressed(&shuffled, &places));
    }

    #[test]
    fn rows_that_differ_in_one_cell_have_different_numbers() {
        let table = mixed_table(2_000, 10, 10).0.train;
        let place = table.metadata().columns.iter().position(|meta| meta.name == "income").expect("a column");
        let mut all = contents(&table, &[place]);
        all.sort_unstable();
        all.dedup();
        let present = table.rows() - table.column(place).missing_count();
        assert_eq!(all.len(), present + 1, "each value its own, all gaps one");
    }

    #[test]
    fn every_row_comes_once() {
        let mut rows = rows(&mixed_table(107, 10, 10).0.train, &[0], &Seed::of_task(1, "t"));
        let sizes = crate::folds::sizes(&folds(&rows));
        rows.sort_unstable();
        assert_eq!(rows, (0..107).collect::<Vec<u32>>());
        assert_eq!((sizes.iter().min(), sizes.iter().max()), (Some(&5), Some(&6)));
    }
}
