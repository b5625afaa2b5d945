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

/// What the codes of one column mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Coding {
    place: usize,
    cells: Cells,
}

#[derive(Debug, Clone, PartialEq)]
enum Cells {
    /// A code a value, ascending.
    Few(Vec<f64>),
    /// A code a bin between cuts, ascending.
    Cuts(Vec<f64>),
    /// The code of each level and, last, of a missing cell; how many levels have their own.
    Levels(Vec<u8>, usize),
}

impl Coding {
    /// Learns the codes of column `place` on the real table.
    pub fn learn(real: &Table, place: usize) -> Self {
        let number_like = real.metadata().columns[place].kind.is_number_like();
        let cells = if number_like { Cells::of_numbers(side::numbers(real, place)) } else { Cells::of_levels(real, place) };
        Self { place, cells }
    }

    /// Codes of the column in a table of the same description, each below [`CODES`], `[rows]`.
    pub fn codes(&self, table: &Table) -> Vec<u8> {
        let coded = |code: &dyn Fn(f64) -> usize| {
            let numbers = side::numbers(table, self.place);
            numbers.into_iter().map(|number| if number.is_nan() { 0 } else { code(number) as u8 + 1 }).collect()
        };
        match &self.cells {
            Cells::Few(values) => coded(&|number| values.iter().position(|own| *own == number).unwrap_or(values.len())),
            Cells::Cuts(cuts) => coded(&|number| cuts.partition_point(|cut| *cut < number)),
            Cells::Levels(codes, _) => side::levels(table, self.place).iter().map(|&level| codes[level as usize]).collect(),
        }
    }

    /// How many codes a cell can have, "missing" and "other" included.
    pub fn count(&self) -> usize {
        match &self.cells {
            Cells::Few(values) => values.len() + 2,
            Cells::Cuts(cuts) => cuts.len() + 2,
            Cells::Levels(_, own) => own + 2,
        }
    }
}

impl Cells {
    fn of_numbers(numbers: Vec<f64>) -> Self {
        let mut sorted: Vec<f64> = numbers.into_iter().filter(|number| !number.is_nan()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let mut distinct = sorted.clone();
        distinct.dedup();
        if distinct.len() <= OWN_MAX {
            return Self::Few(distinct);
        }
        let mut cuts: Vec<f64> = (1..OWN_MAX).map(|k| sorted[(k * sorted.len()).div_ceil(OWN_MAX) - 1]).collect();
        cuts.dedup();
        Self::Cuts(cuts)
    }

    fn of_levels(real: &Table, place: usize) -> Self {
        let names = &real.metadata().columns[place].levels;
        let mut counts = vec![0u32; names.len() + 1];
        side::levels(real, place).iter().for_each(|&code| counts[code as usize] += 1);
        let mut order: Vec<usize> = (0..names.len()).filter(|&level| counts[level] > 0).collect();
        order.sort_by(|&a, &b| counts[b].cmp(&counts[a]).then_with(|| names[a].as_bytes().cmp(names[b].as_bytes())));
        order.truncate(OWN_MAX);
        let mut codes = vec![OWN_MAX as u8 + 1; names.len() + 1];
        codes[names.len()] = 0;
        order.iter().enumerate().for_each(|(rank, &level)| codes[level] = rank as u8 + 1);
        Self::Levels(codes, order.len())
    }
}

/// Codes of column `place` in `real` and in `other`, each below [`CODES`], `[rows]`.
pub fn of(real: &Table, other: &Table, place: usize) -> [Vec<u8>; 2] {
    let coding = Coding::learn(real, place);
    [coding.codes(real), coding.codes(other)]
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

    #[test]
    fn missing_own_and_other_codes_are_counted() {
        assert_eq!(Coding::learn(&table(&[5.0, 1.0, 5.0]), 0).count(), 4);
        let many: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(Coding::learn(&table(&many), 0).count(), 11);
        assert_eq!(Coding::learn(&table(&[]), 0).count(), 2);
    }
}
