//! Which columns a table of cells spans, and the walk over a large table beside a small one.
//!
//! **Layout.** Cells stand in row-major order of the columns as listed: the last column runs fastest.
//! **Walk.** [`Map`] gives the place in a table over fewer columns for each cell of a table over more.
//! Neighbouring columns that move both places alike are joined, so that inner loops are long.

use synthfleet_stats::sums::sum;

/// An ordered list of columns with their numbers of levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    columns: Vec<usize>,
    sizes: Vec<usize>,
}

impl Scope {
    /// Columns in this order; `sizes[column]` levels each.
    pub(crate) fn new(columns: Vec<usize>, sizes: &[usize]) -> Self {
        let sizes = columns.iter().map(|&column| sizes[column]).collect();
        Self { columns, sizes }
    }

    /// The columns in order.
    pub(crate) fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Levels of each column, `[columns]`.
    pub(crate) fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// Number of cells; 1 without columns.
    pub(crate) fn cells(&self) -> usize {
        self.sizes.iter().product()
    }

    /// Whether it has all of `columns`.
    pub(crate) fn has_all(&self, columns: &[usize]) -> bool {
        columns.iter().all(|column| self.columns.contains(column))
    }

    /// The first `length` columns.
    pub(crate) fn first(&self, length: usize) -> Self {
        Self { columns: self.columns[..length].to_vec(), sizes: self.sizes[..length].to_vec() }
    }

    /// The columns listed that it has, in the order of the list.
    pub(crate) fn only(&self, columns: &[usize]) -> Self {
        let places: Vec<usize> = columns.iter().filter_map(|column| self.columns.iter().position(|own| own == column)).collect();
        let pick = |from: &[usize]| places.iter().map(|&place| from[place]).collect();
        Self { columns: pick(&self.columns), sizes: pick(&self.sizes) }
    }

    /// Its columns, then those of `other`, which must be others.
    pub(crate) fn followed_by(&self, other: &Self) -> Self {
        Self { columns: [&self.columns[..], &other.columns].concat(), sizes: [&self.sizes[..], &other.sizes].concat() }
    }

    /// How far one level of `column` moves the place of a cell; 0 for a column that it does not have.
    pub(crate) fn stride(&self, column: usize) -> usize {
        match self.columns.iter().position(|&own| own == column) {
            Some(place) => self.sizes[place + 1..].iter().product(),
            None => 0,
        }
    }

    /// The way from cells over its columns to cells of `small`.
    pub(crate) fn map_to(&self, small: &Self) -> Map {
        let mut joined: Vec<(usize, usize)> = vec![(1, 0)];
        for (&column, &size) in self.columns.iter().zip(&self.sizes).rev() {
            let stride = small.stride(column);
            let inner = joined.len() - 1;
            let (length, step) = joined[inner];
            if length == 1 {
                joined[inner] = (size, stride);
            } else if size > 1 && stride == length * step {
                joined[inner].0 = length * size;
            } else if size > 1 {
                joined.push((size, stride));
            }
        }
        joined.reverse();
        Map { steps: joined }
    }
}

/// The way from the cells of a large table to those of a small one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Map {
    /// Length and step in the small table of each joined run of columns, the fastest last.
    steps: Vec<(usize, usize)>,
}

impl Map {
    /// Calls `run(place, small, length, step)` for the cells `start ..` of the large table, in order:
    /// cells `place .. place + length`, counted from `start`, belong to `small, small + step, ...`.
    fn runs(&self, start: usize, cells: usize, mut run: impl FnMut(usize, usize, usize, usize)) {
        let (outer, inner) = self.steps.split_at(self.steps.len() - 1);
        let (length, step) = inner[0];
        let mut rest = start / length;
        let mut digits = vec![0; outer.len()];
        let mut base = 0;
        for (digit, &(size, stride)) in digits.iter_mut().zip(outer).rev() {
            *digit = rest % size;
            rest /= size;
            base += *digit * stride;
        }
        let (mut place, mut first) = (0, start % length);
        while place < cells {
            let now = (length - first).min(cells - place);
            run(place, base + first * step, now, step);
            place += now;
            first = 0;
            for (digit, &(size, stride)) in digits.iter_mut().zip(outer).rev() {
                *digit += 1;
                base += stride;
                if *digit < size {
                    break;
                }
                base -= size * stride;
                *digit = 0;
            }
        }
    }

    /// Adds the small table to the cells `start ..` of the large one.
    pub(crate) fn add(&self, small: &[f64], start: usize, cells: &mut [f64]) {
        self.runs(start, cells.len(), |place, from, length, step| {
            let run = &mut cells[place..place + length];
            match step {
                0 => run.iter_mut().for_each(|cell| *cell += small[from]),
                1 => run.iter_mut().zip(&small[from..from + length]).for_each(|(cell, more)| *cell += more),
                _ => run.iter_mut().zip(small[from..].iter().step_by(step)).for_each(|(cell, more)| *cell += more),
            }
        });
    }

