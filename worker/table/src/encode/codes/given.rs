//! Codes under conditions on the coded columns behind them.
//!
//! **Definition.** The share of a code is the probability that the cells it decodes to are allowed: 1 or 0 for
//! levels and atoms, the allowed part of a bin for numbers, the allowed part of its levels for the code of the
//! tail. A single number inside a bin of some width has no probability: where no code has any, shares are
//! densities. Decoding draws inside what is allowed.

use super::super::{Allowed, Coded};
use super::{CodeColumn, Codes};
use crate::random::Draw;

impl CodeColumn {
    /// The share of each code that is allowed, `[codes]`; none where all coded columns behind it are free.
    pub fn shares<'a>(&self, allowed: impl Fn(usize) -> Option<&'a Allowed>) -> Option<Vec<f64>> {
        let (first, last) = (self.parts.start, self.parts.end - 1);
        if !self.is_number() {
            let Some(Allowed::Levels(levels)) = allowed(first) else { return None };
            let is_allowed = |level: u32| levels.get(level as usize).copied().unwrap_or(false);
            let share = |code: u32| match self.kept.get(code as usize) {
                Some(&level) => f64::from(u8::from(is_allowed(level))),
                None if self.kept.is_empty() => f64::from(u8::from(is_allowed(code))),
                None => self.tail(is_allowed).1,
            };
            return Some((0..self.levels).map(share).collect());
        }
        let (state, value) = (if first < last { allowed(first) } else { None }, allowed(last));
        if state.is_none() && value.is_none() {
            return None;
        }
        let ends = ends_of(value);
        let is_state = |state_level: usize| match state {
            Some(Allowed::Levels(levels)) => levels.get(state_level).copied().unwrap_or(false),
            _ => true,
        };
        let measure = |overlap: fn([f64; 2], (f64, f64)) -> f64| -> Vec<f64> {
            let bins = self.bins.iter().map(|&bin| match (is_state(0), self.centres) {
                (false, _) => 0.0,
                (true, true) => f64::from(u8::from(is_within(middle(bin), ends))),
                (true, false) => overlap(bin, ends),
            });
            let states = (0..self.levels as usize - self.bins.len()).map(|place| f64::from(u8::from(is_state(place + 1))));
            bins.chain(states).collect()
        };
        let shares = measure(part_of);
        Some(if shares.iter().any(|&share| share > 0.0) { shares } else { measure(density_of) })
    }

    /// Cumulative counts of the tail's levels, those that are not allowed left out, and their share of all.
    fn tail(&self, is_allowed: impl Fn(u32) -> bool) -> (Vec<u32>, f64) {
        let (levels, sums) = &self.others;
        let (mut kept, mut before, mut sum) = (Vec::with_capacity(levels.len()), 0, 0);
        for (&level, &upto) in levels.iter().zip(sums) {
            sum += if is_allowed(level) { upto - before } else { 0 };
            before = upto;
            kept.push(sum);
        }
        let share = if before == 0 { 0.0 } else { f64::from(sum) / f64::from(before) };
        (kept, share)
    }

    /// A level of the tail that is allowed; any where none is.
    fn level_of_tail(&self, allowed: Option<&Allowed>, random: &mut impl Draw) -> u32 {
        let (levels, sums) = &self.others;
        let kept = match allowed {
            Some(Allowed::Levels(held)) => self.tail(|level| held.get(level as usize).copied().unwrap_or(false)).0,
            _ => sums.clone(),
        };
        let sums = if kept.last().is_some_and(|&sum| sum > 0) { &kept } else { sums };
        let drawn = random.below(u64::from(sums.last().copied().unwrap_or(1))) as u32;
        levels[sums.partition_point(|&sum| sum <= drawn)]
    }

    /// A number of a bin that is allowed; any of it where none is.
    fn number_of_bin(&self, bin: [f64; 2], allowed: Option<&Allowed>, random: &mut impl Draw) -> f64 {
        let share = if self.centres { 0.5 } else { random.uniform() };
        let (low, high) = ends_of(allowed);
        let [from, to] = [bin[0].max(low), bin[1].min(high)];
        let [from, to] = if from <= to && !self.centres { [from, to] } else { bin };
        from * (1.0 - share) + to * share
    }
}

