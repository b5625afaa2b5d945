//! Clique trees and exact belief propagation over them.
//!
//! **Model.** `p(x) ∝ exp Σ_r θ_r(x_r)`, each group r inside a clique C of the tree.
//! **Up.** From the leaves, a clique's potential is the sum of its θ and its children's messages. For each
//! cell s of its separator, `m(s) = ln Σ exp` over the rest of the clique, taken after the greatest term, is
//! the message to the parent; the terms divided by `exp m(s)` are `p(rest | s)`.
//! **Down.** From the root, `p(C) = p(rest | s) · p(s)`, `p(s)` from the parent.
//! One exponential a cell and no division by a message, so nothing under- or overflows.
//! **Layout.** A clique lists its separator first, so that `p(rest | s)` is one row of its table.
//! **Reference.** Lauritzen, Spiegelhalter 1988, doi 10.1111/j.2517-6161.1988.tb01721.x; Shafer, Shenoy 1990.

use super::scope::{Map, Scope};
use rayon::prelude::*;
use std::borrow::Cow;
use synthfleet_proto::Result;
use synthfleet_stats::exponentials::{exp_all, ln_all};
use synthfleet_stats::information::spanning_tree;
use synthfleet_stats::sums::sum;
use synthfleet_table::Budget;

/// Cells that one thread takes at a time.
pub(crate) const SLAB: usize = 1 << 14;
/// Cells that are filled at a time: they stay in the nearest cache.
const NEAR: usize = 1 << 11;

/// One clique of a tree.
#[derive(Debug, Clone)]
pub(crate) struct Clique {
    /// Separator, then the other columns.
    pub(crate) scope: Scope,
    /// How many columns the separator has; 0 at a root.
    pub(crate) separator: usize,
    /// The clique at the other side of the separator.
    pub(crate) parent: Option<usize>,
    /// The cliques whose parent it is.
    pub(crate) children: Vec<usize>,
    /// From the parent's cells to the separator's.
    from_parent: Map,
}

/// A forest of cliques, parents before children; columns of two cliques are in all between them.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    cliques: Vec<Clique>,
}

/// A parameter table and where it is added.
pub(crate) struct Term<'a> {
    /// Place of the clique.
    pub(crate) clique: usize,
    /// From the clique's cells to the table's.
    pub(crate) map: &'a Map,
    /// The table.
    pub(crate) values: &'a [f64],
}

impl Clique {
    /// The separator's columns.
    pub(crate) fn separator(&self) -> Scope {
        self.scope.first(self.separator)
    }

    /// Cells of one row: of the columns that are not in the separator.
    pub(crate) fn row(&self) -> usize {
        self.scope.sizes()[self.separator..].iter().product()
    }
}

impl Tree {
    /// A tree of the cliques of a chordal graph; `sizes`: levels of each column. Neighbours share as many
    /// columns as possible; the root of each part is its smallest clique, the lowest index on ties.
    pub(crate) fn new(cliques: &[Vec<usize>], sizes: &[usize]) -> Self {
        let shared = |i: usize, j: usize| cliques[i].iter().filter(|column| cliques[j].binary_search(column).is_ok()).count();
        let mut near = vec![Vec::new(); cliques.len()];
        for (from, to) in spanning_tree(cliques.len(), |i, j| shared(i, j) as f64) {
            if shared(from, to) > 0 {
                near[from].push(to);
                near[to].push(from);
            }
        }
        let cells = |clique: usize| cliques[clique].iter().map(|&column| sizes[column]).product::<usize>();
        let mut by_size: Vec<usize> = (0..cliques.len()).collect();
        by_size.sort_by_key(|&clique| (cells(clique), clique));
        let mut tree: Vec<Clique> = Vec::with_capacity(cliques.len());
        let mut sources: Vec<usize> = Vec::with_capacity(cliques.len());
        let mut met = vec![false; cliques.len()];
        for root in by_size {
            if met[root] {
                continue;
            }
            met[root] = true;
            let mut next = tree.len();
            tree.push(clique(&cliques[root], None, sizes));
            sources.push(root);
            while next < tree.len() {
                for &child in near[sources[next]].iter().filter(|&&child| !std::mem::replace(&mut met[child], true)) {
                    let below = clique(&cliques[child], Some((next, &tree[next].scope)), sizes);
                    let place = tree.len();
                    tree[next].children.push(place);
                    tree.push(below);
                    sources.push(child);
                }
                next += 1;
            }
        }
        Self { cliques: tree }
    }

    /// The cliques, parents before children.
    pub(crate) fn cliques(&self) -> &[Clique] {
        &self.cliques
    }

    /// Cells of all cliques.
    pub(crate) fn cells(&self) -> usize {
        self.cliques.iter().map(|clique| clique.scope.cells()).sum()
    }

    /// The clique of fewest cells that holds all of `columns`, if one does.
    pub(crate) fn host(&self, columns: &[usize]) -> Option<usize> {
        let hosts = (0..self.cliques.len()).filter(|&place| self.cliques[place].scope.has_all(columns));
        hosts.min_by_key(|&place| self.cliques[place].scope.cells())
    }
}

