//! Copies of identifying values.
//!
//! # Definition
//! Of the sample's cells in one column, `p_t` = share whose value occurs in train, `p_h` = share whose value
//! occurs in the holdout; values that at least 5 train rows have are public and left out. Excess =
//! `p_t - p_h n_t / n_h`: what a generator that knows no row gets on average is 0. Error from the multinomial
//! variance of the two shares.

use super::checks::{Cell, cell};
use std::collections::{BTreeMap, BTreeSet};
use synthfleet_table::Table;

/// Train rows that make a value public.
const PUBLIC_ROWS: u32 = 5;

/// Excess of column `place` and its standard error; `None` if no cell can be judged.
pub fn excess(train: &Table, holdout: &Table, sample: &Table, place: usize) -> Option<(f64, f64)> {
    let mut in_train = BTreeMap::<Cell, u32>::new();
    for value in cells(train, place) {
        *in_train.entry(value).or_default() += 1;
    }
    let in_holdout: BTreeSet<Cell> = cells(holdout, place).collect();
    let (mut judged, mut copied, mut control) = (0u32, 0u32, 0u32);
    for value in cells(sample, place) {
        let times = in_train.get(&value).copied().unwrap_or(0);
        if times >= PUBLIC_ROWS {
            continue;
        }
        judged += 1;
        copied += u32::from(times > 0);
        control += u32::from(in_holdout.contains(&value));
    }
    if judged == 0 || holdout.rows() == 0 {
        return None;
    }
    let n = f64::from(judged);
    let (p, q, scale) = (f64::from(copied) / n, f64::from(control) / n, train.rows() as f64 / holdout.rows() as f64);
    let variance = (p * (1.0 - p) + scale * scale * q * (1.0 - q) + 2.0 * scale * p * q) / n;
    Some((p - scale * q, variance.max(0.0).sqrt()))
}

fn cells(table: &Table, place: usize) -> impl Iterator<Item = Cell<'_>> {
    let column = table.column(place);
    (0..column.len()).filter_map(|row| cell(column, row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
    use synthfleet_table::{Column, Strings, Values};

    fn texts(range: std::ops::Range<u32>) -> Table {
        let metadata = Arc::new(Metadata::plain("t", vec![ColumnMeta::plain("mail", Kind::Text)]));
        let texts: Strings = range.clone().map(|i| format!("u{i}@example.org")).collect();
        Table::new(metadata, range.len(), vec![Column::new(Values::Text(texts), None).expect("column")]).expect("table")
    }

    #[test]
    fn copied_addresses_are_in_excess_and_guessed_numbers_are_not() {
        let (train, holdout) = (texts(0..80), texts(80..100));
        assert_eq!(excess(&train, &holdout, &train, 0), Some((1.0, 0.0)));
        let (guessed, error) = excess(&train, &holdout, &texts(0..100), 0).expect("judged");
        assert!(guessed.abs() < 1e-12 && error > 0.0);
    }
}
