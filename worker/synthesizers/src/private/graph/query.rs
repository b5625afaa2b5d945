//! Marginals of a clique tree for any few columns, in one clique or not.
//!
//! **Definition.** From a clique that holds one of the columns, each branch that holds others is summed to
//! `p(others | separator)`: the branch's own clique, restricted to its separators and the columns asked for,
//! times what its branches give. Parts of the forest without a common column are independent.
//! **Cost.** One pass over each clique on the way; passes and branches are kept for the next question.

use super::scope::{Factor, Scope};
use super::tree::{Beliefs, Tree};
use std::collections::BTreeMap;

/// Questions about one state of a tree.
pub(crate) struct Query<'a> {
    tree: &'a Tree,
    joint: &'a Beliefs,
    /// Sums of a clique over all columns but these.
    sums: BTreeMap<(usize, Vec<usize>), Factor>,
    /// `p(columns | separator)` of a branch, by its clique and the one it is seen from.
    branches: BTreeMap<(usize, usize, Vec<usize>), Factor>,
}

impl<'a> Query<'a> {
    /// `joint`: the tables after [`Beliefs::down`].
    pub(crate) fn new(tree: &'a Tree, joint: &'a Beliefs) -> Self {
        Self { tree, joint, sums: BTreeMap::new(), branches: BTreeMap::new() }
    }

    /// Shares of the cells of `columns`, ascending columns.
    pub(crate) fn shares(&mut self, columns: &[usize]) -> Vec<f64> {
        if let Some(host) = self.tree.host(columns) {
            return self.sums(host, columns).values;
        }
        let mut left = columns.to_vec();
        let mut all: Option<Factor> = None;
        while let Some(host) = left.first().and_then(|&first| self.tree.host(&[first])) {
            let part = self.around(host, None, &left);
            left.retain(|column| !part.scope.columns().contains(column));
            all = Some(match all {
                None => part,
                Some(before) => before.contract(&part, 0, before.scope.columns()),
            });
        }
        all.map_or_else(Vec::new, |all| all.sums(columns).values)
    }

    /// The joint shares of all `wanted` columns that clique `place` and its branches hold, without the branch
    /// `from`; those of the separator with `from` come first.
    fn around(&mut self, place: usize, from: Option<usize>, wanted: &[usize]) -> Factor {
        let tree = self.tree;
        let scope = &tree.cliques()[place].scope;
        let near = tree.cliques()[place].children.iter().copied().chain(tree.cliques()[place].parent);
        let branches: Vec<(usize, Vec<usize>)> = near
            .filter(|&next| Some(next) != from)
            .map(|next| (next, self.beyond(next, place, wanted)))
            .filter(|(_, beyond)| !beyond.is_empty())
            .collect();
        let between = from.map(|from| self.between(place, from)).unwrap_or_default();
        let is_new = |column: &usize| scope.columns().contains(column) && !between.contains(column);
        let kept: Vec<usize> = between.iter().copied().chain(wanted.iter().copied().filter(is_new)).collect();
        let mut needed: Vec<Vec<usize>> = branches.iter().map(|(next, _)| self.between(place, *next)).collect();
        needed.insert(0, kept);
        let mut united = Vec::new();
        needed.iter().flatten().for_each(|&column| {
            if !united.contains(&column) {
                united.push(column)
            }
        });
        let mut factor = self.sums(place, &united);
        for (i, (next, beyond)) in branches.iter().enumerate() {
            let branch = self.branch(*next, place, beyond);
            let later = needed[0].iter().chain(needed[i + 2..].iter().flatten());
            let added = factor.scope.columns().iter().filter(|&&column| !scope.columns().contains(&column));
            let mut keep = Vec::new();
            later.chain(added).for_each(|&column| {
                if !keep.contains(&column) {
                    keep.push(column)
                }
            });
            factor = factor.contract(&branch, needed[i + 1].len(), &keep);
        }
        factor
    }

    /// `p(beyond | separator)` of the branch that starts at `place`, seen from `from`.
    fn branch(&mut self, place: usize, from: usize, beyond: &[usize]) -> Factor {
        let key = (place, from, beyond.to_vec());
        if let Some(known) = self.branches.get(&key) {
            return known.clone();
        }
        let mut factor = self.around(place, Some(from), beyond);
        let separator = self.between(place, from).len();
        let width: usize = factor.scope.sizes()[separator..].iter().product();
        for row in factor.values.chunks_exact_mut(width) {
            let whole: f64 = row.iter().sum();
            if whole > 0.0 {
                row.iter_mut().for_each(|cell| *cell /= whole);
            }
        }
        self.branches.insert(key, factor.clone());
        factor
    }

