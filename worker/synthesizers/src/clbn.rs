//! Chow–Liu tree: the tree-shaped Bayesian network that keeps most mutual information.
//!
//! **Model.** `p(x) = Π p(x_i | x_parent(i))`, maximising `Σ I(X_i; X_parent)`.
//! **View.** `codes(32)`: bins of equal mass, atoms and missing cells as levels (our choice).
//! **Fit.** All pair tables, mutual information in nats with the Miller–Madow correction (our choice: so
//! that sparse pairs do not win by bias), maximum spanning tree, each edge below 0 cut; root of each
//! part = its node of highest degree; conditional tables are counts, no pseudo-count: a parent level
//! met in sampling was met in train.
//! **Sample.** Ancestral, by alias tables; a number uniform inside its bin.
//! **Options.** [`ClbnOptions`]. **Limits.** 1,000 levels a column (the rest share one), 2,000 columns.
//! **Cost.** n·d²/2 increments; the information of more than `mi_rows_max` rows is taken from that many.
//! **Reference.** Chow, Liu 1968, doi 10.1109/TIT.1968.1054142; SDGym v0.2.0 for the preset.

mod conditional;

use crate::member::{Block, Given, Model, Synthesizer, Train};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use synthfleet_proto::about::{About, Accepts, Conditional, Cost, Shape};
use synthfleet_proto::options::{Checked, Options, Problem, Problems};
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_stats::alias::Alias;
use synthfleet_stats::information::{Pair, entropy, spanning_tree};
use synthfleet_table::encode::{Coded, Codes, Encoder};
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, Budget, SeedExt};

const LEVELS_MAX: usize = 1_000;
const COLUMNS_MAX: u32 = 2_000;
const BINS: u32 = 32;

/// The Chow–Liu tree.
pub struct Clbn;

/// Options of [`Clbn`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClbnOptions {
    /// Bins of a number column, 2 to 256.
    #[schemars(range(min = 2, max = 256))]
    pub bins: u32,
    /// Rows that mutual information is taken from, 1,000 to 10 million.
    #[schemars(range(min = 1_000, max = 10_000_000))]
    pub mi_rows_max: u32,
    /// A published variant; it sets the other options itself.
    pub preset: Option<ClbnPreset>,
}

/// Published variants of [`Clbn`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClbnPreset {
    /// SDGym of 2020: 15 equally wide bins, decoded to their middle, plain mutual information.
    #[serde(rename = "sdgym2020", alias = "sdgym-2020", alias = "sdgym_2020")]
    Sdgym2020,
}

impl Default for ClbnOptions {
    fn default() -> Self {
        Self { bins: BINS, mi_rows_max: 200_000, preset: None }
    }
}

impl Options for ClbnOptions {
    fn check(&self) -> Vec<Problem> {
        Problems::none()
            .within("bins", self.bins, 2..=256)
            .within("mi_rows_max", self.mi_rows_max, 1_000..=10_000_000)
            .holds("bins", self.bins, self.preset.is_none() || self.bins == BINS, "nothing beside a preset")
            .into_vec()
    }
}

/// A fitted forest over the code columns.
pub struct ClbnModel {
    codes: Codes,
    /// Parents before children.
    nodes: Vec<Node>,
}

/// One node and its table.
struct Node {
    column: usize,
    parent: Option<usize>,
    table: Table,
}

/// Counts of child codes for each parent code (one row for a root), sparse.
struct Table {
    /// Where the entries of each parent code end, `[parent levels]`.
    ends: Vec<u32>,
    children: Vec<u32>,
    counts: Vec<u32>,
    /// Draws of each parent code; none where it was never met.
    draws: Vec<Option<Alias>>,
}

impl Synthesizer for Clbn {
    type Options = ClbnOptions;
    type Model = ClbnModel;
    const ABOUT: About = About {
        name: "clbn",
        aliases: &["CLBNSynthesizer", "chowliu"],
        summary: "tree-shaped Bayesian network of greatest mutual information",
        paper: "Chow, Liu 1968, doi 10.1109/TIT.1968.1054142",
        when: "When a quick, small model of categorical tables is wanted that can be read as a tree. Numbers follow bins, and only pairs along the tree keep their dependence.",
        given: Conditional::Exact,
        accepts: Accepts { columns_max: COLUMNS_MAX, ..Accepts::ANY },
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, options: &Checked<Self::Options>) -> Cost {
        let (rows, columns) = (shape.train_rows as f64, f64::from(shape.modelled()));
        let informed = rows.min(f64::from(options.mi_rows_max));
        let cells = shape.train_rows * u64::from(shape.modelled() + shape.other);
        Cost {
            cpu_seconds: informed * columns * columns / 2.0 * 2e-9 + cells as f64 * 2.5e-7,
            peak_bytes: cells * 40,
            model_bytes: 8_192 + u64::from(shape.modelled()) * 12 * u64::from(options.bins * options.bins).min(shape.train_rows),
        }
    }

