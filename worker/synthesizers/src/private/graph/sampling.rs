//! Draws from a clique tree: root first, each clique given its separator.
//!
//! **Stored** are the groups' parameters, not the tables: those follow by one propagation, bit for bit.

use super::estimation::{Network, PARAMETER_MAX};
use super::scope::{Map, Scope};
use super::tree::{Beliefs, Term, Tree};
use super::triangulation::{Graph, cells};
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, Budget, SeedExt};

/// Cells of a stored model's tables that are believed: 1 GiB.
const CELLS_MAX: f64 = 134_217_728.0;

/// A Markov network ready for draws.
pub(crate) struct Sampler {
    /// Groups of columns and their parameters.
    groups: Vec<(Vec<usize>, Vec<f64>)>,
    sizes: Vec<usize>,
    tree: Tree,
    /// Cumulative shares of each row, `[cliques][cells]`.
    cumulative: Vec<Vec<f64>>,
}

impl Sampler {
    /// Takes over a fitted network.
    pub(crate) fn of(network: &Network, budget: &Budget) -> Result<Self> {
        let groups = network.parameters().map(|(columns, values)| (columns.to_vec(), values.to_vec())).collect();
        Self::new(groups, network.sizes().to_vec(), budget)
    }

    fn new(groups: Vec<(Vec<usize>, Vec<f64>)>, sizes: Vec<usize>, budget: &Budget) -> Result<Self> {
        let mut graph = Graph::new(sizes.len());
        groups.iter().for_each(|(columns, _)| graph.join(columns));
        let cliques = graph.cliques();
        if cells(&cliques, &sizes) > CELLS_MAX {
            return Err(damaged());
        }
        let tree = Tree::new(&cliques, &sizes);
        let mut placed: Vec<(usize, Map)> = Vec::with_capacity(groups.len());
        for (columns, _) in &groups {
            let host = tree.host(columns).ok_or_else(damaged)?;
            placed.push((host, tree.cliques()[host].scope.map_to(&Scope::new(columns.clone(), &sizes))));
        }
        let terms: Vec<Term> =
            placed.iter().zip(&groups).map(|((clique, map), (_, values))| Term { clique: *clique, map, values }).collect();
        let mut beliefs = Beliefs::new(&tree);
        beliefs.up(&tree, &terms, budget)?;
        for (clique, table) in tree.cliques().iter().zip(&mut beliefs.tables) {
            for row in table.chunks_exact_mut(clique.row()) {
                let mut sum = 0.0;
                row.iter_mut().for_each(|cell| {
                    sum += *cell;
                    *cell = sum;
                });
            }
        }
        Ok(Self { groups, sizes, tree, cumulative: beliefs.tables })
    }

    /// `rows` rows, `[columns][rows]`.
    pub(crate) fn draw(&self, rows: usize, seed: &Seed, budget: &Budget) -> Result<Vec<Vec<u32>>> {
        let mut columns = vec![vec![0u32; rows]; self.sizes.len()];
        for (place, (clique, table)) in self.tree.cliques().iter().zip(&self.cumulative).enumerate() {
            budget.go_on()?;
            let mut random = seed.index(place as u64).rng();
            let separator = clique.separator();
            let row_cells = clique.row();
            let own = &clique.scope.columns()[clique.separator..];
            let sizes = &clique.scope.sizes()[clique.separator..];
            #[expect(clippy::needless_range_loop, reason = "reads some columns of a row and writes others")]
            for row in 0..rows {
                let start = separator
                    .columns()
                    .iter()
                    .zip(separator.sizes())
                    .fold(0, |at, (&column, &size)| at * size + columns[column][row] as usize);
                let shares = &table[start * row_cells..(start + 1) * row_cells];
                let drawn = random.uniform() * shares[row_cells - 1];
                let mut cell = shares.partition_point(|&share| share <= drawn).min(row_cells - 1);
                for (&column, &size) in own.iter().zip(sizes).rev() {
                    columns[column][row] = (cell % size) as u32;
                    cell /= size;
                }
            }
        }
        Ok(columns)
    }

    /// Stores the groups below `network/`.
    pub(crate) fn save(&self, arrays: &mut Arrays) {
        arrays.put_u32("network/sizes", self.sizes.iter().map(|&size| size as u32).collect::<Vec<_>>());
        let ends: Vec<u32> = self
            .groups
            .iter()
            .scan(0, |end, (columns, _)| {
                *end += columns.len() as u32;
                Some(*end)
            })
            .collect();
        arrays.put_u32("network/ends", ends);
        arrays
            .put_u32("network/columns", self.groups.iter().flat_map(|(columns, _)| columns.iter().map(|&c| c as u32)).collect::<Vec<_>>());
        arrays.put_f64("network/parameters", self.groups.iter().flat_map(|(_, values)| values.iter().copied()).collect::<Vec<_>>());
    }

