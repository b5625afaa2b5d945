//! Exact nearest neighbours among rows of 16-bit cells.
//!
//! # Shapes
//! A pool holds tiles of 32 rows; in a tile each lane (a column, or its flags) is one cache line of 32 cells,
//! so one query is compared with 32 rows at a time, and a tile is left as soon as all its partial sums exceed
//! what the query still wants. The smallest and largest cells of 32 tiles lie side by side in the same way:
//! one look tells which of 1,024 rows can be near enough. Rows are best given in the order of
//! [`Space::order`], which puts rows that are near each other into one tile.
//!
//! How rows are compared is a [`Kernel`]: a space itself adds up differences ([`differences`]), [`squares`] their
//! squares, both on the lines of [`lines`].
//!
//! # Cost
//! At most queries x rows x columns cell differences, 16 to an instruction; on mixed tables a few percent of
//! the tiles are looked into.

mod differences;
mod lines;
pub mod squares;

use super::encode16::{Column16, Measure};
use rayon::prelude::*;
use std::cmp::Ordering;
use synthfleet_proto::Result;
use synthfleet_table::Budget;

/// Rows of a tile: a cache line of cells.
const TILE: usize = 32;

/// Queries of one piece of work.
const QUERIES: usize = 64;

/// Lanes of levels, and of numbers, between two looks at the bound.
const LEVELS_A_LOOK: usize = 8;
const NUMBERS_A_LOOK: usize = 2;

/// Some columns as lanes: levels first, then numbers; lanes with flags are followed by them.
#[derive(Debug, Clone)]
pub struct Space<'a> {
    columns: Vec<&'a Column16>,
    levels: usize,
    wide: usize,
    numbers: usize,
    nullable: usize,
    unit: u16,
}

impl<'a> Space<'a> {
    /// A space of some columns in which levels that differ are `unit` apart, and numbers at most.
    pub fn new(columns: impl IntoIterator<Item = &'a Column16>, unit: u16) -> Self {
        let mut columns: Vec<&Column16> = columns.into_iter().collect();
        let class = |column: &Column16| (column.measure == Measure::Number, column.has_flags());
        // few cells first: rows in one tile then agree in as many columns as can be
        columns.sort_by_key(|column| (class(column), column.distinct(0, 4_096)));
        let count = |number: bool, flags: bool| columns.iter().filter(|column| class(column) == (number, flags)).count();
        let (levels, wide, numbers, nullable) = (count(false, false), count(false, true), count(true, false), count(true, true));
        Self { columns, levels, wide, numbers, nullable, unit }
    }

    /// Lanes of a row.
    pub fn lanes(&self) -> usize {
        self.levels + 2 * self.wide + self.numbers + 2 * self.nullable
    }

    /// The rows `rows` of side `side`, `[rows, lanes]`.
    pub fn rows(&self, side: usize, rows: &[u32]) -> Vec<u16> {
        let lanes = self.lanes();
        let mut cells = vec![0; rows.len() * lanes];
        let mut lane = 0;
        for column in &self.columns {
            let from = &column.sides[side];
            for source in if column.has_flags() { vec![&from.main, &from.flag] } else { vec![&from.main] } {
                // an empty flag lane beside others that are not is 0 throughout
                if !source.is_empty() {
                    cells.iter_mut().skip(lane).step_by(lanes).zip(rows).for_each(|(cell, &row)| *cell = source[row as usize]);
                }
                lane += 1;
            }
        }
        cells
    }

    /// The order in which equal and near rows lie side by side: by levels, then by halves of number columns,
    /// then by all cells.
    pub fn order(&self, a: &[u16], b: &[u16]) -> Ordering {
        let levels = self.levels + 2 * self.wide;
        let halves = |row: &[u16]| row[levels..].iter().fold(0u128, |bits, cell| bits << 1 | u128::from(cell >> 15));
        a[..levels].cmp(&b[..levels]).then_with(|| halves(a).cmp(&halves(b))).then_with(|| a.cmp(b))
    }
}

