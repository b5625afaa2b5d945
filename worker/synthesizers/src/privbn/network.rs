//! The network: chosen edge by edge by the exponential mechanism, filled with noisy counts.

use super::candidates::{self, Parents, Room};
use super::taxonomy::Taxonomy;
use crate::private::coding::Axis;
use crate::private::{Coding, Ledger, Private};
use rayon::prelude::*;
use std::collections::BTreeMap;
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_stats::alias::Alias;
use synthfleet_table::encode::Codes;
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, Budget, SeedExt};

/// Cells of a stored table: hostile files may not ask for more.
const CELLS_MAX: usize = 1 << 26;

/// How a network is bought.
pub(super) struct Plan {
    /// Number of rows that are counted.
    pub(super) rows: u64,
    /// Epsilon of the choice of edges.
    pub(super) structure: f64,
    /// Epsilon of the tables.
    pub(super) tables: f64,
    /// Usefulness.
    pub(super) theta: f64,
    /// Names of the code columns.
    pub(super) names: Vec<String>,
}

impl Plan {
    /// An attribute and its parents in words.
    fn words(&self, column: usize, parents: &Parents) -> String {
        let name = |column: usize| self.names.get(column).map_or("", String::as_str);
        let known: Vec<String> = parents.iter().map(|&(column, step)| format!("{} at step {step}", name(column))).collect();
        if known.is_empty() { name(column).to_owned() } else { format!("{} by {}", name(column), known.join(", ")) }
    }
}

/// A network, parents before children.
pub(super) struct Network {
    nodes: Vec<Node>,
}

/// An attribute with its table.
pub(super) struct Node {
    column: usize,
    parents: Vec<Edge>,
    /// Noisy counts, `[parent cells][levels]`.
    counts: Vec<u32>,
    levels: u32,
    draws: Vec<Alias>,
}

/// A parent: its column, the step of its taxonomy, and that step.
struct Edge {
    column: usize,
    step: usize,
    map: Vec<u32>,
    cells: u32,
}

impl Network {
    /// Chooses and fills a network within the plan's epsilon.
    pub(super) fn fit(
        coding: &Private<Coding>,
        codes: &Codes,
        plan: &Plan,
        ledger: &mut Ledger,
        seed: &Seed,
        budget: &Budget,
    ) -> Result<Self> {
        let taxonomies: Vec<Taxonomy> = codes.columns().iter().map(Taxonomy::of).collect();
        let columns = taxonomies.len();
        if columns == 0 {
            return Ok(Self { nodes: Vec::new() });
        }
        let chosen = choose(coding, &taxonomies, plan, ledger, seed, budget)?;
        let scale = 2.0 * columns as f64 / plan.tables;
        let mut nodes = Vec::with_capacity(columns);
        for (place, (column, parents)) in chosen.into_iter().enumerate() {
            budget.go_on()?;
            let axes: Vec<Axis> = parents.iter().chain([&(column, 0)]).map(|&(column, step)| axis(&taxonomies, column, step)).collect();
            let question = format!("table of {}", plan.words(column, &parents));
            let noisy = ledger.laplace_counts(&coding.counts_by(&axes), scale, &question)?;
            let counts = noisy.into_iter().map(|count| u32::try_from(count.max(0)).unwrap_or(u32::MAX)).collect();
            nodes.push(Node::prepared(column, &parents, counts, &taxonomies));
            budget.progress(0.7 + 0.25 * place as f64 / columns as f64, "fit");
        }
        Ok(Self { nodes })
    }

    /// Parents before children.
    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(super) fn save(&self, arrays: &mut Arrays) {
        arrays.put_u32("nodes", self.nodes.iter().map(|node| node.column as u32).collect::<Vec<_>>());
        for node in &self.nodes {
            let name = |part: &str| format!("node/{}/{part}", node.column);
            let parents: Vec<u32> = node.parents.iter().flat_map(|edge| [edge.column as u32, edge.step as u32]).collect();
            arrays.put_u32(&name("parents"), parents);
            arrays.put_u32(&name("counts"), node.counts.clone());
        }
    }

    pub(super) fn load(arrays: &Arrays, codes: &Codes) -> Result<Self> {
        let taxonomies: Vec<Taxonomy> = codes.columns().iter().map(Taxonomy::of).collect();
        let mut met = vec![false; taxonomies.len()];
        let mut nodes = Vec::with_capacity(taxonomies.len());
        for &column in arrays.u32s("nodes")? {
            let column = column as usize;
            let name = |part: &str| format!("node/{column}/{part}");
            if met.get(column) != Some(&false) {
                return Err(damaged("nodes"));
            }
            let (pairs, rest) = arrays.u32s(&name("parents"))?.as_chunks::<2>();
            let parents: Parents = pairs.iter().map(|&[column, step]| (column as usize, step as usize)).collect();
            let is_known = |&(parent, step): &(usize, usize)| met.get(parent) == Some(&true) && step < taxonomies[parent].steps().len();
            if !rest.is_empty() || !parents.iter().all(is_known) {
                return Err(damaged("parents"));
            }
            let size = |&(column, step): &(usize, usize)| taxonomies[column].steps()[step].cells as usize;
            let mut sizes = parents.iter().map(size).chain([size(&(column, 0))]);
            let cells = sizes.try_fold(1usize, |cells, size| cells.checked_mul(size)).filter(|&cells| cells <= CELLS_MAX);
            let counts = arrays.u32s(&name("counts"))?;
            if cells != Some(counts.len()) {
                return Err(damaged("counts"));
            }
            nodes.push(Node::prepared(column, &parents, counts.to_vec(), &taxonomies));
            met[column] = true;
        }
        if met.contains(&false) { Err(damaged("nodes")) } else { Ok(Self { nodes }) }
    }
}

