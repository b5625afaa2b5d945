//! The grid on which a number column's values lie, and the way from coded numbers back to cells.
//!
//! **Definition.** p is the fewest decimals, 0 to 15, with which every value is written without loss,
//! else there is no grid. step is the greatest common divisor of the distances, in units of 10^-p. A
//! restored number is `low + step * round_half_even((v - low) / step)`, clipped to the protected range.
//! Whole numbers beyond 2^53 are coded as distance from the smallest protected value and restored in
//! 128-bit arithmetic.

use super::shelf::{Reader, Writer};
use crate::table::{Column, Values};
use synthfleet_proto::Result;

const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
const DECIMALS_MAX: u8 = 15;

/// Grid and sort of a column's numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scale {
    /// Cells are whole numbers.
    whole: bool,
    /// What coded 0 means, whole cells only.
    origin: i64,
    /// Decimals of the grid; none: no grid.
    decimals: Option<u8>,
    /// Distance of neighbours on the grid in units of 10^-decimals.
    step: u64,
    /// A point of the grid, coded.
    anchor: f64,
    /// Smallest and largest cell shown, whole cells only.
    bounds: (i64, i64),
}

impl Scale {
    /// The grid of the cells at `rows`; `None` when the column holds no numbers.
    pub(crate) fn fit(column: &Column, rows: &[u32]) -> Option<Self> {
        match column.values() {
            Values::Real(values) => Some(Self::of_reals(rows.iter().map(|&row| values[row as usize] + 0.0))),
            Values::Whole(values) => Some(Self::of_wholes(rows.iter().map(|&row| values[row as usize]))),
            Values::Code(_) | Values::Text(_) => None,
        }
    }

    /// The grid of whole numbers.
    pub(crate) fn of_wholes(values: impl Iterator<Item = i64> + Clone) -> Self {
        let (low, high) = values.clone().fold((i64::MAX, i64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        let far = values.clone().next().is_some() && (low.unsigned_abs().max(high.unsigned_abs()) as f64) > EXACT;
        let origin = if far { low } else { 0 };
        let mut step = 0u64;
        for value in values {
            step = common_divisor(step, value.abs_diff(low));
            if step == 1 {
                break;
            }
        }
        let anchor = if low > high || far { 0.0 } else { low as f64 };
        Self { whole: true, origin, decimals: Some(0), step: step.max(1), anchor, bounds: (i64::MIN, i64::MAX) }
    }

    /// The grid that a declaration gives: cells from `low` to `high`, coded; `decimals` of numbers that are
    /// not whole.
    pub(crate) fn declared(whole: bool, decimals: Option<u8>, low: f64, high: f64) -> Self {
        // conversions clip to the range of 64 bits
        let bounds = if whole { (low.ceil() as i64, high.floor() as i64) } else { (i64::MIN, i64::MAX) };
        let decimals = if whole { Some(0) } else { decimals.filter(|&decimals| decimals <= DECIMALS_MAX) };
        Self { whole, origin: 0, decimals, step: 1, anchor: low, bounds }
    }

    fn of_reals(values: impl Iterator<Item = f64> + Clone) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let anchor = if low.is_finite() { low } else { 0.0 };
        let none = Self { whole: false, origin: 0, decimals: None, step: 1, anchor, bounds: (i64::MIN, i64::MAX) };
        let Some(decimals) = decimals_of(values.clone()) else { return none };
        let power = power_of_ten(decimals);
        let low_units = (anchor * power).round() as i64;
        let mut step = 0u64;
        for value in values {
            step = common_divisor(step, ((value * power).round() as i64).abs_diff(low_units));
            if step == 1 {
                break;
            }
        }
        Self { decimals: Some(decimals), step: step.max(1), ..none }
    }

    /// Keeps no extreme: the known point of the grid becomes the protected smallest value, and whole
    /// cells are bounded by those whose coded numbers lie within `low..=high`. Numbers coded before
    /// may have another origin: code again.
    pub(crate) fn protected(mut self, column: &Column, rows: &[u32], low: f64, high: f64) -> Self {
        if let Values::Whole(values) = column.values() {
            let shown = rows.iter().map(|&row| values[row as usize]).filter(|&cell| (low..=high).contains(&self.code_whole(cell)));
            self.bounds = shown.fold((i64::MAX, i64::MIN), |(least, most), cell| (least.min(cell), most.max(cell)));
        }
        if self.origin == 0 {
            self.anchor = low;
        } else {
            self.origin = self.bounds.0;
        }
        self
    }

    /// Whether coded numbers are distances from an origin.
    pub(crate) fn is_shifted(&self) -> bool {
        self.origin != 0
    }

    /// Decimals of the grid, if there is one, and the distance of neighbours in units of the last.
    pub(crate) fn grid(&self) -> (Option<u8>, u64) {
        (self.decimals, self.step)
    }

    /// Distance of neighbours in coded units; 0: no grid.
    pub(crate) fn step(&self) -> f64 {
        self.decimals.map_or(0.0, |decimals| self.step as f64 / power_of_ten(decimals))
    }

    /// Coded number of a whole cell.
    pub(crate) fn code_whole(&self, cell: i64) -> f64 {
        (i128::from(cell) - i128::from(self.origin)) as f64
    }

    /// Coded numbers of the cells at `rows`.
    pub(crate) fn code(&self, column: &Column, rows: &[u32]) -> Vec<f64> {
        match column.values() {
            Values::Real(values) => rows.iter().map(|&row| values[row as usize] + 0.0).collect(),
            Values::Whole(values) => rows.iter().map(|&row| self.code_whole(values[row as usize])).collect(),
            Values::Code(_) | Values::Text(_) => vec![0.0; rows.len()],
        }
    }

    /// The point of the grid next to a coded number, coded.
    pub(crate) fn snap(&self, coded: f64) -> f64 {
        let Some(decimals) = self.decimals else { return coded };
        if self.whole {
            let step = self.step as f64;
            return self.anchor + step * ((coded - self.anchor) / step).round_ties_even();
        }
        let power = power_of_ten(decimals);
        let (anchor, step) = ((self.anchor * power).round(), self.step as f64);
        (anchor + step * ((coded * power - anchor) / step).round_ties_even()) / power
    }

    /// Cells of coded numbers, each within coded `low..=high`.
    pub(crate) fn cells(&self, coded: &[f64], low: f64, high: f64) -> Values {
        let clipped = coded.iter().map(|&number| self.snap(number.clamp(low, high)).clamp(low, high));
        if self.whole {
            let (least, most) = (i128::from(self.bounds.0), i128::from(self.bounds.1));
            let cell = |number: f64| (i128::from(self.origin) + number as i128).clamp(least, most) as i64;
            Values::Whole(clipped.map(cell).collect())
        } else {
            Values::Real(clipped.map(|number| number + 0.0).collect())
        }
    }

    pub(crate) fn save(&self, mut out: Writer) {
        out.flag("whole", self.whole);
        out.wholes("origin", &[self.origin, self.step as i64, self.bounds.0, self.bounds.1]);
        out.code("decimals", self.decimals.map_or(99, u32::from));
        out.reals("anchor", &[self.anchor]);
    }

    pub(crate) fn load(reader: &Reader) -> Result<Self> {
        let [origin, step, least, most] = reader.some_wholes("origin")?;
        if least > most {
            return Err(reader.damaged("origin"));
        }
        let decimals = match reader.code("decimals")? {
            99 => None,
            decimals if decimals <= u32::from(DECIMALS_MAX) => Some(decimals as u8),
            _ => return Err(reader.damaged("decimals")),
        };
        let step = u64::try_from(step).ok().filter(|&step| step > 0).ok_or_else(|| reader.damaged("origin"))?;
        let [anchor] = reader.some_reals("anchor")?;
        Ok(Self { whole: reader.flag("whole")?, origin, decimals, step, anchor, bounds: (least, most) })
    }
}

pub(crate) fn power_of_ten(decimals: u8) -> f64 {
    const POWERS: [f64; 16] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    POWERS[usize::from(decimals.min(DECIMALS_MAX))]
}

/// Fewest decimals with which every value is written without loss.
fn decimals_of(values: impl Iterator<Item = f64>) -> Option<u8> {
    let mut decimals = 0u8;
    for value in values {
        while !is_on_grid(value, decimals) {
            decimals += 1;
            if decimals > DECIMALS_MAX {
                return None;
            }
        }
    }
    Some(decimals)
}

/// Decimals count only where a double still resolves a hundredth of the last one: else every value would fit.
fn is_on_grid(value: f64, decimals: u8) -> bool {
    let scaled = value * power_of_ten(decimals);
    let limit = if decimals == 0 { EXACT } else { 1e13 };
    scaled.abs() <= limit && (scaled - scaled.round()).abs() <= (1e-9 * scaled.abs().max(1.0)).min(1e-3)
}

fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reals(values: &[f64]) -> Scale {
        Scale::of_reals(values.iter().copied())
    }

