//! Numbers of two sorts, whole and real, that inequalities count with.

use super::super::scale::{Scale, power_of_ten};
use crate::bits::Bits;
use crate::table::{Column, Values};
use synthfleet_proto::Result;

/// Whole numbers up to here are exact as real ones: 2^53.
const EXACT: i64 = 1 << 53;

/// The grid on which the cells of a column lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Grid {
    /// Cells are whole numbers.
    pub(super) whole: bool,
    /// Decimals of the cells; none: no grid.
    pub(super) decimals: Option<u8>,
    /// Distance of neighbours in units of the last decimal.
    pub(super) step: u64,
}

impl Grid {
    /// The grid of a column's present cells.
    pub(super) fn of(column: &Column) -> Self {
        let rows: Vec<u32> = (0..column.len() as u32).filter(|&row| !column.is_missing(row as usize)).collect();
        let (decimals, step) = Scale::fit(column, &rows).map_or((None, 1), |scale| scale.grid());
        Self { whole: matches!(column.values(), Values::Whole(_)), decimals, step }
    }
}

/// A number that inequalities count with.
pub(super) trait Amount: Copy + PartialOrd + Default + Send + Sync + std::fmt::Debug {
    /// The present cell of a column; none if it cannot be told exactly.
    fn of(column: &Column, row: usize) -> Option<Self>;
    /// Distance to a smaller one, free of rounding noise; none if it cannot be held.
    fn above(self, low: Self, decimals: Option<u8>) -> Option<Self>;
    /// Sum, as far as it can be held.
    fn plus(self, gap: Self) -> Self;
    /// The cell of a grid through `point` next to it, or the next one above if that lies below the floor; if the flag is
    /// set, also if it lies on it.
    fn on_grid(self, grid: Grid, point: Self, floor: (Self, bool)) -> Self;
    /// A column of the sort of a grid.
    fn column(cells: Vec<Self>, missing: Bits, whole: bool) -> Result<Column>;
}

impl Amount for i64 {
    fn of(column: &Column, row: usize) -> Option<Self> {
        if let Values::Whole(cells) = column.values() { Some(cells[row]) } else { None }
    }

    fn above(self, low: Self, _: Option<u8>) -> Option<Self> {
        self.checked_sub(low)
    }

    fn plus(self, gap: Self) -> Self {
        self.saturating_add(gap)
    }

    fn on_grid(self, grid: Grid, point: Self, (floor, strict): (Self, bool)) -> Self {
        let (step, point) = (i128::from(grid.step.max(1)), i128::from(point));
        let near = point + step * (i128::from(self) - point + step / 2).div_euclid(step);
        let near = if near < i128::from(floor) + i128::from(strict) { near + step } else { near };
        Self::try_from(near).unwrap_or(if near < 0 { Self::MIN } else { Self::MAX })
    }

    fn column(cells: Vec<Self>, missing: Bits, _: bool) -> Result<Column> {
        Column::new(Values::Whole(cells.into()), Some(missing))
    }
}

impl Amount for f64 {
    fn of(column: &Column, row: usize) -> Option<Self> {
        match column.values() {
            Values::Real(cells) => Some(cells[row] + 0.0),
            Values::Whole(cells) => (-EXACT..=EXACT).contains(&cells[row]).then_some(cells[row] as Self),
            _ => None,
        }
    }

    fn above(self, low: Self, decimals: Option<u8>) -> Option<Self> {
        let gap = self - low;
        let rounded = decimals.map_or(gap, |decimals| (gap * power_of_ten(decimals)).round_ties_even() / power_of_ten(decimals));
        rounded.is_finite().then_some(rounded + 0.0)
    }

    fn plus(self, gap: Self) -> Self {
        (self + gap).clamp(Self::MIN, Self::MAX)
    }

    fn on_grid(self, grid: Grid, point: Self, (floor, strict): (Self, bool)) -> Self {
        let is_short = |cell: Self| cell < floor || strict && cell == floor;
        let Some(decimals) = grid.decimals else { return if is_short(self) && strict { floor.next_up() } else { self.max(floor) } };
        let (power, step) = (power_of_ten(decimals), grid.step.max(1) as Self);
        let units = (point * power).round();
        let near = units + step * ((self * power - units) / step).round_ties_even();
        let cell = near / power;
        if is_short(cell) { (near + step) / power } else { cell }
    }

    fn column(cells: Vec<Self>, missing: Bits, whole: bool) -> Result<Column> {
        if whole {
            // bounded by cells of train, which are exact
            return Column::new(Values::Whole(cells.iter().map(|cell| cell.round() as i64).collect()), Some(missing));
        }
        Column::new(Values::Real(cells.into()), Some(missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_moves_to_its_grid_and_never_below_the_floor() {
        let tens = Grid { whole: true, decimals: Some(0), step: 10 };
        assert_eq!([14, 15, 16, -4].map(|number: i64| number.on_grid(tens, 100, (i64::MIN, false))), [10, 20, 20, 0]);
        assert_eq!([14i64.on_grid(tens, 100, (13, false)), 20i64.on_grid(tens, 100, (20, false))], [20, 20]);
        assert_eq!([20i64.on_grid(tens, 100, (20, true)), 20i64.on_grid(tens, 100, (19, true))], [30, 20]);
        let cents = Grid { whole: false, decimals: Some(2), step: 1 };
        assert_eq!((0.1f64 + 0.2).on_grid(cents, 5.0, (0.3, false)), 0.3);
        assert_eq!((0.1f64 + 0.2).on_grid(cents, 5.0, (0.3, true)), 0.31);
        assert_eq!(1.004f64.on_grid(cents, 5.0, (1.004, false)), 1.01);
        assert!(0.3f64.on_grid(Grid { decimals: None, ..cents }, 5.0, (0.3, true)) > 0.3);
        assert_eq!(0.7f64.above(0.6, Some(1)), Some(0.1));
    }

    #[test]
    fn what_cannot_be_held_is_told() {
        assert_eq!(i64::MAX.above(-1, None), None);
        assert_eq!(f64::MAX.above(f64::MIN, None), None);
        let wide = Column::new(Values::Whole([i64::MAX].into()), None).expect("legal");
        assert_eq!(<f64 as Amount>::of(&wide, 0), None);
    }
}