    fn fit(train: &Train, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Self::Model> {
        let encoded = train.encoded();
        let is_preset = options.preset == Some(ClbnPreset::Sdgym2020);
        budget.claim(encoded.rows() as u64 * encoded.width() as u64 * 4)?;
        let (codes, columns) = match is_preset {
            true => encoded.codes_of_equal_width(15, LEVELS_MAX, budget)?,
            false => encoded.codes(options.bins as usize, LEVELS_MAX, budget)?,
        };
        let levels: Vec<u32> = codes.columns().iter().map(|column| column.levels).collect();
        let informed = subsample(&columns, encoded.rows(), options.mi_rows_max as usize, seed);
        let information = pairwise(informed.as_deref().unwrap_or(&columns), &levels, !is_preset, budget)?;
        let mut nodes = Vec::with_capacity(columns.len());
        for (column, parent) in forest(columns.len(), &information) {
            budget.go_on()?;
            let table = match parent {
                None => Table::count(None, &columns[column], 1),
                Some(parent) => Table::count(Some(&columns[parent]), &columns[column], levels[parent]),
            };
            nodes.push(Node { column, parent, table });
        }
        Ok(ClbnModel { codes, nodes })
    }
}

/// `rows_max` rows without replacement, if there are more.
pub(crate) fn subsample(columns: &[Vec<u32>], rows: usize, rows_max: usize, seed: &Seed) -> Option<Vec<Vec<u32>>> {
    if rows <= rows_max {
        return None;
    }
    let mut chosen = seed.child("subsample").rng().permutation(rows);
    chosen.truncate(rows_max);
    chosen.sort_unstable();
    Some(columns.iter().map(|codes| chosen.iter().map(|&row| codes[row as usize]).collect()).collect())
}

/// Mutual information of all pairs, `[columns, columns]`.
pub(crate) fn pairwise(columns: &[Vec<u32>], levels: &[u32], corrected: bool, budget: &Budget) -> Result<Vec<f64>> {
    let single: Vec<(f64, u32)> =
        columns.iter().zip(levels).map(|(codes, &levels)| measure(codes.iter().map(|&c| u64::from(c)), levels.into())).collect();
    let size = columns.len();
    let row = |i: usize| -> Result<Vec<f64>> {
        budget.go_on()?;
        let one = |j: usize| {
            let width = u64::from(levels[j]);
            let keys = columns[i].iter().zip(&columns[j]).map(|(&a, &b)| u64::from(a) * width + u64::from(b));
            let (joint, occupied) = measure(keys, u64::from(levels[i]) * width);
            let total = columns[i].len() as u64;
            let pair = Pair { rows: single[i].0, columns: single[j].0, joint, occupied: (single[i].1, single[j].1, occupied), total };
            if corrected { pair.corrected() } else { pair.information() }
        };
        Ok((i + 1..size).map(one).collect())
    };
    let upper = (0..size).into_par_iter().map(row).collect::<Result<Vec<_>>>()?;
    let mut all = vec![0.0; size * size];
    for (i, row) in upper.iter().enumerate() {
        for (j, &value) in (i + 1..size).zip(row) {
            (all[i * size + j], all[j * size + i]) = (value, value);
        }
    }
    Ok(all)
}

/// Entropy and occupied cells of keys below `cells`; sorts them where a table would be mostly empty.
fn measure(keys: impl ExactSizeIterator<Item = u64>, cells: u64) -> (f64, u32) {
    if cells <= 4 * keys.len() as u64 + 4_096 {
        let mut counts = vec![0u32; cells as usize];
        keys.for_each(|key| counts[key as usize] += 1);
        let occupied = counts.iter().filter(|&&count| count > 0).count() as u32;
        return (entropy(counts.into_iter()), occupied);
    }
    let mut sorted: Vec<u64> = keys.collect();
    sorted.sort_unstable();
    let counts: Vec<u32> = sorted.chunk_by(|a, b| a == b).map(|run| run.len() as u32).collect();
    (entropy(counts.iter().copied()), counts.len() as u32)
}

/// Nodes with their parents, parents first: the spanning tree without edges of no information.
pub(crate) fn forest(size: usize, information: &[f64]) -> Vec<(usize, Option<usize>)> {
    let mut neighbours = vec![Vec::new(); size];
    for (from, to) in spanning_tree(size, |i, j| information[i * size + j]) {
        if information[from * size + to] > 0.0 {
            neighbours[from].push(to);
            neighbours[to].push(from);
        }
    }
    neighbours.iter_mut().for_each(|near| near.sort_unstable());
    let mut by_degree: Vec<usize> = (0..size).collect();
    by_degree.sort_by_key(|&node| (std::cmp::Reverse(neighbours[node].len()), node));
    let mut order: Vec<(usize, Option<usize>)> = Vec::with_capacity(size);
    let mut met = vec![false; size];
    for root in by_degree {
        if met[root] {
            continue;
        }
        met[root] = true;
        let mut next = order.len();
        order.push((root, None));
        while let Some(&(node, _)) = order.get(next) {
            for &child in neighbours[node].iter().filter(|&&child| !std::mem::replace(&mut met[child], true)) {
                order.push((child, Some(node)));
            }
            next += 1;
        }
    }
    order
}

impl Table {
    fn count(parents: Option<&[u32]>, children: &[u32], parent_levels: u32) -> Self {
        let parent = |row: usize| parents.map_or(0, |codes| codes[row]);
        let mut pairs: Vec<u64> =
            children.iter().enumerate().map(|(row, &child)| u64::from(parent(row)) << 32 | u64::from(child)).collect();
        pairs.par_sort_unstable();
        let mut table = (vec![0; parent_levels as usize], Vec::new(), Vec::new());
        for run in pairs.chunk_by(|a, b| a == b) {
            table.1.push(run[0] as u32);
            table.2.push(run.len() as u32);
            table.0[(run[0] >> 32) as usize] = table.1.len() as u32;
        }
        for level in 1..table.0.len() {
            table.0[level] = table.0[level].max(table.0[level - 1]);
        }
        Self::prepared(table.0, table.1, table.2)
    }

