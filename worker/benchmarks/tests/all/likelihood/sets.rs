//! Tables drawn from the true laws, and two bad samples of each.

use serde_json::Value;
use std::sync::Arc;
use synthfleet_benchmarks::{Case, Real, find};
use synthfleet_laws::{Law, Mixture, law};
use synthfleet_proto::Seed;
use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
use synthfleet_proto::score::Scored;
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, Budget, Column, SeedExt, Table, Values};

/// A set of a known law.
pub struct Set {
    /// The law.
    pub law: Law,
    metadata: Arc<Metadata>,
    seed: Seed,
}

impl Set {
    /// The set of that name.
    pub fn named(name: &str) -> Self {
        let law = law(name).expect("a sound law").expect("a known law");
        let columns = match &law {
            Law::Mixture(_) => Mixture::COLUMNS.map(|column| ColumnMeta::plain(column, Kind::Continuous)).to_vec(),
            Law::Network(network) => {
                let column = |variable: &synthfleet_laws::Variable| {
                    let mut meta = ColumnMeta::plain(&variable.name, Kind::Categorical);
                    meta.levels = variable.states.clone();
                    meta.levels.sort();
                    meta
                };
                network.variables().iter().map(column).collect()
            }
        };
        let mut metadata = Metadata::plain(name, columns);
        metadata.law = Some(name.to_owned());
        Self { law, metadata: Arc::new(metadata), seed: Seed::of_task(3, name) }
    }

    /// Rows of the law; `part` names them.
    pub fn rows(&self, part: &str, rows: usize) -> Table {
        let mut rng = self.seed.child(part).rng();
        match &self.law {
            Law::Mixture(mixture) => {
                let points: Vec<[f64; 2]> = (0..rows).map(|_| mixture.draw(&mut rng)).collect();
                let column = |place: usize| Values::Real(points.iter().map(|point| point[place]).collect());
                self.table(vec![column(0), column(1)])
            }
            Law::Network(network) => {
                let states: Vec<Vec<u32>> = (0..rows).map(|_| network.draw(&mut rng)).collect();
                let column = |place: usize| {
                    let (levels, names) = (&self.metadata.columns[place].levels, &network.variables()[place].states);
                    let code_of = |state: &String| levels.iter().position(|level| level == state).expect("a level") as u32;
                    let codes: Vec<u32> = names.iter().map(code_of).collect();
                    Values::Code(states.iter().map(|row| codes[row[place] as usize]).collect())
                };
                self.table((0..network.variables().len()).map(column).collect())
            }
        }
    }

    /// The rows of `table` with every column shuffled by itself.
    pub fn independent(&self, table: &Table) -> Table {
        let shuffled = |(place, column): (usize, &Column)| {
            let seed = self.seed.child("independent").index(place as u64);
            column.take(&seed.rng().permutation(table.rows()))
        };
        Table::new(Arc::clone(&self.metadata), table.rows(), table.columns().iter().enumerate().map(shuffled).collect()).expect("a table")
    }

    /// As many rows as `table`, uniform between its extremes or over the levels.
    pub fn uniform(&self, table: &Table) -> Table {
        let mut rng = self.seed.child("uniform").rng();
        let column = |(meta, column): (&ColumnMeta, &Column)| match column.values() {
            Values::Real(numbers) => {
                let (low, high) = numbers.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
                Values::Real(numbers.iter().map(|_| low + (high - low) * rng.uniform()).collect())
            }
            _ => Values::Code((0..table.rows()).map(|_| rng.below(meta.levels.len() as u64) as u32).collect()),
        };
        self.table(table.described().map(column).collect())
    }

    fn table(&self, columns: Vec<Values>) -> Table {
        let columns: Vec<Column> = columns.into_iter().map(|values| Column::new(values, None).expect("a column")).collect();
        Table::new(Arc::clone(&self.metadata), columns[0].len(), columns).expect("a table")
    }

    /// A case of `rows` rows on every side, an honest sample.
    pub fn case(&self, rows: usize) -> Case {
        let real = Real { train: self.rows("train", rows), holdout: self.rows("holdout", rows), shared: self.seed.child("shared") };
        Case { real, sample: self.rows("sample", rows), prepared: Arrays::default() }
    }
}

/// Scores a case on two threads.
pub fn scored(case: &Case, options: &Value) -> Scored {
    find("likelihood").expect("a member").score_any(case, options, &Seed::of_task(2, "likelihood"), &Budget::quiet(2)).expect("scores")
}

/// The same case with another sample.
pub fn with(case: &Case, sample: Table) -> Case {
    Case { sample, ..case.clone() }
}
