//! Draws of rows: states from the root down, then each cell from its state.
//!
//! **Definition.** A state is drawn by the alias row of its parent's state, a code by that of its own state; a
//! score is `m + s · quantile(u)`, or that law cut to a stretch where only a part of the scores may come.

use super::parameters::{Laws, Node, Parameters};
use synthfleet_proto::{Result, Seed};
use synthfleet_stats::alias::Alias;
use synthfleet_stats::normal;
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt};

/// What the draws of a node follow; not yet of sum 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weights {
    /// `[1, states]` for a root, else `[states of the parent, states]`.
    pub(super) moves: Vec<f64>,
    /// `[states, levels]`.
    pub(super) codes: Vec<f64>,
    /// Scores that may come; none: all.
    pub(super) stretch: Option<[f64; 2]>,
}

impl Weights {
    /// The laws as they are, by node.
    pub(super) fn of(parameters: &Parameters) -> Vec<Self> {
        let (states, width) = (parameters.states, parameters.width);
        let one = |laws: &Laws| {
            let moves = laws.moves.chunks_exact(width).take(states).flat_map(|row| &row[..states]);
            let code = |state: usize| laws.shares[state..].iter().step_by(width).map(|&share| f64::from(share));
            Self { moves: moves.map(|&share| f64::from(share)).collect(), codes: (0..states).flat_map(code).collect(), stretch: None }
        };
        parameters.laws.iter().map(one).collect()
    }
}

/// The drawn cells of a node, `[rows]`.
pub(super) struct Drawn {
    pub(super) codes: Vec<u32>,
    /// Empty without scores.
    pub(super) scores: Vec<f64>,
}

/// The prepared draws of one node. A row of no weight is never met, or its rows are refused later.
struct NodeDraws {
    column: usize,
    parent: Option<usize>,
    /// One for each state of the parent.
    moves: Vec<Option<Alias>>,
    /// One for each state; empty for a single code.
    codes: Vec<Option<Alias>>,
    /// Mean and deviation of each state; empty without scores.
    scores: Vec<[f64; 2]>,
    stretch: Option<[f64; 2]>,
}

/// Prepared draws of all nodes.
pub(super) struct Draws(Vec<NodeDraws>);

impl Draws {
    pub(super) fn new(nodes: &[Node], parameters: &Parameters, weights: &[Weights]) -> Self {
        let one = |((node, laws), weights): ((&Node, &Laws), &Weights)| NodeDraws {
            column: node.column,
            parent: node.parent,
            moves: weights.moves.chunks_exact(parameters.states).map(Alias::new).collect(),
            codes: if node.levels > 1 { weights.codes.chunks_exact(node.levels).map(Alias::new).collect() } else { Vec::new() },
            scores: laws.means.iter().zip(&laws.deviations).map(|(&mean, &deviation)| [mean.into(), deviation.into()]).collect(),
            stretch: weights.stretch,
        };
        Self(nodes.iter().zip(&parameters.laws).zip(weights).map(one).collect())
    }

    /// The cells of `count` rows, `[nodes]`.
    pub(super) fn cells(&self, count: usize, seed: &Seed, budget: &Budget) -> Result<Vec<Drawn>> {
        let mut states: Vec<Vec<u32>> = Vec::with_capacity(self.0.len());
        let mut drawn = Vec::with_capacity(self.0.len());
        for node in &self.0 {
            budget.go_on()?;
            let mut random = seed.child("state").index(node.column as u64).rng();
            let place = |alias: Option<&Alias>, uniform: f64| alias.map_or(0, |alias| alias.place(uniform));
            let state = |row: usize| {
                let from = node.parent.map_or(0, |parent| states[parent][row] as usize);
                place(node.moves[from].as_ref(), random.uniform())
            };
            let state: Vec<u32> = (0..count).map(state).collect();
            let mut random = seed.child("cell").index(node.column as u64).rng();
            let codes: Vec<u32> = match node.codes.is_empty() {
                true => vec![0; count],
                false => state.iter().map(|&state| place(node.codes[state as usize].as_ref(), random.uniform())).collect(),
            };
            let scores = match node.scores.is_empty() {
                true => Vec::new(),
                false => state.iter().map(|&state| score(node.scores[state as usize], node.stretch, random.open_uniform())).collect(),
            };
            drawn.push(Drawn { codes, scores });
            states.push(state);
        }
        Ok(drawn)
    }
}

/// A normal number, cut to a stretch.
fn score([mean, deviation]: [f64; 2], stretch: Option<[f64; 2]>, uniform: f64) -> f64 {
    let Some([from, to]) = stretch else { return mean + deviation * normal::quantile(uniform) };
    let (from_z, to_z) = ((from - mean) / deviation, (to - mean) / deviation);
    // the upper tail is mirrored: near 1 probabilities run out of digits
    let (sign, a, b) =
        if from_z > 0.0 { (-1.0, normal::cdf(-to_z), normal::cdf(-from_z)) } else { (1.0, normal::cdf(from_z), normal::cdf(to_z)) };
    let z = normal::quantile(a + uniform * (b - a));
    if z.is_finite() { (mean + sign * deviation * z).clamp(from, to) } else { nearest(mean, from, to) }
}

/// The end of a stretch next to a mean that is too far away for probabilities.
fn nearest(mean: f64, from: f64, to: f64) -> f64 {
    let near = mean.clamp(from, to);
    if near.is_finite() { near } else { mean }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_lies_in_its_stretch_however_far_away() {
        for stretch in [[-0.5, 0.2], [3.0, 4.0], [-9.0, -7.5], [39.0, 40.0], [f64::NEG_INFINITY, -1.0]] {
            for uniform in [1e-9, 0.25, 0.999_999] {
                let drawn = score([0.0, 1.0], Some(stretch), uniform);
                assert!((stretch[0]..=stretch[1]).contains(&drawn), "{drawn} of {stretch:?}");
            }
        }
    }

    #[test]
    fn a_cut_score_follows_the_cut_law() {
        let median = score([1.0, 2.0], Some([1.0, f64::INFINITY]), 0.5);
        assert!((median - (1.0 + 2.0 * normal::quantile(0.75))).abs() < 1e-12);
    }
}
