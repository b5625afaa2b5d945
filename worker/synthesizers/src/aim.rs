//! Differentially private Markov network, grown by adaptive choice of what it still misses.
//!
//! **Model.** A Markov network on a clique tree whose tables stay below `model_bytes_max`.
//! **View.** `codes(32)`, equally wide, in a domain that is declared or bought.
//! **Options.** [`AimOptions`]. **Privacy.** (epsilon, delta) for add/remove-one, kept in rho.
//! **Fit.** The workload is every set of `degree` columns with at most `cells_max` cells; candidates are its
//! sets and all within them, `w_r = Σ_s |r ∩ s|` over the workload. Noise and choices start at
//! `σ = √(T/(1.8ρ))`, `ε = √(0.8ρ/T)`, T = `rounds` for each column.
//! 1. One-way counts, at the noise of a first round. Where nobody declared labels the same counts decide which of them
//!    are shown, and what they hide is lost for good: then they cost a third of rho (our choice).
//! 2. Rounds: among the candidates with which the clique tree keeps below its share of the size (that of rho
//!    spent), or that lie in a clique, one is drawn by `w_r (‖counts − model‖₁ − √(2/π) σ cells_r)`, of
//!    sensitivity max w; it is counted, and the parameters are fitted again from where they were.
//! 3. If the new counts moved the model by less than the noise would, `√(2/π) σ cells`: half the noise,
//!    twice ε. When less than two rounds are left: one last round for all of it.
//!
//! A round rescores only candidates that touch a column of the clique that holds the new counts; the model
//! that older scores were taken from is public as well, so no privacy hangs on it. Sizes of candidates are
//! kept until the graph changes.
//! **States.** Between any two rounds: what was asked, so that the same questions have the same answers again, the
//! parameters, and the errors of candidates under a pad of the noise key.
//! **Anytime.** Told to stop after the one-way counts, it keeps the sets that it has; what was spent stands in the bill.
//! **Sample.** Ancestral along the clique tree. **Limits.** d ≤ 100; `degree` 3 for at most 20 columns.
//! **Cost.** `iterations / 10` passes over the clique tables a round at most, about 16·d rounds at most.
//! **Reference.** McKenna, Mullins, Sheldon, Miklau 2022, AIM, doi 10.14778/3551793.3551817.

mod growth;
mod state;

use crate::member::{Synthesizer, Train};
use crate::private::graph::estimation::Network;
use crate::private::graph::model::NetworkModel;
use crate::private::graph::opening::{Opening, open};
use crate::states::States;
use growth::Growth;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::Reached;
use synthfleet_proto::about::{About, Accepts, Cost, CostClass, Shape};
use synthfleet_proto::options::{Checked, Options, Problem, Problems};
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, ErrorKind, Result, Seed};
use synthfleet_table::Budget;

/// Part of a round's loss that buys counts; the rest buys the choice.
const COUNTS_SHARE: f64 = 0.9;
/// Part of rho that buys one-way counts where labels are measured with them, as in [`crate::mst`].
const LABELS_SHARE: f64 = 1.0 / 3.0;
/// Most columns for sets of three.
const TRIPLE_COLUMNS_MAX: usize = 20;
/// The clique tables may take one in so many bytes of planned memory.
const MEMORY_PART: u64 = 8;

/// The adaptive, differentially private Markov network.
pub struct Aim;

/// Options of [`Aim`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AimOptions {
    /// Privacy loss for a row more or less, 0.01 to 100.
    #[schemars(range(min = 0.01, max = 100.0))]
    pub epsilon: f64,
    /// Failure probability, at most one over the number of rows; left out: 1/n^1.5, rounded down to a power of ten.
    pub delta: Option<f64>,
    /// Columns of a set that is to be kept, 2 or 3 (3 for at most 20 columns).
    #[schemars(range(min = 2, max = 3))]
    pub degree: u32,
    /// Most cells of a set, 100 to 1 million.
    #[schemars(range(min = 100, max = 1_000_000))]
    pub cells_max: u32,
    /// Most bytes of all clique tables, 1 MiB to 1 GiB.
    #[schemars(range(min = 1_048_576, max = 1_073_741_824))]
    pub model_bytes_max: u64,
    /// Rounds for each column that the first noise is made for, 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub rounds: u32,
    /// Steps of the last fit to noisy counts, 10 to 100,000; those between take a tenth.
    #[schemars(range(min = 10, max = 100_000))]
    pub iterations: u32,
}

impl Default for AimOptions {
    fn default() -> Self {
        Self { epsilon: 1.0, delta: None, degree: 2, cells_max: 10_000, model_bytes_max: 4 << 20, rounds: 16, iterations: 1_000 }
    }
}

impl Options for AimOptions {
    fn check(&self) -> Vec<Problem> {
        Problems::none()
            .within("epsilon", self.epsilon, 0.01..=100.0)
            .within("delta", self.delta.unwrap_or(0.1), f64::MIN_POSITIVE..=0.5)
            .within("degree", self.degree, 2..=3)
            .within("cells_max", self.cells_max, 100..=1_000_000)
            .within("model_bytes_max", self.model_bytes_max, 1 << 20..=1 << 30)
            .within("rounds", self.rounds, 1..=100)
            .within("iterations", self.iterations, 10..=100_000)
            .into_vec()
    }
}

