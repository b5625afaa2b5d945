//! Exact nearest neighbours among rows of 16-bit cells.
//!
//! # Shapes
//! A pool holds tiles of 32 rows; in a tile each lane (a column, or its flags) is one cache line of 32 cells,
//! so one query is compared with 32 rows at a time. A tile is left as soon as all its partial sums exceed what
//! the query still wants. Queries go through a pool in blocks that stay in the first cache.
//!
//! # Cost
//! At most queries x rows x columns cell differences, 16 to an instruction; on mixed tables most tiles are
//! left after the levels.

use super::encode16::{Column16, Measure};
use rayon::prelude::*;
use synthfleet_proto::Result;
use synthfleet_table::Budget;

/// Rows of a tile: a cache line of cells.
const TILE: usize = 32;

/// Queries that walk through the pool together.
const QUERIES: usize = 64;

/// Bytes of a block of tiles.
const BLOCK_BYTES: usize = 1 << 15;

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
        // columns with many cells tell rows apart sooner
        columns.sort_by_key(|column| (class(column), usize::MAX - column.distinct(0, 4_096)));
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

    /// Distances of a query to the rows of a tile, or `None` if all exceed `bound`.
    #[inline]
    fn distances(&self, tile: &[[u16; TILE]], query: &[u16], bound: u32) -> Option<[u32; TILE]> {
        let unit = u32::from(self.unit);
        let (levels, rest) = tile.split_at(self.levels);
        let (level_cells, query_rest) = query.split_at(self.levels);
        let mut apart = [0u16; TILE];
        for (lines, cells) in levels.chunks(LEVELS_A_LOOK).zip(level_cells.chunks(LEVELS_A_LOOK)) {
            for (line, &cell) in lines.iter().zip(cells) {
                for (apart, &other) in apart.iter_mut().zip(line) {
                    *apart += u16::from(other != cell);
                }
            }
            if u32::from(least(&apart)) * unit > bound {
                return None;
            }
        }
        let (wide, rest) = rest.split_at(2 * self.wide);
        let (wide_cells, query_rest) = query_rest.split_at(2 * self.wide);
        for (lines, cells) in wide.chunks_exact(2).zip(wide_cells.chunks_exact(2)) {
            for (apart, (&low, &high)) in apart.iter_mut().zip(lines[0].iter().zip(&lines[1])) {
                *apart += u16::from(low != cells[0] || high != cells[1]);
            }
        }
        let mut sums = apart.map(|apart| u32::from(apart) * unit);
        let (numbers, nullable) = rest.split_at(self.numbers);
        let (number_cells, nullable_cells) = query_rest.split_at(self.numbers);
        for (lines, cells) in numbers.chunks(NUMBERS_A_LOOK).zip(number_cells.chunks(NUMBERS_A_LOOK)) {
            for (line, &cell) in lines.iter().zip(cells) {
                for (sum, &other) in sums.iter_mut().zip(line) {
                    *sum += u32::from(other.abs_diff(cell).min(self.unit));
                }
            }
            if least(&sums) > bound {
                return None;
            }
        }
        for (lines, cells) in nullable.chunks_exact(2).zip(nullable_cells.chunks_exact(2)) {
            for (sum, (&other, &flag)) in sums.iter_mut().zip(lines[0].iter().zip(&lines[1])) {
                *sum += u32::from((other.abs_diff(cells[0]) | (flag ^ cells[1])).min(self.unit));
            }
        }
        (least(&sums) <= bound).then_some(sums)
    }
}

fn least<T: Ord + Copy>(of: &[T; TILE]) -> T {
    let mut least = of[0];
    for &one in of {
        least = least.min(one);
    }
    least
}

/// Rows to be searched.
#[derive(Debug, Clone)]
pub struct Pool {
    tiles: Vec<[u16; TILE]>,
    lanes: usize,
    rows: usize,
}

