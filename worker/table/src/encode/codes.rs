//! View `codes(m)`: every modelled column as one code, for graphical models, and the way back.
//!
//! **Definition.** A Value and its State share one code: at most m bins of about equal mass over the
//! regular rows, then the State's further levels. A bin decodes to a uniform number inside it, atoms
//! exactly. A column with more than `levels_max` levels keeps its commonest; the others share one code
//! that decodes by their train frequency, independent of the rest, with the finding `tail_independent`.

mod given;

use super::{Coded, Encoded, Encoder, Sort};
use crate::random::Draw;
use crate::{Arrays, Budget};
use rayon::prelude::*;
use std::ops::Range;
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, Result};

/// How wide numbers are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// About equally many rows in each bin.
    Mass,
    /// Equally wide bins.
    Width,
}

/// One column of codes.
#[derive(Debug, Clone, PartialEq)]
pub struct CodeColumn {
    /// Coded columns that share the code: one of levels, or a State and its Value, or a Value.
    pub parts: Range<usize>,
    /// Number of codes.
    pub levels: u32,
    /// Lower and upper end of each bin of numbers, ascending; empty for levels.
    bins: Vec<[f64; 2]>,
    /// Decode to the middle of a bin.
    centres: bool,
    /// Levels that have a code of their own, by code; empty: every level has its own.
    kept: Vec<u32>,
    /// The other levels, and their cumulative train counts.
    others: (Vec<u32>, Vec<u32>),
}

/// All modelled columns as codes.
#[derive(Debug, Clone, PartialEq)]
pub struct Codes {
    columns: Vec<CodeColumn>,
}

impl Encoded {
    /// The view with at most `bins` bins of equal mass for numbers and `levels_max` levels; with the codes
    /// of this table, `[code columns][rows]`.
    pub fn codes(&self, bins: usize, levels_max: usize, budget: &Budget) -> Result<(Codes, Vec<Vec<u32>>)> {
        self.coded_by(Cut::Mass, bins, levels_max, budget)
    }

    /// The same with equally wide bins that decode to their middle.
    pub fn codes_of_equal_width(&self, bins: usize, levels_max: usize, budget: &Budget) -> Result<(Codes, Vec<Vec<u32>>)> {
        self.coded_by(Cut::Width, bins, levels_max, budget)
    }

    fn coded_by(&self, cut: Cut, bins: usize, levels_max: usize, budget: &Budget) -> Result<(Codes, Vec<Vec<u32>>)> {
        let one = |parts: Range<usize>| {
            budget.go_on()?;
            let column = self.fit_column(parts, cut, bins, levels_max);
            let codes = self.code_column(&column);
            if !column.kept.is_empty() {
                budget.find(self.tail(&column, &codes));
            }
            Ok((column, codes))
        };
        let pairs = groups(self.encoder()).into_par_iter().map(one).collect::<Result<Vec<_>>>()?;
        let (columns, codes) = pairs.into_iter().unzip();
        Ok((Codes { columns }, codes))
    }

    /// What is lost where levels share a code: they no longer depend on other columns.
    fn tail(&self, column: &CodeColumn, codes: &[u32]) -> Finding {
        let others = codes.iter().filter(|&&code| code == column.levels - 1).count();
        let share = others as f64 / codes.len().max(1) as f64;
        Finding {
            code: "tail_independent".to_owned(),
            column: Some(self.encoder().columns()[column.parts.start].name.clone()),
            number: Some(share),
            text: format!("{} labels of this column share one code and are drawn without regard to other columns", column.others.0.len()),
        }
    }

    fn fit_column(&self, parts: Range<usize>, cut: Cut, bins: usize, levels_max: usize) -> CodeColumn {
        let mut column =
            CodeColumn { parts, levels: 0, bins: Vec::new(), centres: cut == Cut::Width, kept: Vec::new(), others: Default::default() };
        let value = column.parts.end - 1;
        match self.encoder().columns()[value].sort {
            Sort::Value { low, high, step, .. } => {
                let numbers = self.columns()[value].numbers().unwrap_or_default();
                let mut regular: Vec<f64> = (0..self.rows()).filter(|&row| self.is_regular(value, row)).map(|row| numbers[row]).collect();
                regular.sort_unstable_by(f64::total_cmp);
                column.bins = match cut {
                    Cut::Mass => bins_of_mass(&regular, bins, low, high, step),
                    Cut::Width => bins_of_width(bins, low, high),
                };
                column.levels = column.bins.len() as u32 + column.states(self.encoder()) - 1;
            }
            Sort::Levels { levels, .. } => {
                let codes = self.columns()[value].codes().unwrap_or_default();
                column.levels = levels;
                if levels as usize > levels_max {
                    (column.kept, column.others) = commonest(codes, levels, levels_max);
                    column.levels = levels_max as u32;
                }
            }
        }
        column
    }