    /// The wanted columns in the branch that starts at `place`, seen from `from`, but not in `from`.
    fn beyond(&self, place: usize, from: usize, wanted: &[usize]) -> Vec<usize> {
        let cliques = self.tree.cliques();
        let (mut found, mut open) = (Vec::new(), vec![(place, from)]);
        while let Some((place, from)) = open.pop() {
            found.extend(cliques[place].scope.columns().iter().filter(|column| wanted.contains(column)));
            open.extend(cliques[place].children.iter().copied().chain(cliques[place].parent).filter(|&n| n != from).map(|n| (n, place)));
        }
        wanted.iter().copied().filter(|column| found.contains(column) && !cliques[from].scope.columns().contains(column)).collect()
    }

    /// The separator of two neighbours.
    fn between(&self, a: usize, b: usize) -> Vec<usize> {
        let cliques = self.tree.cliques();
        let below = if cliques[a].parent == Some(b) { a } else { b };
        cliques[below].separator().columns().to_vec()
    }

    fn sums(&mut self, place: usize, columns: &[usize]) -> Factor {
        let key = (place, columns.to_vec());
        let (tree, joint) = (self.tree, self.joint);
        let made = self.sums.entry(key).or_insert_with(|| {
            let scope: &Scope = &tree.cliques()[place].scope;
            let own = scope.only(columns);
            let values = scope.map_to(&own).sums(&joint.tables[place], own.cells());
            Factor { scope: own, values }
        });
        made.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::Term;
    use super::super::triangulation::Graph;
    use super::*;
    use synthfleet_proto::Seed;
    use synthfleet_table::random::Draw;
    use synthfleet_table::{Budget, SeedExt};

    const SIZES: [usize; 7] = [2, 3, 4, 2, 3, 2, 3];

    #[test]
    fn any_pair_and_triple_is_that_of_the_enumerated_joint() {
        let groups: [&[usize]; 7] = [&[0, 1], &[1, 2], &[2, 4], &[4, 0], &[2, 3], &[3, 5], &[6]];
        let mut graph = Graph::new(SIZES.len());
        groups.iter().for_each(|group| graph.join(group));
        let tree = Tree::new(&graph.cliques(), &SIZES);
        let mut random = Seed::shared(4).child("query").rng();
        let whole = Scope::new((0..SIZES.len()).collect(), &SIZES);
        let mut joint = vec![0.0; whole.cells()];
        let mut parts = Vec::new();
        for group in groups {
            let scope = Scope::new(group.to_vec(), &SIZES);
            let values: Vec<f64> = (0..scope.cells()).map(|_| 3.0 * random.uniform()).collect();
            let map = whole.map_to(&scope);
            map.add(&map.ordered(&values), 0, &mut joint);
            let host = tree.host(group).expect("a clique");
            parts.push((host, tree.cliques()[host].scope.map_to(&scope), values));
        }
        joint.iter_mut().for_each(|cell| *cell = libm::exp(*cell));
        let sum: f64 = joint.iter().sum();
        let joint = Factor { scope: whole, values: joint.iter().map(|cell| cell / sum).collect() };
        let mut beliefs = Beliefs::new(&tree);
        let terms: Vec<Term> = parts.iter().map(|(clique, map, values)| Term { clique: *clique, map, values }).collect();
        beliefs.up(&tree, &terms, &Budget::quiet(1)).expect("goes on");
        beliefs.down(&tree, &Budget::quiet(1)).expect("goes on");
        let mut query = Query::new(&tree, &beliefs);
        for a in 0..SIZES.len() {
            for b in a + 1..SIZES.len() {
                for c in b..SIZES.len() {
                    let columns = if c == b { vec![a, b] } else { vec![a, b, c] };
                    let (found, expected) = (query.shares(&columns), joint.sums(&columns).values);
                    assert_eq!(found.len(), expected.len());
                    assert!(found.iter().zip(&expected).all(|(x, y)| (x - y).abs() < 1e-14), "{columns:?}");
                }
            }
        }
    }
}
