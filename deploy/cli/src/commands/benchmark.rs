//! `benchmark`: any two tables scored, also made elsewhere.

use super::{Surroundings, single};
use crate::present::style::safe;
use crate::{arguments, say, tell};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use synthfleet_benchmarks::{AnyBenchmark, BENCHMARKS, Case, Real, find};
use synthfleet_intake::constrain;
use synthfleet_intake::parquet::read_table;
use synthfleet_proto::about::Shape;
use synthfleet_proto::constraint::Constraint;
use synthfleet_proto::metadata::Metadata;
use synthfleet_proto::score::Score;
use synthfleet_proto::{Error, Result, Seed, id};
use synthfleet_table::rules::{Checker, bind};
use synthfleet_table::{Arrays, Budget, Column, Table, Values};

/// Scores the synthetic table against the real one and, if given, a holdout.
pub fn run(flags: &arguments::Benchmark, surroundings: &Surroundings) -> Result<u8> {
    let chosen: Vec<&'static dyn AnyBenchmark> = if flags.benchmarks.is_empty() {
        BENCHMARKS.to_vec()
    } else {
        flags.benchmarks.iter().map(|name| find(name).ok_or_else(|| unknown(name))).collect::<Result<_>>()?
    };
    let scratch = single::Scratch::new(&flags.running, surroundings)?;
    let budget = single::budget(&flags.running, surroundings)?;
    let read = |source: &str, folder: &str| -> Result<(Table, Table)> {
        let mut reading = flags.reading.clone();
        reading.holdout_source = Some(source.to_owned());
        // a made table may break what the real one keeps
        reading.constraint.clear();
        let out = scratch.folder(folder)?;
        let profiled = single::profile(single::reading(&flags.real, &reading, &scratch)?, &out, &scratch.folder("scratch")?, &budget)?;
        parts(&out, profiled.metadata)
    };
    let (train, sample) = read(&flags.synthetic, "synthetic")?;
    let seed = flags.reading.seed.unwrap_or(0);
    let holdout = match &flags.reading.holdout_source {
        Some(source) => read(source, "holdout")?.1,
        None => train.head(0),
    };
    let rules = flags.reading.constraint.iter().map(|rule| Constraint::parse(rule)).collect::<Result<Vec<_>>>()?;
    let (train, holdout, sample) = one_description(&train, &holdout, &sample, &rules)?;
    let mut checker = Checker::new(bind(train.metadata())?);
    [&train, &holdout].into_iter().for_each(|table| checker.take(table));
    checker.finish(train.metadata())?;
    let mut scores: Vec<Score> = Vec::new();
    let mut details = serde_json::Map::new();
    for benchmark in chosen {
        let about = benchmark.about();
        let (scored, detail) = score(benchmark, [&train, &holdout, &sample], seed, &budget)?;
        scores.extend(scored);
        details.insert(about.name.to_owned(), detail);
    }
    if surroundings.json {
        say!("{}", json!({"scores": scores, "details": details}));
        return Ok(0);
    }
    for score in &scores {
        let (value, why) = match (score.value, &score.why) {
            (Some(value), _) => (format!("{value:.4}"), String::new()),
            (None, why) => ("-".to_owned(), why.clone().unwrap_or_default()),
        };
        say!("{:<40} {value:>10}  {}", score.name, safe(&why));
    }
    if flags.reading.holdout_source.is_none() {
        tell!("  note     without --holdout-source privacy and utility cannot be judged");
    }
    Ok(0)
}

fn unknown(name: &str) -> Error {
    let error = Error::invalid("benchmark::unknown", format!("no benchmark {name:?}"));
    match id::nearest(name, BENCHMARKS.iter().map(|benchmark| benchmark.about().name)) {
        Some(near) => error.help(format!("did you mean {near:?}?")),
        None => error.help("list them with: synthfleet benchmarks ls"),
    }
}

fn parts(folder: &Path, metadata: Metadata) -> Result<(Table, Table)> {
    let metadata = Arc::new(metadata);
    Ok((read_table(&folder.join("train.parquet"), &metadata)?, read_table(&folder.join("holdout.parquet"), &metadata)?))
}

fn score(benchmark: &dyn AnyBenchmark, [train, holdout, sample]: [&Table; 3], seed: u64, budget: &Budget) -> Result<(Vec<Score>, Value)> {
    let about = benchmark.about();
    let shape = Shape { train_rows: train.rows() as u64, holdout_rows: holdout.rows() as u64, ..Shape::of(train.metadata()) };
    if let Err(reason) = about.accepts.fits(&shape) {
        return Ok((benchmark.scores_of(train.metadata()).iter().map(|score| Score::undefined_for(score, &reason)).collect(), Value::Null));
    }
    let shared = Seed::shared(seed).child("benchmark").child(about.name);
    let real = Real { train: train.clone(), holdout: holdout.clone(), shared };
    let prepared = if about.prepares { benchmark.prepare_any(&real, &Value::Null, budget)? } else { Arrays::default() };
    let case = Case { real, sample: sample.clone(), prepared };
    let task = Seed::of_task(seed, &format!("ben-table-r0-{}", about.name));
    let scored = benchmark.score_any(&case, &Value::Null, &task, budget)?;
    Ok((scored.scores, scored.details))
}

/// The three tables under one description: levels of all, in the order in which they were met.
fn one_description(train: &Table, holdout: &Table, sample: &Table, rules: &[Constraint]) -> Result<(Table, Table, Table)> {
    let mut metadata = (**train.metadata()).clone();
    for (column, other) in metadata.columns.iter_mut().zip(&holdout.metadata().columns) {
        if column.kind != other.kind {
            let message =
                format!("the synthetic table makes the column {}, the holdout makes it {}", column.kind.name(), other.kind.name());
            return Err(Error::data("columns::kinds_differ", message).in_column(&column.name).help("state it with --kind COLUMN=KIND"));
        }
        let new: Vec<String> = other.levels.iter().filter(|level| !column.levels.contains(level)).cloned().collect();
        column.levels.extend(new);
    }
    constrain(&mut metadata, rules)?;
    let metadata = Arc::new(metadata);
    Ok((under(train, &metadata)?, under(holdout, &metadata)?, under(sample, &metadata)?))
}

fn under(table: &Table, metadata: &Arc<Metadata>) -> Result<Table> {
    let recode = |(place, column): (usize, &Column)| -> Result<Column> {
        let Values::Code(codes) = column.values() else { return Ok(column.clone()) };
        let position = |level: &String| metadata.columns[place].levels.iter().position(|known| known == level).unwrap_or(0) as u32;
        let map: Vec<u32> = table.metadata().columns[place].levels.iter().map(position).collect();
        let code = |&code: &u32| map.get(code as usize).copied().unwrap_or(0);
        Column::new(Values::Code(codes.iter().map(code).collect()), column.missing().cloned())
    };
    Table::new(Arc::clone(metadata), table.rows(), table.columns().iter().enumerate().map(recode).collect::<Result<_>>()?)
}