fn clique(columns: &[usize], parent: Option<(usize, &Scope)>, sizes: &[usize]) -> Clique {
    let is_shared = |column: &usize| parent.is_some_and(|(_, scope)| scope.columns().contains(column));
    let (mut order, mut rest): (Vec<usize>, Vec<usize>) = columns.iter().partition(|column| is_shared(column));
    let separator = order.len();
    rest.sort_by_key(|&column| (sizes[column], column));
    order.append(&mut rest);
    let scope = Scope::new(order, sizes);
    let own = scope.first(separator);
    let from_parent = parent.map_or_else(|| own.map_to(&own), |(_, scope)| scope.map_to(&own));
    Clique { scope, separator, parent: parent.map(|(place, _)| place), children: Vec::new(), from_parent }
}

/// One table for each clique of a tree: conditional after [`Beliefs::up`], joint after [`Beliefs::down`].
#[derive(Debug, Clone)]
pub(crate) struct Beliefs {
    /// `[cliques][cells]`.
    pub(crate) tables: Vec<Vec<f64>>,
}

impl Beliefs {
    /// Tables of zeros.
    pub(crate) fn new(tree: &Tree) -> Self {
        Self { tables: tree.cliques.iter().map(|clique| vec![0.0; clique.scope.cells()]).collect() }
    }

    /// From parameters to `p(rest | separator)` of each clique.
    pub(crate) fn up(&mut self, tree: &Tree, terms: &[Term], budget: &Budget) -> Result<()> {
        let mut own: Vec<Vec<&Term>> = vec![Vec::new(); tree.cliques.len()];
        terms.iter().for_each(|term| own[term.clique].push(term));
        let mut messages: Vec<Vec<f64>> = vec![Vec::new(); tree.cliques.len()];
        for (place, clique) in tree.cliques.iter().enumerate().rev() {
            budget.go_on()?;
            let below = clique.children.iter().map(|&child| (&tree.cliques[child].from_parent, &messages[child][..]));
            let terms = own[place].iter().map(|term| (term.map, term.values));
            let added: Vec<(&Map, Cow<[f64]>)> = terms.chain(below).map(|(map, values)| (map, map.ordered(values))).collect();
            let table = &mut self.tables[place];
            let row = clique.row();
            let rows = SLAB.div_ceil(row);
            let mut message = vec![0.0; table.len() / row];
            let near = NEAR.div_ceil(row);
            let fill = |slab: usize, cells: &mut [f64], message: &mut [f64]| {
                for (place, (cells, message)) in cells.chunks_mut(near * row).zip(message.chunks_mut(near)).enumerate() {
                    cells.fill(0.0);
                    let start = (slab * rows + place * near) * row;
                    added.iter().for_each(|(map, values)| map.add(values, start, cells));
                    normalise(cells, message);
                }
            };
            // handing a small table to other threads costs more than the table
            if table.len() <= SLAB {
                fill(0, table, &mut message);
            } else {
                let parts = table.par_chunks_mut(rows * row).zip(message.par_chunks_mut(rows)).enumerate();
                parts.for_each(|(slab, (cells, message))| fill(slab, cells, message));
            }
            messages[place] = message;
        }
        Ok(())
    }

    /// From `p(rest | separator)` to `p(clique)`.
    pub(crate) fn down(&mut self, tree: &Tree, budget: &Budget) -> Result<()> {
        for (place, clique) in tree.cliques.iter().enumerate() {
            budget.go_on()?;
            let Some(parent) = clique.parent else { continue };
            let (above, below) = self.tables.split_at_mut(place);
            let row = clique.row();
            let shares = clique.from_parent.sums(&above[parent], below[0].len() / row);
            let scale = |cells: &mut [f64], shares: &[f64]| {
                for (row, share) in cells.chunks_exact_mut(row).zip(shares) {
                    row.iter_mut().for_each(|cell| *cell *= share);
                }
            };
            if below[0].len() <= SLAB {
                scale(&mut below[0], &shares);
            } else {
                let rows = SLAB.div_ceil(row);
                below[0].par_chunks_mut(rows * row).zip(shares.par_chunks(rows)).for_each(|(cells, shares)| scale(cells, shares));
            }
        }
        Ok(())
    }
}

/// Turns each row of logarithms into shares of a whole; `wholes`, `[rows]`, become the logarithms of the wholes.
fn normalise(cells: &mut [f64], wholes: &mut [f64]) {
    let row = cells.len() / wholes.len().max(1);
    let mut greatest = vec![0.0; wholes.len()];
    for (cells, greatest) in cells.chunks_exact_mut(row).zip(&mut greatest) {
        *greatest = cells.iter().fold(f64::NEG_INFINITY, |greatest, &cell| if cell > greatest { cell } else { greatest });
        cells.iter_mut().for_each(|cell| *cell -= *greatest);
    }
    exp_all(cells);
    for (cells, whole) in cells.chunks_exact_mut(row).zip(&mut *wholes) {
        *whole = sum(cells);
        cells.iter_mut().for_each(|cell| *cell /= *whole);
    }
    ln_all(wholes);
    wholes.iter_mut().zip(greatest).for_each(|(whole, greatest)| *whole += greatest);
}

