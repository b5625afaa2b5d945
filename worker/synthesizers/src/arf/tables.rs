//! What the leaves of pruned trees hold: of each column by itself, sorted, so that a list tells nothing of a row.

use super::cells::{Cells, NOT_REGULAR, Numbers};
use super::cut_normal::{self, CutNormal};
use super::{Density, Plan};
use crate::filled::Filled;
use std::collections::BTreeMap;
use synthfleet_proto::Result;
use synthfleet_table::Budget;
use synthfleet_table::encode::{Bins, CodedColumn, Encoder, Sort};
use synthfleet_trees::cart::{Test, Tree};

/// Ranks below and above a drawn number between which its replacement lies.
pub(super) const GAP: usize = 2;
/// Stands for no list.
pub(super) const NONE: u32 = u32::MAX;

/// All leaves of a forest.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tables {
    /// Coded columns, `[columns]`.
    pub columns: Vec<Column>,
    /// Number of Values among them.
    pub values: usize,
    /// Leaves of each tree.
    pub trees: Vec<Table>,
    /// How numbers leave a leaf.
    pub density: Density,
    /// Rows by which every level counts more.
    pub pseudo_count: f64,
}

/// One coded column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Column {
    /// Levels.
    Levels {
        /// Codes are below it.
        levels: u32,
        /// Levels of train, ascending; empty unless levels count more than their rows.
        seen: Vec<u32>,
    },
    /// Numbers.
    Value {
        /// Place among all Values.
        place: usize,
        /// Place of its State.
        state: Option<usize>,
        /// Protected range.
        range: (f64, f64),
        /// What the codes in lists stand for, ascending.
        numbers: Vec<f64>,
    },
}

/// The leaves of one tree.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Table {
    /// Real rows of the leaves up to and with each, `[leaves]`.
    pub coverage: Vec<u32>,
    /// First entry of the list of each leaf and column, and the end of the last, `[leaves · columns + 1]`.
    /// Lists hold levels, or atoms of numbers.
    pub starts: Vec<u32>,
    /// Code of each entry.
    pub codes: Vec<u32>,
    /// Rows of a list up to and with each entry.
    pub ends: Vec<u32>,
    /// First loose number of each leaf and Value, then of each list to fall back to, and the end of the last.
    pub loose_starts: Vec<u32>,
    /// Codes of loose numbers, ascending in each list.
    pub loose: Vec<u32>,
    /// The list that replaces one with too few loose numbers, or [`NONE`], `[leaves · values]`.
    pub fallback: Vec<u32>,
    /// Cut normal laws, `[leaves, values, 4]`; empty for gap lists.
    pub laws: Vec<f64>,
}

impl Tables {
    /// Leaves of trees with what their codes mean.
    pub fn new(encoder: &Encoder, cells: &[Cells<'_>], trees: Vec<Table>, plan: &Plan) -> Self {
        let distinct = |cells: &Cells<'_>| match cells {
            Cells::Levels(codes) if plan.pseudo_count > 0.0 => {
                let mut seen = codes.to_vec();
                seen.sort_unstable();
                seen.dedup();
                (seen, Vec::new())
            }
            Cells::Levels(_) => Default::default(),
            // a law needs no numbers
            Cells::Value(numbers) if plan.density == Density::Gap => (Vec::new(), numbers.distinct.clone()),
            Cells::Value(_) => Default::default(),
        };
        let known = cells.iter().map(distinct);
        let (columns, values) = columns(encoder, known);
        Self { columns, values, trees, density: plan.density, pseudo_count: plan.pseudo_count }
    }
}

/// Coded columns with the levels or numbers that are known of each, and how many of them are Values.
pub(super) fn columns(encoder: &Encoder, known: impl Iterator<Item = (Vec<u32>, Vec<f64>)>) -> (Vec<Column>, usize) {
    let mut values = 0;
    let column = |(column, (seen, numbers)): (&CodedColumn, (Vec<u32>, Vec<f64>))| match column.sort {
        Sort::Levels { levels, .. } => Column::Levels { levels, seen },
        Sort::Value { state, low, high, .. } => {
            values += 1;
            Column::Value { place: values - 1, state, range: (low, high), numbers }
        }
    };
    let columns = encoder.columns().iter().zip(known).map(column).collect();
    (columns, values)
}