impl Codes {
    /// Coded cells, `[coded columns]`, of codes, `[code columns][rows]`; `allowed` tells what a coded column may hold
    /// in a row.
    pub fn decode_given<'a>(
        &self,
        codes: &[Vec<u32>],
        allowed: impl Fn(usize, usize) -> Option<&'a Allowed>,
        random: &mut impl Draw,
    ) -> Vec<Coded> {
        let mut all = Vec::new();
        for (column, codes) in self.columns.iter().zip(codes) {
            let (first, last) = (column.parts.start, column.parts.end - 1);
            if !column.is_number() {
                let level = |(row, &code): (usize, &u32)| match column.kept.get(code as usize) {
                    Some(&level) => level,
                    None if column.kept.is_empty() => code,
                    None => column.level_of_tail(allowed(first, row), random),
                };
                all.push(Coded::Levels(codes.iter().enumerate().map(level).collect()));
                continue;
            }
            let bins = column.bins.len() as u32;
            let number =
                |(row, &code): (usize, &u32)| column.number_of_bin(column.bins[code.min(bins - 1) as usize], allowed(last, row), random);
            let value = Coded::Value(codes.iter().enumerate().map(number).collect());
            if first < last {
                all.push(Coded::Levels(codes.iter().map(|&code| if code < bins { 0 } else { code - bins + 1 }).collect()));
            }
            all.push(value);
        }
        all
    }
}

fn ends_of(allowed: Option<&Allowed>) -> (f64, f64) {
    match allowed {
        Some(Allowed::Within { low, high }) => (*low, *high),
        _ => (f64::NEG_INFINITY, f64::INFINITY),
    }
}

fn middle(bin: [f64; 2]) -> f64 {
    bin[0] * 0.5 + bin[1] * 0.5
}

fn is_within(number: f64, (low, high): (f64, f64)) -> bool {
    (low..=high).contains(&number)
}

/// Part of a bin that lies inside; a bin of no width is inside or not.
fn part_of(bin: [f64; 2], ends: (f64, f64)) -> f64 {
    if bin[0] >= bin[1] {
        return f64::from(u8::from(is_within(bin[0], ends)));
    }
    ((bin[1].min(ends.1) - bin[0].max(ends.0)) / (bin[1] - bin[0])).clamp(0.0, 1.0)
}

/// Density of a bin at a single number.
fn density_of(bin: [f64; 2], ends: (f64, f64)) -> f64 {
    let is_met = bin[0] < bin[1] && ends.0.max(bin[0]) <= ends.1.min(bin[1]);
    if is_met { 1.0 / (bin[1] - bin[0]) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeedExt;
    use synthfleet_proto::Seed;

    fn numbers() -> CodeColumn {
        // two bins, then a missing level and an atom
        CodeColumn {
            parts: 0..2,
            levels: 4,
            bins: vec![[0.0, 10.0], [10.0, 14.0]],
            centres: false,
            kept: Vec::new(),
            others: Default::default(),
        }
    }

    fn shares(column: &CodeColumn, state: Option<Allowed>, value: Option<Allowed>) -> Option<Vec<f64>> {
        column.shares(|place| if place == 0 && column.parts.len() == 2 { state.as_ref() } else { value.as_ref() })
    }

    fn within(low: f64, high: f64) -> Option<Allowed> {
        Some(Allowed::Within { low, high })
    }

    #[test]
    fn bins_count_by_their_part_and_atoms_whole() {
        let state = Some(Allowed::Levels([true, false, true].into()));
        assert_eq!(shares(&numbers(), state, within(8.0, 13.0)), Some(vec![0.2, 0.75, 0.0, 1.0]));
        assert_eq!(shares(&numbers(), None, None), None);
    }

    #[test]
    fn a_single_number_counts_by_density() {
        let regular = || Some(Allowed::Levels([true, false, false].into()));
        assert_eq!(shares(&numbers(), regular(), within(3.0, 3.0)), Some(vec![0.1, 0.0, 0.0, 0.0]));
        assert_eq!(shares(&numbers(), regular(), within(10.0, 10.0)), Some(vec![0.1, 0.25, 0.0, 0.0]));
    }

    #[test]
    fn the_tail_counts_and_decodes_by_what_is_allowed_of_it() {
        let column =
            CodeColumn { parts: 0..1, levels: 2, bins: Vec::new(), centres: false, kept: vec![3], others: (vec![0, 1, 2], vec![2, 3, 8]) };
        let held = Allowed::Levels([false, true, true, false].into());
        assert_eq!(shares(&column, None, Some(held.clone())), Some(vec![0.0, 0.75]));
        let codes = Codes { columns: vec![column] };
        let made = codes.decode_given(&[vec![1; 400]], |_, _| Some(&held), &mut Seed::shared(0).rng());
        let levels = made[0].codes().expect("levels");
        assert!(levels.iter().all(|level| [1, 2].contains(level)));
        assert!((levels.iter().filter(|&&level| level == 1).count() as f64 / 400.0 - 1.0 / 6.0).abs() < 0.06);
    }

    #[test]
    fn numbers_stay_inside_what_is_allowed() {
        let (codes, held) = (Codes { columns: vec![numbers()] }, within(8.0, 9.0));
        let made =
            codes.decode_given(&[vec![0; 200]], |place, _| if place == 1 { held.as_ref() } else { None }, &mut Seed::shared(0).rng());
        assert!(made[1].numbers().expect("numbers").iter().all(|number| (8.0..=9.0).contains(number)));
    }
}
