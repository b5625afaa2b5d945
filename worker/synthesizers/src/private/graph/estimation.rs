//! The Markov network whose marginals fit noisy counts best.
//!
//! **Definition.** Minimises `L(μ) = Σ_r Σ_cells p_r (μ_r − y_r)² / 2` over marginals μ of one distribution
//! of `total` rows; p is one over the noise's variance. `total` is the mean of the sums of measurements
//! that count every cell, weighted by one over their variances; without any, the greatest sum; at least 1.
//! **Fit.** Entropic mirror descent: θ_r falls by `step · ∂L/∂μ_r`, μ follows by belief propagation. A step
//! counts if L falls by half of what its tangent promises (Armijo); it is halved until it does, and doubled
//! after a step that counted at once. Ends after `iterations`, when L changes by less than a share of
//! 1e-6, or when no step helps. Parameters stay from one call to the next, so measurements may be added.
//! **Reference.** McKenna, Sheldon, Miklau 2019, Graphical-model based estimation and inference for
//! differential privacy, arXiv 1901.09136; Beck, Teboulle 2003, doi 10.1016/S0167-6377(02)00231-6.

use super::scope::{Map, Scope};
use super::tree::{Beliefs, SLAB, Term, Tree};
use super::triangulation::Graph;
use rayon::prelude::*;
use synthfleet_proto::{Error, Result};
use synthfleet_stats::sums::sum_by;
use synthfleet_table::Budget;

/// Change of L, as a share of it, at which a descent ends.
const CHANGE_MIN: f64 = 1e-6;
/// Halvings of one step, after which no step helps.
const HALVINGS: u32 = 60;
/// Bound on parameters: `exp` of less is 0 anyway, and stored models are checked against it.
pub(crate) const PARAMETER_MAX: f64 = 1e12;

/// Noisy counts of all cells of a group of columns.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measurement {
    /// The columns, ascending.
    pub(crate) columns: Vec<usize>,
    /// Noisy counts, `[cells]`.
    pub(crate) counts: Vec<f64>,
    /// One over the variance of each, `[cells]`; 0: not counted.
    pub(crate) precisions: Vec<f64>,
}

/// A group with its parameters.
#[derive(Debug, Clone)]
struct Part {
    scope: Scope,
    measured: Measurement,
    parameters: Vec<f64>,
    /// Place of the clique that holds it.
    host: usize,
    /// From the clique's cells to its own.
    map: Map,
}

/// A Markov network under construction.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    sizes: Vec<usize>,
    parts: Vec<Part>,
    graph: Graph,
    tree: Tree,
    beliefs: Beliefs,
    step: f64,
}

impl Network {
    /// All levels of all columns alike; `sizes`: levels of each column.
    pub(crate) fn new(sizes: Vec<usize>) -> Self {
        let graph = Graph::new(sizes.len());
        let tree = Tree::new(&graph.clone().cliques(), &sizes);
        let beliefs = Beliefs::new(&tree);
        Self { sizes, parts: Vec::new(), graph, tree, beliefs, step: 0.0 }
    }

    /// Levels of each column.
    pub(crate) fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// The clique tree.
    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Which columns are joined.
    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The tables of the tree's cliques; joint ones after a descent.
    pub(crate) fn beliefs(&self) -> &Beliefs {
        &self.beliefs
    }

