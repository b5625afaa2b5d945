//! Stepwise expectation and maximisation over batches, judged by rows that it does not learn from.
//!
//! **Definition.** After each batch counts are `s ← (1 − η) s + η s_batch`, `η = (step + 2)^-0.7`, and the laws
//! those that `s` makes most probable. One batch of all rows has η = 1: plain expectation and maximisation,
//! whose density never falls. The laws of the epoch with the best density of validation rows are kept; the fit
//! ends when `patience` epochs bring none better.
//! **Reference.** Cappé, Moulines 2009, doi 10.1111/j.1467-9868.2009.00698.x.

use super::messages::Engine;
use super::parameters::{Layout, Node, Parameters, Prior};
use super::start::start;
use super::view::Cells;
use synthfleet_proto::{ErrorKind, Result, Seed};
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt};

/// A gain of density, in nats a row, below this is none.
const GAIN_MIN: f64 = 1e-4;
/// Epochs without rows for validation.
const EPOCHS_UNJUDGED: u32 = 10;
/// How fast earlier batches lose weight.
const FORGETTING: f64 = 0.7;
/// Train rows whose density is told, at most.
const TOLD_ROWS: usize = 5_000;

/// Rows to learn from, and how.
pub(super) struct Problem<'a> {
    pub(super) nodes: &'a [Node],
    pub(super) cells: &'a [Cells],
    /// Share of each code in train, `[nodes][levels]`.
    pub(super) shares: &'a [Vec<f64>],
    /// Rows to learn from.
    pub(super) train: &'a [u32],
    /// Rows to judge by.
    pub(super) validation: &'a [u32],
    pub(super) epochs_max: u32,
    pub(super) batch: usize,
    pub(super) prior: f64,
    pub(super) patience: u32,
}

/// Laws and how good they are.
pub(super) struct Trained {
    pub(super) parameters: Parameters,
    /// Mean log density of train rows, nats.
    pub(super) train: f64,
    /// That of validation rows; of train rows if there are none.
    pub(super) validation: f64,
    /// Epochs that were made.
    pub(super) epochs: u32,
    /// It was told to stop before it was done.
    pub(super) stopped: bool,
}

impl Trained {
    /// How much more probable train rows are than rows that were not learnt, nats a row.
    pub(super) fn gap(&self) -> f64 {
        self.train - self.validation
    }
}

/// How far a fit is, between two batches: all that it goes on from.
pub(super) struct Run {
    /// Expected counts per row.
    pub(super) counts: Vec<f64>,
    pub(super) parameters: Parameters,
    /// Batches so far.
    pub(super) steps: u32,
    /// Whole epochs, and batches of the next one.
    pub(super) epochs: u32,
    pub(super) batch: u32,
    /// The best laws so far, their density, and epochs since.
    pub(super) best: Parameters,
    pub(super) density: f64,
    pub(super) since_best: u32,
}

/// What a fit with K states works with.
struct Desk<'a> {
    problem: &'a Problem<'a>,
    layout: Layout,
    prior: Prior<'a>,
    of_batch: Vec<f64>,
}

