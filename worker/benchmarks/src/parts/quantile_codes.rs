//! Codes of accuracy: each column as at most twelve cells, learnt on the real table.
//!
//! # Definition
//! A missing cell is 0. A number-like column with at most ten distinct values: one code a value, any other
//! value is "other". Else cut points = distinct values among `v[ceil(k n / 10) - 1]`, k = 1 to 9, v = sorted
//! values present; code = 1 + number of cuts below the value, so bins are closed on the right and the ends
//! are open. Discrete: the ten commonest levels (ties by bytes), the rest is "other".

use super::side;
use synthfleet_table::Table;

/// Most values or levels with a code of their own.
const OWN_MAX: usize = 10;
/// Codes a column can have: missing, ten of its own, "other".
pub const CODES: usize = OWN_MAX + 2;

/// Codes of column `place` in `real` and in `other`, each below [`CODES`], `[rows]`.
pub fn of(real: &Table, other: &Table, place: usize) -> [Vec<u8>; 2] {
    if real.metadata().columns[place].kind.is_number_like() { numbers(real, other, place) } else { levels(real, other, place) }
}

fn numbers(real: &Table, other: &Table, place: usize) -> [Vec<u8>; 2] {
    let values = [side::numbers(real, place), side::numbers(other, place)];
    let mut sorted: Vec<f64> = values[0].iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut distinct = sorted.clone();
    distinct.dedup();
    if sorted.is_empty() {
        return values.map(|values| values.iter().map(|value| u8::from(!value.is_nan())).collect());
    }
    if distinct.len() <= OWN_MAX {
        let code = |value: f64| distinct.iter().position(|own| *own == value).unwrap_or(distinct.len()) as u8 + 1;
        return values.map(|values| values.iter().map(|&value| if value.is_nan() { 0 } else { code(value) }).collect());
    }
    let mut cuts: Vec<f64> = (1..OWN_MAX).map(|k| sorted[(k * sorted.len()).div_ceil(OWN_MAX) - 1]).collect();
    cuts.dedup();
    let code = |value: f64| cuts.partition_point(|cut| *cut < value) as u8 + 1;
    values.map(|values| values.iter().map(|&value| if value.is_nan() { 0 } else { code(value) }).collect())
}

fn levels(real: &Table, other: &Table, place: usize) -> [Vec<u8>; 2] {
    let names = &real.metadata().columns[place].levels;
    let codes = [side::levels(real, place), side::levels(other, place)];
    let mut counts = vec![0u32; names.len() + 1];
    codes[0].iter().for_each(|&code| counts[code as usize] += 1);
    let mut order: Vec<usize> = (0..names.len()).filter(|&level| counts[level] > 0).collect();
    order.sort_by(|&a, &b| counts[b].cmp(&counts[a]).then_with(|| names[a].as_bytes().cmp(names[b].as_bytes())));
    let mut code_of = vec![OWN_MAX as u8 + 1; names.len() + 1];
    code_of[names.len()] = 0;
    order.iter().take(OWN_MAX).enumerate().for_each(|(rank, &level)| code_of[level] = rank as u8 + 1);
    codes.map(|codes| codes.iter().map(|&code| code_of[code as usize]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
    use synthfleet_table::{Column, Values};

    fn table(values: &[f64]) -> Table {
        let metadata = Arc::new(Metadata::plain("t", vec![ColumnMeta::plain("x", Kind::Continuous)]));
        Table::new(metadata, values.len(), vec![Column::new(Values::Real(values.into()), None).expect("column")]).expect("table")
    }

    #[test]
    fn few_values_have_their_own_codes_and_strangers_are_other() {
        assert_eq!(of(&table(&[5.0, 1.0, 5.0]), &table(&[1.0, 2.0]), 0), [vec![2, 1, 2], vec![1, 3]]);
    }

    #[test]
    fn deciles_are_closed_on_the_right_and_open_at_the_ends() {
        let real: Vec<f64> = (1..=100).map(f64::from).collect();
        let [_, other] = of(&table(&real), &table(&[-5.0, 10.0, 10.5, 90.0, 91.0, 1e9]), 0);
        assert_eq!(other, [1, 1, 2, 9, 10, 10]);
    }
}
