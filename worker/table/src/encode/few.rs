//! Numbers with few distinct values: ordered codes that keep the number behind each.
//!
//! A value with fewer than k rows becomes its nearest neighbour with enough rows, the smaller on ties;
//! the protected range comes first, so that its ends always have enough rows.

use super::number::{blank, protected};
use super::protect::limits;
use super::scale::Scale;
use super::shelf::{Reader, Writer};
use super::{Coded, Sort};
use crate::Bits;
use crate::table::{Column, Values};
use synthfleet_proto::Result;

/// Most distinct values of a number column that is coded by levels.
pub(crate) const DISTINCT_MAX: usize = 20;

/// Ordered codes of numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Few {
    pub(crate) scale: Scale,
    /// Shown values, coded by the scale, ascending.
    pub(crate) values: Vec<f64>,
    pub(crate) missing: bool,
}

impl Few {
    /// Fits if the present cells, given as `rows`, have at most 20 distinct values and all are exact.
    pub(crate) fn fit(column: &Column, rows: &[u32], missing: bool, k: usize) -> Option<(Self, bool)> {
        let is_rich = |scale: &Scale| {
            let mut sample = scale.code(column, &rows[..rows.len().min(1_000)]);
            sample.sort_unstable_by(f64::total_cmp);
            sample.chunk_by(|a, b| a == b).count() > DISTINCT_MAX
        };
        if is_rich(&Scale::fit(column, rows)?) {
            return None;
        }
        let (scale, sorted) = protected(column, rows, k)?;
        let runs: Vec<(f64, usize)> = sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len())).collect();
        if runs.len() > DISTINCT_MAX {
            return None;
        }
        let range = limits(&sorted, k);
        // the ends of the protected range have k rows at or beyond them
        let is_shown = |value: f64, count: usize| value == range.low || value == range.high || count >= k;
        let inside = runs.iter().filter(|(value, _)| (range.low..=range.high).contains(value));
        let values = inside.filter(|(value, count)| is_shown(*value, *count)).map(|(value, _)| *value).collect();
        Some((Self { scale, values, missing }, range.collapsed))
    }

    /// Number of levels.
    pub(crate) fn levels(&self) -> u32 {
        self.values.len() as u32 + u32::from(self.missing)
    }

    pub(crate) fn missing_level(&self) -> Option<u32> {
        self.missing.then_some(self.values.len() as u32)
    }

    pub(crate) fn sort(&self) -> Sort {
        Sort::Levels { levels: self.levels(), ordered: true }
    }

    pub(crate) fn encode(&self, column: &Column) -> Coded {
        let rows: Vec<u32> = (0..column.len() as u32).collect();
        let numbers = self.scale.code(column, &rows);
        let code = |(row, &number): (usize, &f64)| {
            if column.is_missing(row) && self.missing { self.values.len() as u32 } else { self.nearest(number) }
        };
        Coded::Levels(numbers.iter().enumerate().map(code).collect())
    }

    fn nearest(&self, number: f64) -> u32 {
        let after = self.values.partition_point(|&value| value < number);
        match (after.checked_sub(1).map(|place| self.values[place]), self.values.get(after)) {
            (_, None) => self.values.len() as u32 - 1,
            (None, _) => 0,
            (Some(below), Some(above)) => after as u32 - u32::from(number - below <= above - number),
        }
    }

    pub(crate) fn decode(&self, codes: &[u32]) -> (Values, Option<Bits>) {
        let last = self.values.len() - 1;
        let numbers: Vec<f64> = codes.iter().map(|&code| self.values[(code as usize).min(last)]).collect();
        let cells = self.scale.cells(&numbers, self.values[0], self.values[last]);
        let missing = self.missing.then(|| Bits::collect(codes.iter().map(|&code| code as usize > last)));
        (blank(cells, missing.as_ref()), missing)
    }

    pub(crate) fn save(&self, out: &mut Writer) {
        self.scale.save(out.below("scale"));
        out.reals("values", &self.values);
        out.flag("missing", self.missing);
    }

    pub(crate) fn load(reader: &Reader) -> Result<Self> {
        let values = reader.reals("values")?.to_vec();
        if values.is_empty() || values.len() > DISTINCT_MAX || !values.is_sorted_by(|a, b| a < b) {
            return Err(reader.damaged("values"));
        }
        Ok(Self { scale: Scale::load(&reader.below("scale"))?, values, missing: reader.flag("missing")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(counts: &[(i64, usize)]) -> Column {
        let cells: Vec<i64> = counts.iter().flat_map(|&(value, count)| std::iter::repeat_n(value, count)).collect();
        Column::new(Values::Whole(cells.into()), None).expect("legal")
    }

    fn fit(counts: &[(i64, usize)], k: usize) -> (Few, Column) {
        let column = column(counts);
        let rows: Vec<u32> = (0..column.len() as u32).collect();
        (Few::fit(&column, &rows, false, k).expect("few values").0, column)
    }

    #[test]
    fn a_rare_value_becomes_its_nearest_neighbour() {
        let (few, column) = fit(&[(1, 10), (2, 3), (9, 10)], 5);
        assert_eq!(few.values, [1.0, 9.0]);
        assert_eq!(few.encode(&column).codes().map(|codes| (codes[0], codes[10], codes[13])), Some((0, 0, 1)));
    }

    #[test]
    fn rare_extremes_are_clipped_to_shown_ones() {
        let (few, _) = fit(&[(-50, 1), (1, 10), (2, 10), (70, 1), (80, 1)], 5);
        assert_eq!(few.values, [1.0, 2.0]);
    }

    #[test]
    fn numbers_come_back_whole() {
        let (few, column) = fit(&[(1, 10), (2, 10), (9, 10)], 5);
        let codes = few.encode(&column);
        assert_eq!(&few.decode(codes.codes().expect("levels")).0, column.values());
    }
}
