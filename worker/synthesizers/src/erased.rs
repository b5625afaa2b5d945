//! Synthesizers without their types: what the worker calls. Written once for all members.

use crate::container::Container;
use crate::member::{Given, Model, Synthesizer, Train};
use crate::sample;
use serde_json::Value;
use std::ops::Range;
use std::sync::Arc;
use synthfleet_proto::about::{About, Cost, MemberDoc, Shape};
use synthfleet_proto::metadata::Metadata;
use synthfleet_proto::options::{Checked, Problem, problems_of};
use synthfleet_proto::privacy::{NoiseKey, Privacy};
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_table::encode::{Encoder, Protection};
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, Budget, Condition, SeedExt, Table};

/// The two roots of a task's streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seeds {
    /// The task's own: fits and samples.
    pub task: Seed,
    /// The job's: what all candidates share, here value protection.
    pub shared: Seed,
    /// The job's secret: what the noise of private members comes from.
    pub noise: Option<NoiseKey>,
}

impl Seeds {
    /// The same with the job's noise key.
    #[must_use]
    pub fn with_noise(self, key: NoiseKey) -> Self {
        Self { noise: Some(key), ..self }
    }

    /// The seeds of task `task_id` of a job.
    pub fn of_task(job_seed: u64, task_id: &str) -> Self {
        Self { task: Seed::of_task(job_seed, task_id), shared: Seed::shared(job_seed), noise: None }
    }
}

/// A synthesizer, whatever its types.
pub trait AnySynthesizer: Send + Sync {
    /// What it says of itself.
    fn about(&self) -> &'static About;

    /// JSON Schema of its options.
    fn schema(&self) -> Value;

    /// Its default options.
    fn defaults(&self) -> Value;

    /// All problems of options as a job gives them.
    fn check(&self, options: &Value) -> Vec<Problem>;

    /// What a fit and a sample of as many rows will cost.
    fn estimate_any(&self, shape: &Shape, options: &Value) -> Result<Cost>;

    /// Fits to a train table. Findings go to the budget and into the model.
    fn fit_any(&self, train: &Table, options: &Value, seeds: &Seeds, budget: &Budget) -> Result<Box<dyn AnyModel>>;

    /// Reads a model of this member from the bytes of `model.bin`.
    fn load_any(&self, bytes: &[u8]) -> Result<Box<dyn AnyModel>>;

    /// The owned description that workers announce.
    fn doc(&self) -> MemberDoc {
        MemberDoc::of("synthesize", self.about(), self.schema())
    }
}

/// A fitted model, whatever its type.
pub trait AnyModel: Send + Sync {
    /// What its member says of itself.
    fn about(&self) -> &'static About;

    /// Rows `rows` of the endless sample: a longer sample starts with the shorter one, and parts made
    /// apart equal rows made together.
    fn sample(&self, rows: Range<u64>, given: &Given, budget: &Budget) -> Result<Table>;

    /// The same with another seed in place of the task's: another sample of the same model.
    fn sample_with(&self, seed: &Seed, rows: Range<u64>, given: &Given, budget: &Budget) -> Result<Table>;

    /// The same conditions on every row of a sample, for `sample`. Columns are places in [`AnyModel::metadata`].
    /// Refuses what no sample of this model can meet, and names what could be asked.
    fn given(&self, conditions: &[Condition]) -> Result<Given>;

    /// Conditions of their own for each row of a sample that has as many rows.
    fn given_rows(&self, rows: &[Vec<Condition>]) -> Result<Given>;

    /// The bytes of `model.bin`.
    fn save(&self) -> Result<Vec<u8>>;

    /// The description of its samples. A loaded model names hidden labels by placeholders and knows no
    /// ranges; codes mean the same.
    fn metadata(&self) -> &Arc<Metadata>;

    /// What the fit had to remark.
    fn findings(&self) -> &[Finding];

    /// What the fit guarantees, if its member is differentially private.
    fn privacy(&self) -> Option<&Privacy>;
}

