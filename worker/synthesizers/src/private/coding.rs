//! The train table as codes in a domain, behind the wrapper, and counts of its rows.
//!
//! Counts are made here alone: every row adds 1 to exactly one cell, which is what the prices of the
//! ledger presume.

use super::ledger::Private;
use rayon::prelude::*;

/// Rows as codes, `[columns][rows]`, codes below `levels`.
#[derive(Debug, Clone)]
pub struct Coding {
    columns: Vec<Vec<u32>>,
    levels: Vec<u32>,
    rows: usize,
}

/// Numbers of rows by cell; every row stands in exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    cells: Vec<u64>,
}

impl Counts {
    /// Counts that somebody of this folder made.
    pub(super) fn of(cells: Vec<u64>) -> Self {
        Self { cells }
    }

    /// The cells. A caller of [`Private::map`] may look; what it makes of them stays wrapped.
    pub fn cells(&self) -> &[u64] {
        &self.cells
    }
}

/// A column of a count table: its place, and what its codes become before they are counted.
#[derive(Debug, Clone, Copy)]
pub struct Axis<'a> {
    /// Place of the code column.
    pub column: usize,
    /// Cell of each code, `[levels]`.
    pub map: &'a [u32],
    /// Number of cells along this axis.
    pub cells: u32,
}

impl Coding {
    /// Codes, `[columns][rows]`, each below the column's level count.
    pub(super) fn new(columns: Vec<Vec<u32>>, levels: Vec<u32>, rows: usize) -> Self {
        Self { columns, levels, rows }
    }

    /// Codes of each column, `[columns][rows]`. A caller of [`Private::map`] may look; what it makes of them
    /// stays wrapped.
    pub fn columns(&self) -> &[Vec<u32>] {
        &self.columns
    }

    /// The rows at `rows`, in that order.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        let take = |codes: &Vec<u32>| rows.iter().map(|&row| codes[row as usize]).collect();
        Self { columns: self.columns.iter().map(take).collect(), levels: self.levels.clone(), rows: rows.len() }
    }

    /// The cell of each row along some axes.
    fn places(&self, axes: &[Axis]) -> Vec<u32> {
        let mut places = vec![0u32; self.rows];
        for axis in axes {
            for (place, &code) in places.iter_mut().zip(&self.columns[axis.column]) {
                *place = *place * axis.cells + axis.map[code as usize];
            }
        }
        places
    }

    fn count(&self, axes: &[Axis]) -> Counts {
        let mut cells = vec![0u64; axes.iter().map(|axis| axis.cells as usize).product::<usize>()];
        self.places(axes).iter().for_each(|&place| cells[place as usize] += 1);
        Counts { cells }
    }

    /// `½ Σ |P(x,π) - P(x)·P(π)|` of column x and the joint cells π, in whole numbers up to the last step.
    fn dependence(&self, places: &[u32], cells: usize, column: usize) -> f64 {
        let levels = self.levels[column] as usize;
        let mut joint = vec![0u32; cells * levels];
        for (&place, &code) in places.iter().zip(&self.columns[column]) {
            joint[place as usize * levels + code as usize] += 1;
        }
        let mut of_column = vec![0u64; levels];
        joint.chunks(levels).for_each(|row| of_column.iter_mut().zip(row).for_each(|(sum, &count)| *sum += u64::from(count)));
        let rows = self.rows as u128;
        let mut total = 0u128;
        for row in joint.chunks(levels) {
            let of_cell: u64 = row.iter().map(|&count| u64::from(count)).sum();
            for (&count, &of_code) in row.iter().zip(&of_column) {
                total += (rows * u128::from(count)).abs_diff(u128::from(of_cell) * u128::from(of_code));
            }
        }
        total as f64 / (2.0 * rows as f64 * rows as f64)
    }
}

impl Private<Coding> {
    /// Number of levels of each code column, `[columns]`: public, they come from the domain.
    pub fn levels(&self) -> &[u32] {
        &self.open().levels
    }

    /// Rows by the codes of some columns, row-major, the last column fastest: `[product of levels]`.
    #[must_use]
    pub fn counts(&self, columns: &[usize]) -> Private<Counts> {
        let levels = self.levels();
        let maps: Vec<Vec<u32>> = columns.iter().map(|&column| (0..levels[column]).collect()).collect();
        let axes = columns.iter().zip(&maps).map(|(&column, map)| Axis { column, map, cells: levels[column] });
        self.counts_by(&axes.collect::<Vec<_>>())
    }

    /// The same over groups of codes.
    #[must_use]
    pub fn counts_by(&self, axes: &[Axis]) -> Private<Counts> {
        self.map(|coding| coding.count(axes))
    }

    /// How much each of some columns hangs on the joint cells of some axes: half the L1 distance of their joint
    /// law from independence, `[columns]`. Replacing a row of n moves it by at most 3/n + 2/n².
    #[must_use]
    pub fn dependences(&self, axes: &[Axis], columns: &[usize]) -> Vec<Private<f64>> {
        let places = self.map(|coding| coding.places(axes));
        let cells = axes.iter().map(|axis| axis.cells as usize).product();
        let one = |&column: &usize| self.map(|coding| coding.dependence(places.open(), cells, column));
        columns.iter().map(one).collect()
    }

    /// Counts of many sets of columns, on all threads of the pool.
    #[must_use]
    pub fn counts_of_all(&self, sets: &[Vec<usize>]) -> Vec<Private<Counts>> {
        sets.par_iter().map(|columns| self.counts(columns)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coding() -> Private<Coding> {
        Private::new(Coding::new(vec![vec![0, 1, 1, 2], vec![1, 0, 1, 1]], vec![3, 2], 4))
    }

    #[test]
    fn every_row_stands_in_one_cell() {
        assert_eq!(coding().counts(&[0, 1]).open().cells(), [0, 1, 1, 1, 0, 1]);
        assert_eq!(coding().counts(&[1]).open().cells(), [1, 3]);
        assert_eq!(coding().counts(&[]).open().cells(), [4]);
    }

    #[test]
    fn dependence_is_half_the_distance_from_independence() {
        // joint law: 1/4 on (0,1), (1,0), (1,1), (2,1); products: 1/16 and 3/16, 2/16 and 6/16, 1/16 and 3/16
        let axis = Axis { column: 1, map: &[0, 1], cells: 2 };
        let found = coding().dependences(&[axis], &[0]);
        assert!((found[0].open() - 0.25).abs() < 1e-15, "{}", found[0].open());
        assert_eq!(*coding().dependences(&[], &[0])[0].open(), 0.0);
    }

    #[test]
    fn codes_are_counted_by_groups() {
        let axis = Axis { column: 0, map: &[0, 0, 1], cells: 2 };
        assert_eq!(coding().counts_by(&[axis]).open().cells(), [3, 1]);
    }
}
