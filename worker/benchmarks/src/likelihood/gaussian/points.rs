//! Complete rows of number columns as points.

use super::super::form::OfNumbers;
use super::super::rows::chosen;
use crate::parts::side;
use std::cmp::Ordering;
use synthfleet_proto::Seed;
use synthfleet_stats::means::Points;
use synthfleet_stats::sums;
use synthfleet_table::Table;

/// What is taken off each column, and what it is divided by.
pub struct Scale {
    columns: Vec<(f64, f64)>,
    /// Logarithm of the product of all divisors: what a log density loses in the units of the table.
    pub log_volume: f64,
}

impl Scale {
    /// Leaves numbers as they are.
    pub fn none(columns: usize) -> Self {
        Self { columns: vec![(0.0, 1.0); columns], log_volume: 0.0 }
    }

    /// Means and deviations of a table's columns; a constant one is not divided.
    pub fn of(table: &Table, places: &[usize]) -> Self {
        let column = |&place: &usize| {
            let mut numbers: Vec<f64> = side::numbers(table, place).into_iter().filter(|number| !number.is_nan()).collect();
            // sums in an order that does not depend on that of the rows
            numbers.sort_unstable_by(f64::total_cmp);
            let (mean, deviation) = (sums::mean(&numbers), sums::variance(&numbers).sqrt());
            let usable = mean.is_finite() && deviation.is_finite() && deviation > 0.0;
            if usable { (mean, deviation) } else { (0.0, 1.0) }
        };
        let columns: Vec<(f64, f64)> = places.iter().map(column).collect();
        let log_volume = columns.iter().map(|(_, deviation)| libm::log(*deviation)).sum();
        Self { columns, log_volume }
    }
}

/// Complete rows, scaled, in the order of their numbers, `[rows, columns]`.
pub struct Rows {
    numbers: Vec<f64>,
    columns: usize,
    /// Share of rows that were left out because of a gap; `None` for a table without rows.
    pub dropped: Option<f64>,
}

impl Rows {
    /// The complete rows of a table.
    pub fn of(table: &Table, posed: &OfNumbers, scale: &Scale) -> Self {
        let columns: Vec<Vec<f64>> = posed.places.iter().map(|&place| side::numbers(table, place)).collect();
        let scaled = |row: usize| -> Vec<f64> {
            columns.iter().zip(&scale.columns).map(|(column, (mean, deviation))| (column[row] - mean) / deviation).collect()
        };
        let mut rows: Vec<Vec<f64>> = (0..table.rows()).map(scaled).filter(|row| row.iter().all(|number| !number.is_nan())).collect();
        rows.sort_unstable_by(|a, b| order(a, b));
        let gone = table.rows() - rows.len();
        let dropped = (table.rows() > 0).then(|| gone as f64 / table.rows() as f64);
        Self { numbers: rows.into_iter().flatten().collect(), columns: columns.len(), dropped }
    }

    /// At most `most` of them.
    pub fn capped(&self, most: usize, seed: &Seed) -> Self {
        // they stand in order already
        let mut places = chosen(&seed.child("rows"), self.len(), most, |a, b| a.cmp(&b));
        places.sort_unstable();
        let numbers = places.into_iter().flat_map(|place| self.at(place)).copied().collect();
        Self { numbers, columns: self.columns, dropped: self.dropped }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.numbers.len() / self.columns
    }

    /// Row by row.
    pub fn iter(&self) -> impl Iterator<Item = &[f64]> {
        self.numbers.chunks_exact(self.columns)
    }

    /// As points; `None` if there are no rows or a number left the range of floating point when it was scaled.
    pub fn points(&self) -> Option<Points<'_>> {
        Points::new(&self.numbers, self.columns).filter(|points| !points.is_empty())
    }

    fn at(&self, place: usize) -> &[f64] {
        &self.numbers[place * self.columns..][..self.columns]
    }
}

fn order(a: &[f64], b: &[f64]) -> Ordering {
    a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}
