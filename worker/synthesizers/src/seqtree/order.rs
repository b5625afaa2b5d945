//! In which order columns are drawn, and which earlier columns each is drawn from.

use super::Plan;
use synthfleet_proto::{Error, Result, Seed, id};
use synthfleet_table::encode::{Bins, CodedColumn, Encoded, Sort};
use synthfleet_table::{Budget, SeedExt, random::Draw as _};

/// Coded columns with at most this many levels count as narrow.
const NARROW: u32 = 20;
/// Bins of a column while associations are measured.
const BINS_MAX: u32 = 32;
/// Rows on which associations are measured, while pairs are few.
const ROWS_MAX: usize = 10_000;
/// Cells counted for all pairs together.
const CELLS_MAX: usize = 2_000_000_000;

/// Normalised mutual information of all pairs of coded columns, on a few rows and coarse bins.
pub struct Association {
    columns: usize,
    values: Vec<f32>,
}

impl Association {
    /// Measures all pairs.
    pub fn measure(encoded: &Encoded, bins: &[Bins], seed: &Seed, budget: &Budget) -> Result<Self> {
        use rayon::prelude::*;
        let columns = bins.len();
        let rows_max = (2 * CELLS_MAX / (columns * columns).max(1)).clamp(500, ROWS_MAX);
        let mut rows = seed.child("order").rng().permutation(encoded.rows());
        rows.truncate(rows_max);
        let coarse: Vec<(Vec<u8>, usize)> = bins.iter().map(|bins| coarsen(bins, &rows)).collect();
        let entropies: Vec<f64> =
            coarse.iter().map(|(codes, levels)| entropy(codes.iter().map(|code| usize::from(*code)), *levels, codes.len())).collect();
        let pairs: Vec<Vec<f32>> = (0..columns)
            .into_par_iter()
            .map(|a| {
                budget.go_on()?;
                Ok((0..a).map(|b| information((&coarse[a], entropies[a]), (&coarse[b], entropies[b])) as f32).collect())
            })
            .collect::<Result<_>>()?;
        let mut values = vec![0.0; columns * columns];
        for (a, row) in pairs.iter().enumerate() {
            for (b, value) in row.iter().enumerate() {
                values[a * columns + b] = *value;
                values[b * columns + a] = *value;
            }
        }
        Ok(Self { columns, values })
    }

    fn of(&self, a: usize, b: usize) -> f32 {
        self.values[a * self.columns + b]
    }

    fn sum(&self, a: usize) -> f64 {
        (0..self.columns).map(|b| f64::from(self.of(a, b))).sum()
    }
}

/// The places of all coded columns in the order in which they are drawn. A State comes right before its Value.
pub fn order(encoded: &Encoded, bins: &[Bins], association: &Association, plan: &Plan, seed: &Seed) -> Result<Vec<usize>> {
    let columns = encoded.encoder().columns();
    let units: Vec<usize> = (0..columns.len()).filter(|&place| !columns[place].is_state()).collect();
    let mut ranked = units.clone();
    if !plan.table_order {
        let target = encoded.encoder().target();
        let keys: Vec<(u8, f64)> = (0..columns.len()).map(|place| rank(encoded, bins, association, target, place)).collect();
        ranked.sort_by(|&a, &b| keys[a].0.cmp(&keys[b].0).then(keys[a].1.total_cmp(&keys[b].1)).then(a.cmp(&b)));
    }
    let mut wanted = Vec::new();
    for name in &plan.order {
        let place = named(columns, name)?;
        if !wanted.contains(&place) {
            wanted.push(place);
        }
    }
    ranked.retain(|place| !wanted.contains(place));
    if plan.shuffle > 0 {
        seed.child("shuffle").rng().shuffle(&mut ranked);
    }
    wanted.extend(ranked);
    Ok(wanted.into_iter().flat_map(|place| state_of(&columns[place]).into_iter().chain([place])).collect())
}

/// At most `predictors_max` of the earlier columns, those that tell most about `place`, in drawing order.
/// A State is left out where its Value is there: the Value's bins hold missing cells and atoms too.
pub fn predictors(
    columns: &[CodedColumn],
    earlier: &[usize],
    place: usize,
    association: &Association,
    predictors_max: usize,
) -> Vec<usize> {
    let own_state = state_of(&columns[place]);
    let mut chosen: Vec<usize> = earlier.iter().copied().filter(|&e| Some(e) != own_state && !columns[e].is_state()).collect();
    if chosen.len() > predictors_max {
        chosen.sort_by(|&a, &b| association.of(place, b).total_cmp(&association.of(place, a)).then(a.cmp(&b)));
        chosen.truncate(predictors_max);
        chosen.sort_by_key(|chosen| earlier.iter().position(|e| e == chosen));
    }
    chosen
}

