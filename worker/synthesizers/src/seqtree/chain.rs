//! The chain of all columns: fitted side by side, sampled one after the other.

use super::conditional;
use super::factor::{Halves, Side, fit};
use super::leaves::Leaves;
use super::order::{Association, order, predictors};
use super::{Draw, Plan};
use crate::member::Given;
use rayon::prelude::*;
use synthfleet_proto::{Result, Seed};
use synthfleet_table::encode::{Bins, Coded, Encoded, Sort};
use synthfleet_table::random::Draw as _;
use synthfleet_table::{Budget, SeedExt};

/// Bins of a column as predictor.
const BINS_MAX: usize = 256;
/// With fewer rows both halves are all rows: there is nothing to divide.
const HONEST_ROWS_MIN: usize = 40;
/// Rows sampled between two looks at the budget.
const CHUNK: usize = 1_024;

/// One coded column in the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// Place of the coded column.
    pub place: usize,
    /// Places of the coded columns it is drawn from.
    pub predictors: Vec<usize>,
    /// One tree, or two with halves swapped.
    pub sides: Vec<Side>,
}

/// Cells drawn so far.
pub struct Drawn {
    /// Which of two trees each row uses, `[rows]`.
    pub sides: Vec<u8>,
    /// Bins of drawn columns, `[columns][rows]`; empty where not drawn yet.
    pub bins: Vec<Vec<u16>>,
    /// Drawn columns, `[columns]`.
    pub out: Vec<Option<Coded>>,
}

impl Drawn {
    /// Nothing drawn yet.
    pub fn new(rows: usize, columns: usize) -> Self {
        Self { sides: vec![0; rows], bins: vec![Vec::new(); columns], out: vec![None; columns] }
    }
}

/// All coded columns in drawing order.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain {
    /// Links in drawing order.
    pub links: Vec<Link>,
    /// Bins of each coded column without its rows, `[columns]`.
    pub bins: Vec<Bins>,
    /// Sort of each coded column, `[columns]`.
    pub sorts: Vec<Sort>,
    /// How numbers leave a leaf.
    pub draw: Draw,
}

impl Chain {
    /// Fits all links.
    pub fn fit(encoded: &Encoded, plan: &Plan, seed: &Seed, budget: &Budget) -> Result<Self> {
        let bins = encoded.bins(BINS_MAX, budget)?;
        budget.progress(0.05, "fit");
        let association = Association::measure(encoded, &bins, seed, budget)?;
        let order = order(encoded, &bins, &association, plan, seed)?;
        let halves = Rows::of(encoded.rows(), plan.honest, seed);
        let columns = encoded.encoder().columns();
        let links: Vec<(usize, Vec<usize>)> = order
            .iter()
            .enumerate()
            .map(|(t, &place)| (place, predictors(columns, &order[..t], place, &association, plan.predictors_max)))
            .collect();
        let done = std::sync::atomic::AtomicUsize::new(0);
        let trees = links.len() * halves.sides();
        let sides: Vec<Side> = (0..trees)
            .into_par_iter()
            .map(|i| {
                budget.go_on()?;
                let (place, predictors) = &links[i / halves.sides()];
                let side = fit(encoded, &bins, *place, predictors, halves.side(i % halves.sides()), plan);
                let done = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
                budget.progress(0.1 + 0.9 * done as f64 / trees as f64, "fit");
                Ok(side)
            })
            .collect::<Result<_>>()?;
        let mut sides = sides.into_iter();
        let links = links
            .into_iter()
            .map(|(place, predictors)| Link { place, predictors, sides: sides.by_ref().take(halves.sides()).collect() })
            .collect();
        let bins = bins.into_iter().map(|bins| Bins { codes: [].into(), ..bins }).collect();
        Ok(Self { links, bins, sorts: columns.iter().map(|column| column.sort.clone()).collect(), draw: plan.draw })
    }