impl Synthesizer for Aim {
    type Options = AimOptions;
    type Model = NetworkModel;
    const ABOUT: About = About {
        name: "aim",
        version: "1.1",
        aliases: &["AIMSynthesizer"],
        summary: "differentially private Markov network, grown by adaptive choice of pairs",
        paper: "McKenna, Mullins, Sheldon, Miklau 2022, doi 10.14778/3551793.3551817",
        cost: CostClass::Heavy,
        accepts: Accepts { columns_max: 100, ..Accepts::ANY },
        private: true,
        checkpoint: true,
        anytime: true,
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, _: &Checked<Self::Options>) -> Cost {
        let columns = f64::from(shape.modelled());
        let cells = shape.train_rows * u64::from(shape.modelled() + shape.other);
        let levels = (shape.levels_sum as f64 + 32.0 * f64::from(shape.number_like)) / columns.max(1.0);
        Cost {
            cpu_seconds: 0.1 * columns * columns + shape.train_rows as f64 * columns * columns / 2.0 * 4e-9,
            peak_bytes: cells * 40 + shape.train_rows * 160,
            model_bytes: 16_384 + (4.0 * columns * (levels * levels).min(1e4) * 8.0) as u64,
        }
    }

    fn fit(train: &Train, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Self::Model> {
        let states = States::new(&Self::ABOUT, train, options, seed, budget);
        let guarded = train.private()?;
        // the price of one round's counts for each column, unless they also decide which labels are known at all
        let of_a_round = COUNTS_SHARE / f64::from(options.rounds);
        let share = if guarded.undeclared_labels().is_empty() { of_a_round } else { of_a_round.max(LABELS_SHARE) };
        let mut opening = open(guarded, options.epsilon, options.delta, share, budget)?;
        let columns = opening.sizes.len();
        if options.degree > 2 && columns > TRIPLE_COLUMNS_MAX {
            let message = format!("sets of three are for at most {TRIPLE_COLUMNS_MAX} columns, the table has {columns}");
            return Err(Error::unsupported("synthesize::not_accepted", message).help("set degree to 2"));
        }
        let mut network = Network::new(opening.sizes.clone());
        network.measure(std::mem::take(&mut opening.ones));
        let found = states.found(Reached::load);
        if found.is_none() {
            network.descend(options.iterations, budget)?;
        }
        let mut rounds = 0;
        let grown = grow(&mut opening, &mut network, options, (&states, found), &mut rounds, budget);
        guarded.close(&opening.ledger)?;
        let rest = match grown {
            Ok(()) => budget.clone(),
            Err(error) if error.kind() == ErrorKind::Stopped => {
                budget.find(stopped(rounds));
                // one pass over the clique tables, also where it was told to stop
                let rest = Budget::quiet(budget.threads());
                network.descend(0, &rest)?;
                rest
            }
            Err(error) => return Err(error),
        };
        let maps: Vec<Vec<u32>> = opening.sizes.iter().map(|&size| (0..size as u32).collect()).collect();
        NetworkModel::new(opening.domain.codes().clone(), &maps, &network, &rest)
    }
}

/// Adds sets to a network of one-way counts until rho is spent, and fits it to all; `rounds` counts the sets.
fn grow(
    opening: &mut Opening,
    network: &mut Network,
    options: &AimOptions,
    (states, found): (&States<'_>, Option<Reached>),
    rounds: &mut u32,
    budget: &Budget,
) -> Result<()> {
    let cells_max = cells_allowed(options.model_bytes_max, budget);
    let mut growth = Growth::new(opening, options, cells_max, budget)?;
    if let Some(found) = found {
        growth.go_on(&found, opening, network, budget)?;
    }
    loop {
        *rounds = growth.rounds();
        let standing = growth.standing(opening, network);
        states.keep(u64::from(*rounds), |arrays| standing.reached().save(arrays));
        let is_open = growth.is_open && !opening.sizes.is_empty();
        let went = match is_open {
            true => growth.round(opening, network, options, budget),
            false => network.descend(options.iterations, budget),
        };
        match went {
            Err(error) if error.kind() == ErrorKind::Stopped => {
                states.keep(u64::from(*rounds), |arrays| standing.reached().save(arrays));
                return Err(error);
            }
            went => went?,
        }
        if !is_open {
            return Ok(());
        }
    }
}

fn stopped(rounds: u32) -> Finding {
    let text = format!("stopped after {rounds} rounds: fewer sets of columns are kept than the privacy loss pays for");
    Finding { code: "stopped_by_deadline".to_owned(), column: None, number: Some(f64::from(rounds)), text }
}

/// Cells of all clique tables that option and planned memory allow.
fn cells_allowed(model_bytes_max: u64, budget: &Budget) -> f64 {
    let planned = budget.memory_bytes_max() / MEMORY_PART;
    if planned < model_bytes_max {
        budget.find(Finding {
            code: "narrowed".to_owned(),
            column: None,
            number: Some(planned as f64),
            text: format!("planned memory allows {planned} of {model_bytes_max} bytes of clique tables"),
        });
    }
    model_bytes_max.min(planned) as f64 / 8.0
}

#[cfg(test)]
mod tests;
