//! What a benchmark is: the typed trait its author writes, and the object the worker calls.

use serde_json::Value;
use synthfleet_proto::about::{About, Cost, MemberDoc, Reason, ScoreAbout, Shape};
use synthfleet_proto::metadata::Metadata;
use synthfleet_proto::options::{Checked, Options, Problem, problems_of};
use synthfleet_proto::score::Scored;
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_table::{Arrays, Budget, Table};

/// The real side of a comparison: one description, equal codes.
#[derive(Debug, Clone)]
pub struct Real {
    /// What the synthesizer saw.
    pub train: Table,
    /// What it did not see; 0 rows if the job has none.
    pub holdout: Table,
    /// Stream from which the choice of real rows, folds and groups comes, equal for all candidates:
    /// `shared/benchmark/<name>`.
    pub shared: Seed,
}

/// One sample beside the real tables.
#[derive(Debug, Clone)]
pub struct Case {
    /// The real side.
    pub real: Real,
    /// The sample.
    pub sample: Table,
    /// What `prepare` gave; empty if the benchmark prepares nothing.
    pub prepared: Arrays,
}

/// A benchmark scores a sample against real tables.
pub trait Benchmark: Send + Sync + 'static {
    /// Its options.
    type Options: Options;
    /// What it says of itself, its scores included.
    const ABOUT: About;

    /// Its scores of tables of a description: all, where it has none that only some tables have.
    fn scores(_metadata: &Metadata) -> &'static [ScoreAbout] {
        Self::ABOUT.scores
    }

    /// What one scoring will cost, without a look at the data.
    fn estimate(shape: &Shape, options: &Checked<Self::Options>) -> Cost;

    /// What does not depend on the sample (models trained on real rows), computed once per job.
    fn prepare(_real: &Real, _options: &Checked<Self::Options>, _budget: &Budget) -> Result<Arrays> {
        Ok(Arrays::default())
    }

    /// Scores a sample. What cannot be computed is undefined with a reason, not an error.
    fn score(case: &Case, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Scored>;
}

/// Row caps are not halved below this; see the benchmarks.
const ROWS_FLOOR: u64 = 1_000;

/// Cores of the machine that planned seconds are compared on.
const CORES: f64 = 2.0;

/// A benchmark without its types: what the worker calls.
pub trait AnyBenchmark: Send + Sync {
    /// What it says of itself.
    fn about(&self) -> &'static About;
    /// Its scores of tables of a description.
    fn scores_of(&self, metadata: &Metadata) -> &'static [ScoreAbout];
    /// JSON Schema of the options.
    fn schema(&self) -> Value;
    /// Default options.
    fn defaults(&self) -> Value;
    /// All problems of some options.
    fn check(&self, options: &Value) -> Vec<Problem>;
    /// What one scoring will cost.
    fn estimate_any(&self, shape: &Shape, options: &Value) -> Result<Cost>;
    /// What does not depend on the sample.
    fn prepare_any(&self, real: &Real, options: &Value, budget: &Budget) -> Result<Arrays>;
    /// Scores a sample.
    fn score_any(&self, case: &Case, options: &Value, seed: &Seed, budget: &Budget) -> Result<Scored>;

    /// Why a scoring is not begun: by estimate, its floor of rows needs more than the planned memory, or its work takes
    /// two cores longer than the planned time. No clock is asked, so the answer is the same on every machine.
    ///
    /// # Errors
    /// Options that do not decode.
    fn over_budget(&self, shape: &Shape, options: &Value, seconds: f64, memory_bytes: u64) -> Result<Option<Reason>> {
        let (train_rows, holdout_rows) = (shape.train_rows.min(ROWS_FLOOR), shape.holdout_rows.min(ROWS_FLOOR));
        let floor = Shape { train_rows, holdout_rows, ..shape.clone() };
        let (least, all) = (self.estimate_any(&floor, options)?.peak_bytes, self.estimate_any(shape, options)?.cpu_seconds / CORES);
        let why = match () {
            () if least > memory_bytes => format!("needs {least} bytes for {train_rows} rows, {memory_bytes} are planned"),
            () if all > seconds => format!("takes about {all:.0} s, {seconds:.0} s are planned"),
            () => return Ok(None),
        };
        Ok(Some(Reason { code: "over_budget".to_owned(), why }))
    }

    /// The owned form of `about`.
    fn doc(&self) -> MemberDoc {
        MemberDoc::of("benchmark", self.about(), self.schema())
    }
}

impl<B: Benchmark> AnyBenchmark for B {
    fn about(&self) -> &'static About {
        const { &B::ABOUT }
    }

    fn scores_of(&self, metadata: &Metadata) -> &'static [ScoreAbout] {
        B::scores(metadata)
    }

    fn schema(&self) -> Value {
        schemars::schema_for!(B::Options).to_value()
    }

    fn defaults(&self) -> Value {
        serde_json::to_value(B::Options::default()).unwrap_or_default()
    }

    fn check(&self, options: &Value) -> Vec<Problem> {
        problems_of::<B::Options>(options)
    }

    fn estimate_any(&self, shape: &Shape, options: &Value) -> Result<Cost> {
        Ok(B::estimate(shape, &Checked::decode(options)?))
    }

    fn prepare_any(&self, real: &Real, options: &Value, budget: &Budget) -> Result<Arrays> {
        same_description(&real.train, &real.holdout)?;
        B::prepare(real, &Checked::decode(options)?, budget)
    }

    fn score_any(&self, case: &Case, options: &Value, seed: &Seed, budget: &Budget) -> Result<Scored> {
        same_description(&case.real.train, &case.real.holdout)?;
        same_description(&case.real.train, &case.sample)?;
        B::score(case, &Checked::decode(options)?, seed, budget)
    }
}

fn same_description(a: &Table, b: &Table) -> Result<()> {
    if a.metadata() == b.metadata() {
        Ok(())
    } else {
        Err(Error::internal("benchmark::descriptions", "two tables of one case have different descriptions"))
    }
}
