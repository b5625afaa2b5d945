//! Which columns a table of cells spans, and the walk over a large table beside a small one.
//!
//! **Layout.** Cells stand in row-major order of the columns as listed: the last column runs fastest.
//! **Walk.** [`Map`] gives the place in a table over fewer columns for each cell of a table over more.
//! Neighbouring columns that move both places alike are joined, so that inner loops are long. A small table whose
//! columns stand in another order than in the large one is put in that order first: then inner loops go cell by cell.

use std::borrow::Cow;
use synthfleet_stats::sums::sum;

/// Cells that are added side by side.
const LANES: usize = 4;

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
        let ordered = small.only(&self.columns);
        let mut joined: Vec<(usize, usize)> = vec![(1, 0)];
        for (&column, &size) in self.columns.iter().zip(&self.sizes).rev() {
            let stride = ordered.stride(column);
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
        let places = if ordered == *small { Vec::new() } else { ordered.places_in(small) };
        Map { steps: joined, places }
    }

    /// The place of each of its cells in a table over the same columns in the order of `other`.
    fn places_in(&self, other: &Self) -> Vec<usize> {
        let mut places = vec![0];
        for (&column, &size) in self.columns.iter().zip(&self.sizes) {
            let stride = other.stride(column);
            places = places.iter().flat_map(|place| (0..size).map(move |level| place + level * stride)).collect();
        }
        places
    }
}

/// The way from the cells of a large table to those of a small one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Map {
    /// Length and step in the small table, columns ordered as in the large one, of each joined run of columns, the
    /// fastest last: its step is 0 or 1.
    steps: Vec<(usize, usize)>,
    /// Where the cells of the ordered table stand in the small one; empty: it is ordered.
    places: Vec<usize>,
}

impl Map {
    /// Calls `run(place, small, length, step)` for the cells `start ..` of the large table, in order:
    /// cells `place .. place + length`, counted from `start`, belong to `small, small + step, ...` of the ordered table.
    fn runs(&self, start: usize, cells: usize, mut run: impl FnMut(usize, usize, usize, usize)) {
        let (outer, inner) = self.steps.split_at(self.steps.len() - 1);
        let (length, step) = inner[0];
        let (outer, middle) = outer.split_at(outer.len().saturating_sub(1));
        let (times, stride) = middle.first().copied().unwrap_or((1, 0));
        let mut rest = start / length;
        let mut time = rest % times;
        rest /= times;
        let mut digits = vec![0; outer.len()];
        let mut base = 0;
        for (digit, &(size, stride)) in digits.iter_mut().zip(outer).rev() {
            *digit = rest % size;
            rest /= size;
            base += *digit * stride;
        }
        let (mut place, mut first) = (0, start % length);
        while place < cells {
            while time < times && place < cells {
                let now = (length - first).min(cells - place);
                run(place, base + time * stride + first * step, now, step);
                place += now;
                first = 0;
                time += 1;
            }
            time = 0;
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

    /// The small table in the order that [`Map::add`] wants.
    pub(crate) fn ordered<'a>(&self, small: &'a [f64]) -> Cow<'a, [f64]> {
        if self.places.is_empty() { Cow::Borrowed(small) } else { self.places.iter().map(|&place| small[place]).collect() }
    }

    /// Adds the small table, [`Map::ordered`], to the cells `start ..` of the large one.
    pub(crate) fn add(&self, ordered: &[f64], start: usize, cells: &mut [f64]) {
        self.runs(start, cells.len(), |place, from, length, step| {
            let run = &mut cells[place..place + length];
            match step {
                0 => run.iter_mut().for_each(|cell| *cell += ordered[from]),
                _ => add_all(run, &ordered[from..from + length]),
            }
        });
    }

    /// Sums the whole large table into one of `size` cells.
    pub(crate) fn sums(&self, large: &[f64], size: usize) -> Vec<f64> {
        let mut ordered = vec![0.0; size];
        self.runs(0, large.len(), |place, to, length, step| {
            let run = &large[place..place + length];
            match step {
                0 => ordered[to] += sum(run),
                _ => add_all(&mut ordered[to..to + length], run),
            }
        });
        if self.places.is_empty() {
            return ordered;
        }
        let mut small = vec![0.0; size];
        self.places.iter().zip(ordered).for_each(|(&place, sum)| small[place] = sum);
        small
    }
}

/// Adds numbers place by place. Runs are short, so the lanes are written out: a compiler unrolls past them.
fn add_all(numbers: &mut [f64], more: &[f64]) {
    let ((lanes, rest), (more_lanes, more_rest)) = (numbers.as_chunks_mut::<LANES>(), more.as_chunks::<LANES>());
    for (lane, more) in lanes.iter_mut().zip(more_lanes) {
        (0..LANES).for_each(|place| lane[place] += more[place]);
    }
    rest.iter_mut().zip(more_rest).for_each(|(number, more)| *number += more);
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
    let map = large.map_to(small);
    let of = |ordered: usize| if map.places.is_empty() { ordered } else { map.places[ordered] };
    map.runs(0, places.len(), |place, to, length, step| {
        places[place..place + length].iter_mut().enumerate().for_each(|(i, own)| *own = of(to + i * step));
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
            map.add(&map.ordered(&small.values), start, &mut cells);
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