fn damaged(name: &str) -> Error {
    Error::data("model::damaged", format!("{name} are impossible")).help("fit the model again")
}

impl Node {
    fn prepared(column: usize, parents: &[(usize, usize)], counts: Vec<u32>, taxonomies: &[Taxonomy]) -> Self {
        let levels = taxonomies[column].steps()[0].cells;
        let uniform = vec![1u32; levels as usize];
        let row = |row: &[u32]| Alias::of_counts(row).or_else(|| Alias::of_counts(&uniform));
        let draws = counts.chunks(levels as usize).filter_map(row).collect();
        let edge = |&(column, step): &(usize, usize)| {
            let known = &taxonomies[column].steps()[step];
            Edge { column, step, map: known.map.clone(), cells: known.cells }
        };
        Self { column, parents: parents.iter().map(edge).collect(), counts, levels, draws }
    }

    /// Place of the attribute among the code columns.
    pub(super) fn column(&self) -> usize {
        self.column
    }

    /// A code for a row whose parents are drawn.
    pub(super) fn draw(&self, columns: &[Vec<u32>], row: usize, uniform: f64) -> u32 {
        let cell = |cell: u32, edge: &Edge| cell * edge.cells + edge.map[columns[edge.column][row] as usize];
        let cell = self.parents.iter().fold(0, cell);
        self.draws.get(cell as usize).map_or(0, |draws| draws.place(uniform)).min(self.levels - 1)
    }
}

fn axis(taxonomies: &[Taxonomy], column: usize, step: usize) -> Axis<'_> {
    let step = &taxonomies[column].steps()[step];
    Axis { column, map: &step.map, cells: step.cells }
}

/// Attributes in the order of their choice, with their parents.
fn choose(
    coding: &Private<Coding>,
    taxonomies: &[Taxonomy],
    plan: &Plan,
    ledger: &mut Ledger,
    seed: &Seed,
    budget: &Budget,
) -> Result<Vec<(usize, Parents)>> {
    let columns = taxonomies.len();
    let rows = plan.rows as f64;
    let cells_max = rows * plan.tables / (2.0 * columns as f64 * plan.theta);
    let (room, sensitivity) = (Room::of(plan.rows), 3.0 / rows + 2.0 / (rows * rows));
    let mut parents_max = columns;
    let first = seed.child("first").rng().below(columns as u64) as usize;
    let mut chosen: Vec<(usize, Parents)> = vec![(first, Vec::new())];
    let mut known: BTreeMap<(usize, Parents), Private<f64>> = BTreeMap::new();
    while chosen.len() < columns {
        budget.go_on()?;
        let mut placed: Vec<usize> = chosen.iter().map(|(column, _)| *column).collect();
        placed.sort_unstable();
        let open: Vec<usize> = (0..columns).filter(|column| !placed.contains(column)).collect();
        let sets = candidates::all(&open, &placed, taxonomies, cells_max, room, &mut parents_max);
        let pairs: Vec<(usize, Parents)> =
            open.iter().zip(sets).flat_map(|(&column, sets)| sets.into_iter().map(move |set| (column, set))).collect();
        score(coding, taxonomies, &pairs, &mut known, budget)?;
        let scores: Private<Vec<f64>> = pairs.iter().filter_map(|pair| known.get(pair).cloned()).collect();
        let question = format!("attribute {} with its parents, the first being {}", chosen.len() + 1, plan.words(first, &Vec::new()));
        let place = ledger.exponential(&question, &scores, sensitivity, plan.structure / (columns - 1) as f64)?;
        chosen.push(pairs[place].clone());
        known.retain(|(column, _), _| *column != pairs[place].0);
        budget.progress(0.2 + 0.5 * chosen.len() as f64 / columns as f64, "fit");
    }
    Ok(chosen)
}

/// Scores the pairs that are not known yet. Pairs with the same parents share the work of finding each row's
/// cell among the parents.
fn score(
    coding: &Private<Coding>,
    taxonomies: &[Taxonomy],
    pairs: &[(usize, Parents)],
    known: &mut BTreeMap<(usize, Parents), Private<f64>>,
    budget: &Budget,
) -> Result<()> {
    let mut by_parents: BTreeMap<&Parents, Vec<usize>> = BTreeMap::new();
    for pair in pairs.iter().filter(|pair| !known.contains_key(pair)) {
        by_parents.entry(&pair.1).or_default().push(pair.0);
    }
    let groups: Vec<(&Parents, Vec<usize>)> = by_parents.into_iter().collect();
    let one = |(parents, children): &(&Parents, Vec<usize>)| {
        budget.go_on()?;
        let axes: Vec<Axis> = parents.iter().map(|&(column, step)| axis(taxonomies, column, step)).collect();
        Ok(children.iter().zip(coding.dependences(&axes, children)).map(|(&child, score)| ((child, (*parents).clone()), score)).collect())
    };
    let scored: Vec<Vec<_>> = groups.par_iter().map(one).collect::<Result<_>>()?;
    known.extend(scored.into_iter().flatten());
    Ok(())
}