    fn prepared(ends: Vec<u32>, children: Vec<u32>, counts: Vec<u32>) -> Self {
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let draws = starts.zip(&ends).map(|(start, &end)| Alias::of_counts(&counts[start as usize..end as usize])).collect();
        Self { ends, children, counts, draws }
    }

    /// Child codes with their counts under a parent code, ascending.
    fn row(&self, parent: u32) -> (&[u32], &[u32]) {
        let start = if parent == 0 { 0 } else { self.ends[parent as usize - 1] as usize };
        let range = start..self.ends[parent as usize] as usize;
        (&self.children[range.clone()], &self.counts[range])
    }

    fn draw(&self, parent: u32, uniform: f64) -> u32 {
        let start = if parent == 0 { 0 } else { self.ends[parent as usize - 1] };
        self.draws[parent as usize].as_ref().map_or(0, |alias| self.children[(start + alias.place(uniform)) as usize])
    }

    /// A stored table for a parent and a child of so many levels.
    fn load(arrays: &Arrays, name: &str, parent_levels: u32, child_levels: u32) -> Result<Self> {
        let array = |part: &str| arrays.u32s(&format!("{name}/{part}"));
        let (ends, children, counts) = (array("ends")?, array("children")?, array("counts")?);
        let is_right = ends.len() == parent_levels as usize
            && ends.is_sorted()
            && ends.last().is_some_and(|&last| last as usize == children.len())
            && children.len() == counts.len()
            && children.iter().all(|&child| child < child_levels);
        if is_right { Ok(Self::prepared(ends.to_vec(), children.to_vec(), counts.to_vec())) } else { Err(damaged(name)) }
    }
}

fn damaged(name: &str) -> Error {
    Error::data("model::damaged", format!("{name} is impossible")).help("fit the model again")
}

impl Model for ClbnModel {
    fn sample_block(&self, block: Block, given: &Given, seed: &Seed, budget: &Budget) -> Result<Vec<Coded>> {
        if !given.is_nothing() {
            return conditional::sample(self, block, given, seed, budget);
        }
        let mut columns: Vec<Vec<u32>> = vec![Vec::new(); self.nodes.len()];
        for node in &self.nodes {
            budget.go_on()?;
            let mut random = seed.index(node.column as u64).rng();
            let draw = |row: usize| node.table.draw(node.parent.map_or(0, |parent| columns[parent][row]), random.uniform());
            let codes = (0..block.rows).map(draw).collect();
            columns[node.column] = codes;
        }
        Ok(self.codes.decode(&columns, &mut seed.child("decode").rng()))
    }

