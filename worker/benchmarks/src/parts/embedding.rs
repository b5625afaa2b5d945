//! Two tables as points in one space, with exact neighbours between them, on all rows and without each fold.
//!
//! # Definition
//! Numbers lie at `u` in [0, 1], see [`super::encode16`]; labels that differ are 1 apart; the squared distance
//! of two rows is the sum over columns of squared differences, and a missing cell is 1 from any value and 0 from
//! another missing cell. Distances are whole numbers, [`UNIT`](super::neighbours::squares::UNIT) for 1.
//!
//! The row at place `i` of a side has fold `i mod 20`. What is left out is left out of both sides.
//!
//! # Cost
//! At most rows x rows x columns; memory grows with rows, never with their pairs.

use super::addresses::{self, fold_of};
use super::encode16::{Column16, encode_on};
use super::neighbours::squares::Squares;
use super::neighbours::{Pool, Space, Visitor, by_chunk, visit_all};
use crate::member::{Case, Real};
use synthfleet_proto::about::Reason;
use synthfleet_proto::{Result, Seed};
use synthfleet_table::{Budget, Table};

/// Place of the real rows among the sides.
pub const REAL: usize = 0;
/// Place of the sample's rows among the sides.
pub const SAMPLE: usize = 1;

/// Fewest rows of a side.
pub const ROWS_MIN: usize = 30;

/// Row caps are not halved below this.
pub const CAP_MIN: usize = 1_000;

/// Bytes of a cell, at most: encoded, as a row, in a tile.
pub const CELL_BYTES: u64 = 16;

/// Two tables on one scale.
#[derive(Debug, Clone)]
pub struct Embedding {
    /// Columns, with [`REAL`] and [`SAMPLE`] as sides.
    pub columns: Vec<Column16>,
    /// Rows of each side.
    pub rows: [usize; 2],
}

/// Equally many rows of both sides.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The rows.
    pub embedding: Embedding,
    /// Rows of a side.
    pub rows: usize,
    /// Rows of a side, if planned memory allowed fewer than the options.
    pub limited: Option<u64>,
}

/// Modelled columns in the order of their names: the order of columns then decides nothing.
pub fn modelled(table: &Table) -> Vec<usize> {
    let metadata = table.metadata();
    let mut places: Vec<usize> = metadata.modelled().collect();
    places.sort_by(|&a, &b| metadata.columns[a].name.cmp(&metadata.columns[b].name));
    places
}

/// Why two tables cannot be compared at all.
pub fn nothing_to_compare(real: &Table, sample: &Table) -> Option<Reason> {
    let (code, why) = match () {
        () if real.metadata().modelled().next().is_none() => ("no_columns", "no column is modelled"),
        () if sample.rows() == 0 => ("empty_table", "the sample has no rows"),
        () if real.rows() == 0 => ("no_holdout", "there are no real rows to compare with"),
        () => return None,
    };
    Some(Reason { code: code.to_owned(), why: why.to_owned() })
}

/// The rows of `real` and of the case's sample in seeded orders, see [`addresses`]; that of `real` is the same for
/// all candidates.
pub fn orders(case: &Case, real: &Table, seed: &Seed) -> [Vec<u32>; 2] {
    let places = modelled(real);
    let order = |table: &Table, seed: &Seed| addresses::rows(table, &places, &seed.child("rows"));
    [order(real, &case.real.shared), order(&case.sample, seed)]
}

impl Embedding {
    /// All rows of `real` and of `sample` in their order, on the scale of train and holdout.
    pub fn of(scale: &Real, real: &Table, sample: &Table, places: &[usize], budget: &Budget) -> Result<Self> {
        let columns = encode_on(&[&scale.train, &scale.holdout], &[real, sample], places, budget)?;
        Ok(Self { columns, rows: [real.rows(), sample.rows()] })
    }

    /// At most `rows_max` rows of `real` and as many of the case's sample, the first of their `orders`; `Err` in the
    /// inner result: why there are none.
    pub fn choose(case: &Case, real: &Table, orders: &[Vec<u32>; 2], rows_max: usize, budget: &Budget) -> Result<Result<Chosen, Reason>> {
        let (sample, places) = (&case.sample, modelled(real));
        if let Some(reason) = nothing_to_compare(real, sample) {
            return Ok(Err(reason));
        }
        let most = real.rows().min(sample.rows());
        if most < ROWS_MIN {
            let why = format!("needs {ROWS_MIN} real and sample rows, has {most}");
            return Ok(Err(Reason { code: "too_few_rows".to_owned(), why }));
        }
        let (mut cap, mut limited) = (rows_max, false);
        while (2 * cap.min(most) * places.len()) as u64 * CELL_BYTES > budget.memory_bytes_max() / 2 && cap >= 2 * CAP_MIN {
            (cap, limited) = (cap / 2, true);
        }
        let rows = cap.min(most);
        let (real, sample) = (real.take(&orders[REAL][..rows]), sample.take(&orders[SAMPLE][..rows]));
        let embedding = Self::of(&case.real, &real, &sample, &places, budget)?;
        Ok(Ok(Chosen { embedding, rows, limited: limited.then_some(rows as u64) }))
    }
}

/// The points of both sides, ready to be searched.
pub struct Points<'a> {
    space: &'a Space<'a>,
    sides: [Side; 2],
}

struct Side {
    /// `[rows, lanes]`, by place.
    cells: Vec<u16>,
    pool: Pool,
    /// The place of each row of the pool.
    places: Vec<u32>,
}

