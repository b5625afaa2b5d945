//! The battery that every benchmark passes, built-in or plugged in.
//!
//! Each check takes one benchmark and tells what it found wrong; nothing here panics.

use crate::member::{AnyBenchmark, Case, Real};
use serde_json::Value;
use std::sync::Arc;
use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata, ProblemType};
use synthfleet_proto::score::{Score, Scored};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, Bits, Budget, Column, SeedExt, Table, Values};

/// One check: `Err` says what is wrong.
pub type Check = fn(&dyn AnyBenchmark) -> Result<(), String>;

/// Every check by name.
pub const CHECKS: [(&str, Check); 8] = [
    ("defaults_are_legal", defaults_are_legal),
    ("scores_are_declared_and_in_range", scores_are_declared_and_in_range),
    ("threads_change_nothing", threads_change_nothing),
    ("row_order_changes_nothing", row_order_changes_nothing),
    ("column_order_changes_nothing", column_order_changes_nothing),
    ("level_order_changes_nothing", level_order_changes_nothing),
    ("hostile_tables_score_or_say_why", hostile_tables_score_or_say_why),
    ("a_stop_is_obeyed", a_stop_is_obeyed),
];

/// Rounding that another order of sums may cause.
const ROUNDING: f64 = 1e-9;
/// Members that draw rows or train models.
const DRAWING: [&str; 6] = ["anonymity", "detection", "disclosure", "distances", "membership", "ml_efficacy"];
/// What another draw may change on a table of this battery, as a share of the score's range.
const CHANCE: f64 = 0.25;

fn score(benchmark: &dyn AnyBenchmark, real: &Real, sample: &Table, threads: usize) -> Result<Scored, String> {
    let budget = Budget::quiet(threads);
    let prepared = benchmark.prepare_any(real, &Value::Null, &budget).map_err(|error| format!("prepare: {error}"))?;
    let case = Case { real: real.clone(), sample: sample.clone(), prepared };
    benchmark.score_any(&case, &Value::Null, &Seed::of_task(5, "conformance"), &budget).map_err(|error| format!("score: {error}"))
}

fn defaults_are_legal(benchmark: &dyn AnyBenchmark) -> Result<(), String> {
    let problems = benchmark.check(&benchmark.defaults());
    if problems.is_empty() { Ok(()) } else { Err(format!("{problems:?}")) }
}

fn scores_are_declared_and_in_range(benchmark: &dyn AnyBenchmark) -> Result<(), String> {
    let (real, sample) = mixed(300, 120, 300);
    legal(benchmark, &score(benchmark, &real, &sample, 1)?, sample.metadata())
}

/// Ids declared for such a table in the declared order, the headline first, each a number in range or undefined with a
/// reason.
fn legal(benchmark: &dyn AnyBenchmark, scored: &Scored, metadata: &Metadata) -> Result<(), String> {
    let declared: Vec<&str> = benchmark.scores_of(metadata).iter().map(|about| about.id).collect();
    let given: Vec<&str> = scored.scores.iter().map(|score| score.name.as_str()).collect();
    if declared != given {
        return Err(format!("declares {declared:?}, gives {given:?}"));
    }
    scored.scores.iter().try_for_each(in_range)
}

fn in_range(score: &Score) -> Result<(), String> {
    let inside = |value: f64| score.range.0.is_none_or(|low| value >= low) && score.range.1.is_none_or(|high| value <= high);
    match (score.value, &score.undefined, &score.why) {
        (Some(value), None, None) if value.is_finite() && inside(value) => Ok(()),
        (None, Some(code), Some(why)) if !why.is_empty() && CODES.contains(&code.as_str()) => Ok(()),
        _ => Err(format!("{}: value {:?}, undefined {:?}, why {:?}", score.name, score.value, score.undefined, score.why)),
    }
}

/// Why a score may be undefined.
const CODES: [&str; 12] = [
    "empty_table",
    "no_columns",
    "constant",
    "all_missing",
    "too_few_rows",
    "single_class",
    "no_target",
    "target_unpredictable",
    "no_holdout",
    "not_applicable",
    "over_budget",
    "failed",
];