    /// Draws `rows` rows, `[columns][rows]`.
    pub fn sample(&self, rows: usize, seed: &Seed, budget: &Budget) -> Result<Vec<Coded>> {
        let mut side_rng = seed.child("side").rng();
        let mut drawn = Drawn::new(rows, self.sorts.len());
        drawn.sides.iter_mut().for_each(|side| *side = side_rng.below(2) as u8);
        self.follow(drawn, 0, seed, budget)
    }

    /// Draws `rows` rows under conditions, `[columns][rows]`.
    pub fn sample_given(&self, rows: usize, given: &Given, seed: &Seed, budget: &Budget) -> Result<Vec<Coded>> {
        let (drawn, links) = conditional::begin(self, rows, given, &mut seed.child("given").rng(), budget)?;
        self.follow(drawn, links, seed, budget)
    }

    /// Draws the columns from link `first` on, after those that are drawn.
    fn follow(&self, drawn: Drawn, first: usize, seed: &Seed, budget: &Budget) -> Result<Vec<Coded>> {
        let Drawn { sides, bins: mut codes, mut out } = drawn;
        let rows = sides.len();
        for link in &self.links[first..] {
            let mut rng = seed.child("column").index(link.place as u64).rng();
            let leaf = |row: usize| {
                let side = &link.sides[usize::from(sides[row]) % link.sides.len()];
                (side, side.leaf(|column| codes[link.predictors[column]][row]))
            };
            let mut levels = Vec::new();
            let mut numbers = Vec::new();
            for row in 0..rows {
                if row % CHUNK == 0 {
                    budget.go_on()?;
                }
                let regular = self.state(link.place, &out, row) == 0;
                match (&self.sorts[link.place], leaf(row)) {
                    (_, (Side { leaves: Leaves::Codes(lists), .. }, leaf)) => levels.push(lists.draw(leaf, &mut rng)),
                    (Sort::Value { low, high, .. }, (Side { leaves: Leaves::Numbers(lists), .. }, leaf)) if regular => {
                        numbers.push(lists.draw(leaf, self.draw, &mut rng).clamp(*low, *high));
                    }
                    (Sort::Value { low, .. }, _) => numbers.push(*low),
                    (Sort::Levels { .. }, _) => levels.push(0),
                }
            }
            let bins = &self.bins[link.place];
            codes[link.place] = match self.sorts[link.place] {
                Sort::Levels { .. } => levels.iter().map(|&level| bins.place(level, 0.0)).collect(),
                Sort::Value { .. } => (0..rows).map(|row| bins.place(self.state(link.place, &out, row), numbers[row])).collect(),
            };
            out[link.place] = Some(match self.sorts[link.place] {
                Sort::Levels { .. } => Coded::Levels(levels.into()),
                Sort::Value { .. } => Coded::Value(numbers.into()),
            });
        }
        Ok(out.into_iter().flatten().collect())
    }

    /// State level of a Value's row that was drawn before; 0 without a State.
    fn state(&self, place: usize, drawn: &[Option<Coded>], row: usize) -> u32 {
        match self.sorts[place] {
            Sort::Value { state: Some(state), .. } => drawn[state].as_ref().and_then(Coded::codes).map_or(0, |codes| codes[row]),
            _ => 0,
        }
    }
}

/// The rows of both halves; equal if the fit is not honest.
struct Rows {
    first: Vec<u32>,
    second: Vec<u32>,
}

impl Rows {
    fn of(rows: usize, honest: bool, seed: &Seed) -> Self {
        if !honest || rows < HONEST_ROWS_MIN {
            return Self { first: (0..rows as u32).collect(), second: Vec::new() };
        }
        let mut places = seed.child("halves").rng().permutation(rows);
        let mut second = places.split_off(rows / 2);
        places.sort_unstable();
        second.sort_unstable();
        Self { first: places, second }
    }

    fn sides(&self) -> usize {
        if self.second.is_empty() { 1 } else { 2 }
    }

    fn side(&self, side: usize) -> Halves<'_> {
        match (side, self.sides()) {
            (_, 1) => Halves { shape: &self.first, fill: &self.first },
            (0, _) => Halves { shape: &self.first, fill: &self.second },
            _ => Halves { shape: &self.second, fill: &self.first },
        }
    }
}
