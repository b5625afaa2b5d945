//! Regions of the real side that the sample reaches.
//!
//! # Definition
//! Rows as points, see [`crate::parts::embedding`]. The ball of a real row reaches to its 5th nearest other real
//! row, that one included. `nn_coverage` = share of real rows whose ball holds a sample row; `nn_density` = mean
//! over sample rows of (balls that hold it) / 5. Without a fold, its rows are missing from both sides, and balls
//! reach to the 5th nearest of the rows that are left.
//!
//! # Reference
//! Naeem et al. 2020, arXiv 2002.09797 (coverage and density), with k = 5.

use crate::folds::{Estimate, FOLDS};
use crate::parts::addresses::fold_of;
use crate::parts::embedding::{Embedding, Points, REAL, SAMPLE, Seen};
use crate::parts::neighbours::Space;
use synthfleet_proto::Result;
use synthfleet_table::Budget;

/// Rows that a ball reaches to.
pub const NEIGHBOURS: usize = 5;

/// All rows, then without each fold.
const CASES: usize = FOLDS + 1;

/// What was found.
#[derive(Debug, Clone)]
pub struct Regions {
    /// Share of balls with a sample row.
    pub coverage: Estimate,
    /// Balls around a sample row, as a share of 5.
    pub density: Estimate,
}

/// Compares the sides of an embedding; `None` if there are too few real rows for a ball, or no sample rows.
pub fn of(embedding: &Embedding, budget: &Budget) -> Result<Option<Regions>> {
    if embedding.rows[REAL] <= NEIGHBOURS || embedding.rows[SAMPLE] < 2 {
        return Ok(None);
    }
    let space = Space::new(&embedding.columns, u16::MAX);
    let points = Points::new(&space, embedding.rows);
    let radii = points.search(
        REAL,
        REAL,
        budget,
        |place| Radius { own: place as u32, near: Vec::new() },
        |_, found| found.iter().map(Radius::in_cases).collect::<Vec<_>>(),
    )?;
    let radii = radii.concat();
    let counts = points.search(
        REAL,
        SAMPLE,
        budget,
        |place| Ball::of(&radii[place]),
        |first, balls| {
            let mut counts = Counts::default();
            balls.iter().enumerate().for_each(|(index, ball)| counts.add(first + index, ball));
            counts
        },
    )?;
    let share = |of: fn(&Counts) -> &[u64; CASES], side: usize, unit: usize| {
        let value =
            |case: usize| counts.iter().map(|counts| of(counts)[case]).sum::<u64>() as f64 / (unit * rows(embedding, side, case)) as f64;
        let mut estimate = Estimate::fixed(value(0));
        estimate.without.iter_mut().enumerate().for_each(|(fold, slot)| *slot = value(fold + 1));
        estimate
    };
    Ok(Some(Regions { coverage: share(|counts| &counts.reached, REAL, 1), density: share(|counts| &counts.held, SAMPLE, NEIGHBOURS) }))
}

/// Rows of a side that are left in a case.
fn rows(embedding: &Embedding, side: usize, case: usize) -> usize {
    (0..embedding.rows[side]).filter(|&place| is_left(place, case)).count()
}

fn is_left(place: usize, case: usize) -> bool {
    usize::from(fold_of(place)) + 1 != case
}

/// The nearest rows, as many as leave five whichever fold is left out.
struct Radius {
    own: u32,
    /// Squared distances and folds, ascending.
    near: Vec<(u64, u8)>,
}

impl Radius {
    /// Whether the first `length` rows leave five in every case.
    fn is_enough(&self, length: usize) -> bool {
        let mut folds = [0; FOLDS];
        self.near[..length].iter().for_each(|(_, fold)| folds[usize::from(*fold)] += 1);
        length >= NEIGHBOURS + folds.iter().max().copied().unwrap_or(0)
    }

    /// The radius on all rows and without each fold; to the last row if fewer are left.
    fn in_cases(&self) -> [u64; CASES] {
        let left = |case: usize| self.near.iter().filter(move |(_, fold)| usize::from(*fold) + 1 != case);
        std::array::from_fn(|case| left(case).nth(NEIGHBOURS - 1).or_else(|| left(case).next_back()).map_or(0, |near| near.0))
    }
}

impl Seen for Radius {
    fn bound(&self) -> u64 {
        match self.near.last() {
            Some(last) if self.is_enough(self.near.len()) => last.0,
            _ => u64::MAX,
        }
    }

    fn see(&mut self, place: u32, squared: u64) {
        if place == self.own || squared >= self.bound() {
            return;
        }
        let at = self.near.partition_point(|near| near.0 <= squared);
        self.near.insert(at, (squared, fold_of(place as usize)));
        while self.is_enough(self.near.len() - 1) {
            self.near.pop();
        }
    }
}

/// Sample rows in the ball of a real row.
struct Ball<'a> {
    radii: &'a [u64; CASES],
    widest: u64,
    /// Within the radius on all rows, by fold.
    inside: [u32; FOLDS],
    /// Beyond it, but within the radius of a case.
    beyond: [u32; CASES],
}

impl<'a> Ball<'a> {
    fn of(radii: &'a [u64; CASES]) -> Self {
        Self { radii, widest: radii.iter().copied().max().unwrap_or(0), inside: [0; FOLDS], beyond: [0; CASES] }
    }

    /// Sample rows held in a case.
    fn held(&self, case: usize) -> u32 {
        let all: u32 = self.inside.iter().sum();
        all - case.checked_sub(1).map_or(0, |fold| self.inside[fold]) + self.beyond[case]
    }
}

impl Seen for Ball<'_> {
    fn bound(&self) -> u64 {
        self.widest
    }

    fn see(&mut self, place: u32, squared: u64) {
        if squared <= self.radii[0] {
            self.inside[usize::from(fold_of(place as usize))] += 1;
        } else {
            for case in (1..CASES).filter(|&case| squared <= self.radii[case] && is_left(place as usize, case)) {
                self.beyond[case] += 1;
            }
        }
    }
}

/// Over real rows, by case.
#[derive(Default)]
struct Counts {
    reached: [u64; CASES],
    held: [u64; CASES],
}

impl Counts {
    fn add(&mut self, place: usize, ball: &Ball) {
        for case in (0..CASES).filter(|&case| is_left(place, case)) {
            let held = ball.held(case);
            self.reached[case] += u64::from(held > 0);
            self.held[case] += u64::from(held);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::mixed;
    use crate::parts::embedding::modelled;
    use synthfleet_table::Table;

    fn regions(real: &crate::Real, train: &Table, sample: &Table) -> Regions {
        let budget = Budget::quiet(1);
        let embedding = Embedding::of(real, train, sample, &modelled(sample), &budget).expect("no error");
        of(&embedding, &budget).expect("no error").expect("enough rows")
    }

    #[test]
    fn without_a_fold_is_computed_on_the_rows_of_the_other_folds() {
        let (real, sample) = mixed(160, 40, 140);
        let whole = regions(&real, &real.train, &sample);
        let kept = |table: &Table, fold: u8| -> Table {
            table.take(&(0..table.rows() as u32).filter(|&row| fold_of(row as usize) != fold).collect::<Vec<u32>>())
        };
        for fold in [0, 7, 19] {
            let alone = regions(&real, &kept(&real.train, fold), &kept(&sample, fold));
            assert_eq!(whole.coverage.without[usize::from(fold)], alone.coverage.value);
            assert_eq!(whole.density.without[usize::from(fold)], alone.density.value);
        }
    }
}