fn threads_change_nothing(benchmark: &dyn AnyBenchmark) -> Result<(), String> {
    let (real, sample) = mixed(300, 120, 280);
    let one = score(benchmark, &real, &sample, 1)?;
    for threads in [2, 7] {
        if score(benchmark, &real, &sample, threads)? != one {
            return Err(format!("{threads} threads give other bytes than 1"));
        }
    }
    Ok(())
}

fn row_order_changes_nothing(benchmark: &dyn AnyBenchmark) -> Result<(), String> {
    let (real, sample) = mixed(300, 120, 280);
    let shuffled = |table: &Table, name: &str| table.take(&Seed::of_task(5, name).rng().permutation(table.rows()));
    let others = Real { train: shuffled(&real.train, "t"), holdout: shuffled(&real.holdout, "h"), shared: real.shared.clone() };
    alike(benchmark, (&real, &sample), (&others, &shuffled(&sample, "s")))
}

fn column_order_changes_nothing(benchmark: &dyn AnyBenchmark) -> Result<(), String> {
    let (real, sample) = mixed(300, 120, 280);
    let mut metadata = Metadata::clone(sample.metadata());
    metadata.columns.reverse();
    let metadata = Arc::new(metadata);
    let reversed = |table: &Table| {
        let columns = table.columns().iter().rev().cloned().collect();
        Table::new(Arc::clone(&metadata), table.rows(), columns).map_err(|error| error.to_string())
    };
    let others = Real { train: reversed(&real.train)?, holdout: reversed(&real.holdout)?, shared: real.shared.clone() };
    alike(benchmark, (&real, &sample), (&others, &reversed(&sample)?))
}

fn level_order_changes_nothing(benchmark: &dyn AnyBenchmark) -> Result<(), String> {
    let (real, sample) = mixed(300, 120, 280);
    let mut metadata = Metadata::clone(sample.metadata());
    metadata.columns.iter_mut().filter(|meta| meta.kind == Kind::Categorical).for_each(|meta| meta.levels.reverse());
    let metadata = Arc::new(metadata);
    let relabelled = |table: &Table| {
        let columns = table.described().map(|(meta, column)| match (meta.kind, column.values()) {
            (Kind::Categorical, Values::Code(codes)) => {
                let last = meta.levels.len() as u32 - 1;
                Column::new(Values::Code(codes.iter().map(|code| last - code).collect()), column.missing().cloned())
            }
            _ => Ok(column.clone()),
        });
        let columns = columns.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
        Table::new(Arc::clone(&metadata), table.rows(), columns).map_err(|error| error.to_string())
    };
    let others = Real { train: relabelled(&real.train)?, holdout: relabelled(&real.holdout)?, shared: real.shared.clone() };
    alike(benchmark, (&real, &sample), (&others, &relabelled(&sample)?))
}

/// The values of both cases are equal but for rounding; of members that draw rows or train models, whose draws are
/// addressed by place, but for chance.
fn alike(benchmark: &dyn AnyBenchmark, one: (&Real, &Table), other: (&Real, &Table)) -> Result<(), String> {
    let (one, other) = (score(benchmark, one.0, one.1, 2)?, score(benchmark, other.0, other.1, 2)?);
    let draws = DRAWING.contains(&benchmark.about().name);
    for (a, b) in one.scores.iter().zip(&other.scores) {
        let tolerance = match a.range {
            _ if !draws => ROUNDING,
            (Some(low), Some(high)) => CHANCE * (high - low),
            _ => f64::INFINITY,
        };
        // another draw may move a score by chance, and a wide score by more
        let tolerance = if tolerance == CHANCE { a.error.map_or(CHANCE, |error| CHANCE.max(4.0 * error)) } else { tolerance };
        let near = match (a.value, b.value) {
            (Some(x), Some(y)) => (x - y).abs() <= tolerance,
            (x, y) => x == y,
        };
        if !near {
            return Err(format!("{}: {:?} became {:?}", a.name, a.value, b.value));
        }
    }
    Ok(())
}