impl<'a> Points<'a> {
    /// The points of an embedding whose columns make up `space`.
    pub fn new(space: &'a Space<'a>, rows: [usize; 2]) -> Self {
        let lanes = space.lanes();
        let side = |side: usize| {
            let all: Vec<u32> = (0..rows[side] as u32).collect();
            let cells = space.rows(side, &all);
            let row = |place: u32| &cells[place as usize * lanes..][..lanes];
            let mut places = all;
            places.sort_unstable_by(|&a, &b| space.order(row(a), row(b)).then(a.cmp(&b)));
            let sorted: Vec<u16> = places.iter().flat_map(|&place| row(place)).copied().collect();
            Side { pool: Pool::new(&sorted, rows[side], lanes), cells, places }
        };
        Self { space, sides: [side(REAL), side(SAMPLE)] }
    }

    /// Shows side `of` to a fresh visitor for each row of side `from`, chunk by chunk, in order. `chunk` gets
    /// the first place of its visitors.
    pub fn search<S: Seen, T: Send>(
        &self,
        from: usize,
        of: usize,
        budget: &Budget,
        fresh: impl Fn(usize) -> S + Sync,
        chunk: impl Fn(usize, Vec<S>) -> T + Sync,
    ) -> Result<Vec<T>> {
        let side = &self.sides[of];
        by_chunk(&self.sides[from].cells, self.space.lanes(), budget, |first, queries| {
            let start = |query: usize| Placed { seen: fresh(first + query), places: &side.places };
            let visited = visit_all(&Squares(self.space), &side.pool, queries, start);
            chunk(first, visited.into_iter().map(|visitor| visitor.seen).collect())
        })
    }

    /// For each row of side `from`, the nearest row of side `of`, on all rows and without the fold of that one.
    /// A row is not its own neighbour.
    pub fn nearest(&self, from: usize, of: usize, budget: &Budget) -> Result<Vec<NearestTwo>> {
        let own = |place: usize| (from == of).then_some(place as u32);
        let found = self.search(from, of, budget, |place| NearestTwo::but(own(place)), |_, found| found)?;
        Ok(found.into_iter().flatten().collect())
    }
}

/// What one row learns of the rows of a side.
pub trait Seen: Send {
    /// Rows further away are of no interest.
    fn bound(&self) -> u64;
    /// Is shown the row at a place.
    fn see(&mut self, place: u32, squared: u64);
}

struct Placed<'a, S> {
    seen: S,
    places: &'a [u32],
}

impl<S: Seen> Visitor for Placed<'_, S> {
    type Distance = u64;

    fn bound(&self) -> u64 {
        self.seen.bound()
    }

    fn visit(&mut self, row: u32, distance: u64) {
        self.seen.see(self.places[row as usize], distance);
    }
}

/// A neighbour; of equally near ones the first in the seeded order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Near {
    /// Squared distance.
    pub squared: u64,
    /// Its place.
    pub place: u32,
}

impl Near {
    /// No neighbour.
    pub const NONE: Self = Self { squared: u64::MAX, place: u32::MAX };
}

/// The nearest row, and the nearest one of another fold than that: what is left whichever fold is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NearestTwo {
    /// The nearest.
    pub best: Near,
    /// The nearest of another fold.
    pub spare: Near,
    but: Option<u32>,
}

impl NearestTwo {
    /// Looks among all rows but one.
    pub fn but(but: Option<u32>) -> Self {
        Self { best: Near::NONE, spare: Near::NONE, but }
    }

    /// The nearest row without a fold.
    pub fn without(&self, fold: Option<u8>) -> Near {
        if fold == Some(fold_of(self.best.place as usize)) { self.spare } else { self.best }
    }
}

impl Seen for NearestTwo {
    fn bound(&self) -> u64 {
        self.spare.squared
    }

    fn see(&mut self, place: u32, squared: u64) {
        let near = Near { squared, place };
        if Some(place) == self.but || near > self.spare {
            return;
        }
        let same_fold = self.best != Near::NONE && fold_of(place as usize) == fold_of(self.best.place as usize);
        if near < self.best {
            if !same_fold {
                self.spare = self.best;
            }
            self.best = near;
        } else if !same_fold {
            self.spare = near;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::mixed;
    use crate::folds::FOLDS;

    #[test]
    fn neighbours_without_a_fold_are_those_of_the_rows_that_are_left() {
        let (real, sample) = mixed(130, 40, 110);
        let places = modelled(&sample);
        let budget = Budget::quiet(1);
        let embedding = Embedding::of(&real, &real.train, &sample, &places, &budget).expect("no error");
        let space = Space::new(&embedding.columns, u16::MAX);
        let points = Points::new(&space, embedding.rows);
        let all = points.search(REAL, REAL, &budget, |_| Everything(Vec::new()), |_, seen| seen).expect("no error");
        let all: Vec<Vec<Near>> = all.into_iter().flatten().map(|seen| seen.0).collect();
        let found = points.nearest(REAL, REAL, &budget).expect("no error");
        for fold in (0..FOLDS as u8).map(Some).chain([None]) {
            for (place, found) in found.iter().enumerate() {
                let left = all[place].iter().filter(|near| near.place as usize != place && Some(fold_of(near.place as usize)) != fold);
                assert_eq!(Some(&found.without(fold)), left.min());
            }
        }
    }

    struct Everything(Vec<Near>);

    impl Seen for Everything {
        fn bound(&self) -> u64 {
            u64::MAX
        }

        fn see(&mut self, place: u32, squared: u64) {
            self.0.push(Near { squared, place });
        }
    }
}
