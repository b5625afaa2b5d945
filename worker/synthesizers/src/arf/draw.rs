//! Rows from leaf tables: tree by chance, leaf by its real rows, columns apart.

use super::Density;
use super::tables::{Column, GAP, Table, Tables};
use crate::gaps::between;
use rand_chacha::ChaCha8Rng;
use synthfleet_proto::{Result, Seed};
use synthfleet_table::encode::Coded;
use synthfleet_table::random::Draw as _;
use synthfleet_table::{Budget, SeedExt};

/// Rows sampled between two looks at the budget.
const CHUNK: usize = 1_024;

/// The cells of one column while rows are drawn, `[rows]`.
pub(super) enum Drawn {
    Levels(Vec<u32>),
    Value(Vec<f64>),
}

impl Drawn {
    /// Writes a level; a Value has none.
    pub fn set_level(&mut self, row: usize, level: u32) {
        if let Self::Levels(codes) = self {
            codes[row] = level;
        }
    }

    /// Writes a number; levels have none.
    pub fn set_number(&mut self, row: usize, number: f64) {
        if let Self::Value(numbers) = self {
            numbers[row] = number;
        }
    }

    /// The finished column.
    pub fn coded(self) -> Coded {
        match self {
            Self::Levels(codes) => Coded::Levels(codes.into()),
            Self::Value(numbers) => Coded::Value(numbers.into()),
        }
    }
}

impl Tables {
    /// Draws `rows` rows, `[columns][rows]`.
    pub fn sample(&self, rows: usize, seed: &Seed, budget: &Budget) -> Result<Vec<Coded>> {
        let mut rng = seed.child("leaf").rng();
        let mut places: Vec<(u32, u32, u32)> = (0..rows as u32)
            .map(|row| {
                let tree = rng.below(self.trees.len() as u64) as u32;
                (tree, self.trees[tree as usize].leaf(&mut rng), row)
            })
            .collect();
        // rows of one leaf side by side: its lists are read once
        places.sort_unstable();
        let mut rng = seed.child("cells").rng();
        let mut drawn: Vec<Drawn> = self.columns.iter().map(|column| column.blank(rows)).collect();
        for chunk in places.chunks(CHUNK) {
            budget.go_on()?;
            for &(tree, leaf, row) in chunk {
                self.row(&self.trees[tree as usize], leaf as usize, row as usize, &mut drawn, &mut rng);
            }
        }
        Ok(drawn.into_iter().map(Drawn::coded).collect())
    }

    /// Fills one row from a leaf. Numbers that are not regular stay at the column's lowest.
    pub fn row(&self, table: &Table, leaf: usize, row: usize, drawn: &mut [Drawn], rng: &mut ChaCha8Rng) {
        let values = self.values;
        for (place, column) in self.columns.iter().enumerate() {
            let list = leaf * self.columns.len() + place;
            match column {
                Column::Levels { seen, .. } => {
                    let level = self.level(table, list, seen, rng);
                    drawn[place].set_level(row, level);
                }
                Column::Value { place: value, state, range, numbers } => {
                    let regular = state.is_none_or(|state| matches!(&drawn[state], Drawn::Levels(codes) if codes[row] == 0));
                    if regular {
                        let number = match self.density {
                            Density::Gap => table.number(list, leaf * values + value, numbers, rng),
                            Density::TruncatedNormal => Some(table.law(leaf * values + value).draw(rng)),
                        };
                        drawn[place].set_number(row, number.unwrap_or(range.0).clamp(range.0, range.1));
                    }
                }
            }
        }
    }

    /// A level by its rows, of which every level of train has `pseudo_count` more.
    fn level(&self, table: &Table, list: usize, seen: &[u32], rng: &mut ChaCha8Rng) -> u32 {
        let (codes, ends) = table.counted(list);
        let rows = ends[ends.len() - 1];
        if self.pseudo_count > 0.0 && !seen.is_empty() {
            let beyond = rng.uniform() * (f64::from(rows) + self.pseudo_count * seen.len() as f64) - f64::from(rows);
            if beyond >= 0.0 {
                return seen[((beyond / self.pseudo_count) as usize).min(seen.len() - 1)];
            }
        }
        pick(codes, ends, rng.below(u64::from(rows)) as u32)
    }
}

impl Column {
    pub fn blank(&self, rows: usize) -> Drawn {
        match self {
            Self::Levels { .. } => Drawn::Levels(vec![0; rows]),
            Self::Value { range, .. } => Drawn::Value(vec![range.0; rows]),
        }
    }
}

/// The code of the entry that holds row `row` of a counted list.
fn pick(codes: &[u32], ends: &[u32], row: u32) -> u32 {
    codes[ends.partition_point(|&end| end <= row)]
}

impl Table {
    /// A leaf by its real rows.
    fn leaf(&self, rng: &mut ChaCha8Rng) -> u32 {
        let rows = self.coverage.last().copied().unwrap_or(1);
        let row = rng.below(u64::from(rows)) as u32;
        self.coverage.partition_point(|&end| end <= row) as u32
    }

    /// A number of the leaf: atoms as they are, others moved between their neighbours; `None` of no number.
    fn number(&self, atoms: usize, loose: usize, numbers: &[f64], rng: &mut ChaCha8Rng) -> Option<f64> {
        let (codes, ends) = self.counted(atoms);
        let (atom_rows, own) = (ends.last().copied().unwrap_or(0), self.loose(loose));
        let rows = u64::from(atom_rows) + own.len() as u64;
        if rows == 0 {
            return None;
        }
        let row = rng.below(rows);
        if row < u64::from(atom_rows) {
            return Some(numbers[pick(codes, ends, row as u32) as usize]);
        }
        let rank = (row - u64::from(atom_rows)) as usize;
        if own.len() > 2 * GAP {
            return Some(between(own.len(), |rank| numbers[own[rank] as usize], rank, GAP, rng));
        }
        let wide = self.loose(self.fallback[loose] as usize);
        let rank = rng.below(wide.len() as u64) as usize;
        Some(between(wide.len(), |rank| numbers[wide[rank] as usize], rank, GAP, rng))
    }
}
