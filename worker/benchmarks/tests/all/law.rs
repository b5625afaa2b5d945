//! A small law to draw tables from: three numbers that hang together, below zero as well as above, and two
//! labels, one of which they decide.

use std::sync::Arc;
use synthfleet_benchmarks::{Case, Real, find};
use synthfleet_proto::Seed;
use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
use synthfleet_proto::score::{Score, Scored};
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, Budget, Column, SeedExt, Table, Values};

/// Names of the columns.
pub const NAMES: [&str; 5] = ["group", "label", "x", "y", "z"];

/// The description, under names of choice.
pub fn described(names: [&str; 5]) -> Arc<Metadata> {
    let columns = names.iter().enumerate().map(|(place, name)| {
        let mut meta = ColumnMeta::plain(name, if place < 2 { Kind::Categorical } else { Kind::Continuous });
        meta.levels = if place < 2 { ["a", "b", "c"].map(str::to_owned).to_vec() } else { Vec::new() };
        meta
    });
    let mut metadata = Metadata::plain("law", columns.collect());
    metadata.target = Some(names[0].to_owned());
    Arc::new(metadata)
}

/// Rows of the law.
pub fn drawn(metadata: &Arc<Metadata>, rows: usize, seed: &Seed) -> Table {
    let mut rng = seed.rng();
    let (mut numbers, mut codes) = (vec![Vec::new(); 3], vec![Vec::new(); 2]);
    for _ in 0..rows {
        let base = rng.uniform() + rng.uniform();
        numbers.iter_mut().for_each(|column| column.push(10.0 * (base + rng.uniform()) - 20.0));
        codes[0].push(if base < 0.7 { 0 } else { 1 + rng.below(2) as u32 });
        codes[1].push(rng.below(3) as u32);
    }
    let columns = codes.into_iter().map(|codes| Values::Code(codes.into())).chain(numbers.into_iter().map(|x| Values::Real(x.into())));
    let columns = columns.map(|values| Column::new(values, None).expect("column")).collect();
    Table::new(Arc::clone(metadata), rows, columns).expect("table")
}

/// Independent draws of train, holdout and sample.
pub fn honest([train, holdout, sample]: [usize; 3], run: u64) -> Case {
    let (metadata, seed) = (described(NAMES), Seed::of_task(run, "law"));
    let table = |name: &str, rows: usize| drawn(&metadata, rows, &seed.child(name));
    let real = Real { train: table("train", train), holdout: table("holdout", holdout), shared: seed.child("shared") };
    Case { real, sample: table("sample", sample), prepared: Arrays::default() }
}

/// The same with `sample` train rows drawn with replacement.
pub fn copied([train, holdout, sample]: [usize; 3], run: u64) -> Case {
    let case = honest([train, holdout, 1], run);
    let mut rng = Seed::of_task(run, "copy").rng();
    let rows: Vec<u32> = (0..sample).map(|_| rng.below(train as u64) as u32).collect();
    Case { sample: case.real.train.take(&rows), ..case }
}

/// Scores a case by the front door.
pub fn scored(case: &Case, benchmark: &str, options: &serde_json::Value) -> Scored {
    let benchmark = find(benchmark).expect("a benchmark of this name");
    benchmark.score_any(case, options, &Seed::of_task(7, "law"), &Budget::quiet(2)).expect("scores")
}

/// One score.
pub fn score<'a>(scored: &'a Scored, id: &str) -> &'a Score {
    scored.scores.iter().find(|score| score.name == id).expect("a score of this id")
}

/// Whether an interval contains a value.
pub fn contains(score: &Score, value: f64) -> bool {
    score.low.is_some_and(|low| low <= value) && score.high.is_some_and(|high| high >= value)
}

/// Mean and standard deviation.
pub fn spread(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0)).sqrt())
}

/// Tells a figure of the long shelf, which is published with the commit.
#[expect(clippy::print_stdout, reason = "the figures are what the long shelf is run for")]
pub fn tell(figure: &str) {
    println!("{figure}");
}