/// How far rows are apart.
pub trait Kernel: Sync {
    /// A distance, a whole number.
    type Distance: Copy + Ord;

    /// The least that a query can be apart from any row of 32 tiles, given their smallest and largest cells.
    fn least_of_tiles(&self, low: &[[u16; TILE]], high: &[[u16; TILE]], query: &[u16]) -> [Self::Distance; TILE];

    /// Distances of a query to the rows of a tile, or `None` if all exceed `bound`.
    fn distances(&self, tile: &[[u16; TILE]], query: &[u16], bound: Self::Distance) -> Option<[Self::Distance; TILE]>;
}

/// Rows to be searched.
#[derive(Debug, Clone)]
pub struct Pool {
    tiles: Vec<[u16; TILE]>,
    /// Smallest and largest cells of each tile, `[tiles / 32, lanes, 32]`.
    low: Vec<[u16; TILE]>,
    high: Vec<[u16; TILE]>,
    lanes: usize,
    rows: usize,
}

impl Pool {
    /// A pool of the rows `cells`, `[rows, lanes]`.
    pub fn new(cells: &[u16], rows: usize, lanes: usize) -> Self {
        let tiles = rows.div_ceil(TILE);
        let lines = tiles.div_ceil(TILE) * lanes;
        let mut pool =
            Self { tiles: vec![[0; TILE]; tiles * lanes], low: vec![[u16::MAX; TILE]; lines], high: vec![[0; TILE]; lines], lanes, rows };
        for (row, cells) in cells.chunks_exact(lanes.max(1)).enumerate() {
            let tile = row / TILE;
            for (lane, &cell) in cells.iter().enumerate() {
                pool.tiles[tile * lanes + lane][row % TILE] = cell;
                let (low, high) = (&mut pool.low[tile / TILE * lanes + lane], &mut pool.high[tile / TILE * lanes + lane]);
                low[tile % TILE] = low[tile % TILE].min(cell);
                high[tile % TILE] = high[tile % TILE].max(cell);
            }
        }
        pool
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }
}

/// What one query wants to know of a pool.
pub trait Visitor {
    /// That of the kernel.
    type Distance: Copy + Ord;
    /// Rows further away are of no interest.
    fn bound(&self) -> Self::Distance;
    /// Is shown a row that was within the bound when its tile was entered.
    fn visit(&mut self, row: u32, distance: Self::Distance);
    /// How far at most the rows lie that this query wants, if the pool has rows at `distances`; a fresh visitor is
    /// asked.
    fn reach(&self, _distances: &[Self::Distance]) -> Self::Distance {
        self.bound()
    }
}

/// The `count` smallest of some numbers, ascending; the largest number where there are fewer.
pub fn smallest<const COUNT: usize>(of: &[u32]) -> [u32; COUNT] {
    let mut smallest = [u32::MAX; COUNT];
    for &one in of {
        let place = smallest.partition_point(|&other| other <= one);
        if place < COUNT {
            smallest[place..].rotate_right(1);
            smallest[place] = one;
        }
    }
    smallest
}

/// Shows the pool to the visitor of a query, `[lanes]`. Tiles are entered in their order, but the one that may be nearest
/// is measured before all others: what it tells of the visitor's reach spares most of them. `least` is scratch.
fn walk<K: Kernel, V: Visitor<Distance = K::Distance>>(
    kernel: &K,
    pool: &Pool,
    query: &[u16],
    visitor: &mut V,
    least: &mut Vec<K::Distance>,
) {
    let lanes = pool.lanes;
    let tiles = pool.rows.div_ceil(TILE);
    least.clear();
    for (low, high) in pool.low.chunks_exact(lanes).zip(pool.high.chunks_exact(lanes)) {
        least.extend(kernel.least_of_tiles(low, high, query));
    }
    least.truncate(tiles);
    let measured = |tile: usize, bound: K::Distance| {
        let distances = kernel.distances(&pool.tiles[tile * lanes..][..lanes], query, bound)?;
        Some((tile * TILE, distances, TILE.min(pool.rows - tile * TILE)))
    };
    let mut bound = visitor.bound();
    let first = (0..tiles).min_by_key(|&tile| least[tile]).filter(|&tile| least[tile] <= bound);
    let Some(first) = first else { return };
    let mut reach = bound;
    if let Some((_, distances, rows)) = measured(first, bound) {
        reach = visitor.reach(&distances[..rows]);
    }
    bound = bound.min(reach);
    for (tile, least_apart) in least.iter().enumerate() {
        if *least_apart > bound {
            continue;
        }
        let Some((row, distances, rows)) = measured(tile, bound) else { continue };
        let near = distances[..rows].iter().enumerate().filter(|(_, distance)| **distance <= bound);
        near.for_each(|(place, &distance)| visitor.visit((row + place) as u32, distance));
        bound = visitor.bound().min(reach);
    }
}

