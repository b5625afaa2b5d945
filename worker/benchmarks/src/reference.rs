//! Reference rows: what an honest and what a leaking sample gets, computed by the same benchmarks.
//!
//! # Definition
//! | row | sample | must |
//! |---|---|---|
//! | `holdout` | the holdout rows | pass every gate, rank first |
//! | `flip10` | train rows drawn with replacement, a tenth of their cells redrawn from their column | fail the privacy gate |
//!
//! Two further rows are baselines, computed once as candidates: see [`BASELINES`].
//!
//! The holdout cannot be compared with itself, so its real side changes with the benchmark: distances and
//! attacks take one half of train as train and the other as holdout; `ml_efficacy` and `likelihood` learn from as
//! many train rows as the holdout has and test on the other train rows; all else compares it with train.

use crate::member::{Case, Real};
use synthfleet_proto::about::About;
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, SeedExt, Table};

/// Reference rows that are candidates' rows under another name: (reference, baseline), repeat 0.
pub const BASELINES: [(&str, &str); 2] = [("train_copy", "identity"), ("independent", "independent")];

/// A reference row with tasks of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// Rows the synthesizer did not see, as if synthetic.
    Holdout,
    /// A copy of train with a tenth of its cells redrawn.
    Flip10,
}

/// Share of cells that `flip10` redraws.
const FLIPPED: f64 = 0.1;

impl Row {
    /// Every row.
    pub const ALL: [Self; 2] = [Self::Holdout, Self::Flip10];

    /// The name in tables and task ids.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Holdout => "holdout",
            Self::Flip10 => "flip10",
        }
    }

    /// The row of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|row| row.name() == name)
    }

    /// The sample. `shared` is the stream that all candidates of a job share.
    pub fn sample(self, real: &Real, shared: &Seed) -> Result<Table> {
        match self {
            Self::Holdout if real.holdout.rows() == 0 => Err(no_holdout()),
            Self::Holdout => Ok(real.holdout.clone()),
            Self::Flip10 => flip(&real.train, &shared.child("reference").child("flip10")),
        }
    }

    /// The real side that `benchmark` compares the sample with, for its preparation and its scoring alike.
    pub fn real(self, benchmark: &About, real: &Real) -> Real {
        match (self, Roles::of(benchmark)) {
            (Self::Flip10, _) | (Self::Holdout, Roles::Train) => real.clone(),
            (Self::Holdout, Roles::Halves) => divide(real, real.train.rows() / 2),
            (Self::Holdout, Roles::Swapped) => divide(real, real.holdout.rows().min(real.train.rows() / 2)),
        }
    }

    /// The whole case; `prepared` is what the benchmark's preparation gave for [`Row::real`].
    pub fn case(self, benchmark: &About, real: &Real, shared: &Seed, prepared: Arrays) -> Result<Case> {
        Ok(Case { real: self.real(benchmark, real), sample: self.sample(real, shared)?, prepared })
    }
}

/// How a benchmark meets the holdout as a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Roles {
    /// Compared with train.
    Train,
    /// One half of train as train, the other as holdout.
    Halves,
    /// Learns from some train rows, tests on the others.
    Swapped,
}

impl Roles {
    fn of(benchmark: &About) -> Self {
        match benchmark.name {
            "distances" | "membership" | "anonymity" => Self::Halves,
            "ml_efficacy" | "likelihood" => Self::Swapped,
            _ => Self::Train,
        }
    }
}

/// `rows` train rows as train and the other train rows as holdout.
fn divide(real: &Real, rows: usize) -> Real {
    let order = real.shared.child("reference").rng().permutation(real.train.rows());
    let (train, holdout) = order.split_at(rows);
    Real { train: real.train.take(train), holdout: real.train.take(holdout), shared: real.shared.clone() }
}

fn flip(train: &Table, seed: &Seed) -> Result<Table> {
    let rows = train.rows();
    let bound = rows.max(1) as u64;
    let mut rng = seed.child("rows").rng();
    let base: Vec<u32> = (0..rows).map(|_| rng.below(bound) as u32).collect();
    let flipped = train.described().map(|(meta, column)| {
        let mut rng = seed.child("column").child(&meta.name).rng();
        let cell = |row: &u32| if rng.uniform() < FLIPPED { rng.below(bound) as u32 } else { *row };
        column.take(&base.iter().map(cell).collect::<Vec<_>>())
    });
    Table::new(train.metadata().clone(), rows, flipped.collect())
}

fn no_holdout() -> Error {
    Error::unsupported("reference::no_holdout", "the job has no holdout rows to serve as a reference")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
    use synthfleet_table::{Column, Values};

    fn real(train: usize, holdout: usize) -> Real {
        let metadata = Arc::new(Metadata::plain("t", ["a", "b"].map(|name| ColumnMeta::plain(name, Kind::Continuous)).to_vec()));
        let table = |start: usize, rows: usize| {
            let column = || Column::new(Values::Whole((start..start + rows).map(|i| i as i64).collect()), None).expect("column");
            Table::new(Arc::clone(&metadata), rows, vec![column(), column()]).expect("table")
        };
        Real { train: table(0, train), holdout: table(train, holdout), shared: Seed::shared(1) }
    }

    fn values(table: &Table, place: usize) -> Vec<i64> {
        match table.column(place).values() {
            Values::Whole(values) => values.to_vec(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn a_tenth_of_the_cells_leaves_its_row() {
        let sample = Row::Flip10.sample(&real(5_000, 10), &Seed::shared(1)).expect("a sample");
        let kept = values(&sample, 0).iter().zip(values(&sample, 1)).filter(|(a, b)| **a == *b).count() as f64 / 5_000.0;
        assert!((kept - 0.81).abs() < 0.03, "{kept}");
    }

    #[test]
    fn attacks_see_two_halves_of_train_and_learners_disjoint_rows() {
        let real = real(100, 20);
        for (name, train) in [("distances", 50), ("membership", 50), ("ml_efficacy", 20), ("likelihood", 20)] {
            let divided = Row::Holdout.real(&About { name, ..About::LIGHT }, &real);
            let mut all = values(&divided.train, 0);
            assert_eq!(all.len(), train, "{name}");
            all.extend(values(&divided.holdout, 0));
            all.sort_unstable();
            assert_eq!(all, (0..100).collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn without_a_holdout_there_is_no_such_row() {
        let error = Row::Holdout.sample(&real(10, 0), &Seed::shared(1)).expect_err("no rows");
        assert_eq!(error.code(), "reference::no_holdout");
    }
}