    fn code_column(&self, column: &CodeColumn) -> Vec<u32> {
        let value = &self.columns()[column.parts.end - 1];
        if let Some(codes) = value.codes() {
            if column.kept.is_empty() {
                return codes.to_vec();
            }
            let other = column.levels - 1;
            let levels = self.encoder().columns()[column.parts.start].levels().unwrap_or(0);
            let mut map = vec![other; levels as usize];
            column.kept.iter().zip(0..).for_each(|(&level, code)| map[level as usize] = code);
            return codes.iter().map(|&code| map[code as usize]).collect();
        }
        let numbers = value.numbers().unwrap_or_default();
        let bins = column.bins.len() as u32;
        let bin = |number: f64| column.bins[..bins as usize - 1].partition_point(|bin| bin[1] < number) as u32;
        match self.columns()[column.parts.start].codes() {
            Some(states) => {
                states.iter().zip(numbers).map(|(&state, &number)| if state == 0 { bin(number) } else { bins + state - 1 }).collect()
            }
            None => numbers.iter().map(|&number| bin(number)).collect(),
        }
    }
}

impl CodeColumn {
    /// State levels, 1 without a State.
    fn states(&self, encoder: &Encoder) -> u32 {
        if self.parts.len() == 2 { encoder.columns()[self.parts.start].levels().unwrap_or(1) } else { 1 }
    }

    /// Number of bins: the first codes of a number column.
    pub fn bins(&self) -> usize {
        self.bins.len()
    }

    /// Whether the code stands for numbers.
    pub fn is_number(&self) -> bool {
        !self.bins.is_empty()
    }

    /// Whether each code may come, `[levels]`, where each level of the first part may or not: a code that several
    /// levels share may come with any of them. For a number only State levels are told, code 0 for all bins.
    pub fn codes_of(&self, levels: &[bool]) -> Vec<bool> {
        let may = |level: &u32| levels.get(*level as usize).copied().unwrap_or(false);
        match self.kept.is_empty() {
            true => levels.to_vec(),
            false => self.kept.iter().map(may).chain([self.others.0.iter().any(may)]).collect(),
        }
    }

    /// Coded cells of codes below `levels`, `[parts]`.
    pub fn decode(&self, codes: &[u32], random: &mut impl Draw) -> Vec<Coded> {
        if !self.is_number() {
            let level = |&code: &u32| match self.kept.get(code as usize) {
                Some(&level) => level,
                None if self.kept.is_empty() => code,
                None => {
                    let (levels, sums) = &self.others;
                    let drawn = random.below(u64::from(sums[sums.len() - 1])) as u32;
                    levels[sums.partition_point(|&sum| sum <= drawn)]
                }
            };
            return vec![Coded::Levels(codes.iter().map(level).collect())];
        }
        let bins = self.bins.len() as u32;
        let number = |&code: &u32| {
            let bin = code.min(bins - 1) as usize;
            let share = if self.centres { 0.5 } else { random.uniform() };
            self.bins[bin][0] * (1.0 - share) + self.bins[bin][1] * share
        };
        let value = Coded::Value(codes.iter().map(number).collect());
        if self.parts.len() == 1 {
            return vec![value];
        }
        let states = codes.iter().map(|&code| if code < bins { 0 } else { code - bins + 1 }).collect();
        vec![Coded::Levels(states), value]
    }
}

impl Codes {
    /// The view of an encoder alone: at most `bins` equally wide bins of each number's range, every level.
    /// On a grid a bin holds equally many of its points, the last maybe fewer; `centres` decodes to the
    /// middle of a bin.
    pub fn of_width(encoder: &Encoder, bins: usize, centres: bool) -> Self {
        let column = |parts: Range<usize>| {
            let mut column = CodeColumn { parts, levels: 0, bins: Vec::new(), centres, kept: Vec::new(), others: Default::default() };
            match encoder.columns()[column.parts.end - 1].sort {
                Sort::Value { low, high, step, .. } => {
                    column.bins = if step > 0.0 { bins_on_grid(bins, low, high, step) } else { bins_of_width(bins, low, high) };
                    column.levels = column.bins.len() as u32 + column.states(encoder) - 1;
                }
                Sort::Levels { levels, .. } => column.levels = levels,
            }
            column
        };
        Self { columns: groups(encoder).into_iter().map(column).collect() }
    }

    /// Codes of a table, `[code columns][rows]`, whose encoder has the columns of this view.
    pub fn code(&self, encoded: &Encoded) -> Vec<Vec<u32>> {
        self.columns.par_iter().map(|column| encoded.code_column(column)).collect()
    }