/// Runs `chunk` over the queries in chunks, in parallel, and returns its results in order. `chunk` gets the
/// number of its first query and the queries, `[queries, lanes]`.
pub fn by_chunk<T: Send>(queries: &[u16], lanes: usize, budget: &Budget, chunk: impl Fn(usize, &[u16]) -> T + Sync) -> Result<Vec<T>> {
    let work = queries.par_chunks(QUERIES * lanes.max(1)).enumerate();
    work.map(|(place, queries)| budget.go_on().map(|()| chunk(place * QUERIES, queries))).collect()
}

/// Shows `pool` to a fresh visitor for each query.
pub fn visit_all<K: Kernel, V: Visitor<Distance = K::Distance>>(
    kernel: &K,
    pool: &Pool,
    queries: &[u16],
    mut fresh: impl FnMut(usize) -> V,
) -> Vec<V> {
    assert!(pool.lanes > 0, "neighbours need a column");
    let mut least = Vec::with_capacity(pool.low.len() / pool.lanes * TILE);
    let visited = |(place, query): (usize, &[u16])| {
        let mut visitor = fresh(place);
        walk(kernel, pool, query, &mut visitor, &mut least);
        visitor
    };
    queries.chunks_exact(pool.lanes).enumerate().map(visited).collect()
}

/// Keeps the smallest distance, all rows that have it, and the second smallest.
#[derive(Debug, Clone)]
pub struct Nearest<'a> {
    /// The smallest distance; `u32::MAX` if the pool was empty or all of it out of bound.
    pub distance: u32,
    /// The second smallest distance, equal to the first if two rows have it; known only if asked for.
    pub second: u32,
    /// Rows at the smallest distance, ascending.
    pub rows: Vec<u32>,
    weights: &'a [u32],
    bound: Option<u32>,
}

impl<'a> Nearest<'a> {
    /// Looks for the nearest rows no further than `bound`.
    pub fn within(bound: u32) -> Self {
        Self { distance: u32::MAX, second: u32::MAX, rows: Vec::new(), weights: &[], bound: Some(bound) }
    }

    /// Looks for the two nearest rows in a pool in which row `i` stands for `weights[i]` rows.
    pub fn two(weights: &'a [u32]) -> Self {
        Self { distance: u32::MAX, second: u32::MAX, rows: Vec::new(), weights, bound: None }
    }
}

impl Visitor for Nearest<'_> {
    type Distance = u32;

    fn bound(&self) -> u32 {
        self.bound.map_or(self.second, |bound| bound.min(self.distance))
    }

    fn visit(&mut self, row: u32, distance: u32) {
        let alone = self.weights.get(row as usize).is_none_or(|weight| *weight < 2);
        if distance < self.distance {
            self.second = if alone { self.distance } else { distance };
            self.distance = distance;
            self.rows.clear();
            self.rows.push(row);
        } else if distance == self.distance {
            self.second = distance;
            self.rows.push(row);
        } else {
            self.second = self.second.min(distance);
        }
    }

    fn reach(&self, distances: &[u32]) -> u32 {
        let [first, second] = smallest(distances);
        self.bound.map_or(second, |bound| bound.min(first))
    }
}

#[cfg(test)]
mod tests {
    use super::super::encode16::Cells;
    use super::*;

