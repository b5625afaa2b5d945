//! Predicates on whole-number codes, and how many rows they match.
//!
//! # Definition
//! A column's codes are 0 where a cell is missing and from 1 on its values: numbers in their order among all
//! sides, levels as they are numbered. A condition is a column and a range of codes, a predicate is some
//! conditions that all hold. Names and texts of columns never enter.
//!
//! # Cost
//! Rows x conditions, many codes to an instruction; a count stops at two.

use crate::parts::each::each;
use crate::parts::side;
use rayon::prelude::*;
use synthfleet_proto::Result;
use synthfleet_table::{Budget, Table};

/// Codes between two looks at the count.
const BLOCK: usize = 256;

/// One column of all sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered {
    /// Whether codes above and below one another mean something.
    pub number_like: bool,
    /// Codes of the chosen rows, `[sides][rows]`.
    pub sides: Vec<Vec<u32>>,
}

/// Codes of the rows `rows[i]` of `sides[i]`, columns `places`.
pub fn encode(sides: &[&Table], rows: &[&[u32]], places: &[usize], budget: &Budget) -> Result<Vec<Ordered>> {
    each(budget, places.len(), |index| Ok(column(sides, rows, places[index])))
}

fn column(sides: &[&Table], rows: &[&[u32]], place: usize) -> Ordered {
    let meta = sides.first().map(|table| &table.metadata().columns[place]);
    let number_like = meta.is_some_and(|meta| meta.kind.is_number_like());
    if !number_like {
        let missing = meta.map_or(0, |meta| meta.levels.len() as u32);
        let code = |level: u32| if level == missing { 0 } else { level + 1 };
        let side = |(table, rows): (&&Table, &&[u32])| {
            let levels = side::levels(table, place);
            rows.iter().map(|&row| code(levels[row as usize])).collect()
        };
        return Ordered { number_like, sides: sides.iter().zip(rows).map(side).collect() };
    }
    let numbers = |(table, rows): (&&Table, &&[u32])| -> Vec<f64> {
        let numbers = side::numbers(table, place);
        // adding 0 makes the negative zero positive: both are one value
        rows.iter().map(|&row| numbers[row as usize] + 0.0).collect()
    };
    let numbers: Vec<Vec<f64>> = sides.iter().zip(rows).map(numbers).collect();
    let mut values: Vec<f64> = numbers.iter().flatten().copied().filter(|x| !x.is_nan()).collect();
    values.sort_unstable_by(f64::total_cmp);
    values.dedup();
    let code = |&x: &f64| if x.is_nan() { 0 } else { values.partition_point(|value| *value < x) as u32 + 1 };
    Ordered { number_like, sides: numbers.iter().map(|side| side.iter().map(code).collect()).collect() }
}

/// A column whose code lies in a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    /// Which column.
    pub column: u32,
    /// Smallest code.
    pub low: u32,
    /// Largest code.
    pub high: u32,
}

impl Condition {
    /// Equal to `code`; missing if it is 0.
    pub fn equal(column: usize, code: u32) -> Self {
        Self { column: column as u32, low: code, high: code }
    }

    /// A number up to `code`.
    pub fn at_most(column: usize, code: u32) -> Self {
        Self { column: column as u32, low: 1, high: code }
    }

    /// A number from `code` on.
    pub fn at_least(column: usize, code: u32) -> Self {
        Self { column: column as u32, low: code, high: u32::MAX }
    }
}

/// Conditions that all hold, by column.
pub type Predicate = Vec<Condition>;

/// How many of the rows `from` .. `to` of side `side` a predicate matches; two stands for more.
pub fn matched(predicate: &Predicate, columns: &[Ordered], side: usize, from: usize, to: usize) -> u32 {
    let mut found = 0;
    let mut start = from;
    while start < to && found < 2 {
        let end = to.min(start + BLOCK);
        let mut holds = [1u32; BLOCK];
        for condition in predicate {
            let codes = &columns[condition.column as usize].sides[side][start..end];
            let width = condition.high - condition.low;
            for (holds, code) in holds.iter_mut().zip(codes) {
                *holds &= u32::from(code.wrapping_sub(condition.low) <= width);
            }
        }
        found += holds[..end - start].iter().sum::<u32>();
        start = end;
    }
    found.min(2)
}