    /// Sums the whole large table into one of `size` cells.
    pub(crate) fn sums(&self, large: &[f64], size: usize) -> Vec<f64> {
        let mut small = vec![0.0; size];
        self.runs(0, large.len(), |place, to, length, step| {
            let run = &large[place..place + length];
            match step {
                0 => small[to] += sum(run),
                1 => small[to..to + length].iter_mut().zip(run).for_each(|(sum, cell)| *sum += cell),
                _ => small[to..].iter_mut().step_by(step).zip(run).for_each(|(sum, cell)| *sum += cell),
            }
        });
        small
    }
}

/// A table of numbers over a scope.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Factor {
    pub(crate) scope: Scope,
    pub(crate) values: Vec<f64>,
}

impl Factor {
    /// Sums over all columns but those of `columns`, which come in that order.
    pub(crate) fn sums(&self, columns: &[usize]) -> Self {
        let scope = self.scope.only(columns);
        let values = self.scope.map_to(&scope).sums(&self.values, scope.cells());
        Self { scope, values }
    }

    /// `Σ self(a) · other(s, w)` over the columns of `self` not in `keep`: a factor over `keep`, then `w`.
    /// The first `shared` columns of `other` are columns of `self`, the others are not.
    pub(crate) fn contract(&self, other: &Self, shared: usize, keep: &[usize]) -> Self {
        let kept = self.scope.only(keep);
        let common = other.scope.first(shared);
        let added = other.scope.only(&other.scope.columns[shared..]);
        let width = added.cells();
        let mut values = vec![0.0; kept.cells() * width];
        let (to_kept, to_common) = (places(&self.scope, &kept), places(&self.scope, &common));
        for ((&number, to), from) in self.values.iter().zip(to_kept).zip(to_common) {
            let row = &other.values[from * width..(from + 1) * width];
            values[to * width..(to + 1) * width].iter_mut().zip(row).for_each(|(sum, more)| *sum += number * more);
        }
        Self { scope: kept.followed_by(&added), values }
    }
}

/// The place in a table over `small` of each cell of a table over `large`.
fn places(large: &Scope, small: &Scope) -> Vec<usize> {
    let mut places = vec![0; large.cells()];
    large.map_to(small).runs(0, places.len(), |place, to, length, step| {
        places[place..place + length].iter_mut().enumerate().for_each(|(i, own)| *own = to + i * step);
    });
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [usize; 4] = [2, 3, 1, 4];

    fn counted(columns: &[usize]) -> Factor {
        let scope = Scope::new(columns.to_vec(), &SIZES);
        let values = (0..scope.cells()).map(|cell| (cell * cell % 17) as f64).collect();
        Factor { scope, values }
    }

    /// The levels of cell `cell`, by column.
    fn levels(scope: &Scope, cell: usize) -> Vec<(usize, usize)> {
        scope.columns().iter().zip(scope.sizes()).map(|(&column, &size)| (column, cell / scope.stride(column) % size)).collect()
    }

    fn place(scope: &Scope, levels: &[(usize, usize)]) -> usize {
        levels.iter().map(|&(column, level)| level * scope.stride(column)).sum()
    }

    #[test]
    fn sums_are_those_of_each_cell() {
        let large = counted(&[3, 0, 2, 1]);
        for small in [&[][..], &[0], &[1], &[3], &[2], &[1, 3], &[3, 1], &[0, 3], &[1, 0, 3, 2]] {
            let found = large.sums(small);
            let mut expected = vec![0.0; found.scope.cells()];
            for (cell, value) in large.values.iter().enumerate() {
                expected[place(&found.scope, &levels(&large.scope, cell))] += value;
            }
            assert_eq!(found.values, expected, "{small:?}");
        }
    }

    #[test]
    fn a_part_of_the_cells_gets_its_part_of_a_small_table() {
        let (large, small) = (counted(&[1, 3, 0]), counted(&[0, 1]));
        let map = large.scope.map_to(&small.scope);
        for start in 0..large.values.len() {
            let mut cells = large.values[start..].to_vec();
            map.add(&small.values, start, &mut cells);
            for (i, found) in cells.iter().enumerate() {
                let expected = large.values[start + i] + small.values[place(&small.scope, &levels(&large.scope, start + i))];
                assert_eq!(*found, expected, "from {start}, cell {i}");
            }
        }
    }

    #[test]
    fn a_contraction_is_the_sum_of_products() {
        let (a, b) = (counted(&[0, 1]), counted(&[1, 3]));
        let found = a.contract(&b, 1, &[0]);
        assert_eq!(found.scope.columns(), [0, 3]);
        for (cell, value) in found.values.iter().enumerate() {
            let (x, w) = (cell / 4, cell % 4);
            let expected: f64 = (0..3).map(|s| a.values[x * 3 + s] * b.values[s * 4 + w]).sum();
            assert_eq!(*value, expected);
        }
    }
}
