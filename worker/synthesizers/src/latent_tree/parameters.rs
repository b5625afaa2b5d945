//! The numbers of a fitted tree, and how they follow from expected counts.
//!
//! **Definition.** Node i has a hidden state z_i in `0..K` and the law `P(z_i | z_parent)`; its cell has
//! `P(code | z_i)` and, where the code is 0 and the column has scores, `N(score | m_k, s_k²)`, `s_k ≥ .02`.
//! Expected counts are per row. Each probability of a move gets `prior` rows on top; the codes of a state get
//! `prior · levels` rows shared as in train, so that no state invents a level that train lacks.
//! **Shapes.** Rows of states are filled up to a multiple of 16 with zeros ([`padded`]).

use super::kernel::padded;
use rayon::prelude::*;
use std::ops::Range;

/// Least deviation of a score inside a state.
pub(super) const DEVIATION_MIN: f64 = 0.02;
/// A state with fewer rows keeps its mean and deviation.
const ROWS_MIN: f64 = 1e-3;

/// A node of the tree: parents stand before their children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// Place of its column.
    pub(super) column: usize,
    /// Place of its parent among the nodes.
    pub(super) parent: Option<usize>,
    /// Number of codes.
    pub(super) levels: usize,
    /// Whether cells of code 0 have a score.
    pub(super) has_scores: bool,
}

/// The laws of one node.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Laws {
    /// `P(z)` of a root `[width]`, `P(z | z_parent)` of another node `[width, width]`, a row a state of the parent.
    pub(super) moves: Vec<f32>,
    /// `P(code | z)`, `[levels, width]`.
    pub(super) shares: Vec<f32>,
    /// Means of scores, `[width]`; empty without scores.
    pub(super) means: Vec<f32>,
    /// Deviations of scores, `[width]`; empty without scores.
    pub(super) deviations: Vec<f32>,
}

/// All laws of a tree.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parameters {
    /// K.
    pub(super) states: usize,
    /// Length of a row of states.
    pub(super) width: usize,
    /// `[nodes]`.
    pub(super) laws: Vec<Laws>,
}

/// Where the expected counts of a node stand.
pub(super) struct Place {
    /// As [`Laws::moves`].
    pub(super) moves: Range<usize>,
    /// As [`Laws::shares`].
    pub(super) counts: Range<usize>,
    /// Sum of scores, `[width]`; empty without scores.
    pub(super) first: Range<usize>,
    /// Sum of squares, `[width]`; empty without scores.
    pub(super) second: Range<usize>,
}

/// The order of all expected counts in one long row.
pub(super) struct Layout {
    pub(super) places: Vec<Place>,
    /// How many there are.
    pub(super) length: usize,
}

impl Layout {
    pub(super) fn of(nodes: &[Node], states: usize) -> Self {
        let width = padded(states);
        let mut length = 0;
        let mut next = |size: usize| {
            length += size;
            length - size..length
        };
        let place = |node: &Node| {
            let scores = if node.has_scores { width } else { 0 };
            let moves = if node.parent.is_some() { width * width } else { width };
            Place { moves: next(moves), counts: next(node.levels * width), first: next(scores), second: next(scores) }
        };
        let places = nodes.iter().map(place).collect();
        Self { places, length }
    }
}

/// What the step from counts to laws needs besides the counts.
pub(super) struct Prior<'a> {
    /// Rows that the counts stand for.
    pub(super) rows: f64,
    /// Rows on top of each probability.
    pub(super) each: f64,
    /// Share of each code in train, `[nodes][levels]`.
    pub(super) shares: &'a [Vec<f64>],
}

impl Parameters {
    /// Laws of nothing learnt: scores are standard normal, all else is 0.
    pub(super) fn blank(nodes: &[Node], states: usize) -> Self {
        let width = padded(states);
        let blank = |node: &Node| {
            let scores = if node.has_scores { width } else { 0 };
            let moves = if node.parent.is_some() { width * width } else { width };
            Laws {
                moves: vec![0.0; moves],
                shares: vec![0.0; node.levels * width],
                means: vec![0.0; scores],
                deviations: vec![1.0; scores],
            }
        };
        Self { states, width, laws: nodes.iter().map(blank).collect() }
    }

    /// All numbers in one row, node by node.
    pub(super) fn numbers(&self) -> Vec<f32> {
        self.laws.iter().flat_map(|laws| [&laws.moves, &laws.shares, &laws.means, &laws.deviations]).flatten().copied().collect()
    }

    /// Laws of these numbers; `None` unless there are as many as the nodes need, all finite.
    pub(super) fn of_numbers(nodes: &[Node], states: usize, numbers: &[f32]) -> Option<Self> {
        let mut parameters = Self::blank(nodes, states);
        let mut rest = numbers.iter();
        for laws in &mut parameters.laws {
            let own = [&mut laws.moves, &mut laws.shares, &mut laws.means, &mut laws.deviations];
            for number in own.into_iter().flatten() {
                *number = rest.next().copied().filter(|number| number.is_finite())?;
            }
        }
        rest.next().is_none().then_some(parameters)
    }

    /// The most probable laws for expected counts per row.
    pub(super) fn maximise(&mut self, counts: &[f64], layout: &Layout, prior: &Prior<'_>) {
        let (states, width) = (self.states, self.width);
        self.laws.par_iter_mut().zip(&layout.places).zip(prior.shares).for_each(|((laws, place), shares)| {
            for (moves, counts) in laws.moves.chunks_exact_mut(width).zip(counts[place.moves.clone()].chunks_exact(width)).take(states) {
                let total: f64 = counts[..states].iter().map(|count| prior.rows * count + prior.each).sum();
                for (share, count) in moves[..states].iter_mut().zip(counts) {
                    *share = ((prior.rows * count + prior.each) / total) as f32;
                }
            }
            let of_code = &counts[place.counts.clone()];
            let extra = prior.each * shares.len() as f64;
            for state in 0..states {
                let of_state = || of_code[state..].iter().step_by(width);
                let total = prior.rows * of_state().sum::<f64>() + extra;
                for ((share, count), known) in laws.shares[state..].iter_mut().step_by(width).zip(of_state()).zip(shares) {
                    *share = ((prior.rows * count + extra * known) / total) as f32;
                }
            }
            let (first, second) = (&counts[place.first.clone()], &counts[place.second.clone()]);
            let moments = of_code.iter().zip(first).zip(second).take(states);
            for ((mean, deviation), ((mass, first), second)) in laws.means.iter_mut().zip(&mut laws.deviations).zip(moments) {
                if mass * prior.rows >= ROWS_MIN {
                    let centre = first / mass;
                    *mean = centre as f32;
                    *deviation = (second / mass - centre * centre).max(0.0).sqrt().max(DEVIATION_MIN) as f32;
                }
            }
        });
    }
}