    /// The columns of codes, in the order of the coded columns.
    pub fn columns(&self) -> &[CodeColumn] {
        &self.columns
    }

    /// Coded cells, `[coded columns]`, of codes, `[code columns][rows]`.
    pub fn decode(&self, codes: &[Vec<u32>], random: &mut impl Draw) -> Vec<Coded> {
        self.columns.iter().zip(codes).flat_map(|(column, codes)| column.decode(codes, random)).collect()
    }

    /// Stores the view below `codes/`.
    pub fn save(&self, arrays: &mut Arrays) {
        for (place, column) in self.columns.iter().enumerate() {
            let name = |part: &str| format!("codes/{place}/{part}");
            arrays.put_u32(&name("levels"), vec![column.levels, u32::from(column.centres)]);
            arrays.put_f64(&name("bins"), column.bins.as_flattened().to_vec());
            arrays.put_u32(&name("kept"), column.kept.clone());
            arrays.put_u32(&name("others"), column.others.0.clone());
            arrays.put_u32(&name("counts"), column.others.1.clone());
        }
    }

    /// Reads what [`Codes::save`] stored, for an encoder; nothing is trusted.
    pub fn load(arrays: &Arrays, encoder: &Encoder) -> Result<Self> {
        let mut columns = Vec::new();
        for (place, parts) in groups(encoder).into_iter().enumerate() {
            let name = |part: &str| format!("codes/{place}/{part}");
            let &[levels, centres @ 0..=1] = arrays.u32s(&name("levels"))? else { return Err(damaged(place)) };
            let column = CodeColumn {
                parts,
                levels,
                bins: bins_of(arrays.f64s(&name("bins"))?).ok_or_else(|| damaged(place))?,
                centres: centres == 1,
                kept: arrays.u32s(&name("kept"))?.to_vec(),
                others: (arrays.u32s(&name("others"))?.to_vec(), arrays.u32s(&name("counts"))?.to_vec()),
            };
            if !column.is_right(encoder) {
                return Err(damaged(place));
            }
            columns.push(column);
        }
        Ok(Self { columns })
    }
}

impl CodeColumn {
    /// Whether a loaded column can be decoded.
    fn is_right(&self, encoder: &Encoder) -> bool {
        let described = &encoder.columns()[self.parts.end - 1];
        let Some(levels) = described.levels() else {
            return !self.bins.is_empty() && self.levels as usize == self.bins.len() + self.states(encoder) as usize - 1;
        };
        let (others, sums) = &self.others;
        let is_capped = self.levels as usize == self.kept.len() + 1
            && others.len() == sums.len()
            && sums.first().is_some_and(|&first| first > 0)
            && sums.is_sorted_by(|a, b| a < b)
            && self.kept.iter().chain(others).all(|&level| level < levels);
        self.bins.is_empty() && if self.kept.is_empty() { self.levels == levels } else { is_capped }
    }
}

fn damaged(place: usize) -> Error {
    Error::data("model::damaged", format!("the codes of column {place} are impossible")).help("fit the model again")
}

/// Coded columns that share a code: a State with its Value, all others alone.
fn groups(encoder: &Encoder) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (place, column) in encoder.columns().iter().enumerate() {
        match (&column.sort, groups.last_mut()) {
            (Sort::Value { state: Some(_), .. }, Some(last)) => last.end = place + 1,
            _ => groups.push(place..place + 1),
        }
    }
    groups
}

/// The commonest levels, at most `levels_max - 1`, and the others with cumulative counts.
fn commonest(codes: &[u32], levels: u32, levels_max: usize) -> (Vec<u32>, (Vec<u32>, Vec<u32>)) {
    let mut counts = vec![0u32; levels as usize];
    codes.iter().for_each(|&code| counts[code as usize] += 1);
    let mut order: Vec<u32> = (0..levels).collect();
    order.sort_by_key(|&level| (std::cmp::Reverse(counts[level as usize]), level));
    let mut others = order.split_off(levels_max - 1);
    order.sort_unstable();
    others.retain(|&level| counts[level as usize] > 0);
    if others.is_empty() {
        // nobody is left over: the code is never met, but must decode to something
        others.push(order[0]);
        counts[order[0] as usize] = 1;
    }
    let mut sum = 0;
    let mut add = |&level: &u32| {
        sum += counts[level as usize];
        sum
    };
    let sums = others.iter().map(&mut add).collect();
    (order, (others, sums))
}

/// Pairs of ascending finite numbers.
pub(super) fn bins_of(ends: &[f64]) -> Option<Vec<[f64; 2]>> {
    let (bins, rest) = ends.as_chunks::<2>();
    (rest.is_empty() && ends.is_sorted() && ends.iter().all(|end| end.is_finite())).then(|| bins.to_vec())
}

