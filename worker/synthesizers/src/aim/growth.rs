//! The rounds: candidates, the choice of one, its counts, and where all that stands.

use super::state::{Reached, Round};
use super::{AimOptions, COUNTS_SHARE};
use crate::private::graph::estimation::{Measurement, Network};
use crate::private::graph::opening::Opening;
use crate::private::graph::query::Query;
use crate::private::graph::triangulation::cells;
use crate::private::{Counts, Pad, Private};
use rayon::prelude::*;
use std::collections::BTreeSet;
use synthfleet_proto::{Error, Result};
use synthfleet_table::Budget;

/// A round takes one in so many steps: its fit starts from the last one, and only has to steer the next choice.
const ROUND_PART: u32 = 10;
/// √(2/π): mean size of a normal number of width 1.
const MEAN_SIZE: f64 = 0.797_884_560_802_865_4;

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
pub(super) struct Growth {
    candidates: Vec<Candidate>,
    cells_max: f64,
    sigma: f64,
    epsilon: f64,
    /// What was asked so far.
    asked: Vec<Round>,
    /// Whether there is rho for more than one round.
    pub(super) is_open: bool,
}

/// Where the rounds stood before one: copies alone, which a round takes a hundred of. Nothing is sealed or laid out
/// before somebody writes it.
pub(super) struct Standing {
    asked: Vec<Round>,
    next: (f64, f64, bool),
    parameters: Vec<f64>,
    step: f64,
    errors: Private<Vec<f64>>,
    pad: Pad,
}

impl Standing {
    /// As it may lie outside.
    pub(super) fn reached(&self) -> Reached {
        let Self { asked, next: (sigma, epsilon, is_open), parameters, step, errors, pad } = self;
        let (asked, parameters, errors) = (asked.clone(), parameters.clone(), pad.seal(errors));
        Reached { asked, sigma: *sigma, epsilon: *epsilon, is_open: *is_open, parameters, step: *step, errors }
    }
}

impl Growth {
    pub(super) fn new(opening: &Opening, options: &AimOptions, cells_max: f64, budget: &Budget) -> Result<Self> {
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

    pub(super) fn rounds(&self) -> u32 {
        self.asked.len() as u32
    }

    /// Where the rounds stand, for a state that may be written now or when the next round is stopped.
    pub(super) fn standing(&self, opening: &Opening, network: &Network) -> Standing {
        let (parameters, step) = network.reached();
        let next = (self.sigma, self.epsilon, self.is_open);
        let errors = self.candidates.iter().map(|candidate| candidate.error.clone()).collect();
        Standing { asked: self.asked.clone(), next, parameters, step, errors, pad: opening.ledger.pad() }
    }

    /// Goes to where an earlier attempt had come: its questions are asked again, and have the same answers.
    pub(super) fn go_on(&mut self, found: &Reached, opening: &mut Opening, network: &mut Network, budget: &Budget) -> Result<()> {
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
        let errors = opening.ledger.pad().unseal(&found.errors);
        for (place, candidate) in self.candidates.iter_mut().enumerate() {
            candidate.error = errors.map(|errors| errors[place]);
        }
        Ok(())
    }

    /// One choice, one measurement, one fit.
    pub(super) fn round(&mut self, opening: &mut Opening, network: &mut Network, options: &AimOptions, budget: &Budget) -> Result<()> {
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
pub(super) fn closure(sizes: &[usize], degree: usize, cells_max: usize) -> Vec<(Vec<usize>, f64)> {
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