    /// Reads what [`Sampler::save`] stored; nothing is trusted. The sizes must be `sizes`.
    pub(crate) fn load(arrays: &Arrays, sizes: &[usize]) -> Result<Self> {
        let stored = arrays.u32s("network/sizes")?;
        if stored.len() != sizes.len() || stored.iter().zip(sizes).any(|(&stored, &size)| stored as usize != size || size == 0) {
            return Err(damaged());
        }
        let (columns, parameters) = (arrays.u32s("network/columns")?, arrays.f64s("network/parameters")?);
        let (mut start, mut first) = (0usize, 0usize);
        let mut groups = Vec::new();
        for &end in arrays.u32s("network/ends")? {
            let group: Vec<usize> = columns.get(start..end as usize).ok_or_else(damaged)?.iter().map(|&column| column as usize).collect();
            if group.is_empty() || !group.is_sorted_by(|a, b| a < b) || group.last().is_some_and(|&last| last >= sizes.len()) {
                return Err(damaged());
            }
            let cells = group.iter().try_fold(1usize, |cells, &column| cells.checked_mul(sizes[column])).ok_or_else(damaged)?;
            let last = first.checked_add(cells).ok_or_else(damaged)?;
            let values = parameters.get(first..last).ok_or_else(damaged)?;
            if values.iter().any(|value| value.is_nan() || value.abs() > PARAMETER_MAX) {
                return Err(damaged());
            }
            groups.push((group, values.to_vec()));
            (start, first) = (end as usize, last);
        }
        if start != columns.len() || first != parameters.len() {
            return Err(damaged());
        }
        Self::new(groups, sizes.to_vec(), &Budget::quiet(1))
    }
}

fn damaged() -> Error {
    Error::data("model::damaged", "the network is impossible").help("fit the model again")
}

#[cfg(test)]
mod tests {
    use super::super::estimation::Measurement;
    use super::*;

    fn sampler() -> Sampler {
        let pair = |columns: &[usize], counts: &[f64]| Measurement {
            columns: columns.to_vec(),
            counts: counts.to_vec(),
            precisions: vec![1.0; counts.len()],
        };
        let mut network = Network::new(vec![2, 2, 2, 3]);
        network.measure(vec![
            pair(&[0, 1], &[30.0, 20.0, 10.0, 40.0]),
            pair(&[1, 2], &[10.0, 30.0, 30.0, 30.0]),
            pair(&[0, 2], &[25.0, 25.0, 15.0, 35.0]),
            pair(&[3], &[50.0, 0.0, 50.0]),
        ]);
        network.descend(5_000, &Budget::quiet(1)).expect("goes on");
        Sampler::of(&network, &Budget::quiet(1)).expect("small")
    }

    #[test]
    fn draws_have_the_fitted_shares() {
        let rows = 100_000;
        let drawn = sampler().draw(rows, &Seed::shared(1), &Budget::quiet(1)).expect("goes on");
        for (a, b, expected) in [(0, 1, [0.3, 0.2, 0.1, 0.4]), (1, 2, [0.1, 0.3, 0.3, 0.3]), (0, 2, [0.25, 0.25, 0.15, 0.35])] {
            let mut counts = [0.0; 4];
            (0..rows).for_each(|row| counts[(drawn[a][row] * 2 + drawn[b][row]) as usize] += 1.0 / rows as f64);
            assert!(counts.iter().zip(&expected).all(|(x, y)| (x - y).abs() < 0.007), "{counts:?}");
        }
        assert!(drawn[3].iter().filter(|&&level| level == 1).count() < rows / 1_000);
    }

    #[test]
    fn a_stored_network_draws_the_same() {
        let first = sampler();
        let mut arrays = Arrays::default();
        first.save(&mut arrays);
        let second = Sampler::load(&arrays, &[2, 2, 2, 3]).expect("own arrays");
        let draw = |sampler: &Sampler| sampler.draw(500, &Seed::shared(2), &Budget::quiet(1)).expect("goes on");
        assert_eq!(draw(&first), draw(&second));
        assert!(Sampler::load(&arrays, &[2, 2, 3, 2]).is_err() && Sampler::load(&arrays, &[2, 2, 2]).is_err());
    }

    #[test]
    fn impossible_networks_are_refused() {
        let mut arrays = Arrays::default();
        sampler().save(&mut arrays);
        let forged = |change: &dyn Fn(&mut Arrays)| {
            let mut forged = arrays.clone();
            change(&mut forged);
            Sampler::load(&forged, &[2, 2, 2, 3]).err().map(|error| error.code().to_owned())
        };
        let damaged = Some("model::damaged".to_owned());
        assert_eq!(forged(&|_| ()), None);
        assert_eq!(forged(&|arrays| arrays.put_u32("network/columns", vec![0, 1, 1, 2, 0, 9, 3])), damaged);
        assert_eq!(forged(&|arrays| arrays.put_u32("network/columns", vec![0, 0, 1, 2, 0, 2, 3])), damaged);
        assert_eq!(forged(&|arrays| arrays.put_u32("network/ends", vec![2, 4, 99])), damaged);
        assert_eq!(forged(&|arrays| arrays.put_u32("network/ends", vec![2, 1])), damaged);
        assert_eq!(forged(&|arrays| arrays.put_f64("network/parameters", vec![f64::NAN; 15])), damaged);
        assert_eq!(forged(&|arrays| arrays.put_f64("network/parameters", vec![0.0; 14])), damaged);
    }
}
