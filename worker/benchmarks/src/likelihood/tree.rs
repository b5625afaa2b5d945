//! A tree of pairs over coded columns: the network in which every column but one has one parent.
//!
//! # Model
//! `p(x) = p(x_r) Π_j p(x_j | x_parent(j))`, with the tree of greatest mutual information.
//!
//! # Fit
//! Plug-in mutual information of all pairs, then the spanning tree. Every row of a conditional table has one
//! pseudo-count, spread over the k codes that a cell of its column can have: `(n(u, x) + 1/k) / (n(u) + 1)`.
//!
//! # Cost
//! rows x columns^2 / 2.
//!
//! # Reference
//! Chow, Liu 1968, doi 10.1109/TIT.1968.1054142.

use crate::parts::each::each;
use crate::parts::quantile_codes::CODES;
use synthfleet_proto::Result;
use synthfleet_stats::information::{Pair, spanning_tree};
use synthfleet_table::Budget;

/// One edge and the information that its ends share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    /// Place of the parent.
    pub from: usize,
    /// Place of the child.
    pub to: usize,
    /// Mutual information, in nats.
    pub information: f64,
}

/// A fitted tree over `columns` coded columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// In the order of growth from column 0.
    pub edges: Vec<Edge>,
    /// Log probabilities of column 0, `[codes]`.
    root: Vec<f64>,
    /// Log probabilities of an edge's child for each code of its parent, `[edges][codes, codes]`.
    tables: Vec<Vec<f64>>,
}

impl Tree {
    /// Fits to `codes` `[columns][rows]`, each below [`CODES`]; `counts` `[columns]` tells how many codes a cell can
    /// have. Needs a column; without rows every code of a column is as probable as the others.
    pub fn fit(codes: &[Vec<u8>], counts: &[usize], budget: &Budget) -> Result<Self> {
        let weights = each(budget, codes.len(), |first| {
            let pairs = (first + 1..codes.len()).map(|second| Pair::of(&pair_counts(&codes[first], &codes[second]), CODES).information());
            Ok(pairs.collect::<Vec<f64>>())
        })?;
        let weight = |a: usize, b: usize| weights[a.min(b)][a.max(b) - a.min(b) - 1];
        let edges: Vec<Edge> =
            spanning_tree(codes.len(), weight).into_iter().map(|(from, to)| Edge { from, to, information: weight(from, to) }).collect();
        budget.go_on()?;
        let table = |edge: &Edge| {
            let counted = pair_counts(&codes[edge.from], &codes[edge.to]);
            counted.chunks_exact(CODES).flat_map(|row| log_shares(row, counts[edge.to])).collect()
        };
        let mut of_root = [0; CODES];
        codes[0].iter().for_each(|&code| of_root[code as usize] += 1);
        Ok(Self { root: log_shares(&of_root, counts[0]).collect(), tables: edges.iter().map(table).collect(), edges })
    }

    /// Log density of each row, `[rows]`, in nats. Sums run over columns in the order of the edges.
    pub fn log_densities(&self, codes: &[Vec<u8>]) -> Vec<f64> {
        let mut logs: Vec<f64> = codes[0].iter().map(|&code| self.root[code as usize]).collect();
        for (edge, table) in self.edges.iter().zip(&self.tables) {
            for ((log, &from), &to) in logs.iter_mut().zip(&codes[edge.from]).zip(&codes[edge.to]) {
                *log += table[from as usize * CODES + to as usize];
            }
        }
        logs
    }

    /// Whether the tree joins two columns.
    pub fn joins(&self, a: usize, b: usize) -> bool {
        self.edges.iter().any(|edge| (edge.from, edge.to) == (a, b) || (edge.from, edge.to) == (b, a))
    }
}

fn log_shares(counts: &[u32], possible: usize) -> impl Iterator<Item = f64> {
    let total: u32 = counts.iter().sum();
    let (pseudo, total) = (1.0 / possible as f64, f64::from(total) + 1.0);
    counts.iter().map(move |&count| libm::log((f64::from(count) + pseudo) / total))
}

/// Counts of pairs of codes, `[codes, codes]`.
fn pair_counts(first: &[u8], second: &[u8]) -> Vec<u32> {
    let mut counts = vec![0; CODES * CODES];
    first.iter().zip(second).for_each(|(&a, &b)| counts[a as usize * CODES + b as usize] += 1);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `b` follows `a`, `c` follows `b`; each has 3 possible codes.
    fn chain() -> Vec<Vec<u8>> {
        vec![vec![1, 1, 1, 1, 2, 2, 2, 2], vec![1, 1, 1, 2, 2, 2, 2, 2], vec![1, 1, 1, 2, 2, 2, 2, 1]]
    }

    #[test]
    fn the_density_is_the_product_of_smoothed_tables() {
        let tree = Tree::fit(&chain(), &[3; 3], &Budget::quiet(1)).expect("a tree");
        assert_eq!(tree.edges.iter().map(|edge| (edge.from, edge.to)).collect::<Vec<_>>(), [(0, 1), (1, 2)]);
        let third = 1.0 / 3.0;
        // row (1, 1, 2): 4 of 8, 3 of 4, 0 of 3
        let expected = (4.0 + third) / 9.0 * (3.0 + third) / 5.0 * third / 4.0;
        let found = tree.log_densities(&[vec![1], vec![1], vec![2]])[0];
        assert!((found - libm::log(expected)).abs() < 1e-14, "{found}");
    }

    #[test]
    fn a_setting_never_seen_is_uniform_over_possible_codes() {
        let tree = Tree::fit(&[vec![1, 1], vec![1, 2]], &[3, 4], &Budget::quiet(1)).expect("a tree");
        let logs = tree.log_densities(&[vec![0, 0], vec![0, 3]]);
        let root = libm::log(1.0 / 3.0 / 3.0);
        assert!(logs.iter().all(|log| (log - root - libm::log(0.25)).abs() < 1e-14), "{logs:?}");
    }

    #[test]
    fn densities_of_all_rows_that_can_be_sum_to_one() {
        let tree = Tree::fit(&chain(), &[3; 3], &Budget::quiet(2)).expect("a tree");
        let all = |divisor: usize| (0..27).map(|row: usize| (row / divisor % 3) as u8).collect::<Vec<u8>>();
        let sum: f64 = tree.log_densities(&[all(9), all(3), all(1)]).into_iter().map(libm::exp).sum();
        assert!((sum - 1.0).abs() < 1e-14, "{sum}");
    }

    #[test]
    fn one_column_is_a_root_alone() {
        let tree = Tree::fit(&[vec![1, 1, 2]], &[2], &Budget::quiet(1)).expect("a root");
        assert!(tree.edges.is_empty());
        assert!((tree.log_densities(&[vec![2]])[0] - libm::log(1.5 / 4.0)).abs() < 1e-15);
    }
}
