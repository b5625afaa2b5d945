//! Predicates on whole-number codes, and the one row they match.
//!
//! # Definition
//! A column's codes are 0 where a cell is missing and from 1 on its values: numbers in their order among all
//! sides, levels as they are numbered. A condition is a column and a range of codes, a predicate is some
//! conditions that all hold. Names and texts of columns never enter.
//!
//! # Cost
//! Rows x conditions, many codes to an instruction; a search ends at the second match.

use crate::parts::each::each;
use crate::parts::side;
use rayon::prelude::*;
use std::ops::Range;
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

/// The row that a predicate matches, if of the rows `rows` of side `side` it matches exactly one.
pub fn only_match(predicate: &Predicate, columns: &[Ordered], side: usize, rows: Range<usize>) -> Option<usize> {
    let (mut found, mut row) = (0, None);
    let mut start = rows.start;
    while start < rows.end && found < 2 {
        let end = rows.end.min(start + BLOCK);
        let mut holds = [1u32; BLOCK];
        for condition in predicate {
            let codes = &columns[condition.column as usize].sides[side][start..end];
            let width = condition.high - condition.low;
            for (holds, code) in holds.iter_mut().zip(codes) {
                *holds &= u32::from(code.wrapping_sub(condition.low) <= width);
            }
        }
        let holds = &holds[..end - start];
        let matched = holds.iter().sum::<u32>();
        if matched > 0 {
            row = holds.iter().position(|&holds| holds == 1).map(|place| start + place);
        }
        found += matched;
        start = end;
    }
    row.filter(|_| found == 1)
}

/// The rows that predicates single out, by predicate.
pub fn singled_out(
    predicates: &[Predicate],
    columns: &[Ordered],
    side: usize,
    rows: &Range<usize>,
    budget: &Budget,
) -> Result<Vec<Option<usize>>> {
    let one = |predicate: &Predicate| budget.go_on().map(|()| only_match(predicate, columns, side, rows.clone()));
    predicates.par_iter().map(one).collect()
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

    /// How many rows match, by looking at each alone.
    fn count(predicate: &Predicate, columns: &[Ordered], side: usize) -> usize {
        let rows = columns[0].sides[side].len();
        (0..rows).filter(|&row| only_match(predicate, columns, side, row..row + 1).is_some()).count()
    }

    #[test]
    fn conditions_match_what_their_words_say() {
        let columns = columns();
        let count = |predicate: Predicate, side: usize| count(&predicate, &columns, side);
        assert_eq!(count(vec![Condition::at_most(0, 2)], 0), 1, "a missing cell is not below anything");
        assert_eq!(count(vec![Condition::at_most(0, 2)], 1), 2);
        assert_eq!(count(vec![Condition::at_least(0, 3)], 0), 2);
        assert_eq!(count(vec![Condition::equal(0, 0)], 0), 1, "is missing");
        assert_eq!(count(vec![Condition::at_most(0, 3), Condition::equal(1, 2)], 0), 1);
        assert_eq!(count(vec![Condition::equal(0, 4), Condition::equal(1, 1)], 1), 0);
    }

    #[test]
    fn the_only_match_is_that_of_a_plain_walk() {
        let mut state = 1u64;
        let mut code = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % below) as u32
        };
        let columns: Vec<Ordered> =
            (0..3).map(|_| Ordered { number_like: true, sides: vec![(0..777).map(|_| code(30)).collect()] }).collect();
        let mut single = 0;
        for _ in 0..300 {
            let predicate: Predicate = (0..3).map(|column| Condition::at_least(column, code(30))).collect();
            let holds = |row: &usize| predicate.iter().all(|c| columns[c.column as usize].sides[0][*row] >= c.low);
            let plain: Vec<usize> = (10..700).filter(holds).collect();
            let expected = (plain.len() == 1).then(|| plain[0]);
            assert_eq!(only_match(&predicate, &columns, 0, 10..700), expected);
            single += usize::from(expected.is_some());
        }
        assert!(single > 3, "{single} of 300");
    }

    #[test]
    fn each_predicate_tells_its_own_row() {
        let predicates = [vec![Condition::at_most(0, 2)], vec![Condition::at_least(0, 3)], vec![Condition::equal(0, 9)]];
        let found = singled_out(&predicates, &columns(), 0, &(0..4), &Budget::quiet(1)).expect("nobody stops it");
        assert_eq!(found, [Some(0), None, None]);
    }
}