/// Bins of about equal mass. On a grid a bin reaches half a step beyond its smallest and largest value,
/// so that rounding gives each value its due and gaps stay empty; else bins meet midway.
pub(super) fn bins_of_mass(sorted: &[f64], bins_max: usize, low: f64, high: f64, step: f64) -> Vec<[f64; 2]> {
    let distinct: Vec<(f64, usize)> = sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len())).collect();
    let (mut bins, mut start) = (Vec::new(), low - step / 2.0);
    let (mut left, mut filled) = (sorted.len(), 0usize);
    for pair in distinct.windows(2) {
        filled += pair[0].1;
        let bins_left = bins_max - bins.len();
        if bins_left > 1 && filled * bins_left >= left {
            let (a, b) = (pair[0].0, pair[1].0);
            let middle = (a / 2.0 + b / 2.0).clamp(a, b);
            let (end, next) = if step > 0.0 { (a + step / 2.0, b - step / 2.0) } else { (middle, middle) };
            bins.push([start, end]);
            (start, left, filled) = (next.max(end), left - filled, 0);
        }
    }
    bins.push([start, high + step / 2.0]);
    bins
}

fn bins_of_width(bins: usize, low: f64, high: f64) -> Vec<[f64; 2]> {
    let edge = |i: usize| low * (1.0 - i as f64 / bins as f64) + high * (i as f64 / bins as f64);
    if low < high { (0..bins).map(|bin| [edge(bin), edge(bin + 1)]).collect() } else { vec![[low, high]] }
}

/// Bins of equally many points of a grid. A bin reaches half a step beyond its points, so that rounding gives
/// each point its due.
fn bins_on_grid(bins: usize, low: f64, high: f64, step: f64) -> Vec<[f64; 2]> {
    let points = ((high - low) / step).round_ties_even() + 1.0;
    let each = (points / bins as f64).ceil().max(1.0);
    let used = (points / each).ceil() as usize;
    let edge = |i: usize| low + step * ((i as f64 * each).min(points) - 0.5);
    (0..used.clamp(1, bins)).map(|bin| [edge(bin), edge(bin + 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_equally_many_rows() {
        let sorted: Vec<f64> = (0..1_000).map(f64::from).collect();
        let bins = bins_of_mass(&sorted, 10, 0.0, 999.0, 1.0);
        assert_eq!((bins.len(), bins[0], bins[9]), (10, [-0.5, 99.5], [899.5, 999.5]));
    }

    #[test]
    fn a_gap_between_values_on_a_grid_belongs_to_no_bin() {
        let sorted = [1.0, 1.0, 2.0, 2.0, 90.0, 90.0, 91.0, 91.0];
        assert_eq!(bins_of_mass(&sorted, 2, 1.0, 91.0, 1.0), [[0.5, 2.5], [89.5, 91.5]]);
    }

    #[test]
    fn one_value_is_one_bin() {
        assert_eq!(bins_of_mass(&[3.0, 3.0], 32, 3.0, 3.0, 0.0), [[3.0, 3.0]]);
        assert_eq!(bins_of_width(15, 3.0, 3.0), [[3.0, 3.0]]);
    }

    #[test]
    fn bins_on_a_grid_hold_equally_many_points() {
        assert_eq!(bins_on_grid(3, 1.0, 6.0, 1.0), [[0.5, 2.5], [2.5, 4.5], [4.5, 6.5]]);
        assert_eq!(bins_on_grid(4, 0.0, 8.0, 1.0), [[-0.5, 2.5], [2.5, 5.5], [5.5, 8.5]]);
        assert_eq!(bins_on_grid(16, 2.0, 4.0, 1.0).len(), 3);
        assert_eq!(bins_on_grid(16, 7.0, 7.0, 1.0), [[6.5, 7.5]]);
    }

    #[test]
    fn the_tail_of_levels_decodes_to_its_own_levels() {
        let codes: Vec<u32> = (0..100).map(|i| if i < 60 { i % 3 } else { 3 + i % 10 }).collect();
        let (kept, (others, sums)) = commonest(&codes, 13, 5);
        assert_eq!((kept.len(), others.len(), sums.last()), (4, 9, Some(&36)));
    }

    #[test]
    fn the_shared_code_may_come_with_any_of_its_levels() {
        let column = |kept: Vec<u32>, others: Vec<u32>| CodeColumn {
            parts: 0..1,
            levels: 3,
            bins: Vec::new(),
            centres: false,
            kept,
            others: (others, vec![1, 2]),
        };
        assert_eq!(column(vec![0, 3], vec![1, 2]).codes_of(&[true, false, true, false]), [true, false, true]);
        assert_eq!(column(Vec::new(), Vec::new()).codes_of(&[true, false, true]), [true, false, true]);
    }
}
