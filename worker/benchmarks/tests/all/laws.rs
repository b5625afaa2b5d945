//! Tables drawn from laws whose honest scores are known.

use serde_json::Value;
use std::sync::Arc;
use synthfleet_benchmarks::{Case, Real, find};
use synthfleet_proto::Seed;
use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
use synthfleet_proto::score::Scored;
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, Budget, Column, SeedExt, Table, Values};

/// Numbers that hang together, and labels that follow the first of them.
#[derive(Debug, Clone, Copy)]
pub struct Law {
    /// Number columns.
    pub numbers: usize,
    /// Label columns of four levels.
    pub labels: usize,
}

impl Law {
    fn metadata(self) -> Arc<Metadata> {
        let numbers = (0..self.numbers).map(|place| ColumnMeta::plain(&format!("x{place}"), Kind::Continuous));
        let labels = (0..self.labels).map(|place| ColumnMeta {
            levels: ["a", "b", "c", "d"].map(str::to_owned).to_vec(),
            ..ColumnMeta::plain(&format!("l{place}"), Kind::Categorical)
        });
        Arc::new(Metadata::plain("law", numbers.chain(labels).collect()))
    }

    /// `rows` rows; equal names give equal rows.
    pub fn draw(self, rows: usize, name: &str) -> Table {
        let mut rng = Seed::of_task(17, name).rng();
        let (mut numbers, mut labels) = (vec![Vec::new(); self.numbers], vec![Vec::new(); self.labels]);
        for _ in 0..rows {
            let base = rng.uniform() + rng.uniform();
            numbers.iter_mut().for_each(|column| column.push(base + rng.uniform()));
            labels.iter_mut().for_each(|column| column.push(((base + rng.uniform()) * 4.0 / 3.0) as u32));
        }
        let columns = numbers.into_iter().map(|numbers| Values::Real(numbers.into()));
        let columns = columns.chain(labels.into_iter().map(|labels| Values::Code(labels.into())));
        let columns = columns.map(|values| Column::new(values, None).expect("column")).collect();
        Table::new(self.metadata(), rows, columns).expect("table")
    }

    /// Train and holdout of the law.
    pub fn real(self, rows: usize) -> Real {
        Real { train: self.draw(rows, "train"), holdout: self.draw(rows / 4, "holdout"), shared: Seed::shared(17) }
    }

    /// Scores a sample against `rows` rows of train.
    pub fn score(self, benchmark: &str, rows: usize, sample: &Table, options: &Value) -> Scored {
        self.score_on(benchmark, &self.real(rows), sample, options)
    }

    /// Scores a sample against some rows of the law.
    pub fn score_on(self, benchmark: &str, real: &Real, sample: &Table, options: &Value) -> Scored {
        let case = Case { real: real.clone(), sample: sample.clone(), prepared: Arrays::default() };
        let benchmark = find(benchmark).expect("a benchmark of this name");
        benchmark.score_any(&case, options, &Seed::of_task(17, "law"), &Budget::quiet(2)).expect("scores")
    }
}

/// The rows of a table in another order.
pub fn permuted(table: &Table, name: &str) -> Table {
    table.take(&Seed::of_task(18, name).rng().permutation(table.rows()))
}

/// The real side with the rows of both tables in another order.
pub fn shuffled(real: &Real) -> Real {
    Real { train: permuted(&real.train, "t"), holdout: permuted(&real.holdout, "h"), shared: real.shared.clone() }
}