impl Table {
    /// Codes and row ends of a counted list, of leaf `list / columns` and column `list % columns`.
    pub fn counted(&self, list: usize) -> (&[u32], &[u32]) {
        let range = self.starts[list] as usize..self.starts[list + 1] as usize;
        (&self.codes[range.clone()], &self.ends[range])
    }

    /// Codes of a loose list.
    pub fn loose(&self, list: usize) -> &[u32] {
        &self.loose[self.loose_starts[list] as usize..self.loose_starts[list + 1] as usize]
    }

    /// The law of a Value, of leaf `place / values`.
    pub fn law(&self, place: usize) -> CutNormal {
        let at = place * cut_normal::NUMBERS;
        CutNormal { mean: self.laws[at], deviation: self.laws[at + 1], low: self.laws[at + 2], high: self.laws[at + 3] }
    }
}

/// The leaves of a pruned tree whose rows are gathered. `described`: coded columns and their bins.
pub(super) fn of_tree(
    tree: &Tree,
    filled: &Filled,
    cells: &[Cells<'_>],
    described: (&[CodedColumn], &[Bins]),
    plan: &Plan,
    budget: &Budget,
) -> Result<Table> {
    let leaves: Vec<u32> = (0..tree.nodes().len() as u32).filter(|&node| tree.nodes()[node as usize].split.is_none()).collect();
    let mut builder = Builder::new(tree, filled, cells, described, plan);
    for &leaf in &leaves {
        budget.go_on()?;
        builder.add(leaf);
    }
    Ok(builder.finish())
}

/// Builds one table, leaf by leaf.
struct Builder<'a> {
    tree: &'a Tree,
    filled: &'a Filled,
    cells: &'a [Cells<'a>],
    described: (&'a [CodedColumn], &'a [Bins]),
    plan: &'a Plan,
    /// Of each Value, rows of each node that count: loose numbers, and regular ones, `[values][nodes]`.
    loose_rows: Vec<Vec<u32>>,
    regular_rows: Vec<Vec<u32>>,
    table: Table,
    /// Lists to fall back to, by Value and node, with their places.
    wide: BTreeMap<(usize, u32), u32>,
    wide_lists: Vec<Vec<u32>>,
    scratch: Vec<u32>,
}

