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

mod state;

use crate::member::{Synthesizer, Train};
use crate::private::graph::estimation::{Measurement, Network};
use crate::private::graph::model::NetworkModel;
use crate::private::graph::opening::{Opening, open};
use crate::private::graph::query::Query;
use crate::private::graph::triangulation::cells;
use crate::private::{Counts, Private};
use crate::states::States;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::{Reached, Round};
use std::collections::BTreeSet;
use synthfleet_proto::about::{About, Accepts, Cost, CostClass, Shape};
use synthfleet_proto::options::{Checked, Options, Problem, Problems};
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, ErrorKind, Result, Seed};
use synthfleet_table::Budget;

/// Part of a round's loss that buys counts; the rest buys the choice.
const COUNTS_SHARE: f64 = 0.9;
/// Part of rho that buys one-way counts where labels are measured with them, as in [`crate::mst`].
const LABELS_SHARE: f64 = 1.0 / 3.0;
/// A round takes one in so many steps: its fit starts from the last one, and only has to steer the next choice.
const ROUND_PART: u32 = 10;
/// Most columns for sets of three.
const TRIPLE_COLUMNS_MAX: usize = 20;
/// The clique tables may take one in so many bytes of planned memory.
const MEMORY_PART: u64 = 8;
/// √(2/π): mean size of a normal number of width 1.
const MEAN_SIZE: f64 = 0.797_884_560_802_865_4;

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
        let reached = growth.reached(opening, network);
        states.keep(u64::from(*rounds), |arrays| reached.save(arrays));
        let is_open = growth.is_open && !opening.sizes.is_empty();
        let went = match is_open {
            true => growth.round(opening, network, options, budget),
            false => network.descend(options.iterations, budget),
        };
        match went {
            Err(error) if error.kind() == ErrorKind::Stopped => {
                states.keep(u64::from(*rounds), |arrays| reached.save(arrays));
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

/// A set of columns that may be counted.
struct Candidate {
    columns: Vec<usize>,
    cells: usize,
    weight: f64,
    counts: Private<Counts>,
    /// How far the model is from the counts, taken when the candidate was last touched.
    error: Private<f64>,
    /// Cells of the clique tables with it, taken when the graph last changed.
    tree_cells: f64,
}

/// The state of the rounds.
struct Growth {
    candidates: Vec<Candidate>,
    cells_max: f64,
    sigma: f64,
    epsilon: f64,
    /// What was asked so far.
    asked: Vec<Round>,
    is_open: bool,
}

impl Growth {
    fn new(opening: &Opening, options: &AimOptions, cells_max: f64, budget: &Budget) -> Result<Self> {
        let rounds = f64::from(options.rounds) * opening.sizes.len() as f64;
        let sets = closure(&opening.sizes, options.degree as usize, options.cells_max as usize);
        let one = |(columns, weight): (Vec<usize>, f64)| {
            budget.go_on()?;
            let cells = columns.iter().map(|&column| opening.sizes[column]).product();
            let counts = opening.coding.counts(&columns);
            Ok(Candidate { columns, cells, weight, counts, error: Private::new(f64::NAN), tree_cells: f64::NAN })
        };
        Ok(Self {
            candidates: sets.into_par_iter().map(one).collect::<Result<Vec<_>>>()?,
            cells_max,
            sigma: (rounds / (2.0 * COUNTS_SHARE * opening.rho)).sqrt(),
            epsilon: (8.0 * (1.0 - COUNTS_SHARE) * opening.rho / rounds).sqrt(),
            asked: Vec::new(),
            is_open: true,
        })
    }

    fn rounds(&self) -> u32 {
        self.asked.len() as u32
    }

    /// Where the rounds stand.
    fn reached(&self, opening: &Opening, network: &Network) -> Reached {
        let errors: Private<Vec<f64>> = self.candidates.iter().map(|candidate| candidate.error.clone()).collect();
        let ((parameters, step), errors) = (network.reached(), opening.ledger.seal(&errors));
        Reached { asked: self.asked.clone(), sigma: self.sigma, epsilon: self.epsilon, is_open: self.is_open, parameters, step, errors }
    }

    /// Goes to where an earlier attempt had come: its questions are asked again, and have the same answers.
    fn go_on(&mut self, found: &Reached, opening: &mut Opening, network: &mut Network, budget: &Budget) -> Result<()> {
        let lost = || Error::internal("encode::broken", "a state of rounds that no fit leaves");
        let mut measured = Vec::with_capacity(found.asked.len());
        for &round in &found.asked {
            budget.go_on()?;
            let Candidate { columns, counts, .. } = self.candidates.get(round.candidate as usize).ok_or_else(lost)?;
            self.asked.push(round);
            let number = self.asked.len();
            opening.ledger.exponential_again(&choice(number), round.place as usize, round.epsilon)?;
            let noisy = opening.ledger.gaussian_counts(counts, round.sigma, &question(number, opening, columns))?;
            measured.push(Measurement::of(columns.clone(), &noisy, round.sigma));
        }
        network.measure(measured);
        network.reach(&found.parameters, found.step, budget)?;
        (self.sigma, self.epsilon, self.is_open) = (found.sigma, found.epsilon, found.is_open);
        if !self.asked.is_empty() {
            self.size(network);
        }
        if found.errors.len() != self.candidates.len() {
            return Err(lost());
        }
        let errors = opening.ledger.unseal(&found.errors);
        for (place, candidate) in self.candidates.iter_mut().enumerate() {
            candidate.error = errors.map(|errors| errors[place]);
        }
        Ok(())
    }

    /// One choice, one measurement, one fit.
    fn round(&mut self, opening: &mut Opening, network: &mut Network, options: &AimOptions, budget: &Budget) -> Result<()> {
        if self.asked.is_empty() {
            self.size(network);
            self.score(network, |_| true, budget)?;
        }
        let left = opening.ledger.left();
        if left < 2.0 * self.price() {
            self.is_open = false;
            self.sigma = (1.0 / (2.0 * COUNTS_SHARE * left)).sqrt();
            self.epsilon = (8.0 * (1.0 - COUNTS_SHARE) * left).sqrt();
        }
        let spent = 1.0 - (left - self.price()) / opening.ledger.claim().total();
        budget.progress(0.1 + 0.8 * spent, "rounds");
        let number = self.asked.len() + 1;
        let (place, chosen) = self.choose(number, opening, network, spent.clamp(0.0, 1.0))?;
        self.asked.push(Round { place: place as u32, candidate: chosen as u32, sigma: self.sigma, epsilon: self.epsilon });
        let (columns, cells) = (self.candidates[chosen].columns.clone(), self.candidates[chosen].cells);
        let question = question(number, opening, &columns);
        let noisy = opening.ledger.gaussian_counts(&self.candidates[chosen].counts, self.sigma, &question)?;
        let before = expected(network, &columns);
        let grows = !network.graph().joins(&columns);
        network.measure(vec![Measurement::of(columns.clone(), &noisy, self.sigma)]);
        network.descend(options.iterations / ROUND_PART, budget)?;
        let after = expected(network, &columns);
        let moved: f64 = before.iter().zip(&after).map(|(before, after)| (before - after).abs()).sum();
        if moved <= MEAN_SIZE * self.sigma * cells as f64 {
            self.sigma /= 2.0;
            self.epsilon *= 2.0;
        }
        if self.is_open {
            if grows {
                self.size(network);
            }
            let touched = network.tree().host(&columns).map(|host| network.tree().cliques()[host].scope.columns().to_vec());
            let touched = touched.unwrap_or_default();
            self.score(network, |candidate| candidate.columns.iter().any(|column| touched.contains(column)), budget)?;
        }
        Ok(())
    }

    /// Rho of one round.
    fn price(&self) -> f64 {
        1.0 / (2.0 * self.sigma * self.sigma) + self.epsilon * self.epsilon / 8.0
    }

    /// Draws a candidate that is small enough: its place among those, and among all.
    fn choose(&self, number: usize, opening: &mut Opening, network: &Network, spent: f64) -> Result<(usize, usize)> {
        let is_small = |candidate: &Candidate| candidate.tree_cells <= self.cells_max * spent || network.graph().joins(&candidate.columns);
        let open: Vec<usize> = (0..self.candidates.len()).filter(|&place| is_small(&self.candidates[place])).collect();
        let heaviest = open.iter().map(|&place| self.candidates[place].weight).fold(0.0, f64::max);
        let score = |&place: &usize| {
            let Candidate { weight, cells, error, .. } = &self.candidates[place];
            error.map(|error| weight * (error - MEAN_SIZE * self.sigma * *cells as f64))
        };
        let scores: Private<Vec<f64>> = open.iter().map(score).collect();
        let place = opening.ledger.exponential(&choice(number), &scores, heaviest, self.epsilon)?;
        Ok((place, open[place]))
    }

    /// Takes the size of the clique tables with each candidate.
    fn size(&mut self, network: &Network) {
        self.candidates.par_iter_mut().for_each(|candidate| {
            let mut graph = network.graph().clone();
            graph.join(&candidate.columns);
            candidate.tree_cells = cells(&graph.cliques(), network.sizes());
        });
    }

    /// Takes the errors of candidates anew.
    fn score(&mut self, network: &Network, is_touched: impl Fn(&Candidate) -> bool, budget: &Budget) -> Result<()> {
        let total = network.total();
        let mut query = Query::new(network.tree(), network.beliefs());
        for candidate in self.candidates.iter_mut().filter(|candidate| is_touched(candidate)) {
            budget.go_on()?;
            let shares = query.shares(&candidate.columns);
            candidate.error = candidate
                .counts
                .map(|counts| counts.cells().iter().zip(&shares).map(|(&count, share)| (count as f64 - total * share).abs()).sum::<f64>());
        }
        Ok(())
    }
}

/// Counts that the model expects.
fn expected(network: &Network, columns: &[usize]) -> Vec<f64> {
    let total = network.total();
    Query::new(network.tree(), network.beliefs()).shares(columns).iter().map(|share| share * total).collect()
}

/// What the choice of a round is called in the bill.
fn choice(number: usize) -> String {
    format!("round {number}: choice")
}

/// What the counts of a round are called in the bill.
fn question(number: usize, opening: &Opening, columns: &[usize]) -> String {
    let names = columns.iter().map(|&column| format!("{:?}", opening.names[column])).collect::<Vec<_>>().join(" and ");
    format!("round {number}: counts of {names}")
}

/// All sets of `degree` columns (all columns, if there are fewer) with at most `cells_max` cells and all sets
/// within them, by number of columns; with `Σ |r ∩ s|` over the former. Single columns are always there.
fn closure(sizes: &[usize], degree: usize, cells_max: usize) -> Vec<(Vec<usize>, f64)> {
    let columns = sizes.len();
    let mut workload: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..degree.min(columns) {
        let longer = |set: &Vec<usize>| (set.last().map_or(0, |last| last + 1)..columns).map(|next| [&set[..], &[next]].concat()).collect();
        workload = workload.iter().flat_map(|set| -> Vec<Vec<usize>> { longer(set) }).collect();
    }
    workload.retain(|set| set.iter().map(|&column| sizes[column]).product::<usize>() <= cells_max);
    // sets of the workload with each column
    let mut with = vec![0u32; columns];
    workload.iter().flatten().for_each(|&column| with[column] += 1);
    let mut sets: BTreeSet<(usize, Vec<usize>)> = (0..columns).map(|column| (1, vec![column])).collect();
    for set in &workload {
        for chosen in 1..1u32 << set.len() {
            let part: Vec<usize> =
                set.iter().enumerate().filter(|(place, _)| chosen >> place & 1 == 1).map(|(_, &column)| column).collect();
            sets.insert((part.len(), part));
        }
    }
    let weight = |set: &[usize]| set.iter().map(|&column| f64::from(with[column])).sum::<f64>().max(1.0);
    sets.into_iter().map(|(_, set)| (set.clone(), weight(&set))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::tables;
    use crate::{AnyModel, Given, Seeds, find};
    use serde_json::{Value, json};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use synthfleet_proto::privacy::NoiseKey;
    use synthfleet_table::budget::Listener;
    use synthfleet_table::random::Draw;
    use synthfleet_table::{Arrays, SeedExt, Table, Values};

    /// Three fair coins whose product is heads nine times of ten (no pair shows it), and a fourth like the first.
    fn coins(rows: usize) -> Table {
        let mut random = Seed::shared(12).child("coins").rng();
        let tossed: Vec<[u32; 4]> = (0..rows)
            .map(|_| {
                let [a, b, noise, like] = [0.5, 0.5, 0.1, 0.2].map(|share| u32::from(random.uniform() < share));
                [a, b, a ^ b ^ noise, a ^ like]
            })
            .collect();
        let builder = tables::Builder::new(rows);
        let coin =
            |builder: tables::Builder, place: usize| builder.labels(&format!("c{place}"), &["tails", "heads"], |row| tossed[row][place]);
        tables::with_declared_labels(&(0..4).fold(builder, coin).build())
    }

    fn fitted(table: &Table, options: &Value) -> Box<dyn AnyModel> {
        let seeds = Seeds::of_task(1, "syn-aim-r0").with_noise(NoiseKey::new([3; 32]));
        find("aim").expect("listed").fit_any(table, options, &seeds, &Budget::quiet(2)).expect("fits")
    }

    /// Share of rows in which an even number of the columns is heads.
    fn even(table: &Table, columns: &[usize]) -> f64 {
        let is_even = |row: &usize| {
            let heads = columns.iter().map(|&place| match table.column(place).values() {
                Values::Code(codes) => codes[*row],
                _ => panic!("labels"),
            });
            heads.sum::<u32>() % 2 == 0
        };
        (0..table.rows()).filter(is_even).count() as f64 / table.rows() as f64
    }

    #[test]
    fn all_of_rho_is_spent_and_no_more() {
        for options in [json!({}), json!({"epsilon": 5.0, "rounds": 4})] {
            let model = fitted(&coins(3_000), &options);
            let bill = model.privacy().expect("private");
            let spent: f64 = bill.ledger.iter().filter_map(|spend| spend.rho).sum();
            assert!((spent / bill.rho.expect("in rho") - 1.0).abs() < 1e-9, "{spent} of {:?}", bill.rho);
        }
    }

    /// Raises its flag when half of the rounds' loss is spent.
    struct StopHalfway(Arc<AtomicBool>);

    impl Listener for StopHalfway {
        fn progress(&self, fraction: f64, phase: &'static str) {
            self.0.fetch_or(phase == "rounds" && fraction > 0.5, Ordering::Relaxed);
        }
        fn measure(&self, _: &'static str, _: u64, _: f64) {}
        fn checkpoint(&self, _: u64, _: &Arrays) -> Result<()> {
            Ok(())
        }
        fn checkpoint_due(&self) -> bool {
            false
        }
    }

    #[test]
    fn a_stop_halfway_leaves_a_model_of_what_was_counted_and_its_bill() {
        let (table, stop) = (coins(8_000), Arc::<AtomicBool>::default());
        let budget = Budget::new(2, 4 << 30, Arc::clone(&stop), Box::new(StopHalfway(stop)), None);
        let seeds = Seeds::of_task(1, "syn-aim-r0").with_noise(NoiseKey::new([3; 32]));
        let model = find("aim").expect("listed").fit_any(&table, &json!({"epsilon": 5.0}), &seeds, &budget).expect("fits");
        assert!(model.findings().iter().any(|finding| finding.code == "stopped_by_deadline" && finding.number > Some(0.0)));
        let bill = model.privacy().expect("private");
        let spent: f64 = bill.ledger.iter().filter_map(|spend| spend.rho).sum();
        assert!(bill.rho.is_some_and(|rho| (0.3..0.95).contains(&(spent / rho))), "{spent} of {:?}", bill.rho);
        let sample = model.sample(0..20_000, &Given::NOTHING, &Budget::quiet(2)).expect("samples");
        assert!((even(&sample, &[0]) - 0.5).abs() < 0.05 && even(&sample, &[0, 3]) > 0.7, "{}", even(&sample, &[0, 3]));
    }

    #[test]
    fn rounds_go_on_with_the_same_noise_and_the_same_bill() {
        crate::conformance::goes_on("aim", &coins(3_000), &json!({"epsilon": 5.0, "rounds": 4}), &coins(2_999));
    }

    #[test]
    fn sets_of_three_show_what_no_pair_does() {
        let table = coins(8_000);
        let shares = |degree: u32| {
            let sample = fitted(&table, &json!({"degree": degree})).sample(0..20_000, &Given::NOTHING, &Budget::quiet(2)).expect("samples");
            (even(&sample, &[0, 1, 2]), even(&sample, &[0, 3]))
        };
        let (pairs, triples) = (shares(2), shares(3));
        assert!((pairs.0 - 0.5).abs() < 0.05 && (triples.0 - 0.9).abs() < 0.05, "{pairs:?}, {triples:?}");
        assert!((pairs.1 - 0.8).abs() < 0.04 && (triples.1 - 0.8).abs() < 0.04, "{pairs:?}, {triples:?}");
    }

    #[test]
    fn candidates_are_the_closure_of_the_pairs_that_are_small_enough() {
        let found = closure(&[10, 20, 6], 2, 120);
        // of the pairs only (0, 2) and (1, 2) have at most 120 cells
        let expected = [(vec![0], 1.0), (vec![1], 1.0), (vec![2], 2.0), (vec![0, 2], 3.0), (vec![1, 2], 3.0)];
        assert_eq!(found, expected);
    }

    #[test]
    fn sets_of_three_bring_their_pairs() {
        let found = closure(&[2, 2, 2, 2], 3, 100);
        let count = |length: usize| found.iter().filter(|(set, _)| set.len() == length).count();
        assert_eq!((count(1), count(2), count(3)), (4, 6, 4));
        // each column stands in three of the four sets
        assert!(found.iter().all(|(set, weight)| *weight == 3.0 * set.len() as f64));
    }

    #[test]
    fn one_column_is_its_own_workload() {
        assert_eq!(closure(&[7], 2, 100), [(vec![0], 1.0)]);
        assert!(closure(&[], 2, 100).is_empty());
    }
}
