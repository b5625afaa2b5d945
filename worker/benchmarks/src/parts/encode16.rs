//! Rows as 16-bit cells whose distances are whole numbers: equal on every machine, ties exact.
//!
//! # Definition
//! A number `x` becomes `floor(65535 u + 1/2)`, `u` = (values below + half the values equal) / values, among
//! the present values of train and holdout together: one scale for all sides. Levels keep their codes. The
//! distance of two rows is the sum over columns of `|a - b|` (numbers) or 0 and 65535 (levels); a missing
//! cell is 65535 from any value and 0 from another missing cell.

use super::each::each;
use super::side;
use synthfleet_proto::Result;
use synthfleet_table::{Budget, Table};

/// How cells of a column are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// By their difference.
    Number,
    /// Equal or not.
    Level,
}

/// Cells of one column on one side, `[rows]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cells {
    /// Place on the scale, or the low half of the code; 0 where missing.
    pub main: Vec<u16>,
    /// Numbers: all bits set where missing. Levels: the high half of the code. Empty if 0 throughout on
    /// all sides.
    pub flag: Vec<u16>,
}

/// One column on all sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column16 {
    /// How its cells are compared.
    pub measure: Measure,
    /// `[sides]`.
    pub sides: Vec<Cells>,
}

impl Column16 {
    /// Whether the flags matter.
    pub fn has_flags(&self) -> bool {
        self.sides.iter().any(|cells| !cells.flag.is_empty())
    }

    /// How many different cells side `side` has, at most `most`.
    pub fn distinct(&self, side: usize, most: usize) -> usize {
        let mut seen = self.sides[side].main.clone();
        seen.sort_unstable();
        seen.dedup();
        seen.len().min(most)
    }

    /// A column without flags on sides where no cell has one.
    fn tidy(mut self) -> Self {
        if self.sides.iter().all(|cells| cells.flag.iter().all(|flag| *flag == 0)) {
            self.sides.iter_mut().for_each(|cells| cells.flag.clear());
        }
        self
    }
}

/// Encodes the columns at `places` of `sides`; the first `real` sides make the scale.
pub fn encode(sides: &[&Table], real: usize, places: &[usize], budget: &Budget) -> Result<Vec<Column16>> {
    encode_on(&sides[..real], sides, places, budget)
}

/// Encodes the columns at `places` of `sides` on the scale that `scale` makes.
pub fn encode_on(scale: &[&Table], sides: &[&Table], places: &[usize], budget: &Budget) -> Result<Vec<Column16>> {
    each(budget, places.len(), |index| Ok(column(scale, sides, places[index]).tidy()))
}

fn column(scale: &[&Table], sides: &[&Table], place: usize) -> Column16 {
    let Some(table) = sides.first() else {
        return Column16 { measure: Measure::Level, sides: Vec::new() };
    };
    if table.metadata().columns[place].kind.is_number_like() {
        let ranks = Ranks::of(scale.iter().flat_map(|table| side::numbers(table, place)));
        let cells = |table: &&Table| flagged(&side::numbers(table, place), |x| ranks.place(x));
        Column16 { measure: Measure::Number, sides: sides.iter().map(cells).collect() }
    } else {
        let cells = |table: &&Table| {
            let codes = side::levels(table, place);
            Cells { main: codes.iter().map(|&code| code as u16).collect(), flag: codes.iter().map(|&code| (code >> 16) as u16).collect() }
        };
        Column16 { measure: Measure::Level, sides: sides.iter().map(cells).collect() }
    }
}

/// Numbers placed by `place`; missing ones flagged.
pub fn flagged(numbers: &[f64], place: impl Fn(f64) -> u16) -> Cells {
    Cells {
        main: numbers.iter().map(|&x| if x.is_nan() { 0 } else { place(x) }).collect(),
        flag: numbers.iter().map(|x| if x.is_nan() { u16::MAX } else { 0 }).collect(),
    }
}

/// Mid-ranks among a pool of values.
struct Ranks {
    values: Vec<f64>,
    /// Values up to and with each distinct one; starts with 0.
    ends: Vec<usize>,
}

impl Ranks {
    /// Of the values that are present.
    fn of(pool: impl Iterator<Item = f64>) -> Self {
        // adding 0 makes the negative zero positive: both are one value
        let mut sorted: Vec<f64> = pool.filter(|x| !x.is_nan()).map(|x| x + 0.0).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let (mut values, mut ends) = (Vec::new(), vec![0]);
        for tied in sorted.chunk_by(|a, b| a == b) {
            values.push(tied[0]);
            ends.push(ends[ends.len() - 1] + tied.len());
        }
        Self { values, ends }
    }

    fn place(&self, x: f64) -> u16 {
        let all = self.ends[self.values.len()].max(1);
        let at = self.values.partition_point(|value| *value < x);
        let equal = self.values.get(at).is_some_and(|value| *value == x);
        // below + half of the equal ones, doubled
        let doubled = self.ends[at] + self.ends[at + usize::from(equal)];
        (65_535.0 * (doubled as f64 / (2 * all) as f64) + 0.5).floor() as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_mid_ranks() {
        let ranks = Ranks::of([1.0, 2.0, 2.0, 5.0, f64::NAN].into_iter());
        let places = [0.0, 1.0, 2.0, 3.0, 5.0, 9.0].map(|x| ranks.place(x));
        let share = |u: f64| (65_535.0 * u + 0.5).floor() as u16;
        assert_eq!(places, [0, share(0.125), share(0.5), share(0.75), share(0.875), 65_535]);
    }

    #[test]
    fn both_zeros_are_one_value() {
        let ranks = Ranks::of([0.0, -0.0, 1.0].into_iter());
        assert_eq!(ranks.place(0.0), ranks.place(-0.0));
    }

    #[test]
    fn an_empty_pool_places_everything_at_one_end() {
        assert_eq!(Ranks::of(std::iter::empty()).place(3.0), 0);
    }
}
