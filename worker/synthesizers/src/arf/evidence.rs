//! Rows of which some columns are known: leaves weighted by the probability of what is known, then columns apart.
//!
//! # Definition
//! `P(leaf | evidence) ∝ P(leaf) · Π_c P(evidence of c | leaf)`, since columns are independent inside a leaf.
//! A known column draws from its leaf's law cut to the evidence; every other column draws as ever. So rows
//! follow the model's own conditional law exactly.

use super::Density;
use super::cut_normal::CutNormal;
use super::draw::Drawn;
use super::tables::{Column, GAP, Table, Tables};
use crate::gaps::neighbours;
use rand_chacha::ChaCha8Rng;
use synthfleet_proto::{Result, Seed};
use synthfleet_table::encode::Coded;
use synthfleet_table::random::Draw as _;
use synthfleet_table::{Budget, SeedExt};

/// Rows sampled between two looks at the budget.
const CHUNK: usize = 256;

/// What is known of one coded column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Known {
    /// Place of the coded column; of a number with a State that of the Value.
    pub place: usize,
    /// What it holds.
    pub holds: Holds,
}

/// What a column is known to hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Holds {
    /// One of these levels.
    Levels(Vec<u32>),
    /// One of these levels of the State (missing, atoms), or a regular number within the range.
    Number {
        /// Levels of the State but 0; none without a State.
        states: Vec<u32>,
        /// Smallest and largest regular number, both included; `None`: not regular.
        range: Option<(f64, f64)>,
    },
}

/// Part of a leaf's law of numbers: all its mass on `low ..= high`, spread evenly.
struct Piece {
    mass: f64,
    low: f64,
    high: f64,
}

impl Tables {
    /// Draws `rows` rows that hold all the evidence, at most one of each column, `[columns][rows]`; `None` if the
    /// forest gives it no probability.
    pub fn sample_given(&self, rows: usize, evidence: &[Known], seed: &Seed, budget: &Budget) -> Result<Option<Vec<Coded>>> {
        let mut ends = Vec::new();
        let mut total = 0.0;
        for (tree, table) in self.trees.iter().enumerate() {
            budget.go_on()?;
            for leaf in 0..table.coverage.len() {
                total += self.weight(table, leaf, evidence);
                ends.push((total, tree, leaf));
            }
        }
        if total <= 0.0 {
            return Ok(None);
        }
        let mut rng = seed.child("given").rng();
        let mut drawn: Vec<Drawn> = self.columns.iter().map(|column| column.blank(rows)).collect();
        for row in 0..rows {
            if row % CHUNK == 0 {
                budget.go_on()?;
            }
            let at = rng.uniform() * total;
            let (_, tree, leaf) = ends[ends.partition_point(|end| end.0 <= at).min(ends.len() - 1)];
            let table = &self.trees[tree];
            self.row(table, leaf, row, &mut drawn, &mut rng);
            evidence.iter().for_each(|known| self.fix(table, (leaf, row), known, &mut drawn, &mut rng));
        }
        Ok(Some(drawn.into_iter().map(Drawn::coded).collect()))
    }

    /// The probability of the evidence.
    #[cfg(test)]
    pub fn probability(&self, evidence: &[Known]) -> f64 {
        let of_table = |table: &Table| (0..table.coverage.len()).map(|leaf| self.weight(table, leaf, evidence)).sum::<f64>();
        self.trees.iter().map(of_table).sum::<f64>() / self.trees.len() as f64
    }

    /// `P(leaf of its tree) · Π P(evidence | leaf)`.
    fn weight(&self, table: &Table, leaf: usize, evidence: &[Known]) -> f64 {
        let before = if leaf == 0 { 0 } else { table.coverage[leaf - 1] };
        let all = table.coverage.last().copied().unwrap_or(1);
        let share = f64::from(table.coverage[leaf] - before) / f64::from(all);
        evidence.iter().fold(share, |weight, known| weight * self.likelihood(table, leaf, known))
    }

    /// `P(evidence of one column | leaf)`.
    fn likelihood(&self, table: &Table, leaf: usize, known: &Known) -> f64 {
        match (self.columns.get(known.place), &known.holds) {
            (Some(Column::Levels { .. }), Holds::Levels(levels)) => {
                self.levels(table, leaf, known.place, levels).iter().map(|level| level.1).sum()
            }
            (Some(Column::Value { state, .. }), Holds::Number { states, range }) => {
                let states = state.map_or(Vec::new(), |state| self.levels(table, leaf, state, states));
                let regular = self.regular(table, leaf, *state) * self.within(table, leaf, known.place, *range);
                states.iter().map(|state| state.1).sum::<f64>() + regular
            }
            _ => 0.0,
        }
    }

    /// The levels of `wanted` that a leaf may give, with their probabilities.
    fn levels(&self, table: &Table, leaf: usize, place: usize, wanted: &[u32]) -> Vec<(u32, f64)> {
        let Column::Levels { seen, .. } = &self.columns[place] else { return Vec::new() };
        let (codes, ends) = table.counted(leaf * self.columns.len() + place);
        let rows = f64::from(ends[ends.len() - 1]) + self.pseudo_count * seen.len() as f64;
        let share = |&level: &u32| {
            let before = |entry: usize| if entry == 0 { 0 } else { ends[entry - 1] };
            let own = codes.binary_search(&level).map_or(0, |entry| ends[entry] - before(entry));
            let more = if seen.binary_search(&level).is_ok() { self.pseudo_count } else { 0.0 };
            (level, (f64::from(own) + more) / rows)
        };
        wanted.iter().map(share).filter(|level| level.1 > 0.0).collect()
    }