    /// Pseudo-random cells below `below`.
    fn cells(count: usize, below: u64, salt: u64) -> Vec<u16> {
        let mut state = salt;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % below) as u16
        };
        std::iter::repeat_with(next).take(count).collect()
    }

    /// Two sides, all four sorts of column.
    pub(super) fn columns(rows: [usize; 2]) -> Vec<Column16> {
        let column = |measure: Measure, flags: bool, below: u64, salt: u64| {
            let side = |side: usize| {
                let main = cells(rows[side], below, salt + side as u64);
                let flag = match measure {
                    _ if !flags => Vec::new(),
                    Measure::Level => cells(rows[side], 2, salt + 10),
                    Measure::Number => cells(rows[side], 2, salt + 10).iter().map(|flag| flag * u16::MAX).collect(),
                };
                let main = main
                    .iter()
                    .enumerate()
                    .map(|(row, &cell)| if measure == Measure::Number && flags && flag[row] != 0 { 0 } else { cell });
                Cells { main: main.collect(), flag: flag.clone() }
            };
            Column16 { measure, sides: vec![side(0), side(1)] }
        };
        let mut columns: Vec<Column16> = (0..10).map(|i| column(Measure::Level, false, 3, 100 * i)).collect();
        columns.extend((0..3).map(|i| column(Measure::Number, false, 65_536, 5_000 + 100 * i)));
        columns.push(column(Measure::Level, true, 4, 7));
        columns.push(column(Measure::Number, true, 65_536, 8));
        columns
    }

    fn plain_distance(columns: &[Column16], a: usize, b: usize) -> u32 {
        let one = |column: &Column16| {
            let flag = |side: usize, row: usize| column.sides[side].flag.get(row).copied().unwrap_or(0);
            let (x, y) = (column.sides[0].main[a], column.sides[1].main[b]);
            match column.measure {
                Measure::Level if x == y && flag(0, a) == flag(1, b) => 0,
                Measure::Number if flag(0, a) == flag(1, b) => u32::from(x.abs_diff(y)),
                _ => 65_535,
            }
        };
        columns.iter().map(one).sum()
    }

    #[test]
    fn neighbours_are_those_of_a_plain_search() {
        let (queries, pool) = (150, 333);
        let columns = columns([queries, pool]);
        let space = Space::new(&columns, u16::MAX);
        let all = |rows: usize| (0..rows as u32).collect::<Vec<_>>();
        let searched = Pool::new(&space.rows(1, &all(pool)), pool, space.lanes());
        let cells = space.rows(0, &all(queries));
        let found =
            by_chunk(&cells, space.lanes(), &Budget::quiet(1), |_, queries| visit_all(&space, &searched, queries, |_| Nearest::two(&[])));
        for (query, found) in found.expect("nobody stops it").into_iter().flatten().enumerate() {
            let mut distances: Vec<(u32, u32)> = (0..pool).map(|row| (plain_distance(&columns, query, row), row as u32)).collect();
            distances.sort_unstable();
            let ties: Vec<u32> = distances.iter().filter(|pair| pair.0 == distances[0].0).map(|pair| pair.1).collect();
            assert_eq!((found.distance, found.second, found.rows), (distances[0].0, distances[1].0, ties));
        }
    }

    #[test]
    fn a_row_that_stands_for_two_is_its_own_second() {
        let mut nearest = Nearest::two(&[1, 2]);
        [(0, 5), (1, 3)].into_iter().for_each(|(row, distance)| nearest.visit(row, distance));
        assert_eq!((nearest.distance, nearest.second), (3, 3));
    }

    #[test]
    fn rows_out_of_bound_are_not_found() {
        let columns = columns([1, 64]);
        let space = Space::new(&columns, u16::MAX);
        let pool = Pool::new(&space.rows(1, &(0..64).collect::<Vec<_>>()), 64, space.lanes());
        let found = visit_all(&space, &pool, &space.rows(0, &[0]), |_| Nearest::within(0));
        assert!(found[0].rows.is_empty() && found[0].distance == u32::MAX);
    }
}
