//! What is asked of the cells of one column: the conditions of a conditional sample.
//!
//! A condition speaks of cells as the table holds them: labels by code, numbers and instants in the
//! column's own units. Text as people write it becomes a condition in `intake`.

use crate::table::{Column, Values};
use std::cmp::Ordering;

/// One cell that is present.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// A number with decimals, finite.
    Real(f64),
    /// A whole number, or an instant in units of the column's grain.
    Whole(i64),
    /// The place of a label in the column's levels.
    Code(u32),
    /// An id or free text.
    Text(String),
}

/// An end of a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// The last cell of the range, or the first beyond it.
    pub cell: Cell,
    /// Whether the cell itself belongs to the range.
    pub inclusive: bool,
}

/// What is asked of a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// It is missing.
    Missing,
    /// It is present and one of these; a list of one is a value.
    OneOf(Vec<Cell>),
    /// It is present and between two ends; a missing end is open.
    Between {
        /// Lower end.
        low: Option<Limit>,
        /// Upper end.
        high: Option<Limit>,
    },
}

/// What is asked of one column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Place of the column.
    pub column: usize,
    /// What its cell must be.
    pub wanted: Wanted,
}

impl Cell {
    /// Order of two cells of one sort; none for different sorts.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Real(a), Self::Real(b)) => a.partial_cmp(b),
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(b)),
            (Self::Code(a), Self::Code(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// The cell of a column in `row`; none where it is missing.
    pub fn of(column: &Column, row: usize) -> Option<Self> {
        if column.is_missing(row) {
            return None;
        }
        Some(match column.values() {
            Values::Real(cells) => Self::Real(cells[row]),
            Values::Whole(cells) => Self::Whole(cells[row]),
            Values::Code(cells) => Self::Code(cells[row]),
            Values::Text(cells) => Self::Text(cells.get(row).to_owned()),
        })
    }

    /// Order of the present cell of a column in `row` to this cell; none for another sort.
    fn order_of(&self, values: &Values, row: usize) -> Option<Ordering> {
        match (values, self) {
            (Values::Real(cells), Self::Real(b)) => cells[row].partial_cmp(b),
            (Values::Whole(cells), Self::Whole(b)) => Some(cells[row].cmp(b)),
            (Values::Code(cells), Self::Code(b)) => Some(cells[row].cmp(b)),
            (Values::Text(cells), Self::Text(b)) => Some(cells.get(row).cmp(b.as_str())),
            _ => None,
        }
    }
}

impl Wanted {
    /// Whether the cell of a column in `row` is as asked.
    pub fn holds(&self, column: &Column, row: usize) -> bool {
        let (is_missing, values) = (column.is_missing(row), column.values());
        match self {
            Self::Missing => is_missing,
            Self::OneOf(cells) => !is_missing && cells.iter().any(|cell| cell.order_of(values, row) == Some(Ordering::Equal)),
            Self::Between { low, high } => {
                let within = |limit: &Option<Limit>, beyond: Ordering| match limit {
                    None => true,
                    Some(limit) => match limit.cell.order_of(values, row) {
                        None => false,
                        Some(Ordering::Equal) => limit.inclusive,
                        Some(order) => order != beyond,
                    },
                };
                !is_missing && within(low, Ordering::Less) && within(high, Ordering::Greater)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bits;

    fn column() -> Column {
        Column::new(Values::Whole(vec![1, 2, 3, 0].into()), Some(Bits::collect((0..4).map(|row| row == 3)))).expect("legal")
    }

    fn held(wanted: &Wanted) -> Vec<usize> {
        (0..4).filter(|&row| wanted.holds(&column(), row)).collect()
    }

    #[test]
    fn a_range_holds_its_inclusive_ends_alone() {
        let limit = |cell, inclusive| Some(Limit { cell: Cell::Whole(cell), inclusive });
        assert_eq!(held(&Wanted::Between { low: limit(1, false), high: limit(3, true) }), [1, 2]);
        assert_eq!(held(&Wanted::Between { low: None, high: limit(2, false) }), [0]);
    }

    #[test]
    fn missing_cells_meet_missing_alone() {
        assert_eq!(held(&Wanted::Missing), [3]);
        assert_eq!(held(&Wanted::Between { low: None, high: None }), [0, 1, 2]);
        assert_eq!(held(&Wanted::OneOf(vec![Cell::Whole(0), Cell::Whole(2)])), [1]);
    }

    #[test]
    fn cells_of_another_sort_never_meet() {
        assert!(held(&Wanted::OneOf(vec![Cell::Real(1.0), Cell::Code(1)])).is_empty());
    }
}