#[cfg(test)]
mod tests {
    use super::super::scope::Factor;
    use super::super::triangulation::Graph;
    use super::*;
    use synthfleet_proto::Seed;
    use synthfleet_stats::normal;
    use synthfleet_table::SeedExt;
    use synthfleet_table::random::Draw;

    const SIZES: [usize; 6] = [2, 3, 4, 1, 3, 2];

    fn tree(groups: &[Vec<usize>]) -> Tree {
        let mut graph = Graph::new(SIZES.len());
        groups.iter().for_each(|group| graph.join(group));
        Tree::new(&graph.cliques(), &SIZES)
    }

    fn parameters(groups: &[Vec<usize>], scale: f64) -> Vec<Factor> {
        let mut random = Seed::shared(3).child("parameters").rng();
        let factor = |group: &Vec<usize>| {
            let scope = Scope::new(group.clone(), &SIZES);
            let values = (0..scope.cells()).map(|_| scale * normal::quantile(random.open_uniform())).collect();
            Factor { scope, values }
        };
        groups.iter().map(factor).collect()
    }

    /// The whole joint table by enumeration.
    fn enumerated(parameters: &[Factor]) -> Factor {
        let scope = Scope::new((0..SIZES.len()).collect(), &SIZES);
        let mut values = vec![0.0; scope.cells()];
        for factor in parameters {
            let map = scope.map_to(&factor.scope);
            map.add(&map.ordered(&factor.values), 0, &mut values);
        }
        normalise(&mut values, &mut [0.0]);
        Factor { scope, values }
    }

    fn propagated(tree: &Tree, parameters: &[Factor]) -> Beliefs {
        let hosts: Vec<usize> = parameters.iter().map(|factor| tree.host(factor.scope.columns()).expect("a clique")).collect();
        let maps: Vec<Map> =
            parameters.iter().zip(&hosts).map(|(factor, &host)| tree.cliques()[host].scope.map_to(&factor.scope)).collect();
        let terms: Vec<Term> = (0..hosts.len()).map(|i| Term { clique: hosts[i], map: &maps[i], values: &parameters[i].values }).collect();
        let mut beliefs = Beliefs::new(tree);
        beliefs.up(tree, &terms, &Budget::quiet(1)).expect("goes on");
        beliefs.down(tree, &Budget::quiet(1)).expect("goes on");
        beliefs
    }

    #[test]
    fn clique_marginals_are_those_of_the_enumerated_joint() {
        let rings: [&[&[usize]]; 4] = [
            &[],
            &[&[0, 1], &[1, 2], &[4, 5]],
            &[&[0, 1], &[1, 2], &[2, 4], &[4, 0], &[3], &[5, 2]],
            &[&[0, 1, 2], &[2, 3, 4], &[4, 5], &[0, 4]],
        ];
        for groups in rings {
            let groups: Vec<Vec<usize>> = groups.iter().map(|group| group.to_vec()).collect();
            let (tree, parameters) = (tree(&groups), parameters(&groups, 2.0));
            let (joint, beliefs) = (enumerated(&parameters), propagated(&tree, &parameters));
            for (clique, table) in tree.cliques().iter().zip(&beliefs.tables) {
                let expected = joint.sums(clique.scope.columns());
                assert!(table.iter().zip(&expected.values).all(|(a, b)| (a - b).abs() < 1e-14), "{groups:?}: {:?}", clique.scope);
            }
        }
    }

    #[test]
    fn parameters_of_a_thousand_do_not_overflow() {
        let groups = vec![vec![0, 1], vec![1, 2], vec![2, 4]];
        let beliefs = propagated(&tree(&groups), &parameters(&groups, 1_000.0));
        assert!(beliefs.tables.iter().all(|table| table.iter().all(|cell| cell.is_finite()) && (sum(table) - 1.0).abs() < 1e-12));
    }

    #[test]
    fn columns_of_two_cliques_are_in_all_between_them() {
        let groups = vec![vec![0, 1], vec![1, 2], vec![2, 4], vec![0, 4], vec![4, 5]];
        let tree = tree(&groups);
        for column in 0..SIZES.len() {
            let holds = |place: usize| tree.cliques()[place].scope.columns().contains(&column);
            let tops = (0..tree.cliques().len()).filter(|&place| holds(place) && !tree.cliques()[place].parent.is_some_and(holds));
            assert_eq!(tops.count(), 1, "column {column}");
        }
    }

    #[test]
    fn a_root_is_the_smallest_clique_of_its_part() {
        let tree = tree(&[vec![1, 2], vec![0, 1], vec![4, 5]]);
        let roots: Vec<&[usize]> = tree.cliques().iter().filter(|c| c.parent.is_none()).map(|c| c.scope.columns()).collect();
        assert_eq!(roots, [&[3][..], &[0, 1], &[5, 4]]);
    }
}