fn state_of(column: &CodedColumn) -> Option<usize> {
    match column.sort {
        Sort::Value { state, .. } => state,
        Sort::Levels { .. } => None,
    }
}

fn named(columns: &[CodedColumn], name: &str) -> Result<usize> {
    columns.iter().position(|column| column.name == name).ok_or_else(|| {
        let error = Error::invalid("options::order", format!("order names {name:?}, which is no modelled column")).at_pointer("order");
        match id::nearest(name, columns.iter().map(|column| column.name.as_str())) {
            Some(near) => error.help(format!("did you mean {near:?}?")),
            None => error.help("name modelled columns, or leave the option out"),
        }
    })
}

/// Class of a column in the order and its key within the class.
fn rank(encoded: &Encoded, bins: &[Bins], association: &Association, target: Option<usize>, place: usize) -> (u8, f64) {
    match encoded.encoder().columns()[place].sort {
        Sort::Levels { .. } if target == Some(place) => (0, 0.0),
        Sort::Levels { levels, .. } if levels <= NARROW => (1, -association.sum(place)),
        Sort::Levels { .. } => (2, -association.sum(place)),
        Sort::Value { .. } => {
            let numbers = encoded.columns()[place].numbers().unwrap_or_default();
            let distinct = distinct_share(numbers, bins[place].count);
            (if distinct > 0.5 { 4 } else { 3 }, distinct)
        }
    }
}

/// Share of distinct numbers; cheap where bins are few because then each distinct number has one.
fn distinct_share(numbers: &[f64], bins: u32) -> f64 {
    if numbers.is_empty() {
        return 0.0;
    }
    if bins < 200 {
        return f64::from(bins) / numbers.len() as f64;
    }
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.dedup();
    sorted.len() as f64 / numbers.len() as f64
}

/// Codes of some rows in at most `BINS_MAX` bins: neighbours merged where order means something, rare
/// levels merged where not.
fn coarsen(bins: &Bins, rows: &[u32]) -> (Vec<u8>, usize) {
    let mut counts = vec![0u32; bins.count as usize];
    rows.iter().for_each(|&row| counts[usize::from(bins.codes[row as usize])] += 1);
    let mut map = vec![0u8; bins.count as usize];
    let mut levels = bins.count.min(BINS_MAX) as usize;
    if bins.count <= BINS_MAX {
        map.iter_mut().enumerate().for_each(|(level, to)| *to = level as u8);
    } else if bins.ordered {
        let mut before = 0u64;
        for (level, to) in map.iter_mut().enumerate() {
            *to = (before * u64::from(BINS_MAX) / rows.len().max(1) as u64).min(u64::from(BINS_MAX) - 1) as u8;
            before += u64::from(counts[level]);
        }
    } else {
        let mut commonest: Vec<u32> = (0..bins.count).collect();
        commonest.sort_by_key(|&level| (std::cmp::Reverse(counts[level as usize]), level));
        commonest.iter().enumerate().for_each(|(rank, &level)| map[level as usize] = rank.min(BINS_MAX as usize - 1) as u8);
    }
    levels = levels.max(1);
    (rows.iter().map(|&row| map[usize::from(bins.codes[row as usize])]).collect(), levels)
}

/// Normalised mutual information `I / sqrt(H_a · H_b)`; 0 if either entropy is 0.
fn information((a, entropy_a): (&(Vec<u8>, usize), f64), (b, entropy_b): (&(Vec<u8>, usize), f64)) -> f64 {
    let product = entropy_a * entropy_b;
    if product <= 0.0 {
        return 0.0;
    }
    let joint = entropy(a.0.iter().zip(&b.0).map(|(x, y)| usize::from(*x) * b.1 + usize::from(*y)), a.1 * b.1, a.0.len());
    (entropy_a + entropy_b - joint).max(0.0) / product.sqrt()
}

/// Entropy of codes below `levels`, in nats.
fn entropy(codes: impl Iterator<Item = usize>, levels: usize, rows: usize) -> f64 {
    let mut counts = vec![0u32; levels];
    codes.for_each(|code| counts[code] += 1);
    let n = rows as f64;
    let terms = counts.iter().filter(|count| **count > 0).map(|&count| f64::from(count) * libm::log(f64::from(count)));
    if rows == 0 { 0.0 } else { libm::log(n) - terms.sum::<f64>() / n }
}