    /// The groups with their parameters.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&[usize], &[f64])> {
        self.parts.iter().map(|part| (part.scope.columns(), &part.parameters[..]))
    }

    /// Parameters of all groups in one row, and the length of the next step: what a descent goes on from.
    pub(crate) fn reached(&self) -> (Vec<f64>, f64) {
        (self.parts.iter().flat_map(|part| &part.parameters).copied().collect(), self.step)
    }

    /// Goes to where a network with the same measurements had come.
    pub(crate) fn reach(&mut self, parameters: &[f64], step: f64, budget: &Budget) -> Result<()> {
        let needed: usize = self.parts.iter().map(|part| part.parameters.len()).sum();
        let is_legal = step.is_finite() && parameters.iter().all(|number| number.abs() <= PARAMETER_MAX);
        if needed != parameters.len() || !is_legal {
            return Err(Error::internal("encode::broken", "parameters do not fit their measurements"));
        }
        let mut rest = parameters;
        for part in &mut self.parts {
            let (own, others) = rest.split_at(part.parameters.len());
            part.parameters.copy_from_slice(own);
            rest = others;
        }
        self.step = step;
        self.propagate(budget)?;
        self.beliefs.down(&self.tree, budget)
    }

    /// Shares of the levels of a column that no other is joined to, after a descent.
    pub(crate) fn one_way(&self, column: usize) -> Option<&[f64]> {
        let alone = self.tree.cliques().iter().position(|clique| clique.scope.columns() == [column])?;
        Some(&self.beliefs.tables[alone])
    }

    /// Adds measurements. Counts of a group measured before become the mean of both, weighted by precision.
    pub(crate) fn measure(&mut self, measurements: Vec<Measurement>) {
        let mut grows = false;
        for measured in measurements {
            if let Some(part) = self.parts.iter_mut().find(|part| part.measured.columns == measured.columns) {
                part.measured.join(&measured);
                continue;
            }
            grows |= !self.graph.joins(&measured.columns);
            self.graph.join(&measured.columns);
            let scope = Scope::new(measured.columns.clone(), &self.sizes);
            let map = scope.map_to(&scope);
            self.parts.push(Part { parameters: vec![0.0; scope.cells()], scope, measured, host: usize::MAX, map });
        }
        if grows {
            self.tree = Tree::new(&self.graph.clone().cliques(), &self.sizes);
            self.beliefs = Beliefs::new(&self.tree);
        }
        for part in self.parts.iter_mut().filter(|part| grows || part.host == usize::MAX) {
            if let Some(host) = self.tree.host(part.scope.columns()) {
                part.host = host;
                part.map = self.tree.cliques()[host].scope.map_to(&part.scope);
            }
        }
    }

    /// Rows of the distribution.
    pub(crate) fn total(&self) -> f64 {
        let (mut sums, mut weights, mut partial) = (0.0, 0.0, 1.0f64);
        for Part { measured, .. } in &self.parts {
            let sum = sum_by(measured.counts.len(), |cell| measured.counts[cell]);
            let variance = sum_by(measured.counts.len(), |cell| 1.0 / measured.precisions[cell]);
            if variance.is_finite() {
                sums += sum / variance;
                weights += 1.0 / variance;
            }
            partial = partial.max(sum);
        }
        if weights > 0.0 { (sums / weights).max(1.0) } else { partial }
    }

    /// Fits the parameters to all measurements.
    pub(crate) fn descend(&mut self, iterations: u32, budget: &Budget) -> Result<()> {
        let total = self.total();
        let mut now = self.marginals(total, budget)?;
        let mut loss = self.loss(&now);
        if self.step == 0.0 {
            let sharpest = self.parts.iter().flat_map(|part| &part.measured.precisions).fold(0.0, |a: f64, &b| a.max(b));
            self.step = 1.0 / (sharpest * total * self.parts.len() as f64).max(f64::MIN_POSITIVE);
        }
        let mut is_first_try = false;
        for _ in 0..iterations {
            let gradients: Vec<Vec<f64>> = self.parts.iter().zip(&now).map(|(part, marginal)| part.measured.gradient(marginal)).collect();
            let start: Vec<Vec<f64>> = self.parts.iter().map(|part| part.parameters.clone()).collect();
            if is_first_try {
                self.step *= 2.0;
            }
            let mut fallen = None;
            for halvings in 0..HALVINGS {
                self.move_from(&start, &gradients);
                let next = match self.marginals(total, budget) {
                    Ok(next) => next,
                    Err(error) => {
                        // what was fitted so far is what is left
                        self.parts.iter_mut().zip(start).for_each(|(part, start)| part.parameters = start);
                        return Err(error);
                    }
                };
                let next_loss = self.loss(&next);
                if loss - next_loss >= 0.5 * promised(&gradients, &now, &next) {
                    is_first_try = halvings == 0;
                    fallen = Some((next, next_loss));
                    break;
                }
                self.step /= 2.0;
            }
            let Some((next, next_loss)) = fallen else {
                self.parts.iter_mut().zip(start).for_each(|(part, start)| part.parameters = start);
                break;
            };
            let change = (loss - next_loss) / loss.max(f64::MIN_POSITIVE);
            (now, loss) = (next, next_loss);
            if change < CHANGE_MIN {
                break;
            }
        }
        self.propagate(budget)?;
        self.beliefs.down(&self.tree, budget)
    }

    /// Conditional tables of all cliques.
    pub(crate) fn propagate(&mut self, budget: &Budget) -> Result<()> {
        let terms: Vec<Term> = self.parts.iter().map(|part| Term { clique: part.host, map: &part.map, values: &part.parameters }).collect();
        self.beliefs.up(&self.tree, &terms, budget)
    }

    /// Expected counts of each part, `[parts][cells]`.
    fn marginals(&mut self, total: f64, budget: &Budget) -> Result<Vec<Vec<f64>>> {
        self.propagate(budget)?;
        self.beliefs.down(&self.tree, budget)?;
        let tables = &self.beliefs.tables;
        let one = |part: &Part| {
            let mut shares = part.map.sums(&tables[part.host], part.parameters.len());
            shares.iter_mut().for_each(|share| *share *= total);
            shares
        };
        let is_small = self.tree.cells() <= SLAB;
        Ok(if is_small { self.parts.iter().map(one).collect() } else { self.parts.par_iter().map(one).collect() })
    }

    fn loss(&self, marginals: &[Vec<f64>]) -> f64 {
        self.parts.iter().zip(marginals).map(|(part, marginal)| part.measured.loss(marginal)).sum()
    }

    fn move_from(&mut self, start: &[Vec<f64>], gradients: &[Vec<f64>]) {
        for ((part, start), gradient) in self.parts.iter_mut().zip(start).zip(gradients) {
            for ((own, start), slope) in part.parameters.iter_mut().zip(start).zip(gradient) {
                *own = (start - self.step * slope).clamp(-PARAMETER_MAX, PARAMETER_MAX);
            }
        }
    }
}