    fn restored(scale: &Scale, coded: &[f64], low: f64, high: f64) -> Vec<f64> {
        match scale.cells(coded, low, high) {
            Values::Real(cells) => cells.to_vec(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn decimals_are_the_fewest_that_lose_nothing() {
        assert_eq!(reals(&[1.5, 2.25, 3.0]).step(), 0.75);
        assert_eq!(reals(&[0.1, 0.2, 0.3]).decimals, Some(1));
        assert_eq!(reals(&[1.0, 1.0 / 3.0, std::f64::consts::PI, std::f64::consts::E]).decimals, None);
        assert_eq!(reals(&[1e300, 2.0]).decimals, None);
    }

    #[test]
    fn restored_numbers_lie_on_the_grid_and_inside_the_range() {
        let scale = reals(&[10.0, 15.0, 40.0]);
        assert_eq!(scale.step(), 5.0);
        assert_eq!(restored(&scale, &[11.0, 12.5, 17.5, 99.0, -99.0], 10.0, 40.0), [10.0, 10.0, 20.0, 40.0, 10.0]);
    }

    #[test]
    fn decimal_cells_are_the_nearest_doubles() {
        let scale = reals(&[0.1, 0.2, 0.7]);
        assert_eq!(restored(&scale, &[0.299_999], 0.1, 0.7), [0.3]);
    }

    #[test]
    fn whole_numbers_beyond_two_to_the_53_keep_every_digit() {
        let values = [(1i64 << 62) + 1, (1i64 << 62) + 8, (1i64 << 62) + 3];
        let scale = Scale::of_wholes(values.iter().copied());
        let coded: Vec<f64> = values.iter().map(|&v| scale.code_whole(v)).collect();
        assert_eq!(coded, [0.0, 7.0, 2.0]);
        assert_eq!(scale.cells(&coded, 0.0, 7.0), Values::Whole(values.into()));
    }

    #[test]
    fn the_widest_whole_range_does_not_overflow() {
        let values = [-(1i64 << 62), 0, 1i64 << 62];
        let scale = Scale::of_wholes(values.iter().copied());
        let coded: Vec<f64> = values.iter().map(|&v| scale.code_whole(v)).collect();
        assert_eq!(scale.cells(&coded, coded[0], coded[2]), Values::Whole(values.into()));
    }
}
