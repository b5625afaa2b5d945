//! The model given what some cells may be: a tree of the same form, exactly.
//!
//! **Definition.** The weight of a state by its own cell is the probability of the codes and scores that may come;
//! cells of which nothing is asked have weight 1. With `u_i = e_i ⊙ Π_children m_c` and `m_c = A_c u_c`, moves become
//! `A_c(z | z_parent) u_c(z)`, starts `π(z) u(z)`, and codes and scores those that may come. A single score
//! counts by its density.
//! **Cost.** nodes · K², once for equal requests.

use super::draw::Weights;
use super::parameters::{Node, Parameters};
use synthfleet_stats::normal;

/// Scores nearer to each other than this are one.
const STRETCH_MIN: f64 = 1e-9;

/// What the cell of a column may be.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Asked {
    /// Whether each code may come, `[codes]`; empty: any. Code 0 of a number column is "regular".
    pub(super) codes: Vec<bool>,
    /// Lowest and highest score of a regular number; none: any.
    pub(super) scores: Option<[f64; 2]>,
    /// Lowest and highest regular number; none: any.
    pub(super) numbers: Option<[f64; 2]>,
}

/// Weights given what is asked of each column (by its place), and the logarithm of the probability of that; none if it is
/// impossible in the model.
pub(super) fn given(nodes: &[Node], parameters: &Parameters, asked: &[Asked]) -> Option<(Vec<Weights>, f64)> {
    let states = parameters.states;
    let mut weights = Weights::of(parameters);
    let mut messages: Vec<Vec<f64>> = vec![vec![1.0; states]; nodes.len()];
    let mut log = 0.0;
    for (place, node) in nodes.iter().enumerate().rev() {
        let (laws, own) = (&parameters.laws[place], &mut weights[place]);
        let asked = &asked[node.column];
        own.stretch = asked.scores.filter(|_| node.has_scores);
        let mut up = std::mem::take(&mut messages[place]);
        for (state, (up, codes)) in up.iter_mut().zip(own.codes.chunks_exact_mut(node.levels)).enumerate() {
            codes.iter_mut().zip(&asked.codes).filter(|(_, may)| !**may).for_each(|(weight, _)| *weight = 0.0);
            if let Some(stretch) = own.stretch {
                // beside codes that have a probability, a single score has none
                let is_alone = codes[1..].iter().all(|&weight| weight == 0.0);
                codes[0] *= mass(stretch, laws.means[state].into(), laws.deviations[state].into(), is_alone);
            }
            *up *= codes.iter().sum::<f64>();
        }
        let most = up.iter().copied().fold(0.0, f64::max);
        if most <= 0.0 {
            return None;
        }
        log += libm::log(most);
        up.iter_mut().for_each(|up| *up /= most);
        let rows = own.moves.chunks_exact_mut(states).map(|row| {
            row.iter_mut().zip(&up).for_each(|(share, up)| *share *= up);
            row.iter().sum::<f64>()
        });
        let sums: Vec<f64> = rows.collect();
        match node.parent {
            None if sums[0] > 0.0 => log += libm::log(sums[0]),
            None => return None,
            Some(parent) => messages[parent].iter_mut().zip(sums).for_each(|(message, sum)| *message *= sum),
        }
    }
    Some((weights, log))
}

/// Probability of a stretch of scores; of a single one its density, if it stands alone.
fn mass([from, to]: [f64; 2], mean: f64, deviation: f64, is_alone: bool) -> f64 {
    let (a, b) = ((from - mean) / deviation, (to - mean) / deviation);
    if to - from < STRETCH_MIN {
        return if is_alone { normal::density(a) / deviation } else { 0.0 };
    }
    // in the upper tail differences near 1 would run out of digits
    if a > 0.0 { normal::cdf(-a) - normal::cdf(-b) } else { normal::cdf(b) - normal::cdf(a) }
}