impl Problem<'_> {
    /// Learns K = `states`, from the start or from where a run stands. `told` hears each epoch's number and density,
    /// `keep` is shown the run wherever it could go on from.
    pub(super) fn train(
        &self,
        states: usize,
        seed: &Seed,
        budget: &Budget,
        from: Option<Run>,
        mut told: impl FnMut(u32, f64),
        keep: impl Fn(&Run),
    ) -> Result<Trained> {
        let mut desk = Desk::new(self, states);
        let mut run = match from {
            Some(run) => run,
            None => desk.start(states, seed, budget)?,
        };
        let epochs_max = if self.validation.is_empty() { self.epochs_max.min(EPOCHS_UNJUDGED) } else { self.epochs_max };
        let shuffle = |order: &mut Vec<u32>, epoch: u32| seed.child("epoch").index(u64::from(epoch)).rng().shuffle(order);
        // each epoch shuffles what the one before left
        let mut order = self.train.to_vec();
        (0..run.epochs).for_each(|epoch| shuffle(&mut order, epoch));
        let mut stopped = false;
        while run.epochs < epochs_max && run.since_best < self.patience {
            shuffle(&mut order, run.epochs);
            let density = match desk.epoch(&mut run, &order, budget, &keep).and_then(|()| desk.judge(&run.parameters, budget)) {
                Err(error) if error.kind() == ErrorKind::Stopped => {
                    keep(&run);
                    if run.epochs == 0 {
                        return Err(error);
                    }
                    stopped = true;
                    break;
                }
                density => density?,
            };
            (run.epochs, run.batch) = (run.epochs + 1, 0);
            told(run.epochs, density);
            run.since_best += 1;
            if density > run.density + GAIN_MIN {
                run.since_best = 0;
                (run.density, run.best) = (density, run.parameters.clone());
            }
        }
        let rows = &self.train[..self.train.len().min(TOLD_ROWS)];
        // a few rows, also where it was told to stop
        let train = desk.engine(&run.best).log_density(rows, &Budget::quiet(1))? / rows.len() as f64;
        Ok(Trained { parameters: run.best, train, validation: run.density, epochs: run.epochs, stopped })
    }
}

impl<'a> Desk<'a> {
    fn new(problem: &'a Problem<'a>, states: usize) -> Self {
        let layout = Layout::of(problem.nodes, states);
        let prior = Prior { rows: problem.train.len() as f64, each: problem.prior, shares: problem.shares };
        let of_batch = vec![0.0; layout.length];
        Self { problem, layout, prior, of_batch }
    }

    fn start(&self, states: usize, seed: &Seed, budget: &Budget) -> Result<Run> {
        let problem = self.problem;
        let counts = start((problem.nodes, problem.cells), (&self.layout, states), problem.train, &seed.child("start"), budget)?;
        let mut parameters = Parameters::blank(problem.nodes, states);
        parameters.maximise(&counts, &self.layout, &self.prior);
        let density = self.judge(&parameters, budget)?;
        Ok(Run { counts, best: parameters.clone(), parameters, steps: 0, epochs: 0, batch: 0, density, since_best: 0 })
    }

    fn engine<'b>(&'b self, parameters: &'b Parameters) -> Engine<'b> {
        Engine::new(self.problem.nodes, self.problem.cells, &self.layout, parameters)
    }

    /// The rest of a pass over rows in this order.
    fn epoch(&mut self, run: &mut Run, order: &[u32], budget: &Budget, keep: impl Fn(&Run)) -> Result<()> {
        for rows in batches(order, self.problem.batch).skip(run.batch as usize) {
            keep(run);
            let engine = Engine::new(self.problem.nodes, self.problem.cells, &self.layout, &run.parameters);
            engine.count(rows, &mut self.of_batch, budget)?;
            let weight = if rows.len() == order.len() { 1.0 } else { libm::pow(f64::from(run.steps) + 2.0, -FORGETTING) };
            let of_row = weight / rows.len() as f64;
            run.counts.iter_mut().zip(&self.of_batch).for_each(|(count, new)| *count = (1.0 - weight) * *count + of_row * new);
            run.parameters.maximise(&run.counts, &self.layout, &self.prior);
            (run.steps, run.batch) = (run.steps + 1, run.batch + 1);
        }
        Ok(())
    }

    /// Mean log density of the rows to judge by.
    fn judge(&self, parameters: &Parameters, budget: &Budget) -> Result<f64> {
        let rows = if self.problem.validation.is_empty() { self.problem.train } else { self.problem.validation };
        Ok(self.engine(parameters).log_density(rows, budget)? / rows.len() as f64)
    }
}

/// Rows in batches of about `size`, as equal as can be.
fn batches(rows: &[u32], size: usize) -> impl Iterator<Item = &[u32]> {
    let count = ((rows.len() + size / 2) / size).max(1);
    (0..count).map(move |batch| &rows[rows.len() * batch / count..rows.len() * (batch + 1) / count])
}
