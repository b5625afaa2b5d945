//! Numbers as a few codes, so that they can be counted together with levels.

use super::side;
use synthfleet_table::Table;

/// Codes of one column and how many codes there can be; a missing cell has a code of its own unless the
/// coding says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codes {
    /// `[rows]`, each below `count`.
    pub codes: Vec<u32>,
    /// Number of possible codes.
    pub count: u32,
}

/// Number of equal-width bins.
const BINS: usize = 10;

/// Codes of column `place` by the table's own range: the code is the number of edges not above the value,
/// so the maximum shares code 11 with missing cells. Levels are their own codes.
///
/// Both oddities are kept on purpose: SDMetrics codes so.
pub fn own_range(table: &Table, place: usize) -> Codes {
    if !table.metadata().columns[place].kind.is_number_like() {
        return levels(table, place);
    }
    let numbers = side::numbers(table, place);
    let edges = equal_width(&numbers);
    let code = |x: f64| if x.is_nan() { edges.len() } else { edges.partition_point(|edge| *edge <= x) };
    Codes { codes: numbers.iter().map(|&x| code(x) as u32).collect(), count: edges.len() as u32 + 1 }
}

/// Codes of column `place` by the edges of `real`, the outer ones open, with a code of its own for missing
/// cells.
pub fn real_range(real: &Table, table: &Table, place: usize) -> Codes {
    if !table.metadata().columns[place].kind.is_number_like() {
        return levels(table, place);
    }
    let edges = equal_width(&side::numbers(real, place));
    let inner = &edges[1..BINS];
    let code = |x: f64| if x.is_nan() { BINS } else { inner.partition_point(|edge| *edge <= x) };
    let numbers = side::numbers(table, place);
    Codes { codes: numbers.iter().map(|&x| code(x) as u32).collect(), count: BINS as u32 + 1 }
}

fn levels(table: &Table, place: usize) -> Codes {
    Codes { codes: side::levels(table, place), count: table.metadata().columns[place].levels.len() as u32 + 1 }
}

/// Eleven edges over the range of the values present; half a unit to each side of a constant; 0 to 1 if
/// there is no value.
fn equal_width(numbers: &[f64]) -> Vec<f64> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for &x in numbers.iter().filter(|x| !x.is_nan()) {
        (low, high) = (low.min(x), high.max(x));
    }
    let (low, high) = match () {
        () if low > high => (0.0, 1.0),
        () if low == high => (low - 0.5, high + 0.5),
        () => (low, high),
    };
    let step = (high - low) / BINS as f64;
    (0..=BINS).map(|i| if i == BINS { high } else { low + step * i as f64 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
    use synthfleet_table::{Bits, Column, Values};

    fn table(values: &[f64], missing: &[usize]) -> Table {
        let metadata = Arc::new(Metadata::plain("t", vec![ColumnMeta::plain("x", Kind::Continuous)]));
        let bits = Bits::collect((0..values.len()).map(|row| missing.contains(&row)));
        let column = Column::new(Values::Real(values.into()), Some(bits)).expect("column");
        Table::new(metadata, values.len(), vec![column]).expect("table")
    }

    #[test]
    fn the_maximum_shares_a_code_with_missing_cells_in_the_own_range() {
        assert_eq!(own_range(&table(&[0.0, 5.0, 10.0, 0.0], &[3]), 0).codes, [1, 6, 11, 11]);
    }

    #[test]
    fn real_edges_see_a_shift_that_own_edges_hide() {
        let (real, tripled) = (table(&[0.0, 5.0, 10.0], &[]), table(&[0.0, 15.0, 30.0], &[]));
        assert_eq!(own_range(&real, 0), own_range(&tripled, 0));
        assert_eq!(real_range(&real, &tripled, 0).codes, [0, 9, 9]);
    }
}