    /// The probability that a number is regular.
    fn regular(&self, table: &Table, leaf: usize, state: Option<usize>) -> f64 {
        state.map_or(1.0, |state| self.levels(table, leaf, state, &[0]).iter().map(|level| level.1).sum())
    }

    /// The probability that a regular number lies in a range.
    fn within(&self, table: &Table, leaf: usize, place: usize, range: Option<(f64, f64)>) -> f64 {
        let Some(range) = range else { return 0.0 };
        match self.density {
            Density::Gap => self.pieces(table, leaf, place, range).iter().map(|piece| piece.mass).sum(),
            Density::TruncatedNormal => self.law_of(table, leaf, place).map_or(0.0, |law| law.share(range)),
        }
    }

    fn law_of(&self, table: &Table, leaf: usize, place: usize) -> Option<CutNormal> {
        let Column::Value { place: value, .. } = self.columns[place] else { return None };
        Some(table.law(leaf * self.values + value))
    }

    /// A leaf's gap law cut to a range.
    fn pieces(&self, table: &Table, leaf: usize, place: usize, (low, high): (f64, f64)) -> Vec<Piece> {
        let Column::Value { place: value, numbers, .. } = &self.columns[place] else { return Vec::new() };
        let (codes, ends) = table.counted(leaf * self.columns.len() + place);
        let own = table.loose(leaf * self.values + value);
        let atom_rows = f64::from(ends.last().copied().unwrap_or(0));
        let rows = atom_rows + own.len() as f64;
        let mut pieces = Vec::new();
        let mut add = |mass: f64, (from, to): (f64, f64)| {
            let (from, to, width) = (from.max(low), to.min(high), to - from);
            if from <= to {
                let mass = if width > 0.0 { mass * (to - from) / width } else { mass };
                pieces.push(Piece { mass, low: from, high: to });
            }
        };
        let mut before = 0;
        for (&code, &end) in codes.iter().zip(ends) {
            add(f64::from(end - before) / rows, (numbers[code as usize], numbers[code as usize]));
            before = end;
        }
        let list =
            if own.is_empty() || own.len() > 2 * GAP { own } else { table.loose(table.fallback[leaf * self.values + value] as usize) };
        for rank in 0..list.len() {
            let mass = own.len() as f64 / rows / list.len() as f64;
            add(mass, neighbours(list.len(), |rank| numbers[list[rank] as usize], rank, GAP));
        }
        pieces.retain(|piece| piece.mass > 0.0);
        pieces
    }

    /// Draws a known column anew, so that it holds its evidence.
    fn fix(&self, table: &Table, (leaf, row): (usize, usize), known: &Known, drawn: &mut [Drawn], rng: &mut ChaCha8Rng) {
        match (&self.columns[known.place], &known.holds) {
            (Column::Levels { .. }, Holds::Levels(levels)) => {
                let levels = self.levels(table, leaf, known.place, levels);
                let chosen = choose(&levels, |level| level.1, rng).map_or(0, |level| level.0);
                drawn[known.place].set_level(row, chosen);
            }
            (Column::Value { state, range: of_column, .. }, Holds::Number { states, range }) => {
                let regular = self.regular(table, leaf, *state) * self.within(table, leaf, known.place, *range);
                let mut states = state.map_or(Vec::new(), |state| self.levels(table, leaf, state, states));
                states.push((0, regular));
                let chosen = choose(&states, |state| state.1, rng).map_or(0, |state| state.0);
                if let Some(state) = state {
                    drawn[*state].set_level(row, chosen);
                }
                let number = range.filter(|_| chosen == 0).and_then(|range| self.number_within(table, leaf, known.place, range, rng));
                drawn[known.place].set_number(row, number.unwrap_or(of_column.0));
            }
            _ => {}
        }
    }

    /// A regular number of a leaf in a range that it may give.
    fn number_within(&self, table: &Table, leaf: usize, place: usize, range: (f64, f64), rng: &mut ChaCha8Rng) -> Option<f64> {
        match self.density {
            Density::Gap => {
                let pieces = self.pieces(table, leaf, place, range);
                choose(&pieces, |piece| piece.mass, rng).map(|piece| piece.low + (piece.high - piece.low) * rng.uniform())
            }
            Density::TruncatedNormal => self.law_of(table, leaf, place).and_then(|law| law.within(range)).map(|law| law.draw(rng)),
        }
    }
}

/// One of several by their weights; `None` if all are 0.
fn choose<'a, T>(items: &'a [T], weight: impl Fn(&T) -> f64, rng: &mut ChaCha8Rng) -> Option<&'a T> {
    let total: f64 = items.iter().map(&weight).sum();
    let mut left = rng.uniform() * total;
    for item in items {
        left -= weight(item);
        if left < 0.0 {
            return Some(item);
        }
    }
    items.iter().rfind(|item| weight(item) > 0.0)
}

#[cfg(test)]
mod tests;
