//! Association of every pair of columns within one table, as pictures show it.

use super::association::{correlation_ratio, cramers_v, pearson};
use super::bins::{self, Codes};
use super::each::each;
use super::side::Side;
use synthfleet_proto::{Result, Seed};
use synthfleet_table::{Budget, Table};

/// |r|, Cramér's V or correlation ratio of the columns at `places`, `[places, places]`; `None` where undefined.
/// The diagonal is 1.
pub fn of(table: &Table, places: &[usize], budget: &Budget) -> Result<Vec<Vec<Option<f64>>>> {
    let side = Side::new(table, &Seed::from_task_seed(0));
    let columns: Vec<Column> = places.iter().map(|&place| Column::of(table, place)).collect();
    let of: Vec<(usize, usize)> = (0..places.len()).flat_map(|a| (0..a).map(move |b| (a, b))).collect();
    let values = each(budget, of.len(), |index| Ok(between(&side, &columns[of[index].0], &columns[of[index].1])))?;
    let mut matrix = vec![vec![Some(1.0); places.len()]; places.len()];
    for ((a, b), value) in of.into_iter().zip(values) {
        (matrix[a][b], matrix[b][a]) = (value, value);
    }
    Ok(matrix)
}

enum Column {
    Numbers(Vec<f64>),
    Levels(Codes),
}

impl Column {
    fn of(table: &Table, place: usize) -> Self {
        if table.metadata().columns[place].kind.is_number_like() {
            Self::Numbers(super::side::numbers(table, place))
        } else {
            Self::Levels(bins::own_range(table, place))
        }
    }
}

fn between(side: &Side, a: &Column, b: &Column) -> Option<f64> {
    match (a, b) {
        (Column::Numbers(a), Column::Numbers(b)) => pearson(side, a, b).map(|r| r.value.abs()),
        (Column::Levels(a), Column::Levels(b)) => cramers_v(a, b),
        (Column::Numbers(numbers), Column::Levels(groups)) | (Column::Levels(groups), Column::Numbers(numbers)) => {
            correlation_ratio(numbers, groups)
        }
    }
}