    fn save(&self, arrays: &mut Arrays) {
        self.codes.save(arrays);
        let parents: Vec<i64> =
            self.nodes.iter().flat_map(|node| [node.column as i64, node.parent.map_or(-1, |parent| parent as i64)]).collect();
        arrays.put_i64("nodes", parents);
        for node in &self.nodes {
            let name = |part: &str| format!("table/{}/{part}", node.column);
            arrays.put_u32(&name("ends"), node.table.ends.clone());
            arrays.put_u32(&name("children"), node.table.children.clone());
            arrays.put_u32(&name("counts"), node.table.counts.clone());
        }
    }

    fn load(arrays: &Arrays, encoder: &Arc<Encoder>) -> Result<Self> {
        let codes = Codes::load(arrays, encoder)?;
        let levels: Vec<u32> = codes.columns().iter().map(|column| column.levels).collect();
        let (pairs, rest) = arrays.i64s("nodes")?.as_chunks::<2>();
        let mut met = vec![false; levels.len()];
        let mut nodes = Vec::with_capacity(pairs.len());
        for &[column, parent] in pairs {
            let place = |number: i64| usize::try_from(number).ok().filter(|&place| place < levels.len());
            let column = place(column).filter(|&column| !met[column]).ok_or_else(|| damaged("nodes"))?;
            let parent =
                if parent == -1 { None } else { Some(place(parent).filter(|&parent| met[parent]).ok_or_else(|| damaged("nodes"))?) };
            met[column] = true;
            let table = Table::load(arrays, &format!("table/{column}"), parent.map_or(1, |parent| levels[parent]), levels[column])?;
            nodes.push(Node { column, parent, table });
        }
        if !rest.is_empty() || met.contains(&false) {
            return Err(damaged("nodes"));
        }
        Ok(Self { codes, nodes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::tables;
    use crate::{Seeds, find};
    use serde_json::{Value, json};
    use std::collections::BTreeSet;
    use synthfleet_table::encode::Protection;

    fn edges(model: &ClbnModel) -> BTreeSet<(usize, usize)> {
        let edge = |node: &Node| node.parent.map(|parent| (parent.min(node.column), parent.max(node.column)));
        model.nodes.iter().filter_map(edge).collect()
    }

    fn fitted(table: &synthfleet_table::Table, seed: u64) -> ClbnModel {
        let (seed, budget) = (Seed::shared(seed), Budget::quiet(2));
        let encoder = Arc::new(Encoder::fit(table, Protection::On, &seed, &budget).expect("fits"));
        let train = Train::new(encoder.encode(table).expect("codes"));
        Clbn::fit(&train, &Checked::new(ClbnOptions::default()).expect("defaults"), &seed, &budget).expect("fits")
    }

    #[test]
    fn the_tree_of_a_random_tree_network_is_found() {
        let exact = (0..20u64).filter(|&seed| {
            let (table, truth) = tables::tree_network(20_000, 12, seed);
            edges(&fitted(&table, seed)) == truth
        });
        assert!(exact.count() >= 19);
    }

    #[test]
    fn the_root_has_the_highest_degree() {
        let information = [0.0, 0.0, 3.0, 0.0, 0.0, 2.0, 3.0, 2.0, 0.0];
        assert_eq!(forest(3, &information), [(2, None), (0, Some(2)), (1, Some(2))]);
    }

    #[test]
    fn columns_that_tell_nothing_of_each_other_are_all_roots() {
        assert!(forest(3, &[-0.1; 9]).iter().all(|(_, parent)| parent.is_none()));
    }

    #[test]
    fn the_preset_is_spelled_in_three_ways_and_stands_alone() {
        let clbn = find("chowliu").expect("an alias");
        for spelling in ["sdgym2020", "sdgym-2020", "sdgym_2020"] {
            assert!(clbn.check(&json!({ "preset": spelling })).is_empty());
        }
        assert_eq!(clbn.check(&json!({"preset": "sdgym2020", "bins": 9})).len(), 1);
    }

    #[test]
    fn the_preset_gives_the_middles_of_fifteen_bins() {
        let (table, budget) = (tables::plain(3_000), Budget::quiet(1));
        let model =
            find("clbn").expect("listed").fit_any(&table, &json!({"preset": "sdgym2020"}), &Seeds::of_task(0, "t"), &budget).expect("fits");
        let sample = model.sample(0..3_000, &Given::NOTHING, &budget).expect("samples");
        let synthfleet_table::Values::Real(cells) = sample.column(1).values() else { panic!("reals") };
        let mut distinct: Vec<f64> = (0..cells.len()).filter(|&row| !sample.column(1).is_missing(row)).map(|row| cells[row]).collect();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        assert!(distinct.len() <= 15, "{}", distinct.len());
        assert!(find("clbn").expect("listed").fit_any(&table, &Value::Null, &Seeds::of_task(0, "t"), &budget).is_ok());
    }
}