/// What the tangent at `now` promises for a way to `next`.
fn promised(gradients: &[Vec<f64>], now: &[Vec<f64>], next: &[Vec<f64>]) -> f64 {
    let one = |((slope, now), next): ((&Vec<f64>, &Vec<f64>), &Vec<f64>)| sum_by(slope.len(), |i| slope[i] * (now[i] - next[i]));
    gradients.iter().zip(now).zip(next).map(one).sum()
}

impl Measurement {
    /// Noisy counts of equal width.
    pub(crate) fn of(columns: Vec<usize>, noisy: &[i64], sigma: f64) -> Self {
        let counts = noisy.iter().map(|&count| count as f64).collect();
        Self { columns, counts, precisions: vec![1.0 / (sigma * sigma); noisy.len()] }
    }

    fn join(&mut self, other: &Self) {
        for cell in 0..self.counts.len() {
            let (own, more) = (self.precisions[cell], other.precisions[cell]);
            if own + more > 0.0 {
                self.counts[cell] = (own * self.counts[cell] + more * other.counts[cell]) / (own + more);
            }
            self.precisions[cell] = own + more;
        }
    }

    fn loss(&self, marginal: &[f64]) -> f64 {
        sum_by(marginal.len(), |i| self.precisions[i] * (marginal[i] - self.counts[i]) * (marginal[i] - self.counts[i])) / 2.0
    }

    fn gradient(&self, marginal: &[f64]) -> Vec<f64> {
        (0..marginal.len()).map(|i| self.precisions[i] * (marginal[i] - self.counts[i])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synthfleet_proto::Seed;
    use synthfleet_stats::normal;
    use synthfleet_table::SeedExt;
    use synthfleet_table::random::Draw;

    fn measured(columns: &[usize], counts: &[f64], variance: f64) -> Measurement {
        Measurement { columns: columns.to_vec(), counts: counts.to_vec(), precisions: vec![1.0 / variance; counts.len()] }
    }

    fn fitted(sizes: &[usize], measurements: Vec<Measurement>, threads: usize) -> Network {
        let budget = Budget::quiet(threads);
        let fit = || {
            let mut network = Network::new(sizes.to_vec());
            network.measure(measurements);
            network.descend(5_000, &budget).map(|()| network)
        };
        crate::sample::with_threads(&budget, fit).expect("goes on")
    }

    /// Expected counts of a group inside a clique.
    fn counts(network: &Network, columns: &[usize]) -> Vec<f64> {
        let host = network.tree().host(columns).expect("a clique");
        let scope = &network.tree().cliques()[host].scope;
        let own = Scope::new(columns.to_vec(), network.sizes());
        let shares = scope.map_to(&own).sums(&network.beliefs().tables[host], own.cells());
        shares.iter().map(|share| share * network.total()).collect()
    }

    fn close(found: &[f64], expected: &[f64], within: f64) {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= within), "{found:?} for {expected:?}");
    }

