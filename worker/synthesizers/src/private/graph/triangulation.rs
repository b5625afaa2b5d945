//! From groups of columns that must stay together to the cliques of a chordal graph.
//!
//! **Definition.** Columns of one group are joined by edges. Columns are eliminated one by one: next is the
//! one whose neighbours lack the fewest edges among each other, the lowest index on ties; its neighbours
//! are then joined. A column with its neighbours at its turn is a clique; those inside another are dropped.
//! **Cost.** `columns² · words` for sparse graphs, a word holding 64 columns.
//! **Reference.** Kjærulff 1990, Triangulation of graphs: algorithms giving small total state space;
//! Koller, Friedman 2009, Probabilistic graphical models, section 9.4.

/// A set of columns.
pub(crate) type Bits = Vec<u64>;

/// Neighbours of each column.
#[derive(Debug, Clone)]
pub(crate) struct Graph {
    near: Vec<Bits>,
}

fn members(set: &[u64]) -> impl Iterator<Item = usize> {
    set.iter().enumerate().flat_map(|(word, &bits)| {
        let mut rest = bits;
        std::iter::from_fn(move || {
            let bit = rest.trailing_zeros() as usize;
            rest &= rest.checked_sub(1)?;
            Some(word * 64 + bit)
        })
    })
}

fn has(set: &[u64], column: usize) -> bool {
    set[column / 64] >> (column % 64) & 1 == 1
}

fn is_within(inner: &[u64], outer: &[u64]) -> bool {
    inner.iter().zip(outer).all(|(a, b)| a & !b == 0)
}

impl Graph {
    /// No edges between `columns` columns.
    pub(crate) fn new(columns: usize) -> Self {
        Self { near: vec![vec![0; columns.div_ceil(64)]; columns] }
    }

    /// Joins all columns of a group.
    pub(crate) fn join(&mut self, group: &[usize]) {
        for (i, &a) in group.iter().enumerate() {
            for &b in &group[..i] {
                self.near[a][b / 64] |= 1 << (b % 64);
                self.near[b][a / 64] |= 1 << (a % 64);
            }
        }
    }

    /// Whether all columns of a group are joined already.
    pub(crate) fn joins(&self, group: &[usize]) -> bool {
        group.iter().enumerate().all(|(i, &a)| group[..i].iter().all(|&b| has(&self.near[a], b)))
    }

    /// Twice the edges missing between the neighbours of a column.
    fn lacking(&self, column: usize) -> u32 {
        let own = &self.near[column];
        let lack = |other: usize| own.iter().zip(&self.near[other]).map(|(a, b)| (a & !b).count_ones()).sum::<u32>() - 1;
        members(own).map(lack).sum()
    }

    /// The cliques of the triangulated graph, none inside another, each ascending, in the order found.
    pub(crate) fn cliques(mut self) -> Vec<Vec<usize>> {
        let columns = self.near.len();
        let mut lacking: Vec<u32> = (0..columns).map(|column| self.lacking(column)).collect();
        let mut left: Vec<usize> = (0..columns).collect();
        let mut found: Vec<Bits> = Vec::new();
        while let Some((place, &column)) = left.iter().enumerate().min_by_key(|&(_, &column)| (lacking[column], column)) {
            left.remove(place);
            let around: Vec<usize> = members(&self.near[column]).collect();
            let mut clique = self.near[column].clone();
            clique[column / 64] |= 1 << (column % 64);
            if !found.iter().any(|other| has(other, column) && is_within(&clique, other)) {
                found.push(clique);
            }
            self.join(&around);
            around.iter().for_each(|&other| self.near[other][column / 64] &= !(1 << (column % 64)));
            let mut changed = vec![0; self.near[column].len()];
            for &other in &around {
                changed[other / 64] |= 1 << (other % 64);
                changed.iter_mut().zip(&self.near[other]).for_each(|(set, more)| *set |= more);
            }
            members(&changed).for_each(|other| lacking[other] = self.lacking(other));
        }
        found.iter().map(|clique| members(clique).collect()).collect()
    }
}

/// Cells of all cliques together; `sizes`: levels of each column. A float, since it may be astronomic.
pub(crate) fn cells(cliques: &[Vec<usize>], sizes: &[usize]) -> f64 {
    cliques.iter().map(|clique| clique.iter().map(|&column| sizes[column] as f64).product::<f64>()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn cliques(columns: usize, groups: &[&[usize]]) -> Vec<Vec<usize>> {
        let mut graph = Graph::new(columns);
        groups.iter().for_each(|group| graph.join(group));
        let mut cliques = graph.cliques();
        cliques.sort();
        cliques
    }

    #[test]
    fn columns_alone_are_cliques() {
        assert_eq!(cliques(3, &[]), [[0], [1], [2]]);
    }

    #[test]
    fn a_tree_needs_no_further_edge() {
        assert_eq!(cliques(5, &[&[0, 1], &[1, 2], &[1, 3], &[3, 4]]), [[0, 1], [1, 2], [1, 3], [3, 4]]);
    }

    #[test]
    fn a_ring_of_four_gets_one_chord_by_the_lowest_index() {
        assert_eq!(cliques(4, &[&[0, 1], &[1, 2], &[2, 3], &[0, 3]]), [[0, 1, 3], [1, 2, 3]]);
    }

    #[test]
    fn the_fewest_edges_are_added_first() {
        // eliminating 0 first would join all of 1..=4; the wheel's rim is opened instead
        let wheel: [&[usize]; 8] = [&[0, 1], &[0, 2], &[0, 3], &[0, 4], &[1, 2], &[2, 3], &[3, 4], &[1, 4]];
        assert_eq!(cliques(5, &wheel), [[0, 1, 2, 4], [0, 2, 3, 4]]);
    }

    #[test]
    fn every_group_lies_in_a_clique_and_no_clique_in_another() {
        let group = |i: usize| BTreeSet::from([i, i * 7 % 70, i * 11 % 70]).into_iter().collect();
        let groups: Vec<Vec<usize>> = (0..70).map(group).collect();
        let mut graph = Graph::new(70);
        groups.iter().for_each(|group| graph.join(group));
        let cliques = graph.cliques();
        let inside = |inner: &[usize], outer: &[usize]| inner.iter().all(|column| outer.contains(column));
        assert!(groups.iter().all(|group| cliques.iter().any(|clique| inside(group, clique))));
        for (i, a) in cliques.iter().enumerate() {
            assert!(cliques.iter().enumerate().all(|(j, b)| i == j || !inside(a, b)), "{a:?}");
        }
    }

    #[test]
    fn cells_are_counted_over_all_cliques() {
        assert_eq!(cells(&[vec![0, 1], vec![1, 2]], &[2, 3, 5]), 21.0);
    }
}