/// A model with all that its samples need.
pub(crate) struct Fitted<M> {
    pub(crate) about: &'static About,
    pub(crate) options: Value,
    pub(crate) encoder: Arc<Encoder>,
    pub(crate) model: M,
    /// The seed of the task that fitted it.
    pub(crate) seed: Seed,
    pub(crate) findings: Vec<Finding>,
    pub(crate) privacy: Option<Privacy>,
}

impl<S: Synthesizer> AnySynthesizer for S {
    fn about(&self) -> &'static About {
        &S::ABOUT
    }

    fn schema(&self) -> Value {
        schemars::schema_for!(S::Options).to_value()
    }

    fn defaults(&self) -> Value {
        serde_json::to_value(S::Options::default()).unwrap_or_default()
    }

    fn check(&self, options: &Value) -> Vec<Problem> {
        problems_of::<S::Options>(options)
    }

    fn estimate_any(&self, shape: &Shape, options: &Value) -> Result<Cost> {
        Ok(S::estimate(shape, &Checked::decode(options)?))
    }

    fn fit_any(&self, train: &Table, options: &Value, seeds: &Seeds, budget: &Budget) -> Result<Box<dyn AnyModel>> {
        let checked = Checked::<S::Options>::decode(options)?;
        let shape = Shape { train_rows: train.rows() as u64, ..Shape::of(train.metadata()) };
        if let Err(reason) = S::ABOUT.accepts.fits(&shape) {
            return Err(Error::unsupported("synthesize::not_accepted", reason.why).help("choose another synthesizer"));
        }
        let rows = rows_within::<S>(&shape, &checked, budget)?;
        let earlier = budget.take_findings();
        let fitted = sample::with_threads(budget, || {
            let fewer = (rows < train.rows()).then(|| subsample(train, rows, &seeds.task, budget));
            let train = fewer.as_ref().unwrap_or(train);
            if S::ABOUT.private {
                fit_privately::<S>(train, &checked, seeds, budget)
            } else {
                fit_protected::<S>(train, &checked, seeds, budget)
            }
        });
        let findings = budget.take_findings();
        earlier.into_iter().chain(findings.iter().cloned()).for_each(|finding| budget.find(finding));
        let (encoder, model, privacy) = fitted?;
        let options = serde_json::to_value(&*checked).unwrap_or_default();
        Ok(Box::new(Fitted { about: &S::ABOUT, options, encoder, model, seed: seeds.task.clone(), findings, privacy }))
    }

    fn load_any(&self, bytes: &[u8]) -> Result<Box<dyn AnyModel>> {
        let container = Container::from_bytes(bytes)?;
        if container.name != S::ABOUT.name {
            let message = format!("this is a model of {}, not of {}", container.name, S::ABOUT.name);
            return Err(Error::data("model::other_member", message).help("load it with load_model"));
        }
        let encoder = Arc::new(Encoder::load(&container.encoder)?);
        let model = S::Model::load(&container.payload, &encoder)?;
        let Container { options, findings, privacy, seed, .. } = container;
        Ok(Box::new(Fitted { about: &S::ABOUT, options, encoder, model, seed: Seed::from_task_seed(seed), findings, privacy }))
    }
}

type Fit<M> = (Arc<Encoder>, M, Option<Privacy>);

/// The way of all members but private ones: values are protected, then everything is shown.
fn fit_protected<S: Synthesizer>(train: &Table, options: &Checked<S::Options>, seeds: &Seeds, budget: &Budget) -> Result<Fit<S::Model>> {
    let protection = if S::ABOUT.real_rows { Protection::Off } else { Protection::On };
    let encoder = Arc::new(Encoder::fit(train, protection, &seeds.shared, budget)?);
    let train = Train::new(encoder.encode(train)?);
    budget.progress(0.1, "fit");
    let model = S::fit(&train, options, &seeds.task.child("fit"), budget)?;
    Ok((encoder, model, None))
}