/// How many predicates match exactly one of the rows `from` .. `to`.
pub fn singled_out(
    predicates: &[Predicate],
    columns: &[Ordered],
    side: usize,
    (from, to): (usize, usize),
    budget: &Budget,
) -> Result<usize> {
    let one = |predicate: &Predicate| budget.go_on().map(|()| usize::from(matched(predicate, columns, side, from, to) == 1));
    predicates.par_iter().map(one).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
    use synthfleet_table::{Bits, Column, Values};

    fn columns() -> Vec<Ordered> {
        let mut label = ColumnMeta::plain("label", Kind::Categorical);
        label.levels = ["x", "y"].map(str::to_owned).to_vec();
        // names that no query language takes
        let metadata = Arc::new(Metadata::plain("t", vec![ColumnMeta::plain("a \"b\"\n' and", Kind::Continuous), label]));
        let table = |numbers: Vec<f64>, missing: usize, codes: Vec<u32>| {
            let gap = Bits::collect((0..numbers.len()).map(|row| row == missing));
            let columns = vec![
                Column::new(Values::Real(numbers.into()), Some(gap.clone())).expect("column"),
                Column::new(Values::Code(codes.into()), Some(gap)).expect("column"),
            ];
            Table::new(Arc::clone(&metadata), columns[0].len(), columns).expect("table")
        };
        let a = table(vec![-5.0, 0.0, -0.0, 7.0], 3, vec![0, 1, 0, 0]);
        let b = table(vec![-9.0, -5.0, 3.0], 9, vec![0, 1, 1]);
        encode(&[&a, &b], &[&[0, 1, 2, 3], &[2, 1, 0]], &[0, 1], &Budget::quiet(1)).expect("codes")
    }

    #[test]
    fn codes_keep_the_order_of_values_on_all_sides() {
        let columns = columns();
        assert_eq!(columns[0].sides, [vec![2, 3, 3, 0], vec![4, 2, 1]]);
        assert_eq!(columns[1].sides, [vec![1, 2, 1, 0], vec![2, 2, 1]]);
    }

    #[test]
    fn conditions_match_what_their_words_say() {
        let columns = columns();
        let count = |predicate: Predicate, side: usize| matched(&predicate, &columns, side, 0, columns[0].sides[side].len());
        assert_eq!(count(vec![Condition::at_most(0, 2)], 0), 1, "a missing cell is not below anything");
        assert_eq!(count(vec![Condition::at_most(0, 2)], 1), 2);
        assert_eq!(count(vec![Condition::at_least(0, 3)], 0), 2);
        assert_eq!(count(vec![Condition::equal(0, 0)], 0), 1, "is missing");
        assert_eq!(count(vec![Condition::at_most(0, 3), Condition::equal(1, 2)], 0), 1);
        assert_eq!(count(vec![Condition::equal(0, 4), Condition::equal(1, 1)], 1), 0);
    }

    #[test]
    fn counts_equal_those_of_a_plain_walk() {
        let mut state = 1u64;
        let mut code = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % below) as u32
        };
        let columns: Vec<Ordered> =
            (0..3).map(|_| Ordered { number_like: true, sides: vec![(0..777).map(|_| code(30)).collect()] }).collect();
        for _ in 0..300 {
            let predicate: Predicate = (0..3).map(|column| Condition::at_least(column, code(30))).collect();
            let plain = (10..700).filter(|&row| predicate.iter().all(|c| columns[c.column as usize].sides[0][row] >= c.low)).count() as u32;
            assert_eq!(matched(&predicate, &columns, 0, 10, 700), plain.min(2));
        }
    }

    #[test]
    fn only_predicates_with_one_match_single_out() {
        let predicates = [vec![Condition::at_most(0, 2)], vec![Condition::at_least(0, 3)], vec![Condition::equal(0, 9)]];
        assert_eq!(singled_out(&predicates, &columns(), 0, (0, 4), &Budget::quiet(1)).expect("nobody stops it"), 1);
    }
}