    #[test]
    fn the_total_is_the_mean_of_the_sums_by_precision() {
        // sums 100 with variance 2·1 and 130 with variance 3·6
        let mut network = Network::new(vec![2, 3]);
        network.measure(vec![measured(&[0], &[60.0, 40.0], 1.0), measured(&[1], &[50.0, 40.0, 40.0], 6.0)]);
        assert!((network.total() - (100.0 / 2.0 + 130.0 / 18.0) / (1.0 / 2.0 + 1.0 / 18.0)).abs() < 1e-12);
        let mut nothing = Network::new(vec![2]);
        nothing.measure(vec![measured(&[0], &[-5.0, 1.0], 1.0)]);
        assert_eq!(nothing.total(), 1.0);
    }

    #[test]
    fn counts_of_unequal_precision_share_the_excess_by_their_variances() {
        // Σ p (μ − y)² under Σ μ = total: μ = y + variance · excess / Σ variance
        let first = Measurement { columns: vec![0], counts: vec![500.0, 300.0, 200.0], precisions: vec![1.0, 0.25, 0.125] };
        let network = fitted(&[3, 2], vec![first, measured(&[1], &[540.0, 500.0], 0.5)], 1);
        let excess = network.total() - 1_000.0;
        let expected: Vec<f64> =
            [(500.0, 1.0), (300.0, 4.0), (200.0, 8.0)].iter().map(|(y, variance)| y + variance * excess / 13.0).collect();
        close(&counts(&network, &[0]), &expected, 0.05);
    }

    #[test]
    fn a_negative_count_becomes_almost_none() {
        let network = fitted(&[3], vec![measured(&[0], &[700.0, 330.0, -30.0], 4.0)], 1);
        close(&counts(&network, &[0]), &[685.0, 315.0, 0.0], 1.0);
    }

    #[test]
    fn pairs_that_agree_are_met() {
        let pairs = vec![
            measured(&[0, 1], &[30.0, 20.0, 10.0, 40.0], 1.0),
            measured(&[1, 2], &[10.0, 30.0, 30.0, 30.0], 1.0),
            measured(&[0, 2], &[25.0, 25.0, 15.0, 35.0], 1.0),
        ];
        let network = fitted(&[2, 2, 2], pairs.clone(), 1);
        pairs.iter().for_each(|pair| close(&counts(&network, &pair.columns), &pair.counts, 0.05));
    }

    #[test]
    fn a_second_measurement_of_a_group_is_joined_by_precision() {
        let network = fitted(&[2], vec![measured(&[0], &[50.0, 50.0], 1.0), measured(&[0], &[80.0, 20.0], 2.0)], 1);
        close(&counts(&network, &[0]), &[60.0, 40.0], 0.01);
    }

    #[test]
    fn a_later_measurement_starts_from_the_earlier_fit() {
        let mut network = fitted(&[2, 2], vec![measured(&[0], &[70.0, 30.0], 1.0), measured(&[1], &[60.0, 40.0], 1.0)], 1);
        close(&counts(&network, &[0]), &[70.0, 30.0], 0.01);
        network.measure(vec![measured(&[0, 1], &[55.0, 15.0, 5.0, 25.0], 1.0)]);
        network.descend(5_000, &Budget::quiet(1)).expect("goes on");
        close(&counts(&network, &[0, 1]), &[55.0, 15.0, 5.0, 25.0], 0.05);
    }

    #[test]
    fn threads_change_no_bit() {
        let mut random = Seed::shared(5).child("counts").rng();
        let sizes = [40, 30, 50, 7];
        let mut pair = |a: usize, b: usize| {
            let counts: Vec<f64> = (0..sizes[a] * sizes[b]).map(|_| 20.0 + 9.0 * normal::quantile(random.open_uniform())).collect();
            measured(&[a, b], &counts, 81.0)
        };
        let pairs = vec![pair(0, 1), pair(1, 2), pair(0, 2), pair(2, 3)];
        let made = |threads| fitted(&sizes, pairs.clone(), threads).beliefs().tables.clone();
        let one = made(1);
        assert!(one == made(2) && one == made(7));
    }
}