/// The way of private members: no value is protected, because none is shown. They buy the encoder themselves.
fn fit_privately<S: Synthesizer>(train: &Table, options: &Checked<S::Options>, seeds: &Seeds, budget: &Budget) -> Result<Fit<S::Model>> {
    if train.rows() == 0 {
        return Err(Error::unsupported("encode::no_rows", "the train table has no rows").help("give a table with at least one row"));
    }
    if let Some(constraint) = train.metadata().constraints.first() {
        let message =
            format!("a differentially private fit cannot keep the constraint {constraint}: what it needs of it stands in the rows");
        return Err(Error::unsupported("constraint::private", message).help("leave constraints out, or choose another synthesizer"));
    }
    let key = seeds.noise.clone().ok_or_else(|| Error::internal("privacy::no_key", "a private member was given no noise key"))?;
    let train = Train::guarded(train, key)?;
    budget.progress(0.1, "fit");
    let model = S::fit(&train, options, &seeds.task.child("fit"), budget)?;
    let (encoder, privacy) = train.private()?.left()?;
    Ok((encoder, model, Some(privacy)))
}

/// Rows that planned memory allows: all, or as many as the estimate permits, at least 5,000.
fn rows_within<S: Synthesizer>(shape: &Shape, options: &Checked<S::Options>, budget: &Budget) -> Result<usize> {
    const ROWS_MIN: u64 = 5_000;
    let peak = |rows: u64| S::estimate(&Shape { train_rows: rows, ..*shape }, options).peak_bytes;
    let (mut rows, most) = (shape.train_rows, budget.memory_bytes_max());
    let least = rows.min(ROWS_MIN);
    while peak(rows) > most && rows > least {
        rows = (rows * 9 / 10).max(least);
    }
    budget.claim(peak(rows))?;
    Ok(rows as usize)
}

/// Rows drawn without replacement, in their order, with a finding.
fn subsample(train: &Table, rows: usize, seed: &Seed, budget: &Budget) -> Table {
    let mut chosen = seed.child("fit").child("subsample").rng().permutation(train.rows());
    chosen.truncate(rows);
    chosen.sort_unstable();
    budget.find(Finding {
        code: "subsampled".to_owned(),
        column: None,
        number: Some(rows as f64 / train.rows() as f64),
        text: format!("planned memory allows {rows} of {} rows", train.rows()),
    });
    train.take(&chosen)
}

impl<M: Model> AnyModel for Fitted<M> {
    fn about(&self) -> &'static About {
        self.about
    }

    fn sample(&self, rows: Range<u64>, given: &Given, budget: &Budget) -> Result<Table> {
        self.sample_with(&self.seed, rows, given, budget)
    }

    fn sample_with(&self, seed: &Seed, rows: Range<u64>, given: &Given, budget: &Budget) -> Result<Table> {
        sample::rows(&self.model, &self.encoder, seed, rows, given, budget)
    }

    fn given(&self, conditions: &[Condition]) -> Result<Given> {
        Given::same(conditions, &self.encoder)
    }

    fn given_rows(&self, rows: &[Vec<Condition>]) -> Result<Given> {
        Given::each(rows, &self.encoder)
    }

    fn save(&self) -> Result<Vec<u8>> {
        let (mut encoder, mut payload) = (Arrays::default(), Arrays::default());
        self.encoder.save(&mut encoder)?;
        self.model.save(&mut payload);
        let container = Container {
            name: self.about.name.to_owned(),
            version: self.about.version.to_owned(),
            contains_rows: self.about.real_rows,
            seed: self.seed.task_seed(),
            options: self.options.clone(),
            findings: self.findings.clone(),
            privacy: self.privacy.clone(),
            encoder,
            payload,
        };
        container.to_bytes()
    }

    fn metadata(&self) -> &Arc<Metadata> {
        self.encoder.metadata()
    }

    fn findings(&self) -> &[Finding] {
        &self.findings
    }

    fn privacy(&self) -> Option<&Privacy> {
        self.privacy.as_ref()
    }
}