fn hostile_tables_score_or_say_why(benchmark: &dyn AnyBenchmark) -> Result<(), String> {
    for (name, real, sample) in hostile() {
        let scored = score(benchmark, &real, &sample, 2).map_err(|error| format!("{name}: {error}"))?;
        legal(benchmark, &scored, sample.metadata()).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

fn a_stop_is_obeyed(benchmark: &dyn AnyBenchmark) -> Result<(), String> {
    struct Deaf;
    impl synthfleet_table::budget::Listener for Deaf {
        fn progress(&self, _: f64, _: &'static str) {}
        fn measure(&self, _: &'static str, _: u64, _: f64) {}
        fn checkpoint(&self, _: u64, _: &Arrays) -> Result<()> {
            Ok(())
        }
        fn checkpoint_due(&self) -> bool {
            false
        }
    }
    let (real, sample) = mixed(300, 120, 280);
    let prepared = benchmark.prepare_any(&real, &Value::Null, &Budget::quiet(1)).map_err(|error| error.to_string())?;
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let budget = Budget::new(2, 1 << 32, stop, Box::new(Deaf), None);
    let case = Case { real, sample, prepared };
    match benchmark.score_any(&case, &Value::Null, &Seed::of_task(5, "conformance"), &budget) {
        Err(error) if error.code() == "task::stopped" => Ok(()),
        Err(error) => Err(format!("stopped with {error}")),
        Ok(_) => Err("went on to the end after a stop".to_owned()),
    }
}

/// A table of every scored kind with a target, missing cells, a rare level, a key; and a sample of another law.
pub fn mixed(train: usize, holdout: usize, sample: usize) -> (Real, Table) {
    let mut metadata = Metadata::plain("mixed", mixed_columns());
    metadata.target = Some("bought".to_owned());
    metadata.problem_type = Some(ProblemType::BinaryClassification);
    metadata.key = vec!["id".to_owned()];
    (metadata.train_rows, metadata.holdout_rows) = (train as u64, holdout as u64);
    let metadata = Arc::new(metadata);
    let seed = Seed::of_task(11, "mixed");
    let draw = |name: &str, rows: usize, shift: f64| drawn(&metadata, rows, shift, &seed.child(name));
    let real = Real { train: draw("train", train, 0.0), holdout: draw("holdout", holdout, 0.0), shared: Seed::shared(11) };
    (real, draw("sample", sample, 0.3))
}

fn mixed_columns() -> Vec<ColumnMeta> {
    let with = |name: &str, kind: Kind, levels: &[&str], range: Option<(f64, f64)>| {
        let levels = levels.iter().map(|level| (*level).to_owned()).collect();
        ColumnMeta { levels, range, nullable: true, ..ColumnMeta::plain(name, kind) }
    };
    vec![
        with("age", Kind::Continuous, &[], Some((-1_000.0, 1_000.0))),
        with("income", Kind::Continuous, &[], Some((-1e9, 1e9))),
        with("since", Kind::Datetime, &[], Some((0.0, 100_000.0))),
        with("region", Kind::Categorical, &["north", "south", "west", "east", "isle"], None),
        with("grade", Kind::Ordinal, &["low", "mid", "high"], None),
        with("bought", Kind::Boolean, &["no", "yes"], None),
        with("id", Kind::Id, &[], None),
    ]
}

fn drawn(metadata: &Arc<Metadata>, rows: usize, shift: f64, seed: &Seed) -> Table {
    let mut rng = seed.rng();
    let bell = |rng: &mut dyn FnMut() -> f64| (0..6).map(|_| rng()).sum::<f64>() - 3.0;
    let mut uniform = || rng.uniform();
    let latent: Vec<f64> = (0..rows).map(|_| bell(&mut uniform)).collect();
    let noisy: Vec<f64> = latent.iter().map(|x| x + (1.0 + shift) * bell(&mut uniform)).collect();
    let code = |x: f64, cuts: &[f64]| cuts.partition_point(|cut| *cut < x) as u32;
    let values: Vec<Values> = vec![
        Values::Whole(noisy.iter().map(|x| (40.0 + 12.0 * x) as i64).collect()),
        Values::Real(latent.iter().map(|x| libm::exp(10.0 + x + shift)).collect()),
        Values::Whole(noisy.iter().map(|x| (17_000.0 + 400.0 * x) as i64).collect()),
        Values::Code(latent.iter().map(|x| code(*x, &[-0.6, 0.2, 0.9, 1.9])).collect()),
        Values::Code(noisy.iter().map(|x| code(*x, &[-0.5, 0.8])).collect()),
        Values::Code(latent.iter().zip(&noisy).map(|(x, y)| u32::from(x + 0.3 * y > 0.0)).collect()),
        Values::Text((0..rows).map(|row| format!("{}{row}", seed.number())).collect()),
    ];
    let gaps = Bits::collect((0..rows).map(|row| row % 13 == 5));
    let columns = values.into_iter().enumerate().map(|(place, values)| Column::new(values, (place < 4).then(|| gaps.clone())));
    let columns: Vec<Column> = columns.map(|column| column.expect("finite values of one length")).collect();
    Table::new(Arc::clone(metadata), rows, columns).expect("columns in the order of their description")
}

/// Tables at the edge of what is legal, by name.
pub fn hostile() -> Vec<(&'static str, Real, Table)> {
    let (real, sample) = mixed(300, 120, 280);
    let with =
        |real: &Real, train: &Table, holdout: &Table| Real { train: train.clone(), holdout: holdout.clone(), shared: real.shared.clone() };
    let constant = |table: &Table| table.take(&vec![1; table.rows()]);
    let gone = |table: &Table| without_values(table);
    let none = |table: &Table| table.head(0);
    vec![
        ("constant everywhere", with(&real, &constant(&real.train), &constant(&real.holdout)), constant(&sample)),
        ("constant sample", real.clone(), constant(&sample)),
        ("nothing but gaps", with(&real, &gone(&real.train), &gone(&real.holdout)), gone(&sample)),
        ("a sample of gaps", real.clone(), gone(&sample)),
        ("ten rows", with(&real, &real.train.head(10), &real.holdout.head(10)), sample.head(10)),
        ("one row", with(&real, &real.train.head(1), &real.holdout.head(1)), sample.head(1)),
        ("no sample", real.clone(), none(&sample)),
        ("no holdout", with(&real, &real.train, &none(&real.holdout)), sample.clone()),
        ("unequal sizes", with(&real, &real.train, &real.holdout.head(60)), sample.head(40)),
        one_column(Kind::Continuous),
        one_column(Kind::Categorical),
        one_column(Kind::Id),
    ]
}

fn without_values(table: &Table) -> Table {
    let gaps = Bits::collect((0..table.rows()).map(|_| true));
    let column = |column: &Column| Column::new(column.values().clone(), Some(gaps.clone())).expect("a mask of the same length");
    let columns = table.columns().iter().map(column).collect();
    Table::new(Arc::clone(table.metadata()), table.rows(), columns).expect("the same columns with gaps")
}

fn one_column(kind: Kind) -> (&'static str, Real, Table) {
    let (real, sample) = mixed(200, 80, 200);
    let place = real.train.metadata().columns.iter().position(|meta| meta.kind == kind).unwrap_or_default();
    let metadata = Arc::new(Metadata::plain("narrow", vec![real.train.metadata().columns[place].clone()]));
    let narrow = |table: &Table| {
        let column = table.column(place).clone();
        Table::new(Arc::clone(&metadata), table.rows(), vec![column]).expect("one column under its own description")
    };
    let name = if kind.is_number_like() {
        "one number"
    } else if kind.is_discrete() {
        "one label"
    } else {
        "one id"
    };
    (name, Real { train: narrow(&real.train), holdout: narrow(&real.holdout), shared: real.shared.clone() }, narrow(&sample))
}