impl<'a> Builder<'a> {
    fn new(tree: &'a Tree, filled: &'a Filled, cells: &'a [Cells<'a>], described: (&'a [CodedColumn], &'a [Bins]), plan: &'a Plan) -> Self {
        let values = || cells.iter().filter_map(|cells| if let Cells::Value(numbers) = cells { Some(numbers) } else { None });
        let is_loose = |numbers: &Numbers, row: u32| {
            let code = numbers.codes[row as usize];
            code != NOT_REGULAR && !numbers.atoms[code as usize]
        };
        let loose_rows = values().map(|numbers| filled.count(|row| is_loose(numbers, row))).collect();
        let regular_rows = values().map(|numbers| filled.count(|row| numbers.codes[row as usize] != NOT_REGULAR)).collect();
        let table = Table { starts: vec![0], loose_starts: vec![0], ..Table::default() };
        let (wide, wide_lists, scratch) = Default::default();
        Self { tree, filled, cells, described, plan, loose_rows, regular_rows, table, wide, wide_lists, scratch }
    }

    fn add(&mut self, leaf: u32) {
        let before = self.table.coverage.last().copied().unwrap_or(0);
        self.table.coverage.push(before + self.filled.rows(leaf).len() as u32);
        let mut value = 0;
        for (column, cells) in self.cells.iter().enumerate() {
            match cells {
                Cells::Levels(codes) => self.count(self.filled.rows(leaf).iter().map(|&row| codes[row as usize])),
                Cells::Value(numbers) => {
                    // a State that counts more than its rows may be regular where no row is
                    let least = usize::from(self.plan.pseudo_count > 0.0);
                    let node = self.filled.climb(leaf, least, |node| self.regular_rows[value][node as usize] as usize);
                    match self.plan.density {
                        Density::Gap => self.add_lists(leaf, node, value, numbers),
                        Density::TruncatedNormal => self.add_law(leaf, node, column, numbers),
                    }
                    value += 1;
                }
            }
        }
    }

    /// A counted list of codes in any order.
    fn count(&mut self, codes: impl Iterator<Item = u32>) {
        self.scratch.clear();
        self.scratch.extend(codes);
        self.scratch.sort_unstable();
        let mut end = 0;
        for run in self.scratch.chunk_by(|a, b| a == b) {
            end += run.len() as u32;
            self.table.codes.push(run[0]);
            self.table.ends.push(end);
        }
        self.table.starts.push(self.table.codes.len() as u32);
    }

    /// Atoms and loose numbers of `node` as the lists of `leaf`.
    fn add_lists(&mut self, leaf: u32, node: u32, value: usize, numbers: &Numbers) {
        let of_node = self.filled.rows(node).iter().map(|&row| numbers.codes[row as usize]).filter(|&code| code != NOT_REGULAR);
        let (atoms, mut loose): (Vec<u32>, Vec<u32>) = of_node.partition(|&code| numbers.atoms[code as usize]);
        self.count(atoms.into_iter());
        loose.sort_unstable();
        let fallback = if (1..=2 * GAP).contains(&loose.len()) { self.fall_back(leaf, value, numbers) } else { NONE };
        self.table.fallback.push(fallback);
        self.table.loose.extend(loose);
        self.table.loose_starts.push(self.table.loose.len() as u32);
    }

    /// The place of the list of the nearest node that has enough loose numbers, among lists to fall back to.
    fn fall_back(&mut self, leaf: u32, value: usize, numbers: &Numbers) -> u32 {
        let node = self.filled.climb(leaf, 2 * GAP + 1, |node| self.loose_rows[value][node as usize] as usize);
        let next = self.wide_lists.len() as u32;
        let place = *self.wide.entry((value, node)).or_insert(next);
        if place == next {
            let codes = self.filled.rows(node).iter().map(|&row| numbers.codes[row as usize]);
            let mut loose: Vec<u32> = codes.filter(|&code| code != NOT_REGULAR && !numbers.atoms[code as usize]).collect();
            loose.sort_unstable();
            self.wide_lists.push(loose);
        }
        place
    }

    /// The law of the regular numbers of `node` in the box of `leaf`.
    fn add_law(&mut self, leaf: u32, node: u32, column: usize, numbers: &Numbers) {
        let Sort::Value { low, high, step, .. } = self.described.0[column].sort else { return };
        let codes = self.filled.rows(node).iter().map(|&row| numbers.codes[row as usize]);
        let regular = codes.filter(|&code| code != NOT_REGULAR).map(|code| numbers.distinct[code as usize]);
        let deviation_min = (step / 2.0).max(1e-6 * (high - low));
        let law = CutNormal::fit(regular, deviation_min, self.side(leaf, column, (low, high)));
        self.table.laws.extend([law.mean, law.deviation, law.low, law.high]);
        self.table.starts.push(self.table.codes.len() as u32);
    }

    /// The interval to which the splits above a leaf hold a Value.
    fn side(&self, leaf: u32, column: usize, (mut low, mut high): (f64, f64)) -> (f64, f64) {
        let (nodes, mut at) = (self.tree.nodes(), leaf);
        while at != 0 {
            let parent = nodes[at as usize].parent;
            let split = nodes[parent as usize].split.as_ref().filter(|split| split.column as usize == column);
            if let Some((Test::AtMost(bin), left)) = split.map(|split| (&split.test, split.left)) {
                // beyond the last edge lie missing cells alone
                if let Some(&edge) = self.described.1[column].edges.get(usize::from(*bin)) {
                    (low, high) = if at == left { (low, high.min(edge)) } else { (low.max(edge), high) };
                }
            }
            at = parent;
        }
        (low.min(high), high.max(low))
    }

    fn finish(mut self) -> Table {
        // lists to fall back to stand behind those of the leaves
        let first = self.table.fallback.len() as u32;
        self.table.fallback.iter_mut().filter(|place| **place != NONE).for_each(|place| *place += first);
        for list in self.wide_lists {
            self.table.loose.extend(list);
            self.table.loose_starts.push(self.table.loose.len() as u32);
        }
        self.table
    }
}