impl Pool {
    /// A pool of the rows `cells`, `[rows, lanes]`.
    pub fn new(cells: &[u16], rows: usize, lanes: usize) -> Self {
        let mut tiles = vec![[0; TILE]; rows.div_ceil(TILE) * lanes];
        for (row, cells) in cells.chunks_exact(lanes.max(1)).enumerate() {
            let tile = &mut tiles[row / TILE * lanes..][..lanes];
            tile.iter_mut().zip(cells).for_each(|(line, &cell)| line[row % TILE] = cell);
        }
        Self { tiles, lanes, rows }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }
}

/// What one query wants to know of a pool.
pub trait Visitor {
    /// Rows further away are of no interest.
    fn bound(&self) -> u32;
    /// Is shown a row that was within the bound when its tile was entered.
    fn visit(&mut self, row: u32, distance: u32);
}

/// Shows the pool to the visitor of each query, `[queries, lanes]`.
fn walk<V: Visitor>(space: &Space, pool: &Pool, queries: &[u16], visitors: &mut [V]) {
    if pool.lanes == 0 {
        visitors.iter_mut().for_each(|visitor| (0..pool.rows).for_each(|row| visitor.visit(row as u32, 0)));
        return;
    }
    let tiles_a_block = (BLOCK_BYTES / (pool.lanes * TILE * 2)).max(1);
    for (block, tiles) in pool.tiles.chunks(tiles_a_block * pool.lanes).enumerate() {
        for (visitor, query) in visitors.iter_mut().zip(queries.chunks_exact(pool.lanes)) {
            let mut bound = visitor.bound();
            for (place, tile) in tiles.chunks_exact(pool.lanes).enumerate() {
                if let Some(distances) = space.distances(tile, query, bound) {
                    let first = (block * tiles_a_block + place) * TILE;
                    let rows = distances.iter().enumerate().take(pool.rows - first);
                    for (row, &distance) in rows.filter(|(_, distance)| **distance <= bound) {
                        visitor.visit((first + row) as u32, distance);
                    }
                    bound = visitor.bound();
                }
            }
        }
    }
}

/// Runs `chunk` over the queries in chunks, in parallel, and returns its results in order. `chunk` gets the
/// number of its first query and the queries, `[queries, lanes]`.
pub fn by_chunk<T: Send>(
    queries: &[u16],
    lanes: usize,
    budget: &Budget,
    chunk: impl Fn(usize, &[u16]) -> T + Sync,
) -> Result<Vec<T>> {
    let work = queries.par_chunks(QUERIES * lanes.max(1)).enumerate();
    work.map(|(place, queries)| budget.go_on().map(|()| chunk(place * QUERIES, queries))).collect()
}

/// Shows `pool` to a fresh visitor for each query.
pub fn visit_all<V: Visitor>(space: &Space, pool: &Pool, queries: &[u16], fresh: impl FnMut(usize) -> V) -> Vec<V> {
    let count = queries.len() / pool.lanes.max(1);
    let mut visitors: Vec<V> = (0..count).map(fresh).collect();
    walk(space, pool, queries, &mut visitors);
    visitors
}

/// Keeps the smallest distance and all rows that have it.
#[derive(Debug, Clone)]
pub struct Nearest {
    /// The smallest distance; `u32::MAX` if the pool was empty or all of it out of bound.
    pub distance: u32,
    /// Rows at that distance, ascending.
    pub rows: Vec<u32>,
    bound: u32,
}

impl Nearest {
    /// Looks for rows no further than `bound`.
    pub fn within(bound: u32) -> Self {
        Self { distance: u32::MAX, rows: Vec::new(), bound }
    }
}

impl Visitor for Nearest {
    fn bound(&self) -> u32 {
        self.bound
    }

    fn visit(&mut self, row: u32, distance: u32) {
        if distance < self.distance {
            self.distance = distance;
            self.bound = distance;
            self.rows.clear();
        }
        if distance == self.distance {
            self.rows.push(row);
        }
    }
}
